/*
 * The jar of cookies.  An input: lines "URL<TAB>Set-Cookie", up to an empty one; then a
 * cookie file.  Whatever is in the jar must keep its limits, be sent as one clean line to
 * its own site, and be the same when it has been written and read again.
 */
#include "fetch/jar.h"
#include "fuzz.h"

#define NOW INT64_C(1700000000)
enum { SETS_MAX = 600 };

static void
check_line(struct jar *j, const struct url *to)
{
	char *line = fuzz_room(JAR_LINE_MAX);
	size_t n = jar_get(j, to, NOW, line, JAR_LINE_MAX);

	FUZZ_CHECK(n <= JAR_LINE_MAX);
	for (size_t i = 0; i < n; i++)
		FUZZ_CHECK((unsigned char)line[i] >= ' ' && line[i] != 0x7f);
	fuzz_room_free(line, JAR_LINE_MAX);
}

static void
set_one(struct jar *j, struct slice line)
{
	size_t tab = slice_find(line, '\t');
	char text[URL_BYTES_MAX];
	struct slice cookie;
	struct url from;

	if (url_resolve(NULL, slice_head(line, tab), (struct slice){0}, 0, text,
		sizeof(text), &from) != URL_OK)
		return;
	cookie = fuzz_copy(slice_from(line, tab + 1));
	FUZZ_CHECK(jar_set(j, &from, cookie, NOW) == 0);
	fuzz_copy_free(cookie);
	jar_check(j);
	check_line(j, &from);
}

static void
check_text(struct jar *j)
{
	struct buf first, second;
	struct jar *other;

	buf_init(&first, 64 << 20);
	buf_init(&second, 64 << 20);
	FUZZ_CHECK(jar_write(j, NOW, &first) == 0);
	FUZZ_CHECK(jar_new(&other) == 0);
	FUZZ_CHECK(jar_read(other, buf_slice(&first), NOW, NULL) == 0);
	FUZZ_CHECK(jar_write(other, NOW, &second) == 0);
	FUZZ_CHECK(slice_eq(buf_slice(&first), buf_slice(&second)));
	jar_free(other);
	buf_release(&first);
	buf_release(&second);
}

FUZZ_TARGET(jar)
{
	struct slice rest = slice_of(data, size), line, file;
	struct jar *j;

	FUZZ_CHECK(jar_new(&j) == 0);
	for (int i = 0; i < SETS_MAX && (line = fuzz_line(&rest)).len > 0; i++)
		set_one(j, line);
	check_text(j);
	file = fuzz_copy(rest);
	(void)jar_read(j, file, NOW, NULL);
	jar_check(j);
	check_text(j);
	(void)jar_site_load(j, file, NOW);
	jar_check(j);
	fuzz_copy_free(file);
	jar_free(j);
	return 0;
}

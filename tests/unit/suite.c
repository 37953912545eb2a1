#include "suite.h"
#include <stdlib.h>

#include "base/banned.h"

static void
path_of(const char *file, char *ret, size_t cap)
{
	const char *dir = getenv("TRAWL_SUITES");

	(void)snprintf(ret, cap, "%s/%s", dir != NULL ? dir : SUITES_DIR, file);
}

/* Lines of "suite<TAB>case<TAB>reason"; '#' starts a comment. */
static void
listed_read(struct suite *s)
{
	FILE *f = fopen(SUITE_DEVIATIONS, "re");
	char line[1024];

	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL) {
		struct slice rest = slice_trim(slice_cstr(line)), name, number;
		uint64_t n;

		if (line[0] == '#' || !slice_cut(&rest, '\t', &name) ||
		    !slice_eq(name, slice_cstr(s->name)) ||
		    !slice_cut(&rest, '\t', &number))
			continue;
		if (slice_to_u64(number, &n) && n < sizeof(s->is_listed) && rest.len > 0)
			s->is_listed[n] = true;
	}
	(void)fclose(f);
}

bool
suite_open(struct suite *s, const char *file)
{
	char path[4096];

	memset(s, 0, sizeof(*s));
	path_of(file, path, sizeof(path));
	s->name = file;
	s->f = fopen(path, "re");
	if (s->f == NULL) {
		printf("skipped: %s is not here\n", file);
		return false;
	}
	listed_read(s);
	return true;
}

json_t *
suite_next(struct suite *s)
{
	json_decref(s->row);
	s->row = NULL;
	while (s->row == NULL && getline(&s->line, &s->line_cap, s->f) > 0)
		s->row = json_loads(s->line, JSON_ALLOW_NUL, NULL);
	s->rows += s->row != NULL;
	return s->row;
}

void
suite_case(struct suite *s, bool pass)
{
	json_t *number = json_object_get(s->row, "n");
	json_int_t n = number == NULL ? (json_int_t)s->rows : json_integer_value(number);
	char *text;

	bool listed = n >= 0 && n < (json_int_t)sizeof(s->is_listed) && s->is_listed[n];

	s->ran++;
	s->listed += listed && !pass;
	if (pass == !listed)
		return;
	if (listed)
		s->stale++;
	else
		s->failed++;
	text = json_dumps(s->row, JSON_COMPACT | JSON_ENSURE_ASCII);
	printf("%s case %d %s: %s\n", s->name, (int)n,
	    listed ? "passes but is listed as a deviation" : "fails", text);
	free(text);
}

unsigned
suite_close(struct suite *s)
{
	json_decref(s->row);
	free(s->line);
	(void)fclose(s->f);
	printf("%s: %u cases ran, %u pass, %u listed deviations, %u fail, %u listed "
	       "wrongly\n",
	    s->name, s->ran, s->ran - s->failed - s->listed, s->listed, s->failed,
	    s->stale);
	return s->failed + s->stale;
}

struct slice
suite_text(json_t *row, const char *key)
{
	json_t *v = json_object_get(row, key);

	return slice_of(json_string_value(v), json_string_length(v));
}

char *
suite_exact(struct slice s)
{
	char *p = malloc(s.len == 0 ? 1 : s.len);

	if (p == NULL)
		abort();
	if (s.len > 0)
		memcpy(p, s.ptr, s.len);
	return p;
}

char *
suite_read(const char *file, size_t *ret_len)
{
	char path[4096], *text = NULL;
	size_t len = 0, n;
	FILE *f;

	path_of(file, path, sizeof(path));
	f = fopen(path, "re");
	if (f == NULL)
		return NULL;
	do {
		char *more = realloc(text, len + 65536);

		if (more == NULL)
			abort();
		text = more;
		n = fread(text + len, 1, 65536, f);
		len += n;
	} while (n > 0);
	(void)fclose(f);
	*ret_len = len;
	return text;
}

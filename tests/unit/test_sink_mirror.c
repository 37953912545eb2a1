/* The mirror: what is put is there at the end, with links to what else is; and cut back. */
#include "sink/mirror_map.h"
#include "sink/mirror_page.h"
#include "test_sink_kit.h"
#include "web/relink.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK_BYTES = 4096 }; /* of most file systems */

struct env {
	char dir[KIT_PATH_MAX];
	struct sink_conf conf;
	struct sink *s;
	struct why why;
	struct buf mark, pieces;
};

static int
up(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	kit_scratch(e->dir);
	e->conf = kit_conf(e->dir);
	e->conf.mirror_bytes_max = UINT64_MAX;
	buf_init(&e->mark, 1000);
	buf_init(&e->pieces, 1 << 20);
	*state = e;
	return 0;
}

static int
down(void **state)
{
	struct env *e = *state;

	(void)sink_close(e->s, false, NULL);
	buf_release(&e->mark);
	buf_release(&e->pieces);
	kit_remove(e->dir);
	free(e);
	return 0;
}

static void
reopen(struct env *e, bool finished)
{
	if (e->s != NULL && finished && sink_finish(e->s, &e->why) < 0)
		fail_msg("%s", e->why.text);
	if (e->s != NULL && sink_close(e->s, finished, &e->why) < 0)
		fail_msg("%s", e->why.text);
	e->s = NULL;
	if (sink_open("mirror", &e->conf, buf_slice(&e->mark), &e->s, &e->why) < 0)
		fail_msg("%s", e->why.text);
}

static void
commit(struct env *e)
{
	buf_clear(&e->mark);
	assert_int_equal(sink_sync(e->s, &e->why), 0);
	assert_int_equal(sink_mark(e->s, &e->mark), 0);
}

static struct sink_event
event(const char *url)
{
	return (struct sink_event){.kind = SINK_FETCH,
	    .outcome = OUTCOME_OK,
	    .response = true,
	    .final = true,
	    .status = 200,
	    .link = LINK_A,
	    .url = slice_cstr(url)};
}

static void
put(struct env *e, struct sink_event *ev)
{
	if (sink_put(e->s, ev, &e->why) < 0)
		fail_msg("%s", e->why.text);
}

/* A page with one link. */
static void
put_page(struct env *e, const char *url, const char *link, const char *fragment)
{
	struct sink_event ev = event(url);

	buf_clear(&e->pieces);
	assert_int_equal(mirror_piece_same(&e->pieces, SLICE_LIT("<a href=\"")), 0);
	assert_int_equal(mirror_piece_link(&e->pieces, RELINK_HTML, slice_cstr(link),
			     slice_cstr(fragment)),
	    0);
	assert_int_equal(mirror_piece_same(&e->pieces, SLICE_LIT("\">")), 0);
	ev.mime = SLICE_LIT("text/html");
	ev.copy = SINK_COPY_PIECES;
	ev.copy_bytes = buf_slice(&e->pieces);
	put(e, &ev);
}

static void
put_file(struct env *e, const char *url, const char *bytes)
{
	struct sink_event ev = event(url);

	ev.mime = SLICE_LIT("image/png");
	ev.copy = SINK_COPY_BYTES;
	ev.copy_bytes = slice_cstr(bytes);
	put(e, &ev);
}

static void
put_redirect(struct env *e, const char *url, const char *to)
{
	struct sink_event ev = event(url);

	ev.outcome = OUTCOME_REDIRECT;
	ev.status = 301;
	ev.redirect_to = slice_cstr(to);
	put(e, &ev);
}

static void
assert_file(const struct env *e, const char *name, const char *want)
{
	char path[KIT_PATH_MAX];
	struct slice got;

	(void)snprintf(path, sizeof(path), "mirror/%s", name);
	got = kit_file(e->dir, path);
	assert_slice(got, want);
	kit_free(got);
}

static bool
is_there(const struct env *e, const char *name)
{
	char path[2 * KIT_PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", e->dir, name);
	return access(path, F_OK) == 0;
}

static void
links_lead_to_files_or_to_the_origin(void **state)
{
	struct env *e = *state;

	reopen(e, true);
	commit(e);
	put_page(e, "https://a.test/", "https://a.test/x/y", "f");
	put_page(e, "https://a.test/x/y", "https://a.test/", "");
	put_page(e, "https://a.test/self", "https://a.test/self", "f");
	put_page(e, "https://a.test/out", "https://b.test/?a&b='", "f&");
	put_page(e, "https://a.test/moved", "https://a.test/r1", "");
	put_page(e, "https://a.test/loop", "https://a.test/r3", "");
	put_page(e, "https://a.test/image", "https://c.test/i.png", "");
	put_file(e, "https://c.test/i.png", "png");
	put_redirect(e, "https://a.test/r1", "https://a.test/r2");
	put_redirect(e, "https://a.test/r2", "https://a.test/x/y");
	put_redirect(e, "https://a.test/r3", "https://a.test/r3");
	commit(e);
	assert_false(is_there(e, "mirror"));
	reopen(e, true);
	assert_file(e, "a.test/index.html", "<a href=\"x/y+.html#f\">");
	assert_file(e, "a.test/x/y+.html", "<a href=\"../index.html\">");
	assert_file(e, "a.test/self+.html", "<a href=\"#f\">");
	assert_file(
	    e, "a.test/out+.html", "<a href=\"https://b.test/?a&amp;b=&#39;#f&amp;\">");
	assert_file(e, "a.test/moved+.html", "<a href=\"x/y+.html\">");
	assert_file(e, "a.test/loop+.html", "<a href=\"https://a.test/r3\">");
	assert_file(e, "a.test/image+.html", "<a href=\"../c.test/i.png\">");
	assert_file(e, "c.test/i.png", "png");
}

static void
what_was_not_committed_leaves_nothing(void **state)
{
	struct env *e = *state;

	reopen(e, true);
	commit(e);
	put_file(e, "https://a.test/1.png", "one");
	commit(e);
	put_file(e, "https://a.test/2.png", "two");
	put_page(e, "https://a.test/", "https://a.test/2.png", "");
	assert_int_equal(sink_flush(e->s, &e->why), 0);
	reopen(e, false);
	put_page(e, "https://a.test/p", "https://a.test/2.png", "");
	commit(e);
	reopen(e, true);
	assert_false(is_there(e, "mirror/a.test/index.html"));
	assert_false(is_there(e, "mirror/a.test/2.png"));
	assert_file(e, "a.test/1.png", "one");
	assert_file(e, "a.test/p+.html", "<a href=\"https://a.test/2.png\">");
}

static void
it_can_be_made_again_and_goes_on(void **state)
{
	struct env *e = *state;

	reopen(e, true);
	commit(e);
	put_page(e, "https://a.test/", "https://a.test/1.png", "");
	commit(e);
	reopen(e, true);
	assert_file(e, "a.test/index.html", "<a href=\"https://a.test/1.png\">");
	put_file(e, "https://a.test/1.png", "one");
	commit(e);
	for (int i = 0; i < 3; i++) {
		reopen(e, true);
		assert_file(e, "a.test/index.html", "<a href=\"1.png\">");
		assert_file(e, "a.test/1.png", "one");
		commit(e);
	}
}

static void
what_comes_again_takes_the_place_of_what_was(void **state)
{
	struct env *e = *state;

	reopen(e, true);
	commit(e);
	put_page(e, "https://a.test/", "https://a.test/1", "");
	put_file(e, "https://a.test/1", "one");
	put_file(e, "https://a.test/2", "two");
	put_page(e, "https://a.test/3", "https://a.test/", "");
	commit(e);
	reopen(e, true);
	assert_file(e, "a.test/1+.png", "one");
	put_page(e, "https://a.test/1", "https://a.test/3", "");
	put_file(e, "https://a.test/2", "new");
	put_redirect(e, "https://a.test/3", "https://a.test/2");
	commit(e);
	reopen(e, true);
	assert_file(e, "a.test/index.html", "<a href=\"1+.html\">");
	assert_file(e, "a.test/1+.html", "<a href=\"2+.png\">");
	assert_file(e, "a.test/2+.png", "new");
	assert_false(is_there(e, "mirror/a.test/1+.png"));
	assert_false(is_there(e, "mirror/a.test/3+.html"));
}

/* Put there by somebody else: a mirror that was unpacked from what came over the net, say. */
static void
no_link_leads_out_of_the_directory(void **state)
{
	static const char *const links[] = {
	    "mirror/a.test", "mirror/b.test/d", "mirror/c.test/d/e"};
	struct env *e = *state;
	char link[KIT_PATH_MAX + 32], aside[KIT_PATH_MAX + 32],
	    outside[KIT_PATH_MAX + 32];

	(void)snprintf(aside, sizeof(aside), "%s/aside", e->dir);
	(void)snprintf(outside, sizeof(outside), "%s/outside", e->dir);
	reopen(e, true);
	commit(e);
	for (size_t i = 0; i < 3; i++) {
		char url[64], name[32];

		(void)snprintf(name, sizeof(name), "%.6s/d/e/f.png", links[i] + 7);
		(void)snprintf(url, sizeof(url), "https://%s", name);
		(void)snprintf(link, sizeof(link), "%s/%s", e->dir, links[i]);
		put_file(e, url, "one");
		commit(e);
		reopen(e, true);
		assert_file(e, name, "one");
		put_file(e, url, "two");
		commit(e);
		assert_int_equal(mkdir(outside, 0777), 0);
		assert_int_equal(rename(link, aside), 0);
		assert_int_equal(symlink(outside, link), 0);
		assert_int_equal(sink_finish(e->s, &e->why), -ENOTDIR);
		assert_non_null(strstr(e->why.text, links[i])); /* so it is found */
		assert_int_equal(rmdir(outside), 0); /* nothing came there */
		assert_int_equal(unlink(link), 0);
		assert_int_equal(rename(aside, link), 0);
		reopen(e, true);
		assert_file(e, name, "two");
	}
}

/* Whose mirror it is has moved it elsewhere on the same disk. */
static void
the_mirror_itself_may_be_a_link(void **state)
{
	struct env *e = *state;
	char mirror[KIT_PATH_MAX + 32], moved[KIT_PATH_MAX + 32];

	(void)snprintf(mirror, sizeof(mirror), "%s/mirror", e->dir);
	(void)snprintf(moved, sizeof(moved), "%s/moved", e->dir);
	reopen(e, true);
	commit(e);
	put_file(e, "https://a.test/d/f.png", "one");
	commit(e);
	reopen(e, true);
	assert_int_equal(rename(mirror, moved), 0);
	assert_int_equal(symlink(moved, mirror), 0);
	put_file(e, "https://a.test/d/f.png", "two");
	put_page(e, "https://a.test/d/g.html", "https://a.test/d/f.png", "");
	commit(e);
	reopen(e, true);
	assert_file(e, "a.test/d/f.png", "two");
	assert_file(e, "a.test/d/g.html", "<a href=\"f.png\">");
	assert_true(is_there(e, "moved/a.test/d/g.html"));
}

/* What gives way is not looked for behind a link, either. */
static void
nothing_is_removed_behind_a_link(void **state)
{
	struct env *e = *state;
	char outside[KIT_PATH_MAX + 32], path[KIT_PATH_MAX + 32];

	(void)snprintf(outside, sizeof(outside), "%s/mirror/a.test/d", e->dir);
	(void)snprintf(path, sizeof(path), "%s/outside", e->dir);
	reopen(e, true);
	commit(e);
	put_file(e, "https://a.test/d/1", "one");
	commit(e);
	reopen(e, true);
	put_redirect(e, "https://a.test/d/1", "https://a.test/2");
	put_page(e, "https://a.test/d/1", "https://a.test/3", "");
	commit(e);
	assert_int_equal(rename(outside, path), 0);
	assert_int_equal(symlink(path, outside), 0);
	assert_true(sink_finish(e->s, &e->why) < 0);
	assert_true(is_there(e, "outside/1+.png"));
	assert_false(is_there(e, "outside/1+.html"));
}

static void
answers_that_are_no_content_are_left_out(void **state)
{
	struct env *e = *state;
	struct sink_event ev = event("https://a.test/404");
	atomic_bool hurry = false;

	e->conf.mirror_bytes_max = 3;
	e->conf.hurry = &hurry;
	reopen(e, true);
	commit(e);
	ev.copy = SINK_COPY_BYTES;
	ev.copy_bytes = SLICE_LIT("x");
	ev.outcome = OUTCOME_HTTP_4XX;
	ev.status = 404;
	put(e, &ev);
	ev.outcome = OUTCOME_TRUNCATED;
	ev.status = 200;
	put(e, &ev);
	ev.outcome = OUTCOME_OK;
	ev.internal = true;
	put(e, &ev);
	put_file(e, "https://a.test/big.png", "four");
	put_file(e, "https://a.test/it.png", "yes");
	commit(e);
	atomic_store(&hurry, true);
	reopen(e, true);
	assert_false(is_there(e, "mirror")); /* somebody waits for the end */
	atomic_store(&hurry, false);
	commit(e);
	reopen(e, true);
	assert_file(e, "a.test/it.png", "yes");
	assert_false(is_there(e, "mirror/a.test/big.png"));
	assert_false(is_there(e, "mirror/a.test/404+.bin"));
}

static void
the_first_page_lists_seeds_where_they_lead(void **state)
{
	struct env *e = *state;
	struct sink_event ev = event("https://a.test/");
	struct slice got;

	reopen(e, true);
	commit(e);
	ev.link = LINK_SEED;
	ev.outcome = OUTCOME_REDIRECT;
	ev.status = 301;
	ev.redirect_to = SLICE_LIT("https://a.test/en/?a&b");
	put(e, &ev);
	put_page(e, "https://a.test/en/?a&b", "https://a.test/", "");
	commit(e);
	reopen(e, true);
	got = kit_file(e->dir, "mirror/index.html");
	assert_non_null(memmem(got.ptr, got.len,
	    "<a href=\"a.test/en/index@a%2526b.html\">https://a.test/</a>", 58));
	kit_free(got);
}

/* A page's file comes beside its pieces, any other file is moved. */
static void
what_the_end_will_add_is_counted_until_it_is_there(void **state)
{
	struct env *e = *state;

	reopen(e, true);
	commit(e);
	assert_int_equal(e->s->finish_bytes, 0);
	put_file(e, "https://a.test/it.png", "bytes");
	assert_int_equal(e->s->finish_bytes, 0);
	put_page(e, "https://a.test/", "https://a.test/2", "");
	commit(e);
	assert_int_equal(e->s->finish_bytes, BLOCK_BYTES);
	reopen(e, false); /* stopped, and not made */
	assert_int_equal(e->s->finish_bytes, BLOCK_BYTES);
	reopen(e, true); /* made, but no first page tells of it */
	assert_int_equal(e->s->finish_bytes, BLOCK_BYTES);
}

/* A disk has no less than a block for each, however small they are. */
static void
each_page_will_take_whole_blocks_also_after_a_resume(void **state)
{
	struct env *e = *state;
	char name[40], large[3 * BLOCK_BYTES / 2];

	reopen(e, true);
	commit(e);
	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	for (int i = 0; i < 10; i++) {
		(void)snprintf(name, sizeof(name), "https://a.test/%d", i);
		put_page(e, name, "https://a.test/", "");
		put_redirect(e, "https://a.test/r", name);
		put_file(e, "https://a.test/f.png", "png");
	}
	put_page(e, "https://a.test/", large, "");
	assert_int_equal(e->s->finish_bytes, 12 * BLOCK_BYTES);
	commit(e);
	reopen(e, false);
	assert_int_equal(e->s->finish_bytes, 12 * BLOCK_BYTES);
}

static void
what_was_made_by_an_earlier_run_is_not_counted_again(void **state)
{
	struct env *e = *state;
	struct sink_event ev = event("https://a.test/seed");

	reopen(e, true);
	commit(e);
	ev.link = LINK_SEED;
	ev.outcome = OUTCOME_REDIRECT;
	ev.status = 301;
	ev.redirect_to = SLICE_LIT("https://a.test/");
	put(e, &ev);
	put_page(e, "https://a.test/", "https://a.test/2", "");
	commit(e);
	reopen(e, true);
	assert_int_equal(e->s->finish_bytes, 0);
	put_page(e, "https://a.test/2", "https://a.test/", "");
	commit(e);
	assert_int_equal(e->s->finish_bytes, BLOCK_BYTES);
}

static void
a_mark_or_files_that_are_wrong_are_told(void **state)
{
	struct env *e = *state;

	reopen(e, true);
	commit(e);
	put_file(e, "https://a.test/it.png", "yes");
	commit(e);
	assert_int_equal(sink_close(e->s, false, &e->why), 0);
	e->s = NULL;
	assert_int_equal(sink_verify("mirror", e->dir, buf_slice(&e->mark), &e->why), 0);
	assert_int_equal(
	    sink_verify("mirror", e->dir, SLICE_LIT("1 9999"), &e->why), -EBADMSG);
	assert_int_equal(
	    sink_verify("mirror", e->dir, SLICE_LIT("9999 0"), &e->why), -EBADMSG);
	assert_int_equal(
	    sink_open("mirror", &e->conf, SLICE_LIT("12"), &e->s, &e->why), -EBADMSG);
	assert_int_equal(
	    sink_open("mirror", &e->conf, SLICE_LIT("9999999 0"), &e->s, &e->why),
	    -EBADMSG);
	assert_int_equal(
	    sink_open("mirror", &e->conf, (struct slice){0}, &e->s, &e->why), -EEXIST);
}

/* Another byte at a place of a file of ours, whose length is returned. */
static long
flip(const char *path, long at)
{
	FILE *f = fopen(path, "r+");
	long end;
	int c;

	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	end = ftell(f);
	assert_int_equal(fseek(f, at, SEEK_SET), 0);
	c = getc(f);
	assert_int_equal(fseek(f, at, SEEK_SET), 0);
	assert_int_not_equal(putc(c ^ 0x04, f), EOF);
	assert_int_equal(fclose(f), 0);
	return end;
}

static void
any_damaged_byte_of_what_it_is_made_of_is_told_with_its_place(void **state)
{
	static const char head[] = "/mirror.work/index is damaged in the record at byte ";
	struct env *e = *state;
	char path[KIT_PATH_MAX + 32];
	long second, end;

	reopen(e, true);
	put_file(e, "https://a.test/it.png", "yes");
	commit(e);
	second = strtol(buf_cstr(&e->mark), NULL, 10);
	put_redirect(e, "https://a.test/away", "https://a.test/it.png");
	commit(e);
	(void)snprintf(path, sizeof(path), "%s/mirror.work/index", e->dir);
	end = second + 1;
	for (long at = 0; at < end; at++) {
		end = flip(path, at);
		assert_int_equal(sink_finish(e->s, &e->why), -EBADMSG);
		assert_non_null(strstr(e->why.text, head));
		assert_int_equal(
		    strtol(strstr(e->why.text, head) + strlen(head), NULL, 10),
		    at < second ? 0 : second);
		assert_int_equal(
		    sink_verify("mirror", e->dir, buf_slice(&e->mark), &e->why),
		    -EBADMSG);
		assert_non_null(strstr(e->why.text, head));
		(void)flip(path, at);
	}
	assert_int_equal(sink_verify("mirror", e->dir, buf_slice(&e->mark), &e->why), 0);
	assert_true(end > second + 20);
	put_page(e, "https://a.test/", "https://a.test/away", "");
	commit(e);
	(void)snprintf(path, sizeof(path), "%s/mirror.work/parts", e->dir);
	end = 1;
	for (long at = 0; at < end; at++) {
		end = flip(path, at);
		assert_int_equal(sink_finish(e->s, &e->why), -EBADMSG);
		assert_non_null(strstr(e->why.text,
		    "/mirror.work/parts is damaged in the record at byte 0:"));
		assert_int_equal(
		    sink_verify("mirror", e->dir, buf_slice(&e->mark), &e->why),
		    -EBADMSG);
		assert_non_null(strstr(e->why.text,
		    "/mirror.work/parts is damaged in the record at byte 0"));
		(void)flip(path, at);
	}
	assert_true(end > 20);
	assert_int_equal(sink_verify("mirror", e->dir, buf_slice(&e->mark), &e->why), 0);
	assert_int_equal(sink_finish(e->s, &e->why), 0);
}

/* Somebody has given the name a file gets while it is written to one of theirs. */
static void
what_has_the_name_of_a_file_in_the_making_is_not_written_into(void **state)
{
	struct env *e = *state;
	char mine[KIT_PATH_MAX + 32], path[KIT_PATH_MAX + 32], text[8] = "";
	FILE *f;

	reopen(e, true);
	put_page(e, "https://a.test/", "https://a.test/x", "");
	commit(e);
	(void)snprintf(mine, sizeof(mine), "%s/mine", e->dir);
	(void)snprintf(path, sizeof(path), "%s/mirror.work/fresh", e->dir);
	f = fopen(mine, "w");
	assert_non_null(f);
	assert_true(fputs("mine", f) >= 0 && fclose(f) == 0);
	assert_int_equal(link(mine, path), 0);
	assert_int_equal(sink_finish(e->s, &e->why), 0);
	f = fopen(mine, "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	(void)fclose(f);
	assert_string_equal(text, "mine");
}

/* -- Pieces. -- */

static int
find_none(void *ctx, struct slice url, struct buf *path)
{
	(void)ctx, (void)url, (void)path;
	return 0;
}

static int
write_to(void *ctx, struct slice bytes)
{
	return buf_add_slice(ctx, bytes);
}

static int
page_write(struct slice pieces, struct buf *b)
{
	struct mirror_out out = {.find = find_none, .write = write_to, .ctx = b};
	int r;

	buf_init(&out.path, 4096);
	buf_init(&out.text, 1 << 18);
	buf_clear(b);
	r = mirror_page_write(pieces, &out);
	buf_release(&out.path);
	buf_release(&out.text);
	return r;
}

static void
a_url_breaks_nothing_where_it_stands(void **state)
{
	static const struct {
		unsigned form;
		const char *out;
	} rows[] = {
	    {0, "https://a.test/%22'(),;%3C%3E&%20#%5C%C3%A4"},
	    {RELINK_HTML, "https://a.test/%22&#39;(),;%3C%3E&amp;%20#%5C%C3%A4"},
	    {RELINK_CSS, "https://a.test/%22%27%28%29,;%3C%3E&%20#%5C%C3%A4"},
	    {RELINK_SRCSET | RELINK_HTML,
		"https://a.test/%22&#39;%28%29%2C;%3C%3E&amp;%20#%5C%C3%A4"},
	};
	struct env *e = *state;
	struct buf b;

	buf_init(&b, 1 << 16);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_clear(&e->pieces);
		assert_int_equal(
		    mirror_piece_link(&e->pieces, rows[i].form,
			SLICE_LIT("https://a.test/\"'(),;<>& "), SLICE_LIT("\\\xc3\xa4")),
		    0);
		assert_int_equal(page_write(buf_slice(&e->pieces), &b), 0);
		assert_string_equal(buf_cstr(&b), rows[i].out);
	}
	buf_release(&b);
}

/* What a worker says is not believed. */
static void
bytes_that_are_no_pieces_are_refused(void **state)
{
	struct env *e = *state;
	struct slice all;
	struct buf b;
	int whole = 0;

	buf_init(&b, 1 << 16);
	assert_int_equal(mirror_piece_same(&e->pieces, SLICE_LIT("abc")), 0);
	assert_int_equal(mirror_piece_link(
			     &e->pieces, 1, SLICE_LIT("https://a.test/"), SLICE_LIT("f")),
	    0);
	all = buf_slice(&e->pieces);
	for (size_t n = 0; n <= all.len; n++) {
		int r = page_write(slice_head(all, n), &b);

		assert_true(r == 0 || r == -EBADMSG);
		whole += r == 0;
	}
	assert_int_equal(whole, 3); /* none, one, both */
	assert_int_equal(page_write(SLICE_LIT("\x02\0\0\0\0\0"), &b), -EBADMSG);
	assert_int_equal(page_write(SLICE_LIT("\0\xff\xff\xff\xff"), &b), -EBADMSG);
	buf_release(&b);
}

/* -- The map. -- */

enum { ENTRIES = 100000 };

static uint64_t
nth(uint64_t i)
{
	return i * 0x9e3779b97f4a7c15u;
}

static void
of_many_entries_the_newest_is_found(void **state)
{
	struct env *e = *state;
	struct mirror_entry got;
	struct mirror_map *m;
	bool repeats;

	assert_int_equal(mirror_map_new(e->dir, &m), 0);
	for (uint64_t i = 0; i < ENTRIES; i++) {
		struct mirror_entry one = {.hash = nth(i % (ENTRIES - 10)), .at = i};

		assert_int_equal(mirror_map_add(m, &one), 0);
	}
	assert_int_equal(mirror_map_seal(m, &repeats), 0);
	assert_true(repeats);
	for (uint64_t i = 0; i < ENTRIES - 10; i++) {
		assert_int_equal(mirror_map_find(m, nth(i), &got), 1);
		assert_int_equal(got.at, i < 10 ? i + ENTRIES - 10 : i);
	}
	assert_int_equal(mirror_map_find(m, nth(ENTRIES), &got), 0);
	assert_int_equal(mirror_map_find(m, UINT64_MAX, &got), 0);
	mirror_map_free(m);
	assert_int_equal(mirror_map_new(e->dir, &m), 0);
	assert_int_equal(mirror_map_seal(m, &repeats), 0);
	assert_false(repeats);
	assert_int_equal(mirror_map_find(m, 0, &got), 0);
	mirror_map_free(m);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(links_lead_to_files_or_to_the_origin),
	    TEST(what_was_not_committed_leaves_nothing),
	    TEST(it_can_be_made_again_and_goes_on),
	    TEST(what_comes_again_takes_the_place_of_what_was),
	    TEST(no_link_leads_out_of_the_directory),
	    TEST(the_mirror_itself_may_be_a_link),
	    TEST(nothing_is_removed_behind_a_link),
	    TEST(answers_that_are_no_content_are_left_out),
	    TEST(the_first_page_lists_seeds_where_they_lead),
	    TEST(what_the_end_will_add_is_counted_until_it_is_there),
	    TEST(each_page_will_take_whole_blocks_also_after_a_resume),
	    TEST(what_was_made_by_an_earlier_run_is_not_counted_again),
	    TEST(a_mark_or_files_that_are_wrong_are_told),
	    TEST(any_damaged_byte_of_what_it_is_made_of_is_told_with_its_place),
	    TEST(what_has_the_name_of_a_file_in_the_making_is_not_written_into),
	    TEST(a_url_breaks_nothing_where_it_stands),
	    TEST(bytes_that_are_no_pieces_are_refused),
	    TEST(of_many_entries_the_newest_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

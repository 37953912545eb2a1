#include "files_kit.h"
#include "observe/linkcheck.h"
#include "web/url.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

struct env {
	char dir[KIT_PATH_MAX];
	struct linkcheck *lc;
};

static void
open_log(struct env *e, const char *log, const char *ignore)
{
	struct why why = {""};

	kit_scratch(e->dir);
	kit_write(e->dir, CHECKS_FILE, slice_cstr(log));
	if (linkcheck_open(e->dir, e->dir, slice_cstr(ignore), &e->lc, &why) < 0)
		fail_msg("%s", why.text);
}

static void
close_log(struct env *e)
{
	linkcheck_close(e->lc);
	kit_remove(e->dir);
}

/* The next target, whatever came before it, as "URL verdict reason". */
static void
next_is(
    struct env *e, const char *url, enum linkcheck_verdict verdict, const char *reason)
{
	struct linkcheck_target t;

	assert_int_equal(linkcheck_next(e->lc, &t), 1);
	assert_slice(t.url, url);
	if (t.verdict != verdict)
		fail_msg("%s is %s", url, linkcheck_verdict_name(t.verdict));
	assert_slice(t.reason, reason);
}

static void
none_is_left(struct env *e)
{
	struct linkcheck_target t;

	assert_int_equal(linkcheck_next(e->lc, &t), 0);
}

static void
place_is(struct env *e, const char *page, const char *kind, const char *text)
{
	struct linkcheck_place p;

	assert_int_equal(linkcheck_place(e->lc, &p), 1);
	assert_slice(p.page, page);
	assert_string_equal(p.kind, kind);
	assert_slice(p.text, text);
}

#define T(url, how, outcome, status, to)                                                 \
	"T\t" url "\t" how "\t" outcome "\t" status "\t9\t-\t" to "\t-\t-\t-\n"
#define L(page, url, id) "L\t" page "\ta\t" url "\t" id "\t-\n"

static void
broken_links_come_with_all_places_and_good_ones_without(void **state)
{
	struct linkcheck_place p;
	struct env e;

	(void)state;
	open_log(&e,
	    L("p2", "u/b", "-") "L\tp1\timg\tu/b\t-\ta\\x09b\n" T(
		"u/b", "o", "http-4xx", "404", "-") T("u/a", "p", "ok", "200", "-")
		L("p1", "u/a", "-") T("u/unlinked", "p", "http-4xx", "404", "-"),
	    "");
	next_is(&e, "u/a", LINKCHECK_GOOD, "");
	assert_int_equal(linkcheck_place(e.lc, &p), 0);
	next_is(&e, "u/b", LINKCHECK_BROKEN, "404 Not Found");
	place_is(&e, "p1", "img", "a\tb");
	place_is(&e, "p2", "a", "");
	assert_int_equal(linkcheck_place(e.lc, &p), 0);
	none_is_left(&e);
	assert_int_equal(linkcheck_sums(e.lc)->targets, 2);
	assert_int_equal(linkcheck_sums(e.lc)->pages, 1);
	close_log(&e);
}

#define REFUSED(url, detail)                                                             \
	"T\t" url "\to\tconnect-failure\t0\t9\t-\t-\t-\t-\t" detail "\n"

static void
what_was_said_of_a_failure_is_told_once_and_as_it_was(void **state)
{
	struct env e;

	(void)state;
	open_log(&e,
	    L("p", "u/1", "-") REFUSED("u/1", "cannot\\x20connect\\x20to\\x20x")
		L("p", "u/2", "-") REFUSED("u/2", "no\\x20route:\\x20\\\\x41")
		    L("p", "u/3", "-") REFUSED("u/3", "-") L("p", "u/4", "-")
			T("u/4", "o", "redirect", "302", "u/2"),
	    "");
	next_is(&e, "u/1", LINKCHECK_BROKEN, "cannot connect to x");
	next_is(&e, "u/2", LINKCHECK_BROKEN, "cannot connect (no route: \\x41)");
	next_is(&e, "u/3", LINKCHECK_BROKEN, "cannot connect");
	next_is(
	    &e, "u/4", LINKCHECK_BROKEN, "redirected: cannot connect (no route: \\x41)");
	none_is_left(&e);
	close_log(&e);
}

static void
a_redirect_is_what_it_ends_as(void **state)
{
	struct env e;

	(void)state;
	open_log(&e,
	    L("p", "r/1", "-") L("p", "r/circle", "-") L("p", "r/good", "-") L(
		"p", "r/nowhere", "-") L("p", "r/odd", "-") L("p", "r/unasked",
		"-") T("r/1", "p", "redirect", "301", "r/2") T("r/2", "o", "redirect",
		"302", "r/3") T("r/3", "o", "http-4xx", "410", "-") T("r/circle", "o",
		"redirect", "302", "r/circle") T("r/good", "o", "redirect", "302",
		"r/ok") T("r/ok", "o", "ok", "200", "-") T("r/nowhere", "o", "redirect",
		"302", "-") T("r/odd", "o", "redirect", "302",
		"-") "R\titms:x\tunsupported-scheme\tredirect\tr/odd\t-\n" T("r/unasked",
		"o", "redirect", "302", "r/never"),
	    "");
	next_is(&e, "r/1", LINKCHECK_BROKEN, "redirected: 410 Gone");
	next_is(&e, "r/circle", LINKCHECK_BROKEN, "redirects without end");
	next_is(&e, "r/good", LINKCHECK_GOOD, "");
	next_is(&e, "r/nowhere", LINKCHECK_BROKEN, "a redirect (302) to nowhere");
	next_is(&e, "r/odd", LINKCHECK_UNCHECKED, "redirected: not HTTP");
	next_is(&e, "r/unasked", LINKCHECK_UNCHECKED, "its redirect was not asked");
	none_is_left(&e);
	close_log(&e);
}

static void
ids_are_looked_for_where_redirects_end(void **state)
{
	const char *const ids[] = {"there", "caf\xc3\xa9", "a%20b"};
	char log[4096];
	struct env e;
	int n = snprintf(log, sizeof(log),
	    T("h/p", "p", "ok", "200", "-") T("h/r", "p", "redirect", "301", "h/p")
		T("h/cut", "p", "ok", "200", "-") "I\th/cut\nX\th/cut\t0\t1\n" T(
		    "h/pdf", "p", "ok", "200", "-") L("q", "h/p", "there")
		    L("q", "h/p", "-") L("q", "h/p", "There") L("q", "h/p", "caf%%C3%%A9")
			L("q", "h/p", "a%%20b") L("q", "h/p", "TOP")
			    L("q", "h/p", ":~:text=x") L("q", "h/p", "there:~:text=x")
				L("q", "h/r", "there") L("q", "h/r", "gone") L("q",
				    "h/cut", "any") L("q", "h/pdf", "page=2") "I\th/p");

	(void)state;
	for (size_t i = 0; i < 3; i++)
		n += snprintf(log + n, sizeof(log) - (size_t)n, "\t%016" PRIx64,
		    checks_hash(slice_cstr(ids[i])));
	(void)snprintf(log + n, sizeof(log) - (size_t)n, "\n");
	open_log(&e, log, "");
	next_is(&e, "h/cut", LINKCHECK_GOOD, "");
	next_is(&e, "h/cut#any", LINKCHECK_UNCHECKED,
	    "what can be kept of its page has no such id");
	next_is(&e, "h/p", LINKCHECK_GOOD, "");
	next_is(&e, "h/p#There", LINKCHECK_BROKEN, "its page has no such id or name");
	place_is(&e, "q", "a", "");
	next_is(&e, "h/pdf", LINKCHECK_GOOD, "");
	next_is(&e, "h/r", LINKCHECK_GOOD, "");
	next_is(&e, "h/r#gone", LINKCHECK_BROKEN, "its page has no such id or name");
	none_is_left(&e);
	close_log(&e);
}

static void
what_was_not_asked_is_not_broken(void **state)
{
	struct env e;

	(void)state;
	open_log(&e,
	    L("p", "n/bad", "-") L("p", "n/known", "-") L("p", "n/none", "-")
		L("p", "n/robots", "-") L("p", "n/later",
		    "-") "R\tn/bad\tbad-url\ta\tp\t-\nR\tn/known\tknown-good\ta\tp\t-\n"
			 "R\tn/robots\trobots-denied\ta\tp\t-\n" T(
			     "n/later", "o", "http-4xx", "429", "-")
			     L("p", "n/zdns", "-") "T\tn/"
						   "zdns\to\tdns-failure\t0\t9\t-\t-\t-"
						   "\t-\tno\\x20such\\x20name\n",
	    "");
	next_is(&e, "n/bad", LINKCHECK_BROKEN, "no URL");
	next_is(&e, "n/known", LINKCHECK_GOOD, "");
	next_is(&e, "n/later", LINKCHECK_UNCHECKED, "429 Too Many Requests");
	next_is(&e, "n/none", LINKCHECK_UNCHECKED, "the crawl ended before its turn");
	next_is(&e, "n/robots", LINKCHECK_UNCHECKED, "robots.txt forbids it");
	next_is(
	    &e, "n/zdns", LINKCHECK_BROKEN, "its host cannot be found (no such name)");
	none_is_left(&e);
	assert_int_equal(linkcheck_sums(e.lc)->robots, 1);
	close_log(&e);
}

static void
the_address_of_a_form_may_refuse_who_fills_in_nothing(void **state)
{
	struct env e;

	(void)state;
	open_log(&e,
	    "L\tp\tform\tf/1\t-\t-\nL\tp\tform\tf/2\t-\t-\nL\tp\tform\tf/3\t-\t-\n" L(
		"p", "f/3", "-") T("f/1", "p", "http-4xx", "400", "-") T("f/2", "p",
		"http-4xx", "404", "-") T("f/3", "p", "http-4xx", "400", "-"),
	    "");
	next_is(&e, "f/1", LINKCHECK_UNCHECKED, "400 Bad Request");
	next_is(&e, "f/2", LINKCHECK_BROKEN, "404 Not Found");
	next_is(&e, "f/3", LINKCHECK_BROKEN, "400 Bad Request");
	close_log(&e);
}

#define S(url, how, simhash)                                                             \
	"T\t" url "\t" how "\tok\t200\t9\ttext/html\t-\t" simhash "\t-\t-\n"

static void
pages_like_those_that_a_host_has_not_are_suspect(void **state)
{
	struct env e;

	(void)state;
	open_log(&e,
	    S("http://s/none", "n", "00000000000000ff") S("http://s/", "p",
		"ffff00000000ffff") S("http://s/like", "p", "00000000000000fe")
		S("http://s/unlike", "p", "0000000000ffff00") L("p", "http://s/", "-")
		    L("p", "http://s/like", "-") L("p", "http://s/unlike", "-")
	    /* An application that is one page. */
	    S("http://t/none", "n", "00000000000000ff")
		S("http://t/", "p", "00000000000000ff")
		    S("http://t/any", "p", "00000000000000ff") L("p", "http://t/any", "-")
	    /* One that sends such questions to its first page. */
	    T("http://v/none", "n", "redirect", "302", "http://v/") S("http://v/", "p",
		"00000000000000ff") T("http://v/old", "p", "redirect", "302", "http://v/")
		S("http://v/real", "p", "00000000000000ff") L("p", "http://v/old", "-")
		    L("p", "http://v/real", "-"),
	    "");
	next_is(&e, "http://s/", LINKCHECK_GOOD, "");
	next_is(&e, "http://s/like", LINKCHECK_SUSPECT,
	    "looks like what its host says of pages that it has not");
	next_is(&e, "http://s/unlike", LINKCHECK_GOOD, "");
	next_is(&e, "http://t/any", LINKCHECK_GOOD, "");
	next_is(&e, "http://v/old", LINKCHECK_SUSPECT,
	    "looks like what its host says of pages that it has not");
	next_is(&e, "http://v/real", LINKCHECK_GOOD, "");
	none_is_left(&e);
	assert_int_equal(linkcheck_sums(e.lc)->by[LINKCHECK_BROKEN], 0);
	close_log(&e);
}

static void
what_an_ignore_file_names_is_no_fault(void **state)
{
	struct env e;
	struct why why;

	(void)state;
	open_log(&e,
	    L("p", "i/1", "-") L("p", "i/2", "-") L("p", "i/3", "-")
		T("i/1", "o", "http-4xx", "404", "-")
		    T("i/2", "o", "http-4xx", "404", "-") T("i/3", "o", "ok", "200", "-"),
	    "# known\n\n  ^i/[13]$\n");
	next_is(&e, "i/1", LINKCHECK_IGNORED, "404 Not Found");
	next_is(&e, "i/2", LINKCHECK_BROKEN, "404 Not Found");
	next_is(&e, "i/3", LINKCHECK_GOOD, "");
	close_log(&e);
	assert_int_equal(linkcheck_ignore_check(SLICE_LIT("fine\n(oh\n"), &why), -EINVAL);
	assert_string_equal(
	    why.text, "line 2: missing closing parenthesis at character 4");
}

static void
a_log_of_rubbish_has_no_targets(void **state)
{
	struct env e;

	(void)state;
	open_log(&e,
	    "\nT\nT\tu\nT\tu\tq\tok\t200\nL\nL\tp\ta\nI\nX\tp\tx\nR\tu\n\xff\t\t\t\n",
	    "");
	none_is_left(&e);
	close_log(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(broken_links_come_with_all_places_and_good_ones_without),
	    cmocka_unit_test(what_was_said_of_a_failure_is_told_once_and_as_it_was),
	    cmocka_unit_test(a_redirect_is_what_it_ends_as),
	    cmocka_unit_test(ids_are_looked_for_where_redirects_end),
	    cmocka_unit_test(what_was_not_asked_is_not_broken),
	    cmocka_unit_test(the_address_of_a_form_may_refuse_who_fills_in_nothing),
	    cmocka_unit_test(pages_like_those_that_a_host_has_not_are_suspect),
	    cmocka_unit_test(what_an_ignore_file_names_is_no_fault),
	    cmocka_unit_test(a_log_of_rubbish_has_no_targets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Input: up to an empty line the words that the API filters by: outcomes, statuses, type,
 * prefix, part; then a file of lines, each read as a line of all the logs there are.
 * What is found lies in its line; forwards and backwards the same lines are told.
 */
#include "ctl/line_walk.h"
#include "ctl/page_line.h"
#include "fuzz.h"
#include "observe/logline.h"
#include "sink/cdxj.h"
#include <sys/mman.h>
#include <unistd.h>

struct sums {
	struct page_filter filter;
	struct buf room;
	uint64_t lines, bytes;
};

static void
logs_use(struct slice line)
{
	struct changeline c;
	struct rejectline r;
	struct logline l;
	struct cdxj x;

	if (logline_parse(line, &l)) {
		const struct slice parts[] = {l.logged_at, l.url, l.hops, l.via, l.mime,
		    l.digest, l.annotations, l.kind, l.why};

		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
			FUZZ_CHECK(fuzz_lies_in(parts[i], line));
		FUZZ_CHECK(l.outcome < OUTCOME_MAX && l.end_ms >= l.start_ms);
		FUZZ_CHECK(fuzz_lies_in(logline_authority(l.url), l.url));
		(void)logline_is_broken(&l);
	}
	if (rejectline_parse(line, &r))
		FUZZ_CHECK(fuzz_lies_in(r.url, line) && fuzz_lies_in(r.via, line) &&
			   fuzz_lies_in(r.detail, line) && r.outcome < OUTCOME_MAX);
	if (changeline_parse(line, &c))
		FUZZ_CHECK(fuzz_lies_in(c.url, line) && c.change < PAGE_CHANGE_MAX &&
			   c.outcome < OUTCOME_MAX);
	if (cdxj_parse_place(line, &x) == 0)
		FUZZ_CHECK(fuzz_lies_in(x.file, line));
}

static void
page_use(struct sums *s, struct slice line)
{
	struct pageline p;
	int r;

	buf_clear(&s->room);
	r = logline_sentence(&s->room, line);
	FUZZ_CHECK(r == 0 && s->room.len <= line.len);
	r = page_is_wanted(&s->filter, line, &s->room);
	FUZZ_CHECK(r == 0 || r == 1);
	if (!pageline_parse(line, &p)) {
		FUZZ_CHECK(r == 0);
		return;
	}
	FUZZ_CHECK(fuzz_lies_in(p.url, line) && fuzz_lies_in(p.mime, line));
	FUZZ_CHECK(fuzz_lies_in(p.redirect_to, line) && fuzz_lies_in(p.digest, line));
	FUZZ_CHECK(p.outcome < OUTCOME_MAX && p.status >= 0 && p.status <= 999);
	buf_clear(&s->room);
	if (pageline_text(&s->room, p.url) == 0)
		FUZZ_CHECK(s->room.len <= p.url.len);
}

static int
on_line(void *ctx, struct slice line)
{
	struct sums *s = ctx;
	struct slice copy = fuzz_copy(line);

	FUZZ_CHECK(slice_find(copy, '\n') == copy.len);
	logs_use(copy);
	page_use(s, copy);
	s->lines++;
	s->bytes += copy.len + 1;
	fuzz_copy_free(copy);
	return LINE_GO_ON;
}

static int
on_line_back(void *ctx, struct slice line)
{
	struct sums *s = ctx;

	FUZZ_CHECK(s->lines > 0 && s->bytes >= line.len + 1);
	s->lines--;
	s->bytes -= line.len + 1;
	return LINE_GO_ON;
}

static void
filter_read(struct page_filter *f, struct slice *rest)
{
	struct slice bad = {0};

	*f = (struct page_filter){0};
	if (!page_filter_outcomes(f, fuzz_line(rest), &bad))
		f->outcomes = 0;
	(void)page_filter_statuses(f, fuzz_line(rest), &bad);
	FUZZ_CHECK(f->statuses_len <= PAGE_STATUSES_MAX);
	f->mime = fuzz_line(rest);
	f->prefix = fuzz_line(rest);
	f->contains = fuzz_line(rest);
}

FUZZ_TARGET(lines)
{
	struct slice rest = slice_of(data, size);
	struct line_walk w = {.scan_max = UINT64_MAX};
	struct sums s = {0};
	uint64_t end;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	filter_read(&s.filter, &rest);
	FUZZ_CHECK(fd >= 0 && write(fd, rest.ptr, rest.len) == (ssize_t)rest.len);
	buf_init(&s.room, 1 << 20);
	FUZZ_CHECK(line_walk_end(fd, &end) == 0 && end <= rest.len);
	FUZZ_CHECK(line_walk(fd, &w, on_line, &s) == 0);
	FUZZ_CHECK(w.is_over && w.at == end && s.bytes == end);
	w.backwards = true;
	FUZZ_CHECK(line_walk(fd, &w, on_line_back, &s) == 0);
	FUZZ_CHECK(w.is_over && w.at == 0 && s.lines == 0 && s.bytes == 0);
	buf_release(&s.room);
	(void)close(fd);
	return 0;
}

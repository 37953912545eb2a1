#include "ctl/page_line.h"
#include "observe/logline.h"
#include <errno.h>

/* ---- the filter ---- */

bool
page_filter_outcomes(struct page_filter *f, struct slice text, struct slice *ret_bad)
{
	struct slice one;
	enum outcome o;

	while (slice_cut(&text, ',', &one)) {
		*ret_bad = one;
		if (!outcome_parse(one, &o))
			return false;
		f->outcomes |= UINT64_C(1) << o;
	}
	return true;
}

bool
page_filter_statuses(struct page_filter *f, struct slice text, struct slice *ret_bad)
{
	struct slice one;

	while (slice_cut(&text, ',', &one)) {
		uint64_t n;
		bool whole_class = one.len == 3 && ascii_lower(one.ptr[1]) == 'x' &&
				   ascii_lower(one.ptr[2]) == 'x';

		*ret_bad = one;
		if (f->statuses_len == PAGE_STATUSES_MAX ||
		    !slice_to_u64(whole_class ? slice_head(one, 1) : one, &n) ||
		    n > (whole_class ? 9u : 999u) || n < (whole_class ? 1u : 100u))
			return false;
		f->statuses[f->statuses_len].from = (uint16_t)(whole_class ? n * 100 : n);
		f->statuses[f->statuses_len++].to =
		    (uint16_t)(whole_class ? n * 100 + 99 : n);
	}
	return true;
}

/* ---- the line ---- */

static bool
is_status_wanted(const struct page_filter *f, int status)
{
	if (f->statuses_len == 0)
		return true;
	for (size_t i = 0; i < f->statuses_len; i++)
		if (status >= f->statuses[i].from && status <= f->statuses[i].to)
			return true;
	return false;
}

/* 1, 0, -ENOMEM. */
static int
is_url_wanted(const struct page_filter *f, struct slice written, struct buf *room)
{
	struct slice url;
	int r;

	if (f->prefix.len == 0 && f->contains.len == 0)
		return 1;
	buf_clear(room);
	r = pageline_text(room, written);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	url = buf_slice(room);
	if (!slice_starts(url, f->prefix))
		return 0;
	return f->contains.len == 0 ||
	       memmem(url.ptr, url.len, f->contains.ptr, f->contains.len) != NULL;
}

int
page_is_wanted(const struct page_filter *f, struct slice line, struct buf *room)
{
	struct pageline p;

	if (!pageline_parse(line, &p))
		return 0;
	if (f->outcomes != 0 && (f->outcomes & UINT64_C(1) << p.outcome) == 0)
		return 0;
	if (!is_status_wanted(f, p.status) || !slice_istarts(p.mime, f->mime))
		return 0;
	return is_url_wanted(f, p.url, room);
}

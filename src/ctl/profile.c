#include "ctl/profile.h"
#include "base/clock.h"
#include "base/file_whole.h"
#include "base/log.h"
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

enum { JSON_BYTES_MAX = 64 << 10 };

void
profile_times(struct profile *p, const struct metrics *m, int64_t wall_us)
{
	p->wall_us = wall_us;
	memcpy(p->stages, metrics_stages(m), sizeof(p->stages));
	p->lag = *metrics_lag(m);
}

/* ---- memory ---- */

/* size="NUMBER" behind the first `tag` of `text`. */
static uint64_t
size_of(struct slice text, const char *tag)
{
	const char *at = memmem(text.ptr, text.len, tag, strlen(tag));
	struct slice rest;
	const char *size;

	if (at == NULL)
		return 0;
	rest = slice_from(text, (size_t)(at - text.ptr));
	size = memmem(rest.ptr, rest.len, "size=\"", 6);
	/* The text ends in a NUL, as what open_memstream() makes does. */
	return size == NULL ? 0 : strtoull(size + 6, NULL, 10);
}

/* Each <heap ...> ... </heap> of what malloc_info() says. */
static void
take_arenas(struct profile *p, struct slice text)
{
	static const char head[] = "<heap nr=", tail[] = "</heap>";

	while (p->arenas_len < PROFILE_ARENAS_MAX) {
		const char *at = memmem(text.ptr, text.len, head, sizeof(head) - 1), *end;
		struct profile_arena *a = &p->arenas[p->arenas_len];
		struct slice heap;

		if (at == NULL)
			return;
		text = slice_from(text, (size_t)(at - text.ptr));
		end = memmem(text.ptr, text.len, tail, sizeof(tail) - 1);
		if (end == NULL)
			return;
		heap = slice_head(text, (size_t)(end - text.ptr));
		a->system_bytes = size_of(heap, "<system type=\"current\"");
		a->free_bytes = size_of(heap, "<total type=\"fast\"") +
				size_of(heap, "<total type=\"rest\"");
		p->arenas_len++;
		text = slice_from(text, heap.len);
	}
}

static void
look_at_heap(struct profile *p)
{
	struct mallinfo2 m = mallinfo2();
	char *text = NULL;
	size_t len = 0;
	FILE *f;

	p->heap.used_bytes = m.uordblks;
	p->heap.free_bytes = m.fordblks;
	p->heap.mapped_bytes = m.hblkhd;
	p->heap.top_bytes = m.keepcost;
	p->arenas_len = 0;
	f = open_memstream(&text, &len);
	if (f == NULL)
		return;
	(void)malloc_info(0, f);
	if (fclose(f) == 0)
		take_arenas(p, slice_of(text, len));
	free(text);
}

void
profile_look(struct profile *p, const char *state_dir, uint32_t seconds)
{
	memset(&p->hot, 0, sizeof(p->hot));
	if (seconds > 0)
		profile_perf(&p->hot, seconds);
	metrics_look(state_dir, &p->process);
	look_at_heap(p);
}

/* ---- as JSON ---- */

static void
write_times(struct jsonw *j, const char *name, const struct histogram *h)
{
	jsonw_object(j, name);
	jsonw_int(j, "count", (int64_t)h->count);
	if (h->count > 0) {
		jsonw_int(j, "mean_us", (int64_t)(h->sum_us / h->count));
		jsonw_int(j, "p50_us", (int64_t)histogram_percentile_us(h, 50));
		jsonw_int(j, "p90_us", (int64_t)histogram_percentile_us(h, 90));
		jsonw_int(j, "p99_us", (int64_t)histogram_percentile_us(h, 99));
		jsonw_int(j, "max_us", (int64_t)h->max_us);
	}
	jsonw_object_end(j);
}

static void
write_memory(struct jsonw *j, const struct profile *p)
{
	jsonw_object(j, "process");
	jsonw_int(j, "pid", getpid());
	jsonw_int(j, "cpu_us", (int64_t)p->process.cpu_us);
	jsonw_int(j, "rss_bytes", (int64_t)p->process.rss_bytes);
	jsonw_int(j, "virtual_bytes", (int64_t)p->process.virtual_bytes);
	jsonw_int(j, "files", (int64_t)p->process.fds);
	jsonw_object_end(j);
	jsonw_object(j, "heap");
	jsonw_int(j, "used_bytes", (int64_t)p->heap.used_bytes);
	jsonw_int(j, "free_bytes", (int64_t)p->heap.free_bytes);
	jsonw_int(j, "mapped_bytes", (int64_t)p->heap.mapped_bytes);
	jsonw_int(j, "top_bytes", (int64_t)p->heap.top_bytes);
	jsonw_array(j, "arenas");
	for (uint32_t i = 0; i < p->arenas_len; i++) {
		jsonw_object(j, NULL);
		jsonw_int(j, "system_bytes", (int64_t)p->arenas[i].system_bytes);
		jsonw_int(j, "free_bytes", (int64_t)p->arenas[i].free_bytes);
		jsonw_object_end(j);
	}
	jsonw_array_end(j);
	jsonw_object_end(j);
}

static void
write_hot(struct jsonw *j, const struct profile_hot *h)
{
	jsonw_object(j, "functions");
	jsonw_int(j, "seconds", h->seconds);
	if (h->why[0] != '\0')
		jsonw_str(j, "why_none", slice_cstr(h->why));
	jsonw_array(j, "items");
	for (uint32_t i = 0; i < h->n; i++) {
		jsonw_object(j, NULL);
		jsonw_real(j, "percent", h->v[i].percent);
		jsonw_str(j, "function", slice_cstr(h->v[i].function));
		jsonw_str(j, "object", slice_cstr(h->v[i].object));
		jsonw_object_end(j);
	}
	jsonw_array_end(j);
	jsonw_object_end(j);
}

void
profile_write(const struct profile *p, struct jsonw *j)
{
	char at[CLOCK_TEXT_MAX];

	clock_format(p->wall_us, 3, at);
	jsonw_object(j, NULL);
	jsonw_str(j, "at", slice_cstr(at));
	jsonw_str(j, "version", SLICE_LIT(PACKAGE_VERSION));
	jsonw_object(j, "stages");
	for (int i = 0; i < CRAWL_STAGE_MAX; i++)
		write_times(j, crawl_stage_name((enum crawl_stage)i), &p->stages[i]);
	jsonw_object_end(j);
	write_times(j, "loop_lag", &p->lag);
	write_memory(j, p);
	if (p->hot.seconds > 0 || p->hot.why[0] != '\0')
		write_hot(j, &p->hot);
	jsonw_object_end(j);
}

int
profile_save(const struct profile *p, const char *dir, struct why *why)
{
	struct buf text;
	struct jsonw j;
	int r;

	buf_init(&text, JSON_BYTES_MAX);
	jsonw_init(&j, &text);
	profile_write(p, &j);
	r = j.err < 0 ? j.err : buf_add(&text, "\n", 1);
	r = r < 0 ? why_set(why, r, "%s", strerror(-r))
		  : file_whole_write(dir, "profile.json", 0640, buf_slice(&text), why);
	buf_release(&text);
	return r;
}

/* ---- as lines ---- */

static void
log_times(const char *name, const struct histogram *h)
{
	if (h->count > 0)
		log_line(LOG_LEVEL_INFO,
		    "profile: %s count=%" PRIu64 " p50_us=%" PRIu64 " p90_us=%" PRIu64
		    " p99_us=%" PRIu64 " max_us=%" PRIu64,
		    name, h->count, histogram_percentile_us(h, 50),
		    histogram_percentile_us(h, 90), histogram_percentile_us(h, 99),
		    h->max_us);
}

void
profile_log(const struct profile *p)
{
	for (int i = 0; i < CRAWL_STAGE_MAX; i++)
		log_times(crawl_stage_name((enum crawl_stage)i), &p->stages[i]);
	log_times("loop-lag", &p->lag);
	log_info("profile: heap used_bytes=%" PRIu64 " free_bytes=%" PRIu64
		 " mapped_bytes=%" PRIu64 " arenas=%u rss_bytes=%" PRIu64,
	    p->heap.used_bytes, p->heap.free_bytes, p->heap.mapped_bytes, p->arenas_len,
	    p->process.rss_bytes);
	for (uint32_t i = 0; i < p->hot.n && i < 10; i++)
		log_info("profile: %.2f %% in %s (%s)", p->hot.v[i].percent,
		    p->hot.v[i].function, p->hot.v[i].object);
	if (p->hot.why[0] != '\0')
		log_info("profile: no functions: %s", p->hot.why);
}

#include "ctl/metrics_text.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

enum { LABELS_MAX = 6, NUMBER_MAX = 48 };

const struct metric metric_table[METRIC_MAX] = {
#define METRIC(id, type, name, unit, labels, help)                                       \
	[METRIC_##id] = {METRIC_##type, name, unit, labels, help},
#include "ctl/metrics.def"
#undef METRIC
};

void
metrics_text_init(struct metrics_text *t, struct buf *b, bool open_metrics)
{
	*t = (struct metrics_text){.b = b, .open_metrics = open_metrics};
}

static void
put(struct metrics_text *t, const char *text)
{
	if (t->err == 0)
		t->err = buf_add_cstr(t->b, text);
}

/* Of samples; and in the older form that of the family, too. */
static const char *
suffix_of(const struct metric *m)
{
	switch (m->type) {
	case METRIC_COUNTER:
		return "_total";
	case METRIC_INFO:
		return "_info";
	case METRIC_GAUGE:
	case METRIC_HISTOGRAM:
		break;
	}
	return "";
}

static const char *
type_name(const struct metrics_text *t, enum metric_type type)
{
	static const char *const names[] = {[METRIC_COUNTER] = "counter",
	    [METRIC_GAUGE] = "gauge",
	    [METRIC_HISTOGRAM] = "histogram",
	    [METRIC_INFO] = "info"};

	return type == METRIC_INFO && !t->open_metrics ? "gauge" : names[type];
}

static void
put_meta(struct metrics_text *t, const char *what, const char *text)
{
	const struct metric *m = t->family;

	put(t, "# ");
	put(t, what);
	put(t, " ");
	put(t, m->name);
	put(t, t->open_metrics ? "" : suffix_of(m));
	put(t, " ");
	put(t, text);
	put(t, "\n");
}

void
metrics_family(struct metrics_text *t, enum metric_id id)
{
	const struct metric *m = &metric_table[id];

	t->family = m;
	put_meta(t, "TYPE", type_name(t, m->type));
	if (t->open_metrics && m->unit[0] != '\0')
		put_meta(t, "UNIT", m->unit);
	put_meta(t, "HELP", m->help);
}

static void
put_escaped(struct metrics_text *t, struct slice s)
{
	for (size_t i = 0; i < s.len && t->err == 0; i++) {
		if (s.ptr[i] == '\n')
			put(t, "\\n");
		else if (s.ptr[i] == '"' || s.ptr[i] == '\\')
			t->err = buf_printf(t->b, "\\%c", s.ptr[i]);
		else
			t->err = buf_add_byte(t->b, s.ptr[i]);
	}
}

static void
put_line(struct metrics_text *t, const char *suffix, const struct metric_label *labels,
    size_t len, const char *value)
{
	put(t, t->family->name);
	put(t, suffix);
	for (size_t i = 0; i < t->common_len + len; i++) {
		const struct metric_label *l =
		    i < t->common_len ? &t->common[i] : &labels[i - t->common_len];

		put(t, i == 0 ? "{" : ",");
		put(t, l->name);
		put(t, "=\"");
		put_escaped(t, l->value);
		put(t, "\"");
	}
	put(t, t->common_len + len > 0 ? "} " : " ");
	put(t, value);
	put(t, "\n");
}

void
metrics_sample(struct metrics_text *t, const struct metric_label *labels, size_t len,
    const char *value)
{
	put_line(t, suffix_of(t->family), labels, len, value);
}

static void
put_one(struct metrics_text *t, const char *label, const char *value, const char *number)
{
	struct metric_label l = {
	    .name = label, .value = slice_cstr(value == NULL ? "" : value)};

	metrics_sample(t, &l, label != NULL, number);
}

void
metrics_number(struct metrics_text *t, const char *label, const char *value, uint64_t n)
{
	char text[NUMBER_MAX];

	(void)snprintf(text, sizeof(text), "%" PRIu64, n);
	put_one(t, label, value, text);
}

static void
print_time(char text[NUMBER_MAX], uint64_t us)
{
	(void)snprintf(
	    text, NUMBER_MAX, "%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);
}

void
metrics_time(struct metrics_text *t, const char *label, const char *value, uint64_t us)
{
	char text[NUMBER_MAX];

	print_time(text, us);
	put_one(t, label, value, text);
}

/* As a bound is written: "0.002", "1.0", "50.0". */
static void
print_bound(char text[NUMBER_MAX], uint64_t us)
{
	size_t len;

	print_time(text, us);
	len = strlen(text);
	while (text[len - 1] == '0' && text[len - 2] != '.')
		text[--len] = '\0';
}

/* 1, 2, 5 of each decade from 100 us to 500 s. */
enum { BOUND_FIRST_US = 100, BOUND_LAST_US = 100000000 };

void
metrics_histogram(struct metrics_text *t, const char *label, const char *value,
    const struct histogram *h)
{
	static const unsigned steps[] = {1, 2, 5};
	struct metric_label l[2];
	size_t n = label != NULL;
	char bound[NUMBER_MAX], number[NUMBER_MAX];

	l[0] = (struct metric_label){label, slice_cstr(value == NULL ? "" : value)};
	for (uint64_t base = BOUND_FIRST_US; base <= BOUND_LAST_US; base *= 10) {
		for (size_t i = 0; i < 3; i++) {
			print_bound(bound, base * steps[i]);
			l[n] = (struct metric_label){"le", slice_cstr(bound)};
			(void)snprintf(number, sizeof(number), "%" PRIu64,
			    histogram_up_to(h, base * steps[i]));
			put_line(t, "_bucket", l, n + 1, number);
		}
	}
	l[n] = (struct metric_label){"le", SLICE_LIT("+Inf")};
	(void)snprintf(number, sizeof(number), "%" PRIu64, h->count);
	put_line(t, "_bucket", l, n + 1, number);
	put_line(t, "_count", l, n, number);
	print_time(number, h->sum_us);
	put_line(t, "_sum", l, n, number);
}

int
metrics_text_end(struct metrics_text *t)
{
	if (t->open_metrics)
		put(t, "# EOF\n");
	return t->err;
}

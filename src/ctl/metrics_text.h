/*
 * ctl/metrics_text.h -- writing metrics: OpenMetrics 1.0 or the older text of Prometheus.
 *
 * The families come from metrics.def, each begun once, with all of its samples behind it.  The
 * first error sticks, and is told at the end.
 *
 * Owns: nothing; the buf is the caller's.
 */
#ifndef CTL_METRICS_TEXT_H
#define CTL_METRICS_TEXT_H
#include "base/buf.h"
#include "observe/histogram.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM, METRIC_INFO };
enum metric_id {
#define METRIC(id, type, name, unit, labels, help) METRIC_##id,
#include "ctl/metrics.def"
#undef METRIC
	METRIC_MAX
};
struct metric {
	enum metric_type type;
	const char *name, *unit, *labels, *help;
};
extern const struct metric metric_table[METRIC_MAX];

struct metric_label {
	const char *name;
	struct slice value;
};

struct metrics_text {
	struct buf *b;
	bool open_metrics; /* else Prometheus */
	const struct metric *family;
	/* In front of those of each sample: of a run. */
	const struct metric_label *common;
	size_t common_len;
	int err;
};
void metrics_text_init(struct metrics_text *t, struct buf *b, bool open_metrics);
void metrics_family(struct metrics_text *t, enum metric_id id);
/* `label` NULL: none but the common ones. */
void metrics_number(
    struct metrics_text *t, const char *label, const char *value, uint64_t n);
void metrics_time(struct metrics_text *t, const char *label, const char *value,
    uint64_t us); /* as seconds */
void metrics_sample(struct metrics_text *t, const struct metric_label *labels, size_t len,
    const char *value);
void metrics_histogram(struct metrics_text *t, const char *label, const char *value,
    const struct histogram *h);
int metrics_text_end(struct metrics_text *t);
#endif

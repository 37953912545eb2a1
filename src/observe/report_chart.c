#include "observe/format.h"
#include "observe/html_out.h"
#include "observe/timeline.h"
#include <inttypes.h>
#include <stdio.h>

#include "base/banned.h"

/* Time lines as SVG: a figure each, of one to three lines, drawn over the same time. */

enum {
	WIDTH = 420,
	HEIGHT = 160,
	LEFT = 52,
	RIGHT = 410,
	TOP = 12,
	BOTTOM = 132,
	LINES_MAX = 3,
};

struct chart {
	const char *title, *style, *note;
	const char *lines[LINES_MAX]; /* what each is; NULL: there are no more */
	double (*value)(
	    const struct timeline *t, const struct timeline_point *p, int line);
	const char *(*show)(struct format *store, double value);
};

static double
per_second(const struct timeline *t, uint64_t n)
{
	return (double)n * 1000 / (double)t->width_ms;
}

static double
pages_of(const struct timeline *t, const struct timeline_point *p, int line)
{
	(void)line;
	return per_second(t, p->sums.pages);
}

static double
bytes_of(const struct timeline *t, const struct timeline_point *p, int line)
{
	(void)line;
	return per_second(t, p->sums.bytes);
}

static double
errors_of(const struct timeline *t, const struct timeline_point *p, int line)
{
	(void)line;
	return per_second(t, p->sums.errors);
}

static double
latency_of(const struct timeline *t, const struct timeline_point *p, int line)
{
	static const unsigned percents[LINES_MAX] = {50, 90, 99};

	(void)t;
	return (double)latency_percentile(&p->latency, percents[line]);
}

static const char *
show_rate(struct format *store, double v)
{
	if (v >= 100)
		return format_count(store, (uint64_t)v);
	(void)snprintf(store->text, sizeof(store->text), v >= 10 ? "%.0f" : "%.2g", v);
	return store->text;
}

static const char *
show_bytes(struct format *store, double v)
{
	return format_bytes(store, v);
}

static const char *
show_ms(struct format *store, double v)
{
	if (v >= 10000)
		(void)snprintf(store->text, sizeof(store->text), "%.0f s", v / 1000);
	else
		(void)snprintf(
		    store->text, sizeof(store->text), v < 10 ? "%.2g ms" : "%.0f ms", v);
	return store->text;
}

static const struct chart charts[] = {
    {"Pages per second", "", NULL, {"pages"}, pages_of, show_rate},
    {"Bytes per second", "", "bodies as they were sent", {"bytes"}, bytes_of, show_bytes},
    {"Errors per second", " errors", "broken links, and tries that were repeated",
	{"errors"}, errors_of, show_rate},
    {"Time to answer", "", "begin to end of a request",
	{"half of the answers", "9 of 10 (dashed)", "99 of 100 (dotted)"}, latency_of,
	show_ms},
};

static double
x_of(const struct timeline *t, double intervals)
{
	return LEFT + (RIGHT - LEFT) * intervals / (double)t->len;
}

static double
y_of(double value, double max)
{
	return BOTTOM - (BOTTOM - TOP) * value / max;
}

static double
max_of(const struct timeline *t, const struct chart *c)
{
	double max = 0;

	for (size_t i = 0; i < t->len; i++)
		for (int k = 0; k < LINES_MAX && c->lines[k] != NULL; k++) {
			double v = c->value(t, &t->v[i], k);

			max = v > max ? v : max;
		}
	return max;
}

/* As steps: an interval has one value. */
static void
add_line(
    struct html *h, const struct timeline *t, const struct chart *c, int line, double max)
{
	bool area = c->lines[1] == NULL;

	html_printf(h, "<path class=\"l%d%s\" d=\"M%d %d", line + 1, area ? " area" : "",
	    LEFT, BOTTOM);
	for (size_t i = 0; i < t->len; i++)
		html_printf(h, "V%.1fH%.1f", y_of(c->value(t, &t->v[i], line), max),
		    x_of(t, (double)i + 1));
	html_printf(h, "V%d\"/>\n", BOTTOM);
}

static void
add_axes(struct html *h, const struct timeline *t, const struct chart *c, double max)
{
	int64_t all_ms = (int64_t)t->len * t->width_ms;

	for (int i = 0; i <= 2; i++) {
		double y = y_of(max * i / 2, max);
		struct format text;

		html_printf(h, "<path class=grid d=\"M%d %.1fH%d\"/>\n", LEFT, y, RIGHT);
		html_printf(h, "<text x=%d y=%.1f text-anchor=end>%s</text>\n", LEFT - 6,
		    y + 4, i == 0 ? "0" : c->show(&text, max * i / 2));
	}
	html_printf(h, "<text x=%d y=%d>0</text>\n", LEFT, BOTTOM + 18);
	html_printf(h, "<text x=%d y=%d text-anchor=middle>%s</text>\n",
	    (LEFT + RIGHT) / 2, BOTTOM + 18, TOOK(all_ms / 2));
	html_printf(h, "<text x=%d y=%d text-anchor=end>%s</text>\n", RIGHT, BOTTOM + 18,
	    TOOK(all_ms));
}

static void
add_chart(struct html *h, const struct timeline *t, const struct chart *c,
    const int64_t *cuts_ms, size_t cuts_len)
{
	double max = max_of(t, c);
	struct format most;

	html_printf(h, "<figure><figcaption>%s</figcaption>\n", c->title);
	html_printf(h,
	    "<svg class=\"chart%s\" viewBox=\"0 0 %d %d\" role=img aria-label=\"%s over "
	    "%s, at most %s\">\n",
	    c->style, WIDTH, HEIGHT, c->title, TOOK((int64_t)t->len * t->width_ms),
	    c->show(&most, max));
	max = max > 0 ? max : 1;
	add_axes(h, t, c, max);
	for (size_t i = 0; i < cuts_len; i++) {
		double at = (double)cuts_ms[i] / (double)t->width_ms;

		if (at < (double)t->len)
			html_printf(h, "<path class=cut d=\"M%.1f %dV%d\"/>\n",
			    x_of(t, at), TOP, BOTTOM);
	}
	for (int k = LINES_MAX - 1; k >= 0; k--)
		if (c->lines[k] != NULL)
			add_line(h, t, c, k, max);
	html_add(h, "</svg>\n");
	if (c->note != NULL)
		html_printf(h, "<div class=soft>%s", c->note);
	for (int k = 0; c->lines[1] != NULL && k < LINES_MAX; k++)
		html_printf(h, "%s %s", k == 0 ? ":" : ",", c->lines[k]);
	html_printf(h, "%s</figure>\n", c->note != NULL ? "</div>" : "");
}

void
html_charts(
    struct html *h, const struct timeline *t, const int64_t *cuts_ms, size_t cuts_len)
{
	html_add(h, "<div class=charts>\n");
	for (size_t i = 0; i < sizeof(charts) / sizeof(charts[0]); i++)
		add_chart(h, t, &charts[i], cuts_ms, cuts_len);
	html_add(h, "</div>\n");
}

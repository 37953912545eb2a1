#include "observe/html_out.h"
#include "base/escape.h"
#include "observe/format.h"
#include <stdio.h>

#include "base/banned.h"

void
html_add(struct html *h, const char *markup)
{
	if (h->err == 0)
		h->err = buf_add_cstr(h->b, markup);
}

void
html_printf(struct html *h, const char *fmt, ...)
{
	va_list ap;

	if (h->err < 0)
		return;
	va_start(ap, fmt);
	h->err = buf_vprintf(h->b, fmt, ap);
	va_end(ap);
}

void
html_text(struct html *h, struct slice s)
{
	size_t from = h->b->len;

	if (h->err == 0)
		h->err = escape_html(h->b, s);
	for (; from < h->b->len; from++) /* it is one line */
		if (ascii_is_space(h->b->ptr[from]))
			h->b->ptr[from] = ' ';
}

void
html_url(struct html *h, struct slice url)
{
	if (!slice_starts(url, SLICE_LIT("http://")) &&
	    !slice_starts(url, SLICE_LIT("https://"))) {
		html_text(h, url);
		return;
	}
	html_add(h, "<a rel=\"noreferrer noopener nofollow\" href=\"");
	html_text(h, url);
	html_add(h, "\">");
	html_text(h, url);
	html_add(h, "</a>");
}

const char *
html_took(struct format *store, int64_t ms)
{
	if (ms >= 1000)
		return format_elapsed(store, ms);
	(void)snprintf(store->text, sizeof(store->text), "%lld ms", (long long)ms);
	return store->text;
}

void
html_bar(struct html *h, double share)
{
	html_printf(h,
	    "<svg class=bar viewBox=\"0 0 100 8\" preserveAspectRatio=none "
	    "aria-hidden=true><rect width=%.2f height=8 /></svg>",
	    share < 0.005 && share > 0 ? 0.5 : share * 100);
}

const char html_style[] =
    ":root{color-scheme:light dark;--bg:#fff;--fg:#1c2127;--soft:#545d68;--line:#d5dae0;"
    "--card:#f4f6f8;--accent:#0b62b8;--bad:#b3261e;--warn:#8a5300;--grid:#e3e7eb}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#14181d;--fg:#e4e8ec;--soft:#a3adb8;"
    "--line:#333b45;--card:#1d232a;--accent:#74b5f5;--bad:#ff8d84;--warn:#f0b45a;"
    "--grid:#2a313a}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;max-width:76rem;padding:1rem;background:var(--bg);"
    "color:var(--fg);font:16px/1.5 system-ui,-apple-system,\"Segoe "
    "UI\",Roboto,sans-serif}\n"
    "h1{font-size:1.7rem;line-height:1.2;margin:.5rem 0;overflow-wrap:anywhere}\n"
    "h2{font-size:1.25rem;margin:2.5rem 0 .5rem;padding-top:.75rem;"
    "border-top:1px solid var(--line)}\n"
    "h3{font-size:1rem;margin:1.25rem 0 .25rem}\n"
    "p{margin:.5rem 0}\n"
    ".soft,caption{color:var(--soft);font-size:.875rem}\n"
    "a{color:var(--accent)}\n"
    "nav ul{list-style:none;padding:0;margin:1rem 0;display:flex;flex-wrap:wrap;"
    "gap:.25rem 1rem}\n"
    "nav a{display:inline-block;padding:.25rem 0}\n"
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));"
    "gap:.75rem;margin:1rem 0;padding:0}\n"
    ".cards div{background:var(--card);border:1px solid var(--line);border-radius:.5rem;"
    "padding:.6rem .8rem}\n"
    ".cards dt{color:var(--soft);font-size:.875rem}\n"
    ".cards dd{margin:0;font-size:1.35rem;font-variant-numeric:tabular-nums}\n"
    ".cards .bad dd,.bad{color:var(--bad)}\n"
    ".warn{color:var(--warn)}\n"
    ".charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,25rem),"
    "1fr));"
    "gap:1rem 1.5rem}\n"
    "figure{margin:0}\n"
    "figcaption{font-weight:600;font-size:.95rem}\n"
    ".chart{display:block;width:100%;height:auto}\n"
    ".chart text{font:12px system-ui,sans-serif;fill:var(--soft)}\n"
    "@media(max-width:30rem){.chart text{font-size:14px}}\n"
    ".chart .grid{stroke:var(--grid);stroke-width:1}\n"
    ".chart .cut{stroke:var(--soft);stroke-width:1;stroke-dasharray:3 3}\n"
    ".chart path{fill:none;stroke:var(--accent);stroke-width:1.5;stroke-linejoin:round}\n"
    ".chart .area{fill:var(--accent);fill-opacity:.18}\n"
    ".chart .l2{stroke:var(--warn);stroke-dasharray:5 2}\n"
    ".chart .l3{stroke:var(--bad);stroke-dasharray:2 2}\n"
    ".chart.errors .area{stroke:var(--bad);fill:var(--bad)}\n"
    ".bar{display:block;width:100%;min-width:5rem;height:.6rem;background:var(--grid);"
    "border-radius:.2rem}\n"
    ".bar rect{fill:var(--accent)}\n"
    ".scroll{overflow:auto;max-height:34rem;margin:.5rem 0}\n"
    ".two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,27rem),1fr))"
    ";"
    "gap:0 2rem;align-items:start}\n"
    ".two>*{min-width:0}\n"
    "table{border-collapse:collapse;width:100%;font-size:.9rem}\n"
    "caption{text-align:left;padding:.25rem 0}\n"
    "th,td{text-align:left;vertical-align:top;padding:.3rem .75rem .3rem 0;"
    "border-bottom:1px solid var(--line)}\n"
    "thead th{position:sticky;top:0;background:var(--bg);color:var(--soft);"
    "font-weight:600;font-size:.8rem;white-space:nowrap}\n"
    "tbody th{font-weight:400}\n"
    ".n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}\n"
    ".u{overflow-wrap:anywhere;min-width:13rem}.t{overflow-wrap:anywhere}.y{display:"
    "inline-block;white-space:normal;max-width:16rem}.n,.c{width:1%}"
    "\n"
    ".w{width:35%;vertical-align:middle}\n"
    ".c{white-space:nowrap}\n"
    "td ul{margin:0;padding-left:1.1rem}\n"
    "footer{margin-top:3rem;color:var(--soft);font-size:.875rem}\n"
    "@media print{:root{--bg:#fff;--fg:#000;--soft:#333;--line:#999;--card:#fff;"
    "--accent:#003f7d;--bad:#8c0d07;--warn:#5f3a00;--grid:#ddd}"
    "body{max-width:none;padding:0;font-size:10pt}nav{display:none}"
    ".scroll{max-height:none;overflow:visible}.u{min-width:0}thead th{position:static}"
    "a{text-decoration:none}.charts,.two{grid-template-columns:1fr 1fr}figure,.cards "
    "div,tr{break-inside:avoid}"
    "h2,h3{break-after:avoid}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}"
    "}\n";

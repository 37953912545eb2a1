// Lines and bars in SVG, from the figures of the last minutes.

import { h, svg, rate, duration, number } from "./dom.js";

const WINDOWS_S = [60, 120, 300];

function line_path(points) {
	let d = "",
		broken = true;
	for (const p of points) {
		if (p === null) {
			broken = true;
			continue;
		}
		d += `${broken ? "M" : "L"}${p[0].toFixed(1)} ${p[1].toFixed(1)}`;
		broken = false;
	}
	return d;
}

// A round number at or above n: 1, 2, 5, 10 ...
function ceiling(n) {
	if (!(n > 0)) return 1;
	const ten = 10 ** Math.floor(Math.log10(n));
	return [1, 2, 5, 10].map((f) => f * ten).find((v) => v >= n * 0.999);
}

// samples: [{t (seconds), ...}]; a gap of more than 5 s breaks the line.
function points_of(samples, key, x_of, y_of) {
	const points = [];
	let before = null;
	for (const s of samples) {
		if (before !== null && s.t - before > 5) points.push(null);
		points.push([x_of(s.t), y_of(s[key])]);
		before = s.t;
	}
	return points;
}

const peak = (samples, keys) => samples.reduce((m, s) => Math.max(m, ...keys.map((k) => s[k] || 0)), 0);

// A line of the rate without axes; its figures stand in the table's other cells.
export function sparkline() {
	const W = 120,
		H = 28,
		span = 60;
	const path = svg("path", { class: "line rate" });
	const bad = svg("path", { class: "line errors" });
	const el = svg(
		"svg",
		{ class: "spark", viewBox: `0 0 ${W} ${H}`, width: W, height: H, "aria-hidden": "true" },
		path,
		bad,
	);
	function update(samples) {
		const now = samples.length ? samples[samples.length - 1].t : 0;
		const some = samples.filter((s) => s.t >= now - span);
		const top = ceiling(peak(some, ["rate", "errors"]));
		const x = (t) => W - ((now - t) / span) * W;
		const y = (v) => H - 2 - (v / top) * (H - 4);
		path.setAttribute("d", line_path(points_of(some, "rate", x, y)));
		bad.setAttribute("d", line_path(points_of(some, "errors", x, y)));
	}
	return { el, update };
}

// lines: [{key, name, kind (class)}], all of one unit.
export function chart(title, unit, lines) {
	const HEIGHT = 190,
		LEFT = 48,
		BOTTOM = 22,
		TOP = 10,
		RIGHT = 8;
	const drawing = svg("svg", { class: "chart", role: "img", height: HEIGHT });
	const now_text = lines.map((l) => ({ ...l, el: h("b", null, "–") }));
	const legend = h(
		"ul",
		{ class: "legend" },
		now_text.map((l) =>
			h(
				"li",
				null,
				svg(
					"svg",
					{ width: 26, height: 10, "aria-hidden": "true" },
					svg("path", { class: `line ${l.kind}`, d: "M1 5H25" }),
				),
				` ${l.name}: `,
				l.el,
				` ${unit}`,
			),
		),
	);
	const el = h("figure", { class: "figure" }, h("figcaption", null, title), legend, drawing);

	function axis(width, top, span) {
		const parts = [];
		for (const share of [0, 0.5, 1]) {
			const y = TOP + (1 - share) * (HEIGHT - TOP - BOTTOM);
			parts.push(
				svg("path", { class: "grid", d: `M${LEFT} ${y}H${width - RIGHT}` }),
				svg("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, rate(top * share)),
			);
		}
		for (const [share, text, anchor] of [
			[0, `${span / 60} min ago`, "start"],
			[1, "now", "end"],
		])
			parts.push(
				svg(
					"text",
					{ x: LEFT + share * (width - LEFT - RIGHT), y: HEIGHT - 5, "text-anchor": anchor },
					text,
				),
			);
		return parts;
	}

	function update(all) {
		const width = Math.max(el.clientWidth, 240);
		const last = all[all.length - 1];
		const now = last ? last.t : 0,
			age = last ? now - all[0].t : 0;
		const span = WINDOWS_S.find((w) => w >= age) || WINDOWS_S[WINDOWS_S.length - 1];
		const samples = all.filter((s) => s.t >= now - span);
		const top = ceiling(
			peak(
				samples,
				lines.map((l) => l.key),
			),
		);
		const x = (t) => LEFT + (1 - (now - t) / span) * (width - LEFT - RIGHT);
		const y = (v) => TOP + (1 - v / top) * (HEIGHT - TOP - BOTTOM);
		for (const l of now_text) l.el.textContent = last ? rate(last[l.key]) : "–";
		drawing.setAttribute("width", width);
		drawing.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
		drawing.setAttribute(
			"aria-label",
			`${title}: ${now_text.map((l) => `${l.name} ${l.el.textContent} ${unit}`).join(", ")}`,
		);
		drawing.replaceChildren(
			...axis(width, top, span),
			...lines.map((l) =>
				svg("path", { class: `line ${l.kind}`, d: line_path(points_of(samples, l.key, x, y)) }),
			),
		);
	}
	return { el, update };
}

// Waits by cause: each a row of a table, with its share as a bar.
export function waits(parent) {
	const note = h("p", { class: "muted" }, "Nothing has waited yet.");
	const body = h("tbody");
	const el = h(
		"div",
		{ class: "scroll", tabindex: "0", role: "region", "aria-label": "Waits by cause" },
		h(
			"table",
			{ class: "waits" },
			h("caption", { class: "hidden" }, "Waits by cause"),
			h(
				"thead",
				null,
				h(
					"tr",
					null,
					h("th", { scope: "col" }, "Cause"),
					h("th", { scope: "col", class: "bar" }, "Share"),
					h("th", { scope: "col", class: "number" }, "Time of hosts"),
					h("th", { scope: "col", class: "number" }, "Hosts now"),
				),
			),
			body,
		),
	);
	parent.append(note, el);
	return function (wait_ms, waiting_now) {
		const all = Object.entries(wait_ms || {}).sort((a, b) => b[1] - a[1]);
		const total = all.reduce((sum, [, ms]) => sum + ms, 0) || 1;
		note.hidden = all.length > 0;
		el.hidden = all.length === 0;
		body.replaceChildren(
			...all.map(([cause, ms]) =>
				h(
					"tr",
					null,
					h("th", { scope: "row" }, cause),
					h(
						"td",
						{ class: "bar" },
						svg(
							"svg",
							{ viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
							svg("rect", {
								class: "bar",
								width: Math.max((ms / total) * 100, 0.5),
								height: 8,
							}),
						),
						h("span", null, `${Math.round((ms / total) * 100)} %`),
					),
					h("td", { class: "number" }, duration(ms)),
					h("td", { class: "number" }, waiting_now ? number(waiting_now[cause]) : "–"),
				),
			),
		);
	};
}

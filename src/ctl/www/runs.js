// All runs: those that go on, live; those that are over, page by page.

import {
	h,
	table,
	keyed,
	number,
	rate,
	state_el,
	set_state,
	set_text,
	time_el,
	is_over,
	once_a_frame,
} from "./dom.js";
import { sparkline } from "./chart.js";
import { run_buttons } from "./actions.js";
import { open_runs, store, watch } from "./live.js";
import { pager } from "./pager.js";

function live_row(e) {
	const spark = sparkline(),
		buttons = run_buttons();
	const state = state_el(e.run.state);
	const cells = { rate: h("b"), pages: h("span"), queued: h("span"), errors: h("span") };
	const why = h("div", { class: "muted small" });
	const el = h(
		"tr",
		{ "data-run": e.run.id },
		h(
			"th",
			{ scope: "row" },
			h("a", { href: `#/runs/${e.run.id}` }, `${e.run.id}`),
			" ",
			h("span", { class: "job" }, e.run.job),
			why,
		),
		h("td", null, state),
		h("td", { class: "pace" }, spark.el, cells.rate),
		h("td", { class: "number" }, cells.pages),
		h("td", { class: "number" }, cells.queued),
		h("td", { class: "number" }, cells.errors),
		h("td", null, buttons.el),
	);
	function update(now) {
		const s = now.run.stats || {},
			last = now.samples[now.samples.length - 1];
		const out = s.outcomes || {};
		set_state(state, now.run.state);
		set_text(cells.rate, now.run.crawling && last ? `${rate(last.rate)}/s` : "–");
		set_text(cells.pages, number(s.pages));
		set_text(cells.queued, number(s.queued));
		set_text(
			cells.errors,
			number(
				now.progress
					? now.progress.errors
					: (s.failed || 0) + (out["http-4xx"] || 0) + (out["http-5xx"] || 0),
			),
		);
		set_text(why, now.run.why || "");
		spark.update(now.samples);
		buttons.update(now.run);
	}
	return { el, update };
}

function old_row(run) {
	const s = run.stats || {};
	return h(
		"tr",
		null,
		h(
			"th",
			{ scope: "row" },
			h("a", { href: `#/runs/${run.id}` }, `${run.id}`),
			" ",
			h("span", { class: "job" }, run.job),
		),
		h("td", null, state_el(run.state)),
		h("td", { class: "number" }, number(s.pages)),
		h("td", { class: "number" }, number(s.failed)),
		h("td", null, run.ended_at ? time_el(run.ended_at) : "–"),
		h("td", { class: "small" }, run.why || (run.end !== run.state && run.end) || ""),
	);
}

export function runs_view(main) {
	const live = table(
		"Runs that go on",
		[
			["Run"],
			["State"],
			["Pages a second"],
			["Pages", "number"],
			["Queue", "number"],
			["Errors", "number"],
			["Actions"],
		],
		true,
	);
	const old = table(
		"Runs that are over",
		[["Run"], ["State"], ["Pages", "number"], ["Failed", "number"], ["Ended"], ["How"]],
		true,
	);
	const none = h(
		"p",
		null,
		"No run goes on. ",
		h("a", { href: "#/jobs" }, "Start one of the jobs"),
		", or ",
		h("a", { href: "#/new" }, "make a new job"),
		".",
	);
	const show_live = keyed(live.body, live_row);
	const past = pager(
		(cursor) => `runs?state=done,cancelled,failed&limit=20${cursor ? `&cursor=${cursor}` : ""}`,
		(items, is_first) => {
			const rows = items.map(old_row);
			if (is_first) old.body.replaceChildren(...rows);
			else old.body.append(...rows);
			old.el.hidden = old.body.childElementCount === 0;
		},
		"No run is over yet.",
	);

	main.append(
		h(
			"div",
			{ class: "row" },
			h("h1", { tabindex: "-1" }, "Runs"),
			h("a", { class: "button primary", href: "#/new" }, "New job"),
		),
		h(
			"section",
			{ "aria-labelledby": "live-title" },
			h("h2", { id: "live-title" }, "Going on"),
			none,
			live.el,
		),
		h(
			"section",
			{ "aria-labelledby": "old-title" },
			h("h2", { id: "old-title" }, "Over"),
			old.el,
			past.el,
		),
	);

	function update() {
		const all = open_runs();
		const known = store.link === "live" || store.link === "polling";
		none.hidden = all.length > 0 || !known;
		live.el.hidden = all.length === 0;
		show_live(all, (e) => e.run.id);
	}
	const update_soon = once_a_frame(update);
	update();
	past.reload();
	return watch((what) => {
		update_soon();
		if (
			(what.kind === "run" && is_over(what.state) && what.was !== what.state) ||
			(what.kind === "link" && what.was === "gone")
		)
			past.reload();
	});
}

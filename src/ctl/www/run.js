// One run: how it goes, its hosts, pages, one page's life, its log.

import {
	h,
	table,
	keyed,
	number,
	count,
	rate,
	bytes,
	duration,
	state_el,
	set_state,
	set_text,
	time_el,
	is_over,
	visible,
	once_a_frame,
} from "./dom.js";
import { get, sentence } from "./api.js";
import { chart, waits } from "./chart.js";
import { run_buttons } from "./actions.js";
import { store, take_run, watch } from "./live.js";
import { pages_view } from "./pages.js";
import { change_view } from "./change.js";
import { explain_view } from "./explain.js";

const PARTS = [
	["", "Overview"],
	["pages", "Pages"],
	["hosts", "Hosts"],
	["explain", "One page"],
	["log", "Log"],
	["change", "Change"],
];
const AGAIN_MS = 2000;

function tiles(names) {
	const values = new Map();
	const el = h(
		"dl",
		{ class: "tiles" },
		names.map((name) => {
			const value = h("dd", null, "–");
			values.set(name, value);
			return h("div", null, h("dt", null, name), value);
		}),
	);
	return { el, set: (name, text) => set_text(values.get(name), text) };
}

function overview(main, id) {
	const figures = tiles([
		"Pages",
		"Pages a second",
		"Queue",
		"In flight",
		"Failed",
		"Left out",
		"Received",
		"Time",
	]);
	const pace = chart("Pages and errors", "a second", [
		{ key: "rate", name: "pages", kind: "rate" },
		{ key: "errors", name: "errors", kind: "errors" },
	]);
	const queue = chart("Queue", "URLs", [{ key: "queued", name: "waiting", kind: "queue" }]);
	const held = h("p", { class: "muted" });
	const wait_box = h("div"),
		outcome_body = table("Outcomes", [["Outcome"], ["URLs", "number"]], true);
	const show_waits = waits(wait_box);
	const show_outcomes = keyed(outcome_body.body, ([name]) => {
		const n = h("td", { class: "number" });
		return {
			el: h(
				"tr",
				null,
				h("th", { scope: "row" }, h("a", { href: `#/runs/${id}/pages?outcome=${name}` }, name)),
				n,
			),
			update: ([, count]) => set_text(n, number(count)),
		};
	});
	const charts = h(
		"section",
		{ class: "charts", "aria-label": "The last minutes" },
		pace.el,
		queue.el,
	);
	main.append(
		figures.el,
		charts,
		h(
			"div",
			{ class: "two" },
			h(
				"section",
				{ "aria-labelledby": "waits-title" },
				h("h2", { id: "waits-title" }, "Waits by cause"),
				held,
				wait_box,
			),
			h(
				"section",
				{ "aria-labelledby": "out-title" },
				h("h2", { id: "out-title" }, "Outcomes"),
				outcome_body.el,
			),
		),
	);
	return function (e) {
		const s = e.run.stats || {},
			p = e.progress || {},
			last = e.samples[e.samples.length - 1];
		figures.set("Pages", number(s.pages));
		figures.set("Pages a second", rate(last && e.run.crawling ? last.rate : s.pages_per_second));
		figures.set("Queue", number(s.queued));
		figures.set("In flight", number(e.run.crawling ? s.in_flight : 0));
		figures.set("Failed", number(s.failed));
		figures.set("Left out", number(s.rejected));
		figures.set("Received", bytes(s.bytes_wire));
		figures.set("Time", duration(s.ms));
		set_text(
			held,
			e.run.crawling && s.held_by && s.held_by !== "none"
				? `All of it is held by ${s.held_by}.`
				: "",
		);
		/* The lines begin when this page does: of what was over by then there are none. */
		charts.hidden = e.samples.length === 0 && is_over(e.run.state);
		pace.update(e.samples);
		queue.update(e.samples);
		show_waits(p.wait_ms || s.wait_ms, e.run.crawling ? p.waiting_now : null);
		show_outcomes(
			Object.entries(s.outcomes || {}).sort((a, b) => b[1] - a[1]),
			([name]) => name,
		);
	};
}

// fn() now and again and again until the returned one is called; waits for each.
function again(fn) {
	let on = true,
		timer = 0;
	async function turn() {
		await fn();
		if (on) timer = setTimeout(turn, AGAIN_MS);
	}
	turn();
	return () => {
		on = false;
		clearTimeout(timer);
	};
}

const HOST_COLUMNS = [
	["Host"],
	["State"],
	["Queue", "number"],
	["Done", "number"],
	["In flight", "number"],
];
function host_state(x) {
	if (x.given_up) return `given up: ${x.given_up}`;
	if (x.verdict) return `politeness ${x.verdict}`;
	if (!x.waits_for || x.waits_for === "none") return x.queued > 0 || x.in_flight > 0 ? "ready" : "–";
	return x.wait_ms > 0
		? `waits for ${x.waits_for}, ${duration(x.wait_ms)}`
		: `waits for ${x.waits_for}`;
}

function hosts_view(main, id) {
	const list = table("Hosts of this run", HOST_COLUMNS, true);
	const note = h("p", { class: "muted", role: "status" });
	const show = keyed(list.body, (x) => {
		const cells = HOST_COLUMNS.slice(1).map(([, kind]) => h("td", { class: kind }));
		return {
			el: h("tr", null, h("th", { scope: "row" }, h("bdi", { class: "url" }, x.host)), cells),
			update: (now) => {
				const given = (n) => (n === undefined ? "–" : number(n));
				[
					host_state(now),
					given(now.queued),
					given(now.done !== undefined ? now.done : now.requests),
					given(now.in_flight),
				].forEach((text, i) => set_text(cells[i], text));
			},
		};
	});
	const as_of = { now: "As it is now", commit: "As of the last commit", report: "From the report" };
	main.append(
		h(
			"section",
			{ "aria-labelledby": "hosts-title" },
			h("h2", { id: "hosts-title" }, "Hosts"),
			note,
			list.el,
		),
	);
	return again(async () => {
		const e = store.runs.get(id);
		if (list.body.childElementCount > 0 && e && e.run && !e.run.crawling) return;
		try {
			const got = await get(`runs/${id}/hosts?limit=64`);
			show(got.items, (x) => x.host);
			set_text(
				note,
				`${as_of[got.as_of] || got.as_of}: ${count(got.items.length, "host")}, the busiest first.`,
			);
		} catch (p) {
			set_text(note, sentence(p));
		}
	});
}

function log_view(main, id) {
	const text = h("pre", {
		class: "log",
		tabindex: "0",
		role: "region",
		"aria-label": "Last lines of the log",
	});
	const of = h(
		"select",
		{ id: "log-of", change: () => load() },
		h("option", { value: "crawl" }, "crawl.log"),
		h("option", { value: "rejected" }, "rejected.log"),
	);
	const note = h("p", { class: "muted", role: "status" });
	main.append(
		h(
			"section",
			{ "aria-labelledby": "log-title" },
			h("h2", { id: "log-title" }, "Log"),
			h("div", { class: "filters" }, h("div", null, h("label", { for: "log-of" }, "File"), of)),
			note,
			text,
		),
	);
	async function load() {
		try {
			const got = await get(`runs/${id}/log?tail=200&of=${of.value}`);
			const below = text.scrollHeight - text.scrollTop - text.clientHeight < 40;
			set_text(text, got.items.join("\n"));
			set_text(note, got.items.length ? "" : "Nothing is written in it.");
			if (below) text.scrollTop = text.scrollHeight;
		} catch (p) {
			set_text(note, sentence(p));
		}
	}
	return again(load);
}

function head(main, id, part) {
	const state = state_el("queued"),
		buttons = run_buttons();
	const title = h("h1", { tabindex: "-1" }, `Run ${id}`),
		about = h("p", { class: "muted" });
	const why = h("p", { class: "why" });
	main.append(
		h("div", { class: "row" }, h("div", { class: "titled" }, title, state), buttons.el),
		about,
		why,
		h(
			"nav",
			{ class: "tabs", "aria-label": `Run ${id}` },
			PARTS.map(([name, text]) =>
				h(
					"a",
					{
						href: `#/runs/${id}${name ? `/${name}` : ""}`,
						"aria-current": name === part ? "page" : null,
					},
					text,
				),
			),
		),
	);
	buttons.el.hidden = state.hidden = true;
	return function (run) {
		state.hidden = false;
		set_state(state, run.state);
		buttons.update(run);
		set_text(title, `Run ${id} of ${run.job}`);
		set_text(
			why,
			run.why || (is_over(run.state) && run.end && run.end !== run.state ? run.end : ""),
		);
		const parts = [
			`by ${run.trigger}`,
			run.began_at ? "began " : "",
			run.began_at ? time_el(run.began_at) : "",
			run.ended_at ? ", ended " : "",
			run.ended_at ? time_el(run.ended_at) : "",
		];
		const key = `${run.began_at} ${run.ended_at}`;
		if (about.dataset.key !== key) {
			about.dataset.key = key;
			about.replaceChildren(`Started ${parts[0]}`, run.began_at ? ", " : "", ...parts.slice(1));
		}
	};
}

// What happened to it, read again whenever its state changed.
function history_view(main, id) {
	const list = table("History", [["When"], ["State"], ["Why"]], true);
	const note = h("p", { class: "muted" });
	let shown = "";
	main.append(
		h(
			"section",
			{ "aria-labelledby": "history-title" },
			h("h2", { id: "history-title" }, "History"),
			note,
			list.el,
		),
	);
	return async function (run) {
		const key = `${run.state} ${run.revision}`;
		if (key === shown) return;
		shown = key;
		try {
			const got = await get(`runs/${id}/history`);
			if (key !== shown) return;
			list.body.replaceChildren(
				...got.items.map((x) =>
					h(
						"tr",
						null,
						h("th", { scope: "row" }, time_el(x.at)),
						h("td", null, state_el(x.state)),
						h("td", null, visible(x.why || "")),
					),
				),
			);
			set_text(note, "");
		} catch (p) {
			shown = "";
			set_text(note, sentence(p));
		}
	};
}

export function run_view(main, id, part, query) {
	const show_head = head(main, id, part);
	let show = () => {},
		stop = () => {};
	if (part === "pages") stop = pages_view(main, id, query);
	else if (part === "hosts") stop = hosts_view(main, id);
	else if (part === "explain") stop = explain_view(main, id, query);
	else if (part === "change") stop = change_view(main, id);
	else if (part === "log") stop = log_view(main, id);
	else {
		const figures = overview(main, id),
			history = history_view(main, id);
		show = (e) => {
			figures(e);
			history(e.run);
		};
	}

	function update() {
		const e = store.runs.get(id);
		if (!e || !e.run) return;
		show_head(e.run);
		show(e);
	}
	const note = h("p", { role: "alert" });
	main.prepend(note);
	let missing = false;
	const load = async () => {
		try {
			take_run(await get(`runs/${id}`));
			set_text(note, "");
		} catch (p) {
			missing = p.status === 404;
			/* That nobody answers is told above, for all views. */
			set_text(note, p.status === 0 || p.status === 401 ? "" : sentence(p));
		}
	};
	const update_soon = once_a_frame(update);
	const unwatch = watch((what) => {
		if (what.kind === "link" && what.was === "gone") load();
		else if (what.id === id) update_soon();
	});
	window.addEventListener("resize", update_soon);
	update();
	/* Events of progress tell no outcomes. */
	const rest = again(async () => {
		const e = store.runs.get(id);
		if (missing) return;
		if (!e || !e.run || (e.run.crawling && part === "" && store.link === "live")) await load();
	});
	return () => {
		rest();
		unwatch();
		stop();
		window.removeEventListener("resize", update_soon);
	};
}

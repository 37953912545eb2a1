// A run that crawls gets more addresses, or other limits: first what it would do, then so.

import { h, table, number, visible, set_attr } from "./dom.js";
import { call, post, sentence } from "./api.js";
import { attempt, say } from "./actions.js";

const FIELDS = [
	{ id: "c-delay", path: ["fetch", "delay"], label: "Delay between requests to a host" },
	{ id: "c-per-host", path: ["fetch", "per_host"], label: "Requests at once to a host" },
	{ id: "c-rate", path: ["fetch", "rate"], label: "Requests a second at most" },
	{ id: "c-pages", path: ["limits", "max_pages"], label: "Pages at most" },
	{ id: "c-time", path: ["limits", "max_time"], label: "Time at most" },
	{ id: "c-depth", path: ["crawl", "depth"], label: "Links from a seed at most" },
	{ id: "c-exclude", path: ["crawl", "exclude"], label: "No addresses that match", is_lines: true },
];
const lines = (text) =>
	text
		.split("\n")
		.map((s) => s.trim())
		.filter(Boolean);

function field(f) {
	const props = {
		id: f.id,
		autocomplete: "off",
		spellcheck: "false",
		"aria-describedby": `${f.id}-error`,
	};
	const input = f.is_lines
		? h("textarea", { ...props, rows: 2 })
		: h("input", { ...props, type: "text" });
	const error = h("p", { class: "field-error", id: `${f.id}-error` });
	return {
		...f,
		input,
		error,
		el: h("div", { class: "field" }, h("label", { for: f.id }, f.label), input, error),
	};
}

// Errors at their fields; what is of none of them into `rest`.
function show_mistakes(fields, rest, p) {
	const left = [];
	let first = null;
	for (const e of p.errors) {
		const f = fields.find((x) => `${e.pointer || ""}/`.startsWith(`/${x.path.join("/")}/`));
		if (!f) {
			left.push(`${e.pointer || ""} ${e.detail}`);
			continue;
		}
		f.error.textContent = e.detail;
		set_attr(f.input, "aria-invalid", "true");
		first = first || f;
	}
	if (!first || left.length) rest.textContent = first ? left.join("; ") : sentence(p);
	if (first) first.input.focus();
}

function clear(fields, rest) {
	rest.textContent = "";
	for (const f of fields) {
		f.error.textContent = "";
		set_attr(f.input, "aria-invalid", null);
	}
}

function seeds_form(id) {
	const seeds = field({
		id: "c-seeds",
		path: ["seeds"],
		label: "Addresses, one a line",
		is_lines: true,
	});
	const rest = h("p", { class: "field-error", role: "alert" });
	const add = h("button", { type: "submit", class: "primary" }, "Add them");
	async function submit() {
		clear([seeds], rest);
		try {
			const got = await post(`runs/${id}/seeds`, { seeds: lines(seeds.input.value) });
			say(`${number(got.added)} added to run ${id}; ${number(got.known)} were known.`);
			seeds.input.value = "";
		} catch (p) {
			if (p.status === undefined) throw p;
			show_mistakes([seeds], rest, p);
		}
	}
	return h(
		"form",
		{
			novalidate: true,
			"aria-labelledby": "seeds-title",
			submit: (e) => {
				e.preventDefault();
				attempt(add, submit);
			},
		},
		seeds.el,
		rest,
		add,
	);
}

function patch_of(fields) {
	const patch = {};
	for (const f of fields) {
		const text = f.input.value.trim();
		if (text === "") continue;
		patch[f.path[0]] = patch[f.path[0]] || {};
		patch[f.path[0]][f.path[1]] = f.is_lines
			? lines(text)
			: /^\d{1,15}$/.test(text)
				? Number(text)
				: text;
	}
	return patch;
}

function show_change(result, got) {
	const list = table(got.preview ? "What it would change" : "What was changed", [
		["What"],
		["Before"],
		["After"],
	]);
	const text = (v) => (v === undefined ? "–" : visible(typeof v === "string" ? v : JSON.stringify(v)));
	const keys = [...new Set([...Object.keys(got.before || {}), ...Object.keys(got.after || {})])];
	list.body.append(
		...keys.map((k) =>
			h(
				"tr",
				null,
				h("th", { scope: "row" }, k),
				h("td", null, text(got.before[k])),
				h("td", null, text(got.after[k])),
			),
		),
	);
	const w = got.waiting_urls;
	result.replaceChildren(
		keys.length ? list.el : h("p", null, "Nothing would be different."),
		w
			? h(
					"p",
					null,
					`Of ${number(w.waiting)} URLs that wait ${number(w.sampled)} were looked at: ${number(w.would_be_out_of_scope)} would be out of scope, ${number(w.would_be_too_deep)} too deep.`,
				)
			: "",
	);
}

function limits_form(id) {
	const fields = FIELDS.map(field);
	const rest = h("p", { class: "field-error", role: "alert" });
	const result = h("div", { "aria-live": "polite" });
	const look = h("button", { type: "submit", class: "primary" }, "See what it would do");
	const change = h(
		"button",
		{ type: "button", click: () => attempt(change, () => send(false)) },
		"Change the run",
	);
	async function send(preview) {
		clear(fields, rest);
		result.replaceChildren();
		try {
			const got = await call(
				"PATCH",
				`runs/${id}${preview ? "?preview=1" : ""}`,
				patch_of(fields),
			);
			show_change(result, got.body);
			if (!preview) say(`Run ${id} was changed.`);
		} catch (p) {
			if (p.status === undefined) throw p;
			show_mistakes(fields, rest, p);
		}
	}
	return h(
		"form",
		{
			novalidate: true,
			"aria-labelledby": "limits-title",
			submit: (e) => {
				e.preventDefault();
				attempt(look, () => send(true));
			},
		},
		h(
			"p",
			{ class: "muted" },
			"What is left empty stays as it is. The job is not changed, this run is.",
		),
		h(
			"div",
			{ class: "job-form" },
			fields.map((f) => f.el),
		),
		rest,
		h("div", { class: "buttons" }, look, change),
		result,
	);
}

export function change_view(main, id) {
	main.append(
		h(
			"div",
			{ class: "two" },
			h(
				"section",
				{ "aria-labelledby": "limits-title" },
				h("h2", { id: "limits-title" }, "Other limits"),
				limits_form(id),
			),
			h(
				"section",
				{ "aria-labelledby": "seeds-title" },
				h("h2", { id: "seeds-title" }, "More addresses"),
				seeds_form(id),
			),
		),
	);
	return () => {};
}

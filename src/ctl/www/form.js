// A job is made or changed.  Its mistakes are told by the service, each at its field.

import { h, set_attr } from "./dom.js";
import { call, sentence } from "./api.js";
import { attempt, start, say } from "./actions.js";
import { short } from "./jobs.js";

const lines = (text) =>
	text
		.split("\n")
		.map((s) => s.trim())
		.filter(Boolean);
const scalar = (text) => (/^\d{1,15}$/.test(text) ? Number(text) : text);
const words = (text) =>
	text
		.split(",")
		.map((s) => s.trim())
		.filter(Boolean);
const plain = (v) =>
	typeof v === "string" ? v.replace(/^\d+ms$/, (ms) => short(parseInt(ms, 10))) : String(v);

// path: where it stands in a job; kind: how the control's text becomes a value and back.
const FIELDS = [
	{ id: "name", path: ["name"], label: "Name", help: "Letters, digits, . _ and -", required: true },
	{
		id: "seeds",
		path: ["seeds"],
		label: "Addresses to begin with",
		kind: "lines",
		help: "One a line",
		required: true,
	},
	{
		id: "scope",
		path: ["crawl", "scope"],
		label: "How far it may go",
		options: [
			["", "as the service has it (host)"],
			["page", "page: these pages only"],
			["prefix", "prefix: below these addresses"],
			["host", "host: these hosts"],
			["domain", "domain: these domains"],
			["any", "any: anywhere"],
		],
	},
	{ id: "depth", path: ["crawl", "depth"], label: "Links from there at most" },
	{ id: "max_pages", path: ["limits", "max_pages"], label: "Pages at most" },
	{ id: "max_time", path: ["limits", "max_time"], label: "Time at most", help: "As 30m or 6h" },
	{
		id: "delay",
		path: ["fetch", "delay"],
		label: "Delay between requests to a host",
		help: "auto, or as 500ms or 2s",
	},
	{ id: "per_host", path: ["fetch", "per_host"], label: "Requests at once to a host" },
	{
		id: "include",
		path: ["crawl", "include"],
		label: "Only addresses that match",
		kind: "lines",
		help: "Regular expressions, one a line",
	},
	{
		id: "exclude",
		path: ["crawl", "exclude"],
		label: "No addresses that match",
		kind: "lines",
		help: "Regular expressions, one a line",
	},
	{ id: "every", path: ["schedule", "every"], label: "Run every", help: "As 6h or 7d" },
	{ id: "at", path: ["schedule", "at"], label: "Run at", kind: "words", help: "As 03:00, 15:00" },
	{
		id: "cron",
		path: ["schedule", "cron"],
		label: "Run by cron lines",
		kind: "lines",
		help: "As 0 3 * * mon, one a line",
	},
	{
		id: "more",
		path: null,
		label: "More, as JSON",
		kind: "json",
		help: 'Anything of a job file, as {"net": {"proxy": …}}',
	},
];
const GROUPS = [
	["What", ["name", "seeds", "scope"]],
	["Limits", ["depth", "max_pages", "max_time"]],
	["Manners", ["delay", "per_host"]],
	["Which addresses", ["include", "exclude"]],
	["When", ["every", "at", "cron"]],
	["Else", ["more"]],
];

function control(f) {
	const about = [f.help && `${f.id}-help`, `${f.id}-error`].filter(Boolean).join(" ");
	const props = {
		id: f.id,
		name: f.id,
		"aria-describedby": about,
		"aria-required": f.required ? "true" : null,
		autocomplete: "off",
		spellcheck: "false",
	};
	if (f.options)
		return h(
			"select",
			props,
			f.options.map(([value, text]) => h("option", { value }, text)),
		);
	if (f.kind === "lines" || f.kind === "json")
		return h("textarea", { ...props, rows: f.id === "seeds" ? 4 : 2 });
	return h("input", { ...props, type: "text" });
}

function field(f) {
	const input = control(f),
		error = h("p", { class: "field-error", id: `${f.id}-error` });
	const el = h(
		"div",
		{ class: "field" },
		h(
			"label",
			{ for: f.id },
			f.label,
			f.required ? h("span", { class: "muted" }, " (required)") : null,
		),
		f.help ? h("p", { class: "muted small", id: `${f.id}-help` }, f.help) : null,
		input,
		error,
	);
	return { ...f, el, input, error };
}

// ---- a job's JSON and the controls ----

function put(spec, path, value) {
	let at = spec;
	for (const key of path.slice(0, -1)) {
		if (typeof at[key] !== "object" || at[key] === null) at[key] = {};
		at = at[key];
	}
	at[path[path.length - 1]] = value;
}

function take(spec, path) {
	let at = spec;
	for (const key of path.slice(0, -1)) {
		at = at[key];
		if (typeof at !== "object" || at === null) return undefined;
	}
	const last = path[path.length - 1],
		value = at[last];
	delete at[last];
	return value;
}

function value_of(f) {
	const text = f.input.value.trim();
	if (text === "") return undefined;
	return f.kind === "lines" ? lines(text) : f.kind === "words" ? words(text) : scalar(text);
}

// null: what is given as JSON is none, which was told at its field.
function spec_of(fields) {
	const more = fields.get("more");
	let spec = {};
	if (more.input.value.trim() !== "") {
		try {
			spec = JSON.parse(more.input.value);
		} catch (e) {
			return null;
		}
		if (typeof spec !== "object" || spec === null || Array.isArray(spec)) return null;
	}
	for (const f of fields.values()) {
		const value = f.path ? value_of(f) : undefined;
		if (value !== undefined) put(spec, f.path, value);
	}
	if (spec.seeds === undefined) spec.seeds = [];
	return spec;
}

function show_spec(fields, job) {
	const spec = structuredClone(job.spec || {});
	spec.name = job.name;
	for (const f of fields.values()) {
		const value = f.path ? take(spec, f.path) : undefined;
		if (value !== undefined)
			f.input.value = Array.isArray(value)
				? value.join(f.kind === "words" ? ", " : "\n")
				: plain(value);
	}
	for (const [key, value] of Object.entries(spec))
		if (typeof value === "object" && value !== null && Object.keys(value).length === 0)
			delete spec[key];
	fields.get("more").input.value = Object.keys(spec).length ? JSON.stringify(spec, null, 2) : "";
}

// ---- mistakes ----

function field_of(fields, pointer) {
	const parts = pointer
		.split("/")
		.slice(1)
		.map((p) => p.replace(/~1/g, "/").replace(/~0/g, "~"));
	for (const f of fields.values()) if (f.path && f.path.every((key, i) => parts[i] === key)) return f;
	return fields.get("more").input.value.trim() ? fields.get("more") : null;
}

function clear(fields, summary) {
	summary.replaceChildren();
	summary.hidden = true;
	for (const f of fields.values()) {
		f.error.textContent = "";
		set_attr(f.input, "aria-invalid", null);
	}
}

function mark(f, text) {
	f.error.textContent = f.error.textContent ? `${f.error.textContent}; ${text}` : text;
	set_attr(f.input, "aria-invalid", "true");
}

// Each at its field, all of them at the top, the first one gets the focus.
function show_mistakes(fields, summary, p) {
	const list = h("ul");
	let first = null;
	for (const e of p.errors) {
		const f = field_of(fields, e.pointer || "");
		if (!f) {
			list.append(h("li", null, `${e.pointer || ""} ${e.detail}`));
			continue;
		}
		const parts = (e.pointer || "").split("/").slice(1);
		const place =
			f.path && parts.length > f.path.length
				? `${f.kind === "lines" ? "line" : "value"} ${Number(parts[f.path.length]) + 1}: `
				: f.path
					? ""
					: `${e.pointer}: `;
		mark(f, place + e.detail);
		list.append(
			h(
				"li",
				null,
				h(
					"a",
					{
						href: `#${f.id}`,
						click: (ev) => {
							ev.preventDefault();
							f.input.focus();
						},
					},
					`${f.label}: ${place}${e.detail}`,
				),
			),
		);
		first = first || f;
	}
	summary.replaceChildren(
		h(
			"p",
			null,
			sentence(
				Object.assign(Object.create(Object.getPrototypeOf(p)), {
					status: p.status,
					message: p.message,
					errors: [],
				}),
			),
		),
		list,
	);
	summary.hidden = false;
	(first ? first.input : summary).focus();
}

// ---- the page ----

async function send(name, etag, spec) {
	if (name === null) return call("POST", "jobs", spec, { "Idempotency-Key": crypto_key() });
	return call("PUT", `jobs/${encodeURIComponent(name)}`, spec, { "If-Match": etag });
}

function crypto_key() {
	return [...crypto.getRandomValues(new Uint8Array(16))]
		.map((b) => b.toString(16).padStart(2, "0"))
		.join("");
}

// name: of the job that is changed; null: a new one.
export function form_view(main, name) {
	const fields = new Map(FIELDS.map((f) => [f.id, field(f)]));
	const summary = h("div", { class: "mistakes", role: "alert", tabindex: "-1", hidden: true });
	const at_once = h("input", { type: "checkbox", id: "at-once", checked: name === null });
	const save = h(
		"button",
		{ type: "submit", class: "primary" },
		name === null ? "Make the job" : "Save the job",
	);
	let etag = null;

	async function submit() {
		clear(fields, summary);
		const spec = spec_of(fields);
		if (spec === null) {
			mark(fields.get("more"), "is not a JSON object");
			fields.get("more").input.focus();
			return;
		}
		try {
			const got = await send(name, etag, spec);
			say(`The job ${got.body.name} was ${name === null ? "made" : "saved"}.`);
			const run = at_once.checked ? await start(got.body.name) : null;
			location.hash = run ? `#/runs/${run.id}` : "#/jobs";
		} catch (p) {
			if (p.status === undefined) throw p;
			show_mistakes(fields, summary, p);
			if (p.status === 412)
				summary.append(
					h(
						"button",
						{ type: "button", click: load },
						"Show it as it is now (what was typed here is lost)",
					),
				);
		}
	}
	async function load() {
		clear(fields, summary);
		try {
			const got = await call("GET", `jobs/${encodeURIComponent(name)}`);
			etag = got.etag;
			for (const f of fields.values()) f.input.value = "";
			show_spec(fields, got.body);
			fields.get("name").input.readOnly = true;
		} catch (p) {
			say(sentence(p), true);
		}
	}
	main.append(
		h("h1", { tabindex: "-1", id: "form-title" }, name === null ? "New job" : `Change ${name}`),
		summary,
		h(
			"form",
			{
				class: "job-form",
				"aria-labelledby": "form-title",
				novalidate: true,
				submit: (e) => {
					e.preventDefault();
					attempt(save, submit);
				},
			},
			GROUPS.map(([title, ids]) =>
				h(
					"fieldset",
					null,
					h("legend", null, title),
					ids.map((id) => fields.get(id).el),
				),
			),
			h(
				"div",
				{ class: "field check" },
				at_once,
				h("label", { for: "at-once" }, "Start a run at once"),
			),
			h(
				"div",
				{ class: "buttons" },
				save,
				h("a", { class: "button", href: "#/jobs" }, "Leave it"),
			),
		),
	);
	if (name !== null) load();
	return () => {};
}

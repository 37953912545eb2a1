// Elements and texts.  What comes from the net becomes a text node or an attribute that
// cannot run anything: nothing here, or elsewhere, parses markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(el, props, children) {
	for (const [name, value] of Object.entries(props || {})) {
		if (value === undefined || value === null || value === false) continue;
		if (typeof value === "function") el.addEventListener(name, value);
		else el.setAttribute(name, value === true ? "" : String(value));
	}
	el.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
	return el;
}

// h("button", {type: "button", click: f}, "Pause"): functions are listeners.
export function h(tag, props, ...children) {
	return fill(document.createElement(tag), props, children);
}

export function svg(tag, props, ...children) {
	return fill(document.createElementNS(SVG, tag), props, children);
}

export function set_text(el, text) {
	if (el.textContent !== text) el.textContent = text;
	return el;
}

export function set_attr(el, name, value) {
	if (value === null || value === undefined || value === false) el.removeAttribute(name);
	else if (el.getAttribute(name) !== String(value)) el.setAttribute(name, String(value));
}

// fn(), however often it is asked for, once a frame; never when nobody sees it.
export function once_a_frame(fn) {
	let frame = 0;
	return function () {
		if (frame === 0)
			frame = requestAnimationFrame(() => {
				frame = 0;
				fn();
			});
	};
}

// Rows that stay the elements they are while what they show changes: focus is kept.
// make(item) returns {el, update(item)}.
export function keyed(parent, make) {
	const rows = new Map();
	return function (items, key) {
		const wanted = new Set(items.map(key));
		for (const [k, row] of rows) {
			if (wanted.has(k)) continue;
			row.el.remove();
			rows.delete(k);
		}
		let at = parent.firstElementChild;
		for (const item of items) {
			let row = rows.get(key(item));
			if (!row) {
				row = make(item);
				rows.set(key(item), row);
			}
			if (row.el === at) at = at.nextElementSibling;
			else parent.insertBefore(row.el, at);
			row.update(item);
		}
	};
}

// On a phone each row is a card (style.css), whose lines have the names of the columns.
function label_cells(body, columns) {
	const watch = new MutationObserver((changes) => {
		for (const change of changes)
			for (const row of change.addedNodes)
				[...row.children].forEach((cell, i) => set_attr(cell, "data-label", columns[i][0]));
	});
	watch.observe(body, { childList: true });
}

// A table that scrolls by itself on a narrow screen, and can be scrolled by keys.
// columns: [["Pages", "number"], ...]
export function table(caption, columns, hide_caption) {
	const body = h("tbody");
	const head = columns.map(([name, kind]) =>
		name === "" ? h("td") : h("th", { scope: "col", class: kind }, name),
	);
	if (columns.length > 3) label_cells(body, columns);
	const el = h(
		"div",
		{
			class: columns.length > 3 ? "scroll cards" : "scroll",
			tabindex: "0",
			role: "region",
			"aria-label": caption,
		},
		h(
			"table",
			null,
			h("caption", { class: hide_caption ? "hidden" : null }, caption),
			h("thead", null, h("tr", null, head)),
			body,
		),
	);
	return { el, body };
}

// ---- texts ----

// Characters that are not seen, or turn the text around, are written out.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;
export function visible(text) {
	return String(text).replace(UNSEEN, (c) => `\\u{${c.codePointAt(0).toString(16).toUpperCase()}}`);
}

const whole = new Intl.NumberFormat("en");
const part = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
export const number = (n) => whole.format(n || 0);
export const rate = (n) => (n >= 100 ? whole.format(Math.round(n)) : part.format(n || 0));

export const count = (n, one, many) => `${number(n)} ${n === 1 ? one : many || `${one}s`}`;

// As the reports and the command line have them.
export function bytes(n) {
	const units = ["B", "kB", "MB", "GB", "TB"];
	let i = 0;
	n = n || 0;
	for (; n >= 999.95 && i < units.length - 1; i++) n /= 1000;
	return `${part.format(n)} ${units[i]}`;
}

export function duration(ms) {
	const s = Math.round((ms || 0) / 1000);
	if (ms < 1000) return `${Math.round(ms || 0)} ms`;
	if (s < 60) return `${s} s`;
	if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
	if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
	return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

export function time(text) {
	const at = new Date(text);
	if (!text || Number.isNaN(at.getTime())) return "–";
	return at.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });
}

export function time_el(text) {
	return h("time", { datetime: text, title: text }, time(text));
}

export function from_now(text) {
	const ms = new Date(text).getTime() - Date.now();
	return ms >= 0 ? `in ${duration(ms)}` : `${duration(-ms)} ago`;
}

// States and outcomes are told by a word and a sign, never by the colour alone.
const SIGNS = {
	running: "▶",
	paused: "❚❚",
	queued: "…",
	stopping: "◼",
	done: "✓",
	cancelled: "⊘",
	failed: "✗",
};
export function state_el(state) {
	const el = h("span", { class: "state" });
	set_state(el, state);
	return el;
}
export function set_state(el, state) {
	if (el.dataset.state === state) return;
	el.dataset.state = state;
	el.replaceChildren(h("span", { "aria-hidden": "true" }, `${SIGNS[state] || "?"} `), state);
}
export const is_over = (state) => state === "done" || state === "cancelled" || state === "failed";

// An address of the net: shown as text; a link only if it is one of the web.
export function url_el(url) {
	const text = h("bdi", { class: "url" }, visible(url));
	if (!/^https?:\/\//i.test(url)) return text;
	return h(
		"a",
		{ href: url, rel: "noreferrer noopener", target: "_blank" },
		text,
		h("span", { class: "hidden" }, " (opens in a new tab)"),
	);
}

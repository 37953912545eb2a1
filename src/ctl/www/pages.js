// The pages of a run: filters, and as many of them as one wants to see.

import { h, table, bytes, duration, visible } from "./dom.js";
import { pager } from "./pager.js";

const OUTCOMES = [
	"ok",
	"redirect",
	"not-modified",
	"duplicate-content",
	"http-4xx",
	"http-5xx",
	"dns-failure",
	"connect-failure",
	"tls-failure",
	"timeout-connect",
	"timeout-first-byte",
	"timeout-stall",
	"timeout-total",
	"protocol-error",
	"truncated",
	"too-large",
	"robots-denied",
	"robots-unreachable",
	"out-of-scope",
	"depth",
	"budget",
	"trap",
	"denied-address",
	"bad-url",
	"unsupported-scheme",
	"redirect-limit",
	"cancelled",
	"parse-crash",
	"parse-timeout",
	"known-good",
];
const SIGNS = { ok: "✓", redirect: "↪", "not-modified": "＝", "duplicate-content": "≡" };

function row(id, page) {
	const at = `#/runs/${id}/explain?url=${encodeURIComponent(page.url)}`;
	const title = page.title
		? h("div", { class: "small title" }, h("bdi", null, visible(page.title)))
		: null;
	return h(
		"tr",
		null,
		h(
			"th",
			{ scope: "row" },
			h("a", { href: at }, h("bdi", { class: "url" }, visible(page.url))),
			title,
			page.why ? h("div", { class: "small muted" }, visible(page.why)) : null,
		),
		h(
			"td",
			{ class: "nowrap" },
			h("span", { "aria-hidden": "true" }, `${SIGNS[page.outcome] || "✗"} `),
			page.outcome,
		),
		h("td", { class: "number" }, page.status ? String(page.status) : "–"),
		h("td", null, visible(page.mime || "–")),
		h(
			"td",
			{ class: "number nowrap" },
			page.bytes_body === undefined ? "–" : bytes(page.bytes_body),
		),
		h(
			"td",
			{ class: "number nowrap" },
			page.ms && page.ms.total !== undefined ? duration(page.ms.total) : "–",
		),
	);
}

export function pages_view(main, id, query) {
	const list = table(
		"Pages of this run",
		[
			["Address and title"],
			["Outcome"],
			["Status", "number"],
			["Type"],
			["Size", "number"],
			["Time", "number"],
		],
		true,
	);
	list.el.classList.add("compact");
	const outcome = h(
		"select",
		{ id: "f-outcome" },
		h("option", { value: "" }, "any"),
		OUTCOMES.map((o) => h("option", { value: o }, o)),
	);
	const status = h("input", { id: "f-status", size: 8, autocomplete: "off", placeholder: "404, 5xx" });
	const text = h("input", { id: "f-text", type: "search", autocomplete: "off" });
	const sort = h(
		"select",
		{ id: "f-sort" },
		h("option", { value: "-at" }, "newest first"),
		h("option", { value: "at" }, "oldest first"),
	);
	outcome.value = OUTCOMES.includes(query.get("outcome")) ? query.get("outcome") : "";
	status.value = query.get("status") || "";
	text.value = query.get("contains") || "";

	const filters = () => {
		const q = new URLSearchParams();
		if (outcome.value) q.set("outcome", outcome.value);
		if (status.value.trim()) q.set("status", status.value.replace(/\s+/g, ""));
		if (text.value.trim()) q.set("contains", text.value.trim());
		return q;
	};
	const paged = pager(
		(cursor) => {
			const q = filters();
			q.set("limit", "50");
			q.set("sort", sort.value);
			if (cursor) q.set("cursor", cursor);
			return `runs/${id}/pages?${q}`;
		},
		(items, is_first) => {
			const rows = items.map((page) => row(id, page));
			if (is_first) list.body.replaceChildren(...rows);
			else list.body.append(...rows);
		},
		"There are no such pages.",
	);

	const field = (label, el) => h("div", null, h("label", { for: el.id }, label), el);
	main.append(
		h(
			"section",
			{ "aria-labelledby": "pages-title" },
			h("h2", { id: "pages-title" }, "Pages"),
			h(
				"form",
				{
					class: "filters",
					"aria-label": "Filter pages",
					submit: (e) => {
						e.preventDefault();
						history.replaceState(null, "", `#/runs/${id}/pages?${filters()}`);
						paged.reload();
					},
				},
				field("Outcome", outcome),
				field("Status", status),
				field("Address contains", text),
				field("Order", sort),
				h("button", { type: "submit", class: "primary" }, "Show"),
			),
			list.el,
			paged.el,
		),
	);
	paged.reload();
	return () => {};
}

// One page's life: how it was found, what was decided by which rule, what came of it.

import { h, visible, url_el, time, duration, bytes, count } from "./dom.js";
import { get, sentence } from "./api.js";

const WAYS = {
	L: "link",
	E: "embedded",
	R: "redirect",
	I: "sitemap",
	X: "guessed",
	P: "prerequisite",
	F: "form",
};

const way = (hops) => [...hops].map((c) => WAYS[c] || c).join(", then ");

function step(title, ...more) {
	return h("li", null, h("b", null, title), ...more.filter(Boolean).map((m) => h("div", null, m)));
}

function found(x) {
	if (x.outcome === "not-discovered")
		return step(
			"Not discovered in this run",
			x.would_be &&
				`It would be: ${x.would_be.outcome}${x.would_be.rule ? `, by ${visible(x.would_be.rule)}` : ""}`,
		);
	return step(
		"Found",
		x.via ? h("span", null, "on ", url_el(x.via)) : "as a seed",
		x.hops && `by ${way(x.hops)}`,
		x.depth !== undefined && `${count(x.depth, "link")} from the seed`,
		x.kind && `named by ${visible(x.kind)}`,
	);
}

function waiting(x) {
	if (x.outcome !== "waiting") return null;
	const q = x.queue || {},
		host = x.host || {};
	return step(
		"Waiting",
		q.place && `place ${q.place} of ${q.queued} of its host`,
		q.held_by && `until the crawl goes on, which ended: ${visible(q.held_by)}`,
		q.not_before && `not before ${time(q.not_before)}`,
		host.waits_for && `its host waits for ${host.waits_for}`,
		host.next_at && `its host is next asked at ${time(host.next_at)}`,
	);
}

function asked(x) {
	const p = x.page;
	if (!p) return null;
	const ms = p.ms || {};
	return step(
		"Fetched",
		p.status && `status ${p.status}`,
		p.mime && visible(p.mime),
		p.title && h("bdi", null, `“${visible(p.title)}”`),
		p.bytes_body !== undefined && `${bytes(p.bytes_body)} of body`,
		p.links !== undefined && `${count(p.links, "link")} on it`,
		ms.total !== undefined &&
			`in ${duration(ms.total)} (${Object.entries(ms)
				.filter(([k]) => k !== "total")
				.map(([k, v]) => `${k.replace("_", " ")} ${v} ms`)
				.join(", ")})`,
		p.redirect_to && h("span", null, "leads to ", url_el(p.redirect_to)),
		p.warc && `archived in ${visible(p.warc.file)} at ${p.warc.offset}`,
	);
}

function decided(x) {
	if (x.outcome === "waiting" || x.outcome === "not-discovered") return null;
	return step(
		`Outcome: ${x.outcome}`,
		x.since && `since ${time(x.since)}`,
		x.rule && `by the rule ${visible(x.rule)}`,
		x.robots_rule && `robots.txt: ${visible(x.robots_rule)}`,
		x.due_at &&
			(Date.parse(x.due_at) > Date.now()
				? `to be asked again at ${time(x.due_at)}`
				: "due in the next round, if there is one"),
	);
}

function story(x) {
	const tried =
		x.last_try &&
		step(
			`Tried ${count(x.tries || 1, "time")}`,
			`the last time at ${time(x.last_try.at)}: ${x.last_try.outcome}`,
			x.last_try.why && visible(x.last_try.why),
		);
	const host = x.host && x.host.given_up && step("Its host was given up", x.host.given_up);
	return h(
		"ol",
		{ class: "life" },
		[found(x), waiting(x), tried, asked(x), decided(x), host].filter(Boolean),
	);
}

export function explain_view(main, id, query) {
	const input = h("input", {
		id: "x-url",
		type: "text",
		inputmode: "url",
		autocomplete: "off",
		spellcheck: "false",
	});
	const result = h("div", { class: "result", "aria-live": "polite" });
	let turn = 0;
	input.value = query.get("url") || "";
	async function look() {
		const url = input.value.trim(),
			mine = ++turn;
		if (!url) return;
		result.replaceChildren(h("p", { class: "muted" }, "looking …"));
		try {
			const x = await get(`runs/${id}/explain?url=${encodeURIComponent(url)}`);
			if (mine === turn)
				result.replaceChildren(
					h("h3", null, url_el(x.url)),
					story(x),
					h(
						"details",
						null,
						h("summary", null, "All that is known"),
						h("pre", { class: "log", tabindex: "0" }, visible_json(x)),
					),
				);
		} catch (p) {
			if (mine === turn) result.replaceChildren(h("p", { class: "field-error" }, sentence(p)));
		}
	}
	const visible_json = (x) => JSON.stringify(x, null, 2).split("\n").map(visible).join("\n");
	main.append(
		h(
			"section",
			{ "aria-labelledby": "x-title" },
			h("h2", { id: "x-title" }, "One page’s life"),
			h(
				"form",
				{
					class: "filters",
					"aria-label": "Explain a page",
					submit: (e) => {
						e.preventDefault();
						history.replaceState(
							null,
							"",
							`#/runs/${id}/explain?url=${encodeURIComponent(input.value.trim())}`,
						);
						look();
					},
				},
				h("div", { class: "wide" }, h("label", { for: "x-url" }, "Address"), input),
				h("button", { type: "submit", class: "primary" }, "Explain"),
			),
			result,
		),
	);
	look();
	return () => {
		turn++;
	};
}

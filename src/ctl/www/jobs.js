// Jobs and when they run.

import { h, table, state_el, time_el, from_now, visible } from "./dom.js";
import { call, get, sentence } from "./api.js";
import { attempt, start, say } from "./actions.js";
import { ask } from "./dialog.js";
import { watch, store } from "./live.js";
import { pager } from "./pager.js";

const SCHEDULES_MAX = 50;

async function remove(job, reload) {
	if (
		!(await ask(
			`Delete ${job.name}?`,
			`The job ${job.name} is deleted; its runs stay.`,
			"Delete the job",
			true,
		))
	)
		return;
	await call("DELETE", `jobs/${encodeURIComponent(job.name)}`, undefined, {
		"If-Match": `"${job.revision}"`,
	});
	say(`The job ${job.name} was deleted.`);
	await reload();
	document.querySelector("h1").focus();
}

function run_links(job) {
	if (job.open_runs.length === 0) return "none";
	return job.open_runs.flatMap((id, i) => {
		const e = store.runs.get(id);
		return [
			i ? ", " : "",
			h("a", { href: `#/runs/${id}` }, `${id}`),
			e && e.run ? " " : "",
			e && e.run ? state_el(e.run.state) : "",
		];
	});
}

function row(job, reload) {
	const go = h(
		"button",
		{
			type: "button",
			"aria-label": `Start a run of ${job.name}`,
			click: () =>
				attempt(go, async () => {
					location.hash = `#/runs/${(await start(job.name)).id}`;
				}),
		},
		"Start",
	);
	const drop = h(
		"button",
		{
			type: "button",
			class: "danger",
			"aria-label": `Delete ${job.name}`,
			click: () => attempt(drop, () => remove(job, reload)),
		},
		"Delete …",
	);
	const edit = h(
		"a",
		{
			class: "button",
			href: `#/jobs/${encodeURIComponent(job.name)}`,
			"aria-label": `Change ${job.name}`,
		},
		"Change",
	);
	return h(
		"tr",
		null,
		h(
			"th",
			{ scope: "row" },
			job.name,
			job.file ? h("div", { class: "small muted" }, `of ${visible(job.file)}`) : null,
		),
		h("td", null, h("div", null, run_links(job))),
		h("td", null, job.next_at ? from_now(job.next_at) : "–"),
		h("td", null, job.changed_at ? time_el(job.changed_at) : "–"),
		h(
			"td",
			null,
			h("div", { class: "buttons" }, go, job.file ? null : edit, job.file ? null : drop),
		),
	);
}

const all_of = (v) => (Array.isArray(v) ? v.join(", ") : v);
function when(schedule) {
	const s = schedule || {};
	return (
		[
			s.every && `every ${s.every.replace(/^\d+ms$/, (ms) => short(parseInt(ms, 10)))}`,
			s.at && `at ${all_of(s.at)}`,
			s.cron && `cron ${all_of(s.cron)}`,
			s.jitter && `up to ${s.jitter} later`,
			s.catch_up === "skip" && "what was missed is left out",
		]
			.filter(Boolean)
			.join("; ") || "–"
	);
}
export function short(ms) {
	for (const [unit, size] of [
		["d", 86400000],
		["h", 3600000],
		["m", 60000],
		["s", 1000],
	])
		if (ms % size === 0) return `${ms / size}${unit}`;
	return `${ms}ms`;
}

async function load_schedules(body, note) {
	const list = await get(`jobs?scheduled=true&limit=${SCHEDULES_MAX}`);
	const specs = await Promise.all(
		list.items.map((job) => get(`jobs/${encodeURIComponent(job.name)}`).catch(() => job)),
	);
	specs.sort((a, b) => String(a.next_at || "9").localeCompare(String(b.next_at || "9")));
	body.replaceChildren(
		...specs.map((job) =>
			h(
				"tr",
				null,
				h("th", { scope: "row" }, job.name),
				h("td", null, job.spec ? visible(when(job.spec.schedule)) : "–"),
				h("td", null, job.next_at ? time_el(job.next_at) : "–"),
				h("td", null, job.next_at ? from_now(job.next_at) : "–"),
			),
		),
	);
	note.textContent =
		list.items.length === 0
			? "No job has a schedule."
			: list.next
				? `The first ${SCHEDULES_MAX} by name.`
				: "";
}

export function jobs_view(main) {
	const list = table(
		"Jobs",
		[["Job"], ["Runs going on"], ["Next run"], ["Changed"], ["Actions"]],
		true,
	);
	const plans = table("Schedules", [["Job"], ["When"], ["Next run"], ["Which is"]], true);
	const note = h("p", { class: "muted", role: "status" });
	const paged = pager(
		(cursor) => `jobs?limit=50${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`,
		(items, is_first) => {
			const rows = items.map((job) => row(job, reload));
			if (is_first) list.body.replaceChildren(...rows);
			else list.body.append(...rows);
			list.el.hidden = list.body.childElementCount === 0;
		},
		"There is no job yet.",
	);
	async function reload() {
		paged.reload();
		try {
			await load_schedules(plans.body, note);
		} catch (p) {
			note.textContent = sentence(p);
		}
		plans.el.hidden = plans.body.childElementCount === 0;
	}
	list.el.hidden = plans.el.hidden = true;
	main.append(
		h(
			"div",
			{ class: "row" },
			h("h1", { tabindex: "-1" }, "Jobs"),
			h("a", { class: "button primary", href: "#/new" }, "New job"),
		),
		h("section", { "aria-label": "All jobs" }, list.el, paged.el),
		h(
			"section",
			{ "aria-labelledby": "plans-title" },
			h("h2", { id: "plans-title" }, "Schedules"),
			note,
			plans.el,
		),
	);
	reload();
	return watch((what) => {
		if (what.kind === "link" && what.was === "gone") reload();
	});
}

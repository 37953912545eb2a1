// What goes on, as it goes on: the event stream, or where there is none, a call a second.
// EventSource cannot send a token nor tell why it was refused: the stream is read by fetch().

import { get, headers, open, Problem, LIST_MAX } from "./api.js";
import { is_over } from "./dom.js";

const SAMPLES_MAX = 310,
	LOG_MAX = 500,
	OVER_MAX = 100,
	POLL_MS = 1000,
	SILENCE_MS = 45000,
	WAIT_MAX_MS = 8000,
	POLL_AT_MOST_MS = 60000;

export const store = {
	runs: new Map(), // id -> {run, samples, progress}
	log: [],
	link: "connecting", // live, polling, gone, refused
	why: "",
};
const watchers = new Set();
let stop = null,
	last_id = "",
	timer = 0,
	wait_ms = 500,
	generation = 0;

export function watch(fn) {
	watchers.add(fn);
	return () => watchers.delete(fn);
}

function tell(what) {
	for (const fn of [...watchers]) fn(what);
}

function set_link(state, why) {
	const was = store.link;
	store.link = state;
	store.why = why || "";
	if (was !== state) tell({ kind: "link", was });
}

// ---- what is known of runs ----

function entry(id) {
	let e = store.runs.get(id);
	if (!e) {
		e = { run: null, samples: [], progress: null };
		store.runs.set(id, e);
	}
	return e;
}

function sample(e, t, rate, errors, queued) {
	e.samples.push({ t, rate, errors, queued });
	if (e.samples.length > SAMPLES_MAX) e.samples.shift();
}

const errors_of = (s) =>
	s.failed + ((s.outcomes || {})["http-4xx"] || 0) + ((s.outcomes || {})["http-5xx"] || 0);

// A tab may be open for months: of runs that are over the oldest are forgotten.
function forget(but) {
	const over = [...store.runs.values()].filter((e) => e.run && e !== but && is_over(e.run.state));
	for (const e of over.sort((a, b) => a.run.id - b.run.id).slice(0, -OVER_MAX))
		store.runs.delete(e.run.id);
}

export function take_run(run, measured) {
	const e = entry(run.id),
		was = e.run,
		now = Date.now() / 1000;
	e.run = run;
	if (is_over(run.state)) {
		e.progress = null; // what it came to is in the run
		if (!was || !is_over(was.state)) forget(e);
	}
	if (measured && run.stats && run.crawling) {
		if (e.before && now > e.before.t)
			sample(
				e,
				now,
				Math.max(run.stats.pages - e.before.pages, 0) / (now - e.before.t),
				Math.max(errors_of(run.stats) - e.before.errors, 0) / (now - e.before.t),
				run.stats.queued,
			);
		e.before = { t: now, pages: run.stats.pages, errors: errors_of(run.stats) };
	}
	tell({ kind: "run", id: run.id, was: was && was.state, state: run.state });
}

function take_progress(p) {
	const e = entry(p.run);
	e.progress = p;
	if (e.run && e.run.stats)
		Object.assign(
			e.run.stats,
			Object.fromEntries(
				Object.entries(p).filter(([k]) => k in e.run.stats && k !== "pages_per_second"),
			),
		);
	/* The first one after a silence knows no rates yet. */
	if (e.samples.length > 0 || p.pages_per_second > 0)
		sample(e, new Date(p.at).getTime() / 1000, p.pages_per_second, p.errors_per_second, p.queued);
	if (e.run) tell({ kind: "progress", id: p.run });
}

export const open_runs = () =>
	[...store.runs.values()]
		.filter((e) => e.run && !is_over(e.run.state))
		.sort((a, b) => b.run.id - a.run.id);

// Those that go on; of those that do no more, what became of them.
export async function refresh(measured) {
	const list = await get(`runs?state=queued,running,paused,stopping&limit=${LIST_MAX}`);
	const there = new Set(list.items.map((r) => r.id));
	for (const run of list.items) take_run(run, measured);
	for (const e of open_runs()) {
		if (there.has(e.run.id) || list.next) continue;
		try {
			take_run(await get(`runs/${e.run.id}`));
		} catch (p) {
			if (p.status !== 404) throw p;
			store.runs.delete(e.run.id);
		}
	}
}

// ---- the stream ----

function on_event(kind, id, data) {
	if (id) last_id = id;
	if (kind === "gap") {
		refresh(false).catch(() => {});
		return;
	}
	let body;
	try {
		body = JSON.parse(data);
	} catch (e) {
		return;
	}
	if (kind === "run") {
		take_run(body);
	} else if (kind === "progress") {
		take_progress(body);
	} else if (kind === "log") {
		store.log.push(body);
		if (store.log.length > LOG_MAX) store.log.shift();
		tell({ kind: "log" });
	}
}

// Fields of the event stream format: what is fed by pieces comes out as events.
export function parser(on) {
	let rest = "",
		kind = "",
		id = "",
		data = [];
	function line(text) {
		if (text === "") {
			if (data.length) on(kind || "message", id, data.join("\n"));
			kind = id = "";
			data = [];
			return;
		}
		const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(text);
		if (name === "event") kind = value;
		else if (name === "data") data.push(value);
		else if (name === "id") id = value;
	}
	return function (text) {
		const lines = (rest + text).split("\n");
		rest = lines.pop();
		lines.forEach((l) => line(l.endsWith("\r") ? l.slice(0, -1) : l));
	};
}

async function read(answer, abort) {
	const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
	const feed = parser(on_event);
	let silence = 0;
	try {
		for (;;) {
			silence = setTimeout(() => abort.abort(), SILENCE_MS);
			const { done, value } = await reader.read();
			clearTimeout(silence);
			if (done) return;
			feed(value);
		}
	} finally {
		clearTimeout(silence);
	}
}

async function stream(mine) {
	const abort = new AbortController();
	stop = () => abort.abort();
	const more = last_id ? { "Last-Event-ID": last_id } : {};
	const answer = await open("api/v1/events?kinds=run,progress,log", {
		headers: headers(more),
		signal: abort.signal,
	});
	// From here on nothing is missed; what was before is asked for.
	const reading = read(answer, abort);
	reading.catch(() => {});
	await refresh(false);
	if (mine !== generation) return;
	set_link("live");
	wait_ms = 500;
	await reading;
}

async function poll(mine) {
	stop = null;
	const until = Date.now() + POLL_AT_MOST_MS; // then the stream is tried again
	while (mine === generation && Date.now() < until) {
		await refresh(true);
		if (mine !== generation) return;
		set_link("polling");
		wait_ms = 500;
		await new Promise((r) => setTimeout(r, POLL_MS));
	}
}

const has_no_stream = (p) =>
	p instanceof Problem && (p.status === 404 || p.status === 503 || p.status === 403);

async function turn(mine) {
	try {
		try {
			await stream(mine);
		} catch (p) {
			if (!has_no_stream(p) || mine !== generation) throw p;
			await poll(mine);
		}
	} catch (p) {
		if (mine !== generation) return;
		if (p.status === 401) {
			set_link("refused", p.message);
			return; // whoever has a token calls connect()
		}
		set_link("gone", p instanceof Problem ? p.message : "the stream broke off");
	}
	if (mine !== generation) return;
	timer = setTimeout(() => turn(mine), wait_ms);
	wait_ms = Math.min(wait_ms * 2, WAIT_MAX_MS);
}

function disconnect() {
	generation++;
	clearTimeout(timer);
	if (stop) stop();
	stop = null;
}

export function connect() {
	disconnect();
	wait_ms = 500;
	turn(generation);
}

// A tab that nobody sees holds no connection: browsers have few for one address.
document.addEventListener("visibilitychange", () => {
	if (document.hidden) disconnect();
	else connect();
});

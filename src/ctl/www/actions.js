// What can be done to runs, and how it is told.

import { h, is_over, set_attr } from "./dom.js";
import { get, post, sentence } from "./api.js";
import { ask } from "./dialog.js";
import { take_run } from "./live.js";

const said = document.getElementById("said");
let hush = 0;

// To be read, and read out.
export function say(text, is_bad) {
	clearTimeout(hush);
	said.textContent = text;
	said.classList.toggle("bad", Boolean(is_bad));
	if (!is_bad)
		hush = setTimeout(() => {
			said.textContent = "";
		}, 10000);
}

// fn() while the button waits; a refusal is told.
export async function attempt(button, fn) {
	if (button.getAttribute("aria-disabled") === "true") return;
	set_attr(button, "aria-disabled", "true");
	try {
		await fn();
	} catch (p) {
		say(sentence(p), true);
	} finally {
		set_attr(button, "aria-disabled", null);
	}
}

async function change(run, verb, done) {
	try {
		take_run(await post(`runs/${run.id}:${verb}`));
	} catch (p) {
		if (p.status !== 409) throw p;
		const now = await get(`runs/${run.id}`);
		take_run(now);
		if (!is_over(now.state)) throw p;
		say(`Run ${run.id} of ${run.job} is ${now.state} by now.`, true);
		return;
	}
	say(`Run ${run.id} of ${run.job}: ${done}.`);
}

async function cancel(run) {
	const sure = await ask(
		`Cancel run ${run.id}?`,
		`Run ${run.id} of ${run.job} ends for good. What it has fetched stays.`,
		"Cancel the run",
		true,
	);
	if (sure) await change(run, "cancel", "cancelled");
}

// Pause or resume, and cancel, of a run that changes: the buttons stay.
export function run_buttons() {
	let run = null;
	const hold = h(
		"button",
		{
			type: "button",
			click: () =>
				attempt(hold, () =>
					hold.textContent === "Resume"
						? change(run, "resume", "goes on")
						: change(run, "pause", "paused"),
				),
		},
		"Pause",
	);
	const end = h(
		"button",
		{ type: "button", class: "danger", click: () => attempt(end, () => cancel(run)) },
		"Cancel …",
	);
	const el = h("div", { class: "buttons" }, hold, end);
	function update(now) {
		run = now;
		/* One that failed can be gone on with, once what was wrong is mended. */
		const failed = run.state === "failed";
		el.hidden = is_over(run.state) && !failed;
		end.hidden = failed;
		const word = failed || run.state === "paused" ? "Resume" : "Pause";
		if (hold.textContent !== word) hold.textContent = word;
		hold.hidden = run.state === "stopping";
		set_attr(hold, "aria-label", `${word} run ${run.id} of ${run.job}`);
		set_attr(end, "aria-label", `Cancel run ${run.id} of ${run.job}`);
	}
	return { el, update };
}

export async function start(job) {
	const run = await post(`jobs/${encodeURIComponent(job)}/runs`, {});
	take_run(run);
	say(`Run ${run.id} of ${job} was started.`);
	return run;
}

// Which view is shown, the link to the service, the theme.

import { h, set_text } from "./dom.js";
import { when_refused } from "./api.js";
import { store, watch, connect } from "./live.js";
import { ask_token } from "./dialog.js";
import { say } from "./actions.js";
import { runs_view } from "./runs.js";
import { run_view } from "./run.js";
import { jobs_view } from "./jobs.js";
import { form_view } from "./form.js";
import { log_view } from "./log.js";

const main = document.getElementById("main");
let leave = () => {},
	shown = "";

function not_found(where) {
	where.append(
		h("h1", { tabindex: "-1" }, "Nothing is here"),
		h("p", null, h("a", { href: "#/" }, "To the runs")),
	);
	return () => {};
}

function decode(text) {
	try {
		return decodeURIComponent(text);
	} catch (e) {
		return text;
	}
}

function view(path, query) {
	const [what, name, part] = path;
	if (what === undefined) return runs_view(main);
	if (what === "runs" && /^\d{1,15}$/.test(name || ""))
		return run_view(main, Number(name), part || "", query);
	if (what === "jobs") return name === undefined ? jobs_view(main) : form_view(main, decode(name));
	if (what === "new") return form_view(main, null);
	if (what === "log") return log_view(main);
	return not_found(main);
}

function mark_nav(path) {
	const here = path[0] === "jobs" || path[0] === "new" ? "#/jobs" : path[0] === "log" ? "#/log" : "#/";
	for (const a of document.querySelectorAll("#nav a")) {
		if (a.getAttribute("href") === here) a.setAttribute("aria-current", "page");
		else a.removeAttribute("aria-current");
	}
}

function route(is_first) {
	const hash = location.hash.startsWith("#/") ? location.hash : "#/";
	if (hash === shown) return;
	const [text, search] = hash.slice(2).split("?");
	const path = text.split("/").filter(Boolean);
	shown = hash;
	leave();
	main.replaceChildren();
	leave = view(path, new URLSearchParams(search || ""));
	mark_nav(path);
	const title = main.querySelector("h1");
	document.title = `${title.textContent} – Trawl`;
	if (!is_first) {
		title.focus({ preventScroll: true });
		window.scrollTo(0, 0);
	}
}

// ---- the link ----

const TEXTS = {
	connecting: "connecting …",
	live: "live",
	polling: "live, by asking",
	gone: "no connection",
	refused: "token wanted",
};

function show_link() {
	const trouble = document.getElementById("trouble");
	document.getElementById("link").dataset.state = store.link;
	set_text(document.getElementById("link-text"), TEXTS[store.link]);
	trouble.hidden = store.link !== "gone" && store.link !== "refused";
	if (store.link === "gone")
		trouble.replaceChildren(
			`The service is not reached: ${store.why}. What is shown is from before. It is tried again by itself.`,
		);
	else if (store.link === "refused")
		trouble.replaceChildren(
			"The service wants a token. ",
			h("button", { type: "button", click: () => want_token(store.why) }, "Give a token"),
		);
	else trouble.replaceChildren();
}

async function want_token(why) {
	if (!(await ask_token(why))) return;
	connect();
	shown = "";
	route(true);
}

// ---- the theme ----

const THEMES = ["system", "light", "dark"];

function show_theme(button) {
	const now = document.documentElement.dataset.theme || "system";
	set_text(button, `Theme: ${now}`);
}

function next_theme(button) {
	const now =
		THEMES[(THEMES.indexOf(document.documentElement.dataset.theme || "system") + 1) % THEMES.length];
	if (now === "system") delete document.documentElement.dataset.theme;
	else document.documentElement.dataset.theme = now;
	try {
		localStorage.setItem("trawl-theme", now);
	} catch (e) {
		/* for this page only, then */
	}
	show_theme(button);
}

// ---- the start ----

const theme = document.getElementById("theme");
theme.addEventListener("click", () => next_theme(theme));
show_theme(theme);
document.querySelector(".skip").addEventListener("click", (e) => {
	e.preventDefault();
	main.focus();
});
window.addEventListener("hashchange", () => route(false));
when_refused((p) => want_token(p.message));
watch((what) => {
	if (what.kind !== "link") return;
	show_link();
	if (what.was === "gone" && (store.link === "live" || store.link === "polling"))
		say("The service answers again.");
});
route(true);
connect();

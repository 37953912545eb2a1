// The service's log, as it is written.

import { h, set_text, time, visible } from "./dom.js";
import { store, watch } from "./live.js";

export function log_view(main) {
	const list = h("ol", {
		class: "log lines",
		tabindex: "0",
		role: "log",
		"aria-live": "off",
		"aria-label": "Lines of the log",
	});
	const level = h(
		"select",
		{ id: "log-level", change: () => update() },
		h("option", { value: "" }, "all"),
		h("option", { value: "warning" }, "warnings and errors"),
		h("option", { value: "error" }, "errors"),
	);
	const follow = h("input", { type: "checkbox", id: "log-follow", checked: true });
	const note = h("p", { class: "muted" });
	main.append(
		h("h1", { tabindex: "-1" }, "Log of the service"),
		h(
			"div",
			{ class: "filters" },
			h("div", null, h("label", { for: "log-level" }, "Lines"), level),
			h("div", { class: "check" }, follow, h("label", { for: "log-follow" }, "Follow")),
		),
		note,
		list,
	);
	function update() {
		const wanted =
			level.value === "error"
				? ["error"]
				: level.value === "warning"
					? ["error", "warning"]
					: null;
		const lines = store.log.filter((l) => !wanted || wanted.includes(l.level));
		list.replaceChildren(
			...lines.map((l) =>
				h(
					"li",
					{ class: `level-${l.level}` },
					h("time", { datetime: l.at, class: "muted" }, time(l.at)),
					" ",
					h("b", null, l.level),
					" ",
					visible(l.text),
				),
			),
		);
		set_text(
			note,
			store.link === "polling"
				? "The service tells no events here: its log is where it was sent to (journalctl -u trawl)."
				: lines.length
					? ""
					: "Nothing was logged since this page was opened. What was before: journalctl -u trawl.",
		);
		list.hidden = lines.length === 0;
		if (follow.checked) list.scrollTop = list.scrollHeight;
	}
	update();
	return watch((what) => {
		if (what.kind === "log" || what.kind === "link") update();
	});
}

// Questions: modal dialogs of the browser, which keep the focus and give it back.

import { h } from "./dom.js";
import { token, set_token } from "./api.js";

function show(dialog, on_close) {
	const from = document.activeElement;
	document.body.append(dialog);
	dialog.addEventListener("close", () => {
		const value = dialog.returnValue;
		dialog.remove();
		if (from && from.isConnected) from.focus();
		on_close(value);
	});
	dialog.returnValue = "";
	dialog.showModal();
}

// True: it was confirmed.
export function ask(title, text, yes, is_danger) {
	return new Promise((resolve) => {
		const dialog = h(
			"dialog",
			{ "aria-labelledby": "ask-title", "aria-describedby": "ask-text" },
			h("h2", { id: "ask-title" }, title),
			h("p", { id: "ask-text" }, text),
			h(
				"div",
				{ class: "buttons" },
				h(
					"button",
					{ type: "button", autofocus: true, click: () => dialog.close("") },
					"No, leave it",
				),
				h(
					"button",
					{
						type: "button",
						class: is_danger ? "danger" : "primary",
						click: () => dialog.close("yes"),
					},
					yes,
				),
			),
		);
		show(dialog, (value) => resolve(value === "yes"));
	});
}

let asking = null; // the dialog, which may be closed already

// True: another token is set.
export function ask_token(why) {
	if (asking && asking.open) return Promise.resolve(false);
	return new Promise((resolve) => {
		const input = h("input", {
			id: "token",
			type: "password",
			autocomplete: "off",
			required: true,
			autofocus: true,
			"aria-describedby": "token-help",
		});
		const dialog = h(
			"dialog",
			{ "aria-labelledby": "token-title" },
			h(
				"form",
				{
					"aria-labelledby": "token-title",
					submit: (e) => {
						e.preventDefault();
						dialog.close(input.value.trim());
					},
				},
				h("h2", { id: "token-title" }, "A token is wanted"),
				h("p", { role: "alert" }, why || ""),
				h("label", { for: "token" }, token() ? "Another token" : "Token"),
				input,
				h(
					"p",
					{ class: "muted", id: "token-help" },
					"It is kept until this tab is closed, and sent to this service only.",
				),
				h(
					"div",
					{ class: "buttons" },
					h("button", { type: "button", click: () => dialog.close("") }, "Not now"),
					h("button", { type: "submit", class: "primary" }, "Use it"),
				),
			),
		);
		asking = dialog;
		show(dialog, (value) => {
			if (value) set_token(value);
			resolve(Boolean(value));
		});
	});
}

// Lists by cursors: what is shown, and a button for more.

import { h } from "./dom.js";
import { get, sentence } from "./api.js";

// path_of(cursor) -> path; show(items, is_first).  Answers that come too late are dropped.
export function pager(path_of, show, empty) {
	let next = null,
		turn = 0,
		is_loading = false;
	const note = h("p", { class: "muted", role: "status", tabindex: "-1" });
	/* Never disabled, which would take the focus away; two clicks are one. */
	const more = h("button", { type: "button", click: () => !is_loading && load(next) }, "Show more");
	const el = h("div", { class: "pager" }, note, more);
	more.hidden = true;
	let shown = 0;

	async function load(cursor) {
		const mine = ++turn;
		is_loading = true;
		if (!cursor) note.textContent = "loading …";
		try {
			const list = await get(path_of(cursor));
			if (mine !== turn) return;
			shown = cursor ? shown + list.items.length : list.items.length;
			show(list.items, !cursor);
			next = list.next || null;
			const had_focus = document.activeElement === more;
			more.hidden = !next || list.at_end === true;
			note.textContent =
				shown === 0
					? more.hidden
						? empty
						: "None so far: there is more to look through."
					: more.hidden
						? `${shown} shown, which are all.`
						: `${shown} shown, there are more.`;
			if (had_focus && more.hidden) note.focus();
		} catch (p) {
			if (mine !== turn) return;
			note.textContent = sentence(p);
		} finally {
			if (mine === turn) is_loading = false;
		}
	}
	return { el, note, reload: () => load(null) };
}

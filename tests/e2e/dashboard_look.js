// Judges what is shown: contrast of texts and edges (WCAG 2.2, 1.4.3 and 1.4.11), width, sizes.
(() => {
	const numbers = (text) => (text.match(/[\d.]+/g) || []).map(Number);
	function colour(text) {
		const [r, g, b, a] = numbers(text);
		return { rgb: [r, g, b], a: a === undefined ? 1 : a };
	}
	function light(rgb) {
		const [r, g, b] = rgb.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	}
	function ratio(one, other) {
		const [a, b] = [light(one), light(other)].sort((x, y) => y - x);
		return (a + 0.05) / (b + 0.05);
	}
	// The nearest opaque colour behind an element.
	function behind(el) {
		for (let at = el; at; at = at.parentElement) {
			const c = colour(getComputedStyle(at).backgroundColor);
			if (c.a === 1)
				return c.rgb;
			if (c.a !== 0)
				throw new Error(`half a colour behind ${at.outerHTML.slice(0, 80)}`);
		}
		return [255, 255, 255];
	}
	const bad = [];
	const where = (el) => `${el.tagName} ${el.className.baseVal ?? el.className} ${el.textContent.slice(0, 40)}`;
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	let texts = 0;
	for (let n = walk.nextNode(); n; n = walk.nextNode()) {
		const el = n.parentElement;
		if (!n.data.trim() || !el.checkVisibility({ checkOpacity: true }) || el.closest("noscript, .skip, option"))
			continue;
		const style = getComputedStyle(el), px = parseFloat(style.fontSize);
		const is_large = px >= 24 || (px >= 18.66 && Number(style.fontWeight) >= 700);
		const c = colour(el instanceof SVGElement ? style.fill : style.color);
		const r = ratio(c.rgb, behind(el));
		texts++;
		if (c.a !== 1 || r < (is_large ? 3 : 4.5))
			bad.push(`contrast ${r.toFixed(2)} of the text ${where(el)}`);
		if (px < 12)
			bad.push(`${px} px of ${where(el)}`);
	}
	for (const el of document.querySelectorAll("input, select, textarea, button:not(.quiet), .button")) {
		if (!el.checkVisibility())
			continue;
		const edge = colour(getComputedStyle(el).borderTopColor);
		const r = Math.max(ratio(edge.rgb, behind(el.parentElement)), ratio(behind(el), behind(el.parentElement)));
		if (r < 3)
			bad.push(`contrast ${r.toFixed(2)} of the edge of ${where(el)}`);
	}
	for (const el of document.querySelectorAll("path.line, rect.bar")) {
		const style = getComputedStyle(el), c = colour(el.tagName === "rect" ? style.fill : style.stroke);
		if (el.checkVisibility() && ratio(c.rgb, behind(el)) < 3)
			bad.push(`contrast of the drawing ${where(el)}`);
	}
	// Buttons and links that stand alone can be hit by a thumb (2.5.8).
	for (const el of document.querySelectorAll("button, .button, select, input, nav a")) {
		const box = el.getBoundingClientRect();
		if (el.checkVisibility() && box.width && (box.height < 24 && el.type !== "checkbox" || box.width < 18))
			bad.push(`${Math.round(box.width)} x ${Math.round(box.height)}: ${where(el)}`);
	}
	const wide = document.documentElement.scrollWidth;
	if (wide > innerWidth)
		bad.push(`${wide} px wide on ${innerWidth}`);
	const levels = [...document.querySelectorAll("h1, h2, h3")].filter((e) => e.checkVisibility()).map((e) => Number(e.tagName[1]));
	if (levels.filter((l) => l === 1).length !== 1)
		bad.push("not one h1");
	levels.forEach((l, i) => { if (i && l > levels[i - 1] + 1) bad.push(`h${l} after h${levels[i - 1]}`); });
	for (const t of document.querySelectorAll("table")) {
		if (!t.caption || !t.caption.textContent.trim())
			bad.push("a table without a caption");
		if ([...t.querySelectorAll("th")].some((c) => !["col", "row"].includes(c.scope)))
			bad.push(`a th without a scope in ${t.caption.textContent}`);
	}
	const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
	if (new Set(ids).size !== ids.length)
		bad.push("an id twice");
	for (const attr of ["aria-labelledby", "aria-describedby", "for"])
		for (const el of document.querySelectorAll(`[${attr}]`))
			for (const id of el.getAttribute(attr).split(" "))
				if (!document.getElementById(id))
					bad.push(`${attr} names ${id}, which is not there`);
	return { bad: [...new Set(bad)], texts };
})()

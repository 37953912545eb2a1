// Before anything is drawn: the theme that was chosen here, if any.
"use strict";
(function () {
	let chosen = null;
	try {
		chosen = localStorage.getItem("trawl-theme");
	} catch (e) {
		/* storage is off: the system's */
	}
	if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();

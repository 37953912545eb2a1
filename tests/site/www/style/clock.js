// Tells the time on the front page.
window.harbour = { path: "tides", now: function () { return new Date(); } };

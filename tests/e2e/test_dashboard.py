"""The dashboard in headless Chromium: what a person does with it, what goes wrong, and how it can be read."""

import contextlib
import http.server
import os
import re
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest

import browser
from access import TcpService
from dashboard import Person, Way
from harness import wait_until
from service import SETTINGS, UnixConnection

PAGES = 60
EVIL = "<img src=x onerror=alert(1)></title><script>alert(2)</script>"
BIDI = "safe\u202egnp.exe"
PICTURES = "DASHBOARD_PICTURES"  # a directory, for people who want to look


class Site(http.server.BaseHTTPRequestHandler):
    """Sixty pages; some are missing, some are hostile.

    While there is a pause, each answer takes that while and there is always one page more: no
    crawl is over before the test has seen what it looks for.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    pause = 0.0

    def answer(self, status, body, mime="text/html; charset=utf-8"):
        body = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", mime)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):  # noqa: N802
        time.sleep(self.pause)
        if self.path == "/":
            links = "".join(f'<a href="/p{n}">{n}</a>' for n in range(PAGES)) + '<a href="/gone">g</a><a href="/gone2">g</a>'
            links += '<a href="/evil?q=&quot;&gt;&lt;script&gt;alert(3)&lt;/script&gt;">e</a><a href="/broken">b</a>'
            return self.answer(200, f"<title>Home</title>{links}")
        if self.path.startswith("/evil"):
            return self.answer(200, f"<title>&lt;img src=x onerror=alert(1)&gt;&lt;script&gt;alert(2)&lt;/script&gt; {BIDI}</title>x")
        if self.path.startswith("/p"):
            more = f'<a href="/p{int(self.path[2:]) + PAGES}">more</a>' if self.pause else ""
            return self.answer(200, f"<title>Page {self.path[2:]} of the site</title><p>text {hash(self.path)}{more}")
        return self.answer(500 if self.path == "/broken" else 404, "none")

    def log_message(self, *args):
        pass


@pytest.fixture
def site():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    Site.pause = 0
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    if browser.PROGRAM is None:
        pytest.skip("chromium is not installed")
    with browser.Browser(tmp_path_factory.mktemp("profile")) as b:
        b.page("Accessibility.enable")
        yield b


@pytest.fixture
def way(service):
    with Way(service.socket) as w:
        yield w


# -- the files --


def test_the_files_come_with_their_types_a_policy_and_tags(service):
    a = service.get("/")
    assert a.status == 200 and a.headers["Content-Type"] == "text/html; charset=utf-8"
    names = set(re.findall(rb'(?:href|src)="(ui/[^"]+)"', a.body))
    assert len(names) >= 4
    for path in ["/", *(f"/{n.decode()}" for n in names)]:
        a = service.get(path)
        assert a.status == 200 and a.headers["Cache-Control"] == "no-cache"
        policy = a.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert a.headers["X-Content-Type-Options"] == "nosniff"
        again = service.get(path, headers={"If-None-Match": a.headers["ETag"]})
        assert again.status == 304 and again.body == b"" and again.headers["ETag"] == a.headers["ETag"]
        assert service.get(path, headers={"If-None-Match": '"other"'}).status == 200
        assert service.call("HEAD", path).headers["ETag"] == a.headers["ETag"]
    assert service.get("/ui/none.js").status == 404
    assert service.get("/ui/..%2Fui%2Fapp.js").status == 404
    assert service.post("/", {}).status == 405
    assert service.get("/api/v1/runs").headers["Cache-Control"] == "no-store"


# -- what a person does --


def test_a_job_is_made_started_held_and_seen_to_end(chromium, service, way, site):
    Site.pause = 0.12
    p = Person(chromium, way.url())
    p.see("#link-text", "live")
    p.see("section", "No run goes on")
    p.click("link", "^New job$")
    p.see("h1", "New job")
    p.click("button", "^Make the job$")
    p.see("#name-error", "is 1 to 100 of")
    assert p.focused() == "name" and p.js("document.getElementById('name').getAttribute('aria-invalid')") == "true"
    p.type("textbox", "^Name", "first")
    p.type("textbox", "^Addresses to begin", f"{site}\nnonsense")
    p.type("textbox", "^Links from there", "many")
    p.type("textbox", "^Requests at once", "1")
    p.click("button", "^Make the job$")
    p.see("#depth-error", "many")
    p.see("#seeds-error", "nonsense")
    p.see(".mistakes", "Links from there at most")
    assert p.js("document.getElementById('name-error').textContent") == ""
    p.type("textbox", "^Addresses to begin", site)
    p.type("textbox", "^Links from there", "3")
    p.click("button", "^Make the job$")
    p.see("h1", "of first")
    p.see(".state", "running")
    p.see("#said", "was started")
    run = int(p.js("location.hash").split("/")[-1])

    pages = "Number(document.querySelector('.tiles dd').textContent)"
    p.until("pages", f"{pages} > 3")
    some = p.js(pages)
    p.until("more pages", f"{pages} > {some}")
    p.until("a line", "document.querySelector('svg.chart .line.queue').getAttribute('d').split('L').length > 2")
    label = p.js("document.querySelector('svg.chart').getAttribute('aria-label')")
    assert re.fullmatch(r"Pages and errors: pages [\d.]+ a second, errors [\d.]+ a second", label)

    p.click("button", "^Pause run")
    p.see(".state", "paused")
    p.see("#said", "paused")
    wait_until("it is paused", lambda: service.state_of(run)["state"] == "paused" and not service.state_of(run)["crawling"])
    assert "Resume" in p.focused()  # the button that was pressed is there still
    Site.pause = 0
    p.click("button", "^Resume run")
    p.see(".state", "done")
    assert not p.js("[...document.querySelectorAll('main .buttons button')].some(b => b.checkVisibility())")
    service.wait_for(run, "done")
    history = "[...document.querySelectorAll('[aria-labelledby=history-title] tbody .state')].map(e => e.dataset.state).join()"
    p.until("the end of its history", f"{history}.endsWith('done')")
    assert "paused" in p.js(history)
    stats = service.state_of(run)["stats"]
    p.see(".tiles", str(stats["pages"]))
    assert 1000 <= stats["bytes_wire"] < 999_000
    p.see(".tiles", f"{round(stats['bytes_wire'] / 1000, 1):g} kB")  # as the reports have it
    p.click("link", "^Runs$")
    p.see("section", "No run goes on")
    p.see("tbody", "first")
    p.check(but=["status of 422", "status of 404"])


def test_cancel_asks_before_and_takes_no_for_an_answer(chromium, service, way, site):
    Site.pause = 0.2
    service.create("long", seeds=[site])
    run = service.run("long")
    p = Person(chromium, way.url())
    p.see("tbody", "long")
    p.click("button", "^Cancel run")
    p.see("dialog", "ends for good")
    assert p.focused() == "No, leave it"
    p.key("Escape", 27)
    p.until("the question is gone", "document.querySelector('dialog') === null")
    assert "Cancel" in p.focused() and service.state_of(run)["state"] == "running"
    p.click("button", "^Cancel run")
    p.click("button", "^Cancel the run$")
    service.wait_for(run, "cancelled")
    p.see("section", "No run goes on")
    p.see("tbody .state", "cancelled")
    p.check(but=["status of 404"])


def test_jobs_are_changed_scheduled_and_deleted(chromium, service, way, site):
    service.create("nightly", seeds=[site], schedule={"at": ["03:00"]}, fetch={"per_host": 2, "retries": 1})
    p = Person(chromium, way.url("#/jobs"))
    p.see("tbody", "at 03:00")
    p.click("link", "^Change nightly$")
    p.see("h1", "Change nightly")
    p.until("its values", "document.getElementById('at').value === '03:00'")
    assert p.js("document.getElementById('seeds').value") == site
    assert p.js("JSON.parse(document.getElementById('more').value).fetch.retries") == 1
    p.type("textbox", "^Run at", "")
    p.type("textbox", "^Run every", "6h")
    # Somebody else is faster.
    a = service.call("PATCH", "/api/v1/jobs/nightly", {"limits": {"max_pages": 7}})
    assert a.status == 200, a
    p.click("button", "^Save the job$")
    p.see(".mistakes", "Changed by somebody else")
    p.click("button", "^Show it as it is now")
    p.until("its values", "document.getElementById('max_pages').value === '7'")
    p.type("textbox", "^Run at", "")
    p.type("textbox", "^Run every", "6h")
    p.click("button", "^Save the job$")
    p.see("tbody", "every 6h")
    spec = service.get("/api/v1/jobs/nightly").json["spec"]
    assert spec["limits"]["max_pages"] == 7 and spec["fetch"] == {"per_host": 2, "retries": 1}
    for run in service.get("/api/v1/jobs/nightly").json["open_runs"]:  # "every" begins at once
        service.wait_for(run, "done")
    p.click("button", "^Delete nightly$")
    p.click("button", "^Delete the job$")
    p.see("section", "There is no job yet")
    assert service.get("/api/v1/jobs/nightly").status == 404
    p.check(but=["status of 412", "status of 404"])


def crawled(service, site):
    service.create("whole", seeds=[site], fetch={"per_host": 8})
    run = service.run("whole")
    service.wait_for(run, "done")
    return run


def test_pages_are_paged_filtered_and_explained(chromium, service, way, site):
    run = crawled(service, site)
    lines = service.output(run).pages()
    p = Person(chromium, way.url(f"#/runs/{run}/pages"))
    p.see(".pager", "50 shown, there are more")
    rows = "document.querySelectorAll('main tbody tr').length"
    assert p.js(rows) == 50
    p.click("button", "^Show more$")
    p.see(".pager", f"{len(lines)} shown, which are all")
    assert p.focused().startswith(f"{len(lines)} shown")  # the button is gone, the place is kept
    assert p.js(rows) == len(lines)
    p.choose("^Outcome$", "http-4xx")
    p.click("button", "^Show$")
    p.see(".pager", "2 shown, which are all")
    assert p.js("[...document.querySelectorAll('tbody .url')].map(e => new URL(e.textContent).pathname).sort().join()") == "/gone,/gone2"
    p.choose("^Outcome$", "")
    p.type("textbox", "^Status$", "teapot")
    p.click("button", "^Show$")
    p.see(".pager", "teapot is not a status")
    p.type("textbox", "^Status$", "5xx, 404")
    p.click("button", "^Show$")
    p.see(".pager", "3 shown")
    p.type("textbox", "^Status$", "")
    p.type("searchbox", "^Address contains$", "/p7")
    p.key("Enter", 13, "\r")
    p.see(".pager", "1 shown")
    assert "contains=%2Fp7" in p.js("location.hash")
    p.click("link", "/p7$")
    p.see(".life", "Page 7 of the site")
    told = p.js("document.querySelector('.life').innerText")
    assert f"on {site}" in told and "by link" in told and "1 link from the seed" in told and "Outcome: ok" in told
    p.type("textbox", "^Address$", f"{site}never")
    p.click("button", "^Explain$")
    p.see(".life", "Not discovered in this run")
    p.go(f"#/runs/{run}/hosts", "whole")
    p.see("tbody", site.rstrip("/"))
    p.go(f"#/runs/{run}/log", "whole")
    p.until("lines", f"document.querySelector('pre.log').textContent.includes({site!r})")
    p.check(but=["status of 400", "status of 404"])


def test_what_the_net_says_is_shown_as_text(chromium, service, way, site):
    run = crawled(service, site)
    p = Person(chromium, way.url(f"#/runs/{run}/pages?contains=evil"))
    p.see(".pager", "1 shown")
    shown = p.js("document.querySelector('.title').textContent")
    assert "<img src=x onerror=alert(1)><script>alert(2)</script>" in shown
    assert "safe\\u{202E}gnp.exe" in shown and "\u202e" not in p.text()
    assert p.js("document.querySelectorAll('main img, main script').length") == 0
    p.click("link", "evil")
    p.see(".life", "alert(2)")
    p.js("location.hash = '#/jobs/' + encodeURIComponent('<img src=x onerror=alert(4)>')")
    p.see("h1", "Change <img src=x onerror=alert(4)>")
    p.go("#/runs/" + "9" * 15, "Run 9")
    p.see("[role=alert]", "run")
    assert p.js("document.querySelectorAll('main img, main script').length") == 0
    # Nor could markup come in if somebody forgot.
    assert p.js("""(() => { try { document.getElementById("main").innerHTML = "<b>x</b>"; return "it did"; }
        catch (e) { return e.name; } })()""") == "TypeError"
    p.check(but=["status of 404", "status of 400", "TrustedHTML", "trusted-types", "require-trusted-types-for"])


def test_a_run_that_crawls_gets_other_limits_and_more_addresses(chromium, service, way, site):
    Site.pause = 0.05
    service.create("live", seeds=[site], fetch={"delay": "1s"})
    run = service.run("live")
    wait_until("it crawls", lambda: service.state_of(run)["crawling"])
    p = Person(chromium, way.url(f"#/runs/{run}"))
    p.click("link", "^Change$")
    p.see("h2", "Other limits")
    p.type("textbox", "^Delay between", "soon")
    p.click("button", "^See what it would do$")
    p.see("#c-delay-error", "soon")
    assert p.focused() == "c-delay"
    p.type("textbox", "^Delay between", "10ms")
    p.click("button", "^See what it would do$")
    p.see("caption", "What it would change")
    p.see("tbody tr", "fetch.delay1s10ms")
    assert p.js("document.getElementById('c-delay-error').textContent") == ""
    p.type("textbox", "^Addresses, one", f"{site}extra\nftp://no/")
    p.click("button", "^Add them$")
    p.see("#c-seeds-error", "ftp")
    p.type("textbox", "^Addresses, one", f"{site}extra")
    p.click("button", "^Add them$")
    p.see("#said", "1 added")
    assert service.state_of(run)["state"] == "running"  # as slow as it was
    p.click("button", "^Change the run$")
    p.see("#said", "was changed")
    Site.pause = 0
    service.wait_for(run, "done")
    assert f"{site}extra" in {x["url"] for x in service.output(run).pages()}
    p.check(but=["status of 422"])


# -- what goes wrong --


def test_a_service_that_is_gone_is_told_of_and_found_again(chromium, service, way, site):
    Site.pause = 0.1
    service.create("kept", seeds=[site], fetch={"per_host": 1})
    run = service.run("kept")
    p = Person(chromium, way.url(f"#/runs/{run}"))
    p.see("#link-text", "live")
    p.until("pages", "Number(document.querySelector('.tiles dd').textContent) > 1")
    service.kill()
    p.see("#trouble", "The service is not reached")
    p.see("#link-text", "no connection")
    p.see("h1", "of kept")  # what was known is shown still
    p.click("button", "^Pause run")
    p.see("#said", "the service does not answer")
    service.start()
    p.see("#link-text", "live")
    p.see("#said", "answers again")
    assert not p.js("document.getElementById('trouble').checkVisibility()")
    Site.pause = 0
    p.see(".state", "done")
    service.wait_for(run, "done")
    p.check(but=["net::ERR", "status of 404"])


def test_a_run_that_failed_says_why_and_goes_on_when_it_is_mended(chromium, service, way, site, tmp_path):
    Site.pause = 0.1
    service.create("hurt", seeds=[site], fetch={"per_host": 1}, run={"commit_interval": "200ms"})
    run = service.run("hurt")
    wait_until("pages", lambda: service.state_of(run).get("stats", {}).get("pages", 0) > 5)
    service.kill()
    store = service.state / "runs" / str(run) / "state"
    shutil.copytree(store, tmp_path / "whole")
    for path in store.rglob("*"):
        if path.name.startswith(("MANIFEST", "CURRENT")):
            path.write_text("damaged")
    service.start()
    why = service.wait_for(run, "failed")["why"]
    shutil.rmtree(store)
    shutil.copytree(tmp_path / "whole", store)
    Site.pause = 0
    p = Person(chromium, way.url(f"#/runs/{run}"))
    p.see(".state", "failed")
    p.see(".why", why)
    p.click("button", "^Resume run")
    p.see("h1 + .state", "done")
    service.wait_for(run, "done")
    p.see("[aria-labelledby=history-title] tbody", why)
    p.check()


def test_a_run_that_is_over_meanwhile_is_no_error_of_the_page(chromium, service, way, site):
    """409: what is to be paused ended a moment before."""
    run = crawled(service, site)
    p = Person(chromium, way.url())
    p.see("tbody", "whole")
    p.see("#link-text", "live")  # the page has asked which runs go on, and asks no more
    p.js(f"""import("./ui/live.js").then(m => m.take_run({{id: {run}, job: "whole", state: "running", stats: {{}}}}))""")
    p.until("its row", "document.querySelector('tr[data-run] button') !== null")
    p.js("document.querySelector('tr[data-run] button').click()")
    p.see("#said", f"Run {run} of whole is done by now")
    p.see("section", "No run goes on")
    p.check(but=["status of 409", "status of 404"])


# The second answer with 401 is known to the page when window.refuse() is called.
LATE_REFUSAL = """
const whole = window.fetch;
let refused = 0;
window.fetch = async (...what) => {
    const answer = await whole(...what);
    if (answer.status === 401 && ++refused === 2) await new Promise((ok) => { window.refuse = ok; });
    return answer;
};
0"""


def test_over_tcp_a_token_is_asked_for_kept_in_the_tab_and_may_be_too_little(chromium, tmp_path, site):
    Site.pause = 0.2
    with TcpService(tmp_path / "serve", settings=SETTINGS.replace("api: {allow_local: yes}", ""), api="allow_local: yes") as s:
        s.start()
        s.create("long", seeds=[site], fetch={"per_host": 1})
        run = s.run("long")
        chromium.page("Network.clearBrowserCache")
        p = Person(chromium, f"http://127.0.0.1:{s.port}/")
        p.see("dialog", "A token is wanted")
        assert "No run" not in p.js("document.querySelector('main').innerText"), "nothing is known yet, and one goes on"
        assert p.focused() == "token"
        p.js("document.activeElement.value = 'x'.repeat(43)")
        p.js(LATE_REFUSAL)
        p.click("button", "^Use it$")
        p.until("it is refused twice", "Boolean(window.refuse)")
        p.see("dialog", "A token is wanted")  # again: it is none
        p.type("textbox", "oken$", s.reader)
        p.click("button", "^Use it$")
        p.see("tbody", "long")
        p.see("#link-text", "live")
        p.js("window.refuse()")  # of the token of before: nobody is asked again
        p.click("button", "^Pause run")
        p.see("#said", "Not permitted")
        assert s.state_of(run)["state"] == "running"
        assert p.js("Object.values(localStorage).join() + document.cookie").find(s.reader) < 0
        assert p.js("Object.values(sessionStorage).join()") == s.reader
        p.js("sessionStorage.clear(); location.reload()")
        p.see("dialog", "A token is wanted")
        p.key("Escape", 27)
        p.see("#trouble", "wants a token")
        p.click("button", "^Give a token$")
        p.type("textbox", "oken$", s.admin)
        p.click("button", "^Use it$")
        p.see("tbody", "long")
        p.click("button", "^Cancel run")
        p.click("button", "^Cancel the run$")
        s.wait_for(run, "cancelled")
        assert not [u for u in chromium.requests() if s.admin in u or s.reader in u]
        p.check(but=["status of 401", "status of 403", "status of 404"])


def test_figures_come_by_events_which_go_on_where_they_were(chromium, service, way, site):
    Site.pause = 0.2
    service.create("told", seeds=[site], fetch={"per_host": 1, "delay": "150ms"})
    run = service.run("told")
    p = Person(chromium, way.url(f"#/runs/{run}"))
    p.until("it is live", "document.getElementById('link-text').textContent === 'live'")
    pages = "Number(document.querySelector('.tiles dd').textContent)"
    p.until("five pages", f"{pages} >= 5")
    p.see(".waits", "crawl-delay")
    asked = chromium.requests()
    assert len([u for u in asked if "/api/v1/events" in u]) == 1
    assert len([u for u in asked if "/api/v1/runs?state=queued" in u]) == 1  # it does not poll
    # A tab that is not seen lets go of its connection, and comes back to where it was.
    chromium.events.clear()
    p.js("""Object.defineProperty(document, "hidden", {value: true, configurable: true});
        document.dispatchEvent(new Event("visibilitychange"))""")
    p.js("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    some = p.js(pages)
    p.until("more pages", f"{pages} > {some}")
    again = [e["params"]["request"] for e in chromium.events if e["method"] == "Network.requestWillBeSent"]
    again = [r for r in again if "/api/v1/events" in r["url"]]
    assert len(again) == 1 and re.fullmatch(r"[0-9a-f]+-\d+", again[0]["headers"]["Last-Event-ID"])
    # The log of the service.
    p.js("location.hash = '#/log'")
    service.create("other", seeds=["https://other.invalid/"])
    service.child.send_signal(signal.SIGHUP)
    p.see(".lines li", "info")
    p.choose("^Lines$", "error")
    p.see("main", "Nothing was logged")
    p.check()


LISTENERS_MAX = 64  # EVENTS_LISTENERS_MAX of src/ctl/events.h


def test_without_a_place_at_the_events_it_asks_once_a_second(chromium, service, way, site):
    Site.pause = 0.15
    with contextlib.ExitStack() as listeners:
        for _ in range(LISTENERS_MAX):
            c = UnixConnection(service.socket, 20)
            listeners.callback(c.close)
            c.request("GET", "/api/v1/events?kinds=run")
            assert c.getresponse().status == 200
        service.create("asked", seeds=[site], fetch={"per_host": 1})
        run = service.run("asked")
        p = Person(chromium, way.url(f"#/runs/{run}"))
        p.see("#link-text", "live, by asking")
        pages = "Number(document.querySelector('.tiles dd').textContent)"
        p.until("pages", f"{pages} >= 5")
        p.until("lines", "document.querySelector('svg.chart .line.rate').getAttribute('d').split('L').length > 2")
        Site.pause = 0
        p.see("h1 + .state", "done")
        p.js("location.hash = '#/log'")
        p.see("main", "The service tells no events here")
        asked = [u for u in chromium.requests() if "/api/v1/runs?state=queued" in u]
        assert len(asked) >= 3
        p.check(but=["status of 503"])


# -- how it can be read and used --

NAMED = {"button", "link", "textbox", "searchbox", "combobox", "checkbox", "image", "table", "region", "dialog", "navigation", "log", "alertdialog", "form"}
LOOK = (Path(__file__).parent / "dashboard_look.js").read_text()


def judge(p, what, pictures):
    """A view as it is now: contrast, sizes, width; every control has a name."""
    got = p.js(LOOK)
    assert got["texts"] > 5 and not got["bad"], (what, got["bad"])
    nameless = [n["role"]["value"] for n in p.tree() if n["role"]["value"] in NAMED and not n.get("name", {}).get("value", "").strip()]
    assert not nameless, (what, nameless)
    roles = {n["role"]["value"] for n in p.tree()}
    if "dialog" not in roles:
        assert {"banner", "navigation", "main", "contentinfo", "status"} <= roles, (what, roles)
    if p.js("document.querySelector('main table tbody tr') !== null && [...document.querySelectorAll('main table')].some(t => t.checkVisibility())"):
        assert {"table", "row", "rowheader", "columnheader", "cell"} <= roles or "dialog" in roles, (what, roles)
    if pictures:
        p.b.picture(Path(pictures) / f"{what}.png")


@pytest.mark.parametrize("width, dark", [(1200, False), (1200, True), (360, False), (360, True)])
def test_every_view_can_be_read_by_everybody(chromium, service, way, site, width, dark):
    pictures = os.environ.get(PICTURES)
    name = f"{width}-{'dark' if dark else 'light'}"
    run = crawled(service, site)
    Site.pause = 0.25
    service.create("long", seeds=[site], schedule={"cron": ["0 3 * * mon"]}, fetch={"per_host": 1})
    going = service.run("long")
    service.create("held-for-some-time", seeds=[site], fetch={"per_host": 1})
    held = service.run("held-for-some-time")
    service.post(f"/api/v1/runs/{held}:pause")
    p = Person(chromium, way.url(), width, 800, dark)
    assert p.js("matchMedia('(prefers-color-scheme: dark)').matches") == dark
    p.see("tbody", "paused")
    p.until("a pace", f"/[1-9]/.test(document.querySelector('tr[data-run=\"{going}\"] .pace b').textContent)")
    judge(p, f"{name}-runs", pictures)
    views = [(f"runs/{going}", "tbody", "%"), (f"runs/{run}", "tbody", "http-4xx"), (f"runs/{run}/pages", ".pager", "50 shown"),
             (f"runs/{going}/hosts", "tbody", site.rstrip("/")), (f"runs/{run}/explain?url={site}evil", ".life", ""),
             (f"runs/{going}/change", "h2", "Other limits"), (f"runs/{run}/log", "pre.log", site), ("jobs", "tbody", "cron"), ("log", "h1", "Log"), ("nowhere", "h1", "Nothing")]  # fmt: skip
    for hash_, selector, text in views:
        p.go(f"#/{hash_}", "")
        p.see(selector, text)
        judge(p, f"{name}-{hash_.partition('?')[0].replace('/', '-')}", pictures)
    p.go("#/new", "New job")
    p.type("textbox", "^Name", "x")
    p.type("textbox", "^Requests at once", "none")
    p.type("textbox", "^More, as JSON", '{"net": {"nothing": 1}}')
    p.click("button", "^Make the job$")
    p.see("#per_host-error", "none")
    p.see("#more-error", "/net/nothing")
    judge(p, f"{name}-new", pictures)
    p.go("#/", "Runs")
    p.click("button", f"^Cancel run {going}")
    p.see("dialog", "for good")
    judge(p, f"{name}-dialog", pictures)
    p.key("Escape", 27)
    service.kill()
    p.see("#trouble", "not reached")
    judge(p, f"{name}-gone", pictures)
    p.check(but=["net::ERR", "status of 404", "status of 422"])


def test_the_theme_is_chosen_and_kept(chromium, way):
    p = Person(chromium, way.url(), dark=True)
    page = "getComputedStyle(document.body).backgroundColor"
    dark = p.js(page)
    p.click("button", "^Theme: system$")
    p.see("#theme", "Theme: light")
    light = p.js(page)
    assert light != dark
    chromium.show(way.url(), 1200, dark=True)
    p.see("#theme", "Theme: light")
    assert p.js(page) == light and not p.js(LOOK)["bad"]
    chromium.show(way.url(), 1200, dark=False)
    p.click("button", "^Theme: light$")
    p.see("#theme", "Theme: dark")
    assert p.js(page) == dark and not p.js(LOOK)["bad"]
    p.click("button", "^Theme: dark$")
    p.see("#theme", "Theme: system")
    assert p.js(page) == light


def test_all_of_it_can_be_done_by_keys(chromium, service, way, site):
    Site.pause = 0.2
    service.create("keys", seeds=[site], fetch={"per_host": 1})
    run = service.run("keys")
    p = Person(chromium, way.url())
    p.see("tbody", "keys")

    def tab_to(text, most=25):
        for _ in range(most):
            p.key("Tab", 9)
            if text in (p.js("document.activeElement.getAttribute('aria-label') || ''") or "") or text in p.focused():
                ring = p.js("(s => s.outlineStyle + parseFloat(s.outlineWidth))(getComputedStyle(document.activeElement))")
                assert re.fullmatch(r"(solid|auto)[1-9][\d.]*", ring), (text, ring)  # it is seen where one is
                return
        raise AssertionError(f"{text} is not reached by keys")

    tab_to("Skip to content", 1)
    p.key("Enter", 13, "\r")
    assert p.focused() == "main"
    tab_to("Pause run")
    p.key("Enter", 13, "\r")
    service.wait_for(run, "paused")
    p.see(".state", "paused")
    assert p.js("document.activeElement.getAttribute('aria-label')").startswith("Resume run")
    tab_to("Cancel run")
    p.key(" ", 32, " ")
    p.see("dialog", "for good")
    tab_to("Cancel the run", 3)
    p.key("Enter", 13, "\r")
    service.wait_for(run, "cancelled")
    p.js("location.hash = '#/jobs'")
    p.see("h1", "Jobs")
    assert p.focused() == "Jobs" and p.js("document.title") == "Jobs – Trawl"  # one hears where one is
    tab_to("Start a run of keys")
    p.key("Enter", 13, "\r")
    p.see("h1", "of keys")
    p.check(but=["status of 404"])

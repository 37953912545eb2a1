"""A site with traps beside real documentation: the crawl has an end, and of the documentation nothing is cut."""

import http.server
import json
import mimetypes
import re
import signal
import threading
import time
import urllib.parse

import pytest

import harness
from test_closure import docs_root

MONTHS = "January February March April May June July August September October November December".split()
TRAPS = ("/cal", "/day", "/loop/", "/shop", "/member")


def calendar(query):
    y, m = (int(part) for part in query.get("month", "2026-01").split("-"))
    before, after = (y - (m == 1), (m - 2) % 12 + 1), (y + (m == 12), m % 12 + 1)
    days = "".join(f'<a href="/day?date={y:04}-{m:02}-{d:02}">{d}</a> ' for d in range(1, 29))
    return (
        f'<a href="/cal?month={before[0]:04}-{before[1]:02}">before</a> <h1>{MONTHS[m - 1]} {y}</h1> There are no events this month. {days}'
        f'<a href="/cal?month={after[0]:04}-{after[1]:02}">after</a>'
    )


def shop(query):
    sizes = {"colour": 9, "size": 7, "brand": 30, "order": 4}
    chosen = {key: int(query.get(key, 0)) for key in sizes}
    links = "".join(
        f'<a href="/shop?{urllib.parse.urlencode({**chosen, key: n})}">{key} {n}</a>'
        for key, most in sizes.items()
        for n in range(most)
    )
    names = " ".join(key + chr(ord("a") + n % 26) * (1 + n // 26) for key, n in chosen.items())
    return f'You look for {names} in all we have. <a href="/thing/{chosen["brand"] % 12}">buy</a> {links}'


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    docs = None
    asked = []
    sessions = iter(range(1, 10**9))

    def page(self):
        """Bytes and type, or None."""
        path, _, text = self.path.partition("?")
        query = dict(urllib.parse.parse_qsl(text))
        html = None
        if path == "/":
            html = "".join(f'<a href="{at}">x</a>' for at in ("/docs/index.html", "/cal", "/loop/", "/shop", "/member/1"))
        elif path == "/cal":
            html = calendar(query)
        elif path == "/day":
            html = "There is nothing on this day, and nobody is there."
        elif path.startswith("/loop/"):
            html = 'All about us and our team <a href="team/">t</a><a href="office/">o</a><a href="history/">h</a>'
        elif path == "/shop":
            html = shop(query)
        elif path.startswith("/thing/"):
            html = f"A thing that is called {'abcdefghijkl'[int(path[7:])] * 8} and can be bought here."
        elif path.startswith("/member/"):
            session = f"{next(self.sessions):08x}e7"
            html = "The members are these five people " + "".join(
                f'<a href="/member/{n}?session={session}">{n}</a>' for n in range(1, 6)
            )
        elif path.startswith("/docs/"):
            file = self.docs / urllib.parse.unquote(path[6:])
            if file.is_file() and self.docs in file.resolve().parents:
                return file.read_bytes(), mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        return None if html is None else (html.encode(), "text/html; charset=utf-8")

    def do_GET(self):  # noqa: N802
        Handler.asked.append(self.path)
        found = self.page()
        body, kind = found or (b"not here", "text/plain")
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class QuietServer(http.server.ThreadingHTTPServer):
    request_queue_size = 512  # else connections are lost, and asked for again a second later

    def handle_error(self, request, client_address):
        """A client that is killed leaves in the middle of things."""


@pytest.fixture(scope="module")
def site():
    Handler.docs = docs_root("python").resolve()
    server = QuietServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def is_trap(url):
    return urllib.parse.urlsplit(url).path.startswith(TRAPS)


@pytest.fixture(scope="module")
def documentation(site, tmp_path_factory):
    """What there is but the traps."""
    result, out = harness.crawl(
        tmp_path_factory.mktemp("docs") / "c", "-q", "--delay", "0", "--per-host", "8", "--no-traps", "--sink", "jsonl",
        "--exclude", "^[a-z]+://[^/]+/(cal|day|loop|shop|member)", site + "/", timeout=240,
    )  # fmt: skip
    assert result.rc == 0, result.err
    urls = {p["url"] for p in out.pages()}
    assert len(urls) > 500
    return urls


def check(site, out, documentation):
    pages = [p["url"] for p in out.pages()]
    assert len(pages) == len(set(pages))
    things = {f"{site}/thing/{n}" for n in range(12)}
    assert {u for u in pages if not is_trap(u)} == documentation | things
    rows = out.rejected()
    traps = [(url, detail) for reason, url, _, detail in rows if reason == "trap"]
    assert len(traps) == len({url for url, _ in traps}), "cut twice"
    assert not {url for url, _ in traps} & set(pages)
    for url, detail in traps:
        assert is_trap(url), f"{url} was cut: {detail}"
        assert re.match(r"[a-z-]+ http://127\.0\.0\.1:\d+/\S+: .*\d", detail), detail
    status = json.loads(harness.trawl("status", "--json", "--verify", out.dir).out)
    assert status["verified"], status["differences"]
    assert status["outcomes"]["trap"] == len(traps)
    assert sum(status["traps"]["cut"].values()) == len(traps)
    counted = {}
    for _, detail in traps:
        rule = detail.split(" ", 1)[0]
        counted[rule] = counted.get(rule, 0) + 1
    assert status["traps"]["cut"] == counted
    for top in status["traps"]["patterns"]:
        named = [d for _, d in traps if d.startswith(f"{top['rule']} {top['pattern']}: ")]
        assert len(named) == top["cut"]
    return traps, status


def test_traps_end_and_the_documentation_is_whole(site, documentation, tmp_path):
    Handler.asked.clear()
    result, out = harness.crawl(tmp_path / "c", "--delay", "0", "--per-host", "8", "--sink", "jsonl", site + "/",
                                timeout=240)  # fmt: skip
    assert result.rc == 0, result.err
    traps, status = check(site, out, documentation)
    assert sum(path.startswith(TRAPS) for path in Handler.asked) < 2000
    assert {"duplicates", "queries"} <= set(status["traps"]["cut"])
    assert "  traps     " in result.err and f"{site}/shop?colour&size&brand&order" in result.err
    report = json.loads((out.dir / "report.json").read_text())
    assert report["traps"]["cut"] == status["traps"]["cut"]
    url, detail = traps[-1]
    told = json.loads(harness.trawl("explain", "--json", out.dir, url).out)
    assert (told["outcome"], told["rule"]) == ("trap", detail)


def test_kill_and_resume_cut_nothing_twice_and_lose_nothing(site, documentation, tmp_path):
    out = harness.Output(tmp_path / "c")
    args = ("crawl", "-q", "-o", out.dir, "--delay", "0", "--per-host", "8", "--sink", "jsonl", site + "/")
    for kill in range(5):
        running = harness.Running(*args, "--commit-interval", "50ms", "--rate", "800/s")
        harness.wait_until(
            "the crawl", lambda: running.child.poll() is not None or (out.dir / "rejected.log").exists()
        )
        began = time.monotonic()
        harness.wait_until(
            "its time", lambda began=began: running.child.poll() is not None or time.monotonic() - began > 0.7
        )
        running.signal(signal.SIGKILL)
        running.result()
        args = ("resume", "-q", out.dir)
        assert kill < 5
    result = harness.trawl(*args, timeout=240)
    assert result.rc == 0, result.err
    check(site, out, documentation)


def test_what_was_cut_comes_back_when_an_option_overrules(site, documentation, tmp_path):
    base = site + "/member/1"  # of all traps the smallest, with the documentation out of reach
    result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--sink", "jsonl", "--include", "/member/", base)
    assert result.rc == 0, result.err
    cut = {url for reason, url, _, _ in out.rejected() if reason == "trap"}
    before = {p["url"] for p in out.pages()}
    some = sorted(cut)[:3]
    assert len(cut) > 10
    # Those of one page, and what these lead to, up to a budget.
    result = harness.trawl("resume", "-q", out.dir, "--trap-ok", "/member/2", "--max-pages", str(len(before) + 40))
    assert result.rc == 0, result.err
    after = {p["url"] for p in out.pages()}
    assert len(after) == len(before) + 40 and after > before
    assert all("/member/2?" in url for url in after - before)
    assert cut & (after - before), "what had been cut was not among them"
    status = json.loads(harness.trawl("status", "--json", "--verify", out.dir).out)
    assert status["verified"], status["differences"]
    assert status["outcomes"]["trap"] == sum(status["traps"]["cut"].values())
    # Without traps everything that had been cut waits.
    result = harness.trawl("resume", "-q", out.dir, "--no-traps", "--max-pages", str(len(after) + 40))
    assert result.rc == 0, result.err
    status = json.loads(harness.trawl("status", "--json", "--verify", out.dir).out)
    assert status["verified"], status["differences"]
    assert "trap" not in status["outcomes"] and status["traps"]["cut"] == {}
    told = json.loads(harness.trawl("explain", "--json", out.dir, some[0]).out)
    assert told["outcome"] in ("waiting", "ok"), told


class Wild(http.server.BaseHTTPRequestHandler):
    """Any name is a host; all but twelve of them are one page, with links to names that nobody knows."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    asked = set()
    names = iter(range(1, 10**9))

    def do_GET(self):  # noqa: N802
        host, port = self.headers["Host"].split(":")
        Wild.asked.add(host)
        found = self.path != "/robots.txt"
        body = "All that you ever wanted, and much more of it. " + "".join(
            f'<a href="http://n{next(self.names)}.wild.test:{port}/">more</a>' for _ in range(8)
        )
        if host == "www.wild.test":
            body += "".join(f'<a href="http://real{n}.wild.test:{port}/">r</a>' for n in range(12))
        elif host.startswith("real"):
            words = " ".join(chr(ord("a") + int(host[4:].split(".")[0])) * n for n in range(3, 9))
            body = words + "".join(f'<a href="/page-{c}">p</a>' for c in "abcde")
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args):
        pass


def test_hosts_that_are_made_up_end_over_kills_and_until_overruled(tmp_path):
    server = QuietServer(("127.0.0.1", 0), Wild)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port, out = server.server_port, harness.Output(tmp_path / "c")
    args = ["crawl", "-q", "-o", out.dir, "--delay", "0", "--scope", "domain", "--sink", "jsonl", "--commit-interval", "50ms",
            "--trap-hosts", "100", "--max-pages", "5000", f"http://www.wild.test:{port}/"]  # fmt: skip
    with harness.dnsmasq({"*.wild.test": "127.0.0.1"}) as dns:
        args += ["--dns", dns, "--allow-net", "127.0.0.0/8"]
        for _ in range(3):
            running = harness.Running(*args, "--rate", "60/s")
            harness.wait_until("some pages", lambda n=len(Wild.asked): running.child.poll() is not None or len(Wild.asked) > n + 25)
            running.signal(signal.SIGKILL)
            running.result()
            args = ["resume", "-q", out.dir]
        result = harness.trawl(*args, "--rate", "1000/s")
        assert result.rc == 0, result.err
        pages = [p["url"] for p in out.pages()]
        for n in range(12):
            for path in ["", *(f"page-{c}" for c in "abcde")]:
                assert f"http://real{n}.wild.test:{port}/{path}" in pages
        cut = [(url, detail) for reason, url, _, detail in out.rejected() if reason == "trap"]
        assert len(cut) > 300
        assert all(re.fullmatch(r"hosts \*\.wild\.test: of \d+ hosts [1-9]\d\d had nothing new", detail) for _, detail in cut), {detail for _, detail in cut}
        assert all(url.startswith("http://n") for url, _ in cut)
        # The robots.txt of some was asked for before enough pages were in.
        assert 113 <= len(Wild.asked) < 100 * 8
        status = json.loads(harness.trawl("status", "--json", "--verify", out.dir).out)
        assert status["verified"], status["differences"]
        assert status["traps"]["cut"] == {"hosts": len(cut)}
        assert status["traps"]["patterns"] == [{"rule": "hosts", "pattern": "*.wild.test", "cut": len(cut)}]
        # Looser: those that were cut wait again.
        result = harness.trawl("resume", "-q", out.dir, "--trap-hosts", "none", "--max-pages", str(len(pages) + 50))
        assert result.rc == 0, result.err
        after = [p["url"] for p in out.pages()]
        assert len(after) == len(pages) + 50 and {url for url, _ in cut} & set(after)
    server.shutdown()
    server.server_close()

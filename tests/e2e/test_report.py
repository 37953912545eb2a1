"""Reports of real crawls with known faults: the figures one by one, over several runs, and how they look."""

import http.server
import json
import os
import socket
import threading
import time
import urllib.parse
from pathlib import Path

import pytest

import browser
import harness

SCHEMA = json.loads((harness.SRCDIR / "doc" / "report.schema.json").read_text())
TEXT = " ".join(f"word{n * n % 611} and then {n}" for n in range(400))
PAGES = 20
HOSTILE = "'><script>alert(1)</script><img src=x onerror=alert(2)>\u202e"


def home():
    at = ["gone", "gone/too", "err", "old", "loop1", "self", "dup1", "dup2", "dup3", "near1", "near2", "slow", "big",
          "private/x", "private/y", "cut", "busy?a=1"]  # fmt: skip
    links = "".join(f'<a href="/{p}">{p}</a> ' for p in at + [f"p{n}" for n in range(PAGES)])
    links += f'<a href="http://127.0.0.1:{Handler.closed}/">closed</a><a href="http://[bad/">bad</a><img src="/lost.png">'
    return links + f'<a href="/gone?q={HOSTILE}">hostile</a><a href="mailto:a@b">m</a>'


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    closed = 0
    slow_seconds = 0.7
    left = None  # so many are answered, the rest not before `go`
    go = threading.Event()

    def answer(self, status, body=b"", mime="text/html", **headers):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", mime)
        self.send_header("Content-Length", str(len(body) + (1000 if self.path == "/cut" else 0)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        if self.path == "/cut":
            self.close_connection = True

    def do_GET(self):  # noqa: N802
        path = self.path.partition("?")[0]
        redirects = {"/old": "/older", "/older": "/oldest", "/oldest": "/p0", "/loop1": "/loop2", "/loop2": "/loop1",
                     "/self": "/self"}  # fmt: skip
        if self.left is not None:
            Handler.left -= 1  # one is asked for at a time
            if self.left < 0:
                self.go.wait(harness.PATIENCE_SECONDS)
        if path == "/robots.txt":
            return self.answer(200, "User-agent: *\nDisallow: /private/\n", "text/plain")
        if path in redirects:
            return self.answer(301, "moved", Location=redirects[path])
        if path.startswith("/gone") or path == "/lost.png":
            return self.answer(404 if path != "/gone/too" else 410, "gone")
        if path == "/err":
            return self.answer(500, "an error")
        if path == "/slow":
            time.sleep(self.slow_seconds)
        bodies = {"/": home(), "/big": "x" * 300_000, "/near1": f"<p>{TEXT}</p>", "/near2": f"<p>{TEXT} more</p>"}
        if path.startswith("/dup"):
            return self.answer(200, "<p>the same</p>")
        return self.answer(200, bodies.get(path, f"<title>{path}</title><p>This is {path}, number {hash(path)} of all."))

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def site():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens there
        Handler.closed = taken.getsockname()[1]
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        server.server_close()


# One worker: with more, pages are not logged in the order in which they came, which the lists of two reports would show.
OPTIONS = ["--delay", "0", "--scope", "any", "--allow-net", "127.0.0.0/8", "--retries", "0", "--exclude", "/busy", "--simhash",
           "--workers", "1"]  # fmt: skip


def validate(report):
    jsonschema = pytest.importorskip("jsonschema", reason="python3-jsonschema is not installed")
    kind = getattr(jsonschema, "Draft202012Validator", None)
    if kind is None:
        pytest.skip("python3-jsonschema is too old for the schema")
    kind.check_schema(SCHEMA)
    mistakes = [f"{list(e.path)}: {e.message}" for e in kind(SCHEMA).iter_errors(report)]
    assert not mistakes, mistakes[:5]


def read(directory):
    report = json.loads((directory / "report.json").read_text())
    ended = sum(report["outcomes"].values())
    assert ended == report["fetched"] + report["failed"] + report["rejected"]
    assert report["discovered"] == ended + report["queued"] + report["in_flight"]
    return report


def again(directory):
    """trawl report must write what is there already."""
    names = ("report.json", "report.html")
    before = [(directory / n).read_bytes() for n in names]
    for n in names:
        (directory / n).unlink()
    result = harness.trawl("report", directory)
    assert result.rc == 0, result.err
    assert result.out.split() == [f"{directory}/report.html", f"{directory}/report.json"]
    assert [(directory / n).read_bytes() for n in names] == before
    return result


@pytest.fixture(scope="module")
def crawled(site, tmp_path_factory):
    Handler.slow_seconds = 3  # which even on a busy machine no other page takes
    result, out = harness.crawl(tmp_path_factory.mktemp("report") / "c", *OPTIONS, site + "/")
    Handler.slow_seconds = 0.7
    assert result.rc == 0, result.err
    return out, read(out.dir)


def test_the_report_is_as_the_schema_has_it(crawled):
    validate(crawled[1])


def test_the_schema_refuses_what_is_wrong(crawled):
    jsonschema = pytest.importorskip("jsonschema", reason="python3-jsonschema is not installed")
    kind = jsonschema.Draft202012Validator(SCHEMA)
    for change in ({"v": 2}, {"broken": [{"url": 1, "outcome": "x"}]}, {"unknown": 1}, {"status": {"20": 1}}):
        assert list(kind.iter_errors({**crawled[1], **change})), change


def test_status_codes_types_and_totals(crawled, site):
    out, r = crawled
    assert r["status"] == {"200": 1 + 3 + 2 + 1 + 1 + PAGES + 1, "301": 6, "404": 3, "410": 1, "500": 1}
    assert r["outcomes"]["http-4xx"] == 4 and r["outcomes"]["http-5xx"] == 1 and r["outcomes"]["redirect"] == 6
    assert r["outcomes"]["connect-failure"] == 1 and r["outcomes"]["robots-denied"] == 2
    assert sum(m["pages"] for m in r["mime"]) == r["pages"] == len(out.pages())
    assert r["mime"][0]["type"] == "text/html" and r["mime"][0]["bytes"] > 300_000
    assert r["hosts"] == 2 and r["runs_total"] == 1 and r["runs"][0]["end"] == r["end"] == "done"
    assert r["runs"][0]["pages"] == r["pages"] and r["state"] == "ended"


def test_broken_links(crawled, site):
    r = crawled[1]
    cut = "truncated" if "truncated" in r["outcomes"] else "protocol-error"
    found = {(b["url"].removeprefix(site).partition("%")[0], b["outcome"], b.get("status"), b["kind"]) for b in r["broken"]}
    assert found == {
        ("/gone", "http-4xx", 404, "a"), ("/gone/too", "http-4xx", 410, "a"), ("/lost.png", "http-4xx", 404, "img"),
        ("/err", "http-5xx", 500, "a"), ("/cut", cut, 200 if cut == "truncated" else None, "a"),
        ("/gone?q=", "http-4xx", 404, "a"), (f"http://127.0.0.1:{Handler.closed}/", "connect-failure", None, "a"),
    }  # fmt: skip
    assert {b["via"] for b in r["broken"]} == {site + "/"}
    (refused,) = [b for b in r["broken"] if b["outcome"] == "connect-failure"]
    assert "refused" in refused["why"] or "connect" in refused["why"], refused
    assert r["broken_total"] == len(r["broken"]) == 7
    assert {h["host"]: h["errors"] for h in r["errors_by_host"]} == {site: 6, f"http://127.0.0.1:{Handler.closed}": 1}


def test_redirects(crawled, site):
    r = crawled[1]["redirects"]
    assert r["total"] == 6 and r["chains_total"] == 1 and r["by_length"] == {"3": 1}
    assert r["longest"] == [{"url": site + "/old", "length": 3, "to": site + "/p0", "to_outcome": "ok"}]
    assert r["loops_total"] == 2
    assert {(c["url"].removeprefix(site), c["length"]) for c in r["loops"]} == {("/loop1", 2), ("/self", 1)}


def test_duplicates(crawled, site):
    same, near = crawled[1]["duplicate_pages"], crawled[1]["near_duplicates"]
    assert same["groups_total"] == 1 and same["pages_total"] == 3 and same["bytes_redundant"] == 2 * len("<p>the same</p>")
    assert same["groups"][0]["urls"] == [f"{site}/dup{n}" for n in (1, 2, 3)]
    assert near["recorded"] and near["complete"]
    assert [site + "/near1", site + "/near2"] in [g["urls"] for g in near["groups"]]


def test_slowest_largest_and_the_time_line(crawled, site):
    r = crawled[1]
    took = [page["ms"] for page in r["slowest"]]
    assert took == sorted(took, reverse=True)
    assert r["slowest"][0]["url"] == site + "/slow" and 3000 <= took[0] == r["latency_ms"]["max"] < 10_000
    assert r["largest"][0] == {**r["largest"][0], "url": site + "/big", "bytes": 300_000, "status": 200}
    points = r["timeline"]["points"]
    assert sum(p["pages"] for p in points) == r["pages"] and sum(p["requests"] for p in points) == r["attempts"]
    assert sum(p["errors"] for p in points) == r["broken_total"] and len(points) <= 500
    assert abs(len(points) * r["timeline"]["interval_ms"] / 1000 - r["seconds"]) < 1 + r["seconds"] / 2  # it ends after the last page


def test_what_was_not_fetched(crawled, site):
    by = {one["reason"]: one for one in crawled[1]["rejected_by"]}
    assert by["robots-denied"]["lines"] == 2 and by["robots-denied"]["examples"][0]["url"] == site + "/private/x"
    assert by["robots-denied"]["rules"] == [{"rule": "robots.txt line 2: Disallow: /private/", "lines": 2}]
    assert by["out-of-scope"]["rules"] == [{"rule": "--exclude /busy", "lines": 1}]
    assert by["bad-url"]["lines"] == by["unsupported-scheme"]["lines"] == 1
    assert {r: one["lines"] for r, one in by.items()} == {r: crawled[1]["outcomes"][r] for r in by}


def test_politeness_by_host(crawled, site):
    r = crawled[1]["politeness"]
    ledger = json.loads(harness.trawl("report", "--politeness", "--json", crawled[0].dir).out)
    assert (r["requests"], r["violated"], r["lax"]) == (ledger["requests"], ledger["violated"], ledger["lax"])
    (host,) = [h for h in r["hosts"] if h["host"] == site]
    (row,) = [h for h in ledger["hosts"] if h["host"] == site]
    assert host["requests"] == row["requests"] and host["robots_denied"] == 2 and host["verdict"] == row["verdict"]
    assert host["gap_min_ms"] == row["gap_min_ms"] and host["pages"] == crawled[1]["pages"]


def test_sizes(crawled):
    out, r = crawled
    assert r["archive"]["bytes"] == sum(f.stat().st_size for f in out.warcs()) and r["archive"]["open"] == 0
    for file in r["archive"]["logs"]:
        assert file["bytes"] == (out.dir / file["name"]).stat().st_size
    assert {"crawl.log", "pages.jsonl", "rejected.log"} <= {f["name"] for f in r["archive"]["logs"]}


def test_it_can_be_made_again(crawled):
    again(crawled[0].dir)


def test_json_is_printed_whole_or_in_sections(crawled):
    out, r = crawled
    result = harness.trawl("report", "--json", out.dir)
    assert result.rc == 0 and json.loads(result.out) == r
    result = harness.trawl("report", "--json", "--section", "broken,waits", out.dir)
    part = json.loads(result.out)
    assert part["broken"] == r["broken"] and "wait_ms" in part and "timeline" not in part and "status" not in part
    validate(part)
    for words, said in (
        (["--json", "--section", "bruken", out.dir], "there is no 'bruken' in a report; there are totals, runs"),
        (["--section", "broken", out.dir], "--section is for --json"),
        (["--delay", "1s", out.dir], "are for --politeness"),
        ([out.dir, out.dir], "wants one directory"),
        ([out.dir / "none"], "holds no crawl"),
    ):
        result = harness.trawl("report", *words)
        assert result.rc == 2 and said in result.err, result.err


# -- several runs --

TIMES = ("started_at", "ended_at", "seconds", "runs", "runs_total", "timeline", "latency_ms", "slowest", "wait_ms", "archive")


def timeless(report):
    """What must not depend on when things happened, nor in how many runs."""
    r = {k: v for k, v in report.items() if k not in TIMES}
    for host in r["politeness"]["hosts"]:
        for key in ("gap_min_ms", "delay_min_ms", "delay_max_ms", "rules", "requests", "verdict"):
            host.pop(key, None)
    for page in r["largest"]:
        page.pop("ms")
    # Each run reads robots.txt anew, and the last one asks none of the hosts before.
    for key in ("attempts", "bytes_wire", "bytes_body"):
        r.pop(key)
    for key in ("requests", "lax"):
        r["politeness"].pop(key)
    for host in r["politeness"]["hosts"]:
        host.pop("bytes")
    # Which of two hosts answers first is chance; of each they are in their order.
    r["broken"] = sorted(r["broken"], key=lambda b: urllib.parse.urlsplit(b["url"]).netloc)
    return r


def test_a_crawl_in_three_runs_has_the_report_of_one(crawled, site, tmp_path):
    where = tmp_path / "c"
    result, _ = harness.crawl(where, *OPTIONS, "--max-pages", "12", site + "/")
    first = read(where)
    assert result.rc == 0 and first["end"] == "page budget reached" and first["queued"] > 0
    result = harness.trawl("resume", where, "--max-pages", "25")
    assert result.rc == 0, result.err
    result = harness.trawl("resume", where, "--max-pages", "none")
    assert result.rc == 0, result.err
    r = read(where)
    validate(r)
    assert [run["end"] for run in r["runs"]] == ["page budget reached"] * 2 + ["done"]
    assert sum(run["pages"] for run in r["runs"]) == r["pages"] and all(run["pages"] > 0 for run in r["runs"])
    assert r["runs"][0] == first["runs"][0]
    assert abs(sum(run["seconds"] for run in r["runs"]) - r["seconds"]) < 0.01
    assert sum(p["pages"] for p in r["timeline"]["points"]) == r["pages"]
    for cause, ms in first["wait_ms"].items():
        assert r["wait_ms"][cause] >= ms
    assert timeless(r) == timeless(crawled[1])
    again(where)


def test_beside_a_crawl_that_runs_and_after_it_was_killed(site, tmp_path):
    where = tmp_path / "c"
    Handler.left = 20
    running = harness.Running("crawl", "-o", where, *OPTIONS, "--commit-interval", "100ms", "--sink", "jsonl", site + "/")
    try:
        harness.wait_until("ten pages", lambda: harness.Output(where).pages_yet() > 10)
        result = harness.trawl("report", where)
        assert result.rc == 0, result.err
        during = read(where)
        assert running.child.poll() is None
    finally:
        Handler.left = None
        running.end()
        Handler.go.set()
    assert during["state"] == "running" and "end" not in during and during["runs"][0]["end"] == "running"
    assert 0 < during["pages"] == sum(during["status"].values()) and during["queued"] > 0
    validate(during)
    assert harness.trawl("report", where).rc == 0
    killed = read(where)
    assert killed["state"] == "interrupted" and killed["runs"][0]["end"] == "interrupted"
    assert killed["pages"] == sum(killed["status"].values()) >= during["pages"]
    assert harness.trawl("resume", where).rc == 0
    r = read(where)
    assert [run["end"] for run in r["runs"]] == ["interrupted", "done"] and r["pages"] == sum(r["status"].values())
    assert r["broken_total"] == 7
    again(where)


def test_a_crawl_in_memory_has_its_report_once(site, tmp_path):
    result, out = harness.crawl(tmp_path / "c", *OPTIONS, "--state", "memory", site + "/")
    assert result.rc == 0 and read(out.dir)["broken_total"] == 7
    validate(read(out.dir))
    result = harness.trawl("report", out.dir)
    assert result.rc == 2 and "--state memory" in result.err


# -- how it looks --

LOOKS = """(() => {
  const lum = c => { const v = c.map(x => { x /= 255; return x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4 });
                     return .2126 * v[0] + .7152 * v[1] + .0722 * v[2] };
  const rgb = s => s.match(/[\\d.]+/g).map(Number);
  const ground = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
                        if (c.length < 4 || c[3] > 0) return c } return [255, 255, 255] };
  const pale = new Set(), els = [...document.querySelectorAll('body *')];
  for (const e of els) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    const s = getComputedStyle(e), a = lum(rgb(e.closest('svg') ? s.fill : s.color).slice(0, 3)), b = lum(ground(e).slice(0, 3));
    if ((Math.max(a, b) + .05) / (Math.min(a, b) + .05) < 4.5) pale.add(e.tagName + '.' + e.className.toString());
  }
  const heads = [...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1]);
  return {
    wide: document.documentElement.scrollWidth - innerWidth,
    out: els.filter(e => !e.closest('.scroll') && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80)),
    pale: [...pale], h1: heads.filter(h => h === 1).length, jumps: heads.filter((h, i) => i && h > heads[i - 1] + 1).length,
    unscoped: document.querySelectorAll('th:not([scope])').length, tables: document.querySelectorAll('table').length,
    unnamed: document.querySelectorAll('svg[role=img]:not([aria-label]), [role=region]:not([aria-label])').length,
    twice: els.map(e => e.id).filter((id, i, all) => id && all.indexOf(id) !== i),
    charts: [...document.querySelectorAll('.chart')].filter(c => c.getBoundingClientRect().width > 250).length,
    dead: [...document.querySelectorAll('a[href^="#"]')].filter(a => !document.querySelector(a.getAttribute('href'))).length,
    text: document.body.innerText,
  };
})()"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    if browser.PROGRAM is None:
        pytest.skip("chromium is not installed")
    with browser.Browser(tmp_path_factory.mktemp("profile")) as b:
        yield b


@pytest.mark.parametrize("width,dark,media", [(360, False, ""), (360, True, ""), (1280, False, ""), (1280, True, ""), (700, False, "print")])
def test_the_page_in_a_browser(crawled, chromium, tmp_path, width, dark, media):
    url = (crawled[0].dir / "report.html").as_uri()
    chromium.show(url, width, dark=dark, media=media)
    looks = chromium.run(LOOKS)
    assert looks["wide"] <= 0 and not looks["out"], looks["out"]
    assert not looks["pale"] and not looks["unscoped"] and not looks["unnamed"] and not looks["twice"] and not looks["dead"]
    assert looks["h1"] == 1 and looks["jumps"] == 0 and looks["tables"] > 10 and looks["charts"] == 4
    assert "http-4xx (404)" in looks["text"] and "%3Cscript" in looks["text"]
    assert [r for r in chromium.requests() if not r.startswith("data:")] == [url]
    assert not chromium.complaints()
    shots = Path(os.environ.get("REPORT_SHOTS", tmp_path))
    chromium.picture(shots / f"report-{width}{'-dark' if dark else ''}{media}.png")


def test_the_summary_and_rejected_log_say_why(tmp_path):
    dead = f"http://127.0.0.1:{harness.free_port()}/"
    server = """server { listen 127.0.0.1:@PORT@; absolute_redirect off;
        location = / { return 302 http://127.0.0.1:99999/; } }"""
    with harness.nginx(tmp_path / "nginx", server) as web:
        result, out = harness.crawl(tmp_path / "c", "--retries", "0", "--delay", "0", dead, web.url("/"))
    (line,) = [s for s in result.err.splitlines() if s.startswith("  broken  ")]
    assert f"connect-failure {dead}: " in line and "connect" in line.split(dead)[1], result.err
    assert [(r, u, d) for r, u, _, d in out.rejected()] == [("bad-url", "http://127.0.0.1:99999/", "port is not a number up to 65535")]


def test_the_summary_has_urls_below_each_other(tmp_path):
    dead = f"http://127.0.0.1:{harness.free_port()}/"
    server = "server { listen 127.0.0.1:@PORT@; location / { return 404; } }"
    with harness.nginx(tmp_path / "nginx", server) as web:
        result, out = harness.crawl(tmp_path / "c", "--retries", "0", "--delay", "0", "--scope", "page", dead, web.url("/"))
    lines = [s for s in result.err.splitlines() if "connect-failure http" in s or "http-4xx  " in s]
    assert len(lines) == 2 and len({s.index("http://") for s in lines}) == 1, result.err
    assert "requests to 2 hosts" in (out.dir / "report.html").read_text()


def test_the_summary_says_with_which_status_a_link_is_broken(tmp_path):
    server = """server { listen 127.0.0.1:@PORT@; location = /403 { return 403; } location = /500 { return 500; }
        location = / { default_type text/html; return 200 "<a href=/403>a</a> <a href=/404>b</a> <a href=/500>c</a>"; } }"""
    with harness.nginx(tmp_path / "nginx", server) as web:
        result, _ = harness.crawl(tmp_path / "c", "--retries", "0", "--delay", "0", web.url("/"))
    lines = [" ".join(s.replace("broken", "").split()) for s in result.err.splitlines() if " http-4xx  " in s or " http-5xx  " in s]
    # Three answers are read by the workers side by side, so that which of them ends first is chance.
    assert sorted(lines) == [f"http-{n[0]}xx {web.url('/' + n)} on {web.url('/')}: {n}" for n in ("403", "404", "500")], result.err


def test_where_a_chain_leads_may_wait_since_a_link_led_there(tmp_path):
    """What waits has no record of its own but in the queue, and the report looks URLs up by name."""
    pages = {"/": '<a href="/a">a</a><a href="/p">p</a>', "/p": '<a href="/c">c</a>', "/c": "c"}
    server = "server { listen 127.0.0.1:@PORT@; default_type text/html; location = /robots.txt { return 404; }" + "".join(
        f" location = {path} {{ return 200 '{text}'; }}" for path, text in pages.items()
    ) + " location = /a { return 301 /b; } location = /b { return 301 /c; } }"
    with harness.nginx(tmp_path / "nginx", server) as web:
        result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--per-host", "1", "--max-pages", "4", web.url("/"))
        assert result.rc == 0, result.err
        assert sorted(p["url"].removeprefix(web.url("")) for p in out.pages()) == ["/", "/a", "/b", "/p"]
        (chain,) = read(out.dir)["redirects"]["longest"]
        assert chain == {"url": web.url("/a"), "length": 2, "to": web.url("/c"), "to_outcome": "none"}

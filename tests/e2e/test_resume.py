"""kill -9 of everything at random moments, resumed each time: nothing lost, nothing twice.

    make killtest                     5,000 pages, 100 kills, three seeds
    KILL_SEED=7 tests/e2e/run.sh tests/e2e/test_resume.py -k kill      one of them again
"""

import contextlib
import json
import os
import random
import signal
import sqlite3
import time

import pytest

import harness

PAGES = int(os.environ.get("KILL_PAGES", "600"))
KILLS = int(os.environ.get("KILL_KILLS", "12"))
SEEDS = [int(s) for s in os.environ.get("KILL_SEED", "1").split()]
ALL = PAGES + 2 * len(range(0, PAGES, 20))
RATE = max(20, PAGES // max(1, KILLS))  # so that the crawl lasts for most of the kills


def body_of(i, pages, noise):
    links = {i + 1, 2 * i + 1, 2 * i + 2, (i * 7919 + 13) % pages, (i * 31) % pages}
    text = "".join(f'<a href="p{k}.html">{k}</a>\n' for k in sorted(links) if k < pages)
    extra = f'<a href="/go/{i}">moved</a> <a href="/none/{i}">gone</a>' if i % 20 == 0 else ""
    return f"<!DOCTYPE html>\n<title>page {i}</title>\n{text}{extra}<p>{noise}</p>\n".encode()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    www = tmp_path_factory.mktemp("www")
    rng = random.Random(42)
    for i in range(PAGES):
        noise = rng.randbytes(rng.randrange(200, 3000)).hex()
        (www / f"p{i}.html").write_bytes(body_of(i, PAGES, noise))
    server = f"""server {{ listen 127.0.0.1:@PORT@; root "{www}";
        location /go/ {{ return 302 /p1.html; }} location = /robots.txt {{ return 200 ""; }} }}"""
    with harness.nginx(tmp_path_factory.mktemp("run") / "nginx", server) as web:
        yield web, www


def check_whole(out, web, www):
    """Every page once, every body right, no torn line, sums that add up."""
    archived = out.archived()  # every WARC file is valid to the last byte, or this fails
    seen = {}
    for page in out.pages():
        assert page["url"] not in seen, "twice in pages.jsonl"
        seen[page["url"]] = page
    for i in range(PAGES):
        url = web.url(f"/p{i}.html")
        (record,) = archived[url]
        assert record.payload == (www / f"p{i}.html").read_bytes()
        assert seen[url]["outcome"] == "ok"
    for i in range(0, PAGES, 20):
        for path, outcome in (f"/go/{i}", "redirect"), (f"/none/{i}", "http-4xx"):
            assert len(archived[web.url(path)]) == 1
            assert seen[web.url(path)]["outcome"] == outcome
    assert len(seen) == PAGES + 2 * len(range(0, PAGES, 20))
    for line in (out.dir / "crawl.log").read_text().splitlines():
        assert len(line.split()) >= 12, "torn"
    for row in (out.dir / "rejected.log").read_text().splitlines():
        assert row.count("\t") == 3
    ends = [json.loads(line) for line in (out.dir / "pages.jsonl").open()]
    for page in ends:  # and each lies where the record says
        at = page["warc"]
        (record,) = (r for r in archived[page["url"]])
        assert (record.offset, record.length) == (at["offset"], at["length"])
    return len(seen)


def kill_and_resume(site, tmp_path, seed):
    web, www = site
    rng = random.Random(seed)
    out = harness.Output(tmp_path / "crawl")
    first = ["crawl", "-q", "-o", out.dir, "--delay", "0", "--per-host", "8", "--rate", f"{RATE}/s",
             "--warc-size", "2MB", web.url("/p0.html")]  # fmt: skip
    killed = early = 0
    for n in range(KILLS + 1):
        interval = rng.choice(["20ms", "100ms", "300ms", "1s"])
        begun = out.dir.exists() and (out.dir / "job.yaml").exists()
        args = ["resume", "-q", out.dir] if begun else first
        running = harness.Running(*args, "--commit-interval", interval)
        try:
            if n < KILLS:
                time.sleep(rng.uniform(0.02, 2.0))
                if running.child.poll() is None:
                    os.killpg(running.child.pid, signal.SIGKILL)
                    killed += 1
                    running.child.communicate(timeout=60)
                else:
                    _, err = running.child.communicate(timeout=60)
                    assert running.child.returncode == 0, f"run {n} ended with {running.child.returncode}:\n{err}"
                    early += 1
                continue
            result = running.result(harness.CRAWL_SECONDS + 3 * PAGES // RATE)
        finally:
            running.end()
        assert result.rc == 0, result.err
    pages = check_whole(out, web, www)
    print(f"\nseed {seed}: {pages} pages, {killed} kills; {early} runs had ended before")
    assert killed > KILLS / 2


@pytest.mark.parametrize("seed", SEEDS)
def test_a_crawl_that_is_killed_again_and_again_loses_nothing_and_does_nothing_twice(site, tmp_path, seed):
    kill_and_resume(site, tmp_path, seed)


def test_resume_of_a_finished_crawl_has_nothing_to_do(site, tmp_path):
    web, www = site
    result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--per-host", "8", web.url("/p0.html"))
    assert result.rc == 0, result.err
    asked = len(web.log())
    result = harness.trawl("resume", out.dir)
    assert result.rc == 0, result.err
    assert "URLs" in result.err and " 0 queued" in result.err
    assert "nothing was left to ask for" in result.err
    assert len(web.log()) == asked
    check_whole(out, web, www)


def test_resume_goes_on_after_a_stop_with_other_options(site, tmp_path):
    web, www = site
    result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--max-pages", "50", web.url("/p0.html"))
    assert result.rc == 0, result.err
    assert len(out.pages()) == 50
    result = harness.trawl("resume", "-q", out.dir)  # the budget holds for the whole crawl
    assert result.rc == 0, result.err
    assert len(out.pages()) == 50
    result = harness.trawl("resume", "-q", out.dir, "--max-pages", "none", "--per-host", "4")
    assert result.rc == 0, result.err
    check_whole(out, web, www)
    assert "per_host: 4" in (out.dir / "job.yaml").read_text()


@pytest.mark.parametrize("kept", ["none", "warc", "jsonl"])
def test_a_sink_that_a_resume_leaves_out_is_cut_back_to_the_last_commit_too(site, tmp_path, kept):
    """Else its last records tell of pages that were asked again since, and where they no longer lie."""
    web, _ = site
    out = harness.Output(tmp_path / "c")
    sinks = [f"--sink={name}" for name in ("warc", "jsonl", "csv", "sqlite")]
    result = harness.trawl("crawl", "-q", "-o", out.dir, "--delay", "0", "--rate", "150/s", "--text", "--check-links",
                           "--csv-columns", "url,text", "--max-pages", "40", *sinks, web.url("/p0.html"))  # fmt: skip
    assert result.rc == 0, result.err
    committed = lambda: json.loads(harness.trawl("status", "--json", out.dir).out)["pages"]  # noqa: E731
    running = harness.Running("resume", "-q", out.dir, "--commit-interval", "60s", "--max-pages", "none")
    try:
        harness.wait_until("records that are not committed", lambda: out.pages_yet() > committed() + 20, every=0.1)
        os.killpg(running.child.pid, signal.SIGKILL)
        running.child.communicate(timeout=60)
    finally:
        running.end()
    before = committed()
    assert 40 <= before < out.pages_yet()
    result = harness.trawl("resume", "-q", out.dir, "--rate", "0", f"--sink={kept}", "--no-check-links")
    assert result.rc == 0, result.err
    lines = out.pages()
    assert len(lines) == (ALL if kept == "jsonl" else before)
    assert (out.dir / "pages.csv").read_bytes().count(b"\r\n") == before + 1
    with contextlib.closing(sqlite3.connect(out.dir / "pages.sqlite")) as db:
        assert db.execute("SELECT count(*) FROM pages").fetchone() == (before,)
    facts = [line.split("\t") for line in (out.dir / "checks.log").read_text().splitlines()]
    assert len([f for f in facts if f[0] == "T" and "p" in f[2]]) <= before
    archived = out.archived()  # every file is valid to the last byte, or this fails
    assert all(path.name.endswith(".gz") for path in out.warcs())
    for page in (p for p in lines if "warc" in p):
        (record,) = archived[page["url"]]
        assert (record.offset, record.length) == (page["warc"]["offset"], page["warc"]["length"])
    pages = [url for url in archived if not url.endswith("/robots.txt")]
    assert len(pages) == (ALL if kept == "warc" else before)
    assert harness.trawl("status", "--verify", out.dir).rc == 0


def test_a_resume_as_another_agent_obeys_what_robots_txt_says_to_that_one(site, tmp_path):
    """What was kept of it is what it says to the agent before; and kept it is, as long as the agent is the same."""
    _, www = site
    robots = "User-agent: *\\nDisallow:\\n\\nUser-agent: other\\nDisallow: /p1\\n"
    server = f"""server {{ listen 127.0.0.1:@PORT@; root "{www}"; location = /robots.txt {{ return 200 "{robots}"; }} }}"""
    with harness.nginx(tmp_path / "nginx", server) as web:
        result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--max-pages", "8", web.url("/p0.html"))
        assert result.rc == 0, result.err
        for agent, pages, robots_asked in (("trawl/2", 12, 0), ("other/1", 20, 1), ("other/2", 30, 0), ("third", 40, 1), ("other", "none", 1)):
            before = len(web.log())
            result = harness.trawl("resume", "-q", out.dir, "--user-agent", agent, "--max-pages", pages, "--per-host", "4")
            assert result.rc == 0, result.err
            asked = [row["uri"] for row in web.log()[before:]]
            assert asked.count("/robots.txt") == robots_asked, agent
            forbidden = [uri for uri in asked if uri.startswith("/p1")]
            assert not forbidden or not agent.startswith("other"), (agent, forbidden)
        denied = [row for row in out.rejected() if row[0] == "robots-denied"]
        assert denied and all("/p1" in url and "robots.txt line 5: Disallow: /p1" in detail for _, url, _, detail in denied)


def test_a_signal_stops_and_resume_goes_on(site, tmp_path):
    web, www = site
    out = harness.Output(tmp_path / "c")
    before = len(web.log())
    running = harness.Running("crawl", "-q", "-o", out.dir, "--delay", "0", "--rate", "60/s", web.url("/p0.html"))
    try:
        harness.wait_until("pages", lambda: len(web.log()) > before + 50)
        running.signal(signal.SIGINT)
        assert running.result().rc == 11
    finally:
        running.end()
    assert 0 < len(out.pages()) < PAGES
    result = harness.trawl("resume", "-q", out.dir, "--rate", "0")
    assert result.rc == 0, result.err
    check_whole(out, web, www)


@pytest.mark.parametrize("gap", [0.0, 0.02, 0.2])
def test_signals_again_and_again_lose_nothing_of_what_is_committed(site, tmp_path, gap):
    """From the second on it is to end at once; one that comes while it writes its reports may kill it."""
    web, www = site
    out = harness.Output(tmp_path / "c")
    before = len(web.log())
    running = harness.Running("crawl", "-q", "-o", out.dir, "--delay", "0", "--rate", "60/s", "--commit-interval", "50ms",
                              web.url("/p0.html"))  # fmt: skip
    try:
        harness.wait_until("pages", lambda: len(web.log()) > before + 60)
        while running.child.poll() is None:
            running.signal(signal.SIGINT)
            time.sleep(gap)
        assert running.child.wait() in (11, -signal.SIGINT)
    finally:
        running.end()
    status = json.loads(harness.trawl("status", "--json", "--verify", out.dir).out)
    assert status["verified"], status["differences"]
    result = harness.trawl("resume", "-q", out.dir, "--rate", "0")
    assert result.rc == 0, result.err
    check_whole(out, web, www)


def test_where_a_seed_was_redirected_to_is_no_place_of_its_own_after_a_resume(tmp_path):
    server = """server { listen 0.0.0.0:@PORT@; location = /robots.txt { return 200 ""; }
        location = / { return 302 http://127.0.0.2:@PORT@/inside; } location / { return 200 "x"; } }"""
    with harness.nginx(tmp_path / "nginx", server) as web:
        result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--max-pages", "1", web.url("/"))
        assert result.rc == 0, result.err
        result = harness.trawl("resume", "-q", out.dir, "--max-pages", "none")
        assert out.outcomes()[f"http://127.0.0.2:{web.port}/inside"] == "denied-address"
        assert not [row for row in web.log() if row["uri"] == "/inside"]


def test_seeds_that_are_redirected_to_long_places_do_not_end_the_crawl(tmp_path):
    seeds, tail = 120, "x" * 1500
    server = f"""server {{ listen 127.0.0.1:@PORT@; location = /robots.txt {{ return 200 ""; }}
        location /s/ {{ set $t "{tail}"; return 302 /t$uri?$t$t; }} large_client_header_buffers 4 16k; location /t/ {{  return 200 "x"; }} }}"""
    with harness.nginx(tmp_path / "nginx", server) as web:
        urls = [web.url(f"/s/{i}") for i in range(seeds)]
        options = ["--progress", "none", "--delay", "0", "--per-host", "8", "--scope", "page"]
        result, out = harness.crawl(tmp_path / "c", *options, *urls)
        assert result.rc == 0, result.err
        assert "do not widen the scope" not in result.err  # however long they are, each takes 8 bytes
        assert len(out.pages()) == 2 * seeds
        result = harness.trawl("resume", "-q", out.dir)
        assert result.rc == 0, result.err


@pytest.mark.parametrize(
    "args, code, says",
    [
        ((), 2, "resume wants one directory"),
        (("nowhere",), 2, "holds no crawl"),
        (("nowhere", "-o", "elsewhere"), 2, "-o is for a new one"),
        (("c", "--order", "dfs"), 2, "--order cannot change"),
        (("c", "--state", "memory"), 2, "--state cannot change"),
    ],
)
def test_what_cannot_be_resumed_is_told_in_one_sentence(site, tmp_path, args, code, says):
    web, _ = site
    if args and args[0] == "c":
        harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--max-pages", "3", web.url("/p0.html"))
    result = harness.trawl("resume", *args, cwd=tmp_path)
    assert result.rc == code, result.err
    assert says in result.err
    assert result.err.count("\n") == 1


def test_a_crawl_that_runs_cannot_be_resumed_by_a_second_program(site, tmp_path):
    web, _ = site
    out = harness.Output(tmp_path / "c")
    running = harness.Running("crawl", "-q", "-o", out.dir, "--delay", "0", "--rate", "30/s", web.url("/p0.html"))
    try:
        harness.wait_until("pages", lambda: (out.dir / "pages.jsonl").exists())
        time.sleep(0.5)
        result = harness.trawl("resume", out.dir)
        assert result.rc == 3
        assert "is in use by process" in result.err and result.err.count("\n") == 1
        assert running.child.poll() is None
    finally:
        running.end()


# -- other options for what waits already --

TRAP = 2500  # more than a window holds


@pytest.fixture(scope="module")
def trap(tmp_path_factory):
    """A start page with a calendar that has no end, and some pages with a way of their own."""
    www = tmp_path_factory.mktemp("trap")
    days = "".join(f'<a href="/cal/{i}">d</a>' for i in range(TRAP))
    pages = "".join(f'<a href="/p/{i}.html">p</a>' for i in range(20))
    (www / "p").mkdir()
    for i in range(20):
        (www / "p" / f"{i}.html").write_text(f'<a href="/p/deep/{i}">d</a><a href="/cal/{i + TRAP}">c</a>')
    (www / "index.html").write_text(days + pages)
    server = f"""server {{ listen 127.0.0.1:@PORT@; root "{www}"; default_type text/html;
        location /cal/ {{ return 200 "a day"; }} location /p/deep/ {{ return 200 "deep"; }}
        location = /robots.txt {{ return 404; }} }}"""
    with harness.nginx(tmp_path_factory.mktemp("run") / "nginx", server) as web:
        yield web


@pytest.mark.parametrize("order", ["bfs", "dfs", "priority"])
def test_what_waits_is_dropped_when_an_exclude_is_given_to_resume(trap, tmp_path, order):
    result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--order", order, "--max-pages", "30",
                                trap.url("/"))  # fmt: skip
    assert result.rc == 0, result.err
    days = {p["url"] for p in out.pages() if "/cal/" in p["url"]}
    asked = len([r for r in trap.log() if r["uri"].startswith("/cal/")])
    # A run that does nothing but end: what waits is known to be judged anew.
    assert harness.trawl("resume", "-q", out.dir, "--exclude", "/cal/").rc == 0
    waiting = trap.url(f"/cal/{TRAP // 2}")
    if waiting not in days:
        e = json.loads(harness.trawl("explain", "--json", out.dir, waiting).out)
        assert (e["outcome"], e["would_be"]) == ("waiting", {"outcome": "out-of-scope", "rule": "--exclude /cal/"})
        text = harness.trawl("explain", out.dir, waiting).out
        assert "when its turn comes it will be out-of-scope: --exclude /cal/" in text
    result = harness.trawl("resume", "-q", out.dir, "--max-pages", "none")
    assert result.rc == 0, result.err
    pages = {p["url"] for p in out.pages()}
    assert pages == days | {trap.url("/")} | {trap.url(f"/p/{i}.html") for i in range(20)} | {
        trap.url(f"/p/deep/{i}") for i in range(20)}  # fmt: skip
    assert len([r for r in trap.log() if r["uri"].startswith("/cal/")]) == asked
    rejected = out.rejected()
    dropped = {url for reason, url, _, detail in rejected if (reason, detail) == ("out-of-scope", "--exclude /cal/")}
    assert dropped == {trap.url(f"/cal/{i}") for i in range(TRAP + 20)} - days
    assert len(rejected) == len(dropped), "one line each"
    s = json.loads(harness.trawl("status", "--json", "--verify", out.dir).out)
    assert s["verified"] and s["queued"] == 0 and s["outcomes"] == {"ok": len(pages), "out-of-scope": len(dropped)}
    e = json.loads(harness.trawl("explain", "--json", out.dir, waiting).out)
    assert waiting in days or (e["outcome"], e["rule"]) == ("out-of-scope", "--exclude /cal/")


def test_what_waits_is_dropped_when_it_lies_too_deep(trap, tmp_path):
    result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--exclude", "/cal/", "--max-pages", "23",
                                trap.url("/"))  # fmt: skip
    assert result.rc == 0, result.err
    result = harness.trawl("resume", "-q", out.dir, "--depth", "1", "--max-pages", "none")
    assert result.rc == 0, result.err
    assert len(out.pages()) == 23
    assert len([r for r in out.rejected() if r[0] == "depth" and r[3] == "--depth 1"]) == 18
    assert json.loads(harness.trawl("status", "--json", "--verify", out.dir).out)["verified"]


def test_killed_while_it_drops_it_drops_the_rest(trap, tmp_path):
    result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--max-pages", "1", trap.url("/"))
    assert result.rc == 0, result.err
    running = harness.Running("resume", "-q", out.dir, "--exclude", "/cal/", "--max-pages", "none",
                              "--commit-interval", "10ms", "--delay", "100ms")  # fmt: skip
    try:
        harness.wait_until("some are dropped", lambda: len(out.rejected()) > 50)
        os.killpg(running.child.pid, signal.SIGKILL)
        running.child.wait(60)
    finally:
        running.end()
    result = harness.trawl("resume", "-q", out.dir, "--delay", "0")
    assert result.rc == 0, result.err
    assert len(out.pages()) == 41
    urls = [url for _, url, _, _ in out.rejected()]
    assert len(urls) == len(set(urls)) == TRAP + 20
    assert json.loads(harness.trawl("status", "--json", "--verify", out.dir).out)["verified"]

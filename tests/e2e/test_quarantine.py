"""Documents that kill or hang their parsers: archived byte for byte, kept apart, and told of.

The program is trawl with a parser that pages can harm (harmful_parser.c).
"""

import gzip
import json
import re
import signal
import subprocess
import time

import pytest

import harness

HARMED = str(harness.BUILDDIR / "tests/e2e/trawl_harmed")
GOOD = 150
SANITIZED = "#define TRAWL_SANITIZED 1" in (harness.BUILDDIR / "config.h").read_text()
HARMFUL = ("segv", "spin", "nonsense", "always")


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    www = tmp_path_factory.mktemp("good")
    for i in range(GOOD):
        links = "".join(f'<a href="p{(i * 7 + k) % GOOD}.html">{k}</a>' for k in range(1, 8))
        (www / f"p{i}.html").write_text(f"<!DOCTYPE html><title>page {i}</title>{links}" + "<p>text</p>" * 500)
    conf = f'server {{ listen 127.0.0.1:@PORT@; root "{www}"; }}'
    with harness.nginx(tmp_path_factory.mktemp("run") / "nginx", conf) as web:
        yield web, www


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    """Each of them with bytes that must not change on the way."""
    www = tmp_path_factory.mktemp("bad")
    for name in HARMFUL:
        body = f'<!DOCTYPE html><title>{name}</title><a href="behind-{name}.html">b</a><!--harm: {name}-->\n'.encode()
        (www / f"{name}.html").write_bytes(body + bytes(range(256)) * 200)
        (www / f"behind-{name}.html").write_text("never seen")
    (www / "index.html").write_text("".join(f'<a href="{n}.html">{n}</a>' for n in HARMFUL) + '<a href="ok.html">ok</a>')
    (www / "ok.html").write_text("<title>ok</title>")
    for i in range(12):
        (www / f"more{i}.html").write_text(f"<title>more {i}</title><!--harm: segv--> {i}")
    (www / "more.html").write_text("".join(f'<a href="more{i}.html">{i}</a>' for i in range(12)))
    conf = f'server {{ listen 127.0.0.1:@PORT@; root "{www}"; }}'
    with harness.nginx(tmp_path_factory.mktemp("run") / "nginx", conf) as web:
        yield web, www


def start(out, *args):
    return harness.Running(
        "crawl", "-o", out, "--delay", "0", "--per-host", "4", "--workers", "2", *args, program=HARMED
    )  # fmt: skip


# No worker needs so much of a CPU for anything here but the page that never ends.
AT_IT_TICKS = 40 if SANITIZED else 20


def cpu_ticks(pid):
    return sum(map(int, harness.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))


def kept(out, page):
    """The two files of a page in the quarantine."""
    name = page["quarantine"]
    why = json.loads((out.dir / "quarantine" / f"{name}.json").read_text())
    return why, (out.dir / "quarantine" / f"{name}.http").read_bytes()


@pytest.fixture(scope="module")
def crawled(good, bad, tmp_path_factory):
    out = harness.Output(tmp_path_factory.mktemp("crawl") / "c")
    running = start(out.dir, bad[0].url("/"), good[0].url("/p0.html"))
    try:
        result = running.result(120)
    finally:
        running.end()
    assert result.rc == 0, result.err
    return out, {p["url"]: p for p in out.pages()}, result


def test_all_are_archived_byte_for_byte(crawled, good, bad):
    out, pages, _ = crawled
    archived = out.archived()
    for i in range(GOOD):
        (record,) = archived[good[0].url(f"/p{i}.html")]
        assert record.payload == (good[1] / f"p{i}.html").read_bytes()
        assert pages[good[0].url(f"/p{i}.html")]["outcome"] == "ok"
    for name in HARMFUL:
        url = bad[0].url(f"/{name}.html")
        (record,) = archived[url]
        assert record.payload == (bad[1] / f"{name}.html").read_bytes()
        assert pages[url]["digest"] == record.headers["warc-payload-digest"]
        at = pages[url]["warc"]
        with open(out.dir / "warc" / at["file"], "rb") as f:
            f.seek(at["offset"])
            member = gzip.decompress(f.read(at["length"]))
        assert record.payload in member
    assert pages[bad[0].url("/ok.html")]["outcome"] == "ok"


def test_each_has_its_outcome_and_no_links(crawled, bad):
    out, pages, _ = crawled
    want = {"segv": "parse-crash", "spin": "parse-timeout", "nonsense": "parse-crash", "always": "parse-crash"}
    for name, outcome in want.items():
        page = pages[bad[0].url(f"/{name}.html")]
        assert (page["outcome"], page["status"]) == (outcome, 200)
        assert bad[0].url(f"/behind-{name}.html") not in pages
        (line,) = [c for c in out.crawl_log() if c[3] == page["url"]]
        assert outcome in line[11] and f"quarantine:{page['quarantine']}" in line[11]


def test_a_parser_that_hangs_with_nothing_queued_is_what_limits_the_crawl(bad, tmp_path):
    # Of robots.txt the answer is a 404.
    running = start(tmp_path / "c", "--progress", "bar", "--scope", "page", bad[0].url("/spin.html"))
    try:
        result = running.result(120)
    finally:
        running.end()
    assert result.rc == 0, result.err
    limits = re.findall(r"limited by: (.*?)\x1b\[K", result.err)
    assert len(limits) > 8, result.err
    assert set(limits[2:-2]) == {"parser-behind"}, limits


def test_the_quarantine_tells_what_happened(crawled, bad):
    out, pages, _ = crawled
    deaths = {}
    for name in HARMFUL:
        page = pages[bad[0].url(f"/{name}.html")]
        why, answer = kept(out, page)
        body = (bad[1] / f"{name}.html").read_bytes()
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n") and answer.endswith(b"\r\n\r\n" + body)
        assert why["url"] == page["url"] and why["outcome"] == page["outcome"] and why["via"] == bad[0].url("/")
        assert (why["head_bytes"], why["body_bytes"]) == (len(answer) - len(body), len(body))
        assert why["fetched_at"][:10] == page["fetched_at"][:10]
        deaths[name] = [(d["task"], d["end"], d.get("signal_name")) for d in why["deaths"]]
    assert deaths == {
        "segv": [("parse", "crash", None if SANITIZED else "SEGV")] * 2,  # a sanitizer exits
        "spin": [("parse", "timeout", None)] * 2,
        "nonsense": [("parse", "error", None)] * 2,
        "always": [("parse", "crash", "ABRT")] * 2 + [("archive", "crash", "ABRT")],
    }
    assert sorted(f.suffix for f in (out.dir / "quarantine").iterdir()) == [".http"] * 4 + [".json"] * 4
    assert all(len(f.stem) == 32 for f in (out.dir / "quarantine").iterdir())


def test_it_is_said(crawled, bad):
    out, pages, result = crawled
    page = pages[bad[0].url("/segv.html")]
    assert f"parse-crash, see quarantine/{page['quarantine']}.json" in result.err
    told = harness.trawl("explain", "--json", out.dir, page["url"])
    assert json.loads(told.out)["quarantine"] == f"quarantine/{page['quarantine']}.json"
    assert f"kept in   quarantine/{page['quarantine']}.json" in harness.trawl("explain", out.dir, page["url"]).out
    told = harness.trawl("explain", "--json", out.dir, bad[0].url("/ok.html"))
    assert "quarantine" not in json.loads(told.out)
    assert harness.trawl("status", "--verify", out.dir).rc == 0


@pytest.mark.skipif(not SANITIZED, reason="without a sanitizer a worker has no stderr")
def test_a_sanitizers_report_reaches_a_file(bad, tmp_path):
    args = "crawl", "-q", "-o", tmp_path / "c", "--delay", "0", bad[0].url("/segv.html")
    with open(tmp_path / "err", "wb") as err:
        subprocess.run([HARMED, *args], stderr=err, timeout=harness.CRAWL_SECONDS, check=True)
    assert (tmp_path / "err").read_text(errors="replace").count("ERROR: AddressSanitizer") == 2
    (why,) = (tmp_path / "c/quarantine").glob("*.json")
    assert "signal" not in json.loads(why.read_text())["deaths"][0]


def test_the_good_host_did_not_wait(crawled, good, bad):
    """20 s of a worker went into the page that never ends; the other one had time."""
    out, pages, _ = crawled
    lines = [c for c in out.crawl_log() if c[3].startswith(good[0].url("/"))]
    ends = [line for line in out.crawl_log() if line[3] == bad[0].url("/spin.html")]
    place = {line[3]: i for i, line in enumerate(out.crawl_log())}
    assert len(lines) >= GOOD and len(ends) == 1
    assert all(place[line[3]] < place[ends[0][3]] for line in lines)


def test_a_host_of_killers_is_not_parsed_any_more(good, bad, tmp_path):
    """Twelve pages that kill, and eight workers: then its pages are archived only."""
    out = harness.Output(tmp_path / "c")
    running = start(out.dir, bad[0].url("/more.html"), good[0].url("/p0.html"))
    try:
        result = running.result()
    finally:
        running.end()
    assert result.rc == 0, result.err
    pages = {p["url"]: p for p in out.pages()}
    archived = out.archived()
    for i in range(12):
        url = bad[0].url(f"/more{i}.html")
        assert pages[url]["outcome"] == "parse-crash"
        (record,) = archived[url]
        assert record.payload == (bad[1] / f"more{i}.html").read_bytes()
    in_quarantine = [p for p in pages.values() if "quarantine" in p]
    # Two workers each, of eight; how many were the first victim of a page is up to the machine.
    assert 1 <= len(in_quarantine) <= 5
    assert "8 workers died or hung at documents of one host" in result.err
    assert all(pages[good[0].url(f"/p{i}.html")]["outcome"] == "ok" for i in range(GOOD))


def test_after_kill_and_resume_each_is_there_once(good, bad, tmp_path):
    out = harness.Output(tmp_path / "c")
    running = start(out.dir, "--commit-interval", "200ms", bad[0].url("/"), good[0].url("/p0.html"))
    try:
        harness.wait_until("quarantine", lambda: len(list((out.dir / "quarantine").glob("*.json"))) > 1)
        time.sleep(0.3)
        running.signal(signal.SIGKILL)
        running.child.wait(60)
    finally:
        running.end()
    # Of a page whose commit was lost, and a file that is none of ours.
    for name in ("0123456789abcdef" * 2 + ".http", "0123456789abcdef" * 2 + ".json.new", "notes.txt"):
        (out.dir / "quarantine" / name).write_text("left over")
    running = harness.Running("resume", out.dir, program=HARMED)
    try:
        result = running.result(120)
    finally:
        running.end()
    assert result.rc == 0, result.err
    pages = [p for p in out.pages() if "quarantine" in p]
    assert sorted(p["url"] for p in pages) == sorted(bad[0].url(f"/{n}.html") for n in HARMFUL)
    files = sorted(f.name for f in (out.dir / "quarantine").iterdir())
    assert files == sorted([f"{p['quarantine']}{end}" for p in pages for end in (".http", ".json")] + ["notes.txt"])
    for name in HARMFUL:
        (record,) = out.archived()[bad[0].url(f"/{name}.html")]
        assert record.payload == (bad[1] / f"{name}.html").read_bytes()


def test_two_kills_from_outside_are_enough(tmp_path_factory, tmp_path):
    """A large page whose parsing does not end before whoever kills the worker that has it has done so."""
    www = tmp_path_factory.mktemp("slow")
    link = '<a href="x.html">y</a><p class="z">some <b>text</b> &amp; more</p>\n'
    (www / "index.html").write_text("<!DOCTYPE html><title>long</title><!--harm: spin-->" + link * 500000)
    (www / "x.html").write_text("<title>x</title>")
    conf = f'server {{ listen 127.0.0.1:@PORT@; root "{www}"; }}'
    out = harness.Output(tmp_path / "c")
    killed = set()
    with harness.nginx(tmp_path / "nginx", conf) as web:
        running = start(out.dir, "-q", "--workers", "1", web.url("/"))
        try:

            def nursery():
                return running.descendants("trawl-nursery")

            (home,) = harness.wait_until("nursery", nursery)

            def kill_busy():
                for pid in harness.Path(f"/proc/{home}/task/{home}/children").read_text().split():
                    if pid not in killed and cpu_ticks(pid) >= AT_IT_TICKS:
                        harness.os.kill(int(pid), signal.SIGKILL)
                        killed.add(pid)
                return len(killed) == 2

            harness.wait_until("two busy workers", kill_busy, every=0.005)
            result = running.result()
        finally:
            running.end()
        assert result.rc == 0, result.err
        page = next(p for p in out.pages() if p["url"] == web.url("/"))
        assert page["outcome"] == "parse-crash"
        (record,) = out.archived()[web.url("/")]
        assert record.payload == (www / "index.html").read_bytes()
        why, answer = kept(out, page)
        assert [d["signal_name"] for d in why["deaths"]] == ["KILL", "KILL"]
        assert answer.endswith(record.payload)

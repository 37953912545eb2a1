"""trawl status and trawl explain: from another process, while a crawl runs, after it ended, after it was killed."""

import datetime
import json
import os
import random
import signal
import sqlite3
import urllib.error
import urllib.request

import pytest

import harness

PAGES = 200


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    www = tmp_path_factory.mktemp("www")
    (www / "private").mkdir()
    for i in range(PAGES):
        links = "".join(f'<a href="p{k}.html">x</a>' for k in (i + 1, 2 * i + 1, 2 * i + 2) if k < PAGES)
        if i == 0:
            links += '<a href="http://elsewhere.example/">e</a><a href="private/x.html">r</a><a href="mailto:a@b.c">m</a>'
            links += '<a href="gone.html">g</a><a href="/moved">m</a><a href="bad\\x1b]0;owned.html">b</a>'
        (www / f"p{i}.html").write_text(f"<title>page {i}</title>{links}")
    server = f"""server {{ listen 127.0.0.1:@PORT@; root "{www}"; location = /moved {{ return 302 /p1.html; }}
        location = /robots.txt {{ default_type text/plain; return 200 "User-agent: *\\nDisallow: /private/\\n"; }} }}"""
    with harness.nginx(tmp_path_factory.mktemp("run") / "nginx", server) as web:
        yield web


@pytest.fixture(scope="module")
def done(site, tmp_path_factory):
    """A crawl that came to its end."""
    result, out = harness.crawl(tmp_path_factory.mktemp("done") / "c", "-q", "--delay", "0", site.url("/p0.html"))
    assert result.rc == 0, result.err
    return out


def status(out, *args, rc=0):
    result = harness.trawl("status", "--json", *args, out.dir)
    assert result.rc == rc, (result.out, result.err)
    s = json.loads(result.out)
    assert s["v"] == 1
    assert s["discovered"] == s["fetched"] + s["failed"] + s["rejected"] + s["queued"] + s["in_flight"]
    assert sum(s["outcomes"].values()) == s["fetched"] + s["failed"] + s["rejected"]
    return s


def explain(out, url, rc=0):
    result = harness.trawl("explain", "--json", out.dir, url)
    assert result.rc == rc, (result.out, result.err)
    e = json.loads(result.out)
    assert e["v"] == 1
    return e


def test_status_of_a_crawl_that_ended(site, done):
    s = status(done, "--verify")
    pages = done.pages()
    assert (s["state"], s["end"], s["runs"]) == ("ended", "done", 1)
    assert "pid" not in s
    assert (s["pages"], s["fetched"], s["queued"]) == (len(pages), len(pages), 0)
    assert s["rejected"] == len(done.rejected())
    assert s["bytes_wire"] > 0 and s["bytes_disk"] > 0 and s["seconds"] > 0
    assert s["verified"] is True and s["differences"] == []
    report = json.loads((done.dir / "report.json").read_text())
    for key in "discovered", "fetched", "failed", "rejected", "queued", "in_flight", "pages", "attempts", "bytes_wire", "outcomes":
        assert s[key] == report[key], key
    assert s["wait_ms"].keys() == report["wait_ms"].keys()
    text = harness.trawl("status", "--verify", done.dir)
    assert text.rc == 0 and text.err == ""
    assert "ended: done" in text.out
    assert "  verified  store, sums and lengths of files; for their bytes: trawl warc verify\n" in text.out
    assert f"{len(pages)} fetched" in text.out


def test_status_tells_how_long_a_crawl_has_waited_though_nothing_came(site, tmp_path):
    """Nothing is fetched, so there is nothing to be committed but that."""
    out = harness.Output(tmp_path / "c")
    run = harness.Running("crawl", "-q", "-o", out.dir, "--delay", "5m", site.url("/p0.html"))
    harness.wait_until("the first commit", lambda: (out.dir / "state").exists() and harness.trawl("status", out.dir).rc == 0)
    harness.wait_until("it is told", lambda: status(out)["wait_ms"].get("crawl-delay", 0) > 9000, 60)
    run.signal(signal.SIGKILL)
    run.end()
    s = status(out, "--verify")
    assert s["state"] == "interrupted" and s["wait_ms"]["crawl-delay"] > 9000
    assert s["seconds"] >= 9  # of --max-time, too, no more is lost by that


def test_explain_knows_what_a_page_can_be_asked_for_again_by(site, done):
    url = site.url("/p3.html")
    e = explain(done, url)
    page = next(p for p in done.pages() if p["url"] == url)
    assert e["digest"] == page["digest"]
    for name, value in ("If-None-Match", e["etag"]), ("If-Modified-Since", e["last_modified"]):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(url, headers={name: value}), timeout=60)
        assert refused.value.code == 304, name
    text = harness.trawl("explain", done.dir, url).out
    assert e["etag"] in text and e["last_modified"] in text
    assert "due       in the next round" in text
    moved = explain(done, site.url("/moved"))
    assert "etag" not in moved and "digest" not in moved


def test_explain_knows_that_what_was_never_answered_is_due_in_the_next_round(site, done):
    url = site.url("/private/x.html")
    e = explain(done, url)
    assert e["outcome"] == "robots-denied" and e["due_at"] == e["since"]
    assert "  due       in the next round, if there is one\n" in harness.trawl("explain", done.dir, url).out
    assert "due_at" not in explain(done, "http://elsewhere.example/")  # out of scope: our own decision


def test_status_and_explain_while_it_runs_and_after_kill(site, tmp_path):
    out = harness.Output(tmp_path / "c")
    running = harness.Running("crawl", "-q", "-o", out.dir, "--delay", "0", "--rate", "6/s",
                              "--commit-interval", "100ms", site.url("/p0.html"))  # fmt: skip
    try:
        harness.wait_until("pages", lambda: out.pages_yet() > 20)
        last = None
        for _ in range(10):
            s = status(out, "--verify")
            assert (s["state"], s["pid"]) == ("running", running.child.pid)
            assert s["verified"] is True
            assert last is None or s["pages"] >= last["pages"]
            last = s
        assert last["queued"] > 0 and last["hosts_queued"] == 1
        (host,) = last["busiest"]
        assert host["host"] == site.url("")
        assert host["queued"] == last["queued"]
        page = explain(out, site.url("/p0.html"))
        assert (page["outcome"], page["page"]["title"]) == ("ok", "page 0")
        got = out.urls_yet()
        *_, late = (u for i in range(PAGES // 2 - 1) if site.url(f"/p{i}.html") in got
                    if (u := site.url(f"/p{2 * i + 2}.html")) not in got)  # fmt: skip
        e = explain(out, late)
        assert e["outcome"] == "waiting"
        since = datetime.datetime.fromisoformat(e["since"])
        assert 0 <= (datetime.datetime.now(datetime.timezone.utc) - since).total_seconds() < 60
        assert 1 <= e["queue"]["place"] <= e["queue"]["queued"]
        assert e["via"].startswith(site.url("/p")) and set(e["hops"]) == {"L"} and e["depth"] == len(e["hops"])
        assert e["host"]["host"] == site.url("")
        assert running.child.poll() is None
        os.killpg(running.child.pid, signal.SIGKILL)
        running.child.wait(60)
    finally:
        running.end()
    s = status(out, "--verify")
    assert s["state"] == "interrupted" and "pid" not in s and "end" not in s
    assert s["queued"] > 0
    assert "trawl resume goes on" in harness.trawl("status", out.dir).out
    assert explain(out, late)["outcome"] == "waiting"
    assert harness.trawl("resume", "-q", out.dir, "--rate", "0").rc == 0
    s = status(out, "--verify")
    assert (s["state"], s["end"], s["runs"], s["queued"]) == ("ended", "done", 2, 0)
    assert explain(out, late)["outcome"] == "ok"
    assert s["seconds"] >= last["seconds"]


def test_looking_changes_nothing(site, done):
    def files():
        return {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in done.dir.rglob("*")}

    before = files()
    status(done, "--verify")
    explain(done, site.url("/p3.html"))
    assert files() == before


def test_explain_what_was_fetched(site, done):
    e = explain(done, site.url("/p7.html#part"))  # the normal form has no fragment
    (line,) = (p for p in done.pages() if p["url"] == site.url("/p7.html"))
    assert e["url"] == site.url("/p7.html")
    assert e["page"] == line
    assert (e["outcome"], e["tries"], e["via"], e["depth"]) == ("ok", 1, line["via"], line["depth"])
    text = harness.trawl("explain", done.dir, site.url("/p7.html")).out
    assert f"warc/{line['warc']['file']} at {line['warc']['offset']}" in text
    assert "200 text/html" in text
    e = explain(done, site.url("/moved"))
    assert (e["outcome"], e["page"]["redirect_to"]) == ("redirect", site.url("/p1.html"))
    assert site.url("/p1.html") in harness.trawl("explain", done.dir, site.url("/moved")).out
    assert explain(done, site.url("/gone.html"))["outcome"] == "http-4xx"


def test_explain_what_was_rejected_and_why(site, done):
    e = explain(done, "http://elsewhere.example/")
    assert (e["outcome"], e["rule"], e["via"]) == ("out-of-scope", "--scope host", site.url("/p0.html"))
    e = explain(done, site.url("/private/x.html"))
    assert e["outcome"] == "robots-denied"
    assert e["rule"] == "robots.txt line 2: Disallow: /private/"
    e = explain(done, "mailto:a@b.c")
    assert (e["outcome"], e["rule"]) == ("unsupported-scheme", "scheme is not http or https")


def test_a_seed_that_is_refused_is_told_with_the_rule(site, tmp_path):
    for out, args in (("c", []), ("q", ["-q"])):
        result, _ = harness.crawl(tmp_path / out, *args, site.url("/private/x.html"))
        told = [line for line in result.err.splitlines() if "robots-denied: robots.txt line 2: Disallow: /private/" in line]
        assert (result.rc, len(told)) == (4, 1), result.err


def test_explain_what_was_never_seen(site, done):
    e = explain(done, "http://nowhere.example/x", rc=1)
    assert e["outcome"] == "not-discovered"
    assert e["would_be"] == {"outcome": "out-of-scope", "rule": "--scope host"}
    e = explain(done, site.url("/unlinked.html"), rc=1)
    assert e["would_be"] == {"outcome": "wanted"}
    e = explain(done, site.url("/private/unlinked.html"), rc=1)
    assert e["robots_rule"] == "robots.txt line 2: Disallow: /private/"
    text = harness.trawl("explain", done.dir, site.url("/p3.html").removeprefix("http://")).out
    assert "relative URL without a base\n  hint      a URL begins with http://" in text
    e = explain(done, "http://[bad", rc=1)
    assert e["would_be"]["outcome"] == "bad-url"
    text = harness.trawl("explain", done.dir, "http://nowhere.example/x")
    assert text.rc == 1 and "not discovered" in text.out and "would be out-of-scope: --scope host" in text.out


def test_text_from_the_net_cannot_reach_the_terminal(site, done):
    for url in ["http://x.example/\x1b]0;owned\x07", "javascript:\x1b[2J"]:
        result = harness.trawl("explain", done.dir, url)
        assert result.rc == 1
        assert "\x1b" not in result.out and "\x07" not in result.out


def test_explain_a_pattern_as_it_was_given(site, tmp_path):
    result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--exclude", r"/p\d\d\.", "--depth", "2",
                                site.url("/p0.html"))  # fmt: skip
    assert result.rc == 0, result.err
    e = explain(out, site.url("/p12.html"))
    assert (e["outcome"], e["rule"]) == ("out-of-scope", r"--exclude /p\d\d\.")
    e = explain(out, site.url("/p7.html"))
    assert (e["outcome"], e["rule"]) == ("depth", "--depth 2")
    e = explain(out, site.url("/p55.html"), rc=1)
    assert e["would_be"]["rule"] == r"--exclude /p\d\d\."


def test_a_host_that_holds_back_and_one_that_is_given_up_are_told(tmp_path):
    server = """server { listen 127.0.0.1:@PORT@; location / { return 200 '<a href=/busy>b</a><a href=/next>n</a>
            <a href=http://dead.test:1/x>d</a>'; default_type text/html; }
        location = /robots.txt { return 404; }
        location = /busy { add_header Retry-After 300 always; return 503; } }"""
    with harness.nginx(tmp_path / "nginx", server) as web, harness.dnsmasq({}) as dns:
        out = harness.Output(tmp_path / "c")
        running = harness.Running("crawl", "-q", "-o", out.dir, "--delay", "0", "--scope", "any", "--dns", dns,
                                  "--commit-interval", "100ms", web.url("/"))  # fmt: skip
        try:
            harness.wait_until("both", lambda: out.dir.joinpath("crawl.log").exists() and
                               "dead.test" in (out.dir / "crawl.log").read_text() and
                               "/busy" in (out.dir / "crawl.log").read_text())  # fmt: skip

            def committed():
                s = status(out)
                return s if s.get("given_up") and s.get("hosts_waiting") else None

            s = harness.wait_until("both are committed", committed)
            (held,) = (h for h in s["busiest"] if h["host"] == web.url(""))
            assert (held["queued"], held["waits_for"]) == (2, "retry-after")
            assert s["hosts_waiting"] == {"retry-after": 1}
            (dead,) = s["given_up"]
            assert (dead["host"], dead["given_up"]) == ("http://dead.test:1", "dns-failure")
            e = explain(out, web.url("/busy"))
            assert (e["outcome"], e["tries"], e["last_try"]["outcome"]) == ("waiting", 1, "http-5xx")
            assert "not_before" in e["queue"]
            assert e["host"]["waits_for"] == "retry-after"
            e = explain(out, web.url("/next"))
            assert e["outcome"] == "waiting" and "tries" not in e
            text = harness.trawl("explain", out.dir, web.url("/next")).out
            assert "next turn in" in text and "retry-after" in text
            e = explain(out, "http://dead.test:1/x")
            assert (e["outcome"], e["host"]["given_up"]) == ("dns-failure", "dns-failure")
            text = harness.trawl("status", out.dir).out
            assert "given up" in text and "retry-after" in text
        finally:
            running.end()


@pytest.mark.parametrize(
    "args, code, says",
    [
        (("status",), 2, "status wants one directory"),
        (("status", "a", "b"), 2, "status wants one directory"),
        (("explain", "a"), 2, "explain wants a directory and a URL"),
        (("status", "nowhere"), 2, "holds no crawl"),
        (("explain", "nowhere", "http://x.test/"), 2, "holds no crawl"),
        (("status", "--all", "nowhere"), 2, "no option --all"),
    ],
)
def test_what_cannot_be_told_is_one_sentence(tmp_path, args, code, says):
    result = harness.trawl(*args, cwd=tmp_path)
    assert result.rc == code
    assert says in result.err and result.err.count("\n") == 1 and result.out == ""


def test_a_crawl_in_memory_tells_nothing_to_others(site, tmp_path):
    result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--state", "memory", "--max-pages", "3",
                                site.url("/p0.html"))  # fmt: skip
    assert result.rc == 0
    assert not (out.dir / "state").exists()
    result = harness.trawl("status", out.dir)
    assert result.rc == 2 and "--state memory" in result.err


# -- damage --


@pytest.fixture
def spoilt(site, tmp_path):
    result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--max-pages", "40", site.url("/p0.html"))
    assert result.rc == 0
    return out


def test_verify_finds_a_log_that_was_cut(site, spoilt):
    for name in "pages.jsonl", "crawl.log", "rejected.log":
        path = spoilt.dir / name
        whole = path.read_bytes()
        path.write_bytes(whole[:-1])
        s = status(spoilt, "--verify", rc=3)
        assert s["verified"] is False
        (difference,) = s["differences"]
        assert difference == f"{name} has {len(whole) - 1} bytes, {len(whole)} were committed"
        path.unlink()
        assert status(spoilt, "--verify", rc=3)["differences"] == [f"{name} is missing"]
        path.write_bytes(whole)
    assert status(spoilt, "--verify")["verified"] is True


def test_verify_finds_a_byte_that_was_changed_in_what_is_written_by_lines(site, tmp_path):
    result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--per-host", "4", "--exclude", "p7", "--check-links",
                                *(f"--sink={name}" for name in ("warc", "jsonl", "csv")), site.url("/p0.html"))  # fmt: skip
    assert result.rc == 0, result.err
    rng = random.Random(1)
    for name in "pages.jsonl", "pages.csv", "crawl.log", "rejected.log", "checks.log", "state/index.unsorted":
        path = out.dir / name
        whole = path.read_bytes()
        for at in 0, len(whole) - 1, whole.index(b"\n"), *(rng.randrange(len(whole)) for _ in range(5)):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << rng.randrange(8)]) + whole[at + 1 :])
            differences = status(out, "--verify", rc=3)["differences"]
            assert f"{name} is not what was written: a byte of the first {len(whole)} has changed" in differences, (name, at)
        path.write_bytes(whole + b"more, which no commit knows of")
        assert status(out, "--verify")["verified"] is True
        path.write_bytes(whole)


def test_verify_finds_an_archive_that_was_cut_or_lost(site, spoilt):
    (path,) = spoilt.warcs()
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    result = harness.trawl("status", "--verify", spoilt.dir)
    assert result.rc == 3
    assert f"warc/{path.name} has {len(whole) - 1} bytes, {len(whole)} were committed" in result.out
    path.unlink()
    result = harness.trawl("status", "--verify", spoilt.dir)
    assert result.rc == 3 and f"warc/{path.name} is missing" in result.out


def test_verify_finds_an_earlier_file_of_the_archive_that_was_cut_spoilt_or_lost(site, tmp_path):
    """Not only the one that grew at the last commit."""
    result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--warc-size", "64KiB", site.url("/p0.html"))
    assert result.rc == 0, result.err
    first, second, *more = out.warcs()
    assert more and status(out, "--verify")["verified"]
    for path in first, second:
        whole, name = path.read_bytes(), f"warc/{path.name}"
        for spoilt, says in (
            (b"", f"{name} has 0 bytes, its records "),
            (whole[: len(whole) // 2], f"{name} has {len(whole) // 2} bytes, its records "),
            (whole[:-1], f"{name} is damaged at byte "),
            (whole + b"x", f"{name} is damaged at byte "),
        ):
            path.write_bytes(spoilt)
            (difference,) = status(out, "--verify", rc=3)["differences"]
            assert difference.startswith(says)
        path.unlink()
        assert status(out, "--verify", rc=3)["differences"] == [f"{name} is missing"]
        path.mkdir()
        assert status(out, "--verify", rc=3)["differences"] == [f"{name} is no regular file"]
        path.rmdir()
        path.write_bytes(whole)
    assert status(out, "--verify")["verified"]


def test_verify_does_not_take_what_is_no_file_for_one(site, tmp_path):
    sinks = ["--sink", "mirror", "--sink", "sqlite", "--sink", "warc"]
    result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--max-pages", "5", *sinks, site.url("/p0.html"))
    assert result.rc == 0, result.err
    for name in "crawl.log", "rejected.log", "mirror.work/index", "pages.sqlite", "state/index.unsorted":
        path = out.dir / name
        path.rename(tmp_path / "away")
        for make in path.mkdir, lambda: os.mkfifo(path):
            make()
            assert status(out, "--verify", rc=3)["differences"] == [f"{name} is no regular file"]
            harness.trawl("explain", out.dir, site.url("/p0.html"), timeout=20)  # it does not wait for a writer
            path.rmdir() if path.is_dir() else path.unlink()
        (tmp_path / "away").rename(path)
    assert status(out, "--verify")["verified"]


def test_verify_looks_into_tables_and_databases(site, tmp_path):
    sinks = ["--sink", "csv", "--sink", "sqlite", "--sink", "warc"]
    result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--max-pages", "40", *sinks, site.url("/p0.html"))
    assert result.rc == 0, result.err
    assert status(out, "--verify")["verified"] is True
    csv, index, base = out.dir / "pages.csv", out.dir / "state" / "index.unsorted", out.dir / "pages.sqlite"
    for path, name in (csv, "pages.csv"), (index, "state/index.unsorted"):
        whole = path.read_bytes()
        path.write_bytes(whole[:-1])
        want = f"{name} has {len(whole) - 1} bytes, {len(whole)} were committed"
        assert status(out, "--verify", rc=3)["differences"] == [want]
        path.write_bytes(whole)
    db = sqlite3.connect(base)
    links = db.execute("SELECT count(*) FROM links").fetchone()[0]
    db.execute("DELETE FROM pages WHERE id = 7")
    db.commit()
    assert status(out, "--verify", rc=3)["differences"] == ["pages.sqlite has 39 rows in pages, 40 were committed"]
    db.execute("INSERT INTO pages (id, url, outcome) VALUES (7, 'x', 'ok'), (41, 'not committed yet', 'ok')")
    db.execute("DELETE FROM links WHERE id = ?", (links,))
    db.commit()
    want = f"pages.sqlite has {links - 1} rows in links, {links} were committed"
    assert status(out, "--verify", rc=3)["differences"] == [want]
    db.close()
    base.write_bytes(b"no database at all, but of some length" * 100)
    (difference,) = status(out, "--verify", rc=3)["differences"]
    assert "pages.sqlite" in difference and "not a database" in difference
    for path in base, *out.dir.glob("pages.sqlite-*"):
        path.unlink(missing_ok=True)
    assert status(out, "--verify", rc=3)["differences"] == ["pages.sqlite is missing"]


def test_a_damaged_store_is_told_in_one_sentence(site, spoilt):
    for path in (spoilt.dir / "state").glob("MANIFEST-*"):
        path.write_bytes(b"\0" * path.stat().st_size)
    for args in ("status", spoilt.dir), ("explain", spoilt.dir, site.url("/p0.html")):
        result = harness.trawl(*args)
        assert result.rc == 3, result.err
        assert "damaged" in result.err and result.err.count("\n") == 1


def test_a_store_whose_version_was_lost_is_damaged_and_not_a_crawl_that_has_not_begun(site, spoilt):
    (spoilt.dir / "state" / "TRAWL-VERSION").unlink()
    for args in ("status", spoilt.dir), ("explain", spoilt.dir, site.url("/p0.html")), ("resume", spoilt.dir):
        result = harness.trawl(*args)
        assert result.rc == 3, result.err
        assert "damaged (TRAWL-VERSION is missing)" in result.err and result.err.count("\n") == 1


@pytest.mark.parametrize("name", ["CURRENT", "TRAWL-MARK", "TRAWL-VERSION", "TRAWL-LOCK", "IDENTITY", "000004.log", "../job.yaml"])
def test_nobody_waits_for_what_will_never_be_written(site, spoilt, name):
    path = spoilt.dir / "state" / name
    path.unlink()
    os.mkfifo(path)
    for args in ("status", spoilt.dir), ("explain", spoilt.dir, site.url("/p0.html")), ("resume", "-q", spoilt.dir):
        result = harness.trawl(*args, timeout=20)
        assert result.rc in ((0, 3) if name == "TRAWL-LOCK" else (2, 3)), result.err
        assert result.err.count("\n") == (result.rc != 0)

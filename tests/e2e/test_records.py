"""Records for programs: pages.jsonl holds to its published schema, and what can be asked of it."""

import base64
import csv
import hashlib
import json
import signal
import sqlite3
import subprocess

import pytest

import harness

jsonschema = pytest.importorskip("jsonschema")

SCHEMA = json.loads((harness.SRCDIR / "doc" / "pages.schema.json").read_text())
MAIN = "Copper kettles boil water quicker than iron ones, which keep it warm for longer once they are off the stove. "
ROOT = f"""<!DOCTYPE html><html lang=en><meta charset=utf-8><title>Kettles</title>
<meta name=robots content="noarchive, nosnippet"><meta name=description content="All kettles">
<link rel=canonical href=/all><nav><a href=/>Home</a> <a href=/gone>Gone</a> <a href=/go>Go</a></nav>
<main><p>{MAIN * 3}</p><p><b>Shops</b> &amp; \u20ac <a href=/late>late</a> <a href=/broken>b</a></p></main>
<img src=/i.png srcset="/i2.png 2x"><script src=/s.js></script><link rel=stylesheet href=/s.css>
<form action=/f></form><iframe src=/frame></iframe><a href="http://other.test/">other</a></html>
"""


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    www = tmp_path_factory.mktemp("www")
    (www / "index.html").write_text(ROOT, encoding="utf-8")
    (www / "s.css").write_text("@import '/t.css'; p { background: url(/bg.png) }")
    server = f"""server {{
        listen 127.0.0.1:@PORT@;
        types {{ text/html html; text/css css; }}
        root "{www}";
        location = /go {{ return 301 /late; }}
        location = /late {{ default_type text/html; add_header X-Robots-Tag
            "unavailable_after: 25 Jun 2010 15:00:00 PST"; return 200 "<title>Late</title><p>a"; }}
        location = /broken {{ default_type text/html; add_header Content-Encoding gzip; return 200 "no gzip"; }}
        location = /frame {{ return 500; }}
    }}"""
    with harness.nginx(tmp_path_factory.mktemp("run") / "nginx", server) as web:
        yield web


def crawl(web, where, *options):
    result, out = harness.crawl(where, "-q", "--delay", "0", "--retries", "0", *options, web.url("/"))
    assert result.rc == 0, result.err
    return {p["url"].removeprefix(web.url("")): p for p in out.pages()}


def judge():
    """No member may be there that the schema does not know: whoever adds one writes it down."""
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    strict = json.loads(json.dumps(SCHEMA))
    for part in (strict, strict["properties"]["ms"], strict["properties"]["warc"]):
        part["additionalProperties"] = False
    return jsonschema.Draft7Validator(strict)


def test_every_line_of_a_crawl_holds_to_the_schema(web, tmp_path):
    options = "--requisites", "--text", "--simhash", "--extract", "a[]=a::attr(href)", "--extract", "h=h1"
    pages = crawl(web, tmp_path / "out", *options)
    schema = judge()
    for page in pages.values():
        schema.validate(page)
    assert {"/", "/gone", "/go", "/late", "/broken", "/s.css", "/t.css", "/bg.png", "/frame"} <= set(pages)
    seen = set().union(*pages.values())
    # All but the quarantine, what only some servers cause, and what only --sink exec has (test_exec.py) came to be judged.
    assert set(SCHEMA["properties"]) - seen <= {"quarantine", "seq", "change"}  # test_recrawl.py has the last
    for page in crawl(web, tmp_path / "plain", "--sink", "jsonl").values():
        schema.validate(page)
        assert not {"text", "fields", "simhash", "warc"} & set(page)


def test_the_schema_refuses_what_is_wrong(web, tmp_path):
    good = crawl(web, tmp_path / "out", "--max-pages", "1")["/"]
    schema = judge()
    wrong = [{"v": 2}, {"outcome": "robots-denied"}, {"kind": "x"}, {"links": -1}, {"status": "200"}, {"more": 1},
             {"digest": "sha1:x"}, {"fields": {"a": 1}}, {"fields": {"a": None}}, {"ms": {}},
             {"fetched_at": "yesterday"}]  # fmt: skip
    for change in wrong:
        with pytest.raises(jsonschema.ValidationError):
            schema.validate(good | change)
    for name in SCHEMA["required"]:
        with pytest.raises(jsonschema.ValidationError):
            schema.validate({k: v for k, v in good.items() if k != name})


def test_the_digest_is_that_of_the_body_with_and_without_an_archive(web, tmp_path):
    want = "sha1:" + base64.b32encode(hashlib.sha1(ROOT.encode()).digest()).decode()
    for sinks in (["jsonl"], ["warc", "jsonl"]):
        pages = crawl(web, tmp_path / "-".join(sinks), *(word for name in sinks for word in ("--sink", name)))
        assert pages["/"]["digest"] == want, sinks
        assert ("warc" in pages["/"]) == ("warc" in sinks)


def test_the_main_text_comes_when_asked(web, tmp_path):
    pages = crawl(web, tmp_path / "out", "--text", "--requisites")
    first, *rest = pages["/"]["text"].split("\n")
    assert first == (MAIN * 3).strip()
    assert "Home" not in pages["/"]["text"] and "simhash" not in pages["/"]
    assert "text" not in pages["/s.css"] and "text" not in pages["/go"]


# -- --sink stdout --


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """3,000 pages, and 1,500 that are missing, with long titles: more than pipe and buffers hold."""
    www = tmp_path_factory.mktemp("many")
    for i in range(3000):
        (www / f"{i}.html").write_text(f"<title>{i} {'x' * 900}</title><a href={i + 1}.html>n</a><a href={i * 2}.html>d</a>")
    server = f"""server {{ listen 127.0.0.1:@PORT@; types {{ text/html html; }} root "{www}"; }}"""
    with harness.nginx(tmp_path_factory.mktemp("run") / "nginx", server) as web:
        yield web


FAST = "-q", "--delay", "0", "--per-host", "16"


def test_standard_output_has_what_pages_jsonl_has(web, tmp_path):
    result, out = harness.crawl(tmp_path / "out", "-q", "--delay", "0", "--sink", "stdout", "--sink", "jsonl",
                                "--sink", "warc", web.url("/"))  # fmt: skip
    assert result.rc == 0, result.err
    assert out.pages() and result.out == (out.dir / "pages.jsonl").read_text()


def test_a_summary_as_json_and_pages_do_not_go_to_one_place(web, tmp_path):
    result, _ = harness.crawl(tmp_path / "out", "--sink", "stdout", "--json", web.url("/"))
    assert result.rc == 2 and "--json: the summary would stand among the pages" in result.err


def test_a_reader_that_goes_away_ends_the_crawl_and_a_resume_tells_the_rest(many, tmp_path):
    running = harness.Running("crawl", "-o", tmp_path / "out", *FAST, "--sink", "stdout", "--commit-interval",
                              "50ms", many.url("/1.html"))  # fmt: skip
    try:
        first = [json.loads(running.child.stdout.readline()) for _ in range(1500)]
        running.child.stdout.close()
        running.child.stdout = None
        assert running.child.wait(30) == 3
        assert "nobody reads standard output any more" in running.child.stderr.read()
    finally:
        running.end()
    # And so it is found afterwards, not as if it had been killed.
    why = "results could not be written: nobody reads standard output any more"
    status = harness.trawl("status", tmp_path / "out")
    assert f"ended: {why}" in status.out, status.out
    report = json.loads(harness.trawl("report", "--json", tmp_path / "out").out)
    assert f"{report['end']}: {report['why']}".startswith(why)
    assert harness.trawl("status", "--verify", tmp_path / "out").rc == 0
    result = harness.trawl("resume", "-q", tmp_path / "out", timeout=120)
    assert result.rc == 0, result.err
    rest = [json.loads(line)["url"] for line in result.out.splitlines()]
    assert len(rest) == len(set(rest)) and len(rest) < 4000  # what was committed does not come again
    # Beyond what was read here there is what lay in the pipe when it was closed: 64 KiB at most.
    lost = {many.url(f"/{i}.html") for i in range(1, 3000)} - set(rest) - {p["url"] for p in first}
    assert len(lost) <= (64 << 10) // 900


def test_a_device_that_has_no_room_ends_the_crawl_as_a_reader_does_that_goes_away(web, tmp_path):
    argv = [harness.TRAWL, "crawl", "-o", tmp_path / "out", "-q", "--delay", "0", "--sink", "stdout", web.url("/")]
    with open("/dev/full", "wb") as full:
        run = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True,
                             timeout=harness.PATIENCE_SECONDS)  # fmt: skip
    assert run.returncode == 3
    assert run.stderr.count("\n") == 1 and "cannot write to standard output: No space left on device" in run.stderr
    status = harness.trawl("status", tmp_path / "out")
    assert "ended: results could not be written: cannot write to standard output" in status.out, status.out


def test_a_slow_reader_slows_the_crawl_and_a_signal_still_ends_it(many, tmp_path):
    asked = len(many.log())
    running = harness.Running("crawl", "-o", tmp_path / "out", *FAST, "--sink", "stdout", "--commit-interval",
                              "50ms", many.url("/1.html"))  # fmt: skip
    try:
        running.child.stdout.readline()
        now = harness.settled("the crawl waits", lambda: len(many.log()), every=1) - asked
        assert now < 2000, "it went on without its reader"
        watch = harness.Stopwatch()
        running.signal(signal.SIGINT)
        assert running.child.wait(harness.PATIENCE_SECONDS) == 3
        assert watch.given() < 25
        assert "has taken nothing for 5 s" in running.child.stderr.read()
    finally:
        running.end()
    result = harness.trawl("resume", "-q", tmp_path / "out", timeout=120)
    assert result.rc == 0, result.err
    assert result.out.count("\n") > 1000


# -- --sink csv --


def test_a_table_has_what_the_records_have(web, tmp_path):
    result, out = harness.crawl(tmp_path / "out", "-q", "--delay", "0", "--sink", "csv", "--sink", "jsonl", "--extract",
                                "para=main p", "--extract", "to[]=a::attr(href)", web.url("/"))  # fmt: skip
    assert result.rc == 0, result.err
    raw = (out.dir / "pages.csv").read_bytes()
    assert raw.endswith(b"\r\n") and raw.count(b"\n") == raw.count(b"\r\n") == len(out.pages()) + 1
    with open(out.dir / "pages.csv", newline="", encoding="utf-8") as f:
        rows = {row["url"]: row for row in csv.DictReader(f, strict=True)}
    for page in out.pages():
        row = rows.pop(page["url"])
        for name in "outcome", "status", "mime", "bytes_body", "title", "depth", "via", "fetched_at":
            assert row[name] == str(page.get(name, "")), name
        fields = page.get("fields", {})
        assert row["para"] == fields.get("para", "")
        assert row["to"] == "" if not fields else json.loads(row["to"]) == fields["to"]
    assert rows == {}


def test_columns_are_chosen_and_wrong_ones_are_told(web, tmp_path):
    args = "-q", "--delay", "0", "--sink", "csv", "--max-pages", "1"
    result, out = harness.crawl(tmp_path / "out", *args, "--csv-columns", "title,status", web.url("/"))
    assert result.rc == 0, result.err
    assert (out.dir / "pages.csv").read_bytes() == b'title,status\r\n"Kettles",200\r\n'
    for columns, told in ("title,prize", "there is no column 'prize'; there are url, via, "), ("fields.a", "no such field is extracted"):
        result, _ = harness.crawl(tmp_path / "no", *args, "--csv-columns", columns, web.url("/"))
        assert result.rc == 2 and "--csv-columns: " in result.err and told in result.err


def killed_and_gone_on_with(running, out, name, lines):
    """Kills it each time that so many lines more are in that file; then lets it end."""

    def there():
        return (out / name).read_bytes().count(b"\n") if (out / name).exists() else 0

    for more in lines:
        before = there()
        harness.wait_until("lines", lambda least=before + more, r=running: there() >= least or r.child.poll() is not None)
        running.end()
        running = harness.Running("resume", "-q", out)
    assert running.result().rc == 0


def test_a_table_of_a_crawl_that_is_killed_has_each_page_once(many, tmp_path):
    running = harness.Running("crawl", "-o", tmp_path / "out", *FAST, "--sink", "csv", "--commit-interval", "50ms",
                              "--rate", "1500/s", many.url("/1.html"))  # fmt: skip
    killed_and_gone_on_with(running, tmp_path / "out", "pages.csv", (30, 600, 200, 700))
    with open(tmp_path / "out" / "pages.csv", newline="", encoding="utf-8") as f:
        urls = [row["url"] for row in csv.DictReader(f, strict=True)]
    assert len(urls) == len(set(urls)) and {many.url(f"/{i}.html") for i in range(1, 3000)} <= set(urls)


# -- --sink sqlite --


def rows(out, query):
    with sqlite3.connect(f"file:{out}/pages.sqlite?mode=ro", uri=True) as db:
        return db.execute(query).fetchall()


def test_a_database_has_what_the_records_have_and_the_links(web, tmp_path):
    result, out = harness.crawl(tmp_path / "out", "-q", "--delay", "0", "--sink", "sqlite", "--sink", "jsonl", "--sink",
                                "warc", "--text", "--extract", "to[]=a::attr(href)", "--extract", "para=main p",
                                web.url("/"))  # fmt: skip
    assert result.rc == 0, result.err
    assert not list(out.dir.glob("pages.sqlite-*")), "WAL is left behind"
    names = ["url", "outcome", "status", "via", "hops", "depth", "kind", "mime", "bytes_wire", "bytes_body", "digest",
             "title", "canonical", "description", "text", "fetched_at", "redirect_to"]  # fmt: skip
    looked = []
    found = {row[0]: row for row in rows(out.dir, f"SELECT {','.join(names)}, fields, warc_file, warc_offset FROM pages")}
    for page in out.pages():
        *plain, fields, file, offset = found.pop(page["url"])
        assert plain == [page.get(name) for name in names]
        assert (json.loads(fields) if fields else None) == page.get("fields")
        looked += [json.loads(fields)] if fields else []
        assert (file, offset) == (page["warc"]["file"], page["warc"]["offset"])
    assert found == {}
    # A field that was not found is absent, not null.
    assert any("para" in f for f in looked) and any("para" not in f for f in looked)
    assert not any(value is None for f in looked for value in f.values())
    links = rows(out.dir, f"SELECT l.url, l.kind, rejected FROM links l JOIN pages p ON p.id = page WHERE p.url = '{web.url('/')}'")
    assert (web.url("/gone"), "a", None) in links and ("http://other.test/", "a", "out-of-scope") in links
    # What it is for: broken links, and where they stand.
    broken = rows(out.dir, "SELECT l.url, p.url FROM links l JOIN pages t ON t.url = l.url AND t.status >= 400 "
                           "JOIN pages p ON p.id = l.page")  # fmt: skip
    assert (web.url("/gone"), web.url("/")) in broken


def test_a_database_of_a_crawl_that_is_killed_has_each_page_once(many, tmp_path):
    out = tmp_path / "out"
    running = harness.Running("crawl", "-o", out, *FAST, "--sink", "sqlite", "--sink", "jsonl", "--commit-interval",
                              "20ms", "--rate", "1500/s", many.url("/1.html"))  # fmt: skip
    killed_and_gone_on_with(running, out, "pages.jsonl", (30, 600, 200, 700, 300))
    urls = [row[0] for row in rows(out, "SELECT url FROM pages ORDER BY id")]
    assert urls == [page["url"] for page in harness.Output(out).pages()]
    assert len(urls) == len(set(urls)) and {many.url(f"/{i}.html") for i in range(1, 3000)} <= set(urls)
    assert rows(out, "PRAGMA integrity_check") == [("ok",)] and rows(out, "PRAGMA foreign_key_check") == []
    assert rows(out, "SELECT count(*) FROM links WHERE page NOT IN (SELECT id FROM pages)") == [(0,)]

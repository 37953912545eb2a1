"""The same directory crawled again: what is new, changed or gone, and little is sent for it.

    make recrawltest                  5,000 pages, 20 kills
"""

import json
import os
import random
import re
import signal
import time
from collections import Counter

import jsonschema
import pytest

import harness

PAGES = int(os.environ.get("RECRAWL_PAGES", "300"))
KILLS = int(os.environ.get("RECRAWL_KILLS", "4"))
CHANGED = max(10, PAGES // 100)
GONE = NEW = 5
BODY = 18000  # bytes, about


def body_of(i, edition=0, links=()):
    rng = random.Random(i * 1000003 + edition)
    named = {2 * i + 1, 2 * i + 2, (i * 7919 + 13) % PAGES}
    text = "".join(f'<a href="/p{k}.html">{k}</a>\n' for k in sorted(named) if k < PAGES)
    text += "".join(f'<a href="{link}">new</a>\n' for link in links)
    return f"<!DOCTYPE html>\n<title>page {i}</title>\n{text}<p>{rng.randbytes(BODY // 2).hex()}</p>\n"


class Site:
    """Pages that can be changed, on nginx, with validators or without."""

    def __init__(self, web, www):
        self.web, self.www = web, www
        self.seed = web.url("/p0.html")

    def write(self, name, text):
        path = self.www / name
        path.write_text(text)
        # Another second than before, whatever the file system's clock says.
        at = path.stat().st_mtime + random.Random(text).randrange(2, 10**6)
        os.utime(path, (at - 10**7, at - 10**7))

    def change(self, edition=1):
        """What a recrawl has to find: URL -> change."""
        rng = random.Random(edition)
        leaves = [i for i in range(PAGES // 2 + 1, PAGES)]  # no page hangs on these alone
        gone = set(rng.sample(leaves, GONE))
        changed = rng.sample([i for i in range(1, PAGES) if i not in gone], CHANGED)
        found = {}
        for i in gone:
            (self.www / f"p{i}.html").unlink()
            found[self.web.url(f"/p{i}.html")] = "gone"
        for n, i in enumerate(changed):
            links = [f"/new-{edition}-{n}.html"] if n < NEW else []
            self.write(f"p{i}.html", body_of(i, edition, links))
            found[self.web.url(f"/p{i}.html")] = "changed"
            for link in links:
                self.write(link[1:], body_of(10**6 + n, edition))
                found[self.web.url(link)] = "new"
        return found


@pytest.fixture
def site(tmp_path):
    yield from serve(tmp_path, "")


@pytest.fixture
def silent(tmp_path):
    """A server that says nothing by which to ask on condition."""
    yield from serve(tmp_path, "etag off; if_modified_since off; add_header Last-Modified '';")


def serve(tmp_path, more):
    www = tmp_path / "www"
    www.mkdir()
    server = f"""server {{ listen 127.0.0.1:@PORT@; root "{www}"; {more}
        location = /robots.txt {{ return 200 ""; }} }}"""
    with harness.nginx(tmp_path / "nginx", server) as web:
        s = Site(web, www)
        for i in range(PAGES):
            s.write(f"p{i}.html", body_of(i))
        yield s


def job(tmp_path, site, more=""):
    path = tmp_path / "job.yaml"
    path.write_text(f"""
seeds: [{site.seed}]
fetch: {{delay: 0, per_host: 8}}
{more}""")
    return path


def run(tmp_path, path, *args, rc=0):
    result = harness.trawl("run", path, "-o", tmp_path / "c", "--progress", "none", *args, timeout=500)
    assert result.rc == rc, result.err
    return result


def changes(out):
    """(round, change, URL, digest before, digest now) a line."""
    path = out.dir / "changes.tsv"
    rows = [line.split("\t") for line in path.read_text().splitlines()] if path.exists() else []
    assert all(len(r) == 8 for r in rows)
    return [(int(r[0]), r[1], r[5], r[6], r[7]) for r in rows]


def told(out, number):
    """URL -> change, of one round."""
    rows = [(url, change) for n, change, url, _, _ in changes(out) if n == number]
    assert len(dict(rows)) == len(rows), "twice"
    return dict(rows)


def verified(out):
    result = harness.trawl("status", out.dir, "--verify")
    assert result.rc == 0, result.out + result.err
    return json.loads(harness.trawl("status", out.dir, "--json").out)


def refers_rightly(out):
    """Each revisit names a response that is there, of that page, time and payload."""
    responses = {r.id: r for r in out.records() if r.type == "response"}
    revisits = [r for r in out.records() if r.type == "revisit"]
    for r in revisits:
        original = responses[r.headers["warc-refers-to"]]
        assert original.uri == r.headers["warc-refers-to-target-uri"] == r.uri
        assert original.headers["warc-date"] == r.headers["warc-refers-to-date"]
        assert original.headers["warc-payload-digest"] == r.headers["warc-payload-digest"]
    return revisits


def tells_in_reports(out, found, unchanged):
    """The report of the last round; the runs before it are kept."""
    report = json.loads((out.dir / "report.json").read_text())
    schema = json.loads((harness.SRCDIR / "doc" / "report.schema.json").read_text())
    jsonschema.validate(report, schema, jsonschema.Draft202012Validator)
    c = report["changes"]
    assert c["round"] == report["runs_total"] == 3
    assert (c["new"], c["changed"], c["gone"], c["unchanged"]) == (NEW, CHANGED, GONE, unchanged)
    assert c["absent"] == c["unknown"] == 0
    assert {url: kind for kind, urls in c["urls"].items() for url in urls} == found
    assert [r["round"] for r in report["runs"]] == [1, 2, 3]
    assert "changes" not in report["runs"][0]
    assert report["runs"][1]["changes"]["unchanged"] == PAGES
    assert report["runs"][2]["changes"]["gone"] == GONE
    text = (out.dir / "report.html").read_text()
    assert "id=changes" in text and f"{NEW} new, {CHANGED} changed, {GONE} gone" in text
    assert all(text.count(f">{url}<") >= 1 for url in found)
    again = harness.trawl("report", out.dir, "--json", "--section", "changes")
    assert json.loads(again.out)["changes"] == c


def tells_of_pages(out, site, found):
    """Each page by itself: its line, and what trawl explain says."""
    last = {p["url"]: p["change"] for p in out.pages()[2 * PAGES :]}
    assert {url: c for url, c in last.items() if c != "unchanged"} == found
    assert not any("change" in p for p in out.pages()[:PAGES])
    changed = next(url for url, change in found.items() if change == "changed")
    e = json.loads(harness.trawl("explain", out.dir, changed, "--json").out)
    assert (e["looks"], e["changes"]) == (2, 1) and "due_at" in e
    text = harness.trawl("explain", out.dir, changed).out
    # It changes every few seconds, it seems: by now it may be due.
    assert "in 1 of 2 looks" in text and re.search("  due +(for another round at 2|in the next round)", text)
    (line,) = [p for p in out.pages() if p["url"] == changed and p.get("change") == "changed"]
    assert e["page"]["fetched_at"] == line["fetched_at"] and line["warc"]["file"] in text
    assert json.loads(harness.trawl("status", out.dir, "--json").out)["round"] == 3
    assert " 3 in 3 rounds" in harness.trawl("status", out.dir).out


def test_a_second_run_costs_little_and_tells_exactly_what_has_changed(site, tmp_path):
    path, out = job(tmp_path, site), harness.Output(tmp_path / "c")
    run(tmp_path, path)
    first = verified(out)
    assert len(out.pages()) == PAGES and not (out.dir / "changes.tsv").exists()
    warcs = {p: p.stat().st_mtime_ns for p in out.warcs()}

    # Nothing has changed.
    asked = len(site.web.log())
    run(tmp_path, path)
    second = verified(out)
    again = out.pages()[PAGES:]
    assert Counter(p["outcome"] for p in again) == {"not-modified": PAGES}
    assert len(site.web.log()) - asked == PAGES  # robots.txt is known for a day
    assert changes(out) == []
    cost = second["bytes_wire"] - first["bytes_wire"]
    print(f"\n{PAGES} pages: {first['bytes_wire']:,} bytes, then {cost:,}: {cost / first['bytes_wire']:.2%}")
    assert cost < 0.02 * first["bytes_wire"]
    assert second["discovered"] == first["discovered"]
    revisits = refers_rightly(out)
    assert len(revisits) == PAGES
    assert all(r.headers["warc-profile"].endswith("/server-not-modified") for r in revisits)
    assert all(r.http_status == 304 for r in revisits)
    # What the first run wrote stays as it is.
    assert all(p.stat().st_mtime_ns == at for p, at in warcs.items())
    assert len(out.warcs()) == len(warcs) + 1

    # Some has.
    found = site.change()
    run(tmp_path, path)
    assert told(out, 3) == found and len(changes(out)) == CHANGED + GONE + NEW
    third = verified(out)
    assert third["discovered"] == first["discovered"] + NEW
    assert third["outcomes"] == {"not-modified": PAGES - CHANGED - GONE, "ok": CHANGED + NEW, "http-4xx": GONE}
    for _, change, url, before, now in changes(out):
        assert (before == "-") == (change == "new") and (now == "-") == (change == "gone")
        assert before != now
    tells_in_reports(out, found, PAGES - CHANGED - GONE)
    tells_of_pages(out, site, found)
    # And that is told once.
    result = run(tmp_path, path)
    assert told(out, 4) == {}
    assert f"0 new, 0 changed, 0 gone, {PAGES - GONE + NEW:,} unchanged, {GONE} absent" in result.err
    verified(out)


def test_where_servers_say_nothing_the_digest_tells(silent, tmp_path):
    path, out = job(tmp_path, silent), harness.Output(tmp_path / "c")
    run(tmp_path, path)
    run(tmp_path, path)
    assert changes(out) == []
    again = out.pages()[PAGES:]
    assert Counter(p["outcome"] for p in again) == {"ok": PAGES}
    revisits = refers_rightly(out)
    assert len(revisits) == PAGES  # the archive has each payload once
    assert all(r.headers["warc-profile"].endswith("/identical-payload-digest") for r in revisits)
    found = silent.change()
    run(tmp_path, path)
    assert told(out, 3) == found
    verified(out)


def test_only_what_is_due_is_asked(site, tmp_path):
    path = job(tmp_path, site, "crawl: {recrawl: fixed, recrawl_interval: 1h}")
    out = harness.Output(tmp_path / "c")
    run(tmp_path, path)
    asked = len(site.web.log())
    result = run(tmp_path, path)
    assert len(site.web.log()) == asked and " 0 queued" in result.err
    assert "  round 2   0 asked in " in result.err and "received: nothing was due\n" in result.err
    run(tmp_path, path, "--recrawl-interval", "0")
    assert len(site.web.log()) == asked + PAGES
    assert verified(out)["runs"] == 3
    # By the command line alone, and with a page more to begin with.
    result, _ = harness.crawl(out.dir, "-q", "--delay", "0", "--recrawl", "adaptive", site.seed)
    assert result.rc == 0, result.err
    assert len(site.web.log()) == asked + PAGES
    (site.www / "more.html").write_text("<title>more</title>")
    result, _ = harness.crawl(out.dir, "-q", "--delay", "0", "--recrawl", "fixed", site.seed, site.web.url("/more.html"))
    assert result.rc == 0, result.err
    assert told(out, 5) == {site.web.url("/more.html"): "new"}


def test_what_a_later_round_keeps_more_of_pages_is_had_of_those_that_have_not_changed(site, tmp_path):
    """A copy, an archive, a field that is wanted from now on: an answer 304 has none of it."""
    path, out = job(tmp_path, site, "crawl: {recrawl: fixed, recrawl_interval: 0}"), harness.Output(tmp_path / "c")

    def again(*args):
        """Lines of pages.jsonl of the round."""
        before = len((out.dir / "pages.jsonl").read_text().splitlines())
        run(tmp_path, path, *args)
        return [json.loads(line) for line in (out.dir / "pages.jsonl").read_text().splitlines()[before:]]

    run(tmp_path, path, "--sink", "jsonl")
    least = ("--sink", "jsonl")
    assert {p["outcome"] for p in again(*least)} == {"not-modified"}
    # A crawl that is gone on with counts, too: what it has asked before is not in the mirror yet.
    run(tmp_path, path, *least, "--max-pages", "10")
    result = harness.trawl("resume", out.dir, "-q", "--sink", "jsonl", "--sink", "mirror", "--max-pages", "none")
    assert result.rc == 0, result.err
    both = (*least, "--sink", "mirror")
    lines = again(*both)
    assert sorted(p["outcome"] for p in lines) == ["not-modified"] * (PAGES - 10) + ["ok"] * 10
    copied = [p.name for p in (out.dir / "mirror").rglob("*.html")]
    assert {f"p{i}.html" for i in range(PAGES)} <= set(copied)
    assert {p["outcome"] for p in again(*both)} == {"not-modified"}
    lines = again(*both, "--extract", "t=title")
    assert {p["url"]: p["fields"]["t"] for p in lines} == {p["url"]: p["title"] for p in lines} and len(lines) == PAGES
    assert {p["outcome"] for p in again(*both, "--extract", "t=title")} == {"not-modified"}
    assert {p["outcome"] for p in again(*least, "--sink", "warc")} == {"ok"}
    assert {p["outcome"] for p in again(*least, "--sink", "warc")} == {"not-modified"}  # less is no reason
    archived = [r for r in out.records() if r.type == "response" and "robots.txt" not in r.uri]
    assert sorted(r.uri for r in archived) == sorted(p["url"] for p in lines)
    refers_rightly(out)


def test_contents_that_did_not_come_when_more_was_wanted_of_them_are_asked_for_again(site, tmp_path):
    path, out = job(tmp_path, site), harness.Output(tmp_path / "c")

    def outcomes(*args):
        before = len(out.pages())
        run(tmp_path, path, "--sink", "jsonl", *args)
        return Counter(p["outcome"] for p in out.pages()[before:])

    assert outcomes() == {"ok": PAGES}
    assert outcomes() == {"not-modified": PAGES}
    assert outcomes("--sink", "mirror", "--max-body", "10KiB") == {"too-large": PAGES}
    assert outcomes("--sink", "mirror") == {"ok": PAGES}
    assert len(list((out.dir / "mirror").rglob("p*.html"))) == PAGES
    assert outcomes("--sink", "mirror") == {"not-modified": PAGES}


def test_what_cannot_be_crawled_again_is_refused_with_a_sentence(site, tmp_path):
    path, out = job(tmp_path, site), harness.Output(tmp_path / "c")
    run(tmp_path, path, "--max-pages", "5")
    # The crawl's own job.yaml says --recrawl off, as all that is in force.
    for args in (["run", path, "--recrawl", "off"], ["crawl", site.seed], ["run", out.dir / "job.yaml"]):
        result = harness.trawl(*args, "-q", "-o", out.dir)
        assert result.rc == 3 and "holds a crawl already" in result.err and result.err.count("\n") == 1
        assert "crawl it again with --recrawl fixed," in result.err  # which is all that it takes
    result = harness.trawl("run", path, "-q", "-o", out.dir, "--state", "memory")
    assert result.rc == 2 and "--state memory" in result.err
    result = harness.trawl("run", path, "-q", "-o", out.dir, "--order", "dfs")
    assert result.rc == 2 and "--order cannot change" in result.err
    result = harness.trawl("run", path, "-q", "-o", out.dir, "--recrawl-min", "3d", "--recrawl-max", "2d")
    assert result.rc == 2 and "--recrawl-min is more than --recrawl-max" in result.err
    assert len(out.pages()) == 5
    # A budget is that of a round.
    run(tmp_path, path, "--max-pages", "5")
    assert len(out.pages()) == 10
    result = harness.trawl("run", out.dir / "job.yaml", "-q", "-o", out.dir, "--recrawl", "fixed")
    assert result.rc == 0, result.err
    assert len(out.pages()) == 15


def kill_at_random(rng, args, limit, progress=None):
    """None: it was killed; else its result."""
    running = harness.Running(*args)
    try:
        if limit is None:
            return running.result(300)
        if progress:
            harness.wait_until("progress", lambda: progress() or running.child.poll() is not None)
        time.sleep(rng.uniform(0.02, limit))
        if running.child.poll() is not None:
            return running.result()
        os.killpg(running.child.pid, signal.SIGKILL)
        running.child.communicate(timeout=60)
        return None
    finally:
        running.end()


def test_a_recrawl_that_is_killed_is_gone_on_with_and_asks_each_page_once(site, tmp_path):
    path, out = job(tmp_path, site), harness.Output(tmp_path / "c")
    run(tmp_path, path)
    found = site.change()
    rng, kills = random.Random(1), 0
    args = ["run", path, "-o", out.dir, "--progress", "none", "--rate", f"{PAGES // KILLS}/s", "--commit-interval", "100ms"]
    for n in range(KILLS + 1):
        asked = len(site.web.log())
        # At any moment; some must come after it has begun, however busy the machine is.
        begun = (lambda asked=asked: len(site.web.log()) > asked + 5) if n % 2 else None
        result = kill_at_random(rng, args, 1.2 if n < KILLS else None, begun)
        if result is not None:
            break
        kills += 1
    assert result.rc == 0 and kills > KILLS // 2, result.err
    assert "had not come to an end" in result.err
    again = Counter(p["url"] for p in out.pages()[PAGES:])
    assert set(again.values()) == {1} and len(again) == PAGES + NEW
    assert told(out, 2) == found
    status = verified(out)
    assert 3 <= status["runs"] <= kills + 2  # one may be killed before it has committed anything
    refers_rightly(out)  # and every archive is valid to the last byte
    archived = Counter(r.uri for r in out.records() if r.type in ("response", "revisit") and r.uri.endswith(".html"))
    assert set(archived.values()) == {1, 2} and len(archived) == PAGES + NEW
    # The next one begins a round again.
    result = run(tmp_path, path)
    assert "had not come to an end" not in result.err
    assert told(out, 3) == {}

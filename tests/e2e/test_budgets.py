"""Budgets: what they stop, with what exit code, and that resume honours their sums; options of run and state."""

import json
import os
import re
import time

import pytest

import harness

PAGES, BULK = 120, 20_000  # what a page has of bytes that do not compress


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    www = tmp_path_factory.mktemp("www")
    for i in range(PAGES):
        links = "".join(f'<a href="p{k}.html">x</a>' for k in (i + 1, 2 * i + 1, 2 * i + 2) if k < PAGES)
        (www / f"p{i}.html").write_bytes(f"{links}<p>".encode() + os.urandom(BULK))
    server = f'server {{ listen 127.0.0.1:@PORT@; root "{www}"; location = /robots.txt {{ return 404; }} }}'
    with harness.nginx(tmp_path_factory.mktemp("run") / "nginx", server) as web:
        yield web


def taken(directory):
    """What lies on the disk, less the one block that a file system needs to find a file which the writes of others have scattered."""

    def of(file):
        blocks, contents = file.st_blocks * 512, -(-file.st_size // file.st_blksize) * file.st_blksize
        return min(blocks, max(blocks - file.st_blksize, contents))

    return sum(of(p.stat()) for p in directory.rglob("*") if p.is_file())


def finish(site, out, *options):
    """With the budget lifted all the rest comes, each page once."""
    result = harness.trawl("resume", "-q", out.dir, *options)
    assert result.rc == 0, result.err
    assert sorted(p["url"] for p in out.pages()) == sorted(site.url(f"/p{i}.html") for i in range(PAGES))
    archived = harness.Output(out.dir).archived()
    assert all(len(archived[site.url(f"/p{i}.html")]) == 1 for i in range(PAGES))
    assert json.loads(harness.trawl("status", "--json", "--verify", out.dir).out)["verified"]


def stops_again(site, out, code):
    """Resumed with its budget used up a crawl asks nobody for anything, and says the same."""
    asked = len(site.log())
    result = harness.trawl("resume", "-q", out.dir)
    assert result.rc == code, result.err
    assert len(site.log()) == asked
    assert harness.trawl("status", out.dir).out.startswith(f"{out.dir}: ended: ")


def test_bytes(site, tmp_path):
    result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--per-host", "4", "--max-bytes", "400kB",
                                site.url("/p0.html"))  # fmt: skip
    assert result.rc == 14, result.err
    assert 400_000 <= sum(p["bytes_wire"] for p in out.pages()) <= 400_000 + 5 * (BULK + 1000)
    stops_again(site, out, 14)
    result = harness.trawl("resume", "-q", out.dir, "--max-bytes", "800kB")
    assert result.rc == 14, result.err
    assert 800_000 <= sum(p["bytes_wire"] for p in out.pages()) <= 800_000 + 5 * (BULK + 1000)
    finish(site, out, "--max-bytes", "none")


def test_time(site, tmp_path):
    result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "50ms", "--max-time", "1500ms", site.url("/p0.html"))
    assert result.rc == 15, result.err
    assert 0 < len(out.pages()) < PAGES
    stops_again(site, out, 15)
    began = time.monotonic()
    result = harness.trawl("resume", "-q", out.dir, "--max-time", "4s")  # some two seconds more
    assert result.rc == 15, result.err
    assert 0.8 < time.monotonic() - began < 20
    assert 0 < len(out.pages()) < PAGES
    finish(site, out, "--max-time", "none", "--delay", "0")


def test_pages(site, tmp_path):
    result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--max-pages", "30", site.url("/p0.html"))
    assert result.rc == 0, result.err
    assert len(out.pages()) == 30
    stops_again(site, out, 0)
    result = harness.trawl("resume", "-q", out.dir, "--max-pages", "45", "--per-host", "8")
    assert result.rc == 0, result.err
    assert len(out.pages()) == 45
    finish(site, out, "--max-pages", "none")


def test_disk(site, tmp_path):
    result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--per-host", "4", "--max-disk", "1500kB",
                                site.url("/p0.html"))  # fmt: skip
    assert result.rc == 16, result.err
    archive = sum(p.stat().st_size for p in out.warcs())
    # The directory is measured once a commit; what is archived in between is added up.
    assert 800_000 < archive and taken(out.dir) <= 1_500_000 + 5 * (BULK + 1000) + 300_000
    stops_again(site, out, 16)
    result = harness.trawl("resume", "-q", out.dir, "--max-disk", "2200kB")
    assert result.rc == 16, result.err
    assert archive + 200_000 < sum(p.stat().st_size for p in out.warcs())
    assert taken(out.dir) <= 2_200_000 + 5 * (BULK + 1000) + 300_000
    finish(site, out, "--max-disk", "none")


def test_a_disk_budget_may_be_small(site, tmp_path):
    for budget, size in (("256KiB", 262_144), ("500kB", 500_000), ("1MB", 1_000_000)):
        result, out = harness.crawl(tmp_path / budget, "-q", "--delay", "0", "--max-disk", budget, site.url("/p0.html"))
        assert result.rc == 16, result.err
        assert size / 2 < taken(out.dir) <= size + BULK + 1000
        assert len(out.pages()) > 1
        stops_again(site, out, 16)
    result = harness.trawl("crawl", "-q", "-o", tmp_path / "none", "--max-disk", "200kB", site.url("/p0.html"))
    assert result.rc == 2 and "less than 256KiB" in result.err, result


def test_the_disk_budget_counts_links_that_wait_for_the_commit(tmp_path):
    """Far more goes into the store than into the archive, and all of it at the one commit there is."""
    www = tmp_path / "www"
    www.mkdir()
    for n in range(200):
        links = "".join(f'<a href="/{"far" * 20}-{n}-{i}.html">x</a>' for i in range(100))
        (www / f"p{n}.html").write_text(links)
    server = f'server {{ listen 127.0.0.1:@PORT@; root "{www}"; location = /robots.txt {{ return 404; }} }}'
    with harness.nginx(tmp_path / "nginx", server) as web:
        seeds = [web.url(f"/p{n}.html") for n in range(200)]
        result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--commit-interval", "60s",
                                    "--max-disk", "1500kB", *seeds)  # fmt: skip
    assert result.rc == 16, result.err
    # More than that are the logs since the last look at the directory, and what the end writes.
    assert 750_000 < taken(out.dir) <= 1_500_000 + 500_000


def test_the_disk_budget_counts_rows_that_wait_for_the_commit(tmp_path):
    """Of pages full of links to each other nearly all is rows, and these are written twice: in the log, then in the tables."""
    www = tmp_path / "www"
    www.mkdir()
    for n in range(1000):
        (www / f"p{n}.html").write_text("".join(f'<a href="/p{(n + i * i) % 1000}.html">x</a>' for i in range(200)))
    server = f'server {{ listen 127.0.0.1:@PORT@; root "{www}"; location = /robots.txt {{ return 404; }} }}'
    with harness.nginx(tmp_path / "nginx", server) as web:
        seeds = [web.url(f"/p{n}.html") for n in range(1000)]
        result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--commit-interval", "60s", "--sink", "sqlite",
                                    "--max-disk", "10MB", *seeds)  # fmt: skip
    assert result.rc == 16, result.err
    # What is estimated is measured before it ends the crawl; the log has been taken up into the tables by now.
    assert 6_500_000 < taken(out.dir) <= 10_000_000


def test_the_disk_budget_counts_the_mirror_that_is_made_at_the_end(site, tmp_path):
    sinks = ("--sink", "warc", "--sink", "jsonl", "--sink", "mirror")
    result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--max-disk", "1500kB", *sinks, site.url("/p0.html"))
    assert result.rc == 16, result.err
    made = len(list((out.dir / "mirror").rglob("p*.html")))
    assert made == len(out.pages()) > 8
    assert taken(out.dir) <= 1_500_000 + 6 * BULK + 200_000
    stops_again(site, out, 16)
    # What is in the mirror already is not counted a second time.
    result = harness.trawl("resume", "-q", out.dir, "--max-disk", "2500kB")
    assert result.rc == 16, result.err
    assert len(out.pages()) > made + 8
    assert taken(out.dir) <= 2_500_000 + 6 * BULK + 200_000
    finish(site, out, "--max-disk", "none")


@pytest.mark.parametrize("kind", ["text/html", "text/plain"])
def test_the_disk_budget_counts_the_blocks_of_the_small_files_of_a_mirror(kind, tmp_path):
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "p.html").write_text("".join(f'<a href="/{i}">x</a>' for i in range(2500)))
    server = f"""server {{ listen 127.0.0.1:@PORT@; root "{tmp_path}/www"; location = /robots.txt {{ return 404; }}
        location ~ ^/[0-9]+$ {{ default_type {kind}; return 200 "$uri {'word ' * 100}"; }} }}"""
    with harness.nginx(tmp_path / "nginx", server) as web:
        result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--no-traps", "--sink", "jsonl", "--sink", "mirror",
                                    "--max-disk", "6MB", web.url("/p.html"))  # fmt: skip
    assert result.rc == 16, result.err
    assert len([p for p in (out.dir / "mirror").rglob("*") if p.is_file()]) >= len(out.pages()) > 700
    assert 4_500_000 < taken(out.dir) <= 6_000_000


def test_the_disk_budget_counts_index_and_reports_that_are_written_at_the_end(tmp_path):
    """Of small pages these are a good part of all: the index once more, sorted, and a table of what is broken."""
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "p.html").write_text("".join(f'<a href="/p{i}.html">x</a>' for i in range(3000)))
    server = f"""server {{ listen 127.0.0.1:@PORT@; root "{tmp_path}/www"; location = /robots.txt {{ return 404; }}
        location ~ /p[0-9]*[05].html {{ return 404; }} location ~ /p[0-9]+.html {{ default_type text/html; return 200 "$uri"; }} }}"""
    with harness.nginx(tmp_path / "nginx", server) as web:
        result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--commit-interval", "50ms",
                                    "--max-disk", "3MB", web.url("/p.html"))  # fmt: skip
    assert result.rc == 16, result.err
    assert (out.dir / "index.cdxj").stat().st_size > 180_000
    assert (out.dir / "report.html").stat().st_size + (out.dir / "report.json").stat().st_size > 100_000
    assert 2_700_000 < taken(out.dir) <= 3_000_000


def test_the_disk_budget_counts_reports_with_long_urls(tmp_path):
    """A line of what is broken has each of its URLs twice in one report, and once in the other."""
    long, www = "x" * 1500, tmp_path / "www" / ("y" * 200)
    www.mkdir(parents=True)
    (www / "p.html").write_text("".join(f'<a href="/{i}-{long}">x</a>' for i in range(1000)))
    server = f"""server {{ listen 127.0.0.1:@PORT@; root "{tmp_path}/www"; location = /robots.txt {{ return 404; }} }}"""
    with harness.nginx(tmp_path / "nginx", server) as web:
        result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--commit-interval", "50ms",
                                    "--max-disk", "10MB", web.url(f"/{www.name}/p.html"))  # fmt: skip
    assert result.rc == 16, result.err
    assert (out.dir / "report.html").stat().st_size + (out.dir / "report.json").stat().st_size > 1_500_000
    assert 8_500_000 < taken(out.dir) <= 10_000_000 + 25_000  # of which a page has the last, that was in hand


def test_the_disk_budget_counts_the_wacz_that_is_packed_at_the_end(site, tmp_path):
    result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--max-disk", "3MB", "--wacz", site.url("/p0.html"))
    assert result.rc == 16, result.err  # the archive alone would have had room
    archive = sum(p.stat().st_size for p in out.warcs())
    assert 1_000_000 < archive < 1_500_000 and not (out.dir / "archive.wacz").exists()
    stops_again(site, out, 16)
    finish(site, out, "--max-disk", "6MB")
    assert (out.dir / "archive.wacz").exists() and taken(out.dir) <= 6_000_000


def test_what_a_budget_leaves_waits_for_it_and_says_so(site, tmp_path):
    result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--max-pages", "5", "--fail-on", "budget",
                                site.url("/p0.html"))  # fmt: skip
    left = json.loads(harness.trawl("status", "--json", out.dir).out)["queued"]
    assert left > 0
    assert (result.rc, result.err) == (8, f"trawl: --fail-on: budget {left}\n")
    waits = next(u for i in range(PAGES) if (u := site.url(f"/p{i}.html")) not in {p["url"] for p in out.pages()})
    told = harness.trawl("explain", out.dir, waits)
    assert "  outcome   waiting, " in told.out and "  held by   page budget reached\n" in told.out, told.out
    assert json.loads(harness.trawl("explain", "--json", out.dir, waits).out)["queue"]["held_by"] == "page budget reached"
    assert "held" not in harness.trawl("explain", out.dir, site.url("/p0.html")).out
    # With the budget lifted nothing is left to it.
    finish(site, out, "--max-pages", "none")
    assert "held" not in harness.trawl("explain", out.dir, waits).out


def test_a_summary_of_nothing_has_no_line_of_outcomes(site, tmp_path):
    result, _ = harness.crawl(tmp_path / "c", "--max-time", "1ms", site.url("/p0.html"))
    assert result.rc == 15 and " = 0 fetched + 0 failed + 0 rejected + 1 queued\n" in result.err, result.err
    assert "outcomes" not in result.err


def test_the_summary_tells_what_must_grow_for_a_resume(site, tmp_path):
    begin = harness.crawl(tmp_path / "c", "--delay", "0", "--max-pages", "3", site.url("/p0.html"))[0]
    go_on = f"  go on     trawl resume {tmp_path / 'c'}"
    assert begin.rc == 0 and f"{go_on} --max-pages N, with a greater N\n" in begin.err, begin.err
    for option, least, placeholder, code in ("--max-bytes", "1kB", "SIZE", 14), ("--max-time", "1ms", "T", 15):
        result = harness.trawl("resume", tmp_path / "c", "--max-pages", "none", option, least)
        assert result.rc == code and f"{go_on} {option} {placeholder}, with a greater {placeholder}\n" in result.err, result.err
        assert harness.trawl("resume", "-q", tmp_path / "c", "--max-pages", "3", option, "none").rc == 0


def test_a_budget_that_is_exactly_used_up_by_the_last_page_is_no_stop(site, tmp_path):
    result, out = harness.crawl(tmp_path / "c", "--progress", "none", "--delay", "0", "--max-pages", str(PAGES),
                                site.url("/p0.html"))  # fmt: skip
    assert result.rc == 0
    assert "trawl: done" in result.err and " 0 queued" in result.err


def test_a_crawl_that_is_done_is_done_whatever_the_budget(site, tmp_path):
    result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", site.url("/p0.html"))
    assert result.rc == 0
    for budget in ("--max-time", "1ms"), ("--max-bytes", "1kB"), ("--max-disk", "1MiB"), ("--max-pages", "1"):
        result = harness.trawl("resume", out.dir, *budget)
        assert result.rc == 0, (budget, result.err)
        assert "trawl: done" in result.err


# -- when a commit is --


def assert_commits(does, site, out, *options, rate="10/s"):
    """More than 20 pages are committed, or none though 40 are fetched, before the crawl is over."""

    def committed():
        return json.loads(harness.trawl("status", "--json", out).out)["pages"]

    asked = len(site.log())
    running = harness.Running("crawl", "-q", "-o", out, "--delay", "0", "--rate", rate, *options, site.url("/p0.html"))
    try:
        harness.wait_until("pages", lambda: len(site.log()) > asked + 40)
        if does:
            harness.wait_until("commits", lambda: committed() > 20)
        else:
            assert committed() == 0
        assert running.child.poll() is None
    finally:
        running.end()


def test_commit_interval(site, tmp_path):
    assert_commits(True, site, tmp_path / "often", "--commit-interval", "50ms")
    assert_commits(False, site, tmp_path / "seldom", "--commit-interval", "60s")


def test_commit_size(site, tmp_path):
    assert_commits(True, site, tmp_path / "c", "--commit-interval", "60s", "--commit-size", "64KiB")


def test_a_commit_size_that_is_large_holds_where_the_disk_is(tmp_path):
    if harness.shutil.disk_usage(tmp_path).total < 1 << 30:
        pytest.skip("the disk is small")
    www = tmp_path / "www"
    www.mkdir()
    for i in range(60):
        (www / f"p{i}.html").write_bytes(f'<a href="p{i + 1}.html">x</a><p>'.encode() + os.urandom(1_200_000))
    server = f'server {{ listen 127.0.0.1:@PORT@; root "{www}"; location = /robots.txt {{ return 404; }} }}'
    with harness.nginx(tmp_path / "nginx", server) as web:
        assert_commits(True, web, tmp_path / "32MiB", "--commit-interval", "60s", "--commit-size", "32MiB", rate="4/s")
        assert_commits(False, web, tmp_path / "1GiB", "--commit-interval", "60s", "--commit-size", "1GiB", rate="4/s")


def test_state_memory_leaves_no_store_and_rocksdb_one(site, tmp_path):
    for state, there in ("memory", False), ("rocksdb", True):
        result, out = harness.crawl(tmp_path / state, "-q", "--delay", "0", "--state", state, "--max-pages", "5",
                                    site.url("/p0.html"))  # fmt: skip
        assert result.rc == 0, result.err
        assert len(out.pages()) == 5
        assert (out.dir / "state").is_dir() == there
        assert f"state: {state}" in (out.dir / "job.yaml").read_text()
    result = harness.trawl("resume", "-q", tmp_path / "memory")
    assert result.rc == 2 and "--state memory" in result.err


def arena_bytes(site, tmp_path, *options):
    out = tmp_path / "c"
    running = harness.Running("crawl", "-q", "-o", out, "--delay", "1s", *options, site.url("/p0.html"))
    try:
        harness.wait_until("a page", lambda: (out / "pages.jsonl").exists())
        maps = harness.Path(f"/proc/{running.child.pid}/maps").read_text()
    finally:
        running.end()
        harness.shutil.rmtree(out)
    sizes = [int(b, 16) - int(a, 16) for a, b in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) .*trawl-arena", maps, re.M)]
    return sum(sizes)


def test_max_memory_sizes_what_answers_are_received_into(site, tmp_path):
    small = ("--max-body", "1MiB")
    assert arena_bytes(site, tmp_path, "--max-memory", "128MiB", *small) == 64 << 20
    assert arena_bytes(site, tmp_path, "--max-memory", "1GiB", *small) == 512 << 20


def test_large_answers_of_many_hosts_come_one_after_another_where_memory_is_little(tmp_path):
    """Each would take half of the room there is: once they gave it up to each other for ever."""
    (tmp_path / "www").mkdir()
    with open(tmp_path / "www" / "big", "wb") as f:
        f.truncate(30 << 20)
    hosts = [f"127.6.0.{n}" for n in range(1, 31)]
    listen = "".join(f"listen {host}:@PORT@; " for host in ["127.0.0.1", *hosts])
    server = f'server {{ {listen} root "{tmp_path}/www"; location = /robots.txt {{ return 404; }} }}'
    with harness.nginx(tmp_path / "nginx", server) as web:
        result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--max-memory", "128MiB", "--sink", "jsonl",
                                    *(web.url("/big", host) for host in hosts))  # fmt: skip
        asked = sum(row["uri"] == "/big" for row in web.log())
    assert result.rc == 0, result.err
    assert [p["outcome"] for p in out.pages()] == ["too-large"] * len(hosts)
    assert asked < 10 * len(hosts)

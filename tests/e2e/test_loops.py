"""Several event loops in a process (--loops) make no difference but in who does the work: the same
pages, the same politeness, the same accounts, also when the crawl is stopped, killed and resumed.

200 hosts, each with an address of its own, each with pages that only it has.
"""

import json
import os
import random
import resource
import signal
import time
from collections import defaultdict

import pytest

import harness
from test_politeness import DELAY, SLACK, address, hurried, ledger, name, overlap, spans_of

HOSTS = 200
PAGES = 6
LOOPS = [1, 2, 3]
PER_CONNECTION = 5


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The server, the name server's address, and the seeds."""
    tmp = tmp_path_factory.mktemp("loops")
    www = tmp / "www"
    www.mkdir()
    links = "".join(f'<a href="p{i}.html">{i}</a>\n' for i in range(1, PAGES))
    for i in range(PAGES):
        (www / f"p{i}.html").write_text(
            f'<!DOCTYPE html>\n<title>p</title>\n{links}<a href="/who/{i}">who</a>\n' + f"{i}" * (5500 + i)
        )
    listen = "".join(f"listen {address(i)}:@PORT@;\n" for i in range(HOSTS))
    server = f"""server {{ {listen} listen 127.0.0.1:@PORT@; root "{www}"; keepalive_requests {PER_CONNECTION};
        sendfile on;
        location ~ html$ {{ sendfile_max_chunk 2k; limit_rate 20k; }}
        location /who/ {{ return 200 "$host $uri"; }}
        location = /robots.txt {{ return 200 "User-agent: *\nDisallow: /p3.html\n"; }} }}"""
    with harness.dnsmasq({name(i): address(i) for i in range(HOSTS)}) as dns:
        with harness.nginx(tmp / "nginx", server) as web:
            yield web, dns, [web.url("/p0.html", name(i)) for i in range(HOSTS)]


def options(dns, loops):
    return ["--dns", dns, "--allow-net", "127.0.0.0/8", "--loops", str(loops), "--concurrency", "300", "--progress", "none"]


def check_whole(out, web):
    """URL -> what became of it; every answer is that of its URL."""
    archived = out.archived()
    pages = {p["url"]: p for p in out.pages()}
    assert len(pages) == len(out.pages())
    for i in range(HOSTS):
        for k in range(PAGES):
            if k != 3:  # nobody may read that, and nothing else leads to /who/3
                url = web.url(f"/who/{k}", name(i))
                (record,) = archived[url]
                assert record.payload == f"{name(i)} /who/{k}".encode()
                assert pages[url]["outcome"] == "ok"
    found = {p["url"]: (p["outcome"], p["status"], p["digest"]) for p in pages.values()}
    found.update({url: reason for reason, url, _, _ in out.rejected()})
    return found


def takes(pid, signum):
    with open(f"/proc/{pid}/status") as f:
        caught = next(line for line in f if line.startswith("SigCgt:"))
    return int(caught.split()[1], 16) >> (signum - 1) & 1 == 1


def loops_of(pid):
    """Names of its threads that are loops beside the first."""
    names = []
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/comm") as f:
                names.append(f.read().strip())
        except OSError:
            pass
    return sorted(n for n in names if n.startswith("trawl-loop-"))


@pytest.fixture(scope="module")
def crawls(site, tmp_path_factory):
    """Loops -> its output, the threads seen, the summary, and the server's log."""
    web, dns, seeds = site
    found = {}
    for loops in LOOPS:
        out = harness.Output(tmp_path_factory.mktemp("crawl") / "c")
        before = len(web.log())
        running = harness.Running("crawl", "-o", out.dir, "--json", "--delay", "100ms", *options(dns, loops), *seeds)
        try:
            harness.wait_until("pages", lambda: len(web.log()) > before + HOSTS)
            threads = loops_of(running.child.pid)
            result = running.result(120)
        finally:
            running.end()
        assert result.rc == 0, result.err
        found[loops] = out, threads, json.loads(result.out), web.log()[before:]
    return found


def test_so_many_threads_are_loops(crawls):
    assert {loops: threads for loops, (_, threads, _, _) in crawls.items()} == {
        1: [], 2: ["trawl-loop-2"], 3: ["trawl-loop-2", "trawl-loop-3"]
    }  # fmt: skip


def test_the_pages_are_the_same(site, crawls):
    web, _, _ = site
    found = {loops: check_whole(out, web) for loops, (out, _, _, _) in crawls.items()}
    assert len(found[1]) == HOSTS * (2 * PAGES - 1)
    assert found[2] == found[1]
    assert found[3] == found[1]


def test_the_accounts_are_the_same(crawls):
    sums = {}
    for loops, (out, _, summary, _) in crawls.items():
        sums[loops] = {key: summary[key] for key in ("discovered", "fetched", "failed", "rejected", "queued")}
        status = json.loads(harness.trawl("status", "--json", "--verify", out.dir).out)
        assert status["verified"], status["differences"]
    assert sums[1]["fetched"] == HOSTS * (2 * PAGES - 2)
    assert sums[1]["discovered"] == sums[1]["fetched"] + sums[1]["rejected"]
    assert sums[2] == sums[1] and sums[3] == sums[1]


@pytest.mark.parametrize("loops", LOOPS)
def test_hosts_are_asked_one_at_a_time_and_with_the_gap_that_was_set(crawls, loops):
    out, _, _, log = crawls[loops]
    spans = spans_of(log)
    assert len(spans) == HOSTS
    late = dict(hurried(spans))
    for host, of_host in spans.items():
        assert overlap(of_host) == 1 or host in late, host
    report, rows = ledger(out.dir)
    assert report["violated"] == report["lax"] == 0
    assert min(row["gap_min_ms"] for row in rows.values()) >= (DELAY - SLACK) * 1000
    assert {host: row["requests"] for host, row in rows.items()} == {host: len(s) for host, s in spans.items()}


def test_more_files_may_be_open_than_the_shell_allows(site, tmp_path):
    """Its soft limit, 1,024 as a rule, is less than hosts at once may take."""
    web, dns, seeds = site
    out = harness.Output(tmp_path / "c")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (150, hard))
    try:
        running = harness.Running("crawl", "-o", out.dir, "--delay", "0", *options(dns, 3), *seeds)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    try:
        result = running.result(120)
    finally:
        running.end()
    assert result.rc == 0, result.err
    check_whole(out, web)


def test_a_connection_serves_as_many_requests_as_the_server_permits(crawls):
    """A host's requests are all made by one loop, which has its connections."""
    for loops, (_, _, _, log) in crawls.items():
        requests, connections = defaultdict(int), defaultdict(set)
        for row in log:
            requests[row["host"]] += 1
            connections[row["host"]].add(row["connection"])
        for host, n in requests.items():
            assert len(connections[host]) == -(-n // PER_CONNECTION), (loops, host)


@pytest.mark.parametrize("loops", [2, 3])
def test_stopped_and_resumed_nothing_is_missing_and_nothing_is_there_twice(site, tmp_path, loops):
    web, dns, seeds = site
    out = harness.Output(tmp_path / "c")
    before = len(web.log())
    running = harness.Running("crawl", "-o", out.dir, "--delay", "300ms", *options(dns, loops), *seeds)
    try:
        harness.wait_until("pages", lambda: len(web.log()) > before + 2 * HOSTS)
        running.signal(signal.SIGINT)
        assert running.result().rc == 11
    finally:
        running.end()
    result = harness.trawl("resume", out.dir, "--delay", "0", "--progress", "none")
    assert result.rc == 0, result.err
    assert f"loops: {loops}" in (out.dir / "job.yaml").read_text()
    assert len(check_whole(out, web)) == HOSTS * (2 * PAGES - 1)
    report, _ = ledger(out.dir)
    assert report["violated"] == 0


def test_killed_and_resumed_nothing_is_missing_and_nothing_is_there_twice(site, tmp_path):
    web, dns, seeds = site
    out = harness.Output(tmp_path / "c")
    rng = random.Random(3)
    kills = 0
    for _ in range(8):
        begun = (out.dir / "job.yaml").exists()
        args = ["resume", out.dir] if begun else ["crawl", "-o", out.dir, "--delay", "200ms", *options(dns, 3), *seeds]
        running = harness.Running(*args, "--commit-interval", rng.choice(["20ms", "100ms"]), "--progress", "none")
        try:
            time.sleep(rng.uniform(0.05, 1.0))
            if running.child.poll() is None:
                os.killpg(running.child.pid, signal.SIGKILL)
                kills += 1
            running.child.communicate(timeout=60)
        finally:
            running.end()
    assert kills >= 4
    result = harness.trawl("resume", out.dir, "--delay", "0", "--progress", "none")
    assert result.rc == 0, result.err
    assert len(check_whole(out, web)) == HOSTS * (2 * PAGES - 1)


def test_requests_that_never_end_do_not_hold_up_the_end(tmp_path):
    """Two signals: it ends at once, though three loops wait for who says nothing."""
    server = "server { listen 127.0.0.1:@PORT@; location / { limit_rate 1; return 200 %s; } }"
    with harness.nginx(tmp_path / "nginx", server % ("x" * 600)) as web:
        urls = [web.url(f"/{i}", "127.0.0.1") for i in range(20)]
        running = harness.Running(
            "crawl", "-o", tmp_path / "c", "--progress", "none", "--loops", "3", "--per-host", "20", "--delay", "0",
            "--robots", "ignore", *urls,
        )  # fmt: skip
        try:
            harness.wait_until("threads", lambda: len(loops_of(running.child.pid)) == 2)
            harness.wait_until("it takes signals", lambda: takes(running.child.pid, signal.SIGINT))
            time.sleep(0.5)
            running.signal(signal.SIGINT)
            harness.read_until(running.child.stderr, "stopping: ")  # two that come together are one
            watch = harness.Stopwatch()
            running.signal(signal.SIGINT)
            assert running.result().rc == 11
            assert watch.given() < 8  # after one signal it has ten seconds
        finally:
            running.end()

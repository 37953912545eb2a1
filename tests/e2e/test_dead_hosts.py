"""Hosts that never answer, and a good one among them that hardly notices.

Half of the dead hosts take connections and say nothing, half do not even do that: what is sent
to them is lost, as behind a firewall.  The kernel plays both, with sockets that nobody reads.
"""

import contextlib
import os
import resource
import socket
import time
from pathlib import Path

import pytest

import harness

HOSTS = 900
PAGES = 20
LAST_PAGE = f"/p{PAGES - 1}.html"
DELAY_MS = 200
OPTIONS = ("-q", "--delay", f"{DELAY_MS}ms", "--retries", "0")
QUIET_SECONDS = 4.0
CPU_MAX = 0.05


def address(i):
    return f"127.11.{i // 200 + 1}.{i % 200 + 1}"


@contextlib.contextmanager
def dead_hosts():
    """Yields their port."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4 * HOSTS:
        pytest.skip("too few descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4 * HOSTS), hard))
    port = harness.free_port()
    with contextlib.ExitStack() as stack:
        for i in range(HOSTS):
            s = stack.enter_context(socket.socket())
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((address(i), port))
            s.listen(64 if i % 2 else 0)
            for _ in range(0 if i % 2 else 2):  # its queue is full from now on
                c = stack.enter_context(socket.socket())
                c.setblocking(False)
                c.connect_ex((address(i), port))
        yield port


def good_site(tmp):
    www = tmp / "www"
    www.mkdir()
    for i in range(PAGES):
        (www / f"p{i}.html").write_text(f"<!DOCTYPE html>\n<title>{i}</title>\n<a href=p{i + 1}.html>next</a>\n")
    return harness.nginx(tmp / "nginx", f'server {{ listen 127.0.0.1:@PORT@; root "{www}"; }}')


def cpu_seconds(pids):
    """What these processes have used until now."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])  # utime, stime
    return ticks / os.sysconf("SC_CLK_TCK")


def was_asked(web, since, path):
    return any(row["uri"] == path for row in web.log()[since:])


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    """The good host, the port of the dead ones, and the seconds that the good one takes alone."""
    tmp = tmp_path_factory.mktemp("dead")
    with good_site(tmp) as web, dead_hosts() as port:
        yield web, port, min(alone(tmp / f"alone{i}", web) for i in range(2))


def alone(directory, web):
    asked, began = len(web.log()), time.time()
    result, _ = harness.crawl(directory, *OPTIONS, web.url("/p0.html"))
    assert result.rc == 0, result.err
    return max(row["msec"] for row in web.log()[asked:]) - began


TIMES = 3


def as_if_alone(ground, tmp_path, seeds, spare, then=lambda running: None):
    """The good host ends as if alone, or soon after: in one of a few times, for neighbours take time from one crawl and not from the
    other, and those come and go."""
    web, _, seconds = ground
    for n in range(TIMES):
        asked, began = len(web.log()), time.time()
        running = harness.Running("crawl", "-o", tmp_path / f"among{n}", *OPTIONS, *seeds)
        try:
            harness.wait_until("the good host", lambda since=asked: was_asked(web, since, LAST_PAGE))
            rows = web.log()[asked:]
            first, last = (pick(row["msec"] for row in rows) - began for pick in (min, max))
            told = then(running)
        finally:
            running.end()
        print(f"alone {seconds:.2f} s; among dead hosts begun at {first:.2f} s, ended at {last:.2f} s; {told}")
        if last <= seconds * 1.1 + spare:
            return
        seconds = max(seconds, alone(tmp_path / f"alone{n}", web))
    raise AssertionError(f"{last:.2f} s among dead hosts, {seconds:.2f} s alone")


def dead_urls(port, begin, end):
    return [f"http://{address(i)}:{port}/" for i in range(begin, end)]


def test_the_good_host_ends_as_if_alone_and_then_nothing_is_done(ground, tmp_path):
    web, port, _ = ground
    seeds = [*dead_urls(port, 0, 150), web.url("/p0.html"), *dead_urls(port, 150, 300)]

    def then(running):
        pids = running.processes()
        before, at = cpu_seconds(pids), time.monotonic()
        time.sleep(QUIET_SECONDS)
        assert running.child.poll() is None, "the dead hosts were given up too soon to be measured"
        share = (cpu_seconds(pids) - before) / (time.monotonic() - at)
        assert share < CPU_MAX
        return f"then {share * 100:.1f} % of a CPU"

    # 150 are asked before it, 64 at a time, and each is known to be slow after a fifth of a second.
    as_if_alone(ground, tmp_path, seeds, 0.8, then)


def test_more_dead_hosts_than_there_may_be_requests_do_not_starve_it(ground, tmp_path):
    """Of 512 requests those to hosts that never answered leave some to the others."""
    web, port, _ = ground
    as_if_alone(ground, tmp_path, [*dead_urls(port, 0, 300), web.url("/p0.html"), *dead_urls(port, 300, HOSTS)], 1.5)

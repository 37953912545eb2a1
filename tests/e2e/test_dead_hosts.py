"""Hosts that never answer, and a good one among them that does not notice.

Half of the dead hosts take connections and say nothing, half do not even do that: what is sent
to them is lost, as behind a firewall.  The kernel plays both, with sockets that nobody reads.
"""

import contextlib
import os
import socket
import time
from pathlib import Path

import pytest

import harness

DEAD = 300
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
    port = harness.free_port()
    with contextlib.ExitStack() as stack:
        for i in range(DEAD):
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
def measured(tmp_path_factory):
    """Seconds until the good host has ended, alone and among the dead; CPU share afterwards."""
    tmp = tmp_path_factory.mktemp("dead")
    with good_site(tmp) as web, dead_hosts() as port:
        began = time.time()
        result, _ = harness.crawl(tmp / "alone", *OPTIONS, web.url("/p0.html"))
        assert result.rc == 0, result.err
        alone = max(row["msec"] for row in web.log()) - began
        asked = len(web.log())
        dead = [f"http://{address(i)}:{port}/" for i in range(DEAD)]
        seeds = [*dead[: DEAD // 2], web.url("/p0.html"), *dead[DEAD // 2 :]]
        began = time.time()
        running = harness.Running("crawl", "-o", tmp / "among", *OPTIONS, *seeds)
        try:
            harness.wait_until("the good host", lambda: was_asked(web, asked, LAST_PAGE), 60)
            among = max(row["msec"] for row in web.log()) - began
            pids = running.processes()
            before, at = cpu_seconds(pids), time.monotonic()
            time.sleep(QUIET_SECONDS)
            assert running.child.poll() is None, "the dead hosts were given up too soon to be measured"
            share = (cpu_seconds(pids) - before) / (time.monotonic() - at)
        finally:
            running.end()
    return alone, among, share


def test_the_good_host_ends_as_if_alone(measured):
    alone, among, _ = measured
    print(f"alone {alone:.2f} s, among {DEAD} dead hosts {among:.2f} s")
    # Until its first turn comes, dead hosts have to be found slow, 64 at a time, in half a second.
    assert among <= alone * 1.25 + 2


def test_nothing_is_done_while_only_dead_hosts_are_left(measured):
    share = measured[2]
    print(f"{share * 100:.1f} % of a CPU")
    assert share < CPU_MAX

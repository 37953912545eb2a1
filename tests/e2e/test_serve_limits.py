"""What all runs together may (limits: of trawl.yaml), and that they share it fairly."""

import contextlib
import os
import re
import resource
import signal
import sqlite3
import time

import pytest
from harness import lost_seconds, mounted, nginx, wait_until
from service import Service, problem
from test_serve_systemd import manager  # noqa: F401

HOSTS = 24  # of a job
PAGES = 40


def settings(limits):
    return f"""
service: {{runs_at_once: 4}}
limits: {{{limits}}}
defaults:
  net: {{allow_net: [127.0.0.0/8]}}
  fetch: {{delay: 0}}
"""


def address(job, n):
    return f"127.4.{job}.{n + 1}"


def web(tmp, most=1000):
    """127.4.1.*: an answer takes half a second; 127.4.2.* and .3.*: none.  More than so many requests at once get 503."""
    www = tmp / "www"
    www.mkdir()
    links = "".join(f'<a href="p{i}.html">{i}</a>\n' for i in range(PAGES))
    for i in range(PAGES):
        (www / f"p{i}.html").write_text("<!DOCTYPE html>\n<title>p</title>\n" + links + "x" * 4000)

    def server(job, more):
        listen = "".join(f"listen {address(job, n)}:@PORT@;" for n in range(HOSTS))
        return f"""server {{ {listen} root "{www}"; sendfile on; limit_conn all {most}; location = /robots.txt {{ return 404; }}
            location ~ html$ {{ {more} }} }}\n"""

    slow = "sendfile_max_chunk 1k; limit_rate 10k;"
    local = "server { listen 127.0.0.1:@PORT@; return 404; }\n"
    zone = "limit_conn_zone $server_port zone=all:1m;\n"
    return nginx(tmp / "nginx", zone + local + server(1, slow) + server(2, "") + server(3, ""))


def start(s, w, job, **spec):
    s.create(f"j{job}", seeds=[w.url("/p0.html", address(job, n)) for n in range(HOSTS)], **spec)
    return s.run(f"j{job}")


def pages(s, run):
    return s.state_of(run).get("stats", {}).get("pages", 0)


def of(job, log):
    return [row for row in log if row["host"].startswith(f"127.4.{job}.")]


def test_the_memory_of_all_runs_leaves_some_for_the_registry(tmp_path):
    with web(tmp_path) as w, Service(tmp_path / "serve", settings("memory: 1GiB")) as s:
        s.start()
        run = start(s, w, 2, limits={"max_pages": 1})
        s.wait_for(run, "done")
        said = re.search(r"max_memory: (\d+)(\w*)$", (s.output(run).dir / "job.yaml").read_text(), re.M)
        share = int(said[1]) * {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20}[said[2]]
        assert (1 << 30) - (2 << 20) <= 4 * share <= (1 << 30) - (1 << 20)


def test_requests_at_once_are_those_of_all_runs_and_a_slow_run_does_not_take_them(tmp_path):
    with web(tmp_path, most=6) as w, Service(tmp_path / "serve", settings("concurrency: 6")) as s:
        s.start()
        slow = start(s, w, 1)
        wait_until("the slow one has all there are", lambda: s.state_of(slow).get("stats", {}).get("transfers") == 6)
        fast = start(s, w, 2)
        began = wait_until("the fast one begins", lambda: pages(s, fast) > 0 and len(w.log()))
        wait_until("the fast one is far", lambda: pages(s, fast) > 300)
        wait_until("the slow one goes on", lambda: len(of(1, w.log()[began:])) >= 3)
        log = w.log()
        for run in (slow, fast):
            s.post(f"/api/v1/runs/{run}:cancel")
        # nginx counts them when it begins and ends them; the times in its log are those of its turns.
        assert {row["status"] for row in log} <= {200, 404}


def test_the_rate_is_that_of_all_runs_and_each_has_its_part(tmp_path):
    with web(tmp_path) as w, Service(tmp_path / "serve", settings("rate: 40/s")) as s:
        s.start()
        lost = lost_seconds()
        runs = [start(s, w, 2), start(s, w, 3)]
        wait_until("both run", lambda: all(pages(s, r) > 80 for r in runs))
        log = w.log()
        lost = lost_seconds() - lost
        for run in runs:
            s.post(f"/api/v1/runs/{run}:cancel")
        took = log[-1]["msec"] - log[0]["msec"]
        # By half a second, and what the machine took, the server may be late at first.
        assert len(log) <= 40 * (took + lost) + 20, (len(log), took, lost)
        both = log[len(log) // 2 :]
        a, b = len(of(2, both)), len(of(3, both))
        assert 0.6 < a / b < 1.6, (a, b)


def test_the_bandwidth_is_that_of_all_runs(tmp_path):
    with web(tmp_path) as w, Service(tmp_path / "serve", settings("bandwidth: 400KB/s")) as s:
        s.start()
        began = time.monotonic()
        runs = [start(s, w, 2), start(s, w, 3)]
        wait_until("both run", lambda: all(pages(s, r) > 100 for r in runs))
        took = time.monotonic() - began
        received = [s.state_of(r)["stats"] for r in runs]
        for run in runs:
            s.post(f"/api/v1/runs/{run}:cancel")
        # What may come at once, before anything has to wait, is besides.
        assert sum(x["bytes_wire"] for x in received) < 400_000 * (took + 3), (received, took)
        assert sum(x["wait_ms"].get("bandwidth", 0) for x in received) > 0, received


def test_there_are_as_many_parser_processes_as_is_said(service):
    service.kill()
    service.configure("limits: {workers: 3}\n")
    service.start()
    assert "\ntrawl_parser_workers_wanted 3\n" in service.get("/metrics").body.decode()


def test_a_limit_that_is_changed_holds_at_once(tmp_path):
    with web(tmp_path) as w, Service(tmp_path / "serve", settings("rate: 5/s")) as s:
        s.start()
        run = start(s, w, 2)
        wait_until("it runs", lambda: pages(s, run) > 5)
        s.configure(settings("rate: 0"))
        s.child.send_signal(signal.SIGHUP)
        wait_until("it is fast", lambda: s.state_of(run)["state"] == "done")


def test_runs_wait_for_a_place_in_order(tmp_path):
    with web(tmp_path) as w, Service(tmp_path / "serve", settings("rate: 0").replace("once: 4", "once: 1")) as s:
        s.start()
        first = start(s, w, 1)
        second = start(s, w, 2, limits={"max_pages": 5})
        third = start(s, w, 3, limits={"max_pages": 5})
        wait_until("the first runs", lambda: pages(s, first) > 0)
        assert [s.state_of(r)["state"] for r in (second, third)] == ["queued", "queued"]
        # Who waits can be cancelled, and a run that is paused makes room.
        assert s.post(f"/api/v1/runs/{second}:cancel").json["state"] == "cancelled"
        assert s.post(f"/api/v1/runs/{first}:pause").json["state"] == "paused"
        assert s.wait_for(third, "done")["end"] == "page budget reached"
        assert s.post(f"/api/v1/runs/{first}:resume").json["state"] == "running"
        wait_until("it crawls", lambda: s.state_of(first)["crawling"])


def fill(path):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    for piece in 1 << 20, 1 << 12:
        with contextlib.suppress(OSError):
            while os.write(fd, b"x" * piece):
                pass
    os.close(fd)


def state_noted(registry, run):
    with contextlib.closing(sqlite3.connect(registry)) as db:
        return db.execute("SELECT state FROM runs WHERE id = ?", (run,)).fetchone()[0]


@pytest.fixture
def disk(tmp_path):
    yield from mounted(tmp_path / "disk", "64m")


def fill_below_a_run(s, w, disk):
    """A run, and what takes the room that it waits for."""
    s.start()
    run = start(s, w, 2)
    wait_until("it runs", lambda: pages(s, run) > 20)
    ballast = disk / "ballast"
    fill(ballast)
    wait_until("it waits", lambda: "disk is full" in s.state_of(run).get("why", ""))
    return run, ballast


def test_a_run_whose_disk_is_full_waits_for_room_and_goes_on(tmp_path, disk):
    with web(tmp_path) as w, Service(disk / "serve", settings("rate: 60/s")) as s:
        run, ballast = fill_below_a_run(s, w, disk)
        assert s.state_of(run)["state"] == "running" and not s.state_of(run)["crawling"]
        assert s.get("/healthz").status == 200
        ballast.unlink()
        done = s.wait_for(run, "done")
        assert done["end"] == "done" and done["starts"] == 2
        archived = s.output(run).archived()
        wanted = {w.url(f"/p{i}.html", address(2, n)) for n in range(HOSTS) for i in range(PAGES)}
        assert all(len(archived[u]) == 1 for u in wanted)
        assert s.stop() == 0


def test_a_run_that_a_quota_holds_tries_less_and_less_often(tmp_path):
    """A limit on the size of files stands for the quota: the disk has room all along."""
    www = tmp_path / "www"
    www.mkdir()
    for i in range(60):
        (www / f"p{i}.html").write_bytes(f'<a href="p{i + 1}.html">n</a><p>'.encode() + os.urandom(100_000))
    site = f'server {{ listen 127.0.0.1:@PORT@; root "{www}"; }}'
    with nginx(tmp_path / "nginx", site) as w, Service(tmp_path / "serve", settings("rate: 0")) as s:
        s.start()
        resource.prlimit(s.child.pid, resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
        s.create("j", seeds=[w.url("/p0.html")], limits={"max_pages": 60})
        run = s.run("j")
        wait_until("it waits", lambda: "disk is full" in s.state_of(run).get("why", ""))
        time.sleep(17)  # then it tries after 5 s and after 10 more
        assert s.state_of(run)["starts"] <= 3
        resource.prlimit(s.child.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        s.wait_for(run, "done")
        assert s.state_of(run)["starts"] > 1
        assert s.stop() == 0


def test_after_kill_9_it_starts_without_room_and_what_ran_goes_on_when_there_is_some(tmp_path, disk):
    with web(tmp_path) as w, Service(disk / "serve", settings("rate: 60/s")) as s:
        run, ballast = fill_below_a_run(s, w, disk)
        s.kill()
        s.start()
        assert "is nearly full" in problem(s.get("/readyz"), 503)["detail"]
        wait_until("it waits again", lambda: "disk is full" in s.state_of(run).get("why", ""))
        assert s.state_of(run)["state"] == "running" and not s.state_of(run)["crawling"]
        ballast.unlink()
        s.wait_for(run, "done")
        assert s.stop() == 0


def test_a_start_that_has_no_room_for_the_files_of_its_registry_waits_for_it(disk, manager):
    with Service(disk / "serve", env={"NOTIFY_SOCKET": manager.path}) as s:
        s.start()
        s.create("j", seeds=["http://127.0.0.1:9/"])
        assert s.stop() == 0
        ballast = disk / "ballast"
        fill(ballast)
        s.start(wait=False)
        wait_until("it waits", lambda: "the start waits for room" in s.log())
        assert s.stop() == 0  # it can be stopped
        at = len(manager.listen())
        s.start(wait=False)
        at = manager.wait("EXTEND_TIMEOUT_USEC", after=manager.wait("EXTEND_TIMEOUT_USEC", after=at))
        s.child.send_signal(signal.SIGHUP)
        s.child.send_signal(signal.SIGUSR2)
        at = manager.wait("EXTEND_TIMEOUT_USEC", after=at)
        assert sum("READY" in m for m in manager.heard) == 1  # of the first start
        ballast.unlink()
        manager.wait("READY", "1", at)
        assert s.get("/readyz").status == 200 and s.get("/api/v1/jobs/j").status == 200
        assert s.stop() == 0
        assert s.log().count("the start waits for room") == 2  # once of each start


def start_with_registry_on(disk, s):
    """A service whose registry has a disk of its own."""
    s.state.mkdir()
    (s.state / "registry.db").symlink_to(disk / "registry.db")
    s.start()


def is_ready_only_with_room(s, disk):
    assert s.get("/readyz").status == 200
    ballast = disk / "ballast"
    fill(ballast)
    assert "is nearly full" in problem(s.get("/readyz"), 503)["detail"]
    assert s.get("/healthz").status == 200  # a new start would be no help
    ballast.unlink()
    assert s.get("/readyz").status == 200
    assert s.stop() == 0


def test_it_is_not_ready_while_its_disk_is_full(tmp_path, disk):
    with Service(disk / "serve") as s:
        s.start()
        is_ready_only_with_room(s, disk)


def test_it_is_not_ready_while_the_disk_of_its_registry_is_full(tmp_path, disk):
    with Service(tmp_path / "serve") as s:
        start_with_registry_on(disk, s)
        is_ready_only_with_room(s, disk)


def test_a_run_that_ends_while_the_registry_has_no_room_is_not_said_to_run_for_ever(tmp_path, disk):
    with web(tmp_path) as w, Service(tmp_path / "serve", settings("rate: 1/s")) as s:
        start_with_registry_on(disk, s)
        run = start(s, w, 1, limits={"max_pages": 60})
        wait_until("it crawls", lambda: s.state_of(run)["crawling"])
        ballast = disk / "ballast"
        fill(ballast)
        s.configure(settings("rate: 0"))  # at the old one it would not end for a minute
        s.child.send_signal(signal.SIGHUP)
        wait_until("it has ended", lambda: "done: page budget reached" in s.log())
        wait_until("it waits", lambda: "its end waits for room" in s.log())
        assert s.state_of(run)["state"] == "done"
        assert s.get("/healthz").status == 200
        ballast.unlink()
        wait_until("it is noted", lambda: state_noted(disk / "registry.db", run) == "done")
        assert s.log().count("its end waits for room") == 1
        s.kill()
        s.start()
        assert s.state_of(run)["state"] == "done" and s.state_of(run)["end"] == "page budget reached"
        assert s.stop() == 0


def test_who_cancels_a_run_while_the_registry_has_no_room_is_answered(tmp_path, disk):
    with web(tmp_path) as w, Service(tmp_path / "serve", settings("rate: 1/s")) as s:
        start_with_registry_on(disk, s)
        run = start(s, w, 1)
        wait_until("it crawls", lambda: s.state_of(run)["crawling"])
        assert s.post(f"/api/v1/runs/{run}:pause").status == 200
        wait_until("it is closed", lambda: not s.state_of(run)["crawling"])
        ballast = disk / "ballast"
        fill(ballast)
        assert problem(s.post(f"/api/v1/runs/{run}:cancel"), 507)["detail"] == "the registry: database or disk is full"
        assert s.state_of(run)["state"] == "cancelled"  # it is, and tries to note it
        ballast.unlink()
        wait_until("it is noted", lambda: state_noted(disk / "registry.db", run) == "cancelled")
        assert s.stop() == 0


def test_a_pause_that_the_registry_has_no_room_for_is_noted_when_there_is(tmp_path, disk):
    with web(tmp_path) as w, Service(tmp_path / "serve", settings("rate: 1/s")) as s:
        start_with_registry_on(disk, s)
        run = start(s, w, 1)
        wait_until("it crawls", lambda: s.state_of(run)["crawling"])
        ballast = disk / "ballast"
        fill(ballast)
        assert problem(s.post(f"/api/v1/runs/{run}:pause"), 507)["detail"] == "the registry: database or disk is full"
        assert s.state_of(run)["state"] == "paused"  # it is, and tries to note it
        wait_until("it is closed", lambda: not s.state_of(run)["crawling"])
        assert state_noted(disk / "registry.db", run) == "running"
        ballast.unlink()
        wait_until("it is noted", lambda: state_noted(disk / "registry.db", run) == "paused")
        assert s.log().count("that it is paused waits for room") == 1
        s.kill()
        s.start()
        assert s.state_of(run)["state"] == "paused"
        assert s.post(f"/api/v1/runs/{run}:resume").json["state"] == "running"
        assert s.stop() == 0

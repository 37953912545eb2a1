"""Server-sent events of `trawl serve`: what is told, resumed, and lost by who is slow."""

import contextlib
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

from harness import wait_until
from service import SETTINGS, Service, UnixConnection, problem


class Stream:
    """One listener; events as (id, kind, data)."""

    def __init__(self, service, path="/api/v1/events", last_id=None, timeout=60):
        self.connection = UnixConnection(service.socket, timeout)
        headers = {"Last-Event-ID": last_id} if last_id else {}
        self.connection.request("GET", path, headers=headers)
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.read()
        assert self.response.headers["Content-Type"] == "text/event-stream"
        self.last_id = last_id
        self.heartbeats = 0

    def __iter__(self):
        event = {}
        while True:
            line = self.response.readline().decode().rstrip("\n")
            if line == "" and self.response.isclosed():
                return
            if line == "":
                if "data" in event:
                    self.last_id = event.get("id", self.last_id)
                    yield event.get("id"), event["event"], json.loads(event["data"])
                event = {}
            elif line.startswith(":"):
                self.heartbeats += 1
                assert self.heartbeats < 3, f"nothing is told any more, after {self.last_id}"
            else:
                name, _, value = line.partition(": ")
                event[name] = value

    def until(self, wanted):
        """Events up to the first that is wanted, that one included."""
        got = []
        for e in self:
            got.append(e)
            if wanted(e):
                return got
        raise AssertionError(f"the stream ended: {got[-5:]}")

    def close(self):
        self.connection.close()


def test_a_run_is_followed_from_its_start_to_its_end(service, web):
    service.create("demo", seeds=[web.url()], fetch={"delay": "60ms"})
    all_runs = Stream(service)
    run = service.run("demo")
    mine = Stream(service, f"/api/v1/runs/{run}/events")
    got = list(mine)  # it ends by itself
    assert got[0][1] == "run" and got[0][0] is None  # as it was
    assert got[-1][1] == "run" and got[-1][2]["state"] == "done"
    kinds = {kind for _, kind, _ in got}
    assert kinds == {"run", "progress", "page"}, kinds
    numbers = [int(i.split("-")[1]) for i, _, _ in got if i]
    assert numbers == sorted(set(numbers))
    progress = [d for _, kind, d in got if kind == "progress"]
    assert all(d["run"] == run for d in progress) and any(d["pages_per_second"] > 0 for d in progress)
    assert any("crawl-delay" in d["waiting_now"] for d in progress)
    pages = {d["url"]: d for _, kind, d in got if kind == "page"}
    logged = {p["url"]: p for p in service.output(run).pages()}
    assert pages and all(u not in logged or logged[u]["outcome"] == d["outcome"] for u, d in pages.items())
    assert len(set(pages) & set(logged)) > 20
    others = all_runs.until(lambda e: e[1] == "run" and e[2]["state"] == "done")
    states = [d["state"] for _, kind, d in others if kind == "run"]
    assert states[0] == "queued" and "running" in states
    assert any(kind == "log" and "begins" in d["text"] for _, kind, d in others)
    all_runs.close()
    problem(service.get(f"/api/v1/runs/{run}/events"), 409)


def test_who_comes_back_hears_what_was_told_meanwhile(service, web):
    service.create("demo", seeds=[web.url()])
    first = Stream(service, "/api/v1/events?kinds=run")
    run = service.run("demo")
    first.until(lambda e: e[2]["state"] == "queued")
    first.close()
    service.wait_for(run, "done")
    again = Stream(service, "/api/v1/events?kinds=run", last_id=first.last_id)
    got = again.until(lambda e: e[2]["state"] == "done")
    assert [kind for _, kind, _ in got] == ["run"] * len(got)
    assert "running" in [d["state"] for _, _, d in got]
    again.close()
    # What was before a restart is not known any more, and that is said.
    last = again.last_id
    service.kill()
    service.start()
    for wrong in (last, "nonsense", "0-0"):
        after = Stream(service, last_id=wrong)
        assert next(iter(after))[1] == "gap"
        after.close()


def test_who_comes_back_after_the_end_of_its_run_hears_the_end(service, web):
    service.create("demo", seeds=[web.url()], fetch={"delay": "60ms"})
    run = service.run("demo")
    path = f"/api/v1/runs/{run}/events"
    first = Stream(service, path + "?kinds=run,page")
    first.until(lambda e: e[1] == "page")
    first.close()
    service.post(f"/api/v1/runs/{run}:cancel")
    service.wait_for(run, "cancelled")
    again = Stream(service, path + "?kinds=run", last_id=first.last_id)
    got = list(again)  # it ends by itself
    assert [d["state"] for _, _, d in got][-2:] == ["stopping", "cancelled"], got
    assert all(kind == "run" and d["id"] == run for _, kind, d in got)
    # Who has heard all of it is not to come again; nor who heard nothing and asks what comes.
    for headers in ({"Last-Event-ID": again.last_id}, {}):
        assert "cancelled" in problem(service.get(path, headers=headers), 409)["detail"]
    # Of an earlier start nothing is told of it any more.
    service.kill()
    service.start()
    problem(service.get(path, headers={"Last-Event-ID": first.last_id}), 409)


def test_streams_end_whole_when_the_service_stops(service, web):
    service.create("demo", seeds=[web.url()], fetch={"delay": "1s"})
    run = service.run("demo")
    service.wait_for(run, "running")
    with contextlib.ExitStack() as stack:
        streams = [raw_stream(stack, service, p) for p in ("/api/v1/events", f"/api/v1/runs/{run}/events?kinds=run")]
        assert service.stop() == 0
        for s in streams:
            data = b"\r\n"  # of the chunk before
            while more := s.recv(65536):
                data += more
            assert data.endswith(b"\r\n0\r\n\r\n"), data[-300:]


def raw_stream(stack, service, path):
    """A socket on which a stream has begun."""
    s = stack.enter_context(socket.socket(socket.AF_UNIX))
    s.settimeout(60)
    s.connect(str(service.socket))
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    data = b""
    while b"retry:" not in data:
        more = s.recv(65536)
        assert more, data
        data += more
    return s


def test_who_is_slow_is_told_of_the_gap_and_costs_no_memory(tmp_path, web):
    patient = SETTINGS.replace("allow_local: yes", "allow_local: yes, reply_timeout: 30m")
    with Service(tmp_path / "slow", patient) as service:
        service.start()
        service.create("busy", seeds=[web.url()], fetch={"delay": "1s"})
        run = service.run("busy")
        service.wait_for(run, "running")
        sleepers = []
        for _ in range(10):
            s = socket.socket(socket.AF_UNIX)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            s.connect(str(service.socket))
            s.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            sleepers.append(s)
        time.sleep(0.2)
        memory = rss(service)

        def start_and_cancel(_):  # two events at least
            a = service.post("/api/v1/jobs/busy/runs", {"again": True})
            assert a.status == 201, a
            service.post(f"/api/v1/runs/{a.json['id']}:cancel")

        with ThreadPoolExecutor(8) as pool:  # the disk's waits beside each other
            list(pool.map(start_and_cancel, range(1500)))
        assert rss(service) - memory < 40_000, (memory, rss(service))
        # One of them wakes up.
        sleepers[0].settimeout(60)
        data = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            while b"event: gap" not in data:
                more = sleepers[0].recv(65536)
                if not more:
                    break
                data += more
        assert b"event: gap" in data
        for s in sleepers:
            s.close()


def rss(service):
    """KiB."""
    with open(f"/proc/{service.child.pid}/status") as f:
        return next(int(x.split()[1]) for x in f if x.startswith("VmRSS"))


def test_there_are_only_so_many_listeners_and_places_become_free(service):
    streams = [Stream(service) for _ in range(64)]
    problem(service.get("/api/v1/events"), 503)
    for s in streams:
        s.close()
    # That they are gone is noticed when something is to be told.
    service.create("x", seeds=["https://a.example/"], fetch={"retries": 0})
    service.post(f"/api/v1/runs/{service.run('x')}:cancel")

    def free():
        with contextlib.suppress(AssertionError):
            s = Stream(service)
            s.close()
            return True
        return False

    wait_until("a place", free, every=1)


def test_what_is_asked_wrongly_is_refused(service):
    assert problem(service.get("/api/v1/events?kinds=run,nonsense"), 400)["errors"][0]["parameter"] == "kinds"
    problem(service.get("/api/v1/runs/12/events"), 404)
    problem(service.get("/api/v1/runs/x/events"), 404)
    problem(service.post("/api/v1/events"), 405)


def test_it_lives_though_nothing_happens(service):
    """A heartbeat after 15 s without events."""
    s = Stream(service, "/api/v1/events?kinds=run", timeout=60)
    line = s.response.readline()
    assert line.startswith(b"retry:")
    began = time.monotonic()
    s.response.readline()
    assert s.response.readline().startswith(b":")
    assert 10 < time.monotonic() - began < 40
    s.close()

"""Whatever is asked of a service, in whatever order, with kills between: it answers, and in the end each run is what
the last word on it was.

    STORM_SECONDS=60 STORM_SEED=7 tests/e2e/run.sh tests/e2e/test_serve_storm.py
"""

import http.client
import os
import random
import signal
import threading
import time

import pytest
from harness import demo_site, wait_until
from service import Service

SECONDS = float(os.environ.get("STORM_SECONDS", "6"))
SEEDS = [int(s) for s in os.environ.get("STORM_SEED", "1").split()]
JOBS = 5

SETTINGS = """
service: {runs_at_once: 3}
api: {allow_local: yes}
history: {keep_runs: 3}
defaults:
  net: {allow_net: [127.0.0.0/8]}
  fetch: {delay: 5ms}
"""
OVER = {"done", "cancelled", "failed"}


class Asker(threading.Thread):
    """Asks for anything; what may not be answered is noted."""

    def __init__(self, service, web, seed):
        super().__init__()
        self.s, self.web, self.rng = service, web, random.Random(seed)
        self.over = threading.Event()
        self.wrong = []
        self.counts = {}

    def run(self):
        while not self.over.is_set():
            try:
                self.ask()
            except (OSError, http.client.HTTPException):  # it was killed
                time.sleep(0.05)
            except Exception as e:  # noqa: BLE001
                self.wrong.append(repr(e))
                return

    def ask(self):
        rng, s = self.rng, self.s
        job = f"j{rng.randrange(JOBS)}"
        run = rng.randrange(1, 60)
        spec = {"seeds": [self.web.url()], "limits": {"max_pages": rng.randrange(1, 60)}}
        if rng.random() < 0.2:
            spec["schedule"] = {"every": "1s"}
        what = rng.choice(["put", "patch", "delete", "start", "start", "start", "pause", "resume", "cancel", "list", "get", "compare"])
        if what == "put":
            a, good = s.call("PUT", f"/api/v1/jobs/{job}", spec), {200, 201, 409}
        elif what == "patch":
            a, good = s.call("PATCH", f"/api/v1/jobs/{job}", {"fetch": {"per_host": rng.randrange(1, 5)}}), {200, 404, 409, 412}
        elif what == "delete":
            a, good = s.call("DELETE", f"/api/v1/jobs/{job}"), {204, 404, 409, 412}
        elif what == "start":
            a, good = s.post(f"/api/v1/jobs/{job}/runs", {"again": rng.random() < 0.1}), {201, 404, 409}
        elif what in ("pause", "resume", "cancel"):
            a, good = s.post(f"/api/v1/runs/{run}:{what}"), {200, 404, 409}
        elif what == "list":
            a, good = s.get(f"/api/v1/runs?limit={rng.randrange(1, 9)}"), {200}
        elif what == "get":
            a, good = s.get(f"/api/v1/runs/{run}"), {200, 404}
        else:
            a, good = s.get(f"/api/v1/runs/{run}/compare?with={rng.randrange(1, 60)}"), {200, 404}
        self.counts[what, a.status] = self.counts.get((what, a.status), 0) + 1
        if a.status not in good | {503}:  # it may be stopping
            self.wrong.append((what, a.status, a.body[:300]))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_service_in_a_storm(tmp_path, seed):
    rng = random.Random(seed)
    with demo_site(tmp_path / "web") as web, Service(tmp_path / "serve", SETTINGS) as s:
        s.start()
        askers = [Asker(s, web, seed * 10 + i) for i in range(3)]
        for a in askers:
            a.start()
        end = time.monotonic() + SECONDS
        kills = 0
        while time.monotonic() < end:
            time.sleep(rng.uniform(0.2, 1.5))
            what = rng.random()
            if what < 0.3:
                s.kill()
            elif what < 0.5:
                assert s.stop() == 0, s.log()[-2000:]
            else:
                assert s.child.poll() is None, s.log()[-2000:]
                if what < 0.7:
                    s.child.send_signal(signal.SIGHUP)
                continue
            kills += 1
            s.start()
        for a in askers:
            a.over.set()
        for a in askers:
            a.join(130)
        assert not [w for a in askers for w in a.wrong]
        # Now it is quiet: everything comes to its end.
        for job in s.get("/api/v1/jobs").json["items"]:
            s.call("PATCH", f"/api/v1/jobs/{job['name']}", {"schedule": None})
        for r in s.get("/api/v1/runs?state=paused&limit=500").json["items"]:
            assert s.post(f"/api/v1/runs/{r['id']}:resume").status == 200
        while len(queued := s.get("/api/v1/runs?state=queued&limit=500").json["items"]) > 5:
            for r in queued[5:]:
                assert s.post(f"/api/v1/runs/{r['id']}:cancel").status in (200, 404, 409)  # over meanwhile
        wait_until(
            "all runs are over",
            lambda: all(r["state"] in OVER for r in s.get("/api/v1/runs?limit=500").json["items"]), 120, 0.2,
        )  # fmt: skip
        runs = s.get("/api/v1/runs?limit=500").json["items"]
        assert not [r for r in runs if r["state"] == "failed"], runs
        for r in runs:
            history = s.get(f"/api/v1/runs/{r['id']}/history")
            if history.status == 404:  # it was old
                continue
            states = [c["state"] for c in history.json["items"]]
            assert states[0] == "queued" and states[-1] == r["state"], (r, states)
            assert not OVER & set(states[:-1]), (r, states)
            if r["state"] == "done":
                archived = s.output(r["id"]).archived()
                assert all(len(v) == 1 for u, v in archived.items() if not u.endswith("robots.txt")), r
        assert s.stop() == 0
        totals = {}
        for a in askers:
            for k, v in a.counts.items():
                totals[k] = totals.get(k, 0) + v
        print(f"\nseed {seed}: {sum(totals.values())} answers, {kills} stops, {len(runs)} runs kept;", totals)

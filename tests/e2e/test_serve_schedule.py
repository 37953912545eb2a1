"""Jobs that run by themselves, and old runs that go."""

import contextlib
import sqlite3
import threading
import time

import pytest
from harness import wait_until
from service import Service

SETTINGS = """
api: {allow_local: yes}
history: {keep_runs: 2}
defaults:
  net: {allow_net: [127.0.0.0/8]}
  fetch: {delay: 0}
"""


def runs_of(s, job):
    return s.get(f"/api/v1/runs?job={job}&sort=id").json["items"]


def test_a_job_runs_by_its_schedule_and_old_runs_go_with_their_files(tmp_path, web):
    with Service(tmp_path / "serve", SETTINGS) as s:
        s.start()
        job = s.create("often", seeds=[web.url()], limits={"max_pages": 2}, schedule={"every": "1s"})
        assert job["scheduled"]
        wait_until("five runs", lambda: [r for r in runs_of(s, "often") if r["id"] >= 5 and r["state"] == "done"])
        for r in runs_of(s, "often"):
            assert r["trigger"] == "schedule" and r["scheduled_for"] <= r["created_at"]
        wait_until("the first is gone", lambda: s.get("/api/v1/runs/1").status == 404)
        wait_until("with its files", lambda: not (s.state / "runs/1").exists())
        assert s.call("PATCH", "/api/v1/jobs/often", {"schedule": None}).json["scheduled"] is False
        s.wait_for(runs_of(s, "often")[-1]["id"], "done")
        wait_until("two are kept", lambda: len(runs_of(s, "often")) == 2)
        kept = {r["id"] for r in runs_of(s, "often")}
        wait_until("with their files", lambda: {int(p.name) for p in (s.state / "runs").iterdir()} == kept)
        # Numbers are not given again.
        assert s.run("often") == max(kept) + 1


def test_a_job_that_is_due_while_it_is_being_changed_stays_changed(tmp_path, web):
    with Service(tmp_path / "serve", SETTINGS) as s:
        s.start()
        s.create("often", seeds=[web.url()], fetch={"delay": "1s"}, schedule={"every": "1s"})
        s.wait_for(1, "running")
        assert s.post("/api/v1/runs/1:pause").status == 200
        changed = []
        with contextlib.closing(sqlite3.connect(s.state / "registry.db")) as db:
            db.execute("BEGIN IMMEDIATE")  # the change waits for its turn
            patch = {"limits": {"max_pages": 7}}
            changer = threading.Thread(target=lambda: changed.append(s.call("PATCH", "/api/v1/jobs/often", patch)))
            changer.start()
            time.sleep(1.3)  # meanwhile its time comes
            db.rollback()
            changer.join()
        s.kill()
        assert changed[0].status == 200, changed
        s.start()
        assert s.get("/api/v1/jobs/often").json["spec"]["limits"] == {"max_pages": 7}


def test_so_many_runs_are_kept_of_jobs_that_end_at_once(tmp_path):
    with Service(tmp_path / "serve", SETTINGS.replace("keep_runs: 2", "keep_runs: 1")) as s:
        s.start()
        jobs = [f"j{i}" for i in range(10)]
        for job in jobs:
            s.create(job, seeds=["http://127.0.0.1:9/"], fetch={"retries": 0})
        for job in jobs * 3:
            assert s.post(f"/api/v1/jobs/{job}/runs", {"again": True}).status == 201

        def kept():
            runs = s.get("/api/v1/runs?limit=100").json["items"]
            return all(r["state"] == "done" for r in runs) and sorted(r["job"] for r in runs) == jobs

        wait_until("one is kept of each", kept)


def test_runs_are_kept_for_so_long(tmp_path, web):
    with Service(tmp_path / "serve", SETTINGS.replace("keep_runs: 2", "keep_for: 1m")) as s:
        s.start()
        s.create("once", seeds=[web.url()], limits={"max_pages": 1})
        old = s.run("once")
        s.wait_for(old, "done")
        young = s.run("once")
        s.wait_for(young, "done")
        assert s.stop() == 0
        with contextlib.closing(sqlite3.connect(s.state / "registry.db")) as db, db:
            db.execute("UPDATE runs SET ended_us = ? WHERE id = ?", (int((time.time() - 40) * 1e6), old))
        s.start()
        assert s.get(f"/api/v1/runs/{old}").status == 200
        wait_until("it is gone", lambda: s.get(f"/api/v1/runs/{old}").status == 404)
        assert not (s.state / f"runs/{old}").exists()
        assert s.get(f"/api/v1/runs/{young}").status == 200


def test_runs_that_are_kept_for_longer_than_clocks_count_stay(tmp_path, web):
    with Service(tmp_path / "serve", SETTINGS.replace("keep_runs: 2", "keep_for: 999999999d")) as s:
        s.start()
        s.create("once", seeds=[web.url()], limits={"max_pages": 1})
        kept = s.run("once")
        s.wait_for(kept, "done")
        s.wait_for(s.run("once"), "done")  # old ones are looked for whenever a run ends
        assert s.get(f"/api/v1/runs/{kept}").status == 200
        assert (s.state / f"runs/{kept}").exists()


def test_who_changes_a_schedule_is_told_of_its_next_time(tmp_path, web):
    with Service(tmp_path / "serve", SETTINGS) as s:
        s.start()
        s.create("x", seeds=[web.url()], limits={"max_pages": 1}, schedule={"cron": "0 0 1 1 *"})
        for schedule, like in ({"cron": "30 4 2 2 *"}, "-02-02T"), ({"cron": "30 4 3 3 *"}, "-03-03T"):
            changed = s.call("PATCH", "/api/v1/jobs/x", {"schedule": schedule}).json
            assert like in changed["next_at"] and changed["next_at"] == s.get("/api/v1/jobs/x").json["next_at"]
        assert "next_at" not in s.call("PATCH", "/api/v1/jobs/x", {"schedule": None}).json


def test_a_start_leaves_the_jitter_of_a_turn_as_it_was(tmp_path, web):
    with Service(tmp_path / "serve", SETTINGS) as s:
        s.start()
        schedule = {"cron": "0 0 1 1 *", "jitter": "7d", "catch_up": "skip"}
        made = [s.create(n, seeds=[web.url()], schedule=schedule)["next_at"] for n in ("a", "b")]
        assert made[0] != made[1]
        assert s.stop() == 0
        s.start()
        assert [s.get(f"/api/v1/jobs/{n}").json["next_at"] for n in ("a", "b")] == made


def test_a_run_that_goes_on_is_not_started_twice(tmp_path, web):
    with Service(tmp_path / "serve", SETTINGS) as s:
        s.start()
        s.create("slow", seeds=[web.url()], fetch={"delay": "2s"}, schedule={"every": "1s"})
        wait_until("it is said", lambda: "it is not started again now" in s.log())
        assert [r["id"] for r in runs_of(s, "slow")] == [1]
        s.kill()
        s.start()
        assert [r["id"] for r in runs_of(s, "slow")] == [1]


def test_that_a_run_goes_on_is_said_once_however_often_its_job_is_due(tmp_path, web):
    with Service(tmp_path / "serve", SETTINGS) as s:
        s.start()
        s.create("slow", seeds=[web.url()], fetch={"delay": "1h"}, schedule={"every": "1s"})
        for going in 1, 2:
            wait_until("it is said", lambda: s.log().count("it is not started again now") == going)  # noqa: B023
            assert f"its run {going} is not over: it is not started again now" in s.log()
            s.post(f"/api/v1/runs/{going}:pause")
            turns = {s.get("/api/v1/jobs/slow").json["next_at"]}
            wait_until("it was due", lambda: turns.add(s.get("/api/v1/jobs/slow").json["next_at"]) or len(turns) > 4)  # noqa: B023
            assert s.log().count("it is not started again now") == going
            s.post(f"/api/v1/runs/{going}:cancel")


@pytest.mark.parametrize("catch_up", ["once", "skip"])
def test_what_was_missed_while_nobody_was_there(tmp_path, web, catch_up):
    with Service(tmp_path / "serve", SETTINGS.replace("keep_runs: 2", "keep_runs: 99")) as s:
        s.start()
        s.create(
            "daily", seeds=[web.url()], limits={"max_pages": 1},
            schedule={"every": "24h", "catch_up": catch_up},
        )  # fmt: skip
        wait_until("the first", lambda: [r for r in runs_of(s, "daily") if r["state"] == "done"])
        assert s.stop() == 0
        # Three days pass.
        import sqlite3

        with sqlite3.connect(s.state / "registry.db") as db:
            day = 86400 * 10**6
            db.execute("UPDATE jobs SET due_us = due_us - ?, created_us = created_us - ?", (3 * day, 3 * day))
        db.close()
        s.start()
        if catch_up == "once":
            wait_until("the second", lambda: len(runs_of(s, "daily")) == 2)
        else:
            wait_until("it is said", lambda: "is left out" in s.log())
        assert len(runs_of(s, "daily")) == (2 if catch_up == "once" else 1)
        assert s.get("/api/v1/jobs/daily").json["next_at"] > s.get("/api/v1/jobs/daily").json["created_at"]


def test_a_schedule_begins_when_it_was_given_also_after_a_restart(tmp_path, web):
    settings = SETTINGS.replace("keep_runs: 2", "keep_runs: 99")
    with Service(tmp_path / "serve", settings) as s:
        s.start()
        # One that was run by another schedule before, and one that was only run by hand.
        s.create("served", seeds=[web.url()], limits={"max_pages": 1}, schedule={"every": "24h"})
        s.create("made", seeds=[web.url()], limits={"max_pages": 1})
        wait_until("the first", lambda: [r for r in runs_of(s, "served") if r["state"] == "done"])
        assert s.stop() == 0
        # They are older than a day.
        with contextlib.closing(sqlite3.connect(s.state / "registry.db")) as db, db:
            db.execute("UPDATE jobs SET created_us = created_us - ?", (3 * 86400 * 10**6,))
        s.start()
        at = time.strftime("%H:%M", time.gmtime(time.time() + 7200))
        for name in "served", "made":
            assert s.call("PATCH", f"/api/v1/jobs/{name}", {"schedule": {"every": None, "at": at}}).status == 200
        was = {name: len(runs_of(s, name)) for name in ("served", "made")}
        next_at = {name: s.get(f"/api/v1/jobs/{name}").json["next_at"] for name in was}
        for how in s.stop, s.kill:
            how()
            s.start()
            time.sleep(0.5)  # what it thinks was missed would begin at once
            assert {name: len(runs_of(s, name)) for name in was} == was
            assert {name: s.get(f"/api/v1/jobs/{name}").json["next_at"] for name in was} == next_at


def test_a_clock_that_was_years_ahead_stops_no_schedule(tmp_path, web):
    with Service(tmp_path / "serve", SETTINGS.replace("keep_runs: 2", "keep_runs: 99")) as s:
        s.start()
        for name, schedule in ("often", {"every": "2s"}), ("nightly", {"at": "03:00"}):
            s.create(name, seeds=[web.url()], limits={"max_pages": 1}, schedule=schedule)
        assert s.stop() == 0
        # All of it was made, and ran, with the clock as it was then.
        with contextlib.closing(sqlite3.connect(s.state / "registry.db")) as db, db:
            db.execute("UPDATE jobs SET created_us = ?1, due_us = ?1", ((int(time.time()) + 3 * 366 * 86400) * 10**6,))
        s.start()
        for name in "often", "nightly":
            told = f"job {name}: the clock was set back: its schedule goes on from now"
            wait_until(told, lambda: told in s.log())  # noqa: B023
        before = len(runs_of(s, "often"))
        wait_until("two more runs", lambda: len(runs_of(s, "often")) >= before + 2)
        next_at = s.get("/api/v1/jobs/nightly").json["next_at"]
        assert next_at <= time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 25 * 3600)), next_at
        s.kill()
        s.start()
        assert s.get("/api/v1/jobs/nightly").json["next_at"] == next_at
        assert s.log().count("the clock was set back") == 2

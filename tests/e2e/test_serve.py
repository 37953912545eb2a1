"""`trawl serve`: jobs and runs over HTTP, reload, stop, and what goes on after a stop."""

import contextlib
import http.server
import json
import os
import re
import signal
import socket
import sqlite3
import threading
import time
import zipfile

import harness
from harness import SRCDIR, nginx, settled, trawl, wait_until
from service import SETTINGS, Service, problem

def test_health_and_readiness(service):
    assert service.get("/healthz").json == {"status": "ok"}
    ready = service.get("/readyz")
    assert ready.status == 200 and ready.json["status"] == "ready"
    assert oct(os.stat(service.socket).st_mode & 0o777) == "0o660"
    # Jobs have secrets.
    for name in ("registry.db", "registry.db-wal", "registry.db-shm"):
        assert os.stat(service.state / name).st_mode & 0o077 == 0, name


def test_a_job_is_made_shown_changed_and_deleted(service):
    made = service.post("/api/v1/jobs", {"name": "docs", "seeds": ["https://docs.example/"]})
    assert made.status == 201 and made.headers["Location"] == "/api/v1/jobs/docs"
    etag = made.headers["ETag"]
    job = service.get("/api/v1/jobs/docs")
    assert job.headers["ETag"] == etag and job.json["spec"]["seeds"] == ["https://docs.example/"]
    assert service.get("/api/v1/jobs/docs", headers={"If-None-Match": etag}).status == 304
    # Changed by what was seen, and not by what is old.
    patched = service.call("PATCH", "/api/v1/jobs/docs", {"fetch": {"per_host": 2}}, {"If-Match": etag})
    assert patched.status == 200 and patched.json["spec"]["fetch"] == {"per_host": 2}
    problem(service.call("PATCH", "/api/v1/jobs/docs", {"fetch": None}, {"If-Match": etag}), 412)
    again = service.call("PUT", "/api/v1/jobs/docs", {"seeds": ["https://other.example/"]})
    assert again.status == 200 and again.json["revision"] == 3 and "fetch" not in again.json["spec"]
    problem(service.call("DELETE", "/api/v1/jobs/docs", headers={"If-Match": etag}), 412)
    assert service.call("DELETE", "/api/v1/jobs/docs").status == 204
    problem(service.get("/api/v1/jobs/docs"), 404)


def test_every_bad_field_is_named_with_its_path(service):
    p = problem(
        service.post(
            "/api/v1/jobs",
            {
                "name": "x",
                "seeds": ["https://a.example/", "ftp://b.example/"],
                "fetch": {"per_host": 0, "dleay": "1s", "cookies": "/etc/passwd"},
                "output": {"sink": ["exec"]},
                "exec": {"exec_command": "/bin/sh -c true"},
                "net": {"allow_net": ["10.0.0.0/8"]},
                "schedule": {"cron": ["61 * * * *"], "every": "soon"},
                "rules": [{"match": "/x/", "exclude": "maybe"}],
            },
        ),
        422,
    )
    bad = {e["pointer"]: e["detail"] for e in p["errors"]}
    assert set(bad) >= {
        "/seeds/1", "/fetch/per_host", "/fetch/dleay", "/fetch/cookies", "/net/allow_net",
        "/exec/exec_command", "/schedule/cron/0", "/schedule/every", "/rules/0/exclude",
    }, bad  # fmt: skip
    assert "did you mean fetch.delay" in bad["/fetch/dleay"]
    problem(service.get("/api/v1/jobs/x"), 404)


def test_a_bad_name_hides_no_other_bad_field(service):
    for name in ({"name": 5}, {"name": "../x"}, {"name": ""}, {}):
        p = problem(service.post("/api/v1/jobs", {**name, "seeds": ["ftp://x/"], "fetch": {"per_host": 0}}), 422)
        assert {e["pointer"] for e in p["errors"]} == {"/name", "/seeds/0", "/fetch/per_host"}, p
    assert service.get("/api/v1/jobs").json["items"] == []


def test_the_environment_cannot_be_read_through_a_job(service):
    job = service.create("env", seeds=["https://a.example/"], fetch={"user_agent": "${HOME} $${x}"})
    assert job["spec"]["fetch"]["user_agent"] == "${HOME} $${x}"
    run = service.run("env")
    wait_until("job.yaml", lambda: (service.state / f"runs/{run}/job.yaml").exists())
    service.post(f"/api/v1/runs/{run}:cancel")
    assert os.environ["HOME"] not in (service.state / f"runs/{run}/job.yaml").read_text().split("user_agent")[1][:80]


def test_a_run_crawls_and_ends_with_its_report(service, web):
    service.create("demo", seeds=[web.url()])
    run = service.run("demo")
    done = service.wait_for(run, "done")
    assert done["end"] == "done" and done["stats"]["queued"] == 0
    out = service.output(run)
    assert len(out.pages()) > 50
    assert "\n  sink:\n    - 'warc'\n    - 'jsonl'\n" in (out.dir / "job.yaml").read_text()
    report = json.loads((out.dir / "report.json").read_text())
    assert report["fetched"] == done["stats"]["fetched"]
    assert [r["id"] for r in service.get("/api/v1/runs?job=demo&state=done").json["items"]] == [run]


def test_the_archive_of_a_run_is_packed_where_that_is_asked_for(service, web):
    service.create("packed", seeds=[web.url()], output={"wacz": True})
    run = service.run("packed")
    done = service.wait_for(run, "done")
    assert "why" not in done
    out = service.output(run)
    with zipfile.ZipFile(out.dir / "archive.wacz") as z:
        archived = {n: z.read(n) for n in z.namelist() if n.startswith("archive/")}
    assert archived == {f"archive/{p.name}": p.read_bytes() for p in out.warcs()} != {}


def test_lists_are_paged_by_cursor(service):
    for i in range(7):
        service.create(f"j{i}", seeds=["https://a.example/"])
    names, cursor = [], ""
    while True:
        page = service.get(f"/api/v1/jobs?limit=3{cursor}").json
        names += [j["name"] for j in page["items"]]
        if "next" not in page:
            break
        cursor = f"&cursor={page['next']}"
    assert names == [f"j{i}" for i in range(7)]
    problem(service.get("/api/v1/jobs?limit=0"), 400)
    p = problem(service.get("/api/v1/jobs?lmit=2"), 400)
    assert p["errors"][0]["parameter"] == "lmit"


def test_a_key_makes_one_thing_however_often_it_is_sent(service):
    body = {"name": "once", "seeds": ["https://a.example/"]}
    key = {"Idempotency-Key": "k-1"}
    first = service.post("/api/v1/jobs", body, headers=key)
    second = service.post("/api/v1/jobs", body, headers=key)
    assert first.status == second.status == 201 and first.json == second.json
    problem(service.post("/api/v1/jobs", {**body, "name": "other"}, headers=key), 422)
    problem(service.post("/api/v1/jobs", body), 409)
    runs = [service.post("/api/v1/jobs/once/runs", headers=key).json["id"] for _ in range(2)]
    assert runs[0] == runs[1]
    # It is remembered over a restart.
    service.kill()
    service.start()
    assert service.post("/api/v1/jobs", body, headers=key).status == 201
    assert service.post("/api/v1/jobs/once/runs", headers=key).json["id"] == runs[0]


def test_a_key_that_is_a_day_old_is_as_good_as_new(service):
    key = {"Idempotency-Key": "k-1"}
    service.create("once", seeds=["https://a.example/"])
    first = service.post("/api/v1/jobs/once/runs", headers=key).json["id"]
    assert service.post(f"/api/v1/runs/{first}:cancel").json["state"] == "cancelled"
    service.kill()
    with contextlib.closing(sqlite3.connect(service.state / "registry.db")) as db, db:
        # It is read at the start still, and too old soon after: as soon as a busy machine permits.
        db.execute("UPDATE keys SET made_us = ?", (int((time.time() - 86400 + 12) * 1e6),))
    service.start()
    a = service.post("/api/v1/jobs/once/runs", headers=key)
    assert a.status == 201 and a.json["id"] == first, a
    second = wait_until("it is old", lambda: service.post("/api/v1/jobs/once/runs", headers=key).json["id"] - first)
    assert second == 1
    assert service.post("/api/v1/jobs/once/runs", headers=key).json["id"] == first + 1


SLOW = """server { listen 127.0.0.1:@PORT@;
location / { default_type text/html; limit_rate 1; return 200 "<a href=/a>a</a><a href=/b>b</a>"; }
location = /robots.txt { return 404; } }"""


def test_a_run_is_paused_resumed_and_cancelled(tmp_path, service, web):
    service.create("demo", seeds=[web.url()], fetch={"delay": "50ms"})
    run = service.run("demo")
    wait_until("pages", lambda: service.state_of(run).get("stats", {}).get("pages", 0) > 3)
    paused = service.post(f"/api/v1/runs/{run}:pause")
    assert paused.status == 200 and paused.json["state"] == "paused"
    wait_until("it is closed", lambda: not service.state_of(run)["crawling"])
    asked = settled("what was in flight", lambda: len(web.log()))
    # A restart leaves it as it is.
    assert service.stop() == 0
    service.start()
    assert service.state_of(run)["state"] == "paused"
    assert len(web.log()) == asked
    assert service.post(f"/api/v1/runs/{run}:resume").json["state"] == "running"
    wait_until("it goes on", lambda: len(web.log()) > asked + 3)
    cancelled = service.post(f"/api/v1/runs/{run}:cancel")
    assert cancelled.status == 200 and cancelled.json["state"] == "cancelled"
    asked = settled("what was in flight", lambda: len(web.log()))
    time.sleep(0.5)  # what is gone asks nobody
    assert len(web.log()) == asked
    for what in ("pause", "resume", "cancel"):
        p = problem(service.post(f"/api/v1/runs/{run}:{what}"), 409)
        assert p["detail"] == f"run {run} is over: cancelled"
    service.kill()
    service.start()
    assert service.state_of(run)["state"] == "cancelled"


def test_the_time_of_a_pause_is_booked_as_paused(service, web):
    service.create("demo", seeds=[web.url()], fetch={"delay": "50ms"})
    run = service.run("demo")
    wait_until("pages", lambda: service.state_of(run).get("stats", {}).get("pages", 0) > 3)
    began = time.monotonic()
    assert service.post(f"/api/v1/runs/{run}:pause").json["state"] == "paused"
    wait_until("it is closed", lambda: not service.state_of(run)["crawling"])
    before = service.state_of(run)["stats"]
    assert before["wait_ms"]["crawl-delay"] >= 100 and "paused" not in before["wait_ms"]
    time.sleep(1.2)
    # A restart of the service is no time of the run, what comes behind it is.
    assert service.stop() == 0
    service.start()
    time.sleep(0.8)
    assert service.post(f"/api/v1/runs/{run}:resume").json["state"] == "running"
    paused_ms = (time.monotonic() - began) * 1000
    wait_until("it goes on", lambda: service.state_of(run)["stats"]["pages"] > before["pages"] + 3)
    assert service.post(f"/api/v1/runs/{run}:pause").json["state"] == "paused"
    wait_until("it is closed", lambda: not service.state_of(run)["crawling"])
    stats = service.state_of(run)["stats"]
    once = stats["wait_ms"]["paused"]
    assert 700 <= once <= paused_ms, stats
    # The sums are those of the whole run, as those of pages are.
    assert stats["wait_ms"]["crawl-delay"] >= before["wait_ms"]["crawl-delay"] + 100
    time.sleep(1)
    assert service.post(f"/api/v1/runs/{run}:resume").json["state"] == "running"
    wait_until("it goes on", lambda: service.state_of(run)["stats"]["wait_ms"]["paused"] >= once + 1000)
    assert service.post(f"/api/v1/runs/{run}:cancel").json["state"] == "cancelled"
    booked = service.state_of(run)["stats"]["wait_ms"]
    assert service.get(f"/api/v1/runs/{run}/report").json["wait_ms"]["paused"] == booked["paused"]
    told = re.search(r'^trawl_wait_seconds_total\{cause="paused"\} (\S+)$', service.get("/metrics").body.decode(), re.M)
    assert round(float(told[1]) * 1000) == booked["paused"]


def test_the_time_in_which_a_run_waits_for_a_place_is_not_booked_as_paused(service, web):
    service.configure(SETTINGS + "service: {runs_at_once: 1}\n")
    assert service.stop() == 0
    service.start()
    service.create("demo", seeds=[web.url()], fetch={"delay": "200ms"})
    service.create("other", seeds=[web.url()], fetch={"delay": "10s"})
    run = service.run("demo")

    def waited(cause):
        return service.state_of(run).get("stats", {}).get("wait_ms", {}).get(cause, 0)

    wait_until("pages", lambda: service.state_of(run).get("stats", {}).get("pages", 0) > 3)
    assert service.post(f"/api/v1/runs/{run}:pause").json["state"] == "paused"
    wait_until("it is closed", lambda: not service.state_of(run)["crawling"])
    other = service.run("other")
    wait_until("the other has the place", lambda: service.state_of(other)["crawling"])
    before = time.monotonic()
    assert service.post(f"/api/v1/runs/{run}:resume").json["state"] == "running"
    time.sleep(1.5)
    # It may be told to wait once more, and then still has no place.
    assert service.post(f"/api/v1/runs/{run}:pause").json["state"] == "paused"
    time.sleep(0.5)
    assert service.post(f"/api/v1/runs/{run}:resume").json["state"] == "running"
    time.sleep(1)
    assert not service.state_of(run)["crawling"]
    service.post(f"/api/v1/runs/{other}:cancel")
    wait_until("it goes on", lambda: service.state_of(run)["crawling"] and waited("paused"))
    took_ms = (time.monotonic() - before) * 1000
    assert 2500 <= waited("run-cap") <= took_ms - 500
    assert 500 <= waited("paused") < 2500
    assert service.post(f"/api/v1/runs/{run}:cancel").json["state"] == "cancelled"


def test_what_hosts_waited_for_is_summed_up_over_pauses_as_all_else(service, web):
    service.create("demo", seeds=[web.url()], fetch={"delay": "100ms"}, limits={"max_pages": 40})
    run = service.run("demo")

    def waited():
        return service.state_of(run).get("stats", {}).get("wait_ms", {}).get("crawl-delay", 0)

    wait_until("it has waited", lambda: waited() > 300)
    assert service.post(f"/api/v1/runs/{run}:pause").status == 200
    wait_until("it is closed", lambda: not service.state_of(run)["crawling"])
    before = service.state_of(run)["stats"]
    assert service.post(f"/api/v1/runs/{run}:resume").status == 200
    wait_until("it goes on", lambda: service.state_of(run)["crawling"])
    assert waited() >= before["wait_ms"]["crawl-delay"]
    service.wait_for(run, "done")
    after = service.state_of(run)["stats"]["wait_ms"]
    assert after["crawl-delay"] > before["wait_ms"]["crawl-delay"]
    assert after["robots-pending"] >= before["wait_ms"]["robots-pending"]
    # The status, which reads the store, and the report say the same.
    report = service.get(f"/api/v1/runs/{run}/report").json
    assert report["wait_ms"] == after
    status = json.loads(trawl("status", "--json", service.output(run).dir).out)
    assert status["wait_ms"] == after
    told = re.findall(r'^trawl_wait_seconds_total\{cause="(.*)"\} (\S+)$', service.get("/metrics").body.decode(), re.M)
    assert {cause: ms for cause, s in told if (ms := round(float(s) * 1000)) > 0} == after


def test_the_numbers_of_runs_whose_files_are_there_are_not_given_again(service, web):
    service.create("demo", seeds=[web.url()], limits={"max_pages": 2})
    runs = [service.run("demo")]
    service.wait_for(runs[0], "done")
    runs.append(service.run("demo"))
    service.wait_for(runs[1], "done")
    kept = [(service.state / "runs" / str(r) / "pages.jsonl").read_bytes() for r in runs]
    assert service.stop() == 0
    # As it is said of a damaged registry: it is moved away.
    for file in service.state.glob("registry.db*"):
        file.rename(service.dir / file.name)
    (service.state / "runs" / "notes").mkdir()
    (service.state / "runs" / "99999999999999999999").mkdir()
    service.start()
    service.create("demo", seeds=[web.url()], limits={"max_pages": 3})
    third = service.run("demo")
    assert third == max(runs) + 1
    assert service.wait_for(third, "done", "failed")["stats"]["pages"] == 3
    assert kept == [(service.state / "runs" / str(r) / "pages.jsonl").read_bytes() for r in runs]


def test_a_job_has_one_run_at_a_time_unless_asked(service, web):
    service.create("demo", seeds=[web.url()], fetch={"delay": "1s"})
    first = service.run("demo")
    problem(service.post("/api/v1/jobs/demo/runs"), 409)
    again = service.post("/api/v1/jobs/demo/runs", {"again": True})
    assert again.status == 201 and again.json["id"] != first
    problem(service.call("DELETE", "/api/v1/jobs/demo"), 409)


def test_a_run_whose_end_is_not_noted_yet_is_over_all_the_same(service, web):
    service.create("demo", seeds=[web.url()], fetch={"delay": "1s"})
    run = service.run("demo")
    wait_until("it crawls", lambda: service.state_of(run)["crawling"])
    with contextlib.closing(sqlite3.connect(service.state / "registry.db")) as db:
        db.execute("BEGIN IMMEDIATE")  # the registry is busy
        canceller = threading.Thread(target=lambda: service.post(f"/api/v1/runs/{run}:cancel"))
        canceller.start()
        wait_until("it is over", lambda: service.state_of(run)["state"] == "cancelled")
        answers = [service.post(f"/api/v1/runs/{run}:{what}") for what in ("pause", "resume", "cancel")]
        db.rollback()
        canceller.join()
    for a in answers:
        assert problem(a, 409)["detail"] == f"run {run} is over: cancelled"


def test_a_run_that_is_not_noted_yet_cannot_be_changed(service):
    service.create("demo", seeds=["https://a.example/"])
    made = []
    with contextlib.closing(sqlite3.connect(service.state / "registry.db")) as db:
        db.execute("BEGIN IMMEDIATE")
        starter = threading.Thread(target=lambda: made.append(service.post("/api/v1/jobs/demo/runs")))
        starter.start()
        wait_until("it is there", lambda: service.get("/api/v1/jobs/demo").json["open_runs"] == [1])
        for what in ("pause", "resume", "cancel"):
            assert "is being made" in problem(service.post(f"/api/v1/runs/1:{what}"), 409)["detail"]
        problem(service.call("PATCH", "/api/v1/runs/1", {"crawl": {"depth": 1}}), 503)
        starter.join()  # the registry was busy for too long
    assert made[0].status >= 400, made
    assert service.get("/api/v1/jobs/demo").json["open_runs"] == []
    problem(service.get("/api/v1/runs/1"), 404)
    run = service.run("demo")
    assert service.post(f"/api/v1/runs/{run}:cancel").status == 200


def reload(s):
    was = s.log().count("settings read again")
    s.child.send_signal(signal.SIGHUP)
    wait_until("it is read again", lambda: s.log().count("settings read again") > was)


def test_jobs_of_files_are_read_and_read_again(tmp_path):
    with Service(tmp_path / "serve", SETTINGS, jobs={"one": "seeds: [https://one.example/]\n"}) as s:
        s.start()
        assert s.get("/api/v1/jobs/one").json["file"].endswith("one.yaml")
        problem(s.call("PUT", "/api/v1/jobs/one", {"seeds": ["https://x.example/"]}), 409)
        (s.jobs_dir / "two.yaml").write_text("seeds: [https://two.example/]\n")
        (s.jobs_dir / "bad.yaml").write_text("seeds: [https://bad.example/]\nfetch: {per_host: x}\n")
        s.child.send_signal(signal.SIGHUP)
        wait_until("the new job", lambda: s.get("/api/v1/jobs/two").status == 200)
        assert s.get("/api/v1/jobs/bad").status == 404
        assert "bad.yaml:2:" in s.log()
        # What is shown is what the file says now.
        assert s.get("/api/v1/jobs/two").json["spec"]["seeds"] == ["https://two.example/"]
        (s.jobs_dir / "two.yaml").write_text("seeds: [https://deux.example/]\n")
        s.child.send_signal(signal.SIGHUP)
        wait_until("it is changed", lambda: s.get("/api/v1/jobs/two").json["revision"] == 2)
        assert s.get("/api/v1/jobs/two").json["spec"]["seeds"] == ["https://deux.example/"]
        (s.jobs_dir / "one.yaml").unlink()
        s.child.send_signal(signal.SIGHUP)
        wait_until("the job is gone", lambda: s.get("/api/v1/jobs/one").status == 404)


def test_the_job_of_a_file_that_went_wrong_stays_over_a_restart(tmp_path):
    with Service(tmp_path / "serve", SETTINGS, jobs={"one": "seeds: [https://one.example/]\n"}) as s:
        s.start()
        assert s.stop() == 0
        (s.jobs_dir / "one.yaml").write_text("seeds: [https://one.example/\n")
        s.start()
        assert s.get("/api/v1/jobs/one").json["spec"]["seeds"] == ["https://one.example/"]
        assert s.get("/api/v1/jobs/one").json["file"].endswith("/one.yaml")
        assert "one.yaml:" in s.log() and "its name has" not in s.log()


def test_a_job_that_another_file_names_stays_over_a_restart_though_the_name_cannot_be_read(tmp_path):
    text = "name: one\nseeds: [https://one.example/]\nschedule: {cron: '0 0 1 1 *'}\n"
    with Service(tmp_path / "serve", SETTINGS, jobs={"file": text}) as s:
        s.start()
        made = s.get("/api/v1/jobs/one").json
        assert s.stop() == 0
        (s.jobs_dir / "file.yaml").write_text(text + "limits: [\n")
        s.start()
        assert "file.yaml:" in s.log()
        assert s.get("/api/v1/jobs/one").json["created_at"] == made["created_at"]
        (s.jobs_dir / "file.yaml").write_text(text)
        reload(s)
        wait_until("it has its file", lambda: s.get("/api/v1/jobs/one").json == made)
        (s.jobs_dir / "file.yaml").unlink()
        reload(s)
        wait_until("it is gone", lambda: s.get("/api/v1/jobs/one").status == 404)


def test_a_file_that_names_another_job_leaves_none_behind(tmp_path):
    with Service(tmp_path / "serve", SETTINGS, jobs={"file": "name: one\nseeds: [https://a.example/]\n"}) as s:
        s.start()
        (s.jobs_dir / "file.yaml").write_text("name: two\nseeds: [https://a.example/]\n")
        reload(s)
        wait_until("the new name", lambda: s.get("/api/v1/jobs/two").status == 200)
        assert [j["name"] for j in s.get("/api/v1/jobs").json["items"]] == ["two"]


def test_jobs_stay_while_their_directory_cannot_be_read(tmp_path):
    with Service(tmp_path / "serve", SETTINGS, jobs={"one": "seeds: [https://one.example/]\n"}) as s:
        s.start()
        aside = s.jobs_dir.rename(tmp_path / "aside")
        s.jobs_dir.write_text("no directory")
        reload(s)
        wait_until("it is said", lambda: "cannot read" in s.log())
        assert s.get("/api/v1/jobs/one").status == 200
        assert s.stop() == 0
        s.start()
        assert s.get("/api/v1/jobs/one").status == 200
        s.jobs_dir.unlink()
        aside.rename(s.jobs_dir)
        reload(s)
        wait_until("it has its file", lambda: s.get("/api/v1/jobs/one").json["file"].endswith("/one.yaml"))


def test_more_files_than_can_be_are_told_and_cost_no_job(tmp_path):
    with Service(tmp_path / "serve", SETTINGS) as s:
        for i in range(10000):
            (s.jobs_dir / f"j{i:04}.yaml").write_text(f"seeds: [https://j{i}.example/]\n")
        s.start()
        made = s.get("/api/v1/jobs/j9999").json["created_at"]
        wait_until("it has time", lambda: s.get("/readyz").status == 200)
        assert "error" not in s.log()
        (s.jobs_dir / "a.yaml").write_text("seeds: [https://a.example/]\n")
        reload(s)
        told = f"{s.jobs_dir} has 10001 job files, of which 10000 are read: those from j9999.yaml on are not"
        wait_until("it is told", lambda: told in s.log())
        wait_until("there is no room for the new one", lambda: "job a: there are too many" in s.log())
        assert s.get("/api/v1/jobs/j9999").status == 200
        # They were all noted.
        assert s.stop() == 0
        (s.jobs_dir / "a.yaml").unlink()
        s.start()
        assert s.get("/api/v1/jobs/j9999").json["created_at"] == made
        assert s.stop() == 0


def test_a_damaged_registry_is_told_with_its_place(tmp_path):
    with Service(tmp_path / "serve", SETTINGS) as s:
        s.start()
        s.create("one", seeds=["https://one.example/"])
        assert s.stop() == 0
        registry = s.state / "registry.db"
        text = registry.read_bytes()
        registry.write_bytes(text[:4096] + b"\x55" * (len(text) - 4096))
        s.start(wait=False)
        assert s.child.wait(60) == 3
        assert f"{s.state}: the registry: database disk image is malformed" in s.log()


def test_of_two_files_that_name_one_job_the_first_has_it(tmp_path):
    jobs = {f: f"name: one\nseeds: [https://{f}.example/]\n" for f in ("a", "b")}
    with Service(tmp_path / "serve", SETTINGS, jobs=jobs) as s:
        s.start()
        s.child.send_signal(signal.SIGHUP)
        wait_until("it is said twice", lambda: s.log().count("b.yaml: job one is of ") == 2)
        job = s.get("/api/v1/jobs/one").json
        assert job["file"].endswith("/a.yaml") and job["revision"] == 1


def test_a_bad_file_of_settings_keeps_the_old_ones_and_says_so(service):
    service.configure(SETTINGS + "limits: {concurrency: many}\n")
    service.child.send_signal(signal.SIGHUP)
    wait_until("it is said", lambda: "those from before stay" in service.log())
    assert "limits.concurrency: 'many' is not a whole number" in service.log()
    assert service.get("/healthz").status == 200


def test_jobs_of_the_api_may_name_files_where_that_is_allowed(tmp_path, service):
    jar = tmp_path / "cookies"
    jar.write_text("# Netscape HTTP Cookie File\n")
    job = {"seeds": ["https://a.example/"], "fetch": {"cookies": str(jar)}}
    for allowed in ("yes", "no"):
        was = service.log().count("settings read again")
        service.configure(f"api: {{allow_files: {allowed}}}\n")
        service.child.send_signal(signal.SIGHUP)
        wait_until("it is read", lambda: service.log().count("settings read again") > was)
        a = service.post("/api/v1/jobs", {"name": f"with-{allowed}", **job})
        assert a.status == (201 if allowed == "yes" else 422), a


def test_only_what_is_as_grave_as_is_said_is_logged(tmp_path):
    with Service(tmp_path / "serve", "service: {log_level: error}\n") as s:
        s.start()
        assert s.log() == ""
        s.configure("service: {log_level: info}\n")
        s.child.send_signal(signal.SIGHUP)
        wait_until("it is told", lambda: "info: settings read again" in s.log())


def test_what_holds_to_the_end_is_not_changed_by_a_reload(service, web):
    service.create("demo", seeds=[web.url()], limits={"max_pages": 3})
    service.configure(SETTINGS + "service: {runs_at_once: 3}\nlimits: {concurrency: 9}\n")
    service.child.send_signal(signal.SIGHUP)
    wait_until("it is said", lambda: "service.runs_at_once: what was changed there" in service.log())
    assert service.wait_for(service.run("demo"), "done")["end"] == "page budget reached"


def test_a_second_service_on_the_same_state_is_refused(service):
    with Service(service.dir, SETTINGS) as other:
        other.start(wait=False)
        assert other.child.wait(60) == 1
        assert "another trawl serve uses" in other.log()


def test_stop_drains_in_time_though_every_slot_hangs(tmp_path):
    with nginx(tmp_path / "web", SLOW) as slow, Service(tmp_path / "serve", SETTINGS) as s:
        s.start()
        s.create("slow", seeds=[slow.url(f"/{i}") for i in range(20)], fetch={"per_host": 20})
        run = s.run("slow")
        wait_until("it hangs", lambda: s.state_of(run).get("stats", {}).get("transfers", 0) >= 10)
        watch = harness.Stopwatch()
        assert s.stop() == 0
        assert watch.given() < 30
        s.configure("service: {drain: 1s}\n" + SETTINGS)
        s.start()
        wait_until("it hangs again", lambda: s.state_of(run).get("stats", {}).get("transfers", 0) >= 10)
        watch = harness.Stopwatch()
        assert s.stop() == 0
        assert watch.given() < 8  # what it has by itself would be 10 s and more
        s.start()
        assert s.state_of(run)["state"] == "running"
        wait_until("it goes on", lambda: s.state_of(run)["starts"] == 3)


class Late(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path != "/robots.txt":
            self.server.pages += 1
            time.sleep(13)
        self.send_response(404 if self.path == "/robots.txt" else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


def test_what_is_in_flight_has_as_long_to_end_as_is_said(tmp_path):
    late = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Late)
    late.pages = 0
    threading.Thread(target=late.serve_forever, daemon=True).start()
    with Service(tmp_path / "serve", "service: {drain: 30s}\n" + SETTINGS) as s:
        s.start()
        s.create("late", seeds=[f"http://127.0.0.1:{late.server_port}/"])
        run = s.run("late")
        wait_until("it is asked", lambda: late.pages == 1)
        assert s.stop() == 0
        s.start()
        assert s.wait_for(run, "done")["stats"]["pages"] == 1
        assert late.pages == 1
    late.shutdown()


def test_what_ran_goes_on_after_kill_9(service, web):
    service.create("demo", seeds=[web.url()], fetch={"delay": "40ms"})
    run = service.run("demo")
    for _ in range(3):
        was = service.state_of(run).get("stats", {}).get("pages", 0)
        wait_until("pages", lambda: service.state_of(run).get("stats", {}).get("pages", 0) > was + 3)
        service.kill()
        service.start()
    done = service.wait_for(run, "done")
    assert done["starts"] == 4
    archived = service.output(run).archived()
    assert all(len(v) == 1 for v in archived.values()), [u for u, v in archived.items() if len(v) > 1]


def test_requests_that_are_not_right_are_answered_as_they_should_be(service):
    problem(service.get("/nowhere"), 404)
    assert service.call("POST", "/healthz").headers["Allow"] == "GET, HEAD"
    problem(service.post("/api/v1/jobs", "{}", headers={"Content-Type": "text/plain"}), 415)
    for coding, status in ("gzip", 415), ("identity", 422):
        headers = {"Content-Type": "application/json", "Content-Encoding": coding}
        p = problem(service.post("/api/v1/jobs", "{}", headers=headers), status)
        assert ("Content-Encoding" in p["detail"]) == (status == 415)
    problem(service.post("/api/v1/jobs", "{", headers={"Content-Type": "application/json"}), 400)
    problem(service.post("/api/v1/jobs", "[" * 17 + "]" * 17, headers={"Content-Type": "application/json"}), 400)
    problem(service.post("/api/v1/jobs", '{"a":1,"a":2}', headers={"Content-Type": "application/json"}), 400)
    problem(service.post("/api/v1/jobs", b"x" * (9 << 20), headers={"Content-Type": "application/json"}), 413)
    problem(service.get("/api/v1/jobs/%00"), 400)
    problem(service.get("/api/v1/jobs?prefix=%zz"), 400)
    problem(service.get("/api/v1/runs/0"), 404)
    problem(service.get("/api/v1/runs/999"), 404)
    assert service.call("HEAD", "/healthz").status == 200
    # Half a request is not waited for without end, and holds up nobody.
    with socket.socket(socket.AF_UNIX) as half:
        half.connect(str(service.socket))
        half.sendall(b"GET /healthz HTTP/1.1\r\n")
        assert service.get("/healthz").status == 200


def test_check_tells_the_mistakes_of_a_file_of_the_service(tmp_path):
    good, bad = tmp_path / "trawl.yaml", tmp_path / "bad.yaml"
    good.write_text((SRCDIR / "conf/trawl.yaml").read_text())
    assert trawl("check", good).rc == 0
    bad.write_text("api:\n  conections: 5\ndefaults:\n  fetch:\n    per_host: x\n")
    result = trawl("check", bad)
    assert result.rc == 2
    assert f"{bad}:2:3: there is no api.conections; did you mean api.connections?" in result.err
    assert f"{bad}:5:15: fetch.per_host: 'x' is not a whole number" in result.err
    shown = json.loads(trawl("check", "--json", bad).out)
    assert [m["line"] for m in shown["mistakes"]] == [2, 5] and not shown["ok"]
    bad.write_text('defaults: {crawl: {exclude: ["("]}}\n')
    assert trawl("check", bad).rc == 2
    # What is commented out there can be said.
    uncommented = tmp_path / "all.yaml"
    text, n = re.subn(r"(?m)^  #(?=[a-z])", "  ", good.read_text().split("defaults:\n")[0])
    uncommented.write_text(text)
    assert trawl("check", uncommented).rc == 0, trawl("check", uncommented).err
    assert n > 20


def test_two_runs_are_compared(tmp_path, service):
    www = tmp_path / "www"
    www.mkdir()

    def write(pages, changed=()):
        for old in www.glob("*.html"):
            old.unlink()
        links = "".join(f'<a href="p{i}.html">{i}</a>' for i in pages)
        (www / "index.html").write_text(links)
        for i in pages:
            (www / f"p{i}.html").write_text(f"<title>{i}</title>{'other' if i in changed else 'same'}")

    server = f'server {{ listen 127.0.0.1:@PORT@; root "{www}"; location = /robots.txt {{ return 404; }} }}'
    with nginx(tmp_path / "web", server) as w:
        service.create("site", seeds=[w.url()])
        write(range(10))
        first = service.wait_for(service.run("site"), "done")
        write([*range(8), 20, 21, 22], changed=[3, 4])
        service.call("PATCH", "/api/v1/jobs/site", {"fetch": {"per_host": 2}})
        second = service.wait_for(service.run("site"), "done")
        got = service.get(f"/api/v1/runs/{first['id']}/compare?with={second['id']}")
        assert got.status == 200, got
        c = got.json
        assert c["parameters"] == [{"pointer": "/fetch/per_host", "b": 2}]
        pages = c["pages"]
        assert (pages["a"], pages["b"], pages["same"]) == (11, 12, 6)
        assert sorted(pages["examples"]["new"]) == [w.url(f"/p{i}.html") for i in (20, 21, 22)]
        assert sorted(pages["examples"]["gone"]) == [w.url(f"/p{i}.html") for i in (8, 9)]
        assert set(pages["examples"]["changed"]) == {w.url("/"), w.url("/p3.html"), w.url("/p4.html")}
        assert c["totals"]["pages"] == {"a": 11, "b": 12, "difference": 1}
        problem(service.get(f"/api/v1/runs/{first['id']}/compare?with=99"), 404)
        problem(service.get(f"/api/v1/runs/{first['id']}/compare"), 400)


def test_the_seeds_of_strangers_give_no_right_to_private_addresses(tmp_path, web):
    with Service(tmp_path / "serve", "defaults: {fetch: {retries: 0}}\n") as s:
        (s.jobs_dir / "ours.yaml").write_text(f"seeds: ['{web.url()}']\nlimits: {{max_pages: 2}}\n")
        s.start()
        s.create("theirs", seeds=[web.url()])
        theirs = s.wait_for(s.run("theirs"), "done")
        assert theirs["stats"]["pages"] == 0 and web.log() == []
        assert s.output(theirs["id"]).outcomes()[web.url()] == "denied-address"
        told = (
            f"{web.url()}: denied-address: address is loopback; --allow-net would admit it, in a job file net.allow_net, "
            "in the service defaults.net.allow_net"
        )
        assert theirs["why"] == told
        assert f"run {theirs['id']} of theirs: done: {told}\n" in s.log()
        ours = s.wait_for(s.run("ours"), "done")
        assert ours["stats"]["pages"] == 2 and "why" not in ours


def test_a_run_that_reached_no_seed_says_why_as_the_command_line_does(tmp_path, web):
    gone = f"http://127.0.0.1:{harness.free_port()}/"
    with Service(tmp_path / "serve", SETTINGS) as s:
        s.start()
        for name, seeds in ("one", [gone]), ("two", [gone, gone + "b"]):
            alone, _ = harness.crawl(tmp_path / name, "-q", "--retries", "0", *seeds)
            first = alone.err.splitlines()[0].removeprefix("trawl: ")
            assert alone.rc == 4 and first.startswith(f"{gone}: connect-failure: "), alone.err
            s.create(name, seeds=seeds, fetch={"retries": 0})
            run = s.wait_for(s.run(name), "done")
            assert run["why"] == first + ("" if name == "one" else "; and so for 1 more seed: crawl.log tells of each")
            shown = harness.trawl("ctl", "--socket", s.socket, "runs", "show", run["id"])
            assert run["why"] in shown.out, shown
        s.create("some", seeds=[gone, web.url()], fetch={"retries": 0}, limits={"max_pages": 1})
        assert "why" not in s.wait_for(s.run("some"), "done")


def test_who_asks_while_the_service_stops_hears_that(tmp_path):
    with nginx(tmp_path / "web", SLOW) as slow, Service(tmp_path / "serve", "service: {drain: 1m}\n" + SETTINGS) as s:
        s.start()
        s.create("slow", seeds=[slow.url("/x"), slow.url("/z")], fetch={"per_host": 2})
        run = s.run("slow")
        # Two: one alone may be that of robots.txt, with which all would be over.
        wait_until("it hangs", lambda: s.state_of(run).get("stats", {}).get("transfers", 0) == 2)
        s.child.send_signal(signal.SIGTERM)
        wait_until("it stops", lambda: s.get("/readyz").status == 503)
        for method, path, body in (
            ("POST", f"runs/{run}/seeds", {"seeds": [slow.url("/y")]}), ("PATCH", f"runs/{run}", {"crawl": {"depth": 1}}),
            ("POST", f"runs/{run}:pause", None), ("POST", f"runs/{run}:cancel", None), ("POST", "jobs/slow/runs", None),
            ("PUT", "jobs/slow", {"seeds": [slow.url("/")]}), ("DELETE", "jobs/slow", None),
        ):  # fmt: skip
            assert problem(s.call(method, f"/api/v1/{path}", body), 503)["detail"] == "the service is stopping", path
        assert s.stop() == 0


def test_who_waits_for_a_state_when_the_service_stops_is_answered(tmp_path):
    with nginx(tmp_path / "web", SLOW) as slow, Service(tmp_path / "serve", SETTINGS) as s:
        s.start()
        s.create("slow", seeds=[slow.url(f"/{i}") for i in range(8)], fetch={"per_host": 8})
        run = s.run("slow")
        wait_until("it hangs", lambda: s.state_of(run).get("stats", {}).get("transfers", 0) >= 4)
        # Twice: the second does not wait for what is in flight, nor for who asked.
        answers = []
        asker = threading.Thread(target=lambda: answers.append(s.post(f"/api/v1/runs/{run}:pause").status))
        asker.start()
        s.child.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert s.stop() == 0
        asker.join(60)
        assert answers and answers[0] in (200, 503), answers
        s.start()
        assert s.state_of(run)["state"] in ("running", "paused")


def test_a_registry_that_is_newer_or_damaged_is_refused_with_a_sentence(tmp_path):
    with Service(tmp_path / "serve", SETTINGS) as s:
        s.start()
        s.create("kept", seeds=["https://a.example/"])
        assert s.stop() == 0
        registry = s.state / "registry.db"
        with contextlib.closing(sqlite3.connect(registry)) as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            db.execute("PRAGMA user_version = 999")
        s.start(wait=False)
        assert s.child.wait(60) == 3
        assert "was written by a newer trawl (version 999 of the registry; this program knows up to" in s.log()
        with contextlib.closing(sqlite3.connect(registry)) as db:
            db.execute(f"PRAGMA user_version = {version}")
        s.start()
        assert s.get("/api/v1/jobs/kept").status == 200
        assert s.stop() == 0
        registry.write_bytes(b"this is no database, but long enough to be looked at as if it was one" * 20)
        s.start(wait=False)
        assert s.child.wait(60) == 3
        assert "registry" in s.log().splitlines()[-1]


def test_who_hears_of_the_end_of_a_run_may_start_the_next(service, web):
    service.create("demo", seeds=[web.url()], limits={"max_pages": 1})
    for _ in range(5):
        assert service.wait_for(service.run("demo"), "done")["end"] == "page budget reached"

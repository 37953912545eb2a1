"""kill -9 of the service in the middle of three runs: after the last start all three end complete, and
have every page once.

    make serve-killtest               20 kills, three seeds
    SERVE_KILL_SEED=7 tests/e2e/run.sh tests/e2e/test_serve_kill.py     one of them again
"""

import json
import os
import random
import shutil
import time

import pytest
from harness import nginx, trawl, wait_until
from service import Service

PAGES = int(os.environ.get("SERVE_KILL_PAGES", "150"))
KILLS = int(os.environ.get("SERVE_KILLS", "5"))
SEEDS = [int(s) for s in os.environ.get("SERVE_KILL_SEED", "1").split()]
RUNS = 3

SETTINGS = """
api: {allow_local: yes}
limits: {workers: 1}
defaults:
  net: {allow_net: [127.0.0.0/8]}
  fetch: {delay: 0, rate: @RATE@}
"""


def body_of(i):
    links = {i + 1, 2 * i + 1, 2 * i + 2, (i * 7919 + 13) % PAGES, (i * 31) % PAGES}
    text = "".join(f'<a href="p{k}.html">{k}</a>\n' for k in sorted(links) if k < PAGES)
    return f"<!DOCTYPE html>\n<title>page {i}</title>\n{text}<p>{random.Random(i).randbytes(900).hex()}</p>\n"


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    www = tmp_path_factory.mktemp("www")
    for i in range(PAGES):
        (www / f"p{i}.html").write_text(body_of(i))
    listen = "".join(f"listen 127.0.3.{n + 1}:@PORT@;\n" for n in range(RUNS))
    server = f"""server {{ listen 127.0.0.1:@PORT@; {listen} root "{www}"; location = /robots.txt {{ return 200 ""; }} }}"""
    with nginx(tmp_path_factory.mktemp("run") / "nginx", server) as w:
        yield w


def check_whole(out, web, host):
    archived = out.archived()  # every file is whole to the last byte, or this fails
    outcomes = {}
    for page in out.pages():
        assert page["url"] not in outcomes, "twice in pages.jsonl"
        outcomes[page["url"]] = page["outcome"]
    wanted = {web.url(f"/p{i}.html", host) for i in range(PAGES)}
    assert {u for u, o in outcomes.items() if o == "ok"} == wanted
    for i in range(PAGES):
        (record,) = archived[web.url(f"/p{i}.html", host)]
        assert record.payload.decode() == body_of(i)


@pytest.mark.parametrize("seed", SEEDS)
def test_all_runs_end_complete_however_often_the_service_is_killed(tmp_path, web, seed):
    rng = random.Random(seed)
    # So that the runs last for the kills, on a busy machine too; then they may be fast.
    settings = SETTINGS.replace("@RATE@", f"{max(2, PAGES // (4 * (KILLS + 1)))}/s")
    hosts = [f"127.0.3.{n + 1}" for n in range(RUNS)]
    with Service(tmp_path / "serve", settings) as s:
        s.start()
        runs = []
        for n, host in enumerate(hosts):
            s.create(f"job{n}", seeds=[web.url("/p0.html", host)])
            runs.append(s.run(f"job{n}"))
        middle = 0
        for _ in range(KILLS):
            time.sleep(rng.uniform(0.1, 1.0))  # any moment is right
            middle += any(s.state_of(r)["state"] == "running" for r in runs)
            s.kill()
            s.start()
        assert middle > KILLS // 2, "the runs were over too early to be killed"
        for r in runs:
            assert s.call("PATCH", f"/api/v1/runs/{r}", {"fetch": {"rate": 0}}).status in (200, 409)  # over
        ended = [s.wait_for(r, "done", "failed", seconds=120) for r in runs]
        assert [e["state"] for e in ended] == ["done"] * RUNS, ended
        assert all(e["end"] == "done" for e in ended)
        for r, host in zip(runs, hosts):
            check_whole(s.output(r), web, host)
        # Nothing is begun again, and no run was made twice.
        s.kill()
        s.start()
        listed = s.get("/api/v1/runs").json["items"]
        assert sorted(r["id"] for r in listed) == sorted(runs)
        assert all(r["state"] == "done" for r in listed)
    print(f"\nseed {seed}: {KILLS} kills, {middle} of them while runs went on; starts:", [e["starts"] for e in ended])


def test_a_run_that_cannot_go_on_says_why_and_is_in_nobodys_way(tmp_path, web):
    settings = SETTINGS.replace("@RATE@", "4/s")  # until it was killed and what of it was damaged
    with Service(tmp_path / "serve", settings) as s:
        s.start()
        s.create("bad", seeds=[web.url("/p0.html", "127.0.3.1")])
        s.create("good", seeds=[web.url("/p0.html", "127.0.3.2")], limits={"max_pages": 40})
        bad, good = s.run("bad"), s.run("good")
        for r in (bad, good):
            wait_until("it runs", lambda: s.state_of(r).get("stats", {}).get("pages", 0) > 2)  # noqa: B023
        committed = ["status", "--json", s.output(bad).dir]
        wait_until("a commit", lambda: json.loads(trawl(*committed).out)["pages"] > 2, every=0.2)
        s.kill()
        store = s.state / "runs" / str(bad) / "state"
        shutil.copytree(store, tmp_path / "good")
        for path in store.rglob("*"):
            if path.name.startswith(("MANIFEST", "CURRENT")):
                path.write_text("damaged")
        s.start()
        failed = s.wait_for(bad, "failed")
        assert failed["why"], failed
        assert s.call("PATCH", f"/api/v1/runs/{good}", {"fetch": {"rate": 0}}).status in (200, 409)  # over
        assert s.wait_for(good, "done")["end"] == "page budget reached"
        # What was damaged is brought back, and it goes on.
        assert s.post(f"/api/v1/runs/{good}:resume").status == 409
        shutil.rmtree(store)
        shutil.copytree(tmp_path / "good", store)
        assert s.post(f"/api/v1/runs/{bad}:resume").json["state"] == "running"
        assert s.call("PATCH", f"/api/v1/runs/{bad}", {"fetch": {"rate": 0}}).status == 200
        assert s.wait_for(bad, "done")["end"] == "done"
        check_whole(s.output(bad), web, "127.0.3.1")
        states = [c["state"] for c in s.get(f"/api/v1/runs/{bad}/history").json["items"]]
        assert states == ["queued", "running", "failed", "running", "done"]

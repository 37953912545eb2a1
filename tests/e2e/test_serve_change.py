"""Runs that are changed while they crawl: more seeds, other limits, another scope."""

import json

import pytest
from harness import demo_site, wait_until
from service import problem


@pytest.fixture
def other(tmp_path):
    with demo_site(tmp_path / "other") as w:
        yield w


def slow_run(service, web, **more):
    """A run that asks once a second, and has begun."""
    service.create("slow", seeds=[web.url()], fetch={"delay": "1s"}, **more)
    run = service.run("slow")
    wait_until("some pages", lambda: service.state_of(run).get("stats", {}).get("queued", 0) > 3)
    return run


def urls(service, run):
    return [json.loads(x)["url"] for x in (service.output(run).dir / "pages.jsonl").read_text().splitlines()]


def patch(service, run, body, query="", **kw):
    return service.call("PATCH", f"/api/v1/runs/{run}{query}", body, **kw)


def test_seeds_are_added_to_a_run_that_crawls_and_survive_a_kill(service, web, other):
    run = slow_run(service, web)
    p = problem(service.post(f"/api/v1/runs/{run}/seeds", {"seeds": [other.url(), "ftp://x/", 7]}), 422)
    assert [e["pointer"] for e in p["errors"]] == ["/seeds/1", "/seeds/2"]
    problem(service.post(f"/api/v1/runs/{run}/seeds", {"seeds": []}), 422)
    problem(service.post(f"/api/v1/runs/{run}/seeds", {"urls": [other.url()]}), 422)
    a = service.post(f"/api/v1/runs/{run}/seeds", {"seeds": [other.url(), web.url()]})
    assert a.status == 200 and (a.json["added"], a.json["known"]) == (1, 1), a
    service.kill()
    service.start()
    again = service.post(f"/api/v1/runs/{run}/seeds", {"seeds": [other.url()]})
    assert (again.json["added"], again.json["known"]) == (0, 1)
    assert patch(service, run, {"fetch": {"delay": 0}}).status == 200
    service.wait_for(run, "done")
    got = urls(service, run)
    assert len(got) == len(set(got))
    assert sum(u.startswith(other.url()) for u in got) == sum(u.startswith(web.url()) for u in got) > 50
    problem(service.post(f"/api/v1/runs/{run}/seeds", {"seeds": [other.url()]}), 409)


def test_limits_are_changed_live_and_kept_over_a_restart(service, web):
    run = slow_run(service, web)
    etag = service.get(f"/api/v1/runs/{run}").headers["ETag"]
    seen = patch(service, run, {"fetch": {"delay": "10ms"}}, "?preview=1").json
    assert seen["preview"] and seen["before"]["fetch.delay"] == "1s" and seen["after"]["fetch.delay"] == "10ms"
    assert service.get(f"/api/v1/runs/{run}").headers["ETag"] == etag  # nothing was done
    assert "http: PATCH" not in service.log()
    a = patch(service, run, {"fetch": {"delay": 0}, "limits": {"max_pages": 60}}, headers={"If-Match": etag})
    assert a.status == 200, a
    problem(patch(service, run, {"fetch": {"delay": "1h"}}, headers={"If-Match": etag}), 412)
    done = service.wait_for(run, "done")
    assert done["end"] == "page budget reached" and len(urls(service, run)) == 60
    # The job is as it was.
    assert service.get("/api/v1/jobs/slow").json["spec"]["fetch"] == {"delay": "1s"}
    run = service.run("slow")
    service.wait_for(run, "running")
    assert patch(service, run, {"limits": {"max_pages": 5}, "fetch": {"delay": "100ms"}}).status == 200
    service.kill()
    service.start()
    assert service.wait_for(run, "done")["end"] == "page budget reached"


def test_what_it_is_already_stops_no_crawl(service, web):
    run = slow_run(service, web, limits={"max_pages": 60})
    was = service.state_of(run)
    for same in {}, {"limits": {}}, {"limits": {"max_pages": 60}, "fetch": {"delay": "1s", "rate": None}}:
        a = patch(service, run, same)
        assert a.status == 200 and a.json["revision"] == was["revision"] and a.json["before"] == a.json["after"], a
    assert patch(service, run, {"limits": {"max_pages": 61}}).json["revision"] > was["revision"]
    wait_until("it went on", lambda: service.state_of(run)["starts"] > was["starts"])
    assert service.state_of(run)["starts"] == was["starts"] + 1


def test_what_hosts_waited_for_is_told_of_all_starts_of_a_run(service, web):
    run = slow_run(service, web)

    def waited():
        return service.state_of(run)["stats"]["wait_ms"].get("crawl-delay", 0)

    before = wait_until("a wait", lambda: waited() > 1500 and waited())
    assert service.post(f"/api/v1/runs/{run}:pause").status == 200
    wait_until("it stopped", lambda: not service.state_of(run)["crawling"])
    assert service.post(f"/api/v1/runs/{run}:resume").status == 200
    wait_until("it went on", lambda: service.state_of(run)["crawling"])
    assert waited() >= before
    assert patch(service, run, {"fetch": {"delay": 0}}).status == 200
    done = service.wait_for(run, "done")
    assert done["starts"] == 3 and done["stats"]["wait_ms"]["crawl-delay"] >= before


def test_another_scope_is_previewed_and_then_holds_for_what_waits(service, web):
    run = slow_run(service, web)

    def waits():
        fall = patch(service, run, {"crawl": {"exclude": ["."]}}, "?preview=1").json.get("waiting_urls")
        return fall if fall and fall["sampled"] > 5 else None

    waiting = wait_until("a commit", waits)
    # Seeds, and sitemaps, are wanted always.
    assert waiting["sampled"] - 2 <= waiting["would_be_out_of_scope"] <= waiting["sampled"] <= waiting["waiting"]
    none = patch(service, run, {"crawl": {"exclude": ["no-such-page"]}}, "?preview=1").json["waiting_urls"]
    assert none["would_be_out_of_scope"] == none["would_be_too_deep"] == 0
    a = patch(service, run, {"crawl": {"exclude": ["."]}, "fetch": {"delay": 0}})
    before = service.output(run).pages_yet()
    assert a.status == 200 and a.json["after"]["crawl.exclude"] == ["."], a
    service.wait_for(run, "done")
    # What was in flight, and redirects of seeds at most.
    assert len(urls(service, run)) <= before + 3
    assert service.state_of(run)["stats"]["outcomes"]["out-of-scope"] > 5


def test_a_query_that_an_address_does_not_know_changes_nothing(service, web):
    run = slow_run(service, web)
    was, job = service.state_of(run)["revision"], service.get("/api/v1/jobs/slow").json
    for method, path, body in (
        ("PATCH", "/jobs/slow?preview=1", {"limits": {"max_pages": 3}}),
        ("PUT", "/jobs/slow?dry_run=1", {"seeds": [web.url()]}),
        ("DELETE", "/jobs/slow?preview=1", None),
        ("POST", "/jobs?preview=1", {"name": "b", "seeds": [web.url()]}),
        ("POST", "/jobs/slow/runs?preview=1", {"again": True}),
        ("POST", f"/runs/{run}/seeds?preview=1", {"seeds": [web.url("/x")]}),
        ("PATCH", f"/runs/{run}?preveiw=1", {"limits": {"max_pages": 3}}),
        ("POST", f"/runs/{run}:pause?preview=1", None),
        ("POST", f"/runs/{run}:cancel?preview=1", None),
    ):  # fmt: skip
        p = problem(service.call(method, "/api/v1" + path, body), 400)
        assert p["errors"] == [{"parameter": path.split("?")[1].split("=")[0], "detail": "there is no such parameter"}], p
    now = service.state_of(run)
    assert now["revision"] == was and now["state"] == "running"
    assert service.get("/api/v1/jobs/slow").json == job
    assert [len(service.get(f"/api/v1/{x}").json["items"]) for x in ("jobs", "runs")] == [1, 1]


def test_what_cannot_be_changed_is_named(service, web):
    run = slow_run(service, web)
    p = problem(
        patch(
            service, run,
            {"output": {"sink": ["jsonl"]}, "fetch": {"user_agent": "x", "delay": "soon", "per_host": 0}, "name": "y"},
        ),
        422,
    )  # fmt: skip
    named = {e["pointer"] for e in p["errors"]}
    assert {"/output/sink", "/fetch/user_agent", "/name", "/fetch/delay", "/fetch/per_host"} == named
    p = problem(patch(service, run, {"nonsense": {}, "output": {}, "limits": {}}), 422)
    assert {e["pointer"] for e in p["errors"]} == {"/nonsense", "/output"}
    p = problem(patch(service, run, {"fetch": {"delay": "soon", "per_host": 0}, "crawl": {"include": ["("]}}), 422)
    assert {e["pointer"] for e in p["errors"]} >= {"/fetch/delay", "/fetch/per_host"}
    problem(patch(service, run, {}, "?preview=2"), 400)
    problem(patch(service, 4711, {"fetch": {"delay": 0}}), 404)
    service.post(f"/api/v1/runs/{run}:cancel")
    p = problem(patch(service, run, {"fetch": {"delay": 0}}), 409)
    assert p["detail"] == f"run {run} is over: cancelled"

"""The API of `trawl serve` about runs: pages, hosts, explain, log, report."""

import json
import time
import urllib.parse

import pytest
from harness import wait_until
from service import problem


@pytest.fixture
def crawled(service, web):
    """A service, and a run of the demonstration site that is done."""
    service.create("demo", seeds=[web.url()])
    run = service.run("demo")
    service.wait_for(run, "done")
    return service, run


def all_of(service, path):
    """All items of a list, by its cursors, and how many calls it took."""
    items, cursor, calls = [], "", 0
    while True:
        a = service.get(path + cursor)
        assert a.status == 200, a
        calls += 1
        items += a.json["items"]
        if "next" not in a.json:
            return items, calls
        cursor = f"&cursor={a.json['next']}"


def test_who_sends_a_job_as_it_is_shown_hears_what_to_send(service):
    shown = service.create("demo", seeds=["https://a.example/"], fetch={"retries": 1})
    for method, path in (("PUT", "/api/v1/jobs/demo"), ("PATCH", "/api/v1/jobs/demo"), ("POST", "/api/v1/jobs")):
        p = problem(service.call(method, path, shown), 422)
        assert p["errors"] == [{"pointer": "/spec", "detail": "send what is in it, without what is around it"}], p
        assert "this is what GET tells of a job" in p["detail"]
    again = service.call("PUT", "/api/v1/jobs/demo", shown["spec"], headers={"If-Match": '"1"'})
    assert again.status == 200 and again.json["spec"] == shown["spec"]


def test_a_job_that_is_put_again_as_it_is_stays_as_it_was(service):
    spec = {"seeds": ["https://a.example/"], "fetch": {"retries": 1}}
    made = service.call("PUT", "/api/v1/jobs/demo", spec)
    assert made.status == 201 and made.headers["ETag"] == '"1"'
    turned = dict(reversed(made.json["spec"].items()))  # names have no order
    assert list(turned) != list(made.json["spec"])
    for method, body in (
        ("PUT", spec), ("PUT", made.json["spec"]), ("PUT", turned), ("PATCH", {"fetch": {"retries": 1}}), ("PATCH", {}),
    ):  # fmt: skip
        same = service.call(method, "/api/v1/jobs/demo", body)
        assert same.status == 200 and same.json == made.json and same.headers["ETag"] == '"1"', same
    # What does not hold any more is told all the same.
    problem(service.call("PUT", "/api/v1/jobs/demo", spec, headers={"If-Match": '"7"'}), 412)
    # RFC 9110, 13.1: If-None-Match is compared weakly, If-Match strongly.
    for method, body in ("PUT", spec), ("PATCH", {}):
        for tags in '"1"', 'W/"1"', '"7", W/"1"', "*":
            problem(service.call(method, "/api/v1/jobs/demo", body, headers={"If-None-Match": tags}), 412)
        assert service.call(method, "/api/v1/jobs/demo", body, headers={"If-None-Match": 'W/"7"'}).status == 200
        problem(service.call(method, "/api/v1/jobs/demo", body, headers={"If-Match": 'W/"1"'}), 412)
    other = service.call("PUT", "/api/v1/jobs/demo", {**turned, "fetch": {"retries": 2}})
    assert other.status == 200 and other.json["revision"] == 2 and other.json["changed_at"] > made.json["changed_at"]
    service.stop()
    service.start()
    assert service.get("/api/v1/jobs/demo").json == other.json


def test_pages_are_paged_in_both_orders_and_filtered(crawled):
    service, run = crawled
    lines = [json.loads(x) for x in (service.output(run).dir / "pages.jsonl").read_text().splitlines()]
    path = f"/api/v1/runs/{run}/pages"
    newest, calls = all_of(service, f"{path}?limit=7")
    assert newest == lines[::-1] and calls >= len(lines) // 7
    oldest, _ = all_of(service, f"{path}?limit=500&sort=at")
    assert oldest == lines
    some_type = next(x["mime"] for x in lines if x.get("mime") not in (None, "text/html"))
    some_url = lines[len(lines) // 2]["url"]
    for query, wanted in (
        ("outcome=http-4xx,http-5xx", lambda x: x["outcome"] in ("http-4xx", "http-5xx")),
        ("status=404,3xx", lambda x: x["status"] == 404 or 300 <= x["status"] < 400),
        (f"mime={some_type}", lambda x: x.get("mime", "").startswith(some_type)),
        (f"prefix={urllib.parse.quote(some_url)}", lambda x: x["url"].startswith(some_url)),
        ("contains=.html", lambda x: ".html" in x["url"]),
        ("contains=.html&status=2xx", lambda x: ".html" in x["url"] and 200 <= x["status"] < 300),
    ):
        got, _ = all_of(service, f"{path}?sort=at&limit=5&{query}")
        assert got == [x for x in lines if wanted(x)], query
        assert got or "contains" not in query, query


def test_what_is_no_list_of_pages_is_refused_by_name(crawled):
    service, run = crawled
    for query, name in (
        ("outcome=nice", "outcome"), ("status=20", "status"), ("sort=url", "sort"), ("cursor=12", "cursor"),
        ("cursor=f0", "cursor"), ("limit=501", "limit"), ("ouctome=ok", "ouctome"),
    ):  # fmt: skip
        p = problem(service.get(f"/api/v1/runs/{run}/pages?{query}"), 400)
        assert [e["parameter"] for e in p["errors"]] == [name], query
    problem(service.get(f"/api/v1/runs/{run}/pages?cursor=b5"), 400)  # within a line
    for path, query in (
        ("runs/{run}/pages", "limit=0&sort=up&cursor=f0&outcome=nice&status=20&colour=red"),
        ("runs/{run}/log", "tail=0&of=all&colour=red"), ("runs/{run}/hosts", "limit=0&colour=red"),
        ("runs/{run}/compare", "with=it&colour=red"), ("runs/{run}/explain", "url=&colour=red"),
        ("events", "kinds=news&colour=red"), ("runs", "limit=0&cursor=a&state=ill&sort=up&colour=red"),
        ("jobs", "limit=0&scheduled=maybe&colour=red"), ("profile", "seconds=soon&colour=red"),
    ):  # fmt: skip
        p = problem(service.get(f"/api/v1/{path.format(run=run)}?{query}"), 400)
        assert sorted(e["parameter"] for e in p["errors"]) == sorted(x.split("=")[0] for x in query.split("&")), (path, p)
    problem(service.get(f"/api/v1/runs/{run}/pages?cursor=b99999999999"), 400)
    for path in ("pages", "hosts", "log", "report", "explain?url=https://a.example/"):
        problem(service.get(f"/api/v1/runs/4711/{path}"), 404)
        problem(service.get(f"/api/v1/runs/x/{path}"), 404)


def test_a_filter_that_finds_nothing_in_a_large_list_is_answered_in_bounded_bites(crawled):
    service, run = crawled
    path = service.output(run).dir / "pages.jsonl"
    text = path.read_text()
    with path.open("a") as f:
        while f.tell() < 100_000_000:
            f.write(text)
    bites, cursor, found = 0, "", []
    while True:
        began = time.monotonic()
        a = service.get(f"/api/v1/runs/{run}/pages?contains=no-such-page{cursor}")
        assert a.status == 200 and time.monotonic() - began < 20, a
        found += a.json["items"]
        bites += 1
        if "next" not in a.json:
            break
        assert not a.json["at_end"]
        cursor = f"&cursor={a.json['next']}"
    assert found == [] and 3 <= bites <= 5


def test_hosts_of_a_run_that_crawls_and_of_one_that_is_over(service, web):
    service.create("slow", seeds=[web.url()], fetch={"delay": "1s"})
    run = service.run("slow")
    service.wait_for(run, "running")

    def look():
        got = service.get(f"/api/v1/runs/{run}/hosts").json
        return got if got.get("as_of") == "now" and got["items"] else None

    host = wait_until("a host", look)["items"][0]
    assert host["host"] == web.url().rstrip("/") and host["waits_for"]
    assert service.get(f"/api/v1/runs/{run}/pages").status == 200
    assert service.post(f"/api/v1/runs/{run}:pause").status == 200
    wait_until("its crawl is closed", lambda: not service.state_of(run)["crawling"])
    stored = service.get(f"/api/v1/runs/{run}/hosts")
    assert stored.status == 200 and stored.json["as_of"] == "commit", stored
    assert stored.json["items"][0]["host"] == host["host"]
    service.post(f"/api/v1/runs/{run}:resume")
    wait_until("it crawls again", lambda: service.state_of(run)["crawling"])
    service.post(f"/api/v1/runs/{run}:cancel")
    over = service.get(f"/api/v1/runs/{run}/hosts")
    assert over.status == 200 and over.json["as_of"] == "report"
    assert over.json["items"][0]["host"] == host["host"] and over.json["items"][0]["requests"] >= 1


def test_one_page_is_explained_and_log_and_report_are_shown(crawled):
    service, run = crawled
    out = service.output(run)
    page = service.get(f"/api/v1/runs/{run}/pages").json["items"][0]
    told = service.get(f"/api/v1/runs/{run}/explain?url={page['url']}")
    assert told.status == 200 and told.json["page"] == page and told.json["outcome"] == page["outcome"], told
    other = service.get(f"/api/v1/runs/{run}/explain?url=https://other.example/").json
    assert other["outcome"] == "not-discovered" and other["would_be"]["outcome"] == "out-of-scope"
    problem(service.get(f"/api/v1/runs/{run}/explain"), 400)
    lines = (out.dir / "crawl.log").read_text().splitlines()
    assert service.get(f"/api/v1/runs/{run}/log?tail=5").json["items"] == lines[-5:]
    rejected = (out.dir / "rejected.log").read_text().splitlines()
    assert service.get(f"/api/v1/runs/{run}/log?of=rejected&tail=1000").json["items"] == rejected[-1000:]
    problem(service.get(f"/api/v1/runs/{run}/log?tail=100000"), 400)
    problem(service.get(f"/api/v1/runs/{run}/log?of=passwd"), 400)
    assert service.get(f"/api/v1/runs/{run}/report").json == json.loads((out.dir / "report.json").read_text())


def test_what_was_shown_is_not_said_to_be_as_it_was_when_it_has_changed(service, web):
    """Runs and their pages come and go without a new revision of the job, or of the run."""

    def tag_of(path):
        a = service.get(path)
        assert service.get(path, headers={"If-None-Match": "*"}).status == 304
        return a.headers["ETag"]

    job = "/api/v1/jobs/demo"
    service.create("demo", seeds=[web.url()], fetch={"delay": "50ms"})
    at_first = tag_of(job)
    number = service.run("demo")
    run = f"/api/v1/runs/{number}"
    changed = service.get(job, headers={"If-None-Match": at_first})
    assert changed.status == 200 and changed.json["open_runs"] == [number]
    with_a_run = changed.headers["ETag"]
    assert service.get(job, headers={"If-None-Match": f"W/{with_a_run}, {at_first}"}).status == 304
    tag = tag_of(run)
    wait_until("pages", lambda: service.get(run).json.get("stats", {}).get("pages", 0) > 5)
    live = service.get(run, headers={"If-None-Match": tag_of(run)})
    assert live.status == 200 and live.json["stats"]["pages"] > 5
    # For a change it counts which revision it is.
    problem(service.call("PATCH", job, {"fetch": {"retries": 1}}, {"If-Match": f'{tag}, "2-{with_a_run[3:]}'}), 412)
    patched = service.call("PATCH", job, {"fetch": {"retries": 1}}, {"If-Match": with_a_run})
    assert patched.status == 200 and patched.json["revision"] == 2
    again = service.get(job).headers["ETag"]
    assert service.post(f"{run}:cancel").status == 200
    service.wait_for(number, "cancelled")
    after = service.get(job, headers={"If-None-Match": again})
    assert after.status == 200 and after.json["open_runs"] == []
    assert service.get(job, headers={"If-None-Match": after.headers["ETag"]}).status == 304
    wait_until("it is as it stays", lambda: service.get(run, headers={"If-None-Match": tag_of(run)}).status == 304)


def test_runs_are_of_a_job_that_is_or_was_there(service, web):
    for query in "", "?state=running", "?cursor=9", "?sort=id&limit=1":
        problem(service.get(f"/api/v1/jobs/never/runs{query}"), 404)
    assert service.get("/api/v1/runs?job=never").json == {"items": []}
    for name in "with", "without":
        service.create(name, seeds=[web.url()], limits={"max_pages": 1})
    assert service.get("/api/v1/jobs/without/runs").json == {"items": []}
    service.wait_for(service.run("with"), "done")
    for name in "with", "without":
        assert service.call("DELETE", f"/api/v1/jobs/{name}").status == 204
    problem(service.get("/api/v1/jobs/without/runs"), 404)
    problem(service.get("/api/v1/jobs/without/runs?state=done"), 404)
    assert service.get("/api/v1/jobs/with/runs?cursor=1").json == {"items": []}
    assert [run["job"] for run in service.get("/api/v1/jobs/with/runs").json["items"]] == ["with"]
    assert service.get("/api/v1/jobs/with/runs?state=failed").json == {"items": []}
    p = problem(service.get("/api/v1/jobs/with/runs?job=without"), 400)
    assert p["errors"] == [{"parameter": "job", "detail": "there is no such parameter"}]


@pytest.mark.parametrize("body", ["null", "7", '"a"', "true", "[]"])
def test_json_that_is_no_object_is_told_as_that(service, body):
    p = problem(service.call("POST", "/api/v1/jobs", body.encode(), headers={"Content-Type": "application/json"}), 400)
    assert p["detail"] == "the body must be a JSON object"

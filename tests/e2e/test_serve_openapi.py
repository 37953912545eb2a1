"""The description of the API, held against what the service really answers, and against OpenAPI 3.1."""

import json

import judges
import pytest
from service import UnixConnection

jsonschema = pytest.importorskip("jsonschema")


@pytest.fixture
def document(service):
    a = service.get("/api/v1/openapi.json")
    assert a.status == 200 and a.headers["Content-Type"] == "application/json"
    return a.json


@judges.need("openapi-spec-validator")
def test_it_is_openapi(document, tmp_path):
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(document))
    assert "OK" in judges.run("openapi-spec-validator", path)


class Caller:
    """Makes calls, and holds each answer against the document."""

    def __init__(self, service, document):
        self.service, self.document, self.told = service, document, set()

    def schema(self, ref):
        return {"$ref": ref, "components": self.document["components"]}

    def call(self, method, path, status, body=None, /, **names):
        operation = self.document["paths"][path][method.lower()]
        target = path
        for name, value in names.items():
            if f"{{{name}}}" in target:
                target = target.replace(f"{{{name}}}", str(value))
            else:
                assert name in {p["name"] for p in operation["parameters"]}, (path, name)
                target += ("&" if "?" in target else "?") + f"{name}={value}"
        a = self.service.call(method, target, body)
        assert a.status == status, (method, target, a)
        response = operation["responses"].get(str(status), operation["responses"]["default"])
        if status >= 400:
            response = operation["responses"]["default"]
        else:
            assert str(status) in operation["responses"], (method, path, status)
            self.told.add((method, path))
        # What it says of itself besides: all that is described is there, and the other way round.
        tagged = {"ETag", "Location"} & set(a.headers)
        assert tagged == set(response.get("headers", {})), (method, target, a.headers)
        if "content" not in response:
            assert a.body == b""
            return None
        (kind, content), = response["content"].items()
        assert a.headers["Content-Type"] == kind, (method, target)
        jsonschema.Draft202012Validator(self.schema(content["schema"]["$ref"])).validate(a.json)
        if body is not None and status < 300 and "requestBody" in operation:
            wanted = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
            jsonschema.Draft202012Validator(self.schema(wanted)).validate(body)
        return a.json


def test_every_answer_is_as_the_document_says(service, document, web):
    c = Caller(service, document)
    v1 = "/api/v1"
    job = {"name": "demo", "seeds": [web.url()], "fetch": {"delay": 0.1, "per_host": 2}, "crawl": {"scope": "host"}}
    c.call("GET", "/healthz", 200)
    c.call("GET", "/readyz", 200)
    c.call("GET", f"{v1}/openapi.json", 200)
    c.call("POST", f"{v1}/jobs", 201, job)
    c.call("POST", f"{v1}/jobs", 409, job)
    c.call("POST", f"{v1}/jobs", 422, {"name": "x", "seeds": ["nonsense"], "fetch": {"delya": 1}})
    c.call("GET", f"{v1}/jobs", 200, limit=1)
    c.call("GET", f"{v1}/jobs", 400, limit=0)
    c.call("GET", f"{v1}/jobs/{{name}}", 200, name="demo")
    c.call("GET", f"{v1}/jobs/{{name}}", 404, name="none")
    c.call("PUT", f"{v1}/jobs/{{name}}", 200, job, name="demo")
    c.call("PUT", f"{v1}/jobs/{{name}}", 201, {"seeds": [web.url()]}, name="other")
    c.call("PATCH", f"{v1}/jobs/{{name}}", 200, {"fetch": {"retries": 1}}, name="demo")
    c.call("PATCH", f"{v1}/jobs/{{name}}", 422, {"fetch": {"retries": "x"}}, name="demo")
    run = c.call("POST", f"{v1}/jobs/{{name}}/runs", 201, {}, name="demo")["id"]
    c.call("POST", f"{v1}/jobs/{{name}}/runs", 409, {}, name="demo")
    c.call("POST", f"{v1}/jobs/{{name}}/runs", 422, {"agian": True}, name="demo")
    service.wait_for(run, "running")
    of_run = f"{v1}/runs/{{id}}"
    c.call("GET", of_run, 200, id=run)
    c.call("GET", of_run, 404, id="x")
    c.call("GET", f"{of_run}/hosts", 200, id=run)
    c.call("GET", f"{of_run}/pages", 200, id=run)
    c.call("POST", f"{of_run}/seeds", 200, {"seeds": [web.url("/more")]}, id=run)
    c.call("POST", f"{of_run}/seeds", 422, {"seeds": ["x"]}, id=run)
    c.call("PATCH", of_run, 200, {"crawl": {"depth": 1}}, id=run, preview=1)
    c.call("PATCH", of_run, 422, {"net": {"allow_net": []}}, id=run, preview=0)
    c.call("POST", f"{of_run}:pause", 200, id=run)
    c.call("POST", f"{of_run}:resume", 200, id=run)
    c.call("PATCH", of_run, 200, {"fetch": {"delay": 0}}, id=run)
    service.wait_for(run, "done")
    c.call("POST", f"{of_run}/seeds", 409, {"seeds": [web.url()]}, id=run)
    c.call("GET", of_run, 200, id=run)
    page = c.call("GET", f"{of_run}/pages", 200, id=run, limit=3, status="2xx", sort="at")["items"][0]
    c.call("GET", f"{of_run}/pages", 400, id=run, outcome="nice")
    c.call("GET", f"{of_run}/hosts", 200, id=run, limit=5)
    c.call("GET", f"{of_run}/explain", 200, id=run, url=page["url"])
    c.call("GET", f"{of_run}/explain", 400, id=run)
    c.call("GET", f"{of_run}/log", 200, id=run, tail=5)
    c.call("GET", f"{of_run}/report", 200, id=run)
    c.call("GET", f"{of_run}/history", 200, id=run)
    c.call("GET", f"{v1}/runs", 200, state="done")
    c.call("GET", f"{v1}/jobs/{{name}}/runs", 200, name="demo", sort="id")
    slow = c.call("POST", f"{v1}/jobs/{{name}}/runs", 201, name="other")["id"]
    c.call("GET", f"{of_run}/report", 404, id=slow)
    c.call("POST", f"{of_run}:cancel", 200, id=slow)
    c.call("GET", f"{of_run}/compare", 200, id=run, **{"with": slow})
    c.call("GET", f"{v1}/profile", 200)
    c.call("GET", f"{v1}/profile", 400, seconds=31)
    c.call("DELETE", f"{v1}/jobs/{{name}}", 204, name="other")
    # Streams: only that they are what they are said to be.
    third = service.run("demo")
    for path, target in ((f"{v1}/events", f"{v1}/events"), (f"{of_run}/events", f"{v1}/runs/{third}/events")):
        connection = UnixConnection(service.socket, 10)
        connection.request("GET", target)
        answer = connection.getresponse()
        assert answer.headers["Content-Type"] in document["paths"][path]["get"]["responses"]["200"]["content"]
        connection.close()
        c.told.add(("GET", path))
    # For people, and for Prometheus.
    texts = {"/": ["/"], "/ui/{file}": ["/ui/app.js", "/ui/style.css"], "/metrics": ["/metrics"]}
    for path, targets in texts.items():
        responses = document["paths"][path]["get"]["responses"]
        for target in targets:
            answer = service.get(target)
            kind = answer.headers["Content-Type"].split(";")[0]
            assert kind in responses["200"]["content"] or f"{kind.split('/')[0]}/*" in responses["200"]["content"]
            assert ("ETag" in answer.headers) == ("ETag" in responses["200"].get("headers", {}))
            if "ETag" in answer.headers:
                same = service.get(target, headers={"If-None-Match": answer.headers["ETag"]})
                assert same.status == 304 and "ETag" in same.headers and "ETag" in responses["304"]["headers"]
        c.told.add(("GET", path))
    assert set(document["paths"]["/metrics"]["get"]["responses"]["200"]["content"]) == {
        "application/openmetrics-text", "text/plain",
    }  # fmt: skip
    all_routes = {(m.upper(), p) for p, ms in document["paths"].items() for m in ms}
    assert all_routes - c.told == set()


def test_headers_and_types_that_change_what_a_call_does_are_described(service, document, web):
    def of(method, path):
        operation = document["paths"]["/api/v1" + path][method]
        return operation, {p["name"] for p in operation["parameters"] if p["in"] == "header"}

    job = service.create("demo", seeds=[web.url()], fetch={"delay": "1s"})
    run = service.run("demo")
    stale = {"If-Match": '"4711"'}
    for method, path, body in (
        ("PUT", "/jobs/{name}", job["spec"]), ("PATCH", "/jobs/{name}", {}), ("DELETE", "/jobs/{name}", None),
        ("PATCH", "/runs/{id}", {}), ("POST", "/runs/{id}/seeds", {"seeds": [web.url()]}),
        ("POST", "/runs/{id}:pause", None), ("POST", "/runs/{id}:resume", None), ("POST", "/runs/{id}:cancel", None),
    ):  # fmt: skip
        assert of(method.lower(), path)[1] == {"If-Match"} | ({"If-None-Match"} if method == "PUT" else set())
        target = "/api/v1" + path.format(name="demo", id=run)
        assert service.call(method, target, body, headers=stale).status == 412, (method, target)
    only_new = {"If-None-Match": "*"}
    assert service.call("PUT", "/api/v1/jobs/demo", job["spec"], headers=only_new).status == 412
    assert service.call("PUT", "/api/v1/jobs/new", {"seeds": [web.url()]}, headers=only_new).status == 201
    for path in "/jobs/{name}", "/runs/{id}":
        operation, headers = of("get", path)
        assert headers == {"If-None-Match"} and "content" not in operation["responses"]["304"]
        target = "/api/v1" + path.format(name="demo", id=run)
        assert service.get(target, headers={"If-None-Match": "*"}).status == 304
        operation, headers = of("patch", path)
        for kind in operation["requestBody"]["content"]:
            assert service.call("PATCH", target, b"{}", headers={"Content-Type": kind}).status == 200
        assert "application/merge-patch+json" in operation["requestBody"]["content"]
    for path in "/jobs", "/jobs/{name}/runs":
        assert of("post", path)[1] == {"Idempotency-Key"}
    for path in "/events", "/runs/{id}/events":
        assert of("get", path)[1] == {"Last-Event-ID"}


def test_names_of_jobs_are_described_as_they_are_taken(service, document, web):
    name = document["components"]["schemas"]["JobSpec"]["properties"]["name"]
    described = jsonschema.Draft202012Validator(name)
    for text in ("a", "A.b-c_9", "_", "9", "a" * 100, "a" * 101, "", ".a", "-a", "a b", "a/b", "\u00e4", "a:b"):
        answer = service.post("/api/v1/jobs", {"name": text, "seeds": [web.url()]})
        assert answer.status == (201 if described.is_valid(text) else 422), text


def test_the_options_of_jobs_are_all_described(document):
    import subprocess

    import harness

    help_text = subprocess.run([harness.TRAWL, "crawl", "--help"], capture_output=True, text=True).stdout
    spec = document["components"]["schemas"]["JobSpec"]["properties"]
    assert "per_host" in spec["fetch"]["properties"] and "--per-host" in help_text
    assert spec["crawl"]["properties"]["scope"]["enum"] == ["page", "prefix", "host", "domain", "any"]
    assert sum(len(s["properties"]) for s in spec.values() if "properties" in s) > 80

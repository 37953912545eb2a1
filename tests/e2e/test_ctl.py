"""`trawl ctl`: all of the API from the command line."""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time

import harness
from harness import wait_until


class Done:
    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    @property
    def json(self):
        return json.loads(self.out)


def ctl(service, *args, code=0, env=None):
    done = Done(
        subprocess.run(
            [harness.TRAWL, "ctl", "--socket", service.socket, *map(str, args)], capture_output=True, text=True,
            timeout=60, env={**os.environ, **(env or {})},
        )
    )  # fmt: skip
    assert done.code == code, (args, done.code, done.out[-2000:], done.err)
    return done


def test_a_job_is_made_run_looked_at_and_deleted(service, web, tmp_path):
    path = tmp_path / "demo.yaml"
    path.write_text(f"name: demo\nseeds: [{web.url()}]\nfetch: {{retries: 1}}\n")
    assert "demo" in ctl(service, "jobs", "create", path).out
    assert ctl(service, "jobs", "show", "demo", "--json").json["spec"]["fetch"] == {"retries": 1}
    path.write_text(f"name: demo\nseeds: [{web.url()}]\nfetch: {{delay: 20ms, retries: 0}}\n")
    ctl(service, "jobs", "replace", "demo", path)
    table = ctl(service, "jobs").out.splitlines()
    assert table[0].split()[:2] == ["NAME", "REVISION"] and table[1].split()[:2] == ["demo", "2"]
    run = ctl(service, "start", "demo", "--json").json["id"]
    assert "is not over yet" in ctl(service, "start", "demo", code=8).err
    events = ctl(service, "events", "of", run, "--json", "--kinds", "run,page").out.splitlines()
    told = [json.loads(x) for x in events]
    assert told[-1]["event"] == "run" and told[-1]["data"]["state"] == "done"
    service.wait_for(run, "done")
    assert " done " in ctl(service, "runs", "--state", "done").out
    assert str(run) in ctl(service, "status").out
    lines = (service.output(run).dir / "pages.jsonl").read_text().splitlines()
    shown = ctl(service, "pages", run, "--all", "--limit", "17", "--sort", "at").out.splitlines()
    rows = [x for x in shown if not x.lstrip().startswith("STATUS")]
    assert [x.split()[-1] for x in rows] == [json.loads(x)["url"] for x in lines]
    only = ctl(service, "pages", run, "--status", "4xx", "--limit", "500", "--json").json["items"]
    assert only and all(400 <= x["status"] < 500 for x in only)
    assert web.url().rstrip("/") in ctl(service, "hosts", run).out
    assert "outcome" in ctl(service, "explain", run, web.url()).out
    assert len(ctl(service, "log", run, "--tail", "3").out.splitlines()) == 3
    assert ctl(service, "runs", "report", run, "--json").json["fetched"] >= 50
    assert "done" in ctl(service, "runs", "history", run).out
    assert "loop_lag" in ctl(service, "profile").out
    ctl(service, "jobs", "delete", "demo")
    assert "there is no job" in ctl(service, "jobs", "show", "demo", code=8).err


def test_a_run_is_changed_paused_and_cancelled(service, web):
    service.create("slow", seeds=[web.url()], fetch={"delay": "1s"})
    run = service.run("slow")
    wait_until("it crawls", lambda: service.state_of(run)["crawling"])
    seen = ctl(service, "set", run, "--preview", "fetch.delay=10ms", "crawl.exclude=a", "crawl.exclude=b", "--json").json
    assert seen["preview"] and seen["after"]["crawl.exclude"] == ["a", "b"]
    assert "before" in seen and "fetch.per_host" in seen["after"], "programs get all of it"
    told = ctl(service, "set", run, "--preview", "fetch.delay=10ms", "crawl.exclude=a", "crawl.exclude=b", "fetch.per_host=1")
    assert re.search(r"^preview +true$", told.out, re.M) and "fetch.rate" not in told.out, told.out
    assert [row.split(None, 2) for row in told.out.splitlines()[-3:]] == [
        ["OPTION", "BEFORE", "AFTER"], ["crawl.exclude", "-", "a, b"], ["fetch.delay", "1s", "10ms"]], "what changes, and no more"
    assert ctl(service, "seeds", "add", run, web.url("/more"), "--json").json["added"] == 1
    err = ctl(service, "seeds", "add", run, "ftp://x/", code=8).err
    assert "/seeds/0" in err
    assert "/fetch/delay" in ctl(service, "set", run, "fetch.delay=soon", code=8).err
    assert "no option fetch.dleay; did you mean fetch.delay?" in ctl(service, "set", run, "fetch.dleay=1", code=2).err
    assert "is not SECTION.KEY=VALUE" in ctl(service, "set", run, "crawl.exclude", code=2).err
    ctl(service, "runs", "pause", run)
    assert service.state_of(run)["state"] == "paused"
    ctl(service, "runs", "resume", run)
    ctl(service, "runs", "cancel", run)
    assert service.wait_for(run, "cancelled")
    lines = [line.split() for line in ctl(service, "runs", "history", run).out.splitlines()]
    assert lines[0] == ["AT", "STATE", "WHY"]
    assert [line[1] for line in lines[1:]][-2:] == ["stopping", "cancelled"] and lines[1][1] == "queued"
    other = service.run("slow")
    ctl(service, "runs", "cancel", other)
    assert ctl(service, "runs", "compare", run, other, "--json").json


def test_some_of_a_job_is_changed_and_the_rest_stays(service):
    service.create(
        "j", seeds=["https://a.example/"], fetch={"delay": "1s", "retries": 1}, crawl={"exclude": ["x"]},
        schedule={"cron": "0 0 1 1 *"},
    )  # fmt: skip

    def change(*words, code=0):
        done = ctl(service, "jobs", "change", "j", *words, "--json", code=code)
        return done.json["spec"] if code == 0 else done.err

    spec = change("fetch.delay=20ms", "limits.max_pages=5", "crawl.exclude=a=b", "crawl.exclude=c")
    assert spec["fetch"] == {"delay": "20ms", "retries": 1} and spec["limits"] == {"max_pages": "5"}
    assert spec["crawl"]["exclude"] == ["a=b", "c"] and spec["schedule"] == {"cron": "0 0 1 1 *"}
    spec = change("fetch.delay=", "crawl.exclude=", "seeds=https://b.example/", "seeds=https://c.example/")
    assert spec["fetch"] == {"retries": 1} and spec["crawl"]["exclude"] == []
    assert spec["seeds"] == ["https://b.example/", "https://c.example/"]
    assert "every does not go with at and cron" in change("schedule.every=6h", code=8)
    spec = change("schedule.cron=", "schedule.at=03:00", "schedule.at=04:30", "schedule.catch_up=skip")
    assert spec["schedule"] == {"at": ["03:00", "04:30"], "catch_up": "skip"}
    assert "schedule" not in change("schedule=")
    # A word that was not ended changes nothing: it would empty the list.
    assert "crawl.exclude is not SECTION.KEY=VALUE" in change("crawl.exclude", code=2)
    assert "there is no option schedule.often" in change("schedule.often=1", code=2)
    assert "there is no option delay; did you mean fetch.delay?" in change("delay=1", code=2)
    assert "there is no option crawl.max_pages; did you mean limits.max_pages?" in change("crawl.max_pages=1", code=2)
    assert "/fetch/delay" in change("fetch.delay=soon", code=8)
    ctl(service, "jobs", "change", "j", code=2)
    ctl(service, "jobs", "change", "nobody", "fetch.delay=1s", code=8)


def test_what_goes_wrong_is_said_with_its_code(service, tmp_path):
    assert "wants a command" in ctl(service, code=2).err
    assert "no command 'ctl nonsense'" in ctl(service, "nonsense", code=2).err
    ctl(service, "runs", "show", code=2)
    ctl(service, "runs", "show", "1", "2", code=2)
    ctl(service, "jobs", "--state", "done", code=2)
    assert "parameter" not in ctl(service, "runs", "--state", "nice", code=8).err
    ctl(service, "runs", "show", "99", code=8)
    bad = tmp_path / "bad.yaml"
    bad.write_text("seeds: [https://a.example/]\nfetch: {dleay: 1}\n")
    assert "dleay" in ctl(service, "jobs", "create", bad, code=2).err
    service.kill()
    assert f"{service.socket}: nobody answers; does trawl serve run?" in ctl(service, "status", code=4).err
    service.socket.unlink()
    assert f"{service.socket}: No such file or directory; does" in ctl(service, "status", code=4).err
    token = tmp_path / "token"
    token.write_text("two\nlines\n")
    ctl(service, "status", "--token-file", token, code=2)
    ctl(service, "status", "--url", "http://127.0.0.1:1", code=2)  # and a socket


def test_an_address_that_is_none_of_a_service_is_refused_before_anything_is_sent(tmp_path):
    token = tmp_path / "token"
    token.write_text("secret\n")
    wrong = ("ftp://127.0.0.1/", "file:///etc/passwd", "127.0.0.1:8620", "localhost", "http:", "http://", "https:///x", "", "x")
    for url in (*wrong, "http://127.0.0.1/?a", "http://127.0.0.1/#a", "http://127.0.0.1 x", "http://127.0.0.1:x", "http://[::1"):
        done = subprocess.run(
            [harness.TRAWL, "ctl", "--url", url, "--token-file", token, "status"], capture_output=True, text=True, timeout=60
        )
        said = f"trawl: --url is http://HOST:PORT or https://HOST:PORT, not '{url}'" if url else "trawl: --url wants a value"
        assert (done.returncode, done.stderr.splitlines()[0]) == (2, said), url
    done = subprocess.run([harness.TRAWL, "ctl", "--url", "HTTP://127.0.0.1:1/", "status"], capture_output=True, timeout=60)
    assert done.returncode == 4, done.stderr


def test_a_command_that_is_none_is_told_those_that_there_are(tmp_path):
    nobody = tmp_path / "nobody"

    def said(*words):
        done = subprocess.run([harness.TRAWL, "ctl", "--socket", nobody, *words], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and done.stderr.count("\n") == 1, done
        return done.stderr

    assert said("jobs", "shwo", "a") == (
        "trawl: there is no command 'ctl jobs shwo'; there are list, show, create, replace, change, delete (trawl ctl --help)\n"
    )
    assert "'ctl runs stop'; there are list, show, pause, resume, cancel, compare, history, report (" in said("runs", "stop", "1")
    assert "'ctl events on'; there is of (" in said("events", "on", "1")
    assert "'ctl seeds remove'; there is add (" in said("seeds", "remove", "1", "http://a.test/")
    assert "ctl seeds wants a command: add (trawl ctl --help)" in said("seeds")
    for words in ("start",), ("start", "a", "b"), ("runs", "show"), ("hosts",), ("seeds", "add", "1"):
        assert "the words are not those it wants; see trawl ctl --help" in said(*words)


class Other:
    """Something else at a socket: to each who asks the same."""

    def __init__(self, path, kind, body):
        self.socket = path
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n"
        self.answer = (head + body).encode()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                c = self.listener.accept()[0]
                c.recv(65536)
                c.sendall(self.answer)
                c.close()


class Silent(Other):
    """Says this to each who asks, and no more; the line stays open."""

    def __init__(self, path, said=""):
        self.open = []
        super().__init__(path, "", "")
        self.answer = said.encode()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                c = self.listener.accept()[0]
                self.open.append(c)
                c.recv(65536)
                c.sendall(self.answer)


def test_a_service_that_is_silent_is_not_waited_for_without_end(tmp_path):
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n"
    for i, said in enumerate(("", head, head + "\r\n", head + '\r\n{"items":[')):
        silent = Silent(tmp_path / f"s{i}", said)
        began = time.monotonic()
        done = ctl(silent, "--timeout", "1500ms", "status", code=4)
        assert 1.4 < time.monotonic() - began < 30
        assert done.err == f"trawl: {silent.socket}: nothing came for 1500ms (--timeout)\n"
    assert "nothing came for 1s" in ctl(Silent(tmp_path / "m"), "--timeout=1s", "metrics", code=4).err
    assert "nothing came for 1s" in ctl(Silent(tmp_path / "e"), "--timeout=1s", "events", code=4).err
    refusal = head.replace("200 OK", "503 Not Now") + "\r\n"
    assert "nothing came for 1s" in ctl(Silent(tmp_path / "r", refusal), "--timeout=1s", "events", code=4).err
    for wrong in "soon", "0", "-1s", "1000d":
        assert f"--timeout: '{wrong}' is not a duration such as 30s or 10m" in ctl(silent, "--timeout", wrong, "ready", code=2).err


def test_events_are_followed_however_long_there_is_none(tmp_path):
    head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    quiet = Silent(tmp_path / "s", head + 'event: log\ndata: {"text":"a"}\n\n')
    command = [harness.TRAWL, "ctl", "--socket", quiet.socket, "--timeout", "1s", "events"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as following:
        assert following.stdout.readline() == 'log      {"text":"a"}\n'
        time.sleep(3)
        assert following.poll() is None
        quiet.open[0].sendall(b'event: log\ndata: {"text":"b"}\n\n')
        quiet.open[0].shutdown(socket.SHUT_RDWR)
        assert following.communicate(timeout=60) == ('log      {"text":"b"}\n', "")
        assert following.returncode == 0


def test_events_that_come_together_are_a_line_each(tmp_path):
    event = 'event: log\ndata: {"text":"\u202ea"}\n\n'
    other = Other(tmp_path / "s", "text/event-stream", event * 3)
    lines = ctl(other, "events", "--json").out.splitlines()
    assert [json.loads(x) for x in lines] == [{"event": "log", "data": {"text": "???a"}}] * 3
    assert ctl(other, "events").out == 'log      {"text":"???a"}\n' * 3


def test_an_answer_that_is_none_of_a_service_is_no_success(tmp_path):
    for i, kind in enumerate(("text/html", "application/json", "text/event-streams")):
        other = Other(tmp_path / f"s{i}", kind, '{"items":[],"next":"again"}')
        assert "the answer is no stream of events" in ctl(other, "events", code=7).err
        assert "the list has no end" in ctl(other, "jobs", "--all", code=7).err
        empty = Other(tmp_path / f"e{i}", kind, "")
        assert "the answer is no stream of events" in ctl(empty, "events", code=7).err


def test_the_examples_of_the_manual_go_as_they_stand(service, web, tmp_path):
    page = (harness.SRCDIR / "doc" / "trawl-ctl.1").read_text().replace("\\-", "-")
    steps = page.partition(".SH EXAMPLES\n.nf\n")[2].partition(".fi")[0].splitlines()
    if shutil.which("jq") is None:
        steps = [step.partition(" | jq")[0] for step in steps]
    (tmp_path / "docs.yaml").write_text(f"name: docs\nseeds: {web.url()}\nfetch: {{delay: 5s}}\n")
    env = {**os.environ, "TRAWL_API_SOCKET": str(service.socket)}
    env["PATH"] = f"{os.path.dirname(harness.TRAWL)}:{env['PATH']}"
    said = []
    for step in steps:
        line = re.sub(r"\b7\b", "1", step)  # the first run there is
        if "events" in line:  # all before it found the run under way
            assert service.call("PATCH", "/api/v1/runs/1", {"fetch": {"delay": "0"}}).status == 200
        done = subprocess.run(["sh", "-ec", line], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and done.stderr == "", (line, done)
        said.append(done.stdout)
    assert len(said) == 7 and '"state":"done"' in said[3] and "sunk.html" in said[4] and '"http-4xx":' in said[5]
    assert service.get("/api/v1/jobs/docs").json["scheduled"] is True


def test_what_the_net_says_is_harmless_on_a_terminal(service, web):
    service.create("demo", seeds=[web.url()])
    run = service.run("demo")
    service.wait_for(run, "done")
    path = service.output(run).dir / "pages.jsonl"
    line = {"v": 1, "url": "https://x/\u202e\u001b[31m\u009b", "outcome": "ok", "status": 200, "mime": "a\u0007\nb"}
    with path.open("a") as f:
        f.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
    for option in ((), ("--json",)):
        out = ctl(service, "pages", run, "--limit", "1", *option).out
        assert "https://x/" in out and not set(out) & set("\u202e\u001b\u009b\u0007")


def test_a_list_that_is_cut_says_so_and_all_of_it_has_an_end(service, web):
    for i in range(60):
        service.create(f"j{i:02}", seeds=["https://a.example/"], **({"schedule": {"every": "6h"}} if i == 7 else {}))
    cut = ctl(service, "jobs")
    assert len(cut.out.splitlines()) == 51 and cut.err == "trawl: there are more; with --all they are listed, too\n"
    whole = ctl(service, "jobs", "--all")
    assert whole.out.count("a.example") == 0 and {f"j{i:02}" for i in range(60)} <= set(whole.out.split())
    assert whole.err == "" and ctl(service, "jobs", "--json").err == ""
    assert [j["name"] for j in ctl(service, "jobs", "--scheduled", "true", "--json").json["items"]] == ["j07"]
    service.create("slow", seeds=[web.url()], fetch={"delay": "1s"})
    run = service.run("slow")
    wait_until("it has a page", lambda: service.get(f"/api/v1/runs/{run}/pages").json["items"])
    rows = ctl(service, "pages", run, "--all", "--sort", "at")  # of a run that goes on it might be waited for more
    assert rows.out.splitlines()[1].endswith(web.url()) and rows.err == ""
    assert "no --all" in ctl(service, "runs", "show", run, "--all", code=2).err
    assert "no --again" in ctl(service, "runs", "--again", code=2).err


def test_readiness_metrics_and_the_description_are_asked_for_as_all_else(service):
    service.create("one", seeds=["https://a.example/"])
    assert ctl(service, "ready", "--json").json == {"status": "ready", "jobs": 1, "queued": 0, "running": 0, "paused": 0}
    text = ctl(service, "metrics").out
    assert "trawl_jobs 1\n" in text and text.endswith("# EOF\n")
    assert "no --json" in ctl(service, "metrics", "--json", code=2).err
    assert ctl(service, "openapi", "--json").json["openapi"].startswith("3.1")

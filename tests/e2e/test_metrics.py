"""/metrics: what two independent readers make of it, and whether it says what the runs say."""

import contextlib
import json
import re
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import harness
import pytest
from access import TcpService
from harness import BUILDDIR, SRCDIR, dnsmasq, free_port, nginx, stop, trawl, wait_until
from service import Service

parser = pytest.importorskip("prometheus_client.openmetrics.parser", reason="python3-prometheus-client is not installed")

SETTINGS = """
service: {runs_at_once: 4}
api: {allow_local: yes}
defaults:
  net: {allow_net: [127.0.0.0/8]}
  fetch: {delay: 0, retries: 0}
"""
OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"
OLD = "text/plain; version=0.0.4; charset=utf-8"
ACCEPT = "application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"


class Metrics:
    """One answer, read by prometheus_client."""

    def __init__(self, answer):
        assert answer.status == 200, answer
        assert answer.headers["Content-Type"] == OPEN
        text = answer.body.decode()
        assert text.endswith("\n# EOF\n")
        self.families = list(parser.text_string_to_metric_families(text))
        self.samples = {}
        for f in self.families:
            for s in f.samples:
                key = s.name, tuple(sorted(s.labels.items()))
                assert key not in self.samples, key
                self.samples[key] = s.value

    def get(self, name, **labels):
        return self.samples[name, tuple(sorted(labels.items()))]

    def all(self, name, **labels):
        """Label values of the samples with these, and maybe more: the values."""
        want = set(labels.items())
        return {key: v for key, v in self.samples.items() if key[0] == name and want <= set(key[1])}

    def by(self, label, name, **labels):
        return {dict(k[1])[label]: v for k, v in self.all(name, **labels).items()}

    def counters(self):
        names = {s.name for f in self.families if f.type in ("counter", "histogram") for s in f.samples}
        return {key: v for key, v in self.samples.items() if key[0] in names}

    def series(self):
        return {(n, tuple(kv for kv in labels if kv[0] not in ("job", "run"))) for n, labels in self.samples}


def scrape(s):
    return Metrics(s.get("/metrics", headers={"Accept": ACCEPT}))


def promtool(*args, **kw):
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    return subprocess.run(["promtool", *map(str, args)], capture_output=True, text=True, timeout=harness.CRAWL_SECONDS, **kw)


@pytest.fixture
def settings():
    return SETTINGS


# What is wanted more is what comes (RFC 9110, 12.5.1).
OPEN_TYPE = "application/openmetrics-text"
WANTED = [
    # As Prometheus 2 and 3 ask, and one before it knew OpenMetrics.
    (f"{OPEN_TYPE};version=1.0.0;q=0.8,{OPEN_TYPE};version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", OPEN),
    (f"{OPEN_TYPE};version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1", OPEN),
    ("text/plain;version=0.0.4;q=1,*/*;q=0.1", OLD),
    (f"{OPEN_TYPE};q=0.4, text/plain;q=0.5", OLD),
    (f"{OPEN_TYPE};q=0, text/plain", OLD),
    (f"{OPEN_TYPE};q=0, */*", OLD),
    ("text/plain;q=0.5, application/*", OPEN),
    ("TEXT/*, application/*;q=0.9", OLD),
    ("text/plain, */*", OLD),
    (f"text/plain, {OPEN_TYPE}", OPEN),
    ("text/plain;q=0", OPEN),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", OPEN),
    ("application/json", OPEN),
]


def done(s, name, **spec):
    s.create(name, **spec)
    return s.wait_for(s.run(name), "done")


def test_two_readers_take_it_and_the_older_form_says_the_same(service, web):
    done(service, "demo", seeds=[web.url()])
    m = scrape(service)
    # Another scrape in the older form, which promtool has no complaint about.
    old = service.get("/metrics", headers={"Accept": "text/plain"})
    assert old.headers["Content-Type"] == OLD
    checked = promtool("check", "metrics", input=old.body.decode())
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    lines = [line for line in old.body.decode().splitlines() if not line.startswith("#")]
    names = {re.match(r"[a-z_]+", line)[0] for line in lines}
    assert names == {n for n, _ in m.samples} and len(lines) == len(m.samples)
    # Who does not say what is wanted gets all there is; a wrong query is told.
    assert service.get("/metrics").headers["Content-Type"] == OPEN
    assert service.get("/metrics", headers={"Accept": "*/*"}).headers["Content-Type"] == OPEN
    for accept, form in WANTED:
        assert service.get("/metrics", headers={"Accept": accept}).headers["Content-Type"] == form, accept
    assert service.call("HEAD", "/metrics").status == 200
    assert service.post("/metrics").status == 405


def test_the_manual_has_what_is_told_and_nothing_else(service):
    told = {f.name + {"counter": "_total", "info": "_info"}.get(f.type, "") for f in scrape(service).families}
    man = (BUILDDIR / "doc" / "trawl-serve.8").read_text()
    if not man:
        man = (SRCDIR / "doc" / "trawl-serve.8").read_text()
    section = man.split("\n.SH METRICS\n")[1].split("\n.SH ")[0]
    assert set(re.findall(r"^\.BR? ((?:trawl|process)_\w+)", section, re.M)) == told
    assert len(told) > 60


def test_at_its_end_counters_are_what_status_and_report_say(service, web):
    run = done(service, "demo", seeds=[web.url()], fetch={"delay": "20ms", "per_host": 1})
    m = scrape(service)
    which = {"job": "demo", "run": str(run["id"])}
    stats = run["stats"]
    out = service.output(run["id"])
    report = json.loads((out.dir / "report.json").read_text())
    status = json.loads(trawl("status", "--json", out.dir).out)
    for name, key in [
        ("pages", "pages"), ("requests", "attempts"), ("received_bytes", "bytes_wire"), ("body_bytes", "bytes_body"),
    ]:  # fmt: skip
        assert m.get(f"trawl_run_{name}_total", **which) == stats[key] > 0, name
        assert m.get(f"trawl_{name}_total") == stats[key], name
    assert m.get("trawl_urls_discovered_total") == m.get("trawl_run_urls_discovered", **which) == stats["discovered"]
    assert m.get("trawl_duplicate_links_total") == stats["duplicates"] > 0
    # The identity, and URLs by outcome.
    urls = m.by("state", "trawl_run_urls", **which)
    assert sum(urls.values()) == stats["discovered"]
    assert urls == {"fetched": stats["fetched"], "failed": 0, "rejected": stats["rejected"], "queued": 0, "in-flight": 0}
    assert m.by("outcome", "trawl_run_outcome_urls", **which) == stats["outcomes"]
    ended = {o: n for o, n in m.by("outcome", "trawl_urls_ended_total").items() if n > 0}
    assert {o: ended[o] for o in ("ok", "redirect", "http-4xx", "http-5xx")} == {
        o: stats["outcomes"][o] for o in ("ok", "redirect", "http-4xx", "http-5xx")
    }
    # Waits, to the millisecond, in three places.
    waits = {c: round(v * 1000) for c, v in m.by("cause", "trawl_run_wait_seconds_total", **which).items() if v > 0}
    assert waits == report["wait_ms"] == status["wait_ms"]
    assert waits["crawl-delay"] > 20 * stats["pages"] / 2
    assert {c: round(v * 1000) for c, v in m.by("cause", "trawl_wait_seconds_total").items() if v > 0} == waits
    # Each answer went through each stage.
    counts = m.by("stage", "trawl_stage_seconds_count")
    assert counts["first-byte"] == counts["download"] == stats["attempts"]
    assert counts["parse"] == counts["parse-queue"] == m.get("trawl_parser_answers_total") == stats["attempts"]
    assert counts["store"] >= stats["attempts"] and 1 <= counts["connect"] < 10
    assert counts["tls"] == counts["dns"] == 0
    assert m.get("trawl_commits_total") > 0 and m.get("trawl_commit_seconds_total") > 0
    assert m.get("trawl_robots_answers_total", outcome="ok") == 1


def test_names_are_a_stage_and_fifty_hosts_make_no_more_series_than_one(tmp_path):
    hosts = {f"h{i:02}.example.test": "127.0.0.1" for i in range(50)}
    www = tmp_path / "www"
    www.mkdir()
    (www / "index.html").write_text("<title>t</title>" + "".join(f'<a href="{i}.html">{i}</a>' for i in range(3)))
    for i in range(3):
        (www / f"{i}.html").write_text(f"<title>{i}</title>")
    server = f'server {{ listen 127.0.0.1:@PORT@; root "{www}"; }}'
    with dnsmasq(hosts) as dns, nginx(tmp_path / "nginx", server) as web:
        settings = SETTINGS.replace("127.0.0.0/8]", f'127.0.0.0/8], dns: "{dns}"')
        series = []
        for n in (1, 50):
            with Service(tmp_path / f"s{n}", settings) as s:
                s.start()
                run = done(s, "job", seeds=[web.url("/", h) for h in list(hosts)[:n]])
                m = scrape(s)
            assert run["stats"]["pages"] == 4 * n
            asked = m.get("trawl_stage_seconds_count", stage="dns")
            assert asked == n and 0 <= m.get("trawl_stage_seconds_sum", stage="dns") < 5 * n
            assert "example.test" not in repr(m.samples)
            series.append(m.series())
        assert series[0] == series[1]


class Slow(BaseHTTPRequestHandler):
    """Pages without end, one after the other; those of /fail are errors, and some are slow."""

    protocol_version = "HTTP/1.1"
    pause = 0.01

    def do_GET(self):
        n = int("0" + "".join(c for c in self.path if c.isdigit()))
        body = b""
        status = 404
        if self.path != "/robots.txt":
            status = 500 if self.path.startswith("/fail") else 200
            links = f'<a href="/p{2 * n + 1}">a</a><a href="/p{2 * n + 2}">b</a><a href="/fail{n}">f</a>'
            body = f"<title>{n}</title>{links}".encode()
            time.sleep(self.pause)
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *ignored):
        pass


@pytest.fixture
def endless():
    Slow.pause = 0.01
    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/p0"
        server.shutdown()


def assert_identity(m):
    for (_, labels), n in m.all("trawl_run_urls_discovered").items():
        assert sum(m.all("trawl_run_urls", **dict(labels)).values()) == n


def assert_no_counter_falls(before, after):
    after = after.counters()
    for key, v in before.counters().items():
        assert key not in after or after[key] >= v, key


def test_while_it_crawls_the_identity_holds_and_nothing_falls_over_a_pause(service, endless):
    # But for the pause nothing is committed.
    service.create("endless", seeds=[endless], fetch={"per_host": 4, "delay": "10ms"}, limits={"max_pages": 100000},
                   run={"commit_interval": "60s"})  # fmt: skip
    run = service.run("endless")
    which = {"job": "endless", "run": str(run)}

    def pages(least):
        def look():
            m = scrape(service)
            assert_identity(m)
            seen.append(m)
            got = m.all("trawl_run_pages_total", **which)
            return m if got and list(got.values())[0] >= least else None

        return wait_until(f"{least} pages", look, every=0.1)

    seen = []
    m = pages(20)
    assert m.get("trawl_run_crawling", **which) == 1
    assert m.get("trawl_run_state", state="running", **which) == 1
    assert m.get("trawl_runs", state="running") == 1
    assert m.get("trawl_run_urls", state="queued", **which) > 0
    assert sum(m.by("state", "trawl_run_hosts", **which).values()) == 1
    assert m.get("trawl_run_retries_total", **which) == m.get("trawl_retries_total") == 0
    names_are_there(m)
    assert service.post(f"/api/v1/runs/{run}:pause").status == 200
    wait_until("it rests", lambda: not service.state_of(run)["crawling"])
    rest = scrape(service)
    seen.append(rest)
    assert rest.get("trawl_run_crawling", **which) == 0
    assert rest.get("trawl_run_state", state="paused", **which) == 1
    assert sum(rest.by("at", "trawl_run_in_hand", **which).values()) == 0
    before = rest.get("trawl_run_pages_total", **which)
    assert service.post(f"/api/v1/runs/{run}:resume").status == 200
    pages(before + 20)
    # A crash: what was counted is gone, what is of the run is not.
    service.kill()
    Slow.pause = 0.3  # so that what was before is not soon reached again
    service.start()
    again = wait_until("it goes on", lambda: (m := scrape(service)).all("trawl_run_pages_total", **which) and m)
    assert again.get("trawl_run_urls_discovered", **which) >= before
    assert again.get("trawl_run_pages_total", **which) < before + 20
    for a, b in zip(seen, seen[1:]):
        assert_no_counter_falls(a, b)
    assert service.post(f"/api/v1/runs/{run}:cancel").status == 200


def of_grafana():
    board = json.loads((SRCDIR / "doc" / "grafana.json").read_text())
    asked = [t["expr"] for p in board["panels"] for t in p.get("targets", [])]
    asked += [a["expr"] for a in board["annotations"]["list"]]
    assert len(asked) > 30
    return asked


def names_are_there(m):
    """Of what Grafana and the alerts ask for, each name and each label's value is told."""
    asked = of_grafana()
    boards = len(asked)
    alerts = (SRCDIR / "doc" / "alerts.yaml").read_text()
    asked += re.findall(r"^ +expr: (?:\|\n)?(.*?)\n +(?:for|labels):", alerts, re.M | re.S)
    assert len(re.findall("alert: ", alerts)) == len(asked) - boards
    there = {n for n, _ in m.samples}
    of_the_scrape = {"instance", "job", "exported_job"}
    for expr in asked:
        used = re.findall(r"\b((?:trawl|process)_[a-z_]+)(?:\{([^}]*)\})?", expr)
        assert used or "up{" in expr, expr
        for name, matchers in used:
            assert name in there, (name, expr)
            for label, value in re.findall(r'(\w+)=~?"([^"]*)"', matchers):
                if label in of_the_scrape:
                    continue
                values = {dict(k[1]).get(label) for k in m.all(name)}
                known = value in values or all(v in values for v in value.split("|"))
                assert known, (name, label, value)
        for label in re.findall(r"by \(([^)]*)\)", expr):
            named = {w.strip() for w in label.split(",")} - of_the_scrape
            assert any(named <= {k for k, _ in key[1]} for key in m.samples if any(key[0] == n for n, _ in used)), expr


def test_the_alerts_are_taken_and_fire_when_they_should(tmp_path):
    shutil.copy(SRCDIR / "doc" / "alerts.yaml", tmp_path)
    shutil.copy(SRCDIR / "tests" / "e2e" / "alerts_test.yaml", tmp_path)
    checked = promtool("check", "rules", tmp_path / "alerts.yaml")
    assert checked.returncode == 0 and "SUCCESS" in checked.stdout, checked
    tested = promtool("test", "rules", tmp_path / "alerts_test.yaml", cwd=tmp_path)
    assert tested.returncode == 0 and "SUCCESS" in tested.stdout, tested
    alerts = set(re.findall(r"- alert: (\w+)", (tmp_path / "alerts.yaml").read_text()))
    assert alerts == set(re.findall(r"alertname: (\w+)", (tmp_path / "alerts_test.yaml").read_text()))
    # Both were read: with another rule the test fails.
    text = (tmp_path / "alerts.yaml").read_text().replace("> 0.25", "> 0.99")
    (tmp_path / "alerts.yaml").write_text(text)
    assert promtool("test", "rules", tmp_path / "alerts_test.yaml", cwd=tmp_path).returncode != 0


PROMETHEUS = """
global: {scrape_interval: 500ms, evaluation_interval: 500ms}
rule_files: [@RULES@]
scrape_configs:
  - job_name: trawl
    static_configs: [{targets: ["127.0.0.1:@PORT@"]}]
    authorization: {credentials: @TOKEN@}
"""


@contextlib.contextmanager
def prometheus(tmp, conf):
    """A real one; yields a function that asks it."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("prometheus is not installed")
    tmp.mkdir()
    (tmp / "prometheus.yml").write_text(conf)
    port = free_port()
    with open(tmp / "log", "wb") as log:
        child = subprocess.Popen(
            [program, f"--config.file={tmp}/prometheus.yml", f"--storage.tsdb.path={tmp}/data",
             f"--web.listen-address=127.0.0.1:{port}"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=harness._die_with_parent,
        )  # fmt: skip

    def ask(expr):
        query = urllib.parse.urlencode({"query": expr})
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?{query}", timeout=60) as a:
                return json.load(a)["data"]["result"]
        except urllib.error.HTTPError as e:
            if e.code == 503:  # it still reads its own files
                return []
            raise AssertionError(f"{expr}: {e.read()}") from e
        except OSError:
            assert child.poll() is None, (tmp / "log").read_text()[-2000:]
            return []

    try:
        yield ask
    finally:
        stop(child)


def test_prometheus_itself_scrapes_it_and_has_an_answer_for_grafana(tmp_path, endless):
    with TcpService(tmp_path / "s", "allow_local: yes", "defaults: {net: {allow_net: [127.0.0.0/8]}}") as s:
        s.start()
        conf = PROMETHEUS.replace("@PORT@", str(s.port)).replace("@TOKEN@", s.reader)
        s.create("endless", seeds=[endless], fetch={"delay": "10ms"})
        s.run("endless")
        with prometheus(tmp_path / "p", conf.replace("@RULES@", str(SRCDIR / "doc" / "alerts.yaml"))) as ask:
            wait_until("it is scraped", lambda: [r for r in ask('up{job="trawl"}') if r["value"][1] == "1"], every=0.3)
            wait_until("rates", lambda: ask("rate(trawl_pages_total[10s]) > 0"), every=0.3)
            (run,) = ask("trawl_run_crawling")
            assert (run["metric"]["exported_job"], run["metric"]["job"]) == ("endless", "trawl")
            assert run["metric"]["run"] == "1"
            for expr in of_grafana():
                expr = expr.replace("$__rate_interval", "10s").replace("$instance", ".*")
                # Nothing failed, nothing waits for some causes: an answer may be empty, but not an error.  All are so
                # after a scrape that took longer than half a second, until the next.
                wait_until(expr, lambda: ask(expr) or "> 0" in expr or "!=" in expr)  # noqa: B023
            # A third of the pages are errors: that is on its way to an alert, by the rules that it read.
            wait_until("an alert is pending", lambda: ask('ALERTS{alertname="TrawlErrors",alertstate="pending"}'), every=0.3)
            assert ask('ALERTS{alertstate="firing"}') == []


def test_series_of_runs_are_few_and_the_sums_have_them_all(service, web):
    runs = 20
    service.create("demo", seeds=[web.url()], limits={"max_pages": 3})
    pages = 0
    for _ in range(runs):
        started = service.post("/api/v1/jobs/demo/runs", {"again": True})
        assert started.status == 201, started
        pages += service.wait_for(started.json["id"], "done")["stats"]["pages"]
    m = scrape(service)
    shown = {dict(k[1])["run"] for k in m.all("trawl_run_pages_total")}
    assert shown == {str(i) for i in range(runs - 15, runs + 1)}
    assert m.get("trawl_pages_total") == pages == 3 * runs
    assert m.get("trawl_runs_started_total") == m.get("trawl_runs_ended_total") == runs
    assert m.get("trawl_runs_failed_total") == 0 and m.get("trawl_runs_unlabelled") == 0


def test_of_many_runs_at_once_some_have_series_and_a_scrape_stays_cheap(tmp_path, endless):
    runs, shown = 36, 32
    settings = SETTINGS.replace("runs_at_once: 4", f"runs_at_once: {runs}") + "limits: {memory: 4GiB}\n"
    with Service(tmp_path / "many", settings) as s:
        s.start()
        s.create("slow", seeds=[endless], fetch={"delay": "1s"})
        for _ in range(runs):
            assert s.post("/api/v1/jobs/slow/runs", {"again": True}).status == 201
        wait_until("all crawl", lambda: scrape(s).get("trawl_runs_unlabelled") == runs - shown, every=0.5)
        m = scrape(s)
        wait_until("all have asked", lambda: scrape(s).get("trawl_requests_total") >= 3, every=0.5)
        took = []
        for _ in range(10):
            began = time.monotonic()
            body = s.get("/metrics").body
            took.append(time.monotonic() - began)
    assert len(m.all("trawl_run_crawling")) == shown
    print(f"\n{len(m.samples)} samples, {len(body)} bytes, {sorted(took)[5] * 1000:.1f} ms")
    assert len(body) < 512 << 10 and min(took) < 0.25


def test_the_process_is_told_as_the_system_sees_it(service):
    m = scrape(service)
    with open(f"/proc/{service.child.pid}/status") as f:
        rss = next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS"))
    assert abs(m.get("process_resident_memory_bytes") - rss) < 4 << 20
    assert 5 < m.get("process_open_fds") < m.get("process_max_fds")
    assert abs(m.get("process_start_time_seconds") - time.time()) < 60
    assert 0 < m.get("process_cpu_seconds_total") < 60
    usage = shutil.disk_usage(service.state)
    assert m.get("trawl_disk_size_bytes") == usage.total
    assert abs(m.get("trawl_disk_free_bytes") - usage.free) < usage.total / 10
    version = re.search(r"\d[\w.]*", trawl("--version").out)[0]
    assert m.get("trawl_build_info", version=version) == 1
    wait_until("a look at the loop", lambda: scrape(service).get("trawl_loop_lag_seconds_count") > 0, every=0.2)


def test_who_may_read_may_scrape(tmp_path):
    with TcpService(tmp_path / "s") as s:
        s.start()
        assert s.tcp(path="/metrics")[0] == 401
        status, text = s.tcp(path="/metrics", token=s.reader)
        assert status == 200 and "trawl_build_info" in text

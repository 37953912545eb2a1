"""Job files: what they include, what they take from the environment, what is told of mistakes."""

import datetime
import gzip
import http.server
import json
import os
import pathlib
import re
import select
import signal
import threading

import pytest

import harness


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    tmp = tmp_path_factory.mktemp("job")
    (tmp / "www").mkdir()
    for i in range(6):
        links = "".join(f"<a href=p{k}.html>{k}</a>" for k in range(6))
        (tmp / "www" / f"p{i}.html").write_text(f"<!DOCTYPE html><title>{i}</title>{links}")
    with harness.nginx(tmp / "nginx", f'server {{ listen 127.0.0.1:@PORT@; root "{tmp}/www"; }}') as web:
        web.root = tmp / "www"
        yield web


def paths(out):
    return sorted(p["url"].rpartition("/")[2] for p in out.pages())


def test_a_job_is_made_of_several_files_and_the_environment(web, tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "common.yaml").write_text(
        "include: agent.yaml\ncrawl: {exclude: [p1, p2, p3]}\nfetch: {delay: 0}\nseeds_from: seeds.txt\n"
    )
    (tmp_path / "base" / "agent.yaml").write_text("fetch: {user_agent: '${AGENT:-tester}/2'}\n")
    (tmp_path / "base" / "seeds.txt").write_text(web.url("/p0.html"))
    (tmp_path / "job.yaml").write_text("include: base/common.yaml\ncrawl: {exclude: ['p${DROP}', 'a$${x']}\n")
    job = tmp_path / "job.yaml"
    result = harness.trawl("run", "-q", "-o", tmp_path / "c", job, env={"DROP": "5", "AGENT": ""})
    assert result.rc == 0, result.err
    out = harness.Output(tmp_path / "c")
    assert paths(out) == [f"p{i}.html" for i in range(5)]
    text = (tmp_path / "c" / "job.yaml").read_text()
    assert "'tester/2'" in text and "'p5'" in text and "'a$${x'" in text
    assert harness.trawl("resume", "-q", tmp_path / "c").rc == 0


def test_a_variable_that_is_not_set_ends_it_before_it_begins(tmp_path):
    (tmp_path / "job.yaml").write_text("seeds: ['http://a.test/']\nfetch:\n  from: ${NOBODY_SETS_THIS}\n")
    result = harness.trawl("run", "job.yaml", cwd=tmp_path)
    assert result.rc == 2
    assert result.err == (
        "trawl: job.yaml:3:9: NOBODY_SETS_THIS is not set in the environment; ${NOBODY_SETS_THIS:-default} needs not be\n"
    )
    assert [p.name for p in tmp_path.iterdir()] == ["job.yaml"]


MISTAKES = """\
name: all wrong
seed: [http://a.test/]
include: [more.yaml, nowhere.yaml]
crawl:
  scope: doman
  exclude: ['fine', 'a(']
  extract: ['x=a:hover']
  depth: 3
  depth: 4
fetch:
  per_hots: 2
  ca: nowhere.pem
  cookies: nowhere.txt
  header: {a: b}
max_pages: 5
"""

TOLD = [
    r"job.yaml:1:7: name: 'all wrong' is no name",
    r"job.yaml:2:1: there is no section 'seed'; did you mean seeds\?",
    r"./more.yaml:2:9: there is no fetch.dely; did you mean fetch.delay\?|more.yaml:2:9: .*did you mean fetch.delay\?",
    r"job.yaml:3:22: include: cannot open nowhere.yaml: No such file",
    r"job.yaml:5:10: crawl.scope: 'doman' is not one of page\|prefix\|host\|domain\|any",
    r"job.yaml:6:21: crawl.exclude: .*missing closing parenthesis",
    r"job.yaml:7:13: crawl.extract: column \d+ of 'x=a:hover'",
    r"job.yaml:9:3: crawl.depth is there twice; first in line 8",
    r"job.yaml:11:3: there is no fetch.per_hots; did you mean fetch.per_host\?",
    r"job.yaml:14:11: fetch.header wants one value",
    r"job.yaml:15:1: 'max_pages' is no section; it belongs below limits:",
    r"job.yaml: there is no seed",
    r"job.yaml:12:7: fetch.ca: cannot open nowhere.pem",
    r"job.yaml:13:12: fetch.cookies: cannot open nowhere.txt",
]


def test_check_tells_all_mistakes_at_once(tmp_path):
    (tmp_path / "job.yaml").write_text(MISTAKES)
    (tmp_path / "more.yaml").write_text("# included\nfetch: {dely: 1s}\n")
    result = harness.trawl("check", "job.yaml", cwd=tmp_path)
    assert result.rc == 2
    lines = [line.removeprefix("trawl: ") for line in result.err.splitlines()]
    assert len(lines) == len(TOLD), result.err
    for line, told in zip(lines, TOLD):
        assert re.match(told, line), (told, line)
    as_json = harness.trawl("check", "--json", "job.yaml", cwd=tmp_path)
    assert as_json.rc == 2 and as_json.err == ""
    said = json.loads(as_json.out)
    assert said["file"] == "job.yaml" and said["ok"] is False
    assert [
        f"{m['file']}:{m['line']}:{m['column']}: {m['text']}" if "line" in m else f"{m['file']}: {m['text']}"
        for m in said["mistakes"]
    ] == lines


SEVERAL = """\
seeds: http://a.test/
fetch:
  header_for: ['x', 'a.test=X: y']
  auth: ['nobody', 'me:secret@a.test', 'you:@']
  auth_file: nowhere.txt
  ca: nowhere.pem
  cert: nothing.pem
  key: neither.pem
net:
  dns: 192.0.2.1, ns.test
limits:
  trap_ok: '('
output:
  sink: [warc, stdout, exec, s3]
mirror:
  link: keep
exec:
  command: no-such-program-here
  env: [NOT_SET]
s3:
  endpoint: ftp://x
  bucket: a/b
  region: a b
  prefix: /a
  storage_class: a b
  ca: nowhere.pem
  timout: 3s
run:
  json: yes
rules:
  - match: '('
    depth: 1
"""

EACH = [
    "3:16: fetch.header_for: that is not",
    "4:10: fetch.auth: that is not USER:PASS@HOST",
    "4:40: fetch.auth: '' is not HOST or HOST:PORT",
    "5:14: fetch.auth_file: cannot open nowhere.txt",
    "6:7: fetch.ca: cannot open nowhere.pem",
    "7:9: fetch.cert: cannot open nothing.pem",
    "8:8: fetch.key: cannot open neither.pem",
    "10:8: net.dns: ' ns.test' is not a DNS server",
    "12:12: limits.trap_ok: '(': missing closing parenthesis",
    "16:3: there is no mirror.link; did you mean mirror.links?",
    "18:12: exec.command: there is no program",
    "19:8: exec.env: the environment has no variable 'NOT_SET'",
    "21:13: s3.endpoint: 'ftp://x' is not a URL",
    "22:11: s3.bucket: 'a/b' is not the name of a bucket",
    "23:11: s3.region: that is not the name of a region",
    "24:11: s3.prefix: ",
    "25:18: s3.storage_class: ",
    "26:7: s3.ca: cannot open nowhere.pem",
    "27:3: there is no s3.timout; did you mean s3.timeout?",
    "31:12: rules: match '(': missing closing parenthesis",
    "29:9: run.json: the summary would stand among the pages",
]


def test_of_what_belongs_together_each_mistake_is_told(tmp_path):
    (tmp_path / "job.yaml").write_text(SEVERAL)
    keys = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    result = harness.trawl("check", "job.yaml", cwd=tmp_path, env=keys)
    assert result.rc == 2 and "secret" not in result.err
    lines = [line.removeprefix("trawl: job.yaml:") for line in result.err.splitlines()]
    for told in EACH:
        assert sum(line.startswith(told) for line in lines) == 1, (told, result.err)
    rest = [line for line in lines if not line.startswith(tuple(EACH))]
    assert len(rest) == 1 and "s3.credentials: there are no keys" in rest[0], rest


def test_check_gives_the_warnings_that_a_run_would_give(web, tmp_path):
    (tmp_path / "more.yaml").write_text("output: {csv_columns: url}\n")
    (tmp_path / "job.yaml").write_text(
        f"""include: more.yaml
seeds: ["{web.url("/p0.html")}"]
crawl:
  focus: [boat, sea]
  scope: page
fetch: {{max_body: 40MiB}}
limits: {{max_memory: 256MiB}}
"""
    )
    ran = harness.trawl("run", "-o", "c", "job.yaml", cwd=tmp_path)
    assert ran.rc == 0, ran.err
    warned = re.findall("^trawl: warning: (.*)$", ran.err, re.M)
    assert [w[:13] for w in warned] == ["--focus does ", "--csv-columns", "bodies are cu"]
    checked = harness.trawl("check", "job.yaml", cwd=tmp_path)
    assert (checked.rc, checked.out) == (0, "job.yaml: ok\n")
    assert checked.err.splitlines() == [
        "trawl: warning: job.yaml:4:10: crawl.focus does nothing without --order focus",
        "trawl: warning: more.yaml:1:23: output.csv_columns does nothing without --sink csv",
        f"trawl: warning: job.yaml:6:19: {warned[2]}",
    ]
    as_json = harness.trawl("check", "--json", "job.yaml", cwd=tmp_path)
    assert (as_json.rc, as_json.err) == (0, "")
    told = json.loads(as_json.out)
    assert (told["ok"], told["mistakes"]) == (True, [])
    assert [(w["file"], w["line"], w["column"]) for w in told["warnings"]] == [
        ("job.yaml", 4, 10),
        ("more.yaml", 1, 23),
        ("job.yaml", 6, 19),
    ]
    # With a mistake there is no run, and what it would say is not known.
    (tmp_path / "bad.yaml").write_text((tmp_path / "job.yaml").read_text() + "run: {json: perhaps}\n")
    bad = harness.trawl("check", "bad.yaml", cwd=tmp_path)
    assert bad.rc == 2 and "warning" not in bad.err


@pytest.mark.parametrize("text, said", [
    ("seeds: ['http://a.test/']\n", None), ("fetch: {dely: 1s}\nseeds: ['http://a.test/']\n", "1:9: there is no fetch.dely"),
    ("service: {runs_at_once: 2}\n", None), ("service: {runs: 2}\n", "1:11: there is no service.runs"),
])  # fmt: skip
def test_check_reads_a_pipe_and_standard_input(tmp_path, text, said):
    os.mkfifo(tmp_path / "pipe")
    for name in "pipe", "-":
        running = harness.Running("check", name, cwd=tmp_path, stdin=text if name == "-" else None)
        if name == "pipe":
            (tmp_path / "pipe").write_text(text)
        result = running.result()
        called = "standard input" if name == "-" else "pipe"
        if said is None:
            assert (result.rc, result.out, result.err) == (0, f"{called}: ok\n", "")
        else:
            assert result.rc == 2 and result.err.startswith(f"trawl: {called}:{said}"), result.err


def test_check_of_a_good_file_says_so_in_json_too(tmp_path):
    (tmp_path / "job.yaml").write_text("seeds: ['http://a.test/']\n")
    result = harness.trawl("check", "--json", "job.yaml", cwd=tmp_path)
    assert result.rc == 0
    assert json.loads(result.out) == {"file": "job.yaml", "mistakes": [], "ok": True}


def test_the_examples_are_installed():
    listed = (harness.SRCDIR / "conf" / "module.am").read_text()
    for job in (harness.SRCDIR / "conf").glob("*.yaml"):
        assert f"conf/{job.name}" in listed


# -- Sitemaps --


def test_seeds_come_from_sitemaps_in_files_and_on_the_web(web, tmp_path):
    entries = "".join(f"<url><loc>{web.url(f'/p{i}.html')}</loc></url>" for i in (1, 2))
    (tmp_path / "map.xml.gz").write_bytes(gzip.compress(f"<urlset>{entries}</urlset>".encode()))
    job = tmp_path / "job.yaml"
    job.write_text("seeds_sitemaps: map.xml.gz\ncrawl: {scope: page}\nfetch: {delay: 0}\n")
    assert harness.trawl("check", job).rc == 0
    assert harness.trawl("run", "-q", "-o", tmp_path / "a", job).rc == 0
    assert paths(harness.Output(tmp_path / "a")) == ["p1.html", "p2.html"]
    job.write_text(f"seeds_sitemaps: ['{web.url('/list.txt')}']\ncrawl: {{depth: 1, scope: host}}\nfetch: {{delay: 0}}\n")
    (web.root / "list.txt").write_text(web.url("/p3.html") + "\n" + web.url("/p4.html") + "\n")
    result = harness.trawl("run", "-q", "--max-pages", "1", "-o", tmp_path / "b", job)
    assert result.rc == 0, result.err
    assert harness.trawl("resume", "-q", "--max-pages", "100", tmp_path / "b").rc == 0
    assert paths(harness.Output(tmp_path / "b")) == ["list.txt", "p3.html", "p4.html"]


# -- Rules --


def page(links, body=""):
    return "<!DOCTYPE html><title>t</title>" + "".join(f"<a href={u}>x</a>" for u in links) + body


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    tmp = tmp_path_factory.mktemp("rules")
    www = tmp / "www"
    (www / "deep").mkdir(parents=True)
    (www / "news").mkdir()
    (www / "index.html").write_text(page(["/news/a.html", "/big.html", "/deep/1.html", "/old.html", "/echo"]))
    (www / "news" / "a.html").write_text(page([], "<h1>News</h1><h2>of today</h2>"))
    (www / "big.html").write_text(page([], "<h1>Big</h1><h2>no field</h2>" + "x" * 50000))
    for i in range(1, 5):
        (www / "deep" / f"{i}.html").write_text(page([f"/deep/{i + 1}.html"]))
    (www / "old.html").write_text(page([]))
    text = f"""server {{ listen 127.0.0.1:@PORT@; root "{www}"; index index.html;
        location = /echo {{ default_type text/html; return 200 "<h1>$http_x_test</h1>"; }} }}"""
    with harness.nginx(tmp / "nginx", text) as web:
        yield web


def run_with(site, tmp_path, rules, more="", **kw):
    (tmp_path / "job.yaml").write_text(
        f"seeds: ['{site.url('/')}']\nfetch: {{delay: 0}}\ncrawl: {{extract: [one=h1]}}\n{more}rules:\n{rules}"
    )
    result = harness.trawl("run", "-q", "-o", tmp_path / "c", tmp_path / "job.yaml", **kw)
    assert result.rc == 0, result.err
    out = harness.Output(tmp_path / "c")
    return out, {"/" + p["url"].split("/", 3)[3]: p for p in out.pages()}


def test_rules_exclude_and_limit_depth(site, tmp_path):
    out, pages = run_with(site, tmp_path, "  - {match: /old, exclude: yes}\n  - {match: /deep/, depth: 2}\n")
    assert "/old.html" not in pages and "/deep/2.html" in pages and "/deep/3.html" not in pages
    told = {line[1].split("/", 3)[3]: (line[0], line[3]) for line in out.rejected()}
    assert told["old.html"] == ("out-of-scope", "rule 1: exclude")
    assert told["deep/3.html"] == ("depth", "rule 2: depth 2")


def test_rules_limit_bodies_and_add_header_lines(site, tmp_path):
    rules = "  - {match: /big, max_body: 10000}\n  - {match: '/echo$', header: 'X-Test: only here'}\n"
    _, pages = run_with(site, tmp_path, rules)
    assert pages["/big.html"]["outcome"] == "too-large"
    assert pages["/old.html"]["outcome"] == "ok"
    assert pages["/echo"]["fields"] == {"one": "only here"}
    job = tmp_path / "c" / "job.yaml"
    assert job.stat().st_mode & 0o077 == 0 and "only here" in job.read_text()
    assert harness.trawl("resume", "-q", tmp_path / "c").rc == 0


def test_a_rule_takes_fields_of_its_pages_only(site, tmp_path):
    _, pages = run_with(site, tmp_path, "  - {match: /news/, extract: ['two=h2']}\n")
    assert pages["/news/a.html"]["fields"] == {"one": "News", "two": "of today"}
    assert pages["/big.html"]["fields"] == {"one": "Big"}


def test_a_rule_has_the_last_word_on_priority(site, tmp_path):
    rules = "  - {match: /deep/, priority: 5}\n  - {match: /old, priority: 90}\n"
    _, pages = run_with(site, tmp_path, rules, "output: {sink: [jsonl]}\n")
    before = len(site.log())
    result = harness.trawl("run", "-q", "--order", "priority", "-o", tmp_path / "p", tmp_path / "job.yaml")
    assert result.rc == 0, result.err
    order = [row["uri"] for row in site.log()[before:] if row["uri"] != "/robots.txt"]
    assert order[:3] == ["/", "/old.html", "/deep/1.html"]
    assert set(order) == set(pages)


def test_a_rule_gives_a_host_its_own_pace(site, tmp_path):
    _, pages = run_with(site, tmp_path, "  - {host: 127.0.0.1, delay: 150ms}\n", "limits: {max_pages: 4}\n")
    times = sorted(_time(p["fetched_at"]) for p in pages.values())
    gaps = [(b - a).total_seconds() for a, b in zip(times, times[1:])]
    assert len(gaps) == 3 and min(gaps) >= 0.15, gaps


def _time(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


# -- SIGHUP --

WAITS = "crawl: {robots: ignore, sitemaps: no}\nfetch: {delay: 1h}\n"


def begun(*args, cwd="."):
    """A crawl that has one page, and waits an hour with the next."""
    running = harness.Running(*args, cwd=cwd)
    out = harness.Output(pathlib.Path(cwd) / args[args.index("-o") + 1])
    harness.wait_until("the first page", lambda: (out.dir / "pages.jsonl").exists() and len(out.pages()) == 1)
    return running, out


def hear(running):
    """What the next line on standard error says."""
    harness.wait_until("a line", lambda: select.select([running.child.stderr], [], [], 0)[0])
    return running.child.stderr.readline()


def test_sighup_reads_the_job_again_and_the_crawl_goes_on_with_what_can_change(web, tmp_path):
    job, seed = tmp_path / "job.yaml", f"seeds: ['{web.url('/p0.html')}']\n"
    job.write_text(seed + WAITS)
    running, out = begun("run", job, "-o", tmp_path / "c", "--depth", "1", "--progress", "none")
    try:
        running.signal(signal.SIGHUP)
        assert hear(running) == f"trawl: warning: {job} was read again: it says nothing new that can be changed\n"
        job.write_text(seed + "fetch: {delay: soon}\n")
        running.signal(signal.SIGHUP)
        assert hear(running).startswith(f"trawl: {job}:2:16: fetch.delay: 'soon' is not a duration")
        # What a flag said counts for more, as at the start; p5 waits already.
        job.write_text(
            seed + "crawl: {robots: obey, sitemaps: no, exclude: [p5], depth: 0}\nfetch: {delay: 0}\n"
        )
        running.signal(signal.SIGHUP)
        result = running.result()
    finally:
        running.end()
    assert result.rc == 0, result.err
    assert "--robots is not changed: it cannot be while the crawl runs" in result.err
    assert "the job was read again: the crawl goes on with it" in result.err
    assert paths(out) == [f"p{i}.html" for i in range(5)]
    assert sorted(u for u in out.archived()) == sorted(p["url"] for p in out.pages()), "each once"
    text = (out.dir / "job.yaml").read_text()
    assert re.search(r"^  robots: ignore$", text, re.M) and re.search(r"^  depth: 1$", text, re.M)
    assert re.search(r"^  exclude:\n    - 'p5'$", text, re.M)


class Held(http.server.BaseHTTPRequestHandler):
    """Pages p0 ... p5, of which p1 is not answered before `go`."""

    def do_GET(self):
        if self.path == "/p1.html":
            self.server.asked.set()
            self.server.go.wait(harness.PATIENCE_SECONDS)
        text = "".join(f"<a href=p{k}.html>{k}</a>" for k in range(6)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *ignored):
        pass


@pytest.mark.parametrize("then", ["mistakes", "as it was"])
def test_of_two_sighups_the_later_counts_unless_its_file_has_mistakes(tmp_path, then):
    job, crawl = tmp_path / "job.yaml", "crawl: {robots: ignore, sitemaps: no}\nfetch: {delay: 0}\n"
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Held) as server:
        server.asked, server.go = threading.Event(), threading.Event()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        seed = f"seeds: ['http://127.0.0.1:{server.server_port}/p0.html']\n"
        job.write_text(seed + crawl)
        running = harness.Running("run", job, "-o", tmp_path / "c", "--progress", "none")
        try:
            assert server.asked.wait(harness.PATIENCE_SECONDS)
            job.write_text(seed + crawl.replace("ignore", "obey") + "limits: {max_pages: 2}\n")
            running.signal(signal.SIGHUP)  # the crawl stops for it when p1 has come
            assert "--robots is not changed" in hear(running)
            job.write_text(seed + ("fetch: {delay: soon}\n" if then == "mistakes" else crawl))
            running.signal(signal.SIGHUP)
            assert ("is not a duration" if then == "mistakes" else "it says nothing new") in hear(running)
            server.go.set()
            result = running.result()
        finally:
            running.end()
            server.go.set()
            server.shutdown()
    assert result.rc == 0, result.err
    assert ("goes on with it" in result.err) == (then == "mistakes")
    assert len(harness.Output(tmp_path / "c").pages()) == (2 if then == "mistakes" else 6)


def test_sighup_reads_job_yaml_of_a_crawl_without_a_job_file(web, tmp_path):
    running, out = begun(
        "crawl", "-o", tmp_path / "c", "--robots", "ignore", "--no-sitemaps", "--delay", "1h", "--header", 'X: "a" # b',
        "--extract", "h[]=h1 > a", "--rate", "7.5/s", "--priority", "(a)=3", "--bandwidth", "5MB", "--timeout", "7s",
        "--order", "priority",
        "--exclude", "it's, \"so\"", "--progress", "none", web.url("/p0.html"),
    )  # fmt: skip
    try:
        running.signal(signal.SIGHUP)
        assert "it says nothing new that can be changed" in hear(running), "what is written is what is read"
        job = out.dir / "job.yaml"
        job.write_text(job.read_text().replace("delay: 1h", "delay: 0s").replace("max_pages: none", "max_pages: 3"))
        running.signal(signal.SIGHUP)
        result = running.result()
    finally:
        running.end()
    assert result.rc == 0 and "page budget reached" in result.err
    assert len(out.pages()) == 3
    assert harness.trawl("resume", "-q", "--max-pages", "none", out.dir).rc == 0
    assert paths(out) == [f"p{i}.html" for i in range(6)]


def test_sighup_changes_nothing_of_a_crawl_in_memory_and_a_stop_goes_before(web, tmp_path):
    running, out = begun(
        "crawl", "-o", tmp_path / "c", "--robots", "ignore", "--no-sitemaps", "--delay", "1h", "--state", "memory",
        "--progress", "none", web.url("/p0.html"),
    )  # fmt: skip
    try:
        running.signal(signal.SIGHUP)
        assert "the job is not read again: with --state memory" in hear(running)
        running.signal(signal.SIGINT)
        assert running.result().rc == 11
    finally:
        running.end()


def test_a_crawl_that_cannot_go_on_with_what_sighup_found_says_so_to_its_end(web, tmp_path):
    for name, *quiet in ("loud", "--json"), ("quiet", "-q"):
        (tmp_path / name).mkdir()
        running, out = begun(
            "crawl", "-o", "c", "--robots", "ignore", "--no-sitemaps", "--delay", "1h", "--progress", "none",
            *quiet, web.url("/p0.html"), cwd=tmp_path / name,
        )  # fmt: skip
        try:
            (out.dir / "pages.jsonl").rename(out.dir / "moved")
            (out.dir / "pages.jsonl").mkdir()  # it cannot be opened
            job = out.dir / "job.yaml"
            job.write_text(job.read_text().replace("max_pages: none", "max_pages: 3"))
            running.signal(signal.SIGHUP)
            result = running.result()
        finally:
            running.end()
        assert result.rc == 3
        why = "cannot open 'c/pages.jsonl': Is a directory"
        assert f"trawl: cannot go on: {why}\n" in result.err and "trawl: stopped" not in result.err
        assert (f"trawl: results could not be written: {why}\n" in result.err) == (name == "loud")
        if name == "loud":
            report = json.loads(result.out)
            assert (report["end"], report["why"]) == ("results could not be written", why)


def test_the_job_for_links_takes_a_site_at_a_port_of_its_own(tmp_path):
    out = tmp_path / "c"
    env = {"SITE": "127.0.0.1", "PORT": str(harness.free_port())}
    result = harness.trawl("run", harness.SRCDIR / "conf/link-check.yaml", "-q", "-o", out, "--retries", "0", env=env)
    assert result.rc == 4 and f"https://127.0.0.1:{env['PORT']}/: connect-failure" in result.err, result.err

"""trawl check-links: a site with 40 known faults of 12 kinds, and what looks like faults and is none."""

import contextlib
import csv
import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import xml.etree.ElementTree as ET

import pytest

import harness

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16


class Handler(http.server.BaseHTTPRequestHandler):
    """A foreign host: what it says is in its server's table, path -> (status, headers, body)."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def say(self, head):
        self.server.asked.append((self.command, self.path))
        status, headers, body = self.server.answers.get(self.path, (404, {}, "no"))
        if status == "silence":
            self.server.over.wait(20)
            self.close_connection = True
            return
        if status == "hates-head":  # headers: what HEAD is told
            status, headers = (headers, {}) if head else (200, {})
        if status == "drops-head":
            if head:
                self.close_connection = True
                return
            status = 200
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Type" not in headers:
            self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not head:
            self.wfile.write(body)

    def do_GET(self):  # noqa: N802
        self.say(False)

    def do_HEAD(self):  # noqa: N802
        self.say(True)

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def foreign(answers, address="127.0.0.1"):
    server = http.server.ThreadingHTTPServer((address, 0), Handler)
    server.answers, server.asked, server.over = answers, [], threading.Event()
    server.answers.setdefault("/robots.txt", (404, {}, ""))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()


def base(server):
    return f"http://{server.server_address[0]}:{server.server_port}"


def check(*args, **kw):
    return harness.trawl(
        "check-links", "--delay", "0", "--per-host", "4", "--allow-net", "127.0.0.0/8", *args, **kw
    )


def closed_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# -- The site with 40 faults --

SERVER = """
server {
    listen 127.0.0.1:@PORT@;
    root "@RUN@/www";
    location = /gone { return 410; }
    location = /gone2 { return 410; }
    location = /forbidden { return 403; }
    location = /broken { return 500; }
    location = /ring1 { return 302 /ring2; }
    location = /ring2 { return 302 /ring1; }
    location = /self { return 301 /self; }
    location = /moved-to-nothing { return 301 /not-there-any-more; }
    location = /moved { return 301 /moved-to.html; }
    location = /moved-far { return 302 @FAR@/404; }
    location = /slow.html { limit_rate 50k; }
}
"""


def write_site(www, far, dead, tls, silent):
    """Returns {fault: kind}; `far` is a server of others, `dead` a port without one."""
    faults = {}

    def fault(kind, url):
        faults[url] = kind
        return url

    def file(name, text):
        path = www / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, bytes):
            path.write_bytes(text)
        else:
            path.write_text(text, encoding="utf-8")

    def a(url, text="x"):
        return f'<a href="{url}">{text}</a>\n'

    def page(name, *body, head=""):
        file(name, f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{name}</title>{head}</head><body>" + "".join(body))

    pages = ["status", "hosts", "redirects", "ids", "parts", "odd", "decoys", "moved-to", "ids-of", "sub/deep"]
    page("index.html", *(a(p + ".html") for p in pages))
    # 404 (5, one on another page), 410 (2), 403 (1), 500 (2); some linked twice
    page(
        "status.html",
        *(a(fault("404", f"/missing{i}")) for i in range(3)),
        a("/missing0"),
        a(fault("404", far + "/404")),
        a(fault("410", "/gone")),
        a(fault("410", far + "/410")),
        a(fault("403", "/forbidden")),
        a(fault("500", "/broken")),
        a(fault("500", far + "/500")),
    )
    # connection refused (2), no such name (2), TLS (1), time-out (1)
    page(
        "hosts.html",
        a(fault("refused", f"http://127.0.0.1:{dead}/")),
        a(fault("refused", f"http://127.0.0.1:{dead}/some/page")),
        a(fault("dns", "http://no-such-host.test/")),
        a(fault("dns", "http://neither.test/page?x=1")),
        a(fault("tls", tls + "/")),
        a(fault("timeout", silent + "/never")),
    )
    # redirect to nothing (3), loops (3)
    page(
        "redirects.html",
        a(fault("redirect-404", "/moved-to-nothing")),
        a(fault("redirect-404", "/moved-far")),
        a(fault("redirect-404", far + "/to-404")),
        a(fault("loop", "/ring1")),
        a(fault("loop", "/self")),
        a(fault("loop", far + "/ring")),
        a("/moved"),
        a(far + "/moved"),
    )
    # ids (6)
    page(
        "ids.html",
        '<p id="here">',
        a("#here"), a("#top"), a("#"), a("#TOP"),
        a(fault("id", "/ids.html#nowhere"), "same page"),
        a(fault("id", "/ids.html#Here"), "ids have case"),
        a(fault("id", "/ids-of.html#missing")),
        a(fault("id", "/ids-of.html#caf%C3%A0")),
        a(fault("id", "/moved#no-such")),
        a(fault("id", "sub/deep.html#gone").replace("sub", "/sub")),
        a("ids-of.html#old"), a("ids-of.html#caf%C3%A9"), a("ids-of.html#café"),
        a("ids-of.html#a%20b"), a("ids-of.html#:~:text=some%20words"),
        a("ids-of.html#new:~:text=some"), a("/moved#there"), a("ids-of.html#!/script"),
    )  # fmt: skip
    faults["/sub/deep.html#gone"] = faults.pop("sub/deep.html#gone")
    page(
        "ids-of.html",
        '<a name="old">old</a><p id="café">é</p><p id="a b">b</p><h2 id=new>n</h2><map name="notthis"></map>',
    )
    page("moved-to.html", "<p id=there>")
    # images (2), srcset (1), css (1), what css names (2), script (1), iframe (1)
    page(
        "parts.html",
        f'<img src="{fault("part", "/missing.png")}"><img src="/there.png">',
        f'<img srcset="/there.png 1x, {fault("part", "/missing@2x.png")} 2x" src="/there.png">',
        f'<img src="{fault("part", far + "/missing.jpg")}">',
        f'<iframe src="{fault("part", "/missing-frame.html")}"></iframe>',
        f'<script src="{fault("part", "/missing.js")}"></script>',
        head='<link rel=stylesheet href="/style.css">'
        f'<link rel=stylesheet href="{fault("part", "/missing.css")}"><link rel=preconnect href="http://x.test/">',
    )
    file("there.png", PNG)
    file(
        "style.css",
        f'@import "{fault("part", "/imported.css")}"; p {{ background: url({fault("part", "/background.gif")}) }}',
    )
    # no URLs (3), and one with a slip of the pen
    page(
        "odd.html",
        a(fault("bad-url", "http://[::bad/")),
        a(fault("bad-url", "http://127.0.0.1:99999/")),
        a(fault("bad-url", "http:///:80")),
        a(fault("scheme", "htp://127.0.0.1/")),
    )
    # none: things that checkers stumble over
    page(
        "decoys.html",
        a("mailto:someone@example.org"), a("tel:+123"), a("javascript:void(0)"), a("data:text/plain,x"),
        a(far + "/head-405"), a(far + "/head-404"), a(far + "/head-403"), a(far + "/head-501"),
        a(far + "/head-500"), a(far + "/head-drops"), a(far + "/fine#not-looked-at"),
        a(far + "/only-robots-forbids"), a("/sp%20ace.html"), a("/sp ace.html"), a("/%7Etilde.html"),
        a("ftp://127.0.0.1/x"), a("  /status.html\n"), a("/sta\ntus.html"), a("."), a("./sub/../index.html"),
        a(far + "/asks-for-time"),
        "<!-- <a href=/commented-out> --><script>x = '<a href=/in-a-script>'</script>",
        "<textarea><a href=/in-a-textarea></a></textarea>",
    )  # fmt: skip
    page("sp ace.html", "with a blank")
    page("~tilde.html", "with a tilde")
    page("sub/deep.html", "<base href=/elsewhere/>", a("../status.html"), a(fault("404", "/elsewhere/relative.html")))
    return faults


FAR = {
    "/404": (404, {}, "no"),
    "/410": (410, {}, "gone"),
    "/500": (500, {}, "oh"),
    "/to-404": (302, {"Location": "/404"}, ""),
    "/ring": (302, {"Location": "/ring"}, ""),
    "/moved": (301, {"Location": "/fine"}, ""),
    "/fine": (200, {}, "<p id=x>fine"),
    "/head-405": ("hates-head", 405, "a page"),
    "/head-404": ("hates-head", 404, "a page"),
    "/head-403": ("hates-head", 403, "a page"),
    "/head-501": ("hates-head", 501, "a page"),
    "/head-500": ("hates-head", 500, "a page"),
    "/head-drops": ("drops-head", {}, "a page"),
    "/only-robots-forbids": (404, {}, ""),
    "/asks-for-time": (429, {"Retry-After": "1"}, ""),
    "/robots.txt": (200, {"Content-Type": "text/plain"}, "User-agent: *\nDisallow: /only-robots\n"),
}


@pytest.fixture(scope="module")
def forty(tmp_path_factory):
    tmp = tmp_path_factory.mktemp("links")
    authority = harness.test_authority(tmp / "ca", ["other.test"])
    tls = f"""server {{ listen 127.0.0.1:@PORT@ ssl; ssl_certificate "{authority.cert}";
        ssl_certificate_key "{authority.key}"; return 200; }}"""
    with (
        foreign(dict(FAR)) as far,
        foreign({"/never": ("silence", {}, "")}) as silent,
        harness.dnsmasq({}) as dns,
        harness.nginx(tmp / "tls", tls, "https") as secure,
        harness.nginx(tmp / "nginx", SERVER.replace("@FAR@", base(far))) as web,
    ):
        dead = closed_port()
        faults = write_site(web.run / "www", base(far), dead, secure.url(""), base(silent))
        faults = {(web.url(u) if u.startswith("/") else u): kind for u, kind in faults.items()}
        yield web, far, dns, faults, tmp


def options(forty):
    dns = forty[2]
    return ("--dns", dns, "--first-byte-timeout", "3s", "--retries", "1", "--no-traps")


@pytest.fixture(scope="module")
def found(forty):
    web, _, _, _, tmp = forty
    result = check(*options(forty), "--json", "--junit", tmp / "junit.xml", "--retries", "0", web.url("/index.html"))
    return result, json.loads(result.out)


def broken(report):
    return {link["url"]: link for link in report["links"] if link["verdict"] == "broken"}


def test_all_faults_are_found_and_nothing_else(forty, found):
    faults = forty[3]
    result, report = found
    assert len(faults) == 40 and len(set(faults.values())) >= 12
    assert sorted(broken(report)) == sorted(faults), result.out
    assert result.rc == 8
    assert report["summary"]["broken"] == 40 and report["summary"]["complete"]
    assert result.err == ""


def test_each_says_why_and_where(forty, found):
    web, far, _, faults, _ = forty
    links = broken(found[1])
    words = {
        "404": "404 Not Found", "410": "410 Gone", "403": "403", "500": "500", "refused": "cannot connect",
        "dns": "its host cannot be found", "tls": "no secure connection", "timeout": "no answer in time",
        "redirect-404": "redirected: 404", "loop": "redirects without end", "id": "no such id",
        "part": "404", "bad-url": "no URL", "scheme": "no such scheme",
    }  # fmt: skip
    for url, kind in faults.items():
        assert words[kind] in links[url]["reason"], links[url]
        assert links[url]["places_total"] >= 1 and links[url]["places"][0]["page"].startswith(web.url("/"))
    assert links[web.url("/missing0")]["places"] == [{"page": web.url("/status.html"), "kind": "a", "text": "x"}]
    assert links[web.url("/background.gif")]["places"][0]["page"] == web.url("/style.css")
    assert links[web.url("/moved-far")]["redirected_to"] == base(far) + "/404"
    assert links[web.url("/ids.html#nowhere")]["places"][0]["text"] == "same page"


def test_what_robots_forbid_or_servers_defer_is_told_as_not_checked(forty, found):
    far = forty[1]
    unchecked = {link["url"]: link["reason"] for link in found[1]["links"] if link["verdict"] == "unchecked"}
    assert "robots.txt forbids it" in unchecked[base(far) + "/only-robots-forbids"]
    assert "429" in unchecked[base(far) + "/asks-for-time"]
    assert len(unchecked) == 2
    assert ("GET", "/only-robots-forbids") not in far.asked and ("HEAD", "/only-robots-forbids") not in far.asked


def test_outside_links_are_asked_once_with_head_and_with_get_where_that_fails(forty, found):
    asked = [pair for pair in forty[1].asked if pair[1] in ("/fine", "/head-405", "/missing.jpg")]
    assert asked.count(("HEAD", "/fine")) == 1 and ("GET", "/fine") not in asked
    assert asked.count(("HEAD", "/head-405")) == 1 and asked.count(("GET", "/head-405")) == 1
    images = [row["method"] for row in forty[0].log() if row["uri"] == "/there.png"]
    assert images == ["HEAD"]


def test_junit_has_a_failure_for_each(forty, found):
    suite = ET.parse(forty[4] / "junit.xml").getroot().find("testsuite")
    failures = {case.get("name") for case in suite if case.find("failure") is not None}
    assert failures == set(forty[3])
    assert suite.get("failures") == "40" and int(suite.get("tests")) == len(suite)
    assert int(suite.get("skipped")) == len([c for c in suite if c.find("skipped") is not None]) == 2


def test_linkchecker_finds_nothing_that_we_miss(forty, found):
    """Debian's, on the same site.  What it does not take for a URL it calls by another name."""
    if shutil.which("linkchecker") is None:
        pytest.skip("linkchecker is not installed")
    web, far, dns, faults, tmp = forty
    (tmp / "lcrc").write_text("[checking]\ntimeout=2\nthreads=4\n[filtering]\ncheckextern=1\n[AnchorCheck]\n")
    done = subprocess.run(
        ["linkchecker", "-f", tmp / "lcrc", "--check-extern", "--no-status", "-o", "csv", web.url("/index.html")],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if not line.startswith("#")]
    rows = [r for r in csv.DictReader(lines, delimiter=";") if r["valid"] == "False" or "nchor" in (r["warningstring"] or "")]
    wrong = {r["url"] or r["urlname"] for r in rows}
    assert len(wrong) > 20, done.stdout + done.stderr
    ours = set(faults) | {link["url"] for link in fragments(forty).values()}
    ours |= {link.get("redirected_to", u) for u, link in broken(found[1]).items()}
    # Other names of ours: it tells where a redirect leads, and mends what is no URL.
    ours |= {web.url("/moved-to.html#no-such"), "http:///%3A80"}
    # No faults: it resolves hosts of mail and of preconnect, and takes no notice of 429.
    ours |= {"mailto:someone@example.org", "dns://x.test", "ftp://127.0.0.1/x", base(far) + "/asks-for-time"}
    # Nor these: what is not for the page's ids, and text that only looks like a link.
    ours |= {web.url("/ids-of.html" + end) for end in ("#!/script", "#%3A~%3Atext=some%20words", "#new%3A~%3Atext=some")}
    ours |= {web.url("/in-a-textarea"), base(far) + "/only-robots-forbids"}
    missed = {u.rstrip("/") for u in wrong} - {u.rstrip("/") for u in ours}
    assert not missed, "\n".join(sorted(missed))


def fragments(forty):
    """What is broken when the ids of outside pages are looked at, too."""
    web = forty[0]
    result = check(*options(forty), "--json", "--check-fragments", "all", "--retries", "0", web.url("/index.html"))
    return broken(json.loads(result.out))


def test_ids_of_outside_pages_are_looked_at_if_asked(forty):
    web, far, _, faults, _ = forty
    assert set(fragments(forty)) == set(faults) | {base(far) + "/fine#not-looked-at"}


# -- The rest, on small sites --


def html(*links):
    return (200, {}, "<!doctype html><title>t</title>" + "".join(f'<a href="{u}">to {i}</a>' for i, u in enumerate(links)))


PROSE = "This shop has tables and chairs of oak, beech and walnut, made by hand in a small town near the sea. "
SORRY = "<title>Sorry</title><p>Sorry! We looked everywhere in our shop, but what you asked for is not among our things today."


class Soft(dict):
    """Says 200 to everything."""

    def get(self, path, default=None):
        return super().get(path, default) if path in self else (200, {}, SORRY)


class Leading(dict):
    """Leads what it has not to a page that says so."""

    def __init__(self, answers, to="/sorry"):
        super().__init__(answers)
        self.to = to

    def get(self, path, default=None):
        moved = (302, {"Location": self.to}, "")
        return super().get(path, default) if path in self or path == self.to else moved


def test_soft_404s_are_told_apart():
    with foreign(Soft()) as far, foreign({}) as own:
        far.answers["/real"] = (200, {}, "<title>Chairs</title><p>" + PROSE * 3)
        own.answers["/"] = html(base(far) + "/vanished", base(far) + "/real", "/hard")
        own.answers["/hard"] = (200, {}, PROSE)
        url = base(own) + "/"
        assert check(url).rc == 0
        assert [p for _, p in far.asked if "what-is-not" in p] == []
        result = check("--check-soft-404", "all", "--json", url)
        links = json.loads(result.out)["links"]
        assert [(link["url"], link["verdict"]) for link in links] == [(base(far) + "/vanished", "suspect")]
        assert result.rc == 0
        assert len([p for _, p in far.asked if "what-is-not" in p]) == 1
        result = check("--check-soft-404", "all", "--strict", url)
        assert result.rc == 8 and result.out.startswith(base(far) + "/vanished  looks like")
        # Of pages of our own it is guessed without being asked.
        result = check("-v", base(far) + "/", "--seeds", "-", stdin=base(far) + "/vanished\n")
        assert result.rc == 0
        far.answers["/"] = html("/vanished", "/real")
        result = check("-v", base(far) + "/")
        assert "/vanished  [suspect]" in result.out and "/real" not in result.out and result.rc == 0
        far.asked.clear()
        assert check("--check-soft-404", "none", "-v", base(far) + "/").out.count("suspect") == 0
        assert [p for _, p in far.asked if "what-is-not" in p] == []


def test_the_log_of_a_build_is_short():
    with foreign({}) as own:
        pages = [f"/p{i}" for i in range(30)]
        own.answers["/"] = html(*pages)
        for page in pages:
            own.answers[page] = html("/gone", "/")
        result = check(base(own) + "/")
        assert result.rc == 8 and result.err == ""
        lines = result.out.splitlines()
        assert lines[0] == base(own) + "/gone  404 Not Found"
        assert lines[1] == f'    {base(own)}/p0  a "to 0"'
        assert lines[-2:] == [
            "    and 27 more places",
            "1 broken link, at 30 places; 32 checked on 31 pages",
        ]
        assert len(lines) == 6
        by_page = check("--by", "page", base(own) + "/").out.splitlines()
        assert by_page[:2] == [base(own) + "/p0", f'    {base(own)}/gone  404 Not Found  a "to 0"']
        assert len(by_page) == 61
        own.answers["/gone"] = html("/")
        result = check(base(own) + "/")
        assert (result.rc, result.err) == (0, "")
        assert result.out == "0 broken links, at 0 places; 32 checked on 32 pages\n"


def test_nothing_is_left_behind_unless_a_directory_is_named(tmp_path):
    with foreign({"/": html("/gone")}) as own:
        result = check(base(own) + "/", env={"TMPDIR": str(tmp_path)}, cwd=tmp_path)
        assert result.rc == 8 and list(tmp_path.iterdir()) == []
        result = check("-o", tmp_path / "kept", base(own) + "/")
        assert result.rc == 8 and (tmp_path / "kept" / "checks.log").exists()
        assert not list((tmp_path / "kept").glob("warc*"))


def test_an_ignore_file_says_what_is_known(tmp_path):
    with foreign({"/": html("/gone", "/gone2")}) as own:
        known = tmp_path / "known"
        known.write_text("# until March\n/gone$\n")
        result = check("--ignore", known, base(own) + "/")
        assert result.rc == 8 and "/gone  " not in result.out and "/gone2  404" in result.out
        assert "1 ignored" in result.out
        known.write_text("/gone\n")
        assert check("--ignore", known, base(own) + "/").rc == 0
        known.write_text("(")
        result = check("--ignore", known, base(own) + "/")
        assert (result.rc, result.out) == (2, "") and "--ignore: line 1: " in result.err
        result = check("--ignore", tmp_path / "none", base(own) + "/")
        assert result.rc == 2 and "--ignore: cannot open" in result.err


def test_what_was_good_is_not_asked_again_until_it_is_old(tmp_path):
    with foreign({"/good": html()}) as far, foreign({}) as own:
        own.answers["/"] = html(base(far) + "/good", base(far) + "/bad")
        cache = tmp_path / "cache"
        assert check("--cache", cache, base(own) + "/").rc == 8
        assert far.asked.count(("HEAD", "/good")) == 1
        [line] = cache.read_text().splitlines()
        assert re.fullmatch(rf"\d+\t{re.escape(base(far))}/good", line)
        assert check("--cache", cache, base(own) + "/").rc == 8
        assert far.asked.count(("HEAD", "/good")) == 1 and far.asked.count(("HEAD", "/bad")) == 2
        assert cache.read_text() == line + "\n"
        old = int(line.split("\t")[0]) - 3600
        cache.write_text(line.replace(line.split("\t")[0], str(old)) + "\n")
        assert check("--cache", cache, "--cache-age", "2h", base(own) + "/").rc == 8
        assert far.asked.count(("HEAD", "/good")) == 1
        assert check("--cache", cache, "--cache-age", "30m", base(own) + "/").rc == 8
        assert far.asked.count(("HEAD", "/good")) == 2
        assert int(cache.read_text().split("\t")[0]) > old + 3000
        cache.write_text("no cache\n")
        result = check("--cache", cache, base(own) + "/")
        assert result.rc == 2 and "is no cache of check-links" in result.err
        assert cache.read_text() == "no cache\n"


def test_a_job_file_says_the_same(tmp_path):
    with foreign({"/": html("/gone", "/skip")}) as own:
        job = tmp_path / "job.yaml"
        # Nothing is kept of it: what would be made of an archive is no mistake.
        job.write_text(f"seeds: [{base(own)}/]\ncrawl:\n  exclude: ['/skip']\nfetch:\n  delay: 0\noutput: {{wacz: yes}}\n")
        result = harness.trawl("check-links", "--job", job)
        assert result.rc == 8 and "/gone  404" in result.out and "1 not checked (-v)" in result.out
        assert [p for _, p in own.asked if p == "/skip"] == []


def test_limits_and_signals_are_told(tmp_path):
    with foreign({"/": html("/slow", "/a", "/b")}) as own:
        own.answers["/a"] = own.answers["/b"] = html()
        own.answers["/slow"] = ("silence", {}, "")
        result = check("--max-pages", "1", base(own) + "/")
        assert result.rc == 0 and "not checked (-v)" in result.out
        running = harness.Running("check-links", "--delay", "0", base(own) + "/", env={"TMPDIR": str(tmp_path)})
        harness.wait_until("the slow page", lambda: ("GET", "/slow") in own.asked)
        running.signal(2)
        running.signal(2)
        result = running.result()
        assert result.rc == 11 and "not complete: stopped by a signal" in result.out
        assert list(tmp_path.iterdir()) == []


def test_links_left_out_are_told():
    with foreign({"/": html(*[f"/{i}" for i in range(20)])}) as own:
        result = check("--max-links", "5", base(own) + "/")
        assert "15 left out on 1 page" in result.out and result.rc == 8


def test_a_seed_that_is_not_there_is_a_fault():
    with foreign({"/": html()}) as own:
        result = check(base(own) + "/", base(own) + "/none")
        assert result.rc == 8 and result.out.startswith(base(own) + "/none  404 Not Found\n    given to begin with\n")
        result = check(f"http://127.0.0.1:{closed_port()}/", "--retries", "0")
        assert result.rc == 8 and "cannot connect" in result.out


def test_bad_usage_is_one_sentence(tmp_path):
    for args, words in (
        ((), "check-links what?"),
        (("--by", "host", "http://a.test/"), "--by: 'host'"),
        (("--cache-age", "1d", "http://a.test/"), "--cache-age is for --cache"),
        (("--cache", tmp_path / "c", "--cache-age", "soon", "http://a.test/"), "--cache-age: 'soon'"),
        (("--cache", tmp_path / "c", "--check-fragments", "all", "http://a.test/"), "--cache cannot be had"),
        (("--json=x", "http://a.test/"), "--json takes no value"),
        (("--junit",), "--junit wants a value"),
        (("--junit", tmp_path / "no/links.xml", "http://127.0.0.1:1/"), f"--junit: nothing can be written in {tmp_path}/no/"),
        (("--junit", tmp_path, "http://127.0.0.1:1/"), f"--junit: '{tmp_path}' is a directory"),
        (("--cache", tmp_path / "no/links", "http://127.0.0.1:1/"), f"--cache: nothing can be written in {tmp_path}/no/"),
        (("--nonsense", "http://127.0.0.1:1/"), "no option --nonsense; trawl check-links --help lists them"),
        (("--juint", "x", "http://127.0.0.1:1/"), "did you mean --junit?"),
        (("--cahce=x", "http://127.0.0.1:1/"), "did you mean --cache?"),
        (("--ignor=x", "http://127.0.0.1:1/"), "did you mean --ignore?"),
        (("--depht=1", "http://127.0.0.1:1/"), "did you mean --depth?"),
    ):
        result = harness.trawl("check-links", *args)
        assert result.rc == 2 and words in result.err and result.err.count("\n") == 1, result.err


def test_junit_is_written_over_what_is_there_also_where_no_file_can_be_made(tmp_path):
    there, shut = tmp_path / "reports" / "junit.xml", tmp_path / "reports" / "locked.xml"
    there.parent.mkdir()
    there.write_text("of the run before, and longer than what comes\n" * 1000)
    shut.touch(0o400)
    there.parent.chmod(0o555)
    as_owner = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []

    def checked(junit):
        line = [*as_owner, harness.TRAWL, "check-links", "--retries", "0", "--junit", junit, f"http://127.0.0.1:{harness.free_port()}/"]
        return subprocess.run(line, capture_output=True, text=True, timeout=60)

    try:
        result = checked(there)
        assert result.returncode == 8, result.stderr
        assert ET.parse(there).getroot().find("testsuite").get("failures") == "1"
        result = checked(there.parent / "new.xml")
        assert result.returncode == 2 and "--junit: nothing can be written in" in result.stderr
        result = checked(shut)
        assert result.returncode == 2 and f"--junit: '{shut}' cannot be written: Permission denied" in result.stderr
    finally:
        there.parent.chmod(0o755)
    assert "</testsuites>" in checked("/dev/stdout").stdout


def test_of_a_page_that_came_in_part_no_id_is_missed():
    with foreign({}) as own:
        long = "<p>" + "x" * 200000
        own.answers["/"] = html("/long#far-below", "/long#top-of-it", "/whole#nowhere")
        own.answers["/long"] = (200, {}, "<p id=top-of-it>" + long + "<p id=far-below>")
        own.answers["/whole"] = (200, {}, long)
        result = check("--max-body", "100KiB", "-v", base(own) + "/")
        assert "/long#far-below  [unchecked]  what can be kept of its page has no such id" in result.out
        assert "/long#top-of-it" not in result.out
        result = check(base(own) + "/")
        assert result.rc == 8 and "/whole#nowhere  its page has no such id" in result.out
        assert result.out.startswith(base(own) + "/whole") and "1 broken link, " in result.out


def test_any_crawl_can_note_links_and_they_are_told_later(tmp_path):
    with foreign({"/there": html()}) as far, foreign({}) as own:
        own.answers["/"] = html("/gone", base(far) + "/there", base(far) + "/gone")
        result, out = harness.crawl(
            tmp_path / "c", "-q", "--delay", "0", "--check-links", "--allow-net", "127.0.0.0/8", base(own) + "/"
        )
        assert result.rc == 0, result.err
        told = harness.trawl("check-links", "--from", out.dir)
        assert told.rc == 8, told.err
        assert "2 broken links, at 2 places; 4 checked on 1 page" in told.out
        assert told.out.count("404 Not Found") == 2
        # What was only asked is neither a page nor in the archive.
        assert {p["url"] for p in out.pages()} == {base(own) + "/", base(own) + "/gone"}
        assert not [url for url in out.archived() if url.startswith(base(far)) and not url.endswith("/robots.txt")]
        assert harness.trawl("check-links", "--from", tmp_path).rc == 2
        assert harness.trawl("check-links", "--from", out.dir, base(own) + "/").rc == 2


def test_what_a_host_says_of_what_it_has_not_is_no_broken_link_of_the_site(tmp_path):
    with foreign({}) as own:
        own.answers["/"] = html("/there")
        own.answers["/there"] = html()
        args = ("--delay", "0", "--check-links", "--fail-on", "broken", "--fail-on", "http-4xx", base(own) + "/")
        result, out = harness.crawl(tmp_path / "c", "--recrawl", "fixed", "--recrawl-interval", "1ms", *args)
        assert (result.rc, "broken" in result.err) == (0, False), result.err
        assert len([path for _, path in own.asked if "what-is-not" in path]) == 1
        (line,) = [line for line in out.crawl_log() if "what-is-not" in line[3]]
        assert line[-1].startswith("http-4xx,probe,")
        assert json.loads((out.dir / "report.json").read_text())["broken_total"] == 0
        result = harness.trawl("resume", out.dir)
        assert (result.rc, "broken" in result.err) == (0, False), result.err
        # Nor is the page that the host leads such questions to.
        own.answers = Leading(own.answers)
        result, out = harness.crawl(tmp_path / "b", *args)
        assert (result.rc, "broken" in result.err) == (0, False), result.err
        assert [line[1] for line in out.crawl_log() if line[3].endswith("/sorry")] == ["404"]
        # Also when that is cut as a trap before it has waited, and when it waits again.
        trap = "--trap-length", "40", "--fail-on", "trap"
        own.answers = Leading({"/": html("/there"), "/there": html()}, "/sorry/" + 40 * "x")
        result, out = harness.crawl(tmp_path / "f", *trap, *args)
        cut = [row for row in (out.dir / "rejected.log").read_text().splitlines() if row.startswith("trap\t")]
        assert ["/sorry/" in row for row in cut] == [True] and result.rc == 0, (cut, result.err)
        result = harness.trawl("resume", out.dir, "--trap-ok", "/sorry/")
        assert result.rc == 0, result.err
        # robots.txt leads there, too.
        assert [line[1] for line in out.crawl_log() if "/sorry/" in line[3] and line[4] == "SR"] == ["404"]
        # What only looked like a link leads to pages that others link, in earnest.
        own.answers = {
            "/": (200, {}, '<script>var u = "/guess.html"</script><a href=/near>x</a>'),
            "/near": html("/there"),
            "/guess.html": (302, {"Location": "/gone"}, ""),
            "/there": html("/gone"),
        }
        result, out = harness.crawl(
            tmp_path / "e", "--delay", "0", "--speculative", "--fail-on", "broken", base(own) + "/"
        )
        assert [line[4] for line in out.crawl_log() if line[3].endswith("/guess.html")] == ["X"]
        assert result.rc == 8 and result.err.endswith("trawl: --fail-on: http-4xx 1\n"), result.err
        # What is gone is told, then as ever.
        own.answers = {"/": html("/there", "/gone"), "/there": html()}
        result, _ = harness.crawl(tmp_path / "d", *args)
        assert result.rc == 8 and result.err.endswith("trawl: --fail-on: http-4xx 1\n"), result.err


def test_what_is_only_guessed_to_be_a_link_is_not_asked_for_elsewhere(tmp_path):
    with foreign({}) as far, foreign({}) as own:
        own.answers["/"] = (200, {}, f'<script>var u = "{base(far)}/guess.html", v = "/mine.html"</script>')
        result, out = harness.crawl(
            tmp_path / "c", "-q", "--delay", "0", "--check-links", "--speculative", "--allow-net", "127.0.0.0/8",
            base(own) + "/",
        )  # fmt: skip
        assert result.rc == 0, result.err
        assert "/mine.html" in [path for _, path in own.asked] and far.asked == []


def test_a_crawl_that_is_killed_tells_the_same_in_the_end(tmp_path):
    with foreign({}) as far, foreign({}) as own:
        pages = [f"/p{i}" for i in range(120)]
        own.answers["/"] = html(*pages)
        for i, page in enumerate(pages):
            own.answers[page] = html(f"/gone{i % 7}", f"{base(far)}/gone{i % 5}", "/#none")
        args = ("--check-links", "--allow-net", "127.0.0.0/8", "--delay", "5ms", "--commit-interval", "50ms", "-q",
                "--no-traps")  # fmt: skip
        running = harness.Running("crawl", "-o", tmp_path / "c", *args, base(own) + "/")
        harness.wait_until("half of it", lambda: len(own.asked) > 60)
        running.end()
        assert harness.trawl("resume", tmp_path / "c", "-q").rc == 0
        told = json.loads(harness.trawl("check-links", "--json", "--from", tmp_path / "c").out)
        assert len(broken(told)) == told["summary"]["broken"] == 7 + 5 + 1
        assert sum(link["places_total"] for link in broken(told).values()) == 3 * 120


def test_a_host_that_asks_for_time_does_not_hold_up_the_rest():
    with foreign({"/x": (429, {}, "")}) as far, foreign({}) as own:
        own.answers["/"] = html(base(far) + "/x")
        result = check("-v", base(own) + "/")
        assert result.rc == 0 and "/x  [unchecked]  429 Too Many Requests" in result.out
        assert [m for m, p in far.asked if p == "/x"] == ["HEAD"] and result.seconds < 20

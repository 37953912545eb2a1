"""Redirects: of each its outcome, its target and its record in the archive; and what is asked once more."""

import http.server
import threading

import pytest

import harness

# path: status, headers, body
ANSWERS = {
    "/": (200, {}, None),  # links to all the others
    "/300": (300, {"Location": "/to"}, '<a href="/other">or there</a>'),
    "/301": (301, {"Location": "/to"}, "moved"),
    "/302": (302, {"Location": "to"}, "found"),
    "/303": (303, {"Location": "//HOST/to#part"}, "see"),
    "/305": (305, {"Location": "http://HOST/proxy"}, "use"),
    "/307": (307, {"Location": "?once"}, ""),
    "/307?once": (200, {}, "there"),
    "/308": (308, {"Location": "http://HOST/to"}, ""),
    "/latin": (302, {"Location": "/caf\xe9?q=\xfc"}, ""),  # sent as these bytes, which are no UTF-8
    "/caf%E9?q=%FC": (200, {}, "where browsers would have gone"),
    "/utf8": (302, {"Location": "/caf\xc3\xa9"}, ""),
    "/caf%C3%A9": (200, {}, "the same in UTF-8"),
    "/ring1": (302, {"Location": "/ring2"}, ""),
    "/ring2": (302, {"Location": "/ring1"}, ""),
    "/none": (302, {}, '<a href="/by-body">go on</a>'),
    "/away": (302, {"Location": "http://127.0.0.77:9/away"}, ""),
    "/ftp": (302, {"Location": "ftp://HOST/x"}, ""),
    "/410": (410, {"Location": "/never"}, "gone"),
    "/to": (200, {}, "the target"),
    "/other": (200, {}, "the other one"),
    "/by-body": (200, {}, "found in the body"),
}
LINKED = [path for path in ANSWERS if path not in ("/", "/to", "/other", "/by-body", "/307?once", "/caf%E9?q=%FC", "/caf%C3%A9")] + ["/cookie"]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self):
        if self.path == "/cookie":
            if "bounced=yes" in self.headers.get("Cookie", ""):
                return 200, {}, "welcome"
            return 302, {"Location": "/cookie", "Set-Cookie": "bounced=yes"}, ""
        status, headers, body = ANSWERS.get(self.path, (404, {}, "no"))
        if self.path == "/":
            body = "".join(f'<a href="{path}">x</a>' for path in LINKED)
        return status, headers, body

    def do_GET(self):  # noqa: N802
        self.server.asked.append(self.path)
        status, headers, body = self.answer()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value.replace("HOST", self.headers["Host"]))
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def crawled(tmp_path_factory):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    result, out = harness.crawl(tmp_path_factory.mktemp("r") / "c", "-q", "--delay", "0", base + "/")
    server.shutdown()
    server.server_close()
    assert result.rc == 0, result.err
    return base, out, server.asked


def test_each_has_its_outcome_and_its_target(crawled):
    base, out, asked = crawled
    pages = {p["url"].removeprefix(base): p for p in out.pages()}
    for path, (status, headers, _) in ANSWERS.items():
        kind = {2: "ok", 3: "redirect", 4: "http-4xx"}[status // 100]
        assert (pages[path]["outcome"], pages[path]["status"]) == (kind, status), path
        assert asked.count(path) == 1, path
        follows = status in (300, 301, 302, 303, 307, 308) and "Location" in headers and path != "/ftp"
        assert ("redirect_to" in pages[path]) == follows, path
    assert pages["/303"]["redirect_to"] == base + "/to"
    assert pages["/307"]["redirect_to"] == base + "/307?once"
    assert pages["/latin"]["redirect_to"] == base + "/caf%E9?q=%FC"
    assert pages["/utf8"]["redirect_to"] == base + "/caf%C3%A9"
    assert not {"/proxy", "/never"} & set(asked)
    rejected = {url: reason for reason, url, _, _ in out.rejected()}
    assert rejected["http://127.0.0.77:9/away"] == "out-of-scope"
    assert rejected[base.replace("http", "ftp") + "/x"] == "unsupported-scheme"


def test_each_is_in_the_archive_as_it_was(crawled):
    base, out, _ = crawled
    archived = out.archived()
    for path, (status, headers, body) in ANSWERS.items():
        (record,) = archived[base + path]
        assert record.http_status == status
        if path != "/":
            assert record.payload == body.encode()


def test_what_sets_a_cookie_and_leads_to_itself_is_asked_once_more(crawled):
    base, out, asked = crawled
    assert asked.count("/cookie") == 2
    (page,) = [p for p in out.pages() if p["url"] == base + "/cookie"]
    assert (page["outcome"], page["status"]) == ("ok", 200)
    assert [r.http_status for r in out.archived()[base + "/cookie"]] == [302, 200]


# What became of a seed is what became of where it leads.
ENDS = """server { listen 127.0.0.1:@PORT@;
    location = /robots.txt { return 200 "User-agent: *\\nDisallow: /no\\n"; }
    location = /inside { return 302 http://127.0.0.77:9/x; }
    location = /twice { return 302 /inside; }
    location = /forbidden { return 302 /no/page; }
    location = /login { return 302 /401; }
    location = /401 { return 401; }
    location = /ring1 { return 302 /ring2; }
    location = /ring2 { return 302 /ring1; }
    location = /lost { return 302 /404; }
    location = /good { return 302 /page; }
    location = /page { return 200 "good"; }
    location = /tls { return 302 https://127.0.0.1:@PORT@/x; }
}"""
REFUSED = "denied-address: address is loopback; --allow-net would admit it"
LOST = [  # seed, exit status, where it leads to, what is said
    ("/inside", 4, "http://127.0.0.77:9/x", REFUSED),
    ("/twice", 4, "http://127.0.0.77:9/x", REFUSED),
    ("/forbidden", 4, "/no/page", "robots-denied: robots.txt line 2: Disallow: /no\n"),
    ("/login", 6, "/401", "http-4xx: status 401, it wants a login (--auth)\n"),
]


@pytest.fixture
def ends(tmp_path):
    with harness.nginx(tmp_path / "nginx", ENDS) as web:
        yield web


@pytest.mark.parametrize("path, code, leads_to, said", LOST, ids=[row[0][1:] for row in LOST])
def test_a_seed_that_leads_to_what_cannot_be_had_was_not_reached(ends, tmp_path, path, code, leads_to, said):
    to = leads_to if leads_to.startswith("http") else ends.url(leads_to)
    seed = ends.url(path)
    result, out = harness.crawl(tmp_path / "c", "-q", "--retries", "0", "--delay", "0", seed)
    assert result.rc == code and result.err.startswith(f"trawl: {seed}, redirected to {to}: {said}"), result
    again = harness.trawl("resume", "-q", out.dir)
    assert (again.rc, again.err) == (code, result.err)


def test_a_seed_that_leads_to_no_tls_has_its_exit_status(ends, tmp_path):
    seed = ends.url("/tls")
    result, _ = harness.crawl(tmp_path / "c", "-q", "--retries", "0", "--allow-net", "127.0.0.0/8", seed)
    assert result.rc == 5 and result.err.startswith(f"trawl: {seed}, redirected to https://127.0.0.1:{ends.port}/x: tls-failure: "), result


def test_a_seed_that_leads_somewhere_was_reached(ends, tmp_path):
    for i, paths in enumerate((["/good"], ["/lost"], ["/ring1"], ["/inside", "/good"], ["/inside", "/page"])):
        result, _ = harness.crawl(tmp_path / f"c{i}", "-q", "--retries", "0", *(ends.url(p) for p in paths))
        assert (result.rc, result.err) == (0, ""), paths


def test_a_seed_that_leads_to_another_one_counts_as_that(ends, tmp_path):
    forbidden, page = ends.url("/forbidden"), ends.url("/no/page")
    for i, seeds in enumerate(([forbidden, page], [page, forbidden])):
        result, out = harness.crawl(tmp_path / f"c{i}", "-q", "--retries", "0", "--delay", "0", *seeds)
        assert result.rc == 4 and f"trawl: {forbidden}, redirected to {page}: robots-denied: " in result.err, result
        again = harness.trawl("resume", "-q", out.dir)
        assert (again.rc, again.err) == (4, result.err)

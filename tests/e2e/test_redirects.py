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
LINKED = [path for path in ANSWERS if path not in ("/", "/to", "/other", "/by-body", "/307?once")] + ["/cookie"]


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

"""What strangers send to the API, byte by byte, and what each is answered; slow and greedy ones by the hundred."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from access import TcpService
from harness import BUILDDIR, Stopwatch, nginx, run_delay, wait_until
from service import Service

JOB = b'{"name":"smuggled","seeds":["https://a.example/"]}'
KEEP = "/api/v1/jobs/keep"
JOBS = "/api/v1/jobs"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    api = "client_rate: 100000, bad_tokens: 100000, header_timeout: 2s, body_timeout: 2s, hosts: [crawl.example]"
    with TcpService(tmp_path_factory.mktemp("abuse") / "s", api) as s:
        s.start()
        s.create("keep", seeds=["https://keep.example/"])
        yield s


class Ask:
    """Writes requests for one service."""

    def __init__(self, s):
        self.s = s
        self.host = f"127.0.0.1:{s.port}"

    def __call__(self, line, *headers, body=b"", host=None, token="admin"):
        """`line` without version is HTTP/1.1; host "" leaves the header out."""
        if not re.search(r" \S*HTTP/|^\S+$", line):
            line += " HTTP/1.1"
        host = self.host if host is None else host
        lines = [line] + ([f"Host: {host}"] if host else [])
        if token == "admin":
            lines.append(f"Authorization: Bearer {self.s.admin}")
        elif token == "reader":
            lines.append(f"Authorization: Bearer {self.s.reader}")
        elif token:
            lines.append(token)
        return "\r\n".join([*lines, *headers]).encode("latin-1") + b"\r\n\r\n" + body

    def post(self, body=JOB, *headers, kind="application/json", length=None, path=JOBS, method="POST", **kw):
        more = [f"Content-Type: {kind}"] if kind else []
        more.append(f"Content-Length: {len(body) if length is None else length}")
        return self(f"{method} {path}", *more, *headers, body=body, **kw)

    def chunked(self, chunks, *headers, **kw):
        return self(f"POST {JOBS}", "Content-Type: application/json", "Transfer-Encoding: chunked", *headers,
                    body=chunks, **kw)  # fmt: skip

    def delete(self):
        """What is hidden behind another request: it must not be read as one."""
        return self(f"DELETE {KEEP}")


def chunk(data, more=b""):
    return b"%x%s\r\n%s\r\n" % (len(data), more, data)


def seeds(text):
    return b'{"name":"smuggled","seeds":[%s]}' % text


# name, what is sent (a function of Ask), the status of each answer in order (a tuple: one of them); []: closed without.
CASES = [
    # ---- methods ----
    ("GET is answered", lambda a: a(f"GET {KEEP}"), [200]),
    ("HEAD has no body", lambda a: a(f"HEAD {KEEP}"), [200]),
    ("OPTIONS is no way into CORS", lambda a: a(f"OPTIONS {JOBS}", "Origin: http://evil.example",
     "Access-Control-Request-Method: POST"), [403]),
    ("OPTIONS alone", lambda a: a(f"OPTIONS {JOBS}"), [405]),
    ("OPTIONS *", lambda a: a("OPTIONS *"), [400]),
    ("TRACE", lambda a: a("TRACE /healthz"), [405]),
    ("CONNECT", lambda a: a("CONNECT a.example:443"), [400]),
    ("an unknown method", lambda a: a(f"BREW {JOBS}"), [405]),
    ("a method in small letters is another", lambda a: a(f"get {JOBS}"), [405]),
    ("a method of strange characters", lambda a: a(f"G@T {JOBS}"), [400]),
    ("a method of 10,000 characters", lambda a: a(f"{'A' * 10000} {JOBS}"), [(400, 405, 413, 414, 431)]),
    ("PUT where there is none", lambda a: a.post(method="PUT"), [405]),
    ("PRI of HTTP/2", lambda a: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 9, [(400, 505)]),
    ("X-HTTP-Method-Override is nothing", lambda a: a(f"GET {KEEP}", "X-HTTP-Method-Override: DELETE"), [200]),
    # ---- versions and lines ----
    ("HTTP/0.9", lambda a: b"GET /healthz\r\n", [(400, 505)]),
    ("HTTP/0.9 with blanks", lambda a: b"GET /healthz \r\n\r\n", [(400, 505)]),
    ("HTTP/1.0 with a host", lambda a: a(f"GET {KEEP} HTTP/1.0"), [200]),
    ("HTTP/1.0 without", lambda a: a(f"GET {KEEP} HTTP/1.0", host=""), [400]),
    ("HTTP/1.2", lambda a: a(f"GET {KEEP} HTTP/1.2"), [(200, 505)]),
    ("HTTP/2.0", lambda a: a(f"GET {KEEP} HTTP/2.0"), [(400, 505)]),
    ("HTTP/9.9", lambda a: a(f"GET {KEEP} HTTP/9.9"), [(400, 505)]),
    ("HTP/1.1", lambda a: a(f"GET {KEEP} HTP/1.1"), []),
    ("a version in small letters", lambda a: a(f"GET {KEEP} http/1.1"), []),
    ("two blanks in the request line", lambda a: a(f"GET  {KEEP} HTTP/1.1"), [(200, 400)]),
    ("three words before the version", lambda a: a(f"GET {KEEP} x HTTP/1.1"), []),
    ("bare LF instead of CR LF is one request", lambda a: a(f"GET {KEEP}").replace(b"\r\n", b"\n"), [(200, 400)]),
    ("a bare CR in a header", lambda a: a(f"GET {KEEP}", "X: a\rDELETE: b"), [(400, 200)]),
    ("empty lines before the request", lambda a: b"\r\n\r\n" + a(f"GET {KEEP}"), [(200, 400)]),
    # What comes behind NUL libmicrohttpd shows to nobody.
    ("NUL in the request line", lambda a: a(f"GET {KEEP}\0x"), [(200, 400)]),
    ("NUL in a header", lambda a: a(f"GET {KEEP}", "X: a\0b"), [(200, 400)]),
    ("NUL in a token", lambda a: a(f"GET {KEEP}", token=f"Authorization: Bearer {a.s.admin[:40]}\0{a.s.admin[40:]}"),
     [(400, 401)]),
    ("NUL in a host", lambda a: a(f"GET {KEEP}", host="evil.example\0localhost"), [(400, 421)]),
    ("NUL in a length", lambda a: a.post(JOB, length=f"{len(JOB)}\0,1", token="reader"), [(400, 403)]),
    ("a control character in a header", lambda a: a(f"GET {KEEP}", "X: a\x01b"), [400]),
    ("TLS to where there is none", lambda a: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500 + b"\r\n\r\n",
     []),
    ("random bytes", lambda a: bytes(range(256)) * 4 + b"\r\n\r\n", [(400, 505)]),
    ("nothing", lambda a: b"", []),
    ("half a request", lambda a: a(f"DELETE {KEEP}")[:-4], []),
    # ---- targets ----
    # RFC 9112, 3.2.2: what clients say to proxies is understood, if it is for us.
    ("absolute form", lambda a: a(f"GET http://{a.host}{JOBS}"), [200]),
    ("absolute form with a query", lambda a: a(f"GET HTTP://{a.host}{JOBS}?limit=1"), [200]),
    ("absolute form without a path", lambda a: a(f"GET http://{a.host}"), [200]),
    ("absolute form without a path but a query", lambda a: a(f"GET http://{a.host}?a=b"), [200]),
    ("absolute form of nothing", lambda a: a(f"GET http://{a.host}/nothing"), [404]),
    ("absolute form of TLS", lambda a: a(f"GET https://{a.host}{JOBS}"), [400]),
    ("absolute form with a name and password", lambda a: a(f"GET http://a:b@{a.host}{JOBS}"), [400]),
    ("absolute form of another port", lambda a: a(f"GET http://{a.host}0{JOBS}"), [400]),
    ("absolute form without a host", lambda a: a(f"GET http://{JOBS}"), [400]),
    ("absolute form of a host we have not", lambda a: a(f"GET http://evil.example{JOBS}", host="evil.example"), [421]),
    ("absolute form with no token", lambda a: a(f"GET http://{a.host}{JOBS}", token=""), [401]),
    ("absolute form of another host", lambda a: a(f"GET http://evil.example{JOBS}"), [400]),
    ("no slash", lambda a: a("GET api"), [400]),
    ("//host/path is a path", lambda a: a("GET //evil.example/"), [404]),
    ("..", lambda a: a(f"GET {JOBS}/../../../etc/passwd"), [404]),
    ("%2e%2e", lambda a: a(f"GET {JOBS}/%2e%2e"), [404]),
    ("%2f is part of a name", lambda a: a(f"GET {JOBS}/..%2f..%2fetc%2fpasswd"), [404]),
    ("%2f does not make a path", lambda a: a("GET /api%2fv1%2fjobs"), [404]),
    ("%00", lambda a: a(f"GET {KEEP}%00"), [400]),
    ("half an escape", lambda a: a(f"GET {KEEP}%2"), [400]),
    ("no escape", lambda a: a(f"GET {KEEP}%zz"), [400]),
    ("an escaped letter is that letter", lambda a: a(f"GET {JOBS}/%6beep"), [200]),
    ("a trailing slash is another path", lambda a: a(f"GET {JOBS}/"), [404]),
    ("capitals are another path", lambda a: a("GET /API/v1/jobs"), [404]),
    ("a semicolon", lambda a: a(f"GET {JOBS};x=1"), [404]),
    ("a backslash", lambda a: a("GET /api\\v1\\jobs"), [404]),
    ("a fragment", lambda a: a(f"GET {JOBS}#x"), [404]),
    ("bytes above ASCII", lambda a: a(f"GET {JOBS}/k\xe9"), [400]),
    ("overlong UTF-8", lambda a: a(f"GET {JOBS}/%c0%ae%c0%ae"), [404]),
    ("CR LF by escapes is no header", lambda a: a(f"GET {JOBS}/x%0d%0aSet-Cookie:%20a=b"), [404]),
    ("a target of 100 kB", lambda a: a(f"GET /{'a' * 100000}"), [(413, 414, 431)]),
    ("a parameter twice", lambda a: a(f"GET {JOBS}?limit=1&limit=2"), [400]),
    ("an unknown parameter", lambda a: a(f"GET {JOBS}?limits=1"), [400]),
    ("100 parameters", lambda a: a(f"GET {JOBS}?" + "&".join(f"a{i}=1" for i in range(100))), [400]),
    ("a number that is none", lambda a: a(f"GET {JOBS}?limit=1e9"), [400]),
    ("a number below zero", lambda a: a(f"GET {JOBS}?limit=-1"), [400]),
    ("a number beyond 64 bits", lambda a: a("GET /api/v1/runs/99999999999999999999999"), [404]),
    ("a run that is no number", lambda a: a("GET /api/v1/runs/0x1"), [404]),
    ("a cursor that is made up", lambda a: a(f"GET {JOBS}?cursor=%ff%fe'--"), [(200, 400)]),
    # ---- headers ----
    ("no host", lambda a: a(f"GET {KEEP}", host=""), [400]),
    ("two hosts", lambda a: a(f"GET {KEEP}", f"Host: {a.host}"), [400]),
    ("a host of another (rebinding)", lambda a: a(f"GET {KEEP}", host="evil.example"), [421]),
    ("also of what is open", lambda a: a("GET /healthz", host="evil.example", token=""), [421]),
    ("our port with another's name", lambda a: a(f"GET {KEEP}", host=f"evil.example:{a.s.port}"), [421]),
    ("our name in another's", lambda a: a(f"GET {KEEP}", host="crawl.example.evil.example"), [421]),
    ("a host that is allowed", lambda a: a(f"GET {KEEP}", host="crawl.example"), [200]),
    ("localhost", lambda a: a(f"GET {KEEP}", host="localhost:1"), [200]),
    ("a host with a path", lambda a: a(f"GET {KEEP}", host="localhost/evil"), [400]),
    ("a host with a user", lambda a: a(f"GET {KEEP}", host="localhost@evil.example"), [400]),
    ("a list of hosts", lambda a: a(f"GET {KEEP}", host="localhost, evil.example"), [400]),
    ("a host of 5,000 characters", lambda a: a(f"GET {KEEP}", host="a" * 5000), [400]),
    ("X-Forwarded-Host is nothing", lambda a: a(f"GET {KEEP}", "X-Forwarded-Host: localhost", host="evil.example"),
     [421]),
    ("a blank before the colon", lambda a: a(f"GET {KEEP}", "Content-Length : 5", body=b"12345"), [400]),
    ("a header without a colon", lambda a: a(f"GET {KEEP}", "nonsense"), [400]),
    ("a header without a name", lambda a: a(f"GET {KEEP}", ": x"), [(200, 400)]),
    ("a header that is folded", lambda a: a(f"GET {KEEP}", "X: a", " b"), [(200, 400)]),
    ("the first header is folded", lambda a: a(f"GET {KEEP}").replace(b"\r\nHost", b"\r\n Host"), [400]),
    ("a header of 100 kB", lambda a: a(f"GET {KEEP}", "X: " + "a" * 100000), [(413, 431)]),
    ("200 headers", lambda a: a(f"GET {KEEP}", *(f"X{i}: a" for i in range(200))), [431]),
    ("10,000 headers", lambda a: a(f"GET {KEEP}", *(f"X{i}: a" for i in range(10000))), [(413, 431)]),
    ("a cookie is nothing", lambda a: a(f"GET {KEEP}", f"Cookie: token={a.s.admin}; session=1", token=""), [401]),
    # ---- who asks ----
    ("no token", lambda a: a(f"GET {KEEP}", token=""), [401]),
    ("a wrong token", lambda a: a(f"GET {KEEP}", token="Authorization: Bearer trawl_" + "0" * 64), [401]),
    ("an empty token", lambda a: a(f"GET {KEEP}", token="Authorization: Bearer "), [401]),
    ("a token of 10 kB", lambda a: a(f"GET {KEEP}", token="Authorization: Bearer " + "a" * 10000), [401]),
    ("a token and something", lambda a: a(f"GET {KEEP}", token=f"Authorization: Bearer {a.s.admin} x"), [401]),
    ("a token with its hash", lambda a: a(f"GET {KEEP}", token="Authorization: Bearer " +
     a.s.tokens.read_text().split()[1]), [401]),
    ("Basic", lambda a: a(f"GET {KEEP}", token="Authorization: Basic YWRtaW46YWRtaW4="), [401]),
    ("two tokens", lambda a: a(f"GET {KEEP}", f"Authorization: Bearer {a.s.reader}"), [400]),
    ("the scheme in small letters", lambda a: a(f"GET {KEEP}", token=f"Authorization: bearer {a.s.admin}"), [200]),
    ("a reader who reads", lambda a: a(f"GET {KEEP}", token="reader"), [200]),
    ("a reader who deletes", lambda a: a(f"DELETE {KEEP}", token="reader"), [403]),
    ("a reader who makes", lambda a: a.post(token="reader"), [403]),
    ("a reader who starts", lambda a: a(f"POST {KEEP}/runs", "Content-Length: 0", token="reader"), [403]),
    ("nobody learns what there is", lambda a: a(f"GET {JOBS}/nothing", token=""), [401]),
    # ---- browsers ----
    ("another origin that changes", lambda a: a.post(JOB, "Origin: http://evil.example"), [403]),
    ("another origin that reads", lambda a: a(f"GET {KEEP}", "Origin: http://evil.example"), [403]),
    ("the origin null", lambda a: a.post(JOB, "Origin: null"), [403]),
    ("another port is another origin", lambda a: a.post(JOB, "Origin: http://127.0.0.1:1"), [403]),
    ("another scheme is another origin", lambda a: a.post(JOB, f"Origin: https://{a.host}x"), [403]),
    ("our own origin", lambda a: a(f"GET {KEEP}", f"Origin: http://{a.host}"), [200]),
    ("two origins", lambda a: a(f"GET {KEEP}", f"Origin: http://{a.host}", "Origin: http://evil.example"), [400]),
    ("a form of another site", lambda a: a.post(JOB, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate",
     "Sec-Fetch-Dest: document"), [403]),
    ("a script of the same site", lambda a: a.post(JOB, "Sec-Fetch-Site: same-site"), [403]),
    ("a picture of another site", lambda a: a(f"GET {KEEP}", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors",
     "Sec-Fetch-Dest: image"), [403]),
    ("a frame of another site", lambda a: a(f"GET {KEEP}", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate",
     "Sec-Fetch-Dest: iframe"), [403]),
    ("a link that was followed", lambda a: a("GET /healthz", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate",
     "Sec-Fetch-Dest: document"), [200]),
    ("our own page", lambda a: a(f"GET {KEEP}", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors"), [200]),
    ("a websocket", lambda a: a(f"GET {KEEP}", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), [200]),
    ("h2c", lambda a: a(f"GET {KEEP}", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"),
     [200]),
    # ---- where a request ends ----
    ("length and chunks", lambda a: a.post(b"0\r\n\r\n" + a.delete(), "Transfer-Encoding: chunked"), [400]),
    ("chunks and length", lambda a: a.chunked(b"0\r\n\r\n" + a.delete(), "Content-Length: 5"), [400]),
    ("two lengths", lambda a: a.post(JOB + a.delete(), "Content-Length: 3", length=len(JOB)), [400]),
    ("the same length twice", lambda a: a.post(JOB, f"Content-Length: {len(JOB)}"), [400]),
    ("a list of lengths", lambda a: a.post(JOB, length=f"{len(JOB)}, {len(JOB)}"), [400]),
    ("a length with a plus", lambda a: a.post(JOB, length=f"+{len(JOB)}"), [400]),
    ("a length below zero", lambda a: a.post(JOB, length=-1), [400]),
    ("a length in hex", lambda a: a.post(JOB, length="0x10"), [400]),
    ("a length with a comma", lambda a: a.post(JOB, length="1,0"), [400]),
    ("an empty length", lambda a: a.post(JOB, length=""), [400]),
    ("a length beyond 64 bits", lambda a: a.post(JOB, length="9" * 30), [(400, 413)]),
    ("a length of 10 GB", lambda a: a.post(JOB, length=10**10), [413]),
    ("a GET with a body", lambda a: a(f"GET {KEEP}", "Content-Length: 4", body=b"abcd"), [400]),
    ("a GET whose body is a request", lambda a: a(f"GET {KEEP}", f"Content-Length: {len(a.delete())}", body=a.delete()),
     [400]),
    ("another coding", lambda a: a(f"POST {JOBS}", "Transfer-Encoding: gzip", body=a.delete()), [501]),
    ("chunked and another", lambda a: a(f"POST {JOBS}", "Transfer-Encoding: gzip, chunked", body=a.delete()), [501]),
    ("xchunked", lambda a: a(f"POST {JOBS}", "Transfer-Encoding: xchunked", body=a.delete()), [501]),
    ("chunked, then identity", lambda a: a.chunked(a.delete(), "Transfer-Encoding: identity"), [400]),
    ("a tab before chunked", lambda a: a(f"POST {JOBS}", "Transfer-Encoding:\tchunked", "Content-Length: 3",
     body=a.delete()), [400]),
    ("chunked in HTTP/1.0", lambda a: a(f"POST {JOBS} HTTP/1.0", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"), [400]),
    ("a chunk whose size is none", lambda a: a.chunked(b"zz\r\n" + a.delete()), [(400,)]),
    ("a chunk of 2^64 bytes", lambda a: a.chunked(b"ffffffffffffffffff\r\nx" + a.delete()), [(400, 413)]),
    ("a chunk below zero", lambda a: a.chunked(b"-1\r\n" + a.delete()), [400]),
    ("a chunk that is longer than it says", lambda a: a.chunked(b"2\r\nabcdef\r\n0\r\n\r\n"), [400]),
    ("extensions of chunks are passed over", lambda a: a.chunked(chunk(b"{}", b';x="y"') + b"0\r\n\r\n"), [422]),
    ("an extension of 100 kB", lambda a: a.chunked(chunk(b"{}", b";" + b"x" * 100000) + b"0\r\n\r\n"), []),
    ("a trailer is no header", lambda a: a.chunked(chunk(b"{}") + b"0\r\nAuthorization: Bearer x\r\n\r\n"), [(400, 422)]),
    ("Expect with a body that is refused", lambda a: a(f"POST {JOBS}", "Expect: 100-continue", "Content-Length: 5",
     token="reader"), [403]),
    ("Expect of something else", lambda a: a.post(JOB, "Expect: the-unexpected"), [417]),
    ("Expect with no body to come", lambda a: a(f"GET {KEEP}", "Expect: 100-continue"), [(200,)]),
    ("pipelined requests are answered in order", lambda a: a(f"GET {KEEP}") + a("GET /nothing") + a(f"HEAD {KEEP}"),
     [200, 404, 200]),
    ("after a refusal that closes nothing is read", lambda a: a.post(JOB, "Content-Length: 1") + a.delete(), [400]),
    ("after a wrong token nothing is read", lambda a: a(f"GET {KEEP}", token="Authorization: Bearer " + "0" * 64) +
     a.delete(), [401]),
    # ---- bodies ----
    ("no type", lambda a: a.post(JOB, kind=None), [415]),
    ("text/plain, which forms can send", lambda a: a.post(JOB, kind="text/plain"), [415]),
    ("a form", lambda a: a.post(b"name=a", kind="application/x-www-form-urlencoded"), [415]),
    ("a form with files", lambda a: a.post(b"--b--", kind="multipart/form-data; boundary=b"), [415]),
    ("YAML", lambda a: a.post(b"name: a", kind="application/yaml"), [415]),
    ("JSON in another charset", lambda a: a.post(JOB, kind="application/json; charset=utf-16"), [415]),
    ("two types", lambda a: a.post(JOB, "Content-Type: text/plain"), [400]),
    ("no body", lambda a: a.post(b""), [400]),
    ("compressed", lambda a: a.post(b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xab\xae\x05\0\x43\xbf\xa6\xa3\x02\0\0\0",
     "Content-Encoding: gzip"), [(400, 415)]),
    ("9 MB", lambda a: a.post(b" " * 9_000_000), [413]),
    ("9 MB in chunks", lambda a: a.chunked(chunk(b" " * 1_000_000) * 9 + b"0\r\n\r\n"), [413]),
    ("not JSON", lambda a: a.post(b"{name: 1}"), [400]),
    ("half of it", lambda a: a.post(b'{"name":"smu'), [400]),
    ("two values", lambda a: a.post(JOB + JOB), [400]),
    ("no object", lambda a: a.post(b"[]"), [400]),
    ("a number alone", lambda a: a.post(b"7"), [400]),
    ("a name twice", lambda a: a.post(b'{"name":"smuggled","name":"b","seeds":["https://a.example/"]}'), [400]),
    ("NaN", lambda a: a.post(b'{"name":"smuggled","fetch":{"rate":NaN}}'), [400]),
    ("Infinity", lambda a: a.post(b'{"name":"smuggled","fetch":{"rate":-Infinity}}'), [400]),
    ("1e999", lambda a: a.post(b'{"name":"smuggled","fetch":{"rate":1e999}}'), [400]),
    ("an integer beyond 64 bits", lambda a: a.post(b'{"name":"smuggled","fetch":{"rate":%s}}' % (b"9" * 40)), [400]),
    ("not UTF-8", lambda a: a.post(b'{"name":"\xff\xfe"}'), [400]),
    ("overlong UTF-8 in it", lambda a: a.post(b'{"name":"\xc0\xaf"}'), [400]),
    ("half a surrogate", lambda a: a.post(rb'{"name":"\ud800"}'), [400]),
    ("NUL in a text", lambda a: a.post(rb'{"name":"a\u0000b"}'), [400]),
    ("a byte order mark", lambda a: a.post(b"\xef\xbb\xbf" + JOB), [400]),
    ("UTF-16", lambda a: a.post(JOB.decode().encode("utf-16")), [400]),
    ("1,000 deep", lambda a: a.post(b'{"a":' * 1000 + b"1" + b"}" * 1000), [400]),
    ("arrays 100,000 deep", lambda a: a.post(b"[" * 100_000), [400]),
    ("2,000,000 values", lambda a: a.post(seeds(b"1," * 2_000_000 + b"1")), [413]),
    ("comments", lambda a: a.post(b"/* x */" + JOB), [400]),
    ("a comma too many", lambda a: a.post(b'{"name":"smuggled",}'), [400]),
    ("a body where none is taken", lambda a: a.post(b"{}", path="/api/v1/runs/1:pause"), [(400, 404)]),
    # ---- jobs ----
    ("a name that is a path", lambda a: a.post(b'{"name":"../x","seeds":["https://a.example/"]}'), [422]),
    ("a name with a line", lambda a: a.post(rb'{"name":"a\nb","seeds":["https://a.example/"]}'), [422]),
    ("a name of 10 kB", lambda a: a.post(b'{"name":"%s","seeds":["https://a.example/"]}' % (b"a" * 10000)), [422]),
    ("a field there is not", lambda a: a.post(b'{"name":"smuggled","seeds":["https://a.example/"],"id":1}'), [422]),
    ("a file as a seed", lambda a: a.post(seeds(b'"file:///etc/passwd"')), [422]),
    ("gopher as a seed", lambda a: a.post(seeds(b'"gopher://127.0.0.1:6379/_x"')), [422]),
    ("a script as a seed", lambda a: a.post(seeds(b'"javascript:alert(1)"')), [422]),
    ("an object as a seed", lambda a: a.post(seeds(b"{}")), [422]),
    ("Idempotency-Key of 1,000 characters", lambda a: a.post(JOB, "Idempotency-Key: " + "a" * 1000), [400]),
    ("If-Match of another revision", lambda a: a(f"DELETE {KEEP}", 'If-Match: "999"'), [412]),
]  # fmt: skip

GUARDS = ("Content-Security-Policy: default-src 'none'", "X-Content-Type-Options: nosniff", "X-Frame-Options: DENY",
          "Referrer-Policy: no-referrer", "Cache-Control: no-store")  # fmt: skip


def answers(got, heads=()):
    """Status and headers of each answer, in order; an interim one is none."""
    found = []
    while got:
        head, blank, rest = got.partition(b"\r\n\r\n")
        m = re.match(rb"HTTP/1\.[01] (\d{3}) ", head)
        assert m and blank, got[:300]
        status, text = int(m[1]), head.decode("latin-1")
        if rest.startswith(head) and "application/" not in text:  # libmicrohttpd 0.9.75 says the head of its own twice
            rest = rest[len(head) + 4 :]
        if status < 200:
            got = rest
            continue
        length = re.search(r"(?i)\r\ncontent-length: *(\d+)", text)
        n = 0 if len(found) in heads or not length else int(length[1])
        found.append((status, text, rest[:n]))
        got = rest[n:]
    return found


def test_the_list_is_long_and_names_each_case_once():
    assert len(CASES) >= 75 and len({name for name, _, _ in CASES}) == len(CASES)


@pytest.mark.parametrize(("make", "wanted"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_abuse_is_answered_as_it_should_be(service, make, wanted):
    raw = make(Ask(service))
    heads = [i for i, m in enumerate(re.findall(rb"(?m)^([A-Z]+) \S+ HTTP/1.1\r$", raw)) if m == b"HEAD"]
    watch = Stopwatch()
    got = answers(service.ask(raw), heads)
    assert watch.given() < 5
    assert len(got) == len(wanted), got
    for (status, head, body), want in zip(got, wanted):
        assert status in (want if isinstance(want, tuple) else (want,)), (status, head, body)
        assert "Access-Control-" not in head and "Set-Cookie" not in head
        if "application/" in head:  # those that libmicrohttpd answers by itself are a line of HTML
            assert all(g in head for g in GUARDS), head
        if status >= 400 and "application/" in head and body:
            problem = json.loads(body)
            assert problem["status"] == status and problem["detail"] and "application/problem+json" in head
    # Nothing was made, nothing is gone, and the next one is served.
    assert [j["name"] for j in service.get(JOBS).json["items"]] == ["keep"]
    assert service.tcp(path=KEEP, token=service.reader)[0] == 200


def test_an_interim_answer_comes_only_if_the_body_is_wanted(service):
    a = Ask(service)
    with service.connect() as c:
        c.sendall(a(f"POST {JOBS}", "Expect: 100-continue", "Content-Type: application/json", "Content-Length: 2"))
        assert c.recv(1000).startswith(b"HTTP/1.1 100 ")
        c.sendall(b"{}")
        assert c.recv(1 << 16).startswith(b"HTTP/1.1 422 ")
    with service.connect() as c:
        c.sendall(a(f"POST {JOBS}", "Expect: 100-continue", "Content-Length: 2", token=""))
        assert c.recv(1000).startswith(b"HTTP/1.1 401 ")


# ---- what jobs of strangers may not ask for ----

OPTIONS = {
    "fetch": {
        "cookies": "/etc/passwd", "save_cookies": "/tmp/x", "auth_file": "/etc/passwd", "ca": "/etc/passwd",
        "cert": "/etc/passwd", "key": "/etc/passwd", "proxy": ["http://127.0.0.1:1"], "no_proxy": "a.example",
        "insecure": True, "http": "1.1",
    },
    "net": {"resolve": ["a.example:443:127.0.0.1"], "dns": "127.0.0.1", "allow_net": ["127.0.0.0/8"]},
    "exec": {"command": "id", "env": ["HOME"]},
    "s3": {"endpoint": "http://127.0.0.1:1", "bucket": "of-others", "credentials": "/etc/passwd", "ca": "/etc/passwd"},
    "run": {"workers": 8, "progress": "bar", "json": True, "state": "memory"},
}  # fmt: skip


def test_jobs_of_strangers_name_no_file_program_storage_or_address(service):
    good = {"name": "stranger", "seeds": ["https://a.example/"]}
    for section, options in OPTIONS.items():
        for key, value in options.items():
            a = service.post(JOBS, {**good, section: {key: value}})
            assert a.status == 422, (section, key, a)
            assert any(e["pointer"].startswith(f"/{section}/{key}") for e in a.json["errors"]), a
    for more in ({"include": "/etc/passwd"}, {"seeds_from": "/etc/passwd"}, {"seeds_from": ["/etc/passwd"]},
                 {"include": ["/etc/trawl/jobs.d/a.yaml"]}, {"output": {"sink": ["stdout"]}},
                 {"dir": "/etc"}, {"output": {"dir": "/etc"}}):  # fmt: skip
        a = service.post(JOBS, {**good, **more})
        assert a.status == 422 and a.json["errors"], (more, a)
    # Nor by a change of one that is good, and text is text.
    assert service.post(JOBS, {**good, "fetch": {"user_agent": "${HOME}/1.0"}}).status == 201
    try:
        job = service.get(f"{JOBS}/stranger").json
        assert "${HOME}/1.0" in json.dumps(job) and "/root" not in json.dumps(job)
        for body in ({"fetch": {"cookies": "/etc/passwd"}}, {"include": "/etc/passwd"}):
            a = service.call("PATCH", f"{JOBS}/stranger", json.dumps(body),
                             {"Content-Type": "application/merge-patch+json"})  # fmt: skip
            assert a.status == 422, (body, a)
    finally:
        assert service.call("DELETE", f"{JOBS}/stranger").status in (200, 204)


def test_no_name_redirect_or_link_leads_jobs_of_strangers_to_denied_addresses(tmp_path):
    pages = """server {{ listen {0}:@PORT@; default_type text/html;
        location = /robots.txt {{ return 200 'Sitemap: http://127.9.0.1:@PORT@/sitemap.xml'; }}
        location = /redirect {{ return 302 http://127.9.0.2:@PORT@/secret; }}
        location = /sitemap.xml {{ return 302 http://127.9.0.2:@PORT@/secret.xml; }}
        location / {{ return 200 '<a href="http://127.9.0.2:@PORT@/linked">x</a><a href="http://localhost:@PORT@/l">y</a>'; }} }}
    """
    settings = """
defaults: {net: {allow_net: [127.9.0.1/32]}, fetch: {delay: 0, retries: 0}}
"""
    with (
        nginx(tmp_path / "w", "".join(pages.format(f"127.{a}") for a in ("0.0.1", "9.0.1", "9.0.2"))) as w,
        Service(tmp_path / "s", settings) as s,
    ):
        s.start()
        port = w.url().rstrip("/").rsplit(":", 1)[1]
        denied = [f"http://{h}:{port}/" for h in (
            "127.0.0.1", "127.9.0.2", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::1]",
            "[::ffff:127.9.0.2]", "0.0.0.0", "[::]", "[64:ff9b::7f09:2]", "[fe80::1]", "10.0.0.1", "192.168.0.1",
            "100.64.0.1",
        )] + ["http://169.254.169.254/latest/meta-data/"]  # fmt: skip
        good = [f"http://127.9.0.1:{port}/{x}" for x in ("", "redirect")]
        s.create("x", seeds=good + denied, crawl={"scope": "any"})
        run = s.run("x")
        s.wait_for(run, "done", "failed")
        asked = {(row["host"].split(":")[0], row["uri"]) for row in w.log()}
        assert {host for host, _ in asked} == {"127.9.0.1"}, asked
        assert {"/", "/redirect", "/sitemap.xml"} <= {uri for _, uri in asked}
        outcomes = list(s.output(run).outcomes().values())
        assert outcomes.count("denied-address") >= 12, outcomes


# ---- three hundred at once ----

SANITIZED = "#define TRAWL_SANITIZED 1" in (BUILDDIR / "config.h").read_text()
HOSTS, DELAY, CLIENTS, TRIES, WINDOWS = 30, 0.4, 300, 50, 4


def memory(s):
    """KiB of the service itself."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{s.child.pid}/status").read_text())[1])


def site(tmp):
    www = tmp / "www"
    www.mkdir()
    for i in range(1500):
        links = "".join(f'<a href="p{i * 2 + k}.html">{k}</a>' for k in (1, 2))
        (www / f"p{i}.html").write_text(f"<!DOCTYPE html><title>{i}</title>{links}" + "x" * 2000)
    listen = "".join(f"listen 127.5.1.{n + 1}:@PORT@;" for n in range(HOSTS))
    local = "server { listen 127.0.0.1:@PORT@; return 404; }\n"
    return nginx(tmp / "nginx", local + f'server {{ {listen} root "{www}"; location = /robots.txt {{ return 404; }} }}\n')


class Crawling:
    """A service that crawls the site."""

    def __init__(self, s, w):
        self.s = s
        s.start()
        s.create("large", seeds=[f"https://{'x' * 40}{i}.example/" for i in range(20000)])
        s.create("crawl", seeds=[w.url("/p0.html", f"127.5.1.{n + 1}") for n in range(HOSTS)])
        self.run = s.run("crawl")

    def pages(self):
        return self.s.state_of(self.run).get("stats", {}).get("pages", 0)

    def lost(self):
        """Seconds in which it could have run and the machine ran others: of those nobody here robs it."""
        return run_delay((self.s.child.pid, self.s.child.pid)) or 0

    def calls(self):
        """How long each took that is as it should be, of the time that the service was given."""
        for call in (lambda: self.s.get("/api/v1/jobs?limit=1").status,
                     lambda: self.s.tcp(path=f"/api/v1/runs/{self.run}", token=self.s.reader)[0]):  # fmt: skip
            t, lost = time.monotonic(), self.lost()
            assert call() == 200
            yield time.monotonic() - t - (self.lost() - lost)


class Window:
    """A stretch of time, of the service that is abused and of the one beside it: pages, calls.

    Its hosts are asked after a delay each, at the same time: by as long as the service has to wait for the machine all
    of them are asked later, and what it does in the rest is what it would do with a machine of its own.
    """

    def __init__(self, abused, alone, seconds):
        both = (abused, alone)
        self.calls, self.memory = ([], []), 0
        began, before, lost = time.monotonic(), [c.pages() for c in both], [c.lost() for c in both]
        while time.monotonic() - began < seconds:
            for times, c in zip(self.calls, both):
                times += c.calls()
            self.memory = max(self.memory, memory(abused.s))
            time.sleep(0.05)
        self.pages = [c.pages() - n for c, n in zip(both, before)]
        took = time.monotonic() - began
        self.given = [took - (c.lost() - n) for c, n in zip(both, lost)]


class Harm:
    """What the latest windows say: what the machine does besides happens to both services at the same time."""

    def __init__(self, windows):
        latest = windows[-WINDOWS:]
        abused, alone = (sum(w.pages[i] for w in latest) / sum(w.given[i] for w in latest) for i in (0, 1))
        self.ratio = abused / alone
        self.slowest, self.unharmed = (max(t for w in latest for t in w.calls[i]) for i in (0, 1))
        self.is_any = self.slowest >= 1 + 3 * self.unharmed or (not SANITIZED and self.ratio < 0.9)

    def __repr__(self):
        return f"pace {self.ratio:.2f} of that alone, slowest call {self.slowest * 1000:.0f} ms, alone {self.unharmed * 1000:.0f} ms"


def test_three_hundred_slow_and_abusive_clients_harm_nobody_else(tmp_path):
    settings = f"""
defaults:
  net: {{allow_net: [127.0.0.0/8]}}
  fetch: {{delay: {int(DELAY * 1000)}ms}}
"""
    # Fewer connections than clients: they have to be taken from those who do nothing.
    api = "allow_local: yes, connections: 256, header_timeout: 3s, body_timeout: 3s, reply_timeout: 3s"
    with site(tmp_path) as w, TcpService(tmp_path / "s", api, settings) as s, TcpService(tmp_path / "a", api, settings) as a:
        abused, alone = Crawling(s, w), Crawling(a, w)
        wait_until("the crawls have their pace", lambda: min(abused.pages(), alone.pages()) > 4 * HOSTS)
        windows, sizes, tried = [], [memory(s)], []
        # Again where it seems that they do harm: chance has an end, what they do has none.
        while len(windows) < WINDOWS or (Harm(windows).is_any and len(windows) < 3 * WINDOWS):
            # Nice: they stand for other machines, and take no core from what is measured.
            with subprocess.Popen(
                ["nice", "-n", "19", sys.executable, Path(__file__).parent / "abusers.py", *map(str, (s.port, s.admin, s.reader, CLIENTS, TRIES))],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            ) as abusers:  # fmt: skip
                assert abusers.stdout.readline() == "all\n"
                windows.append(Window(abused, alone, 5))
                tried.append(abusers.communicate("")[0].strip())
                assert abusers.returncode == 0
            sizes.append(windows[-1].memory)
        harm = Harm(windows)
        print(f"\n{harm}, pages {[w.pages for w in windows]}, memory {[m // 1024 for m in sizes]} MiB, tried: {tried}")
        assert [c.s.state_of(c.run)["state"] for c in (abused, alone)] == ["running", "running"]
        assert harm.slowest < 1 + 3 * harm.unharmed, harm
        if SANITIZED:  # slow, and freed memory is kept
            return
        assert harm.ratio >= 0.9, harm
        assert max(sizes) - sizes[0] < 192 * 1024, sizes
        # It does not grow from one to the next; in the first one they may not have got far.
        assert max(sizes[3:]) - max(sizes[1:3]) < 48 * 1024, sizes
        assert all(int(n) > TRIES for t in tried for n in re.findall(r"\d+", t)), tried

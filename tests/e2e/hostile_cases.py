"""What hostile hosts say, and what must become of it: one row a host.

To add one, write a row: a name, what it says (bytes, or steps of `then()`, or a dict of path to
either), the outcome that the crawl must give the URL, and if need be the seconds it may take.
`rest` has the outcomes of other URLs, in which {port} and {me} stand for the port and the host.
`waiting` means that the crawl has not given up on it: the host is to be asked again later.
"""

from hostile import (
    CHUNKED, HTML, NOT_FOUND, Case, brotli, chunked, coded, drip, endless, gzip, gzip_zeros, hang,
    head, keeps, moved, page, reset, then, untold, wait, zstd,
)  # fmt: skip

OK, BAD, SHORT = "ok", "protocol-error", "truncated"
MIB = 1 << 20
BODY = b"<title>page</title>"
POISON = b"<title>POISON</title>"  # the answer to nothing that was asked
DENIED = "http://127.99.0.1:{port}/"  # nobody's seed
UNASKED = page(POISON)
BOMB = gzip_zeros(256 << 20, b"<title>bomb</title>")
MANY = 200_000  # of anything; what a million of them cost is told by test_bombs.py
LINKS = b"".join(b"<a href=-%d>" % i for i in range(MANY))

# fmt: off
STATUS_LINES = [
    Case("http-1.0", head(HTML, version="HTTP/1.0") + BODY, OK),
    Case("no-reason", head(HTML, status="200") + BODY, OK),
    Case("blank-reason", head(HTML, status="200 ") + BODY, OK),
    Case("reason-with-escapes", head(HTML, status="200 \x1b[31mred\x1b]0;title\x07") + BODY, OK),
    Case("reason-of-200-kb", head(HTML, status="200 " + "x" * 200_000) + BODY, BAD),
    Case("lower-case-name", head(HTML, version="http/1.1") + BODY, BAD),
    Case("http-0.9", b"<title>old</title>just a body\r\n\r\n", BAD),
    Case("http-1.2", head(HTML, version="HTTP/1.2") + BODY, BAD),
    Case("http-2-over-1", head(HTML, status="200", version="HTTP/2") + BODY, BAD),
    Case("http-3-over-1", head(HTML, status="200", version="HTTP/3") + BODY, BAD),
    Case("http-11", head(HTML, version="HTTP/11") + BODY, BAD),
    Case("frames-of-http-2", b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + bytes(18), BAD),
    Case("icy", head(HTML, version="ICY") + BODY, BAD),
    Case("rtsp", head(HTML, version="RTSP/1.0") + BODY, BAD),
    Case("ssh", b"SSH-2.0-OpenSSH_9.2\r\n", BAD),
    Case("smtp", b"220 mail.example.test ESMTP\r\n250 ok\r\n", BAD),
    Case("status-of-two-digits", head(HTML, status="20 OK") + BODY, BAD),
    Case("status-of-four-digits", head(HTML, status="2000 OK") + BODY, BAD),
    Case("status-0", head(HTML, status="000 OK") + BODY, BAD),
    Case("status-999", head(HTML, status="999 OK") + BODY, BAD),
    Case("status-600", head(HTML, status="600 OK") + BODY, BAD),
    Case("status-negative", head(HTML, status="-200 OK") + BODY, BAD),
    Case("status-in-words", head(HTML, status="OK") + BODY, BAD),
    Case("status-hexadecimal", head(HTML, status="0xC8 OK") + BODY, BAD),
    Case("status-behind-a-tab", head(HTML, status="\t200 OK", version="HTTP/1.1") + BODY, BAD),
    Case("blank-lines-first", b"\r\n\r\n" + page(), BAD),
    Case("switching-protocols", head("Upgrade: h2c", status="101 Switching Protocols") + page(), BAD),
    Case("status-199", head(status="199 What") + page(), OK),
    Case("status-599", page(status="599 Whatever"), "http-5xx"),
    Case("status-499", page(status="499 Whatever"), "http-4xx"),
    Case("status-418", page(status="418 Teapot"), "http-4xx"),
    Case("partial-content-unasked", page(BODY, "Content-Range: bytes 0-18/99999", status="206 Partial"), OK),
    Case("not-modified-unasked", head(status="304 Not Modified"), "not-modified"),
    Case("proxy-authentication", page(BODY, "Proxy-Authenticate: NTLM", status="407 No"), "http-4xx"),
    Case("negotiate", page(BODY, "WWW-Authenticate: Negotiate", "WWW-Authenticate: NTLM", status="401 No"), "http-4xx"),
    Case("early-hints", head("Link: </x>", status="103 Early Hints") * 3 + page(), OK),
    Case("continue-flood", endless(head(status="100 Continue")), BAD),
    Case("hints-flood", endless(head("Link: </x>; rel=preload", status="103 Early Hints")), BAD),
]

HEADERS = [
    Case("900-lines", page(BODY, *(f"X-{i}: y" for i in range(900))), OK),
    Case("1100-lines", page(BODY, *(f"X-{i}: y" for i in range(1100))), BAD),
    Case("many-lines", then(head(HTML)[:-2], b"X-Y: z\r\n" * MANY, b"\r\n", BODY), BAD),
    Case("endless-lines", then(head(HTML)[:-2], endless(b"X-Y: z\r\n")), BAD),
    Case("endless-line", then(b"HTTP/1.1 200 OK\r\nX: ", endless(b"yz")), BAD),
    Case("endless-status-line", then(b"HTTP/1.1 200 ", endless(b"yz")), BAD),
    Case("line-of-90-kb", page(BODY, "X: " + "y" * 90_000), OK),
    Case("line-of-400-kb", page(BODY, "X: " + "y" * 400_000), BAD),
    Case("name-of-90-kb", page(BODY, "x" * 90_000 + ": y"), OK),
    Case("folded", page(BODY, "X: a", "  b", "\tc"), OK),
    Case("folded-length", head(HTML, "Content-Length:", f" {len(BODY)}") + BODY, BAD),
    Case("folded-first", b"HTTP/1.1 200 OK\r\n X: y\r\n\r\n" + BODY, BAD),
    Case("folded-for-ever", then(b"HTTP/1.1 200 OK\r\nX: y\r\n", endless(b" z\r\n")), BAD),
    Case("nul-in-value", page(BODY, "X: a\0b"), BAD),
    Case("nul-in-name", page(BODY, "X\0: a"), BAD),
    Case("nul-in-status-line", head(HTML, status="200 O\0K") + BODY, BAD),
    Case("bare-lf", page().replace(b"\r\n", b"\n"), OK),
    Case("bare-cr-in-value", page(BODY, "X: a\rY: b"), OK),
    Case("bare-cr-for-lf", page().replace(b"\r\n", b"\r"), BAD),
    Case("no-colon", page(BODY, "nonsense"), BAD),
    Case("no-name", page(BODY, ": value"), OK),
    Case("blank-before-colon", page(BODY, "Content-Type : text/plain"), OK),
    Case("controls-in-value", page(BODY, "X: \x01\x02\x1b[2J\x7f"), OK),
    Case("eight-bit-value", page(BODY, b"X: \xff\xfe\x80"), OK),
    Case("two-types", page(BODY, "Content-Type: image/png", "Content-Type: a/b"), OK),
    Case("2000-cookies", page(BODY, *(f"Set-Cookie: c{i}=1" for i in range(2000))), BAD),
    Case("900-big-cookies", page(BODY, *(f"Set-Cookie: c{i}={'v' * 300}" for i in range(900))), OK),
    Case("cookie-of-80-kb", page(BODY, "Set-Cookie: c=" + "v" * 80_000), OK),
    Case("cookie-for-all", page(BODY, "Set-Cookie: c=1; Domain=com", "Set-Cookie: d=1; Domain=.0.0.1"), OK),
    Case("disposition-out-of-the-directory", page(BODY, 'Content-Disposition: attachment; filename="../../../../tmp/x"'), OK),
    Case("disposition-with-escapes", page(BODY, "Content-Disposition: attachment; filename*=utf-8''%1b%5b31m%00%0a"), OK),
    Case("link-header-of-80-kb", page(BODY, "Link: " + "<x>," * 20_000), OK),
    Case("refresh-header-to-a-script", page(BODY, "Refresh: 0; url=javascript:alert(1)"), OK),
]

LENGTHS = [
    Case("equal-lengths", page(BODY, f"Content-Length: {len(BODY)}"), OK),
    Case("unequal-lengths", page(BODY, "Content-Length: 5"), BAD),
    Case("list-of-equal-lengths", head(HTML, f"Content-Length: {len(BODY)}, {len(BODY)}") + BODY, OK),
    Case("list-of-unequal-lengths", head(HTML, f"Content-Length: {len(BODY)}, 5") + BODY, BAD),
    Case("negative-length", head(HTML, "Content-Length: -19") + BODY, BAD),
    Case("length-with-plus", head(HTML, "Content-Length: +19") + BODY, BAD),
    Case("length-12abc", head(HTML, "Content-Length: 12abc") + BODY, BAD),
    Case("length-hexadecimal", head(HTML, "Content-Length: 0x13") + BODY, BAD),
    Case("length-with-a-point", head(HTML, "Content-Length: 19.0") + BODY, BAD),
    Case("length-of-nothing", head(HTML, "Content-Length:") + BODY, BAD),
    Case("length-of-two-words", head(HTML, "Content-Length: 1 9") + BODY, BAD),
    Case("length-2-63", head(HTML, "Content-Length: 9223372036854775808") + BODY, BAD),
    Case("length-2-64-and-19", head(HTML, "Content-Length: 18446744073709551635") + BODY, BAD),
    Case("length-of-1000-digits", head(HTML, "Content-Length: " + "9" * 1000) + BODY, BAD),
    Case("length-with-leading-zeros", head(HTML, f"Content-Length: {len(BODY):040}") + BODY, OK),
    Case("length-and-chunked", head(HTML, "Content-Length: 3", "Transfer-Encoding: chunked") + chunked(BODY), OK),
    Case("length-too-small", head(HTML, "Content-Length: 5") + BODY, OK),
    Case("length-too-large-and-end", head(HTML, "Content-Length: 5000") + BODY, SHORT),
    Case("length-too-large-and-silence", then(head(HTML, "Content-Length: 5000") + BODY, hang), SHORT, 20),
    Case("length-of-a-petabyte-and-end", head(HTML, "Content-Length: 1125899906842624") + BODY, SHORT),
    Case("length-of-a-petabyte", then(head(HTML, "Content-Length: 1125899906842624"), endless(b"x")), "too-large", 20),
    Case("length-0-and-a-body", head(HTML, "Content-Length: 0") + UNASKED, OK),
]

CHUNKS = [
    Case("chunked", CHUNKED + chunked(BODY, b"more"), OK),
    Case("chunked-upper-case", head(HTML, "Transfer-Encoding: CHUNKED") + chunked(BODY), OK),
    Case("chunked-over-1.0", head(HTML, "Transfer-Encoding: chunked", version="HTTP/1.0") + chunked(BODY), OK),
    Case("chunked-twice", head(HTML, "Transfer-Encoding: chunked, chunked") + chunked(BODY), BAD),
    Case("chunked-in-two-lines", head(HTML, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + chunked(BODY), BAD),
    Case("transfer-coding-unknown", head(HTML, "Transfer-Encoding: xyz, chunked") + chunked(BODY), BAD),
    Case("transfer-coding-gzip", head(HTML, "Transfer-Encoding: gzip, chunked") + chunked(gzip(BODY)), BAD),
    Case("transfer-coding-identity", head(HTML, "Transfer-Encoding: identity") + BODY, OK),
    Case("chunk-size-in-words", CHUNKED + b"xyz\r\nabc\r\n0\r\n\r\n", BAD),
    Case("chunk-size-missing", CHUNKED + b"\r\nabc\r\n0\r\n\r\n", BAD),
    Case("chunk-size-negative", CHUNKED + b"-3\r\nabc\r\n0\r\n\r\n", BAD),
    Case("chunk-size-2-64", CHUNKED + b"10000000000000003\r\nabc\r\n0\r\n\r\n", BAD),
    Case("chunk-size-2-63", CHUNKED + b"8000000000000000\r\nabc\r\n0\r\n\r\n", BAD),
    Case("chunk-size-of-a-petabyte", then(CHUNKED + b"4000000000000\r\n", endless(b"x")), "too-large", 20),
    Case("chunk-longer-than-its-size", CHUNKED + b"3\r\nabcdef\r\n0\r\n\r\n", SHORT),
    Case("chunk-bad-after-a-good-one", CHUNKED + chunked(BODY, end=b"") + b"zz\r\n", SHORT),
    Case("chunks-without-end", CHUNKED + chunked(BODY, end=b""), SHORT),
    Case("chunks-without-end-and-silence", then(CHUNKED + chunked(BODY, end=b""), hang), SHORT, 20),
    Case("chunks-of-one-byte", CHUNKED + chunked(*(b"%c" % b for b in BODY)), OK),
    Case("endless-chunks", then(CHUNKED, endless(chunked(b"x" * 4000, end=b""))), "too-large", 20),
    Case("endless-chunk-extension", then(CHUNKED + b"5;", endless(b"x=y;")), "too-large", 20),
    Case("chunks-with-big-extensions", then(CHUNKED, endless(b"1;" + b"x" * 20_000 + b"\r\nz\r\n")), "too-large", 20),
    Case("endless-chunk-size", then(CHUNKED, endless(b"0")), BAD),
    Case("trailers", CHUNKED + chunked(BODY, end=b"0\r\nX: y\r\nContent-Length: 7\r\n\r\n"), OK),
    Case("endless-trailers", then(CHUNKED + chunked(BODY, end=b"0\r\n"), endless(b"X: y\r\n")), BAD),
    Case("endless-trailer", then(CHUNKED + chunked(BODY, end=b"0\r\nX: "), endless(b"yz")), SHORT),
    Case("trailers-without-end", then(CHUNKED + chunked(BODY, end=b"0\r\nX: y\r\n"), hang), SHORT, 20),
]

ENDS = [
    Case("end-without-an-answer", b"", BAD),
    Case("reset-without-an-answer", reset, "connect-failure"),
    Case("silence", hang, "timeout-first-byte"),
    Case("half-a-status-line-and-silence", then(b"HTTP/1.1 20", hang), "timeout-first-byte"),
    Case("half-a-status-line-and-end", b"HTTP/1.1 20", BAD),
    Case("half-a-head-and-end", b"HTTP/1.1 200 OK\r\nContent-Ty", BAD),
    Case("half-a-head-and-silence", then(b"HTTP/1.1 200 OK\r\nContent-Ty", hang), "timeout-stall", 20),
    Case("half-a-head-and-reset", then(b"HTTP/1.1 200 OK\r\nX: y\r\n", wait(0.1), reset), "connect-failure"),
    Case("head-and-silence", then(head(HTML, "Content-Length: 9"), hang), "timeout-stall", 20),
    Case("half-a-body-and-reset", then(head(HTML, "Content-Length: 5000") + BODY, wait(0.1), reset), SHORT),
    Case("status-line-byte-by-byte", drip(page()), "timeout-first-byte"),
    Case("head-byte-by-byte", then(b"HTTP/1.1 200 OK\r\n", drip(b"X: " + b"y" * 100)), "timeout-stall", 20),
    Case("head-line-by-line", then(b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n", wait(1)] * 60), "timeout-total", 22),
    Case("body-byte-by-byte", then(head(HTML, "Content-Length: 500"), drip(BODY * 9)), SHORT, 22),
    Case("hints-byte-by-byte", then(*[head(status="103 x"), wait(1)] * 60), "timeout-total", 22),
    Case("endless-body", then(head(HTML), endless(b"x")), "too-large", 20),
    Case("endless-body-of-a-redirect", then(head("Location: /x", status="302 x"), endless(b"x")), "too-large", 20),
    Case("endless-body-of-an-error", then(head(HTML, status="404 x"), endless(b"x")), "too-large", 20),
    Case("endless-body-of-nothing", then(head(HTML), endless(b"\0")), "too-large", 20),
]

# Three URLs each: the answer of one must never be taken for another's.
THREE = ("/a", "/b", "/c")


def three(reply, outcome=OK, rest=OK, seconds=16.0):
    """`reply` is what /a gets; /b and /c are honest and must come out as `rest`."""
    return dict(
        reply={"/a": reply, "/b": keeps(page(b"<title>/b</title>")), "/c": keeps(page(b"<title>/c</title>"))},
        outcome=outcome, rest={"/b": rest, "/c": rest}, seeds=THREE, seconds=seconds,
    )


def unasked(data):
    """What nobody asked for, as long as that is sure: when the next request is there or may be on its way, for the
    machine was slow, nothing tells its answer from any other, and the connection is closed instead."""

    async def step(c):
        if c.may_be_asked_again():
            c.keep = False
        else:
            await c.send(data)

    return step


TITLE_A = page(b"<title>/a</title>")
SHIFTS = [
    Case("second-answer-at-once", **three(keeps(TITLE_A + UNASKED))),
    Case("second-answer-a-little-later", **three(then(keeps(TITLE_A), wait(0.03), unasked(UNASKED)))),
    Case("second-answer-half-at-once", **three(then(keeps(TITLE_A + UNASKED[:20]), wait(0.1), unasked(UNASKED[20:])))),
    Case("ten-answers", **three(keeps(TITLE_A + UNASKED * 10))),
    Case("one-byte-too-many", **three(keeps(TITLE_A + b"x"))),
    Case("blank-line-too-many", **three(keeps(TITLE_A + b"\r\n"))),
    Case("no-content-with-a-body", **three(keeps(head(HTML, f"Content-Length: {len(UNASKED)}", status="204 x") + UNASKED))),
    Case("no-content-with-chunks", **three(keeps(head(HTML, "Transfer-Encoding: chunked", status="204 x") + chunked(UNASKED)))),
    Case("no-content-with-an-answer", **three(keeps(head(status="204 x") + UNASKED))),
    Case("not-modified-with-a-body", **three(keeps(head(f"Content-Length: {len(UNASKED)}", status="304 x") + UNASKED), "not-modified")),
    Case("not-modified-with-an-answer", **three(keeps(head(status="304 x") + UNASKED), "not-modified")),
    Case("hints-after-the-answer", **three(keeps(TITLE_A + head(status="103 x")))),
    Case("length-that-cuts-off-an-answer", **three(keeps(head(HTML, "Content-Length: 5") + BODY[:5] + UNASKED))),
    Case("length-beside-chunks-cuts-off-an-answer", **three(keeps(
        head(HTML, "Transfer-Encoding: chunked", f"Content-Length: {len(UNASKED) + 5}") + chunked(b"") + UNASKED))),
    Case("answer-behind-the-last-chunk", **three(keeps(CHUNKED + chunked(b"<title>/a</title>") + UNASKED))),
    Case("hidden-length", **three(keeps(head(HTML, "Content-Length : 999", f"Content-Length: {len(BODY)}") + BODY + UNASKED))),
    Case("answer-behind-the-last-trailer", **three(keeps(
        CHUNKED + chunked(b"<title>/a</title>", end=b"0\r\nX: y\r\n\r\n") + UNASKED))),
    Case("robots-with-a-second-answer", {
        "/robots.txt": keeps(NOT_FOUND + UNASKED), "/": page(b"<title>/</title>")}, OK),
    Case("end-after-each-answer-unsaid", {p: page(b"<title>%s</title>" % p.encode()) for p in THREE}, OK,
         seeds=THREE, rest={"/b": OK, "/c": OK}),
    Case("end-in-the-middle-of-the-second", {
        "/a": keeps(TITLE_A), "/b": page()[:30], "/c": keeps(page(b"<title>/c</title>"))}, OK,
         seeds=THREE, rest={"/b": BAD, "/c": OK}),
]

TLS = [
    Case("tls-good", page(), OK, tls="good"),
    Case("tls-wrong-name", page(), "tls-failure", tls="wrong-name"),
    Case("tls-expired", page(), "tls-failure", tls="expired"),
    Case("tls-self-signed", page(), "tls-failure", tls="self-signed"),
    Case("tls-unknown-authority", page(), "tls-failure", tls="unknown-authority"),
    Case("tls-1.1", page(), "tls-failure", tls="old-version"),
    Case("tls-plain-answer", page(), "tls-failure", tls="none"),
    Case("tls-end-at-once", b"", "tls-failure", tls="none"),
    Case("tls-reset", then(wait(0.1), reset), "tls-failure", tls="none"),
    Case("tls-silence", hang, "timeout-connect", tls="none"),
    Case("tls-garbage", b"\x16\x03\x03\xff\xff" + bytes(range(256)) * 64, "tls-failure", tls="none"),
    Case("tls-fatal-alert", b"\x15\x03\x03\x00\x02\x02\x28", "tls-failure", tls="none"),
    Case("tls-endless-garbage", endless(b"\x16\x03\x03\x10\x00"), "tls-failure", tls="none"),
    Case("tls-byte-by-byte", drip(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03" * 9), "timeout-connect", tls="none"),
    Case("tls-body-cut", head(HTML, "Content-Length: 5000") + BODY, SHORT, tls="good"),
    Case("tls-end-without-an-answer", b"", BAD, tls="good"),
]

REDIRECTS = [
    Case("redirect-to-itself", moved("/"), "redirect"),
    Case("redirect-in-a-circle", {"/": moved("/b"), "/b": moved("/")}, "redirect", rest={"/b": "redirect"}),
    Case("redirect-chain-of-25", {"/": moved("/1"), **{f"/{i}": moved(f"/{i + 1}") for i in range(1, 26)}},
         "redirect", 20, rest={"/20": "redirect", "/21": "redirect-limit"}),
    Case("redirect-to-a-file", moved("file:///etc/passwd"), "redirect", rest={"file:///etc/passwd": "unsupported-scheme"}),
    Case("redirect-to-ftp", moved("ftp://{me}/x"), "redirect", rest={"ftp://{me}/x": "unsupported-scheme"}),
    Case("redirect-to-gopher", moved("gopher://h.example.test/x"), "redirect",
         rest={"gopher://h.example.test/x": "unsupported-scheme"}),
    Case("redirect-to-a-script", moved("javascript:alert(1)"), "redirect", rest={"javascript:alert(1)": "unsupported-scheme"}),
    Case("redirect-to-data", moved("data:text/html,<a href=x>"), "redirect"),
    Case("redirect-to-a-denied-address", moved(DENIED), "redirect", rest={DENIED: "denied-address"}),
    Case("redirect-to-metadata", moved("http://169.254.169.254/latest/"), "redirect",
         rest={"http://169.254.169.254/latest/": "denied-address"}),
    Case("redirect-to-a-mapped-address", moved("http://[::ffff:127.99.0.2]:{port}/"), "redirect",
         rest={"http://[::ffff:7f63:2]:{port}/": "denied-address"}),
    Case("redirect-to-loopback-6", moved("http://[::1]:{port}/"), "redirect", rest={"http://[::1]:{port}/": "denied-address"}),
    Case("redirect-to-a-number", moved("http://2137194499:{port}/"), "redirect", rest={"http://127.99.0.3:{port}/": "denied-address"}),
    Case("redirect-to-hexadecimal", moved("http://0x7f.0x63.4:{port}/"), "redirect",
         rest={"http://127.99.0.4:{port}/": "denied-address"}),
    Case("redirect-to-octal", moved("http://0177.0143.0.05:{port}/"), "redirect", rest={"http://127.99.0.5:{port}/": "denied-address"}),
    Case("redirect-with-userinfo", moved("http://good.example.test@127.99.0.6:{port}/"), "redirect",
         rest={"http://127.99.0.6:{port}/": "denied-address"}),
    Case("redirect-to-zero", moved("http://0.0.0.0:{port}/"), "redirect", rest={"http://0.0.0.0:{port}/": "denied-address"}),
    Case("redirect-nowhere", head("Content-Length: 0", status="302 x"), "redirect"),
    Case("redirect-to-nothing", moved(""), "redirect"),
    Case("redirect-to-9-kb", moved("/" + "x" * 9000), "redirect"),
    Case("redirect-to-90-kb", moved("/" + "x" * 90_000), "redirect"),
    Case("redirect-to-400-kb", moved("/" + "x" * 400_000), BAD),
    Case("redirect-with-controls", moved(b"/a\x01\x1b[31mb"), "redirect", rest={"/a%01%1B[31mb": "redirect"}),
    Case("redirect-with-a-bare-cr", moved(b"/a\rSet-Cookie: x=y"), "redirect", rest={"/aSet-Cookie:%20x=y": "redirect"}),
    Case("redirect-with-a-line-in-it", moved("/%0d%0aX:%20y"), "redirect", rest={"/%0d%0aX:%20y": "redirect"}),
    Case("redirect-to-eight-bits", moved(b"/\xff\xfe"), "redirect"),
    Case("redirect-to-a-bad-port", moved("http://{me}:99999/"), "redirect", rest={"http://{me}:99999/": "bad-url"}),
    Case("redirect-to-no-host", moved("http:///"), "redirect"),
    Case("redirect-to-two-places", moved("/a", "Location: /b"), "redirect", rest={"/a": "redirect"}),
    Case("redirect-300", page(BODY, "Location: /x", status="300 Choices"), "redirect"),
    Case("redirect-305", page(BODY, "Location: http://127.99.0.7/", status="305 Use Proxy"), "redirect"),
]

ROBOTS = [
    Case("robots-of-a-gigabyte", {"/robots.txt": then(head("Content-Type: text/plain"), b"User-agent: *\nDisallow: /no\n",
         endless(b"# and so on\n")), "/": page(), "/no": page()}, OK, 20, seeds=("/", "/no"), rest={"/no": "robots-denied"}),
    Case("robots-in-a-circle", {"/robots.txt": moved("/r"), "/r": moved("/robots.txt"), "/": page()}, OK),
    Case("robots-to-a-denied-address", {"/robots.txt": moved("http://127.99.0.8:{port}/"), "/": page()}, "robots-unreachable"),
    Case("robots-to-a-file", {"/robots.txt": moved("file:///etc/passwd"), "/": page()}, OK),
    Case("robots-that-hangs", {"/robots.txt": hang, "/": page()}, "robots-unreachable"),
    Case("robots-byte-by-byte", {"/robots.txt": then(head("Content-Type: text/plain"), drip(b"User-agent: *\n" * 9)),
         "/": page()}, "robots-unreachable"),
    Case("robots-that-fails", {"/robots.txt": head(status="500 x"), "/": page()}, "robots-unreachable"),
    Case("robots-without-an-answer", {"/robots.txt": b"", "/": page()}, "robots-unreachable"),
    Case("robots-with-a-wrong-head", {"/robots.txt": head(status="999 x"), "/": page()}, "robots-unreachable"),
    Case("robots-forbidden", {"/robots.txt": head(status="403 x"), "/": page()}, OK),
    Case("robots-of-zeros", {"/robots.txt": page(bytes(MIB)), "/": page()}, OK),
    Case("robots-a-bomb", {"/robots.txt": coded("gzip", BOMB), "/": page()}, OK, 20),
    Case("robots-of-one-line", {"/robots.txt": page(b"Disallow: /" + b"x" * MIB), "/": page()}, OK),
    Case("robots-of-stars", {"/robots.txt": page(b"User-agent: *\nDisallow: /" + b"*a" * 1000 + b"$\n"), "/": page()}, OK),
    Case("robots-with-a-year-of-delay", {"/robots.txt": page(b"User-agent: *\nCrawl-delay: 31536000\n"), "/": page()}, "waiting"),
    Case("robots-a-picture", {"/robots.txt": page(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20), "/": page()}, OK),
]


def site_map(body, *more, name="/sm"):
    """A host whose robots.txt names this sitemap."""
    return {
        "/robots.txt": untold(b"Sitemap: http://{me}:{port}%s\n" % name.encode()),
        name: untold(body, *more), "/": page(),
    }


INDEX = b"<sitemapindex><sitemap><loc>http://{me}:{port}%s</loc></sitemap></sitemapindex>"
LAUGHS = b"<!DOCTYPE x [<!ENTITY a0 'ha'>" + b"".join(
    b"<!ENTITY a%d '&a%d;&a%d;&a%d;&a%d;&a%d;&a%d;&a%d;&a%d;&a%d;&a%d;'>" % ((i,) + (i - 1,) * 10) for i in range(1, 12)) + b"]>"
SITEMAPS = [
    Case("sitemap-that-names-itself", site_map(INDEX % b"/sm"), OK, rest={"/sm": OK}),
    Case("sitemap-that-nests", {**site_map(INDEX % b"/sm1"), **{f"/sm{i}": untold(INDEX % (b"/sm%d" % (i + 1))) for i in range(1, 50)}},
         OK, 12, rest={"/sm4": OK, "/sm5": OK, "/sm6": "trap"}),
    Case("sitemap-a-bomb", site_map(BOMB, "Content-Encoding: gzip"), OK, 20, rest={"/sm": OK}),
    Case("sitemap-a-gzip-file-bomb", site_map(BOMB), OK, 20, rest={"/sm": OK}),
    Case("sitemap-of-laughs", site_map(LAUGHS + b"<urlset><url><loc>&a11;</loc></url></urlset>"), OK, rest={"/sm": OK}),
    Case("sitemap-with-an-external-entity", site_map(
        b"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><urlset><url><loc>http://{me}:{port}/&a;</loc></url></urlset>"),
        OK, rest={"/sm": OK}),
    Case("sitemap-very-deep", site_map(b"<urlset>" + b"<url>" * MANY), OK, 20, rest={"/sm": OK}),
    Case("sitemap-elsewhere", site_map(b"<urlset><url><loc>http://127.99.0.9:{port}/</loc></url></urlset>"), OK,
         rest={"http://127.99.0.9:{port}/": "out-of-scope"}),
    Case("sitemap-at-a-denied-address", {"/robots.txt": untold(b"Sitemap: http://127.99.0.10:{port}/sm\n"), "/": page()}, OK,
         rest={"http://127.99.0.10:{port}/sm": "denied-address"}),
    Case("sitemap-endless", {**site_map(b""), "/sm": then(head("Content-Type: text/xml"), b"<urlset>",
         endless(b"<url><loc>/x</loc></url>"))}, OK, 20, rest={"/sm": "too-large"}),
]

LATER = [
    Case("retry-after-of-a-thousand-years", {"/a": keeps(head("Content-Length: 0", "Retry-After: 31536000000", status="503 x")), "/b": page()},
         "http-5xx", seeds=("/a", "/b"), rest={"/b": "waiting"}),
    Case("retry-after-2-64", {"/a": keeps(head("Content-Length: 0", "Retry-After: 18446744073709551616", status="429 x")), "/b": page()},
         "http-4xx", seeds=("/a", "/b"), rest={"/b": "waiting"}),
    Case("retry-after-in-the-year-9999", {"/a": keeps(head("Content-Length: 0", "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT", status="503 x")),
         "/b": page()}, "http-5xx", seeds=("/a", "/b"), rest={"/b": "waiting"}),
    Case("retry-after-in-the-past", {"/a": keeps(head("Content-Length: 0", "Retry-After: Thu, 01 Jan 1970 00:00:00 GMT", status="503 x")),
         "/b": page()}, "http-5xx", seeds=("/a", "/b"), rest={"/b": "waiting"}),
    Case("retry-after-in-the-past-but-for-its-clock", {"/a": keeps(head("Content-Length: 0", "Date: Thu, 01 Jan 1970 00:00:00 GMT",
         "Retry-After: Thu, 01 Jan 1970 00:10:00 GMT", status="503 x")), "/b": page()}, "http-5xx", seeds=("/a", "/b"), rest={"/b": "waiting"}),
    Case("retry-after-in-a-second-by-its-clock", {"/a": keeps(head("Content-Length: 0", "Date: Fri, 31 Dec 2100 23:59:58 GMT",
         "Retry-After: Fri, 31 Dec 2100 23:59:59 GMT", status="503 x")), "/b": page()}, "http-5xx", seeds=("/a", "/b")),
    Case("retry-after-negative", {"/a": keeps(head("Content-Length: 0", "Retry-After: -5", status="503 x")), "/b": page()},
         "http-5xx", seeds=("/a", "/b"), rest={"/b": "waiting"}),
    Case("retry-after-junk", {"/a": keeps(head("Content-Length: 0", "Retry-After: soon", status="503 x")), "/b": page()},
         "http-5xx", seeds=("/a", "/b"), rest={"/b": "waiting"}),
]

CODINGS = [
    Case("gzip", coded("gzip", gzip(BODY)), OK),
    Case("gzip-that-is-none", coded("gzip", BODY), OK),
    Case("gzip-unsaid", page(gzip(BODY)), OK),
    Case("gzip-truncated", coded("gzip", gzip(BODY * 999)[:-9]), OK),
    Case("gzip-of-nothing", coded("gzip", b""), OK),
    Case("gzip-broken-in-the-middle", coded("gzip", gzip(BODY * 999)[:40] + b"\xff" * 99), OK),
    Case("gzip-with-a-wrong-checksum", coded("gzip", gzip(BODY)[:-8] + bytes(8)), OK),
    Case("gzip-and-more", coded("gzip", gzip(BODY) + b"junk" * 99), OK),
    Case("gzip-of-many-members", coded("gzip", gzip(b"") * 200_000), OK, 20),
    Case("gzip-with-a-name-of-a-megabyte", coded("gzip", b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * MIB), OK),
    Case("gzip-bomb", coded("gzip", BOMB), OK, 20),
    Case("deflate-bomb", coded("deflate", BOMB[10:]), OK, 20),
    Case("brotli-bomb", coded("br", brotli(bytes(64 * MIB))), OK, 20),
    Case("zstd-bomb", coded("zstd", zstd(bytes(64 * MIB))), OK, 20),
    Case("zstd-with-a-window-of-2-gib", coded("zstd", b"\x28\xb5\x2f\xfd\x00\xa8" + bytes(64)), OK),
    Case("gzip-twice", coded("gzip, gzip", gzip(gzip(BODY))), OK),
    Case("gzip-bomb-in-gzip", coded("gzip, gzip", gzip(BOMB)), OK, 20),
    Case("coded-five-times", coded("gzip, gzip, gzip, gzip, gzip", gzip(gzip(gzip(gzip(gzip(BODY)))))), OK),
    Case("coded-a-thousand-times", coded(", ".join(["gzip"] * 1000), gzip(BODY)), OK),
    Case("coding-unknown", coded("rot13", BODY), OK),
    Case("coding-of-80-kb", coded("x" * 80_000, BODY), OK),
    Case("coding-with-controls", coded("\x1b[31m", BODY), OK),
]

DOCUMENTS = [
    Case("charset-utf-16-that-is-none", head("Content-Type: text/html; charset=utf-16") + BODY, OK),
    Case("charset-unknown", head("Content-Type: text/html; charset=klingon") + BODY, OK),
    Case("charset-utf-7", head("Content-Type: text/html; charset=utf-7") + b"+ADw-a href=x+AD4-", OK),
    Case("charset-of-80-kb", head("Content-Type: text/html; charset=" + "x" * 80_000) + BODY, OK),
    Case("charset-said-thrice", head("Content-Type: text/html; charset=utf-8") + b"\xff\xfe<meta charset=big5><?xml encoding='koi8-r'?>", OK),
    Case("invalid-utf-8", page(b"<title>" + bytes(range(128, 256)) * 9 + b"</title>"), OK),
    Case("title-with-escapes", page(b"<title>\x1b[31m\x1b]0;x\x07\x9b31m &#27;[2J &#155;&#0;\x00 \xe2\x80\xae</title>"), OK),
    Case("title-of-3-mb", page(b"<title>" + b"t" * 3 * MIB + b"</title>"), OK, 20),
    Case("titles", page(b"<title>x</title>" * 100_000), OK, 20),
    Case("many-links", page(LINKS), OK, 20, rest={"/-5998": "out-of-scope"}),
    Case("many-links-that-are-one", page(b"<a href=out-x>" * MANY), OK, 20, rest={"/out-x": "out-of-scope"}),
    Case("many-elements-deep", page(b"<div>" * MANY + b"<a href=out-deep>"), OK, 20, rest={"/out-deep": "out-of-scope"}),
    Case("many-tables-deep", page(b"<table><tr><td>" * MANY), OK, 20),
    Case("many-forms", page(b"<form action=x><b><i><font>" * 99_999), OK, 20),
    Case("many-attributes", page(b"<a " + b"".join(b"a%d=b " % i for i in range(MANY)) + b"href=x>"), OK, 20),
    Case("many-attributes-that-are-one", page(b"<a " + b"a=b " * MANY + b"href=x>"), OK, 20),
    Case("attribute-of-3-mb", page(b"<a href='" + b"x" * 3 * MIB + b"'>"), OK, 20),
    Case("tag-name-of-3-mb", page(b"<" + b"x" * 3 * MIB + b">"), OK, 20),
    Case("comment-without-end", page(b"<!--" + b"-- >" * MANY), OK, 20),
    Case("script-without-end", page(b"<script>" + b"<!--<script>" * MANY), OK, 20),
    Case("many-end-tags", page(b"</p>" * MANY), OK, 20),
    Case("many-references", page(b"&notin;&#x110000;&#0;&nosuch" * 99_999), OK, 20),
    Case("many-metas", page(b"<meta charset=x>" * MANY), OK, 20),
    Case("many-bases", page(b"<base href=/x/><a href=out-y>" * 99_999), OK, 20),
    Case("srcset-of-3-mb", page(b"<img srcset='" + b"a 1x," * (MIB // 2) + b"'>"), OK, 20),
    Case("style-of-3-mb", page(b"<style>" + b"a{b:url(" * MANY), OK, 20),
    Case("base-that-is-a-script", page(b"<base href='javascript:x'><a href=y>"), OK),
    Case("link-with-escapes", page(b"<a href='/\x1b[31m\n\t\x00x'>"), OK),
    Case("link-to-metadata", page(b"<a href=http://169.254.169.254/><img src=file:///etc/passwd>"), OK),
    Case("link-of-a-megabyte", page(b"<a href='/" + b"x" * MIB + b"'>"), OK),
    Case("refresh-to-itself", page(b"<meta http-equiv=refresh content='0; url=/'>"), OK),
    Case("nothing-but-zeros", page(bytes(3 * MIB)), OK, 20),
    Case("nothing-but-brackets", page(b"<" * 3 * MIB), OK, 20),
    Case("type-of-a-picture", head("Content-Type: image/png") + BODY, OK),
    Case("type-of-html-for-a-program", page(b"\x7fELF" + bytes(range(256)) * 4000), OK),
    Case("type-of-80-kb", head("Content-Type: " + "x/" * 40_000) + BODY, OK),
    Case("type-with-controls", head("Content-Type: text/\x1b[31mhtml") + BODY, OK),
    Case("type-of-xml-for-laughs", head("Content-Type: application/xml") + LAUGHS + b"<x>&a11;</x>", OK),
    Case("svg-with-laughs", head("Content-Type: image/svg+xml") + LAUGHS + b"<svg><a href='&a11;'/></svg>", OK),
    Case("feed-that-is-broken", head("Content-Type: application/rss+xml") + b"<rss><channel><item><link>" + b"<" * 99999, OK),
    Case("pdf-that-is-broken", head("Content-Type: application/pdf") + b"%PDF-1.7\n" + b"/URI (" * 99999, OK),
    Case("css-that-imports-itself", head("Content-Type: text/css") + b"@import '/';" * 99999, OK, 20),
    Case("json-very-deep", head("Content-Type: application/json") + b"[" * MANY, OK),
]
# fmt: on

CASES = [
    *STATUS_LINES, *HEADERS, *LENGTHS, *CHUNKS, *ENDS, *SHIFTS, *TLS, *REDIRECTS, *ROBOTS, *SITEMAPS,
    *LATER, *CODINGS, *DOCUMENTS,
]  # fmt: skip

"""What comes from the net is harmless wherever it is written to.

A server whose pages, headers, redirects, robots.txt and sitemap are full of what terminals
obey (ESC, C1 as code points and as bytes), what reorders text (bidi), what ends lines, columns,
strings and tags, what spreadsheets compute, and what is no UTF-8.  Everything that is printed or
written because of it is read as bytes, one test a medium.
"""

import gzip
import json
import os
import pty
import re
import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager
from html.parser import HTMLParser

import pytest

import harness

EVIL = (
    "\x1b[2J\x1b]0;owned\x07\b\b\r\n\t\0\x7f\u009b31m\u0085\u2028\u2029\u202eevil\u2066\u200b\ufeff\u00ad"
    "'\"</title></td><script>alert(1)</script>\\x1b&amp;,;|=1+1 OWNED"
)
RAW = EVIL.encode() + b"\x9b2J\xff\xfe\xc3\xed\xa0\x80\xc0\xaf\x80OWNED"
ONE_LINE = RAW.replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"")
# What a head may have in it and is still taken for one.
QUIET = ONE_LINE.replace(b"\x7f", b"")
PRINTABLE = bytes(b for b in QUIET if b >= 0x20)

# -- what is asserted --

BAD = re.compile(
    "[\0-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def clean(data, what, own="\n"):
    """As text; no code point in it but the medium's own that a terminal obeys or is misled by."""
    text = data.decode()  # strict: it is valid UTF-8
    found = {m.group() for m in BAD.finditer(text)} - set(own)
    at = text.find(min(found)) if found else 0
    assert found == set(), f"{what}: {found} near {text[max(0, at - 80) : at + 40]!r}"
    return text


# -- the server --


def html():
    rows = [b"<!doctype html><html lang='" + RAW + b"'><head><meta charset='" + ONE_LINE + b"'>",
            b"<title>" + RAW.replace(b"</title>", b"") + b"</title>",
            b"<meta name=description content=\"" + RAW.replace(b'"', b"") + b"\">",
            b"<link rel=canonical href='/" + RAW.replace(b"'", b"") + b"'>",
            b"<meta name=robots content='" + RAW.replace(b"'", b"") + b"'>",
            b"<p class=x>" + RAW.replace(b"<", b"&lt;") + b"</p>", b"<h1>" + RAW + b"</h1>"]  # fmt: skip
    for ref in (b"/path", b"/?q=", b"/missing/", b"http://[", b"http://", b"//", b"http://a b", b"=cmd",
                b"-x", b"@x", b"http://h:99999/", b"http://xn--", b"http://\xe2\x80\xae.test/",
                b"http://\xff.test/", b"gopher://x/", b"mailto:", b"javascript:", b"/private/", b"http://a.b:",
                b"https://=", b"+http://[", b"//[=", b"data:text/html,"):  # fmt: skip
        rows.append(b"<a href='" + ref + RAW.replace(b"'", b"") + b"'>" + RAW + b"</a>")
    for path in (b"reason", b"type", b"headers", b"moved", b"moved-bad", b"status", b"garbage", b"cut",
                 b"name", b"fold", b"broken", b"charset", b"404", b"cookie", b"private/x"):  # fmt: skip
        rows.append(b"<a href=/" + path + b">x</a>")
    return b"\n".join(rows)


def ok(body, *headers, reason=b"OK", kind=b"text/html", status=200):
    lines = [b"HTTP/1.1 %d " % status + reason, b"Content-Type: " + kind, b"Content-Length: %d" % len(body),
             b"Connection: close", *headers, b"", b""]  # fmt: skip
    return b"\r\n".join(lines) + body


def reply(path, port):
    page = b"<title>t</title>" + RAW
    robots = (b"User-agent: *\nDisallow: /private/" + ONE_LINE + b"\nDisallow: /private/x\x1b[2J$\n"
              b"Disallow: /private/\xe2\x80\xae*\xc2\x9b\nDisallow: /*\x1b*\nDisallow: /private/x\n"
              b"Sitemap: /map.xml" + ONE_LINE + b"\nSitemap: /map.xml\nCrawl-delay: 0" + ONE_LINE + b"\n")  # fmt: skip
    loc = PRINTABLE.decode(errors="ignore").replace("&", "").replace("<", "").encode()
    sitemap = (b'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
               b"<url><loc>/in-map" + loc + b"</loc><lastmod>" + loc + b"</lastmod><changefreq>" + loc
               + b"</changefreq></url></urlset>")  # fmt: skip
    table = {
        "/": ok(html(), b"Server: " + QUIET, kind=b"text/html; charset=utf-8"),
        "/robots.txt": ok(robots, kind=b"text/plain"),
        "/map.xml": ok(sitemap, kind=b"text/xml"),
        "/reason": ok(page, reason=PRINTABLE),
        "/type": ok(page, kind=b"text/" + PRINTABLE + b"; charset=" + PRINTABLE),
        "/headers": ok(page, b"Server: " + ONE_LINE, b"Link: <" + ONE_LINE + b">; rel=canonical",
                       b"X-Robots-Tag: " + ONE_LINE, b"Content-Language: " + ONE_LINE, b"ETag: " + ONE_LINE),
        "/moved": ok(b"", b"Location: /to" + PRINTABLE, status=302),
        "/moved-bad": ok(b"", b"Location: http://[" + PRINTABLE, status=302),
        "/status": b"HTTP/1.1 " + ONE_LINE + b"\r\n\r\n",
        "/garbage": ONE_LINE + b"\r\n\r\n",
        "/cut": b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + RAW,
        "/name": b"HTTP/1.1 200 OK\r\n" + ONE_LINE + b": x\r\nContent-Length: 0\r\n\r\n",
        "/fold": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n \x1b[2J" + QUIET + b"\r\n\r\n",
        "/broken": b"HTTP/1.1 200 OK\r\nContent-Encoding: " + QUIET + b"\r\n\r\n" + RAW,
        "/charset": ok(b"<meta charset='" + PRINTABLE + b"'><title>" + RAW + b"</title>", kind=b"text/html; charset=utf-8"),
        "/404": ok(page, reason=PRINTABLE, status=404),
        "/cookie": ok(page, b"Set-Cookie: a" + PRINTABLE + b"=b" + PRINTABLE + b"; Path=/" + PRINTABLE),
    }  # fmt: skip
    return table.get(path, ok(page, status=404, reason=PRINTABLE))


@contextmanager
def server(heads=None):
    """`heads`: a list to which the requests are added, as they came."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    port = listener.getsockname()[1]

    def one(peer):
        with peer:
            peer.settimeout(5)
            try:
                head = peer.recv(65536)
                if heads is not None:
                    heads.append(head)
                if b" " in head:
                    peer.sendall(reply(head.split(b" ")[1].decode("latin-1"), port))
            except OSError:
                pass

    def serve():
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(peer,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield port
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def run(*args, stdin=b"", rc=None):
    """trawl ARGS: its two outputs as bytes."""
    done = subprocess.run([harness.TRAWL, *map(str, args)], input=stdin, capture_output=True, timeout=60,
                          check=False)  # fmt: skip
    assert done.returncode >= 0 and (rc is None or done.returncode == rc), done.stderr
    return done.stdout, done.stderr


OPTIONS = ("--delay", "0", "--scope", "any", "--retries", "1", "--connect-timeout", "2s", "--extract", "x=p.x",
           "--extract", "all[]=h1", "--total-timeout", "5s", "--max-time", "20s")  # fmt: skip


class Crawled:
    def __init__(self, where):
        self.heads = []
        with server(self.heads) as port:
            self.url = f"http://127.0.0.1:{port}/"
            self.out, self.err = run("crawl", "-v", "-v", "-o", where, *OPTIONS, "--json",
                                     "--progress", "plain", self.url)  # fmt: skip
        self.dir = where

    def read(self, name):
        return (self.dir / name).read_bytes()


@pytest.fixture(scope="module")
def crawled(tmp_path_factory):
    return Crawled(tmp_path_factory.mktemp("injection") / "c")


# -- one test a medium --


def test_the_server_was_heard(crawled):
    """Else all that follows proves nothing."""
    pages = [json.loads(line) for line in crawled.read("pages.jsonl").splitlines()]
    by_path = {p["url"].removeprefix(crawled.url): p for p in pages}
    print(sorted((k[:12], p["outcome"]) for k, p in by_path.items()))
    assert {"", "reason", "headers", "moved", "404", "charset", "cookie"} <= by_path.keys()
    assert "OWNED" in by_path[""]["title"] and "\x1b" in by_path[""]["title"]  # lossless: as JSON
    assert "\u202e" in by_path[""]["title"] and "OWNED" in by_path[""]["fields"]["x"]
    assert any("OWNED" in url for url in by_path)
    rejected = crawled.read("rejected.log")
    assert b"robots.txt line" in rejected and b"bad-url" in rejected


def test_crawl_log(crawled):
    text = clean(crawled.read("crawl.log"), "crawl.log")
    assert all(len(line.split()) == 12 for line in text.splitlines())
    assert "OWNED" in text


def test_rejected_log(crawled):
    text = clean(crawled.read("rejected.log"), "rejected.log", "\n\t")
    rows = [line.split("\t") for line in text.splitlines()]
    assert rows and all(len(row) == 4 for row in rows)
    assert "OWNED" in text
    for row in rows:
        for cell in row[:3]:  # the last begins with our own words, such as --exclude
            assert cell == "-" or not re.match("[=+@＝＋－＠-]", cell), cell


def test_pages_jsonl_and_the_other_json(crawled):
    for name in ("pages.jsonl", "report.json"):
        text = clean(crawled.read(name), name)
        for line in text.split("\n") if name.endswith("l") else [text]:
            assert line == "" or isinstance(json.loads(line), dict)
    assert isinstance(json.loads(clean(crawled.out, "the summary as JSON")), dict)


def test_standard_error_of_a_crawl(crawled):
    text = clean(crawled.err, "standard error")
    assert "trawl" in text


def test_report_html(crawled):
    text = clean(crawled.read("report.html"), "report.html")
    tags = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: tags.append((tag, dict(attrs)))
    parser.feed(text)
    assert "script" not in {tag for tag, _ in tags}
    ours = "html head meta link title style body header main footer nav section figure figcaption h1 h2 h3 p br span strong"
    ours += " div dl dt dd ul li table thead tbody tr th td a svg path rect text"
    assert {tag for tag, _ in tags} <= set(ours.split())
    assert not [a for _, attrs in tags for a in attrs if a.startswith("on")]
    links = [attrs for tag, attrs in tags if tag == "a"]
    assert all(re.match("#[a-z]+$", a["href"]) or "noreferrer" in a["rel"].split() for a in links)
    assert all(re.match("#|https?://", a["href"]) for a in links) and len(links) > 20
    assert [attrs["href"] for tag, attrs in tags if tag == "link"] == ["data:,"]
    assert "OWNED" in text


def test_names_of_files(crawled):
    for at, folders, files in os.walk(os.fsencode(crawled.dir)):
        for name in folders + files:
            assert re.fullmatch(rb"[A-Za-z0-9._-]+", name), (at, name)


def test_job_yaml(crawled):
    clean(crawled.read("job.yaml"), "job.yaml")


def test_headers_of_the_archive(crawled):
    """Of WARC records, not of HTTP: that is archived as it came."""
    seen = 0
    for path in (crawled.dir / "warc").iterdir():
        data, at = gzip.decompress(path.read_bytes()), 0
        while at < len(data):
            end = data.index(b"\r\n\r\n", at)
            head = data[at:end]
            assert head.startswith(b"WARC/1.1\r\n"), head[:40]
            clean(head, "a WARC header", "\r\n")
            assert head.isascii() and all(b": " in line for line in head.split(b"\r\n")[1:]), head
            names = [line.split(b":")[0].lower() for line in head.split(b"\r\n")[1:]]
            length = int(re.search(rb"\r\nContent-Length: (\d+)", head).group(1))
            block = data[end + 4 : end + 4 + length]
            assert len(set(names) - {b"warc-concurrent-to"}) + names.count(b"warc-concurrent-to") == len(names)
            if b"application/warc-fields" in head:
                fields = clean(block, "warc-fields", "\r\n")
                assert all(re.match("[A-Za-z-]+: ", f) for f in fields.split("\r\n") if f), fields
                seen += 1
            at = end + 4 + length + 4
    assert seen > 5


def test_requests(crawled):
    """Addresses, cookies and validators that a server made up come back to it as one head."""
    assert len(crawled.heads) > 15
    for head in crawled.heads:
        text = clean(head.removesuffix(b"\r\n\r\n"), "a request", "\r\n")
        lines = text.split("\r\n")
        assert re.fullmatch(r"GET /[!-~]* HTTP/1\.1", lines[0]), lines[0]
        assert all(re.match(r"[A-Za-z-]+: ", line) for line in lines[1:]), lines
        assert "\n" not in "".join(lines) and "\r" not in "".join(lines)


def test_status_explain_and_the_ledger(crawled):
    clean(run("status", crawled.dir, rc=0)[0], "status")
    json.loads(clean(run("status", "--json", crawled.dir, rc=0)[0], "status --json"))
    clean(run("report", crawled.dir, rc=0)[0], "report")
    json.loads(clean(run("report", "--json", crawled.dir, rc=0)[0], "report --json"))
    clean(run("report", "--politeness", crawled.dir)[0], "report --politeness")
    json.loads(clean(run("report", "--politeness", "--json", crawled.dir)[0], "report --json"))
    urls = [json.loads(line)["url"] for line in crawled.read("pages.jsonl").splitlines()]
    for line in crawled.read("rejected.log").decode().splitlines():
        urls.append(re.sub(r"\\x([0-9a-f]{2})", lambda m: chr(int(m.group(1), 16)), line.split("\t")[1]))
    told = ""
    for url in {u.replace("\0", "") for u in urls}:
        for option in ((), ("--json",)):
            out, err = run("explain", *option, crawled.dir, url.encode("utf-8", "surrogateescape").decode())
            clean(err, f"what explain says of {url!r}")
            told += clean(out, f"explain {option} {url!r}")
    assert "robots.txt line" in told and "OWNED" in told


def test_what_is_asked_of_files_and_lines(crawled):
    page = html()
    for options in ((), ("--base", crawled.url), ("--json",), ("--facts", "--base", crawled.url)):
        out, err = run("links", *options, stdin=page)
        clean(out + err, f"links {options}", "\n\t")
    lines = b"\n".join([ONE_LINE, b"http://h/" + ONE_LINE, b"http://[" + ONE_LINE, b"//" + ONE_LINE])
    for options in ((), ("--json",)):
        out, err = run("url", "--base", crawled.url, *options, stdin=lines)
        clean(out + err, f"url {options}", "\n\t")
    robots = reply("/robots.txt", 1).split(b"\r\n\r\n", 1)[1]
    path = crawled.dir.parent / "robots.txt"
    path.write_bytes(robots)
    for options in ((), ("--explain",), ("--json",)):
        asked = b"http://h/private/x\x1b[2Jy\nhttp://h/private/x\n" + lines
        out, err = run("robots", "--agent", "trawl", *options, path, stdin=asked)
        clean(out + err, f"robots {options}", "\n\t")
    sitemap = reply("/map.xml", 1).split(b"\r\n\r\n", 1)[1]
    for data in (sitemap, ONE_LINE, b"http://h/" + ONE_LINE):
        for options in ((), ("--json",)):
            out, err = run("sitemap", *options, stdin=data)
            clean(out + err, f"sitemap {options}", "\n\t")


def test_the_names_in_a_certificate(tmp_path):
    """Whose it is stands in the sentence that says why it does not fit."""
    ca = harness.test_authority(tmp_path / "ca")
    (tmp_path / "ca" / "odd").write_text("basicConstraints=CA:FALSE\n")
    name = "/CN=evil\x1b[2J\u202e\u009b\x7f OWNED"
    for args in (("req", "-newkey", "rsa:2048", "-nodes", "-utf8", "-keyout", "odd.key", "-out", "odd.csr",
                  "-subj", name),
                 ("x509", "-req", "-in", "odd.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                  "-days", "2", "-extfile", "odd", "-out", "odd.pem")):  # fmt: skip
        subprocess.run(["openssl", *args], cwd=ca.ca.parent, check=True, capture_output=True, timeout=60)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca.ca.parent / "odd.pem", ca.ca.parent / "odd.key")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)

        def serve():
            while True:
                try:
                    peer, _ = listener.accept()
                    with context.wrap_socket(peer, server_side=True):
                        pass
                except (ssl.SSLError, ConnectionError):
                    continue
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        port = listener.getsockname()[1]
        out, err = run("crawl", "-v", "-v", "-o", tmp_path / "c", "--ca", ca.ca, "--retries", "0", "--robots", "ignore",
                       f"https://127.0.0.1:{port}/", rc=5)  # fmt: skip
        listener.shutdown(socket.SHUT_RDWR)
    text = clean(out + err, "standard error")
    for file in ("crawl.log", "report.json", "report.html", "rejected.log"):
        clean((tmp_path / "c" / file).read_bytes(), file, "\n\t")
    clean(run("explain", tmp_path / "c", f"https://127.0.0.1:{port}/")[0], "explain")
    assert "OWNED" in text, text


def test_mistakes_of_the_command_line_and_of_job_files(tmp_path):
    odd = "x\x1b[2J\u202e\u009b\x7fOWNED"
    (tmp_path / "job.yaml").write_text(f"name: '{odd[-5:]}'\nseeds: ['http://[{odd[1:3]}']\n{odd[-5:]}: 1\n")
    for args in (("crawl", f"http://[{odd}"), ("crawl", f"--{odd}"), (odd,), ("status", odd), ("explain", odd, odd),
                 ("crawl", "--delay", odd, "http://h/"), ("run", odd), ("check", odd), ("report", odd),
                 ("report", "--politeness", "--delay", odd, odd), ("report", "--politeness", odd),
                 ("crawl", "--include", "(" + odd, "http://h/"), ("crawl", "--allow-net", odd, "http://h/"),
                 ("crawl", "--resolve", odd, "http://h/"), ("check", tmp_path / "job.yaml")):  # fmt: skip
        out, err = run(*args)
        clean(out, f"{args}")
        assert clean(err, f"{args}").startswith(("trawl: ", str(tmp_path))), err


def test_a_terminal_gets_no_controls_but_the_programs_own(tmp_path):
    """The live block: up, clear, and nothing else."""
    ours, theirs = pty.openpty()
    got = bytearray()
    with server() as port:
        child = subprocess.Popen(
            [harness.TRAWL, "crawl", "-v", "-v", "-o", tmp_path / "c", *OPTIONS, "--progress", "bar",
             "--delay", "30ms", f"http://127.0.0.1:{port}/"],
            stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
        )  # fmt: skip
        os.close(theirs)
        try:
            while True:
                try:
                    data = os.read(ours, 65536)
                except OSError:  # EIO: it has ended
                    break
                if not data:
                    break
                got += data
        finally:
            harness.stop(child)
            os.close(ours)
    drawn = len(re.findall(rb"\x1b\[\d+A\r\x1b\[J", got))
    rest = re.sub(rb"\x1b\[\d+A\r\x1b\[J|\x1b\[K", b"", bytes(got))
    text = clean(rest, "a terminal", "\r\n")
    assert drawn >= 1 and "limited by" in text
    assert "\r" not in text.replace("\r\n", "")

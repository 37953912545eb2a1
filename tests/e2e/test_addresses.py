"""No connection to an address that is denied, by whatever way a page, a server or DNS leads there.

The good site is at 127.0.0.55, which --allow-net admits.  On the same port of 127.0.0.66,
127.0.0.1 and ::1 traps listen that count connections and remember what was asked for.  Pages,
redirects, robots.txt, sitemaps and a name server of our own lead to them in every way we know.
Then the same crawl with those addresses admitted shows that each of the ways does lead there.
"""

import re
import socket
import struct
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import harness

GOOD, DENIED = "127.0.0.55", "127.0.0.66"


# -- the traps --


@dataclass
class Trap:
    """Accepts, remembers, and answers everything with an empty page."""

    address: str
    listener: socket.socket
    connections: int = 0
    paths: set = field(default_factory=set)

    def serve(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            with peer:
                peer.settimeout(5)
                try:
                    head = peer.recv(65536)
                    self.paths.add(head.split(b" ")[1].decode("latin-1") if b" " in head else "")
                    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                                 b"Content-Length: 0\r\nConnection: close\r\n\r\n")  # fmt: skip
                except OSError:
                    pass


def listener(address, port):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    try:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((address, port))
        s.listen(256)
    except OSError:
        s.close()
        raise
    return s


def has_ipv6():
    try:
        listener("::1", 0).close()
        return True
    except OSError:
        return False


@contextmanager
def traps(port):
    found = [Trap(a, listener(a, port)) for a in (DENIED, "127.0.0.1")]
    if has_ipv6():
        found.append(Trap("::1", listener("::1", port)))
    for t in found:
        threading.Thread(target=t.serve, daemon=True).start()
    try:
        yield found
    finally:
        for t in found:
            t.listener.shutdown(socket.SHUT_RDWR)
            t.listener.close()


# -- the name server --


class Names:
    """Answers A and AAAA with a TTL of 0; a list of answers is gone through, question by
    question, and its last one stays."""

    def __init__(self, table):
        self.table = table
        self.asked = {}
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.server = f"127.0.0.1:{self.sock.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def close(self):
        self.sock.close()

    def records(self, name, kind):
        answers = self.table.get(name)
        if answers is None:
            return None
        nth = self.asked.setdefault((name, kind), 0)
        self.asked[name, kind] += 1
        return [a for a in answers[min(nth, len(answers) - 1)] if kind_of(a) in (kind, 5)]

    def serve(self):
        while True:
            try:
                query, peer = self.sock.recvfrom(2048)
            except OSError:
                return
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1 : at + 1 + query[at]].decode("latin-1").lower())
                at += 1 + query[at]
            kind = struct.unpack(">H", query[at + 1 : at + 3])[0]
            records = self.records(".".join(labels), kind)
            reply = query[:2] + struct.pack(
                ">HHHHH", 0x8180 if records is not None else 0x8183, 1, len(records or ()), 0, 0
            )
            reply += query[12 : at + 5]
            owner = b"\xc0\x0c"
            for r in records or ():
                data = data_of(r)
                reply += owner + struct.pack(">HHIH", kind_of(r), 1, 0, len(data)) + data
                owner = data if kind_of(r) == 5 else owner
            self.sock.sendto(reply, peer)


def kind_of(record):
    if ":" in record:
        return 28
    return 1 if re.fullmatch(r"[0-9.]+", record) else 5


def data_of(record):
    if kind_of(record) == 28:
        return socket.inet_pton(socket.AF_INET6, record)
    if kind_of(record) == 1:
        return socket.inet_aton(record)
    return b"".join(bytes([len(x)]) + x.encode() for x in record.split(".")) + b"\0"


NAMES = {
    "good.test": [[GOOD]],
    # To the denied one, in the ways of DNS.
    "denied.test": [[DENIED]],
    "six.test": [["::1"]],
    "mapped.test": [[f"::ffff:{DENIED}"]],
    "mapped-local.test": [["::ffff:127.0.0.1"]],
    "zero.test": [["0.0.0.0"]],
    "alias.test": [["denied.test", DENIED]],
    "both.test": [[DENIED, "::1"]],
    # The first is admitted and does not answer: the second is not tried for that.
    "mixed.test": [["127.0.0.55", DENIED]],
    "mixed-six.test": [["127.0.0.55", "::1", f"::ffff:{DENIED}"]],
    "dead-first.test": [["127.0.0.56", DENIED]],
    # Another one at each question.
    **{f"flip{i}.test": [[GOOD], [DENIED]] for i in range(10)},
    **{f"flop{i}.test": [[DENIED], [GOOD]] for i in range(10)},
}


# -- ways to write the denied addresses --


def forms(port):
    """name -> reference; those in REACHED lead to a trap where the policy lets them."""
    six = {"six": f"http://[::1]:{port}/six", "six-long": f"http://[0:0:0:0:0:0:0:1]:{port}/six-long"}
    four = {
        "plain": f"http://127.0.0.66:{port}/plain",
        "hex": f"http://0x7f.0x0.0x0.0x42:{port}/hex",
        "hex-whole": f"http://0x7F000042:{port}/hex-whole",
        "octal": f"http://0177.0.0.0102:{port}/octal",
        "number": f"http://2130706498:{port}/number",
        "short": f"http://127.66:{port}/short",
        "shorter": f"http://127.0.66:{port}/shorter",
        "padded": f"http://127.0000.0.00000102:{port}/padded",
        "dot": f"http://127.0.0.66.:{port}/dot",
        "wide": f"http://１２７.０.０.６６:{port}/wide",
        "wide-dots": f"http://127。0．0｡66:{port}/wide-dots",
        "circled": f"http://①②⑦.0.0.66:{port}/circled",
        "percent": f"http://%31%32%37.0.0.66:{port}/percent",
        "percent-wide": f"http://%EF%BC%91%EF%BC%92%EF%BC%97.0.0.66:{port}/percent-wide",
        "soft-hyphen": f"http://127.0.0.6\u00ad6:{port}/soft-hyphen",
        "user": f"http://good.test@127.0.0.66:{port}/user",
        "user-password": f"http://good.test:80@127.0.0.66:{port}/user-password",
        "user-at": f"http://good.test@good.test@127.0.0.66:{port}/user-at",
        "fragment": f"http://127.0.0.66:{port}/fragment#@good.test/",
        "query": f"http://127.0.0.66:{port}?@good.test/",
        "hash-at": f"http://127.0.0.66:{port}#@good.test/",
        "backslashes": f"http:\\\\127.0.0.66:{port}\\backslashes",
        "backslash-at": f"http://127.0.0.66:{port}\\@good.test:{port}/",
        "slashes": f"http:////127.0.0.66:{port}/slashes",
        "tabs": f"ht\ttp://127.0.\n0.66:{port}/tabs",
        "scheme-relative": f"//127.0.0.66:{port}/scheme-relative",
        "case": f"HTTP://127.0.0.66:{port}/case",
        "mapped": f"http://[::ffff:127.0.0.66]:{port}/mapped",
        "mapped-hex": f"http://[::ffff:7f00:42]:{port}/mapped-hex",
        "mapped-long": f"http://[0:0:0:0:0:ffff:7F00:0042]:{port}/mapped-long",
        "zero": f"http://0:{port}/zero",
        "zeros": f"http://0.0.0.0:{port}/zeros",
        "localhost": f"http://localhost:{port}/localhost",
        "localhost-dot": f"http://LocalHost.:{port}/localhost-dot",
        "under-localhost": f"http://a.localhost:{port}/under-localhost",
    }
    return {**four, **(six if has_ipv6() else {})}


def unreachable_forms(port):
    """Those that lead nowhere here, and must be refused all the same."""
    hosts = [
        "[::127.0.0.66]", "[::ffff:0:7f00:42]", "[64:ff9b::127.0.0.66]", "[64:ff9b:1::7f00:42]",
        "[2002:7f00:42::1]", "[2001:0:7f00:42::]", "[2001:db8::1]", "[fe80::1]", "[fec0::1]",
        "[fd00:ec2::254]", "[ff02::1]", "[100::1]", "[2001:20::1]", "[3ffe::1]",
        "[2001:470:1:2:0:5efe:127.0.0.66]", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1",
        "169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "192.0.2.1",
        "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "metadata.google.internal",
        "metadata.platformequinix.com",
    ]  # fmt: skip
    return [f"http://{h}:{port}/nowhere" for h in hosts]


# -- the good site --


def pages(port):
    """path -> (status, headers, body), for whichever host asks."""
    every = forms(port)
    links = [*every.values(), *unreachable_forms(port)]
    links += [f"http://{name}:{port}/by-name-{name}" for name in NAMES if name != "good.test"]
    links += [f"/redirect/{key}" for key in every]
    links += [f"http://{GOOD}:{port}/elsewhere"]  # whose robots.txt is a redirect
    body = "".join(f'<a href="{to}">x</a>\n' for to in links)
    body += "".join(f'<img src="http://{h}:{port}/image-{h}"><script src="//{h}:{port}/script-{h}">'
                    f"</script>\n" for h in ("127.0.0.66", "denied.test"))  # fmt: skip
    body += f'<meta http-equiv=refresh content="0; url=http://127.0.0.66:{port}/refresh">'
    sitemap = "".join(f"<url><loc>http://{h}:{port}/in-sitemap-{h}</loc></url>"
                      for h in ("127.0.0.66", "denied.test"))  # fmt: skip
    xml = "http://www.sitemaps.org/schemas/sitemap/0.9"
    found = {
        "/": (200, {"Content-Type": "text/html; charset=utf-8"}, body),
        "/map.xml": (200, {"Content-Type": "text/xml"},
            f'<sitemapindex xmlns="{xml}"><sitemap><loc>http://127.0.0.66:{port}/sub-map.xml</loc>'
            f"</sitemap><sitemap><loc>/urls.xml</loc></sitemap></sitemapindex>"),
        "/urls.xml": (200, {"Content-Type": "text/xml"}, f'<urlset xmlns="{xml}">{sitemap}</urlset>'),
    }  # fmt: skip
    for key, to in every.items():
        to = to.replace("\t", "").replace("\n", "")
        to = re.sub(rf":{port}([/\\]){key}", rf":{port}\g<1>to-{key}", to)
        found[f"/redirect/{key}"] = (302, {"Location": to}, "")
    return found


@contextmanager
def good_site(port):
    content = pages(port)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            host = self.headers.get("Host", "").split(":")[0]
            if self.path == "/robots.txt" and host == GOOD:
                status, head, body = 302, {"Location": f"http://127.0.0.66:{port}/other-robots"}, ""
            elif self.path == "/robots.txt":
                status, head = 200, {"Content-Type": "text/plain"}
                body = f"Sitemap: http://127.0.0.66:{port}/by-robots.xml\nSitemap: /map.xml\n"
            else:
                status, head, body = content.get(self.path, (404, {}, ""))
            data = body.encode()
            self.send_response(status)
            for key, value in {**head, "Content-Length": len(data)}.items():
                # As bytes: some references are not ASCII.
                self._headers_buffer.append(f"{key}: {value}\r\n".encode())
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer((GOOD, port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def crawl(where, rc, *admitted):
    """Ends by itself: a robots.txt that leads to a denied address is asked for once."""
    port = harness.free_port()
    names = Names(NAMES)
    try:
        with traps(port) as found, good_site(port):
            result, out = harness.crawl(
                where, "-q", "--dns", names.server, "--scope", "any", "--requisites", "--delay", "0",
                "--retries", "0", "--connect-timeout", "2s", "--max-time", "8s",
                *(x for a in admitted for x in ("--allow-net", a)),
                f"http://good.test:{port}/", 
            )  # fmt: skip
            assert result.rc == rc, result.err
            return port, out, {t.address: t for t in found}, names
    finally:
        names.close()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    return crawl(tmp_path_factory.mktemp("guarded") / "c", 0, GOOD, "127.0.0.56")


@pytest.fixture(scope="module")
def admitted(tmp_path_factory):
    return crawl(tmp_path_factory.mktemp("admitted") / "c", 0, "127.0.0.0/8", "0.0.0.0", "[::1]")


def test_no_way_leads_to_a_denied_address(guarded):
    port, out, found, names = guarded
    seen = {a: (t.connections, sorted(t.paths)) for a, t in found.items() if t.connections > 0}
    assert seen == {}
    outcomes = out.outcomes()
    denied = {u for u, o in outcomes.items() if o == "denied-address"}
    print(f"{len(denied)} URLs refused, {sum(names.asked.values())} questions about names")
    # All of them were tried, and none but for its address was left out.
    assert len(denied) >= len(forms(port)) + 20
    others = {u: o for u, o in outcomes.items() if u not in denied and ".test:" not in u}
    assert others == {}
    # Not that nothing was done: the good ones were fetched.
    assert outcomes[f"http://good.test:{port}/"] == "ok"
    assert outcomes[f"http://mixed.test:{port}/by-name-mixed.test"] == "http-4xx"
    assert outcomes[f"http://denied.test:{port}/by-name-denied.test"] == "denied-address"


def test_each_way_is_told_as_refused(guarded):
    port, out, _, _ = guarded
    detail = {url: what for reason, url, _, what in out.rejected() if reason == "denied-address"}
    assert "loopback" in detail[f"http://127.0.0.66:{port}/plain"]
    for url in unreachable_forms(port):
        if "ff02" in url or "[" not in url:
            assert url in detail, url


def test_where_they_are_admitted_each_way_leads_there(admitted):
    port, _, found, _ = admitted
    paths = set().union(*(t.paths for t in found.values()))
    odd = {"query", "hash-at", "backslash-at"}  # have a path of their own
    assert {f"/{key}" for key in forms(port) if key not in odd} - paths == set()
    assert {"/?@good.test/", "/", f"/@good.test:{port}/"} - paths == set()
    assert {f"/to-{key}" for key in forms(port) if key not in odd} - paths == set()
    assert {"/other-robots", "/by-robots.xml", "/sub-map.xml", "/in-sitemap-127.0.0.66",
            "/in-sitemap-denied.test", "/image-denied.test", "/script-127.0.0.66", "/refresh",
            "/robots.txt"} - paths == set()  # fmt: skip
    by_name = {n for n in NAMES if f"/by-name-{n}" in paths}
    assert {"denied.test", "mapped.test", "mapped-local.test", "zero.test", "alias.test", "both.test",
            "dead-first.test"} - by_name == set()  # fmt: skip
    # Whichever answer came first was the one.
    assert {f"flop{i}.test" for i in range(10)} <= by_name
    assert not {f"flip{i}.test" for i in range(10)} & by_name
    print(", ".join(f"{a}: {t.connections}" for a, t in found.items()))


def test_a_name_that_moves_inside_between_two_runs_is_refused(tmp_path):
    """The page of a host that is public in one run, and inside in the next."""
    names = Names({"good.test": [[GOOD]], "moves.test": [[GOOD], [DENIED]]})
    port = harness.free_port()
    args = ("-q", "--dns", names.server, "--scope", "any", "--delay", "0", "--allow-net", GOOD,
            "--robots", "ignore", f"http://good.test:{port}/start")  # fmt: skip
    link = f'<a href="http://moves.test:{port}/">x</a>'
    try:
        with traps(port) as found, site_of(port, link):
            _, first = harness.crawl(tmp_path / "a", *args)
            _, second = harness.crawl(tmp_path / "b", *args)
    finally:
        names.close()
    assert first.outcomes()[f"http://moves.test:{port}/"] == "ok"
    assert second.outcomes()[f"http://moves.test:{port}/"] == "denied-address"
    assert [t.connections for t in found] == [0] * len(found)


@contextmanager
def site_of(port, body):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer((GOOD, port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def test_ipv6_was_among_the_ways(guarded):
    if not has_ipv6():
        pytest.skip("this machine has no IPv6 loopback: ::1 was not tried")
    assert "::1" in guarded[2]

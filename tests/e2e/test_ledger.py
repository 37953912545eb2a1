"""Every request that a server saw has its place in the ledger: retries, robots.txt and where it
is redirected to, time-outs, cut answers, hosts that are asked to wait.

Servers that fail in each of these ways note themselves when they were asked.
"""

import json
import re
import socket
import threading
import time
from collections import defaultdict
from contextlib import contextmanager

import harness

CRAWL_DELAY = 0.080


class Server:
    """Closes each connection after its answer; host -> [(path, begin, end)]."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        self.asked = defaultdict(list)
        self.answers = {}
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(peer, time.monotonic()), daemon=True).start()

    def one(self, peer, begin):
        with peer:
            peer.settimeout(10)
            head = b""
            while b"\r\n\r\n" not in head:
                data = peer.recv(65536)
                if not data:
                    return
                head += data
            path = head.split(b" ")[1].decode()
            host = head.lower().split(b"\r\nhost: ")[1].split(b":")[0].decode()
            row = [path, begin, None]
            nth = sum(1 for p, _, _ in self.asked[host] if p == path)
            self.asked[host].append(row)
            sent = self.answers[host, path](peer, nth)
            peer.shutdown(socket.SHUT_WR)
            row[2] = sent or time.monotonic()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def answer(status, body=b"", *lines, after=0.0, length=None):
    def send(peer, _nth):
        time.sleep(after)
        head = [f"HTTP/1.1 {status} x".encode(), b"Content-Type: text/html", b"Connection: close",
                b"Content-Length: %d" % (len(body) if length is None else length), *lines]  # fmt: skip
        now = time.monotonic()  # the other side may have it before this one runs again
        peer.sendall(b"\r\n".join(head) + b"\r\n\r\n" + body)
        return now

    return send


def first(one, then):
    return lambda peer, nth: (one if nth == 0 else then)(peer, nth)


def silent(peer, _nth):
    peer.recv(1)  # until the other side has had enough


def nothing(_peer, _nth):
    pass


@contextmanager
def running():
    server = Server()
    try:
        yield server
    finally:
        server.close()


def test_each_request_that_servers_saw_is_in_the_ledger(tmp_path):
    with socket.socket() as closed, running() as server:
        closed.bind(("127.0.0.1", 0))  # nobody listens
        dead = closed.getsockname()[1]
        hub = b"Location: http://hub.test:%d/rules" % server.port
        names = ["page", "busy", "slow", "cut", "silence", "moved", "gone"]
        links = "".join(f"<a href=/{n}>x</a>" for n in names) + f"<a href=http://dead.test:{dead}/>x</a>"
        server.answers = {
            ("a.test", "/robots.txt"): answer(302, b"", hub),
            ("hub.test", "/rules"): answer(200, b"User-agent: *\nCrawl-delay: %.2f\n" % CRAWL_DELAY, after=0.03),
            ("a.test", "/"): answer(200, links.encode(), after=0.02),
            ("a.test", "/page"): answer(200, b"x", after=0.1),
            ("a.test", "/busy"): first(answer(503, b"", b"Retry-After: 1"), answer(200, b"x")),
            ("a.test", "/slow"): silent,
            ("a.test", "/cut"): answer(200, b"x", length=1000),
            ("a.test", "/silence"): nothing,
            ("a.test", "/moved"): answer(301, b"", b"Location: /target"),
            ("a.test", "/target"): answer(200, b"x"),
            ("a.test", "/gone"): answer(404),
        }
        to = [f"{host}:{port}:127.0.0.1" for host, port in
              (("a.test", server.port), ("hub.test", server.port), ("dead.test", dead))]  # fmt: skip
        result, out = harness.crawl(
            tmp_path / "c", "-q", "--allow-net", "127.0.0.0/8", *(x for t in to for x in ("--resolve", t)),
            "--delay", "50ms", "--scope", "any", "--no-sitemaps", "--retries", "1", "--first-byte-timeout",
            "2s", f"http://a.test:{server.port}/",
        )  # fmt: skip
        assert result.rc == 0, result.err
        asked = {host: list(rows) for host, rows in server.asked.items()}
    result = harness.trawl("report", "--politeness", "--json", tmp_path / "c")
    assert result.rc == 0, result.err + result.out
    rows = {r["host"].split("//")[1].split(":")[0]: r for r in json.loads(result.out)["hosts"]}
    print({host: (len(asked.get(host, ())), row["requests"]) for host, row in rows.items()})
    for host in asked:
        assert rows[host]["requests"] == len(asked[host]), (host, out.crawl_log())
    # Nobody was there to note it.
    assert rows["dead.test"]["requests"] > 0 and rows["dead.test"]["answers"] == 0
    row = rows["a.test"]
    assert sum(p == "/slow" for p, _, _ in asked["a.test"]) == 2
    assert row["verdict"] == "kept" and row["at_once"] == 1
    assert row["rules"] == ["crawl-delay", "back-off"]
    assert row["delay_min_ms"] == CRAWL_DELAY * 1000
    assert row["delay_max_ms"] >= 1000
    spans = sorted((b, e, p) for p, b, e in asked["a.test"])
    gaps = [(begin - end) * 1000 for (_, end, p), (begin, _, _) in zip(spans, spans[1:]) if p != "/slow"]
    # By what either side is late a gap is shorter here than there; it is never longer.
    assert CRAWL_DELAY * 1000 - 1 <= row["gap_min_ms"] <= min(gaps) + 5
    busy = [(b, e) for p, b, e in asked["a.test"] if p == "/busy"]
    assert len(busy) == 2 and busy[1][0] - busy[0][1] >= 0.998


def test_a_crawl_delay_that_is_cut_is_told_and_so_called_in_the_ledger(tmp_path):
    with running() as server:
        server.answers = {
            ("a.test", "/robots.txt"): answer(200, b"User-agent: *\nCrawl-delay: 3600\n"),
            ("a.test", "/"): answer(200, b"<a href=/page>x</a>"),
            ("a.test", "/page"): answer(200, b"x"),
        }
        result, _ = harness.crawl(
            tmp_path / "c", "--allow-net", "127.0.0.0/8", "--resolve", f"a.test:{server.port}:127.0.0.1", "--no-sitemaps",
            "--delay", "50ms", "--crawl-delay-max", "300ms", f"http://a.test:{server.port}/",
        )  # fmt: skip
    assert result.rc == 0, result.err
    told = [line for line in result.err.splitlines() if "Crawl-delay of 3600.0 s cut to 0.3 s" in line]
    assert len(told) == 1 and f"http://a.test:{server.port}/robots.txt" in told[0], result.err
    report = harness.trawl("report", "--politeness", "--json", tmp_path / "c")
    (row,) = json.loads(report.out)["hosts"]
    assert row["rules"] == ["crawl-delay-cut"] and row["verdict"] == "kept"
    assert row["delay_max_ms"] == 300 and row["gap_min_ms"] >= 300
    assert "crawl-delay-cut" in harness.trawl("report", "--politeness", tmp_path / "c").out


def test_columns_of_the_ledger_stand_apart_whatever_was_in_force(tmp_path):
    """A delay of robots.txt, and a back-off beside it: more words than the head of the column has."""
    with running() as server:
        server.answers = {
            ("a.test", "/robots.txt"): answer(200, b"User-agent: *\nCrawl-delay: 0.2\n"),
            ("a.test", "/"): answer(200, b"<a href=/busy>x</a>"),
            ("a.test", "/busy"): first(answer(429, b"", b"Retry-After: 1"), answer(200, b"x")),
        }
        result, _ = harness.crawl(
            tmp_path / "c", "--allow-net", "127.0.0.0/8", "--resolve", f"a.test:{server.port}:127.0.0.1", "--no-sitemaps",
            "--delay", "50ms", f"http://a.test:{server.port}/",
        )  # fmt: skip
    assert result.rc == 0, result.err
    told = harness.trawl("report", "--politeness", tmp_path / "c").out.splitlines()
    head, row = (re.split(r" {2,}", line.strip()) for line in told[:2])
    assert head == ["requests", "smallest gap", "start to start", "at once", "delay in force", "kept?", "host"]
    assert row[4:] == ["200-1000 ms crawl-delay, back-off", "kept", f"http://a.test:{server.port}"]
    assert told[0].index("kept?") == told[1].index("kept ") and told[0].index("host") == told[1].index("http:")

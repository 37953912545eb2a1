"""Clients of the API that are slow, silent or greedy harm nobody else."""

import socket
import time

from harness import Stopwatch, wait_until
from service import Service

SECONDS = 3  # a third and a tenth of what is without these settings
SETTINGS = """
api: {connections: 40, header_timeout: 3s, body_timeout: 3s, reply_timeout: 3s, body_bytes: 64KiB}
"""


def connect(s):
    c = socket.socket(socket.AF_UNIX)
    c.settimeout(60)
    c.connect(str(s.socket))
    return c


def is_closed(c):
    c.settimeout(0.01)
    try:
        return c.recv(1 << 16) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def good_call(s):
    """How long it takes: less than what a slow client may, or it waited for one."""
    watch = Stopwatch()
    assert s.get("/readyz").status == 200
    return watch.given()


def wait_in_time(what, test, every=0.02):
    """Until a slow client was cut: in some of what it has, of the time that the machine gives."""
    watch = Stopwatch()
    wait_until(what, lambda: test() or watch.given() > 3 * SECONDS, every=every)
    assert test(), what


def test_silent_clients_are_closed_and_good_calls_go_through(tmp_path):
    with Service(tmp_path / "serve", SETTINGS) as s:
        s.start()
        # More than may be connected: those idle longest make room.
        silent = [connect(s) for _ in range(120)]
        assert max(good_call(s) for _ in range(20)) < SECONDS
        wait_in_time("all are closed", lambda: all(is_closed(c) for c in silent))
        for c in silent:
            c.close()


def test_headers_and_bodies_that_drip_have_an_end(tmp_path):
    with Service(tmp_path / "serve", SETTINGS) as s:
        s.start()
        header, body, chunks = connect(s), connect(s), connect(s)
        header.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        post = b"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        body.sendall(post + b"Content-Length: 1000\r\n\r\n{")
        chunks.sendall(post + b"Transfer-Encoding: chunked\r\n\r\n")
        open_ones = {header: b"X: y\r\n", body: b" ", chunks: b"1\r\n \r\n"}
        watch = Stopwatch()
        while open_ones and watch.given() < 3 * SECONDS:
            for c, drop in list(open_ones.items()):
                try:
                    c.sendall(drop)
                except OSError:
                    del open_ones[c]
            time.sleep(0.1)
            assert good_call(s) < SECONDS
        assert not open_ones


def test_a_body_without_a_length_is_no_way_around_the_limit(tmp_path):
    with Service(tmp_path / "serve", SETTINGS) as s:
        s.start()
        c = connect(s)
        c.sendall(b"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                  b"Transfer-Encoding: chunked\r\n\r\n")  # fmt: skip
        for _ in range(20):
            c.sendall(b"2000\r\n" + b"x" * 0x2000 + b"\r\n")
        c.sendall(b"0\r\n\r\n")
        assert c.recv(1 << 16).startswith(b"HTTP/1.1 413 ")
        c.close()


def test_headers_have_as_many_bytes_as_is_said_and_no_more(tmp_path):
    with Service(tmp_path / "serve", "api: {header_bytes: 4KiB}\n") as s:
        s.start()
        for path, value in ("/healthz", "x" * 3800), (f"/healthz?{'x' * 3800}", "x"):
            assert s.get(path, headers={"X": value}).status in (200, 400)
        for path, value in ("/healthz", "x" * 4200), (f"/healthz?{'x' * 4200}", "x"):
            refused = s.get(path, headers={"X": value})
            assert refused.status == 431 and "more than 4096 bytes" in refused.json["detail"]
        # What libmicrohttpd itself has no room for.
        assert s.get("/healthz", headers={"X": "x" * 40000}).status == 431


def test_who_takes_no_answer_is_closed(tmp_path):
    with Service(tmp_path / "serve", SETTINGS) as s:
        s.start()
        for i in range(60):
            s.create(f"j{i:02}", seeds=[f"https://{'x' * 50}{k}.example/" for k in range(300)])
        deaf = connect(s)
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sendall(b"GET /api/v1/jobs/j00 HTTP/1.1\r\nHost: x\r\n\r\n" * 60)

        def is_cut():
            try:
                deaf.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            except OSError:
                return True
            return False

        wait_in_time("it is cut", is_cut, 0.1)
        assert good_call(s) < SECONDS


def test_many_requests_on_one_connection_are_answered_in_order(tmp_path):
    with Service(tmp_path / "serve", SETTINGS) as s:
        s.start()
        c = connect(s)
        n = 200
        c.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /readyz HTTP/1.1\r\nHost: x\r\n\r\n" * n)
        got = b""
        while got.count(b"HTTP/1.1 200") < 2 * n:
            part = c.recv(1 << 16)
            assert part, got[-300:]
            got += part
        assert got.count(b'"status":"ok"') == got.count(b'"status":"ready"') == n
        c.close()

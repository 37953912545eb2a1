"""How soon a crawl asks for its first page, and how long a crawl of one page takes."""

import socket
import subprocess
import threading
import time

import harness

PAGE = b"<!DOCTYPE html><html><head><title>One page</title></head><body><p>All of it.</body></html>"


class OnePage(threading.Thread):
    """A server of one page; it notes when it is asked for the first time."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.first = None

    def answer(self, connection):
        connection.settimeout(10)
        with connection:
            while True:
                asked = connection.recv(8192)
                if not asked:
                    return
                if self.first is None:
                    self.first = time.monotonic()
                there = asked.startswith(b"GET / ")
                body = PAGE if there else b""
                status = b"200 OK" if there else b"404 Not Found"
                connection.sendall(
                    b"HTTP/1.1 %s\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)
                )

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()


def once(directory):
    server = OnePage()
    server.start()
    try:
        began = time.monotonic()
        done = subprocess.run(
            [harness.TRAWL, "crawl", "-q", "-o", directory, f"http://127.0.0.1:{server.port}/"],
            stdin=subprocess.DEVNULL, check=False, timeout=60,
        )  # fmt: skip
        ended = time.monotonic()
    finally:
        server.socket.close()
    if done.returncode != 0 or server.first is None:
        raise SystemExit(f"bench: a crawl of one page ended with {done.returncode}")
    return {"first_ms": (server.first - began) * 1000, "whole_ms": (ended - began) * 1000}


def measure(tmp, runs):
    return [once(tmp / f"start-{i}") for i in range(runs)]

"""A service that listens for TCP, with tokens, and raw sockets to it."""

import socket
import subprocess

import harness
from service import Service


def new_token(role, name, path):
    done = subprocess.run(
        [harness.TRAWL, "serve", "--new-token", role, name, str(path)], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


class TcpService(Service):
    """Service, at 127.0.0.1:self.port, too; self.admin and self.reader are tokens."""

    def __init__(self, directory, api="", settings="", **kw):
        directory.mkdir(parents=True, exist_ok=True)
        self.port = harness.free_port()
        self.tokens = directory / "tokens"
        self.admin = new_token("admin", "alice", self.tokens)
        self.reader = new_token("read", "grafana", self.tokens)
        self.rest = settings
        super().__init__(directory, **kw)
        self.set_api(api)

    def set_api(self, api):
        self.configure(
            f'api: {{listen: ["127.0.0.1:{self.port}"], tokens: {self.tokens}{", " if api else ""}{api}}}\n{self.rest}'
        )

    def connect(self, source=None, timeout=60):
        c = socket.socket()
        c.settimeout(timeout)
        if source:
            c.bind((source, 0))
        c.connect(("127.0.0.1", self.port))
        return c

    def ask(self, raw, source=None, timeout=60):
        """All that comes back until the connection ends."""
        with self.connect(source, timeout) as c:
            try:
                c.sendall(raw)
                c.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # refused before all of it was read
            return read_all(c)

    def tcp(self, method="GET", path="/api/v1/jobs", token=None, headers=(), body=b"", source=None):
        """Status and whole text of the answer."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", "Connection: close"]
        if token is not None:
            lines.append(f"Authorization: Bearer {token}")
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        lines += headers
        got = self.ask("\r\n".join(lines).encode() + b"\r\n\r\n" + body, source)
        assert got.startswith(b"HTTP/1.1 "), got
        return int(got[9:12]), got.decode()


def read_all(c):
    got = b""
    while True:
        try:
            part = c.recv(1 << 16)
        except ConnectionError:
            return got
        if not part:
            return got
        got += part

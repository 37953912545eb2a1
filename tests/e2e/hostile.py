"""A web server that does as it likes: what it answers is said byte by byte.

Each host is an address of its own in 127.0.0.0/8 and does one thing wrong, so that what a
crawler thinks of one host has no effect on another.  All of them are served by one thread of
the test, which is bounded in everything (a reply goes on for SECONDS_MAX and BYTES_MAX at most)
and gives way to others (it is nice): whoever attacks us does not do it with our own CPU.
"""

import asyncio
import ctypes
import ctypes.util
import os
import socket
import ssl
import struct
import threading
import time
import zlib
from dataclasses import dataclass, field

import harness

SECONDS_MAX = 60
DELAY_MS = 600  # that a crawl of these hosts keeps from the end of an answer to the next request
BYTES_MAX = 4 << 30
HEAD_MAX = 64 << 10
CHUNK = 256 << 10


# -- pieces of answers --


def head(*lines, status="200 OK", version="HTTP/1.1"):
    """A head with these lines, which are bytes or text."""
    out = [f"{version} {status}".encode("latin-1")]
    out += [line if isinstance(line, bytes) else line.encode("latin-1") for line in lines]
    return b"\r\n".join(out) + b"\r\n\r\n"


HTML = "Content-Type: text/html"


def page(body=b"<title>page</title>", *lines, status="200 OK"):
    """A whole answer with an honest length."""
    return head(HTML, f"Content-Length: {len(body)}", *lines, status=status) + body


def untold(body, *lines):
    """A whole answer without a length; its end is the connection's."""
    return head(HTML, *lines) + body


def moved(to, *lines, status="302 Found"):
    to = to if isinstance(to, bytes) else to.encode("latin-1")
    return head(b"Location: " + to, "Content-Length: 0", *lines, status=status)


def coded(coding, body, *lines):
    """A page said to be of this content coding; the body is as it is."""
    return page(body, f"Content-Encoding: {coding}", *lines)


def chunked(*parts, end=b"0\r\n\r\n"):
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + end


CHUNKED = head(HTML, "Transfer-Encoding: chunked")
NOT_FOUND = head("Content-Length: 0", status="404 Not Found")


def gzip(data, level=9):
    z = zlib.compressobj(level, zlib.DEFLATED, 31)
    return z.compress(data) + z.flush()


def gzip_zeros(size, before=b""):
    """gzip of `before` and `size` blanks, without ever having them all."""
    z = zlib.compressobj(9, zlib.DEFLATED, 31)
    out, block = [z.compress(before)], b" " * (1 << 20)
    for _ in range(size >> 20):
        out.append(z.compress(block))
    return b"".join(out) + z.flush()


def _library(name):
    found = ctypes.util.find_library(name)
    assert found, f"lib{name} is not installed"
    return ctypes.CDLL(found)


def brotli(data):
    """By the library, for Python has none of its own."""
    lib = _library("brotlienc")
    out = ctypes.create_string_buffer(len(data) // 2 + 1024)
    n = ctypes.c_size_t(len(out))
    ok = lib.BrotliEncoderCompress(
        5, 22, 0, ctypes.c_size_t(len(data)), data, ctypes.byref(n), out
    )
    assert ok, "brotli failed"
    return out.raw[: n.value]


def zstd(data):
    lib = _library("zstd")
    lib.ZSTD_compress.restype = ctypes.c_size_t
    out = ctypes.create_string_buffer(len(data) // 2 + 1024)
    n = lib.ZSTD_compress(out, ctypes.c_size_t(len(out)), data, ctypes.c_size_t(len(data)), 3)
    assert n < len(out), "zstd failed"
    return out.raw[:n]


# -- what a reply may be besides bytes: a function of a connection --


class Conn:
    """One request on one connection."""

    def __init__(self, reader, writer, path, seconds_max=SECONDS_MAX):
        self.reader, self.writer, self.path = reader, writer, path
        self.sent = 0
        self.sent_at = None  # when the last of it was begun
        self.end = time.monotonic() + seconds_max
        self.keep = False  # the connection is for more requests

    def is_over(self):
        return time.monotonic() > self.end or self.sent > BYTES_MAX

    async def send(self, data):
        self.sent_at = time.monotonic()
        for at in range(0, len(data), CHUNK):
            if self.is_over():
                return
            part = data[at : at + CHUNK]
            self.writer.write(part)
            self.sent += len(part)
            await self.writer.drain()

    def may_be_asked_again(self):
        """The next request is here, read by now or not, or so near that it may be on its way."""
        if self.reader._buffer or time.monotonic() - self.sent_at > DELAY_MS / 2000:
            return True
        with socket.socket(fileno=os.dup(self.writer.get_extra_info("socket").fileno())) as s:
            try:
                return bool(s.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
            except BlockingIOError:
                return False

    async def endless(self, data):
        """Until the other side has had enough."""
        data = data * (CHUNK // len(data) + 1)
        while not self.is_over():
            await self.send(data)
            await asyncio.sleep(0)

    async def drip(self, data, seconds=1.0):
        """One byte a second."""
        for i in range(len(data)):
            if self.is_over():
                return
            await self.send(data[i : i + 1])
            await asyncio.sleep(seconds)

    async def hang(self):
        """Says nothing more; ends when the other side does."""
        try:
            while not self.is_over():
                got = await asyncio.wait_for(self.reader.read(CHUNK), self.end - time.monotonic())
                if not got:
                    return
        except asyncio.TimeoutError:
            pass

    def reset(self):
        """RST, not FIN."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


def then(*steps):
    """A reply of several steps: bytes are sent, others are called with the connection."""

    async def reply(c):
        for step in steps:
            if isinstance(step, (bytes, bytearray)):
                await c.send(step)
            else:
                await step(c)

    return reply


async def hang(c):
    await c.hang()


async def reset(c):
    c.reset()


async def keep(c):
    c.keep = True


def wait(seconds):
    async def step(_):
        await asyncio.sleep(seconds)

    return step


def endless(data):
    async def step(c):
        await c.endless(data)

    return step


def drip(data, seconds=1.0):
    async def step(c):
        await c.drip(data, seconds)

    return step


def keeps(data):
    """Bytes after which the connection stays open."""
    return then(data, keep)


@dataclass
class Case:
    """A host, what it says, and what must become of it.

    `reply` is for every path but /robots.txt; a dict has a reply for each path and is
    for robots.txt as well.  `outcome` is that of the URL that is asked for, `rest` those of
    others: path or URL -> outcome.  `seconds` is what it may take from the first contact, on a
    machine that has time for it.
    """

    name: str
    reply: object
    outcome: str
    seconds: float = 16.0
    rest: dict = field(default_factory=dict)
    seeds: tuple = ("/",)
    tls: str = None  # the certificate, or "none": nothing of TLS is spoken there
    address: str = None
    contact: float = None  # when the first connection came


class Hostile:
    """Serves cases; a context manager."""

    def __init__(self, cases, contexts=None, net="127.7", seconds_max=SECONDS_MAX):
        self.cases = cases
        self.seconds_max = seconds_max
        self.contexts = contexts or {}
        for i, case in enumerate(cases):
            case.address = f"{net}.{i // 200 + 1}.{i % 200 + 1}"
        self.port = self.thread_id = None
        self.requests = []  # (address, path)
        self._ready = threading.Event()
        self._failed = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(20), "the hostile server does not start"
        assert self._failed is None, self._failed
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)
        assert not self._thread.is_alive(), "the hostile server does not end"

    def url(self, case, path="/"):
        scheme = "https" if case.tls else "http"
        return f"{scheme}://{case.address}:{self.port}{path}"

    def _run(self):
        self.thread_id = threading.get_native_id()
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda *_: None)  # resets and the like are the point
        try:
            self._loop.run_until_complete(self._serve())
        except OSError as e:
            self._failed = e
            self._ready.set()
        finally:
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.close()

    async def _listen(self):
        servers = []
        self.port = harness.free_port()
        try:
            for case in self.cases:
                servers.append(
                    await asyncio.start_server(
                        self._connection(case), case.address, self.port, limit=HEAD_MAX,
                        ssl=self.contexts.get(case.tls), backlog=256,
                    )
                )  # fmt: skip
        except OSError:
            for s in servers:
                s.close()
            raise
        return servers

    async def _serve(self):
        self._stop = asyncio.Event()
        for left in reversed(range(harness.STARTS)):
            try:
                servers = await self._listen()
                break
            except OSError:
                if left == 0:
                    raise
        self._ready.set()
        await self._stop.wait()
        for s in servers:
            s.close()

    def _connection(self, case):
        async def serve(reader, writer):
            if case.contact is None:
                case.contact = time.monotonic()
            try:
                if case.tls == "none":
                    await self._reply(case, case.reply, Conn(reader, writer, None, self.seconds_max))
                else:
                    while await self._request(case, reader, writer):
                        pass
            except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ssl.SSLError):
                pass
            finally:
                writer.close()

        return serve

    async def _request(self, case, reader, writer):
        """Answers one request; false: the connection is to be closed."""
        asked = await reader.readuntil(b"\r\n\r\n")
        path = asked.split(b" ", 2)[1].decode("latin-1")
        self.requests.append((case.address, path))
        c = Conn(reader, writer, path, self.seconds_max)
        if isinstance(case.reply, dict):
            reply = case.reply.get(path, keeps(NOT_FOUND))
        else:
            reply = keeps(NOT_FOUND) if path == "/robots.txt" else case.reply
        await self._reply(case, reply, c)
        return c.keep

    def fill(self, case, text):
        """{me} and {port} in bytes or text, for those that cannot know them yet."""
        me, port = case.address, str(self.port)
        if isinstance(text, bytes):
            return text.replace(b"{me}", me.encode()).replace(b"{port}", port.encode())
        return text.replace("{me}", me).replace("{port}", port)

    async def _reply(self, case, reply, c):
        if isinstance(reply, bytes):
            await c.send(self.fill(case, reply))
        else:
            await reply(c)


# -- TLS --


def contexts(where, names):
    """Server contexts: good, wrong-name, self-signed, expired, old; and the authority."""
    good = harness.test_authority(where / "good", names)
    found = {"good": _context(good.cert, good.key)}
    other = harness.test_authority(where / "other", ("other.example.test",))
    found["unknown-authority"] = _context(other.cert, other.key)
    for name, signed in (("wrong-name", _signed_for_another), ("expired", _expired)):
        found[name] = _context(*signed(where / name, good, names))
    key, cert = where / "self.key", where / "self.pem"
    alt = ",".join("IP:" + n for n in names)
    harness.openssl(
        where, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=me", "-addext", f"subjectAltName={alt}",
    )  # fmt: skip
    found["self-signed"] = _context(cert, key)
    found["old-version"] = old = _context(good.cert, good.key)
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    return found, good.ca


def _context(cert, key):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(cert, key)
    return c


def _request_for(where, names):
    where.mkdir()
    key, csr = where / "key.pem", where / "csr.pem"
    alt = ",".join(("IP:" if n[0].isdigit() else "DNS:") + n for n in names)
    (where / "ext").write_text(f"subjectAltName={alt}\nbasicConstraints=CA:FALSE\n")
    harness.openssl(
        where, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-keyout", key, "-out", csr, "-subj", "/CN=x",
    )  # fmt: skip
    return key, csr


def _signed_for_another(where, by, _):
    key, csr = _request_for(where, ("someone-else.example.test",))
    cert = where / "cert.pem"
    harness.openssl(
        where, "x509", "-req", "-in", csr, "-CA", by.ca, "-CAkey", by.ca.parent / "ca.key",
        "-CAcreateserial", "-days", "2", "-extfile", "ext", "-out", cert,
    )  # fmt: skip
    return cert, key


def _expired(where, by, names):
    key, csr = _request_for(where, names)
    cert = where / "cert.pem"
    (where / "index").write_text("")
    (where / "serial").write_text("7001\n")
    (where / "ca.conf").write_text(
        "[ca]\ndefault_ca=d\n[d]\ndatabase=index\nserial=serial\nnew_certs_dir=.\n"
        "default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n"
    )
    harness.openssl(
        where, "ca", "-batch", "-config", "ca.conf", "-cert", by.ca, "-keyfile", by.ca.parent / "ca.key",
        "-startdate", "20200101000000Z", "-enddate", "20200201000000Z", "-extfile", "ext",
        "-in", csr, "-out", cert, "-notext",
    )  # fmt: skip
    return cert, key

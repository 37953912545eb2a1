"""Servers and crawls for the end-to-end tests.

Everything here is bounded: servers listen on free ports of loopback addresses, are children
of the test and die with it (PR_SET_PDEATHSIG), and every wait has a deadline.  Only processes
that the test started are ever signalled, by their id.
"""

import contextlib
import ctypes
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import warc

SRCDIR = Path(os.environ["TRAWL_SRCDIR"])
BUILDDIR = Path(os.environ["TRAWL_BUILDDIR"])
TRAWL = os.environ["TRAWL"]
SITE = SRCDIR / "tests" / "site"
PATIENCE_SECONDS = 60  # what has not come by then does not come, on a busy machine either
CRAWL_SECONDS = 180
STARTS = 5  # somebody may take a free port before the server does

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def wait_until(what, test, seconds=PATIENCE_SECONDS, every=0.02):
    """Waits until test() is true and returns what it returned."""
    end = time.monotonic() + seconds
    while True:
        got = test()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain: {what}")
        time.sleep(every)


def settled(what, look, every=0.5):
    """What look() returns once it is the same twice: what is under way has come to its end."""
    last = []

    def again():
        last.append(look())
        return len(last) > 1 and last[-1] == last[-2]

    wait_until(what, again, every=every)
    return last[-1]


class _Late(threading.Thread):
    """Wants to run every 10 ms, and adds up how much later than that it did."""

    EVERY = 0.01

    def __init__(self):
        super().__init__(daemon=True)
        self.seconds, self.rounds = 0.0, 0

    def run(self):
        last = time.monotonic()
        while True:
            time.sleep(self.EVERY)
            now = time.monotonic()
            self.seconds += now - last - self.EVERY
            self.rounds += 1
            last = now


_late = None


def lost_seconds():
    """For how long, since the first call, the machine had others to serve: so much later anything may come."""
    global _late
    if _late is None:
        _late = _Late()
        _late.start()
    seen = _late.rounds
    while _late.rounds < seen + 2:  # what was lost just now counts, too
        time.sleep(_Late.EVERY / 2)
    return _late.seconds


class Stopwatch:
    """Seconds since it was made, less those that were lost."""

    def __init__(self):
        self.lost = lost_seconds()
        self.began = time.monotonic()

    def given(self):
        return time.monotonic() - self.began - (lost_seconds() - self.lost)


def run_delay(*tasks):
    """Seconds in which these threads (process, thread) could have run and the machine ran others; None: it does not tell."""
    try:
        stats = [Path(f"/proc/{pid}/task/{tid}/schedstat").read_text() for pid, tid in tasks]
    except OSError:
        return None
    return sum(int(s.split()[1]) for s in stats) / 1e9


def read_until(stream, text):
    """The lines of what a process says, up to the one that has this text."""
    said = []
    for line in iter(stream.readline, ""):
        said.append(line)
        if text in line:
            return said
    raise AssertionError(f"it did not say '{text}', but: {said}")


def free_port():
    """A port that nobody listens on, TCP or UDP.

    Below the range from which the kernel takes ports for outgoing connections, so that it is
    still free a moment later; a server that loses it all the same is started on another.
    """
    for _ in range(200):
        port = random.randrange(12000, 32000)
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise AssertionError("no free port")


def listens(address, port):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as s:
        s.settimeout(1)
        return s.connect_ex((address, port)) == 0


def stop(child):
    """Ends a child: politely, then not."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(PATIENCE_SECONDS)


# -- nginx --

NGINX_CONF = """
daemon off;
master_process off;
pid "@RUN@/nginx.pid";
error_log "@RUN@/error.log" warn;
worker_rlimit_nofile 16384;
events { worker_connections 8192; }
http {
    log_format trawl escape=json '{"msec":$msec,"seconds":$request_time,'
        '"connection":$connection,"status":$status,"bytes":$body_bytes_sent,'
        '"host":"$host","port":$server_port,"method":"$request_method",'
        '"uri":"$request_uri","agent":"$http_user_agent"}';
    access_log "@RUN@/access.log" trawl;
    client_body_temp_path "@RUN@/body";
    proxy_temp_path "@RUN@/proxy";
    fastcgi_temp_path "@RUN@/fastcgi";
    uwsgi_temp_path "@RUN@/uwsgi";
    scgi_temp_path "@RUN@/scgi";
    types {
        text/html html; text/css css; text/javascript js; text/plain txt;
        image/svg+xml svg; image/png png; image/gif gif; text/xml xml;
    }
    default_type application/octet-stream;
    keepalive_requests 1000000;
    server_names_hash_max_size 8192;
@SERVERS@
}
"""


@dataclass
class Web:
    """A running nginx."""

    port: int
    run: Path
    scheme: str = "http"
    child: object = None

    def url(self, path="/", host="127.0.0.1"):
        return f"{self.scheme}://{host}:{self.port}{path}"

    def log(self):
        """What was asked, in the order in which the answers ended."""
        rows = []
        with open(self.run / "access.log", encoding="utf-8", errors="surrogateescape") as f:
            for line in f:
                if line.endswith("\n"):  # else it is being written
                    # The agent comes over the network: nginx escapes it as JSON wants it.
                    rows.append(json.loads(line))
        return rows


@contextlib.contextmanager
def _nginx(run, conf, scheme, address="127.0.0.1"):
    nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    assert nginx, "nginx is not installed"
    run.mkdir(parents=True)
    for _ in range(STARTS):
        web = Web(free_port(), run, scheme)
        text = conf.replace("@RUN@", str(run)).replace("@PORT@", str(web.port))
        (run / "nginx.conf").write_text(text, encoding="utf-8")
        child = subprocess.Popen(
            [nginx, "-e", run / "error.log", "-p", run, "-c", run / "nginx.conf"],
            stdin=subprocess.DEVNULL,
            preexec_fn=_die_with_parent,
        )
        web.child = child
        try:
            wait_until("nginx", lambda: child.poll() is not None or listens(address, web.port))
            if child.poll() is None:
                break
        except BaseException:
            stop(child)
            raise
    else:
        raise AssertionError("nginx does not start: " + (run / "error.log").read_text())
    try:
        yield web
    finally:
        stop(child)


def nginx(run, servers, scheme="http", address="127.0.0.1"):
    """nginx with these server blocks, in which @PORT@ and @RUN@ stand for what they say."""
    return _nginx(Path(run), NGINX_CONF.replace("@SERVERS@", servers), scheme, address)


def demo_site(run):
    """The site of `trawl demo`."""
    conf = (SITE / "nginx.conf.in").read_text(encoding="utf-8")
    return _nginx(Path(run), conf.replace("@SITE@", str(SITE)), "http")


# -- TLS and DNS --


@dataclass
class Authority:
    ca: Path
    cert: Path
    key: Path


def openssl(where, *args):
    subprocess.run(["openssl", *map(str, args)], cwd=where, check=True, capture_output=True, timeout=PATIENCE_SECONDS)


def test_authority(where, names=("127.0.0.1",)):
    """A certificate authority of one's own, and a server certificate by it."""
    where = Path(where)
    where.mkdir(parents=True)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl(where, "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
            "-subj", "/CN=Test authority", "-addext", "basicConstraints=critical,CA:TRUE")
    alt = ",".join(("IP:" if n.replace(".", "").isdigit() else "DNS:") + n for n in names)
    (where / "ext").write_text(f"subjectAltName={alt}\nbasicConstraints=CA:FALSE\n")
    openssl(where, "req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", f"/CN={names[0]}")
    openssl(where, "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-days", "2", "-extfile", "ext", "-out", "server.pem")
    return Authority(where / "ca.pem", where / "server.pem", where / "server.key")


test_authority.__test__ = False


@contextlib.contextmanager
def dnsmasq(hosts):
    """A name server on a free port that knows these names (name -> address) and no others.

    "*.site" stands for all names below a site.
    """
    program = shutil.which("dnsmasq", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    assert program, "dnsmasq is not installed"
    for _ in range(STARTS):
        port = free_port()
        child = subprocess.Popen(
            [program, "--no-daemon", "--conf-file=/dev/null", "--pid-file=", "--no-resolv",
             "--no-hosts", "--local=/test/", "--bind-interfaces", "--listen-address=127.0.0.1",
             f"--port={port}", "--local-ttl=300", "--log-facility=-", "--dns-forward-max=1000",
             *(f"--address=/{name[2:]}/{address}" if name.startswith("*.") else f"--host-record={name},{address}"
               for name, address in hosts.items())],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=_die_with_parent,
        )  # fmt: skip
        try:
            wait_until("dnsmasq", lambda: child.poll() is not None or listens("127.0.0.1", port))
            if child.poll() is None:
                yield f"127.0.0.1:{port}"
                return
        finally:
            stop(child)
    raise AssertionError("dnsmasq does not start")


# -- trawl --


@dataclass
class Result:
    rc: int
    out: str
    err: str
    seconds: float


class Running:
    """A trawl that runs in the background, in a process group of its own."""

    def __init__(self, *args, cwd=None, stdin=None, env=None, program=TRAWL):
        self.began = time.monotonic()
        self.child = subprocess.Popen(
            [program, *map(str, args)], cwd=cwd, text=True, errors="surrogateescape",
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True, preexec_fn=_die_with_parent,
            env={**os.environ, **(env or {})},
        )
        self.stdin = stdin

    def signal(self, number):
        self.child.send_signal(number)

    def result(self, timeout=CRAWL_SECONDS):
        try:
            out, err = self.child.communicate(self.stdin, timeout)
        except subprocess.TimeoutExpired:
            os.killpg(self.child.pid, signal.SIGKILL)  # its own group: start_new_session
            out, err = self.child.communicate()
            raise AssertionError(f"trawl did not end within {timeout} s; it said:\n{err[-4000:]}")
        return Result(self.child.returncode, out, err, time.monotonic() - self.began)

    def end(self):
        if self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait(PATIENCE_SECONDS)

    def processes(self):
        """Process ids of this trawl and of all below it."""
        return [self.child.pid, *_below(self.child.pid)]

    def descendants(self, name):
        """Process ids below this trawl whose name is `name`."""
        return [p for p in _below(self.child.pid) if _comm(p) == name]


def _comm(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return None


def _below(pid):
    """All descendants of a process; a bounded walk of /proc."""
    children = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = Path(f"/proc/{entry}/stat").read_text()
        except OSError:
            continue
        parent = int(stat.rpartition(")")[2].split()[1])
        children.setdefault(parent, []).append(int(entry))
    found, todo = [], [pid]
    while todo:
        for child in children.get(todo.pop(), ()):
            found.append(child)
            todo.append(child)
    return found


def trawl(*args, timeout=CRAWL_SECONDS, **kw):
    return Running(*args, **kw).result(timeout)


def crawl(directory, *args, timeout=CRAWL_SECONDS, **kw):
    """trawl crawl -o DIRECTORY ARGS: the result and what lies in the directory."""
    result = trawl("crawl", "-o", directory, *args, timeout=timeout, **kw)
    return result, Output(Path(directory))


@dataclass
class Output:
    """The files of a crawl."""

    dir: Path
    _records: list = field(default=None, repr=False)

    def pages(self):
        path = self.dir / "pages.jsonl"
        if not path.exists():
            return []
        pages = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for ms in (p["ms"] for p in pages if "ms" in p):
            assert ms["connect"] + ms["tls"] + ms["first_byte"] <= ms["total"], f"more than the whole: {ms}"
        return pages

    def rejected(self):
        """(reason, URL, via, detail) a line."""
        path = self.dir / "rejected.log"
        if not path.exists():
            return []
        rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
        return [(r + ["", "", ""])[:4] for r in rows]

    def pages_yet(self):
        """How many are there while the crawl is under way: the last line may be half there."""
        path = self.dir / "pages.jsonl"
        return path.read_bytes().count(b"\n") if path.exists() else 0

    def urls_yet(self):
        """Of which pages: the same."""
        return {json.loads(line)["url"] for line in (self.dir / "pages.jsonl").read_bytes().splitlines(True) if line.endswith(b"\n")}

    def crawl_log(self):
        path = self.dir / "crawl.log"
        return [line.split() for line in path.read_text(encoding="utf-8").splitlines()]

    def warcs(self):
        return sorted((self.dir / "warc").glob("*.warc*"))

    def records(self):
        """All records; every file is checked to the last byte on the way."""
        if self._records is None:
            self._records = [r for path in self.warcs() for r in warc.read(path)]
        return self._records

    def archived(self):
        """URL -> list of the HTTP responses in the archive, robots.txt and sitemaps too."""
        found = {}
        for r in self.records():
            if r.type in ("response", "revisit") and r.uri.startswith("http"):
                found.setdefault(r.uri, []).append(r)
        return found

    def outcomes(self):
        """URL -> outcome, of pages and of what was rejected."""
        found = {url: reason for reason, url, _, _ in self.rejected()}
        found.update({p["url"]: p["outcome"] for p in self.pages()})
        return found


def mounted(where, size):
    """A small disk of its own, for fixtures; only root may mount."""
    where.mkdir(parents=True)
    if shutil.which("mount") is None:
        pytest.skip("there is no mount(8)")
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", where], capture_output=True)
    if made.returncode != 0:
        pytest.skip("a tmpfs cannot be mounted here")
    yield where
    subprocess.run(["umount", "-l", where], check=True)

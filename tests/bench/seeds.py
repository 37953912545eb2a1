#!/usr/bin/python3
"""A crawl of many seeds: how long until it asks for the first page, and what memory that takes.

seeds.py [--hosts N] [--file] [--pages N] [--redirects] N... [-- TRAWL-OPTION...]

Each N: a job of N seeds on as many hosts (or on --hosts), that all lead to a server of this
program; once it was asked for --pages of them the crawl is ended.  --file: seeds in a file of
their own instead of in the job file.  --redirects: each is redirected to a host of its own.
"""

import argparse
import os
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TRAWL = os.environ.get("TRAWL", str(HERE.parent.parent / "build" / "trawl"))
PAGE = b"<html><title>x</title>" + b"".join(b'<a href="/%d">x</a>' % i for i in range(20))


class Names(threading.Thread):
    """Every name is 127.0.0.1."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def run(self):
        while True:
            ask, where = self.socket.recvfrom(2000)
            end = ask.index(b"\0", 12) + 5
            kind = struct.unpack(">H", ask[end - 4 : end - 2])[0]
            head = ask[:2] + struct.pack(">HHHHH", 0x8180, 1, int(kind == 1), 0, 0)
            answer = struct.pack(">HHHIH", 0xC00C, 1, 1, 300, 4) + b"\x7f\0\0\1" if kind == 1 else b""
            self.socket.sendto(head + ask[12:end] + answer, where)


class Server(threading.Thread):
    def __init__(self, pages, redirects):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.redirects = redirects
        self.want, self.pages, self.first, self.enough = pages, 0, None, threading.Event()

    def run(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            while True:
                asked = b""
                while b"\r\n\r\n" not in asked:
                    more = connection.recv(10000)
                    if not more:
                        return
                    asked += more
                robots = asked.startswith(b"GET /robots.txt")
                self.first = self.first or time.monotonic()
                if not robots:
                    self.pages += 1
                    if self.pages >= self.want:
                        self.enough.set()
                status, body = b"200 OK", b"" if robots else PAGE
                host = asked.partition(b"\r\nHost: ")[2].partition(b"\r\n")[0]
                if self.redirects and not robots and not host.startswith(b"www."):
                    status, body = b"302 Found\r\nLocation: http://www." + host + b"/new", b""
                connection.sendall(b"HTTP/1.1 %s\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body)


def memory_mb(pid):
    """Its own, without pages that it shares (the arena, the program)."""
    own = 0
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Private_"):
            own += int(line.split()[1])
    return own / 1024


def children(pid):
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(p) for p in (task / "children").read_text().split()]
    for child in list(found):
        found += children(child)
    return found


def write_job(where, n, hosts, port, in_file):
    urls = [f"http://h{i % hosts:07d}.example.test:{port}/page/{i:07d}" for i in range(n)]
    job = where / "job.yaml"
    if in_file:
        (where / "seeds.txt").write_text("\n".join(urls) + "\n")
        job.write_text("name: seeds\nseeds_from: seeds.txt\n")
    else:
        job.write_text("name: seeds\nseeds:\n" + "".join(f"  - {u}\n" for u in urls))
    return job


def run(n, args):
    names, server = Names(), Server(args.pages, args.redirects)
    names.start()
    server.start()
    where = Path(tempfile.mkdtemp(prefix="trawl-seeds-"))
    job = write_job(where, n, args.hosts or n, server.port, args.file)
    began = time.monotonic()
    child = subprocess.Popen(
        [TRAWL, "run", "-q", "-o", where / "c", "--delay", "0", "--dns", f"127.0.0.1:{names.port}", "--workers", "1"]
        + ["--allow-net", "127.0.0.0/8", *args.rest, job],
        stdin=subprocess.DEVNULL,
    )
    ok = server.enough.wait(args.seconds)
    enough = time.monotonic()
    engine = memory_mb(child.pid) if ok else 0
    workers = [memory_mb(p) for p in children(child.pid)] if ok else [0]
    child.send_signal(signal.SIGINT)
    time.sleep(0.1)
    child.send_signal(signal.SIGINT)
    child.wait()
    cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
    shutil.rmtree(where)
    if not ok:
        raise SystemExit(f"bench: {n} seeds: {server.pages} pages were asked for within {args.seconds} s")
    return server.first - began, enough - server.first, engine, max(workers), cpu.ru_utime + cpu.ru_stime


def main():
    own, _, rest = " ".join(sys.argv[1:]).partition(" -- ")
    p = argparse.ArgumentParser()
    p.add_argument("counts", nargs="+", type=int)
    p.add_argument("--hosts", type=int, default=0)
    p.add_argument("--file", action="store_true")
    p.add_argument("--redirects", action="store_true")
    p.add_argument("--pages", type=int, default=200)
    p.add_argument("--seconds", type=int, default=300)
    args = p.parse_args(own.split())
    args.rest = rest.split()
    print(f"{'seeds':>9} {'hosts':>9} {'first request s':>16} {f'{args.pages} pages s':>12} {'engine MB':>10} {'worker MB':>10} {'CPU s':>7}")
    was = 0.0
    for n in args.counts:
        first, more, engine, worker, cpu = run(n, args)
        print(f"{n:>9} {args.hosts or n:>9} {first:>16.2f} {more:>12.2f} {engine:>10.1f} {worker:>10.1f} {cpu - was:>7.2f}", flush=True)
        was = cpu


if __name__ == "__main__":
    main()

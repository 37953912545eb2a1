#!/usr/bin/python3
"""What a request costs, and what memory a crawl takes, as pages and hosts get more.

growth.py [--json FILE] [--dir DIR] [--pages N,N,...] [--hosts N,N,...] [--memory N] [-- TRAWL-OPTION...]

--pages: crawls of one host with so many pages.  --hosts: crawls of so many hosts, each with some pages and a
robots.txt, of --requests requests in all.  --memory: one host with so many pages of 3 KB; all processes together
are looked at five times a second, shared pages counted once.  The web is growth_web.c: generated pages, a name and
an address for each host, all on loopback.  Every page must have come.
"""

import argparse
import json
import mmap
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent.parent / "build"
TRAWL = os.environ.get("TRAWL", str(BUILD / "trawl"))
WEB = os.environ.get("GROWTH_WEB", str(BUILD / "tests/bench/growth_web"))
EVERY = 0.2
OPTIONS = ["-q", "--delay", "0", "--concurrency", "64", "--allow-net", "127.0.0.0/8"]


class Web:
    NAMES = ("requests", "pages", "robots", "connections", "names")

    def __init__(self, tmp, pages, size, links):
        counts = tmp / "counts"
        self.child = subprocess.Popen(
            [WEB, str(pages), str(size), str(links), str(counts)], stdout=subprocess.PIPE, text=True
        )
        self.port, self.dns = map(int, self.child.stdout.readline().split())
        with open(counts, "rb") as f:
            self.counted = mmap.mmap(f.fileno(), 40, prot=mmap.PROT_READ)

    def counts(self):
        return dict(zip(self.NAMES, struct.unpack("5Q", self.counted[:40])))

    def end(self):
        self.child.send_signal(signal.SIGTERM)
        self.child.wait()


def below(pid):
    """This process and its descendants."""
    found = [pid]
    for p in found:
        try:
            for task in os.listdir(f"/proc/{p}/task"):
                found += [int(c) for c in Path(f"/proc/{p}/task/{task}/children").read_text().split()]
        except OSError:
            continue
    return found


def pss_kib(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0


def threads(pid, cpu):
    """Seconds on a CPU by thread; into `cpu`, for those that end."""
    try:
        for tid in os.listdir(f"/proc/{pid}/task"):
            top = f"/proc/{pid}/task/{tid}"
            name = "loop" if int(tid) == pid else Path(f"{top}/comm").read_text().strip()
            cpu[tid] = (name, int(Path(f"{top}/schedstat").read_text().split()[0]) / 1e9)
    except (OSError, ValueError):
        pass


def watch(child, web):
    """Until it ends: (pages, KiB by process) five times a second, CPU by thread, and of all."""
    looks, cpu = [], {}
    while not looks or os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        pages = web.counts()["pages"]
        looks.append((pages, [pss_kib(p) for p in below(child.pid)]))
        threads(child.pid, cpu)
        time.sleep(EVERY)
    threads(child.pid, cpu)  # the first one is there until somebody has waited for it
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    names = {}
    for name, seconds in cpu.values():
        names[name] = names.get(name, 0.0) + seconds
    return looks, names, usage.ru_utime + usage.ru_stime


def crawl(hosts, pages, size, links, options, top):
    """One crawl of so many hosts with so many pages each."""
    tmp = Path(tempfile.mkdtemp(prefix="growth-", dir=top))
    web = Web(tmp, pages, size, links)
    (tmp / "seeds").write_text("".join(f"http://h{i}.test:{web.port}/\n" for i in range(hosts)))
    began = time.monotonic()
    child = subprocess.Popen(
        [TRAWL, "crawl", *OPTIONS, "--per-host", "1" if hosts >= 64 else "64", "--dns", f"127.0.0.1:{web.dns}", "-o", tmp / "c", "--seeds", tmp / "seeds", *options],
        stdin=subprocess.DEVNULL,
    )
    try:
        looks, names, cpu = watch(child, web)
    except BaseException:
        child.kill()
        raise
    finally:
        counts = web.counts()
        web.end()
    seconds = time.monotonic() - began
    shutil.rmtree(tmp)
    if child.returncode != 0 or counts["pages"] != hosts * pages:
        raise SystemExit(f"growth: {counts['pages']} of {hosts * pages} pages came (exit {child.returncode})")
    us = 1e6 / counts["requests"]
    own = sum(names.values())
    rocksdb = sum(s for n, s in names.items() if n.startswith("rocksdb"))
    return {
        "hosts": hosts, "pages": hosts * pages, "requests": counts["requests"], "connections": counts["connections"],
        "seconds": round(seconds, 2), "per_s": round(counts["requests"] / seconds),
        "cpu_us": round(cpu * us, 1), "loop_us": round(names.get("loop", 0) * us, 1),
        "store_us": round(names.get("store", 0) * us, 1), "rocksdb_us": round(rocksdb * us, 1),
        "workers_us": round((cpu - own) * us, 1),
        "peak_mib": round(max(sum(m) for _, m in looks) / 1024, 1),
        "memory": at_parts(looks, hosts * pages),
        "curve": [[p, *(round(k / 1024, 1) for k in m)] for p, m in looks],
    }  # fmt: skip


def at_parts(looks, pages):
    """MiB around 20, 50 and 100 per cent of the pages: the highest look of a tenth of the crawl each, of which
    the last ends with the last page: reports and the index are made after it."""
    parts = {}
    for percent in (20, 50, 100):
        low, high = pages * (percent - 10) / 100, pages * percent / 100
        seen = [sum(m) for p, m in looks if low <= p <= high and p < pages]
        parts[percent] = round(max(seen) / 1024, 1) if seen else None
    return parts


HEAD = "| hosts | pages | requests | /s | CPU us a request | loop | store | RocksDB | workers | peak MiB | at 20 / 50 / 100 % |"


def row(r):
    memory = " / ".join("-" if m is None else f"{m:.0f}" for m in r["memory"].values())
    return (
        f"| {r['hosts']:,} | {r['pages']:,} | {r['requests']:,} | {r['per_s']:,} | {r['cpu_us']:.1f} | {r['loop_us']:.1f} "
        f"| {r['store_us']:.1f} | {r['rocksdb_us']:.1f} | {r['workers_us']:.1f} | {r['peak_mib']:.0f} | {memory} |"
    )


def numbers(word):
    return [int(n) for n in word.split(",") if n]


def judge(rows):
    hosts = {r["hosts"]: r["cpu_us"] for r in rows if r["kind"] == "hosts"}
    pages = {r["pages"]: r["cpu_us"] for r in rows if r["kind"] == "pages"}
    said = []
    if 100 in hosts and 100_000 in hosts:
        said.append(("CPU a request, 100,000 hosts / 100 hosts", hosts[100_000] / hosts[100], 1.5))
    if len(pages) > 1:
        few, many = min(pages), max(pages)
        # n log n: a request may cost as much more as the logarithm of the number grows.
        bar = (many.bit_length() - 1) / (few.bit_length() - 1)
        said.append((f"CPU a request, {many:,} pages / {few:,} pages", pages[many] / pages[few], round(bar, 2)))
    for r in rows:
        if r["kind"] == "memory":
            said.append((f"MiB of {r['pages']:,} pages at most", r["peak_mib"], 256))
            if r["memory"][20]:
                said.append(("... the last tenth / the tenth before 20 %", r["memory"][100] / r["memory"][20], 1.1))
    return said


def main():
    own, _, rest = " ".join(sys.argv[1:]).partition(" -- ")
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument("--json")
    p.add_argument("--dir", default="/dev/shm")
    p.add_argument("--pages", type=numbers, default=[])
    p.add_argument("--hosts", type=numbers, default=[])
    p.add_argument("--requests", type=int, default=600_000)
    p.add_argument("--memory", type=numbers, default=[])
    p.add_argument("--size", type=int, default=3000)
    p.add_argument("--links", type=int, default=12)
    p.add_argument("--runs", type=int, default=1)
    args = p.parse_args(own.split())
    rest = rest.split()
    # The table is of the medians; a host's pages are what its share of the requests leaves beside robots.txt.
    jobs = [("pages", 1, n) for n in args.pages]
    jobs += [("hosts", n, max(args.requests // n - 1, 1)) for n in args.hosts]
    jobs += [("memory", 1, n) for n in args.memory]
    print(HEAD + "\n|" + "---|" * 11)
    rows = {job: [] for job in jobs}
    for _ in range(args.runs):
        for job in jobs:
            kind, hosts, pages = job
            r = crawl(hosts, pages, args.size, args.links, rest, args.dir)
            rows[job].append({"kind": kind, **r})
            print(row(r), flush=True)
    middle = [sorted(runs, key=lambda r: r["cpu_us"])[len(runs) // 2] for runs in rows.values()]
    if args.runs > 1:
        print("medians:")
        for r in middle:
            print(row(r))
    for what, value, bar in judge(middle):
        print(f"{what}: {value:.2f} (asked for: at most {bar:g}){'' if value <= bar else ': MISSED'}")
    if args.json:
        with open(args.json, "a") as f:
            for r in middle:
                f.write(json.dumps(r) + "\n")


if __name__ == "__main__":
    main()

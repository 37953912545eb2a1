#!/usr/bin/python3
"""How fast a crawl is, and what it costs: see README.md beside this file.

bench.py [--pages N] [--runs N] [--connections N] [--json FILE] [-- TRAWL-OPTION...]
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SRCDIR = Path(os.environ.setdefault("TRAWL_SRCDIR", str(HERE.parent.parent)))
BUILDDIR = Path(os.environ.setdefault("TRAWL_BUILDDIR", str(SRCDIR / "build")))
TRAWL = os.environ.setdefault("TRAWL", str(BUILDDIR / "trawl"))
sys.path.insert(0, str(HERE.parent / "e2e"))
sys.dont_write_bytecode = True

import harness  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")


class Sampler(threading.Thread):
    """CPU of one process, by thread, as it stands until the process has gone."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid = pid
        self.threads = {}  # id -> seconds
        self.gone = False

    def sample(self):
        for tid in os.listdir(f"/proc/{self.pid}/task"):
            # Nanoseconds on a CPU; finer than the ticks of stat.
            ns = Path(f"/proc/{self.pid}/task/{tid}/schedstat").read_text().split()[0]
            self.threads[int(tid)] = int(ns) / 1e9

    def run(self):
        while not self.gone:
            try:
                self.sample()
            except (OSError, IndexError):
                pass
            time.sleep(0.005)


def run_trawl(url, options, directory):
    """One crawl: pages, seconds, CPU seconds of the loop, of other threads, of the workers."""
    began = time.monotonic()
    child = subprocess.Popen(
        [TRAWL, "crawl", "-q", "-o", directory, "--delay", "0", *options, url], stdin=subprocess.DEVNULL
    )
    sampler = Sampler(child.pid)
    sampler.start()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.monotonic() - began
    sampler.gone = True
    sampler.join()
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"bench: trawl ended with {child.returncode}")
    total = usage.ru_utime + usage.ru_stime  # of the process and all that it waited for
    loop = sampler.threads.get(child.pid, 0.0)
    own = sum(sampler.threads.values())
    return {"seconds": seconds, "cpu": total, "loop": loop, "store": own - loop, "workers": total - own}


def run_bare(base, connections, urls):
    bare = BUILDDIR / "tests" / "bench" / "bare_curl"
    out = subprocess.run([bare, str(connections), base, urls], check=True, capture_output=True, text=True).stdout
    r = json.loads(out)
    return {"seconds": r["seconds"], "cpu": r["cpu_seconds"]}


def summary(name, runs, pages):
    """Median of the runs; pages a second, and microseconds of CPU a page."""
    row = {"what": name, "runs": len(runs), "pages": pages}
    rates = [pages / r["seconds"] for r in runs]
    row["pages_per_s"] = round(statistics.median(rates))
    row["pages_per_s_min_max"] = [round(min(rates)), round(max(rates))]
    for key in runs[0]:
        if key != "seconds":
            row[f"{key}_us_per_page"] = round(statistics.median(r[key] / pages * 1e6 for r in runs), 1)
    return row


def machine():
    model = next(
        (line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?"
    )
    return f"{os.cpu_count()} x {model}, {os.uname().sysname} {os.uname().release}"


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--pages", type=int, default=20_000)
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--connections", type=int, default=64)
    p.add_argument("--json", help="append the results to this file, one object a line")
    p.add_argument("trawl", nargs="*", help="further options for trawl crawl")
    args = p.parse_args()

    site = BUILDDIR / "tests" / "bench" / f"site-{args.pages}"
    site.mkdir(parents=True, exist_ok=True)
    subprocess.run(["/usr/bin/python3", HERE / "make_site.py", site, str(args.pages)], check=True)
    server = f'server {{ listen 127.0.0.1:@PORT@; root "{site}"; access_log off; open_file_cache max=2000; }}'
    options = ["--per-host", str(args.connections), "--concurrency", str(args.connections), *args.trawl]
    rows = []
    with tempfile.TemporaryDirectory(prefix="trawl-bench.", dir=BUILDDIR / "tests" / "bench") as tmp:
        with harness.nginx(Path(tmp) / "nginx", server) as web:
            bare = [run_bare(web.url(""), args.connections, site / "urls.txt") for _ in range(args.runs)]
            rows.append(summary("bare libcurl", bare, args.pages))
            for name, more in (("trawl", []), ("trawl, no files written", ["--sink", "none"])):
                runs = []
                for i in range(args.runs):
                    directory = Path(tmp) / f"crawl-{len(rows)}-{i}"
                    runs.append(run_trawl(web.url("/00/page00000.html"), [*options, *more], directory))
                    if not more:
                        pages = sum(1 for _ in open(directory / "pages.jsonl"))
                        assert pages == args.pages, f"{pages} pages instead of {args.pages}"
                    shutil.rmtree(directory, ignore_errors=True)
                rows.append(summary(name, runs, args.pages))
    print(f"{args.pages} pages of 10 KB, {args.connections} connections, median of {args.runs}; {machine()}")
    for row in rows:
        costs = ", ".join(f"{k.split('_')[0]} {v}" for k, v in row.items() if k.endswith("us_per_page"))
        low, high = row["pages_per_s_min_max"]
        print(f"{row['what']:26} {row['pages_per_s']:7} pages/s ({low} to {high}); CPU us a page: {costs}")
    if args.json:
        with open(args.json, "a") as f:
            for row in rows:
                f.write(json.dumps({"at": time.strftime("%FT%TZ", time.gmtime()), "machine": machine(), **row}) + "\n")


main()

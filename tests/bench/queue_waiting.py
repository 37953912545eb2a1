#!/usr/bin/python3
"""A crawl with millions of URLs waiting: its memory, and how long a resume takes.

    make bench-queue QUEUE_FLAGS='--urls 1000000 10000000 --hosts 100'

A sitemap index on loopback leads to as many URLs as asked for, spread over that many
authorities (127.0.X.Y, at most 64,000).  The crawl reads the sitemaps and asks for few pages (--rate), until
all URLs wait, and some more.  Then it is killed and resumed.  Printed for each size: peak memory (VmHWM)
of the program without its workers, of all its processes together, and of the program when the first million
waited; its peak in ten seconds while all wait; discovered URLs a second while sitemaps are read, the disk
taken, and seconds from the start of `resume` to its first request.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
import harness  # noqa: E402

PER_SITEMAP = 50_000


def address(host):
    return f"127.0.{host // 250}.{1 + host % 250}"


def make_site(www, port, urls, hosts):
    """Each page's path says which it is; the server answers all with the same few bytes."""
    www.mkdir(parents=True)
    names = []
    for first in range(0, urls, PER_SITEMAP):
        name = f"s{first // PER_SITEMAP}.txt"
        with open(www / name, "w") as f:
            for i in range(first, min(first + PER_SITEMAP, urls)):
                f.write(f"http://{address(i % hosts)}:{port}/catalogue/item/{i:08d}/view.html\n")
        names.append(f"<sitemap><loc>http://127.0.0.1:{port}/{name}</loc></sitemap>")
    (www / "index.xml").write_text(
        '<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">' + "".join(names) + "</sitemapindex>"
    )


def peak_mib(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0


def peaks(running):
    pids = [running.child.pid, *running.descendants("trawl-worker"), *running.descendants("trawl-nursery")]
    each = [peak_mib(p) for p in pids]
    return each[0], sum(each)


def queued(err):
    """Of the last progress line."""
    found = re.findall(r"queued ([0-9,]+)", err.read_text())
    return int(found[-1].replace(",", "")) if found else 0


def start(err, *args):
    running = harness.Running.__new__(harness.Running)
    with open(err, "w") as f:
        running.child = subprocess.Popen(
            [harness.TRAWL, *map(str, args)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=f,
            start_new_session=True, preexec_fn=harness._die_with_parent,
        )  # fmt: skip
    return running


def bench(where, urls, hosts, options):
    www, out = where / "www", where / "crawl"
    server = f"""server {{ listen 0.0.0.0:@PORT@; root "{www}"; access_log "{where}/run/access.log" trawl;
        location = /robots.txt {{ access_log off;
            return 200 "user-agent: *\\nallow: /\\nsitemap: http://127.0.0.1:@PORT@/index.xml\\n"; }}
        location /catalogue/ {{ return 200 "page"; }} }}"""
    with harness.nginx(where / "run", server) as web:
        make_site(www, web.port, urls, hosts)
        args = ["--progress", "plain", "--scope", "any", "--allow-net", "127.0.0.0/8", "--per-host", "4", "--delay", "0",
                *options]  # fmt: skip
        began = time.monotonic()
        running = start(where / "err", "crawl", "-o", out, *args, "--rate", "20/s", web.url("/"))
        last, at_million = 0, 0
        while True:
            time.sleep(1)
            main, together = peaks(running)
            now = queued(where / "err")
            if now >= 1_000_000 > last:
                at_million = main
            if now > last:
                last, seconds = now, time.monotonic() - began
            if last > urls * 0.98 or time.monotonic() - began > 60 + urls / 5000:
                break
        Path(f"/proc/{running.child.pid}/clear_refs").write_text("5")  # the peak is forgotten
        time.sleep(10)
        waiting, _ = peaks(running)
        disk = sum(f.stat().st_blocks * 512 for f in out.rglob("*") if f.is_file()) / 2**20
        os.killpg(running.child.pid, signal.SIGKILL)
        running.child.wait(60)
        before = len(web.log())
        began = time.monotonic()
        running = start(where / "err", "resume", out, "--rate", "200/s")
        harness.wait_until("a request", lambda: len(web.log()) > before, 120, 0.01)
        resumed = time.monotonic() - began
        time.sleep(5)
        again, _ = peaks(running)
        running.end()
    print(
        f"{urls:>11,} URLs, {hosts} hosts: queued {last:,} in {seconds:.0f} s ({last / seconds:,.0f}/s); peak "
        f"{main:.0f} MiB ({at_million:.0f} when the first million waited), with workers {together:.0f}; while all wait "
        f"{waiting:.0f} MiB; disk {disk:.0f} MiB; "
        f"first request {resumed:.2f} s after resume, peak {again:.0f} MiB",
        flush=True,
    )


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--urls", type=int, nargs="*", default=[1_000_000, 10_000_000])
    p.add_argument("--hosts", type=int, default=1)
    p.add_argument("--dir", type=Path, required=True)
    p.add_argument("options", nargs="*", help="of trawl, after --")
    a = p.parse_args()
    for urls in a.urls:
        where = a.dir.resolve() / f"queue-{urls}"  # nginx takes other names from its own directory on
        shutil.rmtree(where, ignore_errors=True)
        try:
            bench(where, urls, a.hosts, a.options)
        finally:
            shutil.rmtree(where, ignore_errors=True)


main()

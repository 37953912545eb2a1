#!/usr/bin/python3
"""How fast a crawl is, what it costs, and how others do: see README.md beside this file.

bench.py [--sites A,B] [--who X,Y] [--runs N] [--slow-runs N] [--limit S] [--slow-limit S] [--connections N]
         [--start-runs N] [--scratch DIR] [--json FILE] [-- TRAWL-OPTION...]
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SRCDIR = Path(os.environ.setdefault("TRAWL_SRCDIR", str(HERE.parent.parent)))
BUILDDIR = Path(os.environ.setdefault("TRAWL_BUILDDIR", str(SRCDIR / "build")))
os.environ.setdefault("TRAWL", str(BUILDDIR / "trawl"))
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]
sys.dont_write_bytecode = True

import bars  # noqa: E402
import measure  # noqa: E402
import peers  # noqa: E402
import sites  # noqa: E402
import startup  # noqa: E402

DEFAULT_SITES = ["start", "20k", "gzip", "tls", "hosts", "docs", "200k"]
COSTS = ("cpu", "loop", "store", "workers", "server")


class Bench:
    def __init__(self, args, tmp):
        self.args, self.tmp = args, tmp
        self.results = {}  # (site, contestant) -> runs
        self.rows = []
        self.count = 0

    def say(self, text):
        print(f"bench: {text}", file=sys.stderr, flush=True)

    def limit(self, who):
        return self.args.slow_limit if who.slow else self.args.limit

    def once(self, server, who):
        """One run of one contestant: its figures."""
        site, self.count = server.site, self.count + 1
        out = self.tmp / f"run-{self.count}"
        out.mkdir()
        urls = site.urls(site.seeds, server.web.port)
        job = peers.Job(
            site, urls, lambda: site.urls(site.keys, server.web.port), out, server.authority,
            self.args.connections, self.args.trawl,
        )  # fmt: skip
        command = who.command(job)
        argv, env = command if isinstance(command, tuple) else (command, None)
        served = server.seconds()
        run = measure.run(argv, self.tmp / "said", env, out, self.limit(who))
        served = server.seconds() - served
        pages, answers, zipped = server.asked()
        shutil.rmtree(out, ignore_errors=True)
        if not run.stopped and run.rc not in who.exits:
            said = (self.tmp / "said").read_text(errors="replace")[-2000:]
            raise SystemExit(f"bench: {who.name} ended with {run.rc}; it said:\n{said}")
        figures = {
            "pages": pages, "answers": answers, "gzip": zipped, "stopped": run.stopped, "seconds": run.seconds,
            "pages_per_s": pages / run.seconds,
        }  # fmt: skip
        if run.peak_kib:
            figures["peak_mib"] = run.peak_kib / 1024
        costs = {"cpu": run.cpu, "server": served, **(who.stages(run) if who.stages else {})}
        for name, seconds in costs.items():
            figures[f"{name}_us"] = seconds / max(pages, 1) * 1e6
        if who.stages:
            figures["own_us"] = figures["loop_us"] + figures["store_us"]
        return figures, " ".join(map(str, argv)).replace(str(out), "OUT")

    def crawl(self, site, asked_for, whos, runs):
        """All these contestants in turn, `runs` times; asked_for: the site that these runs stand for."""
        commands = {}
        with sites.serve(site, self.tmp / f"nginx-{self.count}") as server:
            for round_ in range(runs):
                for who in whos:
                    figures, commands[who.name] = self.once(server, who)
                    self.results.setdefault((asked_for, who.name), []).append(figures)
                    costs = f"{figures['pages_per_s']:,.0f} pages/s, CPU {figures['cpu_us']:,.1f} us a page"
                    self.say(f"{site.name}, round {round_ + 1} of {runs}: {who.name}: {costs}")
        for who in whos:
            self.rows.append(self.row(site, asked_for, who, commands[who.name]))

    def row(self, site, asked_for, who, command):
        runs = self.results[asked_for, who.name]
        worst = min(runs, key=lambda run: run["pages"])
        row = {
            "site": asked_for, "crawled": site.name, "who": who.name, "what": who.text, "version": who.there(),
            "command": command, "runs": len(runs), "pages": len(site.keys), "pages_got": worst["pages"],
            "complete": worst["pages"] == len(site.keys),
            "stopped_after_s": self.limit(who) if worst["stopped"] else None,
            "gzip_answers": worst["gzip"], "answers": worst["answers"],
        }  # fmt: skip
        for name in ("pages_per_s", *(f"{cost}_us" for cost in COSTS), "peak_mib"):
            each = [run[name] for run in runs if name in run]
            if each:
                row[name] = round(statistics.median(each), 1)
                row[f"{name}_min_max"] = [round(min(each), 1), round(max(each), 1)]
        return row

    def site(self, name):
        site = sites.get(name)
        if not site:
            self.rows.append({"site": name, "absent": "its pages are not here (./bootstrap check fetches them)"})
            return
        wanted = [w for w in self.args.who if not w.only or name in w.only]
        if site.who and self.args.who_is_default:
            wanted = [w for w in wanted if w.name in site.who]
        there = [w for w in wanted if w.there()]
        slow = [w for w in there if w.slow and self.args.slow_runs]
        fast = [w for w in there if not w.slow]
        runs = min(self.args.runs, site.runs_max)
        slow_runs = self.args.slow_runs if name == self.args.sites_crawled[0] else min(self.args.slow_runs, 1)
        heading = {"site": name, "text": site.text, "runs": runs}
        if slow:
            small = sites.get(site.small) if site.small else site
            heading.update(slow_text=small.text if site.small else "the same", slow_runs=slow_runs)
        self.rows.append(heading)
        if fast:
            self.crawl(site, name, fast, runs)
        if slow:
            self.crawl(small, name, slow, slow_runs)
        for who in wanted:
            if who not in there:
                self.rows.append({"site": name, "who": who.name, "what": who.text, "absent": who.absent})

    def start(self):
        runs = startup.measure(self.tmp, self.args.start_runs)
        self.results["start", "trawl"] = runs
        for name in ("first_ms", "whole_ms"):
            each = [run[name] for run in runs]
            self.rows.append({
                "site": "start", "who": "trawl", "figure": name, "runs": len(runs),
                "ms": round(statistics.median(each), 1), "ms_min_max": [round(min(each), 1), round(max(each), 1)],
            })  # fmt: skip


# -- What is printed --


def cell(row, name, digits=1, ranged=False):
    if name not in row:
        return ""
    text = f"{row[name]:,.{digits}f}"
    if ranged and row["runs"] > 1:
        low, high = row[f"{name}_min_max"]
        text += f" ({low:,.{digits}f} to {high:,.{digits}f})"
    return text


def pages_cell(row):
    text = f"{row['pages_got']:,}"
    if not row["complete"]:
        text += f" of {row['pages']:,}"
    if row["stopped_after_s"]:
        text += f", stopped after {row['stopped_after_s']:g} s"
    if row["site"].startswith("gzip") and row["gzip_answers"] < row["answers"]:
        text += f", {row['answers'] - row['gzip_answers']:,} not compressed"
    return text


def tables(rows):
    """Markdown: a table for each site."""
    for row in rows:
        if "text" in row:
            print(f"\n**{row['site']}**: {row['text']}; runs: {row['runs']}", end="")
            print(f"; slow ones: {row['slow_text']}; runs: {row['slow_runs']}\n" if "slow_text" in row else "\n")
            print("| | pages/s (range) | CPU us a page (range) | loop | store | workers | nginx | memory MiB | pages |")
            print("|---|---|---|---|---|---|---|---|---|")
        elif "absent" in row:
            print(f"| {row['who']} | {row['absent']} |" if "who" in row else f"\n**{row['site']}**: {row['absent']}")
        elif "pages_per_s" in row:
            cells = [
                f"{row['who']} {row['version']}: {row['what']}", cell(row, "pages_per_s", 0, True),
                cell(row, "cpu_us", 1, True), *(cell(row, f"{cost}_us") for cost in COSTS[1:4]),
                cell(row, "server_us"), cell(row, "peak_mib", 0), pages_cell(row),
            ]  # fmt: skip
            print("| " + " | ".join(cells) + " |")


def arguments():
    p = argparse.ArgumentParser(description="see README.md")
    p.add_argument("--sites", default=",".join(DEFAULT_SITES), help=f"of start, {', '.join(sites.SITES)}")
    p.add_argument("--who", help=f"of {', '.join(c.name for c in peers.CONTESTANTS)}")
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--slow-runs", type=int, default=3, help="of slow ones on the first site; 1 on others")
    p.add_argument("--start-runs", type=int, default=20)
    p.add_argument("--limit", type=float, default=120, help="seconds for one run")
    p.add_argument("--slow-limit", type=float, default=45, help="... of a slow contestant")
    p.add_argument("--connections", type=int, default=64)
    p.add_argument("--scratch", type=Path, default=sites.scratch(), help="where all files are written for a while")
    p.add_argument("--json", help="append the results to this file, one object a line")
    p.add_argument("trawl", nargs="*", help="further options for trawl crawl")
    args = p.parse_args()
    args.sites = args.sites.split(",")
    known = {c.name: c for c in peers.CONTESTANTS}
    names = args.who.split(",") if args.who else list(known)
    for name in names:
        if name not in known:
            p.error(f"--who {name}: there is no such contestant")
    for name in args.sites:
        if name != "start" and name not in sites.SITES:
            p.error(f"--sites {name}: there is no such site")
    args.who, args.who_is_default = [known[name] for name in names], not args.who
    args.sites_crawled = [name for name in args.sites if name != "start"] or [None]
    return args


def main():
    args = arguments()
    about = {"at": time.strftime("%FT%TZ", time.gmtime()), "machine": measure.machine(), "load": os.getloadavg()[0]}
    sites.TOP.mkdir(parents=True, exist_ok=True)
    for number in measure.ENDING:
        signal.signal(number, lambda got, _: sys.exit(128 + got))  # what was written is removed on the way out
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="trawl-bench.", dir=args.scratch) as tmp:
        bench = Bench(args, Path(tmp))
        bench.say(
            f"{', '.join(args.sites)}; by {', '.join(who.name for who in args.who)}; {args.runs} rounds; "
            "tables at the end, Ctrl-C leaves nothing"
        )
        for name in args.sites:
            bench.start() if name == "start" else bench.site(name)
    judged = bars.judged(bench.results)
    print(f"{about['machine']}; load before {about['load']:.1f}; {args.connections} connections; medians")
    tables(bench.rows)
    if judged:
        print("\n" + bars.table(judged))
    bench.say(f"took {time.monotonic() - began:.0f} s")
    if args.json:
        with open(args.json, "a") as f:
            for row in [*bench.rows, *judged]:
                f.write(json.dumps({**about, **row}) + "\n")


main()

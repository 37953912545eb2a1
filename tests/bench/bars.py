"""What is asked for, as ratios within one run of the bench wherever that is possible."""

import statistics
from dataclasses import dataclass


@dataclass
class Bar:
    text: str
    site: str
    who: str
    figure: str
    than: str = ""  # the contestant that it is measured against; "": the figure itself is asked for
    least: float = None
    most: float = None
    unit: str = ""
    than_figure: str = ""


BARS = [
    Bar("loop process / bare libcurl, CPU a page", "20k", "trawl", "own_us", "bare", most=1.5, than_figure="cpu_us"),
    Bar("trawl / wget2, pages/s", "20k", "trawl", "pages_per_s", "wget2", least=2),
    Bar("trawl / wget2, CPU a page", "20k", "trawl", "cpu_us", "wget2", most=0.75),
    Bar("trawl --sink none / wget2, pages/s", "20k", "trawl-none", "pages_per_s", "wget2", least=2.5),
    Bar("trawl --sink none / wget2, CPU a page", "20k", "trawl-none", "cpu_us", "wget2", most=0.4),
    Bar("trawl / Scrapy, pages/s", "20k", "trawl", "pages_per_s", "scrapy", least=20),
    Bar("trawl / HTTrack, pages/s", "20k", "trawl", "pages_per_s", "httrack", least=20),
    Bar("trawl / Crawlee, pages/s", "20k", "trawl", "pages_per_s", "crawlee"),
    Bar("trawl / wget, pages/s", "20k", "trawl", "pages_per_s", "wget"),
    Bar("trawl / trawl with nothing written at all, pages/s", "20k", "trawl", "pages_per_s", "trawl-memory", least=0.5),
    Bar("peak memory of 200,000 pages", "200k", "trawl", "peak_mib", most=256, unit="MiB"),
    Bar("start to first request", "start", "trawl", "first_ms", most=50, unit="ms"),
    Bar("a crawl of one page", "start", "trawl", "whole_ms", most=150, unit="ms"),
]


def ratio(bar, mine, theirs):
    """The median of the ratios of the rounds; where the number of rounds differs, the ratio of the medians."""
    top = [run.get(bar.figure) for run in mine]
    bottom = [run.get(bar.than_figure or bar.figure) for run in theirs]
    if not all(top) or not all(bottom):
        return None
    if len(top) == len(bottom):
        each = [a / b for a, b in zip(top, bottom)]
        return statistics.median(each), min(each), max(each)
    value = statistics.median(top) / statistics.median(bottom)
    return value, min(top) / max(bottom), max(top) / min(bottom)


def judged(results):
    """A row for each bar whose figures are there.  results: (site, who) -> runs."""
    rows = []
    for bar in BARS:
        mine = results.get((bar.site, bar.who))
        theirs = results.get((bar.site, bar.than)) if bar.than else None
        if not mine or (bar.than and not theirs):
            continue
        if bar.than:
            found = ratio(bar, mine, theirs)
            if not found:
                continue
            value, low, high = found
        else:
            each = [run[bar.figure] for run in mine if bar.figure in run]
            if not each:
                continue
            value, low, high = statistics.median(each), min(each), max(each)
        met = (bar.least is None or value >= bar.least) and (bar.most is None or value <= bar.most)
        asked = bar.least is not None or bar.most is not None
        rows.append({
            "bar": bar.text, "site": bar.site, "value": round(value, 2), "min_max": [round(low, 2), round(high, 2)],
            "unit": bar.unit, "at_least": bar.least, "at_most": bar.most, "met": met if asked else None,
        })  # fmt: skip
    return rows


def table(rows):
    lines = ["| | measured | range | asked for | |", "|---|---|---|---|---|"]
    for r in rows:
        unit = f" {r['unit']}" if r["unit"] else ""
        asked = ""
        if r["at_least"] is not None:
            asked = f"at least {r['at_least']:g}{unit}"
        elif r["at_most"] is not None:
            asked = f"at most {r['at_most']:g}{unit}"
        low, high = r["min_max"]
        said = {True: "met", False: "MISSED", None: ""}[r["met"]]
        lines.append(f"| {r['bar']} | {r['value']:.4g}{unit} | {low:.4g} to {high:.4g} | {asked} | {said} |")
    return "\n".join(lines)

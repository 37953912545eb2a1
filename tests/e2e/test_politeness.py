"""200 hosts at once, none of them hurried: told by the server's own log.

The names come from a local name server, each with an address of its own in 127.0.0.0/8.
nginx sends a page in three parts 100 ms apart, so that an answer takes some 200 ms and
overlaps can be seen.  The log has, for each request, when its answer ended ($msec) and how long
it took from the first byte of the request ($request_time), in milliseconds of nginx's clock,
which stands still within one turn of its loop: what is measured may be off by SLACK.

The ledger, `trawl report --politeness`, is computed from crawl.log alone.  It is held against
nginx's log here: both watched the same requests, from the two ends of the wire.
"""

import json
import signal
import time
from collections import defaultdict
from datetime import datetime
from statistics import median

import pytest

import harness

HOSTS = 200
PAGES = 8
DELAY = 0.100
SLACK = 0.003
# More than hosts: nothing but politeness keeps requests apart.
CONCURRENCY = 400


def name(i):
    return f"h{i:03}.example.test"


def address(i):
    return f"127.1.{i // 100}.{i % 100 + 1}"


def spans_of(log):
    """host -> sorted list of (begin, end) of its requests."""
    found = defaultdict(list)
    for row in log:
        found[row["host"]].append((row["msec"] - row["seconds"], row["msec"]))
    return {host: sorted(spans) for host, spans in found.items()}


def servers(tmp, hosts, pages):
    """What nginx serves, as the server block that says so.  While there is a file `slow` what begins takes five seconds."""
    www = tmp / "www"
    www.mkdir()
    links = "".join(f'<a href="p{i}.html">{i}</a>\n' for i in range(1, pages))
    for i in range(pages):
        (www / f"p{i}.html").write_text("<!DOCTYPE html>\n<title>p</title>\n" + links + "x" * 5500)
    listen = "".join(f"listen {address(i)}:@PORT@;\n" for i in range(hosts))
    return f"""
        server {{
            {listen}
            listen 127.0.0.1:@PORT@;
            root "{www}";
            sendfile on;
            location ~ html$ {{
                if (-f "{tmp}/slow") {{ set $limit_rate 1k; }}
                sendfile_max_chunk 2k; limit_rate 20k;
            }}
        }}"""


def crawl(tmp, hosts, pages, *options):
    """host -> sorted list of (begin, end) of its requests; the crawl lies in tmp/crawl."""
    server = servers(tmp, hosts, pages)
    with harness.dnsmasq({name(i): address(i) for i in range(hosts)}) as dns:
        with harness.nginx(tmp / "nginx", server) as web:
            result, _ = harness.crawl(
                tmp / "crawl", "-q", "--dns", dns, "--allow-net", "127.0.0.0/8", *options,
                *(web.url("/p0.html", name(i)) for i in range(hosts)), timeout=120,
            )  # fmt: skip
            log = web.log()
    assert result.rc == 0, result.err
    return spans_of(log)


@pytest.fixture(scope="module")
def where(tmp_path_factory):
    return tmp_path_factory.mktemp("politeness")


def crawl_anew(where, hosts, is_good):
    """Until it is good; where it is not the machine that took the time of its log, at once what it is."""
    for _ in range(8):
        lost = harness.lost_seconds()
        spans = crawl(where, hosts, PAGES, "--per-host", "1", "--delay", "100ms", "--concurrency", CONCURRENCY)
        if is_good(spans) or harness.lost_seconds() - lost < 0.1:
            break
        for path in where.iterdir():
            path.rename(path.with_name(f"{path.name}-{time.monotonic()}"))
    return spans


@pytest.fixture(scope="module")
def intervals(where):
    return crawl_anew(where, HOSTS, lambda spans: len(early(spans)) <= most_early(spans))


def ledger(directory, *options, rc=0):
    """The report, and of its hosts: name without scheme and port -> row."""
    result = harness.trawl("report", "--politeness", "--json", *options, directory)
    assert result.rc == rc, result.err
    report = json.loads(result.out)
    rows = {row["host"].split("//")[1].split(":")[0]: row for row in report["hosts"]}
    assert len(rows) == len(report["hosts"])
    return report, rows


def spans_told(directory):
    """As spans_of(), of crawl.log, in milliseconds."""
    found = defaultdict(list)
    for row in harness.Output(directory).crawl_log():
        begin, took = row[8].split("+")
        begin = datetime.strptime(begin[:14], "%Y%m%d%H%M%S").timestamp() * 1000 + int(begin[14:])
        found[row[3].split("//")[1].split(":")[0]].append((begin, begin + int(took)))
    return {host: sorted(spans) for host, spans in found.items()}


def overlap(spans):
    """The most requests at once of one host."""
    return most_at_once({"": spans})


def gaps_ms(spans):
    """From the last end of those before to the begin of each."""
    last, gaps = spans[0][1], []
    for begin, end in spans[1:]:
        gaps.append((begin - last) * 1000)
        last = max(last, end)
    return gaps


def early(intervals):
    """(host, ms) of the gaps that look shorter than the delay."""
    gaps = [(host, gap) for host, spans in intervals.items() for gap in gaps_ms(spans)]
    return [(host, gap) for host, gap in gaps if gap < (DELAY - SLACK) * 1000]


def most_early(intervals):
    """nginx notes the end of an answer when it next has the processor, and that may be late on a busy machine: so of
    two hundred gaps one may look so.  By Trawl's own clock, in the ledger, none may."""
    return sum(len(spans) - 1 for spans in intervals.values()) / 200


def hurried(intervals):
    found = early(intervals)
    assert len(found) <= most_early(intervals), found
    return found


def most_at_once(intervals):
    edges = [(b, 1) for s in intervals.values() for b, _ in s]
    edges += [(max(b, e - SLACK), -1) for s in intervals.values() for b, e in s]
    most = now = 0
    for _, step in sorted(edges):
        now += step
        most = max(most, now)
    return most


def test_every_page_of_every_host_was_fetched(intervals):
    assert len(intervals) == HOSTS
    # robots.txt and the pages
    assert {host: len(s) for host, s in intervals.items() if len(s) != PAGES + 1} == {}


def test_no_two_requests_to_one_host_overlap(intervals):
    late = dict(hurried(intervals))
    for host, spans in intervals.items():
        for (_, end), (begin, _) in zip(spans, spans[1:]):
            assert begin >= end - 0.001 or host in late, host


def test_no_gap_between_two_requests_to_a_host_is_shorter_than_the_delay(intervals, where):
    gaps = [
        begin - end for spans in intervals.values() for (_, end), (begin, _) in zip(spans, spans[1:])
    ]
    print(f"shortest gap {min(gaps) * 1000:.0f} ms, median {sorted(gaps)[len(gaps) // 2] * 1000:.0f} ms")
    hurried(intervals)
    # Trawl's record is the sharper one: it notes both ends itself, and no answer ended later than it was read.
    told = {host: min(gaps_ms(spans)) / 1000 for host, spans in spans_told(where / "crawl").items()}
    assert told.keys() == intervals.keys()
    assert {host: gap for host, gap in told.items() if gap < DELAY * 1000 - 5} == {}


def test_at_least_50_hosts_are_served_in_parallel(intervals):
    """At an instant, and over the whole crawl.

    A host that is crawled alone needs the sum of its answers and delays.  The sum of that over
    all hosts, divided by what the crawl took, is how many hosts were worked at side by side on
    the average: 1 would be one host after the other.
    """
    alone = sum(sum(e - b for b, e in s) + DELAY * (len(s) - 1) for s in intervals.values())
    took = max(s[-1][1] for s in intervals.values()) - min(s[0][0] for s in intervals.values())
    most = most_at_once(intervals)
    print(f"most at one instant {most}, on the average {alone / took:.0f}")
    assert most >= 50
    assert alone / took >= 50


def test_concurrency_is_the_most_that_is_in_flight_over_all_hosts(tmp_path):
    for n in range(8):
        (tmp_path / str(n)).mkdir()
        spans = crawl(tmp_path / str(n), 20, 3, "--per-host", "2", "--delay", "0", "--concurrency", "5")
        assert len(spans) == 20
        told = {host: [(b / 1000, e / 1000) for b, e in s] for host, s in spans_told(tmp_path / str(n) / "crawl").items()}
        assert most_at_once(told) <= 5
        if 4 <= most_at_once(spans) <= 5:
            return
    raise AssertionError(most_at_once(spans))  # by that clock, which may be late, eight times


# -- the ledger --


def closest(rows, told, intervals):
    """Of each host the least, in ms, by which a gap is shorter in the ledger than in nginx's log."""
    off, least = [], []
    for host, spans in intervals.items():
        gaps = [(begin - end) for (_, end), (begin, _) in zip(told[host], told[host][1:])]
        assert rows[host]["gap_min_ms"] == min(gaps), host
        assert rows[host]["gap_min_ms"] - min(gaps_ms(spans)) <= 10, host
        off += [ours - theirs for ours, theirs in zip(gaps, gaps_ms(spans))]
        least.append(max(off[-len(gaps) :]))
    print(f"gaps: ledger minus nginx {min(off):.0f} to {max(off):.0f} ms, median {median(off):.1f}")
    return least


def agrees(where, intervals):
    return median(closest(ledger(where / "crawl")[1], spans_told(where / "crawl"), intervals)) >= -5


def test_the_ledger_agrees_with_the_log_of_the_server(intervals, where, tmp_path):
    report, rows = ledger(where / "crawl")
    assert rows.keys() == intervals.keys()
    late = dict(hurried(intervals))
    for host, spans in intervals.items():
        row = rows[host]
        assert row["requests"] == row["answers"] == len(spans), host
        assert row["at_once"] == 1 and (overlap(spans) == 1 or host in late), host
        assert row["verdict"] == "kept", host
        assert row["rules"] == ["option"], host
        assert row["delay_min_ms"] == row["delay_max_ms"] == DELAY * 1000, host
        assert row["gap_min_ms"] >= (DELAY - SLACK) * 1000, host
    # Trawl sends before nginx reads, and reads after nginx has written: by what either was late a gap is shorter here
    # than there, and that is the machine's.  The smallest is never longer, and where nobody was late the two agree:
    # of most hosts that is one gap at least, or of a few hosts, which are less for a busy machine to do.
    if not agrees(where, intervals):
        assert agrees(tmp_path, crawl_anew(tmp_path, 10, lambda spans: agrees(tmp_path, spans)))
    assert report["violated"] == report["lax"] == 0
    assert report["requests"] == sum(len(s) for s in intervals.values())
    # Each host has an address of its own, and the addresses are told, too.
    assert len(report["addresses"]) == HOSTS
    assert {a["requests"] for a in report["addresses"]} == {PAGES + 1}


def test_people_are_told_the_same(intervals, where):
    result = harness.trawl("report", "--politeness", where / "crawl")
    assert result.rc == 0, result.err
    told = [line for line in result.out.splitlines() if "example.test" in line]
    assert len(told) == len(intervals) and all(" kept " in line for line in told)
    assert "1,800 requests to 200 hosts: what was in force was kept everywhere" in result.out


def test_an_impolite_crawl_shows_as_such(tmp_path):
    spans = crawl(tmp_path, 20, 6, "--per-host", "2", "--delay", "0", "--robots", "ignore")
    report, rows = ledger(tmp_path / "crawl")
    assert rows.keys() == spans.keys() and report["lax"] == 20 and report["violated"] == 0
    for host, row in rows.items():
        assert row["requests"] == len(spans[host]), host
        assert row["at_once"] == overlap(spans[host]) == row["at_once_permitted"] == 2, host
        assert row["gap_min_ms"] < 0, host
        assert row["verdict"] == "lax", host
    # And it would not have kept to what is Trawl's own way.
    report, rows = ledger(tmp_path / "crawl", "--per-host", 1, "--delay", "100ms", rc=1)
    assert report["violated"] == 20
    for row in rows.values():
        assert row["verdict"] == "violated" and row["too_many"] > 0
        assert row["worst"]["got_ms"] < 0 and row["worst"]["due_ms"] == 100


def test_the_limit_of_a_site_is_in_the_ledger(tmp_path):
    spans = crawl(tmp_path, 20, 3, "--per-site", "5", "--delay", "0", "--robots", "ignore")
    report, _ = ledger(tmp_path / "crawl")
    (site,) = report["sites"]
    assert site["site"] == "example.test" and site["verdict"] == "kept"
    assert site["at_once"] == most_at_once(spans) == site["at_once_permitted"] == 5
    assert site["requests"] == sum(len(s) for s in spans.values())


def test_the_ledger_tells_of_a_crawl_that_runs_and_of_all_its_runs(tmp_path):
    """Stopped at once, in the middle of requests, and resumed: each that reached the server
    is there, and none came too early after the restart."""
    server = servers(tmp_path, 10, 24)
    with harness.dnsmasq({name(i): address(i) for i in range(10)}) as dns:
        with harness.nginx(tmp_path / "nginx", server) as web:
            run = harness.Running(
                "crawl", "-o", tmp_path / "crawl", "--dns", dns, "--allow-net",
                "127.0.0.0/8", "--progress", "none", "--delay", "20ms", "--commit-interval", "50ms",
                *(web.url("/p0.html", name(i)) for i in range(10)),
            )  # fmt: skip
            try:
                log = tmp_path / "crawl" / "crawl.log"
                harness.wait_until(
                    "some requests",
                    lambda: log.exists() and log.read_bytes().count(b"\n") > 35,
                    every=0.002,
                )
                report, _ = ledger(tmp_path / "crawl")
                assert report["requests"] > 35
                # From now on an answer takes so long that a request is under way whenever the signals come.
                (tmp_path / "slow").touch()
                harness.settled("all that is under way is slow", lambda: log.read_bytes().count(b"\n"))
                run.signal(signal.SIGINT)
                assert any("stopping" in line for line in run.child.stderr)
                run.signal(signal.SIGINT)
                assert run.result().rc == 11
            finally:
                run.end()
            (tmp_path / "slow").unlink()
            result = harness.trawl("resume", tmp_path / "crawl", "-q")
            assert result.rc == 0, result.err
            spans = spans_of(web.log())
    report, rows = ledger(tmp_path / "crawl")
    assert {h: r["requests"] for h, r in rows.items()} == {h: len(s) for h, s in spans.items()}
    assert "cancelled" in log.read_text()
    for row in rows.values():
        assert row["verdict"] == "kept" and row["gap_min_ms"] >= 18

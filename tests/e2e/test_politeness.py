"""200 hosts at once, none of them hurried: told by the server's own log.

The names come from a local name server, each with an address of its own in 127.0.0.0/8.
nginx sends a page in three parts 100 ms apart, so that an answer takes some 200 ms and
overlaps can be seen.  The log has, for each request, when its answer ended ($msec) and how long
it took from the first byte of the request ($request_time), in milliseconds of nginx's clock,
which stands still within one turn of its loop: what is measured may be off by SLACK.
"""

from collections import defaultdict

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


def crawl(tmp, hosts, pages, *options):
    """host -> sorted list of (begin, end) of its requests."""
    www = tmp / "www"
    www.mkdir()
    links = "".join(f'<a href="p{i}.html">{i}</a>\n' for i in range(1, pages))
    for i in range(pages):
        (www / f"p{i}.html").write_text("<!DOCTYPE html>\n<title>p</title>\n" + links + "x" * 5500)
    listen = "".join(f"listen {address(i)}:@PORT@;\n" for i in range(hosts))
    server = f"""
        server {{
            {listen}
            listen 127.0.0.1:@PORT@;
            root "{www}";
            sendfile on;
            location ~ html$ {{ sendfile_max_chunk 2k; limit_rate 20k; }}
        }}"""
    with harness.dnsmasq({name(i): address(i) for i in range(hosts)}) as dns:
        with harness.nginx(tmp / "nginx", server) as web:
            result, _ = harness.crawl(
                tmp / "crawl", "-q", "--dns", dns, "--allow-net", "127.0.0.0/8", *options,
                *(web.url("/p0.html", name(i)) for i in range(hosts)), timeout=120,
            )  # fmt: skip
            log = web.log()
    assert result.rc == 0, result.err
    found = defaultdict(list)
    for row in log:
        found[row["host"]].append((row["msec"] - row["seconds"], row["msec"]))
    return {host: sorted(spans) for host, spans in found.items()}


@pytest.fixture(scope="module")
def intervals(tmp_path_factory):
    return crawl(
        tmp_path_factory.mktemp("politeness"), HOSTS, PAGES,
        "--per-host", "1", "--delay", "100ms", "--concurrency", CONCURRENCY,
    )  # fmt: skip


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
    for host, spans in intervals.items():
        for (_, end), (begin, _) in zip(spans, spans[1:]):
            assert begin >= end - 0.001, host


def test_no_gap_between_two_requests_to_a_host_is_shorter_than_the_delay(intervals):
    gaps = [
        begin - end for spans in intervals.values() for (_, end), (begin, _) in zip(spans, spans[1:])
    ]
    print(f"shortest gap {min(gaps) * 1000:.0f} ms, median {sorted(gaps)[len(gaps) // 2] * 1000:.0f} ms")
    assert min(gaps) >= DELAY - SLACK


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
    spans = crawl(tmp_path, 20, 3, "--per-host", "2", "--delay", "0", "--concurrency", "5")
    assert len(spans) == 20
    assert 4 <= most_at_once(spans) <= 5

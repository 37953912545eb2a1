"""Everything that is too large, all at once: memory stays within what was configured.

Small answers that become large where they are decoded, large ones that never end, and pages of
a million of something.  What all processes of the crawl take is looked at all the time; pages
that they share count once (the sum of Pss).
"""

import random
import re
import threading
from pathlib import Path

import pytest

import harness
import hostile
from hostile import Case, brotli, coded, endless, gzip, gzip_zeros, head, page, then, zstd

MIB = 1 << 20
MEMORY = 256 * MIB
MILLION = 1_000_000
SECONDS_MAX = 600  # as long as that a busy machine may need for them
EACH = 2  # hosts of a kind

ZEROS = gzip_zeros(1 << 30, b"<title>bomb</title>")
LINKS = b"".join(b"<a href=/-%d>" % i for i in range(MILLION))
HTML = "Content-Type: text/html"

# name, what it says, outcome
KINDS = [
    ("gzip", coded("gzip", ZEROS), "ok"),
    ("brotli", coded("br", brotli(bytes(256 * MIB))), "ok"),
    ("zstd", coded("zstd", zstd(bytes(256 * MIB))), "ok"),
    ("gzip-in-gzip", coded("gzip, gzip", gzip(ZEROS)), "ok"),
    ("gzip-in-brotli", coded("gzip, br", brotli(ZEROS)), "ok"),
    ("gigabyte", then(head(HTML, f"Content-Length: {1 << 30}"), endless(b"<a href=/-x>")), "too-large"),
    ("gigabyte-of-noise", then(head(HTML), endless(random.Random(7).randbytes(99_991))), "too-large"),
    ("gigabyte-in-chunks", then(head(HTML, "Transfer-Encoding: chunked"), endless(b"4\r\nwxyz\r\n")), "too-large"),
    ("headers", then(head(HTML)[:-2], b"X-Y: z\r\n" * MILLION, b"\r\n"), "protocol-error"),
    ("links", page(LINKS), "ok"),
    ("deep", page(b"<div>" * MILLION), "ok"),
    ("attributes", page(b"<a " + b"".join(b"a%d=b " % i for i in range(MILLION)) + b">"), "ok"),
    ("titles", page(b"<title>" + b"t" * 20 * MIB), "ok"),
]  # fmt: skip
CASES = [Case(f"{name}-{i}", reply, outcome) for i in range(EACH) for name, reply, outcome in KINDS]


def pss_bytes(pids):
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:  # it has ended
            continue
        found = re.search(r"^Pss:\s+(\d+) kB", text, re.M)
        total += int(found[1]) * 1024 if found else 0
    return total


class Gauge(threading.Thread):
    """The most that a crawl has taken."""

    def __init__(self, running):
        super().__init__(daemon=True)
        self.running, self.most, self.looks, self.over = running, 0, 0, threading.Event()

    def run(self):
        while not self.over.wait(0.05):
            self.most = max(self.most, pss_bytes(self.running.processes()))
            self.looks += 1


@pytest.fixture(scope="module")
def bombed(tmp_path_factory):
    tmp = tmp_path_factory.mktemp("bombs")
    with hostile.Hostile(CASES, net="127.13", seconds_max=SECONDS_MAX) as server:
        running = harness.Running(
            "crawl", "-q", "-o", tmp / "crawl", "--max-memory", f"{MEMORY >> 20}MiB", "--exclude", "/-",
            "--retries", "0", "--workers", "2", "--first-byte-timeout", "10m", "--stall-timeout", "10m", *(server.url(c) for c in CASES),
        )  # fmt: skip
        gauge = Gauge(running)
        gauge.start()
        try:
            result = running.result(SECONDS_MAX)
        finally:
            running.end()
            gauge.over.set()
            gauge.join()
    return server, gauge, result, harness.Output(tmp / "crawl")


def test_memory_stays_within_the_limit(bombed):
    _, gauge, _, _ = bombed
    print(f"{gauge.most / MIB:.0f} MiB at most, of {MEMORY / MIB:.0f}; looked {gauge.looks} times")
    assert gauge.looks >= 20
    assert gauge.most <= MEMORY


def test_each_has_its_outcome_and_is_archived(bombed):
    server, _, result, out = bombed
    assert result.rc == 0, result.err
    outcomes = out.outcomes()
    archived = out.archived()
    for case in CASES:
        url = server.url(case)
        if case.outcome == "protocol-error":
            assert url not in outcomes and url not in archived
            continue
        assert (url, outcomes[url]) == (url, case.outcome)
        (record,) = archived[url]
        assert len(record.payload) > 100

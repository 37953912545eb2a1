"""`make bench` on a site of 100 pages: everybody who is here crawls it whole, and the figures are there."""

import json
import os
import signal
import subprocess

import pytest

import harness

GROWTH = harness.SRCDIR / "tests" / "bench" / "growth.py"
BENCH = harness.SRCDIR / "tests" / "bench" / "bench.py"
ALWAYS = {"bare", "trawl", "trawl-none"}
QUICK = "bare,trawl,trawl-none,trawl-memory,wget2,wget,scrapy"


def bench(*args, **env):
    return subprocess.run(
        ["/usr/bin/python3", BENCH, *map(str, args)], capture_output=True, text=True, timeout=2 * harness.CRAWL_SECONDS,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **env},
    )  # fmt: skip


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    where = tmp_path_factory.mktemp("bench")
    scratch = where / "scratch"
    scratch.mkdir()
    done = bench("--sites", "start,tiny", "--who", QUICK, "--runs", 3, "--slow-runs", 3, "--start-runs", 2,
                 "--scratch", scratch, "--json", where / "rows.jsonl")  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done, [json.loads(line) for line in (where / "rows.jsonl").read_text().splitlines()], scratch


def contestants(rows):
    return {row["who"]: row for row in rows if row["site"] == "tiny" and "who" in row}


def test_everybody_is_in_the_results(ran):
    assert set(contestants(ran[1])) == set(QUICK.split(","))


def test_who_is_here_fetched_all_pages(ran):
    here = {name: row for name, row in contestants(ran[1]).items() if "absent" not in row}
    assert ALWAYS <= set(here)
    for name, row in here.items():
        assert row["complete"] is True and row["pages_got"] == row["pages"] == 100, name
        assert row["runs"] == 3 and row["command"] and row["version"], name


def test_the_figures_make_sense(ran):
    for name, row in contestants(ran[1]).items():
        if "absent" in row:
            continue
        low, high = row["pages_per_s_min_max"]
        assert 0 < low <= row["pages_per_s"] <= high, name
        assert row["cpu_us"] > 0 and row["server_us"] > 0, name
        if name.startswith("trawl"):
            assert row["loop_us"] > 0 and row["store_us"] > 0 and row["workers_us"] > 0, name
            assert row.get("peak_mib", 0) > 2 or os.geteuid() != 0, name  # who is not root cannot see the workers'


def test_the_start_is_timed(ran):
    start = {row["figure"]: row for row in ran[1] if row["site"] == "start" and "figure" in row}
    assert 0 < start["first_ms"]["ms"] <= start["whole_ms"]["ms"]
    judged = {row["bar"]: row for row in ran[1] if "bar" in row}
    assert judged["start to first request"]["value"] == pytest.approx(start["first_ms"]["ms"], abs=0.1)


def test_the_table_names_them(ran):
    for name, row in contestants(ran[1]).items():
        assert f"| {name} " in ran[0].stdout, name
        assert "absent" not in row or row["absent"] in ran[0].stdout


def test_nothing_is_left_behind(ran):
    assert os.listdir(ran[2]) == []


def test_who_misses_pages_or_is_not_here_stays_in_the_table(tmp_path):
    where = tmp_path / "rows.jsonl"
    # nginx is in /usr/sbin, wget2 is not; page 0 has twelve links.
    done = bench("--sites", "tiny", "--who", "bare,trawl-none,wget2", "--runs", 1, "--scratch", tmp_path, "--json", where,
                 "--", "--depth", 1, PATH="/usr/sbin")  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = contestants(map(json.loads, where.read_text().splitlines()))
    assert rows["bare"]["complete"] is True
    assert rows["trawl-none"]["complete"] is False and rows["trawl-none"]["pages_got"] == 13
    assert "| 13 of 100 |" in done.stdout
    assert rows["wget2"]["absent"] == "not installed"
    assert "| wget2 | not installed |" in done.stdout


def test_it_removes_what_it_wrote_when_it_is_ended(tmp_path):
    running = harness.Running(BENCH, "--sites", "tiny", "--who", "trawl", "--runs", 1000, "--scratch", tmp_path,
                              program="/usr/bin/python3")  # fmt: skip
    harness.wait_until("the first runs", lambda: any(tmp_path.glob("trawl-bench.*/said")))
    running.signal(signal.SIGTERM)
    result = running.result()
    assert result.rc == 128 + signal.SIGTERM
    assert list(tmp_path.rglob("*")) == [], result.err


@pytest.mark.parametrize("args", [("--sites", "moon"), ("--who", "nobody")])
def test_a_name_that_it_does_not_know_is_named(args):
    done = bench(*args)
    assert done.returncode == 2
    assert args[1] in done.stderr


def test_growth_crawls_all_pages_of_all_hosts(tmp_path):
    rows = tmp_path / "rows.jsonl"
    web = harness.BUILDDIR / "tests" / "bench" / "growth_web"
    done = subprocess.run(
        ["/usr/bin/python3", GROWTH, "--pages", "300,900", "--hosts", "70", "--requests", "420", "--dir", tmp_path, "--json", rows],
        capture_output=True, text=True, timeout=3 * harness.CRAWL_SECONDS, env={**os.environ, "TRAWL": str(harness.TRAWL), "GROWTH_WEB": str(web)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in rows.read_text().splitlines()]
    assert [(r["hosts"], r["pages"], r["requests"]) for r in found] == [(1, 300, 301), (1, 900, 901), (70, 350, 420)]
    assert all(r["cpu_us"] > 0 and r["loop_us"] > 0 for r in found)
    assert "CPU a request, 900 pages / 300 pages" in done.stdout

"""The power fails again and again, and each time the crawl is gone on with: nothing lost, nothing twice.

Needs a trawl that was built with --enable-faults; the simulation (tests/sim) does the same without.

    POWER_SEED=7 POWER_LOSSES=100 tests/e2e/run.sh tests/e2e/test_power.py -s
"""

import os
import random
import signal

import pytest

import harness
from test_resume import check_whole, site  # noqa: F401 (a fixture)

LOSSES = int(os.environ.get("POWER_LOSSES", "20"))
SEEDS = [int(s) for s in os.environ.get("POWER_SEED", "1 2 3").split()]
STEPS = 600  # of a crawl, about


def has_faults():
    running = harness.Running("--version", env={"TRAWL_FAULTS": "none"})
    return running.result().rc == 2


pytestmark = pytest.mark.skipif(not has_faults(), reason="trawl was built without --enable-faults")


def run(args, timeout, faults=None):
    running = harness.Running(*args, env={"TRAWL_FAULTS": faults} if faults else None)
    try:
        return running.result(timeout)
    finally:
        running.end()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_crawl_that_loses_its_power_again_and_again_is_whole_in_the_end(site, tmp_path, seed):  # noqa: F811
    web, www = site
    rng = random.Random(seed)
    out = harness.Output(tmp_path / "crawl")
    out.dir.mkdir()
    lost = tries = 0
    while lost < LOSSES and tries < 5 * LOSSES:
        tries += 1
        if (out.dir / "job.yaml").exists():
            args = ["resume", "-q", out.dir]
        else:
            args = ["crawl", "-q", "-o", out.dir, "--delay", "0", "--per-host", "8", "--rate", "200/s",
                    "--warc-size", "200KB", web.url("/p0.html")]  # fmt: skip
        step = 1 + int(STEPS ** rng.random()) if rng.random() < 0.5 else rng.randrange(1, STEPS)
        faults = f"dir={out.dir},undo={tmp_path}/undo,seed={rng.randrange(1 << 32)},power={step}"
        result = run([*args, "--commit-interval", rng.choice(["20ms", "100ms", "1s"])], 120, faults)
        assert result.rc in (0, -signal.SIGKILL), f"power loss {lost} at step {step}: {result.rc}\n{result.err}"
        lost += result.rc != 0
    result = run(["resume", "-q", out.dir], 120)
    assert result.rc == 0, result.err
    pages = check_whole(out, web, www)
    print(f"\nseed {seed}: {pages} pages, {lost} power losses in {tries} runs")
    assert lost > LOSSES / 2


def test_a_directory_that_was_made_for_the_crawl_stays_with_all_above_it(site, tmp_path):  # noqa: F811
    web, _ = site
    for n in range(30):
        whole = tmp_path / str(n)
        whole.mkdir()
        out = harness.Output(whole / "new" / "crawl")
        faults = f"dir={whole},undo={tmp_path}/undo,seed={n},power={40 + n}"
        args = ["-q", "--delay", "0", "--per-host", "8", "--commit-interval", "20ms"]
        result = run(["crawl", *args, "-o", out.dir, web.url("/p0.html")], 120, faults)
        assert result.rc == -signal.SIGKILL, result.err
        assert (out.dir / "job.yaml").exists(), n
        result = run(["resume", "-q", "--max-pages", "50", out.dir], 120)
        assert result.rc == 0, result.err


def test_a_crawl_that_lost_its_power_at_its_very_beginning_can_be_begun_or_gone_on_with(site, tmp_path):  # noqa: F811
    web, _ = site
    gone = 0
    for n in range(40):
        out = tmp_path / str(n)
        out.mkdir()
        args = ["-q", "--max-pages", "1"]
        faults = f"dir={out},undo={tmp_path}/undo,seed={n},power={1 + n % 8}"
        result = run(["crawl", *args, "-o", out, web.url("/p0.html")], 30, faults)
        assert result.rc == -signal.SIGKILL, result.err
        gone += not (out / "job.yaml").exists()
        again = ["resume", *args, out] if (out / "job.yaml").exists() else ["crawl", *args, "-o", out, web.url("/p0.html")]
        result = run(again, 30)
        assert result.rc == 0, result.err
        assert len(harness.Output(out).pages()) == 1
    assert 5 < gone < 35

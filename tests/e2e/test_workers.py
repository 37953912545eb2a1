"""Parsers may die or hang in the middle of a crawl: no page of the archive is lost."""

import contextlib
import signal
import time

import pytest

import harness

PAGES = 600


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Every page is linked from many others, so that one page's links may be lost."""
    www = tmp_path_factory.mktemp("www")
    text = "<p>" + "A parser has to read this, and it takes a moment. " * 300 + "</p>\n"
    for i in range(PAGES):
        links = "".join(f'<a href="p{(i * 7 + k * k + 1) % PAGES}.html">{k}</a>\n' for k in range(30))
        step = f'<a href="p{(i + 1) % PAGES}.html">next</a> <a href="p{(i + 2) % PAGES}.html">over next</a>\n'
        (www / f"p{i}.html").write_text(f"<!DOCTYPE html>\n<title>page {i}</title>\n{links}{step}{text}")
    with harness.nginx(tmp_path_factory.mktemp("run") / "nginx", f'server {{ listen 127.0.0.1:@PORT@; root "{www}"; }}') as web:
        yield web, www


def crawl_and(do, site, tmp_path, *options):
    """Starts a crawl of some seconds and calls do(running) until it ends or says it has done."""
    web, www = site
    out = harness.Output(tmp_path / "crawl")
    running = harness.Running(
        "crawl", "-q", "-o", out.dir, "--delay", "0", "--per-host", "8", "--rate", "150/s",
        "--workers", "2", *options, web.url("/p0.html"),
    )  # fmt: skip
    try:
        harness.wait_until("workers", lambda: running.descendants("trawl-worker"))
        time.sleep(0.3)  # in the middle of it
        do(running)
        result = running.result(120)
    finally:
        running.end()
    assert result.rc == 0, result.err
    archived = out.archived()
    for i in range(PAGES):
        (record,) = archived[web.url(f"/p{i}.html")]
        assert record.payload == (www / f"p{i}.html").read_bytes()
    return result, out


def test_workers_that_are_killed_cost_no_page(site, tmp_path):
    killed = []

    def kill(running):
        for _ in range(10):
            time.sleep(0.1)
            # One that was killed is there until it has been waited for.
            alive = [pid for pid in running.descendants("trawl-worker") if pid not in killed]
            if running.child.poll() is not None or not alive:
                continue
            with contextlib.suppress(ProcessLookupError):
                harness.os.kill(alive[0], signal.SIGKILL)
                killed.append(alive[0])

    crawl_and(kill, site, tmp_path)
    assert len(killed) >= 5, "a killed worker is replaced by a new one"


def test_a_worker_that_hangs_costs_no_page(site, tmp_path):
    stopped = []

    def stop(running):
        pid = running.descendants("trawl-worker")[0]
        harness.os.kill(pid, signal.SIGSTOP)
        stopped.append(pid)

    crawl_and(stop, site, tmp_path)
    # It did not survive the crawl, stopped or not.
    assert not harness.Path(f"/proc/{stopped[0]}").exists()


def test_without_a_nursery_a_crawl_does_not_claim_to_be_done(site, tmp_path):
    web, _ = site
    running = harness.Running(
        "crawl", "-q", "-o", tmp_path / "c", "--delay", "0", "--rate", "100/s", "--workers", "1", web.url("/p0.html")
    )
    try:
        harness.wait_until("workers", lambda: running.descendants("trawl-worker"))
        time.sleep(0.3)
        harness.os.kill(running.descendants("trawl-nursery")[0], signal.SIGKILL)
        result = running.result()
    finally:
        running.end()
    assert result.rc == 1, (result.rc, result.err)
    assert "parser" in result.err
    harness.Output(tmp_path / "c").records()

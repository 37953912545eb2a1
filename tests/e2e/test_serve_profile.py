"""Where the service says that time and memory go: SIGUSR2, and GET /api/v1/profile."""

import json
import os
import re
import shutil
import signal
import subprocess

import harness
import pytest
from harness import demo_site, wait_until
from service import Service

SETTINGS = """
api: {allow_local: yes}
defaults:
  net: {allow_net: [127.0.0.0/8]}
  fetch: {delay: 0}
"""
SANITIZED = "#define TRAWL_SANITIZED 1" in (harness.BUILDDIR / "config.h").read_text()
no_heap = pytest.mark.skipif(SANITIZED, reason="a sanitizer allocates by itself: the C library's heap is empty")
STAGES = {"dns", "connect", "tls", "first-byte", "download", "parse-queue", "parse", "store"}


@pytest.fixture
def service(tmp_path):
    with demo_site(tmp_path / "web") as web, Service(tmp_path / "s", SETTINGS, env={"TMPDIR": str(tmp_path)}) as s:
        s.start()
        s.create("docs", seeds=[web.url()])
        s.wait_for(s.run("docs"), "done")
        # It is looked at each second.
        wait_until("the lag was measured", lambda: s.get("/api/v1/profile").json["loop_lag"]["count"] > 0, every=0.2)
        yield s


def check(profile, pid):
    assert set(profile["stages"]) == STAGES
    parse = profile["stages"]["parse"]
    assert parse["count"] > 5
    assert 0 < parse["p50_us"] <= parse["p90_us"] <= parse["p99_us"] and parse["max_us"] >= parse["mean_us"] > 0
    assert profile["stages"]["tls"] == {"count": 0}  # it was http
    assert profile["loop_lag"]["count"] > 0
    assert profile["process"]["pid"] == pid and profile["process"]["rss_bytes"] > 1 << 20
    heap = profile["heap"]
    # Its arenas are what it has, but for what is mapped by itself.
    assert 0 < heap["used_bytes"] and 1 <= len(heap["arenas"]) <= 64
    assert sum(a["system_bytes"] for a in heap["arenas"]) > 0
    assert all(a["free_bytes"] <= a["system_bytes"] for a in heap["arenas"])


@no_heap
def test_the_api_tells_times_and_memory(service):
    got = service.get("/api/v1/profile")
    assert got.status == 200
    check(got.json, service.child.pid)
    assert "functions" not in got.json
    assert service.get("/api/v1/profile?seconds=31").status == 400
    assert service.get("/api/v1/profile?minutes=1").status == 400


@no_heap
def test_a_signal_writes_it_to_the_log_and_beside_the_registry(service):
    service.child.send_signal(signal.SIGUSR2)
    service.child.send_signal(signal.SIGUSR2)  # one at a time
    wait_until("it is said", lambda: "all of it is in" in service.log())
    path = service.state / "profile.json"
    profile = json.loads(path.read_text())
    check(profile, service.child.pid)
    assert "profile: parse count=" in service.log() and "profile: heap used_bytes=" in service.log()
    assert oct(path.stat().st_mode & 0o777) == "0o640"
    functions = profile["functions"]
    assert functions["seconds"] == 2 and (functions["items"] or functions["why_none"])
    assert service.get("/healthz").status == 200


def can_perf():
    if shutil.which("perf") is None:
        return False
    return subprocess.run(["perf", "record", "-q", "-o", "/dev/null", "true"], capture_output=True).returncode == 0


@pytest.mark.skipif(not can_perf(), reason="there is no perf, or it may not be used")
def test_perf_tells_the_functions(service, tmp_path):
    import threading

    over = threading.Event()

    def ask():
        while not over.is_set():
            service.get("/metrics")

    t = threading.Thread(target=ask)
    t.start()
    try:
        got = service.get("/api/v1/profile?seconds=2", timeout=60).json["functions"]
    finally:
        over.set()
        t.join()
    assert got["items"], got
    percents = [i["percent"] for i in got["items"]]
    assert percents == sorted(percents, reverse=True) and 0 < sum(percents) <= 101
    assert any(i["object"] == "trawl" or i["object"].startswith("lib") for i in got["items"]), got
    assert not [f for f in os.listdir(tmp_path) if f.startswith("trawl-perf-")]


def has_probes():
    config = (harness.BUILDDIR / "config.h").read_text()
    return shutil.which("readelf") is not None and "#define HAVE_SDT 1" in config


@pytest.mark.skipif(not has_probes(), reason="built without sys/sdt.h, or there is no readelf")
def test_tracers_find_the_probes():
    notes = subprocess.run(["readelf", "--notes", harness.TRAWL], capture_output=True, text=True).stdout
    found = set(re.findall(r"Provider: trawl\s+Name: (\w+)", notes))
    text = (harness.SRCDIR / "src/base/probe.h").read_text()
    named = set(re.findall(r"^ \*     (\w+)\(", text, re.M))
    assert found == named == {"turn", "name", "fetch", "commit", "run", "request"}


def test_without_perf_it_says_so(tmp_path):
    # Under a filter of system calls, or where there is none, the rest is told all the same.
    with Service(tmp_path / "s", SETTINGS, env={"TMPDIR": str(tmp_path)}) as s:
        s.start()
        got = s.get("/api/v1/profile?seconds=1", timeout=60).json
        assert got["functions"]["items"] or got["functions"]["why_none"], got

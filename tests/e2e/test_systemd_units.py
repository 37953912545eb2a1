"""The units, as systemd reads them.  `make check-systemd` boots them; here they are looked at."""

import os
import re
import shutil
import subprocess

import harness
import pytest

UNITS = harness.SRCDIR / "systemd"
SERVICES = ["trawl.service", "trawl@docs.service"]
OTHERS = ["trawl.socket", "trawl-job@docs.timer"]

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze (Debian's systemd)"
)


@pytest.fixture
def units(tmp_path):
    """A directory of units as they are installed, of the program that was built."""
    made = tmp_path / "units"
    libexec = tmp_path / "libexec"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "trawl").symlink_to(harness.TRAWL)
    made.mkdir()
    libexec.mkdir()
    shutil.copy(UNITS / "job-run", libexec)
    for unit in UNITS.glob("trawl*"):
        text = unit.read_text().replace("@bindir@", str(tmp_path / "bin")).replace("@pkglibexecdir@", str(libexec))
        assert not re.search(r"@\w+@", text), unit
        (made / unit.name.removesuffix(".in")).write_text(text)
    return made


def analyze(units, *args):
    env = {**os.environ, "SYSTEMD_UNIT_PATH": f"{units}:", "SYSTEMD_COLORS": "0"}
    return subprocess.run(["systemd-analyze", "--no-pager", *args], capture_output=True, text=True, env=env, timeout=120)


@needs_systemd
def test_systemd_finds_nothing_wrong(units):
    got = analyze(units, "verify", "--man=no", "--recursive-errors=no", *(units / u for u in SERVICES + OTHERS))
    assert got.returncode == 0 and "trawl" not in got.stderr, got.stderr


@needs_systemd
def test_the_services_are_exposed_to_1_5_at_most(units):
    for unit in SERVICES:
        file = units / unit.replace("@docs", "@")
        got = analyze(units, "security", "--offline=yes", "--threshold=15", file)
        assert got.returncode == 0 and "Overall exposure" in got.stdout, (got.stdout[-500:], got.stderr)
    # It is a limit: half of it is none.
    assert analyze(units, "security", "--offline=yes", "--threshold=5", units / "trawl.service").returncode != 0


def setting(unit, key):
    return re.findall(rf"^{key}=(.*)$", (UNITS / f"{unit}.in").read_text(), re.M)


def test_what_the_jail_needs_is_not_taken_away():
    for unit in ("trawl.service", "trawl@.service"):
        filters = setting(unit, "SystemCallFilter")
        # What comes last holds: these are taken back from what @privileged and @resources took away.
        assert filters[-1].split() == ["seccomp", "setrlimit", "prlimit64", "capset"]
        assert not setting(unit, "LimitNPROC") and not setting(unit, "RootDirectory")


def test_there_is_time_to_drain():
    drain = re.search(r'SETTING\(service, drain, TIME, "(\d+)s"', (harness.SRCDIR / "src/ctl/service.def").read_text())
    (stop,) = setting("trawl.service", "TimeoutStopSec")
    assert int(drain[1]) + 15 + 5 <= int(stop)  # HURRY_MS, and the last commits
    assert setting("trawl.service", "KillMode") == ["mixed"]  # the parsers are not told to stop


FAKE = '#!/bin/sh\necho "$*" >>calls\nmkdir -p "${4:-$2}"\n: >"${4:-$2}/job.yaml"\nexit "$(cat code)"\n'


def job_run(tmp_path, *args, **env):
    run = subprocess.run([UNITS / "job-run", *args], cwd=tmp_path, env={**os.environ, **env}, timeout=60,
                         capture_output=True, text=True)  # fmt: skip
    return run.returncode


def test_a_one_off_job_goes_on_where_a_stop_left_it_and_else_begins_anew(tmp_path):
    program = tmp_path / "trawl"
    program.write_text(FAKE)
    program.chmod(0o755)

    def crawl(code, how="exited"):
        (tmp_path / "code").write_text(str(code))
        assert job_run(tmp_path, "start", program, "/etc/docs.yaml") == code
        if how is not None:  # None: power failure
            assert job_run(tmp_path, "ended", EXIT_CODE=how, EXIT_STATUS=str(code)) == 0
        return (tmp_path / "calls").read_text().splitlines()[-1]

    first = crawl(11)
    m = re.fullmatch(r"run /etc/docs\.yaml -o ([\d-]+)", first)
    assert m, first
    assert crawl(137, "killed") == f"resume {m[1]}"
    assert crawl(0, None) == f"resume {m[1]}"
    assert crawl(0) == f"resume {m[1]}"
    second = crawl(0)
    assert second.startswith("run ") and not second.endswith(m[1])
    # What is not understood is no directory.
    (tmp_path / "unfinished").write_text("../../etc\n")
    assert crawl(0).startswith("run ")
    assert job_run(tmp_path, "begin") == 2

"""The units under a real systemd, which tests/systemd/check has made a container for.

One container for all of them, in this order: what a test changes the next one finds.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from harness import wait_until
from service import Answer, UnixConnection

MACHINE = os.environ.get("TRAWL_SYSTEMD_MACHINE")
HERE = Path(__file__).parent
PORT = 8000
SETTINGS = """
api: {allow_local: yes}
defaults:
  net: {allow_net: [127.0.0.0/8]}
  fetch: {delay: 0, retries: 0}
"""

pytestmark = pytest.mark.skipif(MACHINE is None, reason="make check-systemd runs it")


class Machine:
    def __init__(self, log):
        self.log = open(log, "ab")
        self.nspawn = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--boot",
             "--console=pipe", "--settings=no", "-D", MACHINE],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
        )  # fmt: skip
        self.leader = wait_until("the container has a first process", self._leader, 30)
        wait_until("its systemd answers", lambda: self.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded"), 90, 0.3)

    def _leader(self):
        assert self.nspawn.poll() is None, "systemd-nspawn ended"
        children = Path(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children").read_text().split()
        # At first a helper of systemd-nspawn.
        return next((c for c in children if Path(f"/proc/{c}/comm").read_text() == "systemd\n"), None)

    def run(self, *command, check=True, timeout=120):
        got = subprocess.run(["nsenter", "-t", self.leader, "-a", *command],
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)  # fmt: skip
        assert not check or got.returncode == 0, (command, got.returncode, got.stdout, got.stderr)
        return got

    def systemctl(self, *args, **kw):
        return self.run("systemctl", "--no-pager", *args, **kw)

    def show(self, unit, *names):
        text = self.systemctl("show", unit, "-p", ",".join(names)).stdout
        return dict(line.split("=", 1) for line in text.splitlines())

    def journal(self, *args):
        text = self.run("journalctl", "--no-pager", "-q", "-o", "json", *args).stdout
        return [json.loads(line) for line in text.splitlines()]

    def path(self, name):
        return Path(f"/proc/{self.leader}/root/{name.lstrip('/')}")

    def write(self, name, text, mode=0o644):
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def call(self, method, path, body=None, timeout=30):
        c = UnixConnection(self.path("/run/trawl/trawl.sock"), timeout)
        try:
            headers = {"Content-Type": "application/json"} if body is not None else {}
            c.request(method, path, None if body is None else json.dumps(body), headers)
            return Answer(c.getresponse())
        finally:
            c.close()

    def start_run(self, name, *seeds, **spec):
        made = self.call("POST", "/api/v1/jobs", {"name": name, "seeds": list(seeds), **spec})
        assert made.status == 201, made
        run = self.call("POST", f"/api/v1/jobs/{name}/runs")
        assert run.status == 201, run
        return run.json["id"]

    def state(self, run):
        return self.call("GET", f"/api/v1/runs/{run}").json

    def wait_for(self, run, *states, seconds=90):
        def look():
            got = self.state(run)
            return got if got["state"] in states else None

        return wait_until(f"run {run} is {states}", look, seconds, 0.1)

    def end(self):
        with contextlib.suppress(Exception):
            self.run("systemctl", "poweroff", "--force", check=False, timeout=20)
            self.nspawn.wait(30)
        self.nspawn.kill()
        self.nspawn.wait()
        self.log.close()


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    m = Machine(tmp_path_factory.mktemp("machine") / "console.log")
    site = subprocess.Popen(["nsenter", "-t", m.leader, "-n", sys.executable, str(HERE / "site.py"), str(PORT)])
    m.write("/etc/trawl/trawl.yaml", SETTINGS)
    yield m
    site.kill()
    site.wait()
    m.end()


def url(path="/0", host="127.0.0.1"):
    return f"http://{host}:{PORT}{path}"


def told(what):
    print(f"\n    {what}", end="")


def test_the_group_and_the_directories_are_made_at_boot(machine):
    assert machine.run("getent", "group", "trawl").stdout.startswith("trawl:")
    jobs = machine.run("stat", "-c", "%a %U %G", "/etc/trawl/jobs.d").stdout
    assert jobs.split() == ["750", "root", "trawl"]


def test_systemd_finds_nothing_wrong_with_the_units(machine):
    units = ["trawl.service", "trawl.socket", "trawl@docs.service", "trawl-job@docs.timer"]
    got = machine.run("systemd-analyze", "verify", "--man=no", *units, check=False)
    ours = [line for line in got.stderr.splitlines() if "trawl" in line]
    assert got.returncode == 0 and not ours, got.stderr


def test_the_units_are_exposed_to_1_5_at_most(machine):
    machine.systemctl("daemon-reload")
    for unit in ("trawl.service", "trawl@docs.service"):
        got = machine.run("systemd-analyze", "security", "--no-pager", "--threshold=15", unit).stdout
        told(re.search(r"Overall exposure.*", got)[0])


def test_started_means_that_the_api_answers(machine):
    before = time.monotonic()
    machine.systemctl("start", "trawl.service")
    started = time.monotonic()
    assert machine.call("GET", "/readyz", timeout=5).status == 200
    told(f"started in {started - before:.2f} s, answered in {1000 * (time.monotonic() - started):.0f} ms")
    socket = machine.run("stat", "-c", "%a %U %G", "/run/trawl/trawl.sock").stdout
    assert socket.split() == ["660", "root", "trawl"]
    shown = machine.show("trawl.service", "ActiveState", "SubState", "User", "DynamicUser", "MainPID")
    assert (shown["ActiveState"], shown["SubState"], shown["DynamicUser"]) == ("active", "running", "yes")
    owner = machine.run("stat", "-c", "%u", "/var/lib/private/trawl/registry.db").stdout.strip()
    assert 61184 <= int(owner) <= 65519  # those of DynamicUser=
    wait_until("it says how it is", lambda: "jobs" in machine.show("trawl.service", "StatusText")["StatusText"], 20)


def status_of(machine, pid):
    """/proc/PID/status, as it is seen in the container."""
    lines = machine.run("cat", f"/proc/{pid}/status").stdout.splitlines()
    return {k: v.strip() for k, _, v in (line.partition(":") for line in lines)}


def test_a_crawl_in_the_unit_succeeds_and_its_parsers_are_jailed(machine):
    main = int(machine.show("trawl.service", "MainPID")["MainPID"])
    service = status_of(machine, main)
    run = machine.start_run("docs", url())
    end = machine.wait_for(run, "done", "failed", "cancelled")
    assert end["state"] == "done", end
    out = machine.path(f"/var/lib/private/trawl/runs/{run}/pages.jsonl").read_text().splitlines()
    assert sum(json.loads(line)["status"] == 200 for line in out) == 40
    jailed = []
    for pid in machine.run("cat", "/sys/fs/cgroup/system.slice/trawl.service/cgroup.procs").stdout.split():
        limits = machine.run("cat", f"/proc/{pid}/limits").stdout
        if re.search(r"^Max processes +0 +0", limits, re.M):
            jailed.append(status_of(machine, pid))
    assert jailed, "no process of the unit may not fork"
    for status in jailed:
        assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
        assert int(status["Seccomp_filters"]) > int(service["Seccomp_filters"])
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == int(status["CapBnd"], 16) == 0
    told(f"{len(jailed)} jailed, with {jailed[0]['Seccomp_filters']} filters (the service: {service['Seccomp_filters']})")


def test_the_journal_has_fields(machine):
    (run,) = [r["id"] for r in machine.call("GET", "/api/v1/runs").json["items"]]
    lines = machine.journal("-u", "trawl.service", f"TRAWL_RUN={run}")
    assert {line["TRAWL_JOB"] for line in lines} == {"docs"}
    assert {line["SYSLOG_IDENTIFIER"] for line in lines} == {"trawl"}
    texts = [line["MESSAGE"] for line in lines]
    assert f"run {run} of docs: begins" in texts and any(t.startswith(f"run {run} of docs: done") for t in texts), texts
    assert {line["PRIORITY"] for line in lines} == {"6"}
    # A page that says too much of itself, and what a terminal would obey.
    run = machine.start_run("many", url("/many"), limits={"max_links": 10})
    machine.wait_for(run, "done", "failed")
    (line,) = machine.journal("-u", "trawl.service", f"TRAWL_RUN={run}", "PRIORITY=4")
    assert line["TRAWL_URL"] == url("/many") and line["TRAWL_DIR"].endswith(f"/runs/{run}")
    assert "10 left out" in line["MESSAGE"]


def test_reload_reads_the_settings_and_keeps_the_old_ones_if_they_are_wrong(machine):
    def logged(text):
        wait_until(text, lambda: [m for m in machine.journal("-u", "trawl.service") if text in m["MESSAGE"]], 20, 0.2)

    pid = machine.show("trawl.service", "MainPID")
    machine.systemctl("reload", "trawl.service")
    logged("settings read again")
    machine.write("/etc/trawl/trawl.yaml", SETTINGS + "limits: {rate: fast}\n")
    machine.systemctl("reload", "trawl.service")
    logged("those from before stay in force")
    wait_until("it is active again", lambda: machine.show("trawl.service", "ActiveState")["ActiveState"] == "active", 10)
    machine.write("/etc/trawl/trawl.yaml", SETTINGS)
    machine.systemctl("reload", "trawl.service")
    assert machine.show("trawl.service", "MainPID") == pid


def test_who_waited_for_a_reload_finds_the_jobs_of_files(machine):
    files = [f"of{i:04}" for i in range(800)]
    try:
        for name in files:  # some time to read
            machine.write(f"/etc/trawl/jobs.d/{name}.yaml", f"seeds: [{url()}]\n")
        for i in range(20):
            files.append(f"of9{i:03}")
            machine.write(f"/etc/trawl/jobs.d/{files[-1]}.yaml", f"seeds: [{url()}]\n")
            machine.systemctl("reload", "trawl.service")
            assert machine.call("GET", f"/api/v1/jobs/{files[-1]}").status == 200
    finally:
        for name in files:
            machine.path(f"/etc/trawl/jobs.d/{name}.yaml").unlink(missing_ok=True)
        machine.systemctl("reload", "trawl.service")


def test_a_restart_under_load_refuses_no_call(machine):
    answers, failures, slowest, over = [], [], [0.0], threading.Event()

    def ask():
        while not over.is_set():
            at = time.monotonic()
            try:
                answers.append(machine.call("GET", "/healthz").status)
            except (OSError, ValueError) as e:
                failures.append(repr(e))
            slowest[0] = max(slowest[0], time.monotonic() - at)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for t in threads:
        t.start()
    for _ in range(3):
        time.sleep(0.5)
        machine.systemctl("restart", "trawl.service")
    time.sleep(0.5)
    over.set()
    for t in threads:
        t.join(60)
    told(f"3 restarts: {len(answers)} calls answered, {len(failures)} failed, the slowest took {slowest[0]:.2f} s")
    assert len(answers) > 100 and set(answers) == {200} and not failures, failures[:3]


def test_a_service_that_hangs_is_restarted_by_the_watchdog_and_its_run_goes_on(machine):
    machine.write("/run/systemd/system/trawl.service.d/fast.conf", "[Service]\nWatchdogSec=3\n")
    machine.systemctl("daemon-reload")
    machine.systemctl("restart", "trawl.service")
    run = machine.start_run("slow", url("/slow/0"))
    wait_until("it crawls", lambda: machine.state(run)["state"] == "running", 20)
    time.sleep(2)
    before = machine.show("trawl.service", "MainPID", "NRestarts")
    at = time.monotonic()
    machine.run("sh", "-c", f"kill -STOP {before['MainPID']}")
    wait_until("it is started again", lambda: machine.show("trawl.service", "NRestarts")["NRestarts"] != before["NRestarts"], 60, 0.2)
    assert machine.call("GET", "/readyz").status == 200
    told(f"answered again {time.monotonic() - at:.1f} s after SIGSTOP (WatchdogSec=3)")
    assert machine.show("trawl.service", "MainPID")["MainPID"] != before["MainPID"]
    machine.wait_for(run, "done", "failed")
    out = machine.path(f"/var/lib/private/trawl/runs/{run}/pages.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["url"] for line in out) == sorted(url(f"/slow/{n}") for n in range(40))


def test_a_service_that_is_killed_is_started_again_and_its_run_goes_on(machine):
    run = machine.start_run("killed", url("/slow/0", "127.0.0.2"))
    time.sleep(3)
    machine.systemctl("kill", "-s", "KILL", "trawl.service")
    # Whoever asks waits for it.
    assert machine.call("GET", "/readyz").status == 200
    machine.wait_for(run, "done", "failed")
    out = machine.path(f"/var/lib/private/trawl/runs/{run}/pages.jsonl").read_text().splitlines()
    want = [url(f"/slow/{n}", "127.0.0.2") for n in range(40)]
    assert sorted(json.loads(line)["url"] for line in out) == sorted(want)


def test_a_job_names_a_credential_that_the_service_only_can_read(machine):
    machine.write("/etc/credstore/site_agent", "secretbot/1.0 (+https://example.org/)\n", 0o600)
    machine.write("/etc/systemd/system/trawl.service.d/secrets.conf", "[Service]\nLoadCredential=site_agent\n")
    machine.write("/etc/trawl/jobs.d/secret.yaml", f"seeds: ['{url()}']\nfetch: {{user_agent: '${{site_agent}}'}}\n", 0o640)
    machine.run("chgrp", "trawl", "/etc/trawl/jobs.d/secret.yaml")
    machine.systemctl("daemon-reload")
    machine.systemctl("restart", "trawl.service")
    run = machine.call("POST", "/api/v1/jobs/secret/runs").json["id"]
    assert machine.wait_for(run, "done", "failed")["state"] == "done"
    job = machine.path(f"/var/lib/private/trawl/runs/{run}/job.yaml").read_text()
    assert "secretbot" in job


def test_the_profile_is_told_inside_the_unit(machine):
    machine.systemctl("kill", "--kill-who=main", "-s", "USR2", "trawl.service")
    path = machine.path("/var/lib/private/trawl/profile.json")
    wait_until("it is there", path.exists, 60, 0.2)
    profile = json.loads(path.read_text())
    assert profile["stages"]["parse"]["count"] > 0 and profile["heap"]["used_bytes"] > 0
    assert profile["functions"]["items"] or profile["functions"]["why_none"]


def test_over_tcp_who_has_a_token_of_the_credential_may_ask(machine):
    program = re.search(r"argv\[\]=(\S+)", machine.show("trawl.service", "ExecStart")["ExecStart"])[1]
    made = machine.run(program, "serve", "--new-token", "read", "alice", "/etc/credstore/trawl.tokens").stdout
    token = max(made.split(), key=len)
    machine.write("/etc/trawl/trawl.yaml", SETTINGS.replace("api: {", "api: {listen: ['127.0.0.1:8620'], "))
    machine.systemctl("restart", "trawl.service")

    def ask(*args):
        got = subprocess.run(["nsenter", "-t", machine.leader, "-n", "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *args,
                              "http://127.0.0.1:8620/api/v1/runs"], capture_output=True, text=True, timeout=30)  # fmt: skip
        return got.stdout

    assert ask() == "401", machine.journal("-u", "trawl.service", "-n", "5")
    assert ask("-H", f"Authorization: Bearer {token}") == "200"
    assert machine.call("GET", "/readyz").status == 200  # and the socket of systemd is there
    machine.write("/etc/trawl/trawl.yaml", SETTINGS)
    machine.systemctl("restart", "trawl.service")


def test_stop_drains_in_time_even_if_nothing_answers_and_the_run_goes_on_later(machine):
    hosts = [f"127.0.1.{n}" for n in range(1, 41)]
    run = machine.start_run("hang", *[url("/hang", h) for h in hosts])
    time.sleep(3)
    assert machine.state(run)["state"] == "running"
    at = time.monotonic()
    machine.systemctl("stop", "trawl.service")
    took = time.monotonic() - at
    told(f"stopped in {took:.1f} s with {len(hosts)} requests that hang")
    shown = machine.show("trawl.service", "ActiveState", "Result")
    assert took < 30 and shown == {"ActiveState": "inactive", "Result": "success"}
    machine.systemctl("start", "trawl.service")
    assert machine.state(run)["state"] == "running"
    assert machine.call("POST", f"/api/v1/runs/{run}:cancel").status in (200, 202)
    machine.wait_for(run, "cancelled")


def test_a_call_starts_the_service_that_is_stopped(machine):
    machine.systemctl("stop", "trawl.service")
    assert machine.show("trawl.socket", "ActiveState")["ActiveState"] == "active"
    assert machine.call("GET", "/readyz").status == 200
    assert machine.show("trawl.service", "ActiveState")["ActiveState"] == "active"


def test_without_its_socket_the_service_stops(machine):
    machine.systemctl("stop", "trawl.socket")
    assert machine.show("trawl.service", "ActiveState", "Result") == {"ActiveState": "inactive", "Result": "success"}
    with pytest.raises(OSError):
        machine.call("GET", "/healthz")
    machine.systemctl("start", "trawl.service")
    assert machine.call("GET", "/healthz").status == 200


def one_off(machine, job):
    """Its directory, once the unit has ended as it should."""
    unit = f"trawl@{job}.service"
    ended = lambda: machine.show(unit, "ActiveState")["ActiveState"] in ("inactive", "failed")  # noqa: E731
    wait_until(f"{unit} ends", ended, 60, 0.2)
    shown = machine.show(unit, "ActiveState", "Result")
    assert shown == {"ActiveState": "inactive", "Result": "success"}
    (found,) = machine.path(f"/var/lib/private/trawl-job/{job}").glob("2*")
    return found


def pages(directory):
    return sorted(json.loads(line)["url"] for line in (directory / "pages.jsonl").read_text().splitlines())


def test_a_one_off_job_is_crawled_by_a_unit_of_its_own(machine):
    spec = "net: {allow_net: [127.0.0.0/8]}\nfetch: {delay: 0}\n"
    machine.write("/etc/trawl/jobs.d/once.yaml", f"seeds: ['{url()}']\n{spec}", 0o640)
    machine.run("chgrp", "trawl", "/etc/trawl/jobs.d/once.yaml")
    machine.systemctl("start", "trawl@once.service")
    once = one_off(machine, "once")
    assert pages(once) == sorted(url(f"/{n}") for n in range(40))
    assert not (once.parent / "unfinished").exists()
    machine.systemctl("enable", "--now", "trawl-job@once.timer")
    assert "trawl@once.service" in machine.systemctl("list-timers", "--all").stdout


def test_a_one_off_job_that_was_stopped_goes_on_at_its_next_start(machine):
    spec = "net: {allow_net: [127.0.0.0/8]}\nfetch: {delay: 0}\n"
    machine.write("/etc/trawl/jobs.d/long.yaml", f"seeds: ['{url('/slow/0')}']\n{spec}")
    machine.systemctl("start", "trawl@long.service")
    time.sleep(5)
    machine.systemctl("stop", "trawl@long.service")
    first = one_off(machine, "long")
    assert (first.parent / "unfinished").read_text().strip() == first.name
    assert 1 < len(pages(first)) < 40
    machine.systemctl("start", "trawl@long.service")
    assert one_off(machine, "long") == first
    assert pages(first) == sorted(url(f"/slow/{n}") for n in range(40))
    assert not (first.parent / "unfinished").exists()

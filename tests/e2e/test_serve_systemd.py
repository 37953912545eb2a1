"""`trawl serve` as systemd sees it: readiness, reload, watchdog and handed-over sockets, by hand."""

import http.client
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import harness
import pytest
from harness import wait_until
from service import Service

SETTINGS = "api: {allow_local: yes}\ndefaults: {net: {allow_net: [127.0.0.0/8]}}\n"


class Manager:
    """What systemd listens with: each message as {KEY: value}."""

    def __init__(self, path):
        self.path = str(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(0.02)
        self.heard = []

    def listen(self):
        while True:
            try:
                data = self.socket.recv(4096).decode()
            except TimeoutError:
                return self.heard
            self.heard.append(dict(line.split("=", 1) for line in data.splitlines()))

    def wait(self, key, value=None, after=0, seconds=60):
        def look():
            for i, m in enumerate(self.listen()[after:], after):
                if key in m and (value is None or m[key] == value):
                    return i + 1
            return None

        return wait_until(f"{key} in {self.heard}", look, seconds)


@pytest.fixture
def manager():
    with tempfile.TemporaryDirectory(prefix="trawl-") as where:
        m = Manager(f"{where}/notify.sock")
        yield m
        m.socket.close()


def test_ready_is_said_when_the_api_answers_and_stopping_when_it_stops(tmp_path, manager):
    with Service(tmp_path / "serve", SETTINGS, env={"NOTIFY_SOCKET": manager.path}) as s:
        s.start(wait=False)
        at = manager.wait("READY", "1")
        assert s.get("/readyz").status == 200  # at once: nobody waited
        manager.wait("STATUS", "0 jobs; runs: 0 running, 0 queued, 0 paused")
        s.child.send_signal(signal.SIGHUP)
        at = manager.wait("RELOADING", "1", at)
        assert int(manager.heard[at - 1]["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
        at = manager.wait("READY", "1", at)
        for i in range(1500):
            (s.jobs_dir / f"of{i:04}.yaml").write_text("seeds: [http://127.0.0.1:9/]\n")
        s.child.send_signal(signal.SIGHUP)
        at = manager.wait("RELOADING", "1", at)
        at = manager.wait("READY", "1", at)  # with the jobs of files
        assert s.get("/api/v1/jobs/of1499").status == 200
        s.configure("limits: {rate: fast}\n")
        s.child.send_signal(signal.SIGHUP)
        at = manager.wait("RELOADING", "1", at)
        at = manager.wait("READY", "1", at)  # with the old settings
        assert "those from before stay" in manager.heard[at - 1]["STATUS"]
        assert s.stop() == 0
        at = manager.wait("STOPPING", "1", at)
        assert manager.heard[at - 1]["STATUS"] == "stopping"


def test_the_watchdog_is_fed_by_the_loop_and_by_nothing_else(tmp_path, manager):
    env = {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "6000000"}
    with Service(tmp_path / "serve", SETTINGS, env=env) as s:
        s.start()
        for _ in range(3):
            before = len(manager.listen())
            manager.wait("WATCHDOG", "1", before, 6)
        os.kill(s.child.pid, signal.SIGSTOP)
        wait_until("it stands still", lambda: Path(f"/proc/{s.child.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
        before = len(manager.listen())
        time.sleep(5)
        assert len(manager.listen()) == before  # systemd would restart it now
        os.kill(s.child.pid, signal.SIGCONT)
        manager.wait("WATCHDOG", "1", before)


def start_with_socket(s, listener, **more):
    """As systemd hands it over: descriptor 3, LISTEN_FDS and LISTEN_PID."""
    env = {
        **os.environ,
        "TRAWL_SERVICE_STATE_DIR": str(s.state),
        "TRAWL_SERVICE_JOBS_DIR": str(s.jobs_dir),
        "LISTEN_FDS": "1",
        **more,
    }

    def hand_over():
        harness._die_with_parent()
        os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)

    with open(s.log_path, "ab") as log:
        s.child = subprocess.Popen(
            ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$0" "$@"', harness.TRAWL, "serve", "-c", s.config],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, start_new_session=True,
            preexec_fn=hand_over, pass_fds=(3,),
        )  # fmt: skip


def test_a_restart_behind_a_handed_over_socket_refuses_no_call(tmp_path):
    s = Service(tmp_path / "serve", SETTINGS)
    with socket.socket(socket.AF_UNIX) as listener, s:
        listener.bind(str(s.socket))
        listener.listen(512)
        start_with_socket(s, listener)
        wait_until("the service answers", s.is_up)
        answers, failures, over = [], [], threading.Event()

        def ask():
            while not over.is_set():
                try:
                    answers.append(s.get("/healthz").status)
                except (OSError, ValueError) as e:
                    failures.append(repr(e))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for t in threads:
            t.start()
        for _ in range(3):
            enough = len(answers) + 40
            wait_until("answers", lambda n=enough: failures or len(answers) > n)
            assert s.stop() == 0
            start_with_socket(s, listener)
        enough = len(answers) + 40
        wait_until("answers", lambda: failures or len(answers) > enough)
        over.set()
        for t in threads:
            t.join(130)
        assert s.socket.exists()  # it is not the service's to remove
        assert len(answers) > 100 and set(answers) == {200}
        assert not failures, failures


def test_beside_a_socket_that_is_handed_over_it_listens_for_tcp_as_it_is_told(tmp_path):
    (tmp_path / "credentials").mkdir()
    tokens = tmp_path / "credentials" / "trawl.tokens"
    token = harness.trawl("serve", "--new-token", "read", "alice", tokens).out.strip()
    port = harness.free_port()
    s = Service(tmp_path / "serve", f"api: {{listen: ['127.0.0.1:{port}']}}\n")
    with socket.socket(socket.AF_UNIX) as listener, s:
        listener.bind(str(s.socket))
        listener.listen(512)
        start_with_socket(s, listener, CREDENTIALS_DIRECTORY=str(tokens.parent))
        wait_until("the service answers", s.is_up)
        for headers, status in (({}, 401), ({"Authorization": f"Bearer {token}"}, 200)):
            c = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            c.request("GET", "/api/v1/runs", headers=headers)
            assert c.getresponse().status == status
            c.close()
        assert s.stop() == 0
        assert s.socket.exists()


def test_without_a_manager_nothing_is_missing(tmp_path):
    with Service(tmp_path / "serve", SETTINGS, env={"NOTIFY_SOCKET": ""}) as s:
        s.start()
        assert s.get("/readyz").status == 200
        assert s.stop() == 0
        assert not s.socket.exists()

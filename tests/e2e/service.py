"""A running `trawl serve`, and a client of its API that knows nothing of the program."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import harness


# For sites on loopback addresses, without waits.
SETTINGS = """
api: {allow_local: yes}
defaults:
  net: {allow_net: [127.0.0.0/8]}
  fetch: {delay: 0, retries: 0}
"""


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:400]!r}>"


class Service:
    """DIR/trawl.yaml, DIR/state, DIR/jobs.d, DIR/serve.log.

    The socket has a directory of its own: its name may have 107 bytes.
    """

    def __init__(self, directory, settings="", env=None, jobs=None):
        self.dir = Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.jobs_dir = self.dir / "jobs.d"
        self.jobs_dir.mkdir(exist_ok=True)
        self.state = self.dir / "state"
        self.run_dir = Path(tempfile.mkdtemp(prefix="trawl-"))
        self.socket = self.run_dir / "trawl.sock"
        self.config = self.dir / "trawl.yaml"
        self.log_path = self.dir / "serve.log"
        self.env = env or {}
        self.child = None
        self.configure(settings)
        for name, text in (jobs or {}).items():
            (self.jobs_dir / f"{name}.yaml").write_text(text)

    def configure(self, settings):
        """`settings`: sections of trawl.yaml, without service.state_dir and the like."""
        self.config.write_text(settings)

    def start(self, wait=True, extra_env=None, **popen):
        env = {
            **os.environ,
            "TRAWL_SERVICE_STATE_DIR": str(self.state),
            "TRAWL_SERVICE_JOBS_DIR": str(self.jobs_dir),
            "TRAWL_API_SOCKET": str(self.socket),
            **self.env,
            **(extra_env or {}),
        }
        with open(self.log_path, "ab") as log:
            self.child = subprocess.Popen(
                [harness.TRAWL, "serve", "-c", self.config], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=env, start_new_session=True, preexec_fn=harness._die_with_parent, **popen,
            )  # fmt: skip
        if wait:
            harness.wait_until("the service answers", self.is_up)
        return self

    def is_up(self):
        assert self.child.poll() is None, f"trawl serve ended: {self.log()[-3000:]}"
        try:
            return self.get("/healthz").status == 200
        except OSError:
            return False

    def log(self):
        return self.log_path.read_text(errors="replace")

    def call(self, method, path, body=None, headers=None, timeout=harness.PATIENCE_SECONDS):
        c = UnixConnection(self.socket, timeout)
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        try:
            with contextlib.suppress(BrokenPipeError):  # refused before all of it was read
                c.request(method, path, body=body, headers=headers)
            return Answer(c.getresponse())
        except (OSError, http.client.HTTPException) as e:
            e.add_note(self.how_it_is(0.5 if isinstance(e, ConnectionResetError) else 0))
            raise
        finally:
            c.close()

    def how_it_is(self, seconds):
        """Whether it lives, and what it said last: for the failures of those who asked it.

        A crash closes the connection a moment before the process has an end: it has so many seconds.
        """
        if self.child is None:
            return "trawl serve was not started"
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.child.wait(seconds)
        code = self.child.poll()
        how = "runs" if code is None else f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        return f"trawl serve (process {self.child.pid}) {how}; it said last:\n{self.log()[-3000:]}"

    def get(self, path, **kw):
        return self.call("GET", path, **kw)

    def post(self, path, body=None, **kw):
        return self.call("POST", path, body, **kw)

    def create(self, name, **spec):
        """A job; must succeed."""
        a = self.post("/api/v1/jobs", {"name": name, **spec})
        assert a.status == 201, a
        return a.json

    def run(self, job):
        """Starts a run; its number."""
        a = self.post(f"/api/v1/jobs/{job}/runs")
        assert a.status == 201, a
        return a.json["id"]

    def state_of(self, run):
        a = self.get(f"/api/v1/runs/{run}")
        assert a.status == 200, a
        return a.json

    def wait_for(self, run, *states, seconds=harness.PATIENCE_SECONDS):
        """Until the run is in one of these states; the run."""

        def look():
            got = self.state_of(run)
            return got if got["state"] in states else None

        return harness.wait_until(f"run {run} is {states}; {self.log()[-800:]}", look, seconds, 0.05)

    def output(self, run):
        return harness.Output(self.state / "runs" / str(run))

    def kill(self):
        """kill -9 of all its processes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait(60)

    def stop(self, seconds=harness.PATIENCE_SECONDS):
        """SIGTERM; the exit code."""
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(seconds)

    def end(self):
        if self.child is not None and self.child.poll() is None:
            self.kill()

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.end()
        shutil.rmtree(self.run_dir, ignore_errors=True)


def problem(answer, status):
    """The problem details of an answer, whose form is checked (RFC 9457)."""
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    p = answer.json
    assert p["status"] == status and p["title"] and p["detail"], p
    return p

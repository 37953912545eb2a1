"""Headless Chromium, driven over its debugging pipe: no packages but Debian's `chromium`.

The browser is a child of the test in a session of its own and is ended with it; it has a
profile of its own and gets no network but what a page asks for, which is recorded.
"""

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import time

PROGRAM = shutil.which("chromium")


class Refused(AssertionError):
    """The browser does not do what it was asked for."""


class Browser:
    def __init__(self, profile):
        to_child, from_us = os.pipe()
        from_child, to_us = os.pipe()

        def wire():  # it reads from 3 and writes to 4, whatever those are now
            read, write = os.dup(to_child), os.dup(to_us)
            os.dup2(read, 3)
            os.dup2(write, 4)

        self.child = subprocess.Popen(
            [PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
             "--remote-debugging-pipe", f"--user-data-dir={profile}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            close_fds=False, start_new_session=True, preexec_fn=wire, pass_fds=(),
        )  # fmt: skip
        os.close(to_child)
        os.close(to_us)
        self.out, self.inp, self.rest, self.number = from_us, from_child, b"", 0
        self.events = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.page(f"{domain}.enable")

    def close(self):
        if self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGKILL)  # its own session
        self.child.wait(60)
        os.close(self.out)
        os.close(self.inp)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()

    def _read(self, seconds):
        """The next message; events are kept, too."""
        end = time.monotonic() + seconds
        while b"\0" not in self.rest:
            ready = select.select([self.inp], [], [], max(0, end - time.monotonic()))[0]
            chunk = os.read(self.inp, 1 << 20) if ready else b""
            assert chunk, "the browser says nothing"
            self.rest += chunk
        text, _, self.rest = self.rest.partition(b"\0")
        message = json.loads(text)
        if "method" in message:
            self.events.append(message)
        return message

    def ask(self, method, session=None, seconds=60, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.out, data) :]
        while True:
            got = self._read(seconds)
            if got.get("id") == self.number:
                if "error" in got:
                    raise Refused(got)
                return got["result"]

    def page(self, method, **params):
        return self.ask(method, self.session, **params)

    def show(self, url, width, height=800, dark=False, media=""):
        """Loads a page on a screen of that size."""
        self.page("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.page("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self.events.clear()
        self.page("Page.navigate", url=url)
        while not any(e["method"] == "Page.loadEventFired" for e in self.events):
            self._read(60)

    def run(self, script):
        got = self.page("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in got, got
        return got["result"].get("value")

    def poll(self, script):
        """None where the page was left meanwhile: ask again."""
        try:
            return self.run(script)
        except Refused as e:
            if "navigated" not in str(e):
                raise
            return None

    def requests(self):
        return [e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"]

    def complaints(self):
        names = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [e["params"] for e in self.events if e["method"] in names]

    def picture(self, path):
        got = self.page("Page.captureScreenshot", captureBeyondViewport=True, format="png")
        path.write_bytes(base64.b64decode(got["data"]))
        assert path.stat().st_size > 10000

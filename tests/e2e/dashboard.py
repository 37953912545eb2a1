"""The dashboard in a browser: a way to the service's socket (as `ssh -L` makes one), and steps of a person."""

import contextlib
import json
import re
import socket
import threading

import browser
import harness


class Way:
    """127.0.0.1:port to a unix socket, byte by byte.  While nobody listens there, connections are closed at once."""

    def __init__(self, path):
        self.path = str(path)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            try:
                far.connect(self.path)
            except OSError:
                near.close()
                far.close()
                continue
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(a, b), daemon=True).start()

    @staticmethod
    def _carry(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def url(self, hash_=""):
        return f"http://127.0.0.1:{self.port}/{hash_}"

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Person:
    """Who looks at the dashboard and uses it: finds controls by their accessible names."""

    def __init__(self, chromium, url, width=1200, height=900, dark=False):
        self.b = chromium
        self.url = url
        chromium.show("about:blank", width, height, dark)
        chromium.show(url, width, height, dark)
        self.see("main h1")

    def js(self, script):
        return self.b.run(script)

    def until(self, what, script, seconds=harness.PATIENCE_SECONDS):
        return harness.wait_until(what, lambda: self.b.poll(script), seconds, 0.05)

    def see(self, selector, text="", seconds=harness.PATIENCE_SECONDS):
        """Until such an element is shown with that text; its text."""
        script = f"""[...document.querySelectorAll({json.dumps(selector)})].filter(e => e.checkVisibility())
            .map(e => e.textContent).find(t => t.includes({json.dumps(text)})) ?? null"""
        try:
            return harness.wait_until(f"{selector} with {text!r}", lambda: (self.b.poll(script) is not None), seconds, 0.05) and self.js(script)
        except AssertionError as e:
            raise AssertionError(f"{e}; shown is {self.text()[:1500]!r}") from None

    def text(self):
        return self.js("document.body.innerText")

    def go(self, hash_, title):
        self.js(f"location.hash = {json.dumps(hash_)}")
        self.see("main h1", title)

    def tree(self):
        """All of the accessibility tree."""
        return [n for n in self.b.page("Accessibility.getFullAXTree")["nodes"] if not n.get("ignored")]

    def find(self, role, name):
        """The one control with that role and name; its backend id."""
        name = re.compile(name)

        def look():
            got = [n for n in self.tree() if n["role"]["value"] == role and name.search(n.get("name", {}).get("value", ""))]
            return got[0] if len(got) == 1 else None

        try:
            return harness.wait_until(f"one {role} {name.pattern}", look)["backendDOMNodeId"]
        except AssertionError as e:
            there = [n.get("name", {}).get("value") for n in self.tree() if n["role"]["value"] in (role, "dialog")]
            raise AssertionError(f"{e}; such and dialogs are {there}; shown is {self.text()[:1500]!r}") from None

    def middle(self, node):
        """Where it is, once it is there for two frames and nothing lies over it; None: not now."""
        quads = []
        for _ in range(2):
            quads.append(self.b.page("DOM.getContentQuads", backendNodeId=node)["quads"])
            self.b.page("Runtime.evaluate", expression="new Promise(requestAnimationFrame)", awaitPromise=True)
        if not quads[0] or quads[0] != quads[1]:
            return None
        x, y = sum(quads[0][0][0::2]) / 4, sum(quads[0][0][1::2]) / 4
        element = self.b.page("DOM.resolveNode", backendNodeId=node)["object"]["objectId"]
        hit = self.b.page(
            "Runtime.callFunctionOn", objectId=element, returnByValue=True, arguments=[{"value": x}, {"value": y}],
            functionDeclaration="function (x, y) { return this.contains(document.elementFromPoint(x, y)); }",
        )  # fmt: skip
        return (x, y) if hit["result"]["value"] else None

    def click(self, role, name):
        """With the mouse, in its middle."""

        def look():
            node = self.find(role, name)
            with contextlib.suppress(browser.Refused):  # it was drawn anew meanwhile
                self.b.page("DOM.scrollIntoViewIfNeeded", backendNodeId=node)
                return self.middle(node)

        x, y = harness.wait_until(f"a {role} {name} that stays", look)
        at = {"x": x, "y": y, "button": "left", "clickCount": 1}
        self.b.page("Input.dispatchMouseEvent", type="mousePressed", **at)
        self.b.page("Input.dispatchMouseEvent", type="mouseReleased", **at)

    def type(self, role, name, text):
        """In place of what is there."""
        self.b.page("DOM.focus", backendNodeId=self.find(role, name))
        self.js("document.activeElement.select()")
        self.b.page("Input.insertText", text=text)

    def choose(self, name, value):
        node = self.find("combobox", name)
        self.b.page("DOM.focus", backendNodeId=node)
        self.js(f"""(e => {{ e.value = {json.dumps(value)}; e.dispatchEvent(new Event("change", {{bubbles: true}})); }})
            (document.activeElement)""")

    def key(self, key, code=0, text=""):
        what = {"key": key, "windowsVirtualKeyCode": code}
        self.b.page("Input.dispatchKeyEvent", type="keyDown", **what, **({"text": text} if text else {}))
        self.b.page("Input.dispatchKeyEvent", type="keyUp", **what)

    def focused(self):
        return self.js("document.activeElement.id || document.activeElement.textContent.slice(0, 80)")

    def complaints(self, but=()):
        """What the console was told, without failures of calls that the test makes fail."""
        return [c for c in self.b.complaints() if not any(b in json.dumps(c) for b in but)]

    def check(self, but=()):
        assert not self.complaints(but), self.complaints(but)
        away = [u for u in self.b.requests() if not u.startswith(f"{self.url.partition('#')[0]}")]
        assert not away, away

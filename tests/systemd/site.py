"""A site for the container, on all its loopback addresses: site.py PORT.

/N is a page of a ring of LENGTH pages, /slow/N takes half a second, /hang is never answered,
/many has 20 links.
"""

import http.server
import re
import sys
import time

LENGTH = 40


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path.startswith("/hang"):
            time.sleep(600)
            return
        if self.path == "/many":
            self.answer("".join(f"<a href='/{n}'>" for n in range(20)))
            return
        m = re.fullmatch(r"/(slow/)?(\d*)", self.path)
        if m is None:
            self.send_error(404)
            return
        if m[1]:
            time.sleep(0.5)
        n = (int(m[2] or 0) + 1) % LENGTH
        self.answer(f"<title>{m[2]}</title><a href='/{m[1] or ''}{n}'>next</a>")

    def answer(self, text):
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *ignored):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *ignored):
        """A client that is killed, or hangs up."""


Server(("0.0.0.0", int(sys.argv[1])), Handler).serve_forever()

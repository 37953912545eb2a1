"""A site for the container, on all its loopback addresses: site.py PORT.

/N is a page of a ring of LENGTH pages, /slow/N takes half a second, /hang is never answered.
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
        m = re.fullmatch(r"/(slow/)?(\d*)", self.path)
        if m is None:
            self.send_error(404)
            return
        if m[1]:
            time.sleep(0.5)
        n = (int(m[2] or 0) + 1) % LENGTH
        body = f"<title>{m[2]}</title><a href='/{m[1] or ''}{n}'>next</a>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *ignored):
        pass


http.server.ThreadingHTTPServer(("0.0.0.0", int(sys.argv[1])), Handler).serve_forever()

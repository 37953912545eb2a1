"""The sites that are crawled: what is on them, how nginx serves them, and which pages they have.

Each is made once, below tests/bench in the build tree, and is the same everywhere.
"""

import contextlib
import os
import signal
import sys
import time
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path

import closure
import harness
import make_site

TOP = harness.BUILDDIR / "tests" / "bench"
HOST = "127.0.0.1"
# What every site says of robots: there is a file, it is read and obeyed, and it bars nothing that is linked.
ROBOTS = 'location = /robots.txt { return 200 "User-agent: *\\nDisallow: /private/\\n"; }'
LOG = '"$status" "$sent_http_content_encoding" "$host$request_uri"'


@dataclass
class Site:
    name: str
    text: str
    root: Path
    seeds: list  # paths, or HOST/PATH
    keys: list = field(repr=False)  # HOST/PATH of every page, in the order in which the bare loop asks
    small: str = ""  # the site of the same kind that slow contestants crawl instead
    scheme: str = "http"
    zipped: bool = False
    hosts: int = 1
    runs_max: int = 1000  # of a site that takes long
    who: tuple = ()  # whom it is for; (): everybody
    count_as: object = None  # a request's key -> the page's, where they differ

    def server(self):
        tls = " ssl" if self.scheme == "https" else ""
        listen = "0.0.0.0" if self.hosts > 1 else HOST
        return f"""log_format pages '{LOG}';
            server {{ listen {listen}:@PORT@{tls}; {ROBOTS}
            root "{self.root}{"/$host" if self.hosts > 1 else ""}"; index index.html;
            access_log "@RUN@/pages.log" pages buffer=64k; open_file_cache max=2000;
            {"gzip_static on;" if self.zipped else ""}
            {'ssl_certificate "@TLS@/server.pem"; ssl_certificate_key "@TLS@/server.key";' if tls else ""} }}"""

    def urls(self, keys, port):
        return [f"{self.scheme}://{host}:{port}/{path}" for host, _, path in (key.partition("/") for key in keys)]


# -- What is on them --


def generated(name, pages, size, links, small="", **more):
    root = TOP / f"site-{pages}-{size}-{links}"
    make_site.make(root, pages, size, links, zipped=pages <= 20_000)
    keys = [HOST + line for line in (root / "urls.txt").read_text().split()]
    kind = f"{pages:,} pages of {size // 1000} KB, {links} links each"
    if more.get("zipped"):
        kind += ", gzip (compressed beforehand)"
    if more.get("scheme"):
        kind += ", HTTPS"
    return Site(name, kind, root, keys[:1], keys, small, **more)


def many_hosts(name, hosts, small=""):
    root = TOP / f"site-{hosts}-hosts"
    names = [f"127.1.{h // 250}.{1 + h % 250}" for h in range(hosts)]
    make_site.make_hosts(root, names, 40)
    keys = (root / "urls.txt").read_text().split()
    text = f"{hosts} hosts (addresses) of 40 pages of 10 KB, a seed each"
    return Site(name, text, root, keys[:hosts], keys, small, hosts=hosts)


def documentation(name):
    """Debian's documentation packages, unpacked in build/docs by `./bootstrap check`."""
    root = TOP / "site-docs"
    root.mkdir(parents=True, exist_ok=True)
    packages = sorted((harness.BUILDDIR / "docs").glob("*/usr/share/doc"))
    tops = {}
    for package in packages:
        found = sorted(package.rglob("index.html"), key=lambda file: (len(file.parts), file))
        if found:
            tops[package.relative_to(harness.BUILDDIR / "docs").parts[0]] = found[0].parent.resolve()
    if not tops:
        return None
    mark = root / "urls.txt"
    index = "".join(f'<p><a href="{p}/index.html">{p}</a>\n' for p in tops)
    if not mark.exists() or (root / "index.html").read_text() != index:
        for package, top in tops.items():
            (root / package).unlink(missing_ok=True)
            (root / package).symlink_to(top)
        (root / "index.html").write_text(index)
        reached = closure.closure(closure.from_files(root), f"http://{HOST}/index.html")
        pages = sorted({closure.canonical(u) for u, a in reached.items() if a.status == 200 and a.type == "text/html"})
        mark.write_text("".join(url.partition("://")[2] + "\n" for url in pages))
    keys = mark.read_text().split()
    size = sum((root / urllib.parse.unquote(key.partition("/")[2])).stat().st_size for key in keys)
    text = f"documentation of {', '.join(tops)}: {len(keys):,} pages, {size // len(keys) / 1000:.0f} KB on average"
    return Site(name, text, root, [f"{HOST}/index.html"], keys, count_as=_canonical)


def _canonical(key):
    return closure.canonical("http://" + key).partition("://")[2]


LARGE = ("bare", "trawl", "wget2")
SITES = {
    "20k": lambda: generated("20k", 20_000, 10_000, 40, "2k"),
    "2k": lambda: generated("2k", 2_000, 10_000, 40),
    "gzip": lambda: generated("gzip", 20_000, 10_000, 40, "gzip-2k", zipped=True),
    "gzip-2k": lambda: generated("gzip-2k", 2_000, 10_000, 40, zipped=True),
    "tls": lambda: generated("tls", 20_000, 10_000, 40, "tls-2k", scheme="https"),
    "tls-2k": lambda: generated("tls-2k", 2_000, 10_000, 40, scheme="https"),
    "hosts": lambda: many_hosts("hosts", 500, "hosts-50"),
    "hosts-50": lambda: many_hosts("hosts-50", 50),
    "docs": lambda: documentation("docs"),
    "200k": lambda: generated("200k", 200_000, 3_000, 12, "2k-3KB", runs_max=3, who=LARGE),
    "2k-3KB": lambda: generated("2k-3KB", 2_000, 3_000, 12),
    "tiny": lambda: generated("tiny", 100, 3_000, 12),
}


# -- A server --


class Server:
    """nginx in front of a site, and what it was asked for."""

    def __init__(self, web, site, authority):
        self.web, self.site, self.authority = web, site, authority
        self.log = web.run / "pages.log"
        self.known = set(site.keys)

    def seconds(self):
        """CPU time until now."""
        return int(Path(f"/proc/{self.web.child.pid}/schedstat").read_text().split()[0]) / 1e9

    def asked(self):
        """(different pages, answers with pages, of these compressed) since the last call."""
        old = self.log.with_suffix(".old")
        self.log.rename(old)
        self.web.child.send_signal(signal.SIGUSR1)  # nginx writes what it holds, and opens the file anew
        harness.wait_until("a new log", self.log.exists)
        time.sleep(0.05)
        pages, answers, zipped, count_as = set(), 0, 0, self.site.count_as
        with open(old, encoding="utf-8", errors="surrogateescape") as f:
            for line in f:
                status, encoding, key = line.strip().strip('"').split('" "', 2)
                key = count_as(key) if count_as else key
                if status == "200" and key in self.known:
                    pages.add(key)
                    answers += 1
                    zipped += encoding == "gzip"
        old.unlink()
        return len(pages), answers, zipped


@contextlib.contextmanager
def serve(site, run):
    authority = None
    text = site.server()
    if site.scheme == "https":
        authority = harness.test_authority(Path(f"{run}-tls"), names=(HOST,))
        text = text.replace("@TLS@", f"{run}-tls")
    with harness.nginx(run, text, scheme=site.scheme) as web:
        yield Server(web, site, authority)


def get(name):
    """The site, made if it is not there; None: it cannot be had here."""
    began = time.monotonic()
    site = SITES[name]()
    if time.monotonic() - began > 2:
        print(f"bench: made the site {name} in {time.monotonic() - began:.0f} s", file=sys.stderr)
    return site


def scratch():
    """Where contestants write: memory, if there is some; the disk's speed is not what is measured."""
    return Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else TOP

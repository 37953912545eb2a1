#!/usr/bin/python3
"""make_site.py DIR [PAGES [BYTES [LINKS]]]: a site of PAGES pages (20,000) of BYTES (10,000) with LINKS links each (40).

The same bytes every time.  With n = LINKS - 1, page i links to pages n i + 1 ... n i + LINKS (modulo PAGES), so
that all are reached from page 0 within a few hops, and most links lead to what is known already, as
on real sites.  Also writes DIR/urls.txt, the path of every page, a line each.
"""

import functools
import gzip
import sys
from pathlib import Path

LINKS = 40
BYTES = 10_000
SENTENCES = 4096
WORDS = (
    "harbour tide wall light boat quay rope anchor north morning weather captain ledger net "
    "water stone winter market letter signal bell fog chart lantern ferry gull sand mast "
    "keel oar storm calm island channel pilot log cargo barrel salt engine whistle crew"
).split()


def following(state):
    """The next state of a generator of numbers, whose upper 31 bits are good."""
    return (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)


@functools.cache
def sentence(k):
    state, words = k * 2654435761 + 12345, []
    for _ in range(12):
        state = following(state)
        words.append(WORDS[(state >> 33) % len(WORDS)])
    return f"<p class=\"entry\">{' '.join(words).capitalize()}.</p>\n"


def path(i):
    return f"/{i // 1000:02}/page{i:05}.html"


def page(i, pages, size=BYTES, links=LINKS, path=path):
    found = []
    for j in range(links):
        target = ((links - 1) * i + j + 1) % pages
        found.append(f'<li><a href="{path(target)}">Page {target} of the log</a></li>')
    head = (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Page {i}</title>\n'
        f'<link rel="canonical" href="{path(i)}">\n</head>\n<body>\n<h1>Page {i}</h1>\n<ul>\n'
        + "\n".join(found)
        + "\n</ul>\n"
    )
    tail = "</body>\n</html>\n"
    text, room, state = [], size - len(head) - len(tail), following(i)
    while room > 200:
        state = following(state)
        text.append(sentence((state >> 33) % SENTENCES))
        room -= len(text[-1])
    return head + "".join(text) + "<!--" + "." * (room - 8) + "-->\n" + tail


def make(top, pages, size=BYTES, links=LINKS, zipped=False):
    """Writes the site, unless it is there whole; zipped: beside each page the same as .gz."""
    mark = top / "urls.txt"
    if mark.exists():
        return
    for i in range(pages):
        file = top / path(i)[1:]
        if i % 1000 == 0:
            file.parent.mkdir(parents=True, exist_ok=True)
        text = page(i, pages, size, links).encode()
        file.write_bytes(text)
        if zipped:
            Path(f"{file}.gz").write_bytes(gzip.compress(text, 6, mtime=0))
    mark.write_text("".join(path(i) + "\n" for i in range(pages)))


def make_hosts(top, hosts, pages, size=BYTES, links=LINKS):
    """A directory for each of these hosts, with so many pages each; no two pages are the same."""
    mark = top / "urls.txt"
    if mark.exists():
        return
    names = []
    for h, host in enumerate(hosts):
        (top / host).mkdir(parents=True, exist_ok=True)
        for i in range(pages):
            # Pages are numbered within their host, and their text by the number among all.
            text = page(i, pages, size, links, lambda k: f"/page{k:05}.html")
            unlike = sentence((h * pages + i) % SENTENCES)
            text = text.replace(f"<title>Page {i}<", f"<title>Page {i} of {host}<").replace("<ul>", unlike + "<ul>")
            (top / host / f"page{i:05}.html").write_text(text)
            names.append((i, f"{host}/page{i:05}.html\n"))
    names.sort(key=lambda row: row[0])  # host by host in turn
    mark.write_text("".join(name for _, name in names))


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[2:]]
    make(Path(sys.argv[1]), *(numbers or [20_000]))

#!/usr/bin/python3
"""make_site.py DIR [PAGES]: a site of PAGES pages (20,000) of 10 KB with 40 links each.

The same bytes every time.  Page i links to pages 39 i + 1 ... 39 i + 40 (modulo PAGES), so that
all are reached from page 0 within a few hops, and most links lead to what is known already, as
on real sites.  Also writes DIR/urls.txt, the path of every page, a line each.
"""

import sys
from pathlib import Path

LINKS = 40
BYTES = 10_000
WORDS = (
    "harbour tide wall light boat quay rope anchor north morning weather captain ledger net "
    "water stone winter market letter signal bell fog chart lantern ferry gull sand mast "
    "keel oar storm calm island channel pilot log cargo barrel salt engine whistle crew"
).split()


def path(i):
    return f"/{i // 1000:02}/page{i:05}.html"


def page(i, pages):
    state = i * 2654435761 + 12345
    links = []
    for j in range(LINKS):
        target = (39 * i + j + 1) % pages
        links.append(f'<li><a href="{path(target)}">Page {target} of the log</a></li>')
    head = (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Page {i}</title>\n'
        f'<link rel="canonical" href="{path(i)}">\n</head>\n<body>\n<h1>Page {i}</h1>\n<ul>\n'
        + "\n".join(links)
        + "\n</ul>\n"
    )
    tail = "</body>\n</html>\n"
    text, room = [], BYTES - len(head) - len(tail)
    while room > 200:
        words = []
        for _ in range(12):
            state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
            words.append(WORDS[(state >> 33) % len(WORDS)])
        line = f"<p class=\"entry\">{' '.join(words).capitalize()}.</p>\n"
        text.append(line)
        room -= len(line)
    return head + "".join(text) + "<!--" + "." * (room - 8) + "-->\n" + tail


def main():
    top = Path(sys.argv[1])
    pages = int(sys.argv[2]) if len(sys.argv) > 2 else 20_000
    mark = top / "urls.txt"
    if mark.exists() and len(mark.read_text().splitlines()) == pages:
        return  # made before
    for i in range(pages):
        file = top / path(i)[1:]
        if i % 1000 == 0:
            file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(page(i, pages))
    mark.write_text("".join(path(i) + "\n" for i in range(pages)))


main()

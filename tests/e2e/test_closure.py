"""Real documentation, crawled: exactly what its links reach, each page once and whole.

What is reached is worked out by closure.py, from the files, with Python's own parsers.
"""

import base64
import hashlib
import os
import urllib.parse
from collections import Counter
from pathlib import Path

import pytest

import closure
import harness

DOCS = {
    "postgresql": "postgresql-doc-15/usr/share/doc/postgresql-doc-15/html",
    "python": "python3.11-doc/usr/share/doc/python3.11/html",
}
PLUMBING = {"/robots.txt", "/sitemap.xml"}


def docs_root(name):
    """Unpacked by `./bootstrap check`, or installed."""
    places = [Path("/") / DOCS[name].split("/", 1)[1]]
    for top in (os.environ.get("TRAWL_DOCS"), harness.SRCDIR / "build" / "docs", harness.BUILDDIR / "docs"):
        if top:
            places.append(Path(top) / DOCS[name])
    for place in places:
        if (place / "index.html").exists():
            return place
    pytest.skip(f"the documentation {DOCS[name].split('/')[0]} is not there; ./bootstrap check fetches it")


@pytest.fixture(scope="module", params=sorted(DOCS))
def crawled(request, tmp_path_factory):
    tmp = tmp_path_factory.mktemp(request.param)
    root = docs_root(request.param)
    server = f'server {{ listen 127.0.0.1:@PORT@; root "{root}"; index index.html; }}'
    with harness.nginx(tmp / "nginx", server) as web:
        result, out = harness.crawl(
            tmp / "crawl", "-q", "--delay", "0", "--per-host", "8", web.url("/index.html"), timeout=240
        )
        asked = [row["uri"] for row in web.log()]
    reached = closure.closure(closure.from_files(root), web.url("/index.html"))
    yield result, out, web, asked, reached


def test_the_crawl_ends_well(crawled):
    result = crawled[0]
    assert result.rc == 0, result.err


def test_it_asks_for_exactly_what_the_links_reach(crawled):
    _, _, web, asked, reached = crawled
    got = {closure.canonical(web.url(uri)) for uri in asked if uri not in PLUMBING}
    expected = {closure.canonical(url) for url in reached}
    assert len(expected) > 500
    assert sorted(got - expected) == []
    assert sorted(expected - got) == []


def test_it_asks_for_nothing_twice(crawled):
    asked = crawled[3]
    assert [uri for uri, times in Counter(asked).items() if times > 1] == []


def test_every_page_is_in_the_archive_once(crawled):
    _, out, web, _, reached = crawled
    archived = out.archived()
    assert [url for url, records in archived.items() if len(records) != 1] == []
    got = {closure.canonical(url) for url in archived if urllib.parse.urlsplit(url).path not in PLUMBING}
    assert got == {closure.canonical(url) for url in reached}


def test_every_body_is_byte_for_byte_what_is_served(crawled):
    _, out, _, _, reached = crawled
    expected = {closure.canonical(url): answer for url, answer in reached.items()}
    compared = 0
    for url, (record,) in out.archived().items():
        answer = expected.get(closure.canonical(url))
        if answer is None or answer.status != 200:
            continue
        if record.type == "revisit":
            digest = base64.b32encode(hashlib.sha1(answer.body).digest()).decode()
            assert record.headers["warc-payload-digest"] == f"sha1:{digest}", url
        else:
            assert record.payload == answer.body, url
        compared += 1
    assert compared == sum(a.status == 200 for a in reached.values())


def test_pages_jsonl_has_one_line_a_page_that_points_into_the_archive(crawled):
    _, out, _, _, reached = crawled
    pages = out.pages()
    assert len({p["url"] for p in pages}) == len(pages)
    assert {closure.canonical(p["url"]) for p in pages} >= {closure.canonical(u) for u in reached}
    where = {(r.path.name.removesuffix(".open"), r.offset): r for r in out.records()}
    for p in pages:
        at = p["warc"]
        record = where[at["file"].removesuffix(".open"), at["offset"]]
        assert record.uri == p["url"]
        assert record.length == at["length"]
        assert record.headers["warc-payload-digest"] == p["digest"]

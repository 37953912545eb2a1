"""The archive of a whole site, judged by others: warcio reads every record with its digests, and
wget's own archive of the same pages has the same payloads.

`make check` takes a hundred pages, `make archivetest` 5,000 and the large files.
"""

import json
import os
import random
import shutil
import socket
import subprocess
import time
import urllib.parse

import pytest

import harness
import judges
import warc

PAGES = int(os.environ.get("ARCHIVE_PAGES", "100"))
WORDS = "archive crawl record page frontier digest header payload seed host queue fetch".split()


def make_site(root):
    """PAGES pages that are reached from the first, each with an image; some files are odd."""
    rng = random.Random(1)
    root.mkdir()
    for n in range(PAGES):
        links = [f"p{k}.html" for k in (2 * n + 1, 2 * n + 2) if k < PAGES]
        links += [f"p{rng.randrange(PAGES)}.html" for _ in range(5)]
        text = " ".join(rng.choice(WORDS) for _ in range(rng.randrange(20, 600)))
        body = "".join(f'<a href="{u}">{u}</a>\n' for u in links)
        (root / f"p{n}.html").write_text(
            f"<!doctype html><title>Page {n}</title>{body}<img src=i{n % 50}.png><p>{text}", encoding="utf-8"
        )
    for n in range(50):
        (root / f"i{n}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + rng.randbytes(2000))
    (root / "p1.html").write_text((root / "p1.html").read_text() + '<a href="empty.bin">0</a><a href="nul.bin">n</a>')
    (root / "empty.bin").write_bytes(b"")
    (root / "nul.bin").write_bytes(bytes(range(256)) * 40)


@pytest.fixture(scope="module")
def crawled(tmp_path_factory):
    tmp = tmp_path_factory.mktemp("archive")
    make_site(tmp / "site")
    server = f"server {{ listen 127.0.0.1:@PORT@; root {tmp / 'site'}; }}"
    with harness.nginx(tmp / "nginx", server) as web:
        args = ("-q", "--delay", "0", "--per-host", "8", "--warc-size", "4MB", "--from", "who@a.test", web.url("/p0.html"))
        result, out = harness.crawl(tmp / "crawl", *args, timeout=300)
        assert result.rc == 0, result.err
        urls = [p["url"] for p in out.pages()]
        assert len(urls) == PAGES + min(PAGES, 50) + 2
        (tmp / "list").write_text("\n".join(urls) + "\n")
        if shutil.which("wget"):
            args = ["wget", "-q", "-i", tmp / "list", "--warc-file", tmp / "wget", "-O", "/dev/null", "--no-proxy"]
            subprocess.run(args, cwd=tmp, check=True, timeout=300)
    return out, tmp


def payloads(paths):
    """(URL, payload digest) of each answer, read with nothing of ours."""
    found = {}
    for path in paths:
        for _, _, content in warc._members(path):
            headers, _ = warc._parse(content)
            if headers["warc-type"] == "response":
                uri = headers["warc-target-uri"].strip("<>")
                assert uri not in found
                found[uri] = headers["warc-payload-digest"]
    return found


def test_every_file_is_sound_to_the_last_byte(crawled):
    out, _ = crawled
    assert len(out.warcs()) > (1 if PAGES > 1000 else 0)
    assert len([r for r in out.records() if r.type == "response"]) == len(out.pages()) + 1  # robots.txt
    begun = time.monotonic()
    done = harness.trawl("warc", "verify", "--json", *out.warcs(), timeout=300)
    n = json.loads(done.out)
    print(f"\ntrawl warc verify: {n} in {time.monotonic() - begun:.2f} s")
    assert done.rc == 0 and (n["faults"], n["notes"]) == (0, 0), done.err
    assert n["records"] == len(out.records())


def test_each_file_begins_with_who_made_it_and_how(crawled):
    out, _ = crawled
    for path in out.warcs():
        first = warc.read(path, {warc.warcinfo_id(p) for p in out.warcs()})[0]
        told = dict(line.split(": ", 1) for line in first.block.decode().splitlines())
        assert told["software"].startswith("trawl/") and told["format"] == "WARC File Format 1.1"
        assert told["hostname"] == socket.gethostname() and told["isPartOf"] == "127.0.0.1"
        assert told["operator"] == told["http-header-from"] == "who@a.test" and told["robots"] == "obey"
        assert told["http-header-user-agent"].startswith("trawl/")


@judges.need("warcio")
def test_warcio_reads_every_record_and_finds_every_digest_right(crawled):
    out, _ = crawled
    begun = time.monotonic()
    rows = judges.warcio_read(*out.warcs())
    print(f"\nwarcio: {len(rows)} records in {time.monotonic() - begun:.2f} s")
    assert [(o, t) for o, t, _, _ in rows] == [(r.offset, r.type) for r in out.records()]
    digests = {uri: digest for _, kind, uri, digest in rows if kind == "response"}
    assert {p["url"]: p["digest"] for p in out.pages()}.items() <= digests.items()


@pytest.mark.skipif(shutil.which("wget") is None, reason="wget is not installed")
def test_wget_archives_the_same_payloads(crawled):
    out, tmp = crawled
    theirs = payloads([tmp / "wget.warc.gz"])
    ours = {u: d for u, d in payloads(out.warcs()).items() if urllib.parse.urlsplit(u).path != "/robots.txt"}
    print(f"\nwget: {len(theirs)} payload digests")
    assert len(ours) == len(out.pages())
    assert theirs == ours
    done = harness.trawl("warc", "verify", tmp / "wget.warc.gz")
    assert done.rc == 0, done.err


@judges.need("cdxj-indexer")
def test_cdxj_indexer_makes_the_same_index(crawled):
    out, _ = crawled
    theirs = [json.loads(line.split(" ", 2)[2]) for line in judges.run("cdxj-indexer", "-s", *out.warcs()).splitlines()]
    ours = [json.loads(line.split(" ", 2)[2]) for line in (out.dir / "index.cdxj").read_text().splitlines()]
    place = lambda row: (row["filename"], int(row["offset"]))
    assert sorted(ours, key=place) == sorted(theirs, key=place)

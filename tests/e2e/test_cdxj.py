"""index.cdxj: in order, complete, and as other indexers make it of the same files."""

import gzip
import json
import os
import signal

import pytest

import harness
import judges


@pytest.fixture(scope="module")
def crawled(tmp_path_factory):
    tmp = tmp_path_factory.mktemp("cdxj")
    with harness.demo_site(tmp / "nginx") as web:
        result, out = harness.crawl(
            tmp / "crawl", "-q", "--delay", "0", "--per-host", "4", "--warc-size", "65536", web.url("/"), timeout=120
        )
    assert result.rc == 0, result.err
    return web, out


def index(out):
    return (out.dir / "index.cdxj").read_bytes().decode().splitlines()


def parsed(lines):
    """(key, timestamp, object) a line."""
    return [(*line.split(" ", 2)[:2], json.loads(line.split(" ", 2)[2])) for line in lines]


def test_every_answer_is_in_it_with_its_place(crawled):
    _, out = crawled
    lines = index(out)
    assert lines == sorted(lines, key=str.encode)
    have = sorted((d["filename"], int(d["offset"]), int(d["length"]), d["url"], d["digest"]) for _, _, d in parsed(lines))
    assert have == sorted(
        (r.path.name, r.offset, r.length, r.uri, r.headers["warc-payload-digest"])
        for r in out.records()
        if r.type == "response" and r.uri.startswith("http")
    )


def test_trawl_warc_index_makes_the_same_of_the_files(crawled, tmp_path):
    _, out = crawled
    done = harness.trawl("warc", "index", *out.warcs())
    assert done.rc == 0 and done.out.splitlines() == index(out)
    harness.trawl("warc", "index", "-o", tmp_path / "x.cdxj", *out.warcs())
    assert (tmp_path / "x.cdxj").read_text().splitlines() == index(out)


def test_no_archive_is_overwritten_by_its_index(crawled, tmp_path):
    """`trawl warc index -o *.warc.gz`, the name of the index forgotten."""
    _, out = crawled
    first, second = out.warcs()[:2]
    for name in "a.warc.gz", "b.warc":
        data = first.read_bytes() if name.endswith("gz") else gzip.decompress(first.read_bytes())
        (tmp_path / name).write_bytes(data)
        done = harness.trawl("warc", "index", "-o", tmp_path / name, second)
        assert (done.rc, done.err) == (3, f"trawl: {tmp_path / name} is an archive, and is not overwritten\n")
        assert (tmp_path / name).read_bytes() == data
    (tmp_path / "old").write_text("what an index was before\n")
    done = harness.trawl("warc", "index", "-o", tmp_path / "old", *out.warcs())
    assert done.rc == 0 and (tmp_path / "old").read_text().splitlines() == index(out)
    os.mkfifo(tmp_path / "pipe")
    done = harness.trawl("warc", "index", "-o", tmp_path / "pipe", second)
    assert (done.rc, done.err) == (3, f"trawl: {tmp_path / 'pipe'} exists, is no regular file, and is not overwritten\n")


@judges.need("cdxj-indexer")
def test_cdxj_indexer_makes_the_same_of_the_files(crawled):
    _, out = crawled
    theirs = parsed(judges.run("cdxj-indexer", "-s", *out.warcs()).splitlines())
    ours = parsed(index(out))
    order = lambda row: (row[0], row[1], row[2]["filename"], int(row[2]["offset"]))
    assert sorted(ours, key=order) == sorted(theirs, key=order)


def test_a_crawl_that_was_killed_has_the_whole_index_in_the_end(tmp_path):
    with harness.demo_site(tmp_path / "nginx") as web:
        out = harness.Output(tmp_path / "crawl")
        run = harness.Running("crawl", "-q", "-o", out.dir, "--delay", "100ms", web.url("/"))
        harness.wait_until("some pages", lambda: out.pages_yet() > 15)
        run.signal(signal.SIGKILL)
        run.end()
        (out.dir / "index.cdxj.new").write_bytes(b"what a kill while sorting leaves")
        assert not (out.dir / "index.cdxj").exists()
        result = harness.trawl("resume", out.dir, "-q", "--delay", "0", timeout=120)
        assert result.rc == 0, result.err
    have = sorted((d["url"], int(d["offset"])) for _, _, d in parsed(index(out)))
    assert have == sorted((r.uri, r.offset) for r in out.records() if r.type == "response" and r.uri.startswith("http"))
    assert not (out.dir / "index.cdxj.new").exists()


def test_without_an_archive_there_is_no_index(tmp_path):
    with harness.demo_site(tmp_path / "nginx") as web:
        result, out = harness.crawl(tmp_path / "crawl", "-q", "--sink", "jsonl", "--max-pages", "3", "--delay", "0", web.url("/"))
    assert list(out.dir.rglob("index.*")) == []


@pytest.mark.parametrize("state, where", [("rocksdb", ["index.cdxj", "state/index.unsorted"]), ("memory", ["index.cdxj"])])
def test_what_is_not_sorted_yet_lies_among_the_state(tmp_path, state, where):
    with harness.demo_site(tmp_path / "nginx") as web:
        result, out = harness.crawl(tmp_path / "c", "-q", "--state", state, "--delay", "0", web.url("/"), timeout=120)
    assert result.rc == 0, result.err
    assert sorted(str(p.relative_to(out.dir)) for p in out.dir.rglob("index.*")) == where
    assert len(index(out)) > 100


def test_no_index_is_made_of_lines_that_have_changed_on_the_disk(tmp_path):
    """It would have lost a page, or told of one that there is not, and nobody would know."""
    with harness.demo_site(tmp_path / "nginx") as web:
        result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--max-pages", "30", web.url("/"))
        assert result.rc == 0, result.err
        before = index(out)
        path = out.dir / "state" / "index.unsorted"
        lines = path.read_bytes()
        path.write_bytes(lines.replace(b"boats/sunk", b"boats/suni", 1) if b"boats/sunk" in lines else lines.replace(b"http", b"hptt", 1))
        assert len(path.read_bytes()) == len(lines) and path.read_bytes() != lines
        result = harness.trawl("resume", "-q", out.dir, "--max-pages", "none", "--per-host", "4")
        assert result.rc == 3 and "index.unsorted is damaged" in result.err and "trawl warc index" in result.err
        assert index(out) == before
        # All else is as it should be, and the archive has what makes a new one.
        done = harness.trawl("warc", "index", *out.warcs())
        assert done.rc == 0 and {d["url"] for _, _, d in parsed(done.out.splitlines())} >= {p["url"] for p in out.pages()}

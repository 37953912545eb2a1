"""The numbers at which answers are cut, each at its edge; doc/trawl.1 and src/*/README.md name them."""

import pytest

import harness
import hostile
from hostile import Case, coded, gzip, head, page

LINES_MAX = 1000  # the status line and the empty one included
URL_MAX = 8192
LINKS_MAX = 6000
KIB = 1 << 10


def links(n):
    return b"".join(b"<a href=/-%d>" % i for i in range(n))


def crawl(tmp_path, cases, *options):
    """Case name -> (its line in pages.jsonl or None, how often it was rejected for, its record)."""
    with hostile.Hostile(cases, net="127.15") as server:
        _, out = harness.crawl(
            tmp_path / "crawl", "-q", "--retries", "0", "--exclude", "/-", *options, *(server.url(c) for c in cases)
        )
        urls = {c.name: server.url(c) for c in cases}
    pages = {p["url"]: p for p in out.pages()}
    rejected = out.rejected()
    archived = out.archived()
    found = {}
    for name, url in urls.items():
        left = [u for _, u, via, _ in rejected if via == url]
        found[name] = pages.get(url), left, archived.get(url, [None])[0]
    return found


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    """Without options."""
    lines = LINES_MAX - 4  # status, type, length, the empty one
    long = "/-" + "x" * (URL_MAX - len("http://127.15.1.1:12345/-"))
    cases = [
        Case("lines", page(b"x", *["X: y"] * lines), "ok"),
        Case("lines-and-one", page(b"x", *["X: y"] * (lines + 1)), "protocol-error"),
        Case("bytes", page(b"x", *["X: " + "y" * 99_000] * 3), "ok"),
        Case("bytes-and-more", page(b"x", *["X: " + "y" * 99_000] * 4), "protocol-error"),
        Case("links", page(links(LINKS_MAX)), "ok"),
        Case("links-and-one", page(links(LINKS_MAX + 1)), "ok"),
        Case("url", page(f"<a href={long}>".encode()), "ok"),
        Case("url-and-one", page(f"<a href={long}x>".encode()), "ok"),
        # A ratio of some 1,000, of which 200 and a MiB are read.
        Case("ratio", coded("gzip", hostile.gzip_zeros(16 << 20)), "ok"),
    ]
    return crawl(tmp_path_factory.mktemp("usual"), cases)


def test_a_head_has_so_many_lines_and_bytes(usual):
    assert usual["lines"][0]["outcome"] == usual["bytes"][0]["outcome"] == "ok"
    assert usual["lines-and-one"][0] is usual["bytes-and-more"][0] is None


def test_a_page_has_so_many_links_and_the_rest_is_counted(usual):
    for name, count in (("links", LINKS_MAX), ("links-and-one", LINKS_MAX + 1)):
        told, left, _ = usual[name]
        assert told["links"] == count
        assert len(left) == LINKS_MAX


def test_a_url_has_so_many_bytes(usual):
    (fits,), (does_not,) = usual["url"][1], usual["url-and-one"][1]
    assert len(fits) == URL_MAX
    assert len(does_not) < URL_MAX, "what is told of one that is too long is cut"


def test_what_comes_compressed_grows_so_much_and_no_more(usual):
    told, _, record = usual["ratio"]
    assert told["coding"] == "bomb"
    at_most = (1 << 20) + 200 * len(record.payload)
    assert at_most - 64 * KIB <= told["bytes_body"] <= at_most


def test_it_is_told_what_is_wrong_with_a_content_coding(tmp_path):
    whole = gzip(b"<a href=/-x>" * 99)
    cases = [
        Case("whole", coded("gzip", whole), "ok"),
        Case("truncated", coded("gzip", whole[:-9]), "ok"),
        Case("corrupt", coded("gzip", whole[:-8] + bytes(8)), "ok"),  # another checksum
        Case("unsupported", coded("rot13", b"x"), "ok"),
    ]
    for name, (told, _, _) in crawl(tmp_path, cases).items():
        assert told.get("coding") == (None if name == "whole" else name)


def test_options_say_how_many_links_are_taken_and_how_much_is_decoded(tmp_path):
    before, behind = b"<a href=/-before>", b"<a href=/-behind>"
    cases = [
        Case("links", page(links(100)), "ok"),
        Case("decoded", coded("gzip", gzip(before + b" " * 20 * KIB + behind)), "ok"),
        Case("plain", page(before + b" " * 20 * KIB + behind), "ok"),
    ]
    found = crawl(tmp_path, cases, "--max-links", "10", "--max-decoded", "10KiB")
    assert found["links"][0]["links"] == 100
    assert len(found["links"][1]) == 10
    assert found["decoded"][0]["bytes_body"] == 10 * KIB
    assert found["decoded"][0]["coding"] == "too-large"
    assert [u.rpartition("/-")[2] for u in found["decoded"][1]] == ["before"]
    assert len(found["plain"][1]) == 2


def test_a_body_is_cut_at_max_body_also_when_memory_is_too_little_for_it(tmp_path):
    body = b"x" * (20 << 20)
    cases = [Case("plain", page(body), "too-large"), Case("untold", head() + body, "too-large")]
    found = crawl(tmp_path / "a", cases, "--max-body", "3MiB")
    assert {len(r.payload) for _, _, r in found.values()} == {3 << 20}
    found = crawl(tmp_path / "b", cases, "--max-body", "1GB", "--max-memory", "128MiB")
    for _, _, r in found.values():  # with its head
        assert (16 << 20) - 1000 < len(r.payload) < 16 << 20

"""WACZ: what the published specification asks for, and what other people's tools say of it."""

import gzip
import hashlib
import json
import os
import re
import shutil
import zipfile

import pytest

import harness
import judges


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    tmp = tmp_path_factory.mktemp("wacz")
    with harness.demo_site(tmp / "nginx") as web:
        result, out = harness.crawl(
            tmp / "crawl", "-q", "--delay", "0", "--per-host", "4", "--warc-size", "65536", "--wacz", web.url("/"), timeout=120
        )
    assert result.rc == 0, result.err
    return web, out, out.dir / "archive.wacz"


@pytest.mark.parametrize("options", [("--warc-compression", "zstd"), ("--sink", "jsonl")])
def test_what_cannot_be_packed_is_told_before_the_crawl(packed, tmp_path, options):
    web, _, _ = packed
    result, out = harness.crawl(tmp_path / "out", "--wacz", *options, web.url("/"))
    assert result.rc == 2 and "--wacz" in result.err and not out.dir.exists(), result.err
    said = {"zstd": "say --warc-compression gzip", "jsonl": "add --sink warc"}
    assert said[options[1]] in result.err


def test_the_summary_names_the_file(tmp_path):
    with harness.demo_site(tmp_path / "nginx") as web:
        result, out = harness.crawl(tmp_path / "out", "--wacz", "--scope", "page", "--delay", "0", web.url("/"))
    assert result.rc == 0 and f"  replay    {out.dir}/archive.wacz\n" in result.err, result.err


def members(path):
    with zipfile.ZipFile(path) as z:
        assert z.testzip() is None
        assert all(i.compress_type == zipfile.ZIP_STORED for i in z.infolist())
        return {i.filename: z.read(i) for i in z.infolist()}


def test_every_resource_is_there_with_its_digest(packed):
    _, _, path = packed
    files = members(path)
    package = json.loads(files["datapackage.json"])
    assert package["profile"] == "data-package" and package["wacz_version"] == "1.1.1"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", package["created"])
    assert {r["path"] for r in package["resources"]} == set(files) - {"datapackage.json", "datapackage-digest.json"}
    for r in package["resources"]:
        data = files[r["path"]]
        assert (r["bytes"], r["hash"]) == (len(data), "sha256:" + hashlib.sha256(data).hexdigest())
        assert re.fullmatch(r"[-a-z0-9._]+", r["name"])
    digest = json.loads(files["datapackage-digest.json"])
    assert digest == {"path": "datapackage.json", "hash": "sha256:" + hashlib.sha256(files["datapackage.json"]).hexdigest()}


def test_the_archive_files_are_those_of_the_crawl(packed):
    _, out, path = packed
    files = members(path)
    archived = {n: d for n, d in files.items() if n.startswith("archive/")}
    assert archived == {f"archive/{p.name}": p.read_bytes() for p in out.warcs()}


def test_pages_are_those_that_people_look_at(packed):
    web, out, path = packed
    lines = [json.loads(line) for line in members(path)["pages/pages.jsonl"].splitlines()]
    assert lines[0]["format"] == "json-pages-1.0" and lines[0]["id"] == "pages"
    want = [(p["url"], p["fetched_at"], p.get("title")) for p in out.pages() if p["status"] == 200 and p.get("mime") == "text/html"]
    assert len(want) > 10
    assert [(p["url"], p["ts"], p.get("title")) for p in lines[1:]] == want
    assert len({p["id"] for p in lines[1:]}) == len(want)
    assert json.loads(members(path)["datapackage.json"])["mainPageUrl"] == want[0][0]


def test_each_block_of_the_index_is_found_by_its_line(packed):
    _, out, path = packed
    files = members(path)
    idx = files["indexes/index.idx"].decode().splitlines()
    assert idx[0].startswith("!meta 0 {")
    found = b""
    for line in idx[1:]:
        row = json.loads(line[line.index("{") :])
        assert row["filename"] == "index.cdx.gz" and row["offset"] + row["length"] <= len(files["indexes/index.cdx.gz"])
        block = gzip.decompress(files["indexes/index.cdx.gz"][row["offset"] : row["offset"] + row["length"]])
        assert block.decode().startswith(line[: line.index("{")].strip() + " {")
        found += block
    assert found == (out.dir / "index.cdxj").read_bytes()


@judges.need("wacz")
def test_py_wacz_calls_it_valid(packed):
    _, _, path = packed
    out = judges.run("wacz", "validate", "-f", path)
    print(out)


def test_a_crawl_that_is_not_over_or_no_crawl_is_refused(packed, tmp_path):
    _, out, _ = packed
    done = harness.trawl("warc", "wacz", tmp_path)
    assert done.rc == 3 and "there is no index.cdxj" in done.err
    for name, why in ("nowhere", "No such file or directory"), ("file", "Not a directory"):
        (tmp_path / "file").touch()
        done = harness.trawl("warc", "wacz", tmp_path / name)
        assert done.rc == 3 and done.err == f"trawl: {tmp_path / name} is not the directory of a crawl: {why}\n"
    copy = tmp_path / "copy"
    shutil.copytree(out.dir / "warc", copy / "warc")
    shutil.copy(out.dir / "index.cdxj", copy)
    first = next(iter(sorted((copy / "warc").iterdir())))
    first.rename(first.with_name(first.name + ".open"))
    done = harness.trawl("warc", "wacz", copy)
    assert done.rc == 3 and "the crawl is not over" in done.err
    assert not list(copy.glob("*.wacz*"))


def test_a_wacz_is_replaced_and_nothing_else_is(packed, tmp_path):
    """Packing again is meant; another file, by a slip of the pen, or a device is not."""
    _, out, path = packed
    made = tmp_path / "made.wacz"
    made.touch()
    for _ in "empty", "of before":
        done = harness.trawl("warc", "wacz", "-o", made, out.dir)
        assert done.rc == 0 and set(members(made)) == set(members(path)), done.err
    for name, data in ("notes", b"PK, my notes\n"), ("first.warc.gz", out.warcs()[0].read_bytes()):
        (tmp_path / name).write_bytes(data)
        done = harness.trawl("warc", "wacz", "-o", tmp_path / name, out.dir)
        assert (done.rc, done.err) == (3, f"trawl: {tmp_path / name} exists, is no WACZ, and is not overwritten\n")
        assert (tmp_path / name).read_bytes() == data
    for other in (tmp_path / "pipe", tmp_path / "folder"):
        os.mkfifo(other) if other.name == "pipe" else other.mkdir()
        done = harness.trawl("warc", "wacz", "-o", other, out.dir)
        assert (done.rc, done.err) == (3, f"trawl: {other} exists, is no regular file, and is not overwritten\n")
    (tmp_path / "linked.wacz.new").symlink_to(tmp_path / "notes")  # where it would be written first
    done = harness.trawl("warc", "wacz", "-o", tmp_path / "linked.wacz", out.dir)
    assert done.rc == 0 and (tmp_path / "notes").read_bytes() == b"PK, my notes\n", done.err
    assert set(members(tmp_path / "linked.wacz")) == set(members(path)) and not (tmp_path / "linked.wacz").is_symlink()
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "first.warc.gz", "folder", "linked.wacz", "made.wacz", "notes", "pipe"
    ]  # fmt: skip


@pytest.mark.skipif(not os.environ.get("ARCHIVE_LARGE"), reason="4 GiB: make archivetest")
def test_files_of_more_than_4_GiB_are_told_as_zip64(packed, tmp_path):
    """A sparse archive: the ZIP has to be right, whatever is in it."""
    _, out, _ = packed
    (tmp_path / "big" / "warc").mkdir(parents=True)
    shutil.copy(out.dir / "index.cdxj", tmp_path / "big")
    size = (4 << 30) + 4097
    for n in range(2):
        with open(tmp_path / "big" / "warc" / f"{n}.warc", "wb") as f:
            f.truncate(size if n == 0 else 10)
    if shutil.disk_usage(tmp_path).free < 3 * size:
        pytest.skip("too little room")
    done = harness.trawl("warc", "wacz", "-o", tmp_path / "big.wacz", tmp_path / "big", timeout=300)
    assert done.rc == 0, done.err
    with zipfile.ZipFile(tmp_path / "big.wacz") as z:
        infos = {i.filename: i for i in z.infolist()}
        assert infos["archive/0.warc"].file_size == size
        assert z.read("archive/1.warc") == b"\0" * 10  # lies behind 4 GiB
        assert json.loads(z.read("datapackage.json"))["resources"][-2]["bytes"] == size
    (tmp_path / "big.wacz").unlink()

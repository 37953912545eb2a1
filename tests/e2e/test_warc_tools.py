"""trawl warc: what it lists, checks, takes out and rewrites, against readers that know nothing of it."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import zipfile

import pytest

import harness
import judges
import warc


@pytest.fixture(scope="module")
def crawled(tmp_path_factory):
    tmp = tmp_path_factory.mktemp("tools")
    with harness.demo_site(tmp / "nginx") as web:
        result, out = harness.crawl(
            tmp / "crawl", "-q", "--delay", "0", "--per-host", "4", "--warc-size", "65536", web.url("/"), timeout=120
        )
    assert result.rc == 0, result.err
    assert len(out.warcs()) > 1
    return web, out


def tool(*args, rc=0):
    done = harness.trawl("warc", *args)
    assert done.rc == rc, f"{done.rc}: {done.err}"
    return done


def listed(*files, rc=0):
    return [json.loads(line) for line in tool("list", "--json", *files, rc=rc).out.splitlines()]


def test_list_tells_every_record_with_its_place(crawled):
    _, out = crawled
    want = [(str(r.path), r.offset, r.length, r.type, r.uri, r.id[1:-1]) for r in out.records()]
    have = [(r["file"], r["offset"], r["length"], r["type"], r.get("url", ""), r["id"]) for r in listed(*out.warcs())]
    assert have == want
    by_place = {(r.path.name, r.offset): r for r in out.records()}
    for row in listed(*out.warcs()):
        if row["type"] == "response":
            name = row["file"].rsplit("/", 1)[1]
            assert row["status"] == by_place[name, row["offset"]].http_status


def test_list_as_text_has_the_columns_of_the_manual(crawled):
    _, out = crawled
    for line in tool("list", out.warcs()[0]).out.splitlines():
        offset, length, kind, date, status, mime, url = line.split("\t")
        assert offset.isdigit() and length.isdigit() and date.endswith("Z")
        assert (kind == "warcinfo") == (url == "-")
        assert (kind == "response") == status.isdigit()


def test_the_example_of_the_manual_names_what_is_missing_of_one_file_and_of_many(crawled):
    _, out = crawled
    page = (harness.SRCDIR / "doc/trawl-warc.1").read_text().replace("\\-", "-").replace("\\et", "\\t")
    (awk,) = [line.split(" | ", 1)[1] for line in page.splitlines() if line.startswith("trawl warc list") and "404" in line]
    answers = [r for r in out.records() if r.type == "response" and r.uri.startswith("http")]
    missing = {str(p): {r.uri for r in answers if r.path == p and r.http_status == 404} for p in out.warcs()}
    (one,) = [path for path, lost in missing.items() if lost][:1]
    for files in [one], out.warcs():
        told = subprocess.run(["sh", "-c", awk], input=tool("list", *files).out, capture_output=True, text=True, timeout=60)
        assert told.returncode == 0 and set(told.stdout.split()) == set().union(*(missing[str(f)] for f in files))


def test_verify_finds_nothing_wrong(crawled):
    _, out = crawled
    done = tool("verify", "--json", *out.warcs())
    n = json.loads(done.out)
    assert (n["files"], n["records"], n["faults"]) == (len(out.warcs()), len(out.records()), 0)
    assert n["payloads"] == sum(1 for r in out.records() if r.type == "response")


def test_verify_names_the_place_of_a_flipped_byte(crawled, tmp_path):
    _, out = crawled
    path = out.warcs()[0]
    for r in [r for r in out.records() if r.path == path][1::7]:
        data = bytearray(path.read_bytes())
        data[r.offset + r.length // 2] ^= 0x10
        bad = tmp_path / "bad.warc.gz"
        bad.write_bytes(data)
        done = tool("verify", bad, rc=1)
        assert f"offset {r.offset}: " in done.err


@pytest.mark.parametrize("command", ["list", "verify", "extract", "index", "recompress"])
def test_a_directory_in_the_place_of_a_file_is_told_with_where_its_files_are(crawled, tmp_path, command):
    _, out = crawled
    more = {"recompress": [tmp_path / "to.warc.gz"], "extract": ["--offset", "0"]}.get(command, [])

    def told(directory):
        lines = tool(command, directory, *more, rc=3).err.splitlines()
        assert len(lines) == 1, lines
        return lines[0]

    assert told(out.dir) == f"trawl: {out.dir} is a directory; its archive is {out.dir}/warc/*"
    assert told(out.dir / "warc") == f"trawl: {out.dir}/warc is a directory; the files in it are {out.dir}/warc/*"


def test_extract_gives_payloads_as_the_server_had_them(crawled, tmp_path):
    web, out = crawled
    page = next(r for r in out.records() if r.type == "response" and r.uri == web.url("/"))
    args = ("warc", "extract", "--decode", "--url", page.uri, *map(str, out.warcs()))
    decoded = subprocess.run([harness.TRAWL, *args], capture_output=True, check=True).stdout
    raw = page.payload
    assert decoded == (gzip.decompress(raw) if page.http_headers.get("content-encoding") == "gzip" else raw)
    args = ("warc", "extract", "--block", "--offset", str(page.offset), str(page.path))
    assert subprocess.run([harness.TRAWL, *args], capture_output=True, check=True).stdout == page.block
    args = ("warc", "extract", "--headers", "--id", page.id, str(page.path))
    head = subprocess.run([harness.TRAWL, *args], capture_output=True, check=True).stdout
    assert head.startswith(b"WARC/1.1\r\n") and head.endswith(page.http_head + b"\r\n\r\n")
    tool("extract", "-o", tmp_path / "all", *out.warcs())
    want = sorted(r.payload for r in out.records() if r.type == "response")
    assert sorted(f.read_bytes() for f in (tmp_path / "all").iterdir()) == want
    assert tool("extract", "--url", "http://nowhere.test/", out.warcs()[0], rc=1).err == "trawl: no such record\n"


def test_recompressing_keeps_every_record(crawled, tmp_path):
    _, out = crawled
    path = out.warcs()[0]
    steps = [("zstd", "a.warc.zst"), ("none", "b.warc"), ("gzip", "c.warc.gz")]
    last = path
    for coding, name in steps:
        tool("recompress", "--to", coding, last, tmp_path / name)
        last = tmp_path / name
        assert " in 1 file, " in tool("verify", last).out
    have, want = warc.read(last), [r for r in out.records() if r.path == path]
    assert [(r.headers, r.block) for r in have] == [(r.headers, r.block) for r in want]
    assert tool("recompress", path, last, rc=3).err.endswith("is not overwritten\n")
    (tmp_path / "d.warc.gz").write_bytes(gzip.compress((tmp_path / "b.warc").read_bytes()))
    assert "cannot be read by offset" in tool("verify", tmp_path / "d.warc.gz", rc=1).err
    tool("recompress", tmp_path / "d.warc.gz", tmp_path / "e.warc.gz")
    assert [r.block for r in warc.read(tmp_path / "e.warc.gz")] == [r.block for r in want]
    (tmp_path / "f.warc").write_bytes((tmp_path / "b.warc").read_bytes()[:-9])
    tool("recompress", tmp_path / "f.warc", tmp_path / "g.warc", rc=1)
    assert not (tmp_path / "g.warc").exists() and not (tmp_path / "g.warc.new").exists()


@pytest.mark.parametrize("way", ["link", "symbolic link", "pipe"])
@pytest.mark.parametrize("command", ["wacz", "recompress", "index"])
def test_what_others_put_in_the_way_of_a_new_file_is_not_written_into(crawled, tmp_path, command, way):
    _, out = crawled
    to, theirs = tmp_path / "new.gz", tmp_path / "theirs"
    theirs.write_text("theirs")
    way_to = tmp_path / "new.gz.new"
    {"link": way_to.hardlink_to, "symbolic link": way_to.symlink_to, "pipe": lambda _: os.mkfifo(way_to)}[way](theirs)
    tool(*{"wacz": ["wacz", "-o", to, out.dir], "index": ["index", "-o", to, out.warcs()[0]],
           "recompress": ["recompress", out.warcs()[0], to]}[command])  # fmt: skip
    assert theirs.read_text() == "theirs" and theirs.stat().st_nlink == 1
    assert to.is_file() and not to.is_symlink() and to.stat().st_size > 100
    assert not os.path.lexists(way_to)


def test_two_that_make_the_same_file_at_once_do_not_take_each_others_for_theirs(crawled, tmp_path):
    _, out = crawled
    slow, made = tmp_path / "slow", tmp_path / "made"
    to, unfinished = made / "x.wacz", made / "x.wacz.new"
    made.mkdir()
    shutil.copytree(out.dir, slow)
    (slow / "pages.jsonl").unlink()
    os.mkfifo(slow / "pages.jsonl")
    first = harness.Running("warc", "wacz", "-o", to, slow)
    try:
        harness.wait_until("it has begun", unfinished.exists)
        for command in ["wacz", "-o", to, out.dir], ["recompress", out.warcs()[0], to]:
            assert tool(*command, rc=3).err == f"trawl: {unfinished} is being written by another process\n"
        assert not to.exists() and unfinished.exists()
        (slow / "pages.jsonl").write_bytes((out.dir / "pages.jsonl").read_bytes())
        result = first.result()
    finally:
        first.end()
    assert result.rc == 0, result.err
    assert [p.name for p in made.iterdir()] == ["x.wacz"]
    with zipfile.ZipFile(to) as z:
        assert z.testzip() is None and "datapackage.json" in z.namelist()


def test_metadata_tells_how_a_page_was_found_and_what_it_links_to(crawled):
    web, out = crawled
    page = next(r for r in out.records() if r.type == "metadata" and r.uri == web.url("/"))
    lines = page.block.decode().splitlines()
    fields = [line.partition(": ") for line in lines]
    assert ("fetchTimeMs", ": ") in [f[:2] for f in fields]
    links = [f[2].split(" ") for f in fields if f[0] == "outlink"]
    assert len(links) > 5 and all(len(row) == 3 for row in links)
    assert {row[1] for row in links} >= {"L", "E"}
    found = {p["url"] for p in out.pages() if p.get("via") == web.url("/") and p["kind"] == "a"}
    assert found and found <= {row[0] for row in links}
    other = next(r for r in out.records() if r.type == "metadata" and r.uri in found)
    assert f"via: {web.url('/')}\r\nhopsFromSeed: L\r\n" in other.block.decode()


@pytest.mark.parametrize("coding, suffix", [("zstd", ".warc.zst"), ("none", ".warc")])
def test_an_archive_can_be_in_another_coding_or_none(coding, suffix, tmp_path):
    with harness.demo_site(tmp_path / "nginx") as web:
        args = ("-q", "--delay", "0", "--warc-size", "65536", "--warc-compression", coding)
        result, out = harness.crawl(tmp_path / "crawl", *args, web.url("/"), timeout=120)
    assert result.rc == 0, result.err
    files = out.warcs()
    assert len(files) > 1 and all(f.name.endswith(suffix) and ".gz" not in f.name for f in files)
    n = 0
    for path in files:
        tool("verify", path)
        plain, packed = tmp_path / (path.name + ".plain"), tmp_path / (path.name + ".warc.gz")
        tool("recompress", "--to", "none", path, plain)
        if coding == "zstd":
            subprocess.run(["zstd", "-q", "-t", path], check=True)
            there = subprocess.run(["zstd", "-q", "-d", "-c", path], check=True, capture_output=True).stdout
        else:
            there = path.read_bytes()
        assert plain.read_bytes() == there
        tool("recompress", path, packed)
        n += sum(1 for r in warc.read(packed) if r.type == "response")
    index = [json.loads(line.split(" ", 2)[2]) for line in (out.dir / "index.cdxj").read_text().splitlines()]
    assert len(index) == n
    for row in index[:: max(1, n // 10)]:
        done = tool("extract", "--headers", "--offset", row["offset"], out.dir / "warc" / row["filename"])
        assert f"WARC-Target-URI: {row['url']}\n" in done.out.replace("\r\n", "\n")


def test_a_crawl_goes_on_in_another_coding(tmp_path):
    with harness.demo_site(tmp_path / "nginx") as web:
        out = harness.Output(tmp_path / "crawl")
        run = harness.Running("crawl", "-q", "-o", out.dir, "--delay", "100ms", web.url("/"))
        harness.wait_until("some pages", lambda: out.pages_yet() > 15)
        run.signal(signal.SIGKILL)
        run.end()
        result = harness.trawl("resume", out.dir, "-q", "--delay", "0", "--warc-compression", "zstd", timeout=120)
        assert result.rc == 0, result.err
    assert [f.name.rsplit("-", 1)[1] for f in out.warcs()] == ["00000.warc.gz", "00001.warc.zst"]
    for path in out.warcs():
        tool("verify", path)
    urls = [r["url"] for r in listed(*out.warcs()) if r["type"] == "response"]
    pages = [p["url"] for p in out.pages()]
    assert len(set(urls)) == len(urls) and set(pages) <= set(urls)


def test_what_is_archived_already_is_a_revisit(tmp_path):
    same, small = "the same " * 200, "small"
    root = tmp_path / "site"
    root.mkdir()
    names = [f"same{n}.txt" for n in range(6)] + [f"small{n}.txt" for n in range(3)] + ["other.txt"]
    (root / "index.html").write_text("".join(f'<a href="{n}">{n}</a>' for n in names))
    for n in names:
        (root / n).write_text(same if n.startswith("same") else small if n.startswith("small") else "other " * 300)
    server = f"server {{ listen 127.0.0.1:@PORT@; root {root}; }}"
    with harness.nginx(tmp_path / "nginx", server) as web:
        out = harness.Output(tmp_path / "crawl")
        args = ("--delay", "60ms", "--commit-interval", "10ms", "--warc-revisits", web.url("/"))
        run = harness.Running("crawl", "-q", "-o", out.dir, *args)
        harness.wait_until("some pages", lambda: out.pages_yet() > 4)
        run.signal(signal.SIGKILL)  # what was archived before that is known afterwards
        run.end()
        result = harness.trawl("resume", out.dir, "-q")
    assert result.rc == 0, result.err
    records = {r.uri: r for r in out.records() if r.type in ("response", "revisit")}
    whole = [r for r in records.values() if "/same" in r.uri and r.type == "response"]
    again = [r for r in records.values() if r.type == "revisit"]
    assert len(whole) == 1 and len(again) == 5 and all("/same" in r.uri for r in again)
    for r in again:
        h = r.headers
        assert h["warc-profile"] == "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
        assert h["warc-refers-to"] == whole[0].id
        assert h["warc-refers-to-target-uri"] == whole[0].uri
        assert h["warc-refers-to-date"] == whole[0].headers["warc-date"]
        assert h["warc-payload-digest"] == whole[0].headers["warc-payload-digest"]
        assert r.http_status == 200 and r.payload == b""
        assert [q.uri for q in out.records() if q.headers.get("warc-concurrent-to") == r.id] == [r.uri, r.uri]
    # And their outcome says so, wherever it is told; the sums are those of all the others as well.
    outcomes = {p["url"]: p["outcome"] for p in out.pages()}
    assert outcomes == {u: "duplicate-content" if r in again else "ok" for u, r in records.items() if u in outcomes}
    assert len(outcomes) == len(names) + 1
    assert sum("duplicate-content" in line for line in (out.dir / "crawl.log").read_text().splitlines()) == 5
    assert json.loads(harness.trawl("report", "--json", out.dir).out)["outcomes"] == {"ok": 6, "duplicate-content": 5}
    status = json.loads(harness.trawl("status", "--json", "--verify", out.dir).out)
    assert status["outcomes"] == {"ok": 6, "duplicate-content": 5}
    assert "duplicate-content" in harness.trawl("explain", out.dir, again[0].uri).out
    index = [json.loads(line.split(" ", 2)[2]) for line in (out.dir / "index.cdxj").read_text().splitlines()]
    assert sorted(row["url"] for row in index if row["mime"] == "warc/revisit") == sorted(r.uri for r in again)
    assert harness.trawl("warc", "index", *out.warcs()).out == (out.dir / "index.cdxj").read_text()
    n = json.loads(tool("verify", "--json", *out.warcs()).out)
    assert (n["faults"], n["notes"]) == (0, 0)
    if judges.have("warcio"):
        judges.run("warcio", "check", *out.warcs())


def test_what_is_the_same_within_one_commit_is_a_revisit_as_well(tmp_path):
    root = tmp_path / "site"
    root.mkdir()
    names = [f"same{n}.txt" for n in range(20)]
    (root / "index.html").write_text("".join(f'<a href="{n}">{n}</a>' for n in names))
    for n in names:
        (root / n).write_text("the same " * 200)
    server = f"server {{ listen 127.0.0.1:@PORT@; root {root}; }}"
    with harness.nginx(tmp_path / "nginx", server) as web:
        out = harness.Output(tmp_path / "crawl")
        args = ("--delay", "0", "--commit-interval", "60s", "--warc-revisits", web.url("/"))
        result = harness.trawl("crawl", "-q", "-o", out.dir, *args)
    assert result.rc == 0, result.err
    records = [r for r in out.records() if r.type in ("response", "revisit") and "/same" in r.uri]
    assert [r.type for r in records] == ["response"] + ["revisit"] * 19
    first, *again = records
    for r in again:
        assert r.headers["warc-refers-to"] == first.id
        assert r.headers["warc-refers-to-target-uri"] == first.uri
        assert r.headers["warc-refers-to-date"] == first.headers["warc-date"]
    assert json.loads(harness.trawl("report", "--json", out.dir).out)["outcomes"] == {"ok": 2, "duplicate-content": 19}
    n = json.loads(tool("verify", "--json", *out.warcs()).out)
    assert (n["faults"], n["notes"]) == (0, 0)


def test_what_name_servers_said_is_archived_once(tmp_path):
    server = 'server { listen 127.0.0.1:@PORT@; location / { default_type text/html; return 200 "<a href=/b>b</a>"; } }'
    names = {"one.example.test": "127.0.0.1", "two.example.test": "127.0.0.1"}
    with harness.nginx(tmp_path / "nginx", server) as web, harness.dnsmasq(names) as dns:
        seeds = [web.url("/", host=name) for name in names]
        result, out = harness.crawl(
            tmp_path / "crawl", "-q", "--delay", "0", "--dns", dns, "--allow-net", "127.0.0.0/8", *seeds
        )
    assert result.rc == 0, result.err
    said = [r for r in out.records() if r.uri.startswith("dns:")]
    assert sorted(r.uri for r in said) == [f"dns:{name}" for name in names]
    for r in said:
        assert (r.type, r.headers["content-type"]) == ("response", "text/dns")
        assert r.headers["warc-ip-address"] == "127.0.0.1"
        time, answer = r.block.decode().splitlines()
        assert time == "".join(c for c in r.headers["warc-date"] if c.isdigit())
        assert answer == f"{r.uri[4:]}.\t300\tIN\tA\t127.0.0.1"
    index = (out.dir / "index.cdxj").read_text().splitlines()
    assert [line.split()[0] for line in index if line.startswith("dns:")] == sorted(r.uri for r in said)
    assert harness.trawl("warc", "index", *out.warcs()).out.splitlines() == index
    tool("verify", *out.warcs())
    if judges.have("cdxj-indexer"):
        theirs = [line.split(" ", 2) for line in judges.run("cdxj-indexer", "-s", *out.warcs()).splitlines()]
        ours = [line.split(" ", 2) for line in index]
        # It looks for the type of a response in HTTP only.
        plain = lambda o: {k: v for k, v in json.loads(o).items() if v != "text/dns"}
        assert [(k, t, plain(o)) for k, t, o in theirs] == [(k, t, plain(o)) for k, t, o in ours]
        judges.run("warcio", "check", *out.warcs())


@judges.need("warcio")
def test_warcio_finds_the_same_records_and_every_digest_right(crawled, tmp_path):
    _, out = crawled
    have = judges.warcio_read(*out.warcs())
    assert have == [
        (r.offset, r.type, r.headers.get("warc-target-uri"), r.headers.get("warc-payload-digest"))
        for r in out.records()
    ]
    for path in out.warcs():
        judges.run("warcio", "check", path)
    tool("recompress", "--to", "none", out.warcs()[0], tmp_path / "x.warc")
    judges.run("warcio", "check", tmp_path / "x.warc")


@pytest.mark.parametrize(
    "args, says",
    [
        ((), "which"),
        (("frob",), "there is no 'trawl warc frob'"),
        (("list",), "wants at least one file"),
        (("extract", "x"), "which record?"),
        (("extract", "--offset", "1x", "x"), "--offset wants a number"),
        (("extract", "--id", "a", "--url", "b", "x"), "only one of"),
        (("recompress", "--to", "lzma", "a", "b"), "there are gzip, zstd and none"),
        (("recompress", "a"), "wants two files"),
    ],
)
def test_what_is_asked_wrongly_is_told(args, says):
    done = harness.trawl("warc", *args)
    assert done.rc == 2
    assert says in done.err or not args

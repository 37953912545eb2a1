"""A disk that is full: the crawl pauses, says so, and goes on when there is room.

Without a store on the disk there is nothing to go on from: then it ends with a reason, and what
is there is whole.
"""

import contextlib
import json
import os
import signal
import sqlite3
import time
import shutil
import subprocess

import pytest

import harness

PAGES = 400


@pytest.fixture
def small_disk(tmp_path):
    yield from harness.mounted(tmp_path / "small", "300k")


@pytest.fixture
def disk_of_64_mib(tmp_path):
    yield from harness.mounted(tmp_path / "disk", "64m")


@pytest.fixture
def disk_of_5_mib(tmp_path):
    yield from harness.mounted(tmp_path / "disk", "5m")


@pytest.fixture
def disk_of_few_files(tmp_path):
    yield from harness.mounted(tmp_path / "disk", "64m,nr_inodes=300")


def test_a_full_disk_leaves_records_and_archive_that_agree(small_disk, tmp_path):
    www = tmp_path / "www"
    www.mkdir()
    for i in range(PAGES):
        (www / f"p{i}.html").write_bytes(
            f'<a href="p{i + 1}.html">n</a><a href="p{i + 2}.html">n</a>'.encode() + os.urandom(2000).hex().encode()
        )
    with harness.nginx(tmp_path / "nginx", f'server {{ listen 127.0.0.1:@PORT@; root "{www}"; }}') as web:
        result, out = harness.crawl(
            small_disk / "c", "-q", "--delay", "0", "--rate", "40/s", "--state", "memory", web.url("/p0.html")
        )
    assert result.rc == 3, (result.rc, result.err)
    assert "No space left" in result.err
    pages = out.pages()
    archived = out.archived()  # every record is whole, or this fails
    assert len(pages) > 10
    for page in pages:
        assert page["url"] in archived


def cpu_seconds(running):
    """Of the program and all its processes."""
    total = 0
    for pid in [running.child.pid, *running.descendants("trawl-worker"), *running.descendants("trawl-nursery")]:
        fields = harness.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def test_a_crawl_pauses_on_a_full_disk_and_goes_on_when_there_is_room(disk_of_64_mib, tmp_path):
    pages, bulk = 300, 100_000  # 30 MB that does not compress
    www = tmp_path / "www"
    www.mkdir()
    for i in range(pages):
        links = f'<a href="p{i + 1}.html">n</a><a href="p{i + 2}.html">n</a>' if i < pages - 2 else ""
        (www / f"p{i}.html").write_bytes(links.encode() + b"<p>" + os.urandom(bulk))
    ballast = disk_of_64_mib / "ballast"
    ballast.write_bytes(bytes(48 << 20))
    out = harness.Output(disk_of_64_mib / "c")
    with harness.nginx(tmp_path / "nginx", f'server {{ listen 127.0.0.1:@PORT@; root "{www}"; }}') as web:
        err = open(tmp_path / "err", "w+")
        child = subprocess.Popen(
            [harness.TRAWL, "crawl", "-o", out.dir, "--delay", "0", "--progress", "bar", "--rate", "100/s",
             web.url("/p0.html")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err, start_new_session=True,
            preexec_fn=harness._die_with_parent,
        )  # fmt: skip
        running = harness.Running.__new__(harness.Running)
        running.child = child
        try:
            harness.wait_until("a pause", lambda: "paused" in (tmp_path / "err").read_text())
            said = (tmp_path / "err").read_text()
            assert "disk" in said and "goes on when there is room" in said
            told = harness.trawl("status", out.dir)
            assert told.rc == 0, told.err
            assert f"running by process {child.pid}; the disk is nearly full: it pauses until there is room" in told.out
            asked = harness.settled("what was in flight", lambda: len(web.log()), every=1)
            cpu, at = cpu_seconds(running), time.monotonic()
            assert 10 < asked < pages
            last = "  limited by: the disk, which is full\033[K\n"
            harness.wait_until("what holds it", lambda: (tmp_path / "err").read_text().endswith(last))
            time.sleep(3)
            assert cpu_seconds(running) - cpu < 0.05 * (time.monotonic() - at)
            assert len(web.log()) == asked
            ballast.unlink()
            assert child.wait(60) == 0, (tmp_path / "err").read_text()
        finally:
            running.end()
    assert "there is room again" in (tmp_path / "err").read_text()
    archived = out.archived()
    for i in range(pages):
        (record,) = archived[web.url(f"/p{i}.html")]
        assert record.payload == (www / f"p{i}.html").read_bytes()
    assert len(out.pages()) == pages


def test_a_paused_crawl_can_be_stopped_and_resumed(disk_of_64_mib, tmp_path):
    www = tmp_path / "www"
    www.mkdir()
    for i in range(100):
        (www / f"p{i}.html").write_bytes(f'<a href="p{(i + 1) % 100}.html">n</a><p>'.encode() + os.urandom(200_000))
    (disk_of_64_mib / "ballast").write_bytes(bytes(52 << 20))
    out = harness.Output(disk_of_64_mib / "c")
    with harness.nginx(tmp_path / "nginx", f'server {{ listen 127.0.0.1:@PORT@; root "{www}"; }}') as web:
        running = harness.Running("crawl", "-o", out.dir, "--delay", "0", "--rate", "100/s", web.url("/p0.html"))
        try:
            harness.wait_until("a pause", lambda: "pauses until" in harness.trawl("status", out.dir).out, every=0.3)
            running.signal(signal.SIGTERM)
            result = running.result()
        finally:
            running.end()
        assert result.rc == 11, result.err
        assert "paused" in result.err
        (disk_of_64_mib / "ballast").unlink()
        result = harness.trawl("resume", "-q", out.dir)
    assert result.rc == 0, result.err
    assert len(out.pages()) == 100
    assert len(out.archived()) == 101


def crawl_and_fill(disk, tmp_path, left, *options):
    """A crawl of 61 pages of so little that it has one commit, at its end; before that but `left` bytes of the disk are filled."""
    www = tmp_path / "www"
    www.mkdir()
    for i in range(60):
        (www / f"p{i}.html").write_bytes(f'<a href="p{i + 1}.html">n</a><p>'.encode() + os.urandom(5_000))
    out = harness.Output(disk / "c")
    with harness.nginx(tmp_path / "nginx", f'server {{ listen 127.0.0.1:@PORT@; root "{www}"; }}') as web:
        running = harness.Running("crawl", "-q", "-o", out.dir, "--delay", "0", "--rate", "8/s",
                                  "--commit-interval", "60s", *options, web.url("/p0.html"))  # fmt: skip
        try:
            harness.wait_until("pages", lambda: len(web.log()) > 4)
            running.signal(signal.SIGSTOP)  # else it takes of what is left
            stat = harness.Path(f"/proc/{running.child.pid}/stat")
            harness.wait_until("it stands still", lambda: stat.read_text().rpartition(")")[2].split()[0] == "T")
            fs = os.statvfs(disk)
            (disk / "ballast").write_bytes(bytes(fs.f_bavail * fs.f_frsize - left))
            running.signal(signal.SIGCONT)
            return running.result(), out
        finally:
            running.end()


def test_a_crawl_that_is_done_does_not_wait_for_room(disk_of_64_mib, tmp_path):
    result, out = crawl_and_fill(disk_of_64_mib, tmp_path, 3 << 20)
    assert result.rc == 0, result.err
    assert len(out.pages()) == 61  # the last of them is not there
    told = harness.trawl("status", "--verify", out.dir)
    assert told.rc == 0 and "ended: done" in told.out, (told.out, told.err)


def test_a_last_commit_that_fails_leaves_records_and_archive_that_agree(disk_of_64_mib, tmp_path):
    result, out = crawl_and_fill(disk_of_64_mib, tmp_path, 64 << 10, "--state", "memory")
    assert result.rc == 3, (result.rc, result.err)
    archived = out.archived()
    assert all(page["url"] in archived for page in out.pages())
    assert not list((out.dir / "warc").glob("*.open"))


def test_a_crawl_that_could_not_begin_on_a_full_disk_leaves_nothing_in_the_way(disk_of_64_mib, tmp_path):
    www = tmp_path / "www"
    www.mkdir()
    (www / "p.html").write_text("a page")
    with open(disk_of_64_mib / "ballast", "wb", buffering=0) as f, pytest.raises(OSError):
        while True:
            f.write(bytes(4096))
    with harness.nginx(tmp_path / "nginx", f'server {{ listen 127.0.0.1:@PORT@; root "{www}"; }}') as web:
        result, out = harness.crawl(disk_of_64_mib / "c", "-q", web.url("/p.html"))
        assert result.rc == 3 and "No space left" in result.err and result.err.count("\n") == 1
        assert not (out.dir / "job.yaml").exists()
        (disk_of_64_mib / "ballast").unlink()
        result, out = harness.crawl(disk_of_64_mib / "c", "-q", web.url("/p.html"))
        assert result.rc == 0, result.err
        assert len(out.pages()) == 1


@pytest.mark.parametrize("left", [2, 3, 9, 14, 18])
def test_a_crawl_that_could_not_begin_where_no_more_files_can_be_made_says_so(disk_of_few_files, tmp_path, left):
    www, more = tmp_path / "www", disk_of_few_files / "more"
    www.mkdir()
    more.mkdir()
    (www / "p.html").write_text("a page")
    fs = os.statvfs(disk_of_few_files)
    for i in range(fs.f_favail - left):
        (more / str(i)).touch()
    with harness.nginx(tmp_path / "nginx", f'server {{ listen 127.0.0.1:@PORT@; root "{www}"; }}') as web:
        result, out = harness.crawl(disk_of_few_files / "c", "-q", web.url("/p.html"))
        assert result.rc == 3 and "No space left" in result.err and result.err.count("\n") == 1, result.err
        shutil.rmtree(more)
        result = harness.trawl("resume", "-q", out.dir)
        assert result.rc == 0, result.err
    assert len(out.pages()) == 1


@pytest.mark.parametrize("left", [0, 1])
def test_a_crawl_whose_database_cannot_have_its_files_waits_for_room(disk_of_few_files, tmp_path, left):
    """SQLite makes those beside the database with the first page."""
    www, more = tmp_path / "www", disk_of_few_files / "more"
    www.mkdir()
    more.mkdir()
    (www / "p.html").write_bytes(b"<p>" + b"x" * 7000)
    slowly = f'server {{ listen 127.0.0.1:@PORT@; root "{www}"; sendfile off; limit_rate 1k; }}'
    out = harness.Output(disk_of_few_files / "c")
    with harness.nginx(tmp_path / "nginx", slowly) as web:
        running = harness.Running("crawl", "-o", out.dir, "--progress", "none", "--robots", "ignore", "--no-sitemaps",
                                  "--sink", "sqlite", web.url("/p.html"))  # fmt: skip
        try:
            harness.wait_until("it has begun", (out.dir / "pages.sqlite").exists)
            harness.wait_until("it asks", lambda: running.descendants("trawl-worker"))
            for i in range(os.statvfs(disk_of_few_files).f_favail - left):
                (more / str(i)).touch()
            said = next(line for line in running.child.stderr if "paused" in line or "trawl: " in line)
            shutil.rmtree(more)
            result = running.result()
        finally:
            running.end()
    assert "paused: cannot " in said and "(there is no room); goes on when there is room" in said, (said, result.err)
    assert result.rc == 0 and "there is room again" in result.err, result.err
    with contextlib.closing(sqlite3.connect(out.dir / "pages.sqlite")) as db:
        assert db.execute("SELECT url FROM pages").fetchall() == [(web.url("/p.html"),)]


def test_a_paused_crawl_whose_store_was_damaged_ends_as_a_failure(disk_of_64_mib, tmp_path):
    www = tmp_path / "www"
    www.mkdir()
    for i in range(100):
        (www / f"p{i}.html").write_bytes(f'<a href="p{i + 1}.html">n</a><p>'.encode() + os.urandom(200_000))
    (disk_of_64_mib / "ballast").write_bytes(bytes(52 << 20))
    out = harness.Output(disk_of_64_mib / "c")
    with harness.nginx(tmp_path / "nginx", f'server {{ listen 127.0.0.1:@PORT@; root "{www}"; }}') as web:
        running = harness.Running("crawl", "-q", "-o", out.dir, "--delay", "0", "--rate", "100/s", web.url("/p0.html"))
        try:
            harness.wait_until("a pause", lambda: "pauses until" in harness.trawl("status", out.dir).out, every=0.3)
            time.sleep(2)  # that is what it will do: it looks at the disk once a second
            (out.dir / "state" / "CURRENT").write_text("nothing\n")
            (disk_of_64_mib / "ballast").unlink()
            result = running.result()
        finally:
            running.end()
    assert result.rc == 3, result.err
    assert "cannot go on: " in result.err and result.err.count("\n") == 1


def test_what_comes_faster_than_commits_are_due_is_not_fetched_again_and_again(disk_of_64_mib, tmp_path):
    www = tmp_path / "www"
    www.mkdir()
    pages = 90  # 18 MB in one commit interval, with room for 12
    for i in range(pages):
        links = f'<a href="p{i + 1}.html">n</a>' if i < pages - 1 else ""
        (www / f"p{i}.html").write_bytes(links.encode() + b"<p>" + os.urandom(200_000))
    (disk_of_64_mib / "ballast").write_bytes(bytes(52 << 20))
    out = harness.Output(disk_of_64_mib / "c")
    with harness.nginx(tmp_path / "nginx", f'server {{ listen 127.0.0.1:@PORT@; root "{www}"; }}') as web:
        running = harness.Running("crawl", "-o", out.dir, "--progress", "none", "--delay", "0",
                                  "--commit-interval", "10s", web.url("/p0.html"))  # fmt: skip
        try:
            harness.wait_until("a pause", lambda: "pauses until" in harness.trawl("status", out.dir).out, every=0.3)
            time.sleep(4)
            assert len(web.log()) < pages
            (disk_of_64_mib / "ballast").unlink()
            result = running.result()
        finally:
            running.end()
        asked = [r["uri"] for r in web.log()]
    assert result.rc == 0, result.err
    assert result.err.count("paused") == 1
    assert len(asked) <= pages + 5  # what was in flight came twice
    assert len(out.pages()) == pages


def test_what_fits_on_a_disk_that_fills_at_once_is_kept(disk_of_5_mib, tmp_path):
    """All of it is full before the first commit is due, and what is kept free is less than the archive's buffer."""
    www = tmp_path / "www"
    www.mkdir()
    pages = 200  # 8 MB
    for i in range(pages):
        links = "".join(f'<a href="p{k}.html">n</a>' for k in (2 * i + 1, 2 * i + 2) if k < pages)
        (www / f"p{i}.html").write_bytes(links.encode() + b"<p>" + os.urandom(40_000))
    out = harness.Output(disk_of_5_mib / "c")
    with harness.nginx(tmp_path / "nginx", f'server {{ listen 127.0.0.1:@PORT@; root "{www}"; }}') as web:
        running = harness.Running("crawl", "-o", out.dir, "--progress", "none", "--delay", "0", "--per-host", "8",
                                  "--commit-interval", "10s", web.url("/p0.html"))  # fmt: skip
        try:
            harness.wait_until("a pause", lambda: "pauses until" in harness.trawl("status", out.dir).out, every=0.3)
            status = json.loads(harness.trawl("status", "--json", "--verify", out.dir).out)
            asked = len(web.log())
            time.sleep(3)
            assert len(web.log()) == asked
            running.signal(signal.SIGINT)
            result = running.result()
        finally:
            running.end()
    assert status["verified"] and status["pages"] > 60
    assert result.rc == 11, result.err
    assert result.err.count("paused") == 1
    assert len(out.pages()) == status["pages"]
    assert all(len(records) == 1 for records in out.archived().values())


def test_a_page_that_there_is_no_room_for_is_asked_for_ever_more_rarely(disk_of_64_mib, tmp_path):
    www = tmp_path / "www"
    www.mkdir()
    (www / "p.html").write_bytes(b"<p>" + os.urandom(16 << 20))
    (disk_of_64_mib / "ballast").write_bytes(bytes(52 << 20))
    out = harness.Output(disk_of_64_mib / "c")
    with harness.nginx(tmp_path / "nginx", f'server {{ listen 127.0.0.1:@PORT@; root "{www}"; }}') as web:
        running = harness.Running("crawl", "-o", out.dir, "--progress", "none", "--delay", "0", web.url("/p.html"))
        try:
            time.sleep(14)  # now, and after 1, 2 and 4 s, each with what it takes
            asked = len([r for r in web.log() if r["uri"] == "/p.html"])
            assert 2 <= asked <= 4
            (disk_of_64_mib / "ballast").unlink()
            result = running.result()
        finally:
            running.end()
    assert result.rc == 0, result.err
    assert len(out.pages()) == 1


def test_what_fails_at_the_very_end_is_told(tmp_path):
    with harness.demo_site(tmp_path / "nginx") as web:
        out = harness.Output(tmp_path / "c")
        run = harness.Running("crawl", "-o", out.dir, "--delay", "50ms", "--progress", "none", web.url("/"))
        harness.wait_until("it has begun", lambda: (out.dir / "warc").exists())
        (out.dir / "index.cdxj.new").mkdir()  # where the index is written
        result = run.result()
    assert result.rc == 3
    line = next(line for line in result.err.splitlines() if "results could not be written" in line)
    assert "index.cdxj.new: Is a directory" in line
    assert "trawl: done" not in result.err
    # And so it is found afterwards.
    report = json.loads(harness.trawl("report", "--json", out.dir).out)
    assert report["end"] == "results could not be written" and "index.cdxj.new" in report["why"]
    assert "index.cdxj.new" in report["runs"][-1]["why"]
    assert "results could not be written" in harness.trawl("status", out.dir).out
    # What was fetched is whole, and a resume ends well when that is mended.
    assert harness.trawl("status", "--verify", out.dir).rc == 0
    (out.dir / "index.cdxj.new").rmdir()
    assert harness.trawl("resume", "-q", out.dir).rc == 0
    assert (out.dir / "index.cdxj").exists()


def test_a_crawl_that_is_to_go_on_with_other_options_waits_for_room(disk_of_few_files, tmp_path):
    www, job, more = tmp_path / "www", tmp_path / "job.yaml", disk_of_few_files / "more"
    www.mkdir()
    more.mkdir()
    (www / "p0.html").write_text("<a href=p1.html>n</a>")
    (www / "p1.html").write_text("the other")
    out = harness.Output(disk_of_few_files / "c")
    with harness.nginx(tmp_path / "nginx", f'server {{ listen 127.0.0.1:@PORT@; root "{www}"; }}') as web:
        text = f"seeds: ['{web.url('/p0.html')}']\ncrawl: {{robots: ignore, sitemaps: no}}\n"
        job.write_text(text + "fetch: {delay: 1h}\n")
        running = harness.Running("run", job, "-o", out.dir, "--progress", "none")
        try:
            harness.wait_until("a page", lambda: (out.dir / "pages.jsonl").exists() and len(out.pages()) == 1)
            with pytest.raises(OSError):
                for i in range(300):
                    (more / str(i)).touch()
            for i in range(3):  # which are enough to stop, but not to open the store again
                (more / str(i)).unlink()
            job.write_text(text + "fetch: {delay: 0}\n")
            running.signal(signal.SIGHUP)
            lines = running.child.stderr
            said = next((line for line in lines if "paused" in line or "cannot go on" in line), "")
            shutil.rmtree(more)
            result = running.result()
        finally:
            running.end()
    assert "No space left" in said and "goes on when there is room" in said, (said, result.err)
    assert result.rc == 0 and "there is room again" in result.err, result.err
    assert len(out.pages()) == 2

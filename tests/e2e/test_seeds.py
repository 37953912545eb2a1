"""Many seeds, and seeds out of files."""

import json
import resource
import time

import pytest

import harness

MANY = 20000


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    tmp = tmp_path_factory.mktemp("seeds")
    (tmp / "www").mkdir()
    for i in range(5):
        (tmp / "www" / f"p{i}.html").write_text(f"<!DOCTYPE html><title>{i}</title>")
    (tmp / "www" / "start.html").write_text('<!DOCTYPE html><a href="p4.html">4</a>')
    with harness.nginx(tmp / "nginx", f'server {{ listen 127.0.0.1:@PORT@; root "{tmp}/www"; }}') as web:
        yield web


def paths(out):
    return sorted(p["url"].rpartition("/")[2] for p in out.pages())


# -- Files of seeds --


def test_seeds_come_from_words_and_a_file(web, tmp_path):
    (tmp_path / "seeds.txt").write_text(f"# a list\n\n{web.url('/p1.html')}\r\n{web.url('/p2.html')} # the second\n")
    options = ["-q", "--depth", "0", "--delay", "0", "--seeds", tmp_path / "seeds.txt"]
    result, out = harness.crawl(tmp_path / "c", *options, web.url("/p0.html"))
    assert result.rc == 0, result.err
    assert paths(out) == ["p0.html", "p1.html", "p2.html"]


def test_seeds_come_from_standard_input(web, tmp_path):
    lines = "".join(web.url(f"/p{i}.html") + "\n" for i in range(3))
    result, out = harness.crawl(tmp_path / "c", "-q", "--depth", "0", "--delay", "0", "--seeds=-", stdin=lines)
    assert result.rc == 0, result.err
    assert paths(out) == ["p0.html", "p1.html", "p2.html"]


def test_a_job_file_names_files_of_seeds_beside_it_and_resume_needs_them_no_more(web, tmp_path):
    job = tmp_path / "jobs"
    job.mkdir()
    (job / "a.txt").write_text(web.url("/p0.html"))
    (job / "b.txt").write_text(web.url("/p1.html"))
    (job / "job.yaml").write_text("name: x\nseeds_from: [a.txt, b.txt]\nfetch: {delay: 0}\n")
    result = harness.trawl("check", job / "job.yaml")
    assert result.rc == 0, result.err
    result = harness.trawl("run", "-q", "--max-pages", "1", "-o", tmp_path / "c", job / "job.yaml")
    assert result.rc == 0, result.err
    (job / "a.txt").unlink()
    result = harness.trawl("resume", "-q", "--max-pages", "10", tmp_path / "c")
    assert result.rc == 0, result.err
    assert paths(harness.Output(tmp_path / "c")) == ["p0.html", "p1.html"]


@pytest.mark.parametrize(
    "args, text, says",
    [
        (("crawl", "--seeds", "bad.txt"), "http://a.test/\n\nb.test\n", "bad.txt:3:1: 'b.test' is not a URL; did you mean"),
        (("crawl", "--seeds", "-"), "ftp://a.test/\n", "standard input:1:1: 'ftp://a.test/' is not a URL that begins"),
        (("crawl", "--seeds", "none.txt"), "", "none.txt"),
        (("crawl", "--seeds", "bad.txt"), "# nothing\n", "crawl what?"),
        (("crawl", "--seeds", "bad.txt", "--seeds", "bad.txt"), "", "--seeds can be given once"),
        (("resume", "--seeds", "bad.txt", "c"), "", "--seeds is for a new crawl"),
        (("run", "job.yaml"), "http://a.test/ http://b.test/", "jobs/../bad.txt:1:1: 'http://a.test/ http://b.test/': a line holds one"),
        (("check", "job.yaml"), "b.test", "bad.txt:1:1: 'b.test' is not a URL"),
    ],
)
def test_mistakes_in_files_of_seeds_are_told_with_file_and_line(tmp_path, args, text, says):
    (tmp_path / "bad.txt").write_text(text)
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "job.yaml").write_text("seeds_from: ../bad.txt\n")
    args = ["jobs/job.yaml" if a == "job.yaml" else a for a in args]
    result = harness.trawl(*args, cwd=tmp_path, stdin=text)
    assert result.rc == 2, result.err
    assert says in result.err and result.err.count("\n") == 1


# -- Many --


def many(tmp_path, web, n, first="/p0.html"):
    """One that answers, and others that nobody knows."""
    urls = [web.url(first)] + [f"http://host-{i}.example.test/some/where/{i}.html" for i in range(1, n)]
    (tmp_path / "many.txt").write_text("\n".join(urls) + "\n")
    return tmp_path / "many.txt"


def counts(directory):
    result = harness.trawl("status", "--json", directory)
    assert result.rc == 0, result.err
    return json.loads(result.out)


def cpu_seconds_of_children():
    """Of those that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


OPTIONS = ["--progress", "none", "--delay", "0", "--max-pages", "1", "--dns", "127.0.0.1:9"]


def test_twenty_thousand_seeds_on_as_many_hosts_begin_within_seconds(web, tmp_path):
    before = cpu_seconds_of_children()
    result, out = harness.crawl(tmp_path / "c", *OPTIONS, "--seeds", many(tmp_path, web, MANY))
    assert result.rc == 0, result.err
    assert paths(out) == ["p0.html"]
    # 0.5 where nothing else runs, of either; their square took minutes.  Neighbours make only the second longer.
    assert cpu_seconds_of_children() - before < 10 and result.seconds < harness.PATIENCE_SECONDS
    assert counts(out.dir)["discovered"] == MANY
    info = out.records()[0]
    assert info.type == "warcinfo"
    assert f"trawl-seeds: {MANY}\r\n".encode() in info.block and b"host-17." not in info.block
    assert b"trawl-job: " in info.block
    # job.yaml has them all.
    result = harness.trawl("resume", *OPTIONS[:-4], "--max-pages", "1", "--dns", "127.0.0.1:9", out.dir)
    assert result.rc == 0, result.err
    assert counts(out.dir)["discovered"] == MANY


def test_seeds_are_neither_lost_nor_doubled_when_killed_on_their_way(web, tmp_path):
    seeds, directory = many(tmp_path, web, MANY), tmp_path / "c"
    args = ["crawl", "-o", directory, *OPTIONS, "--seeds", seeds]
    for k in range(4):
        running = harness.Running(*args)
        harness.wait_until("state", lambda: (directory / "state" / "CURRENT").exists())
        time.sleep(0.04 + 0.06 * k)
        running.end()  # SIGKILL
        if not (directory / "job.yaml").exists():
            continue
        args = ["resume", *OPTIONS, directory]
    result = harness.trawl(*args)
    assert result.rc == 0, result.err
    assert counts(directory)["discovered"] == MANY
    assert paths(harness.Output(directory)) == ["p0.html"]
    assert harness.trawl("status", "--verify", directory).rc == 0


def test_no_page_is_asked_for_before_all_seeds_are_known(web, tmp_path):
    seeds = many(tmp_path, web, 4 * MANY, "/start.html")
    with seeds.open("a") as f:
        f.write(web.url("/p4.html") + "\n")  # which the first one links to
    options = [*OPTIONS, "--max-pages", "2", "--robots", "ignore"]
    result, out = harness.crawl(tmp_path / "c", *options, "--seeds", seeds)
    assert result.rc == 0, result.err
    assert {p["url"].rpartition("/")[2]: p["depth"] for p in out.pages()} == {"start.html": 0, "p4.html": 0}
    assert counts(out.dir)["discovered"] == 4 * MANY + 1


# -- Redirected --


def test_each_place_that_seeds_are_redirected_to_is_crawled(tmp_path):
    hosts = range(2, 22)
    server = f"""server {{ listen 127.0.0.1:@PORT@; {" ".join(f"listen 127.0.0.{i}:@PORT@;" for i in hosts)}
        default_type text/html; location = /robots.txt {{ return 404; }}
        location ~ ^/s/(.*)$ {{ return 302 http://127.0.0.$1:@PORT@/new; }}
        location = /new {{ return 200 '<a href="/next">x</a>'; }} location = /next {{ return 200 '<p>next'; }} }}"""
    with harness.nginx(tmp_path / "nginx", server) as web:
        seeds = [web.url(f"/s/{i}") for i in hosts]
        options = ["-q", "--delay", "0", "--workers", "2", "--allow-net", "127.0.0.0/8"]
        result, out = harness.crawl(tmp_path / "c", *options, *seeds)
        assert result.rc == 0, result.err
        assert sum(p["url"].endswith("/next") for p in out.pages()) == len(hosts)

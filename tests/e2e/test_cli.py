"""The command line: what people type, what comes back, and the exit codes."""

import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest

import harness


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    """Forty pages; below /slow/ they come at some 20 a second."""
    tmp = tmp_path_factory.mktemp("cli")
    www = tmp / "www"
    for part in (www, www / "slow"):
        part.mkdir()
        for i in range(40):
            links = "".join(f'<a href="p{k}.html">{k}</a>\n' for k in range(40))
            (part / f"p{i}.html").write_text(f"<!DOCTYPE html>\n<title>page {i}</title>\n{links}" + "x" * 4000)
    server = f"""
        server {{
            listen 127.0.0.1:@PORT@;
            root "{www}";
            sendfile on;
            location /slow/ {{ sendfile_max_chunk 4k; limit_rate 80k; }}
        }}"""
    with harness.nginx(tmp / "nginx", server) as web:
        yield web


def closed_port():
    """A port where nobody listens."""
    return harness.free_port()


# -- Mistakes --

MISTAKES = {
    "no such command": ["crwal", "http://127.0.0.1/"],
    "no such option": ["crawl", "--per-hots", "4", "http://127.0.0.1/"],
    "no number": ["crawl", "--per-host", "four", "http://127.0.0.1/"],
    "a number too large": ["crawl", "--per-host", "1000000", "http://127.0.0.1/"],
    "a negative number": ["crawl", "--retries", "-1", "http://127.0.0.1/"],
    "no duration": ["crawl", "--delay", "soon", "http://127.0.0.1/"],
    "no size": ["crawl", "--max-body", "big", "http://127.0.0.1/"],
    "no word of the list": ["crawl", "--scope", "everything", "http://127.0.0.1/"],
    "no regular expression": ["crawl", "--include", "a(b", "http://127.0.0.1/"],
    "no field": ["crawl", "--extract", "p", "http://127.0.0.1/"],
    "a selector that cannot be": ["crawl", "--extract", "x=p:last-child", "http://127.0.0.1/"],
    "no network": ["crawl", "--allow-net", "127.0.0.0/99", "http://127.0.0.1/"],
    "no sink": ["crawl", "--sink", "drain", "http://127.0.0.1/"],
    "no URL": ["crawl"],
    "a URL that is none": ["crawl", "http://[::1/"],
    "a scheme that is not fetched": ["crawl", "ftp://127.0.0.1/"],
    "a value is missing": ["crawl", "http://127.0.0.1/", "--per-host"],
    "no such file": ["check", "missing.yaml"],
    "no directory": ["crawl", "-o", "", "https://127.0.0.1/"],
    "help about nothing": ["help", "crwal"],
    "sinks in one word": ["crawl", "--sink", "warc,jsonl", "http://127.0.0.1/"],
    "none beside other sinks": ["crawl", "--sink", "none", "--sink", "warc", "http://127.0.0.1/"],
    "a command that is like none": ["fetchall"],
    "a URL without a command": ["http://127.0.0.1/"],
    "a job file without a command": ["job.yaml"],
    "a URL for a job file": ["run", "http://127.0.0.1/"],
    "a file of authorities that is missing": ["crawl", "--ca", "missing.pem", "https://127.0.0.1/"],
    "a job file for a URL": ["crawl", "docs/job.yaml"],
    "a job file for a site to check": ["check-links", "job.yml"],
    "a value for a switch": ["crawl", "--quiet=yes", "http://127.0.0.1/"],
    "a value for help": ["crawl", "--help=delay"],
    "a value for the help of a tool": ["links", "--help=base"],
    "a switch that check has not": ["check", "--jsn", "job.yaml"],
    "two files to check": ["check", "a.yaml", "b.yaml"],
    "no name of a job file": ["run", ""],
    "no name of a file to check": ["check", ""],
    "no name of a crawl": ["status", ""],
    "no name of a crawl to resume": ["resume", ""],
    "no such crawl": ["explain", "nowhere", "http://127.0.0.1/"],
    "no such crawl to resume": ["resume", "nowhere"],
    "a file for a crawl": ["report", "/dev/null"],
    "a file for a crawl to resume": ["resume", "/dev/null"],
    "a directory without a crawl": ["status", "/"],
    "something longer than a sentence": ["links", "--base", "x" * 100000],
}
# What must be named in the sentence, so that it can be mended.
NAMED = {
    "no such command": "did you mean crawl?",
    "a command that is like none": "'fetchall'; trawl --help lists them",
    "a URL without a command": "did you mean trawl crawl http://127.0.0.1/?",
    "a job file without a command": "did you mean trawl run job.yaml?",
    "a URL for a job file": "did you mean trawl crawl http://127.0.0.1/?",
    "no such option": "per-hots",
    "no number": "per-host",
    "a number too large": "per-host",
    "a negative number": "retries",
    "no duration": "delay",
    "no size": "max-body",
    "no word of the list": "everything",
    "no regular expression": "a(b",
    "no field": "NAME=SELECTOR",
    "a selector that cannot be": "column 4",
    "no network": "127.0.0.0/99",
    "no sink": "drain",
    "sinks in one word": "each with its own --sink",
    "none beside other sinks": "'none' keeps nothing",
    "no URL": "URL",
    "a URL that is none": "http://[::1/",
    "a scheme that is not fetched": "ftp",
    "a value is missing": "per-host",
    "no such file": "trawl: cannot open missing.yaml: No such file",
    "no directory": "-o wants the name of a directory",
    "help about nothing": "crwal",
    "a file of authorities that is missing": "missing.pem",
    "a job file for a URL": "'docs/job.yaml' is not a URL; did you mean trawl run docs/job.yaml?",
    "a job file for a site to check": "'job.yml' is not a URL; did you mean trawl check-links --job job.yml?",
    "a value for a switch": "trawl: --quiet takes no value",
    "a value for help": "trawl: --help takes no value",
    "a value for the help of a tool": "trawl: --help takes no value",
    "a switch that check has not": "did you mean --json?",
    "two files to check": "check wants one file",
    "no name of a job file": "trawl: the name of a file is empty",
    "no name of a file to check": "trawl: the name of a file is empty",
    "no name of a crawl": "trawl: the name of the directory is empty",
    "no name of a crawl to resume": "trawl: the name of the directory is empty",
    "no such crawl": "trawl: nowhere holds no crawl: No such file or directory",
    "no such crawl to resume": "trawl: nowhere holds no crawl: No such file or directory",
    "a file for a crawl": "trawl: /dev/null holds no crawl: it is no directory",
    "a file for a crawl to resume": "trawl: /dev/null holds no crawl: it is no directory",
    "a directory without a crawl": "trawl: / holds no crawl: there is no job.yaml in it",
    "something longer than a sentence": "trawl: --base 'xxxxxxxxxx",
}


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_gives_one_sentence_and_exit_code_2(what, tmp_path):
    result = harness.trawl(*MISTAKES[what], cwd=tmp_path)
    assert result.rc == 2, (result.rc, result.err)
    assert result.out == ""
    assert len(result.err.strip().splitlines()) == 1, result.err
    assert NAMED[what] in result.err
    assert os.listdir(tmp_path) == [], "nothing is written"


@pytest.mark.parametrize(
    "theirs, ours",
    [("--level=2", "--depth"), ("--wait=1", "--delay"), ("--span-hosts", "--scope any"), ("--no-parent", "--scope prefix"),
     ("--tries=2", "--retries"), ("--reject=x", "--exclude"), ("--load-cookies", "--cookies"), ("--threads=4", "--concurrency")],
)  # fmt: skip
def test_an_option_of_another_crawler_is_told_by_ours(theirs, ours):
    result = harness.trawl("crawl", theirs, "http://127.0.0.1:1/")
    assert result.rc == 2
    assert result.err == f"trawl: there is no option {theirs.split('=')[0]}; did you mean {ours}?\n"


@pytest.mark.parametrize(
    "typed, meant",
    [("--quite", "--quiet"), ("--verbos", "--verbose"), ("--outptu=d", "--output"), ("--seed=f", "--seeds"), ("--helpp", "--help"),
     ("--user-agnet=x", "--user-agent"), ("--sinks=warc", "--sink")],
)  # fmt: skip
def test_options_that_are_not_in_the_table_are_meant_too(typed, meant):
    result = harness.trawl("crawl", typed, "http://127.0.0.1:1/")
    assert (result.rc, result.err) == (2, f"trawl: there is no option {typed.split('=')[0]}; did you mean {meant}?\n")


def test_what_options_of_others_lead_to_is_there():
    table = (harness.SRCDIR / "src/app/args.c").read_text().partition("names[] = {")[2].partition("};")[0]
    rows = re.findall(r'\{"([a-z-]+)",\s*"(--?[a-z-]+)(?: ([a-z]+))?"\}', table)
    assert len(rows) > 30 and len(rows) == table.count('{"')
    help = harness.trawl("crawl", "--help").out
    for theirs, ours, word in rows:
        assert not re.search(rf"^  --{theirs}\b(?!-)", help, re.M), theirs
        line = re.search(rf"^  {ours}(?= ).*", help, re.M)
        assert line and word in line[0], (ours, word)


def test_a_job_on_standard_input_is_named_so_in_mistakes(tmp_path):
    result = harness.trawl("run", "-", stdin="seeds: [http://127.0.0.1:1/]\nfetch: {dely: 1s}\n", cwd=tmp_path)
    assert (result.rc, result.err) == (2, "trawl: standard input:2:9: there is no fetch.dely; did you mean fetch.delay?\n")
    result = harness.trawl("run", "-", stdin="fetch: {delay: 1s}\n", cwd=tmp_path)
    assert (result.rc, result.err) == (2, "trawl: standard input: there is no seed; add seeds: [https://example.org/]\n")


def test_untrusted_text_in_a_message_is_escaped(tmp_path):
    result = harness.trawl("crawl", "http://[\x1b[31m/", cwd=tmp_path)
    assert result.rc == 2
    assert "\x1b" not in result.err


def test_a_directory_that_holds_a_crawl_is_left_alone(web, tmp_path):
    _, out = harness.crawl(tmp_path / "c", "-q", "--depth", "0", web.url("/p0.html"))

    def content():
        return {p: p.read_bytes() for p in out.dir.rglob("*") if p.is_file()}

    before = content()
    result = harness.trawl("crawl", "-q", "-o", out.dir, web.url("/p1.html"))
    assert result.rc == 3
    assert len(result.err.strip().splitlines()) == 1, result.err
    assert str(out.dir) in result.err
    assert content() == before


def test_help_and_version_go_to_standard_output():
    for args in (["--help"], ["crawl", "--help"], ["--version"]):
        result = harness.trawl(*args)
        assert result.rc == 0
        assert result.err == ""
        assert "trawl" in result.out.lower()
    help = harness.trawl("crawl", "--help").out
    assert "--per-host" in help
    assert harness.trawl("help", "crawl").out == help


def test_the_help_of_resume_is_silent_on_what_only_a_new_crawl_takes():
    for_new, to_go_on = (harness.trawl(command, "--help").out.splitlines() for command in ("run", "resume"))
    only = [row.split()[0] for row in for_new if row.startswith("  -") and row not in to_go_on]
    assert only == ["-o", "--seeds"]


def test_in_the_help_of_options_all_is_in_its_column():
    rows = harness.trawl("crawl", "--help").out.split("\ncrawl:\n")[1].splitlines()
    assert len(rows) > 100
    for row, after in zip(rows, [*rows[1:], ""]):
        if row.startswith("  --") and not after.startswith(" " * 31):  # else its help stands below it
            assert row[30] == " " and row[31] != " ", row


# -- What is said, and where --


def test_quiet_says_nothing(web, tmp_path):
    result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", web.url("/p0.html"))
    assert (result.rc, result.out, result.err) == (0, "", "")
    assert len(out.pages()) == 40


def test_verbose_tells_each_url_that_was_asked_for(web, tmp_path):
    def lines(*flags):
        where = tmp_path / f"c{len(flags)}"
        got = harness.trawl("crawl", *flags, "-o", where, "--max-pages", "3", web.url("/p0.html")).err
        return [l for l in got.splitlines() if re.match(r"trawl: (info|debug): ", l)]

    shape = r"trawl: %s: %d " + re.escape(web.url("")) + r"/?%s [0-9.]+ k?B in \d+ ms$"
    assert lines() == []
    once, twice = lines("-v"), lines("-v", "-v")
    assert len(once) >= 3
    assert all(re.match(shape % ("info", 200, r"p\d+\.html"), l) for l in once), once
    assert [l for l in twice if re.match(shape % ("debug", 404, r"robots\.txt"), l)] == twice[:1]
    assert all(re.match(shape % ("info", 200, r"p\d+\.html"), l) for l in twice[1:]), twice


def test_verbose_tells_why_there_was_no_answer_and_which_try_is_made_again(tmp_path):
    url = f"http://127.0.0.1:{closed_port()}/"
    got = harness.trawl("crawl", "-v", "-v", "-o", tmp_path / "c", "--retries", "1", "--robots", "ignore", url)
    head = re.escape(f"connect-failure {url} 0 B in ") + r"\d+ ms: cannot connect to .*"
    told = [l for l in got.err.splitlines() if re.match(r"trawl: (info|debug): ", l)]
    assert len(told) == 2, got.err
    assert re.match("trawl: debug: " + head + ", to be tried again$", told[0])
    assert re.match("trawl: info: " + head, told[1]) and "again" not in told[1]


def test_verbose_tells_what_a_status_does_not_and_what_was_only_checked(web, tmp_path):
    cut = harness.trawl("crawl", "-v", "-o", tmp_path / "c", "--max-body", "100", "--max-pages", "1", web.url("/p0.html"))
    assert f"trawl: info: too-large {web.url('/p0.html')} " in cut.err, cut.err
    checked = harness.trawl("check-links", "-v", "-v", "--depth", "0", web.url("/p0.html"))
    told = [l for l in checked.err.splitlines() if l.startswith("trawl: info: ")]
    assert len(told) > 40 and all(re.match(r"trawl: info: (200|404) ", l) for l in told), told


def test_without_a_terminal_nothing_is_drawn_and_the_sum_is_told(web, tmp_path):
    result, _ = harness.crawl(tmp_path / "c", "--delay", "0", web.url("/p0.html"))
    assert result.rc == 0
    assert "\x1b" not in result.err
    assert "40" in result.err


def test_an_option_that_does_nothing_beside_the_others_is_told(web, tmp_path):
    for n, (args, said) in enumerate([
        (["--focus", "boat"], "--focus does nothing without --order focus"),
        (["--priority", "/p=1", "--order", "opic"], "--priority does nothing without --order priority, sitemap or focus"),
        (["--focus", "boat", "--priority", "/p=1", "--order", "focus"], ""),
        (["--s3-bucket", "crawls", "--s3-prefix", "a/"], "--s3-bucket does nothing without --sink s3"),
        (["--csv-columns", "url"], "--csv-columns does nothing without --sink csv"),
        (["--csv-columns", "url", "--sink", "csv"], ""),
        (["--extract", "a=h1", "--sink", "warc"], "--extract does nothing without --sink jsonl, csv, sqlite, stdout or exec"),
        (["--extract", "a=h1", "--text"], ""),
        (["--text", "--sink", "none"], "--text does nothing without --sink jsonl, csv, sqlite, stdout or exec"),
        (["--mirror-max-file", "1MB"], "--mirror-max-file does nothing without --sink mirror"),
        (["--warc-size", "1MB", "--sink", "jsonl"], "--warc-size does nothing without --sink warc"),
        (["--exec-confirm"], "--exec-confirm does nothing without --sink exec"),
        (["--recrawl-interval", "1h"], "--recrawl-interval does nothing without --recrawl fixed or adaptive"),
        (["--recrawl-min", "2h", "--recrawl", "fixed"], "--recrawl-min does nothing without --recrawl adaptive"),
        (["--speculative-max", "3"], "--speculative-max does nothing without --speculative"),
        (["--check-soft-404", "all"], "--check-soft-404 does nothing without --check-links"),
        (["--no-proxy", "a.example"], "--no-proxy does nothing without --proxy"),
        (["--no-proxy", "a.example", "--proxy", "direct"], ""),
        (["--warc-size", "1GB", "--sink", "jsonl"], ""),  # as it is by default
    ]):  # fmt: skip
        result, _ = harness.crawl(tmp_path / str(n), "--scope", "page", *args, web.url("/p0.html"))
        assert result.rc == 0, result.err
        assert re.findall("^trawl: warning: (.*)$", result.err, re.M) == ([said] if said else [])
    again = harness.trawl("resume", tmp_path / "5")
    assert "does nothing" not in again.err, "job.yaml says what is by default, too"


def test_json_is_one_object_that_adds_up(web, tmp_path):
    result, _ = harness.crawl(tmp_path / "c", "--json", "--delay", "0", web.url("/p0.html"))
    assert result.rc == 0, result.err
    s = json.loads(result.out)
    assert s["discovered"] == s["fetched"] + s["failed"] + s["rejected"] + s["queued"] + s["in_flight"]
    assert s["fetched"] == 40
    assert s["queued"] == s["in_flight"] == 0


def test_the_default_directory_is_named_after_the_host(web, tmp_path):
    result = harness.trawl("crawl", "-q", "--delay", "0", web.url("/p0.html"), cwd=tmp_path)
    assert result.rc == 0, result.err
    (name,) = os.listdir(tmp_path)
    assert name.startswith("127.0.0.1-")
    assert len(harness.Output(tmp_path / name).pages()) == 40


def test_the_job_file_that_is_written_can_be_checked_and_run(web, tmp_path):
    _, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--exclude", "p7", web.url("/p0.html"))
    assert harness.trawl("check", out.dir / "job.yaml").rc == 0
    again = harness.trawl("run", out.dir / "job.yaml", "-q", "-o", tmp_path / "again")
    assert again.rc == 0, again.err
    assert {p["url"] for p in harness.Output(tmp_path / "again").pages()} == {p["url"] for p in out.pages()}
    assert len(out.pages()) == 39
    for written in out, harness.Output(tmp_path / "again"):  # also what nobody named
        assert "\n  sink:\n    - 'warc'\n    - 'jsonl'\n" in (written.dir / "job.yaml").read_text()


def test_check_names_line_and_key_of_a_mistake(tmp_path):
    good = harness.crawl(tmp_path / "c", "-q", "--retries", "0", f"http://127.0.0.1:{closed_port()}/")[1]
    text = (good.dir / "job.yaml").read_text()
    (tmp_path / "bad.yaml").write_text(text + "\nfetcch:\n  per_host: 4\n")
    result = harness.trawl("check", tmp_path / "bad.yaml", timeout=60)
    assert result.rc == 2
    assert "fetcch" in result.err
    line = len(text.splitlines()) + 2
    assert f":{line}:" in result.err or f"line {line}" in result.err, result.err


# -- Options that must have an effect --


def test_depth_exclude_and_include_bound_the_crawl(web, tmp_path):
    def pages(*options):
        out = harness.crawl(tmp_path / str(time.monotonic_ns()), "-q", "--delay", "0", *options)[1]
        return {p["url"].rsplit("/", 1)[1] for p in out.pages()}

    start = web.url("/p0.html")
    assert pages("--depth", "0", start) == {"p0.html"}
    assert pages("--exclude", "p[1-9]", start) == {"p0.html"}
    assert pages("--include", "p[01]\\.html", start) == {"p0.html", "p1.html"}
    assert pages("--scope", "page", start) == {"p0.html"}


def test_pages_come_with_a_fingerprint_when_asked(web, tmp_path):
    result, out = harness.crawl(tmp_path / "a", "--delay", "0", "--max-pages", "10", web.url("/p0.html"))
    assert result.rc == 0, result.err
    assert [p for p in out.pages() if "simhash" in p] == []
    result, out = harness.crawl(tmp_path / "b", "--delay", "0", "--max-pages", "10", "--simhash", web.url("/p0.html"))
    assert result.rc == 0, result.err
    prints = [p["simhash"] for p in out.pages() if p.get("mime") == "text/html" and p["status"] == 200]
    assert len(prints) > 5 and all(len(p) == 16 and int(p, 16) >= 0 for p in prints)


def test_rate_is_kept_over_all_hosts(web, tmp_path):
    before = len(web.log())
    result, _ = harness.crawl(
        tmp_path / "c", "-q", "--delay", "0", "--per-host", "8", "--rate", "20/s", web.url("/p0.html")
    )
    assert result.rc == 0
    times = sorted(row["msec"] for row in web.log()[before:])
    assert len(times) == 41
    # A limiter may let a small burst go first.
    assert times[-1] - times[0] >= (41 - 5) / 20 * 0.9


SENDING = ["Content-Length", "transfer-encoding", "Expect", "UPGRADE", "TE", "Keep-Alive", "Proxy-Connection", "http2-settings"]


@pytest.mark.parametrize("name", SENDING)
def test_a_header_that_says_how_a_request_is_sent_is_refused(name, tmp_path):
    for option, line in (("--header", f"{name}: 3"), ("--header-for", f"127.0.0.1:9={name}:3")):
        result, _ = harness.crawl(tmp_path / "c", option, line, "http://127.0.0.1:9/")
        assert result.rc == 2 and not (tmp_path / "c").exists()
        assert result.err.count("\n") == 1 and "says how a request is sent" in result.err


def test_a_header_that_says_how_a_request_is_sent_may_be_left_out(web, tmp_path):
    lines = [("--header", "Expect:"), ("--header", "Upgrade: "), ("--header-for", "127.0.0.1=Transfer-Encoding:")]
    result, out = harness.crawl(tmp_path / "c", "-q", "--depth", "0", *sum(lines, ()), web.url("/p0.html"))
    assert result.rc == 0, result.err
    assert [p["status"] for p in out.pages()] == [200]
    (sent,) = [r.block for r in out.records() if r.type == "request" and r.uri == web.url("/p0.html")]
    assert not any(name in sent.lower() for name in (b"expect", b"upgrade", b"transfer-encoding"))


@pytest.mark.parametrize("line", ["Host: other.test", "host:", "HOST : x"])
def test_a_host_is_for_the_url_to_say(line, tmp_path):
    for option in ("--header", line), ("--header-for", f"127.0.0.1:9={line}"):
        result, _ = harness.crawl(tmp_path / "c", *option, "http://127.0.0.1:9/")
        assert result.rc == 2 and not (tmp_path / "c").exists()
        assert result.err.count("\n") == 1 and option[0] in result.err
        assert ("--resolve" if " :" not in line else "is not \"Name: value\"") in result.err


@pytest.mark.parametrize("text", ["a b", "me", "@example.org", "me@", "me@exa mple.org", "a@b, c@d", "Me <me@example.org", "<>",
                                  "me@example.org>", "me@@example.org", "Me me@example.org"])  # fmt: skip
def test_what_is_no_mail_address_is_no_from(text, tmp_path):
    result, _ = harness.crawl(tmp_path / "c", "--from", text, "http://127.0.0.1:9/")
    assert result.rc == 2 and not (tmp_path / "c").exists()
    assert result.err == f"trawl: --from: '{text}' is no mail address, such as crawler@example.org\n"
    job = tmp_path / "job.yaml"
    job.write_text(f"seeds: http://127.0.0.1:9/\nfetch: {{from: {json.dumps(text)}}}\n")
    result = harness.trawl("check", job)
    assert (result.rc, result.err) == (
        2, f"trawl: {job}:2:15: fetch.from: '{text}' is no mail address, such as crawler@example.org\n"
    )  # fmt: skip


def test_headers_and_user_agent_are_sent(web, tmp_path):
    before = len(web.log())
    harness.crawl(tmp_path / "c", "-q", "--depth", "0", "--user-agent", "harbour/1", web.url("/p0.html"))
    assert {row["agent"] for row in web.log()[before:]} == {"harbour/1"}
    before = len(web.log())
    harness.crawl(tmp_path / "d", "-q", "--depth", "0", web.url("/p0.html"))
    assert all(row["agent"].lower().startswith("trawl") for row in web.log()[before:])


@pytest.mark.parametrize("host", ["here.test", "HERE.Test", "bücher.test", "here.test."])
def test_a_name_of_resolve_is_that_of_urls_however_it_is_written(web, tmp_path, host):
    port = web.url("/").split(":")[2].strip("/")
    result, out = harness.crawl(
        tmp_path / "c", "-q", "--depth", "0", "--retries", "0", "--dns", "127.0.0.1:1", "--allow-net", "127.0.0.1",
        "--resolve", f"{host}:{port}:127.0.0.1", f"http://{host}:{port}/p0.html",
    )  # fmt: skip
    assert result.rc == 0, result.err
    assert [p["ip"] for p in out.pages()] == ["127.0.0.1"]


# -- Budgets and exit codes --


def test_exit_code_4_when_no_seed_could_be_reached(tmp_path):
    port = closed_port()
    result, out = harness.crawl(tmp_path / "c", "-q", "--retries", "0", f"http://127.0.0.1:{port}/")
    assert result.rc == 4
    assert len(result.err.strip().splitlines()) == 1, result.err
    assert str(port) in result.err
    assert out.pages() == []


def test_exit_code_0_when_one_of_two_seeds_could_be_reached(web, tmp_path):
    result, _ = harness.crawl(
        tmp_path / "c", "-q", "--retries", "0", "--depth", "0", web.url("/p0.html"), f"http://127.0.0.1:{closed_port()}/"
    )
    assert result.rc == 0, result.err


def test_exit_code_4_when_one_seed_failed_and_the_other_is_refused(tmp_path):
    with harness.nginx(tmp_path / "nginx", """server { listen 127.0.0.1:@PORT@; location = /robots.txt {
                       return 200 "User-agent: *\\nDisallow: /no\\n"; } }""") as web:  # fmt: skip
        dead = f"http://127.0.0.1:{closed_port()}/"
        for name, *seeds in ("a", dead, web.url("/no")), ("b", web.url("/no"), dead):
            result, _ = harness.crawl(tmp_path / name, "-q", "--retries", "0", *seeds)
            assert result.rc == 4, result.err
            assert sorted(line.split(": ")[2] for line in result.err.splitlines()) == ["connect-failure", "robots-denied"]


def test_exit_code_4_when_all_seeds_are_refused_and_0_when_one_is_not(tmp_path):
    with harness.nginx(tmp_path / "nginx", """server { listen 127.0.0.1:@PORT@; location = /robots.txt {
                       return 200 "User-agent: *\\nDisallow: /no\\n"; } location = /yes { return 200 ""; } }""") as web:  # fmt: skip
        no, yes = web.url("/no"), web.url("/yes")
        refused = f"trawl: {no}: robots-denied: robots.txt line 2: Disallow: /no\n"
        for name, *args in ("one", no), ("two", no, no + "/more"), ("budget", "--max-pages", "1", no):
            result, _ = harness.crawl(tmp_path / name, "-q", *args)
            assert (result.rc, result.err) == (4, refused + (refused.replace("/no:", "/no/more:") if name == "two" else ""))
        again = harness.trawl("resume", "-q", tmp_path / "one")
        assert (again.rc, again.err) == (4, refused)
        assert harness.trawl("check-links", "-q", no).rc == 4
        result, _ = harness.crawl(tmp_path / "some", "-q", no, yes)
        assert (result.rc, result.err) == (0, "")


def test_a_crawl_of_an_ipv6_address_has_a_directory_that_names_it(tmp_path):
    port = closed_port()
    result = harness.trawl("crawl", "-q", "--retries", "0", f"http://[::1]:{port}/", cwd=tmp_path)
    assert result.rc == 4, result.err
    (made,) = tmp_path.iterdir()
    assert re.fullmatch(r"ipv6---1-\d{17}", made.name)
    assert "name: 'ipv6---1'\n" in (made / "job.yaml").read_text()


def test_a_name_that_does_not_resolve_is_told(tmp_path):
    with harness.dnsmasq({"here.example.test": "127.0.0.1"}) as dns:
        result, out = harness.crawl(tmp_path / "c", "-q", "--retries", "0", "--dns", dns, "http://gone.example.test/")
    assert result.rc == 4
    assert "gone.example.test" in result.err
    assert any("dns-failure" in " ".join(row) for row in out.crawl_log())


def test_exit_code_14_when_the_size_budget_is_reached(web, tmp_path):
    result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", "--max-bytes", "50KB", web.url("/p0.html"))
    assert result.rc == 14, result.err
    size = sum(p["bytes_wire"] for p in out.pages())
    # One host, one request at a time: at most one answer more than the budget.
    assert 40_000 <= size <= 50_000 + 8_000
    out.records()


def test_the_page_budget_is_exceeded_by_what_is_in_flight_at_most(web, tmp_path):
    result, out = harness.crawl(
        tmp_path / "c", "-q", "--delay", "0", "--per-host", "8", "--max-pages", "10", web.url("/p0.html")
    )
    assert result.rc == 0, result.err
    assert 10 <= len(out.pages()) <= 10 + 8


def test_exit_code_15_when_the_time_is_up(web, tmp_path):
    result, out = harness.crawl(tmp_path / "c", "-q", "--delay", "300ms", "--max-time", "2s", web.url("/p0.html"))
    assert result.rc == 15, result.err
    assert 1.9 <= result.seconds <= 20
    assert 1 <= len(out.pages()) <= 9


def test_exit_code_8_when_a_url_came_to_what_fail_on_names(web, tmp_path):
    def crawl(name, *options):
        result, out = harness.crawl(tmp_path / name, "-q", "--delay", "0", "--retries", "0", "--depth", "0", *options)
        return result.rc, result.err, out

    good, gone = web.url("/p0.html"), web.url("/is-not-there.html")
    silent = f"http://127.0.0.1:{closed_port()}/"
    assert crawl("a", gone)[:2] == (0, "")
    assert crawl("b", "--fail-on", "broken", good)[:2] == (0, "")
    rc, err, out = crawl("c", "--fail-on", "broken", good, gone, silent)
    assert (rc, err) == (8, "trawl: --fail-on: http-4xx 1, connect-failure 1\n")
    assert harness.trawl("resume", "-q", out.dir).rc == 8, "the crawl has it in its job.yaml"
    assert harness.trawl("resume", "-q", "--fail-on", "http-5xx", out.dir).rc == 0
    assert crawl("d", "--fail-on", "http-5xx", "--fail-on", "http-4xx", good, gone)[0] == 8
    assert crawl("e", "--fail-on", "http-5xx", good, gone)[0] == 0
    # Rather than that no seed was reached, or that a budget was; that it was so is told.
    rc, err, _ = crawl("f", "--fail-on", "connect-failure", silent)
    assert rc == 8 and silent in err
    short = ("--robots", "ignore", "--max-bytes", "1", gone, good)
    assert crawl("g", *short)[0] == 14
    assert crawl("h", "--fail-on", "http-4xx", *short)[0] == 8
    rc, err, out = crawl("i", "--fail-on", "404", good)
    assert (rc, err) == (2, "trawl: --fail-on: '404' is neither broken nor an outcome such as http-4xx\n")
    assert not out.dir.exists()


@pytest.mark.parametrize("line", ["url http://a.test/", "check JOB", "help", "help url", "--version", "crawl --help", "url many"])
def test_exit_code_3_when_what_was_asked_for_cannot_be_printed(tmp_path, line):
    job = tmp_path / "job.yaml"
    job.write_text("seeds: ['http://a.test/']\n")
    words = {"JOB": [str(job)], "many": [f"http://a.test/{i}" for i in range(1000)]}
    args = [word for name in line.split() for word in words.get(name, [name])]
    assert harness.trawl(*args).rc == 0
    with open("/dev/full", "wb") as full:
        run = subprocess.run([harness.TRAWL, *args], stdout=full, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=60)
    assert run.returncode == 3
    said = b"trawl: cannot write to standard output: "
    assert run.stderr in (said + b"No space left on device\n", said + b"a part is lost\n")


# -- Signals --


def test_sigint_stops_politely_and_what_was_fetched_is_whole(web, tmp_path):
    out = harness.Output(tmp_path / "c")
    before = len(web.log())
    running = harness.Running("crawl", "-q", "-o", out.dir, "--delay", "0", "--per-host", "2", web.url("/slow/p0.html"))
    try:
        harness.wait_until("some pages", lambda: len(web.log()) > before + 10)
        running.signal(signal.SIGINT)
        result = running.result()
    finally:
        running.end()
    assert result.rc == 11, result.err
    pages = out.pages()
    assert 5 <= len(pages) < 40
    archived = out.archived()
    for p in pages:
        (record,) = archived[p["url"]]
        assert len(record.payload) == p["bytes_body"]


def test_sigint_twice_stops_at_once(tmp_path):
    with socket.socket() as silent:  # accepts, and never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen(16)
        port = silent.getsockname()[1]
        running = harness.Running("crawl", "-o", tmp_path / "c", "--robots", "ignore", f"http://127.0.0.1:{port}/")
        try:
            silent.settimeout(60)
            connection, _ = silent.accept()
            assert connection.recv(4096).startswith(b"GET / ")
            running.signal(signal.SIGINT)
            harness.read_until(running.child.stderr, "stopping: ")  # two that come together are one
            time.sleep(1)
            assert running.child.poll() is None, "once: what is in flight may end"
            running.signal(signal.SIGINT)
            watch = harness.Stopwatch()
            result = running.result()
            took = watch.given()
            connection.close()
        finally:
            running.end()
    assert took < 8  # after one signal it has ten seconds
    assert result.rc == 11, result.err


# -- Asking Trawl what it thinks --


def test_links_prints_kind_and_url_in_document_order():
    html = (
        '<a href="one">1</a><img src="two.png" srcset="three.png 2x"><!-- <a href="no">no</a> -->'
        '<script src="/four.js"></script><a href="mailto:x@example.org">m</a>'
    )
    result = harness.trawl("links", "--base", "http://example.test/dir/", stdin=html)
    assert result.rc == 0, result.err
    rows = [tuple(line.split("\t")) for line in result.out.splitlines()]
    expected = [
        ("a", "http://example.test/dir/one"),
        ("img", "http://example.test/dir/two.png"),
        ("srcset", "http://example.test/dir/three.png"),
        ("script", "http://example.test/four.js"),
    ]
    assert [r for r in rows if r[1].startswith("http")] == expected


def test_links_reads_a_file(tmp_path):
    (tmp_path / "page.html").write_text('<a href="/x">x</a>')
    result = harness.trawl("links", "--base", "http://example.test/", tmp_path / "page.html")
    assert result.out == "a\thttp://example.test/x\n"


def test_links_tells_the_facts_of_a_page():
    html = (
        '<html lang=en><title>The harbour</title><meta name=description content="About it">'
        '<meta name=harbour content=nofollow><link rel=canonical href=/h><link rel=sitemap href=/map.xml>'
        '<link rel=alternate hreflang=de href=/de><link rel=alternate type=application/atom+xml title=News href=feed>'
        "<nav><a href=/>Home</a></nav><h1 id=ships>Ships</h1><p><a name=old></a>" + "ships come and go " * 6
        + '<a rel=nofollow href="mailto:x@example.org">m</a><a rel=nofollow href=more>more</a>'
    )
    result = harness.trawl("links", "--facts", "--agent", "harbour", "--base", "http://example.test/d/", stdin=html)
    assert result.rc == 0, result.err
    facts = json.loads(result.out)
    assert facts.pop("simhash") and facts.pop("charset")
    assert facts.pop("text").startswith("Ships\nships come and go ships")
    assert facts == {
        "title": "The harbour",
        "description": "About it",
        "lang": "en",
        "canonical": "http://example.test/h",
        "robots": ["nofollow"],
        "alternates": [{"lang": "de", "url": "http://example.test/de"}],
        "feeds": [{"url": "http://example.test/d/feed", "title": "News"}],
        "sitemaps": [{"url": "http://example.test/map.xml"}],
        "headings": [{"level": 1, "text": "Ships"}],
        "ids": ["ships", "old"],
        "links": [
            {"kind": "link", "url": "http://example.test/h", "ref": "/h"},
            {"kind": "link", "url": "http://example.test/map.xml", "ref": "/map.xml"},
            {"kind": "link", "url": "http://example.test/de", "ref": "/de"},
            {"kind": "link", "url": "http://example.test/d/feed", "ref": "feed"},
            {"kind": "a", "url": "http://example.test/", "ref": "/", "text": "Home"},
            {"kind": "a", "url": "http://example.test/d/more", "ref": "more", "text": "more", "nofollow": True},
        ],
    }


def test_url_resolves_and_normalises_one_a_line():
    refs = "../b?q=1#f\nHTTP://EXAMPLE.test:80/%7e\nhttp://[x/\n"
    result = harness.trawl("url", "--base", "http://example.test/a/c", stdin=refs)
    lines = result.out.splitlines()
    assert lines[0] == "http://example.test/b?q=1"
    assert lines[1].startswith("http://example.test/")
    assert lines[2].startswith("error: ")
    assert harness.trawl("url", "http://example.test").out == "http://example.test/\n"


def test_url_tidies_when_asked():
    refs = "http://x.test/a;jsessionid=1?b=2&a=1&utm_source=z\n"
    for flag, wanted in (
        ("--sort-query", "http://x.test/a;jsessionid=1?a=1&b=2&utm_source=z"),
        ("--strip-session-ids", "http://x.test/a?b=2&a=1&utm_source=z"),
        ("--strip-tracking", "http://x.test/a;jsessionid=1?b=2&a=1"),
    ):
        assert harness.trawl("url", flag, stdin=refs).out == wanted + "\n"


def test_robots_tells_allowed_and_disallowed(tmp_path):
    (tmp_path / "robots.txt").write_text("User-agent: *\nDisallow: /private/\nAllow: /private/open\n")
    urls = ["http://example.test/", "http://example.test/private/x", "http://example.test/private/open"]
    result = harness.trawl("robots", "--agent", "harbour", tmp_path / "robots.txt", *urls)
    assert result.out.splitlines() == [f"allowed\t{urls[0]}", f"disallowed\t{urls[1]}", f"allowed\t{urls[2]}"]
    piped = harness.trawl("robots", "--agent", "harbour", tmp_path / "robots.txt", stdin="\n".join(urls) + "\n")
    assert piped.out == result.out
    told = harness.trawl("robots", "--agent", "harbour", "--json", tmp_path / "robots.txt", urls[1], "harbour")
    denied, none = map(json.loads, told.out.splitlines())
    assert not denied["allowed"] and none == {"url": "harbour", "error": "not a URL"}


def test_what_is_no_sitemap_is_named(tmp_path):
    (tmp_path / "page.html").write_text("<p>no sitemap")
    result = harness.trawl("sitemap", "page.html", cwd=tmp_path)
    assert (result.rc, result.err) == (1, "trawl: page.html is no sitemap\n")


def test_sitemap_prints_its_entries():
    xml = (
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>http://example.test/a?x=1&amp;y=2</loc>'
        "<lastmod>2024-01-02</lastmod><changefreq>daily</changefreq><priority>0.3</priority></url></urlset>"
    )
    result = harness.trawl("sitemap", stdin=xml)
    assert result.rc == 0, result.err
    url, lastmod, priority, changefreq = result.out.rstrip("\n").split("\t")
    assert url == "http://example.test/a?x=1&y=2"
    assert lastmod.startswith("2024-01-02")
    assert float(priority) == pytest.approx(0.3)
    assert changefreq == "daily"


def test_output_into_a_closed_pipe_is_no_crash():
    read, write = os.pipe()
    os.close(read)
    try:
        child = harness.subprocess.run(
            [harness.TRAWL, "--help"], stdout=write, stderr=harness.subprocess.PIPE, timeout=60
        )
    finally:
        os.close(write)
    assert child.returncode in (0, 1, 3, -signal.SIGPIPE)


@pytest.mark.parametrize(
    "words, fd, rc",
    [(["url", "http://a.test/"], 1, 3), (["--version"], 1, 3), (["url", "--help"], 1, 3), (["links"], 0, 3),
     (["url"], 0, 3), (["crawl", "--seeds", "-"], 0, 2), (["url", "http://a.test/"], 2, 0), (["url", "http://a.test/"], 0, 0)],
)  # fmt: skip
def test_what_cannot_be_read_or_printed_for_it_is_closed_is_told(words, fd, rc, tmp_path):
    command = ["/bin/sh", "-c", f'exec "$@" {fd}{"<" if fd == 0 else ">"}&-', "sh", harness.TRAWL, *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == rc, done
    if rc == 0:
        assert (done.stdout, done.stderr) == ("http://a.test/\n", "")
    else:
        where = "read standard input" if fd == 0 else "write to standard output"
        assert done.stderr == f"trawl: cannot {where}: Bad file descriptor\n"
    assert os.listdir(tmp_path) == []


# -- Safety --


def test_loopback_is_refused_where_no_seed_is(tmp_path):
    """A name that leads to a private address is no way in; --allow-net opens the door."""
    with harness.dnsmasq({"inside.example.test": "127.0.0.1"}) as dns:
        (tmp_path / "www").mkdir()
        (tmp_path / "www" / "a.html").write_text("<title>a</title>")
        server = f'server {{ listen 127.0.0.1:@PORT@; root "{tmp_path}/www"; }}'
        with harness.nginx(tmp_path / "nginx", server) as web:
            inside = web.url("/a.html", "inside.example.test")
            start = tmp_path / "www" / "p.html"
            start.write_text(f'<a href="{inside}">in</a>')
            _, out = harness.crawl(
                tmp_path / "c", "-q", "--delay", "0", "--scope", "any", "--dns", dns, web.url("/p.html")
            )
            assert out.outcomes()[inside] == "denied-address"
            assert "inside.example.test" not in {row["host"] for row in web.log()}
            _, out = harness.crawl(
                tmp_path / "d", "-q", "--delay", "0", "--scope", "any", "--dns", dns,
                "--allow-net", "127.0.0.0/8", web.url("/p.html"),
            )  # fmt: skip
            assert out.outcomes()[inside] == "ok"


def test_a_redirected_robots_txt_is_obeyed_on_a_private_seed_too(tmp_path):
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "rules.txt").write_text("User-agent: *\nDisallow: /secret\n")
    (tmp_path / "www" / "index.html").write_text('<a href="/secret.html">s</a><a href="/open.html">o</a>')
    for name in ("secret", "open"):
        (tmp_path / "www" / f"{name}.html").write_text("<title>x</title>")
    server = f"""server {{ listen 127.0.0.1:@PORT@; root "{tmp_path}/www";
        location = /robots.txt {{ return 301 /rules.txt; }} }}"""
    with harness.nginx(tmp_path / "nginx", server) as web:
        _, out = harness.crawl(tmp_path / "c", "-q", "--delay", "0", web.url("/"))
        assert out.outcomes()[web.url("/secret.html")] == "robots-denied"
        assert out.outcomes()[web.url("/open.html")] == "ok"
        assert "/secret.html" not in {row["uri"] for row in web.log()}


WRONG_JOBS = {
    "exclude": ("crawl: {exclude: ['(']}", "exclude"),
    "priority": ("crawl: {priority: ['x=999']}", "priority"),
    "allow_net": ("net: {allow_net: [nowhere]}", "allow_net"),
    "resolve": ("net: {resolve: [x]}", "resolve"),
    "sink": ("output: {sink: [drain]}", "drain"),
    "sink twice": ("output: {sink: [warc, warc]}", "twice"),
    "header": ("fetch: {header: [nocolon]}", "header"),
    "proxy": ("fetch: {proxy: 'foo://x'}", "proxy"),
    "sinks in one word": ("output: {sink: 'warc,jsonl'}", "a list is [warc, jsonl]"),
    "none beside others": ("output: {sink: [none, warc]}", "'none' keeps nothing"),
}


@pytest.mark.parametrize("what", WRONG_JOBS)
def test_check_finds_what_a_crawl_would_refuse(what, tmp_path):
    text, named = WRONG_JOBS[what]
    job = tmp_path / "job.yaml"
    job.write_text("seeds: ['http://127.0.0.1/']\n" + text + "\n")
    for command in ("check", "run"):
        result = harness.trawl(command, job, cwd=tmp_path)
        assert result.rc == 2, (command, result.err)
        assert named in result.err
        assert len(result.err.strip().splitlines()) == 1
    assert os.listdir(tmp_path) == ["job.yaml"]


def test_a_mistake_in_a_job_file_is_told_by_its_key(tmp_path):
    job = tmp_path / "job.yaml"
    job.write_text("seeds: http://127.0.0.1/\nfetch:\n  cookies: none.txt\noutput: {wacz: yes, sink: csv}\n")
    told = harness.trawl("check", "job.yaml", cwd=tmp_path).err.splitlines()
    assert [line.split("; ")[0] for line in told] == [
        "trawl: job.yaml:4:16: output.wacz packs the archive of a crawl: add --sink warc",
        "trawl: job.yaml:3:12: fetch.cookies: cannot open none.txt: No such file or directory",
    ]


# -- Examples --


def test_the_example_jobs_are_right():
    jobs = sorted((harness.SRCDIR / "conf").glob("*.yaml"))
    assert jobs
    for job in jobs:
        result = harness.trawl("check", job)
        assert result.rc == 0, result.err
        assert result.out == f"{job}: ok\n"

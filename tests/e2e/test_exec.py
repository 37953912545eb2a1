"""--sink exec: a program is fed the pages, whatever becomes of it."""

import json
import os
import re
import signal
import stat
import sys

import pytest

import harness

jsonschema = pytest.importorskip("jsonschema")
SCHEMA = json.loads((harness.SRCDIR / "doc" / "pages.schema.json").read_text())
PAGES = 600
LARGE = 3000
FAST = "-q", "--delay", "0", "--per-host", "16", "--commit-interval", "50ms", "--sink", "exec"
TEXT = "--text", "--no-traps"  # nearly the same in all pages


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Pages with long titles, so that a program that does not read holds things up."""
    www = tmp_path_factory.mktemp("many")
    for i in range(PAGES):
        links = "".join(f"<a href={i * 2 + k}.html>n</a>" for k in (1, 2) if i * 2 + k < PAGES)
        (www / f"{i}.html").write_text(f"<title>{i} {'x' * 7000}</title>{links}")
    server = f"""server {{ listen 127.0.0.1:@PORT@; types {{ text/html html; }} root "{www}"; }}"""
    with harness.nginx(tmp_path_factory.mktemp("run") / "nginx", server) as web:
        yield web


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """More pages, with more text, than the 8 MiB of lines that a program may be behind and the mails of the store thread."""
    www = tmp_path_factory.mktemp("large")
    for i in range(LARGE):
        links = "".join(f"<a href={i * 2 + k}.html>n</a>" for k in (1, 2) if i * 2 + k < LARGE)
        (www / f"{i}.html").write_text(f"<title>{i}</title><main><p>{'Copper kettles boil water quicker than iron ones, which keep it warm for longer. ' * 110}</p></main>{links}")
    server = f"""server {{ listen 127.0.0.1:@PORT@; types {{ text/html html; }} root "{www}"; }}"""
    with harness.nginx(tmp_path_factory.mktemp("run") / "nginx", server) as web:
        yield web


def program(where, text, name="program"):
    """A Python program that has `lines`, standard input line by line, and `got`, which notes one."""
    path = where / name
    path.write_text(
        f"#!{sys.executable} -S\nimport os, signal, sys, time\n"
        f"def got(line):\n    with open({str(where / 'got')!r}, 'ab') as f: f.write(line)\n"
        f"def once(name):\n    try: os.close(os.open({str(where)!r} + '/' + name, os.O_CREAT | os.O_EXCL)); return True\n"
        "    except FileExistsError: return False\n"
        # A line without an end is none: trawl was killed within it.
        "whole = lambda f: (l for l in iter(f.readline, b'') if l.endswith(b'\\n'))\n"
        # `lines` reads no byte ahead, and so has nothing in hand when it dies; `bulk` is faster.
        f"lines, bulk = whole(open(0, 'rb', buffering=0, closefd=False)), whole(sys.stdin.buffer)\n{text}"
    )
    path.chmod(0o755)
    return path


def got(where):
    path = where / "got"
    return [json.loads(line) for line in path.read_bytes().splitlines(True) if line.endswith(b"\n")] if path.exists() else []


def crawl(where, web, prog, *options, timeout=harness.CRAWL_SECONDS, **kw):
    return harness.crawl(where / "out", *FAST, "--exec-command", prog, *options, web.url("/0.html"), timeout=timeout, **kw)


def all_of(web):
    return [web.url(f"/{i}.html") for i in range(PAGES)]


def test_a_program_gets_each_page_once_in_numbered_lines_of_the_schema(many, tmp_path):
    result, out = crawl(tmp_path, many, program(tmp_path, "for line in lines: got(line)"), "--sink", "jsonl")
    assert result.rc == 0 and result.err == "", result.err
    pages = got(tmp_path)
    assert [p["seq"] for p in pages] == list(range(1, PAGES + 1))
    judge = jsonschema.Draft7Validator(SCHEMA | {"additionalProperties": False})
    judge.validate(pages[0])
    assert [{k: v for k, v in p.items() if k != "seq"} for p in pages] == out.pages()
    assert sorted(p["url"] for p in pages) == sorted(all_of(many))
    # A crawl that is over has nothing to feed: the program is not even started.
    (tmp_path / "got").unlink()
    assert harness.trawl("resume", "-q", tmp_path / "out").rc == 0
    assert got(tmp_path) == []


def test_it_is_run_without_a_shell_and_with_nothing_of_ours(many, tmp_path):
    text = """
import json
for line in lines: pass
fds = [int(n) for n in os.listdir("/proc/self/fd")]
state = dict(l.split(":\\t", 1) for l in open("/proc/self/status").read().splitlines())
json.dump({"argv": sys.argv[1:], "env": dict(os.environ), "fds": [n for n in fds if os.path.exists(f"/proc/self/fd/{n}")],
           "ignored": state["SigIgn"], "blocked": state["SigBlk"], "group": os.getpgrp() == os.getpid()},
          open(sys.argv[1], "w"))
"""
    seen = tmp_path / "seen"
    command = f"""{program(tmp_path, text)} {seen} 'two words;$HOME' "a\\"b" * |x\\ y"""
    env = {"AWS_SECRET_ACCESS_KEY": "hush", "TRAWL_TOKEN": "hush", "WANTED": "yes", "LC_ALL": "C.UTF-8"}
    result, _ = crawl(tmp_path, many, command, "--max-pages", "3", "--exec-env", "WANTED", env=env)
    assert result.rc == 0, result.err
    told = json.loads(seen.read_text())
    assert told["argv"] == [str(seen), "two words;$HOME", 'a"b', "*", "|x y"]
    assert told["env"]["WANTED"] == "yes" and told["env"]["LC_ALL"] == "C.UTF-8" and "hush" not in str(told["env"])
    assert told["env"].keys() <= {"WANTED", "LC_ALL", "LC_CTYPE", "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR"}
    assert told["fds"] == [0, 1, 2] and told["group"]
    # Python itself ignores SIGPIPE and SIGXFSZ.
    ours = {n for n in range(1, 32) if int(told["ignored"], 16) >> (n - 1) & 1}  # above are the C library's
    assert ours <= {signal.SIGPIPE, signal.SIGXFSZ}
    assert int(told["blocked"], 16) == 0


def test_what_it_says_is_told_without_what_terminals_obey(many, tmp_path):
    text = "print('out \\x1b[31mred', flush=True); sys.stderr.write('err \\x07 bell\\nno end'); sys.stderr.flush()\nfor line in lines: pass"
    result, _ = crawl(tmp_path, many, program(tmp_path, text), "--max-pages", "3")
    assert result.rc == 0 and "\x1b" not in result.err and "\x07" not in result.err
    result, _ = harness.crawl(tmp_path / "loud", *FAST[1:], "--exec-command", program(tmp_path, text), "--max-pages", "3",
                              many.url("/0.html"))  # fmt: skip
    assert "exec: out \\x1b[31mred" in result.err and "exec: err \\x07 bell" in result.err and "exec: no end" in result.err
    assert "\x1b[31m" not in result.err


@pytest.mark.parametrize("what,text", [
    ("--sink exec wants a program", None),
    ("--exec-command: there is no program 'no-such-program-here' in PATH", "no-such-program-here"),
    ("--exec-command: there is no program '/nowhere/x'", "/nowhere/x"),
    ("cannot be run: it is no executable file", "/etc/passwd --x"),
    ("cannot be run: it is no executable file", "/etc"),
    ("--exec-command: a quote or a backslash has no end", "cat 'x"),
    ("--exec-command: it names no program", "   "),
])  # fmt: skip
def test_a_command_that_cannot_be_run_is_told_before_anything_is_made(many, tmp_path, what, text):
    options = [] if text is None else ["--exec-command", text]
    result, out = harness.crawl(tmp_path / "out", *FAST, *options, many.url("/0.html"))
    assert result.rc == 2 and what in result.err and not out.dir.exists()
    lost = harness.crawl(tmp_path / "out", *FAST, "--exec-command", "cat", "--exec-env", "NOT_SET", many.url("/"))[0]
    assert lost.rc == 2 and "the environment has no variable 'NOT_SET'" in lost.err
    idle = harness.crawl(tmp_path / "out", "--exec-command", "cat", many.url("/"))[0]
    assert idle.rc == 2 and "--exec-command is nothing without --sink exec" in idle.err


def test_in_a_job_file_it_has_a_section_of_its_own(many, tmp_path):
    job = tmp_path / "job.yaml"
    prog = program(tmp_path, "for line in lines: got(line)")
    job.write_text(f"seeds: [{many.url('/0.html')}]\noutput:\n  sink: [exec]\nfetch: {{delay: 0s}}\nlimits: {{max_pages: 5}}\n"
                   f"exec:\n  command: {prog}\n  restarts: 2\n")  # fmt: skip
    result = harness.trawl("run", "-q", job, "-o", tmp_path / "out")
    assert result.rc == 0, result.err
    assert len(got(tmp_path)) == 5
    kept = tmp_path / "out" / "job.yaml"
    assert "exec:\n" in kept.read_text() and "  command: " in kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600  # a command may hold a password
    job.write_text(job.read_text().replace("restarts", "restart"))
    checked = harness.trawl("check", job)
    assert checked.rc == 2 and "there is no exec.restart; did you mean exec.restarts?" in checked.out + checked.err


@pytest.mark.parametrize("how,status", [("os.kill(os.getpid(), 9)", "signal 9 (Killed)"), ("sys.exit(3)", "exit status 3"), ("sys.exit(0)", "exit status 0")])
def test_one_that_dies_is_started_again_and_nothing_is_missing(many, tmp_path, how, status):
    text = f"""
for n, line in enumerate(lines):
    if n == 20 and once("died"):
        time.sleep(1.5)  # there are commits while it has that line in hand
        {how}
    got(line)
"""
    result, _ = harness.crawl(tmp_path / "out", *FAST[1:], "--exec-command", program(tmp_path, text), many.url("/0.html"))
    assert result.rc == 0, result.err
    assert f"the program ended before its input did, with {status}; it is started again in 1 s" in result.err
    seqs = [p["seq"] for p in got(tmp_path)]
    assert set(seqs) == set(range(1, PAGES + 1))
    # Again comes what was not read, or since the last commit, and the line that it was at work on.
    assert all(b == a + 1 or b <= a for a, b in zip(seqs, seqs[1:]))


def test_one_that_dies_for_ever_ends_the_crawl_and_a_resume_feeds_the_rest(many, tmp_path):
    prog = program(tmp_path, "got(next(lines)); sys.exit(7)")
    result, out = harness.crawl(tmp_path / "out", *FAST[1:], "--exec-command", prog, "--exec-restarts", "2", "--max-pages", "300",
                                many.url("/0.html"))  # fmt: skip
    assert result.rc == 3, result.err
    assert re.findall(r"exit status 7; it is started again in (\d+) s", result.err) == ["1", "2"]
    assert "the program of --sink exec ended too often (2 restarts within 600 s are permitted), the last time with exit status 7" in result.err
    assert len(got(tmp_path)) == 3
    program(tmp_path, "for line in lines: got(line)")
    result = harness.trawl("resume", "-q", out.dir, "--max-pages", "none")
    assert result.rc == 0, result.err
    assert {p["seq"] for p in got(tmp_path)} == set(range(1, PAGES + 1))
    assert {p["url"] for p in got(tmp_path)} == set(all_of(many))


def test_ends_are_forgotten_after_the_window(many, tmp_path):
    """Two ends, 1.1 s and more apart: too often only where the window is longer."""
    prog = program(tmp_path, "for n, line in enumerate(lines):\n    got(line)\n    if n == 20 and (once('a') or once('b')): sys.exit(1)")
    result, _ = crawl(tmp_path, many, prog, "--exec-restarts", "1", "--exec-restart-window", "1s")
    assert result.rc == 0, result.err
    (tmp_path / "a").unlink(), (tmp_path / "b").unlink()
    result, _ = harness.crawl(tmp_path / "again", *FAST, "--exec-command", prog, "--exec-restarts", "1", many.url("/0.html"))
    assert result.rc == 3 and "ended too often (1 restarts within 600 s" in result.err


def test_lines_that_were_not_confirmed_come_again(many, tmp_path):
    """It reads far ahead and dies with what it has in hand: only confirming tells what is done."""
    text = """
hand = []
for line in lines:
    hand.append(line)
    if len(hand) == 50:
        if once("died"): time.sleep(0.5); os.kill(os.getpid(), 9)
        for h in hand: got(h)
        import json
        print(json.loads(hand[-1])["seq"], flush=True)
        hand = []
for h in hand: got(h)
if hand: print(json.loads(hand[-1])["seq"], flush=True)
"""
    result, _ = crawl(tmp_path, many, program(tmp_path, text), "--exec-confirm")
    assert result.rc == 0, result.err
    assert [p["seq"] for p in got(tmp_path)] == list(range(1, PAGES + 1))  # exactly once, for it died before it did anything


def test_one_that_ends_well_without_confirming_has_not_done_its_work(many, tmp_path):
    prog = program(tmp_path, "for n, line in enumerate(lines):\n    if n == 9: print(10, flush=True)")
    result, _ = crawl(tmp_path, many, prog, "--exec-confirm", "--exec-restarts", "1")
    assert result.rc == 3 and "ended too often" in result.err and "line 10 as the last that it confirmed" in result.err


def test_one_that_is_slow_slows_the_crawl_and_a_signal_ends_both(large, tmp_path):
    text = "signal.signal(signal.SIGTERM, lambda *a: (got(b'{}\\n'), os._exit(0)))\ngot(next(lines))\nwhile True: time.sleep(0.1)"
    running = harness.Running("crawl", "-o", tmp_path / "out", *FAST, *TEXT, "--exec-command", program(tmp_path, text), large.url("/0.html"))
    try:
        harness.wait_until("the program", lambda: got(tmp_path))
        spool = tmp_path / "out" / "exec.spool"
        harness.wait_until("a spool", lambda: spool.stat().st_size > 8 << 20)
        asked = harness.settled("the crawl waits", lambda: len(large.log()), every=1)
        assert asked < LARGE - 200 and spool.stat().st_size < 13 << 20
        running.signal(signal.SIGINT)
        result = running.result()
    finally:
        running.end()
    assert result.rc == 11, result.err
    assert got(tmp_path)[-1] == {}  # SIGTERM came, for it did not end with its input
    program(tmp_path, "for line in bulk: got(line)")
    (tmp_path / "got").unlink()
    assert harness.trawl("resume", "-q", tmp_path / "out").rc == 0
    seqs = {p["seq"] for p in got(tmp_path)}
    assert seqs == set(range(1, LARGE + 1))  # it may have been at work on the first when it was ended


def test_a_signal_when_only_the_program_is_awaited_is_told(many, tmp_path):
    running = harness.Running("crawl", "-o", tmp_path / "out", *FAST[1:], "--sink", "jsonl", "--exec-command",
                              program(tmp_path, "got(next(lines))\nwhile True: time.sleep(1)"), many.url("/0.html"))  # fmt: skip
    out = harness.Output(tmp_path / "out")
    try:
        harness.wait_until("all pages", lambda: out.pages_yet() == PAGES)
        running.signal(signal.SIGINT)
        result = running.result()
    finally:
        running.end()
    assert result.rc == 11 and "exec: stopped with 600 lines to feed; trawl resume goes on" in result.err
    program(tmp_path, "for line in lines: got(line)")
    assert harness.trawl("resume", "-q", out.dir).rc == 0
    assert {p["seq"] for p in got(tmp_path)} == set(range(1, PAGES + 1))


def test_one_that_closes_its_input_or_takes_nothing_is_ended(many, tmp_path):
    text = """
if once("closed"): got(next(lines)); os.close(0); time.sleep(100)
if once("hung"): got(next(lines)); time.sleep(100)
for line in lines: got(line)
"""
    result, _ = harness.crawl(tmp_path / "out", *FAST[1:], "--exec-command", program(tmp_path, text), "--exec-stall-timeout", "3s",
                              many.url("/0.html"))  # fmt: skip
    assert result.rc == 0, result.err
    assert "signal 15 (Terminated) (it closed its standard input and was ended)" in result.err
    assert "signal 15 (Terminated) (it took nothing for too long and was ended)" in result.err
    assert {p["seq"] for p in got(tmp_path)} == set(range(1, PAGES + 1))


def test_one_that_does_not_end_is_killed_and_that_is_a_failure(many, tmp_path):
    text = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nfor line in lines: got(line)\nwhile True: time.sleep(1)"
    result, _ = crawl(tmp_path, many, program(tmp_path, text), "--exec-finish-timeout", "4s", "--max-pages", "20")
    assert result.rc == 3, result.err
    assert "did not end well once it had all its input: signal 9 (Killed)" in result.err
    assert len(got(tmp_path)) == 20


def test_after_kill_9_a_resume_goes_on_with_what_was_not_taken(many, tmp_path):
    # It is never so fast that it has all before it is killed four times: of a trawl that lives it takes 100 lines.
    (tmp_path / "few").touch()
    text = """
import select
gone = select.poll(); gone.register(0, 0)
for n, line in enumerate(lines, 1):
    got(line); time.sleep(0.005)
    if n == 100 and os.path.exists(os.path.dirname(sys.argv[0]) + "/few"): gone.poll()
"""
    command = ["crawl", "-o", tmp_path / "out", *FAST, "--exec-command", program(tmp_path, text), many.url("/0.html")]
    for _ in range(4):
        before = len(got(tmp_path))
        running = harness.Running(*command)
        try:
            harness.wait_until("progress", lambda: len(got(tmp_path)) > before + 60)
            assert running.child.poll() is None
            os.kill(running.child.pid, signal.SIGKILL)
            running.child.wait(harness.PATIENCE_SECONDS)
        finally:
            running.end()
        command = ["resume", "-q", tmp_path / "out"]
        harness.settled("the program that is left reads its pipe to the end", lambda: len(got(tmp_path)))
    (tmp_path / "few").unlink()
    assert harness.trawl("resume", "-q", tmp_path / "out").rc == 0
    pages = got(tmp_path)
    assert {p["seq"] for p in pages} == set(range(1, PAGES + 1)) and {p["url"] for p in pages} == set(all_of(many))
    by_seq = {}
    for page in pages:  # a number stands for one page, however often it comes
        assert by_seq.setdefault(page["seq"], page["url"]) == page["url"]
    assert len(pages) < PAGES + 4 * 250  # what lay in pipes, and what was read since the last commit


def test_what_was_taken_is_not_kept_on_the_disk(large, tmp_path):
    result, out = crawl(tmp_path, large, program(tmp_path, "for line in bulk: got(line)"), "--sink", "jsonl", *TEXT)
    assert result.rc == 0, result.err
    spool = (out.dir / "exec.spool").stat()
    assert spool.st_size > 4 << 20 and spool.st_blocks * 512 < spool.st_size - (2 << 20)

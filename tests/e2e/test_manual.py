"""What is written for people: manual pages and completions say what the program takes, all of it."""

import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest

import harness

DOC = harness.BUILDDIR / "doc"
APP = harness.SRCDIR / "src" / "app"


def page(name):
    """A manual page: what was made lies in the build tree."""
    made = DOC / name
    return made if made.exists() else harness.SRCDIR / "doc" / name


PAGES = ["trawl.1", "trawl-warc.1", "trawl-ctl.1", "trawl-job.5", "trawl-files.5", "trawl-serve.8"]


def plain(name):
    text = page(name).read_text()
    return re.sub(r"\\f[A-Z]", "", text.replace("\\-", "-").replace("\\&", "").replace("\\e", "\\"))


def tool(name):
    return pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed")


def options():
    """Of options.def: section, name, type, default, argument."""
    table = (harness.SRCDIR / "src/crawl/options.def").read_text()
    rows = re.findall(r'^OPTION\((\w+), (\w+), (\w+),\s*"([^"]*)",\s*[^,]+,\s*[^,]+,\s*"((?:[^"\\]|\\.)*)"', table, re.M)
    assert len(rows) > 70
    return rows


def flag(name):
    return "--" + name.replace("_", "-")


def commands():
    found = re.findall(r"^  ([a-z-]+) +\S", harness.trawl("--help").out, re.M)
    assert len(found) > 12
    return found


def help_of(command):
    result = harness.trawl(command, "--help")
    assert result.rc == 0
    return result.out


def usage_of(command):
    """What is its own: of commands that crawl, without the options of the table."""
    return re.split(r"^\n?crawl:$", help_of(command), flags=re.M)[0]


def flags_in(text):
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", text))


# -- Manual pages --


@pytest.mark.parametrize("name", PAGES)
@tool("mandoc")
def test_pages_have_no_mistakes_for_mandoc(name):
    run = subprocess.run(["mandoc", "-Tlint", "-Wwarning", page(name)], capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stdout) == (0, "")


@pytest.mark.parametrize("name", PAGES)
@tool("man")
def test_pages_are_shown_without_warnings(name):
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "MANWIDTH": "80"}
    args = ["man", "--warnings", "-E", "UTF-8", "-l", page(name)]
    run = subprocess.run(args, capture_output=True, text=True, timeout=60, env=env)
    assert run.returncode == 0 and run.stderr == ""
    title = name.replace(".", "(").upper() + ")"
    assert title in run.stdout and len(run.stdout.splitlines()) > 40


@pytest.mark.parametrize("name", PAGES)
def test_pages_have_nothing_that_was_to_be_filled_in(name):
    assert not re.search(r"@\w+@", page(name).read_text())
    version = harness.trawl("--version").out.split()[1]
    assert page(name).read_text().split('"')[3] in ("trawl", f"trawl {version}")


@pytest.mark.parametrize("name", PAGES)
def test_pages_that_are_named_exist_and_name_each_other(name):
    named = set(re.findall(r"\b(trawl[a-z-]*)\s?\(([158])\)", plain(name)))
    for other, section in named:
        assert page(f"{other}.{section}").exists()
    assert name == "trawl.1" or ("trawl", "1") in named
    if name == "trawl.1":
        assert {f"{n}.{s}" for n, s in named} >= set(PAGES) - {name}


def test_each_option_is_in_both_references():
    flags = plain("trawl.1").split("\n.SS crawl\n")[1].split("\n.SH ")[0]
    keys = plain("trawl-job.5")
    for section, name, kind, default, arg in options():
        said = re.search(rf"^\.B {flag(name)}(?: (.*))?\n(.*)$", flags, re.M)
        assert said, name
        key = name.removeprefix(f"{section}_")
        assert (said[1] or "") == arg and f"In a job file: {section}.{key}." in said[2]
        assert default == "" or f"Default: {default}." in said[2]
        assert kind != "BOOL" or f"--no-{name.replace('_', '-')}" in said[2]
        part = keys.split(f"\n.SS {section}:\n")[1].split("\n.S")[0]
        said = re.search(rf"^\.B {key}:\n(.*)$", part, re.M)
        assert said, name
        assert (arg or "yes|no") in said[1]
        assert default == "" or f"Default: {default}." in said[1]


def test_each_command_and_what_it_takes_is_in_the_manual():
    manual = plain("trawl.1")
    for command in commands():
        assert re.search(rf"^\.B trawl {command}\b", manual.split(".SH DESCRIPTION")[0], re.M), command
        own = {"warc": "trawl-warc.1", "ctl": "trawl-ctl.1", "serve": "trawl-serve.8"}.get(command)
        text = manual + (plain(own) if own else "")
        missing = flags_in(usage_of(command)) - flags_in(text)
        assert not missing, (command, missing)
        if not own and "[OPTION]" not in usage_of(command):  # and where it says of which command it is
            synopsis = re.split(r"^\.br$", manual.split(".SH DESCRIPTION")[0], flags=re.M)
            shown = "".join(s for s in synopsis if re.search(rf"^\.B trawl {command}\b", s, re.M))
            missing = flags_in(usage_of(command)) - flags_in(shown)
            assert not missing, (command, missing)


def test_what_a_command_takes_is_in_its_help():
    seen = 0
    for source in sorted(APP.glob("*.c")):
        took = re.findall(r'\{"(--?[a-z-]+)", (?:NULL|&)', source.read_text())
        command = re.match(r"(?:cmd_(\w+)|(warc)_\w+)\.c", source.name)
        if not took:
            continue
        assert command, source
        seen += 1
        missing = set(took) - flags_in(help_of((command[1] or command[2]).replace("_", "-")))
        assert not missing, (source.name, missing)
    assert seen > 8


def test_each_cause_of_a_wait_is_in_the_manual():
    table = (harness.SRCDIR / "src/frontier/frontier.h").read_text().split("#define WAIT_CAUSES")[1].split("\nenum")[0]
    causes = re.findall(r'\bX\([A-Z_]+,[\s\\]*"([a-z-]+)"\)', table)
    told = re.search(r"\.SH .WHAT HOLDS A CRAWL BACK.*?\.SH", plain("trawl.1"), re.S)[0]
    assert {"none", "connection-cap", "per-site-cap"} < set(causes)
    assert not [c for c in causes if c != "none" and c not in told]


def test_each_key_of_a_job_file_is_in_its_manual():
    manual = plain("trawl-job.5")
    source = (harness.SRCDIR / "src/crawl/job_file.c").read_text()
    words = re.search(r'"name", "seeds"[^}]*', source)[0]
    keys = re.findall(r'"(\w+)"', words)
    assert {"name", "seeds", "include", "rules"} <= set(keys)
    for key in keys:
        assert re.search(rf"^\.B {key}:", manual, re.M), key
    for key in re.findall(r'"(\w+)"', re.search(r'"match", "host"[^}]*', source)[0]):
        assert re.search(rf"\b{key}\b", manual.split(".SH RULES")[1].split(".SH OPTIONS")[0]), key


def test_each_setting_of_the_service_is_in_its_manual():
    table = (harness.SRCDIR / "src/ctl/service.def").read_text()
    rows = re.findall(r'^SETTING\((\w+), (\w+), \w+, "([^"]*)"', table, re.M)
    assert len(rows) > 20
    manual = plain("trawl-serve.8")
    for section, name, default in rows:
        part = manual.split(f"\n.SS {section}:\n")[1].split("\n.S")[0]
        said = re.search(rf"^\.B {name}:\n(.*)$", part, re.M)
        assert said and (default == "" or f"Default: {default}." in said[1]), name
    for key in re.findall(r'"(\w+)"', re.search(r"\bkeys\[[^]]*\] = \{([^}]*)\}", (harness.SRCDIR / "src/crawl/schedule.c").read_text())[1]):
        assert re.search(rf"^\.B {key}:", plain("trawl-job.5"), re.M), key


def test_each_address_of_the_service_is_in_its_manual_with_what_it_takes():
    table = (harness.SRCDIR / "src/ctl/openapi.c").read_text()
    rows = re.findall(r'^\t\{"([A-Z]+)", "([^"]+)", [^{}]*?"([a-z ]*)"\},$', table, re.M)
    assert len(rows) > 25
    entries = plain("trawl-serve.8").split(".SH API")[1].split(".SH METRICS")[0].split(".TP\n")
    for method, path, query in rows:
        path = path.replace("{name}", "NAME").replace("{id}", "ID")
        if path == "/" or path.startswith("/ui/"):
            continue  # DASHBOARD
        of = [x for x in entries if re.search(rf"^\.B .*\b{method}\b.*(?<=[ ,]){re.escape(path)}(,|$)", x, re.M)]
        assert of, (method, path)
        for word in set(query.split()) - {"cursor", "limit"}:
            assert f"?{word}=" in of[0], (method, path, word)


def test_examples_of_job_files_are_good(tmp_path):
    text = plain("trawl-job.5").split(".SH EXAMPLES")[1]
    examples = re.findall(r"^\.nf\n(.*?)^\.fi$", text, re.M | re.S)
    assert len(examples) == 2
    (tmp_path / "common.yaml").write_text("fetch: {delay: 1s}\n")
    for i, example in enumerate(examples):
        (tmp_path / f"{i}.yaml").write_text(example)
        result = harness.trawl("check", f"{i}.yaml", cwd=tmp_path)
        assert result.rc == 0, result.out + result.err


def test_the_example_of_the_service_goes_as_it_is_told(tmp_path):
    example = re.search(r"^\.SH EXAMPLES\n.*?^\.nf\n(.*?)^\.fi$", plain("trawl-serve.8"), re.M | re.S)[1]
    shown, told = re.match(r"\$ cat my.yaml\n((?:\w.*\n)+)((?:\$ .*\n)+)", example).groups()
    (tmp_path / "my.yaml").write_text(shown)
    (tmp_path / "docs.yaml").write_text("name: docs\nseeds: ['http://127.0.0.1:1/']\n")
    steps = [step.removeprefix("$ ") for step in told.splitlines()]
    assert [s for s in steps if s.endswith("&")] == steps[:1] and "curl" in steps[-1]
    serve = "trawl serve -c my.yaml"
    env = {**os.environ, "PATH": f"{os.path.dirname(harness.TRAWL)}:{os.environ['PATH']}"}
    assert harness.trawl("check", "my.yaml", cwd=tmp_path).rc == 0 and steps[0] == f"trawl check my.yaml && {serve} &"
    with subprocess.Popen(serve.split(), cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True) as child:
        try:
            assert child.stderr.readline().endswith(" serves at ./trawl.sock\n")
            run = subprocess.run(["sh", "-ec", "\n".join(steps[1:])], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
            assert run.returncode == 0 and '"job":"docs"' in run.stdout, run
        finally:
            child.terminate()
            child.communicate(timeout=60)


# -- Completions --


def taken(command):
    """Long options that a command completes."""
    own = {f for f in flags_in(help_of(command).split("\n\n")[0]) if f.startswith("--")}
    if "crawl:\n" not in help_of(command):
        return own | {"--help"}
    rows = options()
    switches = {flag("no_" + name) for _, name, kind, _, _ in rows if kind == "BOOL"}
    return own | {flag(name) for _, name, *_ in rows} | switches | {"--output", "--seeds", "--quiet", "--verbose", "--help"}


def bash(*lines):
    script = """
    . /usr/share/bash-completion/bash_completion
    . "$1"; shift
    for line; do
        COMP_LINE=$line COMP_POINT=${#line} COMPREPLY=()
        IFS=' ' read -ra COMP_WORDS <<<"$line"
        [[ $line != *' ' ]] || COMP_WORDS+=('')
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _trawl
        echo "=${COMPREPLY[*]}" | tr '\\n' ' '; echo
    done"""
    run = subprocess.run(
        ["bash", "--norc", "-c", script, "bash", DOC / "bash" / "trawl", *lines], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0 and run.stderr == "", run.stderr
    return [line[1:].split() for line in run.stdout.splitlines()]


def fish(*lines):
    script = "source $argv[1]; for line in $argv[2..]; complete -C $line; echo =; end"
    run = subprocess.run(
        ["fish", "-N", "-c", script, DOC / "fish" / "trawl.fish", *lines], capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0 and run.stderr == "", run.stderr
    return [[line.split("\t")[0] for line in part.splitlines() if line] for part in run.stdout.split("=\n")[:-1]]


def zsh(*lines, home):
    """zsh completes at a terminal only."""
    (home / ".zshrc").write_text(
        f"""PS1='' PS2='' RPS1=''
        fpath=("{DOC / "zsh"}" $fpath)
        autoload -Uz compinit && compinit -u -D
        unsetopt zle_bracketed_paste prompt_cr prompt_sp beep
        zstyle ':completion:*' list-prompt ''
        zstyle ':completion:*' verbose no
        LISTMAX=10000
        trawl-offers() {{ local -a offers; compadd() {{ builtin compadd -O _o "$@" 2>/dev/null; offers+=($_o);
            builtin compadd "$@" }}; _main_complete; unfunction compadd
            print -r -- "= $offers" > {home}/out.new; mv {home}/out.new {home}/out }}
        zle -C trawl-offers list-choices trawl-offers
        bindkey '^X^O' trawl-offers
        bindkey '^U' kill-whole-line
        print READY
        """
    )
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "ZDOTDIR": str(home), "TERM": "dumb", "LC_ALL": "C.UTF-8"}
    child, fd = pty.fork()
    if child == 0:
        harness._die_with_parent()
        os.execvpe("zsh", ["zsh", "-i", "-d"], env)
    got = b""

    def read_for(test, what):
        nonlocal got
        end = time.monotonic() + 60
        while not test():
            if select.select([fd], [], [], 0.05)[0]:
                got += os.read(fd, 65536)
            assert time.monotonic() < end, (what, got[-2000:])

    said = home / "out"
    answers = []
    try:
        read_for(lambda: b"READY" in got, "zsh starts")
        for line in lines:
            said.unlink(missing_ok=True)
            os.write(fd, b"\x15" + line.encode() + b"\x18\x0f")
            read_for(lambda: said.exists() and said.read_text().startswith("="), line)
            answers.append(said.read_text()[1:].split())
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(fd)
    return answers


def shells():
    return [pytest.param(name, marks=tool(name)) for name in ("bash", "fish", "zsh")]


def complete(shell, lines, tmp):
    if shell == "bash":
        if not os.path.exists("/usr/share/bash-completion/bash_completion"):
            pytest.skip("bash-completion is not installed")
        answers = bash(*lines)
    else:
        answers = fish(*lines) if shell == "fish" else zsh(*lines, home=tmp)
    assert len(answers) == len(lines)
    return answers


@pytest.mark.parametrize("shell", shells())
def test_commands_and_their_options_are_completed_all(shell, tmp_path):
    names = commands()
    lines = ["trawl "] + [f"trawl {name} --" for name in names if name not in ("warc", "ctl")]
    first, *rest = complete(shell, lines, tmp_path)
    assert set(first) - {"--help", "--version", "-h"} == set(names)
    for name, offered in zip([n for n in names if n not in ("warc", "ctl")], rest):
        assert {o.rstrip("=") for o in offered} == taken(name), name


@pytest.mark.parametrize("shell", shells())
def test_words_of_an_option_are_completed(shell, tmp_path):
    table = (harness.SRCDIR / "src/base/outcome.h").read_text()
    outcomes = set(re.findall(r'^\tX\(\w+, "([a-z0-9-]+)"', table, re.M)) - {"none"}
    cases = {
        "trawl crawl --fail-on ": {"broken"} | outcomes,
        "trawl report --section ": {
            "totals", "runs", "changes", "outcomes", "status", "mime", "traps", "waits", "latency", "timeline", "slowest",
            "largest", "broken", "redirects", "duplicates", "near-duplicates", "rejected", "politeness", "errors", "archive",
        },
        "trawl ctl pages --outcome ": outcomes,
        "trawl ctl jobs ": {"list", "show", "create", "replace", "delete", "change"},
        "trawl ctl runs ": {"list", "show", "pause", "resume", "cancel", "compare", "history", "report"},
        "trawl ctl seeds ": {"add"},
        "trawl ctl events ": {"of"},
        "trawl help ": set(commands()),
        "trawl cr": {"crawl"},
        "trawl crawl --sc": {"--scope"},
        "trawl crawl --scope ": {"page", "prefix", "host", "domain", "any"},
        "trawl resume x --http ": {"auto", "1.1", "2"},
        "trawl check-links --by ": {"target", "page"},
        "trawl check-links --http ": {"auto", "1.1", "2"},
        "trawl crawl --user-agent ": set(),
        "trawl crawl --sink ": {"warc", "jsonl", "csv", "sqlite", "mirror", "stdout", "exec", "s3", "none"},
        "trawl ctl ": {
            "status", "jobs", "start", "runs", "pages", "hosts", "explain", "seeds", "set", "log", "events", "profile",
            "ready", "metrics", "openapi",
        },
        "trawl ctl log --": {"--tail", "--of", "--json", "--socket", "--url", "--token-file", "--ca", "--timeout"},
        "trawl ctl status --": {"--json", "--socket", "--url", "--token-file", "--ca", "--timeout"},
        "trawl ctl pages --sort ": {"at", "-at"},
        "trawl ctl log --of ": {"crawl", "rejected"},
        "trawl warc ": {"list", "verify", "extract", "index", "wacz", "recompress"},
        "trawl warc recompress --to ": {"gzip", "zstd", "none"},
        "trawl warc extract --": {"--headers", "--payload", "--block", "--decode", "--offset", "--url", "--id"},
    }
    for line, offered in zip(cases, complete(shell, list(cases), tmp_path)):
        assert {o.rstrip("=") for o in offered} - {"--help"} == cases[line], line


@pytest.mark.parametrize("shell", shells())
def test_words_that_are_files_are_completed_as_such(shell, tmp_path, monkeypatch):
    where = tmp_path / "here"
    (where / "crawl-1").mkdir(parents=True)
    for name in "crawl.yaml", "crawl.pem", "crawl.txt":
        (where / name).touch()
    monkeypatch.chdir(where)
    cases = {
        "trawl resume crawl": {"crawl-1"},
        "trawl status crawl": {"crawl-1"},
        "trawl check crawl.": {"crawl.yaml"},
        "trawl ctl jobs create crawl.": {"crawl.yaml"},
        "trawl crawl --ca crawl.": {"crawl.yaml", "crawl.pem", "crawl.txt"},
        "trawl crawl -o crawl": {"crawl-1"},
        "trawl crawl crawl": set(),
    }
    for line, offered in zip(cases, complete(shell, list(cases), tmp_path)):
        offered = {o.rstrip("/").rpartition("/")[2] for o in offered}
        if line.endswith(("check crawl.", "create crawl.")) and shell == "fish":
            assert "crawl.yaml" in offered  # it puts them first, and offers others too
        else:
            assert offered == cases[line], line

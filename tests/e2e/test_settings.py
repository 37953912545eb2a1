"""trawl.yaml as it is installed: it has every setting, and says what holds without it; secrets."""

import os
import re

import harness
import pytest
from harness import demo_site, trawl
from service import Service

EXAMPLE = harness.SRCDIR / "conf" / "trawl.yaml"


def rows():
    """Of service.def: section, name, type, default."""
    table = (harness.SRCDIR / "src/ctl/service.def").read_text()
    found = re.findall(r'^SETTING\((\w+), (\w+), (\w+),\s*"([^"]*)"', table, re.M)
    assert len(found) == len(re.findall(r"^SETTING\(", table, re.M)) > 25
    return found


def commented():
    """What the example says in comments: {section: {key: (value, is marked (R))}}."""
    said, section = {}, None
    for line in EXAMPLE.read_text().splitlines():
        if m := re.fullmatch(r"(\w+):", line):
            section = said.setdefault(m[1], {})
        elif m := re.fullmatch(r"  #(\w+): ?(.*?)(?:\s{2,}# .*)?", line):
            section[m[1]] = m[2]
    return said


# What has no default is shown by an example.
EXAMPLES = {"socket_group", "listen", "tokens", "tls_cert", "tls_key", "hosts"}


def test_every_setting_is_in_the_example_with_its_default():
    said = commented()
    sections = [section for section, *_ in rows()]
    assert set(said) == {*sections, "defaults"}
    for section in set(sections):
        assert set(said[section]) == {n for s, n, *_ in rows() if s == section}, section
    for section, name, _, default in rows():
        if name not in EXAMPLES:
            assert said[section][name].strip('"') == default, name
        else:
            assert default == "", name
            assert re.search(rf"^  #{name}: .*  # example\b", EXAMPLE.read_text(), re.M), name


def test_the_example_is_right_as_it_is_and_with_all_that_is_commented_out(tmp_path):
    assert trawl("check", EXAMPLE).rc == 0
    for name in ("tokens", "cert.pem", "key.pem"):
        (tmp_path / name).write_text("")
    text = re.sub(r"^(  )#(\w+:)", r"\1\2", EXAMPLE.read_text(), flags=re.M)
    text = re.sub(r"^(  )#(  +\w+:)", r"\1\2", text, flags=re.M)
    assert "#workers" not in text and "    user_agent" in text
    whole = tmp_path / "trawl.yaml"
    whole.write_text(text)
    got = trawl("check", whole)
    assert got.rc == 0, got.err


@pytest.mark.parametrize("what", ["missing", "a directory", "too large"])
def test_a_file_that_cannot_be_read_is_named_once(tmp_path, what):
    file = tmp_path / "trawl.yaml"
    if what == "a directory":
        file.mkdir()
    elif what == "too large":
        file.write_bytes(b"#" * (5 << 20))
    why = {"missing": "No such file or directory", "a directory": "Is a directory", "too large": "it is too large"}[what]
    got = trawl("serve", "-c", file)
    assert got.rc == 2
    lines = got.err.splitlines()
    assert len(lines) == 1 and lines[0].endswith(f"{file}: cannot be read: {why}"), got.err
    assert lines[0].count(str(file)) == 1


def test_a_wrong_value_of_the_environment_is_told_with_its_name(tmp_path):
    tried = 0
    for section, name, kind, _ in rows():
        if kind in ("STR", "LIST"):
            continue
        variable = f"TRAWL_{section}_{name}".upper()
        got = trawl("serve", env={**os.environ, variable: "wrong!", "TRAWL_SERVICE_STATE_DIR": str(tmp_path)})
        assert got.rc == 2 and variable in got.err, (variable, got.err)
        tried += 1
    assert tried > 20


@pytest.fixture
def credentials(tmp_path):
    where = tmp_path / "credentials"
    where.mkdir()
    (where / "agent").write_text("secretbot/1.0 (+https://example.org/)\n")
    (where / "other.name").write_text("x")
    return where


def test_secrets_are_taken_from_credentials(tmp_path, credentials):
    job = "seeds: ['@URL@']\nfetch: {delay: 0, user_agent: '${agent}'}\n"
    settings = "limits: {concurrency: '${slots}'}\ndefaults: {net: {allow_net: [127.0.0.0/8]}}\n"
    with demo_site(tmp_path / "web") as web:
        with Service(tmp_path / "s", settings, jobs={"docs": job.replace("@URL@", web.url())},
                     env={"CREDENTIALS_DIRECTORY": str(credentials)}) as s:  # fmt: skip
            s.start(wait=False)
            assert s.child.wait(60) == 2 and "slots is not set" in s.log()
            (credentials / "slots").write_text("7")
            s.start()
            s.wait_for(s.run("docs"), "done")
            # It is in nobody's environment.
            assert b"secretbot" not in open(f"/proc/{s.child.pid}/environ", "rb").read()
        assert any("secretbot/1.0" in str(row) for row in web.log())


def test_the_environment_goes_before_credentials_and_a_large_one_is_told(tmp_path, credentials):
    job = tmp_path / "job.yaml"
    job.write_text("seeds: ['https://example.org/']\nfetch: {delay: '${wait}'}\n")
    (credentials / "wait").write_text("soon\n")
    env = {**os.environ, "CREDENTIALS_DIRECTORY": str(credentials)}
    got = trawl("check", job, env=env)
    assert got.rc == 2 and "soon" in got.err
    assert trawl("check", job, env={**env, "wait": "2s"}).rc == 0
    (credentials / "wait").write_text("5s" + " " * 70000)
    got = trawl("check", job, env=env)
    assert got.rc == 2 and "the credential wait cannot be used" in got.err and "wait is not set" in got.err


@pytest.mark.parametrize(("text", "rc", "said"), [
    ("limits: {concurrency: 4}\n", 0, None),
    ("---\n# of all runs\nlimits:\n  rate: 3/s\n  memory: 2GiB\n", 0, None),
    ("limits: {max_pages: 4}\n", 2, "there is no seed; add seeds: [https://example.org/]"),
    ("limits: {max_pages: 4, concurrency: 4}\n", 2, "there is no seed; add seeds: [https://example.org/]"),
    ("limits: {}\n", 2, "there is no seed; add seeds: [https://example.org/]"),
    ("seeds: [http://127.0.0.1/]\nlimits: {rate: 3/s}\n", 2, "there is no limits.rate; did you mean fetch.rate?"),
])  # fmt: skip
def test_limits_which_jobs_and_settings_have_are_told_apart_by_what_is_in_them(tmp_path, text, rc, said):
    file = tmp_path / "x.yaml"
    file.write_text(text)
    result = trawl("check", file)
    assert result.rc == rc, result.err
    assert result.out == f"{file}: ok\n" if said is None else said in result.err


def test_check_tells_all_that_is_wrong_with_settings_at_once_and_where(tmp_path):
    file = tmp_path / "trawl.yaml"
    file.write_text(
        "api:\n"
        '  listen: ["localhost:1", "192.0.2.1:8620"]\n'
        '  socket_mode: "9"\n'
        "  tls_key: x\n"
        "  hosts: [crawl.example, 'http://crawl.example/']\n"
        "  sockt: y\n"
        "service:\n"
        "  runs_at_once: 100\n"
        "  log_level: loud\n"
        "defaults:\n"
        "  fetch:\n"
        "    key: z\n"
    )
    said = [line.removeprefix(f"trawl: {file}:") for line in trawl("check", file).err.splitlines()]
    assert sorted(said) == [
        '12:10: defaults: fetch.key is nothing without --cert',
        "2:11: api.listen: 'localhost:1' is no address such as 127.0.0.1:8620",
        "2:11: api.listen: at 192.0.2.1:8620 tokens would cross the network for all to read; "
        "it wants api.tls_cert, or api.allow_plain",
        "3:16: api.socket_mode: '9' is no mode such as 0660",
        "4:12: api.tls_cert and api.tls_key want each other: a certificate, and its key",
        "5:10: api.hosts: 'http://crawl.example/' is no name of a host",
        "6:3: there is no api.sockt; did you mean api.socket?",
        "8:17: limits.memory: 100 runs at once want 7200 MiB at least",
        "9:14: service.log_level: 'loud' is not one of error|warn|info|debug",
    ]
    # What the environment says is not in the file.
    file.write_text("api: {socket_mode: '0600'}\n")
    wrong = {"TRAWL_SERVICE_RUNS_AT_ONCE": "100", "TRAWL_API_SOCKET_MODE": "9", "TRAWL_API_LISTEN": "127.0.0.1:1,bad"}
    got = trawl("serve", "-c", file, env={**os.environ, **wrong, "TRAWL_SERVICE_STATE_DIR": str(tmp_path / "s")})
    assert got.rc == 2
    assert [line.split("environment: ")[1] for line in sorted(got.err.splitlines())] == [
        "api.listen: 'bad' is no address such as 127.0.0.1:8620",
        "api.socket_mode: '9' is no mode such as 0660",
        "limits.memory: 100 runs at once want 7200 MiB at least",
    ], got.err

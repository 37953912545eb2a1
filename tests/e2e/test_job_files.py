"""Job files: what they include, what they take from the environment, what is told of mistakes."""

import json
import re

import pytest

import harness


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    tmp = tmp_path_factory.mktemp("job")
    (tmp / "www").mkdir()
    for i in range(6):
        links = "".join(f"<a href=p{k}.html>{k}</a>" for k in range(6))
        (tmp / "www" / f"p{i}.html").write_text(f"<!DOCTYPE html><title>{i}</title>{links}")
    with harness.nginx(tmp / "nginx", f'server {{ listen 127.0.0.1:@PORT@; root "{tmp}/www"; }}') as web:
        yield web


def paths(out):
    return sorted(p["url"].rpartition("/")[2] for p in out.pages())


def test_a_job_is_made_of_several_files_and_the_environment(web, tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "common.yaml").write_text(
        "include: agent.yaml\ncrawl: {exclude: [p1, p2, p3]}\nfetch: {delay: 0}\nseeds_from: seeds.txt\n"
    )
    (tmp_path / "base" / "agent.yaml").write_text("fetch: {user_agent: '${AGENT:-tester}/2'}\n")
    (tmp_path / "base" / "seeds.txt").write_text(web.url("/p0.html"))
    (tmp_path / "job.yaml").write_text("include: base/common.yaml\ncrawl: {exclude: ['p${DROP}', 'a$${x']}\n")
    job = tmp_path / "job.yaml"
    result = harness.trawl("run", "-q", "-o", tmp_path / "c", job, env={"DROP": "5", "AGENT": ""})
    assert result.rc == 0, result.err
    out = harness.Output(tmp_path / "c")
    assert paths(out) == [f"p{i}.html" for i in range(5)]
    text = (tmp_path / "c" / "job.yaml").read_text()
    assert "'tester/2'" in text and "'p5'" in text and "'a$${x'" in text
    assert harness.trawl("resume", "-q", tmp_path / "c").rc == 0


def test_a_variable_that_is_not_set_ends_it_before_it_begins(tmp_path):
    (tmp_path / "job.yaml").write_text("seeds: ['http://a.test/']\nfetch:\n  from: ${NOBODY_SETS_THIS}\n")
    result = harness.trawl("run", "job.yaml", cwd=tmp_path)
    assert result.rc == 2
    assert result.err == (
        "trawl: job.yaml:3:9: NOBODY_SETS_THIS is not set in the environment; ${NOBODY_SETS_THIS:-default} needs not be\n"
    )
    assert [p.name for p in tmp_path.iterdir()] == ["job.yaml"]


MISTAKES = """\
name: all wrong
seed: [http://a.test/]
include: [more.yaml, nowhere.yaml]
crawl:
  scope: doman
  exclude: ['fine', 'a(']
  extract: ['x=a:hover']
  depth: 3
  depth: 4
fetch:
  per_hots: 2
  ca: nowhere.pem
  cookies: nowhere.txt
  header: {a: b}
max_pages: 5
"""

TOLD = [
    r"job.yaml:1:7: name: 'all wrong' is no name",
    r"job.yaml:2:1: there is no section 'seed'; did you mean seeds\?",
    r"./more.yaml:2:9: there is no fetch.dely; did you mean fetch.delay\?|more.yaml:2:9: .*did you mean fetch.delay\?",
    r"job.yaml:3:22: include: cannot open nowhere.yaml: No such file",
    r"job.yaml:5:10: crawl.scope: 'doman' is not one of page\|prefix\|host\|domain\|any",
    r"job.yaml:6:21: crawl.exclude: .*missing closing parenthesis",
    r"job.yaml:7:13: crawl.extract: column \d+ of 'x=a:hover'",
    r"job.yaml:9:3: crawl.depth is there twice; first in line 8",
    r"job.yaml:11:3: there is no fetch.per_hots; did you mean fetch.per_host\?",
    r"job.yaml:14:11: fetch.header wants one value",
    r"job.yaml:15:1: 'max_pages' is no section; it belongs below limits:",
    r"job.yaml: there is no seed",
    r"job.yaml:12:7: --ca: cannot open nowhere.pem",
    r"job.yaml:13:12: --cookies: cannot open nowhere.txt",
]


def test_check_tells_all_mistakes_at_once(tmp_path):
    (tmp_path / "job.yaml").write_text(MISTAKES)
    (tmp_path / "more.yaml").write_text("# included\nfetch: {dely: 1s}\n")
    result = harness.trawl("check", "job.yaml", cwd=tmp_path)
    assert result.rc == 2
    lines = [line.removeprefix("trawl: ") for line in result.err.splitlines()]
    assert len(lines) == len(TOLD), result.err
    for line, told in zip(lines, TOLD):
        assert re.match(told, line), (told, line)
    as_json = harness.trawl("check", "--json", "job.yaml", cwd=tmp_path)
    assert as_json.rc == 2 and as_json.err == ""
    said = json.loads(as_json.out)
    assert said["file"] == "job.yaml" and said["ok"] is False
    assert [
        f"{m['file']}:{m['line']}:{m['column']}: {m['text']}" if "line" in m else f"{m['file']}: {m['text']}"
        for m in said["mistakes"]
    ] == lines


def test_check_of_a_good_file_says_so_in_json_too(tmp_path):
    (tmp_path / "job.yaml").write_text("seeds: ['http://a.test/']\n")
    result = harness.trawl("check", "--json", "job.yaml", cwd=tmp_path)
    assert result.rc == 0
    assert json.loads(result.out) == {"file": "job.yaml", "mistakes": [], "ok": True}


def test_the_examples_are_installed():
    listed = (harness.SRCDIR / "conf" / "module.am").read_text()
    for job in (harness.SRCDIR / "conf").glob("*.yaml"):
        assert f"conf/{job.name}" in listed

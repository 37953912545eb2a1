"""What is installed, and the Debian package: all that people need, and what the build says it needs."""

import os
import re
import shutil
import subprocess

import pytest

import harness

DEBIAN = harness.SRCDIR / "debian"
# Debian has these wherever packages are built.
ESSENTIAL = {"gcc", "libc6-dev", "make"}


def packages(kind):
    lines = (harness.SRCDIR / "build-aux" / "packages.txt").read_text().splitlines()
    return {line.split()[1] for line in lines if line.startswith(kind + " ")}


def control():
    """Fields by paragraph."""
    found = []
    for paragraph in (DEBIAN / "control").read_text().split("\n\n"):
        found.append(dict(re.findall(r"^([\w-]+):[ \t]*(.*(?:\n[ \t].*)*)", paragraph, re.M)))
    return found


def named(field):
    return {part.split()[0]: part for part in re.split(r",\s*", field.strip()) if part.strip()}


def test_the_package_is_built_with_what_the_list_says():
    wants = named(control()[0]["Build-Depends"])
    assert wants.pop("debhelper-compat") == "debhelper-compat (= 13)"
    for_tests = {name for name, text in wants.items() if "<!nocheck>" in text}
    assert for_tests and for_tests <= packages("test")
    assert set(wants) - for_tests == packages("build") - ESSENTIAL


def test_the_package_has_the_version_of_the_program():
    version = re.search(r"AC_INIT\(\[trawl\], \[([^]]+)\]", (harness.SRCDIR / "configure.ac").read_text())[1]
    first = (DEBIAN / "changelog").read_text().splitlines()[0]
    assert re.match(rf"trawl \({re.escape(version)}(-\d+)?\) ", first)
    assert harness.trawl("--version").out == f"trawl {version}\n"


def test_what_the_smoke_test_of_the_package_uses_is_named():
    smoke = (DEBIAN / "tests" / "smoke").read_text()
    assert os.access(DEBIAN / "tests" / "smoke", os.X_OK)
    depends = named(re.search(r"^Depends: (.*)$", (DEBIAN / "tests" / "control").read_text(), re.M)[1])
    assert "@" in depends and "nginx" in depends
    assert ("jq " in smoke) == ("jq" in depends)


def make(*args):
    if not (harness.BUILDDIR / "Makefile").exists():
        raise AssertionError("no Makefile in the build tree")
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    args = ["make", "-s", "-C", harness.BUILDDIR, *args]
    run = subprocess.run(args, capture_output=True, text=True, timeout=300, env=env)
    assert run.returncode == 0, run.stderr[-2000:]


def test_install_puts_everything_there_and_uninstall_takes_it_away(tmp_path):
    where = [f"DESTDIR={tmp_path}", "prefix=/usr"]
    make("install", *where)
    files = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if not p.is_dir()}
    units = {p for p in files if "/systemd/system/" in f"/{p}"}
    names = {"trawl.service", "trawl.socket", "trawl@.service", "trawl-job@.timer"}
    assert not units or {p.split("/")[-1] for p in units} == names  # none: --without-systemd
    for unit in units:
        assert "@bindir@" not in (tmp_path / unit).read_text()
    beside = {"usr/lib/sysusers.d/trawl.conf", "usr/lib/tmpfiles.d/trawl.conf", "usr/libexec/trawl/job-run"}
    assert not units or beside <= files
    there = {p.removeprefix("usr/") for p in files - units - beside}
    examples = {f"share/doc/trawl/examples/{p.name}" for p in (harness.SRCDIR / "conf").glob("*.yaml") if p.name != "trawl.yaml"}
    schemas = {f"share/doc/trawl/{p.name}" for p in (harness.SRCDIR / "doc").glob("*.schema.json")}
    schemas |= {"share/doc/trawl/alerts.yaml", "share/doc/trawl/grafana.json"}
    pages = {f"share/man/man{s}/{n}.{s}" for n, s in [("trawl", 1), ("trawl-warc", 1), ("trawl-ctl", 1), ("trawl-job", 5), ("trawl-files", 5), ("trawl-serve", 8)]}
    completions = {
        "share/bash-completion/completions/trawl",
        "share/fish/vendor_completions.d/trawl.fish",
    }
    want = {"bin/trawl", "share/doc/trawl/trawl.yaml", "share/trawl/site/nginx.conf.in"} | examples | schemas | pages | completions
    assert len(examples) > 4 and len(schemas) > 1
    assert want <= there, want - there
    # Where zsh looks differs: Debian has a directory of its own for packages.
    (zsh,) = [p for p in there if p.endswith("/_trawl")]
    assert zsh in ("share/zsh/site-functions/_trawl", "share/zsh/vendor-completions/_trawl")
    # And nothing but these and the site of the demonstration.
    assert {p for p in there - want - {zsh} if not p.startswith("share/trawl/site/")} == set()
    assert os.access(tmp_path / "usr/bin/trawl", os.X_OK)
    make("uninstall", *where)
    assert [p for p in tmp_path.rglob("*") if not p.is_dir()] == []


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("systemd-tmpfiles") is None, reason="root and systemd-tmpfiles are wanted")
def test_a_token_can_be_made_where_the_service_looks_for_it(tmp_path):
    """/etc/credstore, which comes with later versions of systemd only."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\n")
    (tmp_path / "etc/group").write_text("root:x:0:\ntrawl:x:777:\n")
    subprocess.run(
        ["systemd-tmpfiles", "--create", f"--root={tmp_path}", "-"],
        input=(harness.SRCDIR / "systemd" / "trawl.tmpfiles").read_text(), text=True, check=True)  # fmt: skip
    tokens = tmp_path / "etc/credstore/trawl.tokens"
    done = harness.trawl("serve", "--new-token", "admin", "alice", tokens)
    assert done.rc == 0 and tokens.read_text().startswith("admin "), done.err
    assert tokens.parent.stat().st_mode & 0o7777 == 0o700

"""The jail of the parser processes, as the kernel tells it of a crawl that runs."""

import ctypes
import os
import re
import subprocess

import pytest

import harness

EPERM = 1
SCMP_ACT_ALLOW, SCMP_ACT_ERRNO, SCMP_CMP_EQ = 0x7FFF0000, 0x00050000, 4
PR_SET_SECCOMP = 22
SANITIZED = "#define TRAWL_SANITIZED 1" in (harness.BUILDDIR / "config.h").read_text()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    www = tmp_path_factory.mktemp("www")
    for i in range(200):
        (www / f"p{i}.html").write_text(f'<!DOCTYPE html><title>page {i}</title><a href="p{i + 1}.html">next</a>')
    with harness.nginx(tmp_path_factory.mktemp("run") / "nginx", f'server {{ listen 127.0.0.1:@PORT@; root "{www}"; }}') as web:
        yield web


@pytest.fixture(scope="module")
def workers(site, tmp_path_factory):
    """(pid, what /proc says of it) of the workers of a crawl, while it has pages."""
    out = tmp_path_factory.mktemp("crawl") / "c"
    running = harness.Running("crawl", "-q", "-o", out, "--delay", "100ms", "--workers", "3", site.url("/p0.html"))
    try:
        harness.wait_until("pages", lambda: harness.Output(out).pages_yet() > 5)
        pids = running.descendants("trawl-worker")
        assert len(pids) == 3
        yield [harness.Path(f"/proc/{pid}") for pid in pids]
        assert running.child.poll() is None, "it was looked at while it ran"
    finally:
        running.end()


def fields(text):
    return {k: v.split() for k, _, v in (line.partition(":") for line in text.splitlines())}


def test_it_has_a_filter_and_no_rights(workers):
    for proc in workers:
        status = fields((proc / "status").read_text())
        assert status["Seccomp"] == ["2"]
        assert status["NoNewPrivs"] == ["1"]
        for which in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert int(status[which][0], 16) == 0, which
        assert status["Threads"] == ["1"]
        if os.geteuid() == 0:
            assert int(status["CapBnd"][0], 16) == 0
            assert status["Uid"] == ["65534"] * 4
            assert status["Gid"] == ["65534"] * 4
            assert status["Groups"] == []


def test_it_has_no_descriptors_but_its_own(workers):
    if os.geteuid() != 0:
        pytest.skip("only root may look: it is not dumpable")
    for proc in workers:
        files = {int(f.name): os.readlink(f) for f in (proc / "fd").iterdir()}
        assert sorted(files) == [0, 1, 2, 3]
        assert files[3].startswith("socket:")
        assert {files[i] for i in ((0, 1) if SANITIZED else (0, 1, 2))} == {"/dev/null"}


def test_it_has_limits(workers):
    for proc in workers:
        limits = {}
        for line in (proc / "limits").read_text().splitlines()[1:]:
            name, soft, hard = re.split(r"\s{2,}", line)[:3]
            limits[name] = (soft, hard)
        for name in ("Max file size", "Max processes", "Max core file size"):
            assert limits[name] == ("0", "0"), name
        assert limits["Max open files"] == ("4", "4")
        assert 0 < int(limits["Max cpu time"][0]) < 100000
        if not SANITIZED:
            assert 0 < int(limits["Max address space"][1]) < 64 << 30


def test_it_maps_no_memory_that_is_both_written_and_run(workers):
    if os.geteuid() != 0:
        pytest.skip("only root may look: it is not dumpable")
    for proc in workers:
        for line in (proc / "maps").read_text().splitlines():
            assert not re.match(r"\S+ .wx", line), line


class Arg(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def forbid(*calls):
    """What a child calls so that these are refused to it: (name, the first argument or None)."""

    def load():
        lib = ctypes.CDLL("libseccomp.so.2")
        lib.seccomp_init.restype = ctypes.c_void_p
        lib.seccomp_init.argtypes = [ctypes.c_uint32]
        lib.seccomp_load.argtypes = [ctypes.c_void_p]
        lib.seccomp_rule_add_array.argtypes = [
            ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(Arg)
        ]  # fmt: skip
        ctx = lib.seccomp_init(SCMP_ACT_ALLOW)
        for name, first in calls:
            number = lib.seccomp_syscall_resolve_name(name)
            args = [] if first is None else [Arg(0, SCMP_CMP_EQ, first, 0)]
            rc = lib.seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO | EPERM, number, len(args), (Arg * 1)(*args))
            assert rc == 0, name
        assert lib.seccomp_load(ctx) == 0

    return load


# As units do whose SystemCallFilter lacks seccomp, or @resources.
NO_SECCOMP = forbid((b"seccomp", None), (b"prctl", PR_SET_SECCOMP))
NO_LIMITS = forbid((b"setrlimit", None), (b"prlimit64", None))


@pytest.mark.parametrize("load, step", [(NO_SECCOMP, "seccomp"), (NO_LIMITS, "limit of cores")])
def test_without_a_jail_there_is_no_crawl(site, tmp_path, load, step):
    if os.geteuid() != 0:
        pytest.skip("a filter without no_new_privs takes root")
    if SANITIZED and load is NO_LIMITS:
        pytest.skip("a sanitizer asks for its limits, too")
    out = tmp_path / "c"
    done = subprocess.run(
        [harness.TRAWL, "crawl", "-q", "-o", str(out), site.url("/p0.html")],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, preexec_fn=load,
    )  # fmt: skip
    assert done.returncode == 1, (done.returncode, done.stderr)
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert f"a worker cannot start: cannot jail a worker: {step}" in lines[0]
    assert not out.exists(), "nothing was begun"

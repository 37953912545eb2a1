"""Prints the line that build-aux/test-summary counts."""

import os
import subprocess

import pytest


def pytest_collection_modifyitems(items):
    # Until there is a program to test.
    if subprocess.run([os.environ["TRAWL"], "crawl", "--help"], capture_output=True).returncode != 0:
        for item in items:
            if item.module.__name__ not in ("test_site", "test_warc_reader"):
                item.add_marker(pytest.mark.skip("no `trawl crawl` yet"))


def pytest_terminal_summary(terminalreporter):
    count = {k: len(terminalreporter.stats.get(k, ())) for k in ("passed", "failed", "error", "skipped")}
    terminalreporter.write_line(
        "# tests: %d passed, %d failed, %d skipped"
        % (count["passed"], count["failed"] + count["error"], count["skipped"])
    )

"""What several files of tests start with, and the line that build-aux/test-summary counts."""

import pytest
from harness import demo_site
from service import SETTINGS, Service


@pytest.fixture
def settings():
    """Of `service`; a file may have its own."""
    return SETTINGS


@pytest.fixture
def service(tmp_path, settings):
    with Service(tmp_path / "serve", settings) as s:
        yield s.start()


@pytest.fixture
def web(tmp_path):
    """The demonstration site, afresh for each test; where one serves all tests of a file, that has its own."""
    with demo_site(tmp_path / "web") as w:
        yield w


def pytest_terminal_summary(terminalreporter):
    count = {k: len(terminalreporter.stats.get(k, ())) for k in ("passed", "failed", "error", "skipped")}
    terminalreporter.write_line(
        "# tests: %d passed, %d failed, %d skipped"
        % (count["passed"], count["failed"] + count["error"], count["skipped"])
    )

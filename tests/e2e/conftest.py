"""Prints the line that build-aux/test-summary counts."""


def pytest_terminal_summary(terminalreporter):
    count = {k: len(terminalreporter.stats.get(k, ())) for k in ("passed", "failed", "error", "skipped")}
    terminalreporter.write_line(
        "# tests: %d passed, %d failed, %d skipped"
        % (count["passed"], count["failed"] + count["error"], count["skipped"])
    )

"""A disk that is full: the crawl ends with a reason, and what is there is whole."""

import os
import shutil
import subprocess

import pytest

import harness

PAGES = 400


@pytest.fixture
def small_disk(tmp_path):
    """300 KB, in a place of its own; only root may mount."""
    where = tmp_path / "small"
    where.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("there is no mount(8)")
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", where], capture_output=True)
    if made.returncode != 0:
        pytest.skip("a tmpfs cannot be mounted here")
    yield where
    subprocess.run(["umount", "-l", where], check=True)


def test_a_full_disk_leaves_records_and_archive_that_agree(small_disk, tmp_path):
    www = tmp_path / "www"
    www.mkdir()
    for i in range(PAGES):
        (www / f"p{i}.html").write_bytes(
            f'<a href="p{i + 1}.html">n</a><a href="p{i + 2}.html">n</a>'.encode() + os.urandom(2000).hex().encode()
        )
    with harness.nginx(tmp_path / "nginx", f'server {{ listen 127.0.0.1:@PORT@; root "{www}"; }}') as web:
        result, out = harness.crawl(
            small_disk / "c", "-q", "--delay", "0", "--rate", "40/s", web.url("/p0.html"), timeout=60
        )
    assert result.rc == 3, (result.rc, result.err)
    assert "No space left" in result.err
    pages = out.pages()
    archived = out.archived()  # every record is whole, or this fails
    assert len(pages) > 10
    for page in pages:
        assert page["url"] in archived

"""Other people's readers of archives, and a server of S3 (s3.py), run as programs.

They are Python packages that Debian does not have; `./bootstrap check` puts them into
build/judges, $TRAWL_JUDGES names another place.  Where they are missing, tests that want one
are skipped.
"""

import os
import subprocess
from pathlib import Path

import pytest

import harness

BIN = Path(os.environ.get("TRAWL_JUDGES", harness.BUILDDIR / "judges")) / "bin"


def have(name):
    return os.access(BIN / name, os.X_OK)


def need(name):
    return pytest.mark.skipif(not have(name), reason=f"{name} is not in {BIN}")


def run(name, *args, rc=0, timeout=120):
    done = subprocess.run([BIN / name, *map(str, args)], capture_output=True, text=True, timeout=timeout)
    assert done.returncode == rc, f"{name}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


# Record by record, digests included; its output are (offset, type, URI, payload digest).
_READ = """
import json, sys
from warcio.archiveiterator import ArchiveIterator
for path in sys.argv[1:]:
    with open(path, "rb") as f:
        it = ArchiveIterator(f, check_digests="raise", no_record_parse=False)
        for r in it:
            r.raw_stream.read()
            while r.raw_stream.read(65536):
                pass
            h = r.rec_headers
            print(json.dumps([it.get_record_offset(), r.rec_type, h.get_header("WARC-Target-URI"),
                              h.get_header("WARC-Payload-Digest")]))
"""


def warcio_read(*paths, timeout=300):
    import json

    out = run("python", "-c", _READ, *paths, timeout=timeout)
    return [tuple(json.loads(line)) for line in out.splitlines()]

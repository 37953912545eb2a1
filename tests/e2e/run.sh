#!/bin/sh
# run.sh TEST.py: how `make check` runs one file of end-to-end tests.  By hand:
#     tests/e2e/run.sh tests/e2e/test_demo.py -k redirect
# Debian's Python and pytest are used, whatever else is in PATH.  What a test leaves behind
# (archives, server logs) stays in the build tree when it fails.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
: "${TRAWL_SRCDIR:=$(CDPATH='' cd -- "$here/../.." && pwd)}"
: "${TRAWL_BUILDDIR:=$TRAWL_SRCDIR/build}"
: "${TRAWL:=$TRAWL_BUILDDIR/trawl}"
export TRAWL_SRCDIR TRAWL_BUILDDIR TRAWL
python=/usr/bin/python3
"$python" -c 'import pytest' 2>/dev/null || {
	echo "skipped: python3-pytest is not installed"
	exit 77
}
command -v nginx >/dev/null 2>&1 || PATH=$PATH:/usr/sbin:/sbin
test=$1
shift
tmp=$TRAWL_BUILDDIR/tests/e2e/tmp/$(basename "$test" .py)
mkdir -p "$(dirname "$tmp")"
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here "$python" -m pytest -p no:cacheprovider -q -rsf \
    --tb=short --basetemp="$tmp" --rootdir="$here" -c /dev/null "$test" "$@" </dev/null
rc=$?
case $rc in
0) rm -rf "$tmp" ;;
5) rc=77 ;; # nothing was collected
esac
exit "$rc"

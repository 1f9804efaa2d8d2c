#!/bin/sh
# Makes the virtual environment DIR/venv with the pinned packages, and DIR/typings with
# MicroPython's type stubs, from Python's package index (default DIR: build).
#   usage: get_python_packages.sh [DIR]
set -eu
cd "$(dirname "$0")/.."
self=tools/get_python_packages.sh
dir=${1:-build}
mkdir -p "$dir"

fail() {
    echo "get_python_packages: $1" >&2
    exit 1
}

wanted=$(cat "$self" requirements*.txt | cksum)
if [ "$(cat "$dir/venv/done" 2>/dev/null)" = "$wanted" ]; then
    touch "$dir/venv/done"
    exit 0
fi
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    fail "Python 3.11 or newer is needed (as python3)"
echo "get_python_packages: installing the pinned packages into $dir/venv"
python3 -m venv --clear "$dir/venv" >"$dir/pip.log" 2>&1 ||
    fail "python3 -m venv does not work here: install Debian's python3-venv"

pip() {
    "$dir/venv/bin/python" -m pip --disable-pip-version-check --retries 2 install -q "$@" \
        >>"$dir/pip.log" 2>&1 ||
        fail "the Python packages cannot be fetched: is there a network? (see $dir/pip.log)"
}
pip -r requirements.txt
rm -rf "$dir/typings"
pip --target "$dir/typings" -r requirements-typings.txt
echo "$wanted" >"$dir/venv/done"

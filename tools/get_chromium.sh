#!/bin/sh
# Makes the browser tests possible: Chromium from Debian's packages, where this user may install them, and
# the pinned packages of requirements-browser.txt in build/venv. Without them the browser tests are skipped.
#   usage: get_chromium.sh
set -eu
cd "$(dirname "$0")/.."
mkdir -p build

skip() {
    echo "get_chromium: $1: the browser tests will be skipped" >&2
    exit 0
}

[ -x build/venv/bin/python ] || skip "build/venv is missing (make setup)"
if [ ! -x /usr/bin/chromium ]; then
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || skip "install the package chromium by hand"
    echo "get_chromium: installing Debian's chromium"
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium; } \
        >build/apt.log 2>&1 || skip "chromium cannot be installed (see build/apt.log)"
fi
wanted=$(cksum <requirements-browser.txt)
[ "$(cat build/venv/browser 2>/dev/null)" = "$wanted" ] && exit 0
echo "get_chromium: installing the packages of the browser tests"
build/venv/bin/python -m pip --disable-pip-version-check --retries 2 install -q -r requirements-browser.txt \
    >build/pip-browser.log 2>&1 || skip "their packages cannot be fetched (see build/pip-browser.log)"
echo "$wanted" >build/venv/browser

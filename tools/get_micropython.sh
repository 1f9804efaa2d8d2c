#!/bin/sh
# Puts the MicroPython unix port into DIR (default: build/micropython) as three commands:
#   micropython32       32-bit words and heap objects, as on the ESP32
#   micropython32-slow  the same at a small chip's speed, by qemu-i386 translating single instructions
#   micropython64       64-bit words
# What the machine has is taken; the rest are Debian's own packages, unpacked into DIR without
# touching the system, from the mirror that the machine's apt already uses. Works as any user.
#   usage: get_micropython.sh [DIR]
set -eu

release=trixie # the first Debian whose MicroPython is new enough
packages="micropython libc6 libffi8 libgcc-s1 libmbedcrypto16 libmbedtls21 libmbedx509-7"

fail() {
    echo "get_micropython: $1" >&2
    exit 1
}

mkdir -p "${1:-build/micropython}"
dir=$(cd "${1:-build/micropython}" && pwd)
self=$(cksum <"$0")
if [ "$(cat "$dir/done" 2>/dev/null)" = "$self" ]; then
    touch "$dir/done"
    exit 0
fi
rm -f "$dir/done"

# The mirror of Debian's main archive, from apt's sources in either format.
mirror() {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
        sed -nE 's/^(URIs:|deb( \[[^]]*\])?) +([^ ]+\/debian)\/?( .*)?$/\3/p' | head -n 1
}

unpack() { # architecture package…: into DIR/architecture
    arch=$1
    shift
    command -v apt-get >/dev/null || fail "no MicroPython >= 1.24 here, and no apt to get it with"
    uri=$(mirror)
    [ -n "$uri" ] || fail "no MicroPython >= 1.24 here, and apt's sources name no Debian mirror"
    work="$dir/apt-$arch"
    rm -rf "$work"
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$dir/$arch"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $release main" \
        >"$work/sources.list"
    cat >"$work/apt.conf" <<CONFIG
APT::Architecture "$arch";
APT::Architectures "$arch";
APT::Sandbox::User "$(id -un)";
APT::Update::Error-Mode "any";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Acquire::Languages "none";
Dir::Cache "$work/cache";
Dir::State::Lists "$work/lists";
Dir::Etc::SourceList "$work/sources.list";
Dir::Etc::SourceParts "-";
Debug::NoLocking "1";
CONFIG
    echo "get_micropython: fetching Debian's $* ($arch)"
    (cd "$work" && export APT_CONFIG="$work/apt.conf" &&
        apt-get -qq update && apt-get -qq download "$@") >"$dir/apt.log" 2>&1 ||
        fail "Debian's packages cannot be fetched: is there a network? (see $dir/apt.log)"
    for deb in "$work"/*.deb; do dpkg -x "$deb" "$dir/$arch"; done
    rm -rf "$work"
}

wrapper() { # name command: ${here} in the command is the wrapper's own directory
    printf '#!/bin/sh\nhere=${0%%/*}\nexec %s "$@"\n' "$2" >"$dir/$1.new"
    chmod +x "$dir/$1.new"
    mv "$dir/$1.new" "$dir/$1"
}

suits() { # command bits: does it run MicroPython >= 1.24 with words of so many bits?
    "$1" -c "import sys
ok = sys.implementation.version[:2] >= (1, 24) and sys.maxsize == 2**($2 - 1) - 1
sys.exit(not ok)" 2>/dev/null
}

from_debian() { # architecture library-triplet loader: the command that runs Debian's MicroPython
    echo "\"\$here/$1/usr/lib/$2/$3\" --library-path \"\$here/$1/usr/lib/$2\"" \
        "\"\$here/$1/usr/bin/micropython\""
}

plain() { # bits architecture library-triplet loader: makes the wrapper, leaves its command in $command
    command=$(command -v micropython || echo none)
    if suits "$command" "$1"; then
        command="\"$command\""
    else
        # shellcheck disable=SC2086
        unpack "$2" $packages
        command=$(from_debian "$2" "$3" "$4")
    fi
    wrapper "micropython$1" "$command"
}

single_step() { # qemu: its option for one instruction at a time, which changed its name in 8.1
    if "$1" -help | grep -q one-insn-per-tb; then echo -one-insn-per-tb; else echo -singlestep; fi
}

slow() { # command of the 32-bit MicroPython
    if command -v qemu-i386 >/dev/null; then
        wrapper micropython32-slow "qemu-i386 $(single_step qemu-i386) $1"
        if suits "$dir/micropython32-slow" 32; then return; fi
    fi
    host=$(dpkg --print-architecture)
    unpack "$host" qemu-user
    find "$dir/$host/usr/bin" -name 'qemu-*' ! -name qemu-i386 -delete # 450 MB of other processors
    option=$(single_step "$dir/$host/usr/bin/qemu-i386")
    wrapper micropython32-slow "\"\$here/$host/usr/bin/qemu-i386\" $option $1"
}

plain 32 i386 i386-linux-gnu ld-linux.so.2
slow "$command"
(plain 64 amd64 x86_64-linux-gnu ld-linux-x86-64.so.2) ||
    echo "get_micropython: going on without the 64-bit one, which nothing depends on"

for name in micropython32 micropython32-slow; do
    suits "$dir/$name" 32 || fail "$dir/$name does not run here"
done
echo "$self" >"$dir/done"

#!/bin/sh
# Make sure that what comes from the operating system is there: `tools/system.sh serve|test`.
# Installs what is missing where we are root, and names it in one line where we are not.
set -eu
PATH=$PATH:/usr/sbin:/sbin

purpose=${1:-serve}
missing=""

need() { # command, Debian package
    command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}

need cc gcc
need make make
need npm npm
need node nodejs
python=${PYTHON:-python3}
need "$python" python3
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
if [ "$purpose" = test ]; then
    need chromium chromium
    need firefox-esr firefox-esr
    need ip iproute2
    need nft nftables
    need nsenter util-linux
    need certutil libnss3-tools
    need tinyproxy tinyproxy-bin
    need turnutils_uclient coturn
    need sysctl procps
fi

if [ -n "$missing" ]; then
    if [ "$(id -u)" != 0 ]; then
        echo "Please install first: apt-get install$missing" >&2
        exit 2
    fi
    command -v apt-get >/dev/null || { echo "Please install first:$missing" >&2; exit 2; }
    echo "Installing from Debian:$missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086 # a list of packages
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Python 3.11 or newer is needed; PYTHON=… names another one" >&2
    exit 2
}
command -v cargo >/dev/null || {
    echo "A Rust toolchain (1.89 or newer) is needed: apt-get install rustup, or see rust-lang.org" >&2
    exit 2
}

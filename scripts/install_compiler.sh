#!/bin/sh
# A C compiler, for the compiled half (make … C=1): installed as root on Debian, else named.
set -eu
command -v cc >/dev/null && exit
if test "$(id -u)" = 0 && command -v apt-get >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq gcc libc6-dev >/dev/null
else
    echo "make C=1 needs a C compiler: apt-get install gcc libc6-dev" >&2
    exit 1
fi

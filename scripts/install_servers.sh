#!/bin/sh
# Installs the servers the services tests need and this machine lacks; started by `make test-services`.
# tests/servers.py knows which: the same lookup starts them afterwards.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

packages=$("$python" tests/servers.py)
test -n "$packages" || exit 0

if test "$(id -u)" != 0 || ! command -v apt-get >/dev/null; then
    echo "The services tests need servers this machine lacks. As root on Debian or Ubuntu:" >&2
    echo "    apt-get install --no-install-recommends" $packages >&2
    exit 1
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq </dev/null
# shellcheck disable=SC2086  # one word per package
apt-get install -qq -y --no-install-recommends -o DPkg::Lock::Timeout=300 $packages </dev/null

packages=$("$python" tests/servers.py)
test -z "$packages" || { echo "Installed, and still not found:" $packages >&2; exit 1; }

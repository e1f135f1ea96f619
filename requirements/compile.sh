#!/bin/sh
# Renews every lock in this folder from the groups of pyproject.toml:   requirements/compile.sh
# One lock per environment, good for every Python we support (--universal), each file with its hashes.
# Releases younger than a week are left out: most poisoned uploads are found within days.
set -eu
cd "$(dirname "$0")/.."
make .tools/.stamp

lock() {  # lock NAME REQUIREMENT [uv options]: requirements/NAME.txt, from REQUIREMENT and the options
    name=$1 requirement=$2
    shift 2
    echo "requirements/$name.txt"
    echo "$requirement" | .tools/bin/uv pip compile - "$@" --quiet --upgrade --universal \
        --generate-hashes --exclude-newer "7 days" --no-emit-index-url --no-emit-find-links \
        --custom-compile-command "requirements/compile.sh" --output-file "requirements/$name.txt"
}

lock uv "uv>=0.13,<0.14" --python-version 3.11   # the same range as uv_build in pyproject.toml

lock django52 "Django==5.2.*" --python-version 3.11 --group test
lock django60 "Django==6.0.*" --python-version 3.12 --group test
lock django61 "Django==6.1.*" --python-version 3.12 --group test

lock services "Django>=5.2" --python-version 3.11 --group services
lock django_sdist "Django>=5.2" --python-version 3.11 --group sdist   # the services environment's
lock c "setuptools>=77" --python-version 3.11   # as c/pyproject.toml asks
lock demo "Django>=5.2" --python-version 3.11 --group demo
# All extras but c, which is built here, from c/.
lock dev "Django>=5.2" pyproject.toml --extra celery --extra msgspec --extra psycopg --python-version 3.11 \
    --group lint --group types --group docs --group bench

#!/bin/sh
# The embedded suite once per Python-Django pair, its corpora once per Django, whole sites on the first pair.
# Started by `make matrix`.
# All interpreters are looked for before the first run: a missing one is told at once, not after minutes.
set -eu
cd "$(dirname "$0")/.."
pyenv=$(pyenv root 2>/dev/null) || pyenv=${PYENV_ROOT:-$HOME/.pyenv}
pairs=${MATRIX:-3.11-5.2 3.13-6.1 3.12-6.0 3.12-5.2 3.12-6.1 3.13-5.2 3.13-6.0}

find_python() {  # full path of Python $1, from PATH or pyenv; a pyenv shim on PATH may not answer
    for candidate in "python$1" "$pyenv/versions/$1".*/bin/python; do
        "$candidate" -c "import sys
if '%d.%d' % sys.version_info[:2] != '$1': sys.exit(1)
print(sys.executable)" 2>/dev/null && return
    done
    return 1
}

missing=
for pair in $pairs; do
    version=${pair%-*}
    test -f "requirements/django$(echo "${pair#*-}" | tr -d .).txt" || {
        echo "make matrix: no requirements/ lock for Django ${pair#*-} (from MATRIX=$pair; write 3.13-6.1)" >&2
        exit 2
    }
    find_python "$version" >/dev/null || case $missing in *" $version"*) ;; *) missing="$missing $version" ;; esac
done
test -z "$missing" || {
    echo "make matrix: no interpreter for Python$missing, neither on PATH nor under pyenv." >&2
    echo "Install it (pyenv install ...), or name the pairs you have: make matrix MATRIX=\"3.11-5.2\"" >&2
    exit 1
}

seen=
for pair in $pairs; do
    case $seen in "") long=1 what=", all" ;; *" ${pair#*-} "*) long= what= ;; *) long=corpora what=", with the corpora" ;; esac
    seen="$seen ${pair#*-} "
    echo "--- Python ${pair%-*}, Django ${pair#*-}$what"
    ${MAKE:-make} --no-print-directory test COV= LONG=$long PYTHON="$(find_python "${pair%-*}")" DJANGO="${pair#*-}"
done
echo "matrix: passed on $pairs"

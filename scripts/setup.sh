#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# Make .venv hold what requirements/$1.txt pins, this checkout, the detector's weights and the built front end.
# Does nothing where that is so already. Needs Python 3.11 to 3.13 with venv, and a package index; no root, no Node.js.
set -eu
cd "$(dirname "$0")/.."
what=$1

python=${PYTHON:-}
if [ -z "$python" ]; then
    for candidate in python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            python=$candidate
            break
        fi
    done
fi
if [ -z "$python" ]; then
    echo "Custodes needs Python 3.11, 3.12 or 3.13 (Debian, Ubuntu: apt install python3 python3-venv)" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    echo "Python's venv is missing: install the package python$version-venv (apt install python$version-venv)" >&2
    exit 1
fi

[ -x .venv/bin/python ] || "$python" -m venv .venv
pins() { cat "requirements/$1.txt" pyproject.toml | sha256sum; }
installed() { [ "$(cat ".venv/.$1" 2>/dev/null)" = "$(pins "$1")" ]; }
# The files list everything with its hash, so pip has nothing to resolve. The development set holds all that the demo needs.
if ! installed "$what" && ! installed dev; then
    echo "Installing requirements/$what.txt into .venv"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "requirements/$what.txt"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
    pins "$what" > ".venv/.$what"
fi
.venv/bin/python scripts/fetch_weights.py
.venv/bin/python scripts/build_frontend.py

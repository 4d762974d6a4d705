#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# Write the hash-pinned requirement files again from pyproject.toml (after a dependency was changed).
set -eu
cd "$(dirname "$0")/.."
lock() {
    out=$1
    shift
    .venv/bin/uv pip compile pyproject.toml "$@" --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
        --no-header --no-annotate --no-emit-index-url --no-emit-find-links --output-file "requirements/$out.txt"
}
lock base
lock node --extra node
lock planner --extra node --extra planner
lock demo --extra node --group build
lock dev --extra node --extra planner --group build --group dev

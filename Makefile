# SPDX-License-Identifier: AGPL-3.0-or-later
# `make demo` and `make test` each work as the first command of a fresh clone.

.PHONY: setup demo test check bench soak hostile screenshots lock clean

setup: ## everything: all extras, development tools, benchmark peers
	@scripts/setup.sh dev

demo: ## the whole system on this machine, with a street of its own
	@scripts/setup.sh demo
	@.venv/bin/custodes demo $(ARGS)

test: ## all tests that this machine has the tools for
	@scripts/setup.sh dev
	@.venv/bin/python -m pytest $(ARGS)

check: ## style, types, layers
	@scripts/setup.sh dev
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-cache

bench: ## every benchmark, one JSON line each
	@scripts/setup.sh dev
	@for each in benchmarks/*.py; do .venv/bin/python "$$each" || exit 1; done

soak: ## half an hour of everything that goes wrong while recording (root: mounts a tmpfs); one JSON line
	@scripts/setup.sh dev
	@.venv/bin/python tests/soak/soak.py $(ARGS)

hostile: ## ten minutes of hostile cameras beside good ones; one JSON line
	@scripts/setup.sh dev
	@.venv/bin/python tests/soak/hostile.py $(ARGS)

screenshots: ## docs/images, from a running demo in headless Chromium
	@scripts/setup.sh dev
	@.venv/bin/python scripts/screenshots.py

lock: ## pin the dependencies again
	@scripts/setup.sh dev
	@scripts/lock.sh
	@.venv/bin/python scripts/notices.py

clean: ## back to a fresh clone
	rm -rf .venv .demo build dist node_modules frontend/node_modules
	rm -rf src/custodes/web/static src/custodes/desk/static
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -f src/custodes/video/mask/weights/*.tflite
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

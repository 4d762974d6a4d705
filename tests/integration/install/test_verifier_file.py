# SPDX-License-Identifier: AGPL-3.0-or-later
"""The verifier as a single file: runs with Python and ``cryptography`` only, and says the same as the command."""

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
VECTOR = ROOT / "tests" / "vectors" / "bundle"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("verifier") / "custodes-verify.pyz"
    built = subprocess.run([sys.executable, ROOT / "scripts/build_verifier.py", path], capture_output=True, text=True)
    assert built.stderr == ""
    assert built.stdout.split()[0] == hashlib.sha256(path.read_bytes()).hexdigest()
    return path


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which nothing can be imported but the standard library, cryptography and what that needs."""
    folder = tmp_path_factory.mktemp("packages")
    for name in ("cryptography", "cffi", "_cffi_backend"):
        found = importlib.util.find_spec(name)
        if found and found.origin:
            path = Path(found.origin)
            path = path.parent if path.name == "__init__.py" else path
            (folder / path.name).symlink_to(path)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**environment, "PYTHONPATH": str(folder)}


def run(bare: dict[str, str], *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Python without its own packages (-S)."""
    return subprocess.run([sys.executable, "-S", *words], capture_output=True, text=True, env=bare, cwd="/")


def test_the_environment_is_bare(bare: dict[str, str]) -> None:
    for name in ("pyshamir", "custodes", "numpy", "av", "fastapi", "sqlalchemy"):
        assert "ModuleNotFoundError" in run(bare, "-c", f"import {name}").stderr
    assert run(bare, "-c", "import cryptography.cobblestone").returncode == 0


def test_the_file_accepts_the_published_bundle_and_names_every_check(program: Path, bare: dict[str, str]) -> None:
    ran = run(bare, program, "bundle", VECTOR / "bundle.zip", "--policy", VECTOR / "policy", "--json")
    assert (ran.returncode, ran.stderr) == (0, "")
    report = json.loads(ran.stdout)
    assert report["ok"] is True
    assert {"container", "request", "recordings", "quorum", "native clips"} <= {
        each["name"] for each in report["checks"]
    }


def test_the_file_refuses_a_changed_bundle_and_says_what_is_wrong(
    program: Path, bare: dict[str, str], tmp_path: Path
) -> None:
    changed = bytearray((VECTOR / "bundle.zip").read_bytes())
    changed[len(changed) // 2] ^= 1
    (tmp_path / "bundle.zip").write_bytes(changed)
    ran = run(bare, program, "bundle", tmp_path / "bundle.zip", "--policy", VECTOR / "policy")
    assert (ran.returncode, ran.stderr) == (1, "")
    assert "FAIL  container: " in ran.stdout
    assert ran.stdout.rstrip().endswith("NOT verified")


def test_what_cannot_be_used_is_one_line(program: Path, bare: dict[str, str]) -> None:
    ran = run(bare, program, "bundle", VECTOR / "bundle.zip")
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1)
    nothing = {**bare, "PYTHONPATH": ""}
    ran = run(nothing, program, "bundle", VECTOR / "bundle.zip", "--policy", VECTOR / "policy")
    assert (ran.returncode, ran.stderr.count("\n"), "cryptography" in ran.stderr) == (3, 1, True)


def test_the_same_sources_give_the_same_bytes(program: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.pyz"
    subprocess.run([sys.executable, ROOT / "scripts/build_verifier.py", again], check=True, capture_output=True)
    assert again.read_bytes() == program.read_bytes()

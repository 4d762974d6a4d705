# SPDX-License-Identifier: AGPL-3.0-or-later
"""The wheel without extras, in an environment of its own: keys, grants, opening, verification; no video, no web."""

import json
import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.custody_office import Courier, Office
from tests.custody_world import MINUTE, World
from tests.desk_page import Visitor
from tests.second_decoder import Decoder

from custodes.clock import SECOND, FakeClock, Instant
from custodes.desk.page.markup import STATIC
from custodes.trust.custody.policy import encode_policy

ROOT = Path(__file__).resolve().parents[3]
VECTOR = ROOT / "tests" / "vectors" / "bundle"
EXTRAS = ("ai_edge_litert", "alembic", "av", "cv2", "defusedxml", "fastapi", "jinja2", "numpy", "sqlalchemy", "uvicorn")


@dataclass
class Installed:
    """An environment that holds the wheel and what it needs, nothing else."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        command = [self.folder / "bin" / words[0], *words[1:]]
        return subprocess.run(command, capture_output=True, text=True, env=self.environment, cwd="/")

    def custodes(self, *words: str | Path) -> object:
        """What the command prints with ``--json``; it must end 0."""
        ran = self.run("custodes", *words, "--json")
        assert (ran.returncode, ran.stderr) == (0, ""), ran
        return json.loads(ran.stdout)


def _tool(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, cwd=ROOT)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    for tool in ("uv", "hatchling"):
        pytest.importorskip(tool, reason=f"needs {tool} to build and install a wheel")
    folder = tmp_path_factory.mktemp("alone")
    built = _tool("hatchling", "build", "-t", "wheel", "-d", folder)
    assert built.returncode == 0, built.stderr
    [wheel] = folder.glob("*.whl")
    made = _tool("uv", "venv", "--quiet", "--python", sys.executable, folder / "venv")
    assert made.returncode == 0, made.stderr
    into = ("uv", "pip", "install", "--no-config", "--quiet", "--python", folder / "venv" / "bin" / "python")
    pins = ("--require-hashes", "-r", ROOT / "requirements" / "base.txt")
    # From the cache where it is there, so that this needs no network twice.
    if _tool(*into, "--offline", *pins).returncode and (failed := _tool(*into, *pins)).returncode:
        pytest.skip(f"neither a cache nor a package index has the two dependencies: {failed.stderr.strip()[:200]}")
    assert _tool(*into, "--offline", "--no-deps", wheel).returncode == 0
    return Installed(folder / "venv")


def test_two_dependencies_are_asked_for_and_no_video_or_web_stack_is_there(alone: Installed) -> None:
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert [name.split(">")[0] for name in asked] == ["cryptography", "pyshamir"]
    for name in EXTRAS:
        assert "ModuleNotFoundError" in alone.run("python", "-c", f"import {name}").stderr
    ran = alone.run("custodes", "status", "--dir", "/nowhere")
    assert (ran.returncode, ran.stderr.count("\n"), "install custodes[node]" in ran.stderr) == (3, 1, True)


def test_the_published_bundle_and_a_log_are_verified(alone: Installed, tmp_path: Path) -> None:
    report = alone.custodes("verify", "bundle", VECTOR / "bundle.zip", "--policy", VECTOR / "policy")
    assert isinstance(report, dict)
    assert report["ok"] is True
    world = World(tmp_path)
    (tmp_path / "policy").write_bytes(encode_policy(world.policy))
    world.close()
    report = alone.custodes("verify", "log", tmp_path / "log", "--policy", tmp_path / "policy")
    assert isinstance(report, dict)
    assert report["ok"] is True


@dataclass
class Parties:
    """Folders of two custodians and a requester, made by the installed command, and an operator of the tests."""

    folder: Path
    office: Office
    courier: Courier


@pytest.fixture
def parties(alone: Installed, tmp_path: Path) -> Iterator[Parties]:
    now = Instant(time.time_ns())
    world = World(tmp_path / "operator", n=2, clock=FakeClock(Instant(now - 3 * MINUTE)))
    for number in (1, 2):
        alone.custodes("custodian", "keygen", "--dir", tmp_path / f"custodian{number}", "--label", f"Office {number}")
    alone.custodes("disclosure", "keygen", "--dir", tmp_path / "court", "--label", "District court")
    statements = [(tmp_path / f"custodian{number}" / "statement.json").read_bytes() for number in (1, 2)]
    office = Office(world)
    policy = tmp_path / "policy"
    policy.write_bytes(office.enrol(statements, (tmp_path / "court" / "statement.json").read_bytes(), 2))
    for group, name in (("custodian", "custodian1"), ("custodian", "custodian2"), ("disclosure", "court")):
        alone.custodes(group, "trust", "--dir", tmp_path / name, "--policy", policy)
    period = world.record(start=Instant(now - 3 * MINUTE))
    world.clock.advance(2 * MINUTE)
    office.record(period)
    world.clock.advance(MINUTE)
    (tmp_path / "stick").mkdir()
    yield Parties(tmp_path, office, Courier(office, tmp_path / "stick"))
    world.close()


def test_keys_requests_grants_and_opening_need_nothing_but_the_base_install(alone: Installed, parties: Parties) -> None:
    folder, stick, world = parties.folder, parties.folder / "stick", parties.office.world
    start = parties.office.periods[0].id.start
    times = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at // SECOND)) for at in (start, start + MINUTE)]
    asked = alone.custodes(
        *("disclosure", "request", "--dir", folder / "court", "--server", stick, "--camera", world.cameras[0]),
        *("--from", times[0], "--until", times[1], "--purpose", "assault", "--basis", "public_task", "--case", "1/26"),
    )
    assert isinstance(asked, dict)
    parties.courier.carry()
    for number in (1, 2):
        where = ("--dir", folder / f"custodian{number}", "--server", stick)
        pending = alone.custodes("custodian", "pending", *where)
        assert isinstance(pending, list)
        assert [each["problem"] for each in pending] == [""]
        alone.custodes("custodian", "grant", *where, str(asked["request"]))
        parties.courier.carry()
    opened = alone.custodes("disclosure", "open", "--dir", folder / "court", "--server", stick, str(asked["request"]))
    assert isinstance(opened, dict)
    [clip] = (folder / "court").rglob("*.mp4")
    assert clip.read_bytes() == parties.office.periods[0].clip
    [bundle] = (folder / "court").rglob("bundle.zip")
    assert Decoder((folder / "policy").read_bytes()).bundle(bundle) == [f"native/{clip.name}"]
    report = alone.custodes("verify", "bundle", bundle, "--policy", folder / "policy")
    assert isinstance(report, dict)
    assert report["ok"] is True


def test_the_custodians_page_and_what_signs_in_it_come_along(alone: Installed, parties: Parties) -> None:
    if not (STATIC / "manifest.json").exists():
        pytest.skip("the front end is not built: run scripts/build_frontend.py")
    where = ("--dir", parties.folder / "custodian1", "--server", parties.folder / "stick")
    command = [alone.folder / "bin" / "custodes", "custodian", "desk", *where, "--keys", "browser", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=alone.environment, cwd="/") as process:
        try:
            assert process.stdout
            visitor = Visitor(json.loads(process.stdout.readline())["link"]).enter()
            page = visitor.get()
            assert "Nothing to answer" in page.words
            built = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)
            assert {path.rsplit(".", 1)[1] for path in built} == {"css", "js", "svg"}
            for path in built:
                assert visitor.get(path, below=False).status == 200
        finally:
            process.terminate()
    assert process.returncode == 0

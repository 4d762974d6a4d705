# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes planner`` on a small town: what it prints, and what it refuses in one line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.planner_town import osm_file, ring

from custodes import cli

pytest.importorskip("numba")
pytest.importorskip("typst")
pytest.importorskip("sqlalchemy")
from tests.node_store import node

HOME = ({"building": "apartments", "name": "<b>#home</b>"}, ring(-20, 10, 20, 20))
STREET = ({"highway": "footway"}, [(-400.0, 0.0), (0.0, 0.0), (400.0, 0.0)])
CAMERA = ({"man_made": "surveillance", "camera:direction": "N", "name": "#eval"}, (0.0, 0.0))


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    return osm_file(tmp_path / "town.osm", [HOME, STREET], [CAMERA])


def test_coverage_is_geojson_of_what_is_filmed(
    extract: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["planner", "coverage", "--osm", str(extract), "--register", str(extract)]) == 0
    (feature,) = json.loads(capsys.readouterr().out)["features"]
    assert feature["geometry"]["type"] == "Polygon"
    assert feature["properties"]["homes_facade_m"] > 10
    out = tmp_path / "seen.geojson"
    words = ["planner", "coverage", "--osm", str(extract), "--register", str(extract), "--out", str(out), "--json"]
    assert cli.main(words) == 0
    assert json.loads(capsys.readouterr().out)["cameras"] == 1
    assert json.loads(out.read_text())["features"] == [feature]


def test_impact_is_said_in_words_and_as_json(extract: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["planner", "impact", "--osm", str(extract), "--register", str(extract)]) == 0
    assert "1 cameras could go without loss" in capsys.readouterr().out
    assert cli.main(["planner", "impact", "--osm", str(extract), "--register", str(extract), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["removable"] == ["node/8"]


def test_a_report_takes_no_name_for_markup(extract: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "annex.pdf"
    assert cli.main(["planner", "report", "--osm", str(extract), "--register", str(extract), "--out", str(out)]) == 0
    assert out.read_bytes().startswith(b"%PDF")
    assert "#eval" in out.with_suffix(".html").read_text()


def test_an_empty_register_is_one_line(extract: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "cameras.geojson"
    empty.write_text('{"type": "FeatureCollection", "features": []}')
    assert cli.main(["planner", "impact", "--osm", str(extract), "--register", str(empty)]) == 2
    assert capsys.readouterr().err == "custodes: the register holds no camera that can be judged\n"
    with node(tmp_path / "here"):
        assert cli.main(["planner", "impact", "--osm", str(extract), "--dir", str(tmp_path / "here" / "node")]) == 2
    assert "no camera that can be judged" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["impact", "--osm", "{dir}/none.osm", "--register", "{osm}"], 2),
        (["impact", "--osm", "{dir}", "--register", "{osm}"], 1),
        (["impact", "--osm", "{osm}", "--register", "{dir}"], 2),
        (["impact", "--osm", "{osm}", "--register", "{osm}", "--plan", "{dir}/none"], 2),
        (["impact", "--osm", "{osm}", "--register", "{osm}", "--plan", "{osm}"], 2),
        (["impact", "--osm", "{osm}", "--register", "{osm}", "--seconds", "0"], 2),
        (["coverage", "--osm", "{osm}", "--register", "{osm}", "--out", "{dir}"], 2),
        (["report", "--osm", "{osm}", "--register", "{osm}", "--out", "{dir}/none/a.pdf"], 2),
        (["check", "{osm}"], 2),
    ],
)
def test_what_cannot_be_used_is_one_line(
    extract: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int
) -> None:
    filled = [word.format(osm=extract, dir=tmp_path) for word in words]
    assert cli.main(["planner", *filled]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("custodes: ")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("library", ["numba", "shapely", "osmium", "typst"])
def test_without_the_extra_one_line_says_what_to_install(library: str) -> None:
    program = f"import sys; sys.modules[{library!r}] = None; from custodes.cli import main; sys.exit(main())"
    words = [sys.executable, "-c", program, "planner", "check", "x"]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ended.returncode == 3
    assert ended.stderr == f"custodes: planner needs {library}: install custodes[planner]\n"

# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes mask`` and privacy zones, as people and scripts meet them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.node_store import Node, node
from tests.unit.cli.test_cli_commands import ID, Run
from tests.unit.cli.test_cli_hostile import broken

from custodes.domain.times import to_text
from custodes.video.mask.masker import MASKER

ZONES = "[[[0, 0], [0.5, 0], [0.25, 0.75]]]"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(capsys)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Node]:
    with node(tmp_path / "here") as found:
        yield found


def test_a_window_is_hidden_listed_shown_kept_and_lifted(run: Run, here: Node) -> None:
    where, camera = ("--dir", here.layout.root), here.camera()
    assert run("mask", "hidden", *where).out == "nothing is hidden\n"
    made = json.loads(run("mask", "hide", camera, *where, "--json").out)
    assert (made["camera"], made["until"], made["stage"]) == (camera, None, "live picture hidden")
    assert "hidden already" in run.refused("mask", "hide", camera, *where, code=1)
    assert "show that first" in run.refused("mask", "lift", made["hidden"], *where, code=1)
    assert "stays hidden" in run("mask", "show", camera, *where).out
    assert "is not hidden" in run.refused("mask", "show", camera, *where, code=1)
    assert run("mask", "keep", made["hidden"], *where).code == 0
    assert "Gate" in run("mask", "hidden", *where).out
    assert json.loads(run("mask", "lift", made["hidden"], *where, "--json").out)["verdict"] == "lifted"
    (listed,) = json.loads(run("mask", "hidden", *where, "--json").out)["hidden"]
    assert (listed["hidden"], listed["stage"]) == (made["hidden"], "lifted")


def test_a_past_window_is_hidden_by_its_times_and_one_that_is_none_is_refused(run: Run, here: Node) -> None:
    where, camera, now = ("--dir", here.layout.root), here.camera(), here.clock.now()
    words = ("mask", "hide", camera, *where)
    window = ("--from", "2020-01-01T00:00:00Z", "--until", "2020-01-01T00:10:00Z")
    made = json.loads(run(*words, *window, "--json").out)
    assert made["until"] == "2020-01-01T00:10:00.000000000Z"
    run.refused(*words, *window, code=1)
    run.refused(*words, "--from", to_text(now)[:19], code=2)
    run.refused(*words, "--from", "2999-01-01T00:00:00Z", code=2)
    run.refused(*words, "--from", "2020-01-01T00:00:00Z", "--until", "2019-01-01T00:00:00Z", code=2)
    run.refused("mask", "hide", ID, *where, code=1)
    run.refused("mask", "lift", ID, *where, code=1)


def test_a_recall_says_how_much_it_hides_and_there_is_no_command_to_undo_it(run: Run, here: Node) -> None:
    where = ("--dir", here.layout.root)
    assert "no masker of this version" in run.refused("mask", "recall", "--version", "0.9", *where, code=1)
    said = json.loads(run("mask", "recall", "--version", MASKER, *where, "--json").out)
    assert said == {"recalled": MASKER, "minutes": 0}
    assert "recalled already" in run.refused("mask", "recall", "--version", MASKER, *where, code=1)
    assert f"masker {MASKER} was recalled" in run("mask", "hidden", *where).out
    (listed,) = json.loads(run("mask", "hidden", *where, "--json").out)["recalled"]
    assert listed["version"] == MASKER
    for undo in ("unrecall", "restore", "undo"):
        run.refused("mask", undo, "--version", MASKER, *where, code=2)


def test_zones_are_set_shown_and_taken_away(run: Run, here: Node, tmp_path: Path) -> None:
    where, camera, file = ("--dir", here.layout.root), here.camera(), tmp_path / "zones.json"
    file.write_text(ZONES)
    said = json.loads(run("camera", "edit", camera, "--zones", file, *where, "--json").out)
    assert said["zones"] == 1
    assert json.loads(run("camera", "show", camera, *where, "--json").out)["zones"] == json.loads(ZONES)
    file.write_text("[]")
    assert "0 privacy zones" in run("camera", "edit", camera, "--zones", file, *where).out
    assert "zones        0" in run("camera", "show", camera, *where).out
    run.refused("camera", "edit", ID, "--zones", file, *where, code=1)


def test_a_file_that_holds_no_zones_is_refused_and_nothing_is_changed(run: Run, here: Node, tmp_path: Path) -> None:
    where, camera = ("--dir", here.layout.root), here.camera()
    before = here.counts()
    for path in broken(tmp_path, ZONES.encode()):
        if path.exists() and path.is_file() and path.read_bytes().strip().lower() in (b"[]", ZONES.encode()):
            continue
        run.refused("camera", "edit", camera, "--name", "Other", "--zones", path, *where, code=2)
    assert here.counts() == before

# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes subject`` at the command line: the clock is shown, what cannot be is refused in one line."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.node_store import Node, node

from custodes.cli import main
from custodes.clock import SECOND, Instant, SystemClock
from custodes.domain import times

REFERENCE = "DSAR 2026/17"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Node]:
    with node(tmp_path) as found:
        yield found


def subject(here: Node, *words: str) -> int:
    return main(["subject", *words, "--dir", str(here.layout.root)])


def received(here: Node, capsys: pytest.CaptureFixture[str]) -> str:
    now = SystemClock().now()
    window = ["--from", times.to_text(Instant(now - 60 * SECOND)), "--until", times.to_text(Instant(now - SECOND))]
    assert subject(here, "receive", "--camera", here.camera(), *window, "--reference", REFERENCE, "--json") == 0
    found: str = json.loads(capsys.readouterr().out)["request"]
    return found


def test_the_clock_is_shown_when_it_begins_and_in_the_list(here: Node, capsys: pytest.CaptureFixture[str]) -> None:
    assert subject(here, "list") == 0
    assert capsys.readouterr().out == "no requests\n"
    name = received(here, capsys)
    assert subject(here, "list") == 0
    line = capsys.readouterr().out
    assert name in line
    assert " days left (before " in line
    assert subject(here, "extend", name, "--ground", "number") == 0
    assert "within the first" in capsys.readouterr().out
    assert subject(here, "decide", name, "--decision", "unfounded", "--json") == 0
    decided = json.loads(capsys.readouterr().out)
    assert (decided["decision"], decided["extension"], decided["days_left"]) == ("unfounded", "number", None)
    assert subject(here, "close", name) == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("point", "a" * 26, "--point", "412"), 2, "is not a point like 412,630"),
        (("point", "a" * 26, "--point", "1,-1"), 2, "is not a point like 412,630"),
        (("point", "a" * 26, "--point", "1,2"), 1, "no such request"),
        (("decide", "a" * 26, "--decision", "perhaps"), 2, "invalid choice"),
        (("close", "a" * 26), 1, "no such request"),
        (("still", "a" * 26, "--at", "noon", "--out", "x.jpg"), 2, "noon is not a time"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    here: Node, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, said: str
) -> None:
    try:
        ended = subject(here, *words)
    except SystemExit as left:
        ended = int(left.code or 0)
    errors = capsys.readouterr().err
    assert (ended, len(errors.strip().splitlines())) == (code, 1)
    assert said in errors


def test_each_point_needs_its_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--dir", str(tmp_path), "--out", str(tmp_path / "draft")]
    points = ["--point", "1,2", "--point", "3,4", "--at", "2026-11-23T14:05:00Z"]
    assert main(["subject", "redact", str(tmp_path / "bundle.zip"), *points, *where]) == 2
    assert "needs its own --at" in capsys.readouterr().err

# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a custodian has seen of the log may only grow."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.custody_world import World

from custodes.desk.custodian_history import check_history
from custodes.domain.acts import Act
from custodes.errors import CustodesError, Kind
from custodes.trust.tlog.checkpoint import Checkpoint, SignedCheckpoint
from custodes.trust.tlog.source import FolderSource


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "true")
    yield made
    made.close()


def _now(world: World) -> Checkpoint:
    return SignedCheckpoint.parse(world.log.checkpoint()).checkpoint


def _grow(world: World, count: int, what: str = "x") -> Checkpoint:
    for number in range(count):
        world.add(Act.CAMERA_ADDED, {"camera": f"{what}{number}"})
    return _now(world)


def test_a_log_that_grew_is_accepted_also_when_the_receipt_is_older_than_the_log(tmp_path: Path, world: World) -> None:
    source, seen = FolderSource(tmp_path / "true" / "log"), tmp_path / "seen"
    for count in (3, 1, 254, 40):
        shown = _grow(world, count)
        _grow(world, 1)
        check_history(seen, world.policy, shown, source)
    assert b'"size":303' in seen.read_bytes()
    check_history(seen, world.policy, shown, source)


def test_a_log_with_another_history_is_refused(tmp_path: Path, world: World) -> None:
    seen = tmp_path / "seen"
    check_history(seen, world.policy, _grow(world, 5), FolderSource(tmp_path / "true" / "log"))
    # The same keys, another history: what a log's owner can make at any time.
    fork = World(tmp_path / "fork", clock=world.clock)
    try:
        shown = _grow(fork, 7, "y")
        with pytest.raises(CustodesError, match="another history") as problem:
            check_history(seen, world.policy, shown, FolderSource(tmp_path / "fork" / "log"))
        assert problem.value.kind is Kind.DENIED
    finally:
        fork.close()


def test_a_log_that_shrank_is_refused(tmp_path: Path, world: World) -> None:
    seen = tmp_path / "seen"
    check_history(seen, world.policy, _grow(world, 5), FolderSource(tmp_path / "true" / "log"))
    shorter = World(tmp_path / "shorter", clock=world.clock)
    try:
        with pytest.raises(CustodesError, match="has shrunk"):
            check_history(seen, world.policy, _now(shorter), FolderSource(tmp_path / "shorter" / "log"))
    finally:
        shorter.close()


def test_a_receipt_that_the_served_log_does_not_contain_is_refused(tmp_path: Path, world: World) -> None:
    fork = World(tmp_path / "fork", clock=world.clock)
    try:
        shown = _grow(fork, 3, "y")
        _grow(world, 5)
        with pytest.raises(CustodesError, match="another history"):
            check_history(tmp_path / "seen", world.policy, shown, FolderSource(tmp_path / "true" / "log"))
    finally:
        fork.close()


def test_without_the_log_two_roots_for_one_size_are_still_seen(tmp_path: Path, world: World) -> None:
    seen, shown = tmp_path / "seen", _grow(world, 3)
    check_history(seen, world.policy, shown, None)
    check_history(seen, world.policy, shown, None)
    with pytest.raises(CustodesError, match="another history"):
        check_history(seen, world.policy, Checkpoint(shown.origin, shown.size, bytes(32)), None)

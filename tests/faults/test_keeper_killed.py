# SPDX-License-Identifier: AGPL-3.0-or-later
"""The keeper's process is killed again and again while it deletes: what is due goes all the same, in the same order."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.node_store import Node, node
from tests.node_town import until
from tests.recorded import WHOLE, Archive

from custodes.clock import SECOND
from custodes.domain.ids import PeriodId
from custodes.node.runtime.fsck.check import fsck
from custodes.node.runtime.fsck.findings import Finding
from custodes.node.runtime.fsck.workbench import Options
from custodes.node.store import tables

_PERIODS = 60


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Node]:
    with node(tmp_path) as found:
        yield found


@contextmanager
def keeper(here: Node) -> "Iterator[subprocess.Popen[bytes]]":
    """The keeper's process; it is killed at the end if it still runs."""
    argv = [sys.executable, "-m", "custodes.cli.worker", "keeper", "--dir", str(here.layout.root)]
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _lacking(archive: Archive, periods: Sequence[PeriodId], kind: str) -> bool:
    return any(kind not in archive.objects(period) for period in periods)


def test_a_keeper_that_is_killed_again_and_again_deletes_everything_that_is_due_and_nothing_else(here: Node) -> None:
    here.layout.settings.write_text("[storage]\nreserve_mb = 0\n")
    # A log that was silent for months would make the keeper doubt its clock, which is the system's.
    here.clock.advance(time.time_ns() - here.clock.now())
    archive, camera = Archive(here), here.camera()
    here.register(camera)
    # The process has the system's clock: these were due yesterday, the last one is due in a year.
    start = time.time_ns() - 26 * 3600 * SECOND
    start -= start % (60 * SECOND)
    going = [archive.record(camera, start + number * 60 * SECOND, 1) for number in range(_PERIODS)]
    staying = archive.record(camera, start + _PERIODS * 60 * SECOND, 8_000)
    for kind in ("shares", "segment", "opening", "closing"):
        with keeper(here):
            until(partial(_lacking, archive, going, kind), f"{kind} go")
        for period in going:
            left = archive.objects(period)
            assert left == WHOLE or "shares" not in left
            assert "closing" in left or not left
        # Whoever checks in between finds nothing wrong: what is going is marked.
        found: list[Finding] = []
        fsck(here.store, Options(quick=True), found.append)
        assert found == []
    ballast = here.layout.root / "run" / "ballast"
    ballast.unlink(missing_ok=True)
    with keeper(here) as process:
        until(ballast.exists, "a round is done")
        process.terminate()
        assert process.wait(20) == 0
    assert archive.rows() == [staying]
    assert [archive.objects(period) for period in (*going, staying)] == [set()] * _PERIODS + [WHOLE]
    acts = tables.log_entries.c.act
    counted = here.store.read(sa.select(acts, sa.func.count()).where(acts.like("retention.%")).group_by(acts))
    assert sorted(tuple(row) for row in counted) == [("retention.done", 1), ("retention.due", 1)]

# SPDX-License-Identifier: AGPL-3.0-or-later
"""Recording never waits for the database."""

import sqlite3
import subprocess
import sys
import time

import sqlalchemy as sa
from tests.node_town import Town, until

from custodes.node.store import tables

LOCKED_S = 10


def test_recording_goes_on_while_the_catalogue_is_locked(running: Town) -> None:
    camera = running.system.cameras[1]
    until(lambda: running.segments(camera), "the camera is recorded")
    lock = sqlite3.connect(running.root / "catalog.sqlite", isolation_level=None)
    try:
        lock.execute("BEGIN EXCLUSIVE")
        sizes = []
        for _ in range(LOCKED_S):
            sizes.append(sum(path.stat().st_size for path in running.segments(camera)))
            time.sleep(1)
        sizes.append(sum(path.stat().st_size for path in running.segments(camera)))
        # It was locked indeed: nobody else could have written.
        assert running.command("camera", "show", camera, "--dir", running.root).code == 0
    finally:
        lock.execute("ROLLBACK")
        lock.close()
    # Some of the pauses may have seen no fragment end; all of them together cannot.
    assert sizes[-1] > sizes[0]
    assert len(set(sizes)) > LOCKED_S // 2
    before = len(running.store.read(sa.select(tables.log_entries.c.seq)))
    running.operator()
    assert len(running.store.read(sa.select(tables.log_entries.c.seq))) > before


def test_a_masker_and_a_recorder_that_are_started_twice_say_so_and_leave_the_first_alone(running: Town) -> None:
    for role in ("recorder", "masker", "sequencer"):
        until(lambda role=role: running.pid(role), f"{role} runs")
        first = running.pid(role)
        again = subprocess.run(
            [sys.executable, "-m", "custodes.cli.worker", role, "--dir", str(running.root)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert again.returncode == 1
        assert again.stderr == f"{role}: another {role} is running in {running.root}\n"
        assert running.pid(role) == first

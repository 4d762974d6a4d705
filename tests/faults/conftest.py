# SPDX-License-Identifier: AGPL-3.0-or-later
"""One running system for all tests of faults: starting it takes longer than most of them."""

from collections.abc import Iterator

import pytest
from tests.node_town import Crash, Town, town, until

from custodes.node.store import names

ENOUGH = 300_000
"""Bytes of a segment that certainly hold several fragments."""


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Two virtual cameras, recorder, masker, log, witness, web, custodians and a requester."""
    with town(tmp_path_factory.mktemp("town") / "D") as found:
        yield found


@pytest.fixture(scope="session")
def crash(running: Town) -> Crash:
    """kill -9 in the middle of a period, then a period that is closed."""
    camera = running.system.cameras[0]
    until(lambda: running.segments(camera), "the camera is recorded")
    count = len(running.segments(camera))

    def growing(path_number: int, least: int) -> bool:
        found = running.segments(camera)
        return len(found) > path_number and found[path_number].stat().st_size > least

    # Killed in a period that is young, so that it is this one and not its successor that is torn.
    until(lambda: growing(count, ENOUGH) or growing(count - 1, ENOUGH), "the segment grows")
    torn = running.segments(camera)[-1]
    written = torn.stat().st_size
    until(lambda: torn.stat().st_size > written + ENOUGH or len(running.segments(camera)) > count, "it goes on growing")
    torn = running.segments(camera)[-1]
    count = len(running.segments(camera))
    running.kill_shards()
    until(lambda: growing(count, 2 * ENOUGH), "recording begins again")
    after = running.segments(camera)[count]
    process = running.child("recorder").process
    assert process is not None
    process.terminate()
    until(lambda: len(running.segments(camera)) > count + 1, "recording begins a third time")
    store = running.root / "store"
    ids = [names.period_of(str(path.relative_to(store))) for path in (torn, after)]
    return Crash(camera, ids[0], ids[1], min(written, torn.stat().st_size))

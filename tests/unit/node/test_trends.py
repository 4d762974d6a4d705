# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is usual of a camera is learnt from what the recorder measures, and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.node_store import Node, node

from custodes.clock import SECOND
from custodes.domain.ids import CameraId
from custodes.node.queries.health import LEARNT
from custodes.node.runtime.trends import Trends
from custodes.node.store import tables


class Camera:
    """A camera on which the recorder reports every ten seconds."""

    def __init__(self, here: Node) -> None:
        self.here, self.id, self.trends = here, here.camera(), Trends(here.store)

    def report(self, times: int, **values: object) -> sa.Row:
        for _ in range(times):
            self.here.clock.advance(10 * SECOND)
            row = dict.fromkeys((c.name for c in tables.camera_health.c if c.name != "camera"), 0)
            row |= {"at": self.here.clock.now(), "since": 1, "codec": "h264", "width": 1920, "height": 1080}
            row |= {"pictures_per_s": 25_000, "bits_per_s": 4_000_000, **values}
            with self.here.store.begin() as connection:
                tables.upsert(connection, tables.camera_health, {"camera": self.id}, row)
            self.trends.update()
            self.trends.update()
        return self.here.store.read(sa.select(tables.camera_trends))[0]


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[Camera]:
    with node(tmp_path) as here:
        yield Camera(here)


def test_each_measurement_counts_once_and_the_first_ones_make_a_mean(camera: Camera) -> None:
    camera.report(15, pictures_per_s=20_000)
    row = camera.report(15, pictures_per_s=30_000)
    assert row.samples == LEARNT == 30
    assert abs(row.pictures_per_s - 25_000) <= 30
    assert row.bits_per_s == 4_000_000
    assert CameraId(row.camera) == camera.id


def test_a_fall_is_remembered_for_hours_and_a_rise_learnt_within_some(camera: Camera) -> None:
    camera.report(40)
    assert camera.report(360, pictures_per_s=5_000).pictures_per_s > 5_000 / 0.6
    risen = camera.report(360, pictures_per_s=50_000)
    assert risen.pictures_per_s > 49_000


def test_another_stream_is_learnt_anew_and_silence_teaches_nothing(camera: Camera) -> None:
    camera.report(40)
    quiet = camera.report(10, pictures_per_s=0, bits_per_s=0)
    assert (quiet.samples, quiet.pictures_per_s) == (40, 25_000)
    changed = camera.report(1, width=1280, pictures_per_s=10_000)
    assert (changed.samples, changed.pictures_per_s) == (1, 10_000)


def test_losses_are_those_of_five_minutes_and_a_counter_that_begins_anew_has_lost_nothing(camera: Camera) -> None:
    camera.report(3, lost=7)
    assert camera.report(1, lost=90).lost_lately == 83
    assert camera.report(29, lost=90).lost_lately == 83
    assert camera.report(2, lost=90).lost_lately == 0
    assert camera.report(1, lost=3).lost_lately == 0
    assert camera.report(1, lost=5).lost_lately == 2
    assert camera.report(1, connections=1).connections_lately == 1
    assert camera.report(1, connections=4).connections_lately == 4

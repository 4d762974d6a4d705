# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the masker process writes of a camera's view: changes at once, a sign of life every ten seconds."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from tests.mask_rig import HEIGHT, WIDTH, Rig
from tests.node_store import Node, node

from custodes.clock import SECOND, Instant
from custodes.domain.ids import CameraId
from custodes.domain.video import Cover, Frame, SourceTime, Tamper
from custodes.node.runtime.bookkeeper import Bookkeeper
from custodes.node.runtime.viewwatch import ViewWatch
from custodes.node.store import tables


class Watched:
    """A masker's pictures, as the process hands them on."""

    def __init__(self, here: Node) -> None:
        self.here, self.camera, self.rig = here, here.camera(), Rig()
        self.books = Bookkeeper(here.store)
        self.view = ViewWatch(self.books, self.camera)
        self.rows = 0

    def show(self, luma: np.ndarray, seconds: int, *, reported: bool = False) -> "Watched":
        for _ in range(seconds):
            picture = self.rig.picture(luma, (118, 136))
            masked = self.rig.send(picture, after=SECOND)
            frame = Frame(WIDTH, HEIGHT, picture, self.rig.slot, SourceTime(1, 0))
            self.view.look(frame, masked, reported=reported)
        return self

    def row(self) -> sa.Row:
        self.books.close()
        self.books = Bookkeeper(self.here.store)
        self.view._books = self.books
        rows = tables.tamper_states
        return self.here.store.read(sa.select(rows).where(rows.c.camera == self.camera))[0]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with node(tmp_path) as here:
        found = Watched(here)
        yield found
        found.books.close()


def test_what_the_camera_says_of_tampering_is_reported_until_it_takes_it_back(watched: Watched) -> None:
    watched.show(watched.rig.empty, 1, reported=True)
    assert watched.row().tamper == Tamper.REPORTED.name
    watched.show(watched.rig.empty, 1)
    assert watched.row().tamper == ""


def test_the_first_picture_is_reported_and_then_one_in_ten_seconds(watched: Watched) -> None:
    watched.show(watched.rig.empty, 1)
    first = watched.row()
    assert (first.at, first.tamper, first.cover) == (watched.rig.slot, "", Cover.NOT_CERTIFIED.name)
    watched.show(watched.rig.empty, 9)
    assert watched.row().at == first.at
    watched.show(watched.rig.empty, 1)
    assert watched.row().at == first.at + 10 * SECOND


def test_a_lens_that_is_covered_is_reported_with_its_beginning_and_forgiven_by_the_steward(watched: Watched) -> None:
    watched.show(watched.rig.empty, 90)
    before = watched.rig.slot
    watched.show(np.full((HEIGHT, WIDTH), 130, np.uint8), 40)
    row = watched.row()
    assert row.tamper == Tamper.COVERED.name
    assert before < row.since < watched.rig.slot
    watched.view.accept()
    watched.show(np.full((HEIGHT, WIDTH), 130, np.uint8), 2)
    assert watched.row().tamper == ""


def test_where_there_is_no_picture_the_masker_is_heard_all_the_same(watched: Watched) -> None:
    watched.show(watched.rig.empty, 3)
    for _ in range(15):
        watched.view.look(None, watched.rig.send(None, after=SECOND))
    row = watched.row()
    assert row.cover == Cover.NO_SIGNAL.name
    assert watched.rig.slot - row.at < 10 * SECOND
    assert isinstance(row.camera, str)
    assert CameraId(row.camera) == watched.camera
    assert Instant(row.covered_since) < watched.rig.slot

# SPDX-License-Identifier: AGPL-3.0-or-later
"""Silhouettes between two looks of the detector, and how often it looks."""

import numpy as np
from numpy.typing import NDArray
from tests.mask_rig import Obedient, Rig

from custodes.video.mask.detector import Box, Kind
from custodes.video.mask.grid import Grid
from custodes.video.mask.reference import Change
from custodes.video.mask.silhouette import Silhouettes
from custodes.video.mask.tuning import Tuning

SOMEBODY = Box(Kind.PERSON, 0.9, 48, 32, 112, 64)


def faint(row: int, column: int, grid: Grid) -> Change:
    """A change in one block that is too faint to count by itself."""
    weak = np.zeros((2 * grid.rows, 2 * grid.columns), np.bool_)
    weak[2 * row, 2 * column] = True
    return Change(np.zeros_like(weak), weak)


def masked_after(pictures: int, row: int, column: int) -> NDArray[np.bool_]:
    """The blocks masked so many pictures after the detector has found somebody."""
    grid = Grid(160, 96)
    silhouettes = Silhouettes(grid, Tuning())
    silhouettes.found([SOMEBODY])
    everywhere, nowhere = np.ones(grid.shape, np.bool_), np.zeros(grid.shape, np.bool_)
    still = Change(*(np.zeros((2 * grid.rows, 2 * grid.columns), np.bool_) for _ in range(2)))
    for _ in range(pictures):
        silhouettes.mask(still, everywhere, nowhere)
    return silhouettes.mask(faint(row, column, grid), everywhere, nowhere).blocks


def test_a_faint_change_counts_where_somebody_was_found_and_nowhere_else() -> None:
    assert masked_after(0, 3, 4)[3, 4]
    assert not masked_after(0, 3, 8).any()


def test_somebody_found_two_pictures_ago_may_have_walked_on() -> None:
    assert masked_after(2, 3, 8)[3, 8]
    assert not masked_after(2, 3, 9).any()


def looks(rig: Rig, luma: NDArray[np.uint8], pictures: int) -> int:
    """How often the detector is asked during so many pictures."""
    before = rig.detector.calls
    rig.show(luma, pictures)
    return rig.detector.calls - before


def test_the_detector_looks_most_often_before_certification_and_least_where_nothing_happens() -> None:
    rig = Rig(Obedient())
    assert looks(rig, rig.empty, 60) == 30
    rig.show(rig.empty, 65)
    rig.masker.certify()
    rig.show(rig.empty, 10)
    assert looks(rig, rig.empty, 60) == 12
    busy = rig.with_block(40, 40, 72, 72)
    rig.show(busy, 10)
    assert looks(rig, busy, 60) == 20

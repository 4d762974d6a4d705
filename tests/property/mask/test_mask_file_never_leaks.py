# SPDX-License-Identifier: AGPL-3.0-or-later
"""Recorded files: whoever comes, moves, is found or leaves, no pixel of them is in the copy."""

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.file_rig import Film, Luma, luma_of, place

from custodes.video.mask.backdrop import Backdrop
from custodes.video.mask.detector import Box, Kind
from custodes.video.mask.grid import Planes
from custodes.video.mask.light import BLACK, Lighting
from custodes.video.mask.palette import PERSON, VEHICLE
from custodes.video.mask.scaling import Scaling
from custodes.video.mask.silhouette import Mask

WIDTH, HEIGHT, COUNT = 160, 96, 115
EMPTY = place(WIDTH, HEIGHT)
BRIGHTEST = 205
"""Nothing of the empty place is brighter; visitors are."""
QUICK = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])

sides = st.tuples(st.integers(0, WIDTH - 24), st.integers(0, HEIGHT - 24), st.integers(20, 70), st.integers(20, 60))
visits = st.tuples(
    sides,
    st.integers(0, COUNT),  # when somebody comes,
    st.integers(1, COUNT),  # how long they stay
    st.tuples(st.integers(-3, 3), st.integers(-2, 2)),  # and how they move, in pixels a picture;
    st.integers(238, 255),  # how bright they are
    st.sampled_from([0.0, 0.3, 1.0]),  # and in which share of the pictures they are found
    st.sampled_from(Kind),
)


class Visits:
    """Draws visitors and finds some of them."""

    def __init__(self, planned: list[tuple[object, ...]]) -> None:
        # Whoever is there from the first to the last picture and never moves is out of reach, and said to be.
        self.planned = [
            visit for visit in planned if visit[3] != (0, 0) or visit[1] > 0 or visit[1] + visit[2] < COUNT - 1
        ]

    def _at(self, number: int) -> list[tuple[int, int, int, int, int, float, Kind]]:
        found = []
        for (left, top, wide, high), begin, stay, (right, down), luma, share, kind in self.planned:
            if begin <= number < begin + stay:
                x = int(np.clip(left + right * (number - begin), 0, WIDTH - 8))
                y = int(np.clip(top + down * (number - begin), 0, HEIGHT - 8))
                found.append((x, y, min(x + wide, WIDTH), min(y + high, HEIGHT), luma, share, kind))
        return found

    def draw(self, number: int) -> Luma:
        picture = EMPTY.copy()
        for left, top, right, bottom, luma, *_ in self._at(number):
            picture[top:bottom, left:right] = luma
        return picture

    def found(self, number: int) -> list[Box]:
        return [
            Box(kind, 0.8, left, top, right, bottom)
            for left, top, right, bottom, _, share, kind in self._at(number)
            if number % 10 < 10 * share
        ]


@QUICK
@given(st.lists(visits, max_size=3))
def test_nothing_of_anybody_who_came_or_moved_or_left_is_in_the_copy(planned: list[tuple[object, ...]]) -> None:
    visits = Visits(planned)
    served = Film(WIDTH, HEIGHT, COUNT, visits.draw, visits.found).masked()
    assert [frame.source.ticks for frame in served if frame.source] == list(range(COUNT))
    for frame in served:
        assert luma_of(frame).max() <= BRIGHTEST + 12


@settings(max_examples=60, deadline=None)
@given(st.integers(8, 1000), st.integers(8, 500), st.integers(0, 3), st.integers(0, 2**32 - 1), st.floats(-0.9, 0.9))
def test_masked_blocks_show_their_constant_colour_to_the_last_pixel_and_all_else_is_the_scene(
    half_width: int, half_height: int, turns: int, seed: int, level: float
) -> None:
    """At any size, turn and light. What is painted without a mask is the scene; a mask changes nothing beside it."""
    width, height = 2 * half_width, 2 * half_height
    assume(min(width, height) >= 16)
    dice = np.random.default_rng(seed)
    scaling = Scaling(width, height, turns)
    stored = Planes(
        *(dice.integers(30, 60, shape, np.uint8) for shape in ((height, width), *[(height // 2, width // 2)] * 2))
    )
    backdrop, grid = Backdrop(stored, scaling.small(stored), scaling), scaling.grid
    curve = np.maximum(np.arange(256, dtype=np.float32) - BLACK, 0) * np.float32(np.exp(level))
    even, none = np.ones(grid.shape, np.float32), np.zeros(grid.shape, np.float32)
    light = Lighting(curve, even, none, none)
    blocks = dice.random(grid.shape) < 0.4
    vehicles = blocks & (dice.random(grid.shape) < 0.3)
    bare = scaling.planes(backdrop.paint(Mask(blocks & False, blocks & False), light, 0))
    shown = scaling.planes(backdrop.paint(Mask(blocks, vehicles), light, 0))
    for index, (plane, empty) in enumerate(zip(shown, bare, strict=True)):
        masked, petrol = (scaling.stored(each)[min(index, 1)] > 0 for each in (blocks, vehicles))
        assert (plane[petrol] == VEHICLE[index]).all()
        assert (plane[masked & ~petrol] == PERSON[index]).all()
        assert (plane[~masked] == empty[~masked]).all()
    expected = np.clip((stored.y.astype(np.float32) - BLACK) * np.float32(np.exp(level)) + BLACK, 0, 255)
    assert abs(bare.y - expected).max() < 1
    # Every block is somewhere, as large as its share of the picture, and upright where the picture is turned.
    whole = scaling.stored(np.ones(grid.shape, np.bool_))[0]
    assert whole.all()
    corner = np.zeros(grid.shape, np.bool_)
    corner[0, 0] = True
    assert np.rot90(scaling.stored(corner)[0], turns)[0, 0]

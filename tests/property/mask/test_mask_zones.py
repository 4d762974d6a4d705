# SPDX-License-Identifier: AGPL-3.0-or-later
"""Nothing behind a privacy zone gets out, whatever is sent, in whatever order, and whatever fails."""

import hashlib

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.mask_rig import HEIGHT, WIDTH, Obedient, Rig
from tests.property.mask.test_mask_never_leaks import Story, events

from custodes.domain.video import Frame, MaskedFrame
from custodes.domain.zones import UNIT, Zone, problem_of
from custodes.errors import CustodesError
from custodes.video.mask import kept, palette
from custodes.video.mask.detector import Box
from custodes.video.mask.grid import Grid

QUICK = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
corners = st.tuples(st.integers(0, UNIT), st.integers(0, UNIT))
boxes = st.builds(lambda a, b: ((a[0], a[1]), (b[0], a[1]), (b[0], b[1]), (a[0], b[1])), corners, corners)
polygons = st.one_of(st.lists(corners, min_size=3, max_size=4).map(tuple), boxes).filter(
    lambda one: not problem_of((one,))
)
zones = st.lists(polygons, min_size=1, max_size=3).map(tuple)


def inside(found: tuple[Zone, ...]) -> NDArray[np.bool_]:
    """Luma pixels (height x width) whose centre lies in a zone: even-odd rule, in shares of the picture."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    x, y = (x + 0.5) / WIDTH * UNIT, (y + 0.5) / HEIGHT * UNIT
    covered = np.zeros((HEIGHT, WIDTH), np.bool_)
    for zone in found:
        odd = np.zeros((HEIGHT, WIDTH), np.bool_)
        for (ax, ay), (bx, by) in zip(zone, (*zone[1:], zone[0]), strict=True):
            if ay != by:
                odd ^= ((ay > y) != (by > y)) & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
        covered |= odd
    return covered


class Watched(Obedient):
    """Notes every picture that the detector was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []

    def detect(self, frame: Frame) -> list[Box]:
        self.shown.append(hashlib.sha256(frame.i420).hexdigest())
        return super().detect(frame)


class Zoned(Rig):
    """A rig whose camera sends something else behind the zones: noise of another seed in every picture."""

    def __init__(self, found: tuple[Zone, ...], seed: int | None) -> None:
        self.watched = Watched()
        super().__init__(self.watched, zones=found)
        self._behind = np.flatnonzero(inside(found))
        self._noise = None if seed is None else np.random.default_rng(seed)

    def picture(self, luma: NDArray[np.uint8], chroma: tuple[int, int] = (128, 128)) -> bytes:
        data = np.frombuffer(super().picture(luma, chroma), np.uint8).copy()
        if self._noise is not None:
            data[self._behind] = self._noise.integers(0, 256, self._behind.size, np.uint8)
        return data.tobytes()


def everything(rig: Zoned, story: list[tuple[object, ...]]) -> list[object]:
    """All that comes out: pictures, stills, the reference that is kept, what the detector was shown."""
    out: list[object] = []
    rig.show(rig.empty, 30, after=800_000_000)
    for certify in (False, True):
        if certify:
            try:
                rig.masker.certify()
            except CustodesError as problem:
                out.append(problem.message)
        play = Story(rig)
        out += [served for event in story if (served := play.play(event)) is not None]
        try:
            out.append(rig.masker.candidate())
        except CustodesError as problem:
            out.append(problem.message)
        reference = rig.masker.keep()
        if reference is not None:
            for found in kept.decode(reference, Grid(WIDTH, HEIGHT)).values():
                planes = (*found.still.planes, *found.texture, *found.spread, found.still.known)
                out.append([plane.tobytes() for plane in planes])
    return [*out, rig.watched.shown]


@QUICK
@given(zones, events, st.integers(0, 2**32 - 1))
def test_no_pixel_in_a_zone_depends_on_what_the_camera_sent(
    found: tuple[Zone, ...], story: list[tuple[object, ...]], seed: int
) -> None:
    assume(inside(found).any())
    assert everything(Zoned(found, None), story) == everything(Zoned(found, seed), story)


@QUICK
@given(zones, events)
def test_every_pixel_in_a_zone_has_its_colour_in_every_picture_and_still(
    found: tuple[Zone, ...], story: list[tuple[object, ...]]
) -> None:
    behind = inside(found)
    half = behind.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).any((1, 3))
    luma, chroma = WIDTH * HEIGHT, WIDTH * HEIGHT // 4
    for served in everything(Zoned(found, 1), story):
        if not isinstance(served, MaskedFrame):
            continue
        flat = np.frombuffer(served.i420, np.uint8)
        planes = (flat[:luma], flat[luma : luma + chroma], flat[luma + chroma :])
        covered = all((plane == value).all() for plane, value in zip(planes, palette.COVER, strict=True))
        for plane, value, mask in zip(planes, palette.ZONE, (behind, half, half), strict=True):
            assert covered or (plane[mask.ravel()] == value).all()

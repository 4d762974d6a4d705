# SPDX-License-Identifier: AGPL-3.0-or-later
"""No input, order of events or failure lets a person's pixel out."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.mask_rig import HEIGHT, WIDTH, Rig, luma_of

from custodes.clock import MILLISECOND, SECOND, Instant
from custodes.domain.video import Cover, Frame, MaskedFrame, SourceTime
from custodes.errors import CustodesError
from custodes.video.mask import palette
from custodes.video.mask.detector import Box, Kind
from custodes.video.mask.palette import mask_pixels

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
COVERED = (
    bytes([palette.COVER.y]) * (WIDTH * HEIGHT)
    + bytes([palette.COVER.u]) * (WIDTH * HEIGHT // 4)
    + bytes([palette.COVER.v]) * (WIDTH * HEIGHT // 4)
)

sides = st.tuples(st.integers(0, WIDTH - 4), st.integers(0, HEIGHT - 4), st.integers(4, 70), st.integers(4, 60))
figures = st.lists(st.tuples(sides, st.integers(16, 235)), max_size=3)


def box(kind: Kind, side: tuple[int, int, int, int]) -> Box:
    left, top, wide, high = side
    return Box(kind, 0.8, left, top, min(left + wide, WIDTH), min(top + high, HEIGHT))


boxes = st.lists(st.builds(box, st.sampled_from(Kind), sides), max_size=2)
steps = st.sampled_from([0, 40, 200, 200, 200, 1000, 6000, 40_000, -500, -100_000])
events = st.lists(
    st.one_of(
        st.tuples(st.just("frame"), figures, boxes, steps, st.sampled_from([0, 0, 0, 300, 2000, -2000])),
        st.tuples(st.just("nothing"), steps),
        st.tuples(st.just("damaged"), st.integers(0, 40_000), steps),
        st.tuples(st.just("detector"), st.booleans()),
        st.tuples(st.just("dark"), st.floats(0.1, 1.5), steps),
        st.tuples(st.just("shifted"), st.integers(-20, 20), steps),
        st.tuples(st.just("still")),
    ),
    min_size=1,
    max_size=40,
)


class Story:
    """Plays events to a masker and keeps what the camera last saw."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.seen = rig.empty

    def play(self, event: tuple[object, ...]) -> MaskedFrame | None:
        match event:
            case ("frame", list(drawn), list(found), int(step), int(late)):
                self.rig.detector.boxes = found
                return self._send(self._drawn(drawn), step, late)
            case ("nothing", int(step)):
                return self.rig.send(None, after=step * MILLISECOND)
            case ("damaged", int(size), int(step)):
                return self.rig.send(bytes([200]) * size, after=step * MILLISECOND)
            case ("detector", bool(works)):
                self.rig.detector.problem = None if works else RuntimeError("broken")
            case ("dark", float(light), int(step)):
                dark = np.clip((self.rig.empty.astype(float) - 16) * light + 16, 16, 235).astype(np.uint8)
                return self._send(dark, step, 0)
            case ("shifted", int(pixels), int(step)):
                return self._send(np.roll(self.rig.empty, pixels, axis=1), step, 0)
            case ("still",):
                try:
                    self.rig.masker.candidate()
                except CustodesError:
                    assert self.rig.detector.problem is not None
        return None

    def _drawn(self, drawn: list[tuple[tuple[int, int, int, int], int]]) -> np.ndarray:
        picture = self.rig.empty.copy()
        for (left, top, wide, high), luma in drawn:
            picture[top : top + high, left : left + wide] = luma
        return picture

    def _send(self, picture: np.ndarray, step: int, late: int) -> MaskedFrame:
        self.seen = picture
        return self.rig.send(self.rig.picture(picture), late=late * MILLISECOND, after=step * MILLISECOND)


@QUICK
@given(events)
def test_before_certification_every_picture_is_the_cover(story: list[tuple[object, ...]]) -> None:
    play = Story(Rig())
    for event in story:
        served = play.play(event)
        if served is not None:
            assert served.cover is not None
            assert served.i420 == COVERED


@QUICK
@given(events)
def test_after_certification_no_pixel_is_nearer_to_a_person_than_to_the_empty_scene(
    story: list[tuple[object, ...]],
) -> None:
    rig = Rig().certified()
    play = Story(rig)
    for event in story:
        served = play.play(event)
        if served is None:
            continue
        assert (served.cover is None) == (served.i420 != COVERED)
        if served.cover is None and event[0] == "frame":
            shown, empty, seen = (a.astype(int) for a in (luma_of(served), rig.empty, play.seen))
            leaked = (abs(seen - empty) > 12) & (abs(shown - seen) < abs(shown - empty))
            # Light before the story may have left the reference off by some steps; then nearness is judged beyond them.
            leaked &= (abs(shown - empty) > 12) & ~mask_pixels(served.i420, WIDTH, HEIGHT)
            assert not leaked.any()


@QUICK
@given(st.lists(sides, max_size=2), st.integers(0, 2**32 - 1))
def test_two_people_who_differ_only_under_the_mask_yield_the_same_picture_but_for_its_brightness(
    places: list[tuple[int, int, int, int]], seed: int
) -> None:
    """The gain of the whole picture is a median over all blocks: one number, and the only one they can move."""
    played = []
    for other in (False, True):
        rig = Rig().certified()
        picture = rig.empty.copy()
        for left, top, wide, high in places:
            picture[top : top + min(high, 32), left : left + min(wide, 32)] = 20
        if other:
            changed = picture != rig.empty
            picture[changed] = np.random.default_rng(seed).integers(0, 40, picture.shape, np.uint8)[changed]
        played.append(rig.send(rig.picture(picture)))
    one, two = played
    assert (one.cover, two.cover) == (None, None)
    free = ~(mask_pixels(one.i420, WIDTH, HEIGHT) | mask_pixels(two.i420, WIDTH, HEIGHT))
    first, second = (luma_of(each)[free].astype(float) - 16 for each in played)
    gain = float(np.median(second / np.maximum(first, 1))) if free.any() else 1.0
    assert abs(gain - 1) < 0.06
    assert (abs(second - gain * first) <= 2).all()


@QUICK
@given(events, st.integers(0, WIDTH - 12), st.integers(0, HEIGHT - 32))
def test_someone_standing_is_masked_after_whatever_happened_as_before(
    story: list[tuple[object, ...]], left: int, top: int
) -> None:
    rig = Rig().certified()
    play = Story(rig)
    for event in story:
        play.play(event)
    rig.detector.problem = None
    rig.detector.boxes = []
    rig.show(rig.empty, 25)
    standing = rig.with_block(left, top, left + 12, top + 32, luma=16)
    served = rig.show(standing)
    assert served.cover is not None or mask_pixels(served.i420, WIDTH, HEIGHT)[top : top + 32, left : left + 12].all()
    again = rig.show(standing, 60, after=5 * SECOND)
    assert again.cover is not None or mask_pixels(again.i420, WIDTH, HEIGHT)[top : top + 32, left : left + 12].all()


@given(st.binary(max_size=4000), st.integers(-(2**62), 2**62), st.integers(-(2**62), 2**62))
def test_arbitrary_bytes_and_times_never_raise(data: bytes, slot: int, received: int) -> None:
    rig = Rig()
    for _ in range(3):
        frame = Frame(WIDTH, HEIGHT, data, Instant(received), SourceTime(1, 0))
        assert rig.masker.observe(frame, Instant(slot)).cover is Cover.MASKER_FAILED

# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is shown before the steward has looked: nothing, and what was long still where that is permitted."""

import numpy as np
import pytest
from tests.mask_rig import HEIGHT, WIDTH, Obedient, Rig, luma_of, masked, scene

from custodes.clock import MILLISECOND, SECOND, Instant
from custodes.domain.video import Cover, Frame, MaskedFrame, SourceTime
from custodes.video.mask.detector import Box, Kind
from custodes.video.mask.firststart import FirstStart, placed
from custodes.video.mask.grid import Grid
from custodes.video.mask.tuning import Tuning

MINUTES = 60
LEARNT = 25
"""Seconds until there is a candidate, and a few more."""
FIRST = Tuning().first_time // SECOND
SPOT = (70, 30, 82, 62)


class Partly(Obedient):
    """Finds somebody only in parts of a picture that hold the middle of the spot; in the part's own coordinates."""

    def detect(self, frame: Frame) -> list[Box]:
        super().detect(frame)
        if frame.width == WIDTH:
            return []
        luma = np.frombuffer(frame.i420, np.uint8)[: frame.width * frame.height].reshape(frame.height, frame.width)
        rows, columns = np.nonzero(luma < 30)
        if not len(rows):
            return []
        return [Box(Kind.PERSON, 0.3, columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)]


def permitted(detector: Obedient | None = None) -> Rig:
    return Rig(detector, show_unconfirmed=True)


def shown_at(served: MaskedFrame, left: int, top: int, right: int, bottom: int) -> bool:
    return served.cover is None and not masked(served)[top:bottom, left:right].any()


def test_without_permission_nothing_is_shown_however_long_nothing_changes() -> None:
    rig = Rig()
    assert {rig.show(rig.empty, after=SECOND).cover for _ in range(3 * FIRST)} == {Cover.NOT_CERTIFIED}


def test_with_permission_what_was_still_for_ten_minutes_is_shown_as_not_confirmed() -> None:
    rig = permitted()
    pictures = [rig.show(rig.empty, after=SECOND) for _ in range(FIRST + 2 * LEARNT)]
    assert {each.cover for each in pictures[:FIRST]} == {Cover.NOT_CERTIFIED}
    last = pictures[-1]
    assert (last.cover, last.confirmed, last.masked_share) == (None, False, 0)
    assert np.abs(luma_of(last).astype(int) - rig.empty).max() <= 6
    assert rig.send(None).confirmed is False


def test_where_somebody_keeps_passing_it_stays_masked_while_the_rest_is_shown() -> None:
    rig = permitted()
    for second in range(3 * FIRST):
        passing = second % (5 * MINUTES) < 3
        served = rig.show(rig.with_block(*SPOT) if passing else rig.empty, after=SECOND)
        assert not shown_at(served, *SPOT)
    assert shown_at(served, 0, 0, 32, HEIGHT)


def test_where_somebody_is_found_now_and_then_it_stays_masked_though_nothing_differs() -> None:
    rig = permitted()
    for second in range(3 * FIRST):
        rig.detector.boxes = [Box(Kind.PERSON, 0.3, 70, 30, 82, 62)] if second % (4 * MINUTES) < 8 else []
        served = rig.show(rig.empty, after=SECOND)
        assert not shown_at(served, *SPOT)
    assert served.cover is None


def test_who_comes_into_what_is_shown_is_masked_for_hours_and_gone_when_gone() -> None:
    rig = permitted()
    rig.show(rig.empty, FIRST + 2 * LEARNT, after=SECOND)
    standing = rig.with_block(*SPOT)
    left, top, right, bottom = SPOT
    for _ in range(12 * 60):
        assert masked(rig.show(standing, after=10 * SECOND))[top:bottom, left:right].all()
    last = rig.show(rig.empty, 10)
    assert not masked(last).any()
    assert np.abs(luma_of(last).astype(int) - rig.empty).max() <= 6


def test_who_was_there_from_the_beginning_and_leaves_is_never_shown_and_the_ground_is_later() -> None:
    rig = permitted()
    standing = rig.with_block(*SPOT)
    for second in range(3 * FIRST):
        served = rig.show(standing if second < FIRST // 2 else rig.empty, after=SECOND)
        if second < FIRST // 2 + FIRST:
            assert not shown_at(served, *SPOT)
    assert served.masked_share == 0
    assert np.abs(luma_of(served).astype(int) - rig.empty).max() <= 6


def test_who_is_found_only_enlarged_is_not_shown() -> None:
    rig = permitted(Partly())
    sleeping = rig.with_block(*SPOT)
    for _ in range(2 * FIRST):
        served = rig.show(sleeping, after=SECOND)
        assert not shown_at(served, *SPOT)
    assert shown_at(served, 0, 0, 32, HEIGHT)


def test_the_known_limit_who_never_moves_and_is_never_found_is_shown_until_the_steward_looks() -> None:
    rig = permitted()
    sleeping = rig.with_block(*SPOT)
    served = rig.show(sleeping, FIRST + 2 * LEARNT, after=SECOND)
    assert shown_at(served, *SPOT)
    assert not served.confirmed
    # What keeps it small: one movement in ten minutes.
    rig = permitted()
    for second in range(3 * FIRST):
        turned = rig.with_block(72, 32, 84, 64) if second // (8 * MINUTES) % 2 else sleeping
        assert not shown_at(rig.show(turned, after=SECOND), *SPOT)


def test_a_certified_reference_takes_the_place_of_what_nobody_confirmed() -> None:
    rig = permitted()
    rig.show(rig.with_block(*SPOT), FIRST + 2 * LEARNT, after=SECOND)
    rig.detector.boxes = [Box(Kind.PERSON, 0.9, 66, 28, 86, 64)]
    still = rig.masker.candidate()
    assert still is not None
    rig.masker.certify()
    rig.detector.boxes = []
    served = rig.show(rig.with_block(*SPOT), 10)
    assert served.confirmed
    assert not shown_at(served, *SPOT)
    assert shown_at(served, 0, 0, 48, HEIGHT)


def test_time_without_pictures_and_with_a_broken_detector_does_not_count() -> None:
    rig = permitted()
    rig.show(rig.empty, LEARNT, after=SECOND)
    for _ in range(FIRST):
        rig.send(None, after=SECOND)
    rig.detector.problem = RuntimeError("no memory")
    assert {rig.show(rig.empty, after=SECOND).cover for _ in range(FIRST)} >= {Cover.DETECTOR_FAILED}
    rig.detector.problem = None
    assert rig.show(rig.empty, FIRST // 2, after=SECOND).cover is Cover.NOT_CERTIFIED
    assert rig.show(rig.empty, 60, after=10 * SECOND).cover is Cover.NOT_CERTIFIED
    assert rig.show(rig.empty, FIRST // 2, after=SECOND).cover is None


def test_a_camera_that_is_turned_begins_anew() -> None:
    rig = permitted()
    rig.show(rig.empty, FIRST + 2 * LEARNT, after=SECOND)
    rig.empty = scene(seed=11)
    pictures = [rig.show(rig.empty, after=SECOND) for _ in range(FIRST + 4 * LEARNT)]
    assert pictures[0].cover is Cover.CAMERA_MOVED
    assert all(each.cover is not None for each in pictures[:FIRST])
    assert pictures[-1].cover is None
    assert np.abs(luma_of(pictures[-1]).astype(int) - rig.empty).max() <= 6


def test_what_nobody_confirmed_is_not_kept_for_a_restart() -> None:
    rig = permitted()
    rig.show(rig.empty, FIRST + 2 * LEARNT, after=SECOND)
    assert rig.masker.keep() is None


@pytest.mark.parametrize(("width", "height"), [(640, 360), (160, 96), (18, 16), (1922, 1080)])
def test_the_parts_that_are_looked_at_enlarged_are_the_whole_picture(width: int, height: int) -> None:
    first = FirstStart(Grid(width, height), Tuning())
    dice = np.random.default_rng(5)
    i420 = dice.integers(0, 256, width * height * 3 // 2, np.uint8).tobytes()
    whole = np.frombuffer(i420, np.uint8)[: width * height].reshape(height, width)
    seen = np.zeros((height, width), np.bool_)
    for _ in range(6):
        part, left, top = first.next_part(Frame(width, height, i420, Instant(0), SourceTime(1, 0)))
        luma = np.frombuffer(part.i420, np.uint8)[: part.width * part.height].reshape(part.height, part.width)
        assert len(part.i420) == part.width * part.height * 3 // 2
        assert (luma == whole[top : top + part.height, left : left + part.width]).all()
        seen[top : top + part.height, left : left + part.width] = True
        box = placed([Box(Kind.PERSON, 0.5, 0, 0, part.width, part.height)], left, top)[0]
        assert (box.left, box.top, box.right, box.bottom) == (left, top, left + part.width, top + part.height)
    assert seen.all()


def test_a_camera_of_two_pictures_a_second_counts_as_long() -> None:
    rig = permitted()
    pictures = [rig.show(rig.empty, after=500 * MILLISECOND) for _ in range(2 * (FIRST + 2 * LEARNT))]
    assert {each.cover for each in pictures[: 2 * FIRST]} == {Cover.NOT_CERTIFIED}
    assert pictures[-1].cover is None

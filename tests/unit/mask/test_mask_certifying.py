# SPDX-License-Identifier: AGPL-3.0-or-later
"""Certifying again: what has changed is outlined for the steward, and whoever was found there is never taken."""

import cv2
import numpy as np
import pytest
from tests.mask_rig import BEGIN, HEIGHT, SLOT, WIDTH, Obedient, Rig, luma_of, masked, outlined, scene

from custodes.clock import SECOND, Instant
from custodes.domain.video import Cover, Frame, MaskedFrame, SourceTime
from custodes.errors import CustodesError, Kind
from custodes.video.mask.detector import Box
from custodes.video.mask.detector import Kind as Found
from custodes.video.mask.masker import Masker

SOMEBODY = Box(Found.PERSON, 0.9, 64, 28, 88, 64)
STANDING = (70, 30, 82, 62)


class Closer(Obedient):
    """Finds somebody only in a picture that is smaller than the whole."""

    def detect(self, frame: Frame) -> list[Box]:
        found = super().detect(frame)
        return found if frame.width < WIDTH else []


def still_of(rig: Rig) -> MaskedFrame:
    still = rig.masker.candidate()
    assert still is not None
    assert still.cover is Cover.NOT_CERTIFIED
    return still


def hidden(frame: MaskedFrame, left: int, top: int, right: int, bottom: int) -> bool:
    return bool(masked(frame)[top:bottom, left:right].all())


def near_empty(rig: Rig, frame: MaskedFrame, left: int, top: int, right: int, bottom: int) -> bool:
    difference = luma_of(frame).astype(int) - rig.empty
    return bool(np.abs(difference[top:bottom, left:right]).max() <= 8)


def test_whoever_stands_twelve_hours_unfound_is_never_shown_and_is_outlined_for_the_steward() -> None:
    rig = Rig().certified()
    standing = rig.with_block(*STANDING)
    for _ in range(12 * 360):
        assert hidden(rig.show(standing, after=10 * SECOND), *STANDING)
    marks = outlined(still_of(rig))
    rows, columns = np.flatnonzero(marks.any(1)), np.flatnonzero(marks.any(0))
    assert rows[0] <= STANDING[1] < STANDING[3] <= rows[-1] + 1
    assert columns[0] <= STANDING[0] < STANDING[2] <= columns[-1] + 1
    # Nothing else is: the steward looks exactly there.
    assert rows[0] >= STANDING[1] - 32
    assert columns[0] >= STANDING[0] - 32
    assert rows[-1] < STANDING[3] + 32
    assert columns[-1] < STANDING[2] + 32


def test_whoever_is_found_while_standing_is_hidden_in_the_still_and_the_old_picture_stays() -> None:
    rig = Rig().certified()
    rig.detector.boxes = [SOMEBODY]
    standing = rig.with_block(*STANDING)
    rig.show(standing, 900)
    rig.masker.certify()
    assert hidden(rig.show(standing, 5), *STANDING)
    rig.detector.boxes = []
    shown = rig.show(rig.empty, 15)
    assert shown.masked_share == 0
    assert near_empty(rig, shown, 0, 0, WIDTH, HEIGHT)


def test_whoever_is_found_only_now_and_then_is_not_taken_either() -> None:
    rig = Rig().certified()
    standing = rig.with_block(*STANDING)
    for _ in range(10):
        rig.detector.boxes = []
        rig.show(standing, 150)
        rig.detector.boxes = [SOMEBODY]
        rig.show(standing, 6)
    rig.detector.boxes = []
    rig.show(standing, 10)
    still = still_of(rig)
    assert hidden(still, *STANDING)
    assert not outlined(still).any()
    rig.masker.certify()
    assert hidden(rig.show(standing, 30), *STANDING)
    assert near_empty(rig, rig.show(rig.empty, 15), 0, 0, WIDTH, HEIGHT)


def test_a_change_in_which_somebody_is_found_is_hidden_as_a_whole_and_taken_when_nobody_is_there_any_more() -> None:
    rig = Rig().certified()
    lorry = rig.with_block(40, 30, 120, 70, luma=60)
    rig.detector.boxes = [Box(Found.PERSON, 0.9, 48, 34, 56, 60)]
    rig.show(lorry, 50)
    rig.detector.boxes = []
    rig.show(lorry, 300)
    assert hidden(still_of(rig), 40, 30, 120, 70)
    rig.masker.certify()
    assert hidden(rig.show(lorry, 10), 40, 30, 120, 70)
    rig.show(lorry, 500)
    assert outlined(still_of(rig)).any()
    rig.masker.certify()
    shown = rig.show(lorry, 10)
    assert shown.masked_share == 0
    assert np.abs(luma_of(shown).astype(int) - lorry).mean() < 3


def test_passers_by_change_nothing_in_the_still_nor_in_what_is_certified() -> None:
    rig = Rig().certified()
    for number in range(600):
        left = (number * 3) % (WIDTH - 10)
        rig.detector.boxes = [Box(Found.PERSON, 0.9, left - 2, 28, left + 12, 62)] if number % 3 else []
        rig.show(rig.with_block(left, 30, left + 10, 60))
    still = still_of(rig)
    assert not outlined(still).any()
    assert near_empty(rig, still, 0, 0, WIDTH, HEIGHT)
    rig.masker.certify()
    rig.detector.boxes = []
    assert near_empty(rig, rig.show(rig.empty, 15), 0, 0, WIDTH, HEIGHT)


def test_what_is_not_outlined_looks_after_certifying_as_it_looked_before() -> None:
    rig = Rig().certified()
    bench = rig.with_block(96, 50, 126, 64, luma=50)
    before = rig.show(rig.empty, 15)
    rig.show(bench, 700)
    marks = cv2.dilate(outlined(still_of(rig)).astype(np.uint8), np.ones((65, 65), np.uint8)) > 0
    assert 0 < marks.mean() < 0.8
    rig.masker.certify()
    after = rig.show(bench, 15)
    assert after.masked_share == 0
    assert np.abs(luma_of(after).astype(int) - luma_of(before))[~marks].max() <= 6


def test_somebody_whom_only_a_closer_look_finds_is_hidden_in_the_still() -> None:
    detector = Closer()
    rig = Rig(detector).certified()
    standing = rig.with_block(*STANDING)
    rig.show(standing, 700)
    assert outlined(still_of(rig)).any()
    rig.show(standing, 2, after=10 * SECOND)
    detector.boxes = [Box(Found.PERSON, 0.4, 30, 30, 60, 60)]
    rig.show(standing, 5, after=10 * SECOND)
    still = still_of(rig)
    assert hidden(still, *STANDING)
    rig.masker.certify()
    assert hidden(rig.show(standing, 10), *STANDING)


def test_more_changes_than_can_be_looked_at_one_by_one_are_not_taken() -> None:
    rig = Rig()
    rig.empty = np.tile(rig.empty, (2, 2))
    rig.masker = Masker(2 * WIDTH, 2 * HEIGHT, rig.detector)
    dice = np.random.default_rng(1)
    crowded = rig.empty.copy()
    for left, top in [(36 + 64 * column, 68 + 64 * row) for row in range(2) for column in range(5)][:9]:
        crowded[top : top + 12, left : left + 12] = 20
    crowded[8:12, 8:12] = 20  # the smallest
    for number in range(800):
        slot = Instant(BEGIN + number * SLOT)
        noisy = (crowded if number > 130 else rig.empty) + dice.normal(0, 1.5, crowded.shape)
        picture = np.clip(noisy, 0, 255).astype(np.uint8).tobytes() + bytes([128]) * (crowded.size // 2)
        shown = rig.masker.observe(Frame(2 * WIDTH, 2 * HEIGHT, picture, slot, SourceTime(1, 0)), slot)
        if number == 130:
            rig.masker.certify()
    still = still_of(rig)
    assert hidden(still, 8, 8, 12, 12)
    assert outlined(still)[48:96, 16:64].any()
    assert hidden(shown, 8, 8, 12, 12)


def test_a_detector_that_fails_when_looking_closer_leaves_everything_as_it_was() -> None:
    rig = Rig().certified()
    parked = rig.with_block(*STANDING)
    rig.show(parked, 700)
    rig.detector.problem = RuntimeError("no memory")
    for ask in (rig.masker.candidate, rig.masker.certify):
        with pytest.raises(CustodesError) as problem:
            ask()
        assert problem.value.kind is Kind.UNAVAILABLE
    rig.detector.problem = None
    assert hidden(rig.show(parked, 5), *STANDING)


def test_of_a_place_that_the_camera_no_longer_sees_nothing_is_kept_by_a_new_certification() -> None:
    rig = Rig().certified()
    elsewhere = scene(seed=11)
    rig.show(elsewhere, 300)
    rig.detector.boxes = [SOMEBODY]
    rig.masker.certify()
    shown = rig.show(elsewhere, 10)
    # Where somebody was found nothing is known, least of all what the old place showed there.
    assert hidden(shown, 64, 32, 88, 64)

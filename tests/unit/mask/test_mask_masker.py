# SPDX-License-Identifier: AGPL-3.0-or-later
"""The masker as a whole: what is shown, what is masked, and when everything is covered."""

import cv2
import numpy as np
import pytest
from tests.mask_rig import HEIGHT, SLOT, WIDTH, Obedient, Rig, luma_of, scene

from custodes.clock import SECOND, Instant
from custodes.domain.video import Cover, Frame, MaskedFrame, SourceTime
from custodes.errors import CustodesError, Kind
from custodes.video.mask import detector, palette
from custodes.video.mask.grid import Grid
from custodes.video.mask.kept import decode, encode
from custodes.video.mask.masker import MASKER, Masker
from custodes.video.mask.palette import mask_pixels
from custodes.video.mask.tuning import Tuning


def covered_for(frame: MaskedFrame) -> Cover | None:
    """The cause; the picture must be of one colour exactly when there is one."""
    luma = WIDTH * HEIGHT
    colour = palette.COVER
    cover = bytes([colour.y]) * luma + bytes([colour.u]) * (luma // 4) + bytes([colour.v]) * (luma // 4)
    assert (frame.i420 == cover) == (frame.cover is not None)
    assert (frame.masked_share == 1000) == (frame.cover is not None)
    assert frame.masker == MASKER
    return frame.cover


def masked(frame: MaskedFrame) -> np.ndarray:
    return mask_pixels(frame.i420, frame.width, frame.height)


def person(
    left: float, top: float, right: float, bottom: float, kind: detector.Kind = detector.Kind.PERSON
) -> detector.Box:
    return detector.Box(kind, 0.9, left, top, right, bottom)


def test_everything_is_covered_until_the_steward_has_certified() -> None:
    rig = Rig()
    for _ in range(140):
        assert covered_for(rig.show(rig.empty)) is Cover.NOT_CERTIFIED
    assert rig.masker.progress == 100
    rig.masker.certify()
    served = rig.show(rig.empty)
    assert covered_for(served) is None
    assert served.masked_share == 0
    assert np.abs(luma_of(served).astype(int) - rig.empty).max() <= 4


def test_an_incomplete_candidate_cannot_be_certified() -> None:
    rig = Rig()
    rig.show(rig.empty, 60)
    assert 0 < rig.masker.progress < 100
    with pytest.raises(CustodesError, match="not complete yet") as problem:
        rig.masker.certify()
    assert problem.value.kind is Kind.CONFLICT
    assert covered_for(rig.show(rig.empty)) is Cover.NOT_CERTIFIED


def test_before_the_first_picture_there_is_nothing_to_certify_or_to_look_at() -> None:
    rig = Rig()
    assert rig.masker.candidate() is None
    assert rig.masker.progress == 0
    with pytest.raises(CustodesError):
        rig.masker.certify()


def test_what_is_shown_comes_from_the_reference_never_from_the_live_picture() -> None:
    rig = Rig().certified()
    faint = rig.empty.copy()
    faint[40:60, 60:90] += 5
    served = rig.show(faint)
    assert served.masked_share == 0
    assert np.abs(luma_of(served)[40:60, 60:90].astype(int) - rig.empty[40:60, 60:90]).mean() < 1.5


def test_whoever_comes_is_masked_with_a_margin_and_released_a_second_after_leaving() -> None:
    rig = Rig().certified()
    served = rig.show(rig.with_block(70, 30, 80, 60))
    assert masked(served)[24:66, 64:86].all()
    assert covered_for(served) is None
    assert masked(rig.show(rig.empty, 4))[30:60, 70:80].all()
    assert not masked(rig.show(rig.empty, 3)).any()


def test_someone_who_stands_for_twelve_hours_stays_masked_and_is_gone_when_gone() -> None:
    rig = Rig().certified()
    standing = rig.with_block(70, 30, 80, 60)
    for _ in range(12 * 360):
        served = rig.show(standing, after=10 * SECOND)
        assert masked(served)[30:60, 70:80].all()
    served = rig.show(rig.empty, 10)
    assert not masked(served).any()
    assert np.abs(luma_of(served)[30:60, 70:80].astype(int) - rig.empty[30:60, 70:80]).max() <= 4


def test_a_faint_thing_is_absorbed_no_further_than_the_limit_of_drift() -> None:
    rig = Rig().certified()
    paler = rig.empty.copy()
    for step in range(1, 60):
        paler[30:62, 64:96] = np.clip(rig.empty[30:62, 64:96].astype(int) + step, 0, 255)
        served = rig.show(paler, 6, after=5 * SECOND)
        assert covered_for(served) is None
    shown = luma_of(served)[30:62, 64:96].astype(int)
    unmasked = ~masked(served)[30:62, 64:96]
    assert (np.abs(shown - rig.empty[30:62, 64:96])[unmasked] <= 20).all()


def test_a_block_learns_nothing_while_somebody_stands_in_or_beside_it() -> None:
    rig = Rig().certified()
    paler = rig.with_block(70, 30, 74, 60)
    paler[32:62, 76:82] = rig.empty[32:62, 76:82] + 5
    rig.show(paler, 200, after=SECOND)
    served = rig.show(rig.empty, 10)
    assert np.abs(luma_of(served)[34:60, 77:81].astype(int) - rig.empty[34:60, 77:81]).mean() < 1.5


def test_slow_light_is_followed_without_masking_anything() -> None:
    rig = Rig().certified()
    for number in range(300):
        light = 1 + 0.15 * np.sin(number / 300 * 2 * np.pi)
        lit = np.clip((rig.empty.astype(float) - 16) * light + 16, 16, 235).astype(np.uint8)
        served = rig.show(lit)
        assert served.masked_share == 0
        assert np.abs(luma_of(served).astype(float) - lit).mean() < 4


def test_a_jump_of_exposure_is_followed_at_once() -> None:
    rig = Rig().certified()
    darker = np.clip((rig.empty.astype(float) - 16) * 0.75 + 16, 16, 235).astype(np.uint8)
    served = rig.show(darker)
    assert covered_for(served) is None
    assert served.masked_share < 50


def test_vehicles_have_a_colour_of_their_own_unless_somebody_is_beside_them() -> None:
    rig = Rig().certified()
    car = rig.with_block(30, 40, 90, 70)
    rig.detector.boxes = [person(30, 40, 90, 70, detector.Kind.VEHICLE)]
    served = rig.show(car, 2)
    assert served.i420[55 * WIDTH + 60] == palette.VEHICLE.y
    rig.detector.boxes.append(person(80, 35, 92, 70))
    served = rig.show(car, 2)
    assert served.i420[55 * WIDTH + 60] == palette.PERSON.y


def test_a_detection_where_nothing_differs_from_the_certified_scene_masks_nothing() -> None:
    rig = Rig().certified()
    rig.detector.boxes = [person(40, 20, 60, 80)]
    assert rig.show(rig.empty, 3).masked_share == 0


def test_a_detection_makes_the_masker_hide_the_whole_figure_of_which_only_ends_stand_out() -> None:
    rig = Rig().certified()
    ends = rig.with_block(66, 16, 74, 22)
    ends[74:80, 66:74] = 20
    rig.detector.boxes = [person(62, 14, 78, 82)]
    assert masked(rig.show(ends, 2))[16:80, 66:74].all()


def test_a_sleeper_whom_the_detector_finds_is_masked_in_the_still_and_stays_masked_after_certification() -> None:
    rig = Rig(Obedient([person(64, 32, 96, 64)]))
    sleeping = rig.with_block(66, 34, 94, 62, luma=70)
    rig.show(sleeping, 350)
    assert rig.masker.progress < 100
    # The detector loses the sleeper for a while: the block is learnt, but the still is looked at again.
    rig.detector.boxes = []
    rig.show(sleeping, 100)
    rig.detector.boxes = [person(64, 32, 96, 64)]
    still = rig.masker.candidate()
    assert still is not None
    assert still.cover is Cover.NOT_CERTIFIED
    assert masked(still)[34:62, 66:94].all()
    rig.masker.certify()
    rig.detector.boxes = []
    assert masked(rig.show(sleeping, 30))[34:62, 66:94].all()


def test_passers_by_do_not_get_into_the_still() -> None:
    rig = Rig()
    for number in range(150):
        left = (number * 3) % (WIDTH - 10)
        rig.show(rig.with_block(left, 30, left + 10, 60))
    still = rig.masker.candidate()
    assert still is not None
    assert still.masked_share == 0
    assert np.abs(luma_of(still).astype(int) - rig.empty).max() <= 6


def test_the_still_the_steward_saw_is_what_is_certified() -> None:
    rig = Rig()
    rig.show(rig.empty, 130)
    seen = rig.masker.candidate()
    rig.show(rig.with_block(60, 30, 100, 60), 600)
    rig.masker.certify()
    served = rig.show(rig.empty, 25)
    assert seen is not None
    assert np.abs(luma_of(served).astype(int) - luma_of(seen)).max() <= 3


def test_a_parked_thing_enters_the_reference_only_by_a_new_certification() -> None:
    rig = Rig().certified()
    parked = rig.with_block(60, 30, 100, 60, luma=60)
    assert masked(rig.show(parked, 1500))[30:60, 60:100].all()
    rig.masker.candidate()
    rig.masker.certify()
    assert rig.show(parked, 10).masked_share == 0


def test_while_the_camera_says_that_it_is_being_turned_everything_is_covered() -> None:
    rig = Rig().certified()
    assert rig.show(rig.empty).cover is None
    assert rig.send(rig.picture(rig.empty), turning=True).cover is Cover.CAMERA_MOVED
    assert rig.send(None, turning=True).cover is Cover.CAMERA_MOVED
    assert rig.show(rig.empty).cover is None
    assert [rig.send(None, turning=True).cover for _ in range(12)][-1] is Cover.NO_SIGNAL


def test_a_missing_picture_is_repeated_for_two_seconds_and_then_the_signal_is_lost() -> None:
    rig = Rig().certified()
    shown = rig.show(rig.with_block(70, 30, 80, 60))
    for _ in range(9):
        repeated = rig.send(None)
        assert (repeated.i420, repeated.source, repeated.cover) == (shown.i420, shown.source, None)
        assert repeated.slot == rig.slot
    lost = rig.send(None)
    assert covered_for(lost) is Cover.NO_SIGNAL
    assert lost.source is None
    assert covered_for(rig.show(rig.empty)) is None


def test_without_any_picture_it_is_starting_and_then_without_signal() -> None:
    rig = Rig()
    assert covered_for(rig.send(None)) is Cover.STARTING
    assert covered_for(rig.send(None, after=3 * SECOND)) is Cover.NO_SIGNAL


def test_a_frozen_stream_is_covered_after_five_seconds_and_recovers() -> None:
    rig = Rig().certified()
    same = rig.picture(rig.with_block(70, 30, 80, 60))
    causes = [covered_for(rig.send(same)) for _ in range(30)]
    assert causes[:25] == [None] * 25
    assert set(causes[25:]) == {Cover.FROZEN}
    assert covered_for(rig.show(rig.empty)) is None


@pytest.mark.parametrize("late", [1_600_000_000, -1_600_000_000, 3600 * SECOND])
def test_a_picture_whose_time_is_not_now_is_covered(late: int) -> None:
    rig = Rig().certified()
    assert covered_for(rig.send(rig.picture(rig.empty), late=late)) is Cover.LATE
    assert covered_for(rig.send(rig.picture(rig.empty), late=SECOND)) is None


def test_without_a_detector_everything_stays_covered_and_nothing_can_be_certified() -> None:
    masker = Masker(WIDTH, HEIGHT, None)
    rig = Rig()
    rig.masker = masker
    assert covered_for(rig.send(None)) is Cover.DETECTOR_FAILED
    for _ in range(150):
        assert covered_for(rig.show(rig.empty)) is Cover.DETECTOR_FAILED
    with pytest.raises(CustodesError) as problem:
        masker.certify()
    assert problem.value.kind is Kind.CONFLICT
    assert masker.candidate() is None


def test_a_detector_that_fails_covers_every_picture_until_it_works_again() -> None:
    rig = Rig().certified()
    rig.show(rig.with_block(70, 30, 80, 60), 3)
    rig.detector.problem = RuntimeError("no memory")
    rig.show(rig.with_block(70, 30, 80, 60), 2)
    for _ in range(5):
        assert covered_for(rig.show(rig.with_block(70, 30, 80, 60))) is Cover.DETECTOR_FAILED
    assert covered_for(rig.send(None)) is Cover.DETECTOR_FAILED
    rig.detector.problem = None
    served = rig.show(rig.with_block(70, 30, 80, 60))
    assert covered_for(served) is None
    assert masked(served)[30:60, 70:80].all()


def test_a_picture_that_is_not_what_was_agreed_is_covered_and_the_next_one_is_not() -> None:
    rig = Rig().certified()
    for i420 in (b"", b"\x10" * 7, rig.picture(rig.empty)[:-1]):
        assert covered_for(rig.send(i420)) is Cover.MASKER_FAILED
    slot = Instant(rig.slot + SLOT)
    other = Frame(HEIGHT, WIDTH, rig.picture(rig.empty), slot, SourceTime(1, 0))
    assert covered_for(rig.masker.observe(other, slot)) is Cover.MASKER_FAILED
    assert covered_for(rig.show(rig.empty, 2)) is None


def test_an_exception_inside_covers_one_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig().certified()
    with monkeypatch.context() as patch:
        patch.setattr(cv2, "copyTo", lambda *_: 1 / 0)
        assert covered_for(rig.show(rig.with_block(70, 30, 80, 60))) is Cover.MASKER_FAILED
    assert covered_for(rig.show(rig.with_block(70, 30, 80, 60))) is None


def test_a_camera_that_was_moved_is_covered_until_its_new_scene_is_certified() -> None:
    rig = Rig().certified()
    moved = np.roll(rig.empty, 9, axis=1)
    causes = {covered_for(rig.show(moved)) for _ in range(20)}
    assert Cover.CAMERA_MOVED in causes
    assert covered_for(rig.show(moved, 200)) is Cover.CAMERA_MOVED
    assert rig.masker.progress == 100
    rig.masker.certify()
    served = rig.show(moved, 5)
    assert covered_for(served) is None
    assert served.masked_share == 0


def test_a_covered_lens_is_noticed_and_its_end_too() -> None:
    rig = Rig().certified()
    dark = np.full_like(rig.empty, 18)
    assert covered_for(rig.show(dark)) is Cover.CAMERA_MOVED
    rig.show(dark, 10)
    assert covered_for(rig.show(rig.empty)) is Cover.CAMERA_MOVED
    assert covered_for(rig.show(rig.empty, 15)) is None


def test_a_clock_that_is_set_back_does_no_harm() -> None:
    rig = Rig().certified()
    rig.show(rig.with_block(70, 30, 80, 60), 3)
    served = rig.show(rig.empty, after=-3600 * SECOND)
    assert masked(served)[30:60, 70:80].all()
    assert not masked(rig.show(rig.empty, 7)).any()


@pytest.mark.parametrize(("width", "height"), [(0, 0), (15, 16), (641, 360), (640, 361), (100_000, 100_000)])
def test_impossible_sizes_are_refused(width: int, height: int) -> None:
    with pytest.raises(CustodesError) as problem:
        Masker(width, height, Obedient())
    assert problem.value.kind is Kind.INVALID


def test_the_still_costs_little_when_asked_for_often() -> None:
    rig = Rig()
    rig.show(rig.empty, 130)
    first = rig.masker.candidate()
    calls = rig.detector.calls
    assert rig.masker.candidate() is first
    assert rig.detector.calls == calls


def test_a_reference_that_was_kept_is_shown_again_only_after_the_scene_was_recognised_for_a_while() -> None:
    before = Rig().certified()
    before.show(before.empty, 10)
    kept = before.masker.keep()
    assert kept is not None
    after = Rig()
    after.masker.restore(kept)
    assert after.masker.keep() is None  # not before it has proved itself
    seconds = Tuning().verify // SLOT
    assert {after.show(after.empty).cover for _ in range(seconds)} == {Cover.STARTING}
    shown = after.show(after.empty, 3)
    assert shown.cover is None
    assert shown.masked_share == 0
    assert np.abs(luma_of(shown).astype(int) - after.empty).mean() < 4


def test_somebody_who_was_there_at_the_restart_is_masked_from_the_first_picture_on() -> None:
    before = Rig().certified()
    kept = before.masker.keep()
    assert kept is not None
    after = Rig()
    after.masker.restore(kept)
    somebody = after.with_block(48, 32, 64, 80)
    pictures = [after.show(somebody) for _ in range(Tuning().verify // SLOT + 50)]
    shown = [picture for picture in pictures if picture.cover is None]
    assert shown
    for picture in shown:
        assert picture.masked_share > 0
        assert np.abs(luma_of(picture)[32:80, 48:64].astype(int) - 20).min() > 10


def test_another_scene_than_the_kept_one_stays_covered() -> None:
    before = Rig().certified()
    kept = before.masker.keep()
    assert kept is not None
    after = Rig()
    after.masker.restore(kept)
    elsewhere = scene(seed=11)
    assert Cover.CAMERA_MOVED in {after.show(elsewhere).cover for _ in range(100)}
    assert all(after.show(elsewhere).cover is not None for _ in range(20))


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04", b"nonsense" * 100])
def test_what_is_no_kept_reference_is_refused_and_changes_nothing(damage: bytes) -> None:
    rig = Rig()
    with pytest.raises(CustodesError):
        rig.masker.restore(damage)
    assert rig.show(rig.empty).cover is Cover.NOT_CERTIFIED


def test_a_kept_reference_of_an_unknown_kind_is_refused() -> None:
    kept = Rig().certified().masker.keep()
    assert kept is not None
    grid = Grid(WIDTH, HEIGHT)
    (one,) = decode(kept, grid).values()
    for references in ({}, {"sepia": one}):
        with pytest.raises(CustodesError):
            Masker(WIDTH, HEIGHT, Obedient()).restore(encode(references))


def test_a_reference_of_pictures_of_another_size_is_refused() -> None:
    kept = Rig().certified().masker.keep()
    assert kept is not None
    with pytest.raises(CustodesError):
        Masker(320, 192, Obedient()).restore(kept)

# SPDX-License-Identifier: AGPL-3.0-or-later
"""Recorded files: what is taken for the empty place, and what stays masked because nobody can say."""

import numpy as np
import pytest
from tests.file_rig import Film, Luma, luma_of, place

from custodes.domain.video import Cover
from custodes.video.mask import palette
from custodes.video.mask.detector import Box, Kind
from custodes.video.mask.palette import mask_pixels

WIDTH, HEIGHT, COUNT = 160, 96, 200
"""40 seconds at 5 pictures a second."""
EMPTY = place(WIDTH, HEIGHT)
SPOT = (slice(24, 72), slice(64, 96))
BRIGHT = 235


def somebody(number: int, begin: int, end: int, luma: int = BRIGHT) -> Luma:
    """The empty place with somebody who stands still at one spot from one picture to another."""
    picture = EMPTY.copy()
    if begin <= number < end:
        picture[SPOT] = luma
    return picture


def film(begin: int, end: int) -> Film:
    return Film(WIDTH, HEIGHT, COUNT, lambda number: somebody(number, begin, end))


def test_an_empty_place_is_shown_as_it_is_and_nothing_is_masked() -> None:
    served = film(0, 0).masked()
    assert len(served) == COUNT
    assert all(frame.cover is None and frame.masked_share == 0 for frame in served)
    assert abs(luma_of(served[100]).astype(int) - EMPTY).max() <= 4


def test_a_visitor_whom_no_detector_finds_is_masked_while_he_is_there_and_a_second_longer_on_both_sides() -> None:
    served = film(80, 110).masked()
    for number, frame in enumerate(served):
        assert luma_of(frame).max() < 225
        masked = mask_pixels(frame.i420, WIDTH, HEIGHT)[SPOT]
        if 75 <= number < 114:
            assert masked.all()
        elif number < 70 or number > 125:
            assert not masked.any()


@pytest.mark.parametrize(
    ("begin", "end"), [(0, 60), (0, 190), (10, COUNT), (2, COUNT), (0, COUNT - 3), (120, COUNT), (60, 150)]
)
def test_who_stands_there_at_the_beginning_or_end_or_for_long_is_masked_from_beginning_to_end(
    begin: int, end: int
) -> None:
    for frame in film(begin, end).masked():
        assert luma_of(frame).max() < 225
        assert frame.cover is not None or mask_pixels(frame.i420, WIDTH, HEIGHT)[SPOT].all()


def test_who_is_found_now_and_then_and_sits_there_all_the_time_is_masked_from_beginning_to_end() -> None:
    """Found for 3 seconds, missed for 5, again and again: the moments in between look like an empty place."""
    box = [Box(Kind.PERSON, 0.8, 64, 24, 96, 72)]
    seated = Film(
        WIDTH, HEIGHT, COUNT, lambda number: somebody(number, 0, COUNT), lambda number: box if number % 40 < 15 else []
    )
    for frame in seated.masked():
        assert luma_of(frame).max() < 225
        assert mask_pixels(frame.i420, WIDTH, HEIGHT)[SPOT].all()


def test_visitors_who_are_there_most_of_the_time_do_not_keep_the_place_behind_them_hidden() -> None:
    """Found while they are there, two thirds of the time: the moments in between are those of an empty place."""
    box = [Box(Kind.PERSON, 0.8, 64, 24, 96, 72)]

    def there(number: int) -> bool:
        return 20 <= number < 580 and number % 60 < 35

    busy = Film(
        WIDTH,
        HEIGHT,
        600,
        lambda number: somebody(number, 0, 600 if there(number) else 0, BRIGHT - number % 7),
        lambda number: box if there(number) else [],
    )
    served = busy.masked()
    assert busy.scene is not None
    assert busy.scene.known.all()
    assert all(luma_of(frame).max() < 225 for frame in served)
    assert not mask_pixels(served[5].i420, WIDTH, HEIGHT)[SPOT].any()


def test_what_never_rests_is_masked_from_beginning_to_end() -> None:
    def flicker(number: int) -> Luma:
        picture = EMPTY.copy()
        picture[SPOT] = 60 + 40 * (number // 4 % 4)
        return picture

    for frame in Film(WIDTH, HEIGHT, COUNT, flicker).masked():
        assert mask_pixels(frame.i420, WIDTH, HEIGHT)[SPOT].all()


def test_without_twenty_seconds_to_learn_from_everything_is_covered() -> None:
    served = Film(WIDTH, HEIGHT, 99, lambda number: EMPTY).masked()
    assert {frame.cover for frame in served} == {Cover.NOT_CERTIFIED}
    assert {luma_of(frame).max() for frame in served} == {palette.COVER.y}


def test_another_scene_in_between_is_covered_and_the_first_is_shown_again() -> None:
    other = place(WIDTH, HEIGHT, 9)
    served = Film(WIDTH, HEIGHT, COUNT, lambda number: other if 90 <= number < 110 else EMPTY).masked()
    assert {frame.cover for frame in served[90:110]} == {Cover.CAMERA_MOVED}
    assert [frame.cover for frame in served[:80] + served[130:]] == [None] * 150


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize(("width", "height"), [(160, 96), (1000, 562), (98, 1280), (1920, 34)])
def test_at_any_size_and_turn_masks_lie_where_the_visitor_is(width: int, height: int, turns: int) -> None:
    empty = place(width, height)
    rows, columns = slice(height // 4, height * 2 // 3), slice(width // 3, width // 2)

    def draw(number: int) -> Luma:
        picture = empty.copy()
        if 60 <= number < 80:
            picture[rows, columns] = BRIGHT
        return picture

    served = Film(width, height, 125, draw, turns=turns).masked()
    there = mask_pixels(served[70].i420, width, height)
    assert there[rows, columns].all()
    assert there.mean() < 0.75
    assert all(luma_of(frame).max() < 225 for frame in served)
    assert abs(luma_of(served[20]).astype(int) - empty).max() <= 4


def test_light_that_changes_is_followed_and_not_masked() -> None:
    def draw(number: int) -> Luma:
        light = 1 - 0.3 * min(max(number - 80, 0) / 60, 1)
        return np.asarray((EMPTY.astype(np.float32) - 16) * light + 16, np.uint8)

    served = Film(WIDTH, HEIGHT, COUNT, draw).masked()
    assert all(frame.cover is None and frame.masked_share < 100 for frame in served)
    assert luma_of(served[190]).mean() < 0.85 * luma_of(served[20]).mean()

# SPDX-License-Identifier: AGPL-3.0-or-later
"""The rendered street's ground truth: what it says of persons and vehicles is what the pictures show."""

from functools import cache

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="OpenCV draws the street")

from custodes.demo.street import RATE, Street, Truth  # noqa: E402

VIEWS = (0, 1, 2)
SOME = range(0, 9000, 365)


@cache
def street(view: int) -> Street:
    return Street(11, view)


@cache
def truths(view: int) -> tuple[Truth, ...]:
    return tuple(street(view).truth(i) for i in SOME)


def luma(picture: np.ndarray) -> np.ndarray:
    return picture[:360].astype(int)


def grown(outline: np.ndarray, radius: int) -> np.ndarray:
    return cv2.dilate(outline.astype(np.uint8), np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)) > 0


def anybody(truth: Truth) -> np.ndarray:
    outlines = [p.body for p in truth.persons] + list(truth.vehicles)
    return np.any(outlines, axis=0) if outlines else np.zeros((360, 640), bool)


@pytest.mark.parametrize("view", VIEWS)
def test_the_truth_s_picture_is_the_camera_s_picture_made_smaller(view: int) -> None:
    whole = street(view).picture(2500)
    small = street(view).truth(2500).picture
    assert np.array_equal(small[:360], cv2.resize(whole[:720], (640, 360), interpolation=cv2.INTER_AREA))
    chroma = whole[720:].reshape(2, 360, 640)
    expected = [cv2.resize(plane, (320, 180), interpolation=cv2.INTER_AREA) for plane in chroma]
    assert np.array_equal(small[360:].reshape(2, 180, 320), np.stack(expected))


@pytest.mark.parametrize("view", VIEWS)
def test_without_people_and_shadows_picture_and_clean_are_the_same(view: int) -> None:
    for truth in truths(view):
        difference = luma(truth.picture) - luma(truth.clean)
        elsewhere = ~grown(anybody(truth), 4)
        # A shadow only darkens, and never blackens. What little else differs are parts thinner than half a pixel.
        assert np.count_nonzero(difference[elsewhere] > 1) < 60
        assert (luma(truth.picture)[elsewhere] > 0.3 * luma(truth.clean)[elsewhere]).all()
        # Far from everybody hardly a shadow falls: only those of people just outside the picture.
        assert np.mean(difference[~grown(anybody(truth), 90)] != 0) < 0.01


@pytest.mark.parametrize("view", VIEWS)
def test_people_are_seen_where_the_truth_says(view: int) -> None:
    for truth in truths(view):
        chroma = [p[360:].reshape(2, 180, 320).astype(int) for p in (truth.picture, truth.clean)]
        coloured = np.abs(chroma[0] - chroma[1]).max(axis=0).repeat(2, axis=0).repeat(2, axis=1)
        differs = (np.abs(luma(truth.picture) - luma(truth.clean)) > 4) | (coloured > 4)
        for outline in [p.body for p in truth.persons] + list(truth.vehicles):
            if outline.sum() > 60:
                assert differs[outline].mean() > 0.6


@pytest.mark.parametrize("view", VIEWS)
def test_heads_are_parts_of_bodies_and_bodies_share_no_pixel(view: int) -> None:
    heads = 0
    for truth in truths(view):
        for person in truth.persons:
            assert not np.any(person.head & ~grown(person.body, 1))
            assert np.count_nonzero(person.head & ~person.body) <= 2
            heads += person.head.any()
        if truth.persons:
            # Two may share a pixel only where each has exactly half of it.
            assert np.count_nonzero(np.sum([p.body for p in truth.persons], axis=0) > 1) <= 3
    assert heads > 40


@pytest.mark.parametrize("view", VIEWS)
def test_people_have_the_sizes_that_the_masker_must_cope_with(view: int) -> None:
    whole = []
    for truth in truths(view):
        for person in truth.persons:
            rows = np.flatnonzero(person.body.any(axis=1))
            tall = rows[-1] - rows[0] + 1
            assert tall <= 112
            if person.kind == "walking" and person.head.sum() > 12 and rows[-1] < 358:
                whole.append(tall)
    assert min(whole) < 45
    assert max(whole) > 60


@pytest.mark.parametrize("view", VIEWS)
def test_there_are_enough_people_to_judge_a_masker(view: int) -> None:
    first = [len(street(view).truth(i).persons) for i in range(0, 60 * RATE, 50)]
    later = [len(t.persons) for i, t in zip(SOME, truths(view), strict=True) if i >= 60 * RATE]
    assert np.mean(first) >= 0.8
    assert np.mean(later) >= 1.5


@pytest.mark.parametrize("view", VIEWS)
def test_in_the_first_minute_every_place_is_free_most_of_the_time(view: int) -> None:
    taken = np.mean([anybody(street(view).truth(i)) for i in range(0, 60 * RATE, 20)], axis=0)
    assert taken.max() < 0.4


def test_a_cyclist_is_a_person_and_a_vehicle() -> None:
    crowd = street(2).crowd
    index = next(
        i for i in range(0, 20_000, 10) if any(p.kind == "cycling" and abs(p.x) < 12 for p in crowd.people(i / RATE))
    )
    without_cars = [v for v in crowd.vehicles(index / RATE) if abs(v.x) < 25]
    truth = street(2).truth(index)
    assert "cycling" in [p.kind for p in truth.persons]
    assert len(truth.vehicles) >= 1
    assert len(truth.vehicles) <= len(without_cars) + sum(p.kind == "cycling" for p in truth.persons)


def test_all_kinds_of_people_come_by() -> None:
    kinds = {p.kind for view in VIEWS for t in truths(view) for p in t.persons}
    assert kinds == {"walking", "standing", "seated", "cycling"}


def test_truth_comes_in_other_sizes_but_not_in_odd_ones() -> None:
    truth = street(0).truth(3000, 320, 180)
    assert truth.picture.shape == truth.clean.shape == (270, 320)
    assert all(p.body.shape == (180, 320) for p in truth.persons)
    with pytest.raises(ValueError, match="even"):
        street(0).truth(0, 321, 180)

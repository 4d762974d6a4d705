# SPDX-License-Identifier: AGPL-3.0-or-later
"""The rendered street's pictures: the same for the same numbers, calm in colour, alive in light."""

from functools import cache

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="OpenCV draws the street")

from custodes.demo.street import FORBIDDEN_CHROMA, RATE, Street  # noqa: E402
from custodes.demo.street.light import noise_window  # noqa: E402

VIEWS = (0, 1, 2)


@cache
def street(view: int) -> Street:
    return Street(7, view)


def planes(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    height, width = picture.shape[0] * 2 // 3, picture.shape[1]
    chroma = picture.reshape(-1)[height * width :].reshape(2, height // 2, width // 2)
    return picture[:height], chroma[0], chroma[1]


@pytest.mark.parametrize("view", VIEWS)
def test_a_picture_depends_on_seed_view_and_index_alone(view: int) -> None:
    other = Street(7, view)
    for index in (2041, 3, 2040, 777):
        assert np.array_equal(other.picture(index), street(view).picture(index))


def test_another_seed_or_view_shows_another_place() -> None:
    here, seed, view = (s.picture(100)[:720].astype(int) for s in (street(0), Street(8, 0), Street(7, 3)))
    for other in (seed, view):
        assert np.mean(np.abs(here - other) > 12) > 0.05


def test_seeds_and_views_below_zero_are_refused() -> None:
    for seed, view in ((-1, 0), (0, -1)):
        with pytest.raises(ValueError, match="negative"):
            Street(seed, view)


@pytest.mark.parametrize("view", VIEWS)
def test_pictures_are_i420_in_limited_range(view: int) -> None:
    picture = street(view).picture(1234)
    assert picture.shape == (1080, 1280)
    assert picture.dtype == np.uint8
    y, u, v = planes(picture)
    # The sensor's noise may pass the nominal limits by a little (BT.709 keeps head- and footroom for that).
    assert np.mean((y < 16) | (y > 235)) < 0.01
    for plane in (u, v):
        assert 16 <= plane.min() <= plane.max() <= 240


@pytest.mark.parametrize("view", VIEWS)
def test_the_mask_s_colours_never_appear(view: int) -> None:
    for index in range(0, 12_000, 600):
        _, u, v = planes(street(view).picture(index))
        assert not np.any((u >= FORBIDDEN_CHROMA[0]) & (v >= FORBIDDEN_CHROMA[1]))
        # Nor does the petrol, light or dark, of vehicles and privacy zones: the greenest things are far from it.
        assert v.min() > 94


def test_noise_has_a_sigma_of_one_and_a_half() -> None:
    first, second = (street(2).truth(i, 1280, 720).clean[660:720].astype(float) for i in (100, 101))
    assert np.std(first - second) / np.sqrt(2) == pytest.approx(1.5, abs=0.15)


def test_no_two_pictures_share_their_noise_soon() -> None:
    # The three planes draw from neighbouring seeds.
    seen = {tuple(noise_window(seed, i) for seed in (15, 17, 18)) for i in range(10 * 60 * RATE)}
    assert len(seen) == 10 * 60 * RATE


@pytest.mark.parametrize("view", VIEWS)
def test_light_changes_slowly_and_by_a_tenth_at_most(view: int) -> None:
    levels = np.array(
        [planes(street(view).truth(second * RATE, 160, 90).clean)[0].mean() - 16 for second in range(0, 300, 2)]
    )
    assert np.ptp(levels) / levels.mean() > 0.03
    assert np.abs(levels / levels.mean() - 1).max() < 0.12
    assert np.abs(np.diff(levels)).max() / levels.mean() < 0.03


@pytest.mark.parametrize("view", VIEWS)
def test_trees_sway_and_walls_do_not(view: int) -> None:
    scenery = street(view)._scenery
    still = np.ones((720, 1280), bool)
    lumas = [planes(street(view).truth(i, 1280, 720).clean)[0].astype(float) for i in range(1000, 1100, 10)]
    motion = np.std(np.stack(lumas), axis=0)
    for crown in scenery.crowns:
        height, width = crown.covers[0].shape
        inside = motion[crown.y : crown.y + height, crown.x : crown.x + width]
        assert np.percentile(inside, 90) > 3.0
        still[crown.y : crown.y + height, crown.x : crown.x + width] = False
    assert np.percentile(motion[still], 99) < 3.2


@pytest.mark.parametrize("seed", [1, 7, 8])
@pytest.mark.parametrize("view", VIEWS)
def test_crowns_do_not_cut_into_each_other(seed: int, view: int) -> None:
    taken = np.zeros((720, 1280), int)
    for crown in Street(seed, view)._scenery.crowns:
        height, width = crown.covers[0].shape
        taken[crown.y : crown.y + height, crown.x : crown.x + width] += 1
    assert taken.max() == 1

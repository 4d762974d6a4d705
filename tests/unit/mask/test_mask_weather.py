# SPDX-License-Identifier: AGPL-3.0-or-later
"""What happens to a camera by day and by night: covered with a cause or shown, and back again by itself."""

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.mask_rig import Obedient
from tests.mask_scenes import HEIGHT, WIDTH, Figure, Square, frame_of, to_i420

from custodes.domain.video import Cover, MaskedFrame
from custodes.errors import CustodesError
from custodes.video.mask.masker import Masker
from custodes.video.mask.palette import mask_pixels

Picture = NDArray[np.float32]
Weather = Callable[[Picture, int], Picture]
_ROWS, _COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
SOMEBODY = Figure(0, (300, 320), (300, 320), 0, 10_000, 110, (60, 120, 134))


def fine(picture: Picture, _: int) -> Picture:
    return picture


def rain(picture: Picture, number: int) -> Picture:
    dice = np.random.default_rng(number)
    wet = picture.copy()
    for x, y, long in dice.integers((0, 0, 6), (WIDTH, HEIGHT, 18), (250, 3)):
        wet[y : y + long, x, 0] += 18
    wet[..., 0] = wet[..., 0] * 0.95 + 6
    return wet


def swung(pixels: float) -> Weather:
    def shake(picture: Picture, number: int) -> Picture:
        right, down = pixels * np.sin(number * 1.9), 0.6 * pixels * np.cos(number * 1.3)
        return _moved(picture, right, down)

    return shake


def _moved(picture: Picture, right: float, down: float) -> Picture:
    where = np.array([[1, 0, right], [0, 1, down]], np.float32)
    return np.asarray(cv2.warpAffine(picture, where, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE), np.float32)


def grey(picture: Picture, _: int) -> Picture:
    """Dusk: the camera gives up its colours."""
    night = picture.copy()
    night[..., 1:] = 128
    return night


def infrared(picture: Picture, number: int) -> Picture:
    """Lit by the camera's own lamp: what is near is bright, leaves shine."""
    night = grey(picture, number)
    spot = np.exp(-(((_COLUMNS - 320) / 260) ** 2 + ((_ROWS - 200) / 160) ** 2))
    shining = night[..., 0] * 0.8 + 14 + (picture[..., 1] < 120) * 35
    night[..., 0] = np.clip(16 + (shining - 16) * (0.5 + 0.8 * spot), 16, 235)
    return night


def dimmed(light: float) -> Weather:
    def dim(picture: Picture, _: int) -> Picture:
        dark = (picture - (16, 128, 128)) * light + (16, 128, 128)
        return np.asarray(np.clip(dark, 16, 235), np.float32)

    return dim


def street_lamp(picture: Picture, number: int) -> Picture:
    cone = np.exp(-(((_COLUMNS - 220) / 110) ** 2 + ((_ROWS - 240) / 90) ** 2))
    lit = dimmed(0.45)(picture, number).copy()
    lit[..., 0] = np.clip(16 + (lit[..., 0] - 16) * (1 + 1.5 * cone), 16, 235)
    return lit


def covered_lens(picture: Picture, _: int) -> Picture:
    black = np.full_like(picture, 128)
    black[..., 0] = 18
    return black


class Days:
    """A masker on the square, certified after half a minute; the detector sees nobody, ever."""

    def __init__(self, weather: Weather = fine) -> None:
        self.masker = Masker(WIDTH, HEIGHT, Obedient())
        self.empty, self.busy = Square(sway=1.0), Square(sway=1.0, figures=[SOMEBODY])
        self._number = 0
        self._dice = np.random.default_rng(4)
        self.spend(26, weather)
        self.masker.certify()

    def pictures(self, seconds: int, weather: Weather, *, somebody: bool = False) -> Iterator[MaskedFrame]:
        for _ in range(5 * seconds):
            self._number += 1
            view = (self.busy if somebody else self.empty).view(self._number / 5)
            frame, slot = frame_of(to_i420(weather(view.scene, self._number), self._dice, 1.5), self._number)
            yield self.masker.observe(frame, slot)

    def spend(self, seconds: int, weather: Weather, *, somebody: bool = False) -> list[MaskedFrame]:
        return list(self.pictures(seconds, weather, somebody=somebody))


def worst_share(pictures: list[MaskedFrame]) -> int:
    assert {each.cover for each in pictures} == {None}
    return max(each.masked_share for each in pictures)


def hides_somebody(picture: MaskedFrame) -> bool:
    body = Square(figures=[SOMEBODY]).view(0).people[0].body
    return picture.cover is not None or bool(mask_pixels(picture.i420, WIDTH, HEIGHT)[body].mean() > 0.97)


def test_rain_neither_covers_the_picture_nor_floods_it() -> None:
    days = Days()
    assert worst_share(days.spend(15, rain)) < 250
    assert all(hides_somebody(each) for each in days.spend(3, rain, somebody=True))
    assert worst_share(days.spend(6, fine)[20:]) < 60


@pytest.mark.parametrize("pixels", [1.0, 2.0])
def test_a_mast_that_shakes_neither_covers_the_picture_nor_floods_it(pixels: float) -> None:
    days = Days()
    shaken = days.spend(15, swung(pixels))
    assert worst_share(shaken) < 250
    assert np.mean([each.masked_share for each in shaken]) < 80
    assert all(hides_somebody(each) for each in days.spend(5, swung(pixels), somebody=True)[1:])


def test_what_is_shown_does_not_shake_with_the_mast() -> None:
    days = Days()
    shown = []
    for each in days.spend(4, swung(2.0)):
        luma = np.frombuffer(each.i420, np.uint8)[: WIDTH * HEIGHT].reshape(HEIGHT, WIDTH)
        shown.append(np.where(mask_pixels(each.i420, WIDTH, HEIGHT), 0, luma)[20:130, 20:400])
    seen = np.stack(shown)
    still = np.ptp(np.ma.masked_equal(seen, 0), axis=0)
    assert float(np.ma.mean(still)) < 3


def test_a_camera_that_hangs_elsewhere_now_is_covered_however_little_it_turned() -> None:
    days = Days()
    causes = [each.cover for each in days.spend(8, lambda picture, _: _moved(picture, 3.5, 0))]
    assert set(causes[20:]) == {Cover.CAMERA_MOVED}


def test_colours_that_vanish_at_dusk_are_no_change_and_their_return_at_dawn_none_either() -> None:
    days = Days()
    for weather in (grey, fine):
        pictures = days.spend(12, weather)
        assert {each.cover for each in pictures if each.cover} == {Cover.SWITCHED}
        assert worst_share(pictures[-15:]) < 60
        assert all(hides_somebody(each) for each in days.spend(3, weather, somebody=True))
    chroma = np.frombuffer(pictures[-1].i420, np.uint8)[WIDTH * HEIGHT :]
    assert np.abs(chroma.astype(int) - 128).mean() > 1


def test_a_picture_in_infrared_is_covered_with_that_cause_until_it_is_certified_and_day_comes_back_by_itself() -> None:
    days = Days()
    night = days.spend(16, infrared)
    assert {each.cover for each in night[15:]} == {Cover.SWITCHED}
    with pytest.raises(CustodesError, match="not complete"):
        days.masker.certify()
    day = days.spend(10, fine)
    assert worst_share(day[-10:]) < 60
    days.spend(34, infrared)
    days.masker.certify()
    assert worst_share(days.spend(4, infrared)) < 80
    assert all(hides_somebody(each) for each in days.spend(3, infrared, somebody=True))
    # From now on both are known, and a restart knows both.
    kept = days.masker.keep()
    assert kept is not None
    days.masker = Masker(WIDTH, HEIGHT, Obedient())
    days.masker.restore(kept)
    for weather in (fine, infrared):
        assert worst_share(days.spend(10, weather)[-10:]) < 100


@pytest.mark.parametrize("light", [0.6, 1.4])
def test_light_that_changes_all_at_once_is_followed(light: float) -> None:
    days = Days()
    assert worst_share(days.spend(6, dimmed(light))) < 120
    assert all(hides_somebody(each) for each in days.spend(3, dimmed(light), somebody=True))
    assert worst_share(days.spend(5, fine)[-5:]) < 60


def test_what_a_lamp_lights_is_masked_while_it_burns_and_shown_when_it_is_off() -> None:
    days = Days(dimmed(0.45))
    lit = days.spend(6, street_lamp)
    assert 100 < worst_share(lit) < 600
    assert all(hides_somebody(each) for each in days.spend(3, street_lamp, somebody=True))
    assert worst_share(days.spend(5, dimmed(0.45))[-5:]) < 60


def test_a_lens_that_is_covered_is_told_and_so_is_its_end() -> None:
    days = Days()
    assert {each.cover for each in days.spend(8, covered_lens)} == {Cover.CAMERA_MOVED}
    assert worst_share(days.spend(6, fine)[-5:]) < 60

# SPDX-License-Identifier: AGPL-3.0-or-later
"""Night, rain and changing light.

A weather has two parts. What is there in this light: done alike to the picture with people and to the one without. What
comes between the place and the picture (the sensor's noise, streaks of rain, drops on the glass): done to what the
camera sends only, because it is no part of the place that anybody could be compared with.
Pictures are I420, uint8 (3/2 * height, width), limited range. Everything depends on seed and picture number alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes: TypeAlias = NDArray[np.uint8]
Floats: TypeAlias = NDArray[np.float32]
Optics: TypeAlias = Callable[[int, Bytes], Bytes]

FPS = 5
WIDTH, HEIGHT = 640, 360
_BLACK, _GREY = 16, 128
_ROOM = 64


def _planes(picture: Bytes) -> tuple[Floats, Floats]:
    """Luma above black, and chroma (2, height/2, width/2) around grey."""
    luma = picture[:HEIGHT].astype(np.float32) - _BLACK
    return luma, picture[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2).astype(np.float32) - _GREY


def _picture(luma: NDArray[np.floating], chroma: NDArray[np.floating]) -> Bytes:
    y = np.clip(np.rint(luma + _BLACK), 16, 235).astype(np.uint8)
    return np.concatenate([y, np.clip(np.rint(chroma + _GREY), 16, 240).astype(np.uint8).reshape(-1, WIDTH)])


class _Noise:
    """A sensor's noise (luma): another piece of a large tile for every picture."""

    def __init__(self, dice: np.random.Generator, sigma: float) -> None:
        self._tile = dice.normal(0, sigma, (HEIGHT + _ROOM, WIDTH + _ROOM)).astype(np.float32)

    def on(self, number: int, picture: Bytes) -> Bytes:
        y, x = (int(value) for value in np.random.default_rng(number).integers(0, _ROOM, 2))
        luma, chroma = _planes(picture)
        return _picture(luma + self._tile[y : y + HEIGHT, x : x + WIDTH], chroma)


def _glow(x: float, y: float, reach: float) -> Floats:
    """1 at a lamp's foot (shares of the picture), falling off over ``reach`` pixels."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    glow = np.exp(-((columns - x * WIDTH) ** 2 + 2 * (rows - y * HEIGHT) ** 2) / (2 * reach**2))
    return np.asarray(glow, np.float32)


def _halved(field: Floats) -> Floats:
    return np.asarray(cv2.resize(field, (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA), np.float32)


def _same(_: int, picture: Bytes) -> Bytes:
    return picture


@dataclass(frozen=True, slots=True)
class Weather:
    """Both parts, each from a picture's number (5 a second) and the picture to another picture."""

    light: Optics = _same
    glass: Optics = _same


def infrared(seed: int) -> Weather:
    """A camera's own infrared lamp: no colour, bright in the middle, dark at the edges, noise of 5 steps."""
    dice = np.random.default_rng((seed, 1))
    lamp, noise = 0.18 + 0.5 * _glow(0.5, 0.7, 220), _Noise(dice, 5.0)

    def light(_: int, picture: Bytes) -> Bytes:
        luma, chroma = _planes(picture)
        return _picture(luma * lamp + 6, chroma * 0)

    return Weather(light, noise.on)


def lamplight(seed: int) -> Weather:
    """A street by night: a little light everywhere, three warm lamps, noise of 4 steps."""
    dice = np.random.default_rng((seed, 3))
    noise = _Noise(dice, 4.0)
    field = np.full((HEIGHT, WIDTH), 0.16, np.float32)
    for x in (0.2, 0.55, 0.85):
        field += 0.42 * _glow(x + float(dice.uniform(-0.06, 0.06)), float(dice.uniform(0.5, 0.75)), 90)
    warm = _halved(field)[None] * np.array([-9.0, 9.0], np.float32)[:, None, None]

    def light(_: int, picture: Bytes) -> Bytes:
        luma, chroma = _planes(picture)
        return _picture(luma * field + 5, chroma * _halved(field) + warm)

    return Weather(light, noise.on)


def rain(seed: int) -> Weather:
    """A darker ground with glints that wander; streaks that differ in every picture, drops on the glass for a while."""
    dice = np.random.default_rng((seed, 5))
    rough = cv2.GaussianBlur(dice.normal(0, 1, (HEIGHT + _ROOM, WIDTH + _ROOM)).astype(np.float32), (0, 0), 5)
    glints = np.asarray(rough / rough.std(), np.float32)
    ground = np.clip((np.arange(HEIGHT, dtype=np.float32) - 120) / 80, 0, 1)[:, None]

    def light(number: int, picture: Bytes) -> Bytes:
        luma, chroma = _planes(picture)
        shift = int(_ROOM / 2 * (1 + np.sin(number / 11)))
        wet = glints[shift : shift + HEIGHT, shift : shift + WIDTH] * ground * 3.5
        return _picture(luma * (0.86 - 0.1 * ground) + 9 + wet, chroma * 0.8)

    def glass(number: int, picture: Bytes) -> Bytes:
        luma, chroma = _planes(picture)
        luma += 26 * _streaks(np.random.default_rng((seed, 6, number))) * np.maximum(0, 1 - luma / 219)
        return _splashed(_picture(luma, chroma), seed, number)

    return Weather(light, glass)


def _streaks(lot: np.random.Generator) -> Floats:
    canvas = np.zeros((HEIGHT, WIDTH), np.uint8)
    for x, y, length, bright in zip(
        lot.integers(0, WIDTH, 110),
        lot.integers(-20, HEIGHT, 110),
        lot.integers(8, 34, 110),
        lot.integers(60, 255, 110),
        strict=True,
    ):
        end = (int(x + 0.18 * length), int(y + length))
        cv2.line(canvas, (int(x), int(y)), end, (int(bright),), 1, cv2.LINE_AA)
    return np.asarray(canvas / 255, np.float32)


def _splashed(picture: Bytes, seed: int, number: int) -> Bytes:
    """Five drops on the glass, each for 20 to 60 seconds."""
    for drop in range(5):
        turn = (20 + 10 * drop) * FPS
        lot = np.random.default_rng((seed, 7, drop, number // turn))
        radius = int(lot.integers(7, 16))
        x, y = int(lot.integers(radius, WIDTH - radius)), int(lot.integers(radius, HEIGHT - radius))
        square = (slice(y - radius, y + radius), slice(x - radius, x + radius))
        shape = np.zeros((2 * radius, 2 * radius), np.float32)
        cv2.circle(shape, (radius, radius), radius - 1, 1.0, -1, cv2.LINE_AA)
        clear = picture[square].astype(np.float32)
        blurred = cv2.GaussianBlur(clear, (0, 0), radius / 2) + 10
        picture[square] = np.clip(clear + shape * (blurred - clear), 16, 235).astype(np.uint8)
    return picture


def changing(seed: int) -> Weather:
    """Clouds whose edge crosses in four seconds, the camera's gain jumping by up to a quarter, lamps switched."""
    dice = np.random.default_rng((seed, 8))
    columns = np.arange(WIDTH, dtype=np.float32)[None]
    lamps = [_glow(float(x), 0.6, 110) for x in dice.uniform(0.1, 0.9, 2)]

    @lru_cache(maxsize=1)
    def field_at(number: int) -> Floats:
        second = number / FPS
        cloud = np.random.default_rng((seed, 9, int(second // 75)))
        edge = (second % 75 - 20) * 200 - 60
        gone = (second % 75 - 20 - float(cloud.uniform(15, 30))) * 200 - 60
        shade = (np.tanh((edge - columns) / 90) - np.tanh((gone - columns) / 90)) / 2
        field = np.repeat(1 - 0.34 * shade, HEIGHT, axis=0)
        gain = float(np.random.default_rng((seed, 10, int(second // 47))).uniform(0.8, 1.25)) if second > 47 else 1.0
        for index, lamp in enumerate(lamps):
            if (second + 40 * index) % 110 > 70:
                field = field + 0.35 * lamp
        return np.asarray(field * gain, np.float32)

    def light(number: int, picture: Bytes) -> Bytes:
        field = field_at(number)
        luma, chroma = _planes(picture)
        return _picture(luma * field, chroma * _halved(field))

    return Weather(light)

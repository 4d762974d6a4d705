# SPDX-License-Identifier: AGPL-3.0-or-later
"""Surfaces: stone, asphalt, grass, plaster, tiles, sky. All tileable ones repeat every ``TILE`` metres."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from custodes.demo.street.lens import HEIGHT, WIDTH
from custodes.demo.street.palette import Rgb

Bytes = NDArray[np.uint8]
Floats32 = NDArray[np.float32]

TILE: Final = 8.0
GRAIN: Final = 96
"""Pixels per metre of the ground's textures."""
_SIDE: Final = int(TILE * GRAIN)


def clouds(lot: np.random.Generator, shape: tuple[int, int], coarse: int, octaves: int = 4) -> Floats32:
    """Fractal noise around 0, about ±1, its largest lumps ``coarse`` pixels wide."""
    total = np.zeros(shape, np.float32)
    weight = 1.0
    for octave in range(octaves):
        step = max(1, coarse >> octave)
        seeds = lot.standard_normal((shape[0] // step + 3, shape[1] // step + 3)).astype(np.float32)
        big = cv2.resize(seeds, None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)
        total += weight * big[: shape[0], : shape[1]]
        weight *= 0.5
    return np.asarray(total / 2, np.float32)


def _rounded(picture: Floats32) -> Bytes:
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def _blurred(tile: Floats32, across: float, away: float) -> Floats32:
    """Blur a tile as if it lay among copies of itself."""
    room = 80
    wide = cv2.GaussianBlur(np.pad(tile, room, mode="wrap"), (0, 0), sigmaX=across, sigmaY=away)
    return np.asarray(wide[room:-room, room:-room], np.float32)


def stones(
    lot: np.random.Generator,
    colour: Rgb,
    size: tuple[float, float],
    *,
    joint: float = 0.012,
    vary: float = 0.06,
    bond: float = 0.5,
) -> Bytes:
    """Setts or slabs of ``size`` (across, away) metres laid in rows; both must divide TILE."""
    across, away = round(TILE / size[0]), round(TILE / size[1])
    v, u = np.mgrid[0:_SIDE, 0:_SIDE].astype(np.float32) / _SIDE
    row = np.floor(v * away)
    along = u * across + (row % 2) * bond
    column = np.floor(along)
    tone = lot.normal(0.0, vary, (away, across)).astype(np.float32)
    warm = lot.normal(0.0, vary * 0.35, (away, across)).astype(np.float32)
    cell = (row.astype(int) % away, column.astype(int) % across)
    to_edge = np.minimum(
        np.minimum(along - column, column + 1 - along) * size[0],
        np.minimum(v * away - row, row + 1 - v * away) * size[1],
    )
    lap = np.clip(to_edge / joint, 0, 1)
    # Worn edges catch less light than the crown of a stone.
    crown = 0.93 + 0.07 * np.clip(to_edge / (0.3 * min(size)), 0, 1)
    rough = 1 + 0.03 * lot.standard_normal((_SIDE, _SIDE)).astype(np.float32)
    light = (1 + tone[cell]) * crown * rough * (0.66 + 0.34 * lap)
    tint = np.stack([1 + warm[cell], np.ones_like(u), 1 - warm[cell]], axis=-1)
    return _rounded(np.array(colour, np.float32) * light[..., None] * tint)


def asphalt(lot: np.random.Generator, colour: Rgb) -> Bytes:
    """A road's surface."""
    grain = lot.standard_normal((_SIDE, _SIDE)).astype(np.float32)
    soft = _blurred(grain, 1.2, 1.2)
    return _rounded(np.array(colour, np.float32) * (1 + 0.05 * grain + 0.1 * soft)[..., None])


def grass(lot: np.random.Generator, colour: Rgb) -> Bytes:
    """A mown lawn."""
    grain = lot.standard_normal((_SIDE, _SIDE)).astype(np.float32)
    blades = _blurred(grain, 0.8, 2.5)
    lumps = _blurred(grain, 24, 24)
    return _rounded(np.array(colour, np.float32) * (1 + 0.32 * blades + 2.0 * lumps)[..., None])


def plaster(lot: np.random.Generator, colour: Rgb, shape: tuple[int, int]) -> Floats32:
    """A rendered wall, weathered a little towards its foot and under its eaves."""
    patches = clouds(lot, shape, max(8, shape[0] // 3))
    streaks = clouds(lot, (4, shape[1]), 8, 3)[:1]
    height = np.linspace(0, 1, shape[0], dtype=np.float32)[:, None]
    light = 1 + 0.022 * patches + 0.02 * streaks * np.exp(-height * 3) - 0.05 * np.exp((height - 1) * 9)
    return np.asarray(np.array(colour, np.float32) * light[..., None], np.float32)


def sky(lot: np.random.Generator, horizon: float) -> Floats32:
    """A mild sky with a few long clouds, (HEIGHT, WIDTH, 3)."""
    rise = np.clip(np.linspace(0, HEIGHT / horizon, HEIGHT, dtype=np.float32), 0, 1)[:, None, None]
    high, low = np.array([150, 182, 206], np.float32), np.array([232, 230, 220], np.float32)
    blue = high + (low - high) * rise**0.85
    lumps = cv2.resize(clouds(lot, (HEIGHT // 3, WIDTH // 8), 40, 5), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    puff = np.clip(0.55 * lumps + 0.1, 0, 0.8)[..., None]
    return np.asarray(blue + (np.array([246, 243, 236], np.float32) - blue) * puff, np.float32)

# SPDX-License-Identifier: AGPL-3.0-or-later
"""Today's light against that of the certified reference.

Two parts. The camera's exposure: one curve for the whole picture, level and bend (a power law), fitted robustly to
the means of all blocks, so that it is there at once when the camera adjusts itself. Places: one gain, and offsets of
chroma, per block, for sun, clouds and lamps. Where nothing is masked a block follows its own slow change; a masked
block follows its surroundings, so that it fits again when it is released. Values per 16 pixels, smoothed, cannot draw a
person.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from custodes.clock import SECOND
from custodes.video.mask.grid import Bits, Floats, Grid

BLACK, GREY = 16.0, 128.0
_WHITE = 219.0
"""Steps of luma from black to white (BT.709, limited range)."""
_LEVEL_RANGE = (-1.0, 1.0)
_BEND_RANGE = (0.5, 2.0)
_FIELD_RANGE = (0.55, 1.8)
_TINT_RANGE = (-30.0, 30.0)
_EXPOSURE_TIME = 0.4 * SECOND
_FIELD_TIME = 1.0 * SECOND
_DARK = 12.0
_ENOUGH = 0.1
_AGREE, _MOST = 0.05, 0.6
"""Where most blocks agree on an exposure it is followed at once."""
_OUTLIER = 0.15
"""Blocks further than this (natural logarithm) from the curve have no say in it (Tukey's biweight)."""
_STIFFNESS = 0.004
"""Weight, per block, of the assumption that the curve is not bent."""
_AT_FIRST = 0.12
"""How far off the curve a block may be to be taken for the same thing in another light, to begin with."""
_OWN, _AROUND = 0.8, 6.0
"""Standard deviations, in blocks, of what is averaged for a free block and for a masked one."""
_LUMA_STEP, _CHROMA_STEP = 0.012, 0.8
"""Changes of light that are not worth showing."""


@dataclass(frozen=True)
class Lighting:
    """``curve``: luma above black for each luma of the reference (256); gain and offsets of chroma per block."""

    curve: Floats
    gain: Floats
    u: Floats
    v: Floats

    def near(self, other: "Lighting") -> bool:
        """Whether nobody could tell them apart."""
        chroma = max(float(np.abs(self.u - other.u).max()), float(np.abs(self.v - other.v).max()))
        luma = max(_most(self.gain, other.gain), _most(self.curve[32:], other.curve[32:]))
        return chroma <= _CHROMA_STEP and luma <= _LUMA_STEP


class Light:
    """Follows the light of one scene."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._level, self._bend = 0.0, 1.0
        self._field = np.ones(grid.shape, np.float32)
        self._tints = [np.zeros(grid.shape, np.float32) for _ in range(2)]

    @property
    def now(self) -> Lighting:
        """The light of the last picture."""
        curve = self._curve(np.arange(256, dtype=np.float32))
        return Lighting(curve, self._field.copy(), self._tints[0].copy(), self._tints[1].copy())

    def _curve(self, luma: Floats) -> Floats:
        share = np.maximum(luma - BLACK, 0) / _WHITE
        return np.asarray(_WHITE * np.exp(self._level) * share**self._bend, np.float32)

    def gain_of(self, luma: Floats) -> Floats:
        """How much brighter than the reference blocks of this mean luma are, by exposure and place."""
        return np.asarray(self._curve(luma) / np.maximum(luma - BLACK, 1) * self._field, np.float32)

    def begin(self, live: list[Floats], reference: list[Floats], fresh: Bits) -> None:
        """Start with the light of ``live`` (block means of Y, U, V) where ``fresh``, elsewhere with that around it.

        A block far off the curve shows another thing, not another light.
        """
        for _ in range(3):
            self.follow_exposure(live[0], reference[0], fresh, SECOND)
            ratio = (live[0] - BLACK) / np.maximum(self._curve(reference[0]), 1)
            self.follow_places(live, reference, fresh & (np.abs(ratio - 1) < _AT_FIRST), 10 * SECOND)

    def follow_exposure(self, live: Floats, reference: Floats, free: Bits, elapsed: int) -> None:
        """Follow what changes everywhere at once. ``live``, ``reference``: block means of luma; ``elapsed`` in ns.

        ``free``: blocks that were not masked in the picture before.
        """
        lit = reference - BLACK > _DARK
        # With hardly a free block left, all of them judge.
        judges = (free if self._grid.share(free) >= _ENOUGH else np.ones_like(free)) & lit
        if not judges.any():
            return
        x = np.log((reference[judges] - BLACK) / _WHITE)
        y = np.log(np.maximum(live[judges] - BLACK, 1) / _WHITE / self._field[judges])
        level, bend = _fit(x, y, self._level, self._bend)
        agreed = float((np.abs(y - level - bend * x) < _AGREE).mean()) > _MOST
        pace = 1.0 if agreed else 1 - float(np.exp(-elapsed / _EXPOSURE_TIME))
        self._level = float(np.clip(self._level + pace * (level - self._level), *_LEVEL_RANGE))
        self._bend = float(np.clip(self._bend + pace * (bend - self._bend), *_BEND_RANGE))

    def follow_places(self, live: list[Floats], reference: list[Floats], free: Bits, elapsed: int) -> None:
        """Follow what changes from place to place. ``live``, ``reference``: block means of Y, U, V.

        ``free``: blocks that are not masked in this very picture, so that nobody's colours get in.
        """
        lit = reference[0] - BLACK > _DARK
        pace = 1 - float(np.exp(-elapsed / _FIELD_TIME))
        ratio = (live[0] - BLACK) / np.maximum(self._curve(reference[0]), 1)
        (step,) = _spread([np.asarray(ratio - self._field, np.float32)], [free & lit])
        self._field = np.clip(self._field + pace * step, *_FIELD_RANGE).astype(np.float32)
        gain = self.gain_of(reference[0])
        offsets = [
            live[index + 1] - GREY - (reference[index + 1] - GREY) * gain - tint
            for index, tint in enumerate(self._tints)
        ]
        steps = _spread(offsets, [free, free])
        self._tints = [
            np.clip(tint + pace * step, *_TINT_RANGE).astype(np.float32)
            for tint, step in zip(self._tints, steps, strict=True)
        ]


def _fit(x: Floats, y: Floats, level: float, bend: float) -> tuple[float, float]:
    """Fit y = level + bend x by iteratively reweighted least squares, beginning at the last curve, shifted."""
    level += _middle(y - level - bend * x)
    for _ in range(4):
        weight = np.maximum(1 - ((y - level - bend * x) / _OUTLIER) ** 2, 0) ** 2
        total = float(weight.sum())
        if total < 1:
            break
        middle_x, middle_y = float((weight * x).sum()) / total, float((weight * y).sum()) / total
        stiff = _STIFFNESS * total
        across = float((weight * (x - middle_x) * (y - middle_y)).sum()) + stiff
        bend = float(np.clip(across / (float((weight * (x - middle_x) ** 2).sum()) + stiff), *_BEND_RANGE))
        level = middle_y - bend * middle_x
    return level, bend


def _middle(values: Floats) -> float:
    """The median; ``numpy.median`` takes ten times as long over a few hundred values."""
    first, second = (len(values) - 1) // 2, len(values) // 2
    parted = np.partition(values, (first, second))
    return float((parted[first] + parted[second]) / 2)


def _spread(errors: list[Floats], free: list[Bits]) -> list[Floats]:
    """Smooth errors: of a free block with its free neighbours, of another with the free ones far and wide."""
    count = len(errors)
    weighted = [np.where(bits, error, 0) for error, bits in zip(errors, free, strict=True)]
    layers = np.stack([*weighted, *free], axis=-1).astype(np.float32)
    own, around = (
        smooth[..., :count] / np.maximum(smooth[..., count:], 1e-3)
        for smooth in (np.asarray(cv2.GaussianBlur(layers, (0, 0), sigma), np.float32) for sigma in (_OWN, _AROUND))
    )
    return [np.where(bits, own[..., index], around[..., index]).astype(np.float32) for index, bits in enumerate(free)]


def _most(one: Floats, other: Floats) -> float:
    return float(np.abs(one / np.maximum(other, 1e-3) - 1).max())

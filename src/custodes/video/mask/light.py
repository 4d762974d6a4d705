# SPDX-License-Identifier: AGPL-3.0-or-later
"""Today's light, as gains of luma and offsets of chroma against the certified reference, one per block.

Where nothing is masked a block follows its own slow change of light; a masked block follows that of its surroundings,
so that it fits again when it is released. A field of one value per 16 pixels, smoothed, cannot draw a person.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from custodes.clock import SECOND
from custodes.video.mask.grid import Bits, Floats, Grid

BLACK, GREY = 16.0, 128.0
_GAIN_RANGE = (0.4, 2.5)
_FIELD_RANGE = (0.55, 1.8)
_TINT_RANGE = (-30.0, 30.0)
_GAIN_TIME = 0.4 * SECOND
_FIELD_TIME = 1.0 * SECOND
_DARK = 12.0
_ENOUGH = 0.1
_AGREE, _MOST = 0.05, 0.6
"""Where most blocks agree on a gain, it is the camera's exposure that jumped: it is followed at once."""
_OWN, _AROUND = 0.8, 6.0
"""Standard deviations, in blocks, of what is averaged for a free block and for a masked one."""
_LUMA_STEP, _CHROMA_STEP = 0.012, 0.8
"""Changes of light that are not worth showing."""


@dataclass(frozen=True)
class Lighting:
    """Gains of luma above black, and offsets of U and V; rows x columns each."""

    gain: Floats
    u: Floats
    v: Floats

    def near(self, other: "Lighting") -> bool:
        """Whether nobody could tell them apart."""
        chroma = max(float(np.abs(self.u - other.u).max()), float(np.abs(self.v - other.v).max()))
        return chroma <= _CHROMA_STEP and float(np.abs(self.gain / other.gain - 1).max()) <= _LUMA_STEP


class Light:
    """Follows the light of one scene."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._gain = 1.0
        self._field = np.ones(grid.shape, np.float32)
        self._tints = [np.zeros(grid.shape, np.float32) for _ in range(2)]

    @property
    def now(self) -> Lighting:
        """The light of the last picture."""
        return Lighting(self._field * np.float32(self._gain), self._tints[0].copy(), self._tints[1].copy())

    def begin(self, live: list[Floats], reference: list[Floats]) -> None:
        """Start with the light of ``live`` (block means of Y, U, V); a median keeps single things out of it."""
        ratio = _ratio(live[0], reference[0])
        self._gain = float(np.clip(np.median(ratio), *_GAIN_RANGE))
        steady = np.where(reference[0] - BLACK > _DARK, ratio / self._gain, 1).astype(np.float32)
        field = np.asarray(cv2.medianBlur(steady, 5), np.float32)
        self._field = np.clip(field, *_FIELD_RANGE)
        for index, tint in enumerate(self._tints):
            offset = live[index + 1] - GREY - (reference[index + 1] - GREY) * self._gain * self._field
            tint[:] = np.clip(cv2.medianBlur(offset.astype(np.float32), 5), *_TINT_RANGE)

    def follow_exposure(self, live: Floats, reference: Floats, free: Bits, elapsed: int) -> None:
        """Follow what changes everywhere at once. ``live``, ``reference``: block means of luma; ``elapsed`` in ns.

        ``free``: blocks that were not masked in the picture before.
        """
        lit = reference - BLACK > _DARK
        if not lit.any():
            return
        ratio = _ratio(live, reference)
        # With hardly a free block left, the camera's exposure is judged by all of them: their median.
        judges = (free if self._grid.share(free) >= _ENOUGH else np.ones_like(free)) & lit
        local = ratio[judges] / self._field[judges]
        target = float(np.median(local))
        agreed = float((np.abs(local - target) < _AGREE * target).mean()) > _MOST
        pace = 1.0 if agreed else 1 - float(np.exp(-elapsed / _GAIN_TIME))
        self._gain = float(np.clip(self._gain + pace * (target - self._gain), *_GAIN_RANGE))

    def follow_places(self, live: list[Floats], reference: list[Floats], free: Bits, elapsed: int) -> None:
        """Follow what changes from place to place. ``live``, ``reference``: block means of Y, U, V.

        ``free``: blocks that are not masked in this very picture, so that nobody's colours get in.
        """
        lit = reference[0] - BLACK > _DARK
        pace = 1 - float(np.exp(-elapsed / _FIELD_TIME))
        step = _spread(_ratio(live[0], reference[0]) / self._gain - self._field, free & lit)
        self._field = np.clip(self._field + pace * step, *_FIELD_RANGE).astype(np.float32)
        for index, tint in enumerate(self._tints):
            offset = live[index + 1] - GREY - (reference[index + 1] - GREY) * self._gain * self._field
            step = _spread(offset - tint, free)
            self._tints[index] = np.clip(tint + pace * step, *_TINT_RANGE).astype(np.float32)


def _ratio(live: Floats, reference: Floats) -> Floats:
    return np.asarray((live - BLACK) / np.maximum(reference - BLACK, _DARK), np.float32)


def _spread(errors: Floats, free: Bits) -> Floats:
    """Smooth errors: of a free block with its free neighbours, of another with the free ones far and wide."""
    weight = free.astype(np.float32)
    weighted = np.where(free, errors, 0).astype(np.float32)
    own, around = (
        np.asarray(cv2.GaussianBlur(weighted, (0, 0), sigma), np.float32)
        / np.maximum(np.asarray(cv2.GaussianBlur(weight, (0, 0), sigma), np.float32), 1e-3)
        for sigma in (_OWN, _AROUND)
    )
    return np.where(free, own, around).astype(np.float32)

# SPDX-License-Identifier: AGPL-3.0-or-later
"""Samples of a recorded scene over its whole length, block by block, and the picture without people that follows.

Each block keeps up to ``_MOST`` samples, evenly over the time in which it was clean: when they are full, every second
one is dropped, and new ones come half as often. A block is believed only if it looked the same at its first and at its
last clean moment and nearly always between. So of whoever stood there undetected and then left, or came and stayed,
nothing becomes background: nobody can say which of the two was the empty place.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from custodes.clock import MILLISECOND
from custodes.video.mask.features import Features, features
from custodes.video.mask.grid import Bits, Bytes, Floats, Grid, Planes, in_blocks
from custodes.video.mask.scaling import Scaling
from custodes.video.mask.tuning import Tuning

_MOST = 24
_FIRST_PACE = 800 * MILLISECOND
_AGREEING = 0.7
"""Share of a block's samples that must look like their median."""
_SPREAD = 0.7
_LOOSER = 1.5
"""How many times the masker's own steps a sample may be off."""
_AROUND = 9
"""Side, in blocks, of the surroundings whose median is taken for a difference of light."""
_ROWS = 64


@dataclass(frozen=True)
class Scene:
    """``stored``: the place without people, as large as the file's pictures; ``small``: the same as it is compared.

    ``known``: blocks that are believed; ``spread``: how far features stray from those of ``small`` at rest.
    """

    stored: Planes
    small: Planes
    known: Bits
    spread: Features


class Samples:
    """Collects; ``develop`` makes the scene."""

    def __init__(self, scaling: Scaling, tuning: Tuning) -> None:
        self._scaling, self._tuning = scaling, tuning
        self._canvases: list[Planes] = []
        shape = scaling.grid.shape
        self._taken = np.zeros(shape, np.int32)
        self._pace = np.full(shape, _FIRST_PACE, np.int64)
        self._due = np.full(shape, -(1 << 62), np.int64)
        self._last = _grey(scaling.small(_grey_stored(scaling)))

    def take(self, stored: Planes, small: Planes, clean: Bits, at: int) -> None:
        """Take a sample of every clean block whose turn it is; ``at`` in ns, rising."""
        self._paint(self._last, small, (self._pixels(clean), self._pixels(clean, half=True)))
        due = clean & (at >= self._due)
        self._thin(due & (self._taken == _MOST))
        for place in np.unique(self._taken[due]):
            while len(self._canvases) <= place:
                self._canvases.append(_grey_stored(self._scaling))
            self._paint(self._canvases[place], stored, self._scaling.stored(due & (self._taken == place)))
        self._taken[due] += 1
        self._due[due] = at + self._pace[due]

    def _thin(self, full: Bits) -> None:
        """Drop every second sample of these blocks."""
        if not full.any():
            return
        pixels = self._scaling.stored(full)
        for place in range(1, _MOST // 2):
            self._paint(self._canvases[place], self._canvases[2 * place], pixels)
        self._taken[full] = _MOST // 2
        self._pace[full] *= 2

    def _pixels(self, blocks: Bits, half: bool = False) -> Bytes:
        return np.ascontiguousarray(self._scaling.grid.spread(blocks, half)).view(np.uint8)

    @staticmethod
    def _paint(on: Planes, picture: Planes, pixels: tuple[Bytes, Bytes]) -> None:
        for index, (plane, source) in enumerate(zip(on, picture, strict=True)):
            cv2.copyTo(source, pixels[min(index, 1)], plane)

    def develop(self) -> Scene | None:
        """The scene; None if no block has enough samples."""
        enough = self._taken >= self._tuning.samples_needed
        if not enough.any():
            return None
        self._repeat()
        stored = self._median()
        small = self._scaling.small(stored)
        known, spread = self._judge(small, enough)
        return Scene(stored, small, known, spread)

    def _repeat(self) -> None:
        """Fill up blocks that have fewer samples than others by their own, in turn."""
        for count in np.unique(self._taken[self._taken > 0]):
            pixels = self._scaling.stored(self._taken == count)
            for place in range(int(count), len(self._canvases)):
                self._paint(self._canvases[place], self._canvases[place - int(count)], pixels)

    def _median(self) -> Planes:
        middle, planes = len(self._canvases) // 2, []
        for index in range(3):
            sources = [canvas[index] for canvas in self._canvases]
            out = np.empty_like(sources[0])
            for begin in range(0, len(out), _ROWS):
                rows = slice(begin, begin + _ROWS)
                out[rows] = np.partition(np.stack([source[rows] for source in sources]), middle, axis=0)[middle]
            planes.append(out)
        return Planes(*planes)

    def _judge(self, still: Planes, enough: Bits) -> tuple[Bits, Features]:
        centre, grid = features(still), self._scaling.grid
        often = np.zeros(grid.shape, np.int32)
        first = np.zeros(grid.shape, np.bool_)
        strayed: list[list[Bytes]] = [[] for _ in centre]
        for place, canvas in enumerate(self._canvases):
            sample = features(relit(self._scaling.small(canvas), still, grid))
            agrees = agreeing(sample, centre, grid, self._tuning)
            often += agrees & (place < self._taken)
            first |= agrees & (place == 0)
            for stores, feature, middle in zip(strayed, sample, centre, strict=True):
                stores.append(np.asarray(cv2.absdiff(feature, middle), np.uint8))
        last = agreeing(features(relit(self._last, still, grid)), centre, grid, self._tuning)
        known = enough & first & last & (often >= _AGREEING * self._taken)
        place = int(len(self._canvases) * _SPREAD)
        spread = Features(
            *(np.ascontiguousarray(np.partition(np.stack(each), place, axis=0)[place]) for each in strayed)
        )
        return known, spread


def agreeing(sample: Features, centre: Features, grid: Grid, tuning: Tuning) -> Bits:
    """Blocks in which nothing differs by more than light and noise."""
    steps = (tuning.fine, tuning.coarse, tuning.chroma, tuning.chroma)
    fine, coarse, u, v = (
        grid.counts(np.asarray(cv2.absdiff(a, b) > _LOOSER * step, np.uint8)).astype(np.int32)
        for a, b, step in zip(sample, centre, steps, strict=True)
    )
    return ~in_blocks(fine + coarse // 2 + 2 * np.maximum(u, v) >= tuning.strong_pixels)


def relit(sample: Planes, still: Planes, grid: Grid) -> Planes:
    """A sample in the still's light, as far as light is what whole surroundings have in common."""
    planes = []
    for plane, like in zip(sample, still, strict=True):
        offset = grid.means(like) - grid.means(plane)
        smooth = grid.smooth(_surroundings(offset), half=plane.shape[0] != grid.height)
        planes.append(np.clip(plane + smooth, 0, 255).astype(np.uint8))
    return Planes(*planes)


def _surroundings(offset: Floats) -> Floats:
    """The median of each block's surroundings, in whole steps."""
    steps = np.clip(np.rint(offset) + 128, 0, 255).astype(np.uint8)
    return np.asarray(cv2.medianBlur(steps, _AROUND), np.float32) - 128


def _grey_stored(scaling: Scaling) -> Planes:
    half = (scaling.height // 2, scaling.width // 2)
    return Planes(*(np.full(shape, 128, np.uint8) for shape in ((scaling.height, scaling.width), half, half)))


def _grey(like: Planes) -> Planes:
    return Planes(*(np.full(plane.shape, 128, np.uint8) for plane in like))

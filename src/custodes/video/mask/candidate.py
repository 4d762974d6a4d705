# SPDX-License-Identifier: AGPL-3.0-or-later
"""The candidate reference: what the scene looks like when nobody is there, as far as the masker can tell by itself.

Every block collects samples of its own at moments when no person was found in it and nothing moved; the candidate is
their median per pixel. Only the steward can make a reference of it.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from custodes.clock import SECOND
from custodes.video.mask.features import Features, features
from custodes.video.mask.grid import BLOCK, Bits, Bytes, Floats, Grid, Planes, in_blocks, widened
from custodes.video.mask.tuning import Tuning

_MOTION_LUMA = 12
_MOTION_PIXELS = 3
_RESTLESS = 0.6
_RESTLESS_AFTER = 8
_SPREAD = 0.7
_CLOUD = 1.5
"""Blocks over which light is taken to be even (standard deviation)."""
_NEVER = 3600 * SECOND
_AT_NO_TIME = 2**62
_PIXELS = BLOCK * BLOCK
_CHROMA = _PIXELS // 4


@dataclass(frozen=True)
class Still:
    """A candidate: the picture and the blocks it knows; the others are grey."""

    planes: Planes
    known: Bits


@dataclass(frozen=True)
class Lately:
    """Block means of Y, U, V when the blocks were last clean, and whether that was a moment ago."""

    means: list[Floats]
    fresh: Bits


class Collector:
    """Samples of one scene. Restart it (make another) when the scene is another one.

    ``never``: blocks that never become known, because privacy zones are burned into them.
    """

    def __init__(self, grid: Grid, tuning: Tuning, never: Bits | None = None) -> None:
        self._grid, self._tuning = grid, tuning
        blocks = grid.rows * grid.columns
        self._never = np.zeros(blocks, np.bool_) if never is None else never.ravel()
        self._samples = np.zeros((tuning.samples, blocks, _PIXELS + 2 * _CHROMA), np.uint8)
        self._taken = np.zeros(blocks, np.int32)
        self._times = np.full((tuning.samples, blocks), _AT_NO_TIME, np.int64)
        self._found = np.full(blocks, -1, np.int64)
        self._looked = 0
        self._restless = np.zeros(blocks, np.int32)
        self._wait = np.zeros(blocks, np.int64)
        self._means = [np.zeros(blocks, np.float32) for _ in range(3)]
        self._age = np.full(blocks, _NEVER, np.int64)
        self._elapsed = 0
        self._since_look = tuning.sample_every
        self._before: Bytes | None = None

    @property
    def progress(self) -> int:
        """0 to 100; 100 exactly when the candidate is complete."""
        tuning = self._tuning
        time = min(self._elapsed / tuning.candidate_time, 1.0)
        filled = float(np.minimum(self._taken / tuning.samples_needed, 1.0).mean())
        known = float((self._taken >= tuning.samples_needed).mean())
        patient = self._elapsed >= tuning.candidate_patience and known >= tuning.candidate_share
        if time >= 1.0 and (known == 1.0 or patient):
            return 100
        return min(int(100 * min(time, filled)), 99)

    @property
    def doubtful(self) -> Bits:
        """Blocks in or beside which a person was found since the oldest sample was taken: they may show that person."""
        return np.asarray(self._found >= self._times.min(axis=0)).reshape(self._grid.shape)

    def look(self, planes: Planes, occupied: Bits, elapsed: int) -> None:
        """Take samples if it is time; ``occupied``: blocks in which a person was found lately; ``elapsed`` in ns."""
        self._elapsed += elapsed
        self._since_look += elapsed
        self._wait -= elapsed
        self._age = np.minimum(self._age + elapsed, _NEVER)
        near = widened(occupied).ravel()
        self._found[near] = self._elapsed
        if self._since_look < self._tuning.sample_every:
            return
        self._since_look = 0
        blurred = np.asarray(cv2.blur(planes.y, (3, 3)), np.uint8)
        before, self._before = self._before, blurred
        if before is None:
            return
        self._looked += 1
        moving = self._moving(blurred, before)
        self._restless += moving
        often = (self._restless > _RESTLESS * self._looked) if self._looked >= _RESTLESS_AFTER else False
        clean = (~moving | often) & ~near
        self._take(planes, clean)
        self._age[clean] = 0
        for kept, plane in zip(self._means, planes, strict=True):
            kept[clean] = self._grid.means(plane).ravel()[clean]

    def _moving(self, now: Bytes, before: Bytes) -> Bits:
        marks = np.asarray(cv2.threshold(cv2.absdiff(now, before), _MOTION_LUMA, 1, cv2.THRESH_BINARY)[1], np.uint8)
        return in_blocks(self._grid.counts(marks) >= _MOTION_PIXELS).ravel()

    def _take(self, planes: Planes, clean: NDArray[np.bool_]) -> None:
        full = self._taken >= self._tuning.samples
        chosen = np.flatnonzero(clean & (~full | (self._wait <= 0)))
        if not len(chosen):
            return
        place = self._taken[chosen] % self._tuning.samples
        self._samples[place, chosen] = self._cut(planes)[chosen]
        self._times[place, chosen] = self._elapsed
        self._taken[chosen] += 1
        self._wait[chosen] = self._tuning.sample_later

    def _cut(self, planes: Planes) -> Bytes:
        parts = []
        for plane in planes:
            whole = self._grid.padded(plane)
            side = whole.shape[0] // self._grid.rows
            tiles = whole.reshape(self._grid.rows, side, self._grid.columns, side).swapaxes(1, 2)
            parts.append(tiles.reshape(-1, side * side))
        return np.concatenate(parts, axis=1)

    def _join(self, tiles: Bytes) -> Planes:
        def plane(part: Bytes, side: int) -> Bytes:
            whole = part.reshape(self._grid.rows, self._grid.columns, side, side).swapaxes(1, 2)
            high, wide = self._grid.height * side // BLOCK, self._grid.width * side // BLOCK
            return np.ascontiguousarray(whole.reshape(self._grid.rows * side, -1)[:high, :wide])

        u_end = _PIXELS + _CHROMA
        return Planes(
            plane(tiles[:, :_PIXELS], BLOCK),
            plane(tiles[:, _PIXELS:u_end], BLOCK // 2),
            plane(tiles[:, u_end:], BLOCK // 2),
        )

    def still(self) -> Still:
        """The median of what was collected so far; blocks with too few samples are not ``known``."""
        middle = np.full(self._samples.shape[1:], 128, np.uint8)
        counts = np.minimum(self._taken, self._tuning.samples)
        known = counts >= self._tuning.samples_needed
        for count in np.unique(counts[known]):
            chosen = np.flatnonzero(counts == count)
            # Sorting is the cheapest exact median of few bytes; one copy per group of blocks.
            middle[chosen] = np.sort(self._samples[:count, chosen], axis=0)[count // 2]
        return Still(self._join(middle), (known & ~self._never).reshape(self._grid.shape))

    def lately(self) -> Lately:
        """What clean blocks looked like at the last looks."""
        fresh = self._age <= 2 * self._tuning.sample_every
        return Lately([part.reshape(self._grid.shape) for part in self._means], fresh.reshape(self._grid.shape))

    def spread(self, still: Still) -> Features:
        """How far the samples' features stray from those of the still: their 70th percentile, per pixel.

        Not a higher one: what passed by uniformly (a tram's side) moved without being seen to.
        """
        tiles, centre = self._cut(still.planes), features(still.planes)
        strayed = [np.zeros((self._tuning.samples, *plane.shape), np.uint8) for plane in centre]
        counts = np.clip(self._taken, 1, self._tuning.samples)
        chosen = np.flatnonzero(still.known)
        for index in range(self._tuning.samples):
            tiles[chosen] = self._samples[index % counts[chosen], chosen]
            sample = features(self._relit(self._join(tiles), still.planes))
            for plane, feature, store in zip(centre, sample, strayed, strict=True):
                store[index] = cv2.absdiff(feature, plane)
        place = int(self._tuning.samples * _SPREAD)
        return Features(*(np.ascontiguousarray(np.partition(store, place, axis=0)[place]) for store in strayed))

    def _relit(self, sample: Planes, still: Planes) -> Planes:
        """A sample in the still's light, so that a cloud during these seconds does not pass for restlessness."""
        relit = []
        for plane, like in zip(sample, still, strict=True):
            offset = cv2.GaussianBlur(self._grid.means(like) - self._grid.means(plane), (0, 0), _CLOUD)
            smooth = self._grid.smooth(np.asarray(offset, np.float32), half=plane.shape[0] != self._grid.height)
            relit.append(np.clip(plane + smooth, 0, 255).astype(np.uint8))
        return Planes(*relit)

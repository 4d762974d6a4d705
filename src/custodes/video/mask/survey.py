# SPDX-License-Identifier: AGPL-3.0-or-later
"""The first pass over a recorded file: where people and vehicles are found, and what the place looks like without them.

Unlike the live masker's, it knows what comes later: a moment is clean only if nobody was found there for some seconds
before *and after* and nothing moved on either side of it. And it asks nobody: what is not sure stays masked.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from custodes.clock import MILLISECOND, Instant
from custodes.domain.video import Frame, SourceTime
from custodes.errors import unavailable
from custodes.video.mask.detector import Box, Detector, Kind
from custodes.video.mask.encounters import Encounters
from custodes.video.mask.features import features
from custodes.video.mask.grid import Bits, Bytes, Grid, Planes, in_blocks, widened
from custodes.video.mask.samples import Samples, Scene, agreeing, relit
from custodes.video.mask.scaling import Scaling
from custodes.video.mask.tuning import Tuning

_DETECT_EVERY = 200 * MILLISECOND
_AROUND = 1500 * MILLISECOND
"""Nobody may have been found in a block so long before and after it is taken for empty."""
_MARGIN = 0.25
_MOTION_LUMA, _MOTION_PIXELS = 12, 3
_PARTS = ((3, 2, 1 / 2, 2 / 3),)
_STILL_PARTS = (*_PARTS, (5, 4, 1 / 3, 2 / 5))
"""Parts of the picture that are looked at by themselves, for small people: columns, rows, and the share each takes."""
_KINDS = tuple(Kind)
_ISLAND = 4
"""Unsure blocks that hang together to more than this are somebody's, perhaps: their neighbours are unsure too."""


@dataclass(frozen=True)
class Found:
    """What was found at one moment: rows of kind, score in thousandths, left, top, right, bottom (small picture)."""

    at: int
    rows: NDArray[np.int16]

    def boxes(self) -> list[Box]:
        """As the detector's."""
        return [Box(_KINDS[row[0]], row[1] / 1000, *map(float, row[2:])) for row in self.rows.tolist()]


@dataclass
class _Look:
    at: int
    stored: Planes
    small: Planes
    blurred: Bytes


class Survey:
    """One pass. ``CustodesError`` (UNAVAILABLE) if the detector fails."""

    def __init__(self, scaling: Scaling, detector: Detector, tuning: Tuning) -> None:
        cv2.setNumThreads(1)
        self._scaling, self._detector, self._tuning = scaling, detector, tuning
        self._samples = Samples(scaling, tuning)
        self.found: list[Found] = []
        self._looks: deque[_Look] = deque()
        self._before: Bytes | None = None
        self._ends: list[tuple[int, Planes]] = []
        self._begin: int | None = None
        self._detected = self._looked = -(1 << 62)
        self._parts = list(_parts(_PARTS))
        self._part = 0
        self._encounters = Encounters(scaling.grid, _MARGIN)
        self._now = 0

    def wants(self, at: int) -> bool:
        """Whether the picture at this time (ns, not falling) is to be looked at."""
        self._begin = at if self._begin is None else self._begin
        self._now = at
        return at - self._detected >= _DETECT_EVERY

    def look(self, frame: Frame, at: int) -> None:
        """Look at a picture that is wanted; it is as stored."""
        self._detected = at
        stored = self._scaling.planes(frame.i420)
        small = self._scaling.small(stored)
        boxes = self._detect(small)
        looking = at - self._looked >= self._tuning.sample_every
        if looking:
            boxes += self._detect_part(stored, self._parts[self._part])
            self._part = (self._part + 1) % len(self._parts)
        self.found.append(Found(at, _rows(boxes)))
        self._ends = [*self._ends[:1], (at, small)]
        if looking:
            self._encounters.add(small, boxes)
            self._looked = at
            self._looks.append(_Look(at, stored, small, np.asarray(cv2.blur(small.y, (3, 3)), np.uint8)))
        self._settle(at - _AROUND)

    def finish(self) -> Scene | None:
        """What the place looks like without people; None if the file is too short, or nothing was ever empty."""
        self._settle(self._now)
        if self._begin is None or self._now - self._begin < self._tuning.candidate_time:
            return None
        scene = self._samples.develop()
        if scene is None:
            return None
        known = scene.known & ~self._encounters.in_scene(scene.small, self._tuning)
        for box in self._in_still(scene):
            if box.kind is not Kind.VEHICLE:
                known[self._scaling.grid.box(box.left, box.top, box.right, box.bottom, _MARGIN)] = False
        known &= ~widened(_islands(~known)) & ~self._unlike(scene)
        return Scene(scene.stored, scene.small, known, scene.spread) if known.any() else None

    def _unlike(self, scene: Scene) -> Bits:
        """Where the first or the last picture shows something else, and nobody was found there.

        Whoever is there all the time but for these moments would be the scene, to judge by clean moments alone.
        """
        grid, centre = self._scaling.grid, features(scene.small)
        blocks = np.zeros(grid.shape, np.bool_)
        for at, small in self._ends:
            differs = ~agreeing(features(relit(small, scene.small, grid)), centre, grid, self._tuning)
            blocks |= differs & ~self._people(list(self._lately(at)))
        return blocks

    def _settle(self, until: int) -> None:
        """Judge the looks up to then: what happened after them is known now."""
        while self._looks and self._looks[0].at <= until:
            look = self._looks.popleft()
            before, self._before = self._before, look.blurred
            after = self._looks[0].blurred if self._looks else None
            if before is None or after is None:
                continue
            near = list(self._lately(look.at))
            moving = _moving(look.blurred, before, self._scaling.grid) | _moving(
                look.blurred, after, self._scaling.grid
            )
            clean = ~widened(moving) & ~widened(self._people(near))
            self._samples.take(look.stored, look.small, clean, look.at)

    def _lately(self, at: int) -> Iterator[Found]:
        for each in reversed(self.found):
            if each.at < at - _AROUND:
                return
            if each.at <= at + _AROUND:
                yield each

    def _people(self, found: list[Found]) -> Bits:
        """Blocks in which anybody was found."""
        blocks = np.zeros(self._scaling.grid.shape, np.bool_)
        for each in found:
            for kind, _, left, top, right, bottom in each.rows.tolist():
                if _KINDS[kind] is not Kind.VEHICLE:
                    blocks[self._scaling.grid.box(left, top, right, bottom, _MARGIN)] = True
        return blocks

    def _in_still(self, scene: Scene) -> list[Box]:
        """Whoever is found in the still was in most samples: looked at as a whole and part by part."""
        boxes = self._detect(scene.small)
        for part in _parts(_STILL_PARTS):
            boxes += self._detect_part(scene.stored, part)
        return boxes

    def _detect(self, upright: Planes) -> list[Box]:
        height, width = upright.y.shape
        data = b"".join(plane.tobytes() for plane in upright)
        try:
            return self._detector.detect(Frame(width, height, data, Instant(0), SourceTime(0, 0)))
        except Exception as error:
            raise unavailable("the person detector does not work") from error

    def _detect_part(self, stored: Planes, part: tuple[float, float, float, float]) -> list[Box]:
        left, top, right, bottom = part
        planes = self._scaling.part(stored, *part)
        grid = self._scaling.grid
        wide = (right - left) * grid.width / planes.y.shape[1]
        high = (bottom - top) * grid.height / planes.y.shape[0]
        x, y = left * grid.width, top * grid.height
        return [
            Box(
                box.kind,
                box.score,
                x + box.left * wide,
                y + box.top * high,
                x + box.right * wide,
                y + box.bottom * high,
            )
            for box in self._detect(planes)
        ]


def _parts(cuts: tuple[tuple[int, int, float, float], ...]) -> Iterator[tuple[float, float, float, float]]:
    """Left, top, right, bottom of parts that overlap, in shares of the picture."""
    for columns, rows, wide, high in cuts:
        for row in range(rows):
            for column in range(columns):
                left, top = (1 - wide) * column / (columns - 1), (1 - high) * row / (rows - 1)
                yield left, top, left + wide, top + high


def _rows(boxes: list[Box]) -> NDArray[np.int16]:
    rows = [
        (
            _KINDS.index(box.kind),
            round(1000 * box.score),
            *(round(x) for x in (box.left, box.top, box.right, box.bottom)),
        )
        for box in boxes
    ]
    return np.array(rows, np.int16).reshape(-1, 6)


def _moving(now: Bytes, other: Bytes, grid: Grid) -> Bits:
    marks = np.asarray(cv2.threshold(cv2.absdiff(now, other), _MOTION_LUMA, 1, cv2.THRESH_BINARY)[1], np.uint8)
    return in_blocks(grid.counts(marks) >= _MOTION_PIXELS)


def _islands(blocks: Bits) -> Bits:
    """Those that hang together to more than a few."""
    _, labels, facts, _ = cv2.connectedComponentsWithStats(blocks.view(np.uint8), connectivity=8)
    large = np.asarray(facts)[:, cv2.CC_STAT_AREA] > _ISLAND
    large[0] = False
    return np.asarray(large[np.asarray(labels)])

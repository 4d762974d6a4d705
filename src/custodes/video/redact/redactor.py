# SPDX-License-Identifier: AGPL-3.0-or-later
"""The redacted clip: the masked copy, and over it the pixels of the kept regions.

Pixels of the originals are copied in kept blocks only; everything else is what the masker showed at the time.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from custodes.clock import SECOND, Instant
from custodes.errors import invalid
from custodes.video.encode.pictures import picture as picture_from
from custodes.video.encode.still import as_jpeg
from custodes.video.ingest.decode import i420
from custodes.video.mask import palette
from custodes.video.mask.grid import Bits, Grid, Planes
from custodes.video.mask.silhouette import solid
from custodes.video.masked import masked_pictures
from custodes.video.redact.clips import Clip
from custodes.video.redact.region import HOLE, Ending, Kept, keep
from custodes.video.redact.scene import Progress, Scene, nearest, within
from custodes.video.redact.write import ClipWriter

_NEAREST = SECOND
"""A point belongs to the picture nearest to its time, at most so far away."""
_REVIEW_EVERY = SECOND // 2


@dataclass(frozen=True, slots=True)
class Point:
    """Where somebody stood: thousandths of the picture's width and height, and when (receiver's UTC)."""

    x: int
    y: int
    at: Instant


@dataclass(frozen=True, slots=True)
class Stretch:
    """A kept region: from its first to its last picture that show it, and why it begins and ends there."""

    point: Point
    start: Instant
    end: Instant
    begun: Ending
    ended: Ending
    pictures: int


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A picture for the person who reviews: its time, the JPEG's name, and whether anything of it is shown."""

    at: Instant
    name: str
    shown: bool


@dataclass(frozen=True, slots=True)
class Result:
    """What was made: pictures in all and those that show something, the stretches, and what there is to review."""

    width: int
    height: int
    pictures: int
    showing: int
    stretches: tuple[Stretch, ...]
    review: tuple[Reviewed, ...]


def redact(
    scene: Scene, clips: Sequence[Clip], masked: bytes, points: Sequence[Point], folder: Path, progress: Progress
) -> Result:
    """Write ``clip.mp4`` and ``pictures/*.jpg`` of a scene into ``folder``; what the points are on stays visible.

    ``clips`` and ``masked`` are what the scene was made of. ``CustodesError`` (INVALID) for a point at which there is
    nobody, or more than one, or that lies outside the window: then nothing is written.
    """
    kept = [_keep(scene, point) for point in points]
    writer = ClipWriter(folder / "clip.mp4", scene.size)
    review: list[Reviewed] = []
    (folder / "pictures").mkdir()
    painter = _Painter(scene, masked)
    last: tuple[Instant, bool] | None = None
    pictures = showing = 0
    for picture in within(clips, *scene.window):
        blocks = _blocks_at(scene, kept, picture.at)
        painted = painter.paint(picture.at, picture.whole().i420, blocks)
        writer.add(picture.at, painted)
        shown = bool(blocks.any())
        if last is None or shown != last[1] or picture.at - last[0] >= _REVIEW_EVERY:
            name = f"{pictures:06}.jpg"
            (folder / "pictures" / name).write_bytes(as_jpeg(picture_from(painted, *scene.size)))
            review.append(Reviewed(picture.at, name, shown))
            last = (picture.at, shown)
        pictures, showing = pictures + 1, showing + shown
        progress("writing the clip", pictures)
    writer.close()
    stretches = tuple(_stretch(scene, point, each) for point, each in zip(points, kept, strict=True))
    return Result(*scene.size, pictures, showing, stretches, tuple(review))


def _keep(scene: Scene, point: Point) -> Kept:
    if not (0 <= point.x < 1000 and 0 <= point.y < 1000):
        raise invalid("a point is given in thousandths of the picture's width and height, from 0 to 999")
    number = nearest([each.at for each in scene.seen], point.at)
    if abs(scene.seen[number].at - point.at) > _NEAREST:
        raise invalid("there is no picture at the time of that point: it lies outside the footage")
    grid = scene.grid
    return keep(scene.seen, number, (point.x * grid.width / 1000, point.y * grid.height / 1000), grid)


def _blocks_at(scene: Scene, kept: Sequence[Kept], at: Instant) -> Bits:
    """What is shown at this time: what is kept at the moments before and after it, of whichever region."""
    times = [each.at for each in scene.seen]
    after = bisect_left(times, at)
    found = np.zeros(scene.grid.shape, np.bool_)
    near = [each for each in (after - 1, after) if 0 <= each < len(times) and abs(times[each] - at) <= HOLE]
    for each in kept:
        if near and all(number in each.blocks for number in near):
            found |= np.logical_or.reduce([each.blocks[number] for number in near])
    return found


def _stretch(scene: Scene, point: Point, kept: Kept) -> Stretch:
    showing = [number for number, blocks in kept.blocks.items() if blocks.any()]
    first, last = (scene.seen[each(showing)].at for each in (min, max)) if showing else (point.at, point.at)
    return Stretch(point, first, last, kept.begun, kept.ended, len(showing))


class _Painter:
    """Makes the pictures, at full size, in order. The masked part is as fine as the masked copy is."""

    def __init__(self, scene: Scene, masked: bytes) -> None:
        self._grid, self._whole = scene.grid, Grid(*scene.size)
        self._cover = self._whole.planes(solid(palette.COVER, self._whole))
        self._coming = masked_pictures(masked)
        self._next = next(self._coming, None)
        self._behind, self._since = self._cover, Instant(0)

    def paint(self, at: Instant, original: bytes, kept: Bits) -> bytes:
        """The masked copy's picture at this time (a cover if there is none), and the original's in the kept blocks."""
        self._forward(at)
        behind = self._behind if at - self._since <= HOLE else self._cover
        parts = []
        for plane, live in zip(behind, self._whole.planes(original), strict=True):
            height, width = live.shape
            painted = plane.copy()
            pixels = self._grid.spread(kept, half=height != self._whole.height).view(np.uint8)
            cv2.copyTo(live, cv2.resize(pixels, (width, height), interpolation=cv2.INTER_NEAREST), painted)
            parts.append(painted.tobytes())
        return b"".join(parts)

    def _forward(self, at: Instant) -> None:
        """Go on to the newest masked picture that is not later."""
        found = None
        while self._next is not None and self._next[0] <= at:
            found, self._next = self._next, next(self._coming, None)
        if found is not None:
            self._since = found[0]
            self._behind = self._enlarged(self._grid.planes(i420(found[1])))

    def _enlarged(self, planes: Planes) -> Planes:
        enlarged = (
            cv2.resize(each, (like.shape[1], like.shape[0]), interpolation=cv2.INTER_LINEAR)
            for each, like in zip(planes, self._cover, strict=True)
        )
        return Planes(*(np.asarray(each, np.uint8) for each in enlarged))

# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where people may be, moment by moment: the masker's own silhouettes, and the people that a detector tells apart.

The silhouettes are those of the masked copy, made when the footage was recorded, against a reference that the steward
certified: they also hide whoever stood still all the time. The detector looks at the originals, in whole and in parts,
which finds people that are small or stand close together; it is used to tell that somebody else is there.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from custodes.clock import MILLISECOND, Instant
from custodes.domain.video import Frame
from custodes.errors import not_found
from custodes.video.ingest.decode import i420
from custodes.video.mask.detector import Box, Detector, Kind
from custodes.video.mask.grid import Grid
from custodes.video.mask.palette import is_covered, mask_pixels
from custodes.video.masked import masked_pictures
from custodes.video.redact.clips import Clip, Picture, pictures
from custodes.video.redact.region import Seen, apart

NEAR = 150 * MILLISECOND
"""A picture is that of a moment of the masked copy if it is at most so far away."""
_SHARE = 0.3
_PART = 0.6
_EDGE = 2.0
"""Pixels from a part's inner border within which a box is taken to be cut off."""

Progress = Callable[[str, int], None]
"""Told what is being done and how much of it is done."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """The moments of a window [start, end), and the size of the originals in pixels; ``grid``: of the masked copy."""

    window: tuple[Instant, Instant]
    grid: Grid
    size: tuple[int, int]
    seen: tuple[Seen, ...]


def look(
    clips: Sequence[Clip], masked: bytes, window: tuple[Instant, Instant], detector: Detector, progress: Progress
) -> Scene:
    """Look at the window [start, end); ``masked`` is the masked copy (MP4) of about that time.

    ``CustodesError``: NOT_FOUND if there is no picture in the window, CORRUPT for what cannot be decoded.
    """
    grid, moments = _silhouettes(masked, window)
    times = [moment.at for moment in moments]
    people: dict[int, tuple[Box, ...]] = {}
    size = (0, 0)
    for picture in within(clips, *window):
        size = (picture.frame.width, picture.frame.height)
        number = nearest(times, picture.at)
        if number not in people and abs(times[number] - picture.at) <= NEAR:
            people[number] = _people(picture.whole(), detector, grid)
            progress("looking for people", len(people))
    if not people:
        raise not_found("there is no picture in the window that was asked for")
    seen = [replace(each, people=people[number]) for number, each in enumerate(moments) if number in people]
    return Scene(window, grid, size, tuple(seen))


def within(clips: Sequence[Clip], start: Instant, end: Instant) -> Iterator[Picture]:
    """The pictures of [start, end)."""
    return (picture for picture in pictures(clips) if start <= picture.at < end)


def nearest(times: Sequence[Instant], at: Instant) -> int:
    """The number of the time that is nearest; ``times`` rise, and there is one."""
    after = min(bisect_left(times, at), len(times) - 1)
    return after - 1 if after and at - times[after - 1] <= abs(times[after] - at) else after


def _silhouettes(masked: bytes, window: tuple[Instant, Instant]) -> tuple[Grid, list[Seen]]:
    """What the masked copy shows, moment by moment: blocks under a mask; all of them where it is covered."""
    grid: Grid | None = None
    found = []
    for at, frame in masked_pictures(masked):
        if not window[0] <= at < window[1]:
            continue
        picture, grid = i420(frame), grid or Grid(frame.width, frame.height)
        covered = is_covered(picture, frame.width, frame.height)
        pixels = mask_pixels(picture, frame.width, frame.height).view(np.uint8)
        blocks = np.ones(grid.shape, np.bool_) if covered else grid.means(pixels) > _SHARE
        found.append(Seen(at, blocks, (), covered))
    if grid is None:
        raise not_found("there is no masked copy of the window that was asked for: nothing can be told apart")
    return grid, found


def _people(frame: Frame, detector: Detector, grid: Grid) -> tuple[Box, ...]:
    """Everybody whom the detector finds in the picture or in one of its parts, in pixels of the masked copy."""
    across, down = grid.width / frame.width, grid.height / frame.height
    boxes = []
    for left, top, part in _parts(frame):
        right, bottom = frame.width - left - part.width, frame.height - top - part.height
        for box in detector.detect(part):
            gaps = (
                (left, box.left),
                (top, box.top),
                (right, part.width - box.right),
                (bottom, part.height - box.bottom),
            )
            if box.kind is not Kind.VEHICLE and not any(beyond and gap < _EDGE for beyond, gap in gaps):
                x0, x1 = (across * (side + left) for side in (box.left, box.right))
                y0, y1 = (down * (side + top) for side in (box.top, box.bottom))
                boxes.append(Box(box.kind, box.score, x0, y0, x1, y1))
    return apart(boxes)


def _parts(frame: Frame) -> Iterator[tuple[int, int, Frame]]:
    """The picture, and its four overlapping quarters."""
    yield 0, 0, frame
    planes = Grid(frame.width, frame.height).planes(frame.i420)
    width, height = (round(side * _PART / 2) * 2 for side in (frame.width, frame.height))
    for top in (0, (frame.height - height) // 2 * 2):
        for left in (0, (frame.width - width) // 2 * 2):
            cut = b"".join(
                np.ascontiguousarray(
                    plane[top // by : (top + height) // by, left // by : (left + width) // by]
                ).tobytes()
                for plane, by in zip(planes, (1, 2, 2), strict=True)
            )
            yield left, top, Frame(width, height, cut, frame.received, frame.source)

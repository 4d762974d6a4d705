# SPDX-License-Identifier: AGPL-3.0-or-later
"""One region of one clip, from moment to moment by overlap alone, until it is not sure whose it is.

A region is what hangs together of the blocks that the masker masked. It goes on with the one that overlaps it a moment
later. Nothing is known of what it looks like, and it is not found again once it is lost: whenever it meets another
region, falls apart, grows suddenly or holds two people, it ends there, and half a second earlier, and a person must
point again. Of a region only the place of its person is shown.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

import cv2
import numpy as np

from custodes.clock import MILLISECOND, Instant
from custodes.errors import invalid
from custodes.video.mask.detector import Box
from custodes.video.mask.grid import BLOCK, Bits, Grid

LARGEST = 0.2
"""Share of the picture above which a region is nobody's: the light, or the whole scene, has changed."""
DOUBT = 500 * MILLISECOND
"""So long before a doubtful moment the region is masked too: two people touch before it shows."""
HOLE = 500 * MILLISECOND
"""Moments that are further apart are not next to each other."""
MARGIN = 0.15
"""By this share of its sides more than a person's box is shown."""
_APART = 0.25
_GROWTH, _ROOM = 1.5, 8
_REMEMBERED = 10
_SAME = 0.5
_TALL = 0.4
_STEP = 0.5
_PATIENCE = 5


class Ending(Enum):
    """Why a region ends."""

    CLIP = "the clip ends"
    LEFT = "it is out of sight"
    MET = "somebody else came too close"
    APART = "it fell into parts"
    GREW = "it grew suddenly"
    UNSEEN = "nobody can be made out in it any more"
    HOLE = "there is no picture, or it is covered"


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One moment: the blocks that the masked copy masks (all if it is covered), and the people that are told apart."""

    at: Instant
    blocks: Bits
    people: tuple[Box, ...]
    covered: bool


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """A region: per moment (its number) the blocks to show, and why it began and ended where it did."""

    blocks: dict[int, Bits]
    begun: Ending
    ended: Ending


def apart(boxes: Sequence[Box]) -> tuple[Box, ...]:
    """One box for each of the people that a detector's boxes tell apart.

    Small parts of somebody do not count, nor do boxes around several; each box is widened to those that are surely of
    the same person.
    """
    tall = [
        box
        for box in boxes
        if not any(
            box.bottom - box.top < _TALL * (other.bottom - other.top) and _shared(box, other) >= _SAME
            for other in boxes
        )
    ]
    cores: list[Box] = []
    for box in sorted(tall, key=_area):
        if not any(_shared(box, other) >= _SAME for other in cores):
            cores.append(box)
    return tuple(_widened(core, boxes, [other for other in cores if other is not core]) for core in cores)


def _widened(core: Box, boxes: Sequence[Box], others: Sequence[Box]) -> Box:
    same = [
        box
        for box in boxes
        if _shared(box, core) >= _SAME and not any(_shared(box, other) >= _SAME for other in others)
    ]
    left, top = min(box.left for box in same), min(box.top for box in same)
    right, bottom = max(box.right for box in same), max(box.bottom for box in same)
    return Box(core.kind, core.score, left, top, right, bottom)


def _area(box: Box) -> float:
    return (box.right - box.left) * (box.bottom - box.top)


def _shared(one: Box, two: Box) -> float:
    """The share of the smaller box that lies in the other."""
    wide = min(one.right, two.right) - max(one.left, two.left)
    high = min(one.bottom, two.bottom) - max(one.top, two.top)
    return max(wide, 0.0) * max(high, 0.0) / max(min(_area(one), _area(two)), 1e-9)


def keep(seen: Sequence[Seen], number: int, point: tuple[float, float], grid: Grid) -> Kept:
    """Return the region that ``point`` (pixels of the masked copy) lies in, at moment ``number`` and around it.

    ``CustodesError`` (INVALID) if nobody is there, or more than one.
    """
    begin = _region_at(seen[number], point, grid)
    before, begun = _walk(seen, range(number, -1, -1), begin, grid)
    after, ended = _walk(seen, range(number, len(seen)), begin, grid)
    # Whoever is doubtful a moment before or after the point is doubtful at the point.
    regions = {**before, **after} if number in before and number in after else {}
    return Kept(_shown(seen, regions, grid), begun, ended)


def _region_at(seen: Seen, point: tuple[float, float], grid: Grid) -> "_Region":
    if seen.covered:
        raise invalid("the masked copy shows nothing at that time: choose another one")
    row, column = min(int(point[1] // BLOCK), grid.rows - 1), min(int(point[0] // BLOCK), grid.columns - 1)
    found = next((part for part in _parts(seen.blocks) if part[row, column]), None)
    if found is None:
        raise invalid("nobody is seen at that point at that time: point at a silhouette")
    people = _inside(seen, found, grid)
    if len(people) > 1:
        raise invalid("more than one person is at that point: choose a time when they stand apart")
    if not people or not _close(people[0], Box(people[0].kind, 0, point[0], point[1], point[0], point[1]), MARGIN):
        raise invalid("nobody can be made out at that point: choose another time")
    if grid.share(found) > LARGEST:
        raise invalid("what is at that point is too large to be one person: choose another time")
    return _Region(found, np.zeros_like(found), people[0], 0)


@dataclass(frozen=True, slots=True, eq=False)
class _Region:
    """``loose``: parts that came off; they are masked, and nobody else's when they come back.

    ``box``: where its person was made out last, ``unseen`` moments ago.
    """

    blocks: Bits
    loose: Bits
    box: Box
    unseen: int


def _walk(seen: Sequence[Seen], numbers: range, begin: _Region, grid: Grid) -> tuple[dict[int, _Region], Ending]:
    now = begin
    found = {numbers[0]: now}
    sizes = deque([int(begin.blocks.sum())], maxlen=_REMEMBERED)
    ending = Ending.CLIP
    for before, number in pairwise(numbers):
        others = seen[before].blocks & ~now.blocks & ~now.loose
        apart_in_time = abs(seen[number].at - seen[before].at) > HOLE
        following = Ending.HOLE if apart_in_time else _next(now, others, seen[number], float(np.median(sizes)), grid)
        if isinstance(following, Ending):
            ending = following
            break
        now = found[number] = following
        sizes.append(int(now.blocks.sum()))
    if ending not in (Ending.CLIP, Ending.LEFT):
        last = seen[next(reversed(found))].at
        found = {number: region for number, region in found.items() if abs(seen[number].at - last) > DOUBT}
    return found, ending


def _next(now: _Region, others: Bits, seen: Seen, usual: float, grid: Grid) -> "_Region | Ending":
    """The region a moment later, or why it is not sure which that is."""
    if seen.covered:
        return Ending.HOLE
    parts = _parts(seen.blocks)
    mine = [part for part in parts if (part & now.blocks).any()]
    if not mine:
        return Ending.LEFT
    largest = max(mine, key=lambda part: int(part.sum()))
    rest = [part for part in mine if part is not largest]
    if any(part.sum() >= _APART * largest.sum() for part in rest):
        return Ending.APART
    people = _inside(seen, largest, grid)
    if (largest & others).any() or len(people) > 1 or (people and not _close(people[0], now.box, _STEP)):
        return Ending.MET
    if not people and now.unseen >= _PATIENCE:
        return Ending.UNSEEN
    if largest.sum() > _GROWTH * usual + _ROOM or grid.share(largest) > LARGEST:
        return Ending.GREW
    loose = np.zeros_like(largest)
    for part in parts:
        if part is not largest and (part & (now.blocks | now.loose)).any():
            if (part & others).any():
                return Ending.MET
            loose |= part
    return _Region(largest, loose, people[0] if people else now.box, 0 if people else now.unseen + 1)


def _parts(blocks: Bits) -> list[Bits]:
    """What hangs together (eight neighbours)."""
    count, labels = cv2.connectedComponents(blocks.view(np.uint8), connectivity=8)
    return [np.asarray(labels == number) for number in range(1, count)]


def _inside(seen: Seen, region: Bits, grid: Grid) -> list[Box]:
    """The people most of whose masked blocks lie in the region."""
    found = []
    for box in seen.people:
        place = _place(box, grid)
        masked = seen.blocks[place]
        if masked.any() and 2 * (masked & region[place]).sum() >= masked.sum():
            found.append(box)
    return found


def _close(one: Box, two: Box, margin: float) -> bool:
    """Whether the boxes overlap once the first is enlarged by this share of its sides."""
    wide, high = margin * (one.right - one.left), margin * (one.bottom - one.top)
    beside = two.right < one.left - wide or two.left > one.right + wide
    return not (beside or two.bottom < one.top - high or two.top > one.bottom + high)


def _place(box: Box, grid: Grid, margin: float = 0.0) -> tuple[slice, slice]:
    return grid.box(box.left, box.top, box.right, box.bottom, margin)


def _shown(seen: Sequence[Seen], regions: dict[int, _Region], grid: Grid) -> dict[int, Bits]:
    """What of the regions is shown: where its person is found, and nobody else's box or silhouette is near in time."""
    shown = {}
    for number, region in regions.items():
        mine = _inside(seen[number], region.blocks, grid)
        blocks = np.zeros_like(region.blocks)
        for box in mine:
            blocks[_place(box, grid, MARGIN)] = True
        shown[number] = blocks & region.blocks
    for number in shown:
        for near in (number - 1, number, number + 1):
            if near in regions:
                shown[number] &= ~_others(seen[near], regions[near], grid)
    return shown


def _others(seen: Seen, region: _Region, grid: Grid) -> Bits:
    """Blocks under somebody else's silhouette or box."""
    others = seen.blocks & ~region.blocks & ~region.loose
    mine = _inside(seen, region.blocks, grid)
    for box in seen.people:
        if box not in mine:
            others[_place(box, grid)] = True
    return others

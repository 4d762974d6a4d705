# SPDX-License-Identifier: AGPL-3.0-or-later
"""The compiled part of visibility: an angular sweep over the walls around one point.

Seen from the camera, the reciprocal of the distance to a straight wall is linear along any chord between two
directions. So between two events (a wall begins or ends, a degree of the outer circle is over) what is nearest is the
upper envelope of straight lines, which is walked exactly, crossings included; no ray is cast.
"""

import math

import numpy as np
import numpy.typing as npt

from custodes.places.planner.geometry._jit import compiled

FLOATS = npt.NDArray[np.float64]
INTS = npt.NDArray[np.int32]

EDGE_OF_RANGE = -1
"""Label of an edge where the view ends because of the distance."""
EDGE_OF_VIEW = -2
"""Label of an edge between the camera and the first or last direction."""
EDGE_OF_SHADOW = -3
"""Label of an edge along a line of sight, from the corner of a wall to what is seen behind it."""

_TURN = 2 * math.pi
_TINY = 1e-12


@compiled
def near(
    x: float, y: float, reach: float, pieces: FLOATS, first: INTS, origin: FLOATS, columns: int, rows: int, cell: float
) -> INTS:
    """Numbers of the pieces of walls that may lie within ``reach`` metres and show their outer side."""
    margin = reach + cell / 2
    low_x = max(0, math.floor((x - margin - origin[0]) / cell))
    high_x = min(columns - 1, math.floor((x + margin - origin[0]) / cell))
    low_y = max(0, math.floor((y - margin - origin[1]) / cell))
    high_y = min(rows - 1, math.floor((y + margin - origin[1]) / cell))
    count = 0
    for row in range(low_y, high_y + 1):
        if low_x <= high_x:
            count += first[row * columns + high_x + 1] - first[row * columns + low_x]
    found = np.empty(count, np.int32)
    size = 0
    for row in range(low_y, high_y + 1):
        if low_x > high_x:
            break
        for number in range(first[row * columns + low_x], first[row * columns + high_x + 1]):
            ax, ay = pieces[number, 0] - x, pieces[number, 1] - y
            bx, by = pieces[number, 2] - x, pieces[number, 3] - y
            if ax * by - ay * bx >= -_TINY:
                continue  # its inner side: another wall of the same building hides it
            dx, dy = bx - ax, by - ay
            share = min(1.0, max(0.0, -(ax * dx + ay * dy) / (dx * dx + dy * dy)))
            px, py = ax + share * dx, ay + share * dy
            if px * px + py * py < reach * reach:
                found[size] = number
                size += 1
    return found[:size]


@compiled
def _spans(
    x: float, y: float, begin: float, width: float, pieces: FLOATS, wall: INTS, numbers: INTS
) -> tuple[FLOATS, FLOATS, INTS]:
    """Angles (from, to) that each piece takes up in the view, its wall, its line: 1/distance is line · direction.

    A piece that crosses the first direction has two spans. One place more than needed is left for the range's edge.
    """
    spans = np.empty((2 * len(numbers) + 1, 2), np.float64)
    lines = np.empty((2 * len(numbers) + 1, 2), np.float64)
    owner = np.empty(2 * len(numbers) + 1, np.int32)
    count = 0
    for number in numbers:
        ax, ay = pieces[number, 0] - x, pieces[number, 1] - y
        bx, by = pieces[number, 2] - x, pieces[number, 3] - y
        start = (math.atan2(by, bx) - begin) % _TURN
        end = (math.atan2(ay, ax) - begin) % _TURN
        cross = ax * by - ay * bx
        wraps = start > end
        for part in range(2 if wraps else 1):
            low = 0.0 if part else start
            high = _TURN if wraps and not part else end
            high = min(high, width)
            if high - low > _TINY:
                spans[count, 0], spans[count, 1] = low, high
                lines[count, 0], lines[count, 1] = (by - ay) / cross, (ax - bx) / cross
                owner[count] = wall[number]
                count += 1
    return spans[: count + 1], lines[: count + 1], owner[: count + 1]


@compiled
def _envelope(
    lines: FLOATS, active: INTS, size: int, u: tuple[float, float], v: tuple[float, float], edges: FLOATS, which: INTS
) -> int:
    """Walk what is nearest from direction ``u`` to ``v``: the greatest of the lines along the chord between them.

    Writes the edges (from x, y, to x, y) and which line each belongs to; returns how many there are.
    """
    best, value, slope = -1, -1.0, 0.0
    for position in range(size):
        line = active[position]
        here = lines[line, 0] * u[0] + lines[line, 1] * u[1]
        rise = lines[line, 0] * v[0] + lines[line, 1] * v[1] - here
        if here > value + _TINY or (here > value - _TINY and rise > slope):
            best, value, slope = line, here, rise
    share, made = 0.0, 0
    while True:
        follower, when, steeper = -1, 1.0, 0.0
        for position in range(size):
            line = active[position]
            here = lines[line, 0] * u[0] + lines[line, 1] * u[1]
            rise = lines[line, 0] * v[0] + lines[line, 1] * v[1] - here
            if rise <= slope + _TINY:
                continue
            crossing = (value - here) / (rise - slope)
            if crossing < when or (crossing == when and follower >= 0 and rise > steeper):
                follower, when, steeper = line, crossing, rise
        until = max(share, when)
        for end in range(2):
            at = until if end else share
            scale = value + at * slope
            edges[made, 2 * end] = (u[0] + at * (v[0] - u[0])) / scale
            edges[made, 2 * end + 1] = (u[1] + at * (v[1] - u[1])) / scale
        which[made] = best
        made += 1
        if follower < 0:
            return made
        share = until
        best, slope = follower, steeper
        value = lines[best, 0] * u[0] + lines[best, 1] * u[1]


@compiled
def _join(out: FLOATS, label: INTS, made: int, edge: FLOATS, name: int) -> int:
    """Add an edge to the outline; ``out[made]`` is always where the last one ends."""
    if made and label[made - 1] == name and name >= 0 and _same(out[made], edge[:2]):
        out[made] = edge[2:]  # the same wall goes on
        return made
    if made and not _same(out[made], edge[:2]):
        label[made] = EDGE_OF_SHADOW
        made += 1
    if _same(edge[:2], edge[2:]):
        out[made] = edge[2:]
        return made
    out[made] = edge[:2]
    label[made] = name
    out[made + 1] = edge[2:]
    return made + 1


@compiled
def _same(one: FLOATS, other: FLOATS) -> bool:
    return bool(abs(one[0] - other[0]) < 1e-9 and abs(one[1] - other[1]) < 1e-9)


@compiled
def sweep(
    x: float, y: float, reach: float, begin: float, width: float, pieces: FLOATS, wall: INTS, numbers: INTS
) -> tuple[FLOATS, INTS]:
    """The visible region around (x, y), relative to it: corners in order, and for each the label of the edge after it.

    ``begin`` and ``width`` are radians, counter-clockwise from the x axis. A full turn gives a closed ring around the
    camera; less than that a ring whose last corner is the camera. Labels are numbers of walls, or one of the constants
    above. The circle of the range is a polygon inscribed in it, in steps of a degree: never beyond the range.
    """
    steps = max(1, math.ceil(width / _TURN * 360 - 1e-9))
    step = width / steps
    spans, lines, owner = _spans(x, y, begin, width, pieces, wall, numbers)
    count = len(spans) - 1
    owner[count] = EDGE_OF_RANGE
    starts, ends = np.argsort(spans[:count, 0]), np.argsort(spans[:count, 1])
    active, place = np.empty(count + 1, np.int32), np.empty(count + 1, np.int32)
    active[0], size = count, 1
    room = 8 * count + 4 * steps + 16
    out, label = np.empty((room, 2), np.float64), np.empty(room, np.int32)
    edges, which = np.empty((count + 2, 4), np.float64), np.empty(count + 2, np.int32)
    at, made, opened, closed, number = 0.0, 0, 0, 0, 0
    u = (math.cos(begin), math.sin(begin))
    while at < width - _TINY:
        while closed < count and spans[ends[closed], 1] <= at + _TINY:
            size -= 1
            active[place[ends[closed]]] = active[size]
            place[active[size]] = place[ends[closed]]
            closed += 1
        while opened < count and spans[starts[opened], 0] <= at + _TINY:
            active[size], place[starts[opened]] = starts[opened], size
            size += 1
            opened += 1
        number = int((at + _TINY) / step)
        lines[count] = _chord(begin + (number + 0.5) * step, reach * math.cos(step / 2))
        to = min(width, (number + 1) * step)
        to = min(to, spans[starts[opened], 0]) if opened < count else to
        to = min(to, spans[ends[closed], 1]) if closed < count else to
        v = (math.cos(begin + to), math.sin(begin + to))
        for edge in range(_envelope(lines, active, size, u, v, edges, which)):
            if made + 4 > len(out):
                out, label = _longer(out, label)
            made = _join(out, label, made, edges[edge], owner[which[edge]])
        at, u = to, v
    made = _close(out, label, made, width < _TURN - 1e-9)
    return out[:made].copy(), label[:made].copy()


@compiled
def _close(out: FLOATS, label: INTS, made: int, sector: bool) -> int:
    """Lead the outline back to where it began; returns how many corners it has."""
    if sector:
        label[made] = label[made + 1] = EDGE_OF_VIEW
        out[made + 1] = 0.0
        return made + 2
    if _same(out[made], out[0]):
        return made
    label[made] = EDGE_OF_SHADOW
    return made + 1


@compiled
def _chord(direction: float, distance: float) -> tuple[float, float]:
    """The line of an edge of the range's polygon, from the direction of and the distance to its middle."""
    return math.cos(direction) / distance, math.sin(direction) / distance


@compiled
def _longer(out: FLOATS, label: INTS) -> tuple[FLOATS, INTS]:
    longer, labels = np.empty((2 * len(out), 2), np.float64), np.empty(2 * len(out), np.int32)
    longer[: len(out)], labels[: len(out)] = out, label
    return longer, labels


@compiled
def free(
    x: float,
    y: float,
    points: FLOATS,
    pieces: FLOATS,
    first: INTS,
    origin: FLOATS,
    columns: int,
    rows: int,
    cell: float,
) -> npt.NDArray[np.bool_]:
    """For each point: whether no wall's outer side stands between it and (x, y)."""
    reach = 0.0
    for number in range(len(points)):
        reach = max(reach, math.hypot(points[number, 0] - x, points[number, 1] - y))
    walls = near(x, y, reach + 1e-6, pieces, first, origin, columns, rows, cell)
    seen = np.ones(len(points), np.bool_)
    for number in range(len(points)):
        px, py = points[number, 0] - x, points[number, 1] - y
        for wall in walls:
            ax, ay = pieces[wall, 0] - x, pieces[wall, 1] - y
            bx, by = pieces[wall, 2] - x, pieces[wall, 3] - y
            one, other = px * ay - py * ax, px * by - py * bx
            if (one > 0) == (other > 0):
                continue  # both ends on one side of the line of sight
            cross = ax * by - ay * bx
            # The point is behind the wall's line, and so hidden, if it lies on its inner side.
            if (px * (by - ay) + py * (ax - bx)) / cross > 1 + 1e-9:
                seen[number] = False
                break
    return seen

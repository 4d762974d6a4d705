# SPDX-License-Identifier: AGPL-3.0-or-later
"""View 1: a shopping street for pedestrians, seen along its length, with a side street crossing it."""

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

_LEFT, _RIGHT = -7.4, 6.6
_CORNER, _AGAIN = 31.5, 41.5
"""Where the side street begins and ends, metres from the camera."""
_END = 82.0


def shopping(lot: np.random.Generator) -> Scenery:
    """Build the view."""
    easel = Easel(Lens(1065.0, 5.0, 196.0), (-0.42, 0.80, -0.40))
    _floor(easel, lot)
    _end(easel, lot)
    tops = _walls(easel, lot)
    _shadows(easel, tops)
    trees = (
        Tree(-5.0, 17.0, 4.0, 1.05, 1.5, int(lot.integers(4)), 1.6),
        Tree(4.3, 22.5, 4.3, 1.15, 1.6, int(lot.integers(4)), 1.6),
        Tree(-3.9, 28.5, 4.2, 1.15, 1.6, int(lot.integers(4)), 1.4),
    )
    for tree in trees:
        cast_shadows(easel, shadow_of(easel, tree, np.random.default_rng(int(lot.integers(1 << 30)))), 1.6, 0.85)
    _things(easel, lot, trees)
    return assemble(Set(easel, lot, trees, _script()))


def _floor(easel: Easel, lot: np.random.Generator) -> None:
    setts = texture.stones(lot, (172, 160, 144), (8 / 52, 8 / 70), joint=0.013, vary=0.07)
    slabs = texture.stones(lot, (204, 195, 178), (8 / 12, 8 / 18), joint=0.01, vary=0.045)
    dark = texture.stones(lot, (136, 130, 122), (8 / 40, 8 / 40), joint=0.012, vary=0.06, bond=0.0)
    ground.lay(easel, setts)
    for left, right in ((_LEFT, _LEFT + 2.3), (_RIGHT - 2.3, _RIGHT)):
        ground.lay(easel, slabs, [(left, 2), (right, 2), (right, 95), (left, 95)], turn=True)
    for x in (_LEFT + 2.3, _RIGHT - 2.6, (_LEFT + _RIGHT) / 2 - 0.15):
        ground.lay(easel, dark, [(x, 2), (x + 0.3, 2), (x + 0.3, 95), (x, 95)])
    for z in (12.0, 17.0, 22.0, 27.0):
        ground.lay(easel, slabs, [(_LEFT + 2.6, z), (_RIGHT - 2.6, z), (_RIGHT - 2.6, z + 0.5), (_LEFT + 2.6, z + 0.5)])
    ground.lay(easel, slabs, [(-40, _CORNER), (40, _CORNER), (40, 34.8), (-40, 34.8)])
    ground.lay(easel, texture.asphalt(lot, (126, 124, 122)), [(-40, 35), (40, 35), (40, 40), (-40, 40)])
    ground.lay(easel, slabs, [(-40, 40.2), (40, 40.2), (40, _AGAIN), (-40, _AGAIN)])
    for k in range(-6, 7):
        easel.level((k * 0.9 - 0.25, k * 0.9 + 0.2), 0, (35.1, 39.9), (206, 202, 194), easel.facing(0, 1, 0))
    ground.mottle(easel, lot)


def _end(easel: Easel, lot: np.random.Generator) -> None:
    """What closes the street far away: a gate tower."""
    light = easel.facing(0, 0, -1)
    x, z = float(lot.uniform(-3.0, 2.0)), _END
    easel.upright((-26, 26), (0, 7.0), z, (214, 194, 166), light, 0.3)
    easel.upright((x - 3.2, x + 3.2), (0, 13.5), z - 1, (220, 200, 172), light, 0.28)
    easel.upright((x - 3.6, x + 3.6), (13.5, 14.2), z - 1, (196, 180, 158), light, 0.3)
    easel.fill(
        [(x - 3.4, 14.2, z - 1), (x + 3.4, 14.2, z - 1), (x + 0.5, 19.5, z - 1), (x - 0.5, 19.5, z - 1)],
        (136, 94, 78),
        light,
        0.3,
    )
    easel.fill(furniture.dial(x, 10.6, z - 1.1, 1.2), (238, 228, 206), light, 0.2)
    easel.fill(furniture.dial(x, 10.6, z - 1.1, 0.12), (90, 84, 80), light, 0.2)
    easel.line([(x, 10.6, z - 1.1), (x + 0.1, 11.5, z - 1.1)], (90, 84, 80), 0.14, light)
    easel.line([(x, 10.6, z - 1.1), (x + 0.65, 10.4, z - 1.1)], (90, 84, 80), 0.14, light)
    arch = [(x + 1.7 * float(np.cos(a)), 2.6 + 1.7 * float(np.sin(a)), z - 1.1) for a in np.linspace(0, np.pi, 12)]
    easel.fill([*arch, (x - 1.7, 0, z - 1.1), (x + 1.7, 0, z - 1.1)], (112, 104, 100), 0.2, 0.35)


def _walls(easel: Easel, lot: np.random.Generator) -> list[tuple[float, float, float, float]]:
    """Both sides, the farthest house first; returns (X, near, far, eaves) of the houses before the side street."""
    tops = []
    for x, sign in ((_LEFT, -1), (_RIGHT, 1)):
        for near, far, screened in ((_AGAIN, _END, False), (4.0, _CORNER, True)):
            plots = _plots(lot, near, far)
            if not screened:
                _row(easel, lot, x, plots, None)
                width = 9.0
                house = houses.some_house(lot, width, 2, "none")
                houses.facing_us(easel, lot, house, x - width if sign < 0 else x, near, 0.06)
            else:
                with easel.thing(far):
                    tops += _row(easel, lot, x, plots, sign)
    return tops


def _plots(lot: np.random.Generator, near: float, far: float) -> list[tuple[float, float]]:
    count = max(2, round((far - near) / 7.2))
    cuts = np.linspace(near, far, count + 1)
    cuts[1:-1] += lot.uniform(-0.9, 0.9, count - 1)
    return list(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True))


def _row(easel: Easel, lot: np.random.Generator, x: float, plots: list[tuple[float, float]], sign: int | None
         ) -> list[tuple[float, float, float, float]]:  # fmt: skip
    wall = None
    tops = []
    for near, far in reversed(plots):
        house = houses.some_house(
            lot, far - near, int(lot.integers(1, 3)), "arcade" if lot.random() < 0.2 else "shop", wall
        )
        wall = house.wall
        haze = min(0.3, max(0.0, (near - 20) / 160))
        houses.side_wall(easel, lot, house, x, near, haze, gable=near != _AGAIN)
        if house.shop == "shop" and lot.random() < (0.75 if sign else 0.4):
            houses.awning_beside(easel, lot, x, near + 0.8, far - near - 1.7, haze=haze)
        tops.append((x, near, far, house.eaves))
    return tops


def _shadows(easel: Easel, tops: list[tuple[float, float, float, float]]) -> None:
    """The left-hand houses shade the street; walls darken the ground at their feet."""
    shapes = [
        ground.thrown(easel, [(x, 0, near), (x, 0, far), (x - 0.4, eaves + 1.2, near), (x - 0.4, eaves + 1.2, far)])
        for x, near, far, eaves in tops
        if x < 0
    ]
    wall = easel.sun.copy()
    cast_shadows(easel, shapes, 2.2, 0.94)
    # The shadow lies on the ground; the walls keep their own light.
    z = easel.fine.depth_of_row(np.arange(easel.sun.shape[0], dtype=float) + 0.5)
    columns = (np.arange(easel.sun.shape[1]) + 0.5 - easel.fine.centre)[None, :]
    across = columns * (z / easel.fine.focal)[:, None]
    below = (np.arange(easel.sun.shape[0]) > easel.fine.horizon)[:, None]
    paved = below & (((across > _LEFT) & (across < _RIGHT)) | ((z > _CORNER) & (z < _AGAIN))[:, None])
    easel.sun = np.where(paved, easel.sun, wall)
    for x, inward in ((_LEFT, 1.0), (_RIGHT, -1.0)):
        easel.corner([(x, 0, 4), (x + inward * 0.9, 0, 4), (x + inward * 0.9, 0, _CORNER), (x, 0, _CORNER)], 0.28, 14)


def _things(easel: Easel, lot: np.random.Generator, trees: tuple[Tree, ...]) -> None:
    things: list[tuple[float, Callable[[], None]]] = []
    for tree in trees:
        things.append((tree.z + 0.1, partial(trunk, easel, tree)))
        things.append(
            (tree.z - 0.2, partial(furniture.planter, easel, lot, tree.x, tree.z - 0.3, 1.2, (126, 118, 108)))
        )
    for x, z in ((_LEFT + 2.0, 13.4), (_RIGHT - 2.0, 18.6), (_LEFT + 2.0, 23.2), (_RIGHT - 2.0, 28.0)):
        things.append((z, partial(furniture.lamp, easel, x, z, 4.2)))
    for x, z in (
        (_RIGHT - 1.0, 14.2),
        (_RIGHT - 1.0, 16.0),
        (_LEFT + 0.9, 20.5),
        (_LEFT + 0.9, 30.4),
        (_RIGHT - 0.9, 30.6),
    ):
        things.append((z, partial(furniture.planter, easel, lot, x, z, 0.9)))
    things.append((16.6, partial(furniture.bench, easel, 3.3, 16.6)))
    things.append((25.2, partial(furniture.bench, easel, 3.2, 25.2)))
    for x in (-4.2, -2.1, 1.6, 3.7):
        things.append((34.4, partial(furniture.bollard, easel, x, 34.4)))
    for z, height in ((15.0, 6.4), (23.0, 6.8), (30.0, 7.0)):
        things.append((z, partial(furniture.bunting, easel, lot, _LEFT, _RIGHT, height, z)))
    for _, put in sorted(things, key=lambda item: -item[0]):
        put()


def _script() -> Script:
    return Script(
        routes=(
            Route(((-2.2, 5.7), (-1.8, 20.0), (-1.8, 30.0), (-4.5, 33.6), (-16.0, 33.6)), 54.4, 0.7),
            Route(((1.2, 5.7), (1.0, 24.0), (2.0, 31.0), (5.0, 33.2), (16.0, 33.2)), 54.4, 0.8),
            Route(((3.4, 5.7), (0.6, 14.0), (-1.8, 22.0), (-1.5, 30.0), (4.0, 34.0), (16.0, 34.2)), 73.6, 0.4),
            Route(((-16.0, 32.8), (0.0, 33.0), (16.0, 32.8)), 41.6, 0.5),
            Route(((-0.8, 4.5), (-0.8, 28.0), (-2.0, 32.0), (-18.0, 34.3)), 60.0, 0.4, cyclists=True),
        ),
        haunts=(
            Haunt(
                ((-2.6, 5.7), (-3.0, 16.0)),
                (-5.7, 19.2),
                ((-3.2, 22.0), (-3.0, 31.0), (-6.0, 33.5), (-16.0, 33.5)),
                2.9,
            ),
            Haunt(((16.0, 33.4), (4.0, 32.0), (1.4, 24.0)), (0.9, 20.4), ((0.8, 14.0), (2.6, 5.7)), 0.4, company=0.85),
            Haunt(((2.8, 5.7), (2.2, 13.0), (3.0, 15.4)), (3.3, 16.05), ((2.4, 14.6), (1.6, 5.7)), -1.57, seat=True),
            Haunt(
                ((16.0, 33.6), (2.6, 32.0), (2.2, 25.6), (2.7, 24.2)),
                (3.0, 24.65),
                ((2.2, 23.0), (1.5, 14.0), (1.0, 5.7)),
                -1.57,
                seat=True,
            ),
            Haunt(
                ((-2.2, 5.7), (-2.4, 9.5)),
                (-3.3, 12.0),
                ((-2.0, 15.0), (-2.4, 31.0), (-6.0, 33.8), (-16.0, 33.8)),
                -0.6,
            ),
        ),
        lanes=(
            Lane(38.0, 20.0, -20.0, 6.5, 15.0, ("hatchback", "estate", "van", "hatchback"), 0.7),
            Lane(35.5, -20.0, 20.0, 6.5, 21.0, ("hatchback", "estate", "hatchback"), 0.7),
        ),
    )

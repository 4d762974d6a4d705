# SPDX-License-Identifier: AGPL-3.0-or-later
"""View 2: a tram stop. Promenade, grassed tracks, platform with a shelter, road, and a park with houses behind it."""

from collections.abc import Callable
from functools import partial

import numpy as np

from custodes.demo.street import furniture, ground, houses, texture
from custodes.demo.street.crowd import Haunt, Lane, Route, Script
from custodes.demo.street.easel import Easel, cast_shadows
from custodes.demo.street.foliage import Tree, shadow_of, trunk
from custodes.demo.street.lens import Lens
from custodes.demo.street.palette import Rgb, mixed
from custodes.demo.street.scenery import Scenery
from custodes.demo.street.stage import Set, assemble

_WIDE = 60.0
_TRACKS = (14.6, 18.0)
"""Depth of each track's near rail."""
_ROW = 50.0


def stop(lot: np.random.Generator) -> Scenery:
    """Build the view."""
    easel = Easel(Lens(1065.0, 5.4, 196.0), (-0.60, 0.68, -0.45))
    _floor(easel, lot)
    _back(easel, lot)
    trees = tuple(
        Tree(x + float(lot.uniform(-0.8, 0.8)), z, float(lot.uniform(6.6, 7.8)), r, 2.4, int(lot.integers(4)))
        for x, z, r in ((-15.5, 38.5, 2.7), (2.5, 39.5, 2.6), (14.5, 38.0, 2.8))
    )
    for tree in trees:
        cast_shadows(easel, shadow_of(easel, tree, np.random.default_rng(int(lot.integers(1 << 30)))), 1.6, 0.85)
    _things(easel, lot, trees)
    return assemble(Set(easel, lot, trees, _script()))


def _strip(near: float, far: float) -> list[tuple[float, float]]:
    return [(-_WIDE, near), (_WIDE, near), (_WIDE, far), (-_WIDE, far)]


def _floor(easel: Easel, lot: np.random.Generator) -> None:
    slabs = texture.stones(lot, (196, 186, 168), (8 / 12, 8 / 16), joint=0.01, vary=0.05)
    pale = texture.stones(lot, (208, 202, 188), (8 / 16, 8 / 20), joint=0.009, vary=0.035)
    setts = texture.stones(lot, (162, 152, 138), (8 / 50, 8 / 66), joint=0.014, vary=0.075)
    lawn = texture.grass(lot, (112, 128, 70))
    up = easel.facing(0, 1, 0)
    ground.lay(easel, slabs)
    ground.lay(easel, setts, _strip(11.6, 12.0))
    ground.lay(easel, setts, _strip(13.2, 14.0))
    ground.lay(easel, lawn, _strip(14.0, 20.6))
    for track in _TRACKS:
        for rail in (track, track + 1.44):
            ground.lay(easel, setts, _strip(rail - 0.22, rail + 0.25))
            easel.level((-_WIDE, _WIDE), 0, (rail, rail + 0.075), (128, 128, 130), up)
            easel.level((-_WIDE, _WIDE), 0, (rail - 0.05, rail), (70, 68, 66), up)
    # The platform lies 0.2 m higher; its edge casts a line of shade.
    ground.lay(easel, pale, _strip(20.6, 26.6))
    easel.upright((-_WIDE, _WIDE), (0, 0.2), 20.55, (150, 146, 138), 0.35)
    easel.level((-_WIDE, _WIDE), 0.2, (20.55, 20.95), (222, 216, 202), up)
    easel.level((-_WIDE, _WIDE), 0.2, (21.3, 21.6), (226, 208, 150), up)
    ground.lay(easel, texture.asphalt(lot, (124, 123, 122)), _strip(26.9, 33.4))
    for near, far, colour in ((26.6, 26.9, (206, 200, 188)), (33.4, 33.7, (190, 186, 176))):
        easel.level((-_WIDE, _WIDE), 0, (near, far), colour, up)
    for k in range(-14, 14):
        easel.level((k * 3.0, k * 3.0 + 1.5), 0, (30.1, 30.26), (210, 206, 196), up)
    ground.lay(easel, slabs, _strip(33.7, 36.4))
    ground.lay(easel, texture.grass(lot, (104, 122, 64)), _strip(36.4, 900.0))
    ground.mottle(easel, lot)


def _back(easel: Easel, lot: np.random.Generator) -> None:
    """Houses beyond the park, then a clipped hedge and a low wall before them."""
    edge = -31.0
    wall: Rgb | None = None
    while edge < 31:
        width = float(lot.uniform(7.5, 11.0))
        house = houses.some_house(lot, width, int(lot.integers(1, 4)), "none", wall)
        wall = house.wall
        houses.facing_us(easel, lot, house, edge, _ROW, 0.16)
        edge += width + (float(lot.uniform(2.0, 4.5)) if lot.random() < 0.3 else 0.0)
    _bushes(easel, lot, 46.5, 2.1, 0.14)
    _bushes(easel, lot, 37.2, 0.95, 0.0)
    stone = (198, 188, 170)
    easel.upright((-_WIDE, _WIDE), (0, 0.45), 36.5, stone, easel.facing(0, 0, -1))
    easel.level((-_WIDE, _WIDE), 0.45, (36.45, 36.9), (216, 208, 192), easel.facing(0, 1, 0))


def _bushes(easel: Easel, lot: np.random.Generator, z: float, height: float, haze: float) -> None:
    half = z * 0.66
    easel.upright((-half, half), (0, height * 0.8), z, (62, 80, 46), 0.25, haze)
    for _ in range(1500):
        up = float(lot.uniform(0, 1)) ** 0.8
        tone = 0.25 + 0.6 * up + float(lot.normal(0, 0.1))
        colour = mixed((50, 70, 40), (140, 156, 84), min(1.0, max(0.0, tone)))
        at = (float(lot.uniform(-half, half)), height * up, z - 0.1)
        a = np.linspace(0, 2 * np.pi, 7, endpoint=False) + float(lot.random())
        radius = float(lot.uniform(0.08, 0.2)) * (0.6 + 0.25 * height)
        speck = np.stack([at[0] + radius * np.cos(a), at[1] + 0.7 * radius * np.sin(a), np.full(7, at[2])], axis=1)
        easel.fill(speck, colour, min(0.9, max(0.1, tone)), haze)


def _things(easel: Easel, lot: np.random.Generator, trees: tuple[Tree, ...]) -> None:
    things: list[tuple[float, Callable[[], None]]] = [(t.z, partial(trunk, easel, t)) for t in trees]
    things.append((24.4, partial(furniture.shelter, easel, -6.6, -1.2, 23.4)))
    things.append((22.2, partial(furniture.stop_sign, easel, 1.6, 22.3)))
    things.append((25.0, partial(furniture.bench, easel, 6.2, 25.0)))
    for x, z in ((-11.5, 25.6), (3.6, 25.6), (12.5, 25.6), (-8.5, 12.6), (9.0, 12.6)):
        things.append((z, partial(furniture.lamp, easel, x, z, 4.6 if z > 20 else 3.9)))
    for x, z in ((9.4, 25.2), (10.8, 25.2), (-9.4, 25.0)):
        things.append((z, partial(furniture.planter, easel, lot, x, z, 1.2)))
    for _, put in sorted(things, key=lambda item: -item[0]):
        put()


def _script() -> Script:
    return Script(
        routes=(
            Route(((-9.8, 11.7), (0.0, 11.9), (9.8, 11.7)), 41.8, 0.5),
            Route(((-10.8, 13.2), (10.8, 13.2)), 64.6, 0.25),
            Route(((-16.5, 22.4), (-4.0, 22.5), (4.0, 22.9), (16.5, 22.4)), 57.0, 0.35),
            Route(((-24.0, 34.9), (24.0, 35.1)), 49.4, 0.6),
            Route(((-23.0, 34.2), (23.0, 34.2)), 50.0, 0.1, cyclists=True),
        ),
        haunts=(
            Haunt(((-17.0, 22.3), (-6.0, 22.4)), (-4.55, 23.6), ((-3.0, 22.4), (17.0, 22.4)), -1.57, seat=True),
            Haunt(((-17.0, 22.8),), (-0.2, 22.2), ((17.0, 22.8),), -1.9),
            Haunt(((17.0, 22.5), (4.0, 22.6)), (3.0, 22.9), ((-17.0, 22.2),), 0.2, company=0.9),
            Haunt(((17.0, 22.9), (7.0, 23.4)), (6.2, 24.45), ((7.4, 23.2), (17.0, 22.3)), -1.57, seat=True),
            Haunt(((10.2, 12.0),), (-3.6, 12.5), ((-10.2, 11.9),), 1.2),
        ),
        lanes=(
            Lane(_TRACKS[0] - 0.45, -28.0, 28.0, 6.0, 97.0, ("tram",), 0.6),
            Lane(_TRACKS[1] - 0.45, 30.0, -30.0, 6.0, 71.0, ("tram",), 0.75),
            Lane(27.6, -28.0, 28.0, 7.5, 14.0, ("hatchback", "estate", "van", "hatchback", "bus"), 0.7),
            Lane(31.2, 30.0, -30.0, 7.5, 12.0, ("hatchback", "estate", "hatchback", "van"), 0.7),
        ),
    )

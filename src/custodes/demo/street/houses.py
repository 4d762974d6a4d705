# SPDX-License-Identifier: AGPL-3.0-or-later
"""Houses put up in the world: fronts, roofs, awnings, and rows of them."""

from typing import Final

import numpy as np

from custodes.demo.street.easel import Easel
from custodes.demo.street.facade import FASCIAS, SHUTTERS, WALLS, House, Shop, front
from custodes.demo.street.palette import Rgb, mixed, toned

ROOFS: Final[tuple[Rgb, ...]] = ((158, 94, 70), (138, 88, 70), (104, 106, 112), (120, 112, 104))
_STRIPES: Final[tuple[tuple[Rgb, Rgb], ...]] = (
    ((236, 226, 202), (176, 74, 54)),
    ((236, 228, 208), (60, 94, 84)),
    ((238, 230, 212), (214, 162, 80)),
    ((232, 224, 206), (66, 86, 112)),
)


def some_house(
    lot: np.random.Generator, width: float, storeys: int, shop: Shop = "shop", not_wall: Rgb | None = None
) -> House:
    """A house drawn by lot, its wall unlike its neighbour's."""
    walls = [w for w in WALLS if w != not_wall]
    return House(
        width=width,
        storeys=storeys,
        ground=float(lot.uniform(3.4, 3.9)),
        storey=float(lot.uniform(2.8, 3.1)),
        wall=walls[int(lot.integers(len(walls)))],
        shutter=SHUTTERS[int(lot.integers(len(SHUTTERS)))] if lot.random() < 0.55 else None,
        shop=shop,
        fascia=FASCIAS[int(lot.integers(len(FASCIAS)))],
    )


def facing_us(easel: Easel, lot: np.random.Generator, house: House, left: float, z: float, haze: float) -> None:
    """A house whose front looks at the camera, with a pitched roof above it."""
    right, top = left + house.width, house.eaves
    grain = max(24.0, easel.fine.scale(z) * 1.15)
    sun = easel.facing(0, 0, -1)
    _roof(easel, lot, house, left, z, haze)
    corners = [(left, top, z), (right, top, z), (right, 0, z), (left, 0, z)]
    easel.hang(front(house, lot, grain), corners, sun, haze)


def _roof(easel: Easel, lot: np.random.Generator, house: House, left: float, z: float, haze: float) -> None:
    right, top = left + house.width, house.eaves
    rise = float(lot.uniform(2.0, 3.0))
    colour = ROOFS[int(lot.integers(len(ROOFS)))]
    sun = easel.facing(0, 0.7, -0.7)
    for _ in range(int(lot.integers(1, 3))):
        _chimney(easel, lot, float(lot.uniform(left + 1, right - 1)), top + rise, z + 3.2, haze)
    rows = 12
    for k in range(rows):
        low, high = k / rows, (k + 1) / rows
        tone = toned(colour, 0.94 + 0.1 * float(lot.random()))
        corners = ((left - 0.1, low), (right + 0.1, low), (right + 0.1, high), (left - 0.1, high))
        band = [(x, top + rise * up, z + 3.2 * up) for x, up in corners]
        easel.fill(band, tone, sun, haze)
        easel.line([band[0], band[1]], mixed(toned(tone, 0.8), (214, 216, 214), haze), 0.05, sun)
    for k in range(max(1, int(house.width / 4.2))):
        at = left + house.width * (k + 0.5) / max(1, int(house.width / 4.2))
        _dormer(easel, at, top, rise, z, colour, haze)
    easel.line([(left - 0.12, top + 0.04, z - 0.1), (right + 0.12, top + 0.04, z - 0.1)], (120, 112, 104), 0.12, sun)


def _dormer(easel: Easel, x: float, top: float, rise: float, z: float, roof: Rgb, haze: float) -> None:
    y, near, w, h = top + rise * 0.22, z + 0.6, 0.62, 1.25
    sun = easel.facing(0, 0, -1)
    easel.fill(
        [(x - w, y, near), (x + w, y, near), (x + w, y + h, near), (x, y + h + 0.5, near), (x - w, y + h, near)],
        (222, 212, 194),
        sun,
        haze,
    )
    easel.upright((x - w * 0.6, x + w * 0.6), (y + 0.1, y + h * 0.92), near, (104, 118, 126), sun, haze)
    easel.line([(x, y + 0.1, near), (x, y + h * 0.92, near)], (236, 232, 222), 0.07, sun)
    for side in (-1, 1):
        edge = x + side * (w + 0.2)
        slope = [(x, y + h + 0.62), (edge, y + h - 0.05), (edge, y + h - 0.2), (x, y + h + 0.44)]
        easel.fill([(across, up, near - 0.1) for across, up in slope], toned(roof, 0.8), sun, haze)


def _chimney(easel: Easel, lot: np.random.Generator, x: float, y: float, z: float, haze: float) -> None:
    w, h = 0.45, float(lot.uniform(0.9, 1.5))
    sun = easel.facing(0, 0, -1)
    easel.upright((x - w, x + w), (y - 1, y + h), z, (172, 128, 104), sun, haze)
    easel.upright((x + w * 0.3, x + w), (y - 1, y + h), z, (138, 102, 86), sun, haze)
    easel.upright((x - w - 0.1, x + w + 0.1), (y + h, y + h + 0.14), z, (196, 176, 154), sun, haze)
    for pot in (x - 0.2, x + 0.2):
        easel.upright((pot - 0.09, pot + 0.09), (y + h + 0.14, y + h + 0.5), z, (168, 96, 70), sun, haze)


def side_wall(
    easel: Easel, lot: np.random.Generator, house: House, x: float, near: float, haze: float, *, gable: bool = True
) -> None:
    """A house along the street, its front in the plane X = ``x`` from depth ``near`` on.

    ``gable``: with a bare wall towards the neighbour before it, seen where that one is lower.
    """
    far, top = near + house.width, house.eaves
    grain = max(24.0, min(110.0, easel.fine.scale(max(near, 6.0)) * 0.9))
    picture = front(house, lot, grain)
    sun = easel.facing(1 if x < 0 else -1, 0, 0)
    if x < 0:
        corners = [(x, top, near), (x, top, far), (x, 0, far), (x, 0, near)]
    else:
        corners = [(x, top, far), (x, top, near), (x, 0, near), (x, 0, far)]
    out = 0.35 if x < 0 else -0.35
    rise, back = 2.4, -3.0 if x < 0 else 3.0
    if gable:
        roof = [(x + back, top + rise, near), (x + 2 * back, top, near), (x + 2 * back, 0, near)]
        easel.fill([(x, 0, near), (x, top, near), *roof], toned(house.wall, 0.92), easel.facing(0, 0, -1), haze)
    easel.hang(picture, corners, sun, haze)
    # The eaves stand out over the street.
    colour = ROOFS[int(lot.integers(len(ROOFS)))]
    easel.fill(
        [(x, top, near), (x, top, far), (x + out, top + 0.02, far), (x + out, top + 0.02, near)],
        toned(colour, 0.7),
        0.1,
        haze,
    )
    easel.fill(
        [(x + out, top, near), (x + out, top, far), (x + out, top + 0.16, far), (x + out, top + 0.16, near)],
        (126, 118, 110),
        sun,
        haze,
    )
    easel.fill(
        [
            (x + out, top + 0.16, near),
            (x + out, top + 0.16, far),
            (x + back, top + rise, far),
            (x + back, top + rise, near),
        ],
        colour,
        easel.facing(0.6 if x < 0 else -0.6, 0.8, 0),
        haze,
    )


def awning_ahead(
    easel: Easel, lot: np.random.Generator, x: float, width: float, z: float, height: float = 3.1, haze: float = 0.0
) -> None:
    """A striped awning on a front that looks at the camera."""
    pair = _STRIPES[int(lot.integers(len(_STRIPES)))]
    count = max(4, round(width / 0.45))
    reach, drop = 1.3, 0.75
    easel.upright((x, x + width), (height - drop - 1.1, height), z, (58, 52, 48), 0.1, haze)
    for k in range(count):
        a, b = x + width * k / count, x + width * (k + 1) / count
        colour = pair[k % 2]
        easel.fill(
            [(a, height, z), (b, height, z), (b, height - drop, z - reach), (a, height - drop, z - reach)],
            colour,
            easel.facing(0, 0.85, -0.5),
            haze,
        )
        low = height - drop - 0.22
        easel.fill(
            [
                (a, height - drop, z - reach),
                (b, height - drop, z - reach),
                (b, low, z - reach),
                ((a + b) / 2, low - 0.05, z - reach),
                (a, low, z - reach),
            ],
            toned(colour, 0.94),
            easel.facing(0, 0, -1),
            haze,
        )


def awning_beside(
    easel: Easel, lot: np.random.Generator, x: float, near: float, width: float, height: float = 3.0, haze: float = 0.0
) -> None:
    """A striped awning on a wall along the street."""
    pair = _STRIPES[int(lot.integers(len(_STRIPES)))]
    count = max(4, round(width / 0.5))
    inward = 1.0 if x < 0 else -1.0
    reach, drop = 1.25 * inward, 0.6
    sun = easel.facing(0.5 * inward, 0.85, 0)
    for k in reversed(range(count)):
        a, b = near + width * k / count, near + width * (k + 1) / count
        colour = pair[k % 2]
        easel.fill(
            [(x, height, a), (x, height, b), (x + reach, height - drop, b), (x + reach, height - drop, a)],
            colour,
            sun,
            haze,
        )
        low = height - drop - 0.22
        easel.fill(
            [(x + reach, height - drop, a), (x + reach, height - drop, b), (x + reach, low, b), (x + reach, low, a)],
            toned(colour, 0.95),
            easel.facing(inward, 0, 0),
            haze,
        )
    end = [
        (x, height, near),
        (x + reach, height - drop, near),
        (x + reach, height - drop - 0.2, near),
        (x, height - drop, near),
    ]
    easel.fill(end, toned(pair[1], 0.85), easel.facing(0, 0, -1), haze)

# SPDX-License-Identifier: AGPL-3.0-or-later
"""What stands about in a street: benches, lamps, planters, parasols, a fountain, a tram stop's shelter."""

import math

import numpy as np

from custodes.demo.street.easel import Easel, cast_shadows
from custodes.demo.street.ground import thrown
from custodes.demo.street.lens import Floats
from custodes.demo.street.palette import Rgb, mixed, toned

_IRON: Rgb = (54, 58, 60)
_WOOD: Rgb = (158, 116, 76)


def disc(x: float, y: float, z: float, radius: float, count: int = 24) -> Floats:
    """A level circle of world points."""
    a = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([x + radius * np.cos(a), np.full(count, y), z + radius * np.sin(a)], axis=1)


def dial(x: float, y: float, z: float, radius: float, count: int = 20) -> Floats:
    """An upright circle of world points that looks at the camera."""
    a = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([x + radius * np.cos(a), y + radius * np.sin(a), np.full(count, z)], axis=1)


def bench(easel: Easel, x: float, z: float, sun: float = 1.0) -> None:
    """A bench that looks at the camera, seat 0.45 m high, its front edge at ``z`` - 0.25; hides none who sit on it."""
    w = 0.95
    cast_shadows(
        easel,
        [
            thrown(
                easel, [(x - w, 0.45, z - 0.2), (x + w, 0.45, z - 0.2), (x + w, 0.85, z + 0.3), (x - w, 0.85, z + 0.3)]
            )
        ],
        1.2,
        0.85,
    )
    easel.corner([(x - w, 0, z - 0.25), (x + w, 0, z - 0.25), (x + w, 0, z + 0.3), (x - w, 0, z + 0.3)], 0.4, 5)
    up, front = easel.facing(0, 1, 0) * sun, easel.facing(0, 0, -1) * sun
    with easel.thing(z + 0.45):
        for side in (-0.72, 0.72):
            easel.line([(x + side, 0, z + 0.28), (x + side, 0.86, z + 0.36)], _IRON, 0.05, 0.4 * sun)
            easel.line([(x + side, 0, z - 0.22), (x + side, 0.44, z - 0.2)], _IRON, 0.05, 0.4 * sun)
        for k in range(3):
            y = 0.58 + 0.12 * k
            at = z + 0.28 + 0.025 * k
            easel.upright((x - w, x + w), (y, y + 0.085), at, _WOOD, front)
        for k in reversed(range(4)):
            at = z - 0.22 + 0.12 * k
            easel.level((x - w, x + w), 0.45, (at, at + 0.1), toned(_WOOD, 1.1), up)
        easel.upright((x - w, x + w), (0.4, 0.45), z - 0.22, toned(_WOOD, 0.8), front)


def lamp(easel: Easel, x: float, z: float, height: float = 4.4, sun: float = 1.0) -> None:
    """A lantern on a slender iron post."""
    cast_shadows(
        easel,
        [thrown(easel, [(x - 0.06, 0, z), (x + 0.06, 0, z), (x + 0.06, height, z), (x - 0.06, height, z)])],
        1.0,
        0.8,
    )
    easel.corner(disc(x, 0, z, 0.3), 0.4, 4)
    with easel.thing(z):
        easel.post(x, z, (0, 0.7), 0.11, (66, 72, 72), sun)
        easel.post(x, z, (0.7, height - 0.5), 0.05, (66, 72, 72), sun)
        y = height - 0.5
        sides = [(x - 0.13, y, z), (x + 0.13, y, z), (x + 0.22, y + 0.46, z), (x - 0.22, y + 0.46, z)]
        easel.fill(sides, (236, 226, 192), 0.8 * sun)
        for a, b in zip(sides, [*sides[1:], sides[0]], strict=True):
            easel.line([a, b], _IRON, 0.035, 0.4 * sun)
        easel.line([(x, y, z), (x, y + 0.46, z)], _IRON, 0.025, 0.4 * sun)
        easel.fill(
            [(x - 0.27, y + 0.46, z), (x + 0.27, y + 0.46, z), (x + 0.06, y + 0.64, z), (x - 0.06, y + 0.64, z)],
            _IRON,
            0.6 * sun,
        )
        easel.line([(x, y + 0.62, z), (x, y + 0.76, z)], _IRON, 0.04, 0.5 * sun)


def planter(
    easel: Easel,
    lot: np.random.Generator,
    x: float,
    z: float,
    w: float = 1.1,
    colour: Rgb = (168, 158, 144),
    sun: float = 1.0,
) -> None:
    """A box of shrubs and flowers."""
    left, right = x - w / 2, x + w / 2
    box = [(left, 0.9, z), (right, 0.9, z), (right, 0.9, z + 0.6), (left, 0, z), (right, 0, z)]
    cast_shadows(easel, [thrown(easel, box)], 1.5, 0.8)
    rim = [(left - 0.1, z - 0.12), (right + 0.1, z - 0.12), (right + 0.1, z + 0.7), (left - 0.1, z + 0.7)]
    easel.corner([(across, 0, away) for across, away in rim], 0.4, 5)
    bloom: Rgb = ((214, 96, 60), (236, 196, 96), (242, 234, 220), (222, 138, 84))[int(lot.integers(4))]
    with easel.thing(z + 0.3):
        easel.box(x, 0, z, (w, 0.55, 0.6), colour, sun)
        easel.upright((left - 0.03, right + 0.03), (0.5, 0.57), z - 0.03, toned(colour, 1.1), 0.8 * sun)
        for _ in range(int(170 * w)):
            dx = float(lot.uniform(-0.5, 0.5)) * (w + 0.12)
            up = float(lot.uniform(0, 1)) * (1 - (2 * dx / (w + 0.3)) ** 2)
            at = (x + dx, 0.58 + 0.42 * up, z + 0.3)
            light = 0.2 + 0.7 * up + float(lot.normal(0, 0.08))
            leaf = mixed((48, 68, 40), (132, 152, 84), min(1.0, max(0.0, light)))
            petal = lot.random() < 0.14 and up > 0.3
            easel.fill(
                _speck(at, float(lot.uniform(0.03, 0.07)), lot),
                bloom if petal else leaf,
                min(1.0, max(0.1, light)) * sun,
            )


def _speck(at: tuple[float, float, float], radius: float, lot: np.random.Generator) -> Floats:
    a = np.linspace(0, 2 * np.pi, 6, endpoint=False) + float(lot.random())
    return np.stack([at[0] + radius * np.cos(a), at[1] + 0.8 * radius * np.sin(a), np.full(6, at[2])], axis=1)


def parasol(easel: Easel, x: float, z: float, colour: Rgb = (240, 232, 212), sun: float = 1.0) -> None:
    """A café table with two chairs under a parasol."""
    cast_shadows(easel, [thrown(easel, disc(x, 2.35, z, 1.45))], 2.5, 0.9)
    easel.corner(disc(x, 0, z, 0.7), 0.35, 7)
    up, front = easel.facing(0, 1, 0) * sun, easel.facing(0, 0, -1) * sun
    with easel.thing(z - 0.3):
        for side in (-0.75, 0.75):
            easel.box(x + side, 0.4, z - 0.2, (0.42, 0.05, 0.42), (146, 106, 72), 0.5 * sun)
            easel.fill(
                [
                    (x + side * 1.3 - 0.02, 0.4, z - 0.2),
                    (x + side * 1.3 + 0.02, 0.4, z - 0.2),
                    (x + side * 1.36, 0.88, z),
                    (x + side * 1.3, 0.88, z),
                ],
                (122, 88, 60),
                0.4 * sun,
            )
            for foot in (-0.17, 0.17):
                easel.line(
                    [(x + side + foot, 0, z - 0.2), (x + side + foot, 0.4, z - 0.2)], (110, 82, 58), 0.035, 0.4 * sun
                )
        easel.post(x, z, (0, 2.5), 0.03, (150, 116, 80), 0.4 * sun)
        easel.fill(disc(x, 0.74, z, 0.4), (226, 216, 198), 0.45 * up)
        rim, peak = disc(x, 2.25, z, 1.45, 8), (x, 2.95, z)
        order = sorted(range(8), key=lambda k: -float(rim[k][2] + rim[(k + 1) % 8][2]))
        for k in order:
            one, other = rim[k], rim[(k + 1) % 8]
            middle = (one + other) / 2 - [x, 0, z]
            light = easel.facing(float(middle[0]), 1.6, float(middle[2])) * sun
            easel.fill([tuple(one), tuple(other), peak], toned(colour, 0.97 + 0.05 * (k % 2)), light)
            if middle[2] < 0:
                drop = np.array([0, -0.2, 0])
                easel.fill(
                    [tuple(one), tuple(other), tuple(other + drop), tuple(one + drop)], toned(colour, 0.9), 0.5 * front
                )


def fountain(easel: Easel, x: float, z: float, sun: float = 1.0) -> None:
    """A round basin with a pillar and a bowl, its water still."""
    cast_shadows(
        easel,
        [
            thrown(easel, np.concatenate([disc(x, 0.6, z, 1.9), disc(x, 0, z, 1.9)])),
            thrown(easel, [(x - 0.2, 0.4, z), (x + 0.2, 0.4, z), (x + 0.2, 2.3, z), (x - 0.2, 2.3, z)]),
        ],
        1.6,
        0.9,
    )
    easel.corner(disc(x, 0, z, 2.2), 0.3, 9)
    stone: Rgb = (206, 198, 182)
    with easel.thing(z):
        easel.fill(disc(x, 0.0, z, 2.15), toned(stone, 0.92), easel.facing(0, 1, 0) * sun)
        _drum(easel, x, z, 1.9, (0.1, 0.6), stone, sun)
        easel.fill(disc(x, 0.62, z, 2.0), toned(stone, 1.08), easel.facing(0, 1, 0) * sun)
        easel.fill(disc(x, 0.62, z, 1.65), (96, 122, 122), 0.75 * sun)
        glint = disc(x - 0.35, 0.62, z + 0.25, 0.8)
        easel.fill(glint, (134, 158, 158), 0.75 * sun)
        easel.post(x, z, (0.6, 1.75), 0.2, stone, sun)
        _drum(easel, x, z, 0.75, (1.72, 1.9), stone, sun)
        easel.fill(disc(x, 1.9, z, 0.78), toned(stone, 1.06), easel.facing(0, 1, 0) * sun)
        easel.fill(disc(x, 1.9, z, 0.6), (110, 134, 134), 0.75 * sun)
        easel.post(x, z, (1.9, 2.35), 0.09, stone, sun)
        easel.fill(dial(x, 2.42, z, 0.14), toned(stone, 1.04), 0.8 * sun)


def _drum(easel: Easel, x: float, z: float, radius: float, rise: tuple[float, float], colour: Rgb, sun: float) -> None:
    for k in range(16):
        a, b = math.pi + math.pi * k / 16, math.pi + math.pi * (k + 1) / 16
        middle = (a + b) / 2
        one, other = (
            (x + radius * math.cos(a), z + radius * math.sin(a)),
            (x + radius * math.cos(b), z + radius * math.sin(b)),
        )
        easel.fill(
            [
                (one[0], rise[0], one[1]),
                (other[0], rise[0], other[1]),
                (other[0], rise[1], other[1]),
                (one[0], rise[1], one[1]),
            ],
            colour,
            easel.facing(math.cos(middle), 0.05, math.sin(middle)) * sun,
        )


def bollard(easel: Easel, x: float, z: float, sun: float = 1.0) -> None:
    """A short iron post."""
    cast_shadows(
        easel, [thrown(easel, [(x - 0.08, 0, z), (x + 0.08, 0, z), (x + 0.08, 0.9, z), (x - 0.08, 0.9, z)])], 0.8, 0.8
    )
    with easel.thing(z):
        easel.post(x, z, (0, 0.86), 0.075, (74, 78, 78), sun)
        easel.post(x, z, (0.86, 0.95), 0.095, (92, 96, 96), sun)


def shelter(easel: Easel, left: float, right: float, z: float) -> None:
    """A tram stop's glass shelter with a bench inside; open towards the camera."""
    back, height = z + 1.3, 2.55
    cast_shadows(
        easel,
        [
            thrown(
                easel, [(left, height, z - 0.3), (right, height, z - 0.3), (right, height, back), (left, height, back)]
            )
        ],
        2.0,
        0.72,
    )
    easel.corner([(left, 0, z), (right, 0, z), (right, 0, back), (left, 0, back)], 0.22, 9)
    steel: Rgb = (84, 92, 94)
    with easel.thing(back + 0.02):
        for x in np.linspace(left, right, 4).tolist():
            easel.post(x, back, (0, height), 0.045, steel, 0.5)
        easel.upright((left, right), (1.05, 1.13), back, steel, 0.4)
        easel.upright((left, right), (0.12, 0.2), back, steel, 0.4)
        poster = left + 0.68 * (right - left)
        easel.upright((poster, poster + 1.15), (0.5, 2.15), back, (226, 212, 180), 0.5)
        easel.upright((poster + 0.12, poster + 1.03), (1.1, 2.02), back, (86, 124, 122), 0.5)
        easel.fill(dial(poster + 0.66, 1.62, back, 0.24), (228, 176, 92), 0.5)
    bench(easel, (left * 0.62 + right * 0.38), back - 0.55, 0.45)
    with easel.thing(z - 0.25):
        for x in (left, right):
            easel.post(x, z, (0, height), 0.05, steel, 0.7)
        roof = [
            (left - 0.25, height, z - 0.35),
            (right + 0.25, height, z - 0.35),
            (right + 0.25, height, back + 0.1),
            (left - 0.25, height, back + 0.1),
        ]
        easel.fill(roof, (150, 158, 158), easel.facing(0, 1, 0))
        easel.upright((left - 0.25, right + 0.25), (height - 0.2, height), z - 0.35, (52, 92, 82), 0.75)


def stop_sign(easel: Easel, x: float, z: float) -> None:
    """The post with the stop's sign and timetable."""
    cast_shadows(
        easel, [thrown(easel, [(x - 0.05, 0, z), (x + 0.05, 0, z), (x + 0.05, 2.9, z), (x - 0.05, 2.9, z)])], 1.0, 0.8
    )
    with easel.thing(z):
        easel.post(x, z, (0, 2.9), 0.045, (96, 102, 104), 1.0)
        easel.fill(dial(x, 2.75, z, 0.3), (52, 92, 82), 0.8)
        easel.fill(dial(x, 2.75, z, 0.235), (238, 226, 190), 0.8)
        easel.upright((x - 0.1, x + 0.1), (2.62, 2.88), z, (52, 92, 82), 0.8)
        easel.upright((x - 0.2, x + 0.2), (1.2, 1.75), z, (228, 226, 216), 0.8)


def bunting(easel: Easel, lot: np.random.Generator, left: float, right: float, height: float, z: float) -> None:
    """Pennants on a line across the street."""
    colours: tuple[Rgb, ...] = ((222, 176, 92), (190, 84, 60), (238, 230, 210), (76, 112, 102), (92, 120, 142))
    count = 22
    points = []
    for k in range(count * 2 + 1):
        share = k / (count * 2)
        points.append((left + (right - left) * share, height - 4 * 0.75 * share * (1 - share), z))
    easel.line(points, (84, 80, 76), 0.018, 0.6)
    for k in range(count):
        a, b = points[2 * k], points[2 * k + 1]
        tip = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2 - 0.3, z)
        easel.fill([a, b, tip], colours[int(lot.integers(5))], 0.35 + 0.6 * float(lot.random()))

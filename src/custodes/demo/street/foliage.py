# SPDX-License-Identifier: AGPL-3.0-or-later
"""Trees: trunk and boughs that stand, foliage that sways."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from custodes.demo.street.easel import SHADE, SUNLIGHT, Easel
from custodes.demo.street.ground import thrown
from custodes.demo.street.lens import HEIGHT, WIDTH, Floats
from custodes.demo.street.palette import Rgb, mixed, yuv_planes
from custodes.demo.street.scenery import Crown, Plate
from custodes.demo.street.sprite import PEDESTAL
from custodes.demo.street.texture import clouds

Bytes = NDArray[np.uint8]
Floats32 = NDArray[np.float32]

LEAVES: Final[tuple[tuple[Rgb, Rgb], ...]] = (
    ((44, 62, 36), (150, 168, 88)),
    ((52, 66, 40), (168, 172, 84)),
    ((78, 62, 32), (214, 168, 78)),
    ((40, 60, 44), (128, 154, 96)),
)
_PHASES: Final = 16
_ROOM: Final = 6
_CLOUD_GAIN: Final = 0.88


@dataclass(frozen=True, slots=True)
class Tree:
    """Where a tree stands and how big it is: metres; ``clear`` is the height of its lowest leaves."""

    x: float
    z: float
    height: float
    radius: float
    clear: float
    leaves: int
    sway: float = 2.2
    """Greatest movement in pixels."""


@dataclass(frozen=True, slots=True)
class _Clump:
    at: Floats
    radius: float
    light: float


def shadow_of(easel: Easel, tree: Tree, lot: np.random.Generator) -> list[Floats]:
    """The dappled shadow on the ground, in picture pixels."""
    shapes = [
        thrown(easel, [(tree.x - 0.12, 0, tree.z), (tree.x + 0.12, 0, tree.z), (tree.x, tree.clear + 0.6, tree.z)])
    ]
    for clump in _clumps(tree, lot, easel.sun_at):
        around = np.linspace(0, 2 * np.pi, 10, endpoint=False)
        rim = clump.at + 0.85 * clump.radius * np.stack([np.cos(around), 0 * around, np.sin(around)], axis=1)
        shapes.append(thrown(easel, rim))
    return shapes


def trunk(easel: Easel, tree: Tree, sun: float = 1.0) -> None:
    """Trunk and main boughs; hides those who pass behind."""
    with easel.thing(tree.z):
        top = tree.clear + 0.35 * (tree.height - tree.clear)
        for low, high, light, colour in ((-1.0, -0.2, 0.9, (122, 106, 88)), (-0.2, 1.0, 0.25, (98, 84, 70))):
            foot, neck = 0.21, 0.1
            stem = [(low * foot, 0.0), (high * foot, 0.0), (high * neck, top), (low * neck, top)]
            easel.fill([(tree.x + aside, up, tree.z) for aside, up in stem], colour, light * sun)
        for lean in (-0.5, 0.42, 0.12, -0.2):
            end = (tree.x + lean * tree.radius * 1.2, top + 0.5 * (tree.height - top), tree.z)
            easel.line([(tree.x, tree.clear * 0.86, tree.z), end], (92, 80, 66), 0.1, 0.3 * sun)


def crown(easel: Easel, tree: Tree, lot: np.random.Generator, sunny: Plate, overcast: Plate, sun: float = 1.0) -> Crown:
    """Draw the foliage and let it sway before the finished plates."""
    paint, corner = _drawn(easel, tree, lot, sun)
    height, width = paint.shape[:2]
    area = _Area(corner[0], corner[1], width, height)
    moves = _moves(lot, (height, width), tree.sway)
    bare = cv2.merge([_unhidden(easel, tree, area)] * 4)
    bright, dull, covers = [], [], []
    for phase in range(_PHASES):
        dx, dy = moves(2 * np.pi * phase / _PHASES)
        moved = np.asarray(cv2.remap(paint, dx, dy, cv2.INTER_LINEAR), np.uint8)
        moved = np.asarray(cv2.multiply(moved, bare, scale=1 / 255), np.uint8)
        bright.append(_before(area, sunny, moved, 1.0))
        dull.append(_before(area, overcast, moved, _CLOUD_GAIN))
        covers.append(np.ascontiguousarray(moved[..., 3]))
    period, start = float(lot.uniform(4.2, 6.5)), float(lot.random())
    return Crown(corner[0], corner[1], tree.z, tuple(bright), tuple(dull), tuple(covers), period, start)


@dataclass(frozen=True, slots=True)
class _Area:
    x: int
    y: int
    width: int
    height: int


def _unhidden(easel: Easel, tree: Tree, area: _Area) -> Bytes:
    """What of a rectangle no fixed thing nearer than the tree covers, 0..255."""
    left = np.full((HEIGHT, WIDTH), 255, np.uint8)
    for screen in easel.screens:
        if screen.depth < tree.z:
            height, width = screen.cover.shape
            region = left[screen.y : screen.y + height, screen.x : screen.x + width]
            cv2.multiply(region, cv2.bitwise_not(screen.cover), dst=region, scale=1 / 255)
    return left[area.y : area.y + area.height, area.x : area.x + area.width]


def _clumps(tree: Tree, lot: np.random.Generator, sun: Floats) -> list[_Clump]:
    """Balls of leaves on the crown's hull and inside, the farthest first."""
    middle = np.array([tree.x, (tree.height + tree.clear) / 2, tree.z])
    half = np.array([tree.radius, (tree.height - tree.clear) / 2, tree.radius])
    count = 46
    ways = lot.standard_normal((count, 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    reach = lot.uniform(0.35, 0.86, count)[:, None]
    found = []
    for way, far in zip(ways, reach, strict=True):
        offset = way * far
        light = 0.46 + 0.42 * float(offset @ sun) + 0.1 * float(lot.normal())
        found.append(_Clump(middle + offset * half, float(lot.uniform(0.26, 0.4)) * tree.radius, light))
    return sorted(found, key=lambda c: -c.at[2])


def _drawn(easel: Easel, tree: Tree, lot: np.random.Generator, sun: float) -> tuple[Bytes, tuple[int, int]]:
    """The foliage at rest: Y, U, V (less PEDESTAL, premultiplied) and coverage, with its top left corner."""
    lens = easel.fine
    scale = lens.scale(tree.z)
    low = lens.project(np.array([tree.x - 1.3 * tree.radius, tree.height + 0.45 * tree.radius, tree.z]))
    high = lens.project(np.array([tree.x + 1.3 * tree.radius, tree.clear - 0.4 * tree.radius, tree.z]))
    x0, y0 = (max(0, int(v / 4) * 2 - _ROOM) for v in low)
    x1, y1 = (min(limit, int(v / 4) * 2 + _ROOM) for v, limit in zip(high, (WIDTH, HEIGHT), strict=True))
    canvas = np.zeros(((y1 - y0) * 2, (x1 - x0) * 2, 4), np.uint8)
    dark, bright = LEAVES[tree.leaves % len(LEAVES)]
    shade = SHADE + SUNLIGHT * 0.15
    full = SHADE + SUNLIGHT * (0.25 + 0.75 * sun)
    for clump in _clumps(tree, np.random.default_rng(int(lot.integers(1 << 30))), easel.sun_at):
        centre = lens.project(clump.at) - [x0 * 2, y0 * 2]
        radius = clump.radius * scale
        for ring in range(3):
            count = (34, 26, 16)[ring]
            for _ in range(count):
                spread = np.clip(lot.normal(0, 0.5 - 0.08 * ring, 2), -0.95, 0.95) * radius
                spread += np.array([-0.16, -0.22]) * ring * radius
                tone = float(
                    np.clip(clump.light + 0.17 * (ring - 1) - 0.22 * spread[1] / radius + lot.normal(0, 0.07), 0, 1)
                )
                light = shade + (full - shade) * tone
                leaf = np.clip(np.array(mixed(dark, bright, tone)) * light, 0, 255)
                size = max(1.0, float(lot.uniform(0.05, 0.11)) * radius + 0.045 * scale)
                at = np.rint((centre + spread) * 16).astype(int)
                axes = (round(size * 16), round(size * float(lot.uniform(8, 13))))
                cv2.ellipse(
                    canvas,
                    (int(at[0]), int(at[1])),
                    axes,
                    float(lot.uniform(0, 180)),
                    0,
                    360,
                    (*leaf.tolist(), 255),
                    -1,
                    cv2.LINE_AA,
                    4,
                )
    small = np.asarray(cv2.resize(canvas, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA), np.float32)
    return _as_yuv(small), (x0, y0)


def _as_yuv(paint: Floats32) -> Bytes:
    """Premultiplied RGBA to premultiplied YUVA, less PEDESTAL, chroma at full size."""
    share = paint[..., 3:] / 255
    y, _, _ = yuv_planes(paint[..., :3])
    wide = np.asarray(cv2.resize(paint, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST), np.float32)
    _, u, v = yuv_planes(wide[..., :3])
    planes = [
        y + (16 - PEDESTAL) * share[..., 0] - 16,
        u + (128 - PEDESTAL) * share[..., 0] - 128,
        v + (128 - PEDESTAL) * share[..., 0] - 128,
    ]
    return np.asarray(np.clip(np.rint(np.stack([*planes, paint[..., 3]], axis=-1)), 0, 255), np.uint8)


def _moves(
    lot: np.random.Generator, shape: tuple[int, int], sway: float
) -> Callable[[float], tuple[Floats32, Floats32]]:
    """Where each pixel comes from at an angle of the sway's cycle: the crown leans as one, its leaves flutter."""
    height, width = shape
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    lean = np.linspace(1, 0.12, height, dtype=np.float32)[:, None]
    flutter = [np.clip(clouds(lot, shape, max(16, width // 4), 3), -1.5, 1.5) for _ in range(4)]

    def moved(angle: float) -> tuple[Floats32, Floats32]:
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        dx = sway * (0.75 * lean * sin + 0.4 * (cos * flutter[0] + sin * flutter[1]))
        dy = sway * 0.3 * (cos * flutter[2] + sin * flutter[3])
        return np.asarray(columns + dx, np.float32), np.asarray(rows + dy, np.float32)

    return moved


def _before(area: _Area, plate: Plate, paint: Bytes, gain: float) -> Plate:
    """The foliage composed with the part of a plate behind it."""
    x, y, w, h = area.x, area.y, area.width, area.height
    cover = paint[..., 3]
    half = np.asarray(cv2.resize(paint, (w // 2, h // 2), interpolation=cv2.INTER_AREA), np.uint8)
    behind = (
        plate.y[y : y + h, x : x + w],
        *(p[y // 2 : (y + h) // 2, x // 2 : (x + w) // 2] for p in (plate.u, plate.v)),
    )
    layers = (cv2.convertScaleAbs(paint[..., 0], alpha=gain), half[..., 1], half[..., 2])
    hides = (cover, half[..., 3], half[..., 3])
    done = [
        cv2.add(cv2.multiply(b, cv2.bitwise_not(a), scale=1 / 255), c)
        for b, c, a in zip(behind, layers, hides, strict=True)
    ]
    return Plate(*(np.asarray(d, np.uint8) for d in done))

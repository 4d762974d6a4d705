# SPDX-License-Identifier: AGPL-3.0-or-later
"""The ground: textures laid out in metres and seen at a grazing angle, without shimmer."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from custodes.demo.street.easel import FINE, Easel, over
from custodes.demo.street.lens import HEIGHT, WIDTH, Floats
from custodes.demo.street.texture import GRAIN, clouds

Bytes = NDArray[np.uint8]
Flat = Sequence[tuple[float, float]] | Floats


def lay(easel: Easel, surface: Bytes, outline: Flat | None = None, *, turn: bool = False, sun: float = 1.0) -> None:
    """Cover the ground within ``outline`` (X, Z in metres; all of it if None) with a tile of TILE metres.

    The outline may reach behind the camera; ``turn`` lays the rows along Z instead of X.
    """
    lens = easel.fine
    top = int(lens.horizon) + 2
    mask = np.full((HEIGHT * FINE, WIDTH * FINE), 255, np.uint8)
    if outline is not None:
        mask[:] = 0
        flat = project_outline(easel, outline) * FINE
        cv2.fillPoly(mask, [np.rint((flat - 0.5) * 16).astype(np.int32)], (255,), cv2.LINE_AA, 4)
    mask[:top] = 0
    x, y, w, h = cv2.boundingRect(mask)
    if not w:
        return
    rows = np.arange(y, y + h)
    z = lens.depth_of_row(rows.astype(float) + 0.5)
    across = (np.arange(x, x + w) + 0.5 - lens.centre)[None, :] * (z / lens.focal)[:, None]
    paint = _sampled(surface.transpose(1, 0, 2) if turn else surface, across, z, lens.focal, lens.height, turn)
    area = (slice(y, y + h), slice(x, x + w))
    over(easel.colour[area], paint, mask[area])
    over(easel.sun[area], np.full((h, w), round(255 * easel.facing(0, 1, 0) * sun), np.uint8), mask[area])
    np.maximum(easel.solid[area], mask[area], out=easel.solid[area])


def _sampled(surface: Bytes, across: Floats, z: Floats, focal: float, height: float, turn: bool) -> Bytes:
    """Look the texture up, per band of rows in a copy reduced separately across and away (a ripmap)."""
    result = np.empty((*across.shape, 3), np.uint8)
    wide = np.clip(np.rint(np.log2(np.maximum(z / focal * GRAIN, 1))), 0, 5).astype(int)
    deep = np.clip(np.rint(np.log2(np.maximum(z * z / (focal * height) * GRAIN, 1))), 0, 8).astype(int)
    for level in sorted(set(zip(wide.tolist(), deep.tolist(), strict=True))):
        rows = np.flatnonzero((wide == level[0]) & (deep == level[1]))
        side = surface.shape[0]
        small = cv2.resize(surface, (side >> level[0], side >> level[1]), interpolation=cv2.INTER_AREA)
        grain = GRAIN / np.array([1 << level[0], 1 << level[1]])
        u = (across[rows] * grain[0] - 0.5).astype(np.float32)
        v = np.broadcast_to((z[rows] * grain[1] - 0.5)[:, None], u.shape).astype(np.float32)
        u %= small.shape[1]
        v = v % small.shape[0]
        result[rows] = cv2.remap(small, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return result


def project_outline(easel: Easel, outline: Flat) -> Floats:
    """An outline on the ground, cut off before the camera, in picture pixels."""
    near = 3.0
    points = np.asarray(outline, float)
    kept: list[Floats] = []
    for one, other in zip(points, np.roll(points, -1, axis=0), strict=True):
        if one[1] >= near:
            kept.append(one)
        if (one[1] >= near) != (other[1] >= near):
            share = (near - one[1]) / (other[1] - one[1])
            kept.append(one + (other - one) * share)
    flat = np.array(kept)
    return easel.lens.project(np.stack([flat[:, 0], np.zeros(len(flat)), flat[:, 1]], axis=1))


def mottle(easel: Easel, lot: np.random.Generator, strength: float = 0.05) -> None:
    """Large soft patches of wear over the whole ground; before anything is put on it."""
    lens = easel.lens
    patches = clouds(lot, (512, 512), 64)
    rows = np.arange(int(lens.horizon) + 4, HEIGHT)
    z = lens.depth_of_row(rows.astype(float) + 0.5)
    u = ((np.arange(WIDTH) - lens.centre)[None, :] * (z / lens.focal)[:, None] * 8 + 256).astype(np.float32)
    v = np.broadcast_to((z * 8)[:, None], u.shape).astype(np.float32)
    level = cv2.remap(patches, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    light = np.clip(255 * (0.95 + strength * np.asarray(level, np.float32)), 0, 255).astype(np.uint8)
    big = cv2.resize(light, (WIDTH * FINE, len(rows) * FINE), interpolation=cv2.INTER_LINEAR)
    part = easel.colour[int(rows[0]) * FINE :]
    part[:] = cv2.multiply(part, cv2.merge([big] * 3), scale=1 / 255)


def thrown(easel: Easel, points: Sequence[tuple[float, float, float]] | Floats) -> Floats:
    """Where the sun throws the outline of something upright: the hull on the ground, in picture pixels."""
    world = np.asarray(points, float)
    by = -easel.sun_at / easel.sun_at[1]
    flat = world[:, ::2] + world[:, 1:2] * by[::2]
    hull = np.asarray(cv2.convexHull(flat.astype(np.float32)), float).reshape(-1, 2)
    return project_outline(easel, hull)

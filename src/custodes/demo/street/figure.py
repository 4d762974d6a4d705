# SPDX-License-Identifier: AGPL-3.0-or-later
"""A clothed body (and a bicycle) as flat shapes, the way an architect draws people into a picture.

Every part is the convex hull of a few spheres, projected and filled twice: once in shade, once, smaller and nudged
towards the sun, in light.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from custodes.demo.street.palette import Rgb, toned
from custodes.demo.street.poses import Floats, Joints, Pose, joints

Tag = Literal["body", "head", "gear"]
Sphere = tuple[Floats, float]

_CIRCLE = np.stack(
    [np.cos(np.linspace(0, 2 * np.pi, 12, endpoint=False)), np.sin(np.linspace(0, 2 * np.pi, 12, endpoint=False))],
    axis=1,
)


@dataclass(frozen=True, slots=True)
class Outfit:
    """What somebody looks like. ``stature`` in metres, ``girth`` a factor around 1."""

    stature: float
    girth: float
    skin: Rgb
    hair: Rgb
    top: Rgb
    bottom: Rgb
    shoes: Rgb
    bag: Rgb
    cut: Literal["shirt", "coat", "skirt"]
    coiffure: Literal["short", "long", "bun", "hat"]
    luggage: Literal["none", "shoulder", "backpack", "tote", "case", "stroller"]


@dataclass(frozen=True, slots=True)
class Ink:
    """One shape: the rows ``start`` to ``stop`` of a sketch's points. A ``hull`` is the convex hull around them, an
    ``area`` the polygon through them, and with ``width`` > 0 (metres) it is a closed line."""

    start: int
    stop: int
    colour: Rgb
    tag: Tag
    form: Literal["hull", "area", "line"] = "hull"
    width: float = 0.0


@dataclass(frozen=True, slots=True)
class Sketch:
    """Shapes in painting order; points in metres from the point on the ground, x right, y down."""

    points: NDArray[np.float32]
    inks: tuple[Ink, ...]


@dataclass(frozen=True, slots=True)
class Aspect:
    """How a body is looked at: ``turn`` of its heading in the picture (radians; 0 to the right, π/2 away), height of
    the camera and depth (both metres), and the picture direction towards the sun (x right, y down, length <= 1)."""

    turn: float
    height: float
    depth: float
    sun: tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Part:
    spheres: tuple[Sphere, ...]
    colour: Rgb
    tag: Tag
    nearer: float = 0.0
    ring: float = 0.0


def sketch(outfit: Outfit, pose: Pose, aspect: Aspect) -> Sketch:
    """A person, with bicycle or luggage."""
    body = joints(pose)
    parts = [
        *_legs(outfit, body, pose),
        *_trunk(outfit, body, pose),
        *_arms(outfit, body),
        *_head(outfit, body, aspect),
    ]
    if pose.manner == "ride":
        parts += _bicycle(outfit)
    parts += _luggage(outfit, body, pose)
    counts = [len(part.spheres) for part in parts]
    stops = np.cumsum(counts)
    spheres = [sphere for part in parts for sphere in part.spheres]
    centres = np.array([p for p, _ in spheres]) * outfit.stature
    radii = np.array([r for _, r in spheres]) * outfit.stature
    cos, sin = math.cos(aspect.turn), math.sin(aspect.turn)
    away = centres[:, 0] * sin + centres[:, 1] * cos
    rise = centres[:, 2]
    flat = np.stack(
        [centres[:, 0] * cos - centres[:, 1] * sin, -rise - away * (aspect.height - rise) / aspect.depth], 1
    )
    nearer = np.array([part.nearer for part in parts]) * outfit.stature
    first = stops - np.array(counts)
    rank = np.add.reduceat(away, first.astype(np.intp)) / np.array(counts) - nearer
    shade = flat[:, None, :] + radii[:, None, None] * _CIRCLE
    light = (flat + np.array(aspect.sun) * radii[:, None] * 0.3)[:, None, :] + 0.74 * radii[:, None, None] * _CIRCLE
    total = len(spheres) * len(_CIRCLE)
    inks = []
    for number in np.argsort(-rank, kind="stable").tolist():
        part, stop = parts[number], int(stops[number])
        start = stop - counts[number]
        if part.ring:
            line = (2 * total + start, 2 * total + stop)
            inks.append(Ink(*line, part.colour, part.tag, "line", part.ring * outfit.stature))
            continue
        start, stop = start * len(_CIRCLE), stop * len(_CIRCLE)
        inks.append(Ink(start, stop, toned(part.colour, 0.78), part.tag))
        inks.append(Ink(total + start, total + stop, part.colour, part.tag))
    points = np.concatenate([shade.reshape(-1, 2), light.reshape(-1, 2), flat]).astype(np.float32)
    return Sketch(points, tuple(inks))


@lru_cache(maxsize=2048)
def bones(outfit: Outfit, pose: Pose) -> tuple[Floats, Floats]:
    """Coarse segments (n, 2, 3) in metres, body frame, and their radii (n,): what casts the shadow."""
    body = joints(pose)
    pairs = [
        (body.hips[0], body.knees[0], 0.055),
        (body.hips[1], body.knees[1], 0.055),
        (body.knees[0], body.ankles[0], 0.04),
        (body.knees[1], body.ankles[1], 0.04),
        (body.pelvis, body.chest, 0.105),
        (body.shoulders[0], body.hands[0], 0.04),
        (body.shoulders[1], body.hands[1], 0.04),
        (body.chest, body.head, 0.07),
    ]
    if outfit.cut != "shirt":
        pairs.append((body.pelvis, (body.knees[0] + body.knees[1]) / 2, 0.1))
    segments = np.array([(a, b) for a, b, _ in pairs]) * outfit.stature
    return segments, np.array([r for *_, r in pairs]) * outfit.stature * outfit.girth


def _at(forward: float, left: float, up: float) -> Floats:
    return np.array([forward, left, up])


def _legs(outfit: Outfit, body: Joints, pose: Pose) -> list[_Part]:
    g = outfit.girth
    cloth = outfit.bottom if outfit.cut != "skirt" else toned(outfit.skin, 0.92)
    slim = 1.0 if outfit.cut != "skirt" else 0.8
    nearer = {"sit": 0.08, "ride": 0.0}.get(pose.manner, -0.1)
    parts = []
    for hip, knee, ankle, toe in zip(body.hips, body.knees, body.ankles, body.toes, strict=True):
        shoe = ((ankle - _at(0.012, 0, 0.005), 0.026), (toe, 0.02))
        parts.append(_Part(((ankle, 0.026 * slim), (knee, 0.04 * g * slim)), cloth, "body", nearer))
        parts.append(_Part(shoe, outfit.shoes, "body", nearer + 0.005))
        parts.append(_Part(((knee, 0.041 * g * slim), (hip, 0.06 * g)), cloth, "body", nearer + 0.01))
    return parts


def _trunk(outfit: Outfit, body: Joints, pose: Pose) -> list[_Part]:
    g = outfit.girth
    waist = (body.pelvis + body.chest) / 2
    parts = []
    if outfit.cut == "shirt":
        seat = tuple((hip + _at(0, 0, 0.01), 0.062 * g) for hip in body.hips)
        parts.append(_Part((*seat, (waist, 0.07 * g)), outfit.bottom, "body", 0.02))
        hem = tuple((hip + _at(0, 0, 0.055), 0.066 * g) for hip in body.hips)
    else:
        reach = 0.8 if outfit.cut == "coat" else 0.95
        cloth = outfit.top if outfit.cut == "coat" else outfit.bottom
        flare = 0.055 if outfit.cut == "coat" else 0.062
        ends = tuple((h + (k - h) * reach, flare * g) for h, k in zip(body.hips, body.knees, strict=True))
        seat = tuple((hip + _at(0, 0, 0.03), 0.07 * g) for hip in body.hips)
        parts.append(_Part((*seat, *ends), cloth, "body", 0.1 if pose.manner == "sit" else 0.02))
        hem = seat
    upper = tuple((s + _at(0, 0, -0.012), 0.043 * g) for s in body.shoulders)
    breadth = ((body.chest + _at(0.02, 0, -0.06), 0.078 * g), (body.chest + _at(-0.022, 0, -0.05), 0.07 * g))
    parts.append(_Part((*upper, *breadth, *hem), outfit.top, "body", 0.03))
    parts.append(_Part(((body.chest, 0.036), (body.head, 0.032)), outfit.skin, "body", 0.035))
    return parts


def _arms(outfit: Outfit, body: Joints) -> list[_Part]:
    g = outfit.girth
    parts = []
    for shoulder, elbow, hand in zip(body.shoulders, body.elbows, body.hands, strict=True):
        out = (shoulder - body.chest) * 0.22
        sleeve = toned(outfit.top, 0.95)
        parts.append(_Part(((hand, 0.025),), outfit.skin, "body", 0.015))
        parts.append(_Part(((elbow + out, 0.031 * g), (hand, 0.022)), sleeve, "body", 0.02))
        parts.append(_Part(((shoulder + out * 0.4, 0.04 * g), (elbow + out, 0.031 * g)), sleeve, "body", 0.025))
    return parts


def _head(outfit: Outfit, body: Joints, aspect: Aspect) -> list[_Part]:
    cos, sin = math.cos(body.gaze), math.sin(body.gaze)
    head = body.head
    small = 1.12 if outfit.stature < 1.4 else 1.0

    def face(forward: float, up: float) -> Floats:
        return head + _at(forward * cos, forward * sin, up) * small

    skull = ((head + _at(0, 0, 0.004), 0.06 * small), (face(0.012, -0.03), 0.047 * small))
    parts = [_Part(skull, outfit.skin, "head", 0.05)]
    crown = [(face(-0.014, 0.016), 0.061 * small), (face(0.012, 0.03), 0.05 * small)]
    if outfit.coiffure == "long":
        parts.append(
            _Part(((face(-0.02, -0.01), 0.058 * small), (face(-0.035, -0.085), 0.044)), outfit.hair, "head", 0.045)
        )
    if outfit.coiffure == "bun":
        crown.append((face(-0.055, 0.045), 0.026))
    cap = outfit.bag if outfit.coiffure == "hat" else outfit.hair
    parts.append(_Part(tuple(crown), cap, "head", 0.055))
    if math.sin(aspect.turn + body.gaze) < 0.35:
        parts.append(
            _Part(((face(0.028, 0.0), 0.04 * small), (face(0.024, -0.036), 0.035 * small)), outfit.skin, "head", 0.09)
        )
        if outfit.coiffure == "hat":
            parts.append(
                _Part(((face(0.03, 0.036), 0.034 * small), (face(-0.01, 0.036), 0.052 * small)), cap, "head", 0.1)
            )
    return parts


def _luggage(outfit: Outfit, body: Joints, pose: Pose) -> list[_Part]:
    if outfit.luggage == "backpack":
        high, low = body.chest + _at(-0.105, 0, -0.03), body.chest + _at(-0.115, 0, -0.2)
        return [_Part(((high, 0.052), (low, 0.066)), outfit.bag, "body", 0.03)]
    if outfit.luggage == "shoulder" and pose.manner != "ride":
        side = body.hips[1] + _at(-0.02, -0.075, 0.02)
        return [
            _Part(
                ((side, 0.035), (side + _at(-0.05, 0, -0.06), 0.035), (side + _at(0.06, 0, -0.06), 0.035)),
                outfit.bag,
                "body",
                0.03,
            )
        ]
    if outfit.luggage == "tote" and pose.manner != "ride":
        grip = body.hands[1]
        return [
            _Part(
                ((grip + _at(-0.04, 0, -0.13), 0.04), (grip + _at(0.05, 0, -0.13), 0.04), (grip, 0.012)),
                outfit.bag,
                "body",
                0.03,
            )
        ]
    if outfit.luggage == "case" and pose.manner in ("walk", "stand"):
        low = _at(-0.3 if pose.manner == "walk" else -0.12, -0.15, 0.04)
        tilt = _at(0.1 if pose.manner == "walk" else 0.0, 0.0, 0.27)
        handle = _Part(((low + tilt, 0.008), (body.hands[1], 0.008)), (60, 60, 62), "body")
        return [handle, _Part(((low, 0.045), (low + tilt, 0.045)), outfit.bag, "body", 0.01)]
    if outfit.luggage == "stroller" and pose.manner in ("walk", "stand"):
        return _stroller(outfit)
    return []


def _stroller(outfit: Outfit) -> list[_Part]:
    """A pram ahead of whoever pushes it: basket, hood, handle and four wheels."""
    steel = (70, 72, 76)
    parts = [_Part(((_at(0.2, s, 0.56), 0.009), (_at(0.42, s, 0.24), 0.009)), steel, "body") for s in (0.09, -0.09)]
    for forward in (0.3, 0.62):
        for side in (0.1, -0.1):
            parts.append(_Part(((_at(forward, side, 0.055), 0.05),), (44, 44, 46), "body"))
    basket = tuple((_at(f, s, u), 0.05) for f, u in ((0.34, 0.3), (0.62, 0.3)) for s in (0.05, -0.05))
    hood = tuple((_at(f, s, u), 0.05) for f, u in ((0.52, 0.44), (0.62, 0.36)) for s in (0.05, -0.05))
    parts.append(_Part(basket, toned(outfit.bag, 0.8), "body", 0.01))
    parts.append(_Part(hood, outfit.bag, "body", 0.02))
    return parts


def _bicycle(outfit: Outfit) -> list[_Part]:
    dark = (44, 44, 48)
    around = np.linspace(0, 2 * np.pi, 22, endpoint=False)
    parts = []
    rear, front, crank = _at(-0.27, 0, 0.195), _at(0.36, 0, 0.195), _at(0.05, 0, 0.17)
    saddle, stem = _at(-0.1, 0, 0.47), _at(0.24, 0, 0.5)
    for hub in (rear, front):
        rim = tuple((hub + _at(0.185 * math.cos(a), 0, 0.185 * math.sin(a)), 0.0) for a in around)
        parts.append(_Part(rim, dark, "gear", -0.01, ring=0.018))
    tubes = [
        (crank, saddle),
        (crank, stem),
        (saddle, stem),
        (rear, crank),
        (rear, saddle),
        (front, stem),
        (stem, stem + _at(0.01, 0, 0.1)),
    ]
    parts += [_Part(((a, 0.011), (b, 0.011)), outfit.bag, "gear") for a, b in tubes]
    parts.append(_Part(((saddle + _at(-0.04, 0, 0.012), 0.024), (saddle + _at(0.06, 0, 0.014), 0.014)), dark, "gear"))
    bar = stem + _at(0.02, 0, 0.1)
    parts.append(_Part(((bar + _at(0, 0.12, 0), 0.011), (bar + _at(0, -0.12, 0), 0.011)), dark, "gear"))
    return parts

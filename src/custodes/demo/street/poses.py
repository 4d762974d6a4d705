# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where the joints of a body are: walking, standing, sitting, riding.

Body frame in units of stature: forward, left, up; the origin lies on the ground below the pelvis (for the seated: where
they stood before they sat down).
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Manner = Literal["walk", "stand", "sit", "ride"]

WALK_PHASES = 24
IDLE_PHASES = 16
LEG = 0.245
"""Length of thigh and of shank, in statures."""
STRIDE_ANGLE = 0.43
STRIDE = 8 * LEG * math.sin(STRIDE_ANGLE) * 0.97
"""Ground covered by one full cycle (two steps) of a walk, in statures."""


@dataclass(frozen=True, slots=True)
class Pose:
    """One attitude, coarse enough to be drawn once and used again.

    ``phase`` counts WALK_PHASES per cycle (walk, ride) or IDLE_PHASES (stand, sit). ``vigour`` in quarters: how far a
    walk swings out, or how far somebody has sat down. ``habit`` picks among ways to hold the arms.
    """

    manner: Manner
    phase: int
    vigour: int = 4
    habit: int = 0


@dataclass(frozen=True, slots=True)
class Joints:
    """Points of a body, each (forward, left, up); pairs are (left, right)."""

    pelvis: Floats
    chest: Floats
    head: Floats
    gaze: float
    """Turn of the head from the body's direction, radians, positive to the left."""
    hips: tuple[Floats, Floats]
    knees: tuple[Floats, Floats]
    ankles: tuple[Floats, Floats]
    toes: tuple[Floats, Floats]
    shoulders: tuple[Floats, Floats]
    elbows: tuple[Floats, Floats]
    hands: tuple[Floats, Floats]


def _point(forward: float, left: float, up: float) -> Floats:
    return np.array([forward, left, up])


def _swing(origin: Floats, length: float, angle: float, out: float = 0.0) -> Floats:
    """The end of a limb hanging from ``origin``, swung forward by ``angle`` and sideways by ``out`` (lengths)."""
    return origin + _point(length * math.sin(angle), length * out, -length * math.cos(angle))


@lru_cache(maxsize=1024)
def joints(pose: Pose) -> Joints:
    """Solve the pose."""
    if pose.manner == "walk":
        return _walking(pose)
    if pose.manner == "ride":
        return _riding(pose)
    return _resting(pose)


def _walking(pose: Pose) -> Joints:
    cycle = 2 * math.pi * pose.phase / WALK_PHASES
    vigour = pose.vigour / 4
    thighs = [STRIDE_ANGLE * vigour * math.sin(cycle + turn) + 0.04 for turn in (0.0, math.pi)]
    flexes = [0.06 + (0.10 + 0.85 * max(0.0, math.cos(cycle + turn + 0.45)) ** 2) * vigour for turn in (0.0, math.pi)]
    arms = [(0.42 * vigour * math.sin(cycle + turn), 0.22 + 0.15 * vigour) for turn in (math.pi, 0.0)]
    if pose.habit == 1:
        arms[0] = (0.25, 1.55)
    elif pose.habit == 2:
        arms[1] = (-0.25, 0.75)
    return _assemble(thighs, flexes, arms, lean=0.035 * vigour, gaze=0.0, sway=0.008 * math.sin(cycle))


def _resting(pose: Pose) -> Joints:
    cycle = 2 * math.pi * pose.phase / IDLE_PHASES
    seated = pose.vigour / 4 if pose.manner == "sit" else 0.0
    bend = 1.45 * seated
    breath = 0.01 * math.sin(2 * cycle)
    gaze = 0.5 * math.sin(cycle) * (1.0 if pose.habit != 1 else 0.25)
    thighs = [bend + 0.03, bend - 0.03]
    flexes = [bend * 0.97 + 0.05, bend * 1.05 + 0.03]
    arms = [(0.06 + breath, 0.16), (0.02 - breath, 0.2)]
    if pose.habit == 1:
        arms[0] = (0.42 + breath, 1.65)
    elif pose.habit == 2:
        arms = [(0.35 + 0.12 * math.sin(cycle), 1.2 + 0.35 * math.sin(2 * cycle)), (0.02, 0.25)]
    elif pose.habit == 3:
        arms = [(-0.22, 0.8), (-0.22, 0.8)]
    if seated > 0.5:
        arms = [(0.5, 0.75), (0.45, 0.8)] if pose.habit != 1 else [(0.5, 1.35), (0.45, 0.8)]
    lean = 0.02 + breath + (0.3 * math.sin(math.pi * seated) if seated < 1 else -0.06)
    return _assemble(thighs, flexes, arms, lean=lean, gaze=gaze, sway=0.012 * math.sin(cycle), seated=seated)


def _riding(pose: Pose) -> Joints:
    cycle = 2 * math.pi * pose.phase / WALK_PHASES
    pelvis = _point(-0.10, 0.0, 0.56)
    lean = 0.42
    knees, ankles, toes, hips = [], [], [], []
    for side, turn in ((1, 0.0), (-1, math.pi)):
        hip = pelvis + _point(0.0, 0.05 * side, 0.0)
        pedal = _point(0.05 + 0.095 * math.cos(cycle + turn), 0.06 * side, 0.17 - 0.095 * math.sin(cycle + turn))
        ankle = pedal + _point(-0.04, 0.0, 0.05)
        middle = (hip + ankle) / 2
        reach = math.dist(hip, ankle) / 2
        rise = math.sqrt(max(LEG**2 - reach**2, 0.0))
        along = (ankle - hip) / (2 * reach)
        knee = middle + _point(-along[2] * rise, 0.0, along[0] * rise)
        hips.append(hip)
        knees.append(knee)
        ankles.append(ankle)
        toes.append(pedal + _point(0.05, 0.0, 0.01))
    chest = pelvis + _point(0.30 * math.sin(lean), 0.0, 0.30 * math.cos(lean))
    shoulders = (chest + _point(0.0, 0.105, 0.0), chest + _point(0.0, -0.105, 0.0))
    hands = (_point(0.27, 0.12, 0.61), _point(0.27, -0.12, 0.61))
    elbows = tuple(
        (s + h) / 2 + _point(-0.02, 0.015 * k, -0.04) for s, h, k in zip(shoulders, hands, (1, -1), strict=True)
    )
    return Joints(
        pelvis=pelvis,
        chest=chest,
        head=chest + _point(0.055, 0.0, 0.125),
        gaze=0.0,
        hips=(hips[0], hips[1]),
        knees=(knees[0], knees[1]),
        ankles=(ankles[0], ankles[1]),
        toes=(toes[0], toes[1]),
        shoulders=shoulders,
        elbows=(elbows[0], elbows[1]),
        hands=hands,
    )


def _assemble(
    thighs: list[float],
    flexes: list[float],
    arms: list[tuple[float, float]],
    *,
    lean: float,
    gaze: float,
    sway: float,
    seated: float = 0.0,
) -> Joints:
    """Hang legs and arms (angle, elbow) on a trunk and put the lower foot, or both when seated, on the ground."""
    hips, knees, ankles, toes = [], [], [], []
    for side, thigh, flex in zip((1, -1), thighs, flexes, strict=True):
        hip = _point(0.0, 0.052 * side, 0.0)
        knee = _swing(hip, LEG, thigh, 0.02 * side)
        shank = thigh - flex
        ankle = _swing(knee, LEG, shank)
        tilt = max(-0.9, min(0.35, shank * 0.9 + 0.05))
        hips.append(hip)
        knees.append(knee)
        ankles.append(ankle)
        toes.append(ankle + _point(0.088 * math.cos(tilt), 0.014 * side, 0.088 * math.sin(tilt) - 0.022))
    ground = min(min(a[2] - 0.032, t[2] - 0.014) for a, t in zip(ankles, toes, strict=True))
    # Somebody who sits down keeps the feet where they stood; the body goes back instead.
    back = -ankles[0][0] * seated
    base = _point(back, sway, -ground)
    hips, knees, ankles, toes = ([p + base for p in part] for part in (hips, knees, ankles, toes))
    pelvis = base + _point(0.0, 0.0, 0.02)
    chest = pelvis + _point(0.30 * math.sin(lean), sway * 0.5, 0.30 * math.cos(lean))
    shoulders = (chest + _point(0.0, 0.105, 0.0), chest + _point(0.0, -0.105, 0.0))
    elbows, hands = [], []
    for side, shoulder, (angle, elbow) in zip((1, -1), shoulders, arms, strict=True):
        joint = _swing(shoulder, 0.17, angle, 0.16 * side)
        elbows.append(joint)
        hands.append(_swing(joint, 0.155, angle + elbow, -0.12 * side * min(elbow, 1.5)))
    return Joints(
        pelvis=pelvis,
        chest=chest,
        head=chest + _point(0.02 + 0.1 * math.sin(lean), 0.0, 0.128),
        gaze=gaze,
        hips=(hips[0], hips[1]),
        knees=(knees[0], knees[1]),
        ankles=(ankles[0], ankles[1]),
        toes=(toes[0], toes[1]),
        shoulders=shoulders,
        elbows=(elbows[0], elbows[1]),
        hands=(hands[0], hands[1]),
    )

# SPDX-License-Identifier: AGPL-3.0-or-later
"""A walk along rounded corners, in metres and seconds."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_STEP = 0.12
_EASE = 0.9
"""Seconds to come to a stand, or to get going."""


@dataclass(frozen=True, slots=True)
class Path:
    """A way sampled every ``_STEP`` metres, walked from ``begin`` to ``end`` (seconds)."""

    points: Floats
    headings: Floats
    begin: float
    end: float
    speed: float
    start: bool
    stop: bool

    def at(self, t: float) -> tuple[float, float, float, float, float]:
        """X, Z, heading, speed and the distance covered at ``t``."""
        gone, speed = self._gone(min(max(t, self.begin), self.end) - self.begin)
        where = min(gone / _STEP, len(self.points) - 1.000001)
        index = int(where)
        share = where - index
        x, z = self.points[index] * (1 - share) + self.points[index + 1] * share
        heading = self.headings[index] * (1 - share) + self.headings[index + 1] * share
        return float(x), float(z), float(heading), speed, gone

    def _gone(self, t: float) -> tuple[float, float]:
        """Distance and speed ``t`` seconds after the beginning: constant speed, eased at a stop."""
        lost = 0.0
        speed = self.speed
        if self.start:
            u = min(t, _EASE)
            lost = u - u * u / (2 * _EASE)
            speed *= u / _EASE
        gone = self.speed * (t - lost)
        left = self.end - self.begin - t
        if self.stop and left < _EASE:
            u = _EASE - left
            gone -= self.speed * u * u / (2 * _EASE)
            speed *= left / _EASE
        return max(0.0, gone), speed


def leg(
    corners: tuple[tuple[float, float], ...],
    begin: float,
    speed: float,
    shift: float,
    *,
    start: bool = False,
    stop: bool = False,
) -> Path:
    """A path through ``corners`` (X, Z), moved sideways by ``shift`` metres; ``start``/``stop``: from or to a stand."""
    points = _resampled(_rounded(_shifted(np.array(corners, float), shift)))
    steps = np.diff(points, axis=0)
    headings = np.unwrap(np.arctan2(steps[:, 1], steps[:, 0]))
    headings = np.append(headings, headings[-1])
    length = (len(points) - 1) * _STEP
    lost = _EASE / 2 * (start + stop)
    return Path(points, headings, begin, begin + length / speed + lost, speed, start, stop)


def _shifted(points: Floats, shift: float) -> Floats:
    if not shift:
        return points
    along = np.gradient(points, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    return points + shift * np.stack([-along[:, 1], along[:, 0]], axis=1)


def _rounded(points: Floats) -> Floats:
    """Corner cutting (Chaikin, 1974), four times."""
    for _ in range(4):
        if len(points) < 3:
            break
        early, late = points[:-1] * 0.75 + points[1:] * 0.25, points[:-1] * 0.25 + points[1:] * 0.75
        inner = np.stack([early, late], axis=1).reshape(-1, 2)
        points = np.concatenate([points[:1], inner[1:-1], points[-1:]])
    return points


def _resampled(points: Floats) -> Floats:
    gone = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    count = max(2, math.floor(gone[-1] / _STEP) + 1)
    even = np.arange(count) * _STEP
    return np.stack([np.interp(even, gone, points[:, axis]) for axis in (0, 1)], axis=1)

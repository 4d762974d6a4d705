# SPDX-License-Identifier: AGPL-3.0-or-later
"""Clouds that pass: how much of the sun comes through at an instant, and the sensor's noise."""

import math

import numpy as np
from numpy.typing import NDArray

from custodes.demo.street.sprite import PEDESTAL

Bytes = NDArray[np.uint8]

NOISE_SIGMA = 1.5
_ROOM = 96
_MASK = (1 << 64) - 1


def sunshine(t: float, shift: float) -> float:
    """Between 0 (a cloud before the sun) and 1. Incommensurate periods; a change takes ten seconds or more."""
    wave = (
        math.sin(2 * math.pi * (t / 71.3 + shift))
        + 0.7 * math.sin(2 * math.pi * (t / 113.7 + 2.3 * shift))
        + 0.35 * math.sin(2 * math.pi * (t / 43.9 + 4.1 * shift))
    )
    return 1 / (1 + math.exp(-1.9 * (wave + 0.35)))


def noise_tile(lot: np.random.Generator, height: int, width: int, sigma: float) -> Bytes:
    """Noise around ``PEDESTAL``, larger than the picture by the room for ``noise_window``."""
    noise = lot.normal(PEDESTAL, sigma, (height + _ROOM, width + _ROOM))
    return np.clip(np.rint(noise), 0, 2 * PEDESTAL).astype(np.uint8)


def noise_window(seed: int, index: int) -> tuple[int, int]:
    """Where picture ``index`` cuts its noise from the tile: row and column (splitmix64; Steele et al., 2014)."""
    z = (seed * 0xD1342543DE82EF95 + index * 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    z ^= z >> 31
    return z % _ROOM, (z >> 32) % _ROOM

# SPDX-License-Identifier: Apache-2.0
"""When one period ends and the next begins."""

import hashlib

from custodes.clock import SECOND, Instant
from custodes.domain.ids import CameraId

PERIOD = 60 * SECOND
"""Nominal length: a disclosure of half a minute opens at most two periods."""


def stagger(camera: CameraId) -> int:
    """The camera's own offset within the minute, in nanoseconds (whole milliseconds), so that not all cut at once."""
    digest = hashlib.sha256(camera.encode()).digest()
    return int.from_bytes(digest[:8]) % 60_000 * 1_000_000


def minute_of(camera: CameraId, instant: Instant) -> Instant:
    """The camera's staggered minute that ``instant`` lies in."""
    offset = stagger(camera)
    return Instant((instant - offset) // PERIOD * PERIOD + offset)

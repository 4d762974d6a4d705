# SPDX-License-Identifier: Apache-2.0
"""Hiding masked pictures in which somebody is visible."""

from enum import Enum

from custodes.clock import SECOND, Instant

AROUND = 30 * SECOND
"""How much is hidden before the picture in which somebody was seen, and of a recording also behind it."""


class Verdict(Enum):
    """What the steward decides about a hidden stretch. The values stand in the log."""

    KEPT = "kept"
    """It stays hidden for good."""
    LIFTED = "lifted"
    """Nobody is visible in it: it may be played back again."""


def around(seen: Instant) -> tuple[Instant, Instant]:
    """The stretch to hide when somebody is visible at a moment of a recording."""
    return Instant(seen - AROUND), Instant(seen + AROUND)

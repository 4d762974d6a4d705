# SPDX-License-Identifier: Apache-2.0
"""Time as a parameter: everything that needs to know the time is given a ``Clock``."""

import time
from typing import NewType, Protocol

Instant = NewType("Instant", int)
"""Nanoseconds since 1970-01-01T00:00:00Z (UTC, POSIX: no leap seconds)."""

SECOND = 1_000_000_000
MILLISECOND = 1_000_000


class Clock(Protocol):
    """Wall time for what is written down, monotonic time for what is measured."""

    def now(self) -> Instant:
        """UTC in nanoseconds."""
        ...

    def monotonic(self) -> int:
        """Nanoseconds from an arbitrary origin, never running backwards."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> Instant:
        return Instant(time.time_ns())

    def monotonic(self) -> int:
        return time.monotonic_ns()


class FakeClock:
    """A clock that a test moves by hand."""

    def __init__(self, now: int = 1_790_000_000 * SECOND) -> None:
        self._now = now
        self._monotonic = 0

    def now(self) -> Instant:
        return Instant(self._now)

    def monotonic(self) -> int:
        return self._monotonic

    def advance(self, nanoseconds: int) -> None:
        """Move both clocks forward."""
        self._now += nanoseconds
        self._monotonic += nanoseconds

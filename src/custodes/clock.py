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


STEP = 2 * SECOND
"""A clock that is off by more than this was set; less is drift."""
_SLEW = 2_000
"""Drift is made up for by at most one part in this many (500 ppm)."""


class SteadyClock:
    """A wall clock that moves like the monotonic one, and follows the machine's clock slowly.

    So small corrections never make two instants change places. Where the machine's clock is set, by more than
    ``STEP``, this one follows at once, forwards or backwards, and ``steps`` grows by one. For one thread.
    """

    def __init__(self, machine: Clock) -> None:
        self._machine = machine
        self._wall: int = machine.now()
        self._last = machine.monotonic()
        self.steps = 0

    def now(self) -> Instant:
        wall, last = self._machine.now(), self._machine.monotonic()
        passed = last - self._last
        expected = self._wall + passed
        off = wall - expected
        if abs(off) > STEP:
            self.steps += 1
            expected = wall
        else:
            most = passed // _SLEW
            expected += max(-most, min(most, off))
        self._wall, self._last = expected, last
        return Instant(expected)

    def monotonic(self) -> int:
        return self._machine.monotonic()


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

# SPDX-License-Identifier: AGPL-3.0-or-later
"""Room on the disk of the store: how much there is, how much is to be kept free, and a little put by.

The little put by is for one case: a disk that is full to the last byte takes no log entry, and without one nothing is
deleted. Then the ballast is let go first.
"""

import os
from contextlib import suppress
from dataclasses import dataclass

from custodes.errors import CustodesError, unavailable
from custodes.node.config import Layout
from custodes.trust.tlog.store import write_durably

_BALLAST = 8_000_000
_MARGIN = 10
"""Room is made, and the alarm ends, at a tenth more than the reserve: so that neither goes on and off all the time."""


@dataclass(frozen=True, slots=True)
class Room:
    """The store's disk at one moment; octets."""

    free: int
    reserve: int
    writable: bool

    @property
    def short(self) -> bool:
        """True if there is less than is to be kept free."""
        return self.free < self.reserve

    @property
    def missing(self) -> int:
        """How much to delete until there is enough again, with a margin."""
        return max(0, self.reserve + self.reserve // _MARGIN - self.free)


def room(layout: Layout, reserve_mb: int) -> Room:
    """Look at the disk; one that cannot be looked at: ``CustodesError`` (UNAVAILABLE)."""
    try:
        found = os.statvfs(layout.store)
    except OSError as problem:
        raise unavailable(f"{layout.store} cannot be looked at: {problem.strerror}") from None
    return Room(found.f_bavail * found.f_frsize, reserve_mb * 1_000_000, not found.f_flag & os.ST_RDONLY)


def put_by(layout: Layout) -> None:
    """Put the ballast by, if there is none; not so important that anything should fail for it."""
    path = layout.root / "run" / "ballast"
    if not path.exists():
        with suppress(CustodesError):
            # Random, because a file system may store zeros in no space at all.
            write_durably(path, os.urandom(_BALLAST), 0o600)


def let_go(layout: Layout) -> bool:
    """Let the ballast go; False if there is none."""
    try:
        (layout.root / "run" / "ballast").unlink()
    except OSError:
        return False
    return True

# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a check can find."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


class Kind(Enum):
    """What is wrong."""

    TORN = "torn"
    """A period that was not closed, or bytes behind the last whole record."""
    MISSING = "missing"
    """An object that should be there."""
    ORPHANED = "orphaned"
    """An object that belongs to nothing."""
    ALTERED = "altered"
    """An object that is not what was signed."""
    ROW = "row"
    """The catalogue says something else than the objects do."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be. ``harmless``: what every crash leaves behind, and nobody misses."""

    kind: Kind
    subject: str
    detail: str
    repaired: bool = False
    harmless: bool = False

    @property
    def problem(self) -> bool:
        """True if something still has to be done about it."""
        return not self.repaired and not self.harmless


Report: TypeAlias = Callable[[Finding], None]

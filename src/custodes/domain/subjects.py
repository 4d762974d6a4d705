# SPDX-License-Identifier: Apache-2.0
"""Requests of data subjects for the footage of themselves (GDPR, article 15): decisions, grounds, the legal clock."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from enum import Enum

from custodes.clock import SECOND, Instant

MONTHS = 1
"""Until the answer (GDPR, article 12(3), first sentence)."""
MONTHS_EXTENDED = 3
"""One, extended by two further months (second sentence)."""


class Decision(Enum):
    """What the steward decided. The values stand in the log; all but the first are refusals."""

    ACCEPTED = "accepted"
    NOT_IDENTIFIED = "not_identified"
    NO_FOOTAGE = "no_footage"
    UNFOUNDED = "unfounded"
    EXCESSIVE = "excessive"
    RIGHTS_OF_OTHERS = "rights_of_others"
    RESTRICTED_BY_LAW = "restricted_by_law"

    @property
    def meaning(self) -> str:
        """The decision in a sentence, with its article of the GDPR."""
        return _DECISIONS[self]


_DECISIONS = {
    Decision.ACCEPTED: "access is given (article 15)",
    Decision.NOT_IDENTIFIED: "the person could not be identified (articles 11(2) and 12(2))",
    Decision.NO_FOOTAGE: "there is no footage of the person, or it was deleted when due (article 15(1))",
    Decision.UNFOUNDED: "the request is manifestly unfounded (article 12(5))",
    Decision.EXCESSIVE: "the request is excessive (article 12(5))",
    Decision.RIGHTS_OF_OTHERS: "a copy would adversely affect the rights of others (article 15(4))",
    Decision.RESTRICTED_BY_LAW: "a law restricts access (article 23)",
}


class Extension(Enum):
    """Why the answer takes longer (GDPR, article 12(3)). The values stand in the log."""

    COMPLEXITY = "complexity"
    NUMBER = "number"

    @property
    def meaning(self) -> str:
        """The ground in a few words."""
        return {
            Extension.COMPLEXITY: "the request is complex",
            Extension.NUMBER: "there are many requests of the person",
        }[self]


def deadline(received: Instant, extended: bool) -> Instant:
    """Return the instant before which the answer is due: the end (UTC) of the same date one or three months later.

    Where the last month has no such date its last day counts (Regulation 1182/71, article 3(2)(c)). That a period which
    would end on a holiday or at a weekend ends later (3(4)) is left out: the clock never shows too much time.
    """
    day = datetime.fromtimestamp(received // SECOND, UTC)
    month = day.month - 1 + (MONTHS_EXTENDED if extended else MONTHS)
    year, month = day.year + month // 12, month % 12 + 1
    last = datetime(year, month, min(day.day, monthrange(year, month)[1]), tzinfo=UTC)
    return Instant(int((last + timedelta(days=1)).timestamp()) * SECOND)

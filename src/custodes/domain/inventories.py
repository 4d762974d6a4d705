# SPDX-License-Identifier: Apache-2.0
"""Inventories of existing cameras and what a person decides about pairs of their rows."""

from collections.abc import Iterable, Mapping
from enum import Enum

Pair = tuple[int, int]
"""Lines of the two inventories of a reconciliation."""


class Standing(Enum):
    """Whether two rows are held to be one camera."""

    JOINED = "joined"
    QUEUED = "queued"
    APART = "apart"


class Decision(Enum):
    """What a person said of a pair. The values stand in the log."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    REOPENED = "reopened"


def settled(proposed: Mapping[Pair, Standing], decisions: Iterable[tuple[Pair, Decision]]) -> dict[Pair, Standing]:
    """How pairs stand after decisions, oldest first.

    Reopened: as proposed, or apart if it never was. What is joined leaves no question about its rows.
    """
    found = dict(proposed)
    for pair, decision in decisions:
        if decision is Decision.REOPENED:
            found[pair] = proposed.get(pair, Standing.APART)
        else:
            found[pair] = Standing.JOINED if decision is Decision.ACCEPTED else Standing.APART
    taken = [pair for pair, standing in found.items() if standing is Standing.JOINED]
    ones, twos = {pair[0] for pair in taken}, {pair[1] for pair in taken}
    for pair, standing in found.items():
        if standing is Standing.QUEUED and (pair[0] in ones or pair[1] in twos):
            found[pair] = Standing.APART
    return found

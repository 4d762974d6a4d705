# SPDX-License-Identifier: AGPL-3.0-or-later
"""Leave out options that another one beats in everything, before anything is solved."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Option:
    """One way to use a site, without years.

    ``cover`` has a bit for each point it covers; ``cost`` is euros (once, per year); ``intrusion`` per year.
    ``exclusive`` options share their ``site`` with nothing else (a camera that exists looks one way at a time).
    ``standing`` options exist already: they can serve from the first year until any year.
    """

    name: str
    site: str
    exclusive: bool
    standing: bool
    once: int
    yearly: int
    intrusion: int
    cover: int


def undominated(options: Sequence[Option]) -> list[Option]:
    """The options that can be part of a best plan.

    Left out is what covers nothing (it only adds), and what another option beats or equals in cover, cost and intrusion
    if that one can always take its place: a new camera for a new one, and at a site that exists another use of it. What
    stands already always stays: it serves until something else does.
    """
    useful = [each for each in options if each.cover or each.standing]
    useful.sort(key=lambda each: (-each.cover.bit_count(), each.intrusion, each.once, each.yearly, each.name))
    kept: list[Option] = []
    by_point: dict[int, list[Option]] = defaultdict(list)
    for each in useful:
        lowest = (each.cover & -each.cover).bit_length()
        if not each.standing and any(_beats(other, each) for other in by_point[lowest]):
            continue
        kept.append(each)
        rest = each.cover
        while rest:
            low = rest & -rest
            by_point[low.bit_length()].append(each)
            rest ^= low
    return kept


def _beats(one: Option, other: Option) -> bool:
    return (
        one.exclusive == other.exclusive
        and (not one.exclusive or one.site == other.site)
        and one.intrusion <= other.intrusion
        and one.once <= other.once
        and one.yearly <= other.yearly
        and one.cover | other.cover == one.cover
    )

# SPDX-License-Identifier: AGPL-3.0-or-later
"""How well two inventories of one place are reconciled, ids hidden: the smallest and the mean figure of twenty seeds.

``trafford``: a council's register of 2019 against its next version of 2021, in which every name was reworded; with
nothing else, and with 15 m of noise on both. ``helsinki``: OpenStreetMap's cameras against themselves, 15 % dropped on
both sides, with 3 m of noise on one side or on both. Noise: normal deviates to the north and to the east. Each with the
rows in the order of the files, and shuffled: a newer version of a list mostly keeps the older one's order, two lists of
different people do not. ``found`` is the recall if a person decides the queue rightly. One JSON line.
"""

import json
import random
import time
from collections.abc import Callable

from tests.inventories import Known, Score, disturbed, helsinki, score, shuffled, trafford

SEEDS = range(20)


def figures(make: Callable[[random.Random], tuple[Known, Known]], mixed: bool) -> dict[str, float]:
    """Smallest and mean figures of a scene."""
    scores: list[Score] = []
    for seed in SEEDS:
        dice = random.Random(seed)  # noqa: S311 - noise that can be had again
        one, two = make(dice)
        scores.append(score(shuffled(one, dice), shuffled(two, dice)) if mixed else score(one, two))
    found: dict[str, float] = {"queued_max": max(each.queued for each in scores)}
    for name in ("precision", "recall", "found"):
        values = [getattr(each, name) for each in scores]
        found |= {f"{name}_min": round(min(values), 3), f"{name}_mean": round(sum(values) / len(values), 3)}
    return found


def main() -> None:
    """Print the figures."""
    scenes: dict[str, Callable[[random.Random], tuple[Known, Known]]] = {}
    registers, city = trafford(), helsinki()
    if registers:
        before, after = registers
        scenes["trafford"] = lambda _dice: (before, after)
        scenes["trafford_15m"] = lambda dice: (disturbed(before, 15, 0, dice), disturbed(after, 15, 0, dice))
    if city:
        scenes["helsinki_3m_one"] = lambda dice: (disturbed(city, 0, 0.15, dice), disturbed(city, 3, 0.15, dice))
        scenes["helsinki_3m_both"] = lambda dice: (disturbed(city, 3, 0.15, dice), disturbed(city, 3, 0.15, dice))
    began = time.process_time()
    found = {
        f"{name}{'_shuffled' if mixed else ''}": figures(make, mixed)
        for name, make in scenes.items()
        for mixed in (False, True)
    }
    runs = max(len(found) * len(SEEDS), 1)
    print(
        json.dumps({"seeds": len(SEEDS), "ms_per_run": round(1000 * (time.process_time() - began) / runs, 1), **found})
    )


if __name__ == "__main__":
    main()

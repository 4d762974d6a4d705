# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is counted, under which conditions, and the figures that are printed; ``mask_exposure.py`` explains them."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

import numpy as np

from custodes.demo.exposure import Verdict
from custodes.demo.street import Person, Truth

SLEEPER = "first_start_sleeper"
CONDITIONS = (
    *("day", "standing", "walking", "seated", "night", "distant", "crowd", "rain", "light_change"),
    SLEEPER,
)
FPS = 5
_DISTANT = (12.0, 25.0)
_KINDS = {"walking": "walking", "cycling": "walking", "standing": "standing", "seated": "seated"}
Figures = dict[str, float]


def labels(person: Person) -> set[str]:
    """The conditions that one person brings along."""
    found = {_KINDS[person.kind]}
    if _DISTANT[0] <= person.tall <= _DISTANT[1]:
        found.add("distant")
    return found


@dataclass(slots=True)
class Count:
    """Sums over pictures; areas are pixels of pictures that are not covered. Counts of several scenes can be added."""

    person_frames: int = 0
    exposed: int = 0
    stays: int = 0
    exposed_stays: int = 0
    longest: int = 0
    area: int = 0
    masked: int = 0
    false_masked: int = 0
    late: int = 0
    late_covered: int = 0

    def add(self, other: "Count") -> None:
        """Add another scene's count."""
        for name in self.__dataclass_fields__:
            mine, theirs = getattr(self, name), getattr(other, name)
            setattr(self, name, max(mine, theirs) if name == "longest" else mine + theirs)

    def figures(self) -> Figures:
        """Shares from 0 to 1, times in seconds; a share of nothing is 0."""

        def share(part: int, whole: int) -> float:
            return round(part / whole, 5) if whole else 0.0

        return {
            "person_frames": self.person_frames,
            "exposed_head_frames": self.exposed,
            "exposed_tracks_share": share(self.exposed_stays, self.stays),
            "longest_exposure_s": round(self.longest / FPS, 1),
            "masked_share": share(self.masked, self.area),
            "false_masked_share": share(self.false_masked, self.area),
            "covered_share": share(self.late_covered, self.late),
        }


@dataclass(slots=True)
class Condition:
    """One condition in one scene: its count, and who was seen, who exposed, and for how many pictures by now."""

    count: Count = field(default_factory=Count)
    seen: set[Hashable] = field(default_factory=set)
    exposed: set[Hashable] = field(default_factory=set)
    runs: dict[Hashable, int] = field(default_factory=dict)

    def people(self, verdicts: Iterable[tuple[Person, bool]]) -> None:
        """Take one picture's person-frames; whoever is not among the exposed ends a run of theirs."""
        runs: dict[Hashable, int] = {}
        for person, exposed in verdicts:
            self.count.person_frames += 1
            self.seen.add(person.who)
            if exposed:
                self.count.exposed += 1
                self.exposed.add(person.who)
                runs[person.who] = self.runs.get(person.who, 0) + 1
        self.runs = runs
        self.count.longest = max(self.count.longest, *runs.values(), 0)

    def finished(self) -> Count:
        """The count, with the stays."""
        self.count.stays, self.count.exposed_stays = len(self.seen), len(self.exposed)
        return self.count


class Tally:
    """Counts of one scene, by condition; what belongs at the top level is under the empty name."""

    def __init__(self, tags: frozenset[str], sleepers: frozenset[Hashable]) -> None:
        self._tags, self._sleepers = tags, sleepers
        self._found: dict[str, Condition] = {}

    def add(self, truth: Truth, verdict: Verdict | None, late: bool) -> None:
        """Add one picture; ``verdict`` is None if it was covered, ``late`` true from the sixth minute on."""
        if self._sleepers:
            people = {SLEEPER: [i for i, person in enumerate(truth.persons) if person.who in self._sleepers]}
        else:
            everybody = list(range(len(truth.persons)))
            people = dict.fromkeys(("", *self._tags), everybody)
            for number, person in enumerate(truth.persons):
                for name in labels(person) - self._tags:
                    people.setdefault(name, []).append(number)
        for name in people.keys() | self._found.keys():
            # A condition without anybody in this picture only ends its runs.
            self._add(name, truth, verdict, people.get(name), late)

    def _add(self, name: str, truth: Truth, verdict: Verdict | None, who: list[int] | None, late: bool) -> None:
        found = self._found.setdefault(name, Condition())
        if who is None:
            found.people(())
            return
        count = found.count
        count.late += late
        if verdict is None:
            count.late_covered += late
            found.people(())
            return
        found.people((truth.persons[number], verdict.exposed[number]) for number in who)
        count.area += verdict.masked.size
        count.masked += int(np.count_nonzero(verdict.masked))
        count.false_masked += int(np.count_nonzero(verdict.false_masked))

    def finished(self) -> dict[str, Count]:
        """The scene's counts by condition."""
        return {name: found.finished() for name, found in self._found.items()}


def line(suite: str, scenes: Iterable[dict[str, Count]]) -> dict[str, object]:
    """The suite's result, ready for JSON."""
    sums = {name: Count() for name in ("", *CONDITIONS)}
    for scene in scenes:
        for name, count in scene.items():
            sums[name].add(count)
    return {"suite": suite, **sums[""].figures(), "by": {name: sums[name].figures() for name in CONDITIONS}}

# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pixel densities and what they are enough for: the ladders of IEC 62676-4, editions 2014 and 2025."""

from dataclasses import dataclass

from custodes.errors import invalid


@dataclass(frozen=True, slots=True)
class Ladder:
    """One edition of the standard: names of the levels and the pixels per metre from which on each holds, rising."""

    edition: str
    title: str
    steps: tuple[tuple[str, float], ...]

    def level(self, density: float) -> str:
        """The highest level that the density reaches, or the empty string below the lowest."""
        return next((name for name, least in reversed(self.steps) if density >= least), "")

    def least(self, level: str) -> float:
        """Pixels per metre that a level asks for; raises ``CustodesError`` if the edition does not know it."""
        found = dict(self.steps).get(level)
        if found is None:
            known = ", ".join(name for name, _ in self.steps)
            raise invalid(f"{level!r} is no level of {self.title}: they are {known}")
        return found


# 2014: IEC 62676-4, table in the clause on image detail, whose numbers are mm per pixel (80, 40, 16, 8, 4, 1).
# 2025: the second edition replaces it with seven levels in pixels per metre.
LADDERS = {
    "2014": Ladder(
        "2014",
        "IEC 62676-4:2014",
        (
            ("monitor", 12.5),
            ("detect", 25.0),
            ("observe", 62.5),
            ("recognise", 125.0),
            ("identify", 250.0),
            ("inspect", 1000.0),
        ),
    ),
    "2025": Ladder(
        "2025",
        "IEC 62676-4:2025",
        (
            ("overview", 20.0),
            ("outline", 40.0),
            ("discern", 80.0),
            ("perceive", 125.0),
            ("characterise", 250.0),
            ("validate", 500.0),
            ("scrutinise", 1500.0),
        ),
    ),
}


def ladder(edition: str) -> Ladder:
    """The table of an edition; raises ``CustodesError`` if there is none."""
    if edition not in LADDERS:
        raise invalid(f"{edition!r} is no edition of IEC 62676-4 known here: 2014 or 2025")
    return LADDERS[edition]

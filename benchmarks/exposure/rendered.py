# SPDX-License-Identifier: AGPL-3.0-or-later
"""The suite ``rendered``: the project's street, with more people than usual, in all weathers."""

from collections.abc import Callable, Hashable
from functools import partial

import numpy as np
from benchmarks.exposure.people import Extra, passer, sleeper, stayer, timetable
from benchmarks.exposure.run import Options, run_scenes
from benchmarks.exposure.scene import Scene, StreetStage
from benchmarks.exposure.weather import Weather, changing, infrared, lamplight, rain

from custodes.demo.street import Street

SQUARE, SHOPPING, STOP = 0, 1, 2
_SPOTS = {
    SQUARE: ((-8.0, 8.0), (13.0, 19.5)),
    SHOPPING: ((-4.6, 4.6), (10.0, 29.0)),
    STOP: ((-10.0, 10.0), (11.7, 13.2)),
}
"""Where somebody may stand: metres X and Z."""
_BENCHES = {SQUARE: (-3.2, 17.0), SHOPPING: (3.3, 16.05), STOP: (-5.4, 23.6)}
People = Callable[[int, int], list[Extra]]
"""The extras of a seed and view."""
_NEAR_Z = 5.7
"""Below the lower edge of every view."""
_FAR = {
    SQUARE: ((-14.0, 14.0), (40.6, 42.6)),
    SHOPPING: ((-4.5, 4.0), (42.0, 74.0)),
    STOP: ((-18.0, 18.0), (33.9, 36.0)),
}


def _spot(lot: np.random.Generator, area: tuple[tuple[float, float], tuple[float, float]]) -> tuple[float, float]:
    return float(lot.uniform(*area[0])), float(lot.uniform(*area[1]))


def stays(seed: int, view: int) -> list[Extra]:
    """Three who stand and one who sits for more than five minutes, all come after the first minute and a half."""
    lot = np.random.default_rng((seed, view, 70))
    found = []
    for turn in range(3):
        x, z = _spot(lot, _SPOTS[view])
        found.append(stayer(lot, ((0.4 * x, _NEAR_Z), (x, z)), 95 + 10 * turn + float(lot.uniform(0, 8)), 330))
    x, z = _BENCHES[view]
    found.append(stayer(lot, ((0.3 * x, _NEAR_Z), (x, z - 0.5)), 130, 320, seat=True))
    return found


def far(seed: int, view: int) -> list[Extra]:
    """People of 12 to 25 pixels: a dozen who walk to and fro, four who stand for five minutes."""
    lot = np.random.default_rng((seed, view, 71))
    found = []
    for turn in range(36):
        begin = 70 + 11.0 * turn + float(lot.uniform(0, 6))
        found.append(passer(lot, [_spot(lot, _FAR[view]), _spot(lot, _FAR[view]), _spot(lot, _FAR[view])], begin))
    for turn in range(4):
        way = (_spot(lot, _FAR[view]), _spot(lot, _FAR[view]))
        found.append(stayer(lot, way, 110 + 9 * turn, 310))
    return found


def crowd(seed: int, view: int) -> list[Extra]:
    """Masses: forty who stand in groups for minutes, and many who push past them."""
    lot = np.random.default_rng((seed, view, 72))
    found = []
    for _ in range(14):
        x, z = _spot(lot, _SPOTS[view])
        for place in range(int(lot.integers(1, 4))):
            spot = (x + 0.7 * place, z + float(lot.uniform(-0.4, 0.4)))
            found.append(
                stayer(lot, ((0.4 * x, _NEAR_Z), spot), float(lot.uniform(80, 160)), float(lot.uniform(150, 310)))
            )
    for turn in range(60):
        begin = 70 + 6.5 * turn
        found.append(passer(lot, [(float(lot.uniform(-2, 2)), _NEAR_Z), _spot(lot, _SPOTS[view]), (0.0, 34.0)], begin))
    return found


def _street(people: People, weather: Weather, seed: int, view: int) -> StreetStage:
    return StreetStage(Street(seed, view, crowd=timetable(people(seed, view))), weather)


def _asleep(seed: int, view: int) -> StreetStage:
    """Two who sleep from the first picture, for ten minutes."""
    lot = np.random.default_rng((seed, view, 73))
    x, z = _BENCHES[view]
    other = _spot(lot, _SPOTS[view])
    extras = [sleeper(lot, (x, z - 0.5), (x, _NEAR_Z), 600), sleeper(lot, other, (0.4 * other[0], _NEAR_Z), 600)]
    who: frozenset[Hashable] = frozenset(extra.outfit for extra in extras)
    return StreetStage(Street(seed, view, crowd=timetable(extras)), Weather(), who)


def scenes() -> list[Scene]:
    """All of them, seven minutes each."""
    found: list[Scene] = []

    def add(name: str, tags: str, people: People, weather: Weather, seed: int, view: int) -> None:
        build = partial(_street, people, weather, seed, view)
        found.append(Scene(f"street-{name}-{seed}-{view}", frozenset(tags.split()), build))

    for view in (SQUARE, SHOPPING, STOP):
        add("day", "day", stays, Weather(), 11, view)
    add("far", "day", far, Weather(), 13, SHOPPING)
    add("crowd", "day crowd", crowd, Weather(), 14, SHOPPING)
    add("infrared", "night", stays, infrared(15), 15, SQUARE)
    add("lamplight", "night", stays, lamplight(17), 17, STOP)
    add("rain", "rain", stays, rain(18), 18, SQUARE)
    add("rain", "rain", stays, rain(19), 19, SHOPPING)
    add("light", "light_change", stays, changing(20), 20, SHOPPING)
    add("light", "light_change", stays, changing(21), 21, SQUARE)
    found.append(Scene(f"street-sleeper-22-{STOP}", frozenset(), partial(_asleep, 22, STOP)))
    return found


def run(options: Options) -> dict[str, object]:
    """The suite's line."""
    return run_scenes("rendered", scenes(), options)

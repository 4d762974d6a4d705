# SPDX-License-Identifier: AGPL-3.0-or-later
"""The suite ``composite``: moving and standing figures of known outline on places known to be empty.

Places: a car park and a lobby (stretches of footage in which nobody and nothing moves, played to and fro, so that lens,
noise and compression are real), and the rendered street without its own people. Figures: the street's drawn people, and
people cut out of the lobby clip, who stand and shift their weight as they really did.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np
from benchmarks.exposure import clips
from benchmarks.exposure.people import NOBODY, Extra, passer, sleeper, stayer, timetable
from benchmarks.exposure.run import Options, run_scenes
from benchmarks.exposure.scene import Scene, weathered
from benchmarks.exposure.weather import FPS, HEIGHT, WIDTH, Bytes, Weather, changing, infrared, lamplight, rain

from custodes.demo.street import RATE, Person, Street, Truth
from custodes.demo.street.crowd import Kind
from custodes.demo.street.lens import Lens
from custodes.demo.street.scenery import Plate, Scenery
from custodes.demo.street.sprite import PEDESTAL

SQUARE = "square"


@dataclass(frozen=True, slots=True)
class Place:
    """Where figures are pasted. ``area``: metres X and Z where people may be; ``lens`` is made up to suit the picture;
    ``clip`` is None for the rendered square."""

    name: str
    clip: str | None
    lens: Lens
    area: tuple[tuple[float, float], tuple[float, float]]


CAR_PARK = Place("car-park", clips.CAR_PARK, Lens(1000.0, 6.0, -100.0), ((-3.6, 3.6), (8.4, 17.0)))
CAR_PARK_FROM_AFAR = Place("car-park-far", clips.CAR_PARK, Lens(300.0, 12.0, 0.0), ((-9.0, 9.0), (11.0, 19.0)))
LOBBY = Place("lobby", clips.LOBBY, Lens(1000.0, 1.97, 150.0), ((-1.9, 1.9), (4.2, 6.2)))
EMPTY_SQUARE = Place(SQUARE, None, Lens(1065.0, 5.2, 206.0), ((-7.0, 7.0), (13.0, 30.0)))


@dataclass(frozen=True, slots=True)
class Figure:
    """Somebody cut out of the lobby: comes from the side at ``begin`` (seconds), stands for ``stay``, goes back.

    ``x``, ``feet``: pixels; ``pieces``: their pictures, to be played to and fro.
    """

    pieces: list[clips.Cut]
    x: float
    feet: int
    speed: float
    begin: float
    stay: float
    from_left: bool

    def at(self, t: float) -> tuple[float, bool] | None:
        """X of the middle, and whether they stand; None before and after."""
        way = (self.x if self.from_left else WIDTH - self.x) + 40
        walk = way / self.speed
        since = t - self.begin
        if not 0 <= since <= 2 * walk + self.stay:
            return None
        gone = self.speed * (min(since, walk) - max(0.0, since - walk - self.stay))
        return (gone - 40 if self.from_left else WIDTH + 40 - gone), walk <= since <= walk + self.stay


class CompositeStage:
    """Footage, drawn people, cut-out people, weather."""

    def __init__(
        self,
        street: Street,
        frames: tuple[Bytes, list[Bytes]] | None,
        figures: list[Figure],
        weather: Weather,
        sleepers: frozenset[Hashable] = frozenset(),
    ) -> None:
        self._street, self._frames, self._figures, self._weather = street, frames, figures, weather
        self.sleepers = sleepers

    def shot(self, number: int) -> tuple[Truth, Bytes]:
        """Picture ``number``."""
        truth = self._street.truth(number * RATE // FPS, WIDTH, HEIGHT)
        if self._frames is not None:
            still, frames = self._frames
            stir = frames[clips.to_and_fro(len(frames), number)].astype(np.int16) - still
            picture, clean = (np.clip(each + stir, 16, 240).astype(np.uint8) for each in (truth.picture, truth.clean))
            look = clean[:HEIGHT]
            truth = replace(truth, picture=picture, clean=clean, darkest=look, brightest=look)
        for index, figure in enumerate(self._figures):
            where = figure.at(number / FPS)
            if where is not None:
                cut = figure.pieces[clips.to_and_fro(len(figure.pieces), number)]
                kind: Kind = "standing" if where[1] else "walking"
                truth = _pasted(truth, cut, where[0], figure.feet, Person(*_NOTHING, kind, ("cut", index), 0.0))
        return weathered(truth, self._weather, number)


_NOTHING = (np.zeros((HEIGHT, WIDTH), np.bool_), np.zeros((HEIGHT, WIDTH), np.bool_))


def _pasted(truth: Truth, cut: clips.Cut, x: float, feet: int, like: Person) -> Truth:
    """The truth with one more person before everybody else."""
    high, wide = cut.cover.shape
    left, top = round((x - wide / 2) / 2) * 2, (feet - high) // 2 * 2
    x0, x1, y0, y1 = max(left, 0), min(left + wide, WIDTH), max(top, 0), min(top + high, HEIGHT)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return truth
    rows, columns = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
    picture = truth.picture.copy()
    _over(picture[:HEIGHT][y0:y1, x0:x1], cut.picture[:high][rows, columns], cut.cover[rows, columns])
    chroma = picture[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)
    theirs = cut.picture[high:].reshape(2, high // 2, wide // 2)
    half = tuple(slice(side.start // 2, side.stop // 2) for side in (rows, columns))
    for plane, colour in zip(chroma, theirs, strict=True):
        _over(plane[y0 // 2 : y1 // 2, x0 // 2 : x1 // 2], colour[half], cut.cover[rows, columns][::2, ::2])
    body, head = np.zeros((HEIGHT, WIDTH), np.bool_), np.zeros((HEIGHT, WIDTH), np.bool_)
    body[y0:y1, x0:x1] = cut.cover[rows, columns] >= 128
    head[y0:y1, x0:x1] = cut.head[rows, columns] >= 128
    others = (replace(each, body=each.body & ~body, head=each.head & ~body) for each in truth.persons)
    persons = (*(each for each in others if each.body.any()), replace(like, body=body, head=head, tall=float(high)))
    return replace(truth, picture=picture, persons=persons)


def _over(plane: Bytes, colour: Bytes, cover: Bytes) -> None:
    share = cover.astype(np.uint16)
    plane[:] = (plane * (255 - share) + colour * share) // 255


def _scenery(place: Place) -> tuple[Scenery | None, tuple[Bytes, list[Bytes]] | None]:
    """A clip's empty stretch as a street's scenery; None for the street's own."""
    if place.clip is None:
        return None, None
    still, frames = clips.empty(place.clip)
    planes = (still[:HEIGHT], *still[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2))
    large = (np.asarray(cv2.resize(plane, None, fx=2, fy=2), np.uint8) for plane in planes)
    plate = Plate(*(np.maximum(plane, PEDESTAL) - np.uint8(PEDESTAL) for plane in large))
    lit = np.full((180, 320), 0.2, np.float32)
    return Scenery(place.lens, (-0.5, 0.75, -0.45), plate, plate, lit, (), (), NOBODY), (still, frames)


People = Callable[[np.random.Generator, Place], tuple[list[Extra], list[Figure]]]


def _spot(lot: np.random.Generator, place: Place) -> tuple[float, float]:
    (left, right), (near, far) = place.area
    z = float(lot.uniform(near, far))
    # Farther away there is more room to both sides.
    return float(lot.uniform(left, right)) * z / near * 0.8, z


def _way(lot: np.random.Generator, place: Place) -> list[tuple[float, float]]:
    """From one side of the picture to the other."""
    spot = _spot(lot, place)
    edge = WIDTH * 1.2 / place.lens.focal * spot[1]
    ends = [(-edge, spot[1]), (edge, float(np.clip(spot[1] + lot.uniform(-1, 1), *place.area[1])))]
    return ends if lot.random() < 0.5 else ends[::-1]


def _passers(lot: np.random.Generator, place: Place, every: float) -> list[Extra]:
    """Somebody every so many seconds, from the start: also while the masker learns."""
    return [
        passer(lot, _way(lot, place), 4 + every * turn + float(lot.uniform(0, every)))
        for turn in range(int(470 / every))
    ]


def _stayers(lot: np.random.Generator, place: Place, standing: int, seated: int, stay: float) -> list[Extra]:
    found = []
    for turn in range(standing + seated):
        spot = _spot(lot, place)
        way = (_way(lot, place)[0], spot)
        found.append(stayer(lot, way, 95 + 12.0 * turn, stay, seat=turn >= standing))
    return found


def _cut_out(lot: np.random.Generator, place: Place, number: int, begin: float, stay: float) -> Figure:
    x, z = _spot(lot, place)
    scale = place.lens.scale(z) / 2
    pieces = clips.people()[number % len(clips.people())]
    high = max(12, round(1.72 * scale / 2) * 2)
    feet = round((place.lens.ground(x, z)[1]) / 2)
    middle = place.lens.ground(x, z)[0] / 2
    return Figure([clips.scaled(each, high) for each in pieces], middle, feet, 1.2 * scale, begin, stay, x < 0)


def usual(lot: np.random.Generator, place: Place) -> tuple[list[Extra], list[Figure]]:
    """Passers-by; two drawn people who stand and one who sits for 330 s; three from the lobby, one for 320 s."""
    figures = [_cut_out(lot, place, turn, 80 + 25.0 * turn, (320, 120, 90)[turn]) for turn in range(3)]
    figures += [_cut_out(lot, place, turn, 240 + 30.0 * turn, 70) for turn in range(3)]
    return _passers(lot, place, 9) + _stayers(lot, place, 2, 1, 330), figures


def many(lot: np.random.Generator, place: Place) -> tuple[list[Extra], list[Figure]]:
    """Masses: a passer-by every two seconds, fourteen who stand for minutes, six from the lobby."""
    figures = [_cut_out(lot, place, turn, 80 + 20.0 * turn, 150) for turn in range(6)]
    late = [each for each in _passers(lot, place, 2) if each.way_in.begin > 60]
    return late + _stayers(lot, place, 14, 0, 200), figures


def _build(place: Place, people: People, weather: Weather, seed: int) -> CompositeStage:
    lot = np.random.default_rng((seed, 80))
    scenery, frames = _scenery(place)
    extras, figures = people(lot, place)
    street = Street(seed, 0, scenery=scenery, crowd=timetable(extras, usual=False))
    return CompositeStage(street, frames, figures, weather)


def _asleep(place: Place, seed: int) -> CompositeStage:
    """One drawn and one from the lobby who are still from the first picture to the last."""
    lot = np.random.default_rng((seed, 81))
    scenery, frames = _scenery(place)
    dozing = sleeper(lot, _spot(lot, place), (0.0, 4.0), 600)
    still = _cut_out(lot, place, 1, -600, 1200)
    extras = [dozing, *_passers(lot, place, 9)]
    figures = [replace(still, pieces=still.pieces[:2])]
    street = Street(seed, 0, scenery=scenery, crowd=timetable(extras, usual=False))
    return CompositeStage(street, frames, figures, Weather(), frozenset({dozing.outfit, ("cut", 0)}))


def scenes() -> list[Scene]:
    """All of them, seven minutes each."""
    table: list[tuple[str, Place, People, Callable[[int], Weather] | None]] = [
        ("day", CAR_PARK, usual, None),
        ("day", LOBBY, usual, None),
        ("day", EMPTY_SQUARE, usual, None),
        ("day", CAR_PARK_FROM_AFAR, usual, None),
        ("day crowd", CAR_PARK, many, None),
        ("night", CAR_PARK, usual, lamplight),
        ("night", LOBBY, usual, infrared),
        ("rain", CAR_PARK, usual, rain),
        ("rain", EMPTY_SQUARE, usual, rain),
        ("light_change", LOBBY, usual, changing),
        ("light_change", CAR_PARK, usual, changing),
    ]
    found = []
    for seed, (tags, place, people, weather) in enumerate(table, 40):
        name = f"{place.name}-{tags.replace(' ', '-')}-{seed}"
        build = partial(_build, place, people, weather(seed) if weather else Weather(), seed)
        found.append(Scene(name, frozenset(tags.split()), build))
    found.append(Scene(f"{LOBBY.name}-sleeper-60", frozenset(), partial(_asleep, LOBBY, 60)))
    return found


def run(options: Options) -> dict[str, object]:
    """The suite's line; ``FileNotFoundError`` if the clips are not there."""
    return run_scenes("composite", scenes(), options)

# SPDX-License-Identifier: AGPL-3.0-or-later
"""Fronts of houses, drawn flat: plaster, windows with all that belongs to them, cornices, shops."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from custodes.demo.street.palette import Rgb, mixed, toned
from custodes.demo.street.texture import plaster

Bytes = NDArray[np.uint8]

WALLS: Final[tuple[Rgb, ...]] = (
    (232, 214, 184), (222, 190, 152), (214, 204, 188), (206, 166, 136), (226, 220, 206), (196, 188, 164),
    (216, 182, 124), (186, 196, 192), (200, 148, 122),
)  # fmt: skip
SHUTTERS: Final[tuple[Rgb, ...]] = ((86, 112, 104), (104, 122, 134), (122, 108, 92), (74, 92, 110), (132, 68, 56))
FASCIAS: Final[tuple[Rgb, ...]] = (
    (38, 66, 58),
    (110, 46, 40),
    (40, 54, 76),
    (176, 132, 62),
    (58, 56, 54),
    (92, 104, 84),
)
STONE: Final[Rgb] = (220, 210, 192)
_FRAME: Final[Rgb] = (238, 234, 224)
_NAMES: Final = ("LIBRI", "CAFE", "PANE", "FLORA", "OPTIK", "THE", "ATELIER", "MUSICA", "LAINE", "VELO")

Shop = Literal["none", "shop", "arcade"]


@dataclass(frozen=True, slots=True)
class House:
    """What a front looks like; metres."""

    width: float
    storeys: int
    ground: float = 3.7
    storey: float = 3.0
    wall: Rgb = WALLS[0]
    shutter: Rgb | None = None
    shop: Shop = "shop"
    fascia: Rgb = FASCIAS[0]
    arched: bool = False

    @property
    def eaves(self) -> float:
        """Height of the cornice."""
        return self.ground + self.storeys * self.storey + 0.5


class Front:
    """A drawing board: x to the right and y up from the ground, in metres."""

    def __init__(self, house: House, lot: np.random.Generator, grain: float) -> None:
        self.house, self.lot, self.grain = house, lot, grain
        self.height = house.eaves
        shape = (round(self.height * grain), round(house.width * grain))
        self.picture = np.clip(plaster(lot, house.wall, shape), 0, 255).astype(np.uint8)

    def area(self, points: list[tuple[float, float]], colour: Rgb) -> None:
        """A polygon."""
        flat = (np.array(points) * [1, -1] + [0, self.height]) * self.grain - 0.5
        cv2.fillPoly(self.picture, [np.rint(flat * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)

    def rect(self, x: float, y: float, w: float, h: float, colour: Rgb) -> None:
        """A rectangle with its lower left corner at (x, y)."""
        self.area([(x, y), (x + w, y), (x + w, y + h), (x, y + h)], colour)

    def shade(self, x: float, y: float, w: float, h: float, strength: float) -> None:
        """Darken a rectangle: the shadow of something that stands out."""
        g = self.grain
        top, left = max(0, round((self.height - y - h) * g)), max(0, round(x * g))
        part = self.picture[top : max(top, round((self.height - y) * g)), left : max(left, round((x + w) * g))]
        part[:] = cv2.convertScaleAbs(part, alpha=1 - strength) if part.size else part

    def disc(self, x: float, y: float, radius: float, colour: Rgb) -> None:
        """A filled circle."""
        centre = (round((x * self.grain - 0.5) * 16), round(((self.height - y) * self.grain - 0.5) * 16))
        cv2.circle(self.picture, centre, max(1, round(radius * self.grain * 16)), colour, -1, cv2.LINE_AA, 4)


def front(house: House, lot: np.random.Generator, grain: float) -> Bytes:
    """Draw a house's front at ``grain`` pixels per metre: RGB (eaves x width)."""
    board = Front(house, lot, grain)
    bays = max(2, round(house.width / 2.5))
    pitch = house.width / bays
    flowers = lot.random(bays * house.storeys) < 0.3
    open_shutters = house.shutter is not None
    for storey in range(house.storeys):
        base = house.ground + storey * house.storey
        tall = house.storey * (0.66 if storey == 0 else 0.6)
        for bay in range(bays):
            centre = (bay + 0.5) * pitch
            _window(board, centre, base + 0.62, min(1.15, pitch * 0.46), tall, open_shutters)
            if flowers[storey * bays + bay]:
                _flowers(board, centre, base + 0.62, min(1.15, pitch * 0.46))
        if storey:
            _band(board, base, 0.16, toned(STONE, 0.97))
    _ground_floor(board)
    _band(board, house.ground, 0.3, STONE)
    _cornice(board)
    _corners(board)
    return board.picture


def _band(board: Front, y: float, height: float, colour: Rgb) -> None:
    board.shade(0, y - 0.22, board.house.width, 0.22, 0.2)
    board.rect(0, y, board.house.width, height, colour)
    board.rect(0, y + height * 0.72, board.house.width, height * 0.28, toned(colour, 1.06))


def _cornice(board: Front) -> None:
    house = board.house
    top = house.eaves
    board.shade(0, top - 0.95, house.width, 0.45, 0.26)
    board.rect(0, top - 0.5, house.width, 0.5, STONE)
    for k in range(int(house.width / 0.42)):
        board.rect(0.1 + k * 0.42, top - 0.48, 0.2, 0.18, toned(STONE, 0.8))
    board.rect(0, top - 0.16, house.width, 0.16, toned(STONE, 1.08))


def _corners(board: Front) -> None:
    width = board.house.width
    board.rect(0, 0, 0.05, board.height, toned(board.house.wall, 0.62))
    board.rect(width - 0.06, 0, 0.06, board.height, toned(board.house.wall, 0.8))
    # A rainwater pipe at the seam.
    board.rect(width - 0.3, 0.2, 0.1, board.height - 0.7, toned(board.house.wall, 0.66))
    board.rect(width - 0.28, 0.2, 0.035, board.height - 0.7, toned(board.house.wall, 0.92))


def _window(board: Front, centre: float, y: float, w: float, h: float, shutters: bool) -> None:
    house, x = board.house, centre - w / 2
    if shutters and house.shutter is not None:
        _shutters(board, x, y, w, h, house.shutter)
    board.rect(x - 0.13, y - 0.04, w + 0.26, h + 0.2, STONE)
    board.rect(x - 0.2, y + h + 0.16, w + 0.4, 0.1, toned(STONE, 1.05))
    board.shade(x - 0.2, y + h + 0.06, w + 0.4, 0.1, 0.16)
    _glass(board, x, y, w, h)
    for across in (x, x + w / 2 - 0.035, x + w - 0.07):
        board.rect(across, y, 0.07, h, _FRAME)
    for up in (y, y + h * 0.66, y + h - 0.07):
        board.rect(x, up, w, 0.06, _FRAME)
    # The reveal: the lintel's shadow and that of the side towards the sun.
    board.shade(x, y + h - 0.2, w, 0.2, 0.45)
    board.shade(x, y, 0.12, h - 0.2, 0.35)
    board.rect(x - 0.2, y - 0.14, w + 0.4, 0.12, toned(STONE, 1.08))
    board.shade(x - 0.2, y - 0.3, w + 0.4, 0.16, 0.22)


def _glass(board: Front, x: float, y: float, w: float, h: float) -> None:
    lot = board.lot
    dark, bright = (72, 84, 94), (150, 166, 174)
    tone = float(lot.uniform(0.0, 0.55))
    for step in range(8):
        board.rect(x, y + h * step / 8, w, h / 8 + 0.02, mixed(dark, bright, tone * (0.35 + 0.65 * step / 7)))
    kind = lot.random()
    cloth = (226, 218, 202)
    if kind < 0.35:
        board.rect(x, y, w * 0.26, h, mixed(cloth, dark, 0.3))
        board.rect(x + w * 0.74, y, w * 0.26, h, mixed(cloth, dark, 0.36))
    elif kind < 0.5:
        drop = float(lot.uniform(0.3, 0.7))
        board.rect(x, y + h * (1 - drop), w, h * drop, mixed(cloth, dark, 0.22))
    elif kind < 0.58:
        board.rect(x, y, w, h, mixed((236, 200, 132), dark, 0.35))
    if lot.random() < 0.5:
        left = x + w * float(lot.uniform(0.1, 0.5))
        streak = [(left, y), (left + 0.16, y), (left + 0.16 + h * 0.35, y + h), (left + h * 0.35, y + h)]
        board.area([(min(px, x + w), py) for px, py in streak], mixed(bright, dark, 0.45))


def _shutters(board: Front, x: float, y: float, w: float, h: float, colour: Rgb) -> None:
    leaf = w * 0.5
    for left in (x - leaf - 0.13, x + w + 0.13):
        board.shade(left + 0.06, y - 0.1, leaf, h, 0.2)
        board.rect(left, y, leaf, h, colour)
        for k in range(int(h / 0.13)):
            board.rect(left + 0.06, y + 0.06 + k * 0.13, leaf - 0.12, 0.04, toned(colour, 0.78))
        board.rect(left + leaf * 0.02, y, 0.03, h, toned(colour, 1.2))


def _flowers(board: Front, centre: float, y: float, w: float) -> None:
    lot = board.lot
    board.rect(centre - w / 2 - 0.05, y - 0.06, w + 0.1, 0.2, (120, 84, 62))
    bloom: Rgb = ((206, 82, 52), (232, 190, 90), (240, 232, 216), (214, 120, 70))[int(lot.integers(4))]
    for _ in range(60):
        at = (centre + float(lot.uniform(-0.5, 0.5)) * (w + 0.15), y + 0.12 + abs(float(lot.normal(0, 0.1))))
        green: Rgb = mixed((58, 82, 46), (112, 136, 72), float(lot.random()))
        board.disc(*at, 0.055, bloom if lot.random() < 0.3 else green)


def _ground_floor(board: Front) -> None:
    house = board.house
    stone = mixed(house.wall, STONE, 0.55)
    board.rect(0, 0, house.width, house.ground, toned(stone, 0.97))
    for course in range(int(house.ground / 0.42)):
        board.rect(0, course * 0.42, house.width, 0.025, toned(stone, 0.86))
    fill: Callable[[Front], None] = {"shop": _shop, "arcade": _arcade, "none": _plain}[house.shop]
    fill(board)
    board.rect(0, 0, house.width, 0.3, toned(stone, 0.7))


def _plain(board: Front) -> None:
    house = board.house
    bays = max(2, round(house.width / 2.5))
    pitch = house.width / bays
    door = int(board.lot.integers(bays))
    for bay in range(bays):
        if bay == door:
            _door(board, (bay + 0.5) * pitch, 1.15, 2.7, house.fascia)
        else:
            _window(board, (bay + 0.5) * pitch, 1.0, 1.05, 1.8, shutters=False)


def _door(board: Front, centre: float, w: float, h: float, colour: Rgb) -> None:
    board.rect(centre - w / 2 - 0.16, 0, w + 0.32, h + 0.2, STONE)
    board.rect(centre - w / 2, 0, w, h, colour)
    board.rect(centre - w / 2 + 0.1, h * 0.76, w - 0.2, h * 0.19, (96, 110, 118))
    for side in (-1, 1):
        for low, high in ((0.12, 0.34), (0.38, 0.72)):
            left = centre + side * w * 0.24 - w * 0.18
            board.rect(left, h * low, w * 0.36, h * (high - low), toned(colour, 1.16))
            board.rect(left + 0.03, h * low, w * 0.36 - 0.03, h * (high - low) - 0.04, toned(colour, 0.9))
    board.disc(centre + 0.08, h * 0.4, 0.035, (206, 176, 104))
    board.shade(centre - w / 2, h - 0.2, w, 0.2, 0.4)
    board.shade(centre - w / 2, 0, 0.12, h, 0.3)


def _shop(board: Front) -> None:
    house, lot = board.house, board.lot
    x, w, top = 0.35, house.width - 0.75, house.ground - 0.1
    colour = house.fascia
    board.rect(x, 0, w, top, colour)
    board.rect(x + 0.04, top - 0.66, w - 0.08, 0.56, toned(colour, 1.08))
    board.rect(x, top - 0.1, w, 0.1, toned(colour, 1.35))
    board.shade(x, top - 0.76, w, 0.1, 0.3)
    _name(board, x + w / 2, top - 0.52)
    door = 1.05
    at = x + (0.25 if lot.random() < 0.5 else w - door - 0.25)
    panes = [(x + 0.2, at - 0.12), (at + door + 0.12, x + w - 0.2)]
    for left, right in panes:
        if right - left < 0.8:
            continue
        _display(board, left, 0.62, right - left, top - 1.5)
    _display(board, at + 0.12, 0.35, door - 0.24, top - 1.2)
    board.rect(at + 0.12, 1.0, door - 0.24, 0.07, colour)
    board.disc(at + 0.2, 1.05, 0.04, (210, 182, 112))


def _display(board: Front, x: float, y: float, w: float, h: float) -> None:
    """A shop window: a warm room behind glass, things on shelves, the sky in its upper part."""
    lot = board.lot
    warm, deep = (214, 178, 122), (66, 58, 52)
    for step in range(10):
        board.rect(x, y + h * step / 10, w, h / 10 + 0.02, mixed(deep, warm, 0.16 + 0.5 * (step / 9) ** 1.5))
    for shelf in (0.02, 0.36):
        at = x + 0.08
        while at < x + w - 0.3:
            wide, tall = float(lot.uniform(0.1, 0.3)), float(lot.uniform(0.12, 0.3)) * h
            things: tuple[Rgb, ...] = ((176, 92, 60), (90, 112, 104), (224, 208, 176), (196, 156, 84), (96, 84, 72))
            thing = mixed(things[int(lot.integers(5))], deep, 0.35)
            board.rect(at, y + h * shelf, min(wide, x + w - at - 0.05), tall, thing)
            at += wide + float(lot.uniform(0.02, 0.16))
        board.rect(x, y + h * shelf - 0.03, w, 0.04, (94, 74, 54))
    for k in range(max(1, int(w / 0.9))):
        board.disc(x + (k + 0.5) * w / max(1, int(w / 0.9)), y + h * 0.86, 0.07, (252, 232, 178))
    sheen = [
        (x + w * 0.55, y),
        (x + w * 0.7, y),
        (min(x + w, x + w * 0.7 + h * 0.4), y + h),
        (x + w * 0.55 + h * 0.3, y + h),
    ]
    board.area([(min(px, x + w), py) for px, py in sheen], mixed((150, 160, 160), deep, 0.45))
    board.shade(x, y + h - 0.22, w, 0.22, 0.4)
    board.shade(x, y, 0.1, h, 0.3)
    for across in (x, x + w - 0.05, *(x + w * k / max(1, round(w / 1.3)) for k in range(1, max(1, round(w / 1.3))))):
        board.rect(across, y, 0.05, h, toned(board.house.fascia, 1.2))
    board.rect(x, y - 0.05, w, 0.06, toned(board.house.fascia, 1.25))


def _name(board: Front, centre: float, y: float) -> None:
    name = _NAMES[int(board.lot.integers(len(_NAMES)))]
    size = 0.3 * board.grain / 21
    thick = max(1, round(size * 1.6))
    (w, _), _ = cv2.getTextSize(name, cv2.FONT_HERSHEY_DUPLEX, size, thick)
    at = (round(centre * board.grain - w / 2), round((board.height - y) * board.grain))
    cv2.putText(board.picture, name, at, cv2.FONT_HERSHEY_DUPLEX, size, (232, 214, 164), thick, cv2.LINE_AA)


def _arcade(board: Front) -> None:
    """Round arches with the shop in their shade."""
    house = board.house
    count = max(2, round(house.width / 2.9))
    pitch = house.width / count
    for k in range(count):
        centre, half = (k + 0.5) * pitch, pitch * 0.36
        spring = house.ground - 0.55 - half
        angles = np.linspace(0, np.pi, 14)
        outer = [(centre + (half + 0.16) * np.cos(a), spring + (half + 0.16) * np.sin(a)) for a in angles]
        inner = [(centre + half * np.cos(a), spring + half * np.sin(a)) for a in angles]
        board.area([*outer, (centre - half - 0.16, 0), (centre + half + 0.16, 0)], toned(STONE, 1.03))
        board.area([*inner, (centre - half, 0), (centre + half, 0)], (74, 64, 56))
        _display(board, centre - half * 0.8, 0.5, half * 1.6, spring - 0.5)
        lower = [(centre + half * np.cos(a), spring + half * np.sin(a)) for a in angles]
        board.area([*lower, (centre - half, spring - 0.05), (centre + half, spring - 0.05)], (54, 50, 48))

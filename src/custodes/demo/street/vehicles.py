# SPDX-License-Identifier: AGPL-3.0-or-later
"""Cars, buses and trams: a side drawn with care, extruded across the vehicle's width in true perspective."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from custodes.demo.street.crowd import Model, Vehicle
from custodes.demo.street.figure import Ink, Sketch
from custodes.demo.street.lens import Floats, Lens
from custodes.demo.street.palette import CARS, Rgb, mixed, toned

Side = tuple[tuple[float, float], ...]

_GLASS: Final = (58, 70, 78)
_SKYLIT: Final = (128, 146, 156)
_TYRE: Final = (32, 32, 34)
_RIM: Final = (134, 136, 138)
_AROUND: Final = np.linspace(0, 2 * np.pi, 18, endpoint=False)


@dataclass(frozen=True, slots=True)
class _Shape:
    """A vehicle's side in metres, (along, up), front at +along; ``outline`` runs from rear bottom over the top."""

    width: float
    outline: Side
    glazed: tuple[int, ...]
    windows: tuple[Side, ...]
    wheels: tuple[float, ...]
    wheel: float
    lines: tuple[Side, ...] = ()


def _row(start: float, stop: float, count: int, low: float, high: float, gap: float) -> tuple[Side, ...]:
    edges = np.linspace(start, stop, count + 1)
    return tuple(
        ((a + gap, low), (a + gap, high), (b - gap, high), (b - gap, low))
        for a, b in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    )


_HATCHBACK: Final = _Shape(
    1.75,
    (
        (-1.92, 0.24), (-2.04, 0.42), (-2.06, 0.72), (-1.98, 0.98), (-1.72, 1.34), (-1.45, 1.45), (-0.6, 1.49),
        (0.22, 1.43), (1.0, 0.99), (1.72, 0.86), (2.0, 0.7), (2.07, 0.42), (1.98, 0.24),
    ),
    (3, 7),
    (
        ((-1.62, 1.0), (-1.42, 1.33), (-0.62, 1.39), (-0.58, 1.0)),
        ((-0.5, 1.0), (-0.54, 1.39), (0.14, 1.34), (0.74, 1.0)),
    ),
    (-1.28, 1.26),
    0.32,
    (((-0.54, 0.98), (-0.56, 0.36)), ((0.72, 0.98), (0.62, 0.36))),
)  # fmt: skip
_ESTATE: Final = _Shape(
    1.8,
    (
        (-2.2, 0.24), (-2.3, 0.45), (-2.3, 0.8), (-2.2, 1.05), (-1.98, 1.38), (-1.7, 1.47), (-0.5, 1.49),
        (0.3, 1.42), (1.12, 0.98), (1.95, 0.86), (2.24, 0.7), (2.3, 0.42), (2.2, 0.24),
    ),
    (3, 7),
    (
        ((-2.0, 1.02), (-1.82, 1.34), (-1.32, 1.38), (-1.3, 1.02)),
        ((-1.2, 1.02), (-1.22, 1.39), (-0.4, 1.39), (-0.36, 1.02)),
        ((-0.28, 1.02), (-0.32, 1.39), (0.2, 1.34), (0.84, 1.01)),
    ),
    (-1.4, 1.42),
    0.33,
    (((-0.32, 1.0), (-0.34, 0.36)), ((0.82, 0.98), (0.72, 0.36)), ((-1.25, 1.0), (-1.15, 0.5))),
)  # fmt: skip
_VAN: Final = _Shape(
    1.95,
    (
        (-2.5, 0.26), (-2.6, 0.5), (-2.6, 1.9), (-2.5, 2.12), (-2.3, 2.2), (0.7, 2.2), (1.1, 2.08),
        (1.75, 1.25), (2.35, 1.05), (2.55, 0.8), (2.58, 0.45), (2.45, 0.26),
    ),
    (6,),
    (((0.25, 1.22), (0.25, 1.88), (0.98, 1.88), (1.48, 1.22)),),
    (-1.6, 1.6),
    0.35,
    (((0.15, 2.0), (0.15, 0.4)), ((-1.3, 2.0), (-1.3, 0.4)), ((-2.5, 1.15), (0.1, 1.15))),
)  # fmt: skip
_BUS: Final = _Shape(
    2.5,
    (
        (-5.8, 0.3), (-5.95, 0.6), (-5.95, 2.6), (-5.8, 2.92), (-5.5, 3.0), (5.4, 3.0), (5.75, 2.9),
        (5.95, 2.5), (6.0, 1.0), (5.9, 0.5), (5.75, 0.3),
    ),
    (7,),
    (*_row(-5.6, 4.4, 7, 1.25, 2.5, 0.05), ((4.5, 0.45), (4.5, 2.5), (5.55, 2.5), (5.6, 0.45))),
    (-3.6, 3.4),
    0.48,
    (((-1.5, 2.55), (-1.5, 0.4)), ((-0.3, 2.55), (-0.3, 0.4))),
)  # fmt: skip
_TRAM: Final = _Shape(
    2.4,
    (
        (-9.7, 0.3), (-10.2, 0.9), (-10.1, 1.6), (-9.6, 2.9), (-9.1, 3.25), (-8.3, 3.35), (8.3, 3.35),
        (9.1, 3.25), (9.6, 2.9), (10.1, 1.6), (10.2, 0.9), (9.7, 0.3),
    ),
    (2, 8),
    (
        *_row(-8.4, -4.8, 2, 1.15, 2.6, 0.06),
        *_row(-4.2, 4.2, 5, 1.15, 2.6, 0.06),
        *_row(4.8, 8.4, 2, 1.15, 2.6, 0.06),
        ((8.6, 1.3), (8.6, 2.6), (9.3, 2.6), (9.7, 1.5)),
        ((-8.6, 1.3), (-8.6, 2.6), (-9.3, 2.6), (-9.7, 1.5)),
    ),
    (),
    0.0,
    tuple(((x, 3.2), (x, 0.35)) for x in (-4.55, -4.45, 4.45, 4.55)),
)  # fmt: skip
_SHAPES: Final[dict[Model, _Shape]] = {
    "hatchback": _HATCHBACK, "estate": _ESTATE, "van": _VAN, "bus": _BUS, "tram": _TRAM,
}  # fmt: skip
_LIVERY: Final[dict[Model, tuple[Rgb, Rgb]]] = {
    "bus": ((208, 178, 96), (86, 92, 88)),
    "tram": ((232, 224, 202), (52, 92, 82)),
}
_TALLEST: Final[dict[Model, float]] = {"hatchback": 1.45, "estate": 1.47, "van": 2.2, "bus": 3.0, "tram": 3.35}


def length(model: Model) -> float:
    """Overall length in metres."""
    along = [a for a, _ in _SHAPES[model].outline]
    return max(along) - min(along)


class _Draughtsman:
    """Collects the shapes of one kind of vehicle as points (along, up, across) in metres."""

    def __init__(self) -> None:
        self._points: list[Floats] = []
        self._inks: list[Ink] = []
        self._count = 0

    def blueprint(self) -> tuple[Floats, tuple[Ink, ...]]:
        return np.concatenate(self._points), tuple(self._inks)

    def flat(self, points: Sequence[tuple[float, float]] | Floats, across: float = 0.0) -> Floats:
        flat = np.asarray(points, float)
        return np.column_stack([flat, np.full(len(flat), across)])

    def fill(self, points: NDArray[np.float64], colour: Rgb) -> None:
        self._add(points, colour, "area", 0.0)

    def side(self, points: Sequence[tuple[float, float]] | Floats, colour: Rgb) -> None:
        self.fill(self.flat(points), colour)

    def line(self, points: Side, colour: Rgb, width: float) -> None:
        self._add(self.flat(points), colour, "line", width)

    def _add(self, points: Floats, colour: Rgb, form: Literal["area", "line"], width: float) -> None:
        self._points.append(points)
        self._inks.append(Ink(self._count, self._count + len(points), colour, "gear", form, width))
        self._count += len(points)


def sketch(vehicle: Vehicle, lens: Lens) -> Sketch:
    """All shapes of a vehicle in painting order, seen where it is."""
    local, inks = _blueprint(vehicle.model, vehicle.paint % len(CARS))
    world = np.empty_like(local)
    world[:, 0] = vehicle.x + vehicle.sign * local[:, 0]
    world[:, 1] = local[:, 1]
    world[:, 2] = vehicle.z + local[:, 2]
    flat = (lens.project(world) - lens.ground(vehicle.x, vehicle.z)) / lens.scale(vehicle.z)
    return Sketch(flat.astype(np.float32), inks)


@cache
def _blueprint(model: Model, paint: int) -> tuple[Floats, tuple[Ink, ...]]:
    shape = _SHAPES[model]
    body, trim = _LIVERY.get(model, (CARS[paint], (40, 42, 44)))
    pen = _Draughtsman()
    _shell(pen, shape, body)
    pen.side(shape.outline, toned(body, 0.86))
    low, high = min(a for a, _ in shape.outline), max(a for a, _ in shape.outline)
    if model in _LIVERY:
        pen.side(((low + 0.3, 0.3), (low + 0.05, 0.95), (high - 0.05, 0.95), (high - 0.3, 0.3)), trim)
        pen.side(((low + 0.62, 2.68), (low + 0.72, 1.08), (high - 0.72, 1.08), (high - 0.62, 2.68)), toned(trim, 0.72))
    else:
        pen.side(((low + 0.1, 0.24), (low + 0.1, 0.4), (high - 0.1, 0.4), (high - 0.1, 0.24)), (44, 46, 48))
        pen.line(((low + 0.12, 0.8), (high - 0.3, 0.76)), toned(body, 1.06), 0.03)
    for window in shape.windows:
        _window(pen, window)
    for line in shape.lines:
        pen.line(line, toned(body, 0.66), 0.025)
    _wheels(pen, shape)
    front = max(a for a, u in shape.outline if 0.5 < u < 0.95)
    pen.side(((front - 0.22, 0.62), (front - 0.2, 0.76), (front - 0.06, 0.72), (front - 0.02, 0.62)), (240, 236, 214))
    rear = min(a for a, u in shape.outline if 0.5 < u < 1.1)
    pen.side(((rear + 0.02, 0.68), (rear + 0.02, 0.86), (rear + 0.14, 0.86), (rear + 0.12, 0.68)), (150, 44, 36))
    return pen.blueprint()


def _shell(pen: _Draughtsman, shape: _Shape, body: Rgb) -> None:
    near, far = pen.flat(shape.outline), pen.flat(shape.outline, shape.width)
    pen.fill(far, toned(body, 0.6))
    for index in range(len(shape.outline) - 1):
        (a, u), (b, w) = shape.outline[index : index + 2]
        level = abs(b - a) / (abs(b - a) + abs(w - u) + 1e-6)
        colour = mixed(_GLASS, _SKYLIT, 0.5) if index in shape.glazed else toned(body, 0.72 + 0.4 * level)
        pen.fill(np.array([near[index], near[index + 1], far[index + 1], far[index]]), colour)


def _window(pen: _Draughtsman, window: Side) -> None:
    pen.side(window, _GLASS)
    pane = np.array(window)
    low, high = pane.min(axis=0), pane.max(axis=0)
    top = pane.copy()
    # The upper third mirrors the sky.
    top[:, 1] = np.maximum(top[:, 1], low[1] + 0.62 * (high[1] - low[1]))
    inside = (top[:, 1] - low[1]) / max(high[1] - low[1], 1e-6)
    top[:, 0] = np.where(pane[:, 1] < top[:, 1], _along_at(pane, top[:, 1]), top[:, 0])
    if inside.max() > 0.7:
        pen.side(top, mixed(_GLASS, _SKYLIT, 0.55))


def _along_at(pane: Floats, up: Floats) -> Floats:
    """Where the pane's edges that rise from its lower corners pass the height ``up``."""
    result = pane[:, 0].copy()
    for index, (along, height) in enumerate(pane):
        for other in (pane[index - 1], pane[(index + 1) % len(pane)]):
            if other[1] > height + 1e-6 and up[index] <= other[1]:
                share = (up[index] - height) / (other[1] - height)
                result[index] = along + share * (other[0] - along)
    return result


def _wheels(pen: _Draughtsman, shape: _Shape) -> None:
    for along in shape.wheels:
        hub = np.array([along, shape.wheel])
        ring = np.stack([np.cos(_AROUND), np.sin(_AROUND)], axis=1)
        pen.side(hub + ring * (shape.wheel + 0.06) + np.array([0.0, 0.02]), (26, 26, 28))
        pen.side(hub + ring * shape.wheel, _TYRE)
        pen.side(hub + ring * shape.wheel * 0.62, _RIM)
        pen.side(hub + ring * shape.wheel * 0.2, (70, 72, 74))


def footprint(vehicle: Vehicle) -> Floats:
    """The corners of the vehicle's box in the world, (8, 3): what casts the shadow."""
    shape = _SHAPES[vehicle.model]
    low, high = min(a for a, _ in shape.outline) + 0.1, max(a for a, _ in shape.outline) - 0.1
    inset = 0.35 if vehicle.model in ("hatchback", "estate") else 0.0
    tall = _TALLEST[vehicle.model]
    corners = []
    for across in (0.05, shape.width - 0.05):
        for along in (low, high):
            corners.append((along, 0.05, across))
            corners.append((along * (1 - inset), tall, across))
    world = np.array(corners)
    world[:, 0] = vehicle.x + vehicle.sign * world[:, 0]
    world[:, 2] += vehicle.z
    return world

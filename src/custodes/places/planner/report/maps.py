# SPDX-License-Identifier: AGPL-3.0-or-later
"""Maps and a chart as SVG, without script and without anything from elsewhere."""

from collections.abc import Sequence
from typing import Any

import shapely

from custodes.places.planner.geometry.town import Town
from custodes.places.planner.inventory import Camera

_WIDTH, _HEIGHT, _CLOSE = 680.0, 640.0, 260.0
_FILMED, _CAMERA, _PURPOSE, _PLACE = "#c2410c", "#1f2937", "#0f766e", "#6d28d9"
_MARGIN = 40.0
"""Metres around what the map shows."""


def town_map(
    town: Town,
    cameras: Sequence[Camera],
    filmed: Sequence[Any],
    purposes: Sequence[Any] = (),
    gone: Sequence[Camera] = (),
) -> str:
    """Buildings, protected places, filmed ground (darker where several film), cameras; crosses for those removed."""
    around = [each for each in [*filmed, *purposes] if not each.is_empty] or [town.walls.blocks]
    return _drawn(town, cameras, filmed, purposes, gone, _grown(around, _MARGIN), _HEIGHT)


def close_up(
    town: Town, cameras: Sequence[Camera], filmed: Sequence[Any], place: Any, gone: Sequence[Camera] = ()
) -> str:
    """The same around one place of a purpose, as wide as the page."""
    west, south, east, north = shapely.bounds(place)
    half = max((north - south) / 2 + _MARGIN, ((east - west) / 2 + _MARGIN) * _CLOSE / _WIDTH)
    x, y, wide = (west + east) / 2, (south + north) / 2, half * _WIDTH / _CLOSE
    box = shapely.box(x - wide, y - half, x + wide, y + half)
    return _drawn(town, cameras, filmed, [place], gone, box, _CLOSE)


def _grown(shapes: Sequence[Any], margin: float) -> Any:
    west, south, east, north = shapely.total_bounds(shapes)
    return shapely.box(west - margin, south - margin, east + margin, north + margin)


def _drawn(
    town: Town,
    cameras: Sequence[Camera],
    filmed: Sequence[Any],
    purposes: Sequence[Any],
    gone: Sequence[Camera],
    box: Any,
    tallest: float,
) -> str:
    left, low, right, high = box.bounds
    scale = min(_WIDTH / (right - left), tallest / (high - low))
    paper = _Paper(left - (_WIDTH / scale - (right - left)) / 2, high, scale)
    blocks = shapely.get_parts(town.walls.blocks)
    near = shapely.intersection(blocks[shapely.intersects(blocks, box)], box)
    places = [shapely.intersection(each.ground, box) for each in town.places]
    shown = [part for part in (shapely.intersection(each, box) for each in filmed) if not part.is_empty]
    cameras, gone = ([each for each in some if shapely.intersects_xy(box, each.view.x, each.view.y)]
                     for some in (cameras, gone))  # fmt: skip
    parts = [
        paper.shapes(near, 'fill="#d6d3d1"'),
        paper.shapes(places, f'fill="none" stroke="{_PLACE}" stroke-width="1" stroke-dasharray="3 2"'),
        *(paper.shapes([each], f'fill="{_FILMED}" fill-opacity="0.28"') for each in shown),
        paper.shapes(purposes, f'fill="{_PURPOSE}" fill-opacity="0.25" stroke="{_PURPOSE}" stroke-width="1.6"'),
        *(paper.dot(each) for each in cameras),
        *(paper.cross(each) for each in gone),
        _scale_bar(scale, (high - low) * scale),
    ]
    return _svg(_WIDTH, (high - low) * scale + 34, parts)


class _Paper:
    """Metres to points of the drawing."""

    def __init__(self, left: float, top: float, scale: float) -> None:
        self.left, self.top, self.scale = left, top, scale

    def spot(self, x: float, y: float) -> str:
        """A position as 'x,y'."""
        return f"{(x - self.left) * self.scale:.1f},{(self.top - y) * self.scale:.1f}"

    def shapes(self, shapes: Sequence[Any], style: str) -> str:
        """One path for all of them, holes left open."""
        rings = []
        for shape in shapes:
            for part in shapely.get_parts(shapely.simplify(shape, 0.3)):
                if part.geom_type == "Polygon" and not part.is_empty:
                    rings += [part.exterior, *part.interiors]
        lines = ("M" + "L".join(self.spot(x, y) for x, y in shapely.get_coordinates(ring)) + "Z" for ring in rings)
        return f'<path fill-rule="evenodd" {style} d="{"".join(lines)}"/>'

    def dot(self, camera: Camera) -> str:
        """A camera; a stroke shows which way it looks."""
        x, y = self.spot(camera.view.x, camera.view.y).split(",")
        mark = f'<circle cx="{x}" cy="{y}" r="2.6" fill="{_CAMERA}" stroke="#fff" stroke-width="0.7"/>'
        if camera.view.panorama:
            return mark
        bearing = f'transform="rotate({camera.view.bearing:.0f} {x} {y})"'
        return f'<path d="M{x},{y}v-11" stroke="{_CAMERA}" stroke-width="1.6" {bearing}/>{mark}'

    def cross(self, camera: Camera) -> str:
        """A camera that is taken away."""
        x, y = (float(each) for each in self.spot(camera.view.x, camera.view.y).split(","))
        return f'<path d="M{x - 3},{y - 3}l6,6m0,-6l-6,6" stroke="#9ca3af" stroke-width="1.3" fill="none"/>'


def _scale_bar(scale: float, top: float) -> str:
    length = next((metres for metres in (500, 200, 100, 50, 20, 10) if metres * scale <= 170), 5)
    width = length * scale
    return f'<path d="M4,{top + 14:.1f}v6h{width:.1f}v-6" fill="none" stroke="#1f2937"/>' + _label(
        width + 10, top + 21, f"{length} m, north is up; map © OpenStreetMap contributors", "start"
    )


def curve_chart(points: Sequence[tuple[int, float]], plan: tuple[int, float], rival: tuple[int, float]) -> str:
    """Euros to the right, intrusion upwards: the least intrusive plan for each sum, ours and the greedy one."""
    width, height, gap = 520.0, 240.0, 60.0
    every = [*points, plan, rival]
    most = max(euros for euros, _ in every) * 1.08 or 1
    highest = max(units for _, units in every) * 1.08 or 1
    places = [
        (gap + euros / most * (width - gap - 10), 10 + (1 - units / highest) * (height - gap)) for euros, units in every
    ]
    *line, ours, theirs = places
    path = "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in line) if line else ""
    bottom = 10 + height - gap
    parts = [
        f'<path d="M{gap},10V{bottom}H{width - 10}" fill="none" stroke="#6b7280"/>',
        f'<path d="{path}" fill="none" stroke="{_PURPOSE}" stroke-width="2"/>' if path else "",
        *(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{_PURPOSE}"/>' for x, y in line),
        f'<circle cx="{ours[0]:.1f}" cy="{ours[1]:.1f}" r="6" fill="none" stroke="{_PURPOSE}" stroke-width="2"/>',
        f'<path d="M{theirs[0] - 5:.1f},{theirs[1] - 5:.1f}l10,10m0,-10l-10,10" stroke="{_FILMED}" stroke-width="2"/>',
        _label(gap, bottom + 16, "0", "middle"),
        _label(width - 10, bottom + 16, f"{most:,.0f} euros", "end"),
        _label(gap - 6, 18, f"{highest:,.0f}", "end"),
        _label(gap - 6, bottom, "0", "end"),
        _label(gap, bottom + 36, "line: least intrusion for that sum; ring: this plan; cross: greedy plan", "start"),
    ]
    return _svg(width, height, parts)


def _label(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="11" font-family="sans-serif" text-anchor="{anchor}">{text}</text>'


def _svg(width: float, height: float, parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}">'
    return head + "\n".join(parts) + "</svg>"

# SPDX-License-Identifier: AGPL-3.0-or-later
"""A plan's declaration (TOML, ``docs/guide/planner.md``): purposes, money, lenses, sites, weights."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from custodes.errors import invalid
from custodes.places.planner.candidates import Costs, Lens, Site
from custodes.places.planner.density import Ladder, ladder
from custodes.places.planner.geometry.frame import Frame
from custodes.places.planner.geometry.town import Town, Use
from custodes.places.planner.geometry.visibility import outside
from custodes.places.planner.intrusion import WEIGHTS
from custodes.places.planner.purposes import Purpose, hours

_TOP = {
    "version",
    "title",
    "edition",
    "first_year",
    "budgets",
    "bearings",
    "costs",
    "weights",
    "purpose",
    "lens",
    "site",
}
_COSTS = {"new", "turn", "relens", "remove", "yearly"}
_LARGEST = 1_000_000


@dataclass(frozen=True)
class Declaration:
    """Everything that people decide before anything is computed. ``budgets`` are whole euros, one per year."""

    title: str
    ladder: Ladder
    first_year: int
    budgets: tuple[int, ...]
    bearings: int
    costs: Costs
    weights: Mapping[Use, float]
    purposes: tuple[Purpose, ...]
    lenses: tuple[Lens, ...]
    sites: tuple[Site, ...]


def parse(document: bytes, town: Town) -> Declaration:
    """Parse and check; raises ``CustodesError`` (INVALID, or DENIED for a purpose without bounds) naming the member."""
    if len(document) > _LARGEST:
        raise invalid("the declaration is larger than a megabyte")
    try:
        source = tomllib.loads(document.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as problem:
        raise invalid(f"the declaration is not TOML: {problem}") from None
    _known("the declaration", source, _TOP)
    if source.get("version") != 1:
        raise invalid("the declaration's version must be 1")
    edition = ladder(_text(source, "edition", "2025"))
    budgets = tuple(_whole(each, "a budget") for each in _list(source, "budgets"))
    if not 1 <= len(budgets) <= 10:
        raise invalid("budgets: one number of euros for each of 1 to 10 years")
    first = _whole(source.get("first_year", 2027), "first_year", 1990, 2200)
    purposes = tuple(_purpose(each, town, edition, first, len(budgets)) for each in _tables(source, "purpose"))
    names = [each.name for each in purposes]
    if len(set(names)) != len(names):
        raise invalid("two purposes have the same name")
    return Declaration(
        _text(source, "title", "Camera plan"),
        edition,
        first,
        budgets,
        _whole(source.get("bearings", 8), "bearings", 1, 72),
        _costs(source.get("costs", {})),
        _weights(source.get("weights", {})),
        purposes,
        tuple(map(_lens, _tables(source, "lens"))),
        tuple(_site(each, town) for each in _tables(source, "site")),
    )


def _purpose(source: dict[str, Any], town: Town, edition: Ladder, first: int, years: int) -> Purpose:
    _known("a purpose", source, {"name", "reason", "level", "density", "share", "hours", "from", "place"})
    name = _text(source, "name")
    if "\n" in name or len(name) > 100 or "@" in name:
        raise invalid("a purpose's name is one short line without @")
    places = _tables(source, "place")
    if not places:
        raise invalid(f"purpose {name}: name the places ([[purpose.place]]); watching everything is refused")
    ground = shapely.union_all([_place(each, town.frame, name) for each in places])
    if ("level" in source) == ("density" in source):
        raise invalid(f"purpose {name}: give either level or density")
    density = edition.least(_text(source, "level")) if "level" in source else _number(source, "density", 1, 5_000)
    start = _whole(source.get("from", first), "from", first, first + years - 1) - first
    share = _number(source, "share", 0.01, 1) if "share" in source else 0.9
    return Purpose(
        name, _text(source, "reason"), ground, density, share, start, hours(_text(source, "hours", "always"))
    )


def _place(source: dict[str, Any], frame: Frame, name: str) -> Any:
    _known(f"purpose {name}: a place", source, {"point", "radius", "polygon"})
    if "polygon" in source:
        ring = [_position(each, name) for each in _list(source, "polygon")]
        if len(ring) < 3:
            raise invalid(f"purpose {name}: a polygon has at least three corners")
        shape = shapely.Polygon(frame.to_metres(np.array(ring)))
        if not shapely.is_valid(shape):
            raise invalid(f"purpose {name}: the polygon crosses itself")
        return shape
    spot = frame.to_metres(np.array([_position(source.get("point"), name)]))[0]
    return shapely.Point(spot).buffer(_number(source, "radius", 1, 200))


def _position(value: Any, name: str) -> tuple[float, float]:
    good = isinstance(value, list) and len(value) == 2 and all(_is_number(each) for each in value)
    if not good or not (-180 <= value[0] <= 180 and -85 <= value[1] <= 85):
        raise invalid(f"{name}: a position is [longitude, latitude]")
    return float(value[0]), float(value[1])


def _costs(source: Any) -> Costs:
    if not isinstance(source, dict):
        raise invalid("costs must be a table")
    _known("costs", source, _COSTS)
    missing = _COSTS - set(source)
    if missing:
        raise invalid(f"costs: {', '.join(sorted(missing))} missing (whole euros)")
    return Costs(**{name: _whole(source[name], f"costs.{name}") for name in _COSTS})


def _weights(source: Any) -> Mapping[Use, float]:
    if not isinstance(source, dict):
        raise invalid("weights must be a table")
    _known("weights", source, {use.value for use in WEIGHTS})
    return {
        use: _number(source, use.value, 0, 1e6) if use.value in source else weight for use, weight in WEIGHTS.items()
    }


def _lens(source: dict[str, Any]) -> Lens:
    _known("a lens", source, {"name", "field_of_view", "pixels", "range"})
    pixels = _whole(source.get("pixels"), "pixels of a lens", 100, 100_000)
    return Lens(
        _text(source, "name"), _number(source, "field_of_view", 1, 360), pixels, _number(source, "range", 1, 2_000)
    )


def _site(source: dict[str, Any], town: Town) -> Site:
    _known("a site", source, {"name", "point", "height"})
    name = _text(source, "name")
    spot = town.frame.to_metres(np.array([_position(source.get("point"), f"site {name}")]))[0]
    moved = outside(spot, town.walls)
    if moved is None:
        raise invalid(f"site {name} lies inside a building")
    return Site(name, float(moved[0]), float(moved[1]), _number(source, "height", 0.5, 100))


def _known(what: str, source: Mapping[str, Any], names: set[str]) -> None:
    strange = sorted(set(source) - names)
    if strange:
        raise invalid(f"{what}: {strange[0]!r} is not known (known: {', '.join(sorted(names))})")


def _tables(source: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = source.get(name, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise invalid(f"{name}: write [[{name}]] tables")
    return found


def _list(source: Mapping[str, Any], name: str) -> list[Any]:
    found = source.get(name)
    if not isinstance(found, list):
        raise invalid(f"{name} must be a list")
    return found


def _text(source: Mapping[str, Any], name: str, default: str | None = None) -> str:
    found = source.get(name, default)
    if not isinstance(found, str) or not found.strip():
        raise invalid(f"{name} must be a text")
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _number(source: Mapping[str, Any], name: str, low: float, high: float) -> float:
    found = source.get(name)
    if not _is_number(found) or not low <= float(found or 0) <= high:
        raise invalid(f"{name} must be a number between {low:g} and {high:g}")
    return float(found or 0)


def _whole(value: Any, name: str, low: int = 0, high: int = 1_000_000_000) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise invalid(f"{name} must be a whole number between {low} and {high}")
    return value

# SPDX-License-Identifier: AGPL-3.0-or-later
"""Findings as plain values (JSON) and as lines of text."""

from collections.abc import Sequence
from typing import Any

import shapely

from custodes.places.planner.declaration import Declaration
from custodes.places.planner.density import Ladder
from custodes.places.planner.geometry.town import Town, Use
from custodes.places.planner.impact import Impact
from custodes.places.planner.intrusion import Touched
from custodes.places.planner.inventory import Inventory
from custodes.places.planner.planning import Outcome


def coverage_facts(found: Inventory, seen: Sequence[Touched], levels: Ladder, town: Town) -> dict[str, Any]:
    """A FeatureCollection (RFC 7946) of the filmed ground of each camera."""
    features = []
    for camera, touch in zip(found.cameras, seen, strict=True):
        degrees = shapely.transform(touch.ground, town.frame.to_degrees)
        properties = {
            "name": camera.name,
            "area_m2": round(touch.area, 1),
            "homes_facade_m": round(touch.homes, 1),
            "homes_facade_m_by_level": {
                level or "below": round(each, 1) for level, each in touch.homes_by_level.items()
            },
            "ladder": levels.title,
            "assumed": list(camera.assumed),
        }
        geometry = shapely.geometry.mapping(shapely.set_precision(degrees, 1e-7))
        features.append({"type": "Feature", "id": camera.ref, "geometry": geometry, "properties": properties})
    return {"type": "FeatureCollection", "features": features, "left_out": found.left_out}


def impact_facts(impact: Impact, found: Inventory, town: Town) -> dict[str, Any]:
    """The network's impact as JSON."""
    return {
        "cameras": [
            {
                "ref": each.camera.ref,
                "name": each.camera.name,
                "intrusion": round(each.intrusion, 1),
                "area_m2": round(each.touched.area, 1),
                "shared": round(each.shared, 4),
                "homes_facade_m": round(each.touched.homes, 1),
                "places": [
                    {"ref": ref, "area_m2": round(area, 1), "level": each.touched.level_by_place[ref]}
                    for ref, area in each.touched.places.items()
                ],
                "serves": list(each.serves),
                "assumed": list(each.camera.assumed),
            }
            for each in impact.cameras
        ],
        "area_m2": round(impact.area, 1),
        "filmed_twice_m2": round(impact.twice, 1),
        "intrusion": round(impact.intrusion, 1),
        "homes_facade_m": round(impact.homes, 1),
        "places": {use.value: {"filmed": some, "of": every} for use, (some, every) in impact.places.items()},
        "walks": {
            "count": impact.walks.count,
            "metres": round(impact.walks.metres),
            "share_filmed": round(impact.walks.share, 4),
            "filmed_anywhere": impact.walks.filmed,
        },
        "purposes": [
            {"name": each.purpose.name, "seen": round(each.seen, 4), "need": each.purpose.share, "met": each.met}
            for each in impact.purposes
        ],
        "removable": impact.removable,
        "left_out": found.left_out,
        "notes": town.notes,
    }


def impact_lines(impact: Impact, found: Inventory) -> list[str]:
    """The network's impact as text."""
    walks = impact.walks
    lines = [
        f"{len(impact.cameras)} cameras film {impact.area:,.0f} m² of ground, {impact.twice:,.0f} m² more than once",
        f"{impact.homes:,.0f} m of home façades (each camera counted), intrusion {impact.intrusion:,.0f} units",
    ]
    lines += [
        f"{use.value}: {some} of {every} filmed" for use, (some, every) in impact.places.items() if use is not Use.OTHER
    ]
    lines.append(
        f"walks: {100 * walks.share:.0f} % of {walks.count} typical ones filmed, {walks.filmed} of them somewhere"
    )
    for each in impact.purposes:
        state = "met" if each.met else "NOT met"
        lines.append(f"{each.purpose.name}: {state}, {100 * each.seen:.0f} % of {100 * each.purpose.share:.0f} % seen")
    declared = "" if impact.purposes else " (no purpose is declared, so nothing declared is lost with any of them)"
    lines.append(f"{len(impact.removable)} cameras could go without loss to what is declared{declared}")
    lines += [f"  {ref}" for ref in impact.removable] if impact.purposes else []
    lines += [f"left out: {each}" for each in found.left_out]
    return lines


def plan_facts(outcome: Outcome) -> dict[str, Any]:
    """A plan as JSON."""
    return {
        "steps": [
            {"year": each.year, "site": each.site, "action": each.action, "euros": each.cost} for each in outcome.steps
        ],
        "keep": outcome.kept,
        "remove": outcome.removed,
        "euros_per_year": outcome.spent,
        "intrusion": outcome.intrusion,
        "intrusion_today": outcome.today,
        "searched_gap": float(f"{outcome.plan.gap:.2e}"),
        "certified_gap": float(outcome.plan.certificate["certified_gap"]),
        "greedy": {
            "euros": outcome.greedy_cost,
            "intrusion": outcome.greedy_intrusion,
            "unmet": outcome.greedy_unmet,
        },
        "curve": [{"euros": euros, "intrusion": units} for euros, units in outcome.curve],
        "options": outcome.options,
        "after_dominance": outcome.undominated,
    }


def plan_lines(outcome: Outcome, declared: Declaration) -> list[str]:
    """A plan as text."""
    lines = [f"{each.year} {each.site}: {each.action} ({each.cost:,} euros until the end)" for each in outcome.steps]
    lines.append(f"keep {len(outcome.kept)}, remove {len(outcome.removed)}")
    lines += [f"{declared.first_year + year}: {euros:,} euros" for year, euros in enumerate(outcome.spent)]
    lines.append(f"intrusion {outcome.intrusion:,.0f} units over all years; as it is today {outcome.today:,.0f}")
    certified = float(outcome.plan.certificate["certified_gap"])
    lines.append(
        f"proof: within {outcome.plan.gap:.0e} of the best among {outcome.options} options by the solver's search;"
        f" within {100 * certified:.1f} % by the certificate that anybody can check"
    )
    missed = f", leaves {', '.join(outcome.greedy_unmet)} unmet" if outcome.greedy_unmet else ""
    lines.append(
        f"greedy plan beside it: {outcome.greedy_cost:,} euros, intrusion {outcome.greedy_intrusion:,.0f}{missed}"
    )
    lines += [f"for {euros:,} euros: intrusion {units:,.0f}" for euros, units in outcome.curve]
    return lines

# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes planner``: what cameras see, whom that touches, the least intrusive plan, the assessment's annex."""

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from custodes.cli._shell import add_json, decimal, read_file, show, write_file
from custodes.errors import invalid, unavailable
from custodes.places.planner.declaration import Declaration, parse
from custodes.places.planner.density import ladder
from custodes.places.planner.geometry.osm import read_town
from custodes.places.planner.geometry.town import Town
from custodes.places.planner.impact import assess
from custodes.places.planner.intrusion import WEIGHTS, Measure, touched
from custodes.places.planner.inventory import Inventory, from_geojson, placed, read_cameras
from custodes.places.planner.optimise.certificate import check
from custodes.places.planner.planning import plan
from custodes.places.planner.report.annex import annex, gather
from custodes.places.planner.report.page import to_html
from custodes.places.planner.report.pdf import to_pdf
from custodes.places.planner.results import coverage_facts, impact_facts, impact_lines, plan_facts, plan_lines


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the group."""
    commands = parser.add_subparsers(metavar="ACTION", required=True)
    coverage = commands.add_parser("coverage", help="what each camera sees, as GeoJSON")
    _add_inputs(coverage)
    coverage.add_argument("--out", type=Path, metavar="FILE", help="where the GeoJSON goes (default: print it)")
    coverage.add_argument("--edition", default="2025", choices=["2014", "2025"], help="of IEC 62676-4")
    coverage.set_defaults(run=_coverage)
    impact = commands.add_parser("impact", help="whom the cameras touch, and which nothing declared would miss")
    _add_inputs(impact)
    _add_plan(impact, required=False)
    impact.set_defaults(run=_impact)
    optimise = commands.add_parser("optimise", help="the least intrusive plan that does the declared job, with a proof")
    _add_inputs(optimise)
    _add_plan(optimise, required=True)
    optimise.add_argument("--certificate", type=Path, metavar="FILE", help="write the plan's certificate")
    optimise.set_defaults(run=_optimise)
    checking = commands.add_parser("check", help="check a plan's certificate, trusting nobody")
    checking.add_argument("certificate", type=Path, metavar="FILE")
    add_json(checking)
    checking.set_defaults(run=_check)
    report = commands.add_parser("report", help="the annex of the impact assessment, as PDF and HTML")
    _add_inputs(report)
    _add_plan(report, required=False)
    report.add_argument("--out", type=Path, required=True, metavar="FILE.pdf", help="the HTML goes beside it")
    report.set_defaults(run=_report)


def _add_inputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--osm", type=Path, required=True, metavar="FILE", help="map: an OpenStreetMap extract")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--register", type=Path, metavar="FILE", help="cameras: GeoJSON, or an OpenStreetMap extract")
    source.add_argument("--dir", type=Path, metavar="D", help="cameras: the register of this node")
    add_json(parser)


def _add_plan(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument(
        "--plan", type=Path, required=required, metavar="FILE", help="declared purposes and money, TOML"
    )
    parser.add_argument("--seconds", type=decimal, default=30.0, metavar="S", help="for each search (default: 30)")


def _cameras(arguments: argparse.Namespace, town: Town) -> Inventory:
    """The cameras that were named; an empty register is refused."""
    if arguments.dir is not None:
        found = from_geojson(_register(arguments.dir), town, "the register")
    elif arguments.register.name.endswith((".pbf", ".osm", ".osm.gz", ".osm.bz2")):
        same = arguments.register.resolve() == arguments.osm.resolve()
        found = placed((town if same else read_town(arguments.register)).cameras, town)
    else:
        found = read_cameras(arguments.register, town)
    if not found.cameras:
        reason = f" ({len(found.left_out)} left out: {found.left_out[0]})" if found.left_out else ""
        raise invalid(f"the register holds no camera that can be judged{reason}")
    return found


def _register(folder: Path) -> bytes:
    """The register of a node. Only this needs the node's libraries: a planner's machine may have none."""
    try:
        from custodes.node.config import Layout
        from custodes.node.queries import Store
        from custodes.node.queries.register import geojson
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("custodes"):
            raise
        raise unavailable(f"--dir needs {missing.name}: install custodes[node], or give --register FILE") from None
    return geojson(Store(Layout(folder)))


def _declared(arguments: argparse.Namespace, town: Town) -> Declaration | None:
    if not 1 <= arguments.seconds <= 86_400:
        raise invalid("--seconds must lie between 1 and 86400")
    return parse(read_file(arguments.plan), town) if arguments.plan else None


def _coverage(arguments: argparse.Namespace) -> int:
    town = read_town(arguments.osm)
    found, levels = _cameras(arguments, town), ladder(arguments.edition)
    collection = coverage_facts(found, [touched(each.view, town, levels) for each in found.cameras], levels, town)
    document = json.dumps(collection, ensure_ascii=False)
    if arguments.out:
        write_file(arguments.out, document.encode())
        facts = {"cameras": len(found.cameras), "left_out": found.left_out, "file": str(arguments.out)}
        show(arguments, facts, f"{len(found.cameras)} cameras, {len(found.left_out)} left out: {arguments.out}")
    else:
        print(document)
    return 0


def _impact(arguments: argparse.Namespace) -> int:
    town = read_town(arguments.osm)
    found, declared = _cameras(arguments, town), _declared(arguments, town)
    purposes, weights = (declared.purposes, declared.weights) if declared else ((), WEIGHTS)
    measure = Measure(town, declared.ladder if declared else ladder("2025"))
    impact = assess(found.cameras, measure, purposes, weights)
    show(arguments, impact_facts(impact, found, town), "\n".join(impact_lines(impact, found)))
    return 0


def _optimise(arguments: argparse.Namespace) -> int:
    town = read_town(arguments.osm)
    declared = _declared(arguments, town)
    assert declared is not None  # noqa: S101 - the option is required
    measure = Measure(town, declared.ladder)
    outcome = plan(declared, _cameras(arguments, town).cameras, measure, arguments.seconds)
    if arguments.certificate:
        write_file(arguments.certificate, json.dumps(outcome.plan.certificate).encode())
    show(arguments, plan_facts(outcome), "\n".join(plan_lines(outcome, declared)))
    return 0


def _check(arguments: argparse.Namespace) -> int:
    try:
        document: Any = json.loads(read_file(arguments.certificate))
    except (ValueError, RecursionError):
        raise invalid(f"{arguments.certificate} is not JSON") from None
    found = check(document)
    facts = {"objective": found.objective, "bound": float(found.bound), "certified_gap": found.gap}
    text = f"the plan keeps every rule; nobody can plan less than {100 * (1 - found.gap):.2f} % of its intrusion"
    show(arguments, facts, text)
    return 0


def _report(arguments: argparse.Namespace) -> int:
    town = read_town(arguments.osm)
    found, declared = _cameras(arguments, town), _declared(arguments, town)
    findings = gather(town, found, declared, arguments.seconds, sources=_sources(arguments))
    today = datetime.now(UTC)
    report = annex(findings, (today.year, today.month, today.day))
    html = arguments.out.with_suffix(".html")
    write_file(arguments.out, to_pdf(report))
    write_file(html, to_html(report).encode())
    facts = {"pdf": str(arguments.out), "html": str(html), "cameras": len(found.cameras), "left_out": found.left_out}
    show(arguments, facts, f"{arguments.out} and {html}: {len(found.cameras)} cameras, {len(found.left_out)} left out")
    return 0


def _sources(arguments: argparse.Namespace) -> list[str]:
    cameras = f"the register of {arguments.dir}" if arguments.dir else arguments.register.name
    return [f"Map: {arguments.osm.name}, © OpenStreetMap contributors, ODbL 1.0", f"Cameras: {cameras}"]

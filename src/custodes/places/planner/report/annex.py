# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the annex says."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import shapely

from custodes.errors import CustodesError
from custodes.places.planner.declaration import Declaration
from custodes.places.planner.density import LADDERS, Ladder, ladder
from custodes.places.planner.geometry.town import Town, Use
from custodes.places.planner.geometry.visibility import ground
from custodes.places.planner.impact import Impact, assess
from custodes.places.planner.intrusion import WEIGHTS, Measure
from custodes.places.planner.inventory import Inventory
from custodes.places.planner.planning import Outcome, plan
from custodes.places.planner.report.document import Bullets, Figure, Heading, Paragraph, Report, Table
from custodes.places.planner.report.maps import close_up, curve_chart, town_map
from custodes.places.planner.report.sensitivity import Variation, of_plan, of_ranges

_USES = {
    Use.SCHOOL: "Schools and kindergartens",
    Use.WORSHIP: "Places of worship",
    Use.CLINIC: "Clinics and doctors",
    Use.PLAYGROUND: "Playgrounds",
    Use.SQUARE: "Squares",
    Use.HOME: "Home façades, per metre",
}


_CLOSE_UPS = 24
"""At most so many places are drawn close up."""


@dataclass(frozen=True)
class Findings:
    """Everything that the annex speaks of. ``refusal`` says why there is no plan, where one was asked for."""

    town: Town
    found: Inventory
    declared: Declaration | None
    impact: Impact
    outcome: Outcome | None
    refusal: str
    ranges: list[Variation]
    weights: list[Variation]
    sources: list[str]

    @property
    def ladder(self) -> Ladder:
        """The edition of the standard that is used."""
        return self.declared.ladder if self.declared else ladder("2025")


def gather(
    town: Town, found: Inventory, declared: Declaration | None, seconds: float, *, sources: Sequence[str]
) -> Findings:
    """Compute everything; a plan that cannot be is reported, not raised."""
    purposes, weights = (declared.purposes, declared.weights) if declared else ((), WEIGHTS)
    levels = declared.ladder if declared else ladder("2025")
    measure = Measure(town, levels)
    impact = assess(found.cameras, measure, purposes, weights)
    outcome, refusal, varied = None, "", []
    if declared:
        try:
            outcome = plan(declared, found.cameras, measure, seconds)
            varied = of_plan(declared, found.cameras, measure, outcome, seconds)
        except CustodesError as problem:
            refusal = problem.message
    ranges = of_ranges(found.cameras, measure, weights)
    return Findings(town, found, declared, impact, outcome, refusal, ranges, varied, list(sources))


def annex(findings: Findings, date: tuple[int, int, int]) -> Report:
    """Put the findings into words, tables and maps."""
    declared = findings.declared
    title = f"{declared.title if declared else 'Camera network'}: annex to the impact assessment"
    report = Report(title, date)
    _summary(findings, report)
    _network(findings, report)
    if declared:
        _purposes(findings, report)
        _plan(findings, declared, report)
    _sensitivity(findings, report)
    _cameras(findings, report)
    _method(findings, report)
    return report


def _summary(findings: Findings, report: Report) -> None:
    impact, outcome = findings.impact, findings.outcome
    walks = impact.walks
    items = [
        f"{len(impact.cameras)} cameras film {impact.area:,.0f} m² of ground, {impact.twice:,.0f} m² more than once.",
        f"{impact.homes:,.0f} m of façades of homes are in view, each camera counted.",
        f"Of {walks.count} typical walks {walks.filmed} are filmed somewhere; on average {100 * walks.share:.0f} %.",
    ]
    if findings.declared:
        met = sum(each.met for each in impact.purposes)
        items.append(f"{met} of {len(impact.purposes)} declared purposes are met by the network as it is.")
        items.append(f"{len(impact.removable)} cameras could be removed with every declared purpose served as now.")
    else:
        items.append("No purpose is declared, so nothing can be said for keeping any of these cameras.")
    if outcome:
        items.append(
            f"The plan costs {outcome.plan.cost:,} euros, removes {len(outcome.removed)} cameras and has an intrusion"
            f" of {outcome.intrusion:,.0f} units over all years, against {outcome.today:,.0f} if everything stays."
        )
    report.blocks += [Heading("Summary"), Bullets(tuple(items))]


def _network(findings: Findings, report: Report) -> None:
    impact = findings.impact
    cameras = [each.camera for each in impact.cameras]
    words = (
        f"Map of {len(cameras)} cameras and the ground they film, {impact.area:,.0f} square metres together. The table"
        " of cameras below holds the same in numbers."
    )
    drawing = town_map(findings.town, cameras, [each.touched.ground for each in impact.cameras])
    caption = (
        "What is filmed today (orange, darker where several cameras film). Buildings grey, places to protect dashed,"
        " cameras dots with a stroke in the direction they look."
    )
    rows = [(_USES[use], f"{some}", f"{every}") for use, (some, every) in impact.places.items() if use in _USES]
    report.blocks += [
        Heading("What is filmed, and whom that touches"),
        Figure(caption, drawing, words),
        Table("Places to protect", ("Kind", "Filmed", "On the map"), tuple(rows), frozenset({1, 2}), (3, 1, 1)),
        _levels(findings),
        _places(findings),
    ]


def _places(findings: Findings) -> Table:
    """Each protected place that is filmed: by how many cameras, how much by one at most, how closely at best."""
    order = ["", *(name for name, _ in findings.ladder.steps)]
    rows = []
    for place in sorted(findings.town.places, key=lambda each: (each.use.value, each.name, each.ref)):
        seen = [each.touched for each in findings.impact.cameras if place.ref in each.touched.places]
        if seen:
            level = max((each.level_by_place[place.ref] for each in seen), key=order.index)
            most = max(each.places[place.ref] for each in seen)
            named = f"{place.name} ({place.ref})" if place.name else place.ref
            rows.append((named, place.use.value, f"{len(seen)}", f"{most:,.0f}", level or "below the lowest"))
    head = ("Place", "Kind", "Cameras", "m² by one camera at most", "Level at best")
    return Table("Protected places that are filmed", head, tuple(rows), frozenset({2, 3}), (4, 1.5, 1, 2, 2))


def _levels(findings: Findings) -> Table:
    """Home façades and protected places by the level at which they are filmed."""
    homes: Counter[str] = Counter()
    places: Counter[str] = Counter()
    for each in findings.impact.cameras:
        homes.update(each.touched.homes_by_level)
        places.update(each.touched.level_by_place.values())
    steps = [("", 0.0), *findings.ladder.steps]
    rows = [
        (name or "below the lowest level", f"{least:g}", f"{homes[name]:,.0f}", f"{places[name]:,}")
        for name, least in steps
    ]
    head = ("Level", "From px/m", "Home façades, m", "Protected places (camera by camera)")
    caption = (
        f"How closely, by {findings.ladder.title}: density at each façade, and at the nearest filmed point of a place"
    )
    return Table(caption, head, tuple(rows), frozenset({1, 2, 3}), (3, 1, 2, 2))


def _purposes(findings: Findings, report: Report) -> None:
    rows = tuple(
        (
            each.purpose.name,
            each.purpose.reason,
            f"{each.purpose.density:g}",
            f"{100 * each.purpose.share:.0f} %",
            f"{100 * each.seen:.0f} %",
            "met" if each.met else "not met",
        )
        for each in findings.impact.purposes
    )
    head = ("Purpose", "Reason", "px/m", "Needed", "Seen", "Today")
    report.blocks += [
        Heading("Declared purposes"),
        Table(
            "Purposes and how far the network of today meets them",
            head,
            rows,
            frozenset({2, 3, 4}),
            (3, 5, 1, 1, 1, 1.2),
        ),
    ]
    gone = findings.impact.removable
    if gone:
        report.blocks += [
            Paragraph(
                f"Candidates for removal: without these {len(gone)} cameras, taken away together, every purpose keeps"
                " what it needs, and those that are not met lose nothing."
            ),
            Paragraph(", ".join(gone)),
        ]


def _plan(findings: Findings, declared: Declaration, report: Report) -> None:
    report.blocks.append(Heading("Plan, year by year"))
    outcome = findings.outcome
    if outcome is None:
        report.blocks.append(Paragraph(f"There is no plan: {findings.refusal}."))
        return
    others = [each for each in outcome.steps if each.action != "remove"]
    rows = tuple((str(each.year), each.site, each.action, f"{each.cost:,}") for each in others)
    money = tuple(
        (str(declared.first_year + year), f"{limit:,}", f"{spent:,}", f"{len(cameras)}")
        for year, (limit, spent, cameras) in enumerate(
            zip(declared.budgets, outcome.spent, outcome.by_year, strict=True)
        )
    )
    removals = Counter(each.year for each in outcome.steps if each.action == "remove")
    said = "; ".join(f"{count} in {year}" for year, count in sorted(removals.items())) or "none"
    report.blocks += [
        Table("What is done", ("Year", "Site", "Action", "Euros until the end"), rows, frozenset({3}), (1, 3, 4, 2)),
        Paragraph(f"Cameras removed: {said}. Cameras kept as they are: {', '.join(outcome.kept) or 'none'}."),
        Table(
            "Money",
            ("Year", "Budget, euros", "Spent, euros", "Cameras in service"),
            money,
            frozenset({1, 2, 3}),
            (1, 2, 2, 2),
        ),
    ]
    _plan_map(findings, declared, outcome, report)
    _proof(outcome, report)


def _plan_map(findings: Findings, declared: Declaration, outcome: Outcome, report: Report) -> None:
    town, last = findings.town, outcome.by_year[-1]
    stay = {each.ref for each in last}
    gone = [each for each in findings.found.cameras if each.ref not in stay]
    filmed = [ground(each.view, town.walls) for each in last]
    words = (
        f"Map of the {len(last)} cameras of the plan's last year, the declared places, and {len(gone)} removed cameras."
    )
    drawing = town_map(town, last, filmed, [each.ground for each in declared.purposes], gone)
    report.blocks.append(
        Figure(
            "The last year of the plan: declared places green, filmed ground orange, removed cameras crosses.",
            drawing,
            words,
        )
    )
    places = [(purpose.name, part) for purpose in declared.purposes for part in shapely.get_parts(purpose.ground)]
    for name, part in places[:_CLOSE_UPS]:
        around = close_up(town, last, filmed, part, gone)
        report.blocks.append(Figure(f"{name}, last year", around, f"Close-up of the map above around {name}."))


def _proof(outcome: Outcome, report: Report) -> None:
    certified = 100 * float(outcome.plan.certificate["certified_gap"])
    missed = f" The greedy one leaves unmet: {', '.join(outcome.greedy_unmet)}." if outcome.greedy_unmet else ""
    report.blocks += [
        Heading("Proof and comparison"),
        Paragraph(
            f"Among the {outcome.options} options that were looked at ({outcome.undominated} after those were left out"
            f" that another one beats in everything) no plan is less intrusive by more than"
            f" {100 * outcome.plan.gap:.3f} %: that is what the solver's search has proven. The certificate, which"
            f" anybody can check without the solver, proves {certified:.1f} % on its own. Both hold for these options"
            " only."
        ),
        Paragraph(
            f"The plan that takes most coverage per euro first, blind to intrusion, costs"
            f" {outcome.greedy_cost:,} euros and has an intrusion of {outcome.greedy_intrusion:,.0f} units, this one"
            f" {outcome.plan.cost:,} euros and {outcome.intrusion:,.0f}.{missed}"
        ),
    ]
    if not outcome.curve:
        report.blocks.append(Paragraph("The curve of cost and intrusion could not be computed in the time given."))
        return
    rows = tuple((f"{euros:,}", f"{units:,.0f}") for euros, units in outcome.curve)
    chart = curve_chart(
        outcome.curve, (outcome.plan.cost, outcome.intrusion), (outcome.greedy_cost, outcome.greedy_intrusion)
    )
    report.blocks += [
        Figure(
            "Cost and intrusion",
            chart,
            "Curve of the least intrusion for each sum of money; the table has the numbers.",
        ),
        Table(
            "Least intrusion for each sum, yearly budgets left aside",
            ("Euros", "Intrusion, units"),
            rows,
            frozenset({0, 1}),
        ),
    ]


def _sensitivity(findings: Findings, report: Report) -> None:
    report.blocks.append(Heading("Sensitivity"))
    rows = tuple((each.assumption, each.today, each.varied) for each in findings.ranges)
    head = ("If", "as computed", "then")
    report.blocks.append(Table("What other ranges of the cameras would change", head, rows, widths=(3, 3, 3)))
    if findings.weights:
        rows = tuple((each.assumption, each.today, each.varied) for each in findings.weights)
        report.blocks.append(Table("What other weights would change in the plan", head, rows, widths=(3, 3, 3)))


def _cameras(findings: Findings, report: Report) -> None:
    rows = tuple(
        (
            f"{each.camera.ref} {each.camera.name}".strip(),
            f"{each.touched.area:,.0f}",
            f"{each.touched.homes:,.0f}",
            f"{len(each.touched.places)}",
            f"{100 * each.shared:.0f} %",
            f"{each.intrusion:,.0f}",
            ", ".join(each.serves) or "no declared one",
        )
        for each in sorted(findings.impact.cameras, key=lambda each: -each.intrusion)
    )
    head = ("Camera", "Ground, m²", "Homes, m", "Places", "Filmed by others too", "Intrusion", "Purposes")
    caption = "Every camera, the most intrusive first"
    widths = (3, 1.2, 1.2, 1, 1.5, 1.3, 2)
    report.blocks += [Heading("Camera by camera"), Table(caption, head, rows, frozenset({1, 2, 3, 4, 5}), widths)]


def _method(findings: Findings, report: Report) -> None:
    weights = findings.declared.weights if findings.declared else WEIGHTS
    rows = tuple((_USES[use], f"{weight:g}") for use, weight in weights.items())
    assumed = Counter(each for camera in findings.found.cameras for each in camera.assumed)
    ladders = tuple(
        (each.title, ", ".join(f"{name} {least:g}" for name, least in each.steps)) for each in LADDERS.values()
    )
    report.blocks += [
        Heading("Assumptions"),
        Bullets(
            tuple(f"{count} cameras: {what}" for what, count in assumed.most_common()) or ("None about the cameras.",)
        ),
        Table("Weights: units on top of 1 per m² of ground", ("Kind, per m²", "Weight"), rows, frozenset({1}), (3, 1)),
        Table("Levels of image detail, pixels per metre", ("Standard", "Levels"), ladders, widths=(1, 4)),
        Heading("Sources and licences"),
        Bullets(tuple(findings.sources)),
        Heading("Limits"),
        Bullets(_LIMITS),
    ]
    left = [*findings.found.left_out, *findings.town.notes]
    if left:
        report.blocks += [Heading("Left out, repaired, assumed of the map"), Bullets(tuple(left))]


_LIMITS = (
    "The ground is flat. Trees, vehicles and street furniture hide nothing; buildings hide everything, however low.",
    "Windows are not modelled: a façade in view is counted along its length, whatever its height.",
    "A camera that turns is counted as looking all around, which is an upper bound.",
    "Intrusion is added up camera by camera; ground that two cameras film counts twice, because it is recorded twice.",
    "Typical walks are shortest ways between random corners of the street network. Nobody's real walks are known.",
    "The proof is for the options that were offered; a site that nobody thought of may be better.",
    "Whether filming is lawful and proportionate is for people to decide. This annex is one basis for it.",
)

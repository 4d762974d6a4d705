# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes register reconcile``: compare two lists, work through the queue, take things back."""

import argparse
import re
from pathlib import Path
from typing import Any

from custodes.cli._shell import add_json, show
from custodes.domain.ids import check_id
from custodes.domain.inventories import Decision, Pair
from custodes.errors import invalid
from custodes.node.acts.inventories import decide_pair, undo_reconciliation
from custodes.node.config import Layout
from custodes.node.queries import Store, inventories
from custodes.node.queries.inventories import PairView, ReconciliationView
from custodes.node.runtime.reconciling import compare, reconcile_and_keep
from custodes.places.register.importing.read import read_inventory
from custodes.places.register.inventory import InventoryRow
from custodes.places.register.reconcile.changes import Changes, changes, metres

_PAIR = re.compile(r"([a-z2-7]{26}):([0-9]{1,9})-([0-9]{1,9})")
Sides = tuple[dict[int, InventoryRow], dict[int, InventoryRow]]
_STEWARD = "steward at the command line"


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("inventories", nargs="*", metavar="INVENTORY", help="two, older one first: ids or files")
    parser.add_argument("--dir", type=Path, metavar="D", help="the node's data folder (without it nothing is kept)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--queue", action="store_true", help="the pairs that wait for a person")
    what.add_argument("--accept", metavar="PAIR", help="these two rows are one camera")
    what.add_argument("--reject", metavar="PAIR", help="these two rows are two cameras")
    what.add_argument("--undo", metavar="WHAT", help="take back what was said of a pair, or a whole reconciliation")
    what.add_argument("--merged", metavar="ID", help="both lists as one, as GeoJSON with the source of every field")
    add_json(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if not (arguments.queue or arguments.accept or arguments.reject or arguments.undo or arguments.merged):
        return _reconcile(arguments)
    if arguments.inventories or arguments.dir is None:
        raise invalid("this needs --dir and no inventories")
    store = Store(Layout(arguments.dir))
    if arguments.queue:
        return _queue(arguments, store)
    if arguments.merged:
        print(inventories.reconciliation(store, check_id(arguments.merged)).merged().decode())
        return 0
    if arguments.undo and not _PAIR.fullmatch(arguments.undo):
        undo_reconciliation(store, check_id(arguments.undo))
        show(arguments, {"undone": arguments.undo}, "undone: both inventories stand apart again; the act is in the log")
        return 0
    return _decide(arguments, store)


def _decide(arguments: argparse.Namespace, store: Store) -> int:
    said = {Decision.ACCEPTED: arguments.accept, Decision.REJECTED: arguments.reject, Decision.REOPENED: arguments.undo}
    decision, text = next((each, text) for each, text in said.items() if text)
    reconciliation, pair = _pair(text)
    decide_pair(store, reconciliation, pair, decision, _STEWARD)
    view = inventories.reconciliation(store, reconciliation)
    facts = {"pair": text, "decision": decision.value, "queued": len(view.queued), "decided": len(view.decided)}
    show(arguments, facts, f"{decision.value}; the act is in the log. {_progress(view)}")
    return 0


def _pair(text: str) -> tuple[str, Pair]:
    found = _PAIR.fullmatch(text)
    if not found:
        raise invalid("a pair is named as in the queue: RECONCILIATION:LINE-LINE")
    return found[1], (int(found[2]), int(found[3]))


def _progress(view: ReconciliationView) -> str:
    return f"{len(view.decided)} decided, {len(view.queued)} to go"


def _queue(arguments: argparse.Namespace, store: Store) -> int:
    views = inventories.reconciliations(store)
    facts = [
        {
            "reconciliation": view.id,
            "one": view.one.id,
            "two": view.two.id,
            "decided": len(view.decided),
            "queued": [_told(view.id, pair) for pair in view.queued],
        }
        for view in views
    ]
    lines = []
    for view in views:
        lines.append(f"{view.one.name} and {view.two.name}: {_progress(view)}")
        lines += [line for pair in view.queued for line in _lines(view.id, pair)]
    show(arguments, facts, "\n".join(lines or ["nothing was reconciled yet"]))
    return 0


def _told(reconciliation: str, pair: PairView) -> dict[str, Any]:
    return {
        "pair": f"{reconciliation}:{pair.one.line}-{pair.two.line}",
        "a": pair.one.line,
        "b": pair.two.line,
        "metres": round(pair.metres, 1),
        "reasons": pair.reasons,
        "others": [row.line for row in pair.others],
    }


def _lines(reconciliation: str, pair: PairView) -> list[str]:
    others = ", ".join(f"line {row.line} {row.name}".strip() for row in pair.others)
    return [
        f"  {reconciliation}:{pair.one.line}-{pair.two.line}  {pair.metres:.0f} m apart",
        f"    line {pair.one.line}: {pair.one.name or 'no name'}",
        f"    line {pair.two.line}: {pair.two.name or 'no name'}",
        *([f"    or {others}"] if others else []),
    ]


def _reconcile(arguments: argparse.Namespace) -> int:
    if len(arguments.inventories) != 2:
        raise invalid("these arguments are required: two inventories, the older one first (see --help)")
    if arguments.dir is None:
        facts = _compared(Path(arguments.inventories[0]), Path(arguments.inventories[1]))
    else:
        store = Store(Layout(arguments.dir))
        facts = _kept(inventories.reconciliation(store, reconcile_and_keep(store, *arguments.inventories)))
    counts = {name: len(facts[name]) for name in ("joined", "queued", "added", "removed", "moved", "renamed")}
    line = ", ".join(f"{number} {name}" for name, number in counts.items())
    kept = f"kept as reconciliation {facts['reconciliation']}; the act is in the log"
    show(arguments, facts, line + "\n" + (kept if facts["reconciliation"] else "nothing was kept: no --dir was named"))
    return 0


def _compared(one: Path, two: Path) -> dict[str, Any]:
    """Two files, of which nothing is kept."""
    lists = [read_inventory(path).inventory.rows for path in (one, two)]
    outcome = compare(*lists)
    sides = {row.line: row for row in lists[0]}, {row.line: row for row in lists[1]}
    joined, queued = (
        [(lists[0][each.a].line, lists[1][each.b].line) for each in pairs] for pairs in (outcome.joined, outcome.queued)
    )
    return _facts(None, sides, joined, queued, changes(*sides, joined, queued, outcome.spread_m))


def _kept(view: ReconciliationView) -> dict[str, Any]:
    pairs = [each.pair for each in view.joined], [each.pair for each in view.queued]
    return _facts(view.id, view.rows, *pairs, view.changes())


def _facts(
    reconciliation: str | None, sides: Sides, joined: list[Pair], queued: list[Pair], found: Changes
) -> dict[str, Any]:
    """Lines of both lists; a pair has the line of the older list first."""

    def told(pairs: list[Pair]) -> list[dict[str, Any]]:
        return [{"a": a, "b": b, "metres": round(metres(sides[0][a], sides[1][b]), 1)} for a, b in pairs]

    return {
        "reconciliation": reconciliation,
        "joined": told(joined),
        "queued": told(queued),
        "added": [*found.added],
        "removed": [*found.removed],
        "moved": [[*pair] for pair in found.moved],
        "renamed": [[*pair] for pair in found.renamed],
    }

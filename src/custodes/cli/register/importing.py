# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes register import`` and ``inventories``."""

import argparse
import sys
from pathlib import Path

from custodes.cli._shell import add_dir, add_json, read_file, show, write_file
from custodes.domain import times
from custodes.errors import invalid
from custodes.node.acts.inventories import import_inventory
from custodes.node.config import Layout
from custodes.node.queries import Store, inventories
from custodes.places.register.importing import mapping
from custodes.places.register.importing.read import Source, read_inventory


def configure(command: argparse.ArgumentParser, listing: argparse.ArgumentParser) -> None:
    """Arguments of both."""
    command.add_argument("file", type=Path)
    command.add_argument("--dir", type=Path, metavar="D", help="the node's data folder (not needed with --dry-run)")
    command.add_argument("--dry-run", action="store_true", help="read and show, keep nothing")
    command.add_argument("--mapping", type=Path, metavar="FILE", help="which column means what, instead of guessing")
    command.add_argument("--save-mapping", type=Path, metavar="FILE", help="write down what was guessed")
    command.add_argument("--yes", action="store_true", help="do not ask whether the columns were guessed rightly")
    add_json(command)
    command.set_defaults(run=_import)
    add_dir(listing)
    add_json(listing)
    listing.set_defaults(run=_list)


def _import(arguments: argparse.Namespace) -> int:
    if arguments.dir is None and not arguments.dry_run:
        raise invalid("name the node's data folder with --dir, or only look with --dry-run")
    store = None if arguments.dry_run else Store(Layout(arguments.dir))
    given = None if arguments.mapping is None else mapping.decode(read_file(arguments.mapping))
    source = read_inventory(arguments.file, given)
    if arguments.save_mapping is not None:
        write_file(arguments.save_mapping, source.mapping.encode())
    lines = _told(source)
    imported = len(source.inventory.rows)
    if store is not None and not imported:
        lines.append("nothing was imported")
        store = None
    if store is not None and not arguments.json and given is None and not arguments.yes and sys.stdin.isatty():
        print("\n".join(lines))
        lines = []
        if not _agreed():
            print("nothing was imported; write a mapping with --dry-run --save-mapping FILE, change it, use --mapping")
            return 1
    if store is not None:
        made = import_inventory(store, arguments.file.name, source)
        lines.append(f"imported as inventory {made}; the act is in the log")
    rejected = [{"line": each.line, "reason": each.reason} for each in source.inventory.rejected]
    facts = {"rows": imported + len(rejected), "imported": imported, "rejected": rejected}
    show(arguments, facts, "\n".join(lines))
    return 0 if imported else 1


def _agreed() -> bool:
    try:
        return input("Is that right? Import? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _told(source: Source) -> list[str]:
    inventory = source.inventory
    how = [each for each in (source.mapping.encoding, source.mapping.delimiter) if each]
    lines = [" ".join([inventory.form, *(repr(each) for each in how)])]
    lines += [f"  {role:<10} {column}" for role, column in inventory.columns.items()]
    lines.append(
        f"{len(inventory.rows) + len(inventory.rejected)} rows: {len(inventory.rows)} usable, "
        f"{len(inventory.rejected)} rejected"
    )
    return lines + [f"line {each.line}: {each.reason}" for each in inventory.rejected]


def _list(arguments: argparse.Namespace) -> int:
    found = inventories.inventories(Store(Layout(arguments.dir)))
    facts = [
        {
            "inventory": each.id,
            "file": each.name,
            "form": each.form,
            "digest": each.digest,
            "rows": each.rows,
            "rejected": each.rejected,
            "imported": times.to_text(each.imported),
        }
        for each in found
    ]
    lines = [f"{each.id}  {each.rows:>6} rows  {each.form:<8} {each.name}" for each in found]
    show(arguments, facts, "\n".join(lines or ["no inventory was imported yet"]))
    return 0

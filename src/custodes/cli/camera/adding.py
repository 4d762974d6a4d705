# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes camera add`` and ``replace``: by stream addresses, by ONVIF, or from a table."""

import argparse
from pathlib import Path

from custodes.cli._shell import bar, read_file, show
from custodes.cli.camera.account import add_account, login_of, warn, warn_of_passwords
from custodes.domain.cameras import Credentials
from custodes.domain.ids import CameraId, check_id
from custodes.errors import CustodesError, invalid
from custodes.node.config import Layout
from custodes.node.queries import Store
from custodes.node.runtime.bulk import add_all, read_table
from custodes.node.runtime.onboarding import Known, Wanted, exchange
from custodes.node.runtime.onboarding import add as add_one
from custodes.node.runtime.replacing import replace_by_random


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``add``."""
    parser.add_argument("--name")
    _add_device(parser)
    parser.add_argument("--replace-password", action="store_true", help="give the device a random one (with --onvif)")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="add every camera of a table instead")
    parser.set_defaults(run=add)


def configure_replace(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``replace``."""
    parser.add_argument("camera")
    _add_device(parser)
    parser.set_defaults(run=replace)


def _add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--main", metavar="URL", help="rtsp:// address of the stream that is recorded")
    parser.add_argument("--sub", metavar="URL", help="rtsp:// address of the stream that is masked")
    parser.add_argument("--onvif", metavar="HOST[:PORT]", help="ask the device for both")
    parser.add_argument("--source", default="", help="with --onvif: which of a device's lenses")
    parser.add_argument("--transport", choices=["tcp", "udp"], default="tcp")
    add_account(parser)


def _wanted(arguments: argparse.Namespace, name: str) -> Wanted:
    return Wanted(
        name=name,
        main=arguments.main or "",
        sub=arguments.sub or "",
        onvif=arguments.onvif or "",
        login=login_of(arguments),
        transport=arguments.transport,
        source=arguments.source,
    )


def add(arguments: argparse.Namespace) -> int:
    """Add one camera, or a table of them."""
    if arguments.csv is not None:
        return _add_table(arguments)
    if arguments.name is None:
        raise invalid("these arguments are required: --name, and --onvif or --main and --sub; or --csv (see --help)")
    if arguments.replace_password and not arguments.onvif:
        raise invalid("--replace-password goes with --onvif")
    store = Store(Layout(arguments.dir))
    camera, known = add_one(store, _wanted(arguments, arguments.name))
    credentials = known.settings.credentials
    if arguments.replace_password:
        credentials = _replaced(store, camera)
    _tell(arguments, camera, known, credentials, "added")
    return 0


def _replaced(store: Store, camera: CameraId) -> Credentials:
    try:
        return replace_by_random(store, camera)
    except CustodesError as problem:
        again = f"try again with `custodes camera edit {camera} --replace-password`"
        line = f"camera {camera} was added, but its password was not replaced ({again}): {problem}"
        raise CustodesError(problem.kind, line) from None


def replace(arguments: argparse.Namespace) -> int:
    """Put another device into a camera's place."""
    store, camera = Store(Layout(arguments.dir)), CameraId(check_id(arguments.camera))
    known = exchange(store, camera, _wanted(arguments, ""))
    _tell(arguments, camera, known, known.settings.credentials, "replaced")
    return 0


def _tell(arguments: argparse.Namespace, camera: CameraId, known: Known, credentials: Credentials, what: str) -> None:
    for note in known.notes:
        warn(note)
    warn_of_passwords(arguments.main, arguments.sub)
    lines = [str(camera), *([known.streams] if known.streams else []), credentials.value]
    if what == "added":
        lines.append(f"Not recorded: it has no register entry. Next: custodes register add --camera {camera} …")
    else:
        lines.append("Certify its mask again. If it stands or looks elsewhere, it needs a new register entry.")
    facts = {"camera": camera, "streams": known.streams, "credentials": credentials.value, "notes": list(known.notes)}
    show(arguments, facts, "\n".join(lines))


def _add_table(arguments: argparse.Namespace) -> int:
    others = ("name", "main", "sub", "onvif", "source", "user", "password_file", "replace_password")
    if any(getattr(arguments, name) for name in others):
        raise invalid("--csv goes with no other camera")
    store = Store(Layout(arguments.dir))
    outcome = add_all(store, read_table(read_file(arguments.csv)), lambda done, rows: bar(done, rows, f"{done}/{rows}"))
    lines = [f"{outcome.added} of {outcome.rows} added, {outcome.known} known already, {len(outcome.failed)} failed"]
    lines += [f"line {number}: {reason}" for number, reason in outcome.failed]
    facts = {
        "rows": outcome.rows,
        "added": outcome.added,
        "failed": [{"line": number, "reason": reason} for number, reason in outcome.failed],
        "known": outcome.known,
    }
    show(arguments, facts, "\n".join(lines))
    return 1 if outcome.failed else 0

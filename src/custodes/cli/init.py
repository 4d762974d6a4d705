# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes init``: set up a deployment."""

import argparse
from pathlib import Path
from urllib.parse import urlsplit

from custodes.cli._shell import add_dir, add_json, read_file, show
from custodes.domain.ids import Epoch
from custodes.errors import invalid
from custodes.node.config import Layout
from custodes.node.runtime.setup import Plan, WitnessAt, initialise
from custodes.trust.custody.policy import Requester
from custodes.trust.custody.statement import parse_custodian, parse_requester
from custodes.trust.seal.custodians import Custodian, CustodianSet
from custodes.trust.tlog.note import parse_vkeys


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``init``."""
    add_dir(parser, "the node's new data folder")
    add_json(parser)
    parser.add_argument(
        "--custodian",
        type=Path,
        action="append",
        required=True,
        metavar="STATEMENT",
        help="each custodian's, in order",
    )
    parser.add_argument("--quorum", type=int, required=True, metavar="K", help="how many custodians can open together")
    parser.add_argument("--requester", type=Path, action="append", default=[], metavar="STATEMENT")
    parser.add_argument(
        "--witness",
        action="append",
        required=True,
        metavar="NAME=URL=VKEYS",
        help="who cosigns the log, and where",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Make keys, policy and an empty log, and log the first acts."""
    statements = [parse_custodian(read_file(path)) for path in arguments.custodian]
    members = tuple(
        Custodian(number, each.label, each.identity, each.wrapping) for number, each in enumerate(statements, 1)
    )
    requesters = (parse_requester(read_file(path)) for path in arguments.requester)
    plan = Plan(
        custodians=CustodianSet(Epoch(1), arguments.quorum, members),
        requesters=tuple(Requester(each.label, each.identity) for each in requesters),
        witnesses=tuple(_witness(text) for text in arguments.witness),
    )
    layout = Layout(arguments.dir)
    deployment = initialise(layout, plan)
    text = (
        f"deployment {deployment}, {arguments.quorum} of {len(members)} custodians\n"
        f"Give {layout.policy} to custodians, requesters and the public by a way they trust,\n"
        f"and {layout.log / 'vkey'} to the witnesses. Then: custodes run --dir {arguments.dir}"
    )
    show(arguments, {"deployment": deployment, "policy": str(layout.policy)}, text)
    return 0


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not any(map(str.isspace, url))
    except ValueError:
        return False


def _witness(text: str) -> WitnessAt:
    parts = text.split("=")
    if len(parts) != 3:
        raise invalid("--witness takes NAME=URL=VKEYS, for example court=https://w.court.example=court.vkey")
    name, url, path = parts
    if not _is_address(url):
        raise invalid(f"{url!r} is not the http address of a witness")
    keys = parse_vkeys(read_file(Path(path)).decode("utf-8", "replace"))
    if not keys or len(set(keys)) < len(keys):
        raise invalid(f"{path} must hold the witness's verifier keys, each once")
    return WitnessAt(name, tuple(keys), url)

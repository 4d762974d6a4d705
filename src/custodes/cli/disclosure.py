# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes disclosure``: a requester's own program: ask for originals, follow, open."""

import argparse
from pathlib import Path

from custodes.cli._shell import add_json, instant, passphrase, read_file, show
from custodes.clock import SystemClock
from custodes.desk import requester
from custodes.desk.requester import Asked, RequesterDesk
from custodes.domain.ids import CameraId, check_id
from custodes.domain.register import LegalBasis

_HOME = Path.home() / ".custodes" / "requester"


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the group."""
    commands = parser.add_subparsers(metavar="ACTION", required=True)
    keygen = commands.add_parser("keygen", help="make your key; statement.json is what you hand over to be enrolled")
    keygen.add_argument("--label", required=True, help="your office, never a person's name")
    keygen.set_defaults(run=_keygen)
    trust = commands.add_parser("trust", help="take a policy file as your own; get it elsewhere than from the operator")
    trust.add_argument("--policy", type=Path, required=True)
    trust.set_defaults(run=_trust)
    ask = commands.add_parser("request", help="sign a request for originals and hand it in")
    ask.add_argument("--camera", action="append", required=True, help="may be repeated")
    ask.add_argument("--from", dest="start", required=True, metavar="TIME", help="for example 2026-11-23T14:05:00Z")
    ask.add_argument("--until", required=True, metavar="TIME")
    ask.add_argument("--purpose", required=True)
    ask.add_argument("--basis", required=True, choices=[each.name.lower() for each in LegalBasis])
    ask.add_argument("--case", required=True, help="your case reference; only a salted commitment to it leaves you")
    ask.add_argument("--expires", metavar="TIME", help="default: in 14 days")
    ask.set_defaults(run=_request)
    for name, run, summary in (
        ("status", _status, "how far a request has come"),
        ("open", _open, "open the originals here, once k custodians have granted, and write the evidence bundle"),
    ):
        command = commands.add_parser(name, help=summary)
        command.add_argument("request")
        command.set_defaults(run=run)
    for name in ("request", "status", "open"):
        commands.choices[name].add_argument(
            "--server",
            required=True,
            metavar="URL",
            help="the operator's address, or a folder carried by hand",
        )
    for command in commands.choices.values():
        command.add_argument("--dir", type=Path, default=_HOME, metavar="D", help=f"your own folder (default: {_HOME})")
        add_json(command)
        command.add_argument("--passphrase-file", type=Path, help="protects your keys (default: no passphrase)")


def _desk(arguments: argparse.Namespace) -> RequesterDesk:
    return RequesterDesk(arguments.dir, SystemClock(), passphrase(arguments))


def _keygen(arguments: argparse.Namespace) -> int:
    requester.keygen(arguments.dir, arguments.label, passphrase(arguments))
    path = arguments.dir / "statement.json"
    show(arguments, {"statement": str(path)}, f"key made; hand over {path} to be enrolled, and nothing else")
    return 0


def _trust(arguments: argparse.Namespace) -> int:
    policy = requester.trust_policy(arguments.dir, read_file(arguments.policy))
    show(arguments, {"deployment": policy.deployment}, f"trusted: the deployment {policy.deployment}")
    return 0


def _request(arguments: argparse.Namespace) -> int:
    asked = Asked(
        cameras=tuple(sorted({CameraId(check_id(each)) for each in arguments.camera})),
        start=instant(arguments.start),
        end=instant(arguments.until),
        purpose=arguments.purpose,
        legal_basis=LegalBasis[arguments.basis.upper()],
        case=arguments.case,
    )
    expires = instant(arguments.expires) if arguments.expires else None
    desk = _desk(arguments)
    found = desk.request(desk.transport(arguments.server), asked, expires)
    show(arguments, {"request": found}, f"{found}\nfiled; it is in the public log before any custodian can answer")
    return 0


def _status(arguments: argparse.Namespace) -> int:
    desk = _desk(arguments)
    found = desk.status(desk.transport(arguments.server), arguments.request)
    show(arguments, {"request": found.id, "state": found.state}, found.state)
    return 0


def _open(arguments: argparse.Namespace) -> int:
    desk = _desk(arguments)
    opened = desk.open(desk.transport(arguments.server), arguments.request)
    clips = [str(path) for path in opened.clips]
    text = f"{opened.bundle}\nopened {len(clips)} minute(s); check it with: custodes verify bundle {opened.bundle}"
    show(arguments, {"bundle": str(opened.bundle), "clips": clips}, text)
    return 0

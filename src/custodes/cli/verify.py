# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes verify``: check what a deployment says of itself, trusting none of its servers."""

import argparse
from pathlib import Path

from custodes.cli._shell import add_json, read_file, show, write_file
from custodes.domain import times
from custodes.errors import invalid
from custodes.trust.custody.policy import parse_policy
from custodes.trust.tlog.note import VerifierKey, parse_vkeys
from custodes.trust.tlog.policy import TlogPolicy
from custodes.trust.tlog.receipt import verify_receipt
from custodes.trust.verify.bundle import verify_bundle
from custodes.trust.verify.log import open_source, verify_log
from custodes.trust.verify.report import Report
from custodes.trust.verify.segment import verify_segment


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the group."""
    commands = parser.add_subparsers(metavar="WHAT", required=True)
    log = commands.add_parser("log", help="a whole log, from its address or a folder")
    log.add_argument("location", help="http(s) address of the log (for example https://town.example/log) or a folder")
    log.add_argument("--vkey", type=Path, help="verifier keys instead of a policy: signatures only, no witnesses")
    log.add_argument(
        "--earlier", type=Path, metavar="CHECKPOINT", help="one that you kept: was history rewritten since?"
    )
    log.add_argument("--save", type=Path, metavar="CHECKPOINT", help="keep this one for next time")
    log.set_defaults(run=_log)
    receipt = commands.add_parser("receipt", help="that an entry is in the witnessed log")
    receipt.add_argument("receipt", type=Path)
    receipt.add_argument("--entry", type=Path, required=True, help="the entry's bytes")
    receipt.set_defaults(run=_receipt)
    segment = commands.add_parser("segment", help="a sealed segment against its manifests, without any key")
    segment.add_argument("segment", type=Path)
    segment.add_argument("--opening", type=Path, required=True)
    segment.add_argument("--closing", type=Path, required=True)
    segment.set_defaults(run=_segment)
    bundle = commands.add_parser(
        "bundle", help="an evidence bundle: is it what the camera sent, and why was it opened?"
    )
    bundle.add_argument("bundle", type=Path)
    bundle.set_defaults(run=_bundle)
    for name, command in commands.choices.items():
        command.add_argument(
            "--policy", type=Path, required=name != "log", help="the policy file, got by a trusted way"
        )
        add_json(command)


def _report(arguments: argparse.Namespace, report: Report) -> int:
    lines = [
        f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.detail}\n      {check.proves}"
        for check in report.checks
    ]
    lines.append("everything holds" if report.ok else "NOT verified")
    show(arguments, report.to_json(), "\n".join(lines))
    return 0 if report.ok else 1


def _log(arguments: argparse.Namespace) -> int:
    policy: TlogPolicy | None = None
    keys: list[VerifierKey]
    if arguments.policy:
        policy = TlogPolicy.parse(parse_policy(read_file(arguments.policy)).log)
        keys = policy.log_keys
    elif arguments.vkey:
        keys = parse_vkeys(read_file(arguments.vkey).decode("utf-8", "replace"))
    else:
        raise invalid("whom do you believe? Name --policy or --vkey")
    earlier = read_file(arguments.earlier) if arguments.earlier else None
    source = open_source(arguments.location)
    try:
        report = verify_log(source, keys, policy, earlier)
    finally:
        source.close()
    if report.ok and report.signed and arguments.save:
        write_file(arguments.save, report.signed.serialise())
    return _report(arguments, report)


def _receipt(arguments: argparse.Namespace) -> int:
    policy = TlogPolicy.parse(parse_policy(read_file(arguments.policy)).log)
    found = verify_receipt(read_file(arguments.receipt), read_file(arguments.entry), policy)
    facts = {"index": found.index, "size": found.checkpoint.size, "witnesses": list(found.witnesses)}
    when = f" at {times.to_text(found.time)}" if found.seen_by else ""
    who = ", ".join(found.witnesses) or "no witness"
    show(arguments, facts, f"ok: entry {found.index} of {found.checkpoint.origin}, cosigned by {who}{when}")
    return 0


def _segment(arguments: argparse.Namespace) -> int:
    policy = parse_policy(read_file(arguments.policy))
    opening, closing = read_file(arguments.opening), read_file(arguments.closing)
    return _report(arguments, verify_segment(arguments.segment, opening, closing, policy))


def _bundle(arguments: argparse.Namespace) -> int:
    return _report(arguments, verify_bundle(arguments.bundle, parse_policy(read_file(arguments.policy))))

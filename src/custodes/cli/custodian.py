# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes custodian``: a custodian's own program, on a machine of their own."""

import argparse
import json
import sys
from pathlib import Path

from custodes.cli._shell import add_dir, add_json, instant, passphrase, port, read_file, show
from custodes.clock import SystemClock
from custodes.desk import custodian
from custodes.desk.agent import Agent, Round
from custodes.desk.custodian import CustodianDesk
from custodes.desk.reading import Pending
from custodes.domain import times
from custodes.domain.ids import CameraId, check_id
from custodes.errors import invalid


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the group."""
    commands = parser.add_subparsers(metavar="ACTION", required=True)
    keygen = commands.add_parser("keygen", help="make your keys; statement.json is what you hand over to be enrolled")
    keygen.add_argument("--label", required=True, help="your office, never a person's name")
    keygen.set_defaults(run=_keygen)
    trust = commands.add_parser("trust", help="take a policy file as your own; get it elsewhere than from the operator")
    trust.add_argument("--policy", type=Path, required=True)
    trust.set_defaults(run=_trust)
    pending = commands.add_parser("pending", help="requests that you have not answered, each verified")
    pending.set_defaults(run=_pending)
    grant = commands.add_parser("grant", help="verify a request in the witnessed log, then release your shares to it")
    grant.add_argument("--camera", action="append", help="only this camera (may be repeated)")
    grant.add_argument("--from", dest="start", metavar="TIME", help="only from this time on")
    grant.add_argument("--until", metavar="TIME", help="only until this time")
    grant.set_defaults(run=_grant)
    refuse = commands.add_parser("refuse", help="refuse a request, with a reason")
    refuse.add_argument("--reason", required=True)
    refuse.set_defaults(run=_refuse)
    page = commands.add_parser("desk", help="the same as a page for your browser, on this machine only")
    page.add_argument("--port", type=port, default=0, help="of 127.0.0.1 (default: any free one)")
    page.add_argument(
        "--keys",
        choices=("program", "browser"),
        default="program",
        help="who opens your key files: this program, or the page, from files that you choose there",
    )
    page.set_defaults(run=_page)
    rotate = commands.add_parser("rotate", help="make and publish the wrapping keys of the next weeks")
    rotate.add_argument(
        "--hours", type=int, action="append", default=[], help="a retention that needs keys; repeatable"
    )
    rotate.set_defaults(run=_rotate)
    agent = commands.add_parser("agent", help="watch the log, warn of requests, renew and destroy keys; grants nothing")
    agent.add_argument("--once", action="store_true", help="one round, for cron")
    agent.add_argument("--every", type=int, default=60, metavar="MINUTES", help="time between rounds (default: 60)")
    agent.add_argument(
        "--own-clock", action="store_true", help="destroy what is due by this machine's clock, which you have checked"
    )
    agent.set_defaults(run=_agent)
    drill = commands.add_parser("drill", help="prove that you can open your shares, with a secret that seals nothing")
    drill.set_defaults(run=_drill)
    for command in (pending, grant, refuse, page, rotate, agent, drill):
        command.add_argument(
            "--server",
            required=True,
            metavar="URL",
            help="the operator's address, or a folder carried by hand",
        )
    for command in (grant, refuse):
        command.add_argument("request")
    for command in commands.choices.values():
        add_dir(command, "your own folder")
        add_json(command)
        command.add_argument("--passphrase-file", type=Path, help="protects your keys (default: no passphrase)")


def _desk(arguments: argparse.Namespace) -> CustodianDesk:
    return CustodianDesk(arguments.dir, SystemClock(), passphrase(arguments))


def _keygen(arguments: argparse.Namespace) -> int:
    custodian.keygen(arguments.dir, arguments.label, passphrase(arguments))
    path = arguments.dir / "statement.json"
    show(arguments, {"statement": str(path)}, f"keys made; hand over {path} to be enrolled, and nothing else")
    return 0


def _trust(arguments: argparse.Namespace) -> int:
    policy = custodian.trust_policy(arguments.dir, read_file(arguments.policy))
    show(arguments, {"deployment": policy.deployment}, f"trusted: the deployment {policy.deployment}")
    return 0


def _pending(arguments: argparse.Namespace) -> int:
    desk = _desk(arguments)
    found = desk.pending(desk.transport(arguments.server))
    show(arguments, [_facts(each) for each in found], "\n\n".join(map(_text, found)) or "nothing to answer")
    return 0


def _facts(pending: Pending) -> dict[str, object]:
    asked = pending.request
    return {
        "id": pending.id,
        "state": pending.state,
        "problem": pending.problem,
        "requester": pending.requester,
        "cameras": list(asked.cameras) if asked else [],
        "from": times.to_text(asked.start) if asked else None,
        "until": times.to_text(asked.end) if asked else None,
        "purpose": asked.purpose if asked else None,
        "log_index": pending.log_index,
        "minutes": len(pending.periods),
    }


def _text(pending: Pending) -> str:
    asked = pending.request
    if asked is None:
        verdict = "cannot be judged yet" if pending.later else "must not be granted"
        return f"{pending.id}\n  {verdict}: {pending.problem}"
    return (
        f"{pending.id}\n  {pending.requester} asks for {len(asked.cameras)} camera(s)"
        f" from {times.to_text(asked.start)} until {times.to_text(asked.end)}\n"
        f"  purpose: {asked.purpose} · {asked.legal_basis.value}\n"
        f"  in the witnessed log as entry {pending.log_index}; {len(pending.periods)} minute(s) would be opened"
    )


def _grant(arguments: argparse.Namespace) -> int:
    desk = _desk(arguments)
    transport = desk.transport(arguments.server)
    cameras = [CameraId(check_id(each)) for each in arguments.camera] if arguments.camera else None
    window = None
    if arguments.start or arguments.until:
        asked = desk.examine(transport, arguments.request).request
        start = instant(arguments.start) if arguments.start else asked.start
        window = (start, instant(arguments.until) if arguments.until else asked.end)
    desk.grant(transport, arguments.request, cameras, window)
    show(arguments, {"granted": arguments.request}, "verified in the witnessed log, granted, handed in")
    return 0


def _refuse(arguments: argparse.Namespace) -> int:
    desk = _desk(arguments)
    desk.refuse(desk.transport(arguments.server), arguments.request, arguments.reason)
    show(arguments, {"refused": arguments.request}, "refused; the reason goes to requester and steward")
    return 0


def _page(arguments: argparse.Namespace) -> int:
    from custodes.desk.page.server import serve
    from custodes.node.runtime.supervisor import stop_on_signals

    if arguments.keys == "browser" and arguments.passphrase_file is not None:
        raise invalid("with --keys browser the passphrase is asked for in the page")
    desk = None if arguments.keys == "browser" else _desk(arguments)

    def ready(link: str) -> None:
        line = f"open this link in your browser, once; Ctrl-C ends the desk\n{link}"
        print(json.dumps({"link": link}) if arguments.json else line, flush=True)

    serve(arguments.dir, arguments.server, arguments.port, SystemClock(), desk, ready, stop_on_signals())
    return 0


def _rotate(arguments: argparse.Namespace) -> int:
    desk = _desk(arguments)
    count = desk.rotate(desk.transport(arguments.server), arguments.hours)
    until = {hours: times.to_text(desk.keys.covered(hours)) for hours in desk.keys.published()}
    lines = [f"for footage kept {hours} h: published until {end[:10]}" for hours, end in until.items()]
    show(arguments, {"published": count, "until": until}, "\n".join([f"{count} keys published", *lines]))
    return 0


def _drill(arguments: argparse.Namespace) -> int:
    desk = _desk(arguments)
    digest, told = desk.drill(desk.transport(arguments.server))
    together = "together you could open" if told.get("opened") else "not enough of you have answered yet"
    said = f"; {told['answered']} custodians have answered: {together}" if told else ""
    show(arguments, {"drill": digest, **told}, f"your shares of the drill {digest[:16]} open{said}")
    return 0


def _agent(arguments: argparse.Namespace) -> int:
    if arguments.every < 1:
        raise invalid("--every is at least one minute")
    desk = _desk(arguments)
    agent = Agent(desk, desk.transport(arguments.server), SystemClock(), arguments.own_clock)
    done = agent.round()
    _show_round(arguments, done)
    if arguments.once:
        return 1 if done.problems else 0
    from custodes.node.runtime.supervisor import stop_on_signals

    stop = stop_on_signals()
    while not stop.wait(60 * arguments.every):
        _show_round(arguments, agent.round())
    return 0


def _show_round(arguments: argparse.Namespace, done: Round) -> None:
    facts = {
        "witnessed": times.to_text(done.witnessed) if done.witnessed is not None else None,
        "requests": [_facts(each) for each in done.requests],
        "published": done.published,
        "held": done.held,
        "destroyed": list(done.destroyed),
        "problems": done.problems,
    }
    lines = [f"PROBLEM: {each}" for each in done.problems]
    lines += [f"REQUEST, to be answered by you: {_text(each)}" for each in done.requests]
    lines.append(f"{done.published} keys published, {len(done.destroyed)} destroyed, {done.held} held shares kept")
    show(arguments, facts, "\n".join(lines))
    sys.stdout.flush()

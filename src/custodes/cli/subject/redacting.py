# SPDX-License-Identifier: AGPL-3.0-or-later
"""The redactor's part, on the steward's own machine: make a clip, sign it after review; and check one."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from custodes.cli._shell import add_json, instant, passphrase, read_file, show
from custodes.cli.subject.requests import thousandths
from custodes.clock import SystemClock
from custodes.desk import redactor
from custodes.desk.redactor import Spot
from custodes.domain import times
from custodes.domain.ids import CameraId, check_id
from custodes.errors import invalid
from custodes.trust.custody.policy import parse_policy
from custodes.trust.custody.redaction import Redaction, verify_redaction

if TYPE_CHECKING:
    from custodes.cli.subject.requests import Commands

_HOME = Path.home() / ".custodes" / "requester"


def configure(commands: "Commands") -> None:
    """Add the commands of this part."""
    redact = commands.add_parser("redact", help="make a clip in which one person is visible, for review")
    redact.add_argument("bundle", type=Path, help="what `custodes disclosure open` has written")
    redact.add_argument(
        "--point",
        action="append",
        required=True,
        metavar="X,Y",
        help="where the person is: thousandths of the picture's width and height; may be repeated, each with its --at",
    )
    redact.add_argument("--at", action="append", required=True, metavar="T", help="when they are there")
    redact.add_argument("--camera", help="if the bundle has several")
    redact.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="a new folder for the draft")
    redact.set_defaults(run=_redact)
    sign = commands.add_parser("sign", help="answer for a clip that a person has looked at, all of it")
    sign.add_argument("draft", type=Path, metavar="FOLDER")
    sign.add_argument("--code", required=True, help="from the end of review.html")
    sign.add_argument("--passphrase-file", type=Path, help="protects your keys (default: no passphrase)")
    sign.set_defaults(run=_sign)
    for command in (redact, sign):
        command.add_argument("--dir", type=Path, default=_HOME, metavar="D", help=f"your own folder (default: {_HOME})")
    check = commands.add_parser("check", help="that a redacted clip is the one which was reviewed and signed")
    check.add_argument("clip", type=Path)
    check.add_argument("--statement", type=Path, required=True)
    check.add_argument("--policy", type=Path, required=True, help="the policy file, got by a trusted way")
    check.set_defaults(run=_check)
    for command in (redact, sign, check):
        add_json(command)


def _redact(arguments: argparse.Namespace) -> int:
    if len(arguments.point) != len(arguments.at):
        raise invalid("each --point needs its own --at, in the same order")
    pairs = zip(arguments.point, arguments.at, strict=True)
    spots = [Spot(*thousandths(point), instant(at)) for point, at in pairs]
    camera = CameraId(check_id(arguments.camera)) if arguments.camera else None
    with _Terminal() as terminal:
        clock = SystemClock()
        draft = redactor.redact(arguments.dir, arguments.bundle, spots, arguments.out, clock, camera, terminal.say)
    text = f"{draft.folder / 'review.html'}\nlook through all of it, then sign with the code at its end"
    show(arguments, {"draft": str(draft.folder), **_facts(draft.made)}, text)
    return 0


def _sign(arguments: argparse.Namespace) -> int:
    made = redactor.sign(arguments.dir, arguments.draft, arguments.code, SystemClock(), passphrase(arguments))
    files = [str(arguments.draft / name) for name in ("clip.mp4", "note.txt", "statement.json")]
    show(
        arguments,
        {"files": files, **_facts(made)},
        "signed; hand out these three and nothing else:\n" + "\n".join(files),
    )
    return 0


def _check(arguments: argparse.Namespace) -> int:
    policy = parse_policy(read_file(arguments.policy))
    found = verify_redaction(read_file(arguments.statement), read_file(arguments.clip), policy)
    office = policy.requester(found.signer)
    label = office.label if office else found.signer
    when = times.to_text(found.reviewed)
    text = f"ok: made and reviewed by {label} at {when}; that nobody else is visible is their word"
    show(arguments, {"signer": label, "reviewed": when, **_facts(found.redaction)}, text)
    return 0


def _facts(made: Redaction) -> dict[str, object]:
    return {
        "camera": made.camera,
        "pictures": made.pictures,
        "showing": made.showing,
        "clip_sha256": made.clip.hex(),
        "kept": [
            {
                "from": times.to_text(each.start),
                "until": times.to_text(each.end),
                "before": each.begun,
                "after": each.ended,
            }
            for each in made.kept
        ],
    }


class _Terminal:
    """One line on the terminal that says how far it is.

    What libraries write there of themselves, past Python, is not for the user; it is left out for that long.
    """

    def __enter__(self) -> "_Terminal":
        self._kept = os.dup(2)
        self._shown = os.isatty(self._kept)
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        return self

    def __exit__(self, *_error: object) -> None:
        self._write("\r\x1b[K")
        os.dup2(self._kept, 2)
        os.close(self._kept)

    def say(self, what: str, done: int) -> None:
        """Say it, now and then."""
        if done % 25 == 0:
            self._write(f"\r{what}: {done}\x1b[K")

    def _write(self, text: str) -> None:
        if self._shown:
            os.write(self._kept, text.encode())

# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes mask file``: recorded files of any recorder, masked."""

import argparse
import sys
import time
from pathlib import Path

from custodes.cli._shell import add_json, bar, show
from custodes.node.runtime.maskfile import Outcome, mask_file

_EVERY = 0.1
_LIMIT = (
    "Whoever was there the whole time, never moved and was not detected cannot be told from the scenery: "
    "watch the copy from beginning to end before you hand it out."
)


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the group's."""
    command = commands.add_parser("file", help="mask a recorded file, of whatever recorder, into another one")
    add_json(command)
    command.add_argument("source", type=Path, metavar="IN", help="a video file: MP4, MKV, AVI, … ; it stays as it is")
    command.add_argument("target", type=Path, metavar="OUT", help="the masked copy (MP4, H.264); must not exist")
    command.set_defaults(run=_file)


def _file(arguments: argparse.Namespace) -> int:
    progress = _Bar()
    try:
        outcome = mask_file(arguments.source, arguments.target, progress)
    finally:
        progress.clear()
    facts = {
        "frames": outcome.frames,
        "covered_share": round(outcome.covered, 4),
        "masked_share": round(outcome.masked, 4),
        "unsure_share": round(outcome.unsure, 4),
        "times_kept": outcome.times_kept,
        "too_short": outcome.too_short,
        "masker": outcome.masker,
        "sha256_in": outcome.sha256_in,
        "sha256_out": outcome.sha256_out,
        "limit": _LIMIT,
    }
    show(arguments, facts, _told(outcome))
    return 0


class _Bar:
    """How far the two passes are, some times a second."""

    def __init__(self) -> None:
        self._shown = 0.0

    def __call__(self, number: int, done: float, total: float) -> None:
        now = time.monotonic()
        if now - self._shown >= _EVERY:
            self._shown = now
            what = "learning the empty place" if number == 1 else "masking"
            whole = f" of {total:.0f}" if total else ""
            bar(min(done, 0.99 * total), total or 1.0, f"{number} of 2, {what}: {done:.0f}{whole} s")

    def clear(self) -> None:
        """Leave the line to what comes after it."""
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _told(outcome: Outcome) -> str:
    lines = [f"{outcome.frames} pictures, masker {outcome.masker}; SHA-256 of the copy: {outcome.sha256_out}"]
    if outcome.too_short:
        lines.append("The file is too short to learn what the empty place looks like (20 s): everything is covered.")
    elif outcome.unsure == 1.0:
        lines.append("No part of the place was surely seen without people: everything is covered.")
    else:
        lines.append(
            f"{outcome.covered:.1%} of the pictures are covered; in the others, {outcome.masked:.1%} of the area is"
            f" masked ({outcome.unsure:.1%} throughout, because it was never surely seen without people)."
        )
        lines.append(_LIMIT)
    if not outcome.times_kept:
        lines.append("The file's times were missing or doubled: pictures stand at times made up for them.")
    return "\n".join(lines)

# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes fsck``: check the store, and mend what can be mended."""

import argparse
import sys
from collections import Counter

from custodes.cli._shell import add_dir, add_json, show
from custodes.errors import invalid
from custodes.node.config import Layout
from custodes.node.queries import Store
from custodes.node.runtime.fsck.check import Checked, fsck
from custodes.node.runtime.fsck.findings import Finding
from custodes.node.runtime.fsck.workbench import Options

_SHOWN = 10_000
"""Findings that are listed in JSON; more are only counted."""
_EVERY = 500


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``fsck``."""
    add_dir(parser)
    add_json(parser)
    parser.add_argument("--repair", action="store_true", help="close, move to lost/ and catalogue what can be")
    parser.add_argument("--hashes", action="store_true", help="read and hash everything; takes hours on a large store")
    parser.add_argument("--quick", action="store_true", help="look at names and sizes only")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print each finding, then the sums; 1 if something is left to be done."""
    if arguments.quick and arguments.hashes:
        raise invalid("--quick and --hashes exclude each other")
    store = Store(Layout(arguments.dir))
    teller = _Teller(arguments.json)
    checked = fsck(store, Options(arguments.repair, arguments.hashes, arguments.quick), teller.report, teller.progress)
    teller.clear()
    show(arguments, teller.facts(checked), teller.sums(checked))
    return 1 if teller.problems else 0


class _Teller:
    """Says what is found as it is found, and how far the check has come if somebody is watching."""

    def __init__(self, json: bool) -> None:
        self._json = json
        self._watched = sys.stderr.isatty()
        self._listed: list[Finding] = []
        self._counts: Counter[str] = Counter()
        self.problems = self._repaired = self._harmless = 0

    def report(self, finding: Finding) -> None:
        self._counts[finding.kind.value] += 1
        self.problems += finding.problem
        self._repaired += finding.repaired
        self._harmless += finding.harmless and not finding.repaired
        if not self._json:
            self.clear()
            state = "repaired" if finding.repaired else "harmless" if finding.harmless else ""
            print(f"{finding.kind.value:<9} {finding.subject}: {finding.detail}{f' ({state})' if state else ''}")
        elif len(self._listed) < _SHOWN:
            self._listed.append(finding)

    def progress(self, done: int, total: int) -> None:
        if self._watched and done % _EVERY == 0:
            share = min(100, 100 * done // max(1, total))
            sys.stderr.write(f"\r{done} of about {max(done, total)} checked ({share} %)")
            sys.stderr.flush()

    def clear(self) -> None:
        if self._watched:
            sys.stderr.write("\r\x1b[K")

    def sums(self, checked: Checked) -> str:
        text = f"{checked.checked} periods and masked minutes checked: {self.problems} problems"
        text += f", {self._repaired} repaired, {self._harmless} harmless"
        return text + (f"; {checked.open} are being written now and were left out" if checked.open else "")

    def facts(self, checked: Checked) -> dict[str, object]:
        return {
            "checked": checked.checked,
            "problems": self.problems,
            "repaired": self._repaired,
            "harmless": self._harmless,
            "left_out_open": checked.open,
            "recorder_running": checked.recording,
            "found": dict(self._counts),
            "findings": [
                {
                    "kind": each.kind.value,
                    "subject": each.subject,
                    "detail": each.detail,
                    "repaired": each.repaired,
                    "harmless": each.harmless,
                }
                for each in self._listed
            ],
        }

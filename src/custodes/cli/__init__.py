# SPDX-License-Identifier: AGPL-3.0-or-later
"""The commands: one thin file per group.

Exit codes: 0 done, 1 refused or failed, 2 unusable arguments, 3 unavailable.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import NoReturn

from custodes.errors import CustodesError, Kind

GROUPS = {
    "demo": "the whole system on this machine, with a street of its own",
    "init": "set up a deployment: keys, custodians, witnesses, log",
    "run": "run a node: recorder, masker, log, web",
    "status": "what every camera and the log are doing",
    "camera": "find, add, change and remove cameras",
    "register": "publish a camera's register entry; import and reconcile lists of cameras",
    "mask": "certify a camera's reference picture; hide, show and recall masked pictures; mask recorded files",
    "hold": "keep named minutes from being deleted: add, list, release",
    "subject": "a data subject's request for the footage of themselves; the redactor",
    "fsck": "check the store: torn, missing, orphaned, altered; repair it",
    "custodian": "a custodian's own program: keys, pending requests, grant, refuse",
    "custody": "the operator's side of custody: custodians' keys, documents carried by hand",
    "disclosure": "a requester's own program: request, follow and open originals",
    "log": "the public log: checkpoint, proofs, a witness of your own",
    "planner": "what cameras see, whom that touches, and the least intrusive plan",
    "verify": "check log, receipt, segment or bundle, trusting no server",
}
EXIT_CODES = {
    Kind.NOT_FOUND: 1,
    Kind.DENIED: 1,
    Kind.CONFLICT: 1,
    Kind.CORRUPT: 1,
    Kind.INVALID: 2,
    Kind.UNAVAILABLE: 3,
}


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with the arguments; how they go is for ``--help``."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"custodes: {' '.join(message.split())} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if any("\ud800" <= letter <= "\udfff" for word in words for letter in word):
        return _complain("an argument holds bytes that are not text", 2)
    parser = _Parser(
        prog="custodes",
        description="Cameras that are watched. A network of public-space cameras nobody can abuse alone.",
    )
    groups = parser.add_subparsers(dest="group", metavar="COMMAND", required=True)
    chosen = words[0] if words else ""
    for name, summary in GROUPS.items():
        group = groups.add_parser(name, help=summary, description=summary)
        if name == chosen:
            try:
                # Only the chosen command is imported: a court's machine has no video stack.
                importlib.import_module(f"custodes.cli.{name}").configure(group)
            except ModuleNotFoundError as missing:
                if (missing.name or "").startswith("custodes"):
                    raise
                extra = "planner" if name == "planner" else "node"
                return _complain(f"{name} needs {missing.name}: install custodes[{extra}]", 3)
    arguments = parser.parse_args(words)
    try:
        code: int = arguments.run(arguments)
    except CustodesError as problem:
        return _complain(problem.message, EXIT_CODES[problem.kind])
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0
    except OSError as problem:
        # A folder or file that the user named is of another kind, or closed to us.
        return _complain(f"{problem.filename or chosen}: {problem.strerror or problem}", 3)
    return code


def _complain(line: str, code: int) -> int:
    print(f"custodes: {line}", file=sys.stderr)
    return code

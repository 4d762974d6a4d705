# SPDX-License-Identifier: AGPL-3.0-or-later
"""What commands share: arguments, times, output."""

import argparse
import json
import math
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from custodes.clock import SECOND, Instant
from custodes.domain import times
from custodes.errors import CustodesError, invalid

_BAR = 40
_LATEST = 7_000 * 366 * 86_400 * SECOND
"""Later times have no place in documents (four digits of year)."""


def add_json(parser: argparse.ArgumentParser) -> None:
    """Offer ``--json``."""
    parser.add_argument("--json", action="store_true", help="print one JSON value instead of text")


def add_dir(parser: argparse.ArgumentParser, what: str = "the node's data folder") -> None:
    """Require ``--dir``."""
    parser.add_argument("--dir", type=Path, required=True, metavar="D", help=what)


def show(arguments: argparse.Namespace, value: Mapping[str, Any] | list[Any], text: str) -> None:
    """Print a result: as JSON if asked for, else as text."""
    print(json.dumps(value) if arguments.json else text)


def bar(done: float, total: float, words: str) -> None:
    """A bar on standard error where somebody is looking; its line ends when all is done."""
    if sys.stderr.isatty():
        share = min(done / total, 1.0) if total else 1.0
        end = "\n" if done >= total else ""
        print(f"\r\x1b[K[{'#' * int(share * _BAR):<{_BAR}}] {words}", end=end, file=sys.stderr, flush=True)


def instant(text: str) -> Instant:
    """Parse an instant: RFC 3339 with a time zone, to the second or finer, or our own form."""
    try:
        found = times.from_text(text) if text.endswith("Z") and len(text) == 30 else _foreign(text)
    except CustodesError as problem:
        raise invalid(f"{text}: {problem}") from None
    except (ValueError, OverflowError):
        raise invalid(f"{text} is not a time like 2026-11-23T14:05:00Z") from None
    if not 0 <= found < _LATEST:
        raise invalid(f"{text} is not a year that can be meant")
    return found


def _foreign(text: str) -> Instant:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise invalid(f"it has no time zone: write for example {text}Z for UTC")
    return Instant(round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000) * 1_000)


def port(text: str) -> int:
    """An argument's type: a TCP port, 0 for any free one."""
    if not text.isascii() or not text.isdigit() or int(text[:6]) > 65_535:
        raise argparse.ArgumentTypeError("a port lies between 0 and 65535")
    return int(text)


def decimal(text: str) -> float:
    """An argument's type: a number that is one."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not -1e9 < number < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a usable number")
    return number


def write_file(path: Path, data: bytes) -> None:
    """Write a file that the user named."""
    try:
        path.write_bytes(data)
    except OSError as problem:
        raise invalid(f"{path} cannot be written: {problem.strerror}") from None


def read_file(path: Path) -> bytes:
    """Read a file that the user named."""
    try:
        return path.read_bytes()
    except OSError as problem:
        raise invalid(f"{path} cannot be read: {problem.strerror}") from None
    except ValueError:
        raise invalid("a file's name cannot hold a zero byte") from None


def secret_in(path: Path) -> str:
    """The secret in a file, without its line end."""
    try:
        return read_file(path).decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise invalid(f"{path} is not text") from None


def passphrase(arguments: argparse.Namespace) -> str | None:
    """The passphrase in the file that was named; None if none was."""
    return None if arguments.passphrase_file is None else secret_in(arguments.passphrase_file)

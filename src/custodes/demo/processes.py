# SPDX-License-Identifier: AGPL-3.0-or-later
"""Starting the other parties' programs, each a process of its own with nothing but its command line."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from custodes.errors import unavailable

_START_S = 60.0


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that has ended."""

    command: str
    code: int
    output: str
    errors: str

    def json(self) -> Any:
        """What it printed with ``--json``; a failure raises ``CustodesError`` (UNAVAILABLE) with its own words."""
        if self.code:
            raise unavailable(f"`{self.command}` failed: {self.errors.strip() or self.output.strip()}")
        return json.loads(self.output.strip().splitlines()[-1])


def shown(words: Sequence[str | Path]) -> str:
    """A command as a person would type it."""
    here = Path.cwd()
    spelled = [
        str(word.relative_to(here)) if isinstance(word, Path) and word.is_relative_to(here) else str(word)
        for word in words
    ]
    return " ".join(["custodes", *(f"'{word}'" if " " in word else word for word in spelled)])


def custodes(*words: str | Path) -> Ran:
    """Run a command of the product to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "custodes", *map(str, words)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=300,
        check=False,
    )
    return Ran(shown(words), done.returncode, done.stdout, done.stderr)


class Announced:
    """A program that prints one JSON line when it is ready and then goes on; it ends with us."""

    def __init__(self, words: Sequence[str | Path], log: Path) -> None:
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *map(str, words)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        self._log = log

    def ready(self) -> Any:
        """Wait for the line; a program that ends or hangs instead: ``CustodesError`` (UNAVAILABLE)."""
        late = threading.Timer(_START_S, self.process.kill)
        late.start()
        try:
            line = self.process.stdout.readline() if self.process.stdout else ""
        finally:
            late.cancel()
        if not line.strip():
            words = self._log.read_text().strip().splitlines()
            raise unavailable(f"a part of the demonstration did not start: {words[-1] if words else self._log}")
        return json.loads(line)

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()

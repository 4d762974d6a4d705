# SPDX-License-Identifier: AGPL-3.0-or-later
"""The virtual cameras as a child process, for the demo and for tests."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from custodes.errors import unavailable

_GRACE_S = 10.0


@dataclass(frozen=True, slots=True)
class CameraAddress:
    """A running camera: its name in the journal and its RTSP addresses (without credentials)."""

    name: str
    main: str
    sub: str | None


class CameraProcess:
    """Runs ``python -m custodes.demo.cameras``; a context manager that ends it.

    ``options`` are the program's (``--cameras``, ``--seed``, ``--video``, …) apart from ``--folder``. Raises
    ``CustodesError`` (UNAVAILABLE) with the program's own words if it does not come up.
    """

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._log = folder / "cameras.log"
        with self._log.open("wb") as log:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "custodes.demo.cameras", "--folder", str(folder), *options],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        try:
            ready = self._answer()
        except BaseException:
            self.stop()
            raise
        self.port: int = ready["port"]
        self.cameras = [CameraAddress(each["name"], each["main"], each["sub"]) for each in ready["cameras"]]

    def order(self, order: str, camera: str) -> bool:
        """Carry out ``freeze``, ``stick``, ``hang``, ``drop`` or ``resume``; False: no such order or camera."""
        if self._child.stdin is None or self._child.poll() is not None:
            raise unavailable(f"the virtual cameras have ended: {self._last_words()}")
        with contextlib.suppress(BrokenPipeError):  # The missing answer says it better.
            self._child.stdin.write(f"{order} {camera}\n".encode())
            self._child.stdin.flush()
        return bool(self._answer()["done"])

    def _answer(self) -> dict[str, Any]:
        line = self._child.stdout.readline() if self._child.stdout else b""
        if not line:
            self._child.wait()
            raise unavailable(f"the virtual cameras ended: {self._last_words()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _last_words(self) -> str:
        lines = self._log.read_text("utf-8", "replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "nothing was said")

    def stop(self) -> None:
        """End the program, gently first."""
        if self._child.poll() is None:
            self._child.terminate()
        try:
            self._child.communicate(timeout=_GRACE_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.communicate()

    def __enter__(self) -> "CameraProcess":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

# SPDX-License-Identifier: AGPL-3.0-or-later
"""The demonstration's story as a file: the demonstration writes it, the web process shows it."""

import json
from dataclasses import asdict
from pathlib import Path

from custodes.web.services import TourState, TourStep


def write_tour(path: Path, steps: list[TourStep]) -> None:
    """Replace the story in one step."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps([{**asdict(step), "state": step.state.name} for step in steps]))
    partial.replace(path)


def read_tour(path: Path) -> list[TourStep]:
    """The story so far; none yet: no steps."""
    try:
        return [TourStep(**{**step, "state": TourState[step["state"]]}) for step in json.loads(path.read_text())]
    except FileNotFoundError:
        return []

# SPDX-License-Identifier: AGPL-3.0-or-later
"""A suite of scenes, played one by one or two at a time."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
from benchmarks.exposure.figures import Count, line
from benchmarks.exposure.play import certified_masker, play
from benchmarks.exposure.scene import Scene

_QUICK_S = 80.0
FOOTAGE = Path(__file__).resolve().parents[3] / "shared" / "data" / "video"


@dataclass(frozen=True, slots=True)
class Options:
    """``quick``: two short scenes only. ``jobs``: processes. ``keep``: a folder for pictures of what went wrong.
    ``only``: scenes whose name holds this. ``footage``: the folder of real clips."""

    quick: bool = False
    jobs: int = 1
    keep: Path | None = None
    only: str = ""
    footage: Path = FOOTAGE


def run_scenes(suite: str, scenes: Sequence[Scene], options: Options) -> dict[str, object]:
    """Play a suite's scenes with the product's masker and return its line."""
    chosen = [scene for scene in scenes if options.only in scene.name]
    if options.quick:
        chosen = [replace(scene, seconds=_QUICK_S) for scene in (chosen[0], chosen[-1])]
    work = partial(_played, keep=options.keep)
    if options.jobs == 1:
        return line(suite, map(work, chosen))
    with ProcessPoolExecutor(options.jobs) as pool:
        return line(suite, pool.map(work, chosen))


def _played(scene: Scene, keep: Path | None) -> dict[str, Count]:
    cv2.setNumThreads(1)
    return play(scene, certified_masker(), keep)

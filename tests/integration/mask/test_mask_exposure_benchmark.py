# SPDX-License-Identifier: AGPL-3.0-or-later
"""The exposure benchmark: a small run from end to end, and maskers that are broken on purpose."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.exposure import rendered
from benchmarks.exposure.figures import CONDITIONS, line
from benchmarks.exposure.play import Serve, play
from benchmarks.exposure.scene import Scene

from custodes.clock import Instant
from custodes.domain.video import Frame
from custodes.video.mask.detector import WEIGHTS
from custodes.video.mask.palette import COVER, PERSON, Colour

ROOT = Path(__file__).resolve().parents[3]
FIGURES = (
    *("person_frames", "exposed_head_frames", "exposed_tracks_share", "longest_exposure_s"),
    *("masked_share", "false_masked_share", "covered_share"),
)
SECONDS = 20


def day() -> Scene:
    scene = next(each for each in rendered.scenes() if "day" in each.tags)
    return replace(scene, seconds=SECONDS)


def filled(colour: Colour) -> Serve:
    """A masker that serves one colour."""
    luma = 640 * 360
    picture = bytes([colour.y]) * luma + bytes([colour.u]) * (luma // 4) + bytes([colour.v]) * (luma // 4)
    return lambda frame, slot: picture


def figures(serve: Serve) -> dict[str, float]:
    """The top level of a line made of one short scene by day, served so."""
    found = line("rendered", [play(day(), serve)])
    return {name: value for name, value in found.items() if isinstance(value, float | int)}


def test_a_small_run_prints_one_line_of_the_agreed_shape() -> None:
    if not WEIGHTS.is_file():
        pytest.skip("the detector's weights are missing: run scripts/fetch_weights.py")
    command = [sys.executable, "benchmarks/mask_exposure.py", "--suite", "rendered", "--quick"]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=True)
    (printed,) = done.stdout.splitlines()
    found = json.loads(printed)
    by = found["by"]
    assert tuple(found) == ("suite", *FIGURES, "by")
    assert tuple(by) == CONDITIONS
    assert all(tuple(each) == FIGURES for each in by.values())
    assert found["person_frames"] > 200
    assert found["person_frames"] == by["day"]["person_frames"]
    assert found["exposed_head_frames"] == 0
    assert 0 < found["false_masked_share"] < found["masked_share"] < 0.5


def test_a_masker_that_hands_the_live_picture_through_exposes_nearly_everybody() -> None:
    found = figures(lambda frame, slot: frame.i420)
    assert found["person_frames"] > 100
    assert found["exposed_head_frames"] > 0.9 * found["person_frames"]
    assert found["exposed_tracks_share"] > 0.9
    assert found["longest_exposure_s"] > 3
    assert found["masked_share"] == 0


def test_a_masker_that_fails_in_one_picture_is_found_out() -> None:
    number = 0

    def serve(frame: Frame, slot: Instant) -> bytes:
        nonlocal number
        number += 1
        return frame.i420 if number == 60 else filled(PERSON)(frame, slot)

    found = figures(serve)
    assert found["exposed_head_frames"] >= 1
    assert found["longest_exposure_s"] == 0.2


def test_masking_everything_exposes_nobody_and_is_counted_as_false() -> None:
    found = figures(filled(PERSON))
    assert found["person_frames"] > 100
    assert found["exposed_head_frames"] == 0
    assert found["masked_share"] == 1
    assert found["false_masked_share"] > 0.5


def test_covered_pictures_score_nothing() -> None:
    found = figures(filled(COVER))
    assert found["person_frames"] == 0
    assert found["masked_share"] == 0
    assert np.isclose(found["exposed_tracks_share"], 0)

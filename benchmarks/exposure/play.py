# SPDX-License-Identifier: AGPL-3.0-or-later
"""One scene through a camera's encoder, a masker and the judge."""

import sys
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from benchmarks.exposure.figures import Count, Tally
from benchmarks.exposure.scene import Scene, Stage
from benchmarks.exposure.weather import FPS, HEIGHT, WIDTH
from tests.mask_scenes import compressed, frame_of

from custodes.clock import Instant
from custodes.demo.exposure import Verdict, is_covered, judge
from custodes.demo.street import Truth
from custodes.domain.video import Frame
from custodes.video.mask.detector import load_detector
from custodes.video.mask.masker import Masker

BITS_PER_S = 500_000
LATE_S = 300
_GOOD_PICTURES = 40
_FALSE = 0.08

Serve = Callable[[Frame, Instant], bytes]
"""What makes the picture that the encoder gets out of a camera's frame, once per slot of 200 ms, in order."""


def certified_masker() -> Serve:
    """The product's masker and detector, and a steward who confirms the reference as soon as it is complete."""
    masker, confirmed = Masker(WIDTH, HEIGHT, load_detector()), False

    def serve(frame: Frame, slot: Instant) -> bytes:
        nonlocal confirmed
        served = masker.observe(frame, slot)
        if not confirmed and masker.progress == 100:
            masker.certify()
            confirmed = True
        return served.i420

    return serve


def play(scene: Scene, serve: Serve, keep: Path | None = None) -> dict[str, Count]:
    """Play a scene and count; ``keep``: a folder for pictures of everybody exposed and of much that is masked."""
    stage = scene.build()
    tally = Tally(scene.tags, stage.sleepers)
    truths: deque[Truth] = deque()
    for number, sent in enumerate(compressed(_pictures(scene, stage, truths), BITS_PER_S)):
        frame, slot = frame_of(sent, number)
        served, truth = serve(frame, slot), truths.popleft()
        verdict = None if is_covered(served, WIDTH, HEIGHT) else judge(served, truth, WIDTH, HEIGHT)
        tally.add(truth, verdict, number >= LATE_S * FPS)
        if keep is not None and verdict is not None:
            _keep(keep, f"{scene.name}-{number:05d}", served, truth, verdict)
    counts = tally.finished()
    # What the scene is about comes first on the line of progress.
    about = next(iter(scene.tags), "")
    print(scene.name, counts.get(about, Count()).figures(), file=sys.stderr, flush=True)
    return counts


def _pictures(scene: Scene, stage: Stage, truths: deque[Truth]) -> Iterator[bytes]:
    for number in range(round(scene.seconds * FPS)):
        truth, sent = stage.shot(number)
        truths.append(truth)
        yield sent.tobytes()


def _keep(folder: Path, name: str, served: bytes, truth: Truth, verdict: Verdict) -> None:
    """Write what was sent, served and there without people, side by side, the exposed outlined in red."""
    falsely = float(verdict.false_masked.mean()) > _FALSE and int(name[-5:]) % 100 == 0
    exposed = [person for person, bad in zip(truth.persons, verdict.exposed, strict=True) if bad]
    if not falsely and (not exposed or len(list(folder.glob(f"{name[:-6]}-*-exposed.png"))) >= _GOOD_PICTURES):
        return
    folder.mkdir(parents=True, exist_ok=True)
    shown = np.frombuffer(served, np.uint8).reshape(-1, WIDTH)
    sides = [np.asarray(cv2.cvtColor(each, cv2.COLOR_YUV2BGR_I420)) for each in (truth.picture, shown, truth.clean)]
    for side in sides:
        for person in exposed:
            outline = cv2.findContours(person.body.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
            cv2.drawContours(side, outline, -1, (0, 0, 255), 1)
    cv2.imwrite(str(folder / f"{name}-{'exposed' if exposed else 'false'}.png"), np.hstack(sides))

# SPDX-License-Identifier: AGPL-3.0-or-later
"""Watching a view for tampering, against masking the same pictures (without its detector). CPU, one thread.

640x360 at 5 pictures a second, rendered street. One picture a second is looked at: ``look_ms`` is what that one costs,
``tamper_ms`` the mean over all.
"""

import json
import time
from collections.abc import Callable

import cv2

from custodes.clock import MILLISECOND, SECOND, Instant
from custodes.demo.street.street import RATE, Street
from custodes.domain.video import Frame, SourceTime
from custodes.video.mask.detector import Box
from custodes.video.mask.masker import Masker
from custodes.video.mask.tamper import TamperWatch

WIDTH, HEIGHT, FPS, SECONDS = 640, 360, 5, 700
BEGIN = Instant(1_790_000_000 * SECOND)


class Nobody:
    """A detector that costs nothing and finds nothing."""

    def detect(self, frame: Frame) -> list[Box]:
        return []


def frames() -> list[Frame]:
    """Some minutes of the street: more than it takes to judge whether it is still."""
    street, made = Street(1, 0), []
    for number in range(SECONDS * FPS):
        picture = street.truth(number * RATE // FPS, WIDTH, HEIGHT).picture.tobytes()
        made.append(Frame(WIDTH, HEIGHT, picture, Instant(BEGIN + number * 200 * MILLISECOND), SourceTime(1, number)))
    return made


def measured(work: Callable[[Frame], object], pictures: list[Frame]) -> float:
    """CPU milliseconds for all of them."""
    began = time.process_time()
    for frame in pictures:
        work(frame)
    return 1000 * (time.process_time() - began)


def main() -> None:
    cv2.setNumThreads(1)
    pictures = frames()
    learning = SECONDS * FPS // 2
    watch, masker = TamperWatch(), Masker(WIDTH, HEIGHT, Nobody())
    measured(lambda frame: watch.look(frame, frame.received), pictures[:learning])
    measured(lambda frame: masker.observe(frame, frame.received), pictures[:learning])
    masker.certify()
    rest = pictures[learning:]
    tamper = measured(lambda frame: watch.look(frame, frame.received), rest)
    mask = measured(lambda frame: masker.observe(frame, frame.received), rest)
    found = {"tamper_ms": tamper / len(rest), "look_ms": tamper / (len(rest) / FPS), "mask_ms": mask / len(rest)}
    print(json.dumps({"benchmark": "tamper", **{name: round(value, 3) for name, value in found.items()}}))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: AGPL-3.0-or-later
"""A virtual camera's work: which pictures it takes when it is late."""

from pathlib import Path

import numpy as np

from custodes.clock import MILLISECOND, SECOND, FakeClock
from custodes.demo.cameras.camera import VirtualCamera
from custodes.demo.cameras.delivery import Stream
from custodes.demo.cameras.encoder import MAIN, SUB
from custodes.demo.cameras.journal import SentNal, read_journal
from custodes.demo.cameras.source import I420
from custodes.domain.video import StreamRole


class Scripted:
    """A source that takes ``cost_ms`` of the clock for a picture and stops its camera after ``count``."""

    def __init__(self, clock: FakeClock, cost_ms: int, count: int) -> None:
        self._clock, self._cost_ms, self._count = clock, cost_ms, count
        self.asked: list[int] = []
        self.camera: VirtualCamera | None = None

    def picture(self, index: int) -> I420:
        assert self.camera is not None
        self.asked.append(index)
        self._clock.advance(self._cost_ms * MILLISECOND)
        if len(self.asked) == self._count:
            self.camera.stop()
        return np.full((1080, 1280), 16 + len(self.asked), np.uint8)


def worked(folder: Path, cost_ms: int, count: int) -> tuple[Scripted, list[SentNal], list[SentNal]]:
    clock = FakeClock()
    source = Scripted(clock, cost_ms, count)
    streams = [Stream("camera-1", MAIN), Stream("camera-1", SUB)]
    camera = source.camera = VirtualCamera("camera-1", lambda: source, streams, folder, clock, lambda call: call())
    camera.run()
    assert all(stream.ready.is_set() for stream in streams)
    return source, read_journal(folder, "camera-1"), read_journal(folder, "camera-1", StreamRole.SUB)


def taken(sent: list[SentNal], kinds: tuple[int, ...] = (1, 5)) -> list[int]:
    return [unit.index for unit in sent if unit.kind in kinds]


def test_a_camera_in_time_takes_every_picture(tmp_path: Path) -> None:
    source, main, sub = worked(tmp_path, 40, 61)
    assert source.asked == list(range(61))
    assert taken(main) == source.asked
    assert taken(main, (5,)) == [0, 25, 50]
    assert taken(sub) == list(range(0, 61, 5))
    assert taken(sub, (5,)) == [0, 50]


def test_a_late_camera_leaves_pictures_out_and_keeps_the_time(tmp_path: Path) -> None:
    source, main, sub = worked(tmp_path, 100, 13)
    assert source.asked == [0, 1, 2, 4, 7, 9, 12, 14, 17, 19, 22, 24, 27], "never more than three pictures behind"
    assert taken(main) == source.asked
    assert taken(main, (5,)) == [0, 27]
    assert taken(sub) == [0, 7, 12, 17, 22, 27]


def test_the_journal_tells_when_each_picture_was_handed_over(tmp_path: Path) -> None:
    _, main, _ = worked(tmp_path, 40, 5)
    instants = {unit.index: unit.utc for unit in main}
    assert [instants[index] - instants[0] for index in range(5)] == [index * SECOND // 25 for index in range(5)]

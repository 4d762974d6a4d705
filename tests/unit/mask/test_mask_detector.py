# SPDX-License-Identifier: AGPL-3.0-or-later
"""The detector: its file, its decoding, and what it finds in real pictures."""

from pathlib import Path

import av
import numpy as np
import pytest

from custodes.clock import Instant
from custodes.domain.video import Frame, SourceTime
from custodes.errors import CustodesError, Kind
from custodes.video.mask import detector
from custodes.video.mask.detector import WEIGHTS, Box, SsdDetector, load_detector

FOOTAGE = Path(__file__).resolve().parents[4] / "shared" / "data" / "video"


@pytest.fixture(scope="module")
def ssd() -> SsdDetector:
    if not WEIGHTS.is_file():
        pytest.skip("the detector's weights are missing: run scripts/fetch_weights.py")
    return load_detector()


def frame_at(name: str, second: float) -> Frame:
    path = FOOTAGE / name
    if not path.is_file():
        pytest.skip(f"no footage at ../shared/data/video/{name}")
    with av.open(str(path)) as container:
        for picture in container.decode(video=0):
            if picture.time is not None and picture.time >= second:
                i420 = picture.reformat(640, 360, "yuv420p", dst_colorspace="ITU709").to_ndarray().tobytes()
                return Frame(640, 360, i420, Instant(0), SourceTime(1, 0))
    raise AssertionError("the clip is shorter than that")


def covered(box: Box, left: float, top: float, right: float, bottom: float) -> float:
    wide = min(box.right, right) - max(box.left, left)
    high = min(box.bottom, bottom) - max(box.top, top)
    return max(wide, 0) * max(high, 0) / ((right - left) * (bottom - top))


def test_it_finds_the_person_at_the_table_and_nobody_in_the_empty_room(ssd: SsdDetector) -> None:
    found = [box for box in ssd.detect(frame_at("one-by-one-person-detection.mp4", 29.0)) if box.kind.value == "person"]
    assert max(covered(box, 335, 10, 440, 300) for box in found) > 0.85
    assert ssd.detect(frame_at("one-by-one-person-detection.mp4", 49.0)) == []


def test_it_finds_the_car(ssd: SsdDetector) -> None:
    found = ssd.detect(frame_at("car-detection.mp4", 5.0))
    assert {box.kind for box in found} == {detector.Kind.VEHICLE}
    assert max(covered(box, 240, 250, 380, 355) for box in found) > 0.85


def test_boxes_lie_inside_the_frame(ssd: SsdDetector) -> None:
    dice = np.random.default_rng(4)
    for _ in range(5):
        noise = dice.integers(0, 256, 320 * 180 * 3 // 2, np.uint8).tobytes()
        for box in ssd.detect(Frame(320, 180, noise, Instant(0), SourceTime(1, 0))):
            assert 0 <= box.left < box.right <= 320
            assert 0 <= box.top < box.bottom <= 180
            assert 0 < box.score <= 1


def test_there_are_as_many_anchors_as_the_network_has_outputs() -> None:
    assert detector._ANCHORS.shape == (1917, 4)


def test_colours_reach_the_network_as_rgb() -> None:
    def seen(y: int, u: int, v: int) -> np.ndarray:
        luma, chroma = 32 * 32, 16 * 16
        i420 = bytes([y]) * luma + bytes([u]) * chroma + bytes([v]) * chroma
        return (detector.network_input(Frame(32, 32, i420, Instant(0), SourceTime(1, 0)))[150, 150] + 1) / 2 * 255

    assert seen(16, 128, 128) == pytest.approx([0, 0, 0], abs=1)
    assert seen(235, 128, 128) == pytest.approx([255, 255, 255], abs=1)
    assert seen(63, 102, 240) == pytest.approx([255, 0, 0], abs=3)
    assert seen(173, 42, 26) == pytest.approx([0, 255, 0], abs=3)
    assert seen(32, 240, 118) == pytest.approx([0, 0, 255], abs=3)


def test_a_large_box_is_believed_only_if_it_is_sure() -> None:
    corners = np.array([[0, 0, 1, 0.9], [0.4, 0.4, 0.5, 0.6]], np.float32)
    unsure = detector._distinct(corners, np.array([0.44, 0.3], np.float32), detector.Kind.PERSON, 100, 100)
    sure = detector._distinct(corners, np.array([0.5, 0.3], np.float32), detector.Kind.PERSON, 100, 100)
    assert [box.right for box in unsure] == [50.0]
    assert [box.right for box in sure] == [100.0, 50.0]


def test_doubles_are_suppressed_and_neighbours_kept() -> None:
    corners = np.array([[0.1, 0.1, 0.3, 0.5], [0.11, 0.1, 0.31, 0.5], [0.25, 0.1, 0.45, 0.5]], np.float32)
    found = detector._distinct(corners, np.array([0.9, 0.8, 0.7], np.float32), detector.Kind.PERSON, 100, 100)
    assert [round(box.left) for box in found] == [10, 25]


def test_a_missing_file_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(CustodesError, match="missing") as problem:
        load_detector(tmp_path / "none.tflite")
    assert problem.value.kind is Kind.UNAVAILABLE


@pytest.mark.parametrize("content", [b"", b"TFL3" * 100])
def test_a_broken_file_is_unavailable(tmp_path: Path, content: bytes) -> None:
    place = tmp_path / "broken.tflite"
    place.write_bytes(content)
    with pytest.raises(CustodesError, match="not the published one") as problem:
        load_detector(place)
    assert problem.value.kind is Kind.UNAVAILABLE


def test_one_flipped_bit_is_noticed(tmp_path: Path) -> None:
    if not WEIGHTS.is_file():
        pytest.skip("the detector's weights are missing: run scripts/fetch_weights.py")
    data = bytearray(WEIGHTS.read_bytes())
    data[5_000_000] ^= 1
    place = tmp_path / "flipped.tflite"
    place.write_bytes(data)
    with pytest.raises(CustodesError, match="not the published one"):
        load_detector(place)


class Nonsense:
    """An interpreter whose outputs are what they should never be."""

    def __init__(self, value: float) -> None:
        self.value = value

    def get_input_details(self) -> list[dict[str, object]]:
        return [{"index": 0}]

    def get_output_details(self) -> list[dict[str, object]]:
        return [{"shape": (1, 1917, 4), "index": 1}, {"shape": (1, 1917, 24), "index": 2}]

    def set_tensor(self, index: int, value: object) -> None:
        pass

    def invoke(self) -> None:
        pass

    def get_tensor(self, index: int) -> np.ndarray:
        return np.full((1, 1917, 4 if index == 1 else 24), self.value, np.float32)


def test_a_network_that_answers_nonsense_is_unavailable() -> None:
    black = Frame(32, 32, bytes([16]) * 1536, Instant(0), SourceTime(1, 0))
    with pytest.raises(CustodesError, match="no usable answer"):
        SsdDetector(Nonsense(float("nan"))).detect(black)
    with pytest.raises(CustodesError, match="wrong answers"):
        SsdDetector(Nonsense(-20.0)).check()

# SPDX-License-Identifier: AGPL-3.0-or-later
"""What counts as tampering with a camera and what does not: on the rendered street, and on real footage."""

import functools
from collections.abc import Callable, Iterable, Iterator

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.conftest import SHARED
from tests.mask_scenes import compressed

from custodes.clock import SECOND, Instant
from custodes.demo.street.street import RATE, Street
from custodes.domain.video import Frame, SourceTime, Tamper
from custodes.video.mask.tamper import TamperTuning, TamperWatch

WIDTH, HEIGHT = 640, 360
BEGIN = Instant(1_790_000_000 * SECOND)
Luma = NDArray[np.float32]
Change = Callable[[Luma, int], Luma]
_DICE = np.random.default_rng(4)


def noisy(luma: Luma, sigma: float = 1.5) -> Luma:
    return luma + _DICE.normal(0, sigma, luma.shape).astype(np.float32)


@functools.cache
def street(view: int, seconds: int = 100) -> list[bytes]:
    """The rendered street, one picture a second, I420."""
    made = Street(1, view)
    return [made.truth(second * RATE, WIDTH, HEIGHT).picture.tobytes() for second in range(seconds)]


class Camera:
    """Shows a watch one picture a second."""

    def __init__(self, tuning: TamperTuning | None = None) -> None:
        self.watch = TamperWatch(tuning)
        self.now = BEGIN
        self.said: list[Tamper | None] = []

    def show(self, pictures: Iterable[bytes], every: int = SECOND) -> "Camera":
        for picture in pictures:
            self.now = Instant(self.now + every)
            self.watch.look(Frame(WIDTH, HEIGHT, picture, self.now, SourceTime(1, 0)), self.now)
            if self.watch.tamper not in self.said[-1:]:
                self.said.append(self.watch.tamper)
        return self


def changed(pictures: Iterable[bytes], change: Change, grey: bool = False) -> Iterator[bytes]:
    """Pictures with their luma changed (and, if ``grey``, without colour)."""
    size = WIDTH * HEIGHT
    for number, picture in enumerate(pictures):
        luma = np.frombuffer(picture, np.uint8)[:size].reshape(HEIGHT, WIDTH).astype(np.float32)
        chroma = bytes([128]) * (size // 2) if grey else picture[size:]
        yield np.clip(np.rint(change(luma, number)), 16, 235).astype(np.uint8).tobytes() + chroma


def blurred(luma: Luma, _number: int) -> Luma:
    return noisy(np.asarray(cv2.GaussianBlur(luma, (0, 0), 2.5), np.float32), 1)


def papered(luma: Luma, _number: int) -> Luma:
    return noisy(np.broadcast_to(np.linspace(120, 150, WIDTH, dtype=np.float32), luma.shape))


def black(luma: Luma, _number: int) -> Luma:
    return noisy(np.full_like(luma, 16), 1)


def turned(luma: Luma, _number: int) -> Luma:
    return np.roll(luma, 60, 1)


def other_way(luma: Luma, _number: int) -> Luma:
    return np.roll(luma[::-1], 200, 1)


def night(luma: Luma, _number: int) -> Luma:
    return noisy(16 + (luma - 16) * 0.12, 3)


def glare(luma: Luma, _number: int) -> Luma:
    return 16 + (luma - 16) * 1.5


def rain(luma: Luma, _number: int) -> Luma:
    streaks = np.zeros((HEIGHT, WIDTH), np.float32)
    for x, y in _DICE.integers(0, (WIDTH, HEIGHT), (250, 2)).tolist():
        cv2.line(streaks, (x, y), (x + 2, y + 22), 25, 1)
    return 36 + (luma - 16) * 0.8 + streaks


def lorry(luma: Luma, number: int) -> Luma:
    """A lorry that fills most of the picture for ten seconds in every minute."""
    if number % 60 < 10:
        luma = luma.copy()
        luma[40:350, 60:600] = 180
        luma[90:300, 80:420] = 95
    return luma


def cloud(luma: Luma, number: int) -> Luma:
    return 16 + (luma - 16) * (0.45 if number % 20 < 10 else 1.1)


@pytest.mark.parametrize(
    ("change", "tamper"),
    [
        (blurred, Tamper.DEFOCUSED),
        (papered, Tamper.COVERED),
        (black, Tamper.DARK),
        (turned, Tamper.TURNED),
        (other_way, Tamper.TURNED),
    ],
)
@pytest.mark.parametrize("view", [0, 1, 2])
def test_tampering_is_noticed_and_so_is_its_end(view: int, change: Change, tamper: Tamper) -> None:
    camera = Camera().show(street(view))
    camera.show(changed(street(view)[:40], change))
    assert camera.watch.tamper is tamper
    camera.show(street(view)[:30])
    assert camera.said == [None, tamper, None]


@pytest.mark.parametrize("change", [night, glare, rain, lorry, cloud], ids=lambda change: change.__name__)
@pytest.mark.parametrize("view", [0, 1, 2])
def test_light_weather_and_traffic_are_no_tampering(view: int, change: Change) -> None:
    camera = Camera().show(street(view))
    camera.show(changed([*street(view), *street(view)], change))
    camera.show(street(view))
    assert camera.said == [None]


def test_fog_that_rises_hides_the_view_without_being_called_a_cover() -> None:
    def fog(luma: Luma, number: int) -> Luma:
        share = min(number / 900, 0.97)
        return luma * (1 - share) + 170 * share

    camera = Camera().show(street(1))
    camera.show(changed(street(1) * 10, fog))
    assert camera.said == [None]


def test_night_mode_is_said_and_is_no_tampering() -> None:
    def infrared(luma: Luma, _number: int) -> Luma:
        return noisy(16 + (luma - 16) * 0.6, 3)

    camera = Camera().show(street(0))
    assert not camera.watch.infrared
    camera.show(changed(street(0), infrared, grey=True))
    assert camera.watch.infrared
    camera.show(changed(street(0)[:40], lambda luma, number: papered(luma, number), grey=True))
    assert camera.watch.tamper is Tamper.COVERED
    camera.show(street(0))
    assert not camera.watch.infrared
    assert camera.said == [None, Tamper.COVERED, None]


def test_a_camera_that_is_covered_as_it_goes_into_night_mode_is_covered() -> None:
    camera = Camera().show(street(0))
    camera.show(changed(street(0)[:40], papered, grey=True))
    assert camera.watch.infrared
    assert camera.watch.tamper is Tamper.COVERED


def test_a_view_that_somebody_has_accepted_is_the_usual_one() -> None:
    camera = Camera().show(street(0)).show(changed(street(0)[:40], other_way))
    assert camera.watch.tamper is Tamper.TURNED
    camera.watch.accept()
    camera.show(changed(street(0), other_way))
    assert camera.watch.tamper is None
    camera.show(street(0)[:40])
    assert camera.watch.tamper is Tamper.TURNED


def test_nothing_is_said_of_a_view_that_never_had_anything_to_recognise() -> None:
    camera = Camera().show(changed(street(0), papered)).show(changed(street(0), blurred))
    assert camera.said == [None]


def day(pictures: list[bytes], camera: Camera) -> None:
    """A day and a half of these pictures, one in fifteen seconds."""
    for _ in range(36 * 3600 // (15 * len(pictures)) + 1):
        camera.show(pictures, 15 * SECOND)


def test_a_sensor_that_is_stuck_behind_a_working_encoder_is_noticed() -> None:
    camera = Camera()
    day(street(0), camera)
    assert camera.said == [None]

    def clocked(number: int) -> bytes:
        picture = np.frombuffer(street(0)[50], np.uint8).copy()
        luma = picture[: WIDTH * HEIGHT].reshape(HEIGHT, WIDTH)
        cv2.putText(luma, f"12:{number // 60:02d}:{number % 60:02d}", (10, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 235, 2)
        return picture.tobytes()

    stuck = list(compressed((clocked(number) for number in range(420)), 250_000))
    assert len(set(stuck)) > 300, "no two pictures are the same to the byte"
    camera.show(stuck)
    assert camera.watch.tamper is Tamper.FROZEN
    camera.show(street(0), 5 * SECOND)
    assert camera.watch.tamper is None


def test_a_place_where_nothing_ever_happens_is_not_called_frozen() -> None:
    empty = street(0)[0]
    quiet = list(changed([empty] * 100, lambda luma, _number: noisy(luma, 1)))
    camera = Camera()
    day(quiet, camera)
    camera.show(compressed(iter(quiet * 5), 250_000))
    assert camera.said == [None]


@pytest.mark.parametrize("name", ["one-by-one-person-detection.mp4", "car-detection.mp4"])
def test_real_footage_that_goes_on_as_usual_is_no_tampering(name: str) -> None:
    path = SHARED / "data" / "video" / name
    if not path.exists():
        pytest.skip(f"{path} is not there: real footage is not part of the repository")
    camera = Camera().show(footage(str(path)) * 6, SECOND // 2)
    assert camera.said == [None]
    camera.show(changed(footage(str(path))[:120], turned), SECOND)
    assert camera.watch.tamper is Tamper.TURNED


def footage(path: str) -> list[bytes]:
    """Two pictures a second of a film, as the sub stream has them."""
    with av.open(path) as film:
        taken, due = [], 0.0
        for frame in film.decode(video=0):
            if frame.time is not None and frame.time >= due:
                taken.append(frame.reformat(WIDTH, HEIGHT, "yuv420p").to_ndarray().tobytes())
                due += 0.5
    return taken

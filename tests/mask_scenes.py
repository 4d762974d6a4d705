# SPDX-License-Identifier: AGPL-3.0-or-later
"""A small made-up square for tests of the masker: exact truth of who stands where, and the place without them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from custodes.clock import MILLISECOND, Instant
from custodes.domain.video import Frame, SourceTime

WIDTH, HEIGHT = 640, 360
SLOT = 200 * MILLISECOND
BEGIN = Instant(1_790_000_000_000_000_000)


@dataclass(frozen=True)
class Figure:
    """Somebody who walks from ``start`` to ``stop`` (feet, pixels) during ``walk`` seconds from ``begin``, then stays.

    ``tone``: Y, U, V of the clothes; ``stay``: seconds; ``height`` in pixels.
    """

    begin: float
    start: tuple[float, float]
    stop: tuple[float, float]
    walk: float
    stay: float
    height: int
    tone: tuple[int, int, int]

    def feet(self, at: float) -> tuple[int, int] | None:
        passed = at - self.begin
        if passed < 0 or passed > self.walk + self.stay:
            return None
        share = min(passed / self.walk, 1.0) if self.walk else 1.0
        x, y = (a + (b - a) * share for a, b in zip(self.start, self.stop, strict=True))
        return round(x), round(y)


@dataclass(frozen=True)
class Truth:
    """A person in one picture: boolean maps, height x width; ``standing`` when it does not walk."""

    body: NDArray[np.bool_]
    head: NDArray[np.bool_]
    standing: bool


@dataclass(frozen=True)
class View:
    """What was there (float, luma and chroma at full size: height x width x 3), without and with people."""

    clean: NDArray[np.float32]
    scene: NDArray[np.float32]
    people: list[Truth]


@dataclass
class Square:
    """Façades, a square, a tree that sways, light that drifts by ``drift`` over a minute; noise comes later."""

    figures: list[Figure] = field(default_factory=list)
    drift: float = 0.0
    sway: float = 2.5
    seed: int = 1

    def __post_init__(self) -> None:
        dice = np.random.default_rng(self.seed)
        ground = np.zeros((HEIGHT, WIDTH, 3), np.float32)
        ground[..., 0] = np.linspace(90, 130, HEIGHT)[:, None]
        ground[..., 1:] = (126, 130)
        rough = dice.normal(0, 5, (HEIGHT, WIDTH)).astype(np.float32)
        ground[..., 0] += cv2.GaussianBlur(rough, (0, 0), 1.2) * 1.5
        ground[:150, :, 0] += 45
        ground[:150, :, 1:] = (118, 138)
        for x in range(20, WIDTH, 60):
            for y in range(15, 130, 55):
                ground[y : y + 35, x : x + 26] = (60, 132, 124)
        self._ground = ground
        crown = cv2.GaussianBlur(dice.normal(0, 1, (180, 180)).astype(np.float32), (0, 0), 2.0)
        tree = np.zeros((180, 180, 3), np.float32)
        tree[..., 0] = 70 + 110 * crown
        tree[..., 1:] = (112, 120)
        self._tree = tree
        self._crown = np.zeros((180, 180), np.float32)
        cv2.circle(self._crown, (90, 90), 78, 1.0, -1, cv2.LINE_AA)

    def view(self, at: float) -> View:
        """The square ``at`` seconds after the beginning."""
        clean = self._ground.copy()
        self._plant(clean, 470, 90, at)
        scene, people = clean.copy(), []
        for figure in self.figures:
            feet = figure.feet(at)
            if feet is not None:
                people.append(self._draw(scene, figure, feet, at))
        light = np.float32(1 + self.drift * np.sin(2 * np.pi * at / 240))
        for picture in (clean, scene):
            picture[..., 0] = np.clip((picture[..., 0] - 16) * light + 16, 16, 235)
            picture[..., 1:] = (picture[..., 1:] - 128) * light + 128
        return View(clean, scene, people)

    def _plant(self, picture: NDArray[np.float32], left: int, top: int, at: float) -> None:
        rows, columns = np.mgrid[0:180, 0:180].astype(np.float32)
        shift = self.sway * np.sin(2 * np.pi * at / 3.1 + rows / 25) + self.sway * 0.6 * np.sin(at * 5 + columns / 9)
        tree = cv2.remap(self._tree, columns + shift, rows + 0.4 * shift, cv2.INTER_LINEAR, None, cv2.BORDER_REFLECT)
        crown = cv2.remap(self._crown, columns + shift, rows, cv2.INTER_LINEAR, None, cv2.BORDER_CONSTANT, (0,))
        picture[top : top + 180, left : left + 170] *= 1 - crown[:, :170, None]
        picture[top : top + 180, left : left + 170] += crown[:, :170, None] * tree[:, :170]

    @staticmethod
    def _draw(picture: NDArray[np.float32], figure: Figure, feet: tuple[int, int], at: float) -> Truth:
        x, y = feet
        tall = figure.height
        walking = at - figure.begin < figure.walk
        stride = round(tall * 0.12 * np.sin(at * 7)) if walking else round(tall * 0.04)
        body, head = np.zeros((HEIGHT, WIDTH), np.uint8), np.zeros((HEIGHT, WIDTH), np.uint8)
        cv2.ellipse(
            body, (x, y - round(tall * 0.62)), (max(round(tall * 0.13), 2), round(tall * 0.24)), 0, 0, 360, 1, -1
        )
        for side in (-1, 1):
            cv2.line(body, (x, y - round(tall * 0.42)), (x + side * stride, y), 1, max(tall // 12, 1))
        cv2.circle(head, (x, y - round(tall * 0.92)), max(round(tall * 0.075), 1), 1, -1)
        cloth = np.float32(np.sin(np.arange(HEIGHT) / max(tall / 20, 1.5)) * 4)[:, None]
        shape = body.astype(bool)
        picture[shape] = figure.tone
        picture[..., 0][shape] += np.broadcast_to(cloth, (HEIGHT, WIDTH))[shape]
        picture[head.astype(bool)] = (135, 115, 148)
        picture[y - round(tall * 0.99) : y - round(tall * 0.94), x - tall // 16 : x + tall // 16 + 1] = (50, 124, 132)
        return Truth(shape | head.astype(bool), head.astype(bool), not walking)


def to_i420(picture: NDArray[np.float32], dice: np.random.Generator | None = None, noise: float = 0.0) -> bytes:
    """Full-size float Y, U, V to I420 bytes, with noise (standard deviation in luma; a third of it in chroma)."""
    y = picture[..., 0]
    chroma = cv2.resize(picture[..., 1:], (picture.shape[1] // 2, picture.shape[0] // 2), interpolation=cv2.INTER_AREA)
    if dice is not None and noise:
        y = y + dice.normal(0, noise, y.shape)
        chroma = chroma + dice.normal(0, noise / 3, chroma.shape)
    planes = (y, chroma[..., 0], chroma[..., 1])
    return b"".join(np.clip(np.rint(plane), 0, 255).astype(np.uint8).tobytes() for plane in planes)


def compressed(pictures: Iterator[bytes], bit_rate: int) -> Iterator[bytes]:
    """The pictures as a camera would send them: H.264, 5 fps, a key picture every 2 s; one out for each one in."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 5), Fraction(5)
    encoder.bit_rate = bit_rate
    encoder.gop_size = 10
    encoder.options = {"preset": "veryfast", "tune": "zerolatency", "threads": "1"}
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    decoder.options = {"flags": "low_delay"}
    for index, picture in enumerate(pictures):
        raw = np.frombuffer(picture, np.uint8).reshape(HEIGHT * 3 // 2, WIDTH)
        frame = av.VideoFrame.from_ndarray(raw, format="yuv420p")
        frame.pts = index
        for packet in encoder.encode(frame):
            for decoded in decoder.decode(packet):
                yield decoded.to_ndarray().tobytes()


def frame_of(i420: bytes, number: int, delay: int = 0) -> tuple[Frame, Instant]:
    """The picture as the frame of slot ``number``, and that slot."""
    slot = Instant(BEGIN + number * SLOT)
    return Frame(WIDTH, HEIGHT, i420, Instant(slot - delay), SourceTime(1, number * 18_000)), slot

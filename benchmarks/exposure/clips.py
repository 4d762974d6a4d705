# SPDX-License-Identifier: AGPL-3.0-or-later
"""Real footage: stretches that are empty, and people cut out of it with the outline that they are pasted with.

Intel IoT DevKit sample videos (CC BY 4.0), 768x432, reduced to 640x360. They are not part of the repository: the folder
is named by ``CUSTODES_FOOTAGE`` or lies in ``../shared/data/video`` beside the checkout.
"""

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import av
import cv2
import numpy as np
from benchmarks.exposure.weather import FPS, HEIGHT, WIDTH, Bytes

_ROOT = Path(__file__).resolve().parents[2]
CAR_PARK, LOBBY = "car-detection.mp4", "one-by-one-person-detection.mp4"
EMPTY = {CAR_PARK: (248, 311), LOBBY: (0, 52)}
"""First and last picture of a stretch without people, vehicles and shadows of either, found by looking at each."""
_CUTS = (((105, 175), (5, 50)), ((985, 1170), (880, 915)), ((1265, 1335), (1215, 1230)))
"""Pictures of the lobby in which one person stands at the table, and of the empty lobby next to them in time."""
_HEAD = 0.15
"""Share of a standing person's height that is head and hair, measured on these three."""
_LUMA, _CHROMA = 16, 7


def folder() -> Path:
    """Where the clips are; ``FileNotFoundError`` if nowhere."""
    named = os.environ.get("CUSTODES_FOOTAGE")
    for place in (Path(named) if named else None, _ROOT.parent / "shared" / "data" / "video"):
        if place is not None and (place / LOBBY).is_file() and (place / CAR_PARK).is_file():
            return place
    raise FileNotFoundError("the sample videos are not there: name their folder in CUSTODES_FOOTAGE")


@lru_cache(maxsize=2)
def _decoded(name: str) -> tuple[list[Bytes], float]:
    """All pictures of a clip, I420, and how many there are a second."""
    with av.open(str(folder() / name)) as clip:
        stream = clip.streams.video[0]
        stream.thread_count = 1
        rate = float(stream.average_rate or FPS)
        small = (frame.reformat(WIDTH, HEIGHT, "yuv420p").to_ndarray() for frame in clip.decode(stream))
        frames = [np.asarray(each, np.uint8) for each in small]
    return frames, rate


@lru_cache(maxsize=4)
def empty(name: str) -> tuple[Bytes, list[Bytes]]:
    """The median of a clip's empty stretch, and its pictures, five a second."""
    frames, rate = _decoded(name)
    first, last = EMPTY[name]
    chosen = [frames[int(at)] for at in np.arange(first, last + 1, rate / FPS)]
    return np.asarray(np.median(chosen, axis=0), np.uint8), chosen


def to_and_fro(count: int, number: int) -> int:
    """Which of ``count`` pictures is shown as the ``number``-th."""
    turn = number % (2 * count - 2)
    return min(turn, 2 * count - 2 - turn)


@dataclass(frozen=True, slots=True)
class Cut:
    """One picture of somebody: I420 of even size, and 0..255 how much of each pixel is theirs (all, and the head)."""

    picture: Bytes
    cover: Bytes
    head: Bytes


@lru_cache(maxsize=1)
def people() -> list[list[Cut]]:
    """The people of the lobby, each with the pictures of their stay, five a second."""
    frames, rate = _decoded(LOBBY)
    found = []
    for (first, last), (begin, end) in _CUTS:
        place = np.asarray(np.median(frames[begin : end + 1], axis=0), np.uint8)
        found.append([_cut(frames[int(at)], place) for at in np.arange(first, last + 1, rate / FPS)])
    return found


def _cut(picture: Bytes, place: Bytes) -> Cut:
    off = cv2.absdiff(picture, place)
    half = np.maximum(*off[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2))
    differs = (cv2.GaussianBlur(off[:HEIGHT], (0, 0), 1) > _LUMA) | (half > _CHROMA).repeat(2, 0).repeat(2, 1)
    closed = cv2.morphologyEx(differs.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    outlines = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    largest = max(outlines, key=cv2.contourArea)
    cover = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.drawContours(cover, [largest], -1, (255,), cv2.FILLED)
    x, y, wide, high = cv2.boundingRect(largest)
    x, y = x // 2 * 2, y // 2 * 2
    wide, high = (min(side // 2 * 2 + 2, room) for side, room in ((wide, WIDTH - x), (high, HEIGHT - y)))
    cover = cover[y : y + high, x : x + wide]
    head = cover.copy()
    head[round(_HEAD * high) :] = 0
    chroma = picture[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)
    parts = chroma[:, y // 2 : (y + high) // 2, x // 2 : (x + wide) // 2]
    planes = [picture[y : y + high, x : x + wide].reshape(-1), parts.reshape(-1)]
    return Cut(np.concatenate(planes).reshape(-1, wide), cover, head)


def scaled(cut: Cut, high: int) -> Cut:
    """The same at another height in pixels (even)."""
    rows, columns = cut.cover.shape
    wide = max(2, round(columns * high / rows / 2) * 2)
    chroma = cut.picture[rows:].reshape(2, rows // 2, columns // 2)
    y = _sized(cut.picture[:rows], wide, high)
    parts = [_sized(plane, wide // 2, high // 2).reshape(-1) for plane in chroma]
    picture = np.concatenate([y.reshape(-1), *parts]).reshape(-1, wide)
    return Cut(picture, _sized(cut.cover, wide, high), _sized(cut.head, wide, high))


def _sized(plane: Bytes, wide: int, high: int) -> Bytes:
    smaller = high < plane.shape[0]
    method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, (wide, high), interpolation=method), np.uint8)

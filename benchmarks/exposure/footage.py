# SPDX-License-Identifier: AGPL-3.0-or-later
"""Real footage through the live masker, judged by independent detectors.

Each clip is repeated until it is long enough, resized to 640x360 at 5 pictures a second and coded as a camera's sub
stream would be (H.264, 500 kbit/s, a key picture every 2 s). Nobody knows the truth of such clips, so two detectors
that are not the masker's say who is there (``judge.py``): ``person_frames`` are their persons in the original pictures
whose masked picture is not covered. A person or face they find in the masked picture is exposed unless its box is a
silhouette's or they find it in the certified still as well.

The steward is played by the same judges: a still in which they see somebody is not certified. A clip that stays covered
is "not evaluable".
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import av
import cv2
import numpy as np
from benchmarks.exposure.judge import FACE_SCORE, PERSON_SCORE, Judges, Seen
from benchmarks.exposure.run import Options
from numpy.typing import NDArray

from custodes.clock import SECOND, Instant
from custodes.domain.video import Cover, Frame, MaskedFrame, SourceTime
from custodes.errors import CustodesError
from custodes.video.mask.detector import load_detector
from custodes.video.mask.masker import Masker
from custodes.video.mask.palette import mask_pixels

Bytes: TypeAlias = NDArray[np.uint8]

WIDTH, HEIGHT, FPS = 640, 360, 5
SLOT = SECOND // FPS
BIT_RATE = 500_000
SECONDS = 330
JUDGED_EVERY = 5
"""Pictures from one that is judged to the next: one a second."""
BEGIN = Instant(1_790_000_000 * SECOND)
_LOOK_EVERY = 10 * FPS
"""Pictures between two looks of the steward."""
_SHEET = (4, 6)
_HEAD, _HEAD_MASKED, _BODY_MASKED = 0.3, 0.5, 0.35
"""A silhouette's box: so much of its height is the head, of which so much is under the mask, and so much of all."""


@dataclass
class Clip:
    """What was measured of one clip."""

    name: str
    frames: int = 0
    covered: int = 0
    masked: float = 0.0
    person_frames: int = 0
    face_frames: int = 0
    silhouettes: int = 0
    exposed: list[tuple[int, Seen]] = field(default_factory=list)
    certified_s: float | None = None
    run: int = 0
    longest: int = 0

    def facts(self) -> dict[str, Any]:
        """For the JSON line."""
        shown = self.frames - self.covered
        return {
            "clip": self.name,
            "evaluable": shown > 0,
            "person_frames": self.person_frames,
            "face_frames": self.face_frames,
            "exposed_head_frames": len(self.exposed),
            "longest_exposure_s": self.longest * JUDGED_EVERY / FPS,
            "silhouettes_taken_for_persons": self.silhouettes,
            "masked_share": self.masked / shown if shown else None,
            "covered_share": self.covered / self.frames,
            "certified_s": self.certified_s,
            "exposed": [
                [
                    number,
                    seen.kind,
                    round(seen.score, 2),
                    *(round(x) for x in (seen.left, seen.top, seen.right, seen.bottom)),
                ]
                for number, seen in self.exposed[:50]
            ],
        }


def run(options: Options) -> dict[str, Any]:
    """Measure every clip in ``options.footage``; contact sheets go to ``options.keep``, if it names a folder."""
    judges = Judges()
    clips = []
    for path in sorted(options.footage.iterdir()):
        clips.append(_measure(path, judges, options))
        print(json.dumps(clips[-1].facts()), file=sys.stderr, flush=True)
    shown = [clip for clip in clips if clip.frames > clip.covered]
    pictures = sum(clip.frames - clip.covered for clip in shown)
    return {
        "suite": "footage",
        "person_frames": sum(clip.person_frames for clip in clips),
        "exposed_head_frames": sum(len(clip.exposed) for clip in clips),
        "exposed_tracks_share": None,
        "longest_exposure_s": max((clip.longest for clip in clips), default=0) * JUDGED_EVERY / FPS,
        "masked_share": sum(clip.masked for clip in shown) / pictures if pictures else None,
        "false_masked_share": None,
        "covered_share": sum(clip.covered for clip in clips) / max(sum(clip.frames for clip in clips), 1),
        "not_evaluable": [clip.name for clip in clips if clip.frames == clip.covered],
        "judges": {"persons": "ped-ssdlite 0.2", "faces": "CenterFace", "scores": [PERSON_SCORE, FACE_SCORE]},
        "by": {},
        "clips": [clip.facts() for clip in clips],
    }


def _measure(path: Path, judges: Judges, options: Options) -> Clip:
    clip = Clip(path.name)
    masker = Masker(WIDTH, HEIGHT, load_detector())
    sheet = _Sheet(options.keep, path.stem) if options.keep else None
    truth: dict[int, list[Seen]] = {}
    usual: list[Seen] = []
    for number, (origin, original, i420) in enumerate(_coded(_looped(path, SECONDS * FPS))):
        slot = Instant(BEGIN + number * SLOT)
        masked = masker.observe(Frame(WIDTH, HEIGHT, i420, slot, SourceTime(1, number * 18_000)), slot)
        clip.frames += 1
        if masked.cover is not None:
            clip.covered += 1
            clip.run = 0
            if masked.cover is Cover.NOT_CERTIFIED and number % _LOOK_EVERY == 0 and masker.progress == 100:
                still = _certify(masker, judges)
                if still is not None:
                    usual, clip.certified_s = still, number / FPS
            continue
        clip.masked += masked.masked_share / 1000
        if sheet is not None:
            sheet.take(number, original, masked)
        if number % JUDGED_EVERY == 0:
            if origin not in truth:
                truth[origin] = judges.look(original)
            clip.person_frames += sum(seen.kind == "person" for seen in truth[origin])
            clip.face_frames += sum(seen.kind == "face" for seen in truth[origin])
            _judge(clip, number, masked, usual, judges)
    if sheet is not None:
        sheet.write()
    return clip


def _certify(masker: Masker, judges: Judges) -> list[Seen] | None:
    """The steward looks at the still; what the judges see in it if nobody (but statues) is there, None if somebody."""
    try:
        still = masker.candidate()
        if still is None:
            return None
        seen = judges.look(_bgr(still.i420))
        masks = mask_pixels(still.i420, WIDTH, HEIGHT)
        if any(not _is_silhouette(each, masks) for each in seen):
            return None
        masker.certify()
    except CustodesError:
        return None
    return seen


def _judge(clip: Clip, number: int, masked: MaskedFrame, usual: list[Seen], judges: Judges) -> None:
    masks = mask_pixels(masked.i420, WIDTH, HEIGHT)
    found = []
    for seen in judges.look(_bgr(masked.i420)):
        if _is_silhouette(seen, masks):
            clip.silhouettes += 1
        elif not any(seen.overlaps(other) for other in usual):
            found.append((number, seen))
    clip.exposed += found
    clip.run = clip.run + 1 if found else 0
    clip.longest = max(clip.longest, clip.run)


def _is_silhouette(seen: Seen, masks: NDArray[np.bool_]) -> bool:
    """Whether what was taken for a person is mostly mask, its head in particular."""
    left, top, right, bottom = (round(edge) for edge in (seen.left, seen.top, seen.right, seen.bottom))
    box = masks[top : max(bottom, top + 1), left : max(right, left + 1)]
    if seen.kind == "face":
        return bool(box.mean() >= _HEAD_MASKED)
    quarter = box.shape[1] // 4
    head = box[: max(int(_HEAD * box.shape[0]), 1), quarter : box.shape[1] - quarter]
    return bool(box.mean() >= _BODY_MASKED and head.mean() >= _HEAD_MASKED)


def _looped(path: Path, count: int) -> Iterator[tuple[int, Bytes]]:
    """``count`` pictures (BGR) at 5 a second, each with the number of the clip's picture that it shows."""
    pictures: list[Bytes] = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        due = Fraction(0)
        for frame in container.decode(stream):
            at = Fraction(frame.pts or 0) * frame.time_base
            while at >= due:
                whole = frame.to_ndarray(format="bgr24")
                pictures.append(np.asarray(cv2.resize(whole, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8))
                due += Fraction(1, FPS)
    for number in range(count):
        yield number % len(pictures), pictures[number % len(pictures)]


def _coded(pictures: Iterator[tuple[int, Bytes]]) -> Iterator[tuple[int, Bytes, bytes]]:
    """The pictures, and each as it comes out of a camera's sub stream: I420."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, FPS), Fraction(FPS)
    encoder.bit_rate, encoder.gop_size, encoder.thread_count = BIT_RATE, 2 * FPS, 1
    encoder.options = {"preset": "veryfast", "tune": "zerolatency"}
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    decoder.options = {"flags": "low_delay"}
    for number, (origin, picture) in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format="yuv420p", dst_colorspace="ITU709")
        frame.pts = number
        for packet in encoder.encode(frame):
            for decoded in decoder.decode(packet):
                yield origin, picture, decoded.to_ndarray().tobytes()


def _bgr(i420: bytes) -> Bytes:
    planes = np.frombuffer(i420, np.uint8).reshape(HEIGHT * 3 // 2, WIDTH)
    return np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420), np.uint8)


class _Sheet:
    """Original above masked pictures of a clip, evenly over the time in which it is shown, to be looked at."""

    def __init__(self, folder: Path, name: str) -> None:
        self._place = folder / f"{name}.png"
        self._taken: list[Bytes] = []

    def take(self, number: int, original: Bytes, masked: MaskedFrame) -> None:
        """Keep a pair, small."""
        if number % (2 * FPS + 1) == 0:  # two seconds and a picture: not always the same place of a short clip
            pair = np.vstack([original, _bgr(masked.i420)])
            small = np.asarray(cv2.resize(pair, (WIDTH // 2, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)
            cv2.putText(small, str(number), (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1)
            self._taken.append(small)

    def write(self) -> None:
        """Write the sheet if anything was shown."""
        rows, columns = _SHEET
        if not self._taken:
            return
        self._place.parent.mkdir(parents=True, exist_ok=True)
        places = np.linspace(0, len(self._taken) - 1, min(rows * columns, len(self._taken))).astype(int)
        tiles = [self._taken[place] for place in places]
        tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
        lines = [np.hstack(tiles[begin : begin + columns]) for begin in range(0, len(tiles), columns)]
        cv2.imwrite(str(self._place), np.vstack(lines))

# SPDX-License-Identifier: AGPL-3.0-or-later
"""Masking: streams of 640x360 at 5 pictures a second that one core carries, decode to encode, against ``deface``.

Two scenes of the rendered street, H.264 at 500 kbit/s: a tram stop with a crowd, in which at least a quarter of the
16x16 blocks differ from the empty place in the mean (else the benchmark fails), and an empty shopping street with its
trees, light and noise. Ours is ``SubDecoder``, ``Masker.observe`` with the detector on its own schedule, and
``FragmentEncoder``, on one thread and one core, after half a minute of learning and the certification, which are not
counted. The peer gets the crowd's very pictures as a file and does with them what its command does (``video_detect``):
it reads them with ffmpeg, finds faces with CenterFace, blurs them, and writes H.264; it hides faces only. What it
takes to begin (model, ffmpeg) is measured with a short file and taken off. It runs on both of its backends, kept to one
core and with as many threads as it likes, and the fastest of these is compared. Scaled down to half (``--scale``) it
looks at other pictures than ours does: that is shown beside and not compared. All by CPU seconds, in turns.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import av
import numpy as np
from numpy.typing import NDArray

from custodes.clock import SECOND, Instant
from custodes.demo.street import Street
from custodes.demo.street.crowd import Crowd, Script
from custodes.domain.ids import CameraId
from custodes.domain.video import Frame, Packet, SourceTime, StreamInfo
from custodes.video import nal
from custodes.video.encode.fragments import FragmentEncoder
from custodes.video.ingest.decode import SubDecoder
from custodes.video.mask import masker as masking
from custodes.video.mask.detector import Box, SsdDetector, load_detector
from custodes.video.mask.grid import BLOCK, Grid

WIDTH, HEIGHT, FPS, BITS_PER_S, GOP = 640, 360, 5, 500_000, 10
LEARN = 30 * FPS
"""Pictures before the certification."""
LATER = 3_000
"""The crowd's first picture, at 25 a second: by then everybody has come."""
CROWD, LUMA_STEPS, PART = 16.0, 12, 1 / 16
"""A block changes when this part of its pixels differ by so many steps of luma from the empty place."""
LEAST = 0.25
BEGIN = Instant(1_790_000_000 * SECOND)
CAMERA = CameraId("benchmark")
SETTINGS = ("onnxrt one-core", "onnxrt all-cores", "opencv one-core", "opencv all-cores", "opencv one-core 320x180")

Bytes = NDArray[np.uint8]
T = TypeVar("T")


@dataclass
class Film:
    """A scene as its camera sends it, and the mean share of blocks that change in it."""

    packets: list[Packet]
    units: list[bytes]
    changing: float


@dataclass
class Clock:
    """CPU seconds of each stage."""

    spent: dict[str, float] = field(default_factory=dict)
    pictures: int = 0

    def time(self, stage: str, work: Callable[[], T]) -> T:
        """Do it and add what it took."""
        before = time.process_time()
        try:
            return work()
        finally:
            self.spent[stage] = self.spent.get(stage, 0.0) + time.process_time() - before

    def stages(self) -> dict[str, float]:
        """Seconds of each stage; what is neither detection nor composition in ``Masker.observe`` is ``reference``."""
        spent = {"detect": 0.0, "compose": 0.0, **self.spent}
        spent["reference"] = spent.pop("observe") - spent["detect"] - spent["compose"]
        return {stage: spent[stage] for stage in ("decode", "reference", "detect", "compose", "encode")}

    def streams(self) -> float:
        """How many streams one core carries."""
        return self.pictures / FPS / sum(self.stages().values())


class TimedDetector:
    """The detector, with its time taken."""

    def __init__(self, detector: SsdDetector, clock: Clock) -> None:
        self._detector, self.clock = detector, clock

    def detect(self, frame: Frame) -> list[Box]:
        """As the detector does."""
        return self.clock.time("detect", lambda: self._detector.detect(frame))


class Pipeline:
    """One camera's way from packets to fragments."""

    def __init__(self, film: Film, detector: SsdDetector) -> None:
        self.clock, self._film, self._next = Clock(), film, 0
        self._detector = TimedDetector(detector, self.clock)
        self._decoder = SubDecoder((WIDTH, HEIGHT))
        self._masker = masking.Masker(WIDTH, HEIGHT, self._detector)
        self._encoder = FragmentEncoder(CAMERA, WIDTH, HEIGHT, FPS)
        self.play(LEARN, shown=False)
        self._masker.certify()
        self.clock = self._detector.clock = Clock()

    def play(self, pictures: int, *, shown: bool = True) -> None:
        """Take the next pictures of the film all the way."""
        clock, compose = self.clock, masking.compose
        masking.compose = lambda *given: clock.time("compose", lambda: compose(*given))
        try:
            for packet in self._film.packets[self._next : self._next + pictures]:
                (frame,) = clock.time("decode", lambda each=packet: self._decoder.decode(each))
                masked = clock.time("observe", lambda each=frame: self._masker.observe(each, each.received))
                clock.time("encode", lambda each=masked: self._encoder.push(each))
                assert (masked.cover is None) is shown, masked.cover
        finally:
            masking.compose = compose
        self._next += pictures
        clock.pictures += pictures


def _crowded(seed: int, view: int, script: Script) -> Crowd:
    return Crowd(seed, view, script.crowded(CROWD))


def scene(crowd: bool, pictures: int) -> Iterator[tuple[Bytes, Bytes]]:
    """The camera's pictures, the first ``LEARN`` of them empty, each with the empty place of the same instant."""
    street = Street(1, 2 if crowd else 1, crowd=_crowded)
    for number in range(LEARN + pictures):
        at = 5 * number + (LATER if crowd and number >= LEARN else 0)
        truth = street.truth(at)
        yield (truth.picture if crowd and number >= LEARN else truth.clean), truth.clean


def changing(picture: Bytes, clean: Bytes, grid: Grid) -> float:
    """The share of blocks that differ."""
    luma = slice(0, HEIGHT)
    marks = (np.abs(picture[luma].astype(np.int16) - clean[luma]) > LUMA_STEPS).view(np.uint8)
    counts = grid.counts(marks).reshape(grid.rows, 2, grid.columns, 2).sum((1, 3), dtype=np.int64)
    return float((counts >= PART * BLOCK * BLOCK).mean())


def filmed(crowd: bool, pictures: int) -> Film:
    """A scene, encoded as a camera would."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, FPS), Fraction(FPS)
    encoder.bit_rate, encoder.gop_size, encoder.thread_count = BITS_PER_S, GOP, 1
    encoder.options = {"preset": "veryfast", "tune": "zerolatency"}
    grid, film, changes, info = Grid(WIDTH, HEIGHT), Film([], [], 0.0), [], None
    for number, (picture, clean) in enumerate(scene(crowd, pictures)):
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = number
        (coded,) = encoder.encode(frame)
        units = tuple(nal.split_annexb(bytes(coded)))
        if info is None:
            sets = tuple(unit for unit in units if nal.kind(unit) in (nal.SPS, nal.PPS))
            info = StreamInfo(WIDTH, HEIGHT, sets)
        received = Instant(BEGIN + number * SECOND // FPS)
        film.packets.append(Packet(units, coded.is_keyframe, SourceTime(1, number * 90_000 // FPS), received, info))
        if number >= LEARN:
            changes.append(changing(picture, clean, grid))
    film.changing = float(np.mean(changes))
    return film


def written(film: Film, first: int, pictures: int, path: Path) -> Path:
    """Some of the film's pictures, as they were sent, as a file for the peer."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number, packet in enumerate(film.packets[LEARN + first : LEARN + first + pictures]):
            coded = av.Packet(nal.join_annexb((*(packet.info.parameter_sets if packet.key else ()), *packet.nals)))
            coded.stream, coded.pts, coded.dts, coded.is_keyframe = stream, number, number, packet.key
            coded.time_base = Fraction(1, FPS)
            container.mux(coded)
    return path


def peer(setting: str, files: list[Path]) -> list[float]:
    """CPU seconds of the peer and its helpers for each file, in a process of its own."""
    command = [sys.executable, __file__, "--peer", setting, *map(str, files)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [float(each) for each in json.loads(done.stdout.splitlines()[-1])]


def be_the_peer(setting: str, files: list[str]) -> None:
    """What ``peer`` starts: print a list of CPU seconds."""
    backend, cores, *scale = setting.split()
    if cores == "one-core":
        pin()
    import cv2
    from deface.centerface import CenterFace
    from deface.deface import video_detect

    if cores == "one-core":
        cv2.setNumThreads(1)
    size = tuple(map(int, scale[0].split("x"))) if scale else None
    found = CenterFace(in_shape=size, backend=backend)
    took = []
    for name in files:
        before = used()
        video_detect(
            name, str(Path(name).with_suffix(".out.mp4")), found, threshold=0.2, enable_preview=False, cam=False,
            nested=False, replacewith="blur", mask_scale=1.3, ellipse=True, draw_scores=False,
            ffmpeg_config={"codec": "libx264"},
        )  # fmt: skip
        took.append(used() - before)
    print(json.dumps(took))


def used() -> float:
    """CPU seconds of this process and of the helpers that have ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in both)


def pin() -> None:
    """Stay on one core."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def processor() -> str:
    """What the machine says that it computes with."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def per_picture(clock: Clock) -> dict[str, float]:
    """Milliseconds of each stage."""
    return {stage: round(1000 * spent / clock.pictures, 2) for stage, spent in clock.stages().items()}


def compare(seconds: int, rounds: int, folder: Path) -> dict[str, object]:
    """Let both work in turns on the same pictures."""
    each = max(seconds * FPS // rounds // GOP, 2) * GOP
    busy, quiet = filmed(True, each * rounds), filmed(False, each * rounds)
    if busy.changing < LEAST:
        raise SystemExit(f"the crowd changes {busy.changing:.0%} of the blocks; at least {LEAST:.0%} are to change")
    everywhere = os.sched_getaffinity(0)
    short = written(busy, 0, GOP, folder / "short.mp4")
    detector = load_detector()
    ours = [Pipeline(film, detector) for film in (busy, quiet)]
    theirs = dict.fromkeys(SETTINGS, 0.0)
    for number in range(rounds):
        pin()
        for pipeline in ours:
            pipeline.play(each)
        os.sched_setaffinity(0, everywhere)
        part = written(busy, number * each, each, folder / f"{number}.mp4")
        for setting in SETTINGS:
            begin, whole = peer(setting, [short, part])
            theirs[setting] += (whole - begin) / (each - GOP)
    streams = {setting: 1 / FPS / (spent / rounds) for setting, spent in theirs.items()}
    fastest = max(SETTINGS[:-1], key=lambda setting: streams[setting])
    return {
        "cpu": processor(),
        "ours_streams_per_core_busy": round(ours[0].clock.streams(), 1),
        "ours_streams_per_core_quiet": round(ours[1].clock.streams(), 1),
        "peer_streams_per_core": round(streams[fastest], 2),
        "ratio": round(ours[0].clock.streams() / streams[fastest], 1),
        "ms_per_frame": per_picture(ours[0].clock),
        "ms_per_frame_quiet": per_picture(ours[1].clock),
        "changing_blocks": {"busy": round(busy.changing, 3), "quiet": round(quiet.changing, 3)},
        "frames": each * rounds,
        "peer": f"deface, {fastest}",
        "peer_settings": {setting: round(each, 2) for setting, each in streams.items()},
    }


def main() -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=60, help="of each scene, certification left out")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        be_the_peer(arguments.peer[0], arguments.peer[1:])
        return
    with tempfile.TemporaryDirectory(prefix="custodes-mask-") as folder:
        print(json.dumps(compare(arguments.seconds, arguments.rounds, Path(folder))))


if __name__ == "__main__":
    main()

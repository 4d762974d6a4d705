# SPDX-License-Identifier: AGPL-3.0-or-later
"""Recording: the product's recorder against one ``ffmpeg -c copy -f segment`` per camera (Frigate's way), in turns.

Cameras are GStreamer's RTSP server, a process of its own: 1080p25 H.264 at 4 Mbit/s over TCP. Ours seals, splits keys,
signs manifests and syncs to the disk; CPU seconds and proportional memory are those of the whole process tree. Every
picture that was recorded is opened afterwards with the custodians' keys and compared with what was sent.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.recording_rig import (
    Deployment,
    GStreamerCameras,
    Peak,
    cpu_seconds,
    deployment,
    noise_film,
    process_tree,
    wait_for,
)

from custodes.domain.ids import CameraId
from custodes.video import nal

FPS, GOP, BITS_PER_S, SECONDS = 25, 50, 4_000_000, 20
SETTLE_S = 5.0


@dataclass
class Turn:
    """What one side took in one turn."""

    cpu_s: float
    pss_mb: float


def ours(made: Deployment, cameras: list[CameraId], seconds: float) -> Turn:
    """The recorder's turn."""
    made.start()
    assert made.recorder is not None
    root = made.recorder.pid
    segments = made.layout.store / "segments"
    before = {camera: sum(1 for _ in (segments / camera).rglob("*.segment")) for camera in cameras}
    wait_for(
        "every camera is recorded",
        lambda: all(sum(1 for _ in (segments / each).rglob("*.segment")) > before[each] for each in cameras),
    )
    turn = measured([root], seconds)
    made.stop()
    return turn


def peer(urls: list[str], folder: Path, seconds: float) -> Turn:
    """ffmpeg's turn, with the arguments that Frigate uses."""
    folder.mkdir(exist_ok=True)
    started = [
        subprocess.Popen(
            ["ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-i", url, "-c", "copy", "-an", "-f", "segment",
             "-segment_time", "10", "-segment_format", "mp4", "-reset_timestamps", "1", "-strftime", "1",
             str(folder / f"{number}-%Y%m%d%H%M%S.mp4")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for number, url in enumerate(urls)
    ]  # fmt: skip
    try:
        wait_for("ffmpeg records", lambda: len({path.name.split("-")[0] for path in folder.iterdir()}) == len(urls))
        return measured([each.pid for each in started], seconds)
    finally:
        for each in started:
            each.terminate()
        for each in started:
            each.wait()
        shutil.rmtree(folder)


def measured(roots: list[int], seconds: float) -> Turn:
    """CPU seconds and peak memory of process trees, once they have settled."""
    time.sleep(SETTLE_S)
    peak = Peak(roots)
    peak.start()
    before = cpu_seconds([pid for root in roots for pid in process_tree(root)])
    time.sleep(seconds)
    after = cpu_seconds([pid for root in roots for pid in process_tree(root)])
    peak.stop()
    return Turn(after - before, peak.peak)


def compare(made: Deployment, camera: CameraId, sent: list[bytes]) -> tuple[int, int]:
    """Pictures sent between the first and last recorded one of each connection, and pictures recorded."""
    places = {picture: number for number, picture in enumerate(sent)}
    expected = recorded = 0
    last: int | None = None
    for unit in made.nals(camera):
        if not nal.is_slice(unit):
            continue
        place = places.get(unit)
        if place is None:
            raise AssertionError("a picture was recorded that was never sent")
        # A connection begins with the film's first picture.
        step = 1 if last is None or place == 0 else (place - last) % len(sent)
        expected, recorded, last = expected + step, recorded + 1, place
    return expected, recorded


def main() -> None:
    """Run both in turns and print one JSON line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cameras", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="custodes-record-") as name:
        folder = Path(name)
        source = noise_film(folder / "film.h264", 1920, 1080, FPS, SECONDS, BITS_PER_S, GOP)
        sent = [unit for unit in nal.split_annexb(source.read_bytes()) if nal.is_slice(unit)]
        cameras = GStreamerCameras(source, arguments.cameras, FPS)
        turns: list[tuple[Turn, Turn]] = []
        try:
            with deployment(folder) as made:
                ids = [made.add(url) for url in cameras.urls]
                made.witness()
                for _ in range(arguments.rounds):
                    one = ours(made, ids, arguments.seconds)
                    turns.append((one, peer(cameras.urls, folder / "peer", arguments.seconds)))
                counts = [compare(made, camera, sent) for camera in ids]
        finally:
            cameras.stop()
    cpu, theirs = (sum(turn[side].cpu_s for turn in turns) for side in (0, 1))
    memory, their_memory = (max(turn[side].pss_mb for turn in turns) for side in (0, 1))
    facts = {
        "cameras": arguments.cameras,
        "ours_cpu_s": round(cpu, 2),
        "peer_cpu_s": round(theirs, 2),
        "cpu_ratio": round(cpu / theirs, 3),
        "ours_pss_mb": round(memory, 1),
        "peer_pss_mb": round(their_memory, 1),
        "memory_ratio": round(memory / their_memory, 3),
        "packets_sent": sum(sent for sent, _ in counts),
        "packets_recorded": sum(recorded for _, recorded in counts),
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    main()

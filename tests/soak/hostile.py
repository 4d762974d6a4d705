# SPDX-License-Identifier: AGPL-3.0-or-later
"""Hostile cameras beside good ones, in one shard of the product's recorder: who is hurt? Prints one JSON line.

Six fuzzing peers (``tests/faults/fuzz_camera.py``) and four cameras on GStreamer's RTSP server are recorded for ten
minutes by one process. Afterwards the good ones must have lost nothing, and the process must still be the same.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.recording_rig import GStreamerCameras, deployment, process_tree, pss_mb, wait_for
from tests.soak.judge import Judgement, chained, holes
from tests.soak.soak import FPS, film

from custodes.node.store import tables

HOSTILE, GOOD = 6, 4


def main() -> None:
    """Run, judge, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="custodes-hostile-") as name:
        sys.stdout.write(json.dumps(hostile(Path(name), arguments.seconds, arguments.seed)) + "\n")


def fuzzers(seconds: float, seed: int) -> tuple[list["subprocess.Popen[str]"], list[str]]:
    """The peers and their addresses; each ends by itself."""
    started, urls = [], []
    for number in range(HOSTILE):
        words = ["-m", "tests.faults.fuzz_camera", "--seconds", str(seconds + 60), "--seed", str(seed + number)]
        process = subprocess.Popen(
            [sys.executable, *words, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert process.stdout is not None
        urls.append(json.loads(process.stdout.readline())["url"])
        started.append(process)
    return started, urls


def hostile(folder: Path, seconds: float, seed: int) -> dict[str, float]:
    """Record both for so long."""
    good = GStreamerCameras(film(folder / "film.h264"), GOOD, FPS)
    peers, urls = fuzzers(seconds, seed)
    try:
        with deployment(folder) as made:
            cameras = [made.add(url) for url in good.urls]
            enemies = [made.add(url) for url in urls]
            made.witness()
            made.start()
            assert made.recorder is not None
            segments = made.layout.store / "segments"
            wait_for(
                "every camera is recorded", lambda: all(list((segments / each).rglob("*.segment")) for each in cameras)
            )
            shards = set(process_tree(made.recorder.pid)[1:])
            time.sleep(min(30.0, seconds / 4))
            before = pss_mb(process_tree(made.recorder.pid))
            time.sleep(seconds)
            after = pss_mb(process_tree(made.recorder.pid))
            lost = len(shards - set(process_tree(made.recorder.pid)))
            made.stop()
            judged = Judgement()
            for camera in cameras:
                holes(made, camera, chained(made, camera), judged)
            rows = tables.camera_health.c
            counts = made.store.read(sa.select(rows.camera, rows.connections).where(rows.camera.in_(enemies)))
            lasting = sum(len(chained(made, each)) for each in enemies)
    finally:
        good.stop()
        for peer in peers:
            peer.kill()
            peer.wait()
            assert peer.stdout is not None
            peer.stdout.close()
    return {
        "seconds": seconds,
        "hostile_connections": sum(row.connections for row in counts),
        "hostile_periods": lasting,
        "good_gaps": judged.gaps,
        "shards_lost": lost,
        "rss_growth_mb": round(after - before, 1),
    }


if __name__ == "__main__":
    main()

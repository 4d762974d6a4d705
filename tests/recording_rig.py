# SPDX-License-Identifier: AGPL-3.0-or-later
"""A deployment to record with: registered cameras, the product's own recorder process, and custodians who open it all.

For tests, benchmarks and the soak. What is measured or checked is read from the store and opened with the custodians'
keys; nothing is asked of the recorder itself.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from custodes.clock import SECOND, Instant, SystemClock
from custodes.domain import canonical
from custodes.domain.ids import CameraId, Epoch, PeriodId
from custodes.domain.register import LegalBasis, Purpose, RegisterEntry
from custodes.domain.video import StreamUrl
from custodes.node.acts import cameras, register
from custodes.node.config import Layout
from custodes.node.queries import custody
from custodes.node.runtime.sequencer import Sequencer, _WitnessTurn
from custodes.node.runtime.setup import Plan, WitnessAt, initialise
from custodes.node.store import Store, names
from custodes.trust.seal.custodians import Custodian, CustodianSet
from custodes.trust.seal.manifest import ClosingManifest, OpeningManifest, parse_closing, parse_opening
from custodes.trust.seal.segment import open_record
from custodes.trust.seal.shares import PeriodKeys, combine_shares, open_share, read_shares
from custodes.trust.seal.signing import SigningKey
from custodes.trust.seal.wrapping import WrappingKey
from custodes.trust.tlog.note import Ed25519Cosigner, parse_vkeys
from custodes.trust.tlog.witness import FolderStates, Witness, WitnessClient
from custodes.video import cmaf_read

SYSTEM_PYTHON = "/usr/bin/python3"
GSTREAMER = Path(__file__).parent / "ingest_gstreamer.py"
_DAY = 86_400 * SECOND


def noise_film(path: Path, width: int, height: int, fps: int, seconds: int, bits_per_s: int, gop: int) -> Path:
    """H.264 of a constant bit rate, one slice a picture, no picture like another."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, fps), Fraction(fps)
    encoder.bit_rate, encoder.gop_size, encoder.max_b_frames = bits_per_s, gop, 0
    rate = f"nal-hrd=cbr:vbv-maxrate={bits_per_s // 1000}:vbv-bufsize={bits_per_s // 1000}:slices=1:scenecut=0"
    encoder.options = {"preset": "ultrafast", "x264-params": rate}
    encoder.thread_count = 1
    noise = np.random.default_rng(7).integers(0, 255, (height + 120, width + 128), np.uint8)
    chroma = np.full((height // 2, width), 128, np.uint8)
    with path.open("wb") as out:
        for number in range(fps * seconds):
            left, top = number % 128, number % 120
            luma = noise[top : top + height, left : left + width] // 4 + 64
            frame = av.VideoFrame.from_ndarray(np.vstack([luma, chroma]), format="yuv420p")
            frame.pts = number
            for packet in encoder.encode(frame):
                out.write(bytes(packet))
        for packet in encoder.encode(None):
            out.write(bytes(packet))
    return path


class GStreamerCameras:
    """``count`` mounts of one film on GStreamer's RTSP server; ``stats`` counts the pictures that were pushed."""

    def __init__(self, film: Path, count: int, fps: int, stats: Path | None = None, port: int = 0) -> None:
        words = [SYSTEM_PYTHON, str(GSTREAMER), str(film), str(port), str(fps), "--count", str(count)]
        words += ["--stats", str(stats)] if stats else []
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        self.urls = [f"rtsp://127.0.0.1:{self.port}/cam{number}" for number in range(count)]

    def stop(self, number: int = signal.SIGKILL) -> None:
        self.process.send_signal(number)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@dataclass
class Deployment:
    """A node that was initialised below ``root``, two of three custodians, a witness in this process."""

    layout: Layout
    store: Store
    wrapping: list[WrappingKey]
    sequencer: Sequencer
    recorder: "subprocess.Popen[bytes] | None" = None
    environment: dict[str, str] = field(default_factory=dict)

    def add(self, url: str, name: str = "camera", retention_hours: int = 24) -> CameraId:
        """A camera that is registered; it may record as soon as ``witness`` was called."""
        camera = cameras.add_camera(self.store, name, StreamUrl(url), StreamUrl(url))
        self.register(camera, name, retention_hours)
        return camera

    def register(self, camera: CameraId, name: str = "camera", retention_hours: int = 24) -> None:
        """Publish a register entry for the camera."""
        now = self.store.clock.now()
        entry = RegisterEntry(
            camera, name, Purpose.ACCESS, "", LegalBasis.PUBLIC_TASK, "", "Town", "town@example", retention_hours,
            now, Instant(now + 30 * _DAY), 0, 0, 0, 60, 300, 2_000, "4 mm", os.urandom(16),
        )  # fmt: skip
        register.publish_entry(self.store, entry)

    def witness(self) -> None:
        """Bring everything that was done into the witnessed log."""
        self.sequencer.step()
        self.sequencer.step()

    def start(self) -> None:
        """Start the recorder as ``custodes run`` does."""
        words = [sys.executable, "-m", "custodes.cli.worker", "recorder", "--dir", str(self.layout.root)]
        with (self.layout.root / "run" / "recorder.log").open("ab") as log:
            self.recorder = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **self.environment}
            )

    def stop(self) -> None:
        """End it in good order."""
        if self.recorder is not None:
            self.recorder.terminate()
            self.recorder.wait(60)
            self.recorder = None

    def periods(self, camera: CameraId) -> list[PeriodId]:
        """The periods that were closed, in order."""
        folder = self.layout.store / "manifests" / camera
        found = [str(path.relative_to(self.layout.store)) for path in folder.rglob("*.closing")]
        return sorted(names.period_of(name) for name in found)

    def manifests(self, period: PeriodId) -> tuple[OpeningManifest, ClosingManifest]:
        """Both manifests, verified."""
        keys = custody.parsed_policy(self.store).recorder_keys
        opening, closing = (self.store.objects.get(name(period)) for name in (names.opening, names.closing))
        return parse_opening(opening, keys), parse_closing(closing, keys)

    def fragments(self, period: PeriodId) -> Iterator[bytes]:
        """The plaintext of a closed period, opened with two custodians' keys: init segment, then fragments."""
        opening, closing = self.manifests(period)
        header = opening.sealed.digest
        boxes = read_shares(canonical.load_object(self.store.objects.get(names.shares(period))), header, opening.shares)
        shares = [
            open_share(boxes[number], opening.sealed, opening.shares[number], self.wrapping[number])
            for number in range(opening.sealed.quorum.k)
        ]
        keys = PeriodKeys.derive(combine_shares(shares, header, opening.key_commitment), header)
        for record in closing.fragments:
            data = self.store.objects.get(names.segment(period), record.offset, record.length)
            yield open_record(keys, header, record, data)

    def nals(self, camera: CameraId) -> Iterator[bytes]:
        """Every NAL unit that was recorded of a camera, in order."""
        for period in self.periods(camera):
            for fragment in list(self.fragments(period))[1:]:
                yield from cmaf_read.fragment_nals(fragment)


@contextmanager
def deployment(root: Path) -> Iterator[Deployment]:
    """Set a node up below ``root``; its recorder ends with the block."""
    clock = SystemClock()
    layout = Layout(root / "node")
    cosigner = Ed25519Cosigner("witness.example/one", os.urandom(32), clock)
    wrapping = [WrappingKey.generate() for _ in range(3)]
    members = tuple(
        Custodian(number, f"office {number}", SigningKey.generate().public, key.public)
        for number, key in enumerate(wrapping, 1)
    )
    plan = Plan(CustodianSet(Epoch(1), 2, members), (), (WitnessAt("one", (cosigner.key,), "http://witness.invalid"),))
    initialise(layout, plan, clock)
    (root / "witness").mkdir()
    (layout.root / "run").mkdir(exist_ok=True)
    keys = parse_vkeys((layout.log / "vkey").read_text())
    witness = Witness(FolderStates(root / "witness"), [cosigner], lambda _origin: keys)

    def post(body: bytes) -> tuple[int, bytes]:
        status, _, answer = witness.add_checkpoint(body)
        return status, answer

    store = Store(layout, clock)
    sequencer = Sequencer(store)
    sequencer._witnesses = [_WitnessTurn(WitnessClient([cosigner.key], post))]
    made = Deployment(layout, store, wrapping, sequencer)
    try:
        yield made
    finally:
        made.stop()
        sequencer.log.close()
        store.close()


def process_tree(pid: int) -> list[int]:
    """A process and all its descendants."""
    found = [pid]
    for parent in found:
        try:
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return found


def cpu_seconds(pids: Sequence[int]) -> float:
    """User and system time of these processes and of their children that have ended (proc(5), stat)."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(map(int, fields[11:15]))
    return total / os.sysconf("SC_CLK_TCK")


def pss_mb(pids: Sequence[int]) -> float:
    """Proportional set size, 10^6 bytes (proc(5), smaps_rollup)."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total * 1024 / 1e6


class Peak(threading.Thread):
    """Watches the memory of process trees until ``stop``; ``peak`` is the most that was seen, 10^6 bytes."""

    def __init__(self, roots: Sequence[int], every_s: float = 5.0) -> None:
        super().__init__(daemon=True)
        self.peak = 0.0
        self._roots, self._every_s = roots, every_s
        self._done = threading.Event()

    def run(self) -> None:
        while not self._done.wait(self._every_s):
            self.peak = max(self.peak, pss_mb([pid for root in self._roots for pid in process_tree(root)]))

    def stop(self) -> None:
        self._done.set()
        self.join()


def wait_for(what: str, happened: object, patience_s: float = 60.0) -> None:
    """Wait until ``happened()`` is true; a program that waits in vain says for what."""
    assert callable(happened)
    deadline = time.monotonic() + patience_s
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.1)

# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every step of the write path of originals, failed, failed but done, and cut off by a power failure."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.disk_model import Disk, Inode, watch
from tests.ingest_streams import stream
from tests.node_store import Node, node, permit_of

from custodes.clock import SECOND, Instant
from custodes.domain.ids import CameraId
from custodes.domain.video import Packet, SourceTime, StreamInfo
from custodes.errors import CustodesError
from custodes.node.runtime.recorder.segments import SegmentFiles, recent
from custodes.node.runtime.recorder.vault import Vault
from custodes.node.runtime.recorder.wire import Closed, Report
from custodes.node.store import names
from custodes.node.store.objects import DiskObjects
from custodes.trust.seal.manifest import CloseReason, parse_closing
from custodes.trust.verify.segment import verify_segment
from custodes.video import nal
from custodes.video.ingest.fragmenter import Fragmenter, OriginalFragment

UNITS = stream(100, 320, 180, 25, 25)
SETS = nal.parameter_sets(UNITS[0].nals)
START = Instant(1_790_000_040 * SECOND)


def first_packet() -> Packet:
    unit = UNITS[0]
    return Packet(unit.nals, unit.key, SourceTime(1, 0), START, StreamInfo(320, 180, SETS))


def fragments() -> list[OriginalFragment]:
    fragmenter, info = Fragmenter(), StreamInfo(320, 180, SETS)
    made = []
    for unit in UNITS:
        at = Instant(START + unit.ticks * SECOND // 90_000)
        made += fragmenter.push(Packet(unit.nals, unit.key, SourceTime(1, unit.ticks), at, info))
    return made + fragmenter.flush()


FRAGMENTS = fragments()


@dataclass
class Scene:
    """A recorder's write path, and what it was promised is durable."""

    node: Node
    camera: CameraId
    promised: int = 0
    """Fragments that a sync that returned has made durable."""
    reports: list[Report] = field(default_factory=list)

    def files(self, vault: Vault | None = None) -> SegmentFiles:
        return SegmentFiles(vault or Vault(self.node.layout, self.node.clock), self.camera, self.reports.append)

    def record(self, files: SegmentFiles, start: Instant = START) -> None:
        """One period, a second of the clock per fragment."""
        recording = files.begin(permit_of(self.camera), start, first_packet())
        try:
            for fragment in FRAGMENTS:
                self.node.clock.advance(SECOND)
                recording.write(fragment)
                self.promised += 1
            recording.close(None)
        except CustodesError:
            recording.abandon()
            raise


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with node(tmp_path) as found:
        sequencer = found.sequencer()
        sequencer.step()
        yield Scene(found, found.camera())
        sequencer.log.close()


def check(scene: Scene, store: Path) -> list[CloseReason]:
    """Recover what lies in ``store`` and check what must hold; returns how the periods were closed."""
    vault = Vault(scene.node.layout, scene.node.clock)
    vault.objects = DiskObjects(store)
    objects = vault.objects
    files = scene.files(vault)
    scene.reports.clear()
    files.settle()
    again: list[Report] = list(scene.reports)
    files.settle()
    assert scene.reports == again  # a second recovery finds nothing to do
    openings = recent(vault, scene.camera, ".opening")
    assert recent(vault, scene.camera, ".closing") == openings  # nothing is left open
    reasons, kept = [], 0
    for period in openings:
        opening, closing = (objects.get(name(period)) for name in (names.opening, names.closing))
        assert objects.exists(names.shares(period))  # whoever has the footage can have it opened
        manifest = parse_closing(closing, vault.policy.recorder_keys)
        reasons.append(manifest.reason)
        if manifest.length:
            verify_segment(objects.local_path(names.segment(period)), opening, closing, vault.policy).demand()
        kept += max(0, len(manifest.fragments) - 1)
    closed = {(each.start, each.closing) for each in again if isinstance(each, Closed)}
    assert len(closed) == len(again)
    # What lies a second back was synced: at most the newest fragment may be missing.
    assert kept >= scene.promised - 1
    return reasons


def calls_of(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The system calls of one period, in order."""
    disk = Disk(scene.node.layout.store)
    with monkeypatch.context() as patch:
        watch(disk, patch)
        scene.record(scene.files())
    shutil.rmtree(scene.node.layout.store)
    scene.node.layout.store.mkdir()
    scene.promised = 0
    return disk.calls


TAILS: dict[str, Callable[[Inode], int]] = {
    "only what was synced": lambda _inode: 0,
    "all that was written": lambda inode: len(inode.written) - inode.synced,
    "half of what was not synced": lambda inode: (len(inode.written) - inode.synced) // 2,
}


@pytest.mark.parametrize("tail", TAILS)
def test_a_power_cut_after_any_call_leaves_what_recovery_closes(
    scene: Scene, tail: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[tuple[Path, int]] = []

    def cut(disk: Disk) -> None:
        folder = tmp_path / f"cut{len(left)}"
        folder.mkdir()
        # The model looks at its own calls only; copying must not be noted.
        with monkeypatch.context() as quiet:
            for name, function in real.items():
                quiet.setattr(os_module, name, function)
            disk.after_power_cut(folder, TAILS[tail])
        left.append((folder, scene.promised))

    import os as os_module

    real = {
        name: getattr(os_module, name)
        for name in ("open", "write", "fsync", "fdatasync", "replace", "unlink", "mkdir", "close", "fdopen")
    }
    disk = Disk(scene.node.layout.store, after_call=cut)
    with monkeypatch.context() as patch:
        watch(disk, patch)
        scene.record(scene.files())
    assert len(left) > 30
    seen = set()
    for folder, promised in left:
        scene.promised = promised
        seen.update(check(scene, folder))
    assert seen == {CloseReason.RECOVERED, CloseReason.CUT}


@pytest.mark.parametrize("how", ["before", "after"])
def test_a_call_that_fails_loses_no_promise_and_the_next_period_goes_on(
    scene: Scene, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = calls_of(scene, monkeypatch)
    assert {call.split()[0] for call in calls} >= {"mkdir", "open", "write", "fsync", "fdatasync", "replace"}
    for number in range(len(calls)):
        store = scene.node.layout.store
        disk = Disk(store, fail=lambda at, _call, number=number: how if at == number else None)
        scene.promised = 0
        files = scene.files()
        with monkeypatch.context() as patch:
            watch(disk, patch)
            # A folder that is there although mkdir failed is as good as made, a file that never was as good as gone.
            done = how == "after" and calls[number].startswith(("mkdir", "unlink"))
            with nullcontext() if done else pytest.raises(CustodesError):
                scene.record(files)
            # The disk works again: what is left is settled, and a new period is begun beside it.
            files.settle()
            scene.record(files, Instant(START + 60 * SECOND))
        reasons = check(scene, store)
        assert reasons[-1] is CloseReason.CUT
        assert len(reasons) in (1, 2)
        shutil.rmtree(store)
        store.mkdir()

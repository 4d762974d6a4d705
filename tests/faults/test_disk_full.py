# SPDX-License-Identifier: AGPL-3.0-or-later
"""A disk that is full stops the camera whose disk it is, for as long as it is full, and nobody else."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.browser.web_house import Film, slot_of
from tests.node_store import Node, node, permit_of
from tests.node_town import Town, until

from custodes.clock import MILLISECOND, Instant
from custodes.domain.ids import CameraId, Term
from custodes.domain.video import StreamUrl
from custodes.errors import CustodesError
from custodes.node.queries import custody
from custodes.node.runtime import states
from custodes.node.runtime.bookkeeper import Bookkeeper
from custodes.node.runtime.maskedfiles import MaskedFiles
from custodes.node.runtime.recorder.camera import CameraRecorder
from custodes.node.runtime.recorder.vault import Vault
from custodes.node.runtime.recorder.wire import Report
from custodes.node.store import names, tables
from custodes.trust.verify.segment import verify_segment


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Node]:
    with node(tmp_path) as found:
        sequencer = found.sequencer()
        sequencer.step()
        yield found
        sequencer.log.close()


@pytest.fixture
def tiny(here: Node) -> Iterator[tuple[CameraId, Path]]:
    """A camera whose segments lie on a disk of two megabytes."""
    camera = here.camera("on the tiny disk")
    folder = here.layout.store / "segments" / camera
    folder.mkdir(parents=True)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield camera, folder
    subprocess.run(["umount", str(folder)], check=True)


def state(here: Node, camera: CameraId) -> str:
    rows = here.store.read(sa.select(tables.recording_states).where(tables.recording_states.c.camera == camera))
    return f"{rows[0].state}: {rows[0].cause}" if rows else ""


def size(here: Node, camera: CameraId) -> int:
    return sum(path.stat().st_size for path in (here.layout.store / "segments" / camera).rglob("*.segment"))


def test_recording_resumes_when_there_is_room_again_and_the_others_never_stopped(
    running: Town, here: Node, tiny: tuple[CameraId, Path]
) -> None:
    # The clock of the cameras' packets is the system's.
    camera, folder = tiny
    other = here.camera("on the large disk")
    here.store.clock = running.system.clock
    books = Bookkeeper(here.store)
    vault = Vault(here.layout)

    def report(message: Report) -> None:
        books.note(states.row(message))

    recorders = [
        CameraRecorder(vault, report, StreamUrl(running.system.main_url.value), permit_of(each))
        for each in (camera, other)
    ]
    try:
        until(lambda: "down: the disk" in state(here, camera), "the disk is full")
        before = size(here, other)
        until(lambda: size(here, other) > before + 500_000, "the other camera goes on")
        assert state(here, other).startswith("recording")
        assert recorders[0].running
        descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counted, not walked
        subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)
        until(lambda: state(here, camera).startswith("recording"), "it records again")
        grown = size(here, camera)
        until(lambda: size(here, camera) > grown + 500_000, "and goes on")
        # The connection to the camera and the segment are open again, the broken segment is not.
        assert len(os.listdir("/proc/self/fd")) < descriptors + 20  # noqa: PTH208
    finally:
        for recorder in recorders:
            recorder.stop()
        for recorder in recorders:
            recorder.join()
        books.close()
    reasons = []
    for period in (names.period_of(name) for name in here.store.objects.names("manifests") if "opening" in name):
        opening, closing = (here.store.objects.get(name(period)) for name in (names.opening, names.closing))
        path = here.store.objects.local_path(names.segment(period))
        if path.exists():
            verify_segment(path, opening, closing, custody.parsed_policy(here.store)).demand()
        reasons.append((period.camera == camera, b'"recovered"' in closing))
    assert (True, True) in reasons
    assert (False, True) not in reasons
    assert len(here.store.read(sa.select(tables.periods))) == len(reasons)


def test_a_full_disk_for_masked_video_leaves_no_open_file_behind(here: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    camera = here.camera()
    books = Bookkeeper(here.store)
    files, film = MaskedFiles(here.store, books, camera, Term(1)), Film(camera, 0)
    slot = slot_of(time.time_ns())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def shoot(fragments: int) -> int:
        nonlocal slot
        failed = written = 0
        while written < fragments:
            for fragment in film.shoot(slot, None):
                written += 1
                try:
                    files.write(fragment)
                except CustodesError:
                    failed += 1
                    files.abandon()
            slot = Instant(slot + 200 * MILLISECOND)
        return failed

    assert shoot(3) == 0
    open_files = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    monkeypatch.setattr(os, "write", full)
    failed = shoot(60)
    monkeypatch.undo()
    assert failed > 3
    assert len(os.listdir("/proc/self/fd")) <= open_files  # noqa: PTH208
    assert shoot(12) == 0
    files.close()
    books.close()
    minutes = here.store.read(sa.select(tables.masked_minutes).where(tables.masked_minutes.c.camera == camera))
    assert len(minutes) >= 1

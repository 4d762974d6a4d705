# SPDX-License-Identifier: AGPL-3.0-or-later
"""Processes are kept running, never twice, and never left behind; rows are written whatever one of them is like."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.node_store import Node, node
from tests.node_town import until

from custodes.clock import Instant
from custodes.domain.ids import CameraId
from custodes.errors import CustodesError, Kind, unavailable
from custodes.node.queries.views import RecordingState
from custodes.node.runtime import states
from custodes.node.runtime.bookkeeper import Bookkeeper
from custodes.node.runtime.supervisor import Supervisor, only_one
from custodes.node.store import tables

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
_DEAF = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
DEAF = [sys.executable, "-c", _DEAF]


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    said: list[str] = []
    found = Supervisor(said.append)
    yield found
    found.stop()


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


_SIGNALLED = """
import os, signal, threading
from custodes.node.runtime.supervisor import stop_on_signals
stop = stop_on_signals()
with stop._cond:
    os.kill(os.getpid(), signal.SIGTERM)
print("stopped" if stop.wait(60) else "never", flush=True)
"""


def test_a_signal_in_the_middle_of_waiting_does_not_wait_for_itself() -> None:
    ran = subprocess.run([sys.executable, "-c", _SIGNALLED], capture_output=True, text=True, timeout=120, check=False)
    assert (ran.stdout, ran.returncode) == ("stopped\n", 0), ran.stderr


def test_what_ends_is_started_again_and_said(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor(said.append)
    child = supervisor.start("sleeper", SLEEPER, tmp_path / "log")
    assert child.process is not None
    first = child.process.pid
    child.process.kill()

    def again() -> bool:
        supervisor.check()
        return child.process is not None and child.process.pid != first

    until(again, "it is started again")
    assert child.restarts == 1
    assert said
    assert "sleeper ended with -9" in said[0]
    supervisor.stop()


def test_what_ends_at_once_is_started_less_and_less_often(supervisor: Supervisor, tmp_path: Path) -> None:
    child = supervisor.start("failing", [sys.executable, "-c", "raise SystemExit(3)"], tmp_path / "log")
    pauses: list[float] = []

    def several() -> bool:
        before = child.restarts
        supervisor.check()
        if child.restarts > before:
            pauses.append(child.due)
            child.due = 0.0  # the pause was noted; the test does not sit through it
        return len(pauses) >= 4

    until(several, "it has ended four times")
    assert child.restarts == 4


def test_a_stopped_supervisor_starts_nothing_and_leaves_nothing(supervisor: Supervisor, tmp_path: Path) -> None:
    children = [supervisor.start(str(number), SLEEPER, tmp_path / "log") for number in range(3)]
    pids = [child.process.pid for child in children if child.process]
    supervisor.stop()
    assert not any(alive(pid) for pid in pids)
    supervisor.check()
    assert not supervisor.children


def test_a_child_that_does_not_listen_is_killed(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custodes.node.runtime.supervisor._STOP_S", 0.2)
    child = supervisor.start("deaf", DEAF, tmp_path / "log")
    until(lambda: (tmp_path / "log").read_text(), "it has stopped listening")
    process = child.process
    assert process is not None
    supervisor.stop_child(child)
    assert process.returncode == -9


def test_a_role_is_claimed_once_and_freed_when_its_process_dies(tmp_path: Path) -> None:
    claim = (
        "import sys, time; from pathlib import Path; from custodes.node.runtime.supervisor import only_one;"
        "only_one(Path(sys.argv[1]), 'recorder'); print('claimed', flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", claim, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "claimed\n"
    with pytest.raises(CustodesError) as problem:
        only_one(tmp_path, "recorder")
    assert problem.value.kind is Kind.CONFLICT
    only_one(tmp_path, "masker")
    process.kill()
    process.wait()
    process.stdout.close()
    only_one(tmp_path, "recorder")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Node]:
    with node(tmp_path) as found:
        yield found


def recorded(here: Node) -> dict[str, str]:
    rows = tables.recording_states.c
    return {row.camera: row.state for row in here.store.read(sa.select(rows.camera, rows.state))}


def test_rows_are_written_in_order_and_before_the_books_are_closed(here: Node) -> None:
    camera = here.camera()
    books = Bookkeeper(here.store)
    for state in (RecordingState.CONNECTING, RecordingState.RECORDING, RecordingState.DOWN):
        books.note(states.recording_state(camera, state, "", Instant(1)))
    books.close()
    assert recorded(here) == {camera: "down"}


def test_rows_wait_while_the_catalogue_cannot_be_written(here: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    camera = here.camera()
    tried = threading.Event()

    def locked() -> object:
        tried.set()
        raise unavailable("the catalogue is locked")

    monkeypatch.setattr("custodes.node.runtime.bookkeeper._RETRY_S", 0.05)
    monkeypatch.setattr(here.store, "begin", locked)
    books = Bookkeeper(here.store)
    books.note(states.recording_state(camera, RecordingState.RECORDING, "", Instant(1)))
    assert tried.wait(60)
    monkeypatch.setattr(here.store, "begin", type(here.store).begin.__get__(here.store))
    until(lambda: recorded(here) == {camera: "recording"}, "the row is written")
    books.close()


def test_a_row_that_the_catalogue_never_takes_does_not_keep_the_others_from_it(
    here: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    cameras = [here.camera(str(number)) for number in range(4)]
    books = Bookkeeper(here.store)
    for camera in (cameras[0], CameraId("z" * 26), *cameras[1:]):
        books.note(states.recording_state(camera, RecordingState.RECORDING, "", Instant(1)))
    books.close()
    assert set(recorded(here)) == set(cameras)
    assert "left out of the catalogue" in capsys.readouterr().err

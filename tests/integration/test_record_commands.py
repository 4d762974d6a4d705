# SPDX-License-Identifier: AGPL-3.0-or-later
"""From a camera that is not ours to an opened bundle, with the product's commands alone."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.ingest_streams import Unit, annexb, stream
from tests.node_town import refused, until

from custodes.cli.worker import ROLES
from custodes.demo.processes import Announced, Ran, custodes
from custodes.trust.custody.clip import nal_units

PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).parents[1] / "ingest_gstreamer.py"
NEEDED = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
MAIN, SUB = stream(300, 1280, 720, 25, 50), stream(100, 640, 360, 5, 10)
RECORDED = 12
"""Seconds of the camera that are certainly enough."""


@pytest.fixture(scope="module", autouse=True)
def _tools() -> None:
    if not Path(PYTHON).exists() or subprocess.run([PYTHON, "-c", NEEDED], capture_output=True, check=False).returncode:
        pytest.skip("needs python3-gi, gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-{base,good,bad}")


def camera_of(folder: Path, name: str, units: tuple[Unit, ...], fps: int) -> tuple[subprocess.Popen[str], str]:
    """GStreamer's RTSP server with one stream; returns its process and address."""
    film = folder / f"{name}.h264"
    film.write_bytes(annexb(units))
    process = subprocess.Popen(
        [PYTHON, str(SERVER), str(film), "0", str(fps)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    return process, f"rtsp://127.0.0.1:{int(process.stdout.readline())}/stream"


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Main and sub stream of a camera."""
    folder = tmp_path_factory.mktemp("camera")
    started = [camera_of(folder, "main", MAIN, 25), camera_of(folder, "sub", SUB, 5)]
    yield started[0][1], started[1][1]
    for process, _ in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@dataclass
class Office:
    """A deployment made by commands: everybody's folder, and the running node."""

    root: Path
    port: int
    node: "subprocess.Popen[bytes] | None" = None

    @property
    def dir(self) -> Path:
        return self.root / "node"

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def run(self) -> None:
        """``custodes run`` in the background."""
        with (self.root / "run.log").open("ab") as log:
            self.node = subprocess.Popen(
                [sys.executable, "-m", "custodes", "run", "--dir", str(self.dir), "--port", str(self.port)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        until(lambda: self.answers() and len(self.workers()) == len(ROLES), "the node answers")

    def answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def workers(self) -> list[int]:
        """The processes that ``custodes run`` has started."""
        assert self.node is not None
        try:
            return list(map(int, Path(f"/proc/{self.node.pid}/task/{self.node.pid}/children").read_text().split()))
        except FileNotFoundError:
            return []

    def do(self, *words: str | Path) -> Ran:
        return custodes(*words[:2], "--dir", self.dir, *words[2:])

    def camera(self, name: str) -> str:
        """What ``custodes camera show`` says of the camera."""
        ran = self.do("camera", "show", name, "--json")
        return str(ran.json()["state"]) if ran.code == 0 else ran.errors


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Keys, witness, deployment and node, by commands."""
    root = tmp_path_factory.mktemp("office")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    found = Office(root, port)
    for number in (1, 2, 3):
        custodes("custodian", "keygen", "--dir", root / str(number), "--label", f"office {number}", "--json").json()
    custodes("disclosure", "keygen", "--dir", root / "court", "--label", "district court", "--json").json()
    witness = Announced(
        ["custodes", "log", "witness", "--dir", root / "witness", "--name", "witness.test/w", "--port", "0"],
        root / "witness.log",
    )
    try:
        url = witness.ready()["url"]
        statements = [word for number in "123" for word in ("--custodian", root / number / "statement.json")]
        made = custodes(
            "init", "--dir", found.dir, *statements, "--quorum", "2", "--requester", root / "court" / "statement.json",
            "--witness", f"w={url}={root / 'witness' / 'vkey'}", "--json",
        ).json()  # fmt: skip
        custodes("log", "witness", "--dir", root / "witness", "--trust", found.dir / "log" / "vkey")
        for party, folder in (*(("custodian", str(number)) for number in (1, 2, 3)), ("disclosure", "court")):
            custodes(party, "trust", "--dir", root / folder, "--policy", made["policy"], "--json").json()
        found.run()
        yield found
    finally:
        if found.node is not None and found.node.poll() is None:
            found.node.terminate()
            found.node.wait(60)
        witness.stop()


@pytest.fixture(scope="module")
def recorded(office: Office, addresses: tuple[str, str]) -> str:
    """A camera that was added, registered, recorded for a while, and removed."""
    main, sub = addresses
    camera: str = office.do("camera", "add", "--name", "Gate", "--main", main, "--sub", sub, "--json").json()["camera"]
    assert office.camera(camera) == "dark"
    office.do(
        "register", "add", "--camera", camera, "--purpose", "access", "--basis", "legitimate_interest",
        "--owner", "Town", "--contact", "town@example", "--retention-hours", "24", "--latitude", "51.3",
        "--longitude", "7.2", "--direction", "10", "--field-of-view", "60", "--height", "3", "--range", "20",
        "--lens", "4 mm", "--json",
    ).json()  # fmt: skip
    enough = sum(len(nal) for unit in MAIN for nal in unit.nals) * RECORDED * 25 // len(MAIN)
    folder = office.dir / "store" / "segments" / camera
    until(lambda: sum(path.stat().st_size for path in folder.rglob("*.segment")) > enough, "the camera is recorded")
    assert office.camera(camera) == "recording"
    assert office.do("camera", "remove", camera).code == 0
    return camera


def test_a_foreign_camera_is_recorded_and_opened_nal_for_nal(office: Office, recorded: str) -> None:
    manifests = office.dir / "store" / "manifests" / recorded
    until(lambda: list(manifests.rglob("*.closing")), "its period is closed")
    starts = [int(path.name.partition("-")[0]) for path in sorted(manifests.rglob("*.closing"))]
    begin = f"{_utc(starts[0] + 1_000)}Z"
    end = f"{_utc(starts[0] + 9_000)}Z"
    where = ("--dir", office.root / "court", "--server", office.url)
    asked = custodes(
        "disclosure", "request", *where, "--camera", recorded, "--from", begin, "--until", end,
        "--purpose", "theft", "--basis", "public_task", "--case", "7 Js 1/26", "--json",
    )  # fmt: skip
    request = asked.json()["request"]

    def verified() -> bool:
        ran = custodes("custodian", "pending", "--dir", office.root / "1", "--server", office.url, "--json")
        return [(each["id"], each["problem"]) for each in ran.json()] == [(request, "")]

    until(verified, "the request is in the witnessed log, and its minutes are committed to")
    refused(custodes("disclosure", "open", *where, request), "0 of 2 custodians")
    for number in "12":
        custodes("custodian", "grant", "--dir", office.root / number, "--server", office.url, request, "--json").json()
    opened = custodes("disclosure", "open", *where, request, "--json").json()
    assert custodes("verify", "bundle", opened["bundle"], "--policy", office.dir / "policy").code == 0

    pushed = [nal for unit in MAIN for nal in unit.nals]
    for clip in opened["clips"]:
        found = list(nal_units(Path(clip).read_bytes()))
        # Parameter sets stand before every key picture: the first slice says where in the loop the clip begins.
        at = next(number for number, nal in enumerate(found) if nal[0] & 31 in (1, 5))
        first = pushed.index(found[at]) - at
        assert first >= 0
        assert len(found) > 25 * (RECORDED - 4)
        assert found == [pushed[(first + number) % len(pushed)] for number in range(len(found))]


def _utc(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def test_a_second_node_in_the_same_folder_is_refused(office: Office) -> None:
    refused(custodes("run", "--dir", office.dir, "--port", "0"), "another node is running")
    statements = [word for number in "12" for word in ("--custodian", office.root / number / "statement.json")]
    witness = ("--witness", f"w=http://w={office.root / 'witness' / 'vkey'}")
    again = custodes("init", "--dir", office.dir, *statements, "--quorum", "2", *witness)
    refused(again, "holds a deployment already")


def test_a_node_that_is_killed_leaves_no_process_behind_and_starts_again(office: Office, recorded: str) -> None:
    assert office.node is not None
    workers = office.workers()
    assert len(workers) == len(ROLES)
    os.kill(office.node.pid, signal.SIGKILL)
    office.node.wait()
    until(lambda: not any(_alive(worker) for worker in workers), "every worker has ended")
    office.run()
    until(lambda: "cosigned by w" in office.do("status").output, "it is witnessed")
    assert custodes("verify", "log", f"{office.url}/log", "--policy", office.dir / "policy").code == 0
    workers = office.workers()
    office.node.terminate()
    assert office.node.wait(60) == 0
    assert not any(_alive(worker) for worker in workers)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False

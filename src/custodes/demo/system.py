# SPDX-License-Identifier: AGPL-3.0-or-later
"""The whole system on one machine: who is started, in which order, and what each is told."""

import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from custodes.clock import Clock, Instant, SystemClock
from custodes.demo.layout import DemoLayout
from custodes.demo.processes import Announced, custodes
from custodes.demo.town import RETENTION_HOURS, entry_of
from custodes.domain.ids import CameraId, Epoch
from custodes.domain.video import StreamUrl
from custodes.errors import CustodesError, unavailable
from custodes.node.acts import cameras, keys, masks, register, sessions
from custodes.node.queries import Store
from custodes.node.queries import masks as mask_queries
from custodes.node.queries.views import Role
from custodes.node.runtime.setup import Plan, WitnessAt, initialise
from custodes.node.runtime.supervisor import Child, Supervisor
from custodes.trust.custody.policy import Requester
from custodes.trust.custody.statement import parse_custodian, parse_requester
from custodes.trust.seal.custodians import Custodian, CustodianSet
from custodes.trust.tlog.note import parse_vkeys

CUSTODIANS = ("district court", "ombudsman", "civil liberties union")
REQUESTERS = ("police department", "data protection officer")
QUORUM = 2
CERTIFY_AFTER_S = 30
STEWARD = "the demonstration's steward"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asked for."""

    port: int
    cameras: int
    videos: tuple[Path, ...]
    seed: int


class System:
    """Cameras, witness, custodians, requester and node: started by ``start``, ended by ``stop``."""

    def __init__(self, layout: DemoLayout, options: Options, clock: Clock | None = None) -> None:
        self.layout = layout
        self.options = options
        self.clock = clock or SystemClock()
        self.begun = time.monotonic()
        self.begun_at = time.time()
        self.port = options.port or _free_port()
        self.url = f"http://localhost:{self.port}"
        self.supervisor = Supervisor()
        self.cameras: list[CameraId] = []
        self.roles: dict[str, Child] = {}
        self._cameras: Announced | None = None
        self._witness: Announced | None = None
        self.store: Store
        self.main_url = StreamUrl("")

    def start(self) -> None:
        """Start everybody; returns when the web answers and the cameras are registered."""
        _demand_free(self.port)
        options = self.options
        words: list[str | Path] = [
            "custodes.demo.cameras",
            "--folder",
            self.layout.cameras,
            "--seed",
            str(options.seed),
        ]
        words += ["--cameras", str(options.cameras), *(f"--video={video}" for video in options.videos)]
        self._cameras = Announced(words, self.layout.run / "cameras.log")
        self._parties()
        self.store = Store(self.layout.node, self.clock)
        with ThreadPoolExecutor(len(CUSTODIANS)) as pool:
            carried = [pool.submit(self._make_keys, number) for number in range(1, len(CUSTODIANS) + 1)]
            for role in ("sequencer", "web", "masker", "recorder", "keeper", "watch"):
                self._role(role)
            streams = self._cameras.ready()["cameras"]
            # Before any camera is registered: the recorder seals to these keys from the first minute on.
            for each in carried:
                for path in each.result():
                    keys.publish_keys(self.store, path.read_bytes())
        self.main_url = StreamUrl(streams[0]["main"])
        for number, stream in enumerate(streams):
            self._add(number, stream)
        self._answering()

    def _parties(self) -> None:
        """Everybody else's keys, each made by their own program in their own folder; then the deployment."""
        layout = self.layout
        with ThreadPoolExecutor(2) as pool:
            made = [
                pool.submit(
                    custodes, "custodian", "keygen", "--dir", layout.custodian(number), "--label", label, "--json"
                )
                for number, label in enumerate(CUSTODIANS, 1)
            ]
            for folder, label in zip(self._requesters(), REQUESTERS, strict=True):
                made.append(pool.submit(custodes, "disclosure", "keygen", "--dir", folder, "--label", label, "--json"))
            for each in made:
                each.result().json()
        witness = layout.witness
        self._witness = Announced(
            ["custodes", "log", "witness", "--dir", witness, "--name", "witness.example/demo", "--port", "0"],
            layout.run / "witness.log",
        )
        url = str(self._witness.ready()["url"])
        members = tuple(
            Custodian(number, statement.label, statement.identity, statement.wrapping)
            for number, statement in enumerate(
                (parse_custodian(layout.statement(layout.custodian(each))) for each in range(1, len(CUSTODIANS) + 1)), 1
            )
        )
        requesters = [parse_requester(layout.statement(folder)) for folder in self._requesters()]
        plan = Plan(
            custodians=CustodianSet(Epoch(1), QUORUM, members),
            requesters=tuple(Requester(each.label, each.identity) for each in requesters),
            witnesses=(WitnessAt("demo-witness", tuple(parse_vkeys((witness / "vkey").read_text())), url),),
        )
        initialise(layout.node, plan, self.clock)
        _done(custodes("log", "witness", "--dir", witness, "--trust", layout.node.log / "vkey"))
        for number in range(1, len(CUSTODIANS) + 1):
            # By a trusted way, once: in real life on paper or a memory stick.
            _done(custodes("custodian", "trust", "--dir", layout.custodian(number), "--policy", layout.node.policy))
        for folder in self._requesters():
            _done(custodes("disclosure", "trust", "--dir", folder, "--policy", layout.node.policy))

    def _requesters(self) -> tuple[Path, Path]:
        """Who may ask for originals: the police, and the steward for those who ask for the footage of themselves."""
        return self.layout.requester, self.layout.steward

    def _make_keys(self, number: int) -> list[Path]:
        """Have a custodian make the wrapping keys of the next weeks; returns the documents that are carried over."""
        folder, carried = self.layout.custodian(number), self.layout.carried(number)
        carried.mkdir(mode=0o700)
        words = ("custodian", "rotate", "--dir", folder, "--server", carried, "--hours", str(RETENTION_HOURS))
        _done(custodes(*words))
        return sorted(carried.glob("keys-*.json"))

    def _role(self, role: str) -> None:
        argv = [sys.executable, "-m", "custodes.cli.worker", role, "--dir", str(self.layout.root)]
        if role == "web":
            argv += ["--port", str(self.port), "--tour", str(self.layout.tour)]
        self.roles[role] = self.supervisor.start(role, argv, self.layout.run / f"{role}.log")

    def _add(self, number: int, stream: dict[str, Any]) -> None:
        name, entry = entry_of(number)
        camera = cameras.add_camera(self.store, name, StreamUrl(stream["main"]), StreamUrl(stream["sub"]))
        register.publish_entry(self.store, entry(camera, name, self.clock.now(), self.store.entropy(16)))
        self.cameras.append(camera)

    def _answering(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            self.supervisor.check()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise unavailable(f"the web did not start: see {self.layout.run / 'web.log'}")

    def link(self, role: Role) -> str:
        """A one-time link for a new person of that role."""
        return f"{self.url}/enter/{sessions.issue_link(self.store, role.value)}"

    def certify(self) -> bool:
        """Certify every reference picture that is complete and not certified yet; True once all are certified."""
        missing = 0
        for camera in self.cameras:
            if mask_queries.certified_at(self.store, camera) is None:
                try:
                    masks.certify(self.store, camera, STEWARD)
                except CustodesError:
                    missing += 1  # still learning
        return not missing

    def stop_recording(self) -> None:
        """End recorder and masker, so that every period is closed; log and web stay up."""
        for role in ("masker", "recorder"):
            child = self.roles.pop(role, None)
            if child is not None:
                self.supervisor.stop_child(child)

    def stop(self) -> None:
        """End everybody."""
        self.supervisor.stop()
        for program in (self._witness, self._cameras):
            if program is not None:
                program.stop()

    def now(self) -> Instant:
        return self.clock.now()

    def running_for(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.begun


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _demand_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise unavailable(f"port {port} is in use: choose another with --port") from None


def _done(ran: Any) -> None:
    if ran.code:
        raise unavailable(f"`{ran.command}` failed: {ran.errors.strip()}")

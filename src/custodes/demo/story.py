# SPDX-License-Identifier: AGPL-3.0-or-later
"""The demonstration's story: a disclosure, step by step, each by the program of the party that acts."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from custodes.clock import SECOND, Instant
from custodes.demo.processes import Ran, custodes
from custodes.demo.system import CUSTODIANS, QUORUM, System
from custodes.domain import times
from custodes.domain.ids import CameraId
from custodes.errors import CustodesError, unavailable
from custodes.node.queries import disclosures
from custodes.web.services import TourState, TourStep
from custodes.web.story import write_tour

WINDOW = 20 * SECOND
_STEP_S = 1.0
_PATIENCE_S = 400.0


@dataclass(slots=True)
class Outcome:
    """What the story came to. Paths are None until there is something."""

    request: str = ""
    camera: CameraId | None = None
    granted: int = 0
    clips: tuple[Path, ...] = ()
    bundle: Path | None = None
    bundle_verified: bool = False
    problem: str = ""


class Story:
    """Runs in a thread; every step is written to the tour's file as it happens."""

    def __init__(self, system: System, before_opening: Callable[[], None]) -> None:
        self._system = system
        self._before_opening = before_opening
        self._steps: list[TourStep] = []
        self._thread = threading.Thread(target=self._run, name="story", daemon=True)
        self.outcome = Outcome()

    def start(self, window_start: Instant) -> None:
        """Begin: ask for 20 s of the first camera from ``window_start`` on, as soon as they are sealed and logged."""
        self._window = (window_start, Instant(window_start + WINDOW))
        self.outcome.camera = self._system.cameras[0]
        self._thread.start()

    def wait(self) -> Outcome:
        """Wait for the end."""
        self._thread.join(_PATIENCE_S)
        return self.outcome

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def tell(self, step: TourStep) -> None:
        """Show a step that somebody else took."""
        self._steps.append(step)
        write_tour(self._system.layout.tour, self._steps)

    def certified(self) -> None:
        """Close the first step: certified background is shown."""
        self._settle(TourState.DONE, "")

    def _run(self) -> None:
        try:
            self._tell_all()
        except CustodesError as problem:
            self.outcome.problem = problem.message
            if self._steps:
                self._steps[-1] = replace(self._steps[-1], state=TourState.FAILED, output=problem.message)
                write_tour(self._system.layout.tour, self._steps)

    def _tell_all(self) -> None:
        layout, url = self._system.layout, self._system.url
        self._request()
        request = self.outcome.request
        page = f"/operator/requests/{request}"
        self._await_log()
        for number in range(1, QUORUM + 1):
            self._act(
                TourStep(
                    f"{CUSTODIANS[number - 1].capitalize()} verifies the log, then grants",
                    TourState.RUNNING,
                    "The program checks on its own machine that exactly this request stands in the witnessed log, and "
                    "only then releases its shares, wrapped to the requester's one-time key.",
                    f"custodian {number}",
                    link=page,
                    link_text="The request, as the operator sees it",
                ),
                "custodian", "grant", "--dir", layout.custodian(number), "--server", url, request, "--json",
            )  # fmt: skip
            self.outcome.granted += 1
        self._before_opening()
        opened = self._act(
            TourStep(
                "The originals are opened, on the requester's machine",
                TourState.RUNNING,
                "Two shares make the key of each minute. The operator's server never held it and never sees a picture.",
                "requester",
                link=page,
                link_text="Everything that was done about this request",
            ),
            "disclosure", "open", "--dir", layout.requester, "--server", url, request, "--json",
        ).json()  # fmt: skip
        self.outcome.bundle = Path(opened["bundle"])
        self.outcome.clips = tuple(Path(clip) for clip in opened["clips"])
        self._verify()

    def _request(self) -> None:
        start, end = self._window
        step = TourStep(
            "Twenty seconds are asked for",
            TourState.RUNNING,
            "Something happened on the square. The police sign a request on their own machine: one camera, a window "
            "that has ended, a purpose, a legal basis. It waits until the window's minute is sealed and committed to.",
            "requester",
            link="/operator/requests/",
            link_text="Requests",
        )
        camera = self.outcome.camera
        assert camera is not None  # noqa: S101 - set by start()
        time.sleep(max(0.0, (end - self._system.now()) / SECOND + _STEP_S))
        ran = self._act(
            step,
            "disclosure", "request", "--dir", self._system.layout.requester, "--server", self._system.url,
            "--camera", camera, "--from", times.to_text(start), "--until", times.to_text(end),
            "--purpose", "assault at the fountain", "--basis", "public_task", "--case", "2026/1147", "--json",
        )  # fmt: skip
        self.outcome.request = ran.json()["request"]

    def _await_log(self) -> None:
        """The dossier is there once the request is witnessed and the window's minutes are committed to."""
        self.tell(
            TourStep(
                "The request is in the public log, and a witness has seen it",
                TourState.RUNNING,
                "Nobody can answer a request that the public cannot count. The witness is a process with a key of its "
                "own; it refuses a log that was rewritten.",
                "witness",
                link="/log/",
                link_text="The log",
            )
        )
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            try:
                disclosures.dossier(self._system.store, self.outcome.request)
            except CustodesError:
                time.sleep(_STEP_S)
            else:
                break
        else:
            raise unavailable("the request's minutes were not committed to the log in time")
        index = disclosures.disclosure(self._system.store, self.outcome.request).steps[0].log_index
        self._settle(TourState.DONE, f"log entry {index}")

    def _verify(self) -> None:
        assert self.outcome.bundle is not None  # noqa: S101 - set before
        policy = self._system.layout.requester / "policy"
        ran = self._act(
            TourStep(
                "Anybody checks the evidence bundle, trusting no server",
                TourState.RUNNING,
                "This is exactly what the camera sent, and it was opened for exactly this logged reason. The verifier "
                "needs the bundle and the policy file, no network and none of our servers.",
                "anybody",
            ),
            "verify", "bundle", self.outcome.bundle, "--policy", policy,
        )  # fmt: skip
        self.outcome.bundle_verified = ran.code == 0

    def _act(self, step: TourStep, *words: str | Path) -> Ran:
        """Show a step, run its command, show what it printed; a failure ends the story."""
        self.tell(step)
        ran = custodes(*words)
        self._steps[-1] = replace(step, command=ran.command)
        self._settle(TourState.FAILED if ran.code else TourState.DONE, (ran.output or ran.errors).strip())
        if ran.code:
            raise unavailable(ran.errors.strip())
        return ran

    def _settle(self, state: TourState, output: str) -> None:
        self._steps[-1] = replace(self._steps[-1], state=state, output=output)
        write_tour(self._system.layout.tour, self._steps)

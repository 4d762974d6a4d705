# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes demo`` from its first process to its last line."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from custodes.clock import SECOND, Instant
from custodes.demo import plaintext, result
from custodes.demo.cameras.journal import read_journal
from custodes.demo.intercept import a_slice
from custodes.demo.served import Operator
from custodes.demo.story import Outcome, Story
from custodes.demo.system import CERTIFY_AFTER_S, System
from custodes.domain.ids import CameraId
from custodes.domain.video import StreamRole
from custodes.errors import unavailable
from custodes.node.queries import playback
from custodes.node.queries.views import Role, SpanKind
from custodes.web.services import TourState, TourStep

_LOOK_S = 0.2
_LATEST_S = 400.0


@dataclass(slots=True)
class Run:
    """One demonstration. ``say`` prints a line for the person in front of it."""

    system: System
    say: Callable[[str], None]
    seconds: float | None
    stop: threading.Event
    ready_s: float | None = None
    leaks: list[Path] = field(default_factory=list)
    searched: bool = False

    def run(self) -> dict[str, Any] | None:
        """Run to the end; returns the measurement if a length was asked for, None if a person ended it."""
        system = self.system
        story = Story(system, self._search_before_opening)
        begun = Instant(int(system.begun_at * SECOND))
        try:
            system.start()
            self._greet(story)
            self._until_certified()
            if self.ready_s is not None:
                story.certified()
            story.start(Instant(system.now() - 5 * SECOND))
            self._carry_on(story)
            if self.seconds is None:
                return None
            system.stop_recording()
            ended = system.now()
            outcome = self._finish(story)
            return self._measure(outcome, begun, ended)
        finally:
            system.stop()

    def _greet(self, story: Story) -> None:
        system = self.system
        system.supervisor.say = self.say
        story.tell(
            TourStep(
                "Cameras record, sealed; their pictures are covered",
                TourState.RUNNING,
                "Originals are sealed as they arrive: nothing on this machine can open them again. Live pictures stay "
                f"covered until the steward certifies the reference picture, {CERTIFY_AFTER_S} s after the start.",
                "node",
                link="/register/",
                link_text="The public register",
            )
        )
        self.say(f"Custodes is up after {system.running_for():.1f} s. Everybody may look here:")
        self.say(f"  register and log       {system.url}/")
        self.say(f"  the story, step by step {system.url}/tour")
        self.say("Sign in with these links; each works once:")
        self.say(f"  operator               {system.link(Role.OPERATOR)}")
        self.say(f"  steward                {system.link(Role.STEWARD)}")
        self.say(f"For {CERTIFY_AFTER_S} s every picture is covered; then the steward certifies the references.")

    def _until_certified(self) -> None:
        system = self.system
        while not self._ended() and self.ready_s is None:
            system.supervisor.check()
            if system.running_for() >= CERTIFY_AFTER_S and system.certify():
                self._await_picture()
            time.sleep(_LOOK_S)

    def _await_picture(self) -> None:
        while not self._ended():
            self.system.supervisor.check()
            if any(self._shows(camera) for camera in self.system.cameras):
                self.ready_s = round(self.system.running_for(), 1)
                self.say(f"The first masked picture is shown after {self.ready_s} s.")
                return
            time.sleep(_LOOK_S)

    def _shows(self, camera: CameraId) -> bool:
        now = self.system.now()
        spans = playback.timeline(self.system.store, camera, Instant(now - 10 * SECOND), now)
        return any(span.kind is SpanKind.SHOWN for span in spans)

    def _ended(self) -> bool:
        return self.stop.is_set() or (self.seconds is not None and self.system.running_for() >= self.seconds)

    def _carry_on(self, story: Story) -> None:
        told = False
        while not self._ended():
            self.system.supervisor.check()
            if story.ended and not told:
                told = True
                problem = story.outcome.problem
                self.say(
                    f"The story ended early: {problem}" if problem else f"The story is complete: {self.system.url}/tour"
                )
            self.stop.wait(_LOOK_S)

    def _finish(self, story: Story) -> Outcome:
        """The story may outlast the recording; log and web stay up for it."""
        deadline = time.monotonic() + _LATEST_S
        while not story.ended and time.monotonic() < deadline and not self.stop.is_set():
            self.system.supervisor.check()
            time.sleep(_LOOK_S)
        return story.outcome

    def _needles(self) -> plaintext.Needles:
        names = [f"camera-{number + 1}" for number in range(len(self.system.cameras))]
        folder = self.system.layout.cameras
        return plaintext.Needles(nal for name in names for nal in read_journal(folder, name, StreamRole.MAIN))

    def _search(self, apart: list[Path]) -> None:
        layout = self.system.layout
        folders = [layout.root, *plaintext.temporary_folders()]
        self.leaks += plaintext.search(self._needles(), folders, [layout.cameras, *apart], self.system.begun_at)

    def _search_before_opening(self) -> None:
        """Show that the search finds what it looks for, then that there is nothing to find."""
        if self.seconds is None:
            return
        planted = self.system.layout.run / "planted"
        planted.write_bytes(b"before " + a_slice(self.system.main_url) + b" after")
        try:
            if planted not in plaintext.search(self._needles(), [self.system.layout.run], [], self.system.begun_at):
                raise unavailable("the search for originals does not find one that was planted")
        finally:
            planted.unlink()
        self._search([])
        self.searched = True

    def _measure(self, outcome: Outcome, begun: Instant, ended: Instant) -> dict[str, Any]:
        system = self.system
        if outcome.problem:
            self.say(f"the disclosure failed: {outcome.problem}")
        if not self.searched:
            self._search_before_opening()
        self._search([system.layout.requester])
        for path in self.leaks:
            self.say(f"an original lies in the clear in {path}")
        operator = Operator(system.link(Role.OPERATOR))
        return {
            "cameras": len(system.cameras),
            **result.recorded(system),
            **result.masks(system, operator, begun, ended),
            **result.log_facts(system),
            "disclosure": {
                "granted": outcome.granted,
                "bit_exact": result.bit_exact(system, outcome),
                "bundle_verified": outcome.bundle_verified,
            },
            "plaintext_found_on_disk": bool(self.leaks),
            "ready_s": self.ready_s,
        }

# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the demonstration measured of itself: its last line, every value taken in that run."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from custodes.clock import MILLISECOND, SECOND, Instant
from custodes.demo.cameras.journal import Play, read_journal, read_plays
from custodes.demo.exposure import Exposure, is_covered, measure
from custodes.demo.processes import custodes
from custodes.demo.served import Operator
from custodes.demo.story import Outcome
from custodes.demo.street import Street
from custodes.demo.system import System
from custodes.domain.ids import CameraId, Term
from custodes.domain.video import SourceTime, StreamRole
from custodes.errors import corrupt
from custodes.node.queries import log, periods, playback
from custodes.node.runtime.maskers import FPS
from custodes.trust.custody.clip import nal_units

WIDTH, HEIGHT = 640, 360
_MAIN_TICKS = 3_600


@dataclass(frozen=True, slots=True)
class Shown:
    """One served picture and the camera's picture that it was made of (None: of none)."""

    picture: bytes
    source: SourceTime | None


def served_pictures(system: System, operator: Operator, camera: CameraId, start: Instant, end: Instant) -> list[Shown]:
    """Every picture an operator can play back, with where the masker says it came from."""
    notes = {
        f"{minute.start_ms}-{minute.term}/{number}.m4s": [
            frame.source
            for stored in segment
            for frame in playback.read_fragment(
                system.store, camera, Instant(minute.start_ms * MILLISECOND), Term(minute.term), stored
            ).frames
        ]
        for minute in playback.minutes(system.store, camera, start, end)
        for number, segment in enumerate(minute.segments())
    }
    shown: list[Shown] = []
    for piece in operator.playback(camera, start, end):
        sources = notes[piece.name]
        if len(sources) != len(piece.pictures):
            raise corrupt("a piece of playback has another number of pictures than was written")
        shown += [Shown(picture, source) for picture, source in zip(piece.pictures, sources, strict=True)]
    return shown


def count_covered(shown: list[Shown]) -> Exposure:
    """Count pictures, and how many are wholly covered, by looking at them."""
    covered = sum(is_covered(each.picture, WIDTH, HEIGHT) for each in shown)
    return Exposure(pictures=len(shown), covered=covered)


def count_exposed(shown: list[Shown], plays: list[Play], seed: int, view: int) -> Exposure:
    """Measure every picture that is not covered against the street's truth."""
    street, count = Street(seed, view), count_covered(shown)
    # libav counts connections from 1 in the order in which it made them; so does the camera.
    for each in shown:
        if is_covered(each.picture, WIDTH, HEIGHT):
            continue
        if each.source is None:
            raise corrupt("a picture that is not covered has no source")
        play = plays[each.source.connection - 1]
        truth = street.truth(play.index + each.source.ticks // _MAIN_TICKS, WIDTH, HEIGHT)
        measure(count, each.picture, truth, WIDTH, HEIGHT)
    return count


def bit_exact(system: System, outcome: Outcome) -> bool:
    """True if the opened clips hold exactly the NAL units that the camera sent, in order, none missing between."""
    if not outcome.clips or outcome.camera is None:
        return False
    number = system.cameras.index(outcome.camera) + 1
    sent = [nal.sha256 for nal in read_journal(system.layout.cameras, f"camera-{number}", StreamRole.MAIN)]
    opened = [sha256(nal).digest() for clip in outcome.clips for nal in nal_units(clip.read_bytes())]
    if len(opened) < 100:
        return False
    # Parameter sets, and pictures of a looped file, are sent many times: only the whole run has one place.
    run = len(opened)
    return any(sent[at : at + run] == opened for at, first in enumerate(sent) if first == opened[0])


def log_facts(system: System) -> dict[str, Any]:
    """Whether the log as served verifies, with its witness."""
    ran = custodes("verify", "log", f"{system.url}/log", "--policy", system.layout.node.policy, "--json")
    state = log.state(system.store)
    return {
        "log_size": state.size,
        "checkpoint_verified": ran.code == 0,
        "witnessed": bool(state.witnesses),
    }


def recorded(system: System) -> dict[str, Any]:
    """How much was recorded and sealed."""
    found = periods.closed(system.store)
    return {
        "recorded_s": round(sum(each.end - each.id.start for each in found) / SECOND, 1),
        "sealed_objects": len(found),
    }


def masks(system: System, operator: Operator, start: Instant, end: Instant) -> dict[str, Any]:
    """What an operator could see of the whole run, measured camera by camera."""
    total, rendered = Exposure(), not system.options.videos
    for number, camera in enumerate(system.cameras):
        shown = served_pictures(system, operator, camera, start, end)
        if rendered:
            plays = read_plays(system.layout.cameras, f"camera-{number + 1}", StreamRole.SUB)
            total.add(count_exposed(shown, plays, system.options.seed, number))
        else:
            total.add(count_covered(shown))
    false_masked = round(total.false_masked / total.area, 4) if total.area else 0.0
    return {
        "masked_s": round((total.pictures - total.covered) / FPS, 1),
        "covered_share": round(total.covered / total.pictures, 4) if total.pictures else 1.0,
        "person_frames": total.person_frames if rendered else None,
        "exposed_person_frames": total.exposed if rendered else None,
        "false_masked_share": false_masked if rendered else None,
    }

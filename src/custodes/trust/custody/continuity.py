# SPDX-License-Identifier: Apache-2.0
"""Which parts of a window the periods of a disclosure leave open, and why."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from custodes.clock import SECOND, Instant
from custodes.domain.ids import CameraId
from custodes.errors import corrupt
from custodes.trust.custody.documents import ProvenPeriod
from custodes.trust.custody.request import Request

SLACK = SECOND
"""Shorter holes are the time between two pictures, not a gap."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A part of the window, from ``start`` to ``end``, of which there is no footage of ``camera``."""

    camera: CameraId
    start: Instant
    end: Instant
    cause: str


def holes(request: Request, periods: Iterable[ProvenPeriod]) -> list[Hole]:
    """Return what is missing of the window, by camera and time, as the recorder's manifests tell it."""
    found: list[Hole] = []
    every = list(periods)
    for camera in request.cameras:
        mine = _of(camera, every)
        reached, cause = request.start, "no recording"
        for period in mine:
            started = period.opening.sealed.header.started
            if started - reached > SLACK:
                found.append(Hole(camera, reached, min(started, request.end), cause))
            found += [
                Hole(camera, gap.began, _resumed(period, gap.began), gap.cause.value) for gap in period.closing.gaps
            ]
            reached, cause = Instant(max(reached, period.closing.ended)), period.closing.reason.value
        if request.end - reached > SLACK:
            found.append(Hole(camera, reached, request.end, cause))
    return found


def _resumed(period: ProvenPeriod, began: Instant) -> Instant:
    """When the first fragment after a gap begins, else the end of the period."""
    later = (record.start for record in period.closing.fragments if record.start > began)
    return min(later, default=Instant(max(began, period.closing.ended)))


def check_order(periods: Sequence[ProvenPeriod]) -> None:
    """Check that a camera's periods do not overlap; raises ``CustodesError`` (CORRUPT).

    Two recordings of one camera and one moment would be two truths.
    """
    for camera in {period.id.camera for period in periods}:
        mine = _of(camera, periods)
        for before, after in pairwise(mine):
            if after.opening.sealed.header.started + SLACK < before.closing.ended:
                raise corrupt(f"{before.id} and {after.id} overlap: there are two recordings of one moment")


def _of(camera: CameraId, periods: Iterable[ProvenPeriod]) -> list[ProvenPeriod]:
    mine = (period for period in periods if period.id.camera == camera)
    return sorted(mine, key=lambda period: period.opening.sealed.header.started)

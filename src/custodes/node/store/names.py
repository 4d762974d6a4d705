# SPDX-License-Identifier: AGPL-3.0-or-later
"""Names of objects. Shares lie apart from the segments they open; the writer's term is part of every name."""

from datetime import UTC, datetime

from custodes.clock import MILLISECOND, SECOND, Instant
from custodes.domain.ids import CameraId, PeriodId, Term
from custodes.errors import corrupt


def _stem(camera: CameraId, start: Instant, term: Term) -> str:
    day = datetime.fromtimestamp(start // SECOND, UTC).strftime("%Y-%m-%d")
    return f"{camera}/{day}/{start // MILLISECOND}-{term}"


def opening(period: PeriodId) -> str:
    """The signed opening manifest."""
    return f"manifests/{_stem(period.camera, period.start, period.term)}.opening"


def closing(period: PeriodId) -> str:
    """The signed closing manifest."""
    return f"manifests/{_stem(period.camera, period.start, period.term)}.closing"


def shares(period: PeriodId) -> str:
    """The sealed shares of the period's key."""
    return f"shares/{_stem(period.camera, period.start, period.term)}.shares"


def segment(period: PeriodId) -> str:
    """The sealed original."""
    return f"segments/{_stem(period.camera, period.start, period.term)}.segment"


def masked(camera: CameraId, start: Instant, term: Term) -> str:
    """One minute of masked fragments, encrypted."""
    return f"masked/{_stem(camera, start, term)}.masked"


def minute(root: bytes) -> str:
    """The closing manifests' digests under one ``periods.committed``: what proves each of them."""
    return f"minutes/{root.hex()[:2]}/{root.hex()}.closings"


def reference(camera: CameraId) -> str:
    """The camera's certified reference picture, encrypted."""
    return f"references/{camera}.reference"


def period_of(name: str) -> PeriodId:
    """The period that an object belongs to; anything else raises ``CustodesError`` (CORRUPT)."""
    try:
        _, camera, _, last = name.split("/")
        start, term = last.partition(".")[0].split("-")
        return PeriodId(CameraId(camera), Instant(int(start) * MILLISECOND), Term(int(term)))
    except ValueError:
        raise corrupt(f"{name} is not the name of a recorded object") from None

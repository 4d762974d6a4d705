# SPDX-License-Identifier: AGPL-3.0-or-later
"""What acts and queries read of requests and of the originals they ask for."""

from functools import lru_cache

import sqlalchemy as sa

from custodes.clock import SECOND, Instant
from custodes.domain import canonical
from custodes.domain.ids import CameraId, Digest, PeriodId, Term
from custodes.domain.periods import PERIOD
from custodes.errors import not_found, unavailable
from custodes.node.store import names, tables
from custodes.node.store.store import Store
from custodes.trust.custody.policy import Policy, parse_policy
from custodes.trust.custody.request import Request, parse_request, request_id
from custodes.trust.seal.manifest import OpeningManifest, parse_opening

_SLACK = 15 * SECOND
"""How long after its last packet a period may take to be closed and catalogued."""


def policy_of(store: Store) -> Policy:
    """The policy file as facts."""
    return _parsed(store.layout.policy.read_bytes())


@lru_cache(maxsize=4)
def _parsed(data: bytes) -> Policy:
    return parse_policy(data)


def filed_request(store: Store, name: str) -> tuple[Request, sa.Row[tuple[object, ...]]]:
    """A filed request and its row; unknown: ``CustodesError`` (NOT_FOUND)."""
    rows = store.read(sa.select(tables.requests).where(tables.requests.c.id == name))
    if not rows:
        raise not_found("there is no such request")
    return parse_request(rows[0].message, policy_of(store).requester_keys), rows[0]


def request_of(store: Store, answer: bytes) -> tuple[str, Request]:
    """The id and the request that a signed grant, refusal or opening speaks of (nothing else of it is checked)."""
    body = canonical.member(canonical.load_object(answer), "body")
    name = request_id(Digest(canonical.hexadecimal(body, "request", 32)))
    return name, filed_request(store, name)[0]


def touched(store: Store, request: Request) -> list[PeriodId]:
    """The closed periods that a request asks for, in order; not those that are being deleted."""
    rows = tables.periods.c
    found = store.read(
        sa.select(rows.camera, rows.start, rows.term)
        .where(rows.camera.in_(request.cameras), rows.start < request.end, rows.ended > request.start)
        .where(rows.deletion.is_(None))
        .order_by(rows.camera, rows.start, rows.term)
    )
    return [PeriodId(CameraId(row.camera), Instant(row.start), Term(row.term)) for row in found]


def manifests_of(store: Store, request: Request) -> dict[PeriodId, OpeningManifest]:
    """The verified opening manifests of the periods that a request asks for."""
    recorders = policy_of(store).recorder_keys
    return {
        period: parse_opening(store.objects.get(names.opening(period)), recorders) for period in touched(store, request)
    }


def committed(store: Store, request: Request) -> dict[PeriodId, int]:
    """The periods that a request asks for, with the act that commits to each.

    A period that is still being recorded or not committed to yet: ``CustodesError`` (UNAVAILABLE).
    """
    rows = tables.periods.c
    if store.clock.now() < request.end + PERIOD + _SLACK:
        # The window's last minute may still be open: it must not be missing from what custodians are shown.
        for camera in request.cameras:
            last = store.read(sa.select(sa.func.max(rows.ended)).where(rows.camera == camera))[0][0]
            if last is None or last < request.end:
                raise unavailable("the window's last minute is still being recorded: try again in a minute")
    found: dict[PeriodId, int] = {}
    for period in touched(store, request):
        which = sa.and_(rows.camera == period.camera, rows.start == period.start, rows.term == period.term)
        seq = store.read(sa.select(rows.seq).where(which))[0].seq
        if seq is None:
            raise unavailable("its last minute is not in the log yet: try again in a minute")
        found[period] = seq
    return found

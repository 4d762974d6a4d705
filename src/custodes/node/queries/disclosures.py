# SPDX-License-Identifier: AGPL-3.0-or-later
"""Requests for originals: how far each has come, and the documents that custodians and requesters fetch."""

import tempfile
from collections.abc import Iterator

import sqlalchemy as sa

from custodes.clock import Instant
from custodes.domain.acts import Act
from custodes.domain.ids import CameraId, KeyId, PeriodId
from custodes.domain.register import LegalBasis
from custodes.errors import CustodesError, corrupt, denied
from custodes.node.queries import holds, log, playback
from custodes.node.queries.views import DisclosureState, DisclosureStep, DisclosureView
from custodes.node.store import Store, minutes, names, tables
from custodes.node.store.evidence import committed, filed_request, policy_of
from custodes.trust.custody.documents import Logged, PeriodDocuments
from custodes.trust.custody.dossier import Dossier, DossierPeriod, build_dossier
from custodes.trust.custody.grant import REFUSAL
from custodes.trust.custody.package import Package, PackagedPeriod, build_package
from custodes.trust.custody.request import Request
from custodes.trust.seal.fields import sha256
from custodes.trust.seal.manifest import parse_closing
from custodes.trust.seal.signing import read_signed
from custodes.video.encode.join import as_mp4


def all_disclosures(store: Store) -> list[DisclosureView]:
    """Every request, the newest first."""
    rows = store.read(sa.select(tables.requests.c.id).order_by(tables.requests.c.seq.desc()))
    return [disclosure(store, row.id) for row in rows]


def disclosure(store: Store, name: str) -> DisclosureView:
    """One request and everything that was done about it."""
    request, filed = filed_request(store, name)
    policy = policy_of(store)
    custodians = policy.custodians[-1]
    requester = policy.requester(request.requester)
    label = requester.label if requester else "requester"
    seen = _witnessed_size(store)
    steps = [_step(store, seen, Act.DISCLOSURE_REQUESTED, filed, label, request.purpose)]
    answers = tables.answers
    for row in store.read(sa.select(answers).where(answers.c.request == name).order_by(answers.c.seq)):
        act = Act(row.act)
        detail = str(read_signed(row.message, REFUSAL).body["reason"]) if act is Act.DISCLOSURE_REFUSED else ""
        holder = custodians.members[row.custodian - 1]
        steps.append(_step(store, seen, act, row, f"custodian {row.custodian} · {holder.label}", detail))
    for row in store.read(sa.select(tables.openings).where(tables.openings.c.request == name)):
        steps.append(_step(store, seen, Act.DISCLOSURE_OPENED, row, label, "on the requester's own machine"))
    return DisclosureView(
        id=name,
        state=_state(store, request, steps, custodians.k, custodians.n),
        cameras=request.cameras,
        start=request.start,
        end=request.end,
        purpose=request.purpose,
        legal_basis=LegalBasis(request.legal_basis).value,
        expires=request.expires,
        quorum=custodians.k,
        custodians=custodians.n,
        steps=tuple(steps),
    )


def _witnessed_size(store: Store) -> int:
    try:
        return log.witnessed_checkpoint(store).size
    except CustodesError:
        return 0


def _step(store: Store, seen: int, act: Act, row: sa.Row[tuple[object, ...]], by: str, detail: str) -> DisclosureStep:
    entries = tables.log_entries.c
    index = store.read(sa.select(entries.log_index).where(entries.seq == row.seq))[0].log_index
    return DisclosureStep(act, Instant(row.filed), by, index, index is not None and index < seen, detail)


def _state(store: Store, request: Request, steps: list[DisclosureStep], k: int, n: int) -> DisclosureState:
    done = [step.act for step in steps]
    if Act.DISCLOSURE_OPENED in done:
        return DisclosureState.OPENED
    if done.count(Act.DISCLOSURE_GRANTED) >= k:
        return DisclosureState.GRANTED
    if done.count(Act.DISCLOSURE_REFUSED) > n - k:
        return DisclosureState.REFUSED
    if request.expires <= store.clock.now():
        return DisclosureState.EXPIRED
    return DisclosureState.WITNESSED if steps[0].witnessed else DisclosureState.REQUESTED


def dossier(store: Store, name: str) -> bytes:
    """What a custodian is shown; before the request is witnessed: ``CustodesError`` (UNAVAILABLE)."""
    request, filed = filed_request(store, name)
    entry, receipt = log.logged(store, filed.seq)
    objects = store.objects
    asked = committed(store, request)
    periods = tuple(
        DossierPeriod(
            objects.get(names.opening(period)), objects.get(names.closing(period)), objects.get(names.shares(period))
        )
        for period in asked
    )
    return build_dossier(Dossier(bytes(filed.message), entry, receipt, periods, holds.held_shares(store, asked)))


def package(store: Store, name: str, asking: KeyId) -> Iterator[bytes]:
    """What the requester downloads, piece by piece, once k custodians have granted and all of it is witnessed.

    Too few grants, or ``asking`` is not the key that signed the request: ``CustodesError`` (DENIED); not witnessed
    yet: UNAVAILABLE.
    """
    request, filed = filed_request(store, name)
    if asking != request.requester:
        raise denied("a package is for the office that made the request")
    k = policy_of(store).custodians[-1].k
    answers = tables.answers
    rows = store.read(sa.select(answers).where(answers.c.request == name).order_by(answers.c.seq))
    granted = [row for row in rows if row.act == Act.DISCLOSURE_GRANTED.value]
    if len(granted) < k:
        raise denied(f"{len(granted)} of {k} custodians have granted this request: nothing can be opened yet")
    whole = Package(
        request=_logged(store, filed),
        grants=[_logged(store, row) for row in granted],
        refusals=[_logged(store, row) for row in rows if row.act == Act.DISCLOSURE_REFUSED.value],
        periods=[_packaged(store, period, seq) for period, seq in committed(store, request).items()],
        masked={camera: copy for camera in request.cameras if (copy := _masked_copy(store, camera, request))},
    )
    return _pieces(store, whole)


def _pieces(store: Store, whole: Package) -> Iterator[bytes]:
    # The file has no name: it is gone as soon as it is closed, however this process ends.
    with tempfile.TemporaryFile(dir=store.layout.root) as file:
        build_package(file, whole)
        file.seek(0)
        while piece := file.read(1 << 20):
            yield piece


def _logged(store: Store, row: sa.Row[tuple[object, ...]]) -> Logged:
    return Logged(bytes(row.message), *log.logged(store, row.seq))


def _packaged(store: Store, period: PeriodId, seq: int) -> PackagedPeriod:
    objects = store.objects
    closing = objects.get(names.closing(period))
    try:
        proof = minutes.minute_of(store, seq).prove(sha256(closing))
    except ValueError:
        raise corrupt(f"the closing manifest of {period} is not the one that the log commits to") from None
    entry, receipt = log.logged(store, seq)
    documents = PeriodDocuments(objects.get(names.opening(period)), closing, proof, entry, receipt)
    length = parse_closing(closing, policy_of(store).recorder_keys).length
    return PackagedPeriod(documents, objects.get(names.segment(period), 0, length))


def _masked_copy(store: Store, camera: CameraId, request: Request) -> bytes | None:
    try:
        init, fragments = playback.window(store, camera, request.start, request.end)
    except CustodesError:
        return None  # nothing of this camera was ever masked
    return as_mp4(init, fragments) if fragments else None

# SPDX-License-Identifier: AGPL-3.0-or-later
"""Acts of disclosure: what is filed is verified first, then written down and logged. Nothing is opened here."""

import sqlalchemy as sa

from custodes.domain.acts import Act
from custodes.errors import conflict, denied, not_found
from custodes.node.store import Store, Transaction, tables
from custodes.node.store.evidence import manifests_of, policy_of, request_of
from custodes.trust.custody import facts
from custodes.trust.custody.grant import verify_grant, verify_refusal
from custodes.trust.custody.opening_statement import verify_opening
from custodes.trust.custody.request import check_request, parse_request, request_id
from custodes.trust.seal.custodians import Custodian


def file_request(store: Store, signed: bytes) -> str:
    """File an enrolled requester's signed request and return its id.

    ``CustodesError``: DENIED if the requester is not enrolled, the window has not ended or the request has expired.
    """
    policy = policy_of(store)
    request = parse_request(signed, policy.requester_keys)
    if request.deployment != policy.deployment:
        raise denied("the request is for another deployment")
    check_request(request, store.clock.now())
    for camera in request.cameras:
        if not store.read(sa.select(tables.cameras.c.id).where(tables.cameras.c.id == camera)):
            raise not_found(f"there is no camera {camera}")
    name = request_id(request.digest)
    if store.read(sa.select(tables.requests.c.id).where(tables.requests.c.id == name)):
        raise conflict("this request was filed already")
    with store.act(Act.DISCLOSURE_REQUESTED, facts.requested(request.digest)) as tx:
        tx.connection.execute(tables.requests.insert().values(id=name, message=signed, filed=tx.now, seq=tx.seq))
    return name


def file_grant(store: Store, signed: bytes) -> None:
    """File a custodian's grant; the shares in it are wrapped to the requester's one-time key.

    ``CustodesError`` (DENIED) if the request has expired: what the grant says of its own date is the custodian's word.
    """
    policy = policy_of(store)
    name, request = request_of(store, signed)
    check_request(request, store.clock.now())
    grant = verify_grant(signed, request, manifests_of(store, request), policy)
    logged = facts.granted(request.digest, grant.digest, grant.custodian, len(grant.periods))
    with store.act(Act.DISCLOSURE_GRANTED, logged) as tx:
        _keep(tx, name, policy.custodian(grant.custodian), Act.DISCLOSURE_GRANTED, signed)


def file_refusal(store: Store, signed: bytes) -> None:
    """File a custodian's refusal with its reason."""
    policy = policy_of(store)
    name, request = request_of(store, signed)
    refusal = verify_refusal(signed, request, policy)
    with store.act(Act.DISCLOSURE_REFUSED, facts.refused(request.digest, refusal.digest, refusal.custodian)) as tx:
        _keep(tx, name, policy.custodian(refusal.custodian), Act.DISCLOSURE_REFUSED, signed)


def file_opening(store: Store, signed: bytes) -> None:
    """File the requester's statement that the originals were opened."""
    name, request = request_of(store, signed)
    opening = verify_opening(signed, request, policy_of(store))
    with store.act(Act.DISCLOSURE_OPENED, facts.opened(request.digest, opening.digest)) as tx:
        if tx.connection.execute(sa.select(tables.openings).where(tables.openings.c.request == name)).first():
            raise conflict("this opening was stated already")
        tx.connection.execute(tables.openings.insert().values(request=name, message=signed, filed=tx.now, seq=tx.seq))


def _keep(tx: Transaction, name: str, custodian: Custodian | None, act: Act, signed: bytes) -> None:
    """Write a custodian's answer down; each has one, and it stands."""
    if custodian is None:
        raise denied("the answer is not from a custodian of this deployment")
    answers = tables.answers
    which = sa.and_(answers.c.request == name, answers.c.custodian == custodian.index)
    if tx.connection.execute(sa.select(answers).where(which)).first():
        raise conflict(f"custodian {custodian.index} has answered this request already")
    tx.connection.execute(
        answers.insert().values(
            request=name, custodian=custodian.index, act=act.value, message=signed, filed=tx.now, seq=tx.seq
        )
    )

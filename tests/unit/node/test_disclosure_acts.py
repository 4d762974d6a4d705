# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the server itself refuses of a disclosure, before any custodian is asked or believed."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.node_store import Node, node

from custodes.clock import SECOND, Instant
from custodes.domain.acts import Act
from custodes.domain.ids import Digest
from custodes.domain.register import LegalBasis
from custodes.errors import CustodesError, Kind
from custodes.node.acts import disclosures
from custodes.node.queries import custody
from custodes.node.store import tables
from custodes.trust.custody.grant import GRANT
from custodes.trust.custody.request import make_request
from custodes.trust.seal.signing import SigningKey
from custodes.trust.seal.wrapping import WrappingKey


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Node]:
    with node(tmp_path) as found:
        yield found


def _asked(here: Node) -> bytes:
    """A request for the last minute, good for an hour."""
    now = here.clock.now()
    return make_request(
        here.requester,
        deployment=custody.parsed_policy(here.store).deployment,
        cameras=[here.camera()],
        start=Instant(now - 120 * SECOND),
        end=Instant(now - 60 * SECOND),
        purpose="assault in the square",
        legal_basis=LegalBasis.PUBLIC_TASK,
        case=Digest(bytes(32)),
        one_time_key=WrappingKey.generate().public,
        created=now,
        expires=Instant(now + 3600 * SECOND),
    )


def _entries(here: Node, act: Act) -> int:
    return [row.act for row in here.store.read(tables.log_entries.select())].count(act.value)


def test_the_same_request_is_filed_once(here: Node) -> None:
    signed = _asked(here)
    disclosures.file_request(here.store, signed)
    with pytest.raises(CustodesError, match="filed already") as problem:
        disclosures.file_request(here.store, signed)
    assert problem.value.kind is Kind.CONFLICT
    assert _entries(here, Act.DISCLOSURE_REQUESTED) == 1


def test_a_request_that_has_expired_is_not_filed(here: Node) -> None:
    signed = _asked(here)
    here.clock.advance(3600 * SECOND)
    with pytest.raises(CustodesError, match="has expired") as problem:
        disclosures.file_request(here.store, signed)
    assert problem.value.kind is Kind.DENIED
    assert _entries(here, Act.DISCLOSURE_REQUESTED) == 0


def test_a_grant_that_comes_after_the_request_has_expired_is_refused_whatever_date_it_bears(here: Node) -> None:
    signed = _asked(here)
    disclosures.file_request(here.store, signed)
    digest = hashlib.sha256(signed).hexdigest()
    grant = SigningKey.generate().sign(GRANT, {"v": 1, "request": digest, "key": "", "granted": "", "periods": []})
    with pytest.raises(CustodesError, match="policy does not name"):
        disclosures.file_grant(here.store, grant)
    here.clock.advance(3600 * SECOND)
    with pytest.raises(CustodesError, match="has expired") as problem:
        disclosures.file_grant(here.store, grant)
    assert problem.value.kind is Kind.DENIED
    assert _entries(here, Act.DISCLOSURE_GRANTED) == 0

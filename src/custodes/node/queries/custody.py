# SPDX-License-Identifier: AGPL-3.0-or-later
"""The policy: whom everybody outside believes, and who of them is asking."""

import base64
import binascii

from custodes.domain.ids import KeyId
from custodes.errors import denied
from custodes.node.store import Store
from custodes.node.store.evidence import policy_of
from custodes.trust.custody.access import verify_access
from custodes.trust.custody.policy import Policy
from custodes.trust.tlog.policy import TlogPolicy


def policy(store: Store) -> bytes:
    """The policy file as it is handed out."""
    return store.layout.policy.read_bytes()


def parsed_policy(store: Store) -> Policy:
    """The policy as facts."""
    return policy_of(store)


def tlog_policy(store: Store) -> TlogPolicy:
    """The part of the policy that names log and witnesses."""
    return TlogPolicy.parse(policy_of(store).log)


def asking(store: Store, header: str | None, path: str) -> KeyId:
    """Who sends the access statement in ``header`` for ``path``; nobody enrolled: ``CustodesError`` (DENIED)."""
    if not header:
        raise denied("only enrolled custodians and requesters may ask for this, with a signed statement")
    try:
        statement = base64.b64decode(header, validate=True)
    except (binascii.Error, ValueError):
        raise denied("the access statement is not base64") from None
    return verify_access(statement, policy_of(store), path, store.clock.now())

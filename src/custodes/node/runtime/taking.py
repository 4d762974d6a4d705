# SPDX-License-Identifier: AGPL-3.0-or-later
"""Documents that were carried by hand: each is filed by the act that its kind asks for."""

from collections.abc import Callable

from custodes.domain import canonical
from custodes.errors import invalid
from custodes.node.acts import disclosures, drills, keys
from custodes.node.store import Store
from custodes.trust.custody.drill import ANSWER
from custodes.trust.custody.grant import GRANT, REFUSAL
from custodes.trust.custody.held import HELD
from custodes.trust.custody.keys import DESTROYED, KEYS
from custodes.trust.custody.opening_statement import OPENED
from custodes.trust.custody.request import REQUEST

_ACTS: dict[str, Callable[[Store, bytes], object]] = {
    REQUEST: disclosures.file_request,
    GRANT: disclosures.file_grant,
    REFUSAL: disclosures.file_refusal,
    OPENED: disclosures.file_opening,
    KEYS: keys.publish_keys,
    DESTROYED: keys.destroy_keys,
    HELD: keys.hold_shares,
    ANSWER: drills.answer_drill,
}


def take(store: Store, signed: bytes) -> str:
    """File a signed document and return its kind; one that nothing is to be done with: ``CustodesError`` (INVALID)."""
    kind = canonical.text(canonical.load_object(signed), "kind")
    act = _ACTS.get(kind)
    if act is None:
        raise invalid("this document is none that is filed: requests, answers to them and custodians' keys are")
    act(store, signed)
    return kind

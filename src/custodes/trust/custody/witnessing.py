# SPDX-License-Identifier: Apache-2.0
"""What custody demands of an entry in the log: that enough witnesses have seen it."""

from custodes.errors import denied
from custodes.trust.custody.policy import Policy
from custodes.trust.tlog.policy import TlogPolicy
from custodes.trust.tlog.receipt import Receipt, verify_receipt


def verify_witnessed(entry: bytes, receipt: bytes, policy: Policy) -> Receipt:
    """Check that ``entry`` is in the log and that witnesses saw it.

    Raises ``CustodesError``: CORRUPT for a receipt that does not hold, DENIED without witnesses.
    """
    verified = verify_receipt(receipt, entry, TlogPolicy.parse(policy.log))
    if verified.seen_by is None:
        raise denied("the policy demands no witness; without one, anything can be logged afterwards")
    return verified

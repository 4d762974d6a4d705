# SPDX-License-Identifier: AGPL-3.0-or-later
"""Salted commitments: what the public log says of things that it must not reveal."""

import hashlib

from custodes.domain import canonical


def commitment(salt: bytes, *facts: str) -> str:
    """Return the SHA-256, in hexadecimal, of the canonical JSON list of the salt and the facts.

    The salt (16 random bytes) stays in the catalogue: whoever is shown it can check the entry; once it is destroyed,
    the entry says nothing about anybody.
    """
    return hashlib.sha256(canonical.dumps([salt.hex(), *facts])).hexdigest()

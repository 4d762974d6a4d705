# SPDX-License-Identifier: Apache-2.0
"""What the public log says of custody: hashes, counts, keys of offices. No names, no cameras, no windows."""

from custodes.clock import Instant
from custodes.domain import canonical, times
from custodes.domain.acts import Act
from custodes.domain.canonical import JsonObject
from custodes.domain.ids import Digest, KeyId
from custodes.errors import corrupt


def requested(request: Digest) -> JsonObject:
    """Facts of ``Act.DISCLOSURE_REQUESTED``; ``request`` is the SHA-256 of the signed request."""
    return {"request": request.hex()}


def granted(request: Digest, grant: Digest, custodian: KeyId, minutes: int) -> JsonObject:
    """Facts of ``Act.DISCLOSURE_GRANTED``; ``minutes`` is the number of periods."""
    return {"request": request.hex(), "grant": grant.hex(), "custodian": custodian, "minutes": minutes}


def refused(request: Digest, refusal: Digest, custodian: KeyId) -> JsonObject:
    """Facts of ``Act.DISCLOSURE_REFUSED``; the reason stays in the signed refusal."""
    return {"request": request.hex(), "refusal": refusal.hex(), "custodian": custodian}


def opened(request: Digest, opening: Digest) -> JsonObject:
    """Facts of ``Act.DISCLOSURE_OPENED``; ``opening`` is the SHA-256 of the requester's signed statement."""
    return {"request": request.hex(), "opening": opening.hex()}


def keys_published(custodian: KeyId, document: Digest, count: int) -> JsonObject:
    """Facts of ``Act.KEYS_PUBLISHED``; ``document`` is the SHA-256 of the signed document, ``count`` its keys."""
    return {"custodian": custodian, "document": document.hex(), "count": count}


def keys_destroyed(custodian: KeyId, statement: Digest, count: int) -> JsonObject:
    """Facts of ``Act.KEYS_DESTROYED``; ``statement`` is the SHA-256 of the signed statement, ``count`` its keys."""
    return {"custodian": custodian, "statement": statement.hex(), "count": count}


def shares_held(custodian: KeyId, document: Digest, count: int) -> JsonObject:
    """Facts of ``Act.SHARES_HELD``; ``document`` is the SHA-256 of the signed document, ``count`` its periods."""
    return {"custodian": custodian, "document": document.hex(), "count": count}


def drill_begun(drill: Digest, k: int, n: int) -> JsonObject:
    """Facts of ``Act.DRILL_BEGUN``; ``drill`` is the SHA-256 of its document."""
    return {"drill": drill.hex(), "k": k, "n": n}


def drill_answered(custodian: KeyId, drill: Digest, answered: int, opened: bool) -> JsonObject:
    """Facts of ``Act.DRILL_ANSWERED``; ``answered`` custodians so far, ``opened``: k of them, together."""
    return {"custodian": custodian, "drill": drill.hex(), "answered": answered, "opened": opened}


def keys_lapsed(custodian: KeyId, hours: int) -> JsonObject:
    """Facts of ``Act.KEYS_LAPSED``: the custodian has no published key for footage kept for ``hours``."""
    return {"custodian": custodian, "hours": hours}


def committed(root: Digest, count: int) -> JsonObject:
    """Facts of ``Act.PERIODS_COMMITTED``."""
    return {"root": root.hex(), "count": count}


def check_entry(entry: bytes, act: Act, facts: JsonObject) -> Instant:
    """Check that a log entry is of ``act`` with exactly these ``facts``; return its time.

    Raises ``CustodesError`` (CORRUPT).
    """
    found = canonical.load_object(entry)
    time = times.from_text(found.get("time"))
    if found != {**facts, "v": 1, "act": act.value, "time": times.to_text(time)}:
        raise corrupt(f"the log entry is not the one for this {act.value}")
    return time

# SPDX-License-Identifier: Apache-2.0
"""Instants in documents: RFC 3339, UTC, always nine decimals, so that text order is time order."""

import re
from datetime import UTC, datetime

from custodes.clock import SECOND, Instant
from custodes.errors import corrupt

_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.(\d{9})Z")


def to_text(instant: Instant) -> str:
    """Return for example ``2026-11-23T04:25:39.123456789Z``."""
    seconds, fraction = divmod(instant, SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"


def from_text(text: object) -> Instant:
    """Parse exactly what ``to_text`` writes; anything else raises ``CustodesError`` (CORRUPT)."""
    match = _FORM.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise corrupt("a time must have the form 2026-11-23T04:25:39.123456789Z")
    try:
        whole = datetime.strptime(match.string[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise corrupt("a time names a day or an hour that does not exist") from None
    return Instant(int(whole.timestamp()) * SECOND + int(match.group(1)))

# SPDX-License-Identifier: AGPL-3.0-or-later
"""Times in forms and commands: RFC 3339, whole seconds, UTC."""

from datetime import UTC, datetime

from custodes.clock import SECOND, Instant
from custodes.errors import invalid


def typed_instant(label: str, text: str) -> Instant:
    """Parse what was typed into the field ``label``; anything else: ``CustodesError`` (INVALID)."""
    try:
        moment = datetime.fromisoformat(text.strip())
        # A form without JavaScript sends no zone; the label beside it says UTC.
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return Instant(int(moment.timestamp()) * SECOND)
    except (ValueError, OverflowError):
        raise invalid(f"{label} must be a time like 2026-11-23T04:25:39Z") from None


def utc(instant: Instant) -> str:
    """An instant as ``typed_instant`` reads it."""
    return datetime.fromtimestamp(instant // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

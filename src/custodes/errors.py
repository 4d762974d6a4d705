# SPDX-License-Identifier: Apache-2.0
"""The one exception that crosses module borders.

Every message is one line that says what is wrong and, where it helps, what to do. Parsers of hostile input raise this
type only. HTTP status codes and exit codes are derived from the kind, in one table each (``web.errors``, ``cli``).
"""

from enum import Enum


class Kind(Enum):
    """What sort of failure it is; decides HTTP status and exit code."""

    NOT_FOUND = "not found"
    DENIED = "denied"
    CONFLICT = "conflict"
    CORRUPT = "corrupt"
    UNAVAILABLE = "unavailable"
    INVALID = "invalid"


class CustodesError(Exception):
    """A failure that the caller can act on."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = " ".join(message.split())

    def __str__(self) -> str:
        return self.message


def corrupt(message: str) -> CustodesError:
    """Hostile or damaged input."""
    return CustodesError(Kind.CORRUPT, message)


def denied(message: str) -> CustodesError:
    """The rules forbid it."""
    return CustodesError(Kind.DENIED, message)


def invalid(message: str) -> CustodesError:
    """The caller's arguments cannot be used."""
    return CustodesError(Kind.INVALID, message)


def not_found(message: str) -> CustodesError:
    """No such thing."""
    return CustodesError(Kind.NOT_FOUND, message)


def conflict(message: str) -> CustodesError:
    """It is there already, or in another state."""
    return CustodesError(Kind.CONFLICT, message)


def unavailable(message: str) -> CustodesError:
    """It may work later."""
    return CustodesError(Kind.UNAVAILABLE, message)

# SPDX-License-Identifier: Apache-2.0
"""What a verification found: named checks, each with what it proves."""

from dataclasses import dataclass

from custodes.domain.canonical import JsonObject
from custodes.errors import CustodesError, Kind


@dataclass(frozen=True, slots=True)
class Check:
    """One check. ``proves``: what follows if it holds; ``detail``: what was found, one line."""

    name: str
    ok: bool
    proves: str
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """Checks in the order in which they were made; a failed one may have ended the verification."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """True if there were checks and all hold."""
        return bool(self.checks) and all(check.ok for check in self.checks)

    def demand(self) -> None:
        """Raise ``CustodesError`` (CORRUPT) with the first failed check's line."""
        for check in self.checks:
            if not check.ok:
                raise CustodesError(Kind.CORRUPT, f"{check.name}: {check.detail}")

    def to_json(self) -> JsonObject:
        """Return the report for ``--json``."""
        return {
            "ok": self.ok,
            "checks": [
                {"name": check.name, "ok": check.ok, "proves": check.proves, "detail": check.detail}
                for check in self.checks
            ],
        }

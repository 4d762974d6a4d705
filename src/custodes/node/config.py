# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where a node keeps what: settings, read once."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layout:
    """The data folder ``D``. ``log`` is served as it stands; ``store`` holds sealed and encrypted objects only."""

    root: Path

    @property
    def catalog(self) -> Path:
        return self.root / "catalog.sqlite"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def head(self) -> Path:
        """The log's newest checkpoint; it is published, as ``log/checkpoint``, once witnesses have seen it."""
        return self.root / "head"

    @property
    def witnessed(self) -> Path:
        """The newest checkpoint that satisfied the policy: what receipts are made against."""
        return self.root / "witnessed"

    @property
    def witnesses(self) -> Path:
        """Per witness a line with its address and its verifier keys; who must have cosigned stands in the policy."""
        return self.root / "witnesses"

    @property
    def policy(self) -> Path:
        return self.root / "policy"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def store(self) -> Path:
        return self.root / "store"

    @property
    def live_socket(self) -> Path:
        return self.root / "run" / "live.sock"

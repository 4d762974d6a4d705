# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where a node keeps what, and what its administrator has set in ``D/settings.toml`` (which may be missing)."""

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from custodes.errors import invalid, unavailable


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
    def settings(self) -> Path:
        """What the administrator may set; TOML."""
        return self.root / "settings.toml"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def store(self) -> Path:
        return self.root / "store"

    @property
    def live_socket(self) -> Path:
        return self.root / "run" / "live.sock"


@dataclass(frozen=True, slots=True)
class Storage:
    """Table ``storage``. ``minimum_retention_hours``: what is younger never makes room for what is newer.

    ``reserve_mb``: room (in 10^6 bytes) that is kept free on the disk of the store.
    """

    minimum_retention_hours: int = 24
    reserve_mb: int = 1_000


@dataclass(frozen=True, slots=True)
class Alerts:
    """Table ``alerts``: where messages go. An empty string means: not at all. Secrets lie in files of their own.

    ``webhook``: an https:// address. ``mail_to``: addresses with commas between; ``smtp_security``: starttls or tls.
    ``ca_file``: whom to believe besides the system's authorities, for a webhook or mail server of your own.
    """

    webhook: str = ""
    webhook_secret_file: str = ""
    mail_to: str = ""
    mail_from: str = ""
    smtp_host: str = ""
    smtp_port: int = 587
    smtp_security: str = "starttls"
    smtp_user: str = ""
    smtp_password_file: str = ""
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Metrics:
    """Table ``metrics``. ``token_file``: holds the bearer token that others than this machine need for ``/metrics``."""

    token_file: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything in ``settings.toml``."""

    storage: Storage = field(default_factory=Storage)
    alerts: Alerts = field(default_factory=Alerts)
    metrics: Metrics = field(default_factory=Metrics)


_Table = TypeVar("_Table")


def load_settings(layout: Layout) -> Settings:
    """Read the settings; what is not known, or of the wrong kind, raises ``CustodesError`` (INVALID)."""
    try:
        text = layout.settings.read_text()
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as problem:
        raise unavailable(f"{layout.settings} cannot be read: {problem}") from None
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise invalid(f"{layout.settings}: {problem}") from None
    try:
        unknown = set(found) - {each.name for each in fields(Settings)}
        if unknown:
            raise ValueError(f"{min(unknown)} is not known")
        return Settings(
            storage=_table(Storage(), found.get("storage", {}), "storage"),
            alerts=_table(Alerts(), found.get("alerts", {}), "alerts"),
            metrics=_table(Metrics(), found.get("metrics", {}), "metrics"),
        )
    except ValueError as problem:
        raise invalid(f"{layout.settings}: {problem}") from None


def _table(defaults: _Table, given: Any, name: str) -> _Table:
    """Return ``defaults`` with what was given; raises ``ValueError`` for anything that does not fit."""
    if not isinstance(given, dict):
        raise ValueError(f"{name} must be a table")
    known = {each.name: getattr(defaults, each.name) for each in fields(defaults)}  # type: ignore[arg-type]
    for key, value in given.items():
        if key not in known:
            raise ValueError(f"{name}.{key} is not known")
        if type(value) is not type(known[key]) or (isinstance(value, int) and value < 0):
            raise ValueError(f"{name}.{key} must be like {known[key]!r}")
    return type(defaults)(**{**known, **given})

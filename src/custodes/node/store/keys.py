# SPDX-License-Identifier: AGPL-3.0-or-later
"""Private keys as files that only their owner can read."""

import os
from pathlib import Path

from custodes.errors import not_found, unavailable


def read_key(path: Path) -> bytes:
    """Read a private key file; missing or readable by others raises ``CustodesError``."""
    try:
        if path.stat().st_mode & 0o077:
            raise unavailable(f"{path} can be read by others: run `chmod 600 {path}`")
        return path.read_bytes()
    except FileNotFoundError:
        raise not_found(f"{path} is missing") from None
    except OSError as problem:
        raise unavailable(f"{path} cannot be read: {problem.strerror}") from None


def write_key(path: Path, key: bytes) -> None:
    """Write a new private key file that only its owner can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())

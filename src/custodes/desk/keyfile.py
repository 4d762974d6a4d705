# SPDX-License-Identifier: AGPL-3.0-or-later
"""Private keys on disk: canonical JSON, readable by their owner only, sealed under a passphrase where there is one.

Passphrase to key with scrypt (RFC 7914), then AES-256-GCM with everything else in the file as additional data.
"""

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from custodes.domain import canonical
from custodes.domain.canonical import JsonObject, integer, member, text
from custodes.errors import CustodesError, conflict, corrupt, denied, not_found, unavailable
from custodes.trust.custody.policy import Policy, parse_policy
from custodes.trust.seal.fields import binary, only, to_base64, versioned
from custodes.trust.tlog.store import make_folder, sync_folder, write_durably

SCRYPT_N = 2**17
"""128 MiB and about half a second per guess."""
_R, _P = 8, 1
_MAX_N = 2**20
_MAX_FILE = 64 * 1024


def save_key(
    path: Path,
    use: str,
    key: str,
    seed: bytes,
    passphrase: str | None = None,
    entropy: Callable[[int], bytes] = os.urandom,
    salt: bytes | None = None,
) -> None:
    """Write a new key file (0600). ``use`` says what for, ``key`` is the id of its public half.

    ``salt``: 16 random bytes that the passphrase is stretched with once for a whole batch of keys (None: for this one).
    Raises ``CustodesError``: CONFLICT if the file exists, UNAVAILABLE if it cannot be written.
    """
    if path.exists():
        raise conflict(f"{path} exists already: keys are never overwritten")
    about: JsonObject = {"v": 1, "kind": "custodes/private-key", "use": use, "key": key}
    if passphrase is None:
        content: JsonObject = {**about, "seed": to_base64(seed)}
    else:
        salt, nonce = salt or entropy(16), entropy(12)
        about |= {"kdf": {"name": "scrypt", "salt": to_base64(salt), "n": SCRYPT_N, "r": _R, "p": _P}}
        box = nonce + AESGCM(_stretch(passphrase, salt, SCRYPT_N)).encrypt(nonce, seed, canonical.dumps(about))
        content = {**about, "sealed": to_base64(box)}
    private_folder(path.parent)
    write_durably(path, canonical.dumps(content), 0o600)


def load_key(path: Path, use: str, passphrase: str | None = None) -> bytes:
    """Return the seed of a key file.

    Raises ``CustodesError``: NOT_FOUND, CORRUPT, or DENIED for a missing or wrong passphrase.
    """
    source = canonical.load_object(read_file(path, _MAX_FILE))
    if text(source, "kind") != "custodes/private-key" or text(source, "use") != use:
        raise corrupt(f"{path} is not a key of the kind {use!r}")
    if "seed" in source:
        versioned(source, "kind", "use", "key", "seed")
        return binary(source, "seed")
    versioned(source, "kind", "use", "key", "kdf", "sealed")
    if passphrase is None:
        raise denied(f"{path} needs its passphrase")
    kdf, box = member(source, "kdf"), binary(source, "sealed")
    only(kdf, "name", "salt", "n", "r", "p")
    n = integer(kdf, "n")
    known = (text(kdf, "name"), integer(kdf, "r"), integer(kdf, "p")) == ("scrypt", _R, _P)
    if not known or n & (n - 1) or not 2 <= n <= _MAX_N:
        raise corrupt(f"{path} is sealed in a way that is not known")
    about = canonical.dumps({name: value for name, value in source.items() if name != "sealed"})
    try:
        return AESGCM(_stretch(passphrase, binary(kdf, "salt", 16), n)).decrypt(box[:12], box[12:], about)
    except (InvalidTag, ValueError):
        raise denied(f"the passphrase of {path} is wrong, or the file was changed") from None


def destroy_key(path: Path) -> bool:
    """Overwrite a key file with random bytes, sync it, unlink it, sync the folder; False if there is none.

    This is as much as a program can do: flash disks, snapshots and backups may keep what was there.
    """
    try:
        with path.open("r+b") as file:
            file.write(os.urandom(os.fstat(file.fileno()).st_size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
        sync_folder(path.parent)
    except FileNotFoundError:
        return False
    except OSError as problem:
        raise unavailable(f"{path} cannot be destroyed: {problem.strerror}") from None
    return True


@lru_cache(maxsize=16)
def _stretch(passphrase: str, salt: bytes, n: int) -> bytes:
    return Scrypt(salt=salt, length=32, n=n, r=_R, p=_P).derive(passphrase.encode())


def private_folder(folder: Path) -> None:
    """Make a folder that only its owner can enter."""
    make_folder(folder)
    folder.chmod(0o700)


def read_file(path: Path, limit: int) -> bytes:
    """Return a file's bytes; raises ``CustodesError``: NOT_FOUND, UNAVAILABLE, or CORRUPT beyond ``limit``."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError:
        raise not_found(f"there is no {path}") from None
    except OSError as problem:
        raise unavailable(f"{path} cannot be read: {problem.strerror}") from None
    if len(data) > limit:
        raise corrupt(f"{path} is too long")
    return data


def load_policy_file(folder: Path) -> bytes:
    """Return the policy that the folder's owner trusts; raises ``CustodesError`` (NOT_FOUND) with what to do."""
    try:
        return read_file(folder / "policy", 4 * 1024 * 1024)
    except CustodesError as problem:
        raise not_found(f"{problem}: get the policy file from somebody you trust and put it there") from None


def trust_policy(folder: Path, policy: bytes) -> Policy:
    """Take a policy file as one's own; raises ``CustodesError`` (CORRUPT). Get it elsewhere than from the operator."""
    parsed = parse_policy(policy)
    private_folder(folder)
    write_durably(folder / "policy", policy)
    return parsed

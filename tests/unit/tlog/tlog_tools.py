# SPDX-License-Identifier: Apache-2.0
"""Keys, logs and stores for the tests of the log."""

from collections.abc import Callable, Sequence
from hashlib import sha256

from custodes.clock import FakeClock
from custodes.errors import conflict
from custodes.trust.tlog.checkpoint import SignedCheckpoint
from custodes.trust.tlog.log import Log
from custodes.trust.tlog.merkle import EMPTY_ROOT, leaf_hash, node_hash
from custodes.trust.tlog.note import Ed25519Cosigner, Ed25519Signer, MlDsa44Signer, Signer
from custodes.trust.tlog.policy import TlogPolicy, build_policy

ORIGIN = "custodes.invalid/aaaaaaaaaaaaaaaaaaaaaaaaaa"
CLOCK = FakeClock()


def seed(text: str) -> bytes:
    return sha256(text.encode()).digest()


def log_signers(origin: str = ORIGIN, salt: str = "") -> list[Signer]:
    return [Ed25519Signer(origin, seed(f"log 1{salt}")), MlDsa44Signer(origin, seed(f"log 6{salt}"), CLOCK)]


def witness_signers(name: str = "witness.example/w1", clock: FakeClock = CLOCK) -> list[Signer]:
    return [MlDsa44Signer(name, seed(f"{name} 6"), clock), Ed25519Cosigner(name, seed(f"{name} 4"), clock)]


def policy_of(*names: str, k: int) -> TlogPolicy:
    witnesses = {name.rpartition("/")[2]: [signer.key for signer in witness_signers(name)] for name in names}
    return build_policy([signer.key for signer in log_signers()], witnesses, k)


def cosign(log: Log, signers: Sequence[Signer]) -> None:
    text = SignedCheckpoint.parse(log.checkpoint()).note.text
    log.attach([signer.sign(text).line for signer in signers], log.size)


class MemoryTiles:
    """A store in memory; ``disk`` is what survives a crash. ``fail`` is called before and after each write persists."""

    def __init__(self, disk: dict[str, bytes] | None = None, fail: Callable[[], None] = lambda: None) -> None:
        self.disk = {} if disk is None else disk
        self.fail = fail
        self.claimed = False

    def claim(self) -> None:
        if self.claimed:
            raise conflict("claimed already")
        self.claimed = True

    def read(self, path: str) -> bytes | None:
        return self.disk.get(path)

    def write(self, path: str, data: bytes) -> None:
        self.fail()
        self.disk[path] = data
        self.fail()

    def drop_partials(self, path: str) -> None:
        self.fail()
        for name in [name for name in self.disk if name.startswith(f"{path}.p/")]:
            del self.disk[name]
        self.fail()

    def close(self) -> None:
        self.claimed = False


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, 2.1, word for word."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    k = _largest_power_below(len(leaves))
    return node_hash(naive_root(leaves[:k]), naive_root(leaves[k:]))


def naive_path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """RFC 6962, 2.1.1, word for word."""
    if len(leaves) == 1:
        return []
    k = _largest_power_below(len(leaves))
    if index < k:
        return [*naive_path(index, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(index - k, leaves[k:]), naive_root(leaves[:k])]


def naive_consistency(old: int, leaves: Sequence[bytes]) -> list[bytes]:
    """RFC 6962, 2.1.2, word for word."""

    def subproof(m: int, part: Sequence[bytes], complete: bool) -> list[bytes]:
        if m == len(part):
            return [] if complete else [naive_root(part)]
        k = _largest_power_below(len(part))
        if m <= k:
            return [*subproof(m, part[:k], complete), naive_root(part[k:])]
        return [*subproof(m - k, part[k:], False), naive_root(part[:k])]

    return subproof(old, leaves, True) if old else []


def leaves_of(entries: Sequence[bytes]) -> list[bytes]:
    return [leaf_hash(entry) for entry in entries]


def _largest_power_below(size: int) -> int:
    k = 1
    while 2 * k < size:
        k *= 2
    return k

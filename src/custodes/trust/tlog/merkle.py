# SPDX-License-Identifier: Apache-2.0
"""Merkle tree hashing and proofs (RFC 6962, section 2.1; verification as in RFC 9162, 2.1.3.2 and 2.1.4.2).

"Leaf" always means a leaf *hash* (``leaf_hash(entry)``), 32 bytes. ``verify_*`` raise, so that a forgotten result
cannot pass for a proof.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

from custodes.errors import corrupt

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()
"""The root of the tree without leaves."""
MAX_PATH = 63
"""No proof in a tree of fewer than 2^63 leaves is longer (C2SP tlog-witness)."""

RangeHash = Callable[[int, int], bytes]
"""The Merkle tree hash of the leaves ``start`` to ``end`` (exclusive)."""


def leaf_hash(entry: bytes) -> bytes:
    """Return SHA-256(0x00 ‖ entry)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 ‖ left ‖ right)."""
    return sha256(b"\x01" + left + right).digest()


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over 2^k hashes, k ≥ 0."""
    row = list(hashes)
    while len(row) > 1:
        row = [sha256(b"\x01" + row[i] + row[i + 1]).digest() for i in range(0, len(row), 2)]
    return row[0]


def perfect_roots(hashes: Sequence[bytes]) -> list[bytes]:
    """Return the roots of the perfect subtrees that ``hashes`` fall into, largest first."""
    roots = []
    start = 0
    for bit in reversed(range(len(hashes).bit_length())):
        width = 1 << bit
        if len(hashes) & width:
            roots.append(perfect_root(hashes[start : start + width]))
            start += width
    return roots


def fold(roots: Sequence[bytes]) -> bytes:
    """Join the roots of perfect subtrees, largest first, to the root of the whole tree."""
    if not roots:
        return EMPTY_ROOT
    root = roots[-1]
    for left in reversed(roots[:-1]):
        root = node_hash(left, root)
    return root


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the Merkle tree hash of ``leaves`` (leaf hashes, in order)."""
    return fold(perfect_roots(leaves))


def inclusion_path(index: int, size: int, subtree: RangeHash) -> list[bytes]:
    """Return the audit path of leaf ``index`` in the tree of ``size`` leaves, from the leaf's sibling upwards."""
    if not 0 <= index < size:
        raise ValueError("the leaf lies outside the tree")
    path = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(subtree(middle, end))
            end = middle
        else:
            path.append(subtree(start, middle))
            start = middle
    return path[::-1]


def consistency_path(old: int, new: int, subtree: RangeHash) -> list[bytes]:
    """Return the proof that the tree of ``old`` leaves begins that of ``new``; empty if ``old`` is 0 or ``new``."""
    if not 0 <= old <= new:
        raise ValueError("the older tree is not the smaller one")
    if old in (0, new):
        return []
    path = []
    start, end = 0, new
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(subtree(middle, end))
            end = middle
        else:
            path.append(subtree(start, middle))
            start = middle
    # What is left is a subtree of the old tree; its hash is known to the verifier only if it *is* the old tree.
    if start:
        path.append(subtree(start, end))
    return path[::-1]


def prove_inclusion(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the audit path of ``leaves[index]``."""
    return inclusion_path(index, len(leaves), lambda start, end: root_of(leaves[start:end]))


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Check that ``leaf`` is number ``index`` of ``size``; raises ``CustodesError`` (CORRUPT) (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        raise corrupt("inclusion proof: the entry lies outside the tree")
    _check_hashes([leaf, root, *path])
    position, last = index, size - 1
    reached = leaf
    for sibling in path:
        if last == 0:
            raise corrupt("inclusion proof: it is too long")
        if position & 1 or position == last:
            reached = node_hash(sibling, reached)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            reached = node_hash(reached, sibling)
        position >>= 1
        last >>= 1
    if last or reached != root:
        raise corrupt("inclusion proof: it does not lead to the checkpoint's root")


def verify_consistency(old: int, new: int, proof: Sequence[bytes], roots: tuple[bytes, bytes]) -> None:
    """Check that the tree of ``old`` leaves is a prefix of that of ``new`` (RFC 9162, 2.1.4.2).

    ``roots``: of the old and of the new tree. An empty tree is a prefix of every tree, and every tree of itself, with
    an empty proof. Raises ``CustodesError`` (CORRUPT).
    """
    if not 0 <= old <= new:
        raise corrupt("consistency proof: the older tree is larger than the newer one")
    _check_hashes([*roots, *proof])
    if old in (0, new):
        if proof or (old == 0 and roots[0] != EMPTY_ROOT) or (old == new and roots[0] != roots[1]):
            raise corrupt("consistency proof: the two trees differ")
        return
    first, second = _replay(old, new, proof, roots[0])
    if (first, second) != roots:
        raise corrupt("consistency proof: the newer tree does not continue the older one")


def _replay(old: int, new: int, proof: Sequence[bytes], old_root: bytes) -> tuple[bytes, bytes]:
    """Return the two roots that the proof leads to."""
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if len(path) < 2:
        raise corrupt("consistency proof: it is too short")
    position, last = old - 1, new - 1
    while position & 1:
        position >>= 1
        last >>= 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise corrupt("consistency proof: it is too long")
        if position & 1 or position == last:
            first = node_hash(sibling, first)
            second = node_hash(sibling, second)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            second = node_hash(second, sibling)
        position >>= 1
        last >>= 1
    if last:
        raise corrupt("consistency proof: it is too short")
    return first, second


def _split(size: int) -> int:
    """The largest power of two smaller than ``size`` (≥ 2)."""
    return 1 << ((size - 1).bit_length() - 1)


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(value) != HASH_SIZE for value in hashes):
        raise corrupt("proof: a hash does not have 32 bytes")

# SPDX-License-Identifier: Apache-2.0
"""One log entry a minute commits to every period that was closed: the root of a Merkle tree of closing manifests.

The tree is that of RFC 6962, 2.1; a leaf's data is the SHA-256 of a signed closing manifest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from custodes.domain import canonical
from custodes.domain.acts import Act
from custodes.domain.canonical import JsonObject, hexadecimal, integer, listed
from custodes.domain.ids import Digest
from custodes.errors import corrupt
from custodes.trust.custody import facts
from custodes.trust.seal.fields import sha256, versioned
from custodes.trust.tlog import merkle


@dataclass(frozen=True, slots=True)
class Minute:
    """The closing manifests (their SHA-256, in the order of the tree) that one entry commits to."""

    closings: tuple[Digest, ...]

    @property
    def root(self) -> Digest:
        return Digest(merkle.root_of([merkle.leaf_hash(closing) for closing in self.closings]))

    @property
    def facts(self) -> JsonObject:
        """The facts of the log entry (``Act.PERIODS_COMMITTED``)."""
        return facts.committed(self.root, len(self.closings))

    def prove(self, closing: Digest) -> bytes:
        """Return the proof that ``closing`` is in the tree: canonical JSON; ``ValueError`` if it is not."""
        index = self.closings.index(closing)
        path = merkle.prove_inclusion([merkle.leaf_hash(found) for found in self.closings], index)
        return canonical.dumps(
            {"v": 1, "index": index, "count": len(self.closings), "path": [node.hex() for node in path]}
        )


def encode_minute(minute: Minute) -> bytes:
    """Return what is kept of a minute so that its parts can be proved when others are deleted: canonical JSON."""
    return canonical.dumps({"v": 1, "closings": [closing.hex() for closing in minute.closings]})


def parse_minute(data: bytes) -> Minute:
    """Undo ``encode_minute``; anything else raises ``CustodesError`` (CORRUPT)."""
    source = canonical.load_object(data)
    versioned(source, "closings")
    closings = [hexadecimal({"closings": item}, "closings", 32) for item in listed(source, "closings")]
    if closings != sorted(set(closings)):
        raise corrupt("the closing manifests of a minute must be in order, each once")
    return Minute(tuple(Digest(closing) for closing in closings))


def closed_minute(closings: Sequence[bytes]) -> Minute:
    """Return the tree of the signed closing manifests of a minute, in a fixed order (that of their hashes)."""
    return Minute(tuple(sorted({sha256(closing) for closing in closings})))


def check_minute(proof: bytes, closing: Digest, entry: bytes) -> None:
    """Check that the log entry ``entry`` commits to ``closing``; raises ``CustodesError`` (CORRUPT) if not."""
    source = canonical.load_object(proof)
    versioned(source, "index", "count", "path")
    path = [hexadecimal({"path": item}, "path", 32) for item in listed(source, "path")]
    count = integer(source, "count")
    root = Digest(hexadecimal(canonical.load_object(entry), "root", 32))
    facts.check_entry(entry, Act.PERIODS_COMMITTED, facts.committed(root, count))
    merkle.verify_inclusion(merkle.leaf_hash(closing), integer(source, "index"), count, path, root)

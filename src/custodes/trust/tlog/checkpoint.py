# SPDX-License-Identifier: Apache-2.0
"""Signed checkpoints (C2SP tlog-checkpoint) and what witnesses add to them (C2SP tlog-cosignature)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from custodes.errors import corrupt
from custodes.trust.tlog.head import Checkpoint, parse_head
from custodes.trust.tlog.note import Note, Signature, Signer, Verified, VerifierKey, parse_signature

__all__ = ["Checkpoint", "SignedCheckpoint", "sign"]


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint with its signature lines. Trust it only after ``verify``."""

    checkpoint: Checkpoint
    note: Note

    @classmethod
    def parse(cls, data: bytes) -> "SignedCheckpoint":
        """Parse; raises ``CustodesError`` (CORRUPT)."""
        note = Note.parse(data)
        return cls(parse_head(note.text), note)

    def serialise(self) -> bytes:
        """Return the bytes that are published."""
        return self.note.serialise()

    def verify(self, keys: Sequence[VerifierKey]) -> list[Verified]:
        """Return who of ``keys`` signed, and when (``Note.verify``); raises ``CustodesError`` (CORRUPT)."""
        return self.note.verify(keys)

    def verify_log(self, keys: Sequence[VerifierKey]) -> list[Verified]:
        """Return the log's own signatures: of those ``keys`` whose name is the origin; raises ``CustodesError``."""
        own = [key for key in keys if key.name == self.checkpoint.origin]
        if not own:
            raise corrupt(f"checkpoint: no key is known for the log {self.checkpoint.origin!r}")
        return self.verify(own)

    def with_lines(self, lines: Sequence[str]) -> "SignedCheckpoint":
        """Return it with more signature lines; a line of a key that is there already replaces it."""
        merged: dict[tuple[str, bytes], Signature] = {
            (signature.name, signature.key_id): signature
            for signature in [*self.note.signatures, *(parse_signature(line.rstrip("\n")) for line in lines)]
        }
        return replace(self, note=replace(self.note, signatures=tuple(merged.values())))


def sign(checkpoint: Checkpoint, signers: Sequence[Signer]) -> SignedCheckpoint:
    """Sign with every key, in order."""
    text = checkpoint.text
    return SignedCheckpoint(checkpoint, Note(text, tuple(signer.sign(text) for signer in signers)))

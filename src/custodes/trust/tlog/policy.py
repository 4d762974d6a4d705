# SPDX-License-Identifier: Apache-2.0
"""Trust policies: which logs, which witnesses, which quorum (C2SP tlog-policy)."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from custodes.clock import Instant
from custodes.errors import CustodesError, corrupt, denied
from custodes.trust.tlog.checkpoint import Checkpoint, SignedCheckpoint
from custodes.trust.tlog.note import SignatureType, VerifierKey, parse_vkey

NONE = "none"
_MAX_POLICY = 1024 * 1024
_LOG_TYPES = (SignatureType.ED25519, SignatureType.MLDSA44_COSIGNATURE)
_WITNESS_TYPES = (SignatureType.ED25519_COSIGNATURE, SignatureType.MLDSA44_COSIGNATURE)


@dataclass(frozen=True, slots=True)
class LogLine:
    """A log that is accepted; its key's name is the origin."""

    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class WitnessLine:
    """A witness's key, under a name that only this policy knows."""

    name: str
    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class GroupLine:
    """At least ``k`` of ``members`` (names of witnesses and of earlier groups) must have cosigned."""

    name: str
    k: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A checkpoint that a policy accepts.

    ``witnesses``: names, in the policy, of all that cosigned. Two readings of their clocks, both good to a second:
    ``time`` is the latest instant of which a quorum says that it had come when they saw the checkpoint (use it to
    decide whether it is late enough); ``seen_by`` the earliest by which a quorum had seen it (use it as "existed no
    later than"). With one witness they are the same. Without any (``quorum none``) they are 1970 and None.
    """

    checkpoint: Checkpoint
    witnesses: tuple[str, ...]
    time: Instant
    seen_by: Instant | None


@dataclass(frozen=True, slots=True)
class TlogPolicy:
    """A policy; groups in an order in which each names only earlier ones."""

    logs: tuple[LogLine, ...]
    witnesses: tuple[WitnessLine, ...]
    groups: tuple[GroupLine, ...]
    quorum: str

    @classmethod
    def parse(cls, text: str | bytes) -> "TlogPolicy":
        """Parse a policy file; raises ``CustodesError`` (CORRUPT) naming the line."""
        octets = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
        if len(octets) > _MAX_POLICY:
            raise corrupt("policy: it is too long")
        if any((octet < 0x20 and octet not in (0x09, 0x0A)) or octet == 0x7F for octet in octets):
            raise corrupt("policy: it holds control characters")
        reader = _Reader()
        for number, line in enumerate(octets.split(b"\n"), 1):
            # Octets beyond ASCII are opaque (tlog-policy, "Character set"); this maps them there and back unchanged.
            words = [word.decode("utf-8", "surrogateescape") for word in line.replace(b"\t", b" ").split(b" ") if word]
            if words and not words[0].startswith("#"):
                try:
                    reader.line(words[0], words[1:])
                except CustodesError as problem:
                    raise corrupt(f"policy, line {number}: {problem}") from None
        return reader.finish()

    def serialise(self) -> str:
        """Return the policy file's text."""
        lines = [f"log {log.key}{_url(log.url)}" for log in self.logs]
        lines += [f"witness {witness.name} {witness.key}{_url(witness.url)}" for witness in self.witnesses]
        lines += [f"group {group.name} {group.k} {' '.join(group.members)}" for group in self.groups]
        return "".join(f"{line}\n" for line in [*lines, f"quorum {self.quorum}"])

    @property
    def log_keys(self) -> list[VerifierKey]:
        """The keys of the logs."""
        return [log.key for log in self.logs]

    def satisfied(self, signed: SignedCheckpoint) -> Witnessed:
        """Check the log's signature and the quorum of cosignatures.

        Raises ``CustodesError``: CORRUPT for a wrong or unknown log or signature, DENIED when witnesses are missing.
        """
        signed.verify_log(self.log_keys)
        witness_of = {witness.key: witness.name for witness in self.witnesses}
        times: dict[str, list[Instant]] = {}
        if any((line.name, line.key_id) in {(k.name, k.key_id) for k in witness_of} for line in signed.note.signatures):
            for verified in signed.verify(list(witness_of)):
                # A cosignature without a time states nothing about the largest tree its witness has seen.
                if verified.time:
                    times.setdefault(witness_of[verified.key], []).append(verified.time)
        witnesses = tuple(witness.name for witness in self.witnesses if witness.name in times)
        if self.quorum == NONE:
            return Witnessed(signed.checkpoint, witnesses, Instant(0), None)
        latest = self._reached({name: max(stated) for name, stated in times.items()}, last=True)
        earliest = self._reached({name: min(stated) for name, stated in times.items()}, last=False)
        if latest is None or earliest is None:
            raise denied(f"the checkpoint of size {signed.checkpoint.size} lacks the witnesses that the policy demands")
        return Witnessed(signed.checkpoint, witnesses, latest, earliest)

    def _reached(self, times: Mapping[str, Instant], last: bool) -> Instant | None:
        """The k-th latest (or earliest) time of each group, up to the quorum; None where the quorum is not reached."""
        reached = dict(times)
        for group in self.groups:
            known = [reached[name] for name in group.members if name in reached]
            if len(known) >= group.k:
                chosen = heapq.nlargest(group.k, known) if last else heapq.nsmallest(group.k, known)
                reached[group.name] = chosen[-1]
        return reached.get(self.quorum)


def build_policy(log_keys: Sequence[VerifierKey], witnesses: Mapping[str, Sequence[VerifierKey]], k: int) -> TlogPolicy:
    """Return the policy "``k`` of these witnesses, each with all its keys". ``witnesses``: name → keys; k 0: none."""
    lines, groups = [], []
    for name, keys in witnesses.items():
        members = tuple(f"{name}-{number}" for number in range(1, len(keys) + 1))
        lines += [WitnessLine(member, key) for member, key in zip(members, keys, strict=True)]
        groups.append(GroupLine(name, len(members), members))
    if k:
        groups.append(GroupLine("quorum-of-witnesses", k, tuple(witnesses)))
    policy = TlogPolicy(
        tuple(LogLine(key) for key in log_keys), tuple(lines), tuple(groups), groups[-1].name if k else NONE
    )
    return TlogPolicy.parse(policy.serialise())


class _Reader:
    """Collects the lines and the names that they define."""

    def __init__(self) -> None:
        self._logs: list[LogLine] = []
        self._witnesses: list[WitnessLine] = []
        self._groups: list[GroupLine] = []
        self._names: set[str] = {NONE}
        self._members: set[str] = set()
        self._quorum: str | None = None

    def line(self, keyword: str, words: list[str]) -> None:
        if keyword == "log" and len(words) in (1, 2):
            self._log(words[0], *words[1:])
        elif keyword == "witness" and len(words) in (2, 3):
            self._witness(words[0], words[1], *words[2:])
        elif keyword == "group" and len(words) >= 3:
            self._group(words[0], words[1], words[2:])
        elif keyword == "quorum" and len(words) == 1 and self._quorum is None and words[0] in self._names:
            self._quorum = words[0]
        else:
            raise corrupt(f"not a valid {keyword!r} line")

    def finish(self) -> TlogPolicy:
        if self._quorum is None:
            raise corrupt("policy: it has no quorum line")
        return TlogPolicy(tuple(self._logs), tuple(self._witnesses), tuple(self._groups), self._quorum)

    def _log(self, vkey: str, url: str | None = None) -> None:
        key = parse_vkey(vkey)
        if key.type not in _LOG_TYPES:
            raise corrupt("this type of key does not sign logs")
        if key.public in {log.key.public for log in self._logs}:
            raise corrupt("this log's key is there already")
        self._logs.append(LogLine(key, url))

    def _witness(self, name: str, vkey: str, url: str | None = None) -> None:
        key = parse_vkey(vkey)
        if key.type not in _WITNESS_TYPES:
            raise corrupt("this type of key does not cosign")
        if key.public in {witness.key.public for witness in self._witnesses}:
            raise corrupt("this witness's key is there already")
        self._define(name)
        self._witnesses.append(WitnessLine(name, key, url))

    def _group(self, name: str, threshold: str, members: list[str]) -> None:
        # `any` and `all` are kept as the numbers they stand for.
        k = {"any": "1", "all": str(len(members))}.get(threshold, threshold)
        if not (k.isascii() and k.isdigit()) or len(k) > 6 or not 1 <= int(k) <= len(members):
            raise corrupt("the threshold must lie between 1 and the number of members")
        for member in members:
            if member == NONE or member not in self._names:
                raise corrupt("a member is not defined on an earlier line")
            if member in self._members:
                raise corrupt("a member belongs to a group already")
            self._members.add(member)
        self._define(name)
        self._groups.append(GroupLine(name, int(k), tuple(members)))

    def _define(self, name: str) -> None:
        if name in self._names:
            raise corrupt("this name is taken already")
        self._names.add(name)


def _url(url: str | None) -> str:
    return "" if url is None else f" {url}"

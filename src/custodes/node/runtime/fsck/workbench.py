# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the checks work with: the store, the recorder's key, who is running, and a place for what belongs nowhere."""

import fcntl
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from custodes.clock import SECOND, Instant
from custodes.domain.ids import KeyId
from custodes.errors import CustodesError, Kind, unavailable
from custodes.node.queries import custody
from custodes.node.runtime.fsck.findings import Finding
from custodes.node.runtime.fsck.proofs import Proofs
from custodes.node.store import Store
from custodes.node.store.keys import read_key
from custodes.trust.seal.signing import PublicKey, SigningKey
from custodes.trust.tlog.store import make_folder, sync_folder

_OPEN = 180 * SECOND
"""What began less long ago may be being written, if its writer runs."""


@dataclass(frozen=True, slots=True)
class Options:
    """``repair``: mend what can be mended. ``hashes``: read and hash everything. ``quick``: names and sizes only."""

    repair: bool = False
    hashes: bool = False
    quick: bool = False


class Bench:
    """Shared by all checks of one run."""

    def __init__(self, store: Store, options: Options) -> None:
        self.store = store
        self.options = options
        self.recording = _runs(store.layout.root, "recorder")
        self.masking = _runs(store.layout.root, "masker")
        self.open = 0

    @cached_property
    def recorder(self) -> SigningKey:
        """The recorder's key, for closing what is torn."""
        return SigningKey.from_seed(read_key(self.store.layout.keys / "recorder.key"))

    @cached_property
    def recorders(self) -> Mapping[KeyId, PublicKey]:
        """Whose manifests count."""
        return custody.parsed_policy(self.store).recorder_keys

    @cached_property
    def proofs(self) -> Proofs:
        """Which log entry commits to which closing manifest."""
        return Proofs(self.store)

    def young(self, start: Instant) -> bool:
        """True for what may be being written just now."""
        return self.store.clock.now() - start < _OPEN

    def lose(self, name: str) -> None:
        """Move an object out of the store, to ``lost/``; nothing is deleted."""
        source = self.store.objects.local_path(name)
        try:
            target = self._place(name)
            shutil.move(source, target)
            sync_folder(target.parent)
            sync_folder(source.parent)
        except OSError as problem:
            raise unavailable(f"{name} cannot be moved to lost/: {problem.strerror}") from None

    def cut(self, name: str, length: int) -> None:
        """Move what an object has behind ``length`` to ``lost/``."""
        try:
            with (
                self.store.objects.local_path(name).open("r+b") as source,
                self._place(f"{name}.tail").open("xb") as tail,
            ):
                source.seek(length)
                shutil.copyfileobj(source, tail)
                tail.flush()
                os.fsync(tail.fileno())
                # A crash before this: it is there twice, and is cut off next time.
                source.truncate(length)
        except OSError as problem:
            raise unavailable(f"{name} cannot be cut: {problem.strerror}") from None

    def _place(self, name: str) -> Path:
        """A free name below ``lost/``, in a folder that is there."""
        target = self.store.layout.root / "lost" / name
        number = 0
        while target.exists():
            number += 1
            target = self.store.layout.root / "lost" / f"{name}.{number}"
        make_folder(target.parent)
        return target

    def mended(self, finding: Finding, mend: Callable[[], object]) -> Finding:
        """Mend what was found if that is wanted, and return the finding with its outcome.

        A disk or catalogue that does not take it: ``CustodesError`` (UNAVAILABLE).
        """
        if not self.options.repair:
            return finding
        try:
            mend()
        except CustodesError as problem:
            if problem.kind is Kind.UNAVAILABLE:
                raise
            return replace(finding, detail=f"{finding.detail}; it cannot be repaired: {problem}", harmless=False)
        return replace(finding, repaired=True)


def _runs(root: Path, role: str) -> bool:
    """True if a process of that role holds its lock (one of its locks) in the data folder."""
    for path in (root / "run").glob(f"{role}*.lock"):
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(descriptor)
    return False

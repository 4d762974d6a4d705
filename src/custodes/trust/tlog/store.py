# SPDX-License-Identifier: Apache-2.0
"""Where a log's tiles and checkpoint lie."""

import contextlib
import fcntl
import os
import shutil
import weakref
from pathlib import Path
from typing import Protocol

from custodes.errors import conflict, unavailable


class TileStore(Protocol):
    """Files by path (``checkpoint``, ``tile/…``), as they are served."""

    def claim(self) -> None:
        """Become the only writer until ``close``; raises ``CustodesError`` (CONFLICT) if there is one."""
        ...

    def read(self, path: str) -> bytes | None:
        """Return a file, None if it does not exist."""
        ...

    def write(self, path: str, data: bytes) -> None:
        """Write or replace a file in one step; when this returns, it is durable."""
        ...

    def drop_partials(self, path: str) -> None:
        """Delete the partial versions of the full tile ``path``; nothing depends on its being durable."""
        ...

    def close(self) -> None:
        """Give up the claim."""
        ...


class FolderTiles:
    """Tiles in a folder of the local disk, laid out exactly as they are served."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._release: weakref.finalize[[int], FolderTiles] | None = None

    def claim(self) -> None:
        """Lock the folder itself, so that no lock file is served; the kernel frees it when the process ends."""
        if self._release is not None:
            raise conflict(f"the log in {self._folder} is open for writing already")
        make_folder(self._folder)
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise conflict(f"another program writes to the log in {self._folder}") from None
        self._release = weakref.finalize(self, os.close, descriptor)

    def read(self, path: str) -> bytes | None:
        try:
            return (self._folder / path).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise unavailable(f"{self._folder / path} cannot be read: {problem.strerror}") from None

    def write(self, path: str, data: bytes) -> None:
        write_durably(self._folder / path, data)

    def drop_partials(self, path: str) -> None:
        shutil.rmtree(self._folder / f"{path}.p", ignore_errors=True)

    def close(self) -> None:
        if self._release is not None:
            self._release()
            self._release = None


def write_durably(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write or replace a file so that a power cut leaves the old or the new content, and the new one after return.

    Crash before the rename: the old file stands, beside it a ``.tmp`` that the next write of this path replaces. Crash
    after the rename and before the folder is synced: either file stands. One writer at a time for one path. A full or
    broken disk raises ``CustodesError`` (UNAVAILABLE), after which either file may stand.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        make_folder(path.parent)
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as problem:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise unavailable(f"{path} cannot be written: {problem.strerror}") from None


def make_folder(folder: Path) -> None:
    """Make a folder and its parents, each durable in its parent."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    try:
        sync_folder(folder.parent)
    except OSError:
        # It would be taken for a durable one next time.
        with contextlib.suppress(OSError):
            folder.rmdir()
        raise


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

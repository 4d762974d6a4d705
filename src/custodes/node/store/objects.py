# SPDX-License-Identifier: AGPL-3.0-or-later
"""Objects on the local disk: what is written is durable when the call returns, and names are never reused."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from custodes.errors import CustodesError, Kind, conflict, not_found, unavailable
from custodes.trust.tlog.store import make_folder, sync_folder, write_durably


class ObjectWriter:
    """A growing object. What was appended before the last ``sync`` survives a power cut."""

    def __init__(self, path: Path) -> None:
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        except FileExistsError:
            raise conflict("an object of that name exists already") from None
        except OSError as problem:
            raise _full(problem) from None
        self.size = 0
        try:
            sync_folder(path.parent)
        except OSError as problem:
            self.abandon()
            raise _full(problem) from None

    def append(self, data: bytes) -> int:
        """Write ``data`` at the end and return its offset; a full disk raises ``CustodesError`` (UNAVAILABLE)."""
        offset = self.size
        view = memoryview(data)
        while view:
            try:
                written = os.write(self._descriptor, view)
            except OSError as problem:
                raise _full(problem) from None
            view = view[written:]
            self.size += written
        return offset

    def sync(self) -> None:
        """Make everything appended durable; a broken disk raises ``CustodesError`` (UNAVAILABLE)."""
        try:
            os.fdatasync(self._descriptor)
        except OSError as problem:
            raise _full(problem) from None

    def close(self) -> None:
        """Sync and close; closed it is in any case."""
        try:
            self.sync()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let go of the object after its disk has failed: what was synced before is durable. May be repeated."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with suppress(OSError):
                os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _full(problem: OSError) -> CustodesError:
    return unavailable(f"the disk does not take the recording: {problem.strerror}")


class DiskObjects:
    """Objects below one folder, by relative path."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def _path(self, name: str) -> Path:
        parts = name.split("/")
        if any(part in ("", ".", "..") for part in parts):
            raise CustodesError(Kind.INVALID, "not the name of an object")
        return self.root.joinpath(*parts)

    def put(self, name: str, data: bytes) -> None:
        """Store a whole object: it is there entirely and durably when this returns, or not at all."""
        # A crash on the way leaves at most a ".tmp" beside the name, which nobody reads and nobody counts.
        write_durably(self._path(name), data, 0o600)

    def create(self, name: str) -> ObjectWriter:
        """Begin an object that grows; the name must be new."""
        path = self._path(name)
        try:
            make_folder(path.parent)
        except OSError as problem:
            raise _full(problem) from None
        return ObjectWriter(path)

    def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """Read an object or a part of it."""
        try:
            with self.open(name) as file:
                file.seek(offset)
                return file.read(-1 if length is None else length)
        except OSError as problem:
            raise unavailable(f"the object {name} cannot be read: {problem.strerror}") from None

    def open(self, name: str) -> BinaryIO:
        """Open an object for reading, for the caller to close."""
        try:
            return self._path(name).open("rb")
        except FileNotFoundError:
            raise not_found(f"there is no object {name}") from None
        except OSError as problem:
            raise unavailable(f"the object {name} cannot be read: {problem.strerror}") from None

    def local_path(self, name: str) -> Path:
        """Where the object lies."""
        return self._path(name)

    def exists(self, name: str) -> bool:
        """True if there is such an object."""
        return self._path(name).exists()

    def children(self, name: str) -> list[str]:
        """The names of objects and folders right below a folder, in order; none if there is no such folder."""
        try:
            return sorted(each.name for each in os.scandir(self._path(name)) if not each.name.endswith(".tmp"))
        except FileNotFoundError:
            return []
        except OSError as problem:
            raise unavailable(f"the folder {name} cannot be read: {problem.strerror}") from None

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects for good, in any order; none of them comes back once this returns, even by a power cut.

        What is not there is no matter. A disk that does not take it: ``CustodesError`` (UNAVAILABLE), and any of them
        may be gone.
        """
        folders: dict[Path, None] = {}
        try:
            for name in names:
                path = self._path(name)
                with suppress(FileNotFoundError, NotADirectoryError):
                    path.unlink()
                    folders[path.parent] = None
            for folder in folders:
                sync_folder(folder)
        except OSError as problem:
            raise unavailable(f"the disk does not let go of {problem.filename}: {problem.strerror}") from None

    def drop_empty(self, name: str) -> None:
        """Drop the folder that ``name`` lay in if nothing is left in it."""
        with suppress(OSError):
            self._path(name).parent.rmdir()

    def names(self, prefix: str) -> Iterator[str]:
        """All objects below ``prefix``, in order of their names."""
        base = self._path(prefix)
        for path in sorted(base.rglob("*")):
            if path.is_file() and path.suffix != ".tmp":
                yield str(path.relative_to(self.root))

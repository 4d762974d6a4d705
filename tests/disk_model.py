# SPDX-License-Identifier: AGPL-3.0-or-later
"""A disk that remembers what was synced: every system call of the write path is noted, and a power cut can be replayed.

The model of POSIX and ext4: what was written is certain only after fsync or fdatasync of the file, a name only after
fsync of its folder, whatever lies in a folder only if the folder's own name is certain.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest


@dataclass
class Inode:
    """A file: what was written, and how much of it was synced. Files here only grow."""

    written: bytearray = field(default_factory=bytearray)
    synced: int = 0


@dataclass
class Disk:
    """Names and files below ``root``; ``fail`` is asked before each call: None, ``before`` or ``after``."""

    root: Path
    fail: Callable[[int, str], str | None] = lambda _number, _call: None
    calls: list[str] = field(default_factory=list)
    names: dict[Path, Inode] = field(default_factory=dict)
    certain: dict[Path, Inode] = field(default_factory=dict)
    folders: set[Path] = field(default_factory=set)
    certain_folders: set[Path] = field(default_factory=set)
    open_: dict[int, Path] = field(default_factory=dict)
    after_call: Callable[["Disk"], None] = lambda _disk: None

    def _call(self, call: str, path: Path, act: Callable[[], Any], note: Callable[[Any], None]) -> Any:
        if not path.is_relative_to(self.root):
            return act()
        verdict = self.fail(len(self.calls), call)
        self.calls.append(f"{call} {path.relative_to(self.root)}")
        if verdict == "before":
            raise OSError(5, "Input/output error")
        result = act()
        note(result)
        self.after_call(self)
        if verdict == "after":
            raise OSError(5, "Input/output error")
        return result

    def sync(self, path: Path) -> None:
        """What fsync of a file or folder makes certain."""
        if path in self.names:
            inode = self.names[path]
            inode.synced = len(inode.written)
            return
        for known, current in ((self.certain, self.names),):
            for name in [each for each in known if each.parent == path and known[each] is not current.get(each)]:
                del known[name]
            known.update({name: inode for name, inode in current.items() if name.parent == path})
        self.certain_folders |= {each for each in self.folders if each.parent == path}

    def after_power_cut(self, target: Path, tail: Callable[[Inode], int]) -> None:
        """Write to ``target`` what is left; ``tail`` says how many bytes of a file's unsynced end are there."""
        for path, inode in self.certain.items():
            if all(each in self.certain_folders for each in self._above(path)):
                copy = target / path.relative_to(self.root)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(inode.written[: inode.synced + tail(inode)])

    def _above(self, path: Path) -> list[Path]:
        return [each for each in path.parents if each.is_relative_to(self.root) and each in self.folders]


class _File:
    """What ``os.fdopen`` returns: a file object as far as ``write_durably`` uses one."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, data: bytes) -> None:
        os.write(self._descriptor, data)

    def flush(self) -> None:
        pass

    def fileno(self) -> int:
        return self._descriptor

    def __enter__(self) -> "_File":
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._descriptor)


def watch(disk: Disk, patch: pytest.MonkeyPatch) -> None:
    """Note, and make fail, every call of this process that changes what lies below the disk's root."""
    real = {
        name: getattr(os, name)
        for name in ("open", "write", "fsync", "fdatasync", "replace", "unlink", "mkdir", "close")
    }

    def open_(path: Any, flags: int, mode: int = 0o777, **more: Any) -> int:
        if not isinstance(path, Path) or not flags & os.O_CREAT:
            descriptor: int = real["open"](path, flags, mode, **more)
            if isinstance(path, Path):
                disk.open_[descriptor] = path
            return descriptor

        def note(descriptor: int) -> None:
            disk.names[path] = Inode()
            disk.open_[descriptor] = path

        opened: int = disk._call("open", path, lambda: real["open"](path, flags, mode, **more), note)
        return opened

    def write(descriptor: int, data: bytes) -> int:
        path = disk.open_.get(descriptor)
        if path is None:
            untracked: int = real["write"](descriptor, data)
            return untracked

        def note(count: int) -> None:
            disk.names[path].written += bytes(data)[:count]

        written: int = disk._call("write", path, lambda: real["write"](descriptor, data), note)
        return written

    def syncing(call: str) -> Callable[[int], None]:
        def sync(descriptor: int) -> None:
            path = disk.open_.get(descriptor, Path("/"))
            disk._call(call, path, lambda: real[call](descriptor), lambda _: disk.sync(path))

        return sync

    def replace(source: Path, target: Path) -> None:
        def note(_: None) -> None:
            disk.names[Path(target)] = disk.names.pop(Path(source))

        disk._call("replace", Path(source), lambda: real["replace"](source, target), note)

    def unlink(path: Any, **more: Any) -> None:
        disk._call(
            "unlink", Path(path), lambda: real["unlink"](path, **more), lambda _: disk.names.pop(Path(path), None)
        )

    def mkdir(path: Any, mode: int = 0o777) -> None:
        disk._call("mkdir", Path(path), lambda: real["mkdir"](path, mode), lambda _: disk.folders.add(Path(path)))

    def close(descriptor: int) -> None:
        disk.open_.pop(descriptor, None)
        real["close"](descriptor)

    patch.setattr(os, "open", open_)
    patch.setattr(os, "write", write)
    patch.setattr(os, "fsync", syncing("fsync"))
    patch.setattr(os, "fdatasync", syncing("fdatasync"))
    patch.setattr(os, "replace", replace)
    patch.setattr(os, "unlink", unlink)
    patch.setattr(os, "mkdir", mkdir)
    patch.setattr(os, "close", close)
    patch.setattr(os, "fdopen", lambda descriptor, *_: _File(descriptor))

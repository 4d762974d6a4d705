# SPDX-License-Identifier: Apache-2.0
"""Zip archives with one spelling: what packages and bundles are stored in.

Any unzip program reads them. Our reader accepts nothing but the bytes that our writer writes: members stored without
compression (so no bombs), plain relative names in rising order (no traversal, no duplicates), no dates, no attributes,
no comments, nothing between or behind the members. So every byte of the file is accounted for, and a changed one is
found.
PKWARE APPNOTE 6.3.10, sections 4.3.7, 4.3.12, 4.3.16; not zip64, so an archive holds less than 4 GiB.
"""

import hashlib
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, TypeAlias

from custodes.domain.ids import Digest
from custodes.errors import corrupt, invalid, not_found

Content: TypeAlias = "bytes | Path | Part"
"""What goes into a member: bytes, a file, or a member of another archive; the latter two are read piece by piece."""

MAX_MEMBERS = 60_000
MAX_ARCHIVE = 2**32 - 2
_PIECE = 1024 * 1024
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}(/[a-z0-9][a-z0-9._-]{0,99}){0,3}")
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_DATE = 0x21
"""1980-01-01, the earliest that the format knows: an archive does not tell when it was made."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file in an archive: where its bytes lie and how many there are."""

    name: str
    offset: int
    size: int
    crc: int


@dataclass(frozen=True, slots=True)
class Part:
    """A member of an open archive, to be copied into another one."""

    archive: "Archive"
    name: str


def check_name(name: str) -> str:
    """Return ``name`` if a member may have it, else raise ``CustodesError`` (INVALID)."""
    if not _NAME.fullmatch(name) or ".." in name:
        raise invalid(f"{name[:100]!r} cannot be the name of a file in an archive")
    return name


def write_archive(stream: BinaryIO, files: Mapping[str, Content]) -> None:
    """Write the files, in the order of their names; ``stream`` must be able to seek.

    Raises ``CustodesError`` (INVALID) for a name that is not allowed or more than 4 GiB in all.
    """
    if len(files) > MAX_MEMBERS:
        raise invalid("too many files for one archive: ask for fewer minutes")
    members = []
    for name in sorted(files):
        check_name(name)
        start = stream.tell()
        header_bytes = _LOCAL.size + len(name)
        stream.seek(header_bytes, 1)
        size = crc = 0
        for piece in _pieces(files[name]):
            size, crc = size + len(piece), zlib.crc32(piece, crc)
            if start + header_bytes + size > MAX_ARCHIVE:
                raise invalid("an archive holds less than 4 GiB: ask for fewer minutes")
            stream.write(piece)
        member = Member(name, start + header_bytes, size, crc)
        end = stream.tell()
        stream.seek(start)
        stream.write(_local(member))
        stream.seek(end)
        members.append(member)
    if stream.tell() + len(directory := _directory(members, stream.tell())) > MAX_ARCHIVE:
        raise invalid("an archive holds less than 4 GiB: ask for fewer minutes")
    stream.write(directory)


def measure(content: Content) -> tuple[int, Digest]:
    """Return the size in bytes and the SHA-256 of what goes into a member."""
    state, size = hashlib.sha256(), 0
    for piece in _pieces(content):
        state.update(piece)
        size += len(piece)
    return size, Digest(state.digest())


def _pieces(content: Content) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    if isinstance(content, Part):
        yield from content.archive.pieces(content.name)
        return
    with content.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _local(member: Member) -> bytes:
    name = member.name.encode("ascii")
    fields = (20, 0, 0, 0, _DATE, member.crc, member.size, member.size, len(name), 0)
    return _LOCAL.pack(b"PK\3\4", *fields) + name


def _directory(members: list[Member], offset: int) -> bytes:
    parts: list[bytes] = []
    for member in members:
        name = member.name.encode("ascii")
        start = member.offset - _LOCAL.size - len(name)
        fields = (20, 20, 0, 0, 0, _DATE, member.crc, member.size, member.size, len(name), 0, 0, 0, 0, 0, start)
        parts += (_CENTRAL.pack(b"PK\1\2", *fields), name)
    size = sum(map(len, parts))
    end = _END.pack(b"PK\5\6", 0, 0, len(members), len(members), size, offset, 0)
    return b"".join((*parts, end))


class Archive:
    """Reads an archive. The whole structure and every checksum are checked when it is opened.

    Raises ``CustodesError`` (CORRUPT) when opened if a byte is not as ``write_archive`` would have written it.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._stream = path.open("rb")
        except OSError as problem:
            raise not_found(f"{path.name} cannot be read: {problem.strerror}") from None
        try:
            self._members = {member.name: member for member in _scan(self._stream)}
        except BaseException:
            self._stream.close()
            raise

    def __enter__(self) -> "Archive":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    @property
    def names(self) -> list[str]:
        """The names of the members, rising."""
        return list(self._members)

    def size(self, name: str) -> int:
        """Return a member's size in bytes; raises ``CustodesError`` (CORRUPT) if there is none of this name."""
        return self._member(name).size

    def read(self, name: str, limit: int = 128 * 1024 * 1024) -> bytes:
        """Return a member's bytes; raises ``CustodesError`` (CORRUPT) if it is missing or longer than ``limit``."""
        member = self._member(name)
        if member.size > limit:
            raise corrupt(f"{name} is too long")
        self._stream.seek(member.offset)
        return self._stream.read(member.size)

    def read_at(self, name: str, offset: int, size: int) -> bytes:
        """Return ``size`` bytes of a member from ``offset``; fewer exist: raises ``CustodesError`` (CORRUPT)."""
        member = self._member(name)
        if not 0 <= offset <= offset + size <= member.size:
            raise corrupt(f"{name} is shorter than it should be")
        self._stream.seek(member.offset + offset)
        return self._stream.read(size)

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield a member's bytes piece by piece; raises ``CustodesError`` (CORRUPT) if there is none of this name."""
        size = self._member(name).size
        for offset in range(0, size, _PIECE):
            yield self.read_at(name, offset, min(_PIECE, size - offset))

    def _member(self, name: str) -> Member:
        member = self._members.get(name)
        if member is None:
            raise corrupt(f"{name} is missing")
        return member


def _scan(stream: BinaryIO) -> list[Member]:
    """Walk the members from the first byte to the last and compare everything with what the writer would write."""
    members: list[Member] = []
    position = 0
    while (start := stream.read(4)) == b"PK\3\4":
        header = start + stream.read(_LOCAL.size - 4)
        if len(header) < _LOCAL.size or len(members) == MAX_MEMBERS:
            raise corrupt("the archive is cut off or holds too many files")
        *_, crc, size, _, length, _ = _LOCAL.unpack(header)
        name = stream.read(length)
        member = Member(_decode(name), position + _LOCAL.size + length, size, crc)
        if header + name != _local(member) or (members and member.name <= members[-1].name):
            raise corrupt("the archive was changed, or is not one of ours")
        if _checksum(stream, size) != crc:
            raise corrupt(f"{member.name} was changed or cut off")
        members.append(member)
        position = member.offset + size
    directory = _directory(members, position)
    if start + stream.read(len(directory)) != directory:
        raise corrupt("the directory of the archive was changed, or is not one of ours")
    return members


def _decode(name: bytes) -> str:
    text = name.decode("ascii", "replace")
    if not _NAME.fullmatch(text) or ".." in text:
        raise corrupt("a file in the archive has a name that is not allowed")
    return text


def _checksum(stream: BinaryIO, size: int) -> int:
    crc = 0
    while size:
        piece = stream.read(min(size, _PIECE))
        if not piece:
            return -1
        crc, size = zlib.crc32(piece, crc), size - len(piece)
    return crc

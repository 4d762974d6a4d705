# SPDX-License-Identifier: AGPL-3.0-or-later
"""What no inventory may exceed, and archives and XML opened within it."""

import io
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from custodes.errors import CustodesError, corrupt, invalid

MAX_BYTES = 64 << 20
MAX_ROWS = 200_000
MAX_CELL = 8_192
MAX_COLUMNS = 512
_MAX_XML = 48 << 20
_MAX_MEMBERS = 2_000
_MAX_RATIO = 200
_SMALL = 1 << 20


def read_bounded(path: Path) -> bytes:
    """The whole file; too large, or not readable: ``CustodesError`` (INVALID)."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as problem:
        raise invalid(f"{path} cannot be read: {problem.strerror}") from None
    except ValueError:
        raise invalid("a file's name cannot hold a zero byte") from None
    if len(data) > MAX_BYTES:
        raise invalid(f"the file is larger than {MAX_BYTES >> 20} MB")
    return data


def too_many() -> CustodesError:
    """More rows than are taken."""
    return invalid(f"the file has more than {MAX_ROWS:,} rows")


def parse_xml(data: bytes) -> Element:
    """The root of an XML document without DTD and entities; anything else: ``CustodesError`` (CORRUPT)."""
    if len(data) > _MAX_XML:
        raise corrupt(f"the XML in it is larger than {_MAX_XML >> 20} MB")
    try:
        root: Element = fromstring(data, forbid_dtd=True)
    except DefusedXmlException:
        raise corrupt("the XML in it declares a document type or entities, which are not taken") from None
    except (ParseError, ValueError, LookupError) as problem:
        raise corrupt(f"the XML in it cannot be read: {problem}") from None
    return root


def local(element: Element) -> str:
    """An element's name without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


class Archive:
    """A ZIP archive whose members are known to be harmless before any is unpacked, in memory only."""

    def __init__(self, data: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
            self._members = {each.filename: each for each in self._zip.infolist()}
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, RuntimeError, EOFError):
            raise corrupt("the archive is damaged") from None
        if len(self._zip.infolist()) > _MAX_MEMBERS:
            raise corrupt(f"the archive has more than {_MAX_MEMBERS:,} files")
        for each in self._zip.infolist():
            _check(each)
        if sum(each.file_size for each in self._zip.infolist()) > 2 * MAX_BYTES:
            raise corrupt("the archive unpacks to too much: it may be a ZIP bomb")

    @property
    def names(self) -> list[str]:
        """Names of the files in it."""
        return list(self._members)

    def read(self, name: str) -> bytes:
        """One file; missing or damaged: ``CustodesError`` (CORRUPT)."""
        if name not in self._members:
            raise corrupt(f"the archive has no {name}")
        member = self._members[name]
        try:
            with self._zip.open(member) as file:
                data = file.read(member.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError, RuntimeError, EOFError):
            raise corrupt("the archive is damaged") from None
        if len(data) > member.file_size:
            raise corrupt("the archive unpacks to more than it says: it may be a ZIP bomb")
        return data


def _check(member: zipfile.ZipInfo) -> None:
    name = member.orig_filename
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or name[1:2] == ":":
        raise corrupt("the archive has a file whose name leads out of it")
    if member.flag_bits & 1:
        raise corrupt("the archive is encrypted")
    if member.file_size > MAX_BYTES:
        raise corrupt("the archive unpacks to too much: it may be a ZIP bomb")
    if member.file_size > _SMALL and member.file_size > _MAX_RATIO * max(member.compress_size, 1):
        raise corrupt("the archive unpacks to far more than its size: it may be a ZIP bomb")

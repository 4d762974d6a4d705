# SPDX-License-Identifier: AGPL-3.0-or-later
"""Archives: any unzip program reads them, ours accepts one spelling only."""

import io
import struct
import zipfile
from pathlib import Path

import pytest

from custodes.errors import CustodesError, Kind
from custodes.trust.custody.archive import Archive, Part, measure, write_archive

FILES = {"b/two.json": b"second", "a.txt": b"first", "empty": b""}


def _written(files: dict[str, bytes] | None = None) -> bytes:
    stream = io.BytesIO()
    write_archive(stream, files or FILES)
    return stream.getvalue()


def _opened(tmp_path: Path, data: bytes) -> Archive:
    path = tmp_path / "archive.zip"
    path.write_bytes(data)
    return Archive(path)


def test_python_and_we_read_the_same(tmp_path: Path) -> None:
    data = _written()
    with zipfile.ZipFile(io.BytesIO(data)) as other:
        assert other.testzip() is None
        assert {name: other.read(name) for name in other.namelist()} == FILES
    with _opened(tmp_path, data) as archive:
        assert archive.names == ["a.txt", "b/two.json", "empty"]
        assert {name: archive.read(name) for name in archive.names} == FILES
        assert archive.read_at("b/two.json", 2, 3) == b"con"
        assert measure(Part(archive, "a.txt")) == measure(b"first")


def test_files_are_streamed_from_disk(tmp_path: Path) -> None:
    big = tmp_path / "big"
    big.write_bytes(bytes(range(256)) * 10_000)
    stream = io.BytesIO()
    write_archive(stream, {"big": big, "small": b"x"})
    with _opened(tmp_path, stream.getvalue()) as archive:
        assert archive.read("big") == big.read_bytes()
        copy = io.BytesIO()
        write_archive(copy, {"big": Part(archive, "big"), "small": Part(archive, "small")})
    assert copy.getvalue() == stream.getvalue()


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "a//b", "A.txt", "a\\b", "", ".hidden", "a/../b", "a" * 101, "é"]
)
def test_names_that_could_lead_astray_are_not_written(name: str) -> None:
    with pytest.raises(CustodesError, match="cannot be the name") as problem:
        _written({name: b""})
    assert problem.value.kind is Kind.INVALID


def _foreign(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as other:
        for name, data in files.items():
            other.writestr(zipfile.ZipInfo(name), data)
    return stream.getvalue()


def _bomb() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as other:
        other.writestr("a", bytes(50_000_000))
    return stream.getvalue()


def _traversal() -> bytes:
    return _written({"aa/aa/aa": b"x"}).replace(b"aa/aa/aa", b"../../aa")


def _duplicate() -> bytes:
    return _written({"a": b"x", "b": b"y"}).replace(b"b", b"a")


def _overlap() -> bytes:
    """Two directory entries for one member: a classic way to hide what another reader will see."""
    data = _written({"a": b"x"})
    directory = data.index(b"PK\1\2")
    end = data.index(b"PK\5\6")
    entry = data[directory:end]
    return data[:end] + entry + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 2, 2, 2 * len(entry), directory, 0)


HOSTILE = {
    "nothing": b"",
    "no zip": b"hello, world",
    "another program's zip": _foreign(a=b"x"),
    "a bomb": _bomb(),
    "traversal": _traversal(),
    "a duplicate": _duplicate(),
    "two entries for one member": _overlap(),
    "a prefix": b"#!/bin/sh\n" + _written(),
    "a suffix": _written() + b"more",
    "a comment": _written()[:-2] + b"\4\0note",
    "cut off": _written()[:-1],
    "cut off in a member": _written()[:40],
    "no directory": _written()[: _written().index(b"PK\1\2")],
    "names out of order": _written({"a": b"x", "b": b"y"}).replace(b"a", b"c"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CustodesError) as problem:
        _opened(tmp_path, HOSTILE[name])
    assert problem.value.kind is Kind.CORRUPT


def test_a_missing_file_or_member_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(CustodesError, match="cannot be read") as problem:
        Archive(tmp_path / "none.zip")
    assert problem.value.kind is Kind.NOT_FOUND
    with _opened(tmp_path, _written()) as archive:
        with pytest.raises(CustodesError, match="is missing"):
            archive.read("c")
        with pytest.raises(CustodesError, match="too long"):
            archive.read("a.txt", 2)
        with pytest.raises(CustodesError, match="shorter"):
            archive.read_at("a.txt", 3, 3)


def test_more_than_four_gigabytes_are_refused_before_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custodes.trust.custody.archive.MAX_ARCHIVE", 100)
    with pytest.raises(CustodesError, match="less than 4 GiB"):
        _written({"a": bytes(90)})

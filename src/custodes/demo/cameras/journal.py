# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the virtual cameras sent: the ground truth against which recording, opening and searching are measured.

A run's folder holds, for each stream, files ``<camera>-<role>.<number>.nals`` with one record per NAL unit in stream
order, written before the unit is sent, whether anybody listens or not; and ``plays.jsonl``, one line for each PLAY. A
run begins with an empty folder. Files are removed after about a day, so that a demo that runs for weeks stays bounded.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from custodes.clock import Instant
from custodes.domain import canonical, times
from custodes.domain.video import StreamRole
from custodes.errors import corrupt

NEEDLE_LENGTH = 24
_NEEDLE_FROM = 64
_MIN_VARIETY = 12
"""Different byte values that a needle must have: a run of zeros would be found in any file."""
_RECORD = struct.Struct("!QQIBBI24s32s")
_RECORDS_PER_FILE = 250_000
_FILES_KEPT = 12
_PLAYS = "plays.jsonl"


@dataclass(frozen=True, slots=True)
class Needle:
    """24 bytes from the middle of a slice, to look for on disks; ``offset`` counts from the NAL unit's first byte."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class SentNal:
    """One NAL unit that went into a stream.

    ``index``: the camera's picture (25 per second, also on the sub stream); ``kind``: ``nal_unit_type``; ``utc``: when
    it was handed to the network. ``needle`` is None for what is not a slice, is shorter than 64 bytes or has no place
    that is varied enough to be told from other data.
    """

    sha256: bytes
    kind: int
    length: int
    index: int
    utc: Instant
    needle: Needle | None


@dataclass(frozen=True, slots=True)
class Play:
    """One PLAY: the picture and the RTP time stamp of the first packet that this client was sent.

    The picture at ``ticks`` after it (90 kHz, on the same connection) is ``index + ticks // 3600``.
    """

    camera: str
    role: StreamRole
    utc: Instant
    index: int
    rtp_time: int
    transport: str
    client: str
    agent: str


def needle_of(nal: bytes) -> Needle | None:
    """Choose a needle in a slice (``nal_unit_type`` 1 to 5): the middle, or a quarter where the middle is dull."""
    if not 1 <= nal[0] & 0x1F <= 5 or len(nal) < _NEEDLE_FROM:
        return None
    for eighths in (4, 6, 2, 5, 3):
        offset = (len(nal) - NEEDLE_LENGTH) * eighths // 8
        data = nal[offset : offset + NEEDLE_LENGTH]
        if len(set(data)) >= _MIN_VARIETY:
            return Needle(offset, data)
    return None


def prepare(folder: Path) -> None:
    """Make the folder, private, and remove an earlier run's journal."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for old in [*folder.glob("*.nals"), folder / _PLAYS]:
        old.unlink(missing_ok=True)
    (folder / _PLAYS).touch()


class NalJournal:
    """Writes one stream's records. Used by one thread."""

    def __init__(self, folder: Path, camera: str, role: StreamRole) -> None:
        self._folder, self._stem = folder, f"{camera}-{role.value}"
        self._number = self._written = 0
        self._file = self._path(0).open("ab", buffering=0)

    def write(self, nals: Iterable[bytes], index: int, utc: Instant) -> None:
        """Append one picture's units; they are with the operating system when this returns."""
        records = [_pack(nal, index, utc) for nal in nals]
        self._file.write(b"".join(records))
        self._written += len(records)
        if self._written >= _RECORDS_PER_FILE:
            self._file.close()
            self._number, self._written = self._number + 1, 0
            self._file = self._path(self._number).open("ab", buffering=0)
            self._path(self._number - _FILES_KEPT).unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _path(self, number: int) -> Path:
        return self._folder / f"{self._stem}.{number:06d}.nals"


def _pack(nal: bytes, index: int, utc: Instant) -> bytes:
    needle = needle_of(nal)
    offset, data = (needle.offset, needle.data) if needle else (0, b"")
    return _RECORD.pack(
        index, utc, len(nal), nal[0] & 0x1F, needle is not None, offset, data, hashlib.sha256(nal).digest()
    )


def read_journal(folder: Path, camera: str, role: StreamRole = StreamRole.MAIN) -> list[SentNal]:
    """Return what one stream was sent, in order. May be called while the cameras run."""
    return [
        sent for path in sorted(folder.glob(f"{camera}-{role.value}.*.nals")) for sent in _records(path.read_bytes())
    ]


def _records(data: bytes) -> Iterator[SentNal]:
    whole = len(data) - len(data) % _RECORD.size  # The last record may still be on its way.
    for index, utc, length, kind, has_needle, offset, text, sha256 in _RECORD.iter_unpack(data[:whole]):
        needle = Needle(offset, text) if has_needle else None
        yield SentNal(sha256, kind, length, index, Instant(utc), needle)


def write_play(folder: Path, play: Play) -> None:
    """Append a PLAY."""
    line = canonical.dumps(
        {
            "camera": play.camera,
            "role": play.role.value,
            "utc": times.to_text(play.utc),
            "index": play.index,
            "rtp_time": play.rtp_time,
            "transport": play.transport,
            "client": play.client,
            "agent": play.agent,
        }
    )
    with (folder / _PLAYS).open("ab") as file:
        file.write(line + b"\n")


def read_plays(folder: Path, camera: str, role: StreamRole) -> list[Play]:
    """Return every PLAY of one stream, in order. Raises ``CustodesError`` (CORRUPT)."""
    whole = (folder / _PLAYS).read_bytes().rpartition(b"\n")[0]
    plays = [_play(line) for line in whole.split(b"\n") if line]
    return [play for play in plays if (play.camera, play.role) == (camera, role)]


def _play(line: bytes) -> Play:
    source = canonical.load_object(line)
    try:
        role = StreamRole(canonical.text(source, "role"))
    except ValueError:
        raise corrupt("plays.jsonl: a role is not known") from None
    return Play(
        camera=canonical.text(source, "camera"),
        role=role,
        utc=times.from_text(source.get("utc")),
        index=canonical.integer(source, "index"),
        rtp_time=canonical.integer(source, "rtp_time"),
        transport=canonical.text(source, "transport"),
        client=canonical.text(source, "client"),
        agent=canonical.text(source, "agent"),
    )

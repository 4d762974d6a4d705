# SPDX-License-Identifier: AGPL-3.0-or-later
"""Many cameras at once, from a table (CSV, RFC 4180): every line is added, known already, or listed with its reason.

Devices are asked sixteen at a time; cameras are added in the order of the table, one act each, so that a run that is
interrupted has added whole cameras only and can be repeated.
"""

import csv
import io
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from custodes.domain.cameras import spelling
from custodes.domain.ids import CameraId
from custodes.domain.video import StreamUrl
from custodes.errors import CustodesError, invalid
from custodes.node.acts.cameras import add_camera
from custodes.node.queries import cameras
from custodes.node.runtime.onboarding import Known, Wanted, learn
from custodes.node.store import Store
from custodes.video.ingest.onvif.account import Login
from custodes.video.ingest.onvif.http import parse_place

COLUMNS = ("name", "main", "sub", "onvif", "user", "password", "transport", "source")
_MAX_BYTES = 64 << 20
_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table: its number (of its last line, if a text runs over several), and what it says."""

    number: int
    wanted: "Wanted | CustodesError"


@dataclass(slots=True)
class Outcome:
    """What came of a table. ``failed``: line number and reason."""

    rows: int = 0
    added: int = 0
    known: int = 0
    failed: list[tuple[int, str]] = field(default_factory=list)


def read_table(data: bytes) -> list[Line]:
    """Read a table with a header; ``CustodesError`` (INVALID) if it is none. A bad line is kept, with its reason."""
    if len(data) > _MAX_BYTES:
        raise invalid("the table is larger than 64 MB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise invalid("the table is not UTF-8 text") from None
    header = text.partition("\n")[0]
    # Spreadsheets of half of Europe write semicolons.
    delimiter = ";" if ";" in header and "," not in header else ","
    lines = _lines(text, delimiter)
    names = [name.strip().lower() for name in next(lines, (0, []))[1]]
    if "name" not in names or set(names) - set(COLUMNS) or len(set(names)) < len(names):
        # What stands there is not repeated: in a table without a header it may be a password.
        raise invalid(f"the table's first line must name its columns: name and others of {', '.join(COLUMNS[1:])}")
    return [Line(number, _wanted(names, cells)) for number, cells in lines if any(cell.strip() for cell in cells)]


def _lines(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error as problem:
        raise invalid(f"line {reader.line_num} of the table cannot be read: {problem}") from None


def _wanted(names: list[str], cells: list[str]) -> "Wanted | CustodesError":
    if len(cells) != len(names):
        return invalid(f"it has {len(cells)} cells and not {len(names)}")
    # A password may begin or end with a blank.
    row = {name: cell if name == "password" else cell.strip() for name, cell in zip(names, cells, strict=True)}
    user, password = row.pop("user", ""), row.pop("password", "")
    if password and not user:
        return invalid("it has a password without a user")
    if not row["name"]:
        return invalid("the camera has no name")
    try:
        return Wanted(**row, login=Login(user, password) if user else None)
    except CustodesError:
        return invalid("it needs either onvif, or main and sub, and an account in one place only")


def add_all(store: Store, lines: list[Line], progress: Callable[[int, int], None]) -> Outcome:
    """Add what is not known yet; ``progress`` is told how many lines of how many are done.

    Raises ``CustodesError`` (UNAVAILABLE) only if the catalogue cannot be read or written at all.
    """
    outcome = Outcome(rows=len(lines))
    present = _Present(store)
    with ThreadPoolExecutor(_AT_ONCE, "onvif") as pool:
        try:
            waiting = [(line, _begin(pool, present, line, outcome)) for line in lines]
            for number, (line, learning) in enumerate(waiting, 1):
                if learning is not None:
                    _finish(store, line, learning, outcome)
                progress(number, len(lines))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    outcome.failed.sort()
    return outcome


def _begin(pool: ThreadPoolExecutor, present: "_Present", line: Line, outcome: Outcome) -> "Future[Known] | None":
    """Have a camera asked; None if the line is done already."""
    if isinstance(line.wanted, CustodesError):
        outcome.failed.append((line.number, line.wanted.message))
        return None
    try:
        camera = present.find(line.wanted)
    except CustodesError as problem:
        outcome.failed.append((line.number, problem.message))
        return None
    if camera is None:
        return pool.submit(learn, line.wanted)
    if camera in present.named:
        outcome.failed.append((line.number, f"it is the same camera as line {present.named[camera]}"))
        return None
    present.named[camera] = line.number
    outcome.known += 1
    return None


def _finish(store: Store, line: Line, learning: "Future[Known]", outcome: Outcome) -> None:
    try:
        made = learning.result().settings
        add_camera(store, made.name, made.main, made.sub, made.link, made.device, made.credentials)
        outcome.added += 1
    except CustodesError as problem:
        outcome.failed.append((line.number, problem.message))


class _Present:
    """The cameras in service when the run began, by where they answer; ``named``: those that a line has named."""

    def __init__(self, store: Store) -> None:
        self.named: dict[CameraId, int] = {}
        self._streams: dict[str, CameraId] = {}
        self._devices: dict[str, dict[str, CameraId]] = {}
        for camera, found in cameras.every_setting(store).items():
            self._streams[spelling(found.main)] = camera
            if found.link.onvif:
                source = found.device.source if found.device else ""
                self._devices.setdefault(found.link.onvif, {})[source] = camera

    def find(self, wanted: Wanted) -> CameraId | None:
        """The camera that a line names, None if it is not there; raises ``CustodesError`` for what is no address."""
        if wanted.onvif:
            lenses = self._devices.get(str(parse_place(wanted.onvif)), {})
            return lenses.get(wanted.source) or (next(iter(lenses.values()), None) if not wanted.source else None)
        try:
            return self._streams.get(spelling(StreamUrl(wanted.main)))
        except ValueError:
            return None  # the act will say what is wrong with it

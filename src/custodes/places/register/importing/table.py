# SPDX-License-Identifier: AGPL-3.0-or-later
"""Text tables (CSV, RFC 4180, and what is called so): any delimiter, any encoding, every line accounted for."""

import csv
import io
from collections import Counter
from collections.abc import Iterator

from custodes.errors import CustodesError, invalid
from custodes.places.register.importing.limits import MAX_COLUMNS
from custodes.places.register.importing.mapping import Mapping
from custodes.places.register.importing.records import Record

_DELIMITERS = ",;\t|"
_UNCLOSED = 100
_BLANK = "it is blank"
_WESTERN, _CENTRAL = set("éèàùâêîôûäöüßñçåøæìòóíáúãõ"), set("čćžšđěřůłąęśźőűňďťľĺŕżńășț")


def read_table(data: bytes, given: Mapping | None) -> tuple[Mapping, list[Record]]:
    """The records below the heading, and delimiter and encoding as they were given or guessed.

    A file that is no table: ``CustodesError`` (INVALID). The line of a record is the one on which it begins.
    """
    given = given or Mapping()
    text, encoding = _text(data, given.encoding)
    lines = list(io.StringIO(text, newline=""))
    start = next((place for place, line in enumerate(lines) if line.strip()), None)
    if start is None:
        raise invalid("the file is empty")
    delimiter = given.delimiter or _delimiter(lines[start : start + 20])
    found = _Lines(lines, delimiter, start)
    names = [name.strip() for name in next(found)[1]]
    if not names:
        raise invalid("the table's heading cannot be read")
    if len(names) > MAX_COLUMNS:
        raise invalid(f"the table has more than {MAX_COLUMNS} columns")
    twice = [name for name, number in Counter(name for name in names if name).items() if number > 1]
    if twice:
        raise invalid(f"the table has two columns called {twice[0][:60]!r}")
    names = [name or f"column {place}" for place, name in enumerate(names, 1)]
    records = [Record(line, problem=_BLANK) for line in range(1, start + 1)]
    records += [_record(line, names, cells, problem) for line, cells, problem in found]
    return Mapping(given.columns, delimiter, encoding), records


def _record(line: int, names: list[str], cells: list[str], problem: str) -> Record:
    if problem:
        return Record(line, problem=problem)
    if not any(cell.strip() for cell in cells):
        return Record(line, problem=_BLANK)
    if len(cells) != len(names):
        return Record(line, problem=f"it has {len(cells)} cells and not {len(names)}")
    return Record(line, dict(zip(names, cells, strict=True)))


class _Lines(Iterator[tuple[int, list[str], str]]):
    """Rows with the line on which they begin; what is wrong with one does not end the others."""

    def __init__(self, lines: list[str], delimiter: str, start: int) -> None:
        self._lines, self._delimiter = lines, delimiter
        self._begin(start)
        self._unclosed = 0

    def _begin(self, place: int) -> None:
        self._first = self._next = place
        self._reader = csv.reader(self._feed(), delimiter=self._delimiter, strict=True)

    def _feed(self) -> Iterator[str]:
        while self._next < len(self._lines):
            self._next += 1
            yield self._lines[self._next - 1]

    def __next__(self) -> tuple[int, list[str], str]:
        self._first = self._next
        try:
            return self._first + 1, next(self._reader), ""
        except csv.Error as problem:
            return self._first + 1, [], self._recover(problem)

    def _recover(self, problem: csv.Error) -> str:
        """Go on after the line at which a row began."""
        if self._next - self._first <= 1 and "end of data" not in str(problem):
            return f"it cannot be read: {problem}"
        self._unclosed += 1
        if self._unclosed > _UNCLOSED:
            raise _broken()
        self._begin(self._first + 1)
        return "a quotation mark that opens on it is never closed"


def _broken() -> CustodesError:
    return invalid(f"more than {_UNCLOSED} lines open a quotation mark that is never closed: is the delimiter right?")


def _text(data: bytes, encoding: str) -> tuple[str, str]:
    for name in [encoding] if encoding else _guesses(data):
        try:
            return data.decode("utf-8-sig" if name == "utf-8" else name), name
        except (UnicodeDecodeError, LookupError):
            continue
    raise invalid(f"the file is not {encoding} text" if encoding else "the file is no text that can be read")


def _guesses(data: bytes) -> list[str]:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return ["utf-16"]
    if b"\0" in data:
        return []
    # The two differ in what the same bytes mean; letters that neither language would write together decide.
    western = sum(letter in _WESTERN for letter in data.decode("cp1252", "replace").lower())
    central = sum(letter in _CENTRAL for letter in data.decode("cp1250", "replace").lower())
    return ["utf-8", "cp1250", "cp1252"] if central > western else ["utf-8", "cp1252", "cp1250"]


def _delimiter(lines: list[str]) -> str:
    """The delimiter that cuts the heading into most cells, and the lines below it into as many."""

    def fit(delimiter: str) -> tuple[int, int]:
        try:
            rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:
            return 0, 0
        width = len(rows[0])
        return (sum(len(row) == width for row in rows) if width > 1 else 0), width

    return max(_DELIMITERS, key=fit)

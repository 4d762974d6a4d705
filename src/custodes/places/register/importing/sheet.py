# SPDX-License-Identifier: AGPL-3.0-or-later
"""XLSX (ECMA-376): the first sheet of a workbook. Values only: a cell that is computed makes its row unusable."""

import re
from collections.abc import Iterator
from posixpath import normpath
from xml.etree.ElementTree import Element

from custodes.errors import corrupt, invalid
from custodes.places.register.importing.limits import MAX_COLUMNS, MAX_ROWS, Archive, local, parse_xml, too_many
from custodes.places.register.importing.records import Record

_CELL = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def read_sheet(archive: Archive) -> Iterator[Record]:
    """One record per row below the heading; its line is the row's number in the sheet."""
    shared = _shared(archive)
    rows = _rows(parse_xml(archive.read(_first_sheet(archive))))
    heading: dict[int, str] = {}
    last = 0
    for number, row in rows:
        cells, problem = _cells(row, shared)
        if not heading:
            if problem:
                raise invalid(f"the sheet's heading cannot be used: {problem}")
            heading = {column: text.strip() for column, text in cells.items() if text.strip()}
            if len(set(heading.values())) < len(heading):
                raise invalid("the sheet has two columns of the same name")
            last = number
            continue
        if number - last > MAX_ROWS:
            raise too_many()
        yield from (Record(missing, problem="it is blank") for missing in range(last + 1, number))
        last = number
        outside = [column for column, text in cells.items() if column not in heading and text.strip()]
        if not problem and not any(text.strip() for text in cells.values()):
            problem = "it is blank"
        elif not problem and outside:
            problem = "it has a cell outside the columns that the heading names"
        yield Record(number, {name: cells.get(column, "") for column, name in heading.items()}, problem=problem)
    if not heading:
        raise invalid("the sheet is empty")


def _first_sheet(archive: Archive) -> str:
    book = parse_xml(archive.read("xl/workbook.xml"))
    sheet = next((each for each in book.iter() if local(each) == "sheet"), None)
    links = parse_xml(archive.read("xl/_rels/workbook.xml.rels"))
    targets = {each.get("Id"): each.get("Target") or "" for each in links if each.get("TargetMode") != "External"}
    target = targets.get(sheet.get(_ID)) if sheet is not None else None
    if not target:
        raise corrupt("the workbook names no sheet")
    return target.lstrip("/") if target.startswith("/") else normpath(f"xl/{target}")


def _shared(archive: Archive) -> list[str]:
    """Texts that cells refer to by number."""
    if "xl/sharedStrings.xml" not in archive.names:
        return []
    root = parse_xml(archive.read("xl/sharedStrings.xml"))
    return [_said(each) for each in root if local(each) == "si"]


def _said(element: Element) -> str:
    """The text below an element, without phonetic hints."""
    runs = [element, *(each for each in element if local(each) == "r")]
    return "".join(each.text or "" for run in runs for each in run if local(each) == "t")


def _rows(root: Element) -> Iterator[tuple[int, Element]]:
    last = 0
    for row in (each for each in root.iter() if local(each) == "row"):
        said = row.get("r", str(last + 1))
        if not re.fullmatch(r"[0-9]{1,7}", said) or int(said) <= last:
            raise corrupt("the sheet's rows are not in order")
        last = int(said)
        yield last, row


def _cells(row: Element, shared: list[str]) -> tuple[dict[int, str], str]:
    """Texts by column, and what is wrong with the row."""
    cells: dict[int, str] = {}
    problem, column = "", 0
    for cell in (each for each in row if local(each) == "c"):
        place = _CELL.fullmatch(cell.get("r", ""))
        column = _column(place[1]) if place else column + 1
        if column > MAX_COLUMNS:
            return {}, f"it has more than {MAX_COLUMNS} columns"
        below = {local(each): each for each in cell}
        if "f" in below:
            problem = problem or f"cell {cell.get('r', '')[:10]} holds a formula"
        value = below["v"].text or "" if "v" in below else ""
        match cell.get("t", "n"):
            case "s":
                known = value.isascii() and value.isdigit() and len(value) < 8 and int(value) < len(shared)
                cells[column] = shared[int(value)] if known else ""
                problem = problem or ("" if known else "a cell refers to a text that is not there")
            case "inlineStr":
                cells[column] = _said(below["is"]) if "is" in below else ""
            case "e":
                problem = problem or f"cell {cell.get('r', '')[:10]} holds an error"
            case _:
                cells[column] = value
    return cells, problem


def _column(letters: str) -> int:
    found = 0
    for letter in letters:
        found = found * 26 + ord(letter) - 64
    return found

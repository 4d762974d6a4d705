# SPDX-License-Identifier: AGPL-3.0-or-later
"""HTML without a library: whatever is not ``Markup`` is escaped."""

import functools
import json
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

from custodes.clock import SECOND, Instant
from custodes.domain import times

STATIC = Path(__file__).parent.parent / "static"
"""What ``scripts/build_frontend.py`` builds; the pages can be read without it."""
_DAY = 86_400 * SECOND
_EMPTY = frozenset({"input", "link", "meta"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(tag_name: str, *children: str, **attributes: str | bool | int) -> Markup:
    """An element. ``_`` in a name stands for ``-``, at its end for nothing; True is an attribute without a value."""
    written = "".join(_attribute(name.rstrip("_").replace("_", "-"), value) for name, value in attributes.items())
    if tag_name in _EMPTY:
        return Markup(f"<{tag_name}{written}>")
    return Markup(f"<{tag_name}{written}>{join(children)}</{tag_name}>")


def _attribute(name: str, value: str | bool | int) -> str:
    if value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'


def join(parts: Iterable[str]) -> Markup:
    """The parts one after the other."""
    return Markup("".join(part if isinstance(part, Markup) else escape(part) for part in parts))


def printable(text: str) -> str:
    """Text of others on one line, without control characters and marks of direction that could disguise it."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def sheet(facts: Iterable[tuple[str, str]]) -> Markup:
    """Names and values."""
    rows = (tag("div", tag("dt", name), tag("dd", value)) for name, value in facts)
    return tag("dl", *rows, class_="sheet")


def bullets(lines: Iterable[str], class_: str) -> Markup:
    """A list."""
    return tag("ul", *(tag("li", line) for line in lines), class_=class_)


def moment(instant: Instant) -> Markup:
    """A point in time to the second, in UTC."""
    text = times.to_text(instant)
    return tag("time", f"{text[:10]} {text[11:19]} UTC", datetime=f"{text[:23]}Z")


def window(start: Instant, end: Instant) -> Markup:
    """A span of time: where both ends are on one day, the day once."""
    if start // _DAY != end // _DAY:
        return join((moment(start), " to ", moment(end)))
    text = times.to_text(end)
    return join((moment(start), " to ", tag("time", f"{text[11:19]} UTC", datetime=f"{text[:23]}Z")))


def plural(number: int, one: str) -> str:
    """``1 minute``, ``2 minutes``."""
    return f"{number:,} {one}" + ("s" if number != 1 else "")


@functools.cache
def _manifest() -> Mapping[str, Mapping[str, str]]:
    path = STATIC / "manifest.json"
    found: Mapping[str, Mapping[str, str]] = json.loads(path.read_text()) if path.is_file() else {}
    return found


def asset(source: str) -> str | None:
    """The address of a built file; None if the front end was not built."""
    found = _manifest().get(source)
    return f"/static/{found['file']}" if found else None

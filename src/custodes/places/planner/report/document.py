# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a report is made of, before anybody decides how it looks."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Heading:
    """A section begins."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a caption and a head; columns named in ``numbers`` are set flush right."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[int] = frozenset()
    widths: tuple[float, ...] = ()
    """Relative widths of the columns; empty for as much as each needs."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing (SVG) with a caption, and what it shows in words for those who do not see it."""

    caption: str
    svg: str
    words: str


Block = Heading | Paragraph | Bullets | Table | Figure


@dataclass
class Report:
    """A titled list of blocks. ``date`` is (year, month, day)."""

    title: str
    date: tuple[int, int, int]
    blocks: list[Block] = field(default_factory=list)

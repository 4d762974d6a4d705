# SPDX-License-Identifier: AGPL-3.0-or-later
"""XML from devices (XML 1.0), bounded, without DTDs and entities; elements are looked up by local name.

Devices disagree about prefixes and about versions of namespaces; the local names are what they agree on.
"""

from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import (
    Element,
    ParseError,
    TreeBuilder,
)

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from custodes.errors import corrupt

MAX_BYTES = 1 << 20
"""Longer answers are refused."""
_MAX_DEPTH = 64
_MAX_ELEMENTS = 20_000
_MAX_TEXT = 1_024


class _Builder(TreeBuilder):
    """Builds the tree and gives up when it grows too deep or too large."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = self._count = 0

    def start(self, tag: Any, attrs: Any, /) -> Element:
        self._depth += 1
        self._count += 1
        if self._depth > _MAX_DEPTH or self._count > _MAX_ELEMENTS:
            raise corrupt("the device's answer is nested too deeply or has too many elements")
        return super().start(tag, attrs)

    def end(self, tag: Any, /) -> Element:
        self._depth -= 1
        return super().end(tag)


def parse(data: bytes) -> Element:
    """Return the root element; anything unusual raises ``CustodesError`` (CORRUPT)."""
    if len(data) > MAX_BYTES:
        raise corrupt("the device's answer is too long")
    parser = DefusedXMLParser(target=_Builder(), forbid_dtd=True, forbid_entities=True, forbid_external=True)
    try:
        parser.feed(data)
        root = parser.close()
    except DefusedXmlException:
        raise corrupt("the device's answer has a DTD or entities") from None
    except (ParseError, ValueError, LookupError):
        raise corrupt("the device's answer is not XML") from None
    if not isinstance(root, Element):
        raise corrupt("the device's answer is not XML")
    return root


def local(element: Element) -> str:
    """An element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def find(element: Element | None, *path: str) -> Element | None:
    """The first descendant along a path of local names, or None."""
    for name in path:
        element = next((child for child in element if local(child) == name), None) if element is not None else None
    return element


def every(element: Element, name: str) -> Iterator[Element]:
    """All descendants of a local name, in the order of the document."""
    return (each for each in element.iter() if local(each) == name)


def text(element: Element | None, *path: str) -> str:
    """The text at a path, on one line, empty where there is none; too long raises ``CustodesError`` (CORRUPT)."""
    found = find(element, *path)
    raw = (found.text or "") if found is not None else ""
    if len(raw) > _MAX_TEXT:
        raise corrupt("the device's answer has a text that is too long")
    return " ".join("".join(letter if letter.isprintable() else " " for letter in raw).split())


def number(element: Element | None, *path: str) -> float:
    """The number at a path between 0 and a million; 0 where there is none, something else, or nothing."""
    try:
        value = float(text(element, *path))
    except ValueError:
        return 0.0
    return value if 0 <= value < 1e6 else 0.0

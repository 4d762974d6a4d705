# SPDX-License-Identifier: AGPL-3.0-or-later
"""Guarantee 6: no name that the product defines speaks of identifying, following, profiling or counting people.

Looked at are names of modules, classes, functions, parameters and attributes, tables and columns, acts, options of the
command line and addresses of pages. Names are cut into words, so that ``template`` is no plate; words that have another
use in programs (age, race, track) are not looked for.
The demonstration is left out: it draws people, with faces, in order to test that they are hidden.
"""

import argparse
import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from custodes.cli import GROUPS
from custodes.domain.acts import Act

SOURCES = Path(__file__).resolve().parents[2] / "src" / "custodes"
FORBIDDEN = {
    *{"face", "faces", "facial", "biometric", "biometrics", "embedding", "embeddings", "gait", "iris"},
    *{"plate", "plates", "anpr", "alpr", "lpr", "ocr"},
    *{"reid", "reidentify", "reidentification", "identification", "lookalike", "similarity", "gallery", "suspect"},
    *{"tracker", "tracklet", "trajectory", "trajectories", "watchlist", "blacklist", "blocklist", "whitelist"},
    *{"gender", "sex", "ethnicity", "emotion", "mood", "clothing", "disability", "religion"},
    *{"crowd", "headcount", "footfall", "occupancy", "dwell", "loitering", "protest", "demonstrators", "anomaly"},
}


def words(name: str) -> set[str]:
    """The words of an identifier in any style."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def names(tree: ast.AST) -> Iterator[str]:
    """Every name that a module defines or passes by keyword."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.arg(arg=name) | ast.keyword(arg=str(name)):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name


def breaches(source: str) -> set[str]:
    """Forbidden words among the names of a module."""
    return {name for name in names(ast.parse(source)) if words(name) & FORBIDDEN}


def product() -> list[Path]:
    return [path for path in sorted(SOURCES.rglob("*.py")) if path.relative_to(SOURCES).parts[0] != "demo"]


def test_no_name_in_the_product_speaks_of_identifying_people() -> None:
    found = {}
    for path in product():
        place = path.relative_to(SOURCES).as_posix()
        bad = breaches(path.read_text()) | (words(place) & FORBIDDEN)
        if bad:
            found[place] = sorted(bad)
    assert found == {}


def test_no_table_and_no_column_has_a_place_for_it() -> None:
    metadata = pytest.importorskip("custodes.node.store.tables").metadata
    columns = [f"{table.name}.{column.name}" for table in metadata.tables.values() for column in table.columns]
    assert len(columns) > 50
    assert [name for name in columns if words(name) & FORBIDDEN] == []


def test_no_act_and_no_option_offers_it() -> None:
    pytest.importorskip("fastapi")
    spoken = [act.value for act in Act]
    for group in GROUPS:
        parser = argparse.ArgumentParser()
        importlib.import_module(f"custodes.cli.{group}").configure(parser)
        spoken += options(parser)
    assert "--retention-hours" in spoken
    assert [name for name in spoken if words(name) & FORBIDDEN] == []


def options(parser: argparse.ArgumentParser) -> list[str]:
    """Names of a parser's options, sub-commands and theirs."""
    found: list[str] = []
    for action in parser._actions:
        found += action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                found += [name, *options(below)]
    return found


def test_no_address_of_a_page_leads_to_it() -> None:
    addresses = {
        match for path in (SOURCES / "web").rglob("*.py") for match in re.findall(r'"(/[^" ]*)"', path.read_text())
    }
    assert "/log" in addresses
    assert [address for address in addresses if words(address) & FORBIDDEN] == []


@pytest.mark.parametrize(
    "planted",
    [
        "def find_face(frame): ...",
        "class PlateReader: ...",
        "watch = 1\nwatchlist = []",
        "def search(person, *, embedding): ...",
        "self.reid = 2",
        "detect(frame, gender=True)",
    ],
)
def test_a_planted_breach_is_found(planted: str) -> None:
    assert breaches(planted)

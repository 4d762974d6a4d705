# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every accountable act is one function with one transaction and one entry: walked in the syntax trees."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import custodes
from custodes.domain.acts import Act

SOURCE = Path(custodes.__file__).parent
ACTS = SOURCE / "node" / "acts"
MODULES = sorted(path for path in ACTS.glob("*.py") if not path.stem.startswith("_"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def opened(tree: ast.AST) -> list[ast.Call]:
    """The calls of a method ``act`` below a node."""
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "act"
    ]


def member(call: ast.Call) -> str:
    """``X`` of ``store.act(Act.X, ...)``."""
    named = call.args[0]
    assert isinstance(named, ast.Attribute)
    assert isinstance(named.value, ast.Name)
    assert named.value.id == "Act"
    return named.attr


PUBLIC = [
    pytest.param(function, id=f"{path.stem}.{function.name}")
    for path in MODULES
    for function in functions(path)
    if not function.name.startswith("_")
]


@pytest.mark.parametrize("function", PUBLIC)
def test_a_public_act_opens_exactly_one_transaction_as_a_block_of_its_own(function: ast.FunctionDef) -> None:
    blocks = [
        item.context_expr
        for node in ast.walk(function)
        if isinstance(node, ast.With)
        for item in node.items
        if item.context_expr in opened(node)
    ]
    assert len(opened(function)) == 1
    assert blocks == opened(function)
    looped = [node for node in ast.walk(function) if isinstance(node, ast.For | ast.While) and opened(node)]
    assert not looped, "one call would write several entries"


def test_the_walk_sees_the_acts() -> None:
    assert len(PUBLIC) == len(Act)


def test_every_kind_of_act_is_written_by_exactly_one_function() -> None:
    written = Counter(member(call) for path in MODULES for call in opened(ast.parse(path.read_text())))
    assert written == Counter(act.name for act in Act)


def test_private_helpers_of_acts_open_nothing() -> None:
    helpers = [function for path in MODULES for function in functions(path) if function.name.startswith("_")]
    assert helpers
    assert not [helper.name for helper in helpers if opened(helper)]


def test_nobody_else_opens_an_act_or_writes_an_entry() -> None:
    others = [path for path in SOURCE.rglob("*.py") if ACTS not in path.parents]
    assert len(others) > 100
    breaches = [str(path.relative_to(SOURCE)) for path in others if opened(ast.parse(path.read_text()))]
    assert not breaches
    inserting = [path for path in others if "log_entries.insert" in path.read_text()]
    assert [path.name for path in inserting] == ["store.py"]


def test_rows_are_written_inside_the_transaction_only() -> None:
    for path in MODULES:
        assert ".begin(" not in path.read_text(), f"{path.name} opens a transaction that is no act"
        assert "engine" not in path.read_text(), f"{path.name} goes round the store"

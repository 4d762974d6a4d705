# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who may make the two types that guarantees 1 and 4 rest on: the syntax trees of the whole package are walked."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCES = Path(__file__).resolve().parents[2] / "src" / "custodes"
MAKERS = {"MaskedFrame": "video/mask/masker.py", "RecordingPermit": "trust/verify/permit.py"}
WAYS_ROUND = {"replace", "__replace__", "__new__", "__reduce__", "__setstate__", "__class__", "copy", "deepcopy"}


def breaches(tree: ast.AST, place: str) -> Iterator[str]:
    """Every place where a guarded type is made, renamed or got at by a way round its constructor."""
    guarded = {name for name, maker in MAKERS.items() if maker != place}
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)) if name in guarded:
                yield f"{place}:{node.lineno} makes a {name}"
            case ast.alias(name=name, asname=str(other)) if name in guarded:
                yield f"{place}:{node.lineno} renames {name} to {other}"
            case ast.Assign(value=ast.Name(id=name)) | ast.Assign(value=ast.Attribute(attr=name)) if name in guarded:
                yield f"{place}:{node.lineno} renames {name}"
            case ast.ClassDef(bases=bases) if any(named(base) in guarded for base in bases):
                yield f"{place}:{node.lineno} derives from a guarded type"
            case ast.Call(args=[first, *_]) if named(first) in guarded and named(node.func) != "isinstance":
                yield f"{place}:{node.lineno} hands {named(first)} to a function"
    mentioned = {named(node) for node in ast.walk(tree)} & guarded
    if mentioned:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and named(node.func) in WAYS_ROUND and not is_text_method(node):
                yield f"{place}:{node.lineno} calls {named(node.func)} in a module that knows {sorted(mentioned)}"


def named(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.alias(name=name):
            return name
    return ""


def is_text_method(call: ast.Call) -> bool:
    """``path.replace(…)``, ``text.replace(…)``, ``array.copy()``: a method of a value, not of dataclasses or copy."""
    match call.func:
        case ast.Attribute(value=ast.Name(id="dataclasses" | "copy" | "object")):
            return False
        case ast.Attribute(attr="replace" | "copy"):
            return True
    return False


def test_only_the_masker_makes_masked_frames_and_only_a_verified_proof_makes_permits() -> None:
    found = []
    for path in sorted(SOURCES.rglob("*.py")):
        found += breaches(ast.parse(path.read_text()), path.relative_to(SOURCES).as_posix())
    assert found == []


def test_each_maker_makes_what_it_is_the_maker_of() -> None:
    for name, maker in MAKERS.items():
        tree = ast.parse((SOURCES / maker).read_text())
        assert any(isinstance(node, ast.Call) and named(node.func) == name for node in ast.walk(tree))


@pytest.mark.parametrize(
    "planted",
    [
        "from custodes.domain.video import MaskedFrame\nMaskedFrame(1, 2, b'', 0, None, None, 0, '')",
        "from custodes.domain import video\nvideo.MaskedFrame(1, 2, b'', 0, None, None, 0, '')",
        "from custodes.domain.video import MaskedFrame as M\nM(1, 2, b'', 0, None, None, 0, '')",
        "from custodes.domain import video\nM = video.MaskedFrame",
        (
            "from custodes.domain.video import MaskedFrame\nfrom dataclasses import replace\ndef f(a: MaskedFrame):\n"
            "    return replace(a, i420=b'')"
        ),
        (
            "import copy, dataclasses\nfrom custodes.domain.video import MaskedFrame\ndef f(a: MaskedFrame):\n"
            "    return dataclasses.replace(a, i420=b'')"
        ),
        "from custodes.domain.video import MaskedFrame\nobject.__new__(MaskedFrame)",
        "from custodes.domain.video import MaskedFrame\nfrom functools import partial\npartial(MaskedFrame, 1)",
        "from custodes.domain.video import MaskedFrame\nclass Open(MaskedFrame):\n    pass",
        "from custodes.domain.register import RecordingPermit\nRecordingPermit()",
    ],
)
def test_a_planted_breach_is_found(planted: str) -> None:
    assert list(breaches(ast.parse(planted), "node/runtime/planted.py"))

# SPDX-License-Identifier: AGPL-3.0-or-later
"""The documents say what is there: links, files, commands, options, acts, covers and the tests that they name."""

import argparse
import importlib
import re
from pathlib import Path

import pytest

from custodes.cli import GROUPS
from custodes.domain.acts import Act
from custodes.domain.video import Cover

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"\bcustodes ([a-z]+)(?: ([a-z]+))?")
_PATH = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_./-]*[A-Za-z0-9_/]")
_PATTERN = set("<*…")
_TEST = re.compile(r"\btest_[a-z0-9_]+\b(?!\.py)")
_FOLDERS = {"docs", "tests", "src", "scripts", "frontend", "benchmarks", "requirements", "LICENSES"}


def text_of(path: Path) -> str:
    return path.read_text()


def prose(path: Path) -> str:
    """A document without its blocks of code."""
    return _FENCE.sub("", path.read_text())


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def everything() -> str:
    return "\n".join(map(text_of, DOCUMENTS))


def anchors(path: Path) -> set[str]:
    """The anchors that GitHub gives to a document's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("path", DOCUMENTS, ids=short)
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    broken = []
    for link in _LINK.findall(prose(path)):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (path.parent / place).resolve() if place else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def is_ours(name: str) -> bool:
    """True for paths into the repository or into the package; others are files of a deployment, or of others."""
    first = name.split("/")[0]
    return first in _FOLDERS or (ROOT / "src" / "custodes" / first).is_dir()


@pytest.mark.parametrize("path", DOCUMENTS, ids=short)
def test_no_document_names_a_file_that_does_not_exist(path: Path) -> None:
    named = [name for code in _CODE.findall(prose(path)) for name in _PATH.findall(code) if not _PATTERN & set(code)]
    places = (ROOT, path.parent, ROOT / "src" / "custodes")
    missing = [name for name in named if is_ours(name) and not any((place / name).exists() for place in places)]
    assert missing == []


def test_every_test_that_is_named_exists() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    defined = set(re.findall(r"def (test_\w+)", sources)) | {path.stem for path in (ROOT / "tests").rglob("test_*.py")}
    named = set(_TEST.findall(everything()))
    assert len(named) > 20
    assert sorted(named - defined) == []


def parsers() -> dict[str, dict[str, argparse.ArgumentParser]]:
    """Per command group its sub-commands; the empty name stands for the group itself."""
    pytest.importorskip("fastapi")
    found: dict[str, dict[str, argparse.ArgumentParser]] = {}
    for group in GROUPS:
        parser = argparse.ArgumentParser()
        importlib.import_module(f"custodes.cli.{group}").configure(parser)
        found[group] = {"": parser}
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                found[group] |= action.choices
    return found


def test_every_command_is_explained_in_the_readme_or_a_guide() -> None:
    guides = "\n".join(text_of(path) for path in [ROOT / "README.md", *(ROOT / "docs" / "guide").glob("*.md")])
    said = re.sub(r"[ \t]+", " ", guides)
    commands = [
        f"{group} {name}".strip() for group, below in parsers().items() for name in below if name or len(below) == 1
    ]
    silent = [
        command
        for command in commands
        if f"custodes {command}" not in said and f"`{command}`" not in said and f"make {command}" not in said
    ]
    assert len(commands) > 20
    assert silent == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=short)
def test_no_document_shows_a_command_or_an_option_that_does_not_exist(path: Path) -> None:
    if path.name == "CHANGELOG.md":
        return  # what is gone stays in it
    known = parsers()
    text = text_of(path).replace("\\\n", " ")
    snippets = [*_CODE.findall(prose(path)), *(line for block in _FENCE.findall(text) for line in block.splitlines())]
    wrong = []
    for snippet in snippets:
        for match in _COMMAND.finditer(snippet):
            group, name = match[1], match[2] or ""
            if group not in known:
                wrong.append(match[0])
                continue
            actions = known[group]
            parser = actions.get(name) if len(actions) > 1 and name else actions[""]
            if parser is None:
                wrong.append(match[0])
                continue
            options = re.findall(r"(?<!\S)--[a-z-]+", snippet[match.end() :].split(" # ")[0])
            offered = {word for action in parser._actions for word in action.option_strings}
            wrong += [f"{match[0]} {option}" for option in options if option not in offered]
    assert wrong == []


def test_every_act_and_every_cover_is_explained() -> None:
    design = (ROOT / "docs" / "design.md").read_text()
    rows = "\n".join(line for line in design.splitlines() if line.startswith("| "))
    assert [act.value for act in Act if f"`{act.value}`" not in rows] == []
    assert [cover.name for cover in Cover if f"`{cover.name}`" not in rows] == []


def test_the_threat_model_says_of_each_guarantee_how_it_is_kept_tested_and_where_it_stops() -> None:
    text = (ROOT / "docs" / "threat-model.md").read_text()
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    guarantees = [section for section in sections if re.match(r"[1-8]\. ", section)]
    assert len(guarantees) == 8
    for section in guarantees:
        for part in ("**Enforced", "**Tested.**", "**Where it"):
            assert part in section, section.splitlines()[0]


def test_every_row_of_the_threat_table_has_an_outcome_and_a_test_or_a_limit() -> None:
    text = (ROOT / "docs" / "threat-model.md").read_text()
    section = re.split(r"^## ", text.partition("## Row by row")[2], flags=re.MULTILINE)[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:2] == "| "]
    assert len(rows) > 40
    for attack, outcome, by in rows[1:]:
        assert re.match("refused|revealed|limit", outcome), attack
        assert outcome == "limit" or _TEST.search(by), f"{attack}: no test is named"
    # What issue 5 asks for is there, whatever the rows are called.
    asked = ("swapped", "another period, camera or epoch", "k − 1", "false share", "two keys", "replayed", "expired")
    asked += ("forged", "one-time key", "not ended", "Rollback", "fork", "split view", "Invented history", "retention")
    asked += ("covert camera", "clock")
    attacks = "\n".join(row[0] for row in rows).lower()
    assert [word for word in asked if word.lower() not in attacks] == []


def test_every_decision_has_context_decision_and_consequences_and_is_listed() -> None:
    folder = ROOT / "docs" / "adr"
    listed = (folder / "README.md").read_text()
    decisions = sorted(folder.glob("[0-9]*.md"))
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        text = path.read_text()
        assert all(f"## {part}" in text for part in ("Context", "Decision", "Consequences")), path.name
        assert f"({path.name})" in listed
        title = text.splitlines()[0].partition(". ")[2]
        assert f"[{title}]" in listed

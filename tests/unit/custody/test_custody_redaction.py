# SPDX-License-Identifier: AGPL-3.0-or-later
"""The statement that goes with a redacted clip, and the review before it is signed."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.custody_world import START, World, forge, with_policy

from custodes.clock import SECOND, Instant
from custodes.desk import redactor, requester
from custodes.desk.keyfile import load_key
from custodes.desk.requester import IDENTITY
from custodes.desk.review import Shot, code_of, review_page
from custodes.domain import canonical, times
from custodes.domain.ids import Digest
from custodes.errors import CustodesError, Kind
from custodes.trust.custody.policy import Requester, encode_policy, parse_policy
from custodes.trust.custody.redaction import (
    KeptRegion,
    Redaction,
    read_redaction,
    redaction_body,
    sign_redaction,
    verify_redaction,
)
from custodes.trust.seal.signing import SigningKey

CLIP = b"a redacted film"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "world")
    yield made
    made.close()


def redaction(world: World) -> Redaction:
    end = Instant(START + 20 * SECOND)
    return Redaction(
        deployment=world.deployment,
        request=Digest(hashlib.sha256(b"request").digest()),
        bundle=Digest(hashlib.sha256(b"index").digest()),
        camera=world.cameras[0],
        start=START,
        end=end,
        made=world.clock.now(),
        clip=Digest(hashlib.sha256(CLIP).digest()),
        size=len(CLIP),
        pictures=500,
        showing=120,
        kept=(KeptRegion(412, 630, START, START, end, "the clip ends", "somebody <else> came too close"),),
    )


def test_a_statement_is_read_as_it_was_signed(world: World) -> None:
    made = redaction(world)
    found = verify_redaction(sign_redaction(made, world.requester, world.clock.now()), CLIP, world.policy)
    assert (found.redaction, found.reviewed) == (made, world.clock.now())
    assert found.signer == world.requester.public.id


def test_another_clip_another_signer_and_another_deployment_are_refused(world: World) -> None:
    made, now = redaction(world), world.clock.now()
    signed = sign_redaction(made, world.requester, now)
    for statement, clip, said in (
        (signed, CLIP + b"x", "not the one that was reviewed"),
        (signed, b"", "not the one that was reviewed"),
        (sign_redaction(made, SigningKey.generate(), now), CLIP, None),
        (sign_redaction(replace(made, deployment=world.cameras[1]), world.requester, now), CLIP, "another deployment"),  # type: ignore[arg-type]
        (forge(signed, world.requester, kept=[]), CLIP, "1 to 64 regions"),
        (forge(signed, world.requester, pictures="many"), CLIP, None),
        (forge(signed, world.requester, subject="a name"), CLIP, None),
        (b"{}", CLIP, None),
    ):
        with pytest.raises(CustodesError, match=said) as problem:
            verify_redaction(statement, clip, world.policy)
        assert problem.value.kind in (Kind.CORRUPT, Kind.DENIED)


def test_the_published_statement_verifies_and_says_what_the_format_says() -> None:
    folder = Path(__file__).parents[2] / "vectors" / "redaction"
    statement, clip = (folder / "statement.json").read_bytes(), (folder / "clip").read_bytes()
    found = verify_redaction(statement, clip, parse_policy((folder / "policy").read_bytes()))
    assert canonical.dumps(canonical.load_object(statement)) == statement
    body = dict(canonical.member(canonical.load_object(statement), "body"))
    assert body.pop("reviewed") == times.to_text(found.reviewed)
    assert body == redaction_body(found.redaction)
    assert [(each.x, each.y) for each in found.redaction.kept] == [(412, 630)]


def test_every_changed_byte_of_a_statement_is_found(world: World) -> None:
    signed = sign_redaction(redaction(world), world.requester, world.clock.now())
    for place in range(0, len(signed), 41):
        changed = bytearray(signed)
        changed[place] ^= 1
        with pytest.raises(CustodesError):
            verify_redaction(bytes(changed), CLIP, world.policy)


@pytest.mark.parametrize("member", ["x", "y"])
def test_a_point_lies_within_the_picture(world: World, member: str) -> None:
    body = redaction_body(redaction(world))
    for outside in (-1, 1000, True, "5"):
        kept = {**canonical.member({"item": canonical.listed(body, "kept")[0]}, "item"), member: outside}
        with pytest.raises(CustodesError):
            read_redaction({**body, "kept": [kept]})


class Draft:
    """A steward's folder and a draft to be reviewed."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.steward, self.folder = world, folder / "steward", folder / "draft"
        requester.keygen(self.steward, "Data protection officer")
        identity = SigningKey.from_seed(load_key(self.steward / "identity.key", IDENTITY))
        self.policy = with_policy(world, requesters=(Requester("Data protection officer", identity.public),))
        requester.trust_policy(self.steward, encode_policy(self.policy))
        self.made = redaction(world)
        self.folder.mkdir()
        (self.folder / "clip.mp4").write_bytes(CLIP)
        (self.folder / "draft.json").write_bytes(canonical.dumps(redaction_body(self.made)))

    def sign(self, code: str) -> None:
        redactor.sign(self.steward, self.folder, code, self.world.clock)


@pytest.fixture
def draft(world: World, tmp_path: Path) -> Draft:
    return Draft(world, tmp_path)


def test_the_code_stands_at_the_end_of_the_review_page_and_signs_once(draft: Draft) -> None:
    page = review_page(draft.made, [Shot(START, "pictures/000000.jpg", True)])
    assert page.index(code_of(draft.made)) > page.index("pictures/000000.jpg")
    assert "somebody &lt;else&gt; came too close" in page
    draft.sign(code_of(draft.made))
    statement = (draft.folder / "statement.json").read_bytes()
    assert verify_redaction(statement, CLIP, draft.policy).redaction == draft.made
    note = (draft.folder / "note.txt").read_text()
    assert "Data protection officer" in note
    assert hashlib.sha256(CLIP).hexdigest() in note
    with pytest.raises(CustodesError, match="signed already"):
        draft.sign(code_of(draft.made))


def test_without_the_code_or_with_another_clip_nothing_is_signed(draft: Draft) -> None:
    with pytest.raises(CustodesError, match="not the code") as problem:
        draft.sign("00000000")
    assert problem.value.kind is Kind.DENIED
    (draft.folder / "clip.mp4").write_bytes(CLIP + b"x")
    with pytest.raises(CustodesError, match="was changed after it was made"):
        draft.sign(code_of(draft.made))
    assert not (draft.folder / "statement.json").exists()


def test_a_bundle_that_does_not_verify_and_a_folder_that_is_there_are_refused(draft: Draft, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.zip"
    bundle.write_bytes(b"PK no bundle")
    spots = [redactor.Spot(1, 1, START)]
    for out, said, kind in (
        (tmp_path / "new", "does not verify", Kind.CORRUPT),
        (draft.folder, "exists already", Kind.CONFLICT),
    ):
        with pytest.raises(CustodesError, match=said) as problem:
            redactor.redact(draft.steward, bundle, spots, out, draft.world.clock, None, lambda *_: None)
        assert problem.value.kind is kind
    assert not (tmp_path / "new").exists()
    assert not (tmp_path / "new.part").exists()

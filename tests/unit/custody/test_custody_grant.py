# SPDX-License-Identifier: AGPL-3.0-or-later
"""Everything that a custodian's program must refuse, and that nothing else is refused."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.custody_world import MINUTE, START, Recorded, World, forge, source, with_policy

from custodes.clock import SECOND, Instant
from custodes.domain import canonical, times
from custodes.domain.acts import Act
from custodes.domain.ids import Digest, Epoch, PeriodId
from custodes.errors import CustodesError, Kind
from custodes.trust.custody import facts
from custodes.trust.custody.documents import Logged
from custodes.trust.custody.dossier import Dossier, DossierPeriod, build_dossier, parse_dossier, verify_dossier
from custodes.trust.custody.grant import grant, grant_info, open_grant, verify_grant, verify_refusal
from custodes.trust.custody.policy import encode_policy, parse_policy
from custodes.trust.custody.request import Request, parse_request
from custodes.trust.seal.fields import to_base64
from custodes.trust.seal.signing import SigningKey
from custodes.trust.seal.wrapping import WrappingKey, wrap
from custodes.trust.tlog.policy import TlogPolicy


@dataclass
class Case:
    """A world with two recorded minutes and a request for the first, logged and witnessed."""

    world: World
    periods: list[Recorded]
    request: Logged
    dossier: bytes

    @property
    def asked(self) -> Request:
        return parse_request(self.request.document, self.world.policy.requester_keys)


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    world = World(tmp_path)
    periods = [world.record(), world.record(start=Instant(START + MINUTE)), world.record(camera=1)]
    world.clock.advance(3 * MINUTE)
    request = world.logged_request(world.ask())
    yield Case(world, periods, request, world.dossier(request, periods[:1]))
    world.close()


def _refused(case: Case, dossier: bytes, kind: Kind, match: str) -> None:
    with pytest.raises(CustodesError, match=match) as problem:
        case.world.grant(dossier, 1)
    assert problem.value.kind is kind
    assert "\n" not in str(problem.value)


def test_a_grant_gives_the_requester_the_custodians_own_share(case: Case) -> None:
    world, period = case.world, case.periods[0]
    signed = world.grant(case.dossier, 2)
    openings = world.manifests([period])
    found = verify_grant(signed, case.asked, openings, world.policy)
    assert found.custodian == world.identities[1].public.id
    assert list(found.periods) == [period.id]
    opening = openings[period.id]
    share = open_grant(found.periods[period.id], found, case.asked, opening, world.one_time)
    assert hashlib.sha256(b"custodes/share/v1\0" + opening.sealed.digest + b"\2" + share).digest() == (
        opening.shares[1].commitment
    )
    with pytest.raises(CustodesError, match="one-time key"):
        open_grant(found.periods[period.id], found, case.asked, opening, WrappingKey.generate(source("thief")))


def test_a_request_that_is_not_in_the_log_is_refused(case: Case) -> None:
    world = case.world
    other = world.ask(purpose="something else")
    dossier = world.dossier(replace(case.request, document=other), case.periods[:1])
    _refused(case, dossier, Kind.DENIED, "not in the witnessed log")


def test_an_entry_that_was_never_logged_is_refused(case: Case) -> None:
    world = case.world
    signed = world.ask(purpose="something else")
    digest = Digest(hashlib.sha256(signed).digest())
    invented = canonical.load_object(case.request.entry) | facts.requested(digest)
    dossier = world.dossier(Logged(signed, canonical.dumps(invented), case.request.receipt), case.periods[:1])
    _refused(case, dossier, Kind.DENIED, "not in the witnessed log")


def test_a_request_that_no_witness_has_seen_is_refused(case: Case) -> None:
    world = case.world
    signed = world.ask(purpose="something else")
    digest = Digest(hashlib.sha256(signed).digest())
    entry, receipt = world.add(Act.DISCLOSURE_REQUESTED, facts.requested(digest), witnessed=False)
    dossier = world.dossier(Logged(signed, entry, receipt), case.periods[:1])
    _refused(case, dossier, Kind.DENIED, "not in the witnessed log.*lacks the witnesses")


def test_a_log_without_any_witness_is_never_enough(case: Case) -> None:
    policy = TlogPolicy.parse(case.world.policy.log)
    lonely = with_policy(case.world, log=replace(policy, witnesses=(), groups=(), quorum="none").serialise())
    with pytest.raises(CustodesError, match="demands no witness"):
        verify_dossier(case.dossier, lonely, case.world.clock.now())


def test_another_act_of_the_log_does_not_pass_for_the_request(case: Case) -> None:
    world = case.world
    entry, receipt = world.add(Act.DISCLOSURE_OPENED, facts.requested(case.asked.digest))
    dossier = world.dossier(Logged(case.request.document, entry, receipt), case.periods[:1])
    _refused(case, dossier, Kind.DENIED, "not in the witnessed log")


def test_the_log_of_another_deployment_does_not_count(case: Case, tmp_path: Path) -> None:
    foreign = World(tmp_path / "foreign", seed="foreign", clock=case.world.clock)
    logged = foreign.logged_request(case.request.document)
    foreign.close()
    _refused(case, case.world.dossier(logged, case.periods[:1]), Kind.DENIED, "not in the witnessed log")


def test_a_window_that_has_not_ended_cannot_be_asked_for(case: Case) -> None:
    now = case.world.clock.now()
    with pytest.raises(CustodesError, match="window has not ended") as problem:
        case.world.ask(end=Instant(now + SECOND))
    assert problem.value.kind is Kind.DENIED


def test_a_window_that_had_not_ended_when_the_request_was_logged_is_refused_even_later(case: Case) -> None:
    world = case.world
    end = Instant(world.clock.now() + 30 * SECOND)
    early = forge(world.ask(), world.requester, end=_text(end))
    logged = world.logged_request(early)
    dossier = world.dossier(logged, case.periods[:1])
    _refused(case, dossier, Kind.DENIED, "window has not ended")
    world.clock.advance(MINUTE)
    _refused(case, dossier, Kind.DENIED, "had not ended when the request was logged")


def _text(instant: Instant) -> str:

    return times.to_text(instant)


def test_an_expired_request_is_refused(case: Case) -> None:
    case.world.clock.advance(2 * 3600 * SECOND)
    _refused(case, case.dossier, Kind.DENIED, "expired")


def test_a_request_from_the_future_is_refused(case: Case) -> None:
    world = case.world
    later = Instant(world.clock.now() + 10 * MINUTE)
    signed = world.ask(created=later, expires=Instant(later + 3600 * SECOND))
    _refused(case, world.dossier(world.logged_request(signed), case.periods[:1]), Kind.DENIED, "in the future")


def test_a_requester_who_is_not_enrolled_is_refused(case: Case) -> None:
    world = case.world
    signed = forge(case.request.document, SigningKey.generate(source("stranger")))
    dossier = world.dossier(world.logged_request(signed), case.periods[:1])
    _refused(case, dossier, Kind.DENIED, "policy does not name")


def test_a_substituted_one_time_key_breaks_the_request(case: Case) -> None:
    world = case.world
    request = canonical.load_object(case.request.document)
    canonical.member(request, "body")["one_time_key"] = WrappingKey.generate(source("insider")).public.to_json()
    logged = world.logged_request(canonical.dumps(request))
    _refused(case, world.dossier(logged, case.periods[:1]), Kind.CORRUPT, "signature .* does not hold")


def test_a_camera_that_was_not_asked_for_is_refused(case: Case) -> None:
    _refused(case, case.world.dossier(case.request, case.periods[2:]), Kind.DENIED, "does not ask for the camera")


def test_a_minute_that_was_not_asked_for_is_refused(case: Case) -> None:
    dossier = case.world.dossier(case.request, case.periods[:2])
    _refused(case, dossier, Kind.DENIED, "outside the window")


def test_a_custodian_cannot_be_led_to_grant_more_than_the_dossier_shows(case: Case) -> None:
    with pytest.raises(CustodesError, match="another camera or another minute") as problem:
        case.world.grant(case.dossier, 1, [case.periods[1].id])
    assert problem.value.kind is Kind.DENIED


def test_a_period_that_is_named_twice_is_refused(case: Case) -> None:
    dossier = case.world.dossier(case.request, [case.periods[0], case.periods[0]])
    _refused(case, dossier, Kind.CORRUPT, "twice")


def test_a_dossier_without_a_period_grants_nothing(case: Case) -> None:
    _refused(case, case.world.dossier(case.request, []), Kind.DENIED, "nothing to grant")


def test_swapped_share_objects_are_refused(case: Case) -> None:
    first, second = case.periods[:2]
    swapped = DossierPeriod(first.opening, first.closing, second.shares)
    request = case.request
    dossier = build_dossier(Dossier(request.document, request.entry, request.receipt, (swapped,)))
    _refused(case, dossier, Kind.CORRUPT, "shares belong to another period")


def test_a_period_of_an_unknown_recorder_is_refused(case: Case) -> None:
    period = case.periods[0]
    stranger = SigningKey.generate(source("stranger"))
    forged = replace(period, opening=forge(period.opening, stranger))
    _refused(case, case.world.dossier(case.request, [forged]), Kind.DENIED, "policy does not name")


def test_custodians_whom_the_policy_does_not_name_are_not_believed_in(case: Case) -> None:
    world = case.world
    period = world.record(custodians=world.custodians(Epoch(2)))
    _refused(case, world.dossier(case.request, [period]), Kind.CORRUPT, "custodians that the policy does not name")


def test_a_custodian_without_the_wrapping_key_can_give_nothing(case: Case) -> None:
    world = case.world
    with pytest.raises(CustodesError, match=r"wrapping key .* is not here"):
        grant(case.dossier, world.policy, world.identities[0], [world.wrapping[1]], world.clock.now())
    with pytest.raises(CustodesError, match="holds no share"):
        grant(case.dossier, world.policy, world.requester, world.wrapping, world.clock.now())


def test_a_dossier_that_is_not_canonical_is_refused(case: Case) -> None:
    _refused(case, case.dossier.replace(b'{"entry":', b'{ "entry":', 1), Kind.CORRUPT, "canonical")
    assert build_dossier(parse_dossier(case.dossier)) == case.dossier


def test_a_grant_for_another_request_is_refused(case: Case) -> None:
    world, periods = case.world, case.periods[:1]
    again = world.logged_request(world.ask(purpose="another matter"))
    replayed = world.grant(case.dossier, 1)
    asked = parse_request(again.document, world.policy.requester_keys)
    with pytest.raises(CustodesError, match="another request") as problem:
        verify_grant(replayed, asked, world.manifests(periods), world.policy)
    assert problem.value.kind is Kind.DENIED


@pytest.mark.parametrize("which", [1, 2])
def test_a_grant_for_another_camera_or_minute_is_refused(case: Case, which: int) -> None:
    world = case.world
    # A custodian who re-wraps a share that nobody asked for, under a true signature.
    wide = world.logged_request(world.ask(cameras=world.cameras, end=Instant(START + 2 * MINUTE)))
    granted = canonical.load_object(world.grant(world.dossier(wide, [case.periods[which]]), 1))
    signed = forge(
        world.grant(case.dossier, 1),
        world.identities[0],
        periods=canonical.member(granted, "body")["periods"],
    )
    with pytest.raises(CustodesError, match="another camera or minute") as problem:
        verify_grant(signed, case.asked, world.manifests(case.periods[:1]), world.policy)
    assert problem.value.kind is Kind.DENIED


def test_a_share_that_the_custodian_does_not_hold_is_refused(case: Case) -> None:
    world = case.world
    signed = forge(world.grant(case.dossier, 1), world.identities[1])
    with pytest.raises(CustodesError, match="does not hold"):
        verify_grant(signed, case.asked, world.manifests(case.periods[:1]), world.policy)


def test_a_grant_to_another_key_is_refused(case: Case) -> None:
    world = case.world
    other = WrappingKey.generate(source("insider")).public
    signed = forge(world.grant(case.dossier, 1), world.identities[0], key=other.id)
    with pytest.raises(CustodesError, match="another key"):
        verify_grant(signed, case.asked, world.manifests(case.periods[:1]), world.policy)


def test_a_grant_by_nobody_of_the_policy_is_refused(case: Case) -> None:
    world = case.world
    signed = forge(world.grant(case.dossier, 1), SigningKey.generate(source("stranger")))
    with pytest.raises(CustodesError, match="policy does not name"):
        verify_grant(signed, case.asked, world.manifests(case.periods[:1]), world.policy)


def test_a_grant_dated_before_the_window_or_after_the_expiry_is_refused(case: Case) -> None:
    world = case.world
    for when in (START, case.asked.expires):
        signed = forge(world.grant(case.dossier, 1), world.identities[0], granted=_text(when))
        with pytest.raises(CustodesError, match="before the window had ended or after"):
            verify_grant(signed, case.asked, world.manifests(case.periods[:1]), world.policy)


def test_a_false_share_is_named(case: Case) -> None:
    world, period = case.world, case.periods[0]
    true = world.grant(case.dossier, 3)
    item = canonical.listed(canonical.member(canonical.load_object(true), "body"), "periods")[0]
    assert isinstance(item, dict)
    openings = world.manifests([period])
    found = verify_grant(true, case.asked, openings, world.policy)

    opening = openings[period.id]
    info = grant_info(opening.sealed, 3, case.asked, found.custodian)
    false_share = to_base64(wrap(world.one_time.public, bytes(33), info))
    lie = forge(true, world.identities[2], periods=[{**item, "share": false_share}])
    verified = verify_grant(lie, case.asked, openings, world.policy)
    with pytest.raises(CustodesError, match=r"share 3 .* is false"):
        open_grant(verified.periods[period.id], verified, case.asked, opening, world.one_time)


def test_a_refusal_states_its_reason_for_its_request_only(case: Case) -> None:
    world = case.world
    logged = world.logged_refusal(case.request, 2, "the purpose is too wide")
    found = verify_refusal(logged.document, case.asked, world.policy)
    assert (found.reason, found.custodian) == ("the purpose is too wide", world.identities[1].public.id)
    again = parse_request(world.ask(purpose="another matter"), world.policy.requester_keys)
    with pytest.raises(CustodesError, match="another request"):
        verify_refusal(logged.document, again, world.policy)
    with pytest.raises(CustodesError, match="one line"):
        world.logged_refusal(case.request, 2, "two\nlines")


def test_the_logs_facts_name_no_person_camera_or_window(case: Case) -> None:
    entry = canonical.load_object(case.request.entry)
    assert set(entry) == {"v", "act", "time", "request"}
    logged = case.world.logged_grant(case.request, case.world.grant(case.dossier, 1), case.periods[:1])
    assert set(canonical.load_object(logged.entry)) == {"v", "act", "time", "request", "grant", "custodian", "minutes"}


def test_a_policy_comes_back_from_its_file(case: Case) -> None:
    policy = case.world.policy
    assert parse_policy(encode_policy(policy)) == policy
    holder = policy.custodian(case.world.identities[0].public.id)
    assert holder is not None
    assert holder.label == "Office 1"


@pytest.mark.parametrize(
    "change", [{"v": 2}, {"deployment": "../x"}, {"recorders": [1]}, {"custodians": [{}]}, {"more": 1}]
)
def test_a_policy_that_is_not_sound_is_refused(case: Case, change: canonical.JsonObject) -> None:
    source_json = canonical.load_object(encode_policy(case.world.policy))
    with pytest.raises(CustodesError, match="the policy file") as problem:
        parse_policy(canonical.dumps({**source_json, **change}))
    assert problem.value.kind is Kind.CORRUPT


def test_a_policy_in_which_an_epoch_comes_twice_is_refused(case: Case) -> None:
    policy = with_policy(case.world, custodians=(case.world.set, case.world.set))
    with pytest.raises(CustodesError, match="epochs"):
        parse_policy(encode_policy(policy))


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"cameras": []}, "cameras"),
        ({"purpose": " "}, "purpose"),
        ({"purpose": "two\nlines"}, "purpose"),
        ({"end": START}, "window"),
        ({"expires": START}, "expire"),
    ],
)
def test_a_request_that_no_custodian_could_judge_is_not_made(
    case: Case, changes: dict[str, object], match: str
) -> None:
    with pytest.raises(CustodesError, match=match) as problem:
        case.world.ask(**changes)  # type: ignore[arg-type]
    assert problem.value.kind is Kind.INVALID


def test_a_custodian_can_grant_some_minutes_only(case: Case) -> None:
    world = case.world
    wide = world.logged_request(world.ask(end=Instant(START + 2 * MINUTE)))
    dossier = world.dossier(wide, case.periods[:2])
    chosen: list[PeriodId] = [case.periods[1].id]
    asked = parse_request(wide.document, world.policy.requester_keys)
    found = verify_grant(world.grant(dossier, 1, chosen), asked, world.manifests(case.periods[:2]), world.policy)
    assert list(found.periods) == chosen

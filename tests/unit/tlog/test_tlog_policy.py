# SPDX-License-Identifier: Apache-2.0
"""Trust policies: the file format of C2SP tlog-policy, quorums, and what a quorum says of the time."""

import pytest
from tests.unit.tlog.tlog_tools import CLOCK, ORIGIN, log_signers, seed, witness_signers

from custodes.clock import SECOND, FakeClock
from custodes.errors import CustodesError, Kind
from custodes.trust.tlog.checkpoint import Checkpoint, SignedCheckpoint, sign
from custodes.trust.tlog.note import Ed25519Signer, Signer
from custodes.trust.tlog.policy import TlogPolicy, build_policy

HEAD = Checkpoint(ORIGIN, 7, seed("root"))
LOG = log_signers()[0].vkey
X1, X2, X3 = (witness_signers(f"x{number}.example")[0] for number in (1, 2, 3))
Y1, Y2 = (witness_signers(f"y{number}.example")[1] for number in (1, 2))
NESTED = f"""
# two levels, as in the specification's example
  log {LOG}\thttps://log.example/
witness X1 {X1.vkey} https://x1.example/
witness\tX2   {X2.vkey}
witness X3 {X3.vkey}
group X-witnesses 2 X1 X2 X3

witness Y1 {Y1.vkey}
witness Y2 {Y2.vkey}
group Y-witnesses any Y1 Y2

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def signed_by(*cosigners: Signer) -> SignedCheckpoint:
    return sign(HEAD, [log_signers()[0], *cosigners])


def test_the_policy_of_the_specifications_form_is_read_and_written_again() -> None:
    policy = TlogPolicy.parse(NESTED)
    assert [group.k for group in policy.groups] == [2, 1, 2]
    assert policy.logs[0].url == "https://log.example/"
    assert TlogPolicy.parse(policy.serialise()) == policy


@pytest.mark.parametrize("cosigners", [[X1, X2, Y1], [X3, X1, X2, Y2, Y1], [Y2, X3, X2]])
def test_a_quorum_is_enough(cosigners: list[Signer]) -> None:
    witnessed = TlogPolicy.parse(NESTED).satisfied(signed_by(*cosigners))
    assert witnessed.checkpoint == HEAD
    assert len(witnessed.witnesses) == len(cosigners)


@pytest.mark.parametrize("cosigners", [[], [X1, X2], [X1, X2, X3], [X1, Y1, Y2], [Y1]])
def test_less_than_a_quorum_is_denied(cosigners: list[Signer]) -> None:
    with pytest.raises(CustodesError) as caught:
        TlogPolicy.parse(NESTED).satisfied(signed_by(*cosigners))
    assert caught.value.kind is Kind.DENIED


def test_a_wrong_cosignature_of_a_known_witness_is_corrupt_even_if_the_others_suffice() -> None:
    other = Checkpoint(ORIGIN, 8, HEAD.root)
    signed = signed_by(X1, X2, Y1).with_lines([X3.sign(other.text).line])
    with pytest.raises(CustodesError) as caught:
        TlogPolicy.parse(NESTED).satisfied(signed)
    assert caught.value.kind is Kind.CORRUPT


def test_a_checkpoint_without_the_logs_own_signature_is_refused_whoever_cosigned() -> None:
    stranger = Ed25519Signer(ORIGIN, seed("stranger"))
    for signers in ([X1, X2, Y1], [stranger, X1, X2, Y1]):
        with pytest.raises(CustodesError):
            TlogPolicy.parse(NESTED).satisfied(sign(HEAD, signers))


def test_an_unwitnessed_checkpoint_is_accepted_by_quorum_none_only() -> None:
    assert TlogPolicy.parse(f"log {LOG}\nquorum none\n").satisfied(signed_by()).seen_by is None
    assert build_policy([log_signers()[0].key], {}, 0).satisfied(signed_by()).witnesses == ()


def test_a_policy_without_logs_accepts_nothing() -> None:
    with pytest.raises(CustodesError):
        TlogPolicy.parse("quorum none\n").satisfied(signed_by())


def test_the_time_is_the_one_that_a_quorum_vouches_for() -> None:
    clocks = {f"w{number}.example": FakeClock((1_790_000_000 + number) * SECOND) for number in (1, 2, 3)}
    signers = [witness_signers(name, clock)[0] for name, clock in clocks.items()]
    policy = build_policy([log_signers()[0].key], {signer.key.name: [signer.key] for signer in signers}, 2)
    witnessed = policy.satisfied(signed_by(*signers))
    # Two of three say that it is second 2 or later; two of three had seen it by second 2.
    assert (witnessed.time, witnessed.seen_by) == (1_790_000_002 * SECOND, 1_790_000_002 * SECOND)
    witnessed = policy.satisfied(signed_by(*signers[:2]))
    # One witness alone, with a clock that runs ahead, moves neither reading.
    assert (witnessed.time, witnessed.seen_by) == (1_790_000_001 * SECOND, 1_790_000_002 * SECOND)


def test_a_cosignature_that_states_no_time_is_no_witnessing() -> None:
    timeless = witness_signers("x1.example", FakeClock(0))
    policy = build_policy([log_signers()[0].key], {"x": [timeless[0].key]}, 1)
    assert policy.satisfied(signed_by(X1)).witnesses == ("x-1",)
    with pytest.raises(CustodesError) as caught:
        policy.satisfied(signed_by(timeless[0]))
    assert caught.value.kind is Kind.DENIED


def test_a_witness_with_two_keys_must_use_both() -> None:
    both = witness_signers()
    policy = build_policy([log_signers()[0].key], {"w": [signer.key for signer in both]}, 1)
    assert policy.satisfied(signed_by(*both)).time == CLOCK.now() // SECOND * SECOND
    for one in both:
        with pytest.raises(CustodesError):
            policy.satisfied(signed_by(one))


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"log {LOG}\n",
        "quorum none\nquorum none\n",
        "quorum X\n",
        "quorum none\r\n",
        "quorum none \x00\n",
        "frob none\nquorum none\n",
        f"log {LOG}\nlog {LOG}\nquorum none\n",
        f"log {LOG} url more\nquorum none\n",
        f"log {Y1.vkey}\nquorum none\n",
        f"witness W {LOG}\nquorum W\n",
        f"witness none {X1.vkey}\nquorum none\n",
        f"witness W {X1.vkey}\nwitness V {X1.vkey}\nquorum W\n",
        f"witness W {X1.vkey}\nwitness W {X2.vkey}\nquorum W\n",
        f"witness W {X1.vkey}\ngroup G 2 W\nquorum G\n",
        f"witness W {X1.vkey}\ngroup G 0 W\nquorum G\n",
        f"witness W {X1.vkey}\ngroup G \u00b2 W\nquorum G\n",
        f"witness W {X1.vkey}\ngroup G any\nquorum G\n",
        f"witness W {X1.vkey}\ngroup G any W W\nquorum G\n",
        f"witness W {X1.vkey}\ngroup G any W\ngroup H any W\nquorum G\n",
        f"witness W {X1.vkey}\ngroup G any none\nquorum G\n",
        f"group G any W\nwitness W {X1.vkey}\nquorum G\n",
        f"witness W {X1.vkey}\ngroup W any W\nquorum W\n",
        f"quorum W\nwitness W {X1.vkey}\n",
    ],
)
def test_a_policy_that_the_specification_forbids_is_refused(text: str) -> None:
    with pytest.raises(CustodesError) as caught:
        TlogPolicy.parse(text)
    assert caught.value.kind is Kind.CORRUPT


def test_names_are_opaque_octets() -> None:
    policy = TlogPolicy.parse(b"witness \xe2\x84\xaa " + X1.vkey.encode() + b"\nquorum \xe2\x84\xaa\n")
    assert policy.quorum == "\u212a"
    with pytest.raises(CustodesError):
        TlogPolicy.parse(b"witness K " + X1.vkey.encode() + b"\nquorum \xe2\x84\xaa\n")
    assert TlogPolicy.parse(b"witness \xff " + X1.vkey.encode() + b"\nquorum \xff\n").quorum == "\udcff"


def test_a_policy_of_thirty_two_logs_witnesses_and_groups_is_read() -> None:
    lines = [f"log {Ed25519Signer('l.example', seed(f'l{number}')).vkey}" for number in range(32)]
    lines += [f"witness W{number} {witness_signers(f'{number}.example')[0].vkey}" for number in range(32)]
    lines += [f"group G{number} any W{number}" for number in range(31)]
    lines += [f"group G 16 {' '.join(f'G{number}' for number in range(31))}", "quorum G"]
    assert len(TlogPolicy.parse("\n".join(lines)).groups) == 32

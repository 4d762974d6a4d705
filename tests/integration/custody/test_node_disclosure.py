# SPDX-License-Identifier: AGPL-3.0-or-later
"""A disclosure by the desks from a node whose sequencer, web and witness are processes: its bundle and its log hold."""

from pathlib import Path

import pytest
from tests.custody_world import MINUTE
from tests.second_decoder import Decoder
from tests.witnessed import once_there, recorded

from custodes.clock import Instant, SystemClock
from custodes.desk.custodian import CustodianDesk
from custodes.desk.requester import Asked, RequesterDesk
from custodes.domain.ids import CameraId
from custodes.domain.register import LegalBasis
from custodes.errors import CustodesError, Kind
from custodes.trust.custody.policy import parse_policy
from custodes.trust.tlog.policy import TlogPolicy
from custodes.trust.verify.bundle import verify_bundle
from custodes.trust.verify.log import open_source, verify_log


def _asked(camera: CameraId, start: Instant) -> Asked:
    end = Instant(start + 2 * MINUTE)
    return Asked([camera], start, end, "assault in the square", LegalBasis.PUBLIC_TASK, "12 C 34/26")


def test_the_bundle_of_a_real_node_holds_for_the_product_and_for_the_second_decoder(tmp_path: Path) -> None:
    clock = SystemClock()
    with recorded(tmp_path, 2, 400) as (address, camera, start):
        court = RequesterDesk(tmp_path / "court", clock)
        name = once_there(lambda: court.request(court.transport(address), _asked(camera, start)))
        offices = [CustodianDesk(tmp_path / f"custodian{number}", clock) for number in (1, 2, 3)]
        once_there(lambda: offices[0].grant(offices[0].transport(address), name))
        with pytest.raises(CustodesError, match="1 of 2 custodians") as problem:
            court.open(court.transport(address), name)
        assert problem.value.kind is Kind.DENIED
        offices[2].grant(offices[2].transport(address), name)
        opened = once_there(lambda: court.open(court.transport(address), name))
        policy = (tmp_path / "court" / "policy").read_bytes()
        assert Decoder(policy).bundle(opened.bundle) == [f"native/{clip.name}" for clip in opened.clips]
        assert [check.name for check in verify_bundle(opened.bundle, parse_policy(policy)).checks if not check.ok] == []
        rules = TlogPolicy.parse(parse_policy(policy).log)
        source = open_source(f"{address}/log")
        once_there(lambda: verify_log(source, rules.log_keys, rules).demand())
        source.close()

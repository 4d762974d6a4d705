# SPDX-License-Identifier: Apache-2.0
"""The product opens the published period too: what was sealed once stays readable."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from custodes.domain import canonical
from custodes.trust.custody.clip import nal_units, verify_clip
from custodes.trust.seal.custodians import CustodianSet
from custodes.trust.seal.header import Quorum
from custodes.trust.seal.manifest import check_pair, parse_closing, parse_opening
from custodes.trust.seal.segment import open_record
from custodes.trust.seal.shares import PeriodKeys, combine_shares, open_share, read_shares
from custodes.trust.seal.signing import PublicKey, by_id
from custodes.trust.seal.wrapping import WrappingKey

VECTOR: dict[str, Any] = json.loads((Path(__file__).parent / "period.json").read_text())


def test_the_published_period_opens() -> None:
    recorders = by_id([PublicKey.from_json(VECTOR["recorder"])])
    opening = parse_opening(canonical.dumps(VECTOR["opening"]), recorders)
    closing = parse_closing(canonical.dumps(VECTOR["closing"]), recorders)
    check_pair(opening, closing)
    assert opening.sealed.quorum == Quorum.of(CustodianSet.from_json(VECTOR["set"]))
    header = opening.sealed.digest
    boxes = read_shares(VECTOR["shares"], header, opening.shares)
    wrapping = [WrappingKey.from_seed(bytes.fromhex(found["wrapping_seed"])) for found in VECTOR["custodians"]]
    shares = [open_share(boxes[n], opening.sealed, opening.shares[n], wrapping[n]) for n in (0, 2)]
    keys = PeriodKeys.derive(combine_shares(shares, header, opening.key_commitment), header)
    segment = base64.b64decode(VECTOR["segment"])
    clip = b"".join(
        open_record(keys, header, record, segment[record.offset : record.offset + record.length])
        for record in closing.fragments
    )
    assert hashlib.sha256(clip).hexdigest() == VECTOR["clip_sha256"]
    assert [hashlib.sha256(unit).hexdigest() for unit in nal_units(clip)] == VECTOR["nals_sha256"]
    verify_clip(lambda at, size: clip[at : at + size], len(clip), closing, keys.commitment)

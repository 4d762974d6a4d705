# SPDX-License-Identifier: AGPL-3.0-or-later
"""Sealing a camera's minute, against bare AES-256-GCM over the same fragments in the same run. CPU seconds, one thread.

Ours does more: commitments to every NAL unit, hashes of the ciphertext, the shares and both signed manifests.
"""

import json
import os
import time
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from custodes.clock import SECOND, Instant
from custodes.domain.ids import CameraId, DeploymentId, Digest, Epoch, PeriodId, Term, new_id
from custodes.trust.seal.custodians import Custodian, CustodianSet
from custodes.trust.seal.period import PeriodHeader, PeriodSealer
from custodes.trust.seal.signing import SigningKey
from custodes.trust.seal.wrapping import WrappingKey

SECONDS, FRAGMENT, NALS = 60, 500_000, 25
ROUNDS = 10
START = Instant(1_790_000_000 * SECOND)


def fragments() -> list[tuple[bytes, list[bytes]]]:
    """A minute at 4 Mbit/s: a header, then NAL units behind their lengths, as in a CMAF fragment."""
    made = []
    for _ in range(SECONDS):
        nals = [b"\x41" + os.urandom(FRAGMENT // NALS - 1) for _ in range(NALS)]
        media = b"".join(len(nal).to_bytes(4) + nal for nal in nals)
        boxes = (8).to_bytes(4) + b"moof" + (len(media) + 8).to_bytes(4) + b"mdat"
        made.append((boxes + media, nals))
    return made


def custodians() -> CustodianSet:
    """Three custodians, two needed."""
    made = (Custodian(n, f"office {n}", SigningKey.generate().public, WrappingKey.generate().public) for n in (1, 2, 3))
    return CustodianSet(Epoch(1), 2, tuple(made))


def seal(minute: list[tuple[bytes, list[bytes]]], offices: CustodianSet, recorder: SigningKey) -> None:
    """Seal one minute from its opening to its closing manifest."""
    camera = CameraId(new_id(os.urandom(16)))
    header = PeriodHeader(
        deployment=DeploymentId(new_id(os.urandom(16))),
        period=PeriodId(camera, START, Term(1)),
        started=START,
        codec="h264",
        width=1920,
        height=1080,
        parameter_sets=(b"\x67sps", b"\x68pps"),
        retention_class="72h",
        retention_hours=72,
        register_entry=Digest(bytes(32)),
        register_index=0,
        checkpoint_size=1,
        checkpoint_root=Digest(bytes(32)),
        previous=None,
    )
    sealer = PeriodSealer(header, offices, recorder)
    sealer.seal_init(b"init")
    for number, (data, nals) in enumerate(minute):
        sealer.seal(data, nals, Instant(START + number * SECOND), 90_000)
    sealer.close(Instant(START + SECONDS * SECOND))


def encrypt(minute: list[tuple[bytes, list[bytes]]]) -> None:
    """Encrypt the same bytes and nothing else."""
    cipher = AESGCM(AESGCM.generate_key(256))
    for data, _ in minute:
        cipher.encrypt(os.urandom(12), data, None)


def cpu(work: Callable[[], None]) -> float:
    """CPU seconds of one call."""
    before = time.process_time()
    work()
    return time.process_time() - before


def main() -> None:
    """Run both in turn and print one JSON line."""
    minute, offices, recorder = fragments(), custodians(), SigningKey.generate()
    turns = [(cpu(lambda: seal(minute, offices, recorder)), cpu(lambda: encrypt(minute))) for _ in range(ROUNDS)]
    ours, peer = (sorted(turn[side] for turn in turns)[ROUNDS // 2] for side in (0, 1))
    size = sum(len(data) for data, _ in minute) / 1e6
    facts = {"minute_mb": round(size, 1), "ours_cpu_s": round(ours, 4), "ours_mb_per_s": round(size / ours)}
    peers = {"peer": "AES-256-GCM", "peer_cpu_s": round(peer, 4), "ratio": round(ours / peer, 2)}
    print(json.dumps({**facts, **peers}))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: AGPL-3.0-or-later
"""Setting up a deployment: keys, policy, an empty log, and the first acts."""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from custodes.clock import Clock, SystemClock
from custodes.domain import canonical
from custodes.domain.ids import DeploymentId, new_id
from custodes.errors import conflict
from custodes.node.acts import deployment as acts
from custodes.node.config import Layout
from custodes.node.store import Store
from custodes.node.store.keys import write_key
from custodes.node.store.schema import upgrade
from custodes.node.store.store import open_catalog
from custodes.trust.custody.policy import Policy, Requester, encode_policy
from custodes.trust.seal.custodians import CustodianSet
from custodes.trust.seal.signing import SigningKey
from custodes.trust.tlog.note import Ed25519Signer, MlDsa44Signer, VerifierKey
from custodes.trust.tlog.policy import build_policy
from custodes.trust.tlog.store import make_folder, write_durably


@dataclass(frozen=True, slots=True)
class WitnessAt:
    """A witness: what the policy calls it, its keys, and where it answers."""

    name: str
    keys: tuple[VerifierKey, ...]
    url: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Who takes part in a new deployment."""

    custodians: CustodianSet
    requesters: tuple[Requester, ...]
    witnesses: tuple[WitnessAt, ...]


def initialise(
    layout: Layout, plan: Plan, clock: Clock | None = None, entropy: Callable[[int], bytes] = os.urandom
) -> DeploymentId:
    """Set a deployment up in the data folder. One that is there already is left alone: ``CustodesError`` (CONFLICT).

    An interrupted run leaves a folder marked as unfinished, which is made again from the start.
    """
    unfinished = layout.root / "unfinished"
    ours = (layout.keys, layout.log, layout.store, layout.catalog, layout.policy, layout.witnesses, layout.head)
    if any(path.exists() for path in ours):
        if not unfinished.exists():
            raise conflict(f"{layout.root} holds a deployment already")
        for path in ours:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    clock = clock or SystemClock()
    deployment = DeploymentId(new_id(entropy(16)))
    recorder = SigningKey.generate(entropy)
    log_key = entropy(64)
    # The log's name has neither host nor port in it: the log may move, its name cannot change.
    origin = f"custodes.invalid/{deployment}"
    signers = (Ed25519Signer(origin, log_key[:32]), MlDsa44Signer(origin, log_key[32:], clock))
    witnesses = {witness.name: witness.keys for witness in plan.witnesses}
    policy = Policy(
        deployment=deployment,
        log=build_policy([signer.key for signer in signers], witnesses, _quorum(plan.witnesses)).serialise(),
        recorders=(recorder.public,),
        custodians=(plan.custodians,),
        requesters=plan.requesters,
    )
    # A plan that cannot be carried out was refused by now; from here on there is something on the disk.
    _make_folders(layout, unfinished)
    for name, key in (("server", entropy(32)), ("recorder", recorder.seed), ("log", log_key)):
        write_key(layout.keys / f"{name}.key", key)
    write_durably(layout.log / "vkey", "".join(f"{signer.vkey}\n" for signer in signers).encode())
    lines = [f"{each.url} {' '.join(str(key) for key in each.keys)}\n" for each in plan.witnesses]
    write_durably(layout.witnesses, "".join(lines).encode())
    _first_acts(layout, clock, entropy, origin, policy)
    write_durably(layout.policy, encode_policy(policy))
    # Last: from here on the folder is a deployment.
    unfinished.unlink()
    return deployment


def _make_folders(layout: Layout, unfinished: Path) -> None:
    make_folder(layout.root)
    # The catalogue holds salts and hashes of sessions: no other user of this machine has any business here.
    layout.root.chmod(0o700)
    write_durably(unfinished, b"")
    for folder in (layout.root, layout.keys, layout.log, layout.store):
        make_folder(folder)
    for private in (layout.keys, layout.store):
        private.chmod(0o700)


def _quorum(witnesses: Sequence[WitnessAt]) -> int:
    """More than half of the witnesses: two histories cannot both be witnessed unless one of them helps both."""
    return len(witnesses) // 2 + 1


def _first_acts(layout: Layout, clock: Clock, entropy: Callable[[int], bytes], origin: str, policy: Policy) -> None:
    engine = open_catalog(layout.catalog)
    upgrade(engine)
    engine.dispose()
    store = Store(layout, clock, entropy)
    acts.initialise(store, policy.deployment, origin)
    for recorder in policy.recorders:
        acts.enrol_recorder(store, recorder.id, canonical.dumps(recorder.to_json()))
    for members in policy.custodians:
        document = canonical.dumps(members.to_json())
        acts.install_custodians(store, members.epoch, members.k, members.n, document)
    for requester in policy.requesters:
        acts.enrol_requester(store, requester.identity.id, canonical.dumps(requester.identity.to_json()))
    store.close()

# SPDX-License-Identifier: AGPL-3.0-or-later
"""Acts that set up a deployment: its log, its recorder's key, its custodians, who may request."""

import hashlib

from custodes.domain.acts import Act
from custodes.domain.canonical import JsonObject
from custodes.domain.ids import DeploymentId, Epoch, KeyId
from custodes.node.store import Store, tables


def initialise(store: Store, deployment: DeploymentId, origin: str) -> None:
    """Name the deployment and its log, once and for all."""
    with store.act(Act.DEPLOYMENT_INITIALISED, {"deployment": deployment, "origin": origin}) as tx:
        tx.connection.execute(tables.deployments.insert().values(id=deployment, origin=origin, seq=tx.seq))


def enrol_recorder(store: Store, key: KeyId, public: bytes) -> None:
    """Announce the key that signs the manifests of originals. ``public`` is its canonical JSON."""
    with store.act(Act.RECORDER_ENROLLED, {"key": key, "public": hashlib.sha256(public).hexdigest()}) as tx:
        tx.connection.execute(tables.recorders.insert().values(key=key, public=public, seq=tx.seq))


def install_custodians(store: Store, epoch: Epoch, quorum: int, members: int, document: bytes) -> None:
    """Announce a set of custodians. ``document`` is its canonical JSON with everybody's public keys."""
    facts: JsonObject = {"epoch": epoch, "k": quorum, "n": members, "set": hashlib.sha256(document).hexdigest()}
    with store.act(Act.CUSTODIANS_INSTALLED, facts) as tx:
        tx.connection.execute(tables.custodian_sets.insert().values(epoch=epoch, document=document, seq=tx.seq))


def enrol_requester(store: Store, key: KeyId, public: bytes) -> None:
    """Announce a key that may sign requests for originals."""
    with store.act(Act.REQUESTER_ENROLLED, {"key": key, "public": hashlib.sha256(public).hexdigest()}) as tx:
        tx.connection.execute(tables.requesters.insert().values(key=key, public=public, seq=tx.seq))

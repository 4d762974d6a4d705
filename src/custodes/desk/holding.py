# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a custodian's agent does about holds: its shares of held minutes go under a hold key before their own is due.

In the custodian's folder: ``held/<hold>.json`` (which key is the hold's, and whether the operator knows it); its
private half lies with the other wrapping keys, and is destroyed when the hold is released.
"""

from pathlib import Path

from custodes.clock import Instant
from custodes.desk.keyfile import private_folder, read_file
from custodes.desk.keyshelf import KeyShelf
from custodes.desk.transport import Transport
from custodes.domain import canonical
from custodes.domain.canonical import listed, member
from custodes.domain.ids import KeyId, check_id
from custodes.errors import CustodesError, Kind
from custodes.trust.custody.dossier import MAX_DOSSIER
from custodes.trust.custody.held import ShownHold, rewrap_held, verify_hold
from custodes.trust.seal.fields import versioned
from custodes.trust.seal.wrapping import WrappingPublicKey
from custodes.trust.tlog.store import write_durably

_MAX_INDEX = 1024 * 1024


class Holding:
    """The holds as one custodian's agent sees them."""

    def __init__(self, folder: Path, keys: KeyShelf) -> None:
        self._folder = folder / "held"
        self._keys = keys

    def keep(self, transport: Transport) -> int:
        """Wrap the custodian's shares of all held minutes anew and hand them in; returns how many.

        Each hold is verified: it must be in the witnessed log. The keys of holds that were released are destroyed.
        Raises ``CustodesError`` at the first hold that does not verify or cannot be served: then nothing may be
        destroyed that it names.
        """
        index = canonical.load_object(transport.document("holds", _MAX_INDEX))
        versioned(index, "holds")
        return sum(self._keep(transport, check_id(str(name))) for name in listed(index, "holds"))

    def _keep(self, transport: Transport, name: str) -> int:
        count, since = 0, Instant(0)
        while True:
            data = transport.document(f"holds/{name}/{since}", MAX_DOSSIER)
            shown = verify_hold(data, self._keys.policy)
            if shown.hold.id != name:
                raise CustodesError(Kind.DENIED, "the operator shows another hold than was asked for")
            if shown.released:
                self._release(name)
            if shown.released or not shown.periods:
                return count
            count += self._rewrap(transport, shown)
            since = Instant(max(opening.period.start for opening, _ in shown.periods) + 1)

    def _rewrap(self, transport: Transport, shown: ShownHold) -> int:
        # A hold that came after a minute's retention is none: it would bring back what had to be forgotten.
        usable = self._keys.dated(shown.logged)
        places = [place.wrapping_key for opening, _ in shown.periods for place in opening.shares]
        if not usable.keys() & set(places):
            return 0
        now, to = self._keys.now(), self._hold_key(shown.hold.id)
        signed = rewrap_held(shown, self._keys.policy, self._keys.identity, usable, to, now)
        if signed is None:
            return 0
        try:
            transport.file("held", signed)
        except CustodesError as problem:
            if problem.kind is not Kind.CONFLICT:
                raise
        self._note(shown.hold.id, to, known=True)
        return len(listed(member(canonical.load_object(signed), "body"), "periods"))

    def _hold_key(self, hold: str) -> WrappingPublicKey:
        """The key of a hold, made when it is first needed; its private half is durable first."""
        path = self._folder / f"{hold}.json"
        if path.exists():
            return _read(path)[0]
        made = self._keys.make()
        self._note(hold, made, known=False)
        return made

    def _note(self, hold: str, key: WrappingPublicKey, known: bool) -> None:
        private_folder(self._folder)
        note = canonical.dumps({"v": 1, "key": key.to_json(), "known": known})
        write_durably(self._folder / f"{hold}.json", note)

    def _release(self, hold: str) -> None:
        path = self._folder / f"{hold}.json"
        if path.exists():
            self._keys.destroy_one(_read(path)[0].id)

    def gone(self) -> set[KeyId]:
        """The keys of holds that the operator knows and that were destroyed."""
        found = [_read(path) for path in sorted(self._folder.glob("*.json"))]
        return {key.id for key, known in found if known and not self._keys.has(key.id)}


def _read(path: Path) -> tuple[WrappingPublicKey, bool]:
    source = canonical.load_object(read_file(path, 64 * 1024))
    versioned(source, "key", "known")
    return WrappingPublicKey.from_json(member(source, "key")), source["known"] is True

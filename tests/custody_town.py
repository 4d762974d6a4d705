# SPDX-License-Identifier: AGPL-3.0-or-later
"""Custodians, a requester and an operator for tests of the desks, each with an own folder; two minutes are recorded."""

from pathlib import Path

from tests.custody_office import Office
from tests.custody_world import MINUTE, START, World

from custodes.clock import SECOND, Instant
from custodes.desk import custodian, requester
from custodes.desk.custodian import CustodianDesk
from custodes.desk.requester import Asked, RequesterDesk
from custodes.domain.ids import CameraId
from custodes.domain.register import LegalBasis, Purpose, RegisterEntry

END = Instant(START + 90 * SECOND)


class Town:
    """Three custodians, a requester and an operator, each with an own folder."""

    def __init__(self, folder: Path, passphrase: str | None = None) -> None:
        self.folder, self.passphrase = folder, passphrase
        self.world = World(folder / "operator")
        self.office = Office(self.world)
        statements = [custodian.keygen(folder / f"custodian{n}", f"Office {n}", passphrase) for n in (1, 2, 3)]
        asks = requester.keygen(folder / "court", "District court")
        policy = self.office.enrol(statements, asks, 2)
        for name in ("custodian1", "custodian2", "custodian3"):
            custodian.trust_policy(folder / name, policy)
        requester.trust_policy(folder / "court", policy)
        self.period = self.world.record()
        self.world.clock.advance(MINUTE)
        self.office.record(self.period)
        later = self.world.record(start=Instant(START + MINUTE))
        self.world.clock.advance(MINUTE)
        self.office.record(later)
        self.world.clock.advance(MINUTE)

    def custodian(self, number: int) -> CustodianDesk:
        return CustodianDesk(self.folder / f"custodian{number}", self.world.clock, self.passphrase)

    def court(self) -> RequesterDesk:
        return RequesterDesk(self.folder / "court", self.world.clock)

    def asked(self, end: Instant = END) -> Asked:
        return Asked(self.world.cameras[:1], START, end, "assault in the square", LegalBasis.PUBLIC_TASK, "12 C 34/26")


def an_entry(camera: CameraId) -> RegisterEntry:
    """A camera's entry on the register."""
    day = 24 * 3600 * SECOND
    return RegisterEntry(
        *(camera, "Market square, north", Purpose.VIOLENT_CRIME, "Two assaults in 2025."),
        *(LegalBasis.PUBLIC_TASK, "Police Act, section 15", "City of Lindenau", "cameras@lindenau.example", 72),
        *(Instant(START + 30 * day), Instant(START + 365 * day), 513_405_000, 123_713_000, 130, 72, 420, 4_500),
        *("fixed, 4 mm", b"s" * 16),
    )

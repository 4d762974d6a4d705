# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where the demonstration keeps what: everybody has a folder of their own."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from custodes.errors import conflict
from custodes.node.config import Layout

_MARK = "custodes-demo"


@dataclass(frozen=True, slots=True)
class DemoLayout:
    """``root`` is the node's data folder; the other parties' folders lie in it only for convenience."""

    root: Path

    @property
    def node(self) -> Layout:
        return Layout(self.root)

    @property
    def parties(self) -> Path:
        return self.root / "parties"

    @property
    def witness(self) -> Path:
        return self.parties / "witness"

    @property
    def requester(self) -> Path:
        return self.parties / "requester"

    @property
    def steward(self) -> Path:
        return self.parties / "steward"

    def custodian(self, number: int) -> Path:
        """The folder of custodian 1, 2 or 3."""
        return self.parties / f"custodian-{number}"

    def carried(self, number: int) -> Path:
        """What custodian 1, 2 or 3 carries to the operator by hand."""
        return self.parties / f"carried-{number}"

    def statement(self, party: Path) -> bytes:
        """What a party hands over to be enrolled."""
        return (party / "statement.json").read_bytes()

    @property
    def cameras(self) -> Path:
        """The virtual cameras' own files: what they sent, as hashes."""
        return self.root / "cameras"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def tour(self) -> Path:
        return self.run / "tour.json"


def prepare(root: Path) -> DemoLayout:
    """Make the folder anew. An earlier demonstration in it is removed, anything else is not: CONFLICT."""
    mark = root / _MARK
    if root.exists():
        if not root.is_dir() or (any(root.iterdir()) and not mark.exists()):
            raise conflict(f"{root} holds something else than a demonstration: choose another --dir")
        shutil.rmtree(root)
    root.mkdir(parents=True)
    mark.write_text("A demonstration of Custodes. It is removed when the next one starts.\n")
    layout = DemoLayout(root.resolve())
    for folder in (layout.run, layout.cameras, layout.parties):
        folder.mkdir(mode=0o700)
    return layout

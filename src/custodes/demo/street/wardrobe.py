# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who comes by: statures, clothes and what they carry, drawn by lot."""

from typing import Literal

import numpy as np

from custodes.demo.street.figure import Outfit
from custodes.demo.street.palette import BAGS, BOTTOMS, HAIR, SHOES, SKIN, TOPS, Rgb


def _one(lot: np.random.Generator, colours: tuple[Rgb, ...]) -> Rgb:
    return colours[int(lot.integers(len(colours)))]


def outfit(lot: np.random.Generator, *, child: bool = False, rider: bool = False) -> Outfit:
    """Dress somebody. Children are 1.15 to 1.4 m tall, adults 1.55 to 1.9 m."""
    cuts: list[Literal["shirt", "coat", "skirt"]] = ["shirt", "shirt", "coat", "skirt"]
    hairs: list[Literal["short", "long", "bun", "hat"]] = ["short", "short", "long", "bun", "hat"]
    loads: list[Literal["none", "shoulder", "backpack", "tote", "case", "stroller"]] = [
        "none", "none", "none", "shoulder", "backpack", "tote", "case", "stroller",
    ]  # fmt: skip
    if child or rider:
        loads = ["none", "none", "backpack"]
    return Outfit(
        stature=float(lot.uniform(1.15, 1.4) if child else lot.uniform(1.55, 1.9)),
        girth=float(lot.uniform(0.88, 1.0) if child else lot.uniform(0.88, 1.18)),
        skin=_one(lot, SKIN),
        hair=_one(lot, HAIR),
        top=_one(lot, TOPS),
        bottom=_one(lot, BOTTOMS),
        shoes=_one(lot, SHOES),
        bag=_one(lot, BAGS),
        cut="shirt" if rider else cuts[int(lot.integers(len(cuts)))],
        coiffure=hairs[int(lot.integers(len(hairs)))],
        luggage=loads[int(lot.integers(len(loads)))],
    )

# SPDX-License-Identifier: AGPL-3.0-or-later
"""The last step of every view: sky, light, planes, foliage."""

from dataclasses import dataclass

import numpy as np

from custodes.demo.street import texture
from custodes.demo.street.crowd import Script
from custodes.demo.street.easel import Easel
from custodes.demo.street.foliage import Tree, crown
from custodes.demo.street.scenery import Scenery


@dataclass(frozen=True, slots=True)
class Set:
    """A painted view, its trees still bare."""

    easel: Easel
    lot: np.random.Generator
    trees: tuple[Tree, ...]
    script: Script


def assemble(view: Set) -> Scenery:
    """Bring colour and light together and put the foliage on."""
    easel, lot = view.easel, view.lot
    sunny, overcast = easel.finish(texture.sky(lot, easel.lens.horizon))
    crowns = []
    for tree in sorted(view.trees, key=lambda t: -t.z):
        crowns.append(crown(easel, tree, lot, sunny, overcast))
    sun = easel.sun_at
    return Scenery(
        lens=easel.lens,
        sun=(float(sun[0]), float(sun[1]), float(sun[2])),
        sunny=sunny,
        overcast=overcast,
        lit=easel.sunlit_ground(),
        screens=tuple(easel.screens),
        crowns=tuple(crowns),
        script=view.script,
    )

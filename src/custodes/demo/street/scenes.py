# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which place a view shows."""

import numpy as np

from custodes.demo.street.scenery import Scenery
from custodes.demo.street.shopping import shopping
from custodes.demo.street.square import square
from custodes.demo.street.stop import stop


def build(seed: int, view: int) -> Scenery:
    """Put up the scenery of a view: 0 a square, 1 a shopping street, 2 a tram stop, and again."""
    return (square, shopping, stop)[view % 3](np.random.default_rng((seed, view, 1)))

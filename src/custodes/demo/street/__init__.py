# SPDX-License-Identifier: AGPL-3.0-or-later
"""A street the project renders itself, with exact ground truth."""

from custodes.demo.street.palette import FORBIDDEN_CHROMA
from custodes.demo.street.street import RATE, Person, Street, Truth

__all__ = ["FORBIDDEN_CHROMA", "RATE", "Person", "Street", "Truth"]

# SPDX-License-Identifier: AGPL-3.0-or-later
"""Compile with numba, and keep the result beside the source or in the user's cache where that can be written."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile ``function`` when it is first called; without a place for the cache, anew in every process."""
    try:
        return cast(F, numba.njit(cache=True)(function))
    except RuntimeError:
        return cast(F, numba.njit(function))

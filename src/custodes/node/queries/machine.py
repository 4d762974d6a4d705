# SPDX-License-Identifier: AGPL-3.0-or-later
"""This machine: whether its clock can be believed, and which of the node's processes are running."""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass

from custodes.clock import SECOND, Instant
from custodes.node.config import Layout

_2020 = 1_577_836_800 * SECOND
_STA_UNSYNC = 0x40
_TIME_ERROR = 5


class _Timex(ctypes.Structure):
    """``struct timex`` of Linux (adjtimex(2)); ``modes`` 0 only reads. Errors are microseconds."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        *((name, ctypes.c_long) for name in ("offset", "freq", "maxerror", "esterror")),
        ("status", ctypes.c_int),
        *((name, ctypes.c_long) for name in ("constant", "precision", "tolerance", "seconds", "microseconds", "tick")),
        *((name, ctypes.c_long) for name in ("ppsfreq", "jitter")),
        ("shift", ctypes.c_int),
        *((name, ctypes.c_long) for name in ("stabil", "jitcnt", "calcnt", "errcnt", "stbcnt")),
        ("tai", ctypes.c_int),
        ("reserved", ctypes.c_int * 11),
    )


@dataclass(frozen=True, slots=True)
class ClockState:
    """Whether something keeps this machine's clock right (None: the system does not say), and how well.

    ``error_us``: the kernel's own estimate in microseconds, None where it has none. ``problem`` is one sentence, or
    empty.
    """

    synchronised: bool | None
    error_us: int | None
    problem: str


def _adjtimex(timex: _Timex) -> int:
    return int(ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex)))


def clock_state(now: Instant, adjtimex: Callable[[_Timex], int] = _adjtimex) -> ClockState:
    """Ask the kernel how it thinks of its clock."""
    timex = _Timex()
    try:
        state = adjtimex(timex)
    except (OSError, AttributeError):
        state = -1
    known = state >= 0
    synchronised = not (timex.status & _STA_UNSYNC or state == _TIME_ERROR) if known else None
    problem = ""
    if now < _2020:
        problem = "this machine's clock shows a year before 2020: nothing it writes down can be placed in time"
    elif synchronised is False:
        problem = "this machine's clock is not synchronised: set up NTP"
    return ClockState(synchronised, int(timex.esterror) if synchronised else None, problem)


def processes(layout: Layout) -> dict[str, bool]:
    """Per process that has ever run here whether it runs now: whether somebody holds its lock (proc(5), locks)."""
    try:
        with open("/proc/locks") as table:  # noqa: PTH123 - a table of the kernel, no file
            held = {words[5].rpartition(":")[2] for line in table if (words := line.split())[1] == "FLOCK"}
    except OSError:
        return {}
    found = sorted((layout.root / "run").glob("*.lock"))
    return {path.stem: str(path.stat().st_ino) in held for path in found}

# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the node says of its own machine: the clock, and which processes run."""

import ctypes
import os
from pathlib import Path

import pytest

from custodes.clock import SECOND, Instant
from custodes.node.config import Layout
from custodes.node.queries.machine import ClockState, _Timex, clock_state, processes
from custodes.node.runtime.supervisor import only_one

NOW = Instant(1_790_000_000 * SECOND)


def answering(state: int, status: int = 0, error: int = 0):  # type: ignore[no-untyped-def]
    def adjtimex(timex: _Timex) -> int:
        assert timex.modes == 0, "reads, and sets nothing"
        timex.status, timex.esterror = status, error
        return state

    return adjtimex


def test_a_synchronised_clock_comes_with_the_kernels_estimate() -> None:
    assert clock_state(NOW, answering(0, 0x2001, 812)) == ClockState(True, 812, "")


@pytest.mark.parametrize(("state", "status"), [(5, 0), (0, 0x40), (5, 0x40)])
def test_a_clock_that_nothing_sets_is_said(state: int, status: int) -> None:
    found = clock_state(NOW, answering(state, status, 16_000_000))
    assert (found.synchronised, found.error_us) == (False, None)
    assert "NTP" in found.problem


def test_a_system_that_does_not_say_is_not_taken_for_either() -> None:
    assert clock_state(NOW, answering(-1)) == ClockState(None, None, "")


def test_a_clock_before_2020_is_noticed_whatever_the_kernel_says() -> None:
    for state in (0, -1):
        assert "before 2020" in clock_state(Instant(1_500_000_000 * SECOND), answering(state)).problem


def test_this_machine_answers_and_its_answer_has_the_kernels_size() -> None:
    # 208 bytes: struct timex of 64-bit Linux (include/uapi/linux/timex.h).
    assert ctypes.sizeof(_Timex) == (208 if ctypes.sizeof(ctypes.c_long) == 8 else 128)
    found = clock_state(NOW)
    assert found.synchronised in (True, False, None)
    assert (found.error_us is not None) == (found.synchronised is True)


def test_a_process_runs_as_long_as_it_holds_its_lock(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert processes(layout) == {}
    os.close(only_one(tmp_path, "masker"))
    held = only_one(tmp_path, "recorder")
    try:
        assert processes(layout) == {"masker": False, "recorder": True}
    finally:
        os.close(held)
    assert processes(layout) == {"masker": False, "recorder": False}

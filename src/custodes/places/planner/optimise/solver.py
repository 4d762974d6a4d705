# SPDX-License-Identifier: AGPL-3.0-or-later
"""Have a program solved in a process of its own, which is killed when it does not come back."""

import io
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from custodes.errors import CustodesError, Kind, unavailable
from custodes.places.planner.optimise.milp import Program

GAP = 1e-4
"""Relative distance between plan and proven bound at which the search may end."""
_GRACE = 15.0
"""Seconds beyond the limit before the process is killed: starting it, and HiGHS looking at its clock."""


@dataclass(frozen=True)
class Solution:
    """``objective`` is the value found, ``bound`` what nobody can go below (proven by the solver's search)."""

    values: npt.NDArray[np.float64]
    duals: npt.NDArray[np.float64]
    objective: float
    bound: float

    @property
    def gap(self) -> float:
        """Relative distance between the two; 0 where both are 0."""
        return max(0.0, self.objective - self.bound) / max(abs(self.objective), 1e-9)


class InfeasibleError(CustodesError):
    """No plan keeps all the rows."""

    def __init__(self) -> None:
        super().__init__(Kind.CONFLICT, "no plan meets all purposes within the budgets")


def solved(program: Program, *, seconds: float, whole: bool = True, gap: float = GAP) -> Solution:
    """Solve; raises ``InfeasibleError``, or UNAVAILABLE if the solver was killed or found nothing in time."""
    packed = io.BytesIO()
    np.savez(packed, **program.arrays(), mode=np.array([float(whole), seconds, gap]))
    words = [sys.executable, "-m", "custodes.places.planner.optimise.process"]
    path = os.pathsep.join([each for each in sys.path if each])
    try:
        ended = subprocess.run(
            words,
            input=packed.getvalue(),
            capture_output=True,
            timeout=seconds + _GRACE,
            check=False,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        )
    except subprocess.TimeoutExpired:
        raise unavailable(
            f"the solver did not end within {seconds:.0f} s and was stopped: allow more (--seconds) or declare less"
        ) from None
    if ended.returncode < 0:
        raise unavailable(
            f"the solver was killed (signal {-ended.returncode}): is there enough memory? nothing was planned"
        )
    if ended.returncode:
        last = ended.stderr.decode(errors="replace").strip().splitlines()
        raise unavailable(f"the solver failed: {last[-1] if last else 'it says nothing'}")
    try:
        answer = np.load(io.BytesIO(ended.stdout), allow_pickle=False)
    except (ValueError, EOFError):
        raise unavailable("the solver gave no answer that can be read") from None
    return _understood(answer, seconds)


def _understood(answer: Any, seconds: float) -> Solution:
    status = str(answer["status"][0])
    objective, bound = (float(each) for each in answer["figures"])
    if status in ("kInfeasible", "kUnboundedOrInfeasible"):
        raise InfeasibleError
    if status not in ("kOptimal", "kTimeLimit") or not len(answer["values"]) or not np.isfinite(objective):
        raise unavailable(
            f"the solver found no plan within {seconds:.0f} s: allow more time (--seconds) or declare less"
        )
    return Solution(answer["values"], answer["duals"], objective, bound)

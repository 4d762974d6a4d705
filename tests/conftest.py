# SPDX-License-Identifier: AGPL-3.0-or-later
"""What all tests share: where real footage lies, and that nothing is skipped for want of a tool where all are there."""

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).parent.parent.parent / "shared"
_COMPLETE = os.environ.get("CUSTODES_TESTS_COMPLETE") == "1"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    """With CUSTODES_TESTS_COMPLETE=1 a skip is a failure: the machine was to have every tool."""
    report = yield
    if _COMPLETE and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may skip: {call.excinfo and call.excinfo.value}"
    return report

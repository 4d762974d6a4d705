# SPDX-License-Identifier: AGPL-3.0-or-later
"""What holds in every test of this folder: nothing that was said anywhere holds a camera's password."""

import logging
from collections.abc import Iterator

import pytest
from tests.camera_watch import PASSWORD


@pytest.fixture(autouse=True)
def nothing_tells_the_password(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Standard output, standard error and the log of each test are searched."""
    caplog.set_level(logging.DEBUG)
    yield
    out, err = capfd.readouterr()
    assert PASSWORD not in out + err + caplog.text

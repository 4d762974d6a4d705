# SPDX-License-Identifier: AGPL-3.0-or-later
"""A child process's ear: lines on standard input, and the end of whoever started it."""

import asyncio
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PARENT_CHECK_S = 0.5
_MAX_LINE = 4096


@contextmanager
def watch(
    loop: asyncio.AbstractEventLoop, on_line: Callable[[str], None], on_end: Callable[[], None]
) -> Iterator[None]:
    """Call ``on_line`` for each line, and ``on_end`` when a piped standard input ends or the parent process dies.

    A standard input that is a file or ``/dev/null`` is left alone: it says nothing about the parent.
    """
    pending = bytearray()
    parent = os.getppid()
    descriptor = _listenable()
    timer: asyncio.TimerHandle | None = None

    def readable() -> None:
        data = os.read(0, _MAX_LINE)
        if not data or len(pending) > _MAX_LINE:
            loop.remove_reader(0)
            on_end()
            return
        pending.extend(data)
        while (length := pending.find(b"\n")) >= 0:
            line = pending[:length].decode("utf-8", "replace")
            del pending[: length + 1]
            on_line(line)

    def check() -> None:
        nonlocal timer
        if os.getppid() != parent:
            on_end()
            return
        timer = loop.call_later(_PARENT_CHECK_S, check)

    if descriptor:
        loop.add_reader(0, readable)
    check()
    try:
        yield
    finally:
        if timer is not None:
            timer.cancel()
        if descriptor:
            loop.remove_reader(0)


def _listenable() -> bool:
    """Tell whether standard input is a pipe, a socket or a terminal."""
    if sys.stdin is None:
        return False
    mode = os.fstat(0).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(0)

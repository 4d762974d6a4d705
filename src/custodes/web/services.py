# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the web is given by whoever starts it (``cli`` or ``demo``)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from custodes.clock import Clock, SystemClock
from custodes.domain.feeds import LiveFeeds
from custodes.node.queries import Store


class TourState(Enum):
    """How far a step of the demonstration is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class TourStep:
    """One step of the demonstration's story, as ``/tour`` shows it.

    ``command`` is what ran (empty: nothing to run), ``output`` what it printed, ``link`` a page to look at: a path of
    this server, or empty. ``place`` says whose machine acts, for example ``custodian 1``.
    """

    title: str
    state: TourState
    text: str
    place: str = ""
    command: str = ""
    output: str = ""
    link: str = ""
    link_text: str = ""


@dataclass(frozen=True, slots=True)
class Services:
    """The store's handle, live masked video, and, in the demonstration only, the story so far."""

    store: Store
    feeds: LiveFeeds
    tour: Callable[[], list[TourStep]] | None = None
    clock: Clock = field(default_factory=SystemClock)

# SPDX-License-Identifier: Apache-2.0
"""What the web may know of live video: masked fragments and covers, nothing else."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from custodes.clock import Instant
from custodes.domain.ids import CameraId
from custodes.domain.video import Cover, Fragment, InitSegment

NOT_CONFIRMED = "not confirmed: the steward has not looked at this scene yet"
"""The detail of a state in which a picture is shown though nobody has certified it."""


@dataclass(frozen=True, slots=True)
class FeedState:
    """A camera's live state: shown or covered, and why; ``since`` is when that began."""

    camera: CameraId
    cover: Cover | None
    since: Instant
    detail: str


FeedEvent: TypeAlias = InitSegment | Fragment | FeedState


class LiveFeeds(Protocol):
    """Live masked video of all cameras; wired by ``cli`` and ``demo``."""

    def subscribe(self, camera: CameraId) -> AbstractAsyncContextManager[AsyncIterator[FeedEvent]]:
        """Open a camera's feed: its state, the init segment, the fragments since the last key picture, then live.

        A slow reader loses its oldest fragments and gets a new start at a key picture. When the masker goes away the
        reader is told with a ``FeedState`` (``Cover.MASKER_DOWN``) within two seconds.
        """
        ...

    def state(self, camera: CameraId) -> FeedState:
        """The camera's state now."""
        ...

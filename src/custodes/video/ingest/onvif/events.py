# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a camera says of itself: that it is being turned, that something is wrong with its view (ONVIF Core, 9).

Cameras also send events about people: motion, lines that were crossed, faces, number plates. A message is judged by its
topic alone, and of every topic that is not listed here nothing else is read.
"""

import contextlib
import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from xml.etree.ElementTree import Element, tostring
from xml.sax.saxutils import escape

from custodes.clock import SECOND, Instant
from custodes.errors import corrupt, unavailable
from custodes.video.ingest.onvif import markup
from custodes.video.ingest.onvif.device import EVENTS, Device
from custodes.video.ingest.onvif.http import Place
from custodes.video.ingest.onvif.soap import RefusedError

_NOTIFICATION = "http://docs.oasis-open.org/wsn/b-2"
_ADDRESSING = "http://www.w3.org/2005/08/addressing"
_PULL = f"{EVENTS}/PullPointSubscription"
_LASTS = "PT60S"
_MAX_MESSAGES = 256
_MAX_REFERENCE = 4_096


class EventKind(Enum):
    """What a camera can tell."""

    PTZ_MOVING = "ptz moving"
    TAMPER = "tamper"


@dataclass(frozen=True, slots=True)
class CameraEvent:
    """``active``: it begins or goes on; False: it is over. ``at``: by the camera's own clock, None if it says none."""

    kind: EventKind
    active: bool
    at: Instant | None


_TOPICS = (
    (
        re.compile(r"VideoSource/(GlobalSceneChange|ImageTooBlurry|ImageTooDark|ImageTooBright)(/\w+)?"),
        EventKind.TAMPER,
    ),
    (re.compile(r"(RuleEngine|VideoAnalytics)/TamperDetector(/\w+)?|VideoSource/Tampering(/\w+)?"), EventKind.TAMPER),
    (re.compile(r"PTZController/(Move|PTZPresets|PTZStatus|AutoTracking)(/\w+)*"), EventKind.PTZ_MOVING),
)
_ENDS = ("Reached", "Aborted", "Left")
"""Last words of preset topics (ONVIF PTZ, 8): the movement is over."""
_TRUE = ("true", "1", "moving", "on")


class PullPoint:
    """A subscription to a device's events; ``close`` ends it. Use from one thread."""

    def __init__(self, device: Device) -> None:
        """Subscribe. Raises ``CustodesError``: UNAVAILABLE if the device has no events."""
        service = device.service(EVENTS)
        if service is None:
            raise unavailable(f"{device.client.place} has no event service")
        self._client = device.client
        answer = self._call(service, EVENTS, "CreatePullPointSubscription", self._lasting("x:InitialTerminationTime"),
                            f"{EVENTS}/EventPortType/CreatePullPointSubscriptionRequest")  # fmt: skip
        reference = markup.find(answer, "SubscriptionReference")
        self._place = device.place_of(markup.text(reference, "Address"))
        parameters = markup.find(reference, "ReferenceParameters")
        # Some devices tell their subscriptions apart by what stands here and not by the address.
        self._reference = "".join(tostring(each, encoding="unicode") for each in parameters or ())
        if len(self._reference) > _MAX_REFERENCE:
            raise corrupt(f"{device.client.place} names a subscription that is too long")

    def pull(self, wait_s: int) -> list[CameraEvent]:
        """Wait up to ``wait_s`` seconds for events, and keep the subscription for another minute.

        Raises ``CustodesError`` if the device does not answer, or has forgotten the subscription: subscribe again.
        """
        body = f"<x:Timeout>PT{wait_s}S</x:Timeout><x:MessageLimit>{_MAX_MESSAGES}</x:MessageLimit>"
        answer = self._call(self._place, EVENTS, "PullMessages", body, f"{_PULL}/PullMessagesRequest", wait_s + 10)
        # With some devices each pull renews, and Renew is not known (ONVIF Core, 9.1.2).
        with contextlib.suppress(RefusedError):
            self._call(self._place, _NOTIFICATION, "Renew", self._lasting("x:TerminationTime"),
                       f"{_NOTIFICATION}w-2/SubscriptionManager/RenewRequest")  # fmt: skip
        found = [_event(each) for each in list(markup.every(answer, "NotificationMessage"))[:_MAX_MESSAGES]]
        return [event for event in found if event is not None]

    def close(self) -> None:
        """End the subscription; raises ``CustodesError`` if the device does not answer (it ends by itself then)."""
        action = f"{_NOTIFICATION}w-2/SubscriptionManager/UnsubscribeRequest"
        self._call(self._place, _NOTIFICATION, "Unsubscribe", "", action)

    @staticmethod
    def _lasting(name: str) -> str:
        return f"<{name}>{_LASTS}</{name}>"

    def _call(
        self, place: Place, namespace: str, operation: str, body: str, action: str, timeout_s: float = 0.0
    ) -> Element:
        header = (
            f'<a:Action xmlns:a="{_ADDRESSING}">{action}</a:Action>'
            f'<a:To xmlns:a="{_ADDRESSING}">{"https" if place.tls else "http"}://{place.host}:{place.port}'
            f"{escape(place.path)}</a:To>{getattr(self, '_reference', '')}"
        )
        return self._client.call(place, namespace, operation, body, header=header, action=action, timeout_s=timeout_s)


def _event(message: Element) -> CameraEvent | None:
    """The event of a notification; None for every topic that is not ours to know."""
    topic = re.sub(r"\w+:", "", markup.text(message, "Topic"))
    kind = next((kind for pattern, kind in _TOPICS if pattern.fullmatch(topic)), None)
    inner = markup.find(message, "Message", "Message")
    if kind is None or inner is None:
        return None
    return CameraEvent(kind, _active(topic, inner), _moment(inner.get("UtcTime", "")))


def _active(topic: str, inner: Element) -> bool:
    if topic.rpartition("/")[2] in _ENDS:
        return False
    if inner.get("PropertyOperation") == "Deleted":
        return False
    values = [item.get("Value", "").lower() for item in markup.every(inner, "SimpleItem") if _is_state(item)]
    return any(value in _TRUE for value in values) if values else True


def _is_state(item: Element) -> bool:
    return bool(re.fullmatch(r"(?i)state|is_?moving|moving|is_?tamper\w*|tampering|logicalstate", item.get("Name", "")))


def _moment(text: str) -> Instant | None:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None or not 1970 <= moment.year < 2200:
            return None
        return Instant(int(moment.timestamp()) * SECOND)
    except ValueError:
        return None

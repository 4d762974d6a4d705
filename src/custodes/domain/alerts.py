# SPDX-License-Identifier: Apache-2.0
"""What an administrator may be told of: cameras and machines, never people."""

from enum import Enum


class AlertKind(Enum):
    """What an alert is about; the values stand in messages and on the command line."""

    DOWN = "down"
    DEGRADED = "degraded"
    TAMPER = "tamper"
    EXPIRING_30 = "expiring-30"
    EXPIRING_7 = "expiring-7"
    EXPIRING_1 = "expiring-1"
    EXPIRED = "expired"
    RECORDER = "recorder"
    MASKER = "masker"
    CLOCK = "clock"
    WITNESS = "witness"
    ALARM = "alarm"


EXPIRY = (AlertKind.EXPIRING_30, AlertKind.EXPIRING_7, AlertKind.EXPIRING_1, AlertKind.EXPIRED)
"""Steps of one matter: a later one takes the place of an earlier one."""

# SPDX-License-Identifier: AGPL-3.0-or-later
"""When a reader may nap: only if nothing is left at the camera."""

from custodes.video.ingest.reader import Pace

FRAME = 3600
FRAME_NS = 40_000_000
HOUR_NS = 3600 * 1_000_000_000


def feed(pace: Pace, delays_ns: list[int], first: int = 0, begin_ns: int = 0) -> list[bool]:
    """One picture every 40 ms of the camera's time, each read with its delay."""
    return [
        pace.behind((first + index) * FRAME, begin_ns + index * FRAME_NS + delay)
        for index, delay in enumerate(delays_ns)
    ]


def test_a_burst_after_a_nap_is_not_behind_once_it_is_read() -> None:
    delays = [250, 210, 170, 130, 90, 50, 10] * 10
    behind = feed(Pace(), [0, *(delay * 1_000_000 for delay in delays)])
    assert behind[1:8] == [True, True, False, False, False, False, False]


def test_who_falls_behind_more_and_more_must_not_nap() -> None:
    behind = feed(Pace(), [index * 20_000_000 for index in range(100)])
    assert not any(behind[:10])
    assert all(behind[12:])


def test_a_camera_whose_clock_is_slow_does_not_keep_the_reader_awake() -> None:
    pace = Pace()
    drift = [index * FRAME_NS // 20_000 for index in range(HOUR_NS // FRAME_NS * 3)]
    assert drift[-1] > 500_000_000
    assert not any(feed(pace, drift))


def test_a_leap_of_the_cameras_clock_is_taken_as_a_new_beginning() -> None:
    pace = Pace()
    feed(pace, [0] * 50)
    assert not any(feed(pace, [0] * 50, first=10_000_000, begin_ns=50 * FRAME_NS))
    assert not any(feed(pace, [0] * 50, first=0, begin_ns=100 * FRAME_NS))


def test_a_picture_without_time_says_nothing() -> None:
    assert not Pace().behind(None, 10**18)

# SPDX-License-Identifier: AGPL-3.0-or-later
"""What was hidden or recalled is served nowhere, and what cannot be checked is not shown."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.browser.web_house import House, fill_past, house, picture, slot_of

from custodes.clock import MILLISECOND, SECOND, FakeClock, Instant
from custodes.domain.hiding import Verdict
from custodes.domain.ids import CameraId, Term
from custodes.domain.video import Cover
from custodes.errors import CustodesError, Kind
from custodes.node.acts import masks
from custodes.node.acts.zones import set_zones
from custodes.node.queries import hidden, playback, zones
from custodes.node.queries import masks as mask_queries
from custodes.node.queries.hidden import BarWatch, Stage
from custodes.node.queries.views import SpanKind
from custodes.node.runtime import states
from custodes.node.store import mask_tables, tables
from custodes.video.encode.still import still

LENGTH = 60 * SECOND
ME = "person who must not be named"
BASE = "/p/"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path, FakeClock(), count=2) as found:
        yield found


def past(found: House) -> tuple[Instant, Instant]:
    """A minute of the first camera's masked video, across a minute of the clock, which ended a while ago."""
    end = Instant(slot_of(found.clock.now()) // (60 * SECOND) * 60 * SECOND - 90 * SECOND)
    start = Instant(end - LENGTH)
    fill_past(found, 0, start, end, {})
    return start, end


def listed(found: House, start: Instant, end: Instant) -> list[tuple[int, int, int]]:
    """What the playlist names: start of the minute (ms), term, number."""
    lines = playback.playlist(found.store, found.cameras[0], start, end, BASE).splitlines()
    names = [line.removeprefix(BASE).removesuffix(".m4s") for line in lines if line.endswith(".m4s")]
    parts = [name.replace("/", "-").split("-") for name in names]
    return [(int(minute), int(term), int(number)) for minute, term, number in parts]


def whole(found: House, start: Instant, end: Instant) -> dict[tuple[int, int, int], tuple[int, int]]:
    """Every playback segment that is stored, hidden or not, and its beginning and end in ns."""
    camera = found.cameras[0]
    return {
        (minute.start_ms, minute.term, number): (
            segment[0].start_ms * MILLISECOND,
            (segment[-1].start_ms + segment[-1].duration_ms) * MILLISECOND,
        )
        for minute in playback.minutes(found.store, camera, start, end)
        for number, segment in enumerate(minute.segments())
    }


def refusal(kind: Kind) -> "pytest.RaisesContext[CustodesError]":
    return pytest.RaisesExc(CustodesError, check=lambda problem: problem.kind is kind)


@pytest.mark.parametrize(
    ("first", "last"),
    [(10_000, 12_000), (9_999, 10_001), (0, 60_000), (-50_000, 1), (59_999, 99_000), (29_800, 30_200), (20_000, None)],
)
def test_no_piece_that_overlaps_a_hidden_window_is_listed_or_served(here: House, first: int, last: int | None) -> None:
    start, end = past(here)
    camera = here.cameras[0]
    every = whole(here, start, end)
    assert listed(here, start, end) == list(every)
    begin = Instant(start + first * MILLISECOND)
    until = None if last is None else Instant(start + last * MILLISECOND)
    masks.hide(here.store, camera, ME, begin, until)
    forever = Instant(1 << 62)
    gone = [name for name, (at, over) in every.items() if at < (until or forever) and over > begin]
    assert gone
    assert listed(here, start, end) == [name for name in every if name not in gone]
    for name in every:
        if name in gone:
            with refusal(Kind.DENIED):
                playback.segment(here.store, camera, *name)
        else:
            assert playback.segment(here.store, camera, *name)[4:8] == b"moof"


def test_the_masked_copy_of_a_disclosure_lacks_every_hidden_fragment_and_begins_again_at_a_key_picture(
    here: House,
) -> None:
    start, end = past(here)
    camera = here.cameras[0]
    _, before = playback.window(here.store, camera, start, end)
    masks.hide(here.store, camera, ME, Instant(start + 10 * SECOND), Instant(start + 11 * SECOND))
    _, after = playback.window(here.store, camera, start, end)
    stored = [fragment for minute in playback.minutes(here.store, camera, start, end) for fragment in minute.fragments]
    kept = [
        number
        for number, fragment in enumerate(stored)
        if fragment.start_ms + fragment.duration_ms <= start // MILLISECOND + 10_000
        or fragment.start_ms >= start // MILLISECOND + 12_000
    ]
    assert len(before) == len(stored)
    assert after == [before[number] for number in kept]


def test_a_hidden_stretch_is_lifted_by_the_steward_alone_and_not_by_showing_the_live_picture(here: House) -> None:
    start, end = past(here)
    camera = here.cameras[0]
    every = listed(here, start, end)
    window = masks.hide(here.store, camera, ME, start)
    assert [view.stage for view in hidden.every(here.store)] == [Stage.LIVE]
    with refusal(Kind.CONFLICT):
        masks.decide_hidden(here.store, window, Verdict.LIFTED, ME)
    masks.show(here.store, camera, ME)
    assert [view.stage for view in hidden.every(here.store)] == [Stage.OPEN]
    assert listed(here, start, end) == []
    masks.decide_hidden(here.store, window, Verdict.KEPT, ME)
    assert [view.stage for view in hidden.every(here.store)] == [Stage.KEPT]
    assert listed(here, start, end) == []
    masks.decide_hidden(here.store, window, Verdict.LIFTED, ME)
    assert [view.stage for view in hidden.every(here.store)] == [Stage.LIFTED]
    assert listed(here, start, end) == every
    with refusal(Kind.CONFLICT):
        masks.decide_hidden(here.store, window, Verdict.KEPT, ME)
    masks.hide(here.store, camera, ME, start)
    assert listed(here, start, end) == []


def test_another_camera_is_not_hidden_along(here: House) -> None:
    start, end = past(here)
    every = listed(here, start, end)
    masks.hide(here.store, here.cameras[1], ME, start)
    assert listed(here, start, end) == every
    bars = BarWatch(here.store)
    bars.look()
    assert [bars.cover(camera, "test") for camera in here.cameras] == [None, Cover.HIDDEN]


def test_the_timeline_says_what_is_hidden_and_what_was_recalled(here: House) -> None:
    start, end = past(here)
    camera = here.cameras[0]
    masks.hide(here.store, camera, ME, Instant(start + 20 * SECOND), Instant(start + 30 * SECOND))

    def told() -> list[tuple[SpanKind, str, int]]:
        spans = playback.timeline(here.store, camera, start, end)
        return [(span.kind, span.cause, (span.end - span.start) // SECOND) for span in spans]

    hid = (SpanKind.HIDDEN, Cover.HIDDEN.value, 10)
    assert told() == [(SpanKind.SHOWN, "", 20), hid, (SpanKind.SHOWN, "", 30)]
    masks.recall(here.store, "test", ME)
    assert told() == [(SpanKind.HIDDEN, Cover.RECALLED.value, 60)]


def test_what_a_recalled_masker_writes_after_the_recall_is_not_served_either(here: House) -> None:
    start, end = past(here)
    camera = here.cameras[0]
    masks.recall(here.store, "test", ME)
    assert listed(here, start, end) == []
    # A process that has not heard of it goes on writing; its pictures carry its version.
    late = Instant(end + 20 * SECOND)
    fill_past(here, 0, end, late, {})
    assert listed(here, start, late) == []
    names = list(whole(here, start, late))
    assert len(names) > 15
    # Not even under a row that calls them another version's: each fragment says itself what made it.
    with here.store.begin() as connection:
        connection.execute(sa.update(tables.masked_minutes).values(masker="another"))
    assert listed(here, start, late) == names
    for name in names:
        with refusal(Kind.DENIED):
            playback.segment(here.store, camera, *name)
    assert playback.window(here.store, camera, start, late)[1] == []


def test_a_recall_is_for_versions_that_are_known_here_once_and_for_good(here: House) -> None:
    past(here)
    with refusal(Kind.NOT_FOUND):
        masks.recall(here.store, "tset", ME)
    masks.recall(here.store, "test", ME)
    with refusal(Kind.CONFLICT):
        masks.recall(here.store, "test", ME)
    assert [each.masker for each in hidden.recalls(here.store)] == ["test"]
    assert hidden.made_by(here.store, "test") == 2


def test_a_still_of_a_recalled_masker_is_neither_shown_nor_certified(here: House) -> None:
    camera = here.cameras[0]
    past(here)
    here.learn(camera, 100)
    assert mask_queries.candidate(here.store, camera).picture is not None
    masks.recall(here.store, "test", ME)
    assert mask_queries.candidate(here.store, camera).picture is None
    with refusal(Kind.CONFLICT):
        masks.certify(here.store, camera, ME)
    now = here.clock.now()
    sealed = here.store.encrypt(still(picture(now, 0, None, "empty")), f"candidate {camera}")
    with here.store.begin() as connection:
        states.candidate(camera, sealed, now, 100, "newer")(connection)
    masks.certify(here.store, camera, ME)


@pytest.mark.parametrize(("start", "until"), [(1, None), (1, 2), (-20, -20), (-20, -30)])
def test_a_window_that_is_none_or_has_not_begun_cannot_be_hidden(here: House, start: int, until: int | None) -> None:
    now = here.clock.now()
    with refusal(Kind.INVALID):
        masks.hide(
            here.store,
            here.cameras[0],
            ME,
            Instant(now + start * SECOND),
            None if until is None else Instant(now + until * SECOND),
        )
    assert hidden.every(here.store) == []


def test_a_second_click_on_the_same_pictures_is_told_that_they_are_hidden(here: House) -> None:
    camera, now = here.cameras[0], here.clock.now()
    masks.hide(here.store, camera, ME)
    for start, until in ((None, None), (Instant(now - 20 * SECOND), None), (None, Instant(now - SECOND))):
        with refusal(Kind.CONFLICT):
            masks.hide(here.store, camera, ME, start, until)
    masks.hide(here.store, camera, ME, Instant(now - 40 * SECOND))
    assert len(hidden.every(here.store)) == 2
    # One look of the steward ends both.
    masks.show(here.store, camera, ME)
    assert [view.until for view in hidden.every(here.store)] == [now, now]
    with refusal(Kind.CONFLICT):
        masks.show(here.store, camera, ME)


def test_a_hidden_window_has_expired_when_nothing_of_it_is_left(here: House) -> None:
    start, end = past(here)
    masks.hide(here.store, here.cameras[0], ME, start, end)
    assert [view.stage for view in hidden.every(here.store)] == [Stage.OPEN]
    with here.store.begin() as connection:
        connection.execute(sa.delete(tables.masked_minutes))
    assert [view.stage for view in hidden.every(here.store)] == [Stage.EXPIRED]


def test_live_pictures_are_covered_while_the_catalogue_cannot_be_read(here: House) -> None:
    camera = here.cameras[0]
    bars = BarWatch(here.store)
    assert bars.cover(camera, "test") is Cover.UNCHECKED
    bars.look()
    assert bars.cover(camera, "test") is None
    clock = here.clock
    assert isinstance(clock, FakeClock)
    clock.advance(hidden.FRESH)
    assert bars.cover(camera, "test") is None
    clock.advance(1)
    assert bars.cover(camera, "test") is Cover.UNCHECKED
    bars.look()
    assert bars.cover(camera, "test") is None
    with here.store.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE recalled_maskers RENAME TO gone")
    bars.look()
    assert bars.cover(camera, "test") is Cover.UNCHECKED
    with here.store.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO recalled_maskers")
    bars.look()
    assert bars.cover(camera, "test") is None


def test_recordings_are_not_served_while_the_catalogue_does_not_say_what_is_hidden(here: House) -> None:
    camera, clock = here.cameras[0], here.clock
    past(here)
    with here.store.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE recalled_maskers RENAME TO gone")
    start = Instant(clock.now() - SECOND)
    for ask in (
        lambda: playback.playlist(here.store, camera, start, clock.now(), BASE),
        lambda: playback.timeline(here.store, camera, start, clock.now()),
        lambda: hidden.bars(here.store, camera, start, clock.now()),
    ):
        with refusal(Kind.UNAVAILABLE):
            ask()


def test_the_log_names_camera_window_and_version_and_nobody(here: House) -> None:
    past(here)
    camera = here.cameras[0]
    window = masks.hide(here.store, camera, ME)
    masks.show(here.store, camera, ME)
    masks.decide_hidden(here.store, window, Verdict.KEPT, ME)
    masks.recall(here.store, "test", ME)
    rows = here.store.read(sa.select(tables.log_entries.c.data).order_by(tables.log_entries.c.seq.desc()).limit(4))
    recalled, decided, shown, hid = (json.loads(row.data) for row in rows)
    assert set(hid) == {"v", "act", "time", "hidden", "camera", "from", "until", "by"}
    assert (hid["hidden"], hid["camera"], hid["until"]) == (window, camera, None)
    assert set(shown) == {"v", "act", "time", "camera", "by"}
    assert (set(decided), decided["verdict"]) == ({"v", "act", "time", "hidden", "verdict", "by"}, "kept")
    assert (set(recalled), recalled["masker"]) == ({"v", "act", "time", "masker", "by"}, "test")
    assert not any(ME.encode() in row.data for row in rows)


def test_zones_replace_those_from_before_and_one_that_cannot_be_read_hinders_no_other(here: House) -> None:
    first, second = here.cameras
    corner = (((0, 0), (5_000, 0), (0, 5_000)),)
    set_zones(here.store, first, corner)
    set_zones(here.store, second, corner)
    set_zones(here.store, first, ())
    assert zones.every(here.store) == {first: (), second: corner}
    assert zones.of(here.store, second) == corner
    with here.store.begin() as connection:
        newest = mask_tables.privacy_zones
        connection.execute(sa.update(newest).where(newest.c.camera == second).values(document=b"{}"))
    assert zones.every(here.store) == {first: (), second: None}
    with refusal(Kind.NOT_FOUND):
        set_zones(here.store, CameraId("a" * 26), corner)
    with refusal(Kind.INVALID):
        set_zones(here.store, first, (((0, 0), (1, 1)),))


def test_masked_fragments_stills_and_references_lie_encrypted_and_stamped(here: House) -> None:
    start, end = past(here)
    camera = here.cameras[0]
    here.learn(camera, 100)
    row = here.store.read(sa.select(tables.masked_minutes).where(tables.masked_minutes.c.camera == camera))[0]
    minute = playback.minutes(here.store, camera, start, end)[0]
    found = playback.read_fragment(here.store, camera, Instant(row.start), Term(row.term), minute.fragments[0])
    assert (row.masker, found.masker) == ("test", "test")
    objects = [path.read_bytes() for path in (here.store.layout.store / "masked").rglob("*.masked")]
    kept = here.store.read(sa.select(tables.candidates))[0]
    assert kept.masker == "test"
    plain = mask_queries.candidate(here.store, camera).picture
    assert plain is not None
    assert plain[:2] == b"\xff\xd8"
    for stored in (*objects, kept.picture):
        assert found.data[:200] not in stored
        assert b"mdat" not in stored
        assert plain[:64] not in stored

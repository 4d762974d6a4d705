# SPDX-License-Identifier: AGPL-3.0-or-later
"""Nothing lost: a recorder that is killed leaves a period that recovery closes, and begins another one."""

from pathlib import Path

import pytest
from tests.node_town import Crash, Town, refused, until

from custodes.domain.ids import PeriodId
from custodes.node.queries import custody, periods
from custodes.node.store import names
from custodes.trust.seal.manifest import CloseReason, ClosingManifest, OpeningManifest, parse_closing, parse_opening
from custodes.trust.verify.segment import verify_segment


def manifests(town: Town, period: PeriodId) -> tuple[OpeningManifest, ClosingManifest]:
    recorders = custody.parsed_policy(town.store).recorder_keys
    opening, closing = (town.store.objects.get(name(period)) for name in (names.opening, names.closing))
    return parse_opening(opening, recorders), parse_closing(closing, recorders)


def segment(town: Town, period: PeriodId) -> Path:
    return town.store.objects.local_path(names.segment(period))


def test_a_killed_recorder_loses_nothing_that_was_synced(running: Town, crash: Crash) -> None:
    _, closing = manifests(running, crash.torn)
    assert closing.reason is CloseReason.RECOVERED
    # The last fragment was being gathered or written; what lay some seconds back is all there.
    assert closing.length >= crash.written
    assert closing.length <= segment(running, crash.torn).stat().st_size
    opening, closed = (running.store.objects.get(name(crash.torn)) for name in (names.opening, names.closing))
    verify_segment(segment(running, crash.torn), opening, closed, custody.parsed_policy(running.store)).demand()


def test_what_follows_a_crash_is_a_period_of_its_own_with_a_key_of_its_own(running: Town, crash: Crash) -> None:
    torn, after = manifests(running, crash.torn), manifests(running, crash.after)
    assert crash.after.start > crash.torn.start
    assert after[0].key_commitment != torn[0].key_commitment
    assert after[0].sealed.header.previous == torn[1].digest
    assert after[1].reason is CloseReason.GAP
    assert after[1].gaps
    assert running.store.objects.get(names.shares(crash.after)) != running.store.objects.get(names.shares(crash.torn))


def test_the_minute_after_a_crash_commits_to_the_recovered_period(running: Town, crash: Crash) -> None:
    def placed(period: PeriodId) -> int | None:
        return next((view.log_index for view in periods.closed(running.store) if view.id == period), None)

    until(lambda: placed(crash.torn) is not None and placed(crash.after) is not None, "both are committed to")


def test_a_sealed_segment_is_verified_by_command_and_one_flipped_byte_is_found(
    running: Town, crash: Crash, tmp_path: Path
) -> None:
    paths = [running.store.objects.local_path(name(crash.after)) for name in (names.opening, names.closing)]
    words = ("--opening", paths[0], "--closing", paths[1], "--policy", running.root / "policy")
    assert running.command("verify", "segment", segment(running, crash.after), *words).code == 0
    data = bytearray(segment(running, crash.after).read_bytes())
    data[len(data) // 2] ^= 1
    changed = tmp_path / "changed.segment"
    changed.write_bytes(data)
    ran = running.command("verify", "segment", changed, *words)
    assert ran.code == 1
    assert "FAIL" in ran.output
    assert "Traceback" not in ran.errors
    refused(running.command("verify", "segment", tmp_path / "none", *words), "none")


def test_shards_whose_coordinator_is_killed_close_their_periods_and_recording_begins_again(
    running: Town, crash: Crash
) -> None:
    until(running.shards, "the cameras are recorded")
    left, before = running.shards(), len(running.segments(crash.camera))
    running.kill("recorder")
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left), "the shards have ended")
    until(lambda: len(running.segments(crash.camera)) > before, "recording begins again")
    newest = names.period_of(str(running.segments(crash.camera)[before - 1].relative_to(running.root / "store")))
    assert manifests(running, newest)[1].reason is not CloseReason.RECOVERED


@pytest.mark.parametrize("role", ["sequencer", "web"])
def test_any_other_process_that_is_killed_comes_back(running: Town, role: str) -> None:
    running.kill(role)
    until(
        lambda: running.command("verify", "log", f"{running.url}/log", "--policy", running.root / "policy").code == 0,
        "the log is served and verifies again",
    )

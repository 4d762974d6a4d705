# SPDX-License-Identifier: AGPL-3.0-or-later
"""The masker's whole life in any order: people wear a colour that the place does not have, and it never comes out.

The steward is modelled as somebody who looks: who sees that colour in the still does not certify it.
"""

from itertools import pairwise

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from numpy.typing import NDArray
from tests.mask_rig import BEGIN, HEIGHT, SLOT, WIDTH, Obedient, outlined, scene

from custodes.clock import MILLISECOND, SECOND, Instant
from custodes.domain.video import Cover, Frame, MaskedFrame, SourceTime
from custodes.errors import CustodesError
from custodes.video.mask import palette
from custodes.video.mask.detector import Box, Kind
from custodes.video.mask.masker import Masker
from custodes.video.mask.tuning import Tuning

QUICK = settings(max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SOON = Tuning(
    candidate_time=4 * SECOND,
    candidate_patience=8 * SECOND,
    sample_every=400 * MILLISECOND,
    sample_later=800 * MILLISECOND,
    samples=8,
    samples_needed=5,
    verify=SECOND,
    still_every=SECOND,
    still_later=SECOND,
    first_time=60 * SECOND,
    first_renew=10 * SECOND,
)
LUMA, U, V = 200, 90, 60
"""The people's colour: far from grey, from the place in any light, and from every colour of masks and outlines."""
COVERED = (
    bytes([palette.COVER.y]) * (WIDTH * HEIGHT)
    + bytes([palette.COVER.u]) * (WIDTH * HEIGHT // 4)
    + bytes([palette.COVER.v]) * (WIDTH * HEIGHT // 4)
)
EMPTY = scene()
places = st.tuples(st.integers(0, WIDTH - 24), st.integers(0, HEIGHT - 40))
counts = st.integers(1, 25)
steps = st.sampled_from([40, 200, 200, 1000, 1900, 9000])


def people_in(frame: MaskedFrame) -> NDArray[np.bool_]:
    """Where the people's colour is (half size): by chroma, within more than a codec or the light would change."""
    u, v = np.frombuffer(frame.i420, np.uint8)[WIDTH * HEIGHT :].reshape(2, HEIGHT // 2, WIDTH // 2).astype(int)
    return (np.abs(u - U) <= 12) & (np.abs(v - V) <= 20)


class Life:
    """A masker, its camera, its clock and its steward."""

    def __init__(self, *, show_unconfirmed: bool = False) -> None:
        self.detector = Obedient()
        self._permitted = show_unconfirmed
        self.masker = self._new()
        self.slot = BEGIN
        self.dice = np.random.default_rng(6)
        self.tint = (128, 128)
        self.certified = 0

    def _new(self) -> Masker:
        return Masker(WIDTH, HEIGHT, self.detector, tuning=SOON, show_unconfirmed=self._permitted)

    def picture(self, *people: tuple[int, int], light: float = 1.0, shift: int = 0) -> bytes:
        luma = np.roll(EMPTY, shift, axis=1).astype(np.float32)
        luma = (luma - 16) * light + 16 + self.dice.normal(0, 1.5, luma.shape)
        chroma = np.stack([np.full((HEIGHT // 2, WIDTH // 2), tint, np.uint8) for tint in self.tint])
        for left, top in people:
            left, top = left // 2 * 2, top // 2 * 2
            luma[top : top + 40, left : left + 24] = LUMA
            chroma[:, top // 2 : top // 2 + 20, left // 2 : left // 2 + 12] = np.array([U, V])[:, None, None]
        return np.clip(luma, 0, 255).astype(np.uint8).tobytes() + chroma.tobytes()

    def send(self, i420: bytes | None, step: int, *, late: int = 0, turning: bool = False) -> MaskedFrame:
        self.slot = Instant(self.slot + step * MILLISECOND)
        frame = None
        if i420 is not None:
            source = SourceTime(1, max(self.slot - BEGIN, 0) * 9 // 100_000)
            frame = Frame(WIDTH, HEIGHT, i420, Instant(self.slot - late * MILLISECOND), source)
        served = self.masker.observe(frame, self.slot, turning=turning)
        assert (served.cover is None) == (served.i420 != COVERED)
        assert not people_in(served).any()
        return served

    def look(self) -> MaskedFrame | None:
        """The steward's still: whoever is in it, once a place is certified, stands in an outline."""
        try:
            return self.masker.candidate()
        except CustodesError:
            assert self.detector.problem is not None
            return None

    def certify(self) -> bool:
        """The steward looks and certifies, unless somebody is to be seen."""
        still = self.look()
        if still is None or people_in(still).any():
            return False
        try:
            self.masker.certify()
        except CustodesError:
            return False
        self.certified += 1
        return True

    def restart(self, damage: bytes | None, cut: int) -> None:
        """Another masker, with what was kept; if that is damaged, without."""
        kept = self.masker.keep()
        self.masker = self._new()
        if kept is None:
            return
        if damage is not None:
            kept = kept[: cut % len(kept)] + damage
        try:
            self.masker.restore(kept)
        except CustodesError:
            assert damage is not None


class AnyOrder(RuleBasedStateMachine):
    """Everything that may happen, in any order."""

    permitted = False

    @initialize(learnt=st.booleans())
    def begin(self, learnt: bool) -> None:
        self.life = Life(show_unconfirmed=self.permitted)
        self.stayed: tuple[tuple[int, int], int] = ((0, 0), 0)
        if learnt:
            self.life.detector.boxes = []
            for _ in range(40):
                self.life.send(self.life.picture(), 200)
            assert self.life.certify()

    @rule(count=counts, step=steps)
    def nobody(self, count: int, step: int) -> None:
        self.life.detector.boxes = []
        for _ in range(count):
            self.life.send(self.life.picture(), step)

    @rule(place=places, count=counts, step=steps, found=st.sampled_from(["always", "never", "badly"]))
    def somebody(self, place: tuple[int, int], count: int, step: int, found: str) -> None:
        left, top = place
        whole, part = (
            Box(Kind.PERSON, 0.9, left, top, left + 24, top + 40),
            Box(Kind.PERSON, 0.3, left, top, left + 9, top + 9),
        )
        self.life.detector.boxes = {"always": [whole], "never": [], "badly": [part]}[found]
        for _ in range(count):
            if self._may_stay(place, step):
                self.life.send(self.life.picture(place), step)

    def _may_stay(self, place: tuple[int, int], step: int) -> bool:
        """Whoever stays longer than ``first_time`` without being found is the known limit of the first start."""
        before, since = self.stayed
        if not self.permitted or before != place:
            since = 0
        self.stayed = (place, since + step)
        return self.stayed[1] < SOON.first_time // MILLISECOND // 2

    @rule(ways=st.lists(places, min_size=2, max_size=12), step=steps)
    def passers_by(self, ways: list[tuple[int, int]], step: int) -> None:
        self.life.detector.boxes = []
        for one, other in pairwise(ways):
            self.life.send(self.life.picture(one, other), step)

    @rule(count=st.integers(1, 15), step=steps)
    def no_picture(self, count: int, step: int) -> None:
        for _ in range(count):
            self.life.send(None, step)

    @rule(place=places, count=st.integers(1, 40))
    def the_same_picture_again(self, place: tuple[int, int], count: int) -> None:
        same = self.life.picture(place)
        for _ in range(count):
            self.life.send(same, 200)

    @rule(place=places, late=st.sampled_from([1600, -1600, 10**7]))
    def a_late_picture(self, place: tuple[int, int], late: int) -> None:
        self.life.send(self.life.picture(place), 200, late=late)

    @rule(size=st.integers(0, 2 * WIDTH * HEIGHT), value=st.sampled_from([0, LUMA, U, V, 255]))
    def bytes_that_are_no_picture(self, size: int, value: int) -> None:
        self.life.send(bytes([value]) * size, 200)

    @rule(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 5))
    def noise(self, seed: int, count: int) -> None:
        dice = np.random.default_rng(seed)
        for _ in range(count):
            self.life.send(dice.integers(0, 256, WIDTH * HEIGHT * 3 // 2, np.uint8).tobytes(), 200)

    @rule(count=st.integers(1, 8))
    def a_whole_picture_in_the_peoples_colour(self, count: int) -> None:
        half = WIDTH * HEIGHT // 4
        for number in range(count):
            self.life.send(bytes([LUMA + number]) * (4 * half) + bytes([U]) * half + bytes([V]) * half, 200)

    @rule(place=places)
    def another_size(self, place: tuple[int, int]) -> None:
        self.life.slot = Instant(self.life.slot + SLOT)
        frame = Frame(HEIGHT, WIDTH, self.life.picture(place), self.life.slot, SourceTime(1, 0))
        assert self.life.masker.observe(frame, self.life.slot).cover is Cover.MASKER_FAILED

    @rule(works=st.booleans())
    def the_detector(self, works: bool) -> None:
        self.life.detector.problem = None if works else RuntimeError("broken")

    @rule(place=places, kind=st.sampled_from(Kind), count=counts)
    def the_detector_floods(self, place: tuple[int, int], kind: Kind, count: int) -> None:
        self.life.detector.boxes = [Box(kind, 0.9, 0, 0, WIDTH, HEIGHT)]
        for _ in range(count):
            if self._may_stay(place, 200):
                self.life.send(self.life.picture(place), 200)

    @rule(place=places, step=st.sampled_from([0, -200, -(10**6), 10**6, 10**9]))
    def the_clock_is_set(self, place: tuple[int, int], step: int) -> None:
        self.life.send(self.life.picture(place), step)

    @rule(place=places, count=counts)
    def the_camera_turns(self, place: tuple[int, int], count: int) -> None:
        for number in range(count):
            turned = self.life.picture(place, shift=5 * number)
            assert self.life.send(turned, 200, turning=True).cover is not None

    @rule(light=st.floats(0.1, 1.6), shift=st.integers(-12, 12), place=places, count=counts)
    def another_light_or_view(self, light: float, shift: int, place: tuple[int, int], count: int) -> None:
        self.life.detector.boxes = []
        for _ in range(count):
            self.life.send(self.life.picture(light=light, shift=shift), 200)
        self.life.send(self.life.picture(place, light=light, shift=shift), 200)

    @rule(tint=st.sampled_from([(128, 128), (120, 136), (140, 118)]))
    def day_or_night(self, tint: tuple[int, int]) -> None:
        self.life.tint = tint

    @rule()
    def the_steward_looks(self) -> None:
        self.life.look()

    @rule()
    def the_steward_certifies(self) -> None:
        self.life.certify()

    @rule(damage=st.one_of(st.none(), st.binary(max_size=40)), cut=st.integers(0, 2**31))
    def the_masker_is_restarted(self, damage: bytes | None, cut: int) -> None:
        self.life.restart(damage, cut)

    @invariant()
    def nothing_is_shown_before_it_may_be(self) -> None:
        if hasattr(self, "life") and not self.permitted and not self.life.certified:
            assert self.life.send(None, 40).cover is not None


class AnyOrderFirstStart(AnyOrder):
    """The same where the register entry permits that something is shown before the steward has looked."""

    permitted = True


AnyOrder.TestCase.settings = QUICK
AnyOrderFirstStart.TestCase.settings = QUICK
TestAnyOrder = AnyOrder.TestCase
TestAnyOrderFirstStart = AnyOrderFirstStart.TestCase


def test_twelve_hours_in_which_people_stand_come_and_go_and_the_steward_certifies_every_half_an_hour() -> None:
    life = Life()
    for _ in range(60):
        life.send(life.picture(), 200)
    assert life.certify()
    dice = np.random.default_rng(12)
    outlines = refused = 0
    standing: list[tuple[int, int]] = []
    for number in range(12 * 360):
        if number % 97 == 0:
            standing = [
                (int(dice.integers(0, WIDTH - 24)), int(dice.integers(0, HEIGHT - 40)))
                for _ in range(dice.integers(0, 3))
            ]
            found = bool(dice.integers(0, 2))
            life.detector.boxes = [
                Box(Kind.PERSON, 0.9, left, top, left + 24, top + 40) for left, top in standing if found
            ]
        light = 1 + 0.2 * np.sin(number / 4320 * 2 * np.pi)
        life.send(life.picture(*standing, light=light), 10_000)
        if number % 180 == 179:
            still = life.look()
            assert still is not None
            people = people_in(still).repeat(2, 0).repeat(2, 1)
            outlines += bool(outlined(still).any())
            # Whoever is in the still is somebody whom nothing has found, and stands in an outline.
            assert not people.any() or (outlined(still).any() and not life.detector.boxes)
            refused += not life.certify()
    assert outlines > 0
    assert refused > 0
    assert life.certified > 1

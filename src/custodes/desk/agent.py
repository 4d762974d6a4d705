# SPDX-License-Identifier: AGPL-3.0-or-later
"""The custodian's agent: works by itself, and grants nothing.

It watches that the log only grows, warns of requests, makes the next wrapping keys before they run out, wraps its
shares of held minutes anew, destroys the keys that are due, and states it. What it cannot do in one round it does in
the next.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from custodes.clock import Clock, Instant
from custodes.desk.custodian import CustodianDesk
from custodes.desk.reading import Pending
from custodes.desk.transport import Transport
from custodes.domain.ids import KeyId
from custodes.errors import CustodesError
from custodes.trust.custody.keys import DAY, RENEW


@dataclass(slots=True)
class Round:
    """What one round found and did. ``problems``: what somebody should see to, a line each."""

    witnessed: Instant | None = None
    requests: list[Pending] = field(default_factory=list)
    published: int = 0
    held: int = 0
    destroyed: list[KeyId] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def attempt(self, act: Callable[[], None]) -> bool:
        """Do a part of the round; False if it failed, which is a problem and keeps nobody from the other parts."""
        try:
            act()
        except CustodesError as problem:
            self.problems.append(problem.message)
            return False
        return True


class Agent:
    """Goes round for one desk. ``own_clock``: its owner has checked this clock, and keys go without the witnesses'."""

    def __init__(self, desk: CustodianDesk, transport: Transport, clock: Clock, own_clock: bool = False) -> None:
        self._desk = desk
        self._transport = transport
        self._clock = clock
        self._own_clock = own_clock

    def round(self) -> Round:
        """Look at everything once. Raises nothing that ``Round.problems`` can say."""
        done = Round()
        done.attempt(lambda: self._look(done))
        done.attempt(lambda: done.requests.extend(self._desk.pending(self._transport)))
        done.attempt(lambda: self._publish(done))
        # What a hold names must be safe before its key goes; a hold that cannot be seen to must not be lost.
        if done.attempt(lambda: self._hold(done)) or self._own_clock:
            done.attempt(lambda: self._destroy(done))
        return done

    def _look(self, done: Round) -> None:
        witnessed = self._desk.watch(self._transport)
        now = self._clock.now()
        if now - witnessed > DAY:
            done.problems.append(
                "no witness has signed the log for more than a day, or this machine's clock is ahead: nothing that was "
                "due since is destroyed (check the clock, then use --own-clock)"
            )
        done.witnessed = witnessed

    def _publish(self, done: Round) -> None:
        keys, now = self._desk.keys, self._clock.now()
        retentions = keys.retentions(self._transport)
        if any(keys.covered(hours) - now < RENEW or keys.lost(hours) for hours in retentions):
            keys.extend(retentions)
        done.published = keys.hand_in(self._transport)

    def _hold(self, done: Round) -> None:
        done.held = self._desk.holding.keep(self._transport)

    def _destroy(self, done: Round) -> None:
        """Destroy what is due by this clock and by the witnesses': one that is ahead must not lose footage."""
        now = self._clock.now()
        certain = now if self._own_clock else min(now, done.witnessed or Instant(0))
        done.destroyed = self._desk.keys.destroy(certain)
        self._desk.keys.state_destroyed(self._transport, self._desk.holding.gone())

# SPDX-License-Identifier: Apache-2.0
"""The log as a state machine: any mix of batches, crashes, restarts and witnesses, against a list."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.unit.tlog.tlog_tools import (
    MemoryTiles,
    cosign,
    leaves_of,
    log_signers,
    naive_path,
    naive_root,
    policy_of,
    witness_signers,
)

from custodes.trust.tlog.checkpoint import SignedCheckpoint
from custodes.trust.tlog.log import Log
from custodes.trust.tlog.merkle import verify_consistency
from custodes.trust.tlog.receipt import verify_receipt
from custodes.trust.verify.log import verify_log

KEYS = [signer.key for signer in log_signers()]
POLICY = policy_of("witness.example/w1", k=1)


class PowerCutError(Exception):
    """The power went."""


class MemorySource:
    """A store as a reader sees it."""

    def __init__(self, disk: dict[str, bytes]) -> None:
        self._disk = disk

    def read(self, path: str, limit: int) -> bytes | None:
        return self._disk.get(path)

    def close(self) -> None:
        pass


class LogMachine(RuleBasedStateMachine):
    """``entries`` is what must be in the log; ``seen`` are checkpoints that readers have taken home."""

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryTiles()
        self.entries: list[bytes] = []
        self.seen: list[SignedCheckpoint] = []
        self.fuse = -1

    def _burn(self) -> None:
        if self.fuse == 0:
            raise PowerCutError
        self.fuse -= 1

    @initialize()
    def begin(self) -> None:
        self.log = Log(self.store, log_signers())

    @rule(count=st.sampled_from([1, 2, 3, 100, 255, 256, 257, 600]), salt=st.integers(0, 3))
    def append(self, count: int, salt: int) -> None:
        batch = [b"%d %d" % (len(self.entries) + number, salt) for number in range(count)]
        assert self.log.append(batch) == len(self.entries)
        self.entries += batch

    @rule(count=st.sampled_from([1, 5, 256, 300]), fuse=st.integers(0, 12), restart=st.booleans())
    def crash_while_appending(self, count: int, fuse: int, restart: bool) -> None:
        batch = [b"crash %d %d" % (len(self.entries) + number, fuse) for number in range(count)]
        self.fuse, self.store.fail = fuse, self._burn
        crashed = False
        try:
            self.log.append(batch)
        except PowerCutError:
            crashed = True
        self.fuse, self.store.fail = -1, lambda: None
        if restart:
            self.reopen()
        # All or nothing, and without a crash all.
        assert self.log.size in (len(self.entries), len(self.entries) + count)
        if self.log.size > len(self.entries):
            self.entries += batch
        else:
            assert crashed

    @rule()
    def reopen(self) -> None:
        self.store = MemoryTiles(self.store.disk)
        self.log = Log(self.store, log_signers())

    @rule()
    def witness(self) -> None:
        cosign(self.log, witness_signers())

    @rule()
    def take_home(self) -> None:
        self.seen.append(SignedCheckpoint.parse(self.log.checkpoint()))

    @precondition(lambda self: self.seen)
    @rule(data=st.data())
    def what_was_seen_is_still_true(self, data: st.DataObject) -> None:
        old = data.draw(st.sampled_from(self.seen)).checkpoint
        new = SignedCheckpoint.parse(self.log.checkpoint()).checkpoint
        verify_consistency(old.size, new.size, self.log.prove_consistency(old.size, new.size), (old.root, new.root))

    @precondition(lambda self: self.entries)
    @rule(data=st.data())
    def every_entry_can_be_read_and_proved(self, data: st.DataObject) -> None:
        size = data.draw(st.integers(1, len(self.entries)))
        index = data.draw(st.integers(0, size - 1))
        assert self.log.entry(index) == self.entries[index]
        assert self.log.prove_inclusion(index, size) == naive_path(index, leaves_of(self.entries[:size]))
        cosign(self.log, witness_signers())
        assert verify_receipt(self.log.receipt(index), self.entries[index], POLICY).index == index

    @invariant()
    def the_checkpoint_is_that_of_the_list(self) -> None:
        signed = SignedCheckpoint.parse(self.log.checkpoint())
        assert signed.serialise() == self.store.disk["checkpoint"]
        assert signed.checkpoint.size == len(self.entries)
        assert signed.checkpoint.root == naive_root(leaves_of(self.entries))

    def teardown(self) -> None:
        report = verify_log(
            MemorySource(self.store.disk), KEYS, earlier=self.seen[0].serialise() if self.seen else None
        )
        report.demand()


TestLogMachine = LogMachine.TestCase
TestLogMachine.settings = settings(max_examples=50, stateful_step_count=20, deadline=None)

"""However events arrive, pages overlap, cursors expire and reads break off: every event is sent exactly once."""

from __future__ import annotations

from datetime import timedelta
from itertools import count as count_up
from typing import Any

import pytest
from audit_reads import AuditPigment, Reader, an_event
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from source_pigment.audit import stream as audit_stream

# Late by no more than the overlap, even where the newest event that is known is this old.
LATE_MINUTES = 23 * 60


class AuditMachine(RuleBasedStateMachine):
    """Arrivals and reads in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.pigment = AuditPigment()
        self.reader = Reader(self.pigment)
        self.number = 0
        self.patch = pytest.MonkeyPatch()

    @initialize(
        between_states=st.integers(1, 5),
        page_size=st.integers(1, 6),
        by_offset=st.booleans(),
        # All waiting of a schedule takes 42 days at most, and what is older than 180 is out of reach.
        history=st.lists(st.integers(0, 130 * 24 * 60), max_size=20),
    )
    def begin(self, between_states: int, page_size: int, by_offset: bool, history: list[int]) -> None:
        for minutes in history:
            self._add(minutes * 60_000)
        self.patch.setattr(audit_stream, "_EVENTS_BETWEEN_STATES", between_states)
        self.pigment.log.page_size = page_size
        self.pigment.log.by_offset = by_offset

    @rule(late=st.lists(st.integers(0, LATE_MINUTES * 60_000), min_size=1, max_size=8), repeat=st.integers(1, 4))
    def arrive(self, late: list[int], repeat: int) -> None:
        """Events become visible this many milliseconds after ingestion, some of them in the same millisecond."""
        for milliseconds in late:
            for _ in range(repeat):
                self._add(milliseconds)

    @rule(minutes=st.integers(1, 20_000))
    def arrive_from_the_future(self, minutes: int) -> None:
        """A wrong time, ahead of every clock."""
        self._add(-minutes * 60_000)

    @rule(minutes=st.integers(0, 3000))
    def wait(self, minutes: int) -> None:
        self.pigment.now += timedelta(minutes=minutes)

    @rule()
    def read(self) -> None:
        self.reader.read()
        assert sorted(self.reader.ids()) == sorted(each.id for each in self.pigment.log.events)

    @rule(most_states=st.integers(1, 3))
    def read_and_break_off(self, most_states: int) -> None:
        self.reader.read(most_states=most_states)

    @rule(arrivals=st.lists(st.integers(0, 2), max_size=4))
    def read_while_events_arrive(self, arrivals: list[int]) -> None:
        """Between two pages, fewer events arrive than a page contains."""
        left = list(arrivals)

        def arrive() -> None:
            for _ in range(min(left.pop(), self.pigment.log.page_size - 1) if left else 0):
                self._add(0)

        self.pigment.log.before_page = arrive
        self.reader.read()
        self.pigment.log.before_page = lambda: None

    @rule(seconds=st.integers(1, 4))
    def read_while_a_cursor_expires(self, seconds: int) -> None:
        """Once, in the middle."""
        pages = count_up()

        def count() -> None:
            at = next(pages)
            self.pigment.log.cursor_seconds = 0.5 if at == seconds else 1000

        self.pigment.log.before_page = count
        self.read()
        self.pigment.log.before_page = lambda: None
        self.pigment.log.cursor_seconds = 1000

    @invariant()
    def nothing_is_sent_twice(self) -> None:
        ids = self.reader.ids()
        assert len(ids) == len(set(ids))

    @invariant()
    def the_state_is_small(self) -> None:
        state: Any = self.reader.state or {}
        assert sum(map(len, state.get("sent", {}).values())) <= 16 * len(self.pigment.log.events) + 4

    def teardown(self) -> None:
        self.reader.read()
        self.reader.read()
        assert sorted(self.reader.ids()) == sorted(each.id for each in self.pigment.log.events)
        self.patch.undo()

    def _add(self, milliseconds: int) -> None:
        self.number += 1
        self.pigment.log.add(an_event(self.number, self.pigment.now - timedelta(milliseconds=milliseconds)))


TestAuditMachine = AuditMachine.TestCase
TestAuditMachine.settings = settings(max_examples=60, stateful_step_count=15, deadline=None)


@pytest.mark.long
class TestAuditMachineForLong(AuditMachine.TestCase):  # type: ignore[name-defined,misc]  # hypothesis makes it
    settings = settings(max_examples=700, stateful_step_count=20, deadline=None)

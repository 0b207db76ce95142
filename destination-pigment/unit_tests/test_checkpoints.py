"""States leave in order, never early, with counts that add up; files are never over their limits."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from destination_pigment.checkpoints import Checkpoints

KEYS = [(None, "a"), ("ns", "a"), (None, "b")]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("records"), st.sampled_from(KEYS), st.integers(0, 5)),
        st.tuples(st.just("state"), st.sampled_from([*KEYS, None]), st.just(0)),
        st.tuples(st.just("settle"), st.sampled_from(KEYS), st.integers(1, 7)),
    ),
    max_size=60,
)


class Sync:
    """Checkpoints, and what is known to be true about them."""

    def __init__(self, chance: Any) -> None:
        self.checkpoints = Checkpoints()
        self.received: Counter[Any] = Counter()
        self.settled: Counter[Any] = Counter()
        self.rejected = self.reported = self.reported_rejected = 0
        self.states: list[tuple[Any, dict[Any, int]]] = []
        self.released: list[int] = []
        self._chance = chance

    def receive(self, key: Any, count: int) -> None:
        self.checkpoints.count_records(key, count)
        self.received[key] += count

    def state(self, key: Any) -> None:
        required = dict(self.received) if key is None else {key: self.received[key]}
        self.checkpoints.push_state(len(self.states), key)
        self.states.append((key, required))

    def settle(self, key: Any, count: int) -> None:
        count = min(count, self.received[key] - self.settled[key])
        rejected = self._chance.randint(0, count)
        self.checkpoints.confirm(key, stored=count - rejected, rejected=rejected)
        self.settled[key] += count
        self.rejected += rejected

    def release(self) -> None:
        for each in self.checkpoints.pop_due():
            required = self.states[each.state][1]
            assert all(self.settled[key] >= count for key, count in required.items())
            self.released.append(each.state)
            self.reported += each.stored + each.rejected
            self.reported_rejected += each.rejected


@settings(max_examples=1500, deadline=None)
@given(steps=STEPS, chance=st.randoms(use_true_random=False))
def test_no_state_leaves_early_or_out_of_order_and_the_counts_add_up(steps: list[Any], chance: Any) -> None:
    sync = Sync(chance)
    for what, key, count in steps:
        match what:
            case "records":
                sync.receive(key, count)
            case "state":
                sync.state(key)
            case _:
                sync.settle(key, count)
        sync.release()
    for key in KEYS:
        sync.settle(key, sync.received[key])
    sync.release()

    assert sorted(sync.released) == list(range(len(sync.states)))
    assert sync.checkpoints.waiting == 0
    for key in KEYS:
        of_key = [number for number in sync.released if sync.states[number][0] in {key, None}]
        assert of_key == sorted(of_key)
    last: Counter[Any] = Counter()
    for _, required in sync.states:
        last |= Counter(required)
    assert sync.reported == last.total()
    assert sync.reported_rejected <= sync.rejected


def test_more_cannot_be_confirmed_than_came() -> None:
    checkpoints = Checkpoints()
    checkpoints.count_records((None, "a"), 1)
    with pytest.raises(ValueError, match="more records"):
        checkpoints.confirm((None, "a"), stored=2, rejected=0)

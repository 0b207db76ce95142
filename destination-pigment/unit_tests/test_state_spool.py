"""Lines come back as they were, in whatever order, also where the disk fails meanwhile; and little is kept for each."""

from __future__ import annotations

import os
import tracemalloc
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from destination_pigment.checkpoints import Checkpoints
from destination_pigment.state_output import StateSpool
from pigment_airbyte.failures import TransientProblem


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0), memory_bytes=st.sampled_from([0, 50]), at_once_bytes=st.sampled_from([1, 40, 10_000]))
def test_lines_come_back_as_they_were(
    seed: int, memory_bytes: int, at_once_bytes: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    chance, folder = Random(seed), tmp_path_factory.mktemp("states")
    write = os.pwrite

    def write_badly(descriptor: int, content: bytes, offset: int) -> int:
        if chance.random() < 0.1:
            raise OSError(28, "no space left on device")
        return write(descriptor, content[: chance.randint(1, len(content))], offset)

    def truncate_badly(descriptor: int, _size: int) -> None:
        raise OSError(5, "input/output error")

    spool = StateSpool(lambda: folder / "states", memory_bytes=memory_bytes, at_once_bytes=at_once_bytes)
    kept: list[tuple[int, bytes]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "pwrite", write_badly)
        if chance.random() < 0.5:
            patch.setattr(os, "ftruncate", truncate_badly)
        for number in range(chance.randrange(60)):
            if kept and chance.random() < 0.45:
                state, line = kept.pop(0 if chance.random() < 0.8 else chance.randrange(len(kept)))
                assert spool.pop_line(state) == line
                continue
            line = b"%d " % number * chance.randrange(12)
            with suppress(TransientProblem):
                kept.append((spool.spool_line(line), line))
    assert [spool.pop_line(state) for state, _ in kept] == [line for _, line in kept]
    spool.close()


def test_a_state_that_waits_takes_few_bytes(tmp_path: Path) -> None:
    spool, checkpoints = StateSpool(lambda: tmp_path / "states", memory_bytes=0), Checkpoints()
    key, line, states = (None, "s"), b"x" * 200, 20_000

    tracemalloc.start()
    for _ in range(states):
        checkpoints.count_records(key, 1)
        checkpoints.push_state(spool.spool_line(line), key)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert taken / states < 40
    checkpoints.confirm(key, stored=states, rejected=0)
    assert all(spool.pop_line(due.state) == line and due.stored == 1 for due in checkpoints.pop_due())

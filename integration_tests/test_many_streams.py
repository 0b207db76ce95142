"""A sync may have far more streams than its process may have open files."""

from __future__ import annotations

import resource
from threading import Thread
from typing import Any

import pytest

from airbyte_platform.process import Run, as_lines
from connectors import Runner
from writing import catalog, imports, logged, many_streams, record, state


def written(destination: Runner, count: int, limit: int, **config: Any) -> Run:
    """A `write` of this many streams with three rows each, in a process that may open only this many files."""
    streams, targets = many_streams(destination, count)
    process = destination.start("write", catalog=catalog(*streams), targets=targets, **config)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (limit, limit))
    names = [each["name"] for each in streams]
    records = [record({"Entry": f"{name} {number}"}, name) for number in range(3) for name in names]
    lines = as_lines([*records, *(state(1, name, records=3) for name in names)])
    # What it logs of each stream fills its pipe before all is read.
    feeding = Thread(target=process.feed, args=[lines])
    feeding.start()
    run = process.finish()
    feeding.join()
    return run


def test_two_hundred_streams_are_all_imported(destination: Runner) -> None:
    destination.pigment.workspace.variants.immediate_results = True
    run = written(destination, 200, 256)

    assert run.exit_code == 0, run.errors
    assert len(run.states) == 200
    assert [each.data_rows for each in imports(destination)] == [3] * 200


@pytest.mark.parametrize(("count", "limit"), [(300, 80), pytest.param(2000, 80, marks=pytest.mark.long)])
def test_more_streams_than_open_files_are_read(destination: Runner, count: int, limit: int) -> None:
    run = written(destination, count, limit, dry_run=True)

    assert run.exit_code == 0, run.errors
    assert len(logged(run, "3 rows of the stream")) == count

"""The witnesses work in a process that has more files open than `select` can count."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator

import pytest

from airbyte_platform.delivery import Cancelled, Delivery, Succeeded
from airbyte_platform.process import as_lines
from connectors import Runner
from simulated_client import WHOLE, client_for, export_all, running
from writing import catalog, many, state

# The size of the set that `select` takes (FD_SETSIZE).
_SELECTED = 1024


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Every descriptor that is opened from now on has a number that `select` does not take."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    opened = [os.open(os.devnull, os.O_RDONLY)]
    try:
        while opened[-1] < _SELECTED:
            opened.append(os.open(os.devnull, os.O_RDONLY))
        yield
    finally:
        for each in opened:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_an_export_over_http2_comes_whole(many_descriptors: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tls=True, monkeypatch=monkeypatch) as pigment:
        assert export_all(client_for(pigment)) == WHOLE


def test_a_destination_is_fed_heard_and_stopped(many_descriptors: None, destination: Runner) -> None:
    whole: Delivery = destination.deliver(catalog())
    whole.send(as_lines([*many(3), state(1)]))
    assert len(whole.end(Succeeded()).states) == 1

    stopped = destination.deliver(catalog())
    stopped.send(as_lines(many(3)))
    assert stopped.end(Cancelled(kill_after_seconds=20)).exit_code != 0

"""A load and what follows it: whatever goes wrong in the sync, even what it does not know of itself, forbids it."""

from __future__ import annotations

from typing import Any

import pytest

from destination_pigment.imports.then_run import Ending, find_obstacle
from destination_pigment.load import Load


class Sync:
    """Ends as it is told to, and believes that everything is stored."""

    ending = Ending()

    def __init__(self, error: BaseException | None) -> None:
        self._error = error

    def finish(self, _rest: bytes = b"") -> None:
        if self._error is not None:
            raise self._error

    def end(self) -> None:
        self.finish()


class FollowUps:
    """Notes how each sync ended that it was asked to follow."""

    def __init__(self) -> None:
        self.endings: list[Ending] = []

    def run(self, ending: Ending) -> None:
        self.endings.append(ending)


def load(error: BaseException | None, *, is_dry_run: bool = False) -> tuple[Load, FollowUps]:
    followups = FollowUps()
    parts: Any = (Sync(error), followups)
    return Load(*parts, is_dry_run=is_dry_run), followups


@pytest.mark.parametrize("error", [ValueError(), MemoryError(), KeyboardInterrupt(), SystemExit()], ids=repr)
@pytest.mark.parametrize("way", ["finish", "end"])
def test_an_error_that_the_sync_does_not_know_of_is_a_failure(error: BaseException, way: str) -> None:
    whole, followups = load(error)
    with pytest.raises(type(error)):
        getattr(whole, way)()
    assert [each.has_failed for each in followups.endings] == [True]


def test_a_sync_that_ends_well_is_followed() -> None:
    whole, followups = load(None)
    whole.finish()
    assert [find_obstacle(each) for each in followups.endings] == [None]


def test_a_sync_that_the_platform_ends_is_not() -> None:
    whole, followups = load(None)
    whole.end()
    assert followups.endings[0].is_cancelled


def test_a_dry_run_is_said() -> None:
    whole, followups = load(None, is_dry_run=True)
    whole.finish()
    assert followups.endings[0].is_dry_run

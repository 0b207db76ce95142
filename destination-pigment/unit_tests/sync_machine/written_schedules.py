"""Schedules written by hand, in which a promise is at stake that drawn schedules seldom touch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from pigment_in_memory import Nature, Outcome
from schedule_inputs import Batch, Settings
from sync_machine import Platform

_GOOD = ("good", 0, 0)
_ONE_HALF, _CONTESTED = Settings(has_block_id=True), Settings(is_contested=True)


def run(
    lively: list[str],
    first: Sequence[Batch],
    *,
    rows: int = 1000,
    way: str = "custom image",
    nature: Nature | None = None,
    chosen: Settings | None = None,
    outcomes: Iterable[Outcome] = (),
    then: Callable[[Platform], None] = lambda _: None,
) -> None:
    """Begin with these records, do what comes then, and let every stream complete if nothing has ended."""
    schedule = Platform()
    schedule.begin(
        rows=rows,
        way=way,
        namespace=None,
        is_in_order=True,
        has_reports=True,
        fails=False,
        is_calm=True,
        is_quiet=False,
        steps=0,
        has_bucket=False,
        lively=lively,
        nature=nature or Nature(),
        chosen=chosen or Settings(),
        first=list(first),
        outcomes=list(outcomes),
    )
    try:
        then(schedule)
    finally:
        schedule.teardown()


def _end_after_the_first_file(schedule: Platform) -> None:
    schedule.time_goes_by()
    schedule.an_import_ends(0)
    schedule.it_ends("the input ends", None)


WRITTEN: dict[str, Callable[[], None]] = {
    "the first file of a scope lacks a value": lambda: run(
        ["scoped"], [(0, [("good", 2, 0)] * 3 + [_GOOD], "named", False)], rows=3
    ),
    "a replacement in doubt is confirmed": lambda: run(
        ["mistaken"], [(0, [_GOOD], "named", False)], nature=Nature(can_be_counted=False)
    ),
    "a count of the half that its owner sees proves all": lambda: run(
        ["mistaken"], [(0, [_GOOD] * 4, "named", False)], chosen=_ONE_HALF, nature=Nature(sees_half=True)
    ),
    "a count after an import whose result is not known proves all": lambda: run(
        ["mistaken"],
        [(0, [_GOOD], "named", False)],
        chosen=replace(_ONE_HALF, was_filled=False),
        nature=Nature(sees_half=True),
        outcomes=[Outcome(seconds=5400.0)],
    ),
    "a stream is imported into a block that another one replaces": lambda: run(
        ["beside", "replaced"], [(0, [_GOOD], "named", True), (1, [_GOOD], "named", False)], chosen=_CONTESTED
    ),
    "rows without the right to write them are only rejected": lambda: run(
        ["added"], [(0, [_GOOD] * 2, "named", False)], outcomes=[Outcome("one without the right to write it")]
    ),
    "rows stored with a blank are reported as rejected": lambda: run(
        ["added"],
        [(0, [_GOOD] * 2, "named", False)],
        outcomes=[Outcome("one stored with a blank")],
        nature=Nature(blanked_are_counted=True),
    ),
    "a record after the last state replaces one before it": lambda: run(
        ["matched"],
        [(0, [_GOOD], "named", True), (0, [("good", 0, 1)], "named", False)],
        then=_end_after_the_first_file,
    ),
    "a stream without a record is never cleared": lambda: run(
        ["replaced"], [], way="registry", then=lambda schedule: schedule.it_ends("every stream completes", None)
    ),
    "a later step follows whatever became of the steps before": lambda: run(
        ["matched", "whole"],
        [(0, [_GOOD], "named", True), (1, [_GOOD], "named", True)],
        way="registry",
        chosen=Settings(later=1),
        then=lambda schedule: schedule.it_ends("all but the first stream complete", {"x": 1}),
    ),
}

"""How a sync ends that failed: which of its errors is raised, and what that says about another sync.

Airbyte retries a sync automatically unless it ends in a config error. A retry would add stored rows once more if no
state covers them yet, or if the source begins from the start, so the sync ends in a config error that counts them.

Airbyte does not ask for a refresh again: the request is gone once its job is created, and the state of the source with
it. An ordinary sync after a refresh that failed sends all rows again, through the import configuration that adds.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from destination_pigment.imports.queue import Job
from destination_pigment.input.cancel import Cancel, Cancelled
from destination_pigment.input.catalog import DestinationStream, StreamKey, WriteMode
from pigment_airbyte.failures import explain, traced
from pigment_client.wording import and_the, counted

logger = logging.getLogger("airbyte.pigment.destination")


class Failures:
    """What went wrong in a sync, in the order in which it did."""

    def __init__(self) -> None:
        self._failures: list[AirbyteTracedException] = []

    def __bool__(self) -> bool:
        return bool(self._failures)

    def append(self, error: Exception, subject: str | None = None) -> None:
        """Remember an error with what the user calls `subject`."""
        self._failures.append(traced(error, subject=subject))

    def forbid_retry(self, uncovered: str, reason: str) -> None:
        """End in a config error that describes the uncovered rows; `reason` is why, if nothing failed here."""
        first = self._first
        if first is None:
            message, internal = reason, None
        else:
            message, internal = first.message or "", first.internal_message
            self._failures.remove(first)
        final = AirbyteTracedException(
            message=f"{message} {uncovered}", internal_message=internal, failure_type=FailureType.config_error
        )
        self._failures.insert(0, final)

    def raise_first(self) -> None:
        """Raise the first failure, but one that a retry could make worse before any other; log the others."""
        first = self._first
        if first is None:
            return
        for failure in self._failures:
            if failure is not first:
                logger.error("Also: %s", failure.message)
        raise first

    @property
    def _first(self) -> AirbyteTracedException | None:
        config = (each for each in self._failures if each.failure_type is FailureType.config_error)
        return next(config, self._failures[0] if self._failures else None)


def find_uncovered(
    streams: Iterable[DestinationStream], uncovered: Callable[[StreamKey], tuple[int, int]], uncertain: Iterable[Job]
) -> dict[str, tuple[int, int]]:
    """Rows that a retry sends again, by subject: how many are stored, and how many may be, or may be deleted again.

    A retry would add them once more. Where rows are matched by a key, or all are replaced, it does no harm.
    """
    without_result: Counter[StreamKey] = Counter()
    for job in uncertain:
        without_result[job.stream.key] += sum(each.rows for each in job.segments)
    found: dict[str, tuple[int, int]] = {}
    for each in streams:
        stored, may_be_stored = uncovered(each.key)
        if each.mode is WriteMode.APPEND and (stored or may_be_stored or without_result[each.key]):
            found[each.subject] = stored, may_be_stored + without_result[each.key]
    return found


def describe_uncovered(uncovered: Mapping[str, tuple[int, int]]) -> str:
    """The rows as a sentence with the advice."""
    rows = " and ".join(f"{counted(sum(each), 'row')} of the {subject}" for subject, each in uncovered.items())
    is_one = sum(map(sum, uncovered.values())) == 1
    verb = "may be" if any(maybe for _, maybe in uncovered.values()) else "is" if is_one else "are"
    block, again = ("block" if len(uncovered) == 1 else "blocks"), ("this row" if is_one else "these rows")
    return (
        f"{rows} {verb} stored and not yet covered by a state: look at the {block} before you run the sync again, "
        f"which sends {again} once more."
    )


@contextmanager
def advising_to_refresh_again(streams: Sequence[DestinationStream], cancel: Cancel) -> Iterator[None]:
    """Add to any error raised inside which streams must be refreshed again, if any is refreshed; log it after a cancel.

    A refresh is over once it has failed or was stopped, and the state of the source is gone with it.
    """
    refreshed = and_the(each.subject for each in streams if each.is_refreshed)
    advice = (
        f"This was a refresh of the {refreshed}: if Airbyte does not try it again by itself, refresh again, removing "
        "the records, before any other sync, which would add all rows once more."
    )
    try:
        yield
    except Cancelled:
        raise
    except Exception as error:
        if not refreshed:
            raise
        failure = explain(error)
        raise AirbyteTracedException(
            message=f"{failure.message} {advice}",
            internal_message=failure.internal,
            failure_type=failure.type,
        ) from None
    else:
        if refreshed and cancel.requested:
            logger.warning("The sync was stopped. %s", advice)

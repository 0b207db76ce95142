"""Rows that are, or may be, stored and of which no state speaks: whoever repeats the sync adds them once more. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from destination_pigment.imports.queue import Job
from destination_pigment.input.catalog import DestinationStream, StreamKey, WriteMode
from pigment_client.wording import counted


@dataclass(frozen=True, slots=True)
class Unreported:
    """So many rows of a stream, of which so many may have been stored, or deleted behind that."""

    subject: str
    stored: int
    in_doubt: int


def find_unreported(
    streams: Iterable[DestinationStream], stored: Callable[[StreamKey], int], in_doubt: Iterable[Job]
) -> list[Unreported]:
    """What a repeat would add once more: where rows are matched by a key, or all are replaced, it does no harm."""
    jobs = list(in_doubt)
    found = [
        Unreported(
            each.subject,
            stored(each.key),
            sum(job.records - job.rejected for job in jobs if job.stream.key == each.key),
        )
        for each in streams
        if each.mode is WriteMode.APPEND
    ]
    return [each for each in found if each.stored or each.in_doubt]


def say_unreported(unreported: Iterable[Unreported]) -> str:
    """The rows as a sentence that says what to do."""
    found = list(unreported)
    rows = " and ".join(f"{counted(each.stored + each.in_doubt, 'row')} of the {each.subject}" for each in found)
    is_one = sum(each.stored + each.in_doubt for each in found) == 1
    verb = "may be" if any(each.in_doubt for each in found) else "is" if is_one else "are"
    block, again = ("block" if len(found) == 1 else "blocks"), ("this row" if is_one else "these rows")
    return (
        f"{rows} {verb} stored and no state says so: look at the {block} before you run the sync again, which sends "
        f"{again} once more."
    )

"""Rows that no file may contain, because the user has protected a value of theirs, such as a closed month."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from destination_pigment.files.segments import FileSegment
from destination_pigment.input.catalog import DestinationStream
from pigment_airbyte.failures import ConfigProblem
from pigment_client.wording import counted, with_more

_MOST_LISTED = 10

Protected = Mapping[str, frozenset[str]]


def find_protected(
    stream: DestinationStream, protected: Protected, segments: Sequence[FileSegment]
) -> ConfigProblem | None:
    """Why files must not be pushed: a row has a protected value, compared as it is written there."""
    if not protected:
        return None
    found: Counter[tuple[str, str]] = Counter()
    for segment in segments:
        if segment.file is None:
            continue
        places = [
            (name, place, protected[name]) for place, name in enumerate(segment.file.columns) if name in protected
        ]
        for rows in segment.file.read_rows():
            for name, place, values in places:
                cells = (row[place] for row in rows)
                found.update((name, cell) for cell in cells if cell in values)
    if not found:
        return None
    named = [
        f'{counted(rows, "row")} with "{value}" in the column "{column}"'
        for (column, value), rows in sorted(found.items())
    ]
    return ConfigProblem(
        f"The {stream.subject} has {with_more(named[:_MOST_LISTED], len(named))}, which its target protects, so "
        "nothing of what these rows came with was pushed: take them out at the source, or remove the value from "
        '"Protected values" under "Targets".'
    )

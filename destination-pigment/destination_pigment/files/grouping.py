"""The files of a stream that replaces what shares the values of one column, its scope.

Only the first of several files may clear, and what Pigment clears for it may be coarser than the column (dates by
month): so the first file needs a row of every value, and all other files add.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from destination_pigment.config import FileLimits
from destination_pigment.files.lines import count_rows, join_rows, split_rows
from destination_pigment.files.segments import FileSegment
from destination_pigment.files.spool import Spool, SpoolFile
from destination_pigment.input.catalog import DestinationStream
from pigment_airbyte.failures import ConfigProblem
from pigment_client.wording import counted


def lead_with_scope(
    stream: DestinationStream, scope: str, segments: Sequence[FileSegment], spool: Spool, limits: FileLimits
) -> tuple[list[FileSegment], Mapping[str, int]]:
    """The same rows, with one of every value of the column `scope` in the first file; and how many have each value.

    Where that is not so, a row of each value is moved into a file before the others. Values are compared as they are
    written. Raises `ConfigProblem` for a column that is missing or blank in a row, and where such a file is too large.
    """
    files = [each for each in segments if each.file is not None]
    first_rows, values = _first_rows(stream, scope, files)
    if not any(first_rows[1:]):
        return list(segments), values
    leading = FileSegment(is_open=False, rejected_rows=segments[0].rejected_rows)
    segments[0].rejected_rows = None
    for segment, positions in zip(files, first_rows, strict=True):
        if segment.file is not None and positions:
            leading.file = leading.file or spool.new_file(segment.file.columns, segment.file.dialect)
            for lines in _lines_at(segment.file, positions):
                leading.file.write(lines)
            leading.rows += len(positions)
            _leave_out(segment, segment.file, positions, spool)
    leading.close()
    if leading.rows > limits.max_rows or leading.size_bytes > limits.max_bytes:
        raise ConfigProblem(
            f'The column "{scope}", the "Scope" of the {stream.subject}, has '
            f"{counted(leading.rows, 'different value')}, and a row of each does not fit into the first file, which is "
            'the only one that may clear; nothing was pushed: raise "Largest file (MB)" and "Most rows in a file", or '
            'choose a "Scope" with fewer values, such as a month.'
        )
    return [leading, *segments], values


def _first_rows(
    stream: DestinationStream, scope: str, segments: Sequence[FileSegment]
) -> tuple[list[list[int]], Mapping[str, int]]:
    """For each file, the positions of the rows that are the first of their value; and how many have each value."""
    known: Counter[str | None] = Counter()
    found: list[list[int]] = []
    for segment in segments:
        if segment.file is None or scope not in segment.file.columns:
            raise ConfigProblem(
                f'The {stream.subject} has no column "{scope}", which is its "Scope" under "Targets"; nothing was '
                "pushed: select the column in Airbyte, or enter another one."
            )
        column, row = segment.file.columns.index(scope), 0
        found.append([])
        for rows in segment.file.read_rows():
            values = [each[column] for each in rows]
            new = set(values).difference(known)
            for position, value in enumerate(values if new else (), row):
                if value in new:
                    new.discard(value)
                    found[-1].append(position)
            known.update(values)
            row += len(values)
    if blanks := known[None]:
        raise ConfigProblem(
            f"{counted(blanks, 'row')} of the {stream.subject} {'has' if blanks == 1 else 'have'} a blank in the "
            f'column "{scope}", its "Scope", so it is not known which rows of the block they replace; nothing was '
            "pushed: fill the column at the source, or leave such rows out there."
        )
    return found, {value: rows for value, rows in known.items() if value is not None}


def _lines_at(file: SpoolFile, positions: Sequence[int]) -> Iterator[bytes]:
    """The rows at these positions, ascending, as lines."""
    first = place = 0
    for lines in file.read_lines(file.columns):
        end, begin = first + count_rows(lines), place
        while place < len(positions) and positions[place] < end:
            place += 1
        if place > begin:
            rows = split_rows(lines)
            yield join_rows([rows[each - first] for each in positions[begin:place]])
        first = end


def _leave_out(segment: FileSegment, file: SpoolFile, positions: Sequence[int], spool: Spool) -> None:
    mask = bytearray(b"\1") * segment.rows
    for position in positions:
        mask[position] = 0
    segment.rows -= len(positions)
    if segment.rows:
        segment.file = spool.rewritten(file, mask)
    else:
        file.remove()
        segment.file = None

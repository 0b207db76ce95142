"""Files on their way to Pigment: private, and removed however the sync ends."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from itertools import count, pairwise
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self
from weakref import WeakSet

from destination_pigment.files.lines import count_rows, padded, read_blocks, select_lines
from destination_pigment.files.open_files import OpenFiles
from pigment_airbyte import disk
from pigment_airbyte.failures import TransientProblem
from pigment_csv.dialect import CsvDialect
from pigment_csv.reader import CsvReader
from pigment_csv.writer import CsvWriter

_COPY_BYTES = 1 << 20


class Spool:
    """A private folder for the files of one sync; leaving its context removes it."""

    def __init__(self) -> None:
        disk.check_temporary_folder()
        with disk_errors_explained():
            # mkdtemp creates a folder that only its owner can enter.
            self._folder = Path(tempfile.mkdtemp(prefix="destination-pigment-"))
        # Advancing a count is atomic, even if the thread of an import does it at the same time.
        self._numbers = count(1)
        # The files of a sync that fails are finished by no one else.
        self._files: WeakSet[SpoolFile] = WeakSet()
        self.open_files = OpenFiles()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for each in list(self._files):
            with suppress(TransientProblem):  # it goes with its folder
                each.finish()
        self.open_files.close_all()
        shutil.rmtree(self._folder, ignore_errors=True)

    def new_path(self, suffix: str) -> Path:
        """A new path for a file."""
        return self._folder / f"{next(self._numbers)}{suffix}"

    def new_file(self, columns: Sequence[str], dialect: CsvDialect) -> SpoolFile:
        """A file that contains only the header line."""
        file = SpoolFile(self.new_path(".csv"), tuple(columns), dialect, self.open_files)
        self._files.add(file)
        return file

    def split(self, file: SpoolFile, offset: int, rows: int) -> SpoolFile:
        """Move the rows after an offset, with this number of rows before it, into a new file; finish the old one."""
        file.finish()
        rest = self.new_file(file.columns_at(offset), file.dialect)
        with disk_errors_explained(), file.path.open("r+b") as old:
            old.seek(offset)
            moved = rest.size_bytes - offset
            while chunk := old.read(_COPY_BYTES):
                rest.write(chunk)
            old.truncate(offset)
        file.size_bytes = offset
        rest.parts += [Part(each.begin + moved, each.rows - rows, each.columns) for each in file.parts_after(offset)]
        file.parts = [file.parts[0], *(each for each in file.parts[1:] if each.begin < offset)]
        return rest

    def rewritten(self, file: SpoolFile, mask: bytes | bytearray | None = None) -> SpoolFile:
        """The same rows under the last of its headers, those whose byte in the mask is not 0, in place of the file."""
        new = self.new_file(file.parts[-1].columns, file.dialect)
        for lines in file.read_lines(new.columns, mask):
            new.write(lines)
        new.finish()
        file.remove()
        return new

    def selected(self, file: SpoolFile, numbers: frozenset[int]) -> SpoolFile:
        """The rows with these numbers (1 is the first data row), in a new file."""
        chosen = self.new_file(file.columns, file.dialect)
        try:
            number = 0
            for rows in file.read_rows():
                for row in rows:
                    number += 1
                    if number in numbers:
                        chosen.write(CsvWriter(file.dialect).lines([row]))
            chosen.finish()
        except BaseException:
            chosen.path.unlink(missing_ok=True)
            raise
        return chosen


class Part(NamedTuple):
    """The rows of a file that were written with the same columns: where they begin, and how many are before them."""

    begin: int
    rows: int
    columns: tuple[str, ...]


class SpoolFile:
    """A CSV file that is being written, then read.

    Its columns may grow while it is written. Then it has several `parts`, and `Spool.rewritten` gives all its rows the
    columns of the last.
    """

    def __init__(self, path: Path, columns: tuple[str, ...], dialect: CsvDialect, open_files: OpenFiles) -> None:
        self.path = path
        self.columns = columns
        self.dialect = dialect
        self._open_files = open_files
        self._is_finished = False
        self.size_bytes = 0
        self.write(CsvWriter(dialect).header_line(columns))
        self.parts = [Part(self.size_bytes, 0, columns)]

    @property
    def full_size_bytes(self) -> int:
        """How large the file is with all its rows under one header."""
        last = self.parts[-1].columns
        if last is self.columns:
            return self.size_bytes
        headers = (len(CsvWriter(self.dialect).header_line(each)) for each in (last, self.columns))
        grown = next(headers) - next(headers)
        blanks = sum(part.rows * (len(part.columns) - len(before.columns)) for before, part in pairwise(self.parts))
        return self.size_bytes + grown + blanks

    def widen(self, columns: tuple[str, ...], rows: int) -> None:
        """What is written after these rows has more columns, at the end."""
        self.parts.append(Part(self.size_bytes, rows, columns))

    def columns_at(self, offset: int) -> tuple[str, ...]:
        """The columns of a row that begins at an offset."""
        return [each for each in self.parts if each.begin <= offset][-1].columns

    def parts_after(self, offset: int) -> list[Part]:
        """The parts that begin after an offset."""
        return [each for each in self.parts if each.begin > offset]

    def write(self, rows: bytes) -> None:
        """Add rows as lines of CSV; raises `TransientProblem` when the disk is full."""
        if self._is_finished:
            raise ValueError("the file is finished")
        with disk_errors_explained():
            self._open_files.append(self.path, rows)
        self.size_bytes += len(rows)

    def finish(self) -> None:
        """Close the file; raises `TransientProblem` when the disk is full."""
        if not self._is_finished:
            self._is_finished = True
            with disk_errors_explained():
                self._open_files.close(self.path)

    def read_rows(self) -> Iterator[list[list[str | None]]]:
        """The rows, some at a time."""
        with self.path.open("rb") as file:
            yield from CsvReader(self.dialect).read_all(iter(partial(file.read, _COPY_BYTES), b""))

    def read_lines(self, columns: Sequence[str], mask: bytes | bytearray | None = None) -> Iterator[bytes]:
        """The rows as lines, with blank cells up to these columns; of a mask, those whose byte is not 0."""
        delimiter = self.dialect.delimiter.encode()
        first = 0
        with self.path.open("rb") as file:
            for part, end in zip(self.parts, [*(each.begin for each in self.parts[1:]), self.size_bytes], strict=True):
                blanks = delimiter * (len(columns) - len(part.columns))
                for block in read_blocks(file, part.begin, end):
                    lines = block
                    if mask is not None:
                        kept = mask[first : first + count_rows(block)]
                        first += len(kept)
                        lines = select_lines(block, kept) if 0 in kept else block
                    if lines:
                        yield padded(lines, blanks)

    def remove(self) -> None:
        self.finish()
        self.path.unlink(missing_ok=True)


def disk_errors_explained() -> AbstractContextManager[None]:
    """Turn an error of the disk into a `TransientProblem` for the user."""
    return disk.disk_errors_explained(_disk_sentence)


def _disk_sentence(reason: str | None) -> str:
    return (
        f"The connector's disk {'is full' if reason is None else 'cannot be written'}, and nothing of the file it was "
        "writing was sent to Pigment: give the connector more temporary disk space, or lower "
        '"Largest file (MB)", and run the sync again.'
    )

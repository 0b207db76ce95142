"""One stream while it is read: each slice is an export of its own, and comes whole or fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

from pigment_airbyte.failures import ConfigProblem, TransientProblem
from pigment_client.client import PigmentClient
from pigment_client.errors import BrokenOff, TryLater
from pigment_client.http.retry import may_repeat
from pigment_client.models import ExportRequest
from pigment_csv.reader import CsvBroken, RecordBlocks, rows_of, split_first_record
from source_pigment.config import DIALECT, Payload
from source_pigment.discovery.schema import ColumnsAmbiguous, ColumnsMissing, ConfiguredSchema
from source_pigment.discovery.streams import StreamObject
from source_pigment.reading.progress import Progress
from source_pigment.reading.records import Converter, RecordBlock, RecordLayout, RecordTooLong, new_converter

# Large enough that the fixed cost of a block vanishes, small enough that several fit into little memory.
_BLOCK_BYTES = 1 << 20

# A slow export shows its rows all the same.
_BLOCK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a configured stream wants its records."""

    schema: ConfiguredSchema
    primary_key: tuple[str, ...]
    row_metadata: bool
    max_retries: int
    now: Callable[[], float] = time.time


class ExportStream:
    """Reads the slices of one stream."""

    def __init__(
        self, client: PigmentClient, stream_object: StreamObject, slices: tuple[Payload, ...], options: ReadOptions
    ) -> None:
        self._client = client
        self._object = stream_object
        self._options = options
        self.name = stream_object.name
        self.subject = stream_object.subject
        self.slices = slices
        self.progress = Progress(stream_object.name)

    def read(self, position: int) -> Iterator[RecordBlock]:
        """The records of a slice; ends only after its export ended whole.

        A break before the first record is repeated, a later one raised: what has left cannot be taken back.
        """
        attempt = 0
        while True:
            any_left = False
            try:
                for block in self._export(self.slices[position]):
                    any_left = True
                    yield block
            except TryLater as error:
                attempt += 1
                if any_left or attempt > self._options.max_retries or not may_repeat(error, repeatable=True):
                    raise
                self._client.wait_before_retry(attempt, error)
            else:
                return

    def _export(self, payload: Payload) -> Iterator[RecordBlock]:
        request = ExportRequest(self._object.kind, self._object.id, payload)
        with closing(self._client.export_once(request)) as export:
            converter: Converter | None = None
            records = 1
            for block in self._blocks(export):
                rows = block
                if converter is None:
                    header, rows = self._split(block)
                    converter = new_converter(self._layout(header))
                if rows:
                    converted = self._convert(converter, rows, records + 1)
                    records += converted.count
                    self.progress.add(converted, export.bytes_received)
                    yield converted
            if converter is None:
                # Even an export without rows has a header line.
                raise BrokenOff("export", object_id=self._object.id)

    def _convert(self, converter: Converter, rows: bytes, first_record: int) -> RecordBlock:
        try:
            return converter.convert(rows, first_record=first_record, emitted_at=int(self._options.now() * 1000))
        except CsvBroken as error:
            raise self._damaged(error) from None
        except RecordTooLong:
            raise ConfigProblem(
                f"A row of the {self.subject} is longer than the 20,000,000 characters that Airbyte takes in one "
                'message: leave its long column out with a payload under "Custom exports", or shorten the text.'
            ) from None

    def _layout(self, header: list[str]) -> RecordLayout:
        """How the records look, from the header line that came and the schema that the user configured."""
        try:
            selection = self._options.schema.select(header)
        except ColumnsMissing as error:
            raise ConfigProblem(
                f"The {self.subject} no longer has the column(s) {error}: refresh the schema of the connection, so "
                "that a renamed or removed column does not arrive as blanks."
            ) from None
        except ColumnsAmbiguous:
            raise ConfigProblem(
                f"The {self.subject} has another number of columns that share a name or have none, so it is not known "
                "which is which: give them names of their own in Pigment, or refresh the schema of the connection."
            ) from None
        self.progress.note_new_columns(selection.new)
        keys = [at for at, name in enumerate(selection.names) if name in self._options.primary_key]
        id_position = (keys[0] if keys else 0) if self._options.row_metadata else None
        return RecordLayout(self.name, selection.names, selection.types, id_position)

    def _blocks(self, export: Iterable[bytes]) -> Iterator[bytes]:
        try:
            yield from _large_blocks(export, self._options.now)
        except CsvBroken as error:
            raise self._damaged(error) from None

    def _split(self, block: bytes) -> tuple[list[str], bytes]:
        """The names of the header line, and the rows behind it."""
        try:
            header, rows = split_first_record(block, DIALECT)
            return [name or "" for name in next(rows_of(header, DIALECT, first_record=1))], rows
        except CsvBroken as error:
            raise self._damaged(error) from None

    def _damaged(self, error: CsvBroken) -> TransientProblem:
        return TransientProblem(
            f"The export of the {self.subject} is damaged: {error}. Run the sync again, and report this if it happens "
            "at the same record."
        )


def _large_blocks(chunks: Iterable[bytes], now: Callable[[], float]) -> Iterator[bytes]:
    """The export in blocks of whole records, large ones where it comes fast."""
    blocks = RecordBlocks()
    gathered: list[bytes] = []
    size, since = 0, now()
    for chunk in chunks:
        block = blocks.decode(chunk)
        if block:
            gathered.append(block)
            size += len(block)
        if size >= _BLOCK_BYTES or (size and now() - since >= _BLOCK_SECONDS):
            yield b"".join(gathered)
            gathered, size, since = [], 0, now()
    gathered.append(blocks.flush())
    rest = b"".join(gathered)
    if rest:
        yield rest

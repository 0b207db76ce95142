"""One stream while it is read: each slice is an export of its own, and comes whole or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from ctypes import CDLL
from dataclasses import dataclass
from threading import Event
from typing import Any

from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from pigment_airbyte.failures import ConfigProblem
from pigment_client.client import PigmentClient
from pigment_client.models import ExportRequest
from pigment_csv.reader import CsvBroken
from pigment_native.library import LIBRARY
from source_pigment.config import Payload
from source_pigment.discovery.names import StreamName
from source_pigment.discovery.schema import ColumnsAmbiguous, ColumnsMissing, ConfiguredSchema, Selection
from source_pigment.reading.conversion import Expected, converter
from source_pigment.reading.download import Download, DownloadOptions, download, unreadable
from source_pigment.reading.progress import Progress
from source_pigment.reading.records import RecordBlock, RecordLayout, RecordTooLong, RowConverter
from source_pigment.reading.state import state_after

# As many digits as a time has for the next two centuries.
_LATEST = 9_999_999_999_999


@dataclass(frozen=True, slots=True)
class Exported:
    """What a stream exports: its name, what the user calls it, and one request for each slice."""

    stream: StreamName
    subject: str
    requests: tuple[ExportRequest, ...]


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a configured stream wants its records."""

    schema: ConfiguredSchema
    primary_key: tuple[str, ...]
    row_metadata: bool
    library: CDLL | None = LIBRARY
    now: Callable[[], float] = time.time


class ExportStream:
    """Reads the slices of one stream: downloads in many threads, records in one."""

    def __init__(self, client: PigmentClient, exported: Exported, options: ReadOptions) -> None:
        self._client = client
        self._exported = exported
        self._options = options
        self.name = exported.stream
        self.subject = exported.subject
        self.progress = Progress(exported.stream)

    @property
    def slices(self) -> tuple[Payload, ...]:
        """The payloads of the slices."""
        return tuple(request.payload or {} for request in self._exported.requests)

    def state(self, finished: Collection[int], sync: str | None) -> Mapping[str, Any]:
        """The state of the stream when these slices were sent."""
        return state_after(finished, self.slices, sync)

    def download(self, position: int, stop: Event) -> Download:
        """A slice, whole and on disk; raises `Stopped` once `stop` is set."""
        options = DownloadOptions(self.subject, self._try_header, stop, self._options.library)
        try:
            return download(self._client, self._exported.requests[position], options)
        except CsvBroken as error:
            raise self._not_as_asked(str(error)) from None
        except RecordTooLong:
            raise ConfigProblem(
                f"A row of the {self.subject} is longer than the 20,000,000 characters that Airbyte takes in one "
                'message: leave its long column out with export options under "Custom exports", or shorten the text.'
            ) from None

    def records(self, finished: Download) -> Iterator[RecordBlock]:
        """The records of a downloaded slice, which is closed behind them."""
        with closing(finished):
            selection = self._selection(finished.header)
            self.progress.note_new_columns(selection.new)
            count = 0
            try:
                for block in self._blocks(finished, self._layout(selection)):
                    count += block.count
                    self.progress.add(block)
                    yield block
            except OSError:
                raise unreadable(self.subject) from None
            if count != finished.rows:
                raise AssertionError("a row was counted that did not become a record")

    def _blocks(self, finished: Download, layout: RecordLayout) -> Iterator[RecordBlock]:
        rows_to_records = converter(layout, int(self._options.now() * 1000), self._options.library)
        first_record = 2
        for rows in finished.content():
            block = rows_to_records.convert(rows, first_record=first_record)
            first_record += block.count
            yield block

    def _try_header(self, header: list[str]) -> Expected:
        """Whether the columns are those that are wanted; raises what is wrong."""
        layout = self._layout(self._selection(header))
        return Expected(
            try_rows=lambda rows: RowConverter(layout, _LATEST).convert(rows, first_record=2),
            safe_bytes=layout.safe_bytes,
            least_record_bytes=layout.least_record_bytes,
        )

    def _layout(self, selection: Selection) -> RecordLayout:
        keys = [at for at, name in enumerate(selection.names) if name in self._options.primary_key]
        id_position = (keys[0] if keys else 0) if self._options.row_metadata else None
        key_positions = tuple(keys) if len(keys) == len(self._options.primary_key) else ()
        return RecordLayout(self.name, selection.names, selection.types, id_position, key_positions)

    def _selection(self, header: list[str]) -> Selection:
        """What becomes of the columns, by the header line that came and the schema that the user configured."""
        try:
            return self._options.schema.select(header)
        except ColumnsMissing as error:
            if len(header) == 1 and "," in header[0]:
                raise self._not_as_asked(
                    "its columns are separated by commas, not by the semicolons that were asked for"
                ) from None
            raise ConfigProblem(
                f"The {self.subject} no longer has the {error}: refresh the schema of the connection, so "
                "that a renamed or removed column does not arrive as blanks."
            ) from None
        except ColumnsAmbiguous:
            raise ConfigProblem(
                f"The {self.subject} has another number of columns that share a name or have none, so it is not known "
                "which is which: give them names of their own in Pigment, or refresh the schema of the connection."
            ) from None

    def _not_as_asked(self, reason: str) -> AirbyteTracedException:
        """What came whole and cannot be read will not be better when it is asked for again."""
        return AirbyteTracedException(
            message=f"The export of the {self.subject} cannot be read: {reason}. None of its records were sent: look "
            "at that place in Pigment, and report this if nothing is wrong there.",
            internal_message="the export is whole, but not CSV as it was asked for",
            failure_type=FailureType.system_error,
        )

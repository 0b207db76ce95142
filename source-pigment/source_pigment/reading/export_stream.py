"""One stream while it is read: each of its slices is an export, which is sent whole or not at all."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from ctypes import CDLL
from threading import Event
from typing import Any

from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from pigment_airbyte.failures import ConfigProblem
from pigment_client.models import ExportRequest
from pigment_csv.reader import CsvBroken, RecordTooLarge
from pigment_native.library import LIBRARY
from source_pigment.config import Payload
from source_pigment.discovery.names import StreamName
from source_pigment.discovery.schema import ColumnsAmbiguous, ColumnsMissing, ConfiguredSchema
from source_pigment.reading.conversion import ExportConverter
from source_pigment.reading.download import Download, Downloads, read_blocks, unreadable
from source_pigment.reading.records import RecordBlock, RecordLayout, RecordTooLong
from source_pigment.reading.state import state_after

logger = logging.getLogger("airbyte.pigment.source")


class ExportStream:
    """Reads the slices of one stream, one request each: downloads them in many threads, sends records in one.

    `subject` is how messages name the stream.
    """

    def __init__(
        self,
        downloads: Downloads,
        name: StreamName,
        subject: str,
        requests: Sequence[ExportRequest],
        schema: ConfiguredSchema,
        primary_key: Sequence[str],
        *,
        row_metadata: bool,
        library: CDLL | None = LIBRARY,
    ) -> None:
        self._downloads = downloads
        self._requests = requests
        self._schema = schema
        self._primary_key = primary_key
        self._row_metadata = row_metadata
        self._library = library
        self.name = name
        self.subject = subject
        # All mutable state: the columns that the user has been warned of.
        self._new_columns: set[str] = set()

    @property
    def slices(self) -> tuple[Payload, ...]:
        # With the block: another one that is exported in the same way has other slices.
        return tuple({"id": request.id, "payload": request.payload} for request in self._requests)

    def state(self, sent_slices: Collection[int], sync_identity: str | None) -> Mapping[str, Any]:
        return state_after(sent_slices, self.slices, sync_identity)

    def download(self, slice_index: int, stop: Event) -> Download:
        """A slice, complete and on disk as records; raises `Stopped` once `stop` is set."""
        try:
            return self._downloads.store(self._requests[slice_index], self.subject, self._new_converter, stop)
        except (RecordTooLarge, RecordTooLong):
            raise ConfigProblem(
                f"A row of the {self.subject} is longer than the 20,000,000 characters that Airbyte takes in one "
                "message, or a quote in it is never closed: leave its long column out with export options under "
                '"Custom exports", or shorten the text.'
            ) from None
        except CsvBroken as error:
            raise self._unusable(str(error)) from None

    def records(self, fetched: Download) -> Iterator[RecordBlock]:
        """The records of a downloaded slice, which is closed after them."""
        with closing(fetched):
            self._warn_of_new_columns(fetched.new_columns)
            count = 0
            try:
                for block in read_blocks(fetched.file, self.name):
                    count += block.count
                    yield block
            except OSError:
                raise unreadable(self.subject) from None
            if count != fetched.rows:
                raise unreadable(self.subject)

    def _warn_of_new_columns(self, names: Sequence[str]) -> None:
        """Warn once that the configured schema lacks these columns; their values are sent anyway."""
        new = [name for name in names if name not in self._new_columns]
        self._new_columns.update(new)
        if new:
            logger.warning(
                'The stream "%s" has columns that its configured schema lacks, new ones or ones you left out: %s. They '
                "are sent, but many destinations keep only configured columns: refresh the schema to keep new ones.",
                self.name,
                ", ".join(new),
            )

    def _new_converter(self) -> ExportConverter:
        # The `emitted_at` of the records is the time at which this attempt to download them began.
        return ExportConverter(self._layout, int(time.time() * 1000), self._library)

    def _layout(self, header: list[str]) -> RecordLayout:
        """How the records of an export with this header look; raises what is wrong with the header."""
        try:
            names, types, new = self._schema.select(header)
        except ColumnsMissing as error:
            if len(header) == 1 and "," in header[0]:
                raise self._unusable(
                    "its columns are separated by commas, not by the semicolons that were asked for"
                ) from None
            raise ConfigProblem(
                f"The {self.subject} no longer has the {error}: refresh the schema of the connection, so "
                "that a renamed or removed column does not arrive as blanks."
            ) from None
        except ColumnsAmbiguous:
            raise ConfigProblem(
                f"The number of columns that share a name or have none has changed in the {self.subject}, so it is not "
                "known which is which: give them different names in Pigment, or refresh the schema of the connection."
            ) from None
        keys = [at for at, name in enumerate(names) if name in self._primary_key]
        id_position = (keys[0] if keys else 0) if self._row_metadata else None
        key_positions = tuple(keys) if len(keys) == len(self._primary_key) else ()
        return RecordLayout(self.name, names, types, id_position, key_positions, new, self._downloads.has_totals)

    def _unusable(self, reason: str) -> AirbyteTracedException:
        """An export that is complete but cannot be read: a repeat would not help."""
        return AirbyteTracedException(
            message=f"The export of the {self.subject} cannot be read: {reason}. None of its records were sent: look "
            "at that place in Pigment, and report this if nothing is wrong there.",
            internal_message="the export is complete, but not CSV in the requested form",
            failure_type=FailureType.system_error,
        )

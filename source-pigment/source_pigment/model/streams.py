"""The streams of the model: listed whole before the first record leaves, small enough for memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from airbyte_cdk.models import AirbyteStream, SyncMode

from pigment_airbyte.failures import ConfigProblem
from pigment_client.wording import counted
from source_pigment.config import Payload
from source_pigment.discovery.names import StreamName
from source_pigment.model.entries import ModelKind, properties_of
from source_pigment.model.listings import ModelListings
from source_pigment.reading.progress import Progress
from source_pigment.reading.records import JsonRecords, RecordBlock, RecordTooLong
from source_pigment.reading.state import NOTHING_TO_RESUME


@dataclass(frozen=True, slots=True)
class ListedEntries:
    """All entries of a stream as the JSON of their records."""

    data: tuple[bytes, ...] = field(repr=False)

    @property
    def rows(self) -> int:
        """How many records they become."""
        return len(self.data)

    @property
    def content_bytes(self) -> int:
        """How long they are."""
        return sum(map(len, self.data))

    def __str__(self) -> str:
        return counted(self.rows, "entry", "entries")

    def close(self) -> None:
        """Nothing: they are nowhere but here."""


class ModelStream:
    """Reads one kind of the model's objects."""

    slices: tuple[Payload, ...] = ({},)

    def __init__(
        self,
        kind: ModelKind,
        listings: ModelListings,
        json_schema: Mapping[str, Any],
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._kind = kind
        self._listings = listings
        self._now = now
        self.name = StreamName(kind.value)
        self.subject = f'stream "{kind.value}"'
        self.progress = Progress(self.name)
        self._records = JsonRecords(self.name, json_schema)

    def download(self, position: int, stop: Event) -> ListedEntries:  # noqa: ARG002 - there is one slice
        """Everything, listed to its end."""
        entries = self._listings.entries(self._kind, stop)
        return ListedEntries(tuple(self._records.data(each.values(self._kind)) for each in entries))

    def records(self, finished: ListedEntries) -> Iterator[RecordBlock]:
        """The records, in Pigment's order."""
        try:
            for block in self._records.blocks(finished.data, int(self._now() * 1000)):
                self.progress.add(block)
                yield block
        except RecordTooLong:
            raise ConfigProblem(
                f"An entry of the {self.subject} is longer than the 20,000,000 characters that Airbyte takes in one "
                'message: deselect its columns "columns" and "additional_fields" in the connection.'
            ) from None

    def state(self, finished: Collection[int], sync: str | None) -> Mapping[str, Any]:  # noqa: ARG002 - nothing resumes
        """The CDK's word for a stream that is read whole each time."""
        return NOTHING_TO_RESUME


def model_airbyte_streams() -> list[AirbyteStream]:
    """The streams as the catalog has them: their schemas are fixed."""
    return [
        AirbyteStream(
            name=kind.value,
            json_schema={"type": "object", "properties": properties_of(kind), "additionalProperties": True},
            supported_sync_modes=[SyncMode.full_refresh],
            source_defined_primary_key=[["id"]],
            is_resumable=False,
        )
        for kind in ModelKind
    ]

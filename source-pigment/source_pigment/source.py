"""The source: check, discover and read as the protocol wants them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any

import orjson
from airbyte_cdk.models import (
    AirbyteCatalog,
    AirbyteConnectionStatus,
    AirbyteMessage,
    AirbyteMessageSerializer,
    AirbyteStateBlob,
    AirbyteStateMessage,
    AirbyteStateType,
    AirbyteStream,
    AirbyteStreamState,
    AirbyteStreamStatus,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteStream,
    ConnectorSpecification,
    FailureType,
    StreamDescriptor,
    SyncMode,
    Type,
)
from airbyte_cdk.sources.source import Source
from airbyte_cdk.utils.stream_status_utils import as_airbyte_message
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from pigment_airbyte.connection import connected, without_nulls
from pigment_airbyte.failures import ConfigProblem, explained, traced
from pigment_client.client import PigmentClient
from source_pigment.check import check_connection
from source_pigment.config import MAX_RETRIES, SourceConfig, parse_config
from source_pigment.discovery.sampling import DiscoveredStream, discover_streams
from source_pigment.discovery.schema import ConfiguredSchema
from source_pigment.discovery.streams import Catalog, fetch_catalog, fetch_filled_catalog, payloads_of
from source_pigment.reading.export_stream import ExportStream, ReadOptions
from source_pigment.reading.records import RecordBlock
from source_pigment.reading.slices import Failed, Item, Reading, SliceFinished, Started
from source_pigment.reading.state import finished_slices, state_after
from source_pigment.spec import make_spec

logger = logging.getLogger("airbyte.pigment.source")


class SourcePigment(Source):
    """Reads lists, tables, metrics and views of one application.

    With `in_blocks` the records leave `read` as `RecordBlock`s, which our entrypoint writes as they are; without, one
    message each, for whoever calls the source in process (where digits beyond a float's are lost).
    """

    def __init__(self, *, in_blocks: bool = False) -> None:
        self._in_blocks = in_blocks

    @staticmethod
    def read_config(config_path: str) -> MutableMapping[str, Any]:
        """The configuration; what is null counts as not given."""
        return without_nulls(Source.read_config(config_path))

    def spec(self, logger: logging.Logger) -> ConnectorSpecification:  # noqa: ARG002 - the CDK's signature
        """What the form asks for."""
        return make_spec()

    def check(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteConnectionStatus:
        """Whether the configuration works, with the reason where it does not."""
        return check_connection(config, logger)

    def discover(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteCatalog:  # noqa: ARG002 - the CDK's signature
        """The streams with their schemas."""
        with explained(), connected(config, parse_config, default_max_retries=MAX_RETRIES) as (client, settings):
            catalog = fetch_filled_catalog(client, settings)
            found = discover_streams(client, settings, catalog)
            return AirbyteCatalog(streams=[_airbyte_stream(each, settings) for each in found])

    def read(
        self,
        logger: logging.Logger,  # noqa: ARG002 - the CDK's signature
        config: Mapping[str, Any],
        catalog: ConfiguredAirbyteCatalog,
        state: list[AirbyteStateMessage] | MutableMapping[str, Any] | None = None,
    ) -> Iterable[AirbyteMessage]:
        """The records and states of the configured streams."""
        for message in self._read(config, catalog, state if isinstance(state, list) else []):
            if isinstance(message, RecordBlock) and not self._in_blocks:
                yield from _one_by_one(message)
            else:
                yield message  # type: ignore[misc] # a RecordBlock goes only to our own entrypoint

    def _read(
        self, config: Mapping[str, Any], catalog: ConfiguredAirbyteCatalog, state: list[AirbyteStateMessage]
    ) -> Iterator[AirbyteMessage | RecordBlock]:
        with explained(), connected(config, parse_config, default_max_retries=MAX_RETRIES) as (client, settings):
            known = fetch_catalog(client, settings)
            sync = Sync(client, settings, known, state)
            yield from sync.messages(catalog.streams)


class Sync:
    """One run of `read`: the streams, their states, and what became of them."""

    def __init__(
        self, client: PigmentClient, config: SourceConfig, catalog: Catalog, states: list[AirbyteStateMessage]
    ) -> None:
        self._client = client
        self._config = config
        self._catalog = catalog
        self._states = {
            each.stream.stream_descriptor.name: dict((each.stream.stream_state or AirbyteStateBlob()).__dict__)
            for each in states
            if each.stream is not None
        }
        self._failures: dict[str, AirbyteTracedException] = {}
        self._running: set[str] = set()

    def messages(self, configured: list[ConfiguredAirbyteStream]) -> Iterator[AirbyteMessage | RecordBlock]:
        """All messages; raises at the end if a stream failed, after the others went on."""
        streams: list[tuple[ExportStream, int]] = []
        for each in configured:
            try:
                stream = self._stream(each)
            except ConfigProblem as error:
                yield from self._fail(each.stream.name, error, "stream")
                continue
            first = finished_slices(self._states.get(stream.name), stream.slices)
            if first < len(stream.slices):
                streams.append((stream, first))
            else:
                logger.info('The stream "%s" was read by an earlier attempt, and is not read again.', stream.name)
                yield _status(stream.name, AirbyteStreamStatus.STARTED)
                yield from self._end(stream)
        for stream, item in Reading(streams, num_workers=self._config.num_workers):
            yield from self._on(stream, item)
        if self._failures:
            raise self._summary()

    def _stream(self, configured: ConfiguredAirbyteStream) -> ExportStream:
        name = configured.stream.name
        schema = ConfiguredSchema.of(configured.stream.json_schema)
        found = self._catalog.find(name, schema.object_id)
        if found is None:
            raise ConfigProblem(
                f'The stream "{name}" is not in Pigment any more, or its owner hid it from the API key: refresh the '
                "schema of the connection."
            )
        key = configured.stream.source_defined_primary_key or []
        options = ReadOptions(
            schema=schema,
            primary_key=tuple(path[0] for path in key if path),
            row_metadata=self._config.row_metadata,
            max_retries=self._config.max_retries,
        )
        return ExportStream(self._client, found, payloads_of(self._config, found), options)

    def _on(self, stream: ExportStream, item: Item) -> Iterator[AirbyteMessage | RecordBlock]:
        match item:
            case Started():
                yield _status(stream.name, AirbyteStreamStatus.STARTED)
            case RecordBlock():
                if stream.name not in self._running:
                    self._running.add(stream.name)
                    yield _status(stream.name, AirbyteStreamStatus.RUNNING)
                yield item
                estimate = stream.progress.estimate()
                if estimate is not None:
                    yield estimate
            case SliceFinished(position=position) if position + 1 < len(stream.slices):
                yield _state(stream, position + 1)
            case SliceFinished():
                yield from self._end(stream)
            case Failed(error=error):
                stream.progress.summarize()
                yield from self._fail(stream.name, error, stream.subject)

    def _end(self, stream: ExportStream) -> Iterator[AirbyteMessage]:
        stream.progress.summarize()
        yield _state(stream, len(stream.slices))
        yield _status(stream.name, AirbyteStreamStatus.COMPLETE)

    def _fail(self, name: str, error: Exception, subject: str) -> Iterator[AirbyteMessage]:
        failure = traced(error, subject=subject, stream=name)
        self._failures[name] = failure
        yield failure.as_sanitized_airbyte_message()
        yield _status(name, AirbyteStreamStatus.INCOMPLETE)

    def _summary(self) -> AirbyteTracedException:
        failures = list(self._failures.values())
        worst = next(
            (
                kind
                for kind in (FailureType.system_error, FailureType.config_error)
                if any(each.failure_type is kind for each in failures)
            ),
            FailureType.transient_error,
        )
        names = ", ".join(f'"{name}"' for name in self._failures)
        first = failures[0].message if len(failures) == 1 else "the message of each stream says what to do."
        return AirbyteTracedException(
            message=f"These streams were not read to their end: {names}: {first}",
            internal_message=f"{len(failures)} streams failed",
            failure_type=worst,
        )


def _airbyte_stream(found: DiscoveredStream, settings: SourceConfig) -> AirbyteStream:
    return AirbyteStream(
        name=found.object.name,
        json_schema=found.schema.json_schema(found.object.id, row_metadata=settings.row_metadata),
        supported_sync_modes=[SyncMode.full_refresh],
        source_defined_primary_key=[[name] for name in found.schema.primary_key] or None,
        # For every other stream the platform clears what a failed attempt left, instead of adding to it.
        is_resumable=found.num_slices > 1,
    )


def _state(stream: ExportStream, finished: int) -> AirbyteMessage:
    blob = AirbyteStateBlob(state_after(finished, stream.slices))
    state = AirbyteStreamState(stream_descriptor=StreamDescriptor(name=stream.name), stream_state=blob)
    return AirbyteMessage(type=Type.STATE, state=AirbyteStateMessage(type=AirbyteStateType.STREAM, stream=state))


def _status(name: str, status: AirbyteStreamStatus) -> AirbyteMessage:
    return as_airbyte_message(StreamDescriptor(name=name), status)


def _one_by_one(block: RecordBlock) -> Iterator[AirbyteMessage]:
    for line in block.lines.split(b"\n"):
        if line:
            yield AirbyteMessageSerializer.load(orjson.loads(line))

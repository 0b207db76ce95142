"""The source: check, discover and read as the protocol wants them."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any

from airbyte_cdk.models import (
    AirbyteCatalog,
    AirbyteConnectionStatus,
    AirbyteMessage,
    AirbyteStateMessage,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteCatalogSerializer,
    ConfiguredAirbyteStream,
    ConnectorSpecification,
)
from airbyte_cdk.sources.source import Source
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from pigment_airbyte.command_line import log_connector, read_json_file
from pigment_airbyte.connection import open_client
from pigment_airbyte.failures import ConfigProblem, explained
from pigment_airbyte.form import load_spec, without_empty
from pigment_airbyte.output import log_slow_conversion
from pigment_client.wording import counted, with_noun
from source_pigment.check import check_connection
from source_pigment.config import SourceConfig, parse_config
from source_pigment.discovery.catalog import ExportCatalog, export_requests
from source_pigment.discovery.fetch_catalog import fetch_catalog_for, fetch_whole_catalog
from source_pigment.discovery.matching import (
    ConfiguredStream,
    find_target,
    require_distinct_streams,
    require_unambiguous_exports,
)
from source_pigment.discovery.names import StreamName
from source_pigment.discovery.sampling import discover_streams
from source_pigment.discovery.schema import CONTENT_HASH, RECORD_ID, ConfiguredSchema
from source_pigment.model.streams import ModelListings
from source_pigment.reading.download import Downloads
from source_pigment.reading.export_stream import ExportStream
from source_pigment.reading.records import RecordBlock, single_records
from source_pigment.reading.scheduler import SyncStream
from source_pigment.reading.state import sync_identity
from source_pigment.reading.sync import StreamStates, Sync
from source_pigment.system_streams import open_system_stream, system_airbyte_streams

logger = logging.getLogger("airbyte.pigment.source")


class SourcePigment(Source):
    """Reads lists, tables, metrics and views of one application, or of every one that the keys see.

    With `in_blocks`, records leave `read` as `RecordBlock`s, which our entrypoint writes unchanged. Without, each is a
    message, for callers in the same process (where a number that no float can represent is text).
    """

    def __init__(self, *, in_blocks: bool = False) -> None:
        self._in_blocks = in_blocks

    @staticmethod
    def read_config(config_path: str) -> MutableMapping[str, Any]:
        """The configuration; what is null or an empty text counts as not given."""
        return without_empty(read_json_file(config_path, "configuration"))

    @classmethod
    def read_catalog(cls, catalog_path: str) -> ConfiguredAirbyteCatalog:
        """The configured catalog; raises `ConfigProblem`."""
        content = read_json_file(catalog_path, "catalog")
        try:
            return ConfiguredAirbyteCatalogSerializer.load(content)
        except (KeyError, TypeError, ValueError):
            raise ConfigProblem(
                f"The catalog file {catalog_path} is not a configured catalog: write one with the streams of "
                '"discover", each with its sync mode.'
            ) from None

    @classmethod
    def read_state(cls, state_path: str) -> list[AirbyteStateMessage]:
        """The states of the sync before; raises `ConfigProblem`."""
        # A client without a state may send an empty object.
        if not state_path or not (content := read_json_file(state_path, "state", object)):
            return []
        if not isinstance(content, list):
            raise ConfigProblem(f"The state file {state_path} must contain a JSON list: correct the file.")
        try:
            return super().read_state(state_path)
        except (KeyError, TypeError, ValueError):
            raise ConfigProblem(
                f"The state file {state_path} does not contain the states of a sync: correct it, or leave it out to "
                "begin again."
            ) from None

    def configure(self, config: Mapping[str, Any], temp_dir: str) -> Mapping[str, Any]:  # noqa: ARG002 - the CDK's signature
        """The configuration; the CDK's own method would leave it on disk, with the keys, while a command runs."""
        log_connector(logger, "source-pigment", config)
        return config

    def spec(self, logger: logging.Logger) -> ConnectorSpecification:  # noqa: ARG002 - the CDK's signature
        return load_spec("source_pigment")

    def check(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteConnectionStatus:
        """Whether the configuration works, with the reason where it does not."""
        return check_connection(config, logger)

    def discover(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteCatalog:  # noqa: ARG002 - the CDK's signature
        with explained(), open_client(config) as client:
            settings = parse_config(config)
            streams = discover_streams(client, settings, fetch_whole_catalog(client, settings))
            return AirbyteCatalog(streams=[*streams, *system_airbyte_streams(settings)])

    def read(
        self,
        logger: logging.Logger,  # noqa: ARG002 - the CDK's signature
        config: Mapping[str, Any],
        catalog: ConfiguredAirbyteCatalog,
        state: list[AirbyteStateMessage] | MutableMapping[str, Any] | None = None,
    ) -> Iterable[AirbyteMessage]:
        for message in self._read(config, catalog, state if isinstance(state, list) else []):
            if isinstance(message, RecordBlock) and not self._in_blocks:
                yield from single_records(message)
            else:
                yield message  # type: ignore[misc] # a RecordBlock goes only to our own entrypoint

    def _read(
        self, config: Mapping[str, Any], catalog: ConfiguredAirbyteCatalog, state: list[AirbyteStateMessage]
    ) -> Iterator[AirbyteMessage | RecordBlock]:
        with explained(), open_client(config) as client:
            settings = parse_config(config)
            log_slow_conversion(logger)
            configured = _parse_streams(catalog)
            exports = [stream for stream, _ in configured if not stream.is_system_stream]
            export_catalog = fetch_catalog_for(client, settings, exports)
            require_unambiguous_exports(settings, export_catalog, exports)
            listings = ModelListings(client, settings.application_id, num_workers=settings.num_workers)
            sync_ids = [(each.sync_id, each.generation_id) for each in catalog.streams]
            states = StreamStates(state, sync_identity(os.environ.get("WORKER_JOB_ID"), sync_ids))
            streams: list[SyncStream] = []
            unopened: list[tuple[StreamName, Exception]] = []
            downloads = Downloads(client, has_totals=settings.control_totals)
            for stream, each in configured:
                try:
                    if stream.is_system_stream:
                        streams.append(open_system_stream(client, settings, listings, each, states.given(stream.name)))
                    else:
                        streams.append(_open_export(downloads, settings, export_catalog, stream, each))
                except (ConfigProblem, AirbyteTracedException) as error:
                    unopened.append((stream.name, error))
            sync = Sync(
                states, streams, num_workers=settings.num_workers, bytes_received=lambda: downloads.bytes_received
            )
            client.summarize_with(sync.summary)
            client.report_rate_limit_to(sync.report_rate_limit)
            for name, problem in unopened:
                yield from sync.fail(name, problem, "stream")
            yield from sync.messages()
            sync.raise_failures()


def _parse_streams(catalog: ConfiguredAirbyteCatalog) -> list[tuple[ConfiguredStream, ConfiguredAirbyteStream]]:
    """Each configured stream once, because reading it twice would double its rows; raises `ConfigProblem`."""
    parsed: list[tuple[ConfiguredStream, ConfiguredAirbyteStream]] = []
    for each in catalog.streams:
        # Some clients write an empty text for a missing namespace.
        name = StreamName(each.stream.name, each.stream.namespace or None)
        parsed.append((ConfiguredStream(name, ConfiguredSchema.parse(each.stream.json_schema)), each))
    require_distinct_streams(stream for stream, _ in parsed)
    once = {stream.name: (stream, each) for stream, each in parsed}
    if len(once) < len(parsed):
        repeated = counted(len(parsed) - len(once), "stream")
        logger.warning("The configured catalog contains %s twice: each is read once.", repeated)
    return list(once.values())


def _open_export(
    downloads: Downloads,
    settings: SourceConfig,
    export_catalog: ExportCatalog,
    stream: ConfiguredStream,
    configured: ConfiguredAirbyteStream,
) -> ExportStream:
    """The export that a configured stream reads; raises what `find_target` raises."""
    target = find_target(settings, export_catalog, stream)
    metadata = sorted({RECORD_ID, CONTENT_HASH} & (configured.stream.json_schema.get("properties") or {}).keys())
    if metadata and not settings.row_metadata:
        raise ConfigProblem(
            f'The {target.subject} no longer has the {with_noun("column", metadata)}, because "Add columns to compare '
            'rows between syncs" was switched off: switch it on again, or refresh the schema of the connection.'
        )
    requests = export_requests(settings, target)
    key = [path[0] for path in configured.stream.source_defined_primary_key or () if path]
    return ExportStream(
        downloads, target.stream, target.subject, requests, stream.schema, key, row_metadata=settings.row_metadata
    )

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
    AirbyteStream,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteStream,
    ConnectorSpecification,
    SyncMode,
)
from airbyte_cdk.sources.source import Source
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from pigment_airbyte.connection import connected
from pigment_airbyte.failures import ConfigProblem, explained
from pigment_airbyte.form import load_spec, without_nulls
from pigment_airbyte.output import log_slow_conversion
from pigment_client.client import PigmentClient
from pigment_client.models import ExportRequest
from pigment_client.wording import counted, with_noun
from source_pigment.check import check_connection
from source_pigment.config import SourceConfig, parse_config
from source_pigment.discovery.catalog import Catalog, payloads_of
from source_pigment.discovery.fetch_catalog import fetch_catalog_for, fetch_filled_catalog
from source_pigment.discovery.matching import (
    ConfiguredStream,
    find_target,
    require_distinct_streams,
    require_unambiguous_exports,
)
from source_pigment.discovery.names import StreamName
from source_pigment.discovery.sampling import DiscoveredStream, discover_streams
from source_pigment.discovery.schema import CONTENT_HASH, RECORD_ID, ConfiguredSchema
from source_pigment.reading.export_stream import Exported, ExportStream, ReadOptions
from source_pigment.reading.records import RecordBlock, single_records
from source_pigment.reading.scheduler import AnyStream
from source_pigment.reading.state import sync_identity
from source_pigment.reading.sync import StreamStates, Sync
from source_pigment.system_streams import SystemStreams, system_airbyte_streams

logger = logging.getLogger("airbyte.pigment.source")


class SourcePigment(Source):
    """Reads lists, tables, metrics and views of one application, or of every one that the keys see.

    With `in_blocks` the records leave `read` as `RecordBlock`s, which our entrypoint writes as they are; without, one
    message each, for whoever calls the source in process (there, a number that no float holds is a text).
    """

    def __init__(self, *, in_blocks: bool = False) -> None:
        self._in_blocks = in_blocks

    @staticmethod
    def read_config(config_path: str) -> MutableMapping[str, Any]:
        """The configuration; what is null counts as not given."""
        return without_nulls(Source.read_config(config_path))

    def configure(self, config: Mapping[str, Any], temp_dir: str) -> Mapping[str, Any]:  # noqa: ARG002 - the CDK's signature
        """The configuration; the CDK's own would leave it on the disk, keys included, for as long as a command runs."""
        return config

    def spec(self, logger: logging.Logger) -> ConnectorSpecification:  # noqa: ARG002 - the CDK's signature
        """What the form asks for."""
        return load_spec("source_pigment")

    def check(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteConnectionStatus:
        """Whether the configuration works, with the reason where it does not."""
        return check_connection(config, logger)

    def discover(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteCatalog:  # noqa: ARG002 - the CDK's signature
        """The streams with their schemas."""
        with explained(), connected(config, parse_config) as (client, settings):
            found = discover_streams(client, settings, fetch_filled_catalog(client, settings))
            streams = [_airbyte_stream(each, settings) for each in found]
            return AirbyteCatalog(streams=[*streams, *system_airbyte_streams(settings)])

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
                yield from single_records(message)
            else:
                yield message  # type: ignore[misc] # a RecordBlock goes only to our own entrypoint

    def _read(
        self, config: Mapping[str, Any], catalog: ConfiguredAirbyteCatalog, state: list[AirbyteStateMessage]
    ) -> Iterator[AirbyteMessage | RecordBlock]:
        with explained(), connected(config, parse_config) as (client, settings):
            log_slow_conversion(logger)
            require_distinct_streams(_configured(each) for each in catalog.streams)
            configured = _without_repeats(catalog.streams)
            own = SystemStreams(client, settings)
            exports = [_configured(each) for each in configured if not own.has(each)]
            known = fetch_catalog_for(client, settings, exports)
            require_unambiguous_exports(settings, known, exports)
            states = StreamStates(state, _sync_identity(catalog))
            sync = Sync(states)
            streams: list[AnyStream] = []
            for each in configured:
                try:
                    if own.has(each):
                        streams.append(own.open(each, states.given(_name(each))))
                    else:
                        streams.append(_stream(client, settings, known, each))
                except (ConfigProblem, AirbyteTracedException) as error:
                    yield from sync.fail(_name(each), error, "stream")
            client.report_rate_limit_to(sync.rate_limited)
            yield from sync.messages(streams, num_workers=settings.num_workers)
            sync.raise_failures()


def _stream(
    client: PigmentClient,
    settings: SourceConfig,
    catalog: Catalog,
    configured: ConfiguredAirbyteStream,
) -> ExportStream:
    """The stream that is to be read; raises what `find_target` raises."""
    wanted = _configured(configured)
    found = find_target(settings, catalog, wanted)
    ours = sorted({RECORD_ID, CONTENT_HASH} & (configured.stream.json_schema.get("properties") or {}).keys())
    if ours and not settings.row_metadata:
        raise ConfigProblem(
            f'The {found.subject} no longer has the {with_noun("column", ours)}, because "Add columns to compare rows '
            'between syncs" was switched off: switch it on again, or refresh the schema of the connection.'
        )
    key = configured.stream.source_defined_primary_key or []
    options = ReadOptions(
        schema=wanted.schema,
        primary_key=tuple(path[0] for path in key if path),
        row_metadata=settings.row_metadata,
    )
    requests = tuple(ExportRequest(found.kind, found.id, each) for each in payloads_of(settings, found))
    return ExportStream(client, Exported(found.stream, found.subject, requests), options)


def _without_repeats(configured: list[ConfiguredAirbyteStream]) -> list[ConfiguredAirbyteStream]:
    """Each stream once: read twice, its rows would be there twice."""
    once = {_name(each): each for each in configured}
    if len(once) < len(configured):
        repeated = counted(len(configured) - len(once), "stream")
        logger.warning("The configured catalog holds %s twice: each is read once.", repeated)
    return list(once.values())


def _name(configured: ConfiguredAirbyteStream) -> StreamName:
    # Some clients write an empty text for what is not there.
    return StreamName(configured.stream.name, configured.stream.namespace or None)


def _configured(configured: ConfiguredAirbyteStream) -> ConfiguredStream:
    return ConfiguredStream(_name(configured), ConfiguredSchema.of(configured.stream.json_schema))


def _sync_identity(catalog: ConfiguredAirbyteCatalog) -> str | None:
    return sync_identity(
        os.environ.get("WORKER_JOB_ID"), ((each.sync_id, each.generation_id) for each in catalog.streams)
    )


def _airbyte_stream(found: DiscoveredStream, settings: SourceConfig) -> AirbyteStream:
    stream, application = found.target.stream, found.target.application
    return AirbyteStream(
        name=stream.name,
        namespace=stream.namespace,
        json_schema=found.schema.json_schema(
            found.target.id,
            row_metadata=settings.row_metadata,
            application_id=application.id if application else None,
        ),
        supported_sync_modes=[SyncMode.full_refresh],
        source_defined_primary_key=[[name] for name in found.schema.primary_key] or None,
        # For every other stream the platform clears what a failed attempt left, instead of adding to it.
        is_resumable=found.num_slices > 1,
    )

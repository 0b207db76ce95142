"""The streams that are no exports: which there are, and which of the configured ones they are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airbyte_cdk.models import AirbyteStream, ConfiguredAirbyteStream, SyncMode

from pigment_airbyte.failures import ConfigProblem
from pigment_client.client import PigmentClient
from source_pigment.audit.listing import check_page
from source_pigment.audit.stream import AuditOptions, AuditStream, audit_airbyte_stream
from source_pigment.audit.window import STREAM as AUDIT_LOG
from source_pigment.config import SourceConfig
from source_pigment.discovery.names import SYSTEM_STREAM_NAMES
from source_pigment.discovery.schema import ConfiguredSchema
from source_pigment.model.entries import ModelKind
from source_pigment.model.listings import ModelListings, ModelScope
from source_pigment.model.streams import ModelStream, model_airbyte_streams
from source_pigment.reading.scheduler import AnyStream


class SystemStreams:
    """Those of one sync."""

    def __init__(self, client: PigmentClient, settings: SourceConfig) -> None:
        self._client = client
        self._settings = settings
        self._listings = ModelListings(client, ModelScope(settings.application_id, settings.num_workers))

    @staticmethod
    def has(configured: ConfiguredAirbyteStream) -> bool:
        """Whether the configured stream is one of them, switched on or not."""
        stream = configured.stream
        # What was discovered of a block or view has its id.
        return stream.name in SYSTEM_STREAM_NAMES and ConfiguredSchema.of(stream.json_schema).object_id is None

    def open(self, configured: ConfiguredAirbyteStream, given: Mapping[str, Any] | None) -> AnyStream:
        """One of them, behind its state; raises `ConfigProblem` where it is switched off, or the state not ours."""
        name, schema = configured.stream.name, configured.stream.json_schema
        if name == AUDIT_LOG:
            _check_on(name, "Audit log", on=self._settings.audit_log)
            is_incremental = configured.sync_mode is SyncMode.incremental
            return AuditStream(self._client, AuditOptions(schema, given, is_incremental))
        _check_on(name, "Streams that describe the model", on=self._settings.model_streams)
        return ModelStream(ModelKind(name), self._listings, schema)


def system_airbyte_streams(settings: SourceConfig) -> list[AirbyteStream]:
    """What discovery offers beside blocks and views."""
    return [
        *(model_airbyte_streams() if settings.model_streams else ()),
        *([audit_airbyte_stream()] if settings.audit_log else ()),
    ]


def check_system_streams(client: PigmentClient, settings: SourceConfig) -> dict[str, int]:
    """Ask a little of what they need; gives how many there are, by what they are of. Raises what is wrong."""
    found: dict[str, int] = {}
    if settings.model_streams:
        ModelListings(client, ModelScope(settings.application_id, settings.num_workers)).try_out()
        found["about the model"] = len(ModelKind)
    if settings.audit_log:
        # Of the last hour there are few events, and no clock that is a little wrong makes it the future.
        since = datetime.now(UTC) - timedelta(hours=1)
        check_page(client.audit_page(since.strftime("%Y-%m-%dT%H:%M:%SZ")))
        found["for the audit log"] = 1
    return found


def _check_on(stream: str, field: str, *, on: bool) -> None:
    if not on:
        raise ConfigProblem(
            f'The stream "{stream}" is not there, because "{field}" was switched off: switch it on again, or refresh '
            "the schema of the connection."
        )

"""The streams that are not exports: offered by discovery, tried by check, and opened for a read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airbyte_cdk.models import AirbyteStream, ConfiguredAirbyteStream, SyncMode

from pigment_airbyte.failures import ConfigProblem
from pigment_client.client import PigmentClient
from source_pigment.audit.listing import require_events
from source_pigment.audit.stream import STREAM as AUDIT_LOG
from source_pigment.audit.stream import AuditStream, audit_airbyte_stream
from source_pigment.config import SourceConfig
from source_pigment.model.entries import ModelKind
from source_pigment.model.streams import ModelListings, ModelStream, model_airbyte_streams
from source_pigment.reading.scheduler import SyncStream


def system_airbyte_streams(settings: SourceConfig) -> list[AirbyteStream]:
    """What discovery offers in addition to blocks and views."""
    return [
        *(model_airbyte_streams() if settings.model_streams else ()),
        *([audit_airbyte_stream()] if settings.audit_log else ()),
    ]


def check_system_streams(client: PigmentClient, settings: SourceConfig) -> dict[str, int]:
    """Send one request of each kind that they need; gives how many streams there are, by what they are about.

    Raises what is wrong.
    """
    found: dict[str, int] = {}
    if settings.model_streams:
        ModelListings(client, settings.application_id, num_workers=settings.num_workers).try_each_listing()
        found["about the model"] = len(ModelKind)
    if settings.audit_log:
        # The last hour has few events, and a slightly wrong clock does not move it into the future.
        since = datetime.now(UTC) - timedelta(hours=1)
        require_events(client.audit_page(since.strftime("%Y-%m-%dT%H:%M:%SZ")))
        found["for the audit log"] = 1
    return found


def open_system_stream(
    client: PigmentClient,
    settings: SourceConfig,
    listings: ModelListings,
    configured: ConfiguredAirbyteStream,
    state: Mapping[str, Any] | None,
) -> SyncStream:
    """The stream, continuing after its state; raises `ConfigProblem` where it is switched off or the state not ours."""
    name, json_schema = configured.stream.name, configured.stream.json_schema
    is_audit_log = name == AUDIT_LOG
    if not (settings.audit_log if is_audit_log else settings.model_streams):
        field = "Audit log" if is_audit_log else "Streams that describe the model"
        raise ConfigProblem(
            f'The stream "{name}" is not available, because "{field}" was switched off: switch it on again, or '
            "refresh the schema of the connection."
        )
    if is_audit_log:
        is_incremental = configured.sync_mode is SyncMode.incremental
        return AuditStream(client, json_schema, state, is_incremental=is_incremental)
    return ModelStream(ModelKind(name), listings, json_schema)

"""The streams that are no exports: which there are, and which of the configured ones they are."""

from __future__ import annotations

from airbyte_cdk.models import AirbyteStream, ConfiguredAirbyteStream

from pigment_airbyte.failures import ConfigProblem
from pigment_client.client import PigmentClient
from source_pigment.config import SourceConfig
from source_pigment.discovery.names import OWN_STREAM_NAMES
from source_pigment.discovery.schema import ConfiguredSchema
from source_pigment.model.entries import ModelKind
from source_pigment.model.listings import ModelListings, ModelScope
from source_pigment.model.streams import ModelStream, model_airbyte_streams
from source_pigment.reading.stream import AnyStream


class OwnStreams:
    """Those of one sync."""

    def __init__(self, client: PigmentClient, settings: SourceConfig) -> None:
        self._settings = settings
        self._listings = ModelListings(client, ModelScope(settings.application_id, settings.num_workers))

    @staticmethod
    def has(configured: ConfiguredAirbyteStream) -> bool:
        """Whether the configured stream is one of them, switched on or not."""
        stream = configured.stream
        # What was discovered of a block or view has its id.
        return stream.name in OWN_STREAM_NAMES and ConfiguredSchema.of(stream.json_schema).object_id is None

    def find(self, configured: ConfiguredAirbyteStream) -> AnyStream | None:
        """The configured stream; None where it is that of a block or view, `ConfigProblem` where it is switched off."""
        if not self.has(configured):
            return None
        name = configured.stream.name
        if not self._settings.model_streams:
            raise ConfigProblem(
                f'The stream "{name}" is not there, because "Streams that describe the model" was switched off: switch '
                "it on again, or refresh the schema of the connection."
            )
        return ModelStream(ModelKind(name), self._listings, configured.stream.json_schema)


def own_airbyte_streams(settings: SourceConfig) -> list[AirbyteStream]:
    """What discovery offers beside blocks and views."""
    return model_airbyte_streams() if settings.model_streams else []


def try_own_streams(client: PigmentClient, settings: SourceConfig) -> dict[str, int]:
    """Ask a little of what they need; gives how many there are, by what they are of. Raises what is wrong."""
    if not settings.model_streams:
        return {}
    ModelListings(client, ModelScope(settings.application_id, settings.num_workers)).try_out()
    return {"about the model": len(ModelKind)}

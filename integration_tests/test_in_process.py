"""Both connectors as objects of the CDK, for whoever calls them in process instead of running them."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from airbyte_cdk.models import (
    AirbyteMessageSerializer,
    ConfiguredAirbyteCatalogSerializer,
    FailureType,
    Status,
    Type,
)
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from airbyte_platform.process import configured
from connectors import destination_config, source_config
from destination_pigment.destination import DestinationPigment
from local_pigment.sample import CONSOLIDATION, planning_model
from local_pigment.server import LocalPigment
from source_pigment.source import SourcePigment
from writing import LEDGER, catalog, entry, record, state

LOGGER = logging.getLogger("airbyte")


@pytest.fixture
def pigment() -> Iterator[LocalPigment]:
    with LocalPigment(planning_model(ledger_rows=20)) as started:
        yield started


def test_the_source_gives_messages(pigment: LocalPigment) -> None:
    source, config = SourcePigment(), source_config(pigment)
    assert source.check(LOGGER, config).status is Status.SUCCEEDED
    streams = [each for each in source.discover(LOGGER, config).streams if each.name == LEDGER]
    chosen = ConfiguredAirbyteCatalogSerializer.load(
        configured(
            {
                "streams": [
                    {"name": LEDGER, "json_schema": streams[0].json_schema, "supported_sync_modes": ["full_refresh"]}
                ]
            },
            destination_sync_mode="append",
        )
    )
    messages = list(source.read(LOGGER, config, chosen))

    assert sum(message.type is Type.RECORD for message in messages) == 20
    assert [message.type for message in messages].count(Type.STATE) == 1


def test_the_destination_takes_messages_and_gives_states(pigment: LocalPigment) -> None:
    given = [
        AirbyteMessageSerializer.load({**message, "state": {"type": "STREAM", **message["state"]}})
        if message["type"] == "STATE"
        else AirbyteMessageSerializer.load(message)
        for message in (record(entry(1)), record(entry(2)), state(1))
    ]
    chosen = ConfiguredAirbyteCatalogSerializer.load(catalog())
    back = list(DestinationPigment().write(destination_config(pigment), chosen, given))

    assert [message.type for message in back] == [Type.STATE]
    assert len(pigment.workspace.rows(LEDGER, CONSOLIDATION)) == 2


def test_a_destination_without_target_raises_what_the_platform_understands(pigment: LocalPigment) -> None:
    chosen = ConfiguredAirbyteCatalogSerializer.load(catalog())
    config = {**destination_config(pigment), "application_id": None}
    with pytest.raises(AirbyteTracedException) as raised:
        list(DestinationPigment().write(config, chosen, []))

    assert raised.value.failure_type is FailureType.config_error

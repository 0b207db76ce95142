"""check: whether the destination can write what it is configured to write. It never writes."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from airbyte_cdk.models import AirbyteConnectionStatus

from destination_pigment.config import MAX_RETRIES, DestinationConfig, parse_config
from destination_pigment.spec import make_spec
from pigment_airbyte.connection import connected
from pigment_airbyte.failures import ConfigProblem, checked
from pigment_airbyte.form import check_form
from pigment_client.client import PigmentClient
from pigment_client.errors import NotFound
from pigment_client.keys import Purpose


def check_connection(config: Mapping[str, Any], logger: logging.Logger) -> AirbyteConnectionStatus:
    """Try what is configured, without writing anything."""

    def check() -> str:
        check_form(config, make_spec().connectionSpecification)
        with connected(config, parse_config, default_max_retries=MAX_RETRIES) as (client, settings):
            return _check(client, settings)

    return checked(check, logger)


def _check(client: PigmentClient, settings: DestinationConfig) -> str:
    # An import that nobody made: 404 means that the key may import.
    with suppress(NotFound):
        client.import_status(str(uuid.uuid4()))
    if not client.has_key_for(Purpose.METADATA):
        return "The import key works. Without a key for Modeling Metadata the import configurations cannot be listed."
    known = client.list_import_configurations(settings.application_id)
    there = {each.id for each in known}
    wanted = [each.configuration_id for each in settings.targets]
    wanted += [each.replace_configuration_id for each in settings.targets if each.replace_configuration_id]
    missing = [each for each in wanted if each not in there]
    message = f"{len(known)} import configurations are visible."
    if missing:
        listed = ", ".join(f"{each.name} ({each.id})" for each in known) or "none"
        raise ConfigProblem(
            f"{message} Not among them: {', '.join(missing)}. Copy these IDs again from Pigment, or share the blocks "
            f"with the key's owner. Visible are: {listed}."
        )
    return message

"""`check` as both connectors run it: the form, then the connection, and whatever is wrong in one status."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic

from airbyte_cdk.models import AirbyteConnectionStatus

from pigment_airbyte.connection import Settings, address_explained, connected
from pigment_airbyte.expiring_keys import say_expiring
from pigment_airbyte.failures import checked
from pigment_airbyte.form_problems import check_form
from pigment_airbyte.key_diagnosis import keys_explained
from pigment_client.client import PigmentClient
from pigment_client.keys import Purpose


@dataclass(frozen=True, slots=True)
class ConnectionForm(Generic[Settings]):
    """A connector's form: its schema, what reads it, what its keys are needed for, and its default of retries."""

    schema: Mapping[str, Any]
    parse: Callable[[Mapping[str, Any]], Settings]
    needed: Callable[[Mapping[str, Any]], frozenset[Purpose]]
    default_max_retries: int


def check_form_and_connection(
    config: Mapping[str, Any],
    logger: logging.Logger,
    form: ConnectionForm[Settings],
    try_all: Callable[[PigmentClient, Settings], str],
) -> AirbyteConnectionStatus:
    """The status; `try_all` tries what is configured, and says what it found."""

    def check() -> str:
        check_form(config, form.schema)
        # Somebody waits for the result: one more try is enough.
        patient = {**config, "max_retries": min(int(config.get("max_retries", form.default_max_retries)), 1)}
        with (
            address_explained(config),
            keys_explained(config, form.needed(config)),
            connected(patient, form.parse, default_max_retries=form.default_max_retries) as (client, settings),
        ):
            return " ".join([try_all(client, settings), *say_expiring(client.keys_expiring_soon, config)])

    return checked(check, logger)

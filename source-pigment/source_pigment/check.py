"""check: whether the source can read what it is configured to read."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from airbyte_cdk.models import AirbyteConnectionStatus
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from pigment_airbyte.connection import connected
from pigment_airbyte.failures import checked, explained
from pigment_airbyte.form import check_form
from pigment_client.client import PigmentClient
from pigment_client.models import ExportRequest
from source_pigment.config import MAX_RETRIES, SourceConfig, parse_config
from source_pigment.discovery.sampling import take_sample
from source_pigment.discovery.streams import Catalog, fetch_filled_catalog, payloads_of
from source_pigment.spec import make_spec

# A block may be gone or too large while the key is good; three that fail are no accident.
_HEADERS_TO_TRY = 3


def check_connection(config: Mapping[str, Any], logger: logging.Logger) -> AirbyteConnectionStatus:
    """Try what is configured: list the blocks, then read the header line of one export."""

    def check() -> str:
        check_form(config, make_spec().connectionSpecification)
        with connected(config, parse_config, default_max_retries=MAX_RETRIES) as (client, settings):
            return _check(client, settings)

    return checked(check, logger)


def _check(client: PigmentClient, settings: SourceConfig) -> str:
    catalog = fetch_filled_catalog(client, settings)
    # Every payload is looked at, so that a wrong one is found here and not in the middle of a sync.
    for each in catalog.objects:
        payloads_of(settings, each)
    _read_one_header(client, settings, catalog)
    return f"{len(catalog.objects)} blocks and views can be read."


def _read_one_header(client: PigmentClient, settings: SourceConfig, catalog: Catalog) -> None:
    """Read the header line of one export; a block that cannot be exported says nothing of the others."""
    first_error: AirbyteTracedException | None = None
    for each in catalog.objects[:_HEADERS_TO_TRY]:
        try:
            with explained(subject=each.subject):
                take_sample(client, ExportRequest(each.kind, each.id, payloads_of(settings, each)[0]), rows=0)
        except AirbyteTracedException as error:
            first_error = first_error or error
        else:
            return
    if first_error is not None:
        raise first_error

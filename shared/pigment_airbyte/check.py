"""`check` as both connectors run it: the form, then the connection, and whatever is wrong in one status."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from typing import Any, Generic

from airbyte_cdk.models import AirbyteConnectionStatus

from pigment_airbyte.connection import Settings, address_explained, client_from_config, connected
from pigment_airbyte.credentials import AUTHENTICATION, KEY_FIELDS, KEY_PROPERTIES, SINGLE_KEY_FIELD
from pigment_airbyte.failures import ConfigProblem, checked
from pigment_airbyte.form import check_form
from pigment_client.client import PigmentClient
from pigment_client.errors import KeyRejected, NotFound, PermissionMissing, RequestRejected
from pigment_client.keys import Purpose
from pigment_client.models import ExportKind, ExportRequest

# What a key may do; None where Pigment knows no such key.
Abilities = frozenset[Purpose] | None


@contextmanager
def keys_explained(config: Mapping[str, Any], needed: frozenset[Purpose]) -> Iterator[None]:
    """Say which key is the wrong one, by its field, where Pigment turns one away inside; raises `ConfigProblem`."""
    try:
        yield
    except (KeyRejected, PermissionMissing):
        reason = diagnose(config, needed)
        if reason is None:
            raise
    else:
        return
    raise ConfigProblem(reason)


def diagnose(config: Mapping[str, Any], needed: frozenset[Purpose]) -> str | None:
    """Why the keys of a configuration do not serve the purposes, in one sentence; None where they do.

    Raises a `PigmentError` where Pigment cannot be asked.
    """
    given = _given(config.get("credentials") or {})
    found = {field: _abilities(config, key, needed) for field, (key, _) in given.items()}
    wanted = {field: purposes & needed for field, (_, purposes) in given.items()}
    return explain_keys(found, wanted)


def explain_keys(found: Mapping[str, Abilities], wanted: Mapping[str, frozenset[Purpose]]) -> str | None:
    """One sentence for the first thing that is wrong with the keys: by the field's title what it may do and must."""
    known = {field: abilities for field, abilities in found.items() if abilities is not None}
    for field in wanted:
        if field not in known and wanted[field]:
            return (
                f'Pigment rejected the key under "{field}": check that it was copied whole, has not expired or been '
                "revoked, and that its IP allow list holds the addresses of Airbyte."
            )
    lacking = {field: wanted[field] - abilities for field, abilities in known.items() if wanted[field] - abilities}
    for (field, missing), (other, others) in combinations(lacking.items(), 2):
        if missing <= known[other] and others <= known[field]:
            return f'The keys under "{field}" and "{other}" are swapped: exchange them.'
    return next((_explain_lack(field, known, missing) for field, missing in lacking.items()), None)


def _explain_lack(field: str, known: Mapping[str, frozenset[Purpose]], missing: frozenset[Purpose]) -> str:
    types, lacks = _listed(known[field]) or "of another purpose", _listed(missing)
    other = next((each for each, abilities in known.items() if each != field and missing <= abilities), None)
    if other is not None:
        return (
            f'The key under "{field}" has the type {types} and lacks {lacks}, which the key under "{other}" has: enter '
            "that one here as well."
        )
    if field == SINGLE_KEY_FIELD:
        return (
            f'The key under "{field}" has the type {types} and lacks {lacks}: choose "A key for each purpose" under '
            f'"{AUTHENTICATION}", and enter a key of each type.'
        )
    return f'The key under "{field}" has the type {types} instead of {lacks}: enter a key of the type {lacks}.'


def _listed(purposes: frozenset[Purpose]) -> str:
    return " and ".join(f'"{each}"' for each in Purpose if each in purposes)


def _given(credentials: Mapping[str, Any]) -> dict[str, tuple[str, frozenset[Purpose]]]:
    """By the field's title, the key in it and what it is for."""
    if credentials.get("auth_type") == "single_key":
        return {SINGLE_KEY_FIELD: (str(credentials["api_key"]), frozenset(Purpose))}
    return {
        KEY_FIELDS[purpose]: (str(credentials[KEY_PROPERTIES[purpose]]), frozenset({purpose}))
        for purpose in Purpose
        if str(credentials.get(KEY_PROPERTIES[purpose]) or "").strip()
    }


def _abilities(config: Mapping[str, Any], key: str, needed: frozenset[Purpose]) -> Abilities:
    credentials = {"auth_type": "single_key", "api_key": key}
    client = client_from_config({**config, "credentials": credentials, "max_retries": 1}, default_max_retries=1)
    found: set[Purpose] = set()
    rejected = False
    try:
        for purpose, action in _attempts(client):
            if purpose is Purpose.AUDIT and purpose not in needed:
                continue  # where nobody reads the audit log, there may be none
            try:
                action()
            except PermissionMissing:
                continue
            except KeyRejected:
                rejected = True
                continue
            except (NotFound, RequestRejected):
                pass
            found.add(purpose)
    finally:
        client.log_requests_made()
        client.close()
    return None if rejected and not found else frozenset(found)


def _attempts(client: PigmentClient) -> Iterator[tuple[Purpose, Callable[[], object]]]:
    nothing = str(uuid.uuid4())
    export = ExportRequest(ExportKind.LIST, nothing, {})
    yield Purpose.METADATA, client.list_applications
    yield Purpose.EXPORT, lambda: client.export(export, lambda _: None)
    yield Purpose.IMPORT, lambda: client.import_status(nothing)
    # Of events since this moment there are none, or few.
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    yield Purpose.AUDIT, lambda: client.audit_page(now)


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
            return try_all(client, settings)

    return checked(check, logger)

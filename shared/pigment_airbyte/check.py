"""`check` in both connectors: first the form, then the connection; whatever is wrong ends in one status.

If Pigment turns a key away, each key is tried for every purpose, so that the message can name the field to correct.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import combinations
from typing import Any, TypeVar
from urllib.parse import urlsplit

from airbyte_cdk.models import AirbyteConnectionStatus, FailureType, Status

from pigment_airbyte.connection import client_options, open_client
from pigment_airbyte.credentials import AUTHENTICATION, KEY_FIELDS, KEY_PROPERTIES, SINGLE_KEY_FIELD
from pigment_airbyte.failures import ConfigProblem, explain
from pigment_airbyte.form import check_form, check_properties, entered_text
from pigment_client.client import PigmentClient
from pigment_client.errors import KeyRejected, NotFound, PermissionMissing, RequestRejected, ResponseNotUnderstood
from pigment_client.keys import Purpose
from pigment_client.models import ExportKind, ExportRequest

Settings = TypeVar("Settings")

# The purposes that a key has; None if Pigment knows no such key.
Abilities = frozenset[Purpose] | None


def check_form_and_connection(
    config: Mapping[str, Any],
    logger: logging.Logger,
    *,
    schema: Mapping[str, Any],
    parse: Callable[[Mapping[str, Any]], Settings],
    needed: Callable[[Mapping[str, Any]], frozenset[Purpose]],
    try_all: Callable[[PigmentClient, Settings], str],
) -> AirbyteConnectionStatus:
    """Check a configuration.

    `schema` is the connector's form, `needed` says which purposes the keys must have, and `try_all` tries what is
    configured and returns what it found.
    """

    def check() -> str:
        check_form(config, schema)
        check_properties(config, schema)
        # Someone is waiting for the result: one retry is enough.
        impatient = {**config, "max_retries": min(int(config.get("max_retries", 1)), 1)}
        with _address_explained(config), _keys_explained(config, needed(config)), open_client(impatient) as client:
            return try_all(client, parse(impatient))

    return status_of(check, logger)


def status_of(check: Callable[[], str], logger: logging.Logger) -> AirbyteConnectionStatus:
    """The one status in which a connection test ends, whatever happens in it.

    `check` returns what it found or raises. The message of a failure is for the user, its places are for the log.
    """
    try:
        message = check()
    except Exception as error:  # noqa: BLE001 - whatever is wrong is reported to the user
        failure = explain(error)
        # Only what is the connector's own fault needs the places in the code.
        logger.log(logging.ERROR if failure.type is FailureType.system_error else logging.DEBUG, failure.internal)
        return AirbyteConnectionStatus(status=Status.FAILED, message=failure.message)
    logger.info(message)
    return AirbyteConnectionStatus(status=Status.SUCCEEDED, message=message)


@contextmanager
def _address_explained(config: Mapping[str, Any]) -> Iterator[None]:
    """Blame the base URL if what answers inside is not Pigment; raises `ConfigProblem`."""
    try:
        yield
    except (ResponseNotUnderstood, NotFound) as error:
        # Every Pigment can list applications; that it does not know an object is another matter.
        if isinstance(error, NotFound) and error.operation != "list applications":
            raise
        host = urlsplit(client_options(config).base_url).hostname
        raise ConfigProblem(
            f'What answers at {host} is not Pigment, or not as its API description says: correct the "Base URL", or '
            "report this if it is right."
        ) from None


@contextmanager
def _keys_explained(config: Mapping[str, Any], needed: frozenset[Purpose]) -> Iterator[None]:
    """Name the field of the wrong key if Pigment turns one away inside; raises `ConfigProblem`."""
    try:
        yield
    except (KeyRejected, PermissionMissing):
        given = _given(config.get("credentials") or {})
        found = {field: _abilities(config, key, needed) for field, (key, _) in given.items()}
        reason = explain_keys(found, {field: purposes & needed for field, (_, purposes) in given.items()})
        if reason is None:
            raise
        raise ConfigProblem(reason) from None


def explain_keys(found: Mapping[str, Abilities], wanted: Mapping[str, frozenset[Purpose]]) -> str | None:
    """One sentence about the first thing that is wrong with the keys, or None.

    Both arguments are by the title of the key's field: the purposes that the key has, and those that it must have.
    """
    known = {field: abilities for field, abilities in found.items() if abilities is not None}
    for field in wanted:
        if field not in known and wanted[field]:
            # Pigment may reject a key that lacks a type in the same way.
            types = "every type that is needed" if field == SINGLE_KEY_FIELD else f"the type {_listed(wanted[field])}"
            return (
                f'Pigment rejected the key under "{field}": check that it was copied whole, has {types}, has not '
                "expired or been revoked, and that its IP allow list contains the addresses of Airbyte."
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
            f'The key under "{field}" has the type {types} and lacks {lacks}: create a key with all these types in '
            f'Pigment, or choose "A key for each purpose" under "{AUTHENTICATION}", and enter a key of each type.'
        )
    return f'The key under "{field}" has the type {types} instead of {lacks}: enter a key of the type {lacks}.'


def _listed(purposes: frozenset[Purpose]) -> str:
    return " and ".join(f'"{each}"' for each in Purpose if each in purposes)


def _given(credentials: Mapping[str, Any]) -> dict[str, tuple[str, frozenset[Purpose]]]:
    """The keys that are entered and their purposes, by the title of the field."""
    if credentials.get("auth_type") == "single_key":
        return {SINGLE_KEY_FIELD: (entered_text(credentials, "api_key"), frozenset(Purpose))}
    entered = {purpose: entered_text(credentials, KEY_PROPERTIES[purpose]) for purpose in Purpose}
    return {KEY_FIELDS[purpose]: (key, frozenset({purpose})) for purpose, key in entered.items() if key}


def _abilities(config: Mapping[str, Any], key: str, needed: frozenset[Purpose]) -> Abilities:
    """Try a key for each purpose; raises a `PigmentError` if Pigment cannot be asked."""
    credentials = {"auth_type": "single_key", "api_key": key}
    found: set[Purpose] = set()
    rejected = False
    with open_client({**config, "credentials": credentials, "max_retries": 1}) as client:
        for purpose, attempt in _attempts(client):
            if purpose is Purpose.AUDIT and purpose not in needed:
                continue  # a workspace may have no audit log
            try:
                attempt()
            except PermissionMissing:
                continue
            except KeyRejected:
                rejected = True
                continue
            except (NotFound, RequestRejected):
                pass
            found.add(purpose)
    return None if rejected and not found else frozenset(found)


def _attempts(client: PigmentClient) -> Iterator[tuple[Purpose, Callable[[], object]]]:
    unknown_id = str(uuid.uuid4())
    export = ExportRequest(ExportKind.LIST, unknown_id, {})
    yield Purpose.METADATA, client.list_applications
    yield Purpose.EXPORT, lambda: client.export(export, lambda _: None)
    yield Purpose.IMPORT, lambda: client.import_status(unknown_id)
    # There are no events since this moment, or few.
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    yield Purpose.AUDIT, lambda: client.audit_page(now)

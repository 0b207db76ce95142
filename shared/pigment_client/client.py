"""Pigment's external API: one method for each operation that we use."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import quote

from pigment_client import import_responses, responses
from pigment_client.errors import NotFound, PigmentError, TryLater
from pigment_client.http.clock import Runtime
from pigment_client.http.download import Export
from pigment_client.http.rate_limit import ImportBudget, RequestBudget
from pigment_client.http.request import Call
from pigment_client.http.retry import PUSH, READ, RetryPolicy
from pigment_client.http.transport import Address, Transport, decoded
from pigment_client.keys import Keys, Purpose
from pigment_client.models import (
    Application,
    Block,
    ExportKind,
    ExportRequest,
    Import,
    ImportConfiguration,
    PushOptions,
    View,
)
from pigment_client.push import Pusher

__all__ = ["ClientOptions", "Export", "PigmentClient", "Runtime"]

logger = logging.getLogger("airbyte.pigment.client")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """How to speak with Pigment; `max_retries` counts the tries after the first."""

    base_url: str = "https://pigment.app"
    requests_per_5_minutes: int = 450
    connect_timeout_seconds: float = 30.0
    idle_timeout_seconds: float = 60.0
    max_retries: int = READ.attempts
    user_agent: str = "airbyte-pigment"


class PigmentClient:
    """Speaks with one Pigment; may be shared by threads.

    Every method raises a `PigmentError`. Reads are repeated as `read_retry` says; a push as `push_retry` says, and
    only where that does no harm.
    """

    def __init__(self, keys: Keys, options: ClientOptions | None = None, *, runtime: Runtime | None = None) -> None:
        options, runtime = options or ClientOptions(), runtime or Runtime()
        self._keys = keys
        self.budget = RequestBudget(options.requests_per_5_minutes, clock=runtime.clock, sleep=runtime.sleep)
        self.import_budget = ImportBudget(clock=runtime.clock, sleep=runtime.sleep)
        self.read_retry: RetryPolicy = replace(READ, attempts=options.max_retries)
        self.push_retry: RetryPolicy = replace(PUSH, attempts=options.max_retries)
        address = Address(
            options.base_url.rstrip("/"),
            options.connect_timeout_seconds,
            options.idle_timeout_seconds,
            options.user_agent,
        )
        self._transport = Transport(address, self.budget, runtime)
        self._pusher = Pusher(self._transport, self.import_budget, self.push_retry)
        # Mutable state, guarded by the lock: what was said once, and what this Pigment was found not to offer.
        self._lock = Lock()
        self._warned_of_http_1 = False
        self._richer_offered = True

    def has_key_for(self, purpose: Purpose) -> bool:
        """Whether a key is configured for the purpose."""
        return self._keys.has(purpose)

    def list_applications(self) -> list[Application]:
        """The applications that the key's owner can see."""
        return self._read(Call("list applications", *_METADATA, "/api/v1/applications"), responses.parse_applications)

    def list_blocks(self, application_id: str) -> list[Block]:
        """The lists, metrics and tables of an application, in Pigment's order."""
        query = {"applicationId": application_id}
        call = Call("list blocks", *_METADATA, "/api/v1/blocks", subject=application_id, query=query)
        blocks, unknown = self._read(call, responses.parse_blocks)
        if unknown:
            logger.warning("%d blocks are left out: their type did not exist when this was written.", unknown)
        return blocks

    def list_views(self, application_id: str, block_id: str | None = None) -> list[View]:
        """The views of an application, or of one of its blocks."""
        query = _query(applicationId=application_id, blockId=block_id)
        call = Call("list views", *_METADATA, "/api/v1/views", subject=application_id, query=query)
        return self._read(call, responses.parse_views)

    def list_import_configurations(
        self, application_id: str | None = None, block_id: str | None = None
    ) -> list[ImportConfiguration]:
        """The import configurations that the key's owner can see, of an application or a block if one is given.

        With target and columns where the workspace offers the richer list of the text "Pigment Connector Setup".
        That list is not known to heed application and block, so with these it only adds to the plain one.
        """
        query = _query(applicationId=application_id, blockId=block_id)
        richer = self._list_richer(query)
        if richer is not None and not query:
            return richer
        call = Call(
            "list import configurations",
            *_METADATA,
            "/api/v1/importConfigurations",
            subject=block_id or application_id,
            query=query,
        )
        try:
            plain = self._read(call, responses.parse_import_configurations)
        except NotFound:
            if richer is None:
                raise
            return richer
        by_id = {configuration.id: configuration for configuration in richer or ()}
        return [by_id.get(configuration.id, configuration) for configuration in plain]

    def export(self, request: ExportRequest) -> Export:
        """Begin an export: returns when the headers of the answer are there; the caller closes it."""
        return self._transport.attempts(self.read_retry, lambda: self.export_once(request), repeatable=True)

    def export_once(self, request: ExportRequest) -> Export:
        """Begin an export without repeating, for callers that repeat the whole of it themselves."""
        call = _export_call(request)
        export = Export(call, self._transport.send(call, self._keys.key_for(Purpose.EXPORT)))
        self._warn_once_of_http_1(export)
        return export

    def wait_before_retry(self, attempt: int, error: PigmentError, policy: RetryPolicy | None = None) -> None:
        """Wait before a whole export is repeated, as between the tries of any other read; attempts count from 1."""
        self._transport.wait(policy or self.read_retry, attempt, error)

    def push_csv(self, configuration_id: str, file: Path, options: PushOptions) -> Import:
        """Push a CSV file into an import configuration.

        Raises `OutcomeUnknown` where the file may have arrived and must not be sent again.
        """
        return self._pusher.push(configuration_id, file, options, self._keys.key_for(Purpose.IMPORT))

    def import_status(self, import_id: str) -> Import:
        """How far an import is, with the detailed report once it is finished."""
        # The parameter is spelled like this in the API description.
        query = {"includedDetailedReport": "true"}
        path = f"/api/v1/import/{_segment(import_id)}/status"
        call = Call("import status", Purpose.IMPORT, "GET", path, subject=import_id, query=query)
        return self._read(call, import_responses.parse_import_status)

    def log_requests_made(self) -> None:
        """Say in the log how many requests were made."""
        logger.info("%d requests were made to Pigment.", self.budget.requests_made)

    def close(self) -> None:
        """Close all connections that are not in use."""
        self._transport.close()

    def _read(self, call: Call, parse: Callable[[Any], T]) -> T:
        key = self._keys.key_for(call.purpose)

        def read() -> T:
            return decoded(call, self._transport.send(call, key), parse)

        return self._transport.attempts(self.read_retry, read, repeatable=True)

    def _list_richer(self, query: dict[str, str]) -> list[ImportConfiguration] | None:
        """The richer list, or None where this Pigment does not offer it; that is asked only once."""
        if not self._richer_offered:
            return None
        call = Call("list import configurations", *_METADATA, "/api/v1/import/configurations", query=query)
        try:
            # Asked once, without repeating: whatever is wrong with it, the plain list is there.
            answer = self._transport.send(call, self._keys.key_for(Purpose.METADATA))
            return decoded(call, answer, responses.parse_import_configurations)
        except PigmentError as error:
            if not isinstance(error, TryLater):
                with self._lock:
                    self._richer_offered = False
            return None

    def _warn_once_of_http_1(self, export: Export) -> None:
        with self._lock:
            first = export.http_version < 20 and not self._warned_of_http_1
            self._warned_of_http_1 |= first
        if first:
            logger.warning(
                "Exports come over HTTP/1.1, where Pigment cannot report an error in the middle of an export: an "
                "export that ends early without a trace cannot be seen. Use an https base URL, and no proxy that "
                "speaks only HTTP/1.1."
            )


_METADATA = (Purpose.METADATA, "GET")


def _export_call(request: ExportRequest) -> Call:
    path = f"/api/v1/export/{request.kind.value}/{_segment(request.id)}"
    name = f"export {request.kind.value}"
    payload = dict(request.payload or {})
    if request.kind is ExportKind.VIEW:
        query = {name: str(value) for name, value in payload.items()}
        return Call(name, Purpose.EXPORT, "GET", path, subject=request.id, query=query, streamed=True)
    return Call(name, Purpose.EXPORT, "POST", path, subject=request.id, json=payload, streamed=True)


def _query(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}


def _segment(identifier: str) -> str:
    """An id as one segment of a path, whatever a user typed into it."""
    return quote(identifier, safe="")

"""Pigment's external API: one method for each operation that we use."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import IO, Any

from pigment_client import answers
from pigment_client.budget import ImportBudget, RequestBudget
from pigment_client.errors import (
    AnswerNotUnderstood,
    BrokenOff,
    LimitReached,
    NotFound,
    OutcomeUnknown,
    RequestRefused,
    Unavailable,
)
from pigment_client.export import Export
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
from pigment_client.retry import PUSH, READ, RetryPolicy
from pigment_client.transport import Call, Runtime, Timeouts, Transport, decoded
from pigment_client.upload import UploadBody

logger = logging.getLogger("airbyte.pigment.client")


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
        self.read_retry = RetryPolicy(options.max_retries, READ.base_seconds, READ.ceiling_seconds)
        self.push_retry = RetryPolicy(options.max_retries, PUSH.base_seconds, PUSH.ceiling_seconds)
        self._transport = Transport(
            options.base_url,
            Timeouts(options.connect_timeout_seconds, options.idle_timeout_seconds),
            self.budget,
            user_agent=options.user_agent,
            runtime=runtime,
        )
        # Mutable state, guarded by the lock: what was said once, and what this Pigment was found not to offer.
        self._lock = Lock()
        self._warned_of_http_1 = False
        self._richer_offered = True

    def has_key_for(self, purpose: Purpose) -> bool:
        """Whether a key is configured for the purpose."""
        return self._keys.has(purpose)

    def list_applications(self) -> list[Application]:
        """The applications that the key's owner can see."""
        return answers.parse_applications(self._get(Call("list applications", *_METADATA, "/api/v1/applications")))

    def list_blocks(self, application_id: str) -> list[Block]:
        """The lists, metrics and tables of an application, in Pigment's order."""
        query = {"applicationId": application_id}
        call = Call("list blocks", *_METADATA, "/api/v1/blocks", subject=application_id, query=query)
        return answers.parse_blocks(self._get(call))

    def list_views(self, application_id: str, block_id: str | None = None) -> list[View]:
        """The views of an application, or of one of its blocks."""
        query = _query(applicationId=application_id, blockId=block_id)
        call = Call("list views", *_METADATA, "/api/v1/views", subject=application_id, query=query)
        return answers.parse_views(self._get(call))

    def list_import_configurations(
        self, application_id: str | None = None, block_id: str | None = None
    ) -> list[ImportConfiguration]:
        """The import configurations that the key's owner can see.

        With columns where the workspace offers the richer answer of the mission text "Pigment Connector Setup";
        where it does not (404), that is asked only once.
        """
        query = _query(applicationId=application_id, blockId=block_id)
        name = "list import configurations"
        if self._richer_offered:
            try:
                call = Call(name, *_METADATA, "/api/v1/import/configurations", subject=application_id, query=query)
                return answers.parse_import_configurations(self._get(call))
            except (NotFound, RequestRefused):
                self._richer_offered = False
        call = Call(name, *_METADATA, "/api/v1/importConfigurations", subject=application_id, query=query)
        return answers.parse_import_configurations(self._get(call))

    def export(self, request: ExportRequest) -> Export:
        """Begin an export: returns when the headers of the answer are there; the caller closes it."""
        return self._transport.attempts(self.read_retry, lambda: self.export_once(request), repeatable=True)

    def export_once(self, request: ExportRequest) -> Export:
        """Begin an export without repeating, for callers that repeat the whole of it themselves."""
        call = _export_call(request)
        export = Export(call, self._transport.send(call, self._keys.key_for(Purpose.EXPORT)))
        self._warn_once_of_http_1(export)
        return export

    def wait_before_retry(self, attempt: int, error: Exception) -> None:
        """Wait before a whole export is repeated, as between the tries of any other read."""
        if isinstance(error, BrokenOff | LimitReached | Unavailable):
            self._transport.wait(self.read_retry, attempt, error)

    def push_csv(self, configuration_id: str, file: Path | IO[bytes], options: PushOptions) -> Import:
        """Push a CSV file into an import configuration.

        Raises `OutcomeUnknown` where the file may have arrived and must not be sent again.
        """
        if isinstance(file, Path):
            with file.open("rb") as opened:
                return self.push_csv(configuration_id, opened, options)

        def push() -> Import:
            with self.import_budget.push(configuration_id):
                return self._push_once(configuration_id, file, options)

        try:
            return self._transport.attempts(self.push_retry, push, repeatable=options.repeatable)
        except Unavailable as error:
            if error.arrived:
                raise OutcomeUnknown(error.operation, subject=configuration_id, status=error.status) from None
            raise
        except (BrokenOff, AnswerNotUnderstood) as error:
            raise OutcomeUnknown(error.operation, subject=configuration_id, status=error.status) from None

    def import_status(self, import_id: str) -> Import:
        """How far an import is, with the detailed report once it is finished."""
        # The parameter is spelled like this in the API description.
        query = {"includedDetailedReport": "true"}
        path = f"/api/v1/import/{import_id}/status"
        call = Call("import status", Purpose.IMPORT, "GET", path, subject=import_id, query=query)
        return answers.parse_import(self._get(call))

    def log_requests_made(self) -> None:
        """Say in the log how many requests were made."""
        logger.info("%d requests were made to Pigment.", self.budget.requests_made)

    def close(self) -> None:
        """Close all connections that are not in use."""
        self._transport.close()

    def _get(self, call: Call) -> Any:
        key = self._keys.key_for(call.purpose)
        return self._transport.attempts(
            self.read_retry, lambda: decoded(call, self._transport.send(call, key)), repeatable=True
        )

    def _push_once(self, configuration_id: str, file: IO[bytes], options: PushOptions) -> Import:
        query = _query(
            configurationId=configuration_id,
            dryRun="true" if options.dry_run else None,
            importMode=options.import_mode.value if options.import_mode else None,
        )
        body = UploadBody(file, options.form)
        call = Call(
            "push CSV",
            Purpose.IMPORT,
            "POST",
            "/api/v1/import/push/csv",
            subject=configuration_id,
            query=query,
            body=body,
        )
        response = self._transport.send(call, self._keys.key_for(Purpose.IMPORT))
        return answers.parse_pushed(decoded(call, response))

    def _warn_once_of_http_1(self, export: Export) -> None:
        with self._lock:
            first = export.http_version < 20 and not self._warned_of_http_1
            self._warned_of_http_1 |= first
        if first:
            logger.warning(
                "Exports come over HTTP/1.1, where Pigment cannot report an error in the middle of an export: an "
                "export that ends early without a trace cannot be seen. Use an https base URL without a proxy that "
                "speaks only HTTP/1.1."
            )


_METADATA = (Purpose.METADATA, "GET")


def _export_call(request: ExportRequest) -> Call:
    path = f"/api/v1/export/{request.kind.value}/{request.id}"
    name = f"export {request.kind.value}"
    if request.kind is ExportKind.VIEW:
        query = {name: str(value) for name, value in request.payload.items()}
        return Call(name, Purpose.EXPORT, "GET", path, subject=request.id, query=query, streamed=True)
    payload = dict(request.payload)
    return Call(name, Purpose.EXPORT, "POST", path, subject=request.id, json=payload, streamed=True)


def _query(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}

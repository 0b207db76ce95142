"""Pushing a file to an import configuration, and starting an import inside Pigment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count, repeat
from pathlib import Path

from pigment_client.errors import (
    BrokenOff,
    ImportLimitReached,
    ImportOutcomeUnknown,
    PigmentError,
    ResponseNotUnderstood,
    Unavailable,
)
from pigment_client.http.rate_limit import ImportRateLimits
from pigment_client.http.request import Request
from pigment_client.http.retry import RetryPolicy
from pigment_client.http.transport import Transport, decoded
from pigment_client.http.upload import UploadBody
from pigment_client.import_responses import parse_pushed
from pigment_client.keys import Purpose
from pigment_client.models import Import, PushOptions


class Imports:
    """Begins imports, within the hourly limit of each import configuration."""

    def __init__(self, transport: Transport, limits: ImportRateLimits, policy: RetryPolicy) -> None:
        self._transport = transport
        self._limits = limits
        self._policy = policy

    def push(self, configuration_id: str, file: Path, options: PushOptions, key: str) -> Import:
        """Push a file, which is read from its beginning for every attempt.

        Raises `ImportOutcomeUnknown` where Pigment may have imported it and its response does not say so.
        """
        query = {"configurationId": configuration_id}
        if options.dry_run:
            query["dryRun"] = "true"
        if options.import_mode:
            query["importMode"] = options.import_mode.value
        request = Request(
            "push CSV",
            Purpose.IMPORT,
            "POST",
            "/api/v1/import/push/csv",
            object_id=configuration_id,
            query=query,
            response_timeout_seconds=options.response_timeout_seconds,
        )
        with file.open("rb") as opened:
            bodies = (UploadBody(opened, options.form) for _ in count())
            return self._begun(request, key, bodies, repeatable=options.repeatable)

    def start(self, configuration_id: str, key: str, response_timeout_seconds: float | None) -> Import:
        """Start once what Pigment runs inside itself.

        Raises `ImportOutcomeUnknown` where Pigment may have started it and its response does not say so.
        """
        request = Request(
            "trigger import",
            Purpose.IMPORT,
            "POST",
            "/api/v1/import/trigger",
            object_id=configuration_id,
            query={"configurationId": configuration_id},
            response_timeout_seconds=response_timeout_seconds,
            own_connection=True,
        )
        return self._begun(request, key, repeat(None), repeatable=False)

    def _begun(self, request: Request, key: str, bodies: Iterator[UploadBody | None], *, repeatable: bool) -> Import:
        """The import that a request begins, sent with the next body in every attempt."""
        may_have_arrived = False

        def send_once() -> Import:
            nonlocal may_have_arrived
            body = next(bodies)
            try:
                return self._sent(replace(request, body=body), key)
            except Exception as error:
                may_have_arrived = may_have_arrived or _may_have_arrived(error, body)
                raise

        try:
            return self._transport.repeated(self._policy, send_once, repeatable=repeatable)
        except Exception as error:
            if not may_have_arrived:
                raise
            status = error.status if isinstance(error, PigmentError) else None
            raise request.error(ImportOutcomeUnknown, status=status) from error

    def _sent(self, request: Request, key: str) -> Import:
        limit = self._limits.of(request.object_id or "")
        with limit.request() as pauses:
            try:
                begun = decoded(request, self._transport.send(request, key), parse_pushed)
            except ImportLimitReached as error:
                limit.reached(pauses, error.retry_after_seconds)
                raise
        limit.passed(pauses)
        limit.log_end()
        return begun


def _may_have_arrived(error: Exception, body: UploadBody | None) -> bool:
    """Whether Pigment may have begun the import although this came instead of its response."""
    match error:
        case Unavailable(arrived=arrived):
            return arrived
        case BrokenOff() | ResponseNotUnderstood():
            return True
        case PigmentError():
            return False
        case _:
            # Such an error says nothing of the file: only a body of which nothing was read did not arrive.
            return body is not None and body.begun

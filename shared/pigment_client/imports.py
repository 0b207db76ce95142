"""Pushing a file to an import configuration, and starting an import inside Pigment.

This is the one place that decides whether Pigment may have begun an import although its response was lost. If it may,
and beginning it twice does harm, nothing is sent again and the error says that the outcome is unknown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Lock

from pigment_client.errors import (
    BrokenOff,
    ImportLimitReached,
    ImportOutcomeUnknown,
    PigmentError,
    ResponseNotUnderstood,
    Unavailable,
)
from pigment_client.http.clock import Clock
from pigment_client.http.rate_limit import RateLimit
from pigment_client.http.request import Request, UploadBody
from pigment_client.http.retry import RetryPolicy
from pigment_client.http.transport import Transport, decoded
from pigment_client.import_responses import parse_pushed
from pigment_client.keys import Purpose
from pigment_client.models import Import, PushOptions

# "Maximum number of reports per configuration per hour exceeded, maximum: 300" (API description, push/csv, 429).
IMPORTS = 300
IMPORT_WINDOW = timedelta(hours=1)


class Imports:
    """Begins imports, within the hourly limit of each import configuration."""

    def __init__(self, transport: Transport, policy: RetryPolicy, clock: Clock) -> None:
        self._transport = transport
        self._policy = policy
        self._clock = clock
        # Mutable state, guarded by the lock.
        self._lock = Lock()
        self._limits: dict[str, RateLimit] = {}

    def push(self, configuration_id: str, file: Path, options: PushOptions, key: str) -> Import:
        """Push a file, which is read from its beginning for every attempt.

        The import says whether an earlier attempt may have arrived too. Raises `ImportOutcomeUnknown` where Pigment may
        have imported it and its response does not say so.
        """
        query = {}
        if options.dry_run:
            query["dryRun"] = "true"
        if options.import_mode:
            query["importMode"] = options.import_mode.value
        request = _request("push CSV", "push/csv", configuration_id, options.response_timeout_seconds, **query)
        with file.open("rb") as opened:
            return self._begin(request, key, lambda: UploadBody(opened, options.form), repeatable=options.repeatable)

    def start(self, configuration_id: str, key: str, response_timeout_seconds: float | None) -> Import:
        """Start once what Pigment runs inside itself.

        Raises `ImportOutcomeUnknown` where Pigment may have started it and its response does not say so.
        """
        request = _request("trigger import", "trigger", configuration_id, response_timeout_seconds)
        return self._begin(request, key, lambda: None, repeatable=False)

    def _begin(
        self, request: Request, key: str, body_of_attempt: Callable[[], UploadBody | None], *, repeatable: bool
    ) -> Import:
        may_have_arrived = False

        def send_once() -> Import:
            nonlocal may_have_arrived
            body = body_of_attempt()
            try:
                return self._send_within_limit(replace(request, body=body), key)
            except Exception as error:
                may_have_arrived = may_have_arrived or _may_have_arrived(error, body)
                raise

        try:
            begun = self._transport.repeat(self._policy, send_once, repeatable=repeatable)
            return replace(begun, was_repeated=may_have_arrived)
        except Exception as error:
            if not may_have_arrived:
                raise
            status = error.status if isinstance(error, PigmentError) else None
            raise request.error(ImportOutcomeUnknown, status=status) from error

    def _send_within_limit(self, request: Request, key: str) -> Import:
        limit = self._limit_of(request.object_id or "")
        with limit.wait_for_turn() as pauses_seen:
            try:
                begun = decoded(request, self._transport.send(request, key), parse_pushed)
            except ImportLimitReached as error:
                limit.pause(pauses_seen, error.retry_after_seconds)
                raise
        limit.note_not_limited(pauses_seen)
        limit.log_end_of_wait()
        return begun

    def _limit_of(self, configuration_id: str) -> RateLimit:
        with self._lock:
            if configuration_id not in self._limits:
                limit = RateLimit(IMPORTS, IMPORT_WINDOW, clock=self._clock, what="imports of one configuration")
                self._limits[configuration_id] = limit
            return self._limits[configuration_id]


def _request(
    operation: str, path: str, configuration_id: str, response_timeout_seconds: float | None, **query: str
) -> Request:
    return Request(
        operation,
        Purpose.IMPORT,
        "POST",
        f"/api/v1/import/{path}",
        object_id=configuration_id,
        query={"configurationId": configuration_id, **query},
        response_timeout_seconds=response_timeout_seconds,
        own_connection=True,
    )


def _may_have_arrived(error: Exception, body: UploadBody | None) -> bool:
    """Whether Pigment may have begun the import although this was raised instead of a response."""
    match error:
        case Unavailable(arrived=arrived):
            return arrived
        case BrokenOff() | ResponseNotUnderstood():
            return True
        case PigmentError():
            return False
        case _:
            # Such an error says nothing about the file: only where nothing of it was read, it did not arrive.
            return body is not None and body.begun

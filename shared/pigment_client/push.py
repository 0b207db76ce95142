"""Sending a file into an import configuration, and knowing what became of it.

Three things can be known afterwards: Pigment answered (an `Import`), the file certainly was not taken (an error that
says why), or neither (`OutcomeUnknown`). A lost response stays a doubt even if a later attempt fails in a harmless
way, so the doubt is kept over all attempts.
"""

from __future__ import annotations

from pathlib import Path

from pigment_client.errors import (
    BrokenOff,
    ImportLimitReached,
    OutcomeUnknown,
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

_OPERATION = "push CSV"


class Pusher:
    """Pushes files, within the hourly limit of each import configuration."""

    def __init__(self, transport: Transport, limits: ImportRateLimits, policy: RetryPolicy) -> None:
        self._transport = transport
        self._limits = limits
        self._policy = policy

    def push(self, configuration_id: str, file: Path, options: PushOptions, key: str) -> Import:
        """Push the file; it is read from its beginning for every attempt."""
        in_doubt = False

        def push_once() -> Import:
            nonlocal in_doubt
            body = UploadBody(opened, options.form)
            try:
                return self._push_once(configuration_id, body, options, key)
            except Exception as error:
                in_doubt = in_doubt or _may_have_been_taken(error, body)
                raise

        with file.open("rb") as opened:
            try:
                return self._transport.repeated(self._policy, push_once, repeatable=options.repeatable)
            except Exception as error:
                if not in_doubt:
                    raise
                status = error.status if isinstance(error, PigmentError) else None
                unknown = OutcomeUnknown(
                    _OPERATION, object_id=configuration_id, status=status, purpose=Purpose.IMPORT.value
                )
                raise unknown from error

    def _push_once(self, configuration_id: str, body: UploadBody, options: PushOptions, key: str) -> Import:
        limit = self._limits.of(configuration_id)
        with limit.request() as pauses:
            try:
                pushed = self._send(configuration_id, body, options, key)
            except ImportLimitReached as error:
                limit.reached(pauses, error.retry_after_seconds)
                raise
        limit.passed(pauses)
        limit.log_end()
        return pushed

    def _send(self, configuration_id: str, body: UploadBody, options: PushOptions, key: str) -> Import:
        query = {"configurationId": configuration_id}
        if options.dry_run:
            query["dryRun"] = "true"
        if options.import_mode:
            query["importMode"] = options.import_mode.value
        request = Request(
            _OPERATION,
            Purpose.IMPORT,
            "POST",
            "/api/v1/import/push/csv",
            object_id=configuration_id,
            query=query,
            body=body,
            response_timeout_seconds=options.response_timeout_seconds,
        )
        return decoded(request, self._transport.send(request, key), parse_pushed)


def _may_have_been_taken(error: Exception, body: UploadBody) -> bool:
    """Whether Pigment may have imported the file although this came instead of its response."""
    match error:
        case Unavailable(arrived=arrived):
            return arrived
        case BrokenOff() | ResponseNotUnderstood():
            return True
        case PigmentError():
            return False
        case _:
            # Whatever it is, it says nothing of the file: only a body of which nothing was read did not arrive.
            return body.begun

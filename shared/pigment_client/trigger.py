"""Starting an import or a copy that Pigment runs inside itself, and knowing whether it was started.

Started twice, a copy may add its rows twice, so the request is repeated only where it certainly was not taken.
"""

from __future__ import annotations

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
from pigment_client.import_responses import parse_pushed
from pigment_client.keys import Purpose
from pigment_client.models import Import


class Starter:
    """Starts what Pigment runs by itself, within the hourly limit of each import configuration."""

    def __init__(self, transport: Transport, limits: ImportRateLimits, policy: RetryPolicy) -> None:
        self._transport = transport
        self._limits = limits
        self._policy = policy

    def start(self, configuration_id: str, key: str, response_timeout_seconds: float | None) -> Import:
        """Start it once; raises `OutcomeUnknown` where it may have been started and nobody knows."""
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

        def start_once() -> Import:
            limit = self._limits.of(configuration_id)
            with limit.request() as pauses:
                try:
                    started = decoded(request, self._transport.send(request, key), parse_pushed)
                except ImportLimitReached as error:
                    limit.reached(pauses, error.retry_after_seconds)
                    raise
            limit.passed(pauses)
            limit.log_end()
            return started

        try:
            return self._transport.repeated(self._policy, start_once, repeatable=False)
        except PigmentError as error:
            if not _may_have_been_taken(error):
                raise
            raise request.error(OutcomeUnknown, status=error.status) from error


def _may_have_been_taken(error: PigmentError) -> bool:
    """Whether Pigment may have started it although this came instead of its response; a 5xx may come from a proxy."""
    match error:
        case Unavailable(arrived=arrived):
            return arrived
        case BrokenOff() | ResponseNotUnderstood():
            return True
        case _:
            return False

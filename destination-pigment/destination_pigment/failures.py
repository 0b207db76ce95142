"""What went wrong in a sync: one failure is raised, and every other is said."""

from __future__ import annotations

import logging

from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from pigment_airbyte.failures import traced

logger = logging.getLogger("airbyte.pigment.destination")


class Failures:
    """Remembers failures in their order."""

    def __init__(self) -> None:
        self._failures: list[AirbyteTracedException] = []

    def __bool__(self) -> bool:
        return bool(self._failures)

    def add(self, error: Exception, subject: str | None) -> None:
        """Remember a failure of what the user calls so."""
        self._failures.append(traced(error, subject=subject))

    def forbid_repeat(self, sentence: str) -> None:
        """Let the failure that is raised end in the sentence, and be one that the platform does not repeat."""
        first = self._first
        self._failures.remove(first)
        final = AirbyteTracedException(
            message=f"{first.message} {sentence}",
            internal_message=first.internal_message,
            failure_type=FailureType.config_error,
        )
        self._failures.insert(0, final)

    def raise_first(self) -> None:
        """Raise the first failure, but one that a repeat could make worse before any other; log the others.

        The platform repeats a sync by itself unless it ends in a config error.
        """
        if not self._failures:
            return
        first = self._first
        for failure in self._failures:
            if failure is not first:
                logger.error("Also: %s", failure.message)
        raise first

    @property
    def _first(self) -> AirbyteTracedException:
        config = (each for each in self._failures if each.failure_type is FailureType.config_error)
        return next(config, self._failures[0])

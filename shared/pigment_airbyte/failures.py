"""What went wrong, as Airbyte and the user see it.

An error of `pigment_client` says what happened; this module says whose turn it is (config, transient, system) and
what to do, in one sentence. Nothing here quotes a key, a body or a row: an exception that is not ours is reported
by its type and the places it passed, never by its text.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath

from airbyte_cdk.models import AirbyteConnectionStatus, FailureType, Status, StreamDescriptor
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from pigment_airbyte.advice import advise
from pigment_client.errors import (
    ImportFailed,
    OutcomeUnknown,
    PigmentError,
    ResponseNotUnderstood,
    SetupWrong,
    TryLater,
)


class ConfigProblem(Exception):
    """The configuration cannot work; the text is a finished sentence for the user that says what to do."""


class TransientProblem(Exception):
    """The sync cannot go on now and may succeed when it runs again; the text is a finished sentence for the user."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure as Airbyte shows it.

    `message` is for the user, `internal` for whoever reads the log.
    """

    type: FailureType
    message: str
    internal: str


def explain(error: BaseException, *, subject: str | None = None) -> Failure:
    """Say whose turn it is after an error, and what to do.

    `subject` names what was being worked on in the user's words, such as `table "P&L"`.
    """
    internal = _internal(error)
    match error:
        case ConfigProblem():
            return Failure(FailureType.config_error, str(error), internal)
        case TransientProblem():
            return Failure(FailureType.transient_error, str(error), internal)
        case AirbyteTracedException():
            message = error.message or "Something went wrong in the connector: see the log for the details."
            return Failure(error.failure_type, message, error.internal_message or internal)
        case PigmentError():
            return Failure(_type(error), advise(error, subject), f"{error} {internal}")
        case MemoryError():
            return Failure(
                FailureType.system_error,
                "The connector ran out of memory: give its container more memory and run the sync again.",
                internal,
            )
        case _:
            return Failure(
                FailureType.system_error,
                "Something unexpected went wrong in the connector: please report it with the log of this sync.",
                internal,
            )


def traced(
    error: BaseException,
    *,
    subject: str | None = None,
    stream: str | None = None,
    namespace: str | None = None,
) -> AirbyteTracedException:
    """The error as the CDK's exception; raise it `from None`, so that no text of the original is printed."""
    failure = explain(error, subject=subject)
    descriptor = StreamDescriptor(name=stream, namespace=namespace) if stream is not None else None
    return AirbyteTracedException(
        message=failure.message,
        internal_message=failure.internal,
        failure_type=failure.type,
        stream_descriptor=descriptor,
    )


def checked(check: Callable[[], str], logger: logging.Logger) -> AirbyteConnectionStatus:
    """What a connection test ends in, whatever happens: one status.

    `check` returns what it found or raises; the reason of a failure is for the user, its places for the log.
    """
    try:
        message = check()
    except Exception as error:  # noqa: BLE001 - whatever is wrong is reported to the user
        failure = explain(error)
        logger.error("The connection test failed: %s", failure.internal)  # noqa: TRY400 - a traceback could quote data
        return AirbyteConnectionStatus(status=Status.FAILED, message=failure.message)
    logger.info(message)
    return AirbyteConnectionStatus(status=Status.SUCCEEDED, message=message)


@contextmanager
def explained(*, subject: str | None = None) -> Iterator[None]:
    """Turn whatever goes wrong inside into the CDK's exception with advice for the user."""
    try:
        yield
    except AirbyteTracedException:
        raise
    except Exception as error:  # noqa: BLE001 - the edge of the connector: everything is explained here, once
        raise traced(error, subject=subject) from None


def _type(error: PigmentError) -> FailureType:
    match error:
        case SetupWrong() | ImportFailed():
            return FailureType.config_error
        case TryLater() | OutcomeUnknown():
            return FailureType.transient_error
        case ResponseNotUnderstood() | PigmentError():
            return FailureType.system_error


def _internal(error: BaseException) -> str:
    """The types of the error and its causes, and the places they passed: texts may quote data, these cannot."""
    chain: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(chain) < 8:
        frames = traceback.extract_tb(seen.__traceback__)[-6:]
        places = " > ".join(f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
        chain.append(f"{type(seen).__name__} at {places}" if places else type(seen).__name__)
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return "; caused by ".join(chain)

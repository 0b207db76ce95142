"""What went wrong, as Airbyte and the user see it.

An error of `pigment_client` says what happened. This module says whose turn it is (config, transient or system error)
and, in one sentence, what to do. It never quotes a key, a body or a row: an exception that is not ours is reported by
its type and the places it passed, never by its text.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath

from airbyte_cdk.models import FailureType, StreamDescriptor
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from pigment_client.errors import (
    AddressMoved,
    AddressUnusable,
    BrokenOff,
    CertificateRejected,
    ImportFailed,
    ImportLimitReached,
    ImportOutcomeUnknown,
    KeyMissing,
    KeyRejected,
    LimitReached,
    NotAnExport,
    NotFound,
    Obstacle,
    PermissionMissing,
    PigmentError,
    PlainHttp,
    RequestRejected,
    SetupWrong,
    TooLarge,
    TryLater,
    Unavailable,
)
from pigment_client.keys import Purpose


class ConfigProblem(Exception):
    """The configuration cannot work; the text is a sentence for the user that says what to do."""


class TransientProblem(Exception):
    """The sync cannot go on now and may succeed when it runs again; the text is a sentence for the user."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure as Airbyte shows it; `message` is for the user, `internal` for the log."""

    type: FailureType
    message: str
    internal: str


def explain(error: BaseException, *, subject: str | None = None) -> Failure:
    """Whose turn it is after an error, and what to do.

    `subject` names in the user's words what was being worked on, such as `table "P&L"`.
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
    error: BaseException, *, subject: str | None = None, stream: str | None = None, namespace: str | None = None
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


@contextmanager
def explained(*, subject: str | None = None) -> Iterator[None]:
    """Turn any error inside into the CDK's exception, with advice for the user."""
    try:
        yield
    except AirbyteTracedException:
        raise
    except Exception as error:  # noqa: BLE001 - at the edge of the connector every error is explained
        raise traced(error, subject=subject) from None


def _type(error: PigmentError) -> FailureType:
    match error:
        case SetupWrong() | ImportFailed():
            return FailureType.config_error
        case TryLater() | ImportOutcomeUnknown():
            return FailureType.transient_error
        case _:
            return FailureType.system_error


def _internal(error: BaseException) -> str:
    """The types of the error and its causes, and the places they passed: a text may quote data, these cannot."""
    chain: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(chain) < 8:
        frames = traceback.extract_tb(seen.__traceback__)[-6:]
        places = " > ".join(f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
        chain.append(f"{type(seen).__name__} at {places}" if places else type(seen).__name__)
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return "; caused by ".join(chain)


_FIXED: dict[type[PigmentError], str] = {
    AddressMoved: (
        "The server redirects requests to another address, and a key is sent only to the address that was entered: "
        'correct the "Base URL".'
    ),
    PlainHttp: (
        'The "Base URL" begins with http, which would send the key unprotected: enter the address with https in front.'
    ),
    LimitReached: (
        "Pigment's limit of 500 requests in 5 minutes for an IP address is used up: run the sync again later, and "
        'leave more time between syncs that share an address, or lower their "Requests per 5 minutes".'
    ),
    ImportLimitReached: (
        "Pigment's limit of 300 imports an hour for an import configuration is used up: run the sync again in an "
        'hour, and raise "Import at least every (minutes)" so that each import has more rows.'
    ),
}
_NOT_UNDERSTOOD = (
    'What answered is not Pigment, or answered in a way that is not in its API description: check that the "Base URL" '
    "is the address of Pigment, and report this if it is."
)
_WITHOUT = {
    Purpose.METADATA: "nothing can be listed",
    Purpose.EXPORT: "nothing can be read",
    Purpose.IMPORT: "nothing can be written",
    Purpose.AUDIT: "the audit log cannot be read",
}


def advise(error: PigmentError, subject: str | None = None) -> str:
    """One sentence for the user: what happened, and what to do.

    `subject` names in the user's words what was being worked on; without it the sentence names the object's ID.
    """
    about = subject or error.object_id
    named = f" the {subject}" if subject else f" {about}" if about else " this object"
    match error:
        case KeyMissing() | KeyRejected() | PermissionMissing():
            return _advise_key(error, subject)
        case NotFound():
            return _advise_not_found(error, named)
        case TooLarge() | RequestRejected():
            return _advise_rejected(error, named)
        case Unavailable() | CertificateRejected() | AddressUnusable():
            return _advise_connection(error)
        case NotAnExport() | BrokenOff():
            return _advise_export(error, named)
        case ImportFailed():
            return _advise_import(error, subject)
        case ImportOutcomeUnknown():
            return (
                f"The file for{named} was sent, but Pigment's response was lost, so it may have been imported: look at "
                'the "Update history" of the block before you run the sync again, which sends these rows once more.'
            )
        case _:
            return _FIXED.get(type(error), _NOT_UNDERSTOOD)


def _advise_connection(error: Unavailable | CertificateRejected | AddressUnusable) -> str:
    host = error.host or "Pigment"
    match error:
        case CertificateRejected():
            return (
                f'The TLS certificate of {host} could not be verified: check the "Base URL", and if your network puts '
                "a proxy in between, make its certificate known to Airbyte (REQUESTS_CA_BUNDLE)."
            )
        case AddressUnusable(of_proxy=True):
            return f"The address of the proxy ({host}) cannot be used: correct HTTPS_PROXY in Airbyte's environment."
        case AddressUnusable():
            return 'The "Base URL" is not a usable address: enter one such as https://pigment.app.'
        case Unavailable(obstacle=None):
            status = f" (HTTP {error.status})" if error.status else ""
            return (
                f"Pigment answered with a server error{status}: run this again later, and ask Pigment's support "
                "if it happens again."
            )
        case Unavailable(obstacle=Obstacle.PROXY):
            return (
                f"The proxy {host} did not forward the request: check that it runs and lets Airbyte reach Pigment "
                "(HTTPS_PROXY)."
            )
        case _:
            return (
                f'{host} could not be reached, because {error.obstacle}: check the "Base URL", and that '
                "Airbyte's network allows requests to it."
            )


def _advise_key(error: KeyMissing | KeyRejected | PermissionMissing, subject: str | None) -> str:
    key = f'API key for "{error.purpose}"' if error.purpose else "API key"
    match error:
        case KeyMissing():
            return f'This needs an {key}, and none is given: enter it under "Authentication".'
        case KeyRejected():
            # Pigment answers so to a key without the type as well.
            its_type = f' that it has the type "{error.purpose}",' if error.purpose else ""
            return (
                f'Pigment rejected the {key}: check under "Authentication" that it was copied whole,{its_type} that it '
                "has not expired or been revoked, and that its IP allow list contains the addresses of Airbyte."
            )
        case PermissionMissing(purpose=Purpose.EXPORT) if subject is not None:
            # Of one block, this says nothing about the key.
            return (
                f"Pigment does not let the API key export the {subject} (HTTP {error.status}): share it with the owner "
                'of the key in Pigment, or, if nothing can be read, enter a key with the type "Export" under '
                '"Authentication".'
            )
        case PermissionMissing(purpose=str(purpose)):
            return (
                f'The API key under "Authentication" lacks the type "{purpose}", without which '
                f"{_WITHOUT[Purpose(purpose)]}: create a key with that type in Pigment, where a key can have several, "
                "and enter it there."
            )
        case _:
            return 'The API key under "Authentication" is not allowed to do this: check its types in Pigment.'


def _advise_not_found(error: NotFound, named: str) -> str:
    match error.purpose:
        case Purpose.EXPORT:
            return (
                f"Pigment does not know{named}, or the owner of the API key cannot see it: refresh the schema of the "
                "connection, and check what the owner of the key may see."
            )
        case Purpose.IMPORT:
            return (
                f"Pigment does not know the import configuration of{named}, or the owner of the API key cannot see "
                "it: copy its ID again from Pigment (Integrations > Import configurations)."
            )
        case Purpose.AUDIT:
            return (
                'Pigment offers no audit log at this address: switch "Audit log" off, or ask Pigment whether your '
                "workspace has one."
            )
        case _:
            return (
                f"Pigment does not know{named}, or the owner of the API key cannot see it: check the field "
                '"Application ID", and the "Base URL" if it was changed.'
            )


def _advise_export(error: NotAnExport | BrokenOff, named: str) -> str:
    if isinstance(error, NotAnExport):
        kind = f" but {error.received}" if error.received else ""
        return (
            f'The response to the export of{named} is not an export{kind}: check the "Base URL" and any proxy before '
            "Pigment, and run the sync again."
        )
    if error.operation is not None and not error.operation.startswith("export"):
        return f"Pigment's response for{named} broke off before its end: run the sync again."
    return (
        f"The export of{named} broke off before its end, and nothing after its last state counts as read: run the sync "
        'again, and if it happens often, read the block in parts, under "Custom exports".'
    )


def _advise_rejected(error: TooLarge | RequestRejected, named: str) -> str:
    if error.purpose == Purpose.IMPORT:
        return (
            f"Pigment rejected the file for{named} (HTTP {error.status}), which it also does when a file is too large: "
            'lower "Largest file (MB)", and check that the import configuration has no error.'
        )
    if error.purpose == Purpose.METADATA:
        return f'Pigment rejected the request for{named} (HTTP {error.status}): check the field "Application ID".'
    if error.purpose == Purpose.AUDIT:
        return (
            f"Pigment rejected the request for events of the audit log (HTTP {error.status}): run the sync again, and "
            "report this if it happens again."
        )
    of_a_view = error.operation == "export view"
    if isinstance(error, TooLarge) and of_a_view:
        return f"Pigment finds{named} too big to export as a view: read its block instead, or make the view smaller."
    if isinstance(error, TooLarge):
        return (
            f"Pigment finds{named} too large to export at once: read it in parts or with a filter, under "
            '"Custom exports".'
        )
    if error.status == 422 and of_a_view:
        return f'Pigment can export only views of lists, metrics and tables: remove{named} from "Views".'
    return (
        f"Pigment rejected the export options for{named} (HTTP {error.status}): correct them under "
        '"Custom exports", or let Pigment generate them again.'
    )


def _advise_import(error: ImportFailed, subject: str | None) -> str:
    reasons = f" ({', '.join(error.names)})" if error.names else ""
    about = f" for {subject}" if subject else ""
    return (
        f'Pigment ended the import{about} as failed{reasons}: open the block\'s "Update history" in Pigment to see '
        "why, and check that delimiter, encoding, decimal separator and column names of the import configuration fit "
        "the file."
    )

"""For each error of Pigment one sentence that says what happened and what to do about it."""

from __future__ import annotations

from pigment_client.errors import (
    AddressMoved,
    BrokenOff,
    CertificateRejected,
    ImportFailed,
    ImportLimitReached,
    KeyFormatOutdated,
    KeyMalformed,
    KeyMissing,
    KeyRejected,
    LimitReached,
    NotFound,
    OutcomeUnknown,
    PermissionMissing,
    PigmentError,
    RequestRejected,
    TooLarge,
    Unavailable,
)
from pigment_client.keys import Purpose

_OUTDATED = (
    "The API key has the old format with dashes, which Pigment no longer accepts: create a new key in Pigment under "
    "Workspace settings > API keys and put it into this connection."
)
_MALFORMED = (
    "The API key holds a blank, a line break or another character that no key has: copy it again from Pigment, or "
    "create a new one."
)
_MOVED = (
    "The server answers that Pigment is at another address, and a key is not sent to an address you did not enter: "
    "check the base URL."
)
_CERTIFICATE = (
    "The TLS certificate of the server could not be verified: check the base URL, and if your network has a proxy of "
    "its own, make its certificate known to Airbyte (REQUESTS_CA_BUNDLE)."
)
_LIMIT = (
    "Pigment's limit is used up (500 requests in 5 minutes for an address, 300 imports an hour for an import "
    "configuration): wait a while, then run the sync again, and space syncs that share an address further apart."
)
_UNAVAILABLE = (
    "Pigment could not be reached or answered with a server error: run the sync again later, and check the base URL "
    "and the network if it goes on."
)
_NOT_UNDERSTOOD = (
    "Pigment's answer could not be understood: check that the base URL is the address of Pigment, and report this if "
    "it is."
)

_FIXED: dict[type[PigmentError], str] = {
    KeyFormatOutdated: _OUTDATED,
    KeyMalformed: _MALFORMED,
    AddressMoved: _MOVED,
    CertificateRejected: _CERTIFICATE,
    LimitReached: _LIMIT,
    ImportLimitReached: _LIMIT,
    Unavailable: _UNAVAILABLE,
}


def advise(error: PigmentError, subject: str | None = None) -> str:
    """One sentence for the user: what happened, and what to do.

    `subject` names what was being worked on in the user's words; without it the object's id is named.
    """
    about = subject or error.object_id
    named = f" {about}" if about else " this object"
    match error:
        case KeyMissing() | KeyRejected() | PermissionMissing():
            return _advise_key(error)
        case NotFound():
            return _advise_not_found(error, named)
        case TooLarge() | RequestRejected():
            return _advise_refused(error, named)
        case BrokenOff():
            return (
                f"The export of{named} broke off before its end, and nothing after its last state counts as read: run "
                "the sync again, and if it happens often, split the block with slices or a filter."
            )
        case ImportFailed():
            return _advise_import(error, subject)
        case OutcomeUnknown():
            return (
                f"The file for{named} was sent, but Pigment's answer was lost, so it may have been imported: look at "
                'the "Update history" of the block before you run the sync again, which sends these rows once more.'
            )
        case _:
            return _FIXED.get(type(error), _NOT_UNDERSTOOD)


def _advise_key(error: KeyMissing | KeyRejected | PermissionMissing) -> str:
    match error:
        case KeyMissing():
            return (
                f'This needs an API key for "{error.purpose or "this purpose"}", and none is configured: add one under '
                '"Authentication".'
            )
        case KeyRejected():
            purpose = f' for "{error.purpose}"' if error.purpose else ""
            return (
                f"Pigment refused the API key{purpose}: check that it was copied completely, has not expired or been "
                "revoked, and that its IP allow list contains this Airbyte; if in doubt create a new one."
            )
        case PermissionMissing():
            return _advise_permission(error)


def _advise_permission(error: PermissionMissing) -> str:
    match error.purpose:
        case Purpose.METADATA:
            return (
                'The API key lacks the permission "Modeling Metadata", without which nothing can be listed: create '
                "a key with it in Pigment (or configure separate keys) and put it into this connection."
            )
        case Purpose.EXPORT:
            return (
                'The API key lacks the permission "Export", without which no data can be read: create a key with it '
                "in Pigment (or configure separate keys) and put it into this connection."
            )
        case Purpose.IMPORT:
            return (
                'The API key lacks the permission "Import", without which nothing can be written: create a key with '
                "it in Pigment (or configure separate keys) and put it into this connection."
            )
        case _:
            return "The API key is not allowed to do this: check its type and permissions in Pigment."


def _advise_not_found(error: NotFound, named: str) -> str:
    match error.purpose:
        case Purpose.EXPORT:
            return (
                f"Pigment does not know{named}, or the owner of the API key cannot see it: refresh the schema of the "
                "connection, and check the access rights of the key's owner."
            )
        case Purpose.IMPORT:
            return (
                f"Pigment does not know the import configuration of{named}, or the owner of the API key cannot see "
                "it: copy its id again from Pigment (Integrations > Import configurations)."
            )
        case _:
            return (
                f"Pigment does not know{named}, or the owner of the API key cannot see it: check the application ID, "
                "which stands in the address of the application after /application/."
            )


def _advise_refused(error: TooLarge | RequestRejected, named: str) -> str:
    if error.purpose == Purpose.IMPORT:
        return (
            f"Pigment refused the file for{named} (HTTP {error.status}), which it also does when a file is too large: "
            'lower "Largest file" in the connection, and check that the import configuration has no error.'
        )
    of_a_view = error.operation == "export view"
    if isinstance(error, TooLarge) and of_a_view:
        return f"Pigment finds{named} too big to export as a view: sync its block instead, or narrow the view."
    if isinstance(error, TooLarge):
        return (
            f"Pigment finds{named} too large to export at once: split it with slices or narrow it with a filter, "
            'under "Export payloads" in the connection.'
        )
    if error.status == 422 and of_a_view:
        return f"Pigment can export only views of lists, metrics and tables: remove{named} from the views."
    return (
        f"Pigment refused the export request for{named} (HTTP {error.status}): check its payload under "
        '"Export payloads" in the connection, best by generating it anew in Pigment.'
    )


def _advise_import(error: ImportFailed, subject: str | None) -> str:
    reasons = f" ({', '.join(error.names)})" if error.names else ""
    about = f" for {subject}" if subject else ""
    return (
        f'Pigment ended the import{about} as failed{reasons}: open the block\'s "Update history" in Pigment to see '
        "why, and check that delimiter, encoding, decimal format and column names of the import configuration fit "
        "the file."
    )

"""What can go wrong with Pigment, in the order of what the user should do.

PigmentError
├── SetupWrong                 fix the setup, then run again
│   ├── KeyFormatOutdated      the old form with dashes
│   ├── KeyMalformed           characters that no key contains
│   ├── KeyMissing             no key configured for this purpose
│   ├── KeyRejected            401
│   ├── PermissionMissing      403
│   ├── NotFound               404: gone, or not visible to the key's owner
│   ├── RequestRejected        400, 409, 422: the content of the request
│   ├── TooLarge               413: the view is too big to be exported
│   ├── CertificateRejected    TLS verification failed
│   ├── AddressUnusable        the base URL, or that of a proxy, is no address
│   ├── PlainHttp              the key would travel in clear
│   └── AddressMoved           3xx: the base URL is not the address of the API
├── TryLater                   nothing is wrong with the setup
│   ├── LimitReached           429: too many requests of the address
│   │   └── ImportLimitReached 429: too many imports of one import configuration
│   ├── Unavailable            no connection, or 5xx
│   └── BrokenOff              a response that stopped before its end
├── ResponseNotUnderstood      Pigment answered what its API description does not allow
│   └── NotAnExport            200, and a body that cannot be an export
├── ImportFailed               Pigment accepted the file and could not import it
└── ImportOutcomeUnknown       what must not be sent twice was sent, and whether it was carried out is not known

The message of an error is a fixed sentence; facts are attributes; advice for the user is given elsewhere.
No error carries a key, a body or a row.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar


class PigmentError(Exception):
    """Something went wrong with a request to Pigment.

    `operation` names what was tried ("export table"), `object_id` the id of the object, `status` the HTTP status,
    `purpose` the purpose of the key that was used (a value of `keys.Purpose`), `host` the server or proxy that could
    not be reached or used. Each class declares its further facts with their defaults.
    """

    sentence: ClassVar[str] = "The request to Pigment did not succeed."

    object_id: str | None = None
    status: int | None = None
    purpose: str | None = None
    host: str | None = None

    def __init__(self, operation: str | None = None, **facts: Any) -> None:
        super().__init__(operation, *map(facts.get, ("object_id", "status", "purpose")))
        self.operation = operation
        for name, value in facts.items():
            getattr(type(self), name)  # raises AttributeError for a fact that the class does not declare
            setattr(self, name, value)

    def __str__(self) -> str:
        facts = [self.operation or "", self.object_id or "", f"HTTP {self.status}" if self.status else ""]
        known = ", ".join(fact for fact in facts if fact)
        return f"{self.sentence} ({known})" if known else self.sentence


class SetupWrong(PigmentError):
    """The configuration, the key or the workspace must be changed first."""

    sentence = "Pigment cannot do this with the present setup."


class KeyFormatOutdated(SetupWrong):
    """The key has the old dashed form."""

    sentence = "The API key has the old format with dashes, which Pigment no longer accepts."


class KeyMalformed(SetupWrong):
    """The key contains blanks, line breaks or other characters that no key contains."""

    sentence = "The API key contains characters that cannot be part of a key."


class KeyMissing(SetupWrong):
    """No key is configured for the purpose."""

    sentence = "No API key is configured for this purpose."


class KeyRejected(SetupWrong):
    """401: the key is wrong, expired, revoked or used from an address that is not on its list."""

    sentence = "Pigment rejected the API key."


class PermissionMissing(SetupWrong):
    """403: the key is valid, but was not created for this purpose."""

    sentence = "The API key is not allowed to do this."


class NotFound(SetupWrong):
    """404: the object does not exist, or the owner of the key cannot see it."""

    sentence = "Pigment does not know this object, or the key's owner cannot see it."


class RequestRejected(SetupWrong):
    """400, 409, 422 and other statuses of a request that Pigment will never accept."""

    sentence = "Pigment rejected the content of the request."


class TooLarge(SetupWrong):
    """413: more than Pigment accepts or exports in one request."""

    sentence = "This is larger than Pigment handles in one request."


class Obstacle(StrEnum):
    """Why a server could not be reached."""

    NAME_UNKNOWN = "its name could not be resolved"
    REFUSED = "it refuses connections"
    TIMED_OUT = "it did not answer in time"
    TLS = "the TLS handshake failed"
    LOST = "the connection was lost"
    PROXY = "the proxy did not pass the request on"
    NO_NETWORK = "there is no route to it"


class CertificateRejected(SetupWrong):
    """The TLS certificate of the server `host` could not be verified."""

    sentence = "The TLS certificate of the server could not be verified."


class AddressUnusable(SetupWrong):
    """The address of the server, or of the proxy before it (`of_proxy`), cannot be used; `host` if it is known."""

    sentence = "The address of the server or of a proxy cannot be used."
    of_proxy: bool = False


class PlainHttp(SetupWrong):
    """The base URL is plain http, which is allowed only for this machine."""

    sentence = "Over plain http the API key would travel in clear."


class AddressMoved(SetupWrong):
    """A redirection; not followed, because it would send the key to an address that is not configured."""

    sentence = "The server sends this request to another address."


class TryLater(PigmentError):
    """Nothing is wrong with the setup; the same request may succeed later.

    `retry_after_seconds` is the wait that the response asks for, if it asks for one.
    """

    sentence = "Pigment cannot do this now."
    retry_after_seconds: float | None = None


class LimitReached(TryLater):
    """429: too many requests or imports; the request was not carried out."""

    sentence = "Pigment's limit of requests is reached."


class ImportLimitReached(LimitReached):
    """429: too many imports of one import configuration in an hour; other requests are not limited."""

    sentence = "Pigment's limit of imports for this import configuration is reached."


class Unavailable(TryLater):
    """Pigment could not be reached or answered with a server error.

    `arrived` is False only where the request certainly did not reach Pigment. `host` and `obstacle` name the server
    that could not be reached and why; both are None where Pigment answered.
    """

    sentence = "Pigment is not available."
    arrived: bool = True
    obstacle: Obstacle | None = None


class BrokenOff(TryLater):
    """A response began and stopped before its end."""

    sentence = "The response of Pigment broke off before its end."


class ResponseNotUnderstood(PigmentError):
    """Pigment answered something that its API description does not allow."""

    sentence = "The response of Pigment could not be understood."


class NotAnExport(ResponseNotUnderstood):
    """What was received as an export cannot be one; `received` names its kind ("JSON"), never its content."""

    sentence = "Pigment answered with something that is not an export."
    received: str = ""


class ImportFailed(PigmentError):
    """Pigment accepted the file and ended the import as failed; nothing is known to be stored.

    `names` are the names of the errors that Pigment reported, never its descriptions: those may quote rows.
    """

    sentence = "Pigment ended the import as failed."
    names: tuple[str, ...] = ()

    def __init__(self, import_id: str, names: tuple[str, ...] = ()) -> None:
        super().__init__("import", object_id=import_id, names=names)


class ImportOutcomeUnknown(PigmentError):
    """A file, or the start of an import, was sent; it may or may not have been carried out.

    `reason` is a sentence on why that is not known; `import_id` is the id of an import that was accepted and may still
    be running.
    """

    sentence = "This was sent to Pigment, but the response was lost, so it may have been carried out."
    reason: str | None = None
    import_id: str | None = None

    def __str__(self) -> str:
        return self.reason or super().__str__()

"""What can go wrong with Pigment, in the order of what the user should do.

PigmentError
├── SetupWrong                 fix the setup, then run again
│   ├── KeyMissing             no key configured for this purpose
│   ├── KeyRejected            401: wrong, expired, revoked, or used from an address that is not on its list
│   ├── PermissionMissing      403: the key was not created for this purpose
│   ├── NotFound               404: gone, or not visible to the key's owner
│   ├── RequestRejected        400, 409, 422 and others: the content of the request
│   ├── TooLarge               413: more than Pigment accepts or exports at once
│   ├── CertificateRejected    TLS verification failed
│   ├── AddressUnusable        the base URL, or that of a proxy, is no address
│   ├── PlainHttp              the key would travel in clear
│   └── AddressMoved           3xx; not followed, because the key would go to an address that is not configured
├── TryLater                   nothing is wrong with the setup
│   ├── LimitReached           429: too many requests of the address; the request was not carried out
│   │   └── ImportLimitReached 429: too many imports of one import configuration
│   ├── Unavailable            no connection, or 5xx
│   └── BrokenOff              a response that stopped before its end
├── ResponseNotUnderstood      Pigment answered what its API description does not allow
│   └── NotAnExport            200, and a body that cannot be an export
├── ImportFailed               Pigment accepted the file and could not import it; nothing is known to be stored
└── ImportOutcomeUnknown       what must not be sent twice was sent, and whether it was carried out is not known

The message of an error is the first line of its docstring; facts are attributes; advice is given elsewhere.
No error carries a key, a body or a row.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class PigmentError(Exception):
    """The request to Pigment did not succeed.

    `operation` names what was tried ("export table"), `object_id` the id of the object, `status` the HTTP status,
    `purpose` the purpose of the key that was used (a value of `keys.Purpose`), `host` the server or proxy that could
    not be reached or used. Each class declares its further facts with their defaults.
    """

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
        sentence = (type(self).__doc__ or type(self).__name__).partition("\n")[0]
        facts = [self.operation or "", self.object_id or "", f"HTTP {self.status}" if self.status else ""]
        known = ", ".join(fact for fact in facts if fact)
        return f"{sentence} ({known})" if known else sentence


class SetupWrong(PigmentError):
    """Pigment cannot do this with the present setup."""


class KeyMissing(SetupWrong):
    """No API key is configured for this purpose."""


class KeyRejected(SetupWrong):
    """Pigment rejected the API key."""


class PermissionMissing(SetupWrong):
    """The API key is not allowed to do this."""


class NotFound(SetupWrong):
    """Pigment does not know this object, or the key's owner cannot see it."""


class RequestRejected(SetupWrong):
    """Pigment rejected the content of the request."""


class TooLarge(SetupWrong):
    """This is larger than Pigment handles in one request."""


class CertificateRejected(SetupWrong):
    """The TLS certificate of the server could not be verified."""


class AddressUnusable(SetupWrong):
    """The address of the server or of a proxy cannot be used.

    `of_proxy` says which of the two; `host` is its name if it is known.
    """

    of_proxy: bool = False


class PlainHttp(SetupWrong):
    """Over plain http the API key would travel in clear."""


class AddressMoved(SetupWrong):
    """The server sends this request to another address."""


class TryLater(PigmentError):
    """Pigment cannot do this now.

    `retry_after_seconds` is the wait that the response asks for, if it asks for one.
    """

    retry_after_seconds: float | None = None


class LimitReached(TryLater):
    """Pigment's limit of requests is reached."""


class ImportLimitReached(LimitReached):
    """Pigment's limit of imports for this import configuration is reached."""


class Obstacle(StrEnum):
    """Why a server could not be reached."""

    NAME_UNKNOWN = "its name could not be resolved"
    REFUSED = "it refuses connections"
    TIMED_OUT = "it did not answer in time"
    TLS = "the TLS handshake failed"
    LOST = "the connection was lost"
    PROXY = "the proxy did not pass the request on"
    NO_NETWORK = "there is no route to it"


class Unavailable(TryLater):
    """Pigment is not available.

    `arrived` is False only where the request certainly did not reach Pigment. `host` and `obstacle` name the server
    that could not be reached and why; both are None where Pigment answered.
    """

    arrived: bool = True
    obstacle: Obstacle | None = None


class BrokenOff(TryLater):
    """The response of Pigment broke off before its end."""


class ResponseNotUnderstood(PigmentError):
    """The response of Pigment could not be understood."""


class NotAnExport(ResponseNotUnderstood):
    """Pigment answered with something that is not an export.

    `received` names its kind ("JSON"), never its content.
    """

    received: str = ""


class ImportFailed(PigmentError):
    """Pigment ended the import as failed.

    `names` are the names of the errors that Pigment reported, never its descriptions: those may quote rows.
    """

    names: tuple[str, ...] = ()


class ImportOutcomeUnknown(PigmentError):
    """This was sent to Pigment, but the response was lost, so it may have been carried out.

    `reason` is a sentence on why that is not known; `import_id` is the id of an import that was accepted and may still
    be running.
    """

    reason: str | None = None
    import_id: str | None = None

    def __str__(self) -> str:
        return self.reason or super().__str__()

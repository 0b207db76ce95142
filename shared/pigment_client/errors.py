"""What can go wrong with Pigment, ordered by what the user should do.

PigmentError
├── SetupWrong                 fix the setup, then run again
│   ├── KeyFormatOutdated      the dashed form of old
│   ├── KeyMalformed           characters that no key has
│   ├── KeyMissing             no key configured for this purpose
│   ├── KeyRefused             401
│   ├── PermissionMissing      403
│   ├── NotFound               404: gone, or not visible to the key's owner
│   ├── RequestRefused         400, 409, 422: the request's content
│   ├── TooLarge               413: the view is too big to be exported
│   ├── CertificateRefused     TLS verification failed
│   └── AddressMoved           3xx: the base URL is not the address of the API
├── TryLater                   nothing is wrong with the setup
│   ├── LimitReached           429
│   ├── Unavailable            no connection, or 5xx
│   └── BrokenOff              an answer that stopped before its end
├── AnswerNotUnderstood        Pigment answered something its API description does not allow
├── ImportFailed               Pigment took the file and could not import it
└── OutcomeUnknown             the file was sent and the answer was lost

The message of an error is a fixed sentence; facts are attributes; advice for the user is given elsewhere.
No error carries a key, a body or a row.
"""

from __future__ import annotations

from typing import ClassVar, TypedDict, Unpack


class Facts(TypedDict, total=False):
    """What every error may tell beside its operation."""

    object_id: str | None
    status: int | None
    purpose: str | None


class PigmentError(Exception):
    """Something went wrong between us and Pigment.

    `operation` names what was tried ("export table"), `object_id` the id of the object, `status` the HTTP status,
    `purpose` the purpose of the key that was used (a value of `keys.Purpose`).
    """

    sentence: ClassVar[str] = "The request to Pigment did not succeed."

    def __init__(
        self,
        operation: str | None = None,
        *,
        object_id: str | None = None,
        status: int | None = None,
        purpose: str | None = None,
    ) -> None:
        super().__init__(operation, object_id, status, purpose)
        self.operation = operation
        self.object_id = object_id
        self.status = status
        self.purpose = purpose

    def __str__(self) -> str:
        facts = [self.operation or "", self.object_id or "", f"HTTP {self.status}" if self.status else ""]
        told = ", ".join(fact for fact in facts if fact)
        return f"{self.sentence} ({told})" if told else self.sentence


class SetupWrong(PigmentError):
    """The configuration, the key or the workspace must be changed first."""

    sentence = "Pigment cannot do this with the present setup."


class KeyFormatOutdated(SetupWrong):
    """The key has the old dashed form."""

    sentence = "The API key has the old format with dashes, which Pigment no longer accepts."


class KeyMalformed(SetupWrong):
    """The key holds blanks, line breaks or other characters that no key has."""

    sentence = "The API key holds characters that cannot be part of a key."


class KeyMissing(SetupWrong):
    """No key is configured for the purpose."""

    sentence = "No API key is configured for this purpose."


class KeyRefused(SetupWrong):
    """401: the key is wrong, expired, revoked or used from an address that is not on its list."""

    sentence = "Pigment refused the API key."


class PermissionMissing(SetupWrong):
    """403: the key is good but not made for this."""

    sentence = "The API key is not allowed to do this."


class NotFound(SetupWrong):
    """404: the object does not exist, or the owner of the key cannot see it."""

    sentence = "Pigment does not know this object, or the key's owner cannot see it."


class RequestRefused(SetupWrong):
    """400, 409, 422 and other statuses that stand for a request Pigment will never take."""

    sentence = "Pigment refused the content of the request."


class TooLarge(SetupWrong):
    """413: more than Pigment takes or gives at once."""

    sentence = "This is larger than Pigment handles in one request."


class CertificateRefused(SetupWrong):
    """The server's TLS certificate could not be verified."""

    sentence = "The TLS certificate of the server could not be verified."


class AddressMoved(SetupWrong):
    """A redirection: it is not followed, for it would take the key to an address that nobody configured."""

    sentence = "The server sends this request to another address."


class TryLater(PigmentError):
    """Nothing is wrong with the setup; the same thing may succeed later.

    `retry_after_seconds` is what the answer asks for, if it does.
    """

    sentence = "Pigment cannot do this now."

    def __init__(
        self, operation: str | None = None, *, retry_after_seconds: float | None = None, **facts: Unpack[Facts]
    ) -> None:
        super().__init__(operation, **facts)
        self.retry_after_seconds = retry_after_seconds


class LimitReached(TryLater):
    """429: too many requests or imports; the request was not carried out."""

    sentence = "Pigment's limit of requests is reached."


class Unavailable(TryLater):
    """Pigment could not be reached or answered with a server error.

    `arrived` is False only where the request certainly did not reach Pigment.
    """

    sentence = "Pigment is not available."

    def __init__(
        self,
        operation: str | None = None,
        *,
        arrived: bool = True,
        retry_after_seconds: float | None = None,
        **facts: Unpack[Facts],
    ) -> None:
        super().__init__(operation, retry_after_seconds=retry_after_seconds, **facts)
        self.arrived = arrived


class BrokenOff(TryLater):
    """An answer began and did not come to its end."""

    sentence = "The answer of Pigment broke off before its end."


class AnswerNotUnderstood(PigmentError):
    """Pigment answered something that its API description does not allow."""

    sentence = "The answer of Pigment could not be understood."


class ImportFailed(PigmentError):
    """Pigment took the file and ended the import as failed; nothing is known to be stored.

    `names` are the names of the errors that Pigment reported, never its descriptions: those may quote rows.
    """

    sentence = "Pigment ended the import as failed."

    def __init__(self, import_id: str, names: tuple[str, ...] = ()) -> None:
        super().__init__("import", object_id=import_id)
        self.names = names


class OutcomeUnknown(PigmentError):
    """A file was sent and the answer was lost: it may have been imported, or not."""

    sentence = "The file was sent to Pigment, but its answer was lost, so the file may have been imported."

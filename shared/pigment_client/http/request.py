"""One request, before it is sent, and the body of a push: a CSV file, streamed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, TypeVar

from pigment_client.errors import PigmentError
from pigment_client.keys import Purpose
from pigment_client.models import UploadForm

E = TypeVar("E", bound=PigmentError)


# Large enough that Python's share of an upload costs nothing, small enough not to matter in memory.
_READ_BYTES = 256 * 1024


class UploadBody:
    """The bytes of a file, with what the form puts before and after them.

    Each iteration reads the file from its beginning and leaves it open. `len()` is the number of bytes to send, which
    requests needs for the Content-Length. `begun` tells whether any of it was read: if not, the file certainly did not
    arrive.
    """

    def __init__(self, file: IO[bytes], form: UploadForm) -> None:
        boundary = secrets.token_hex(16)
        self.content_type, before, after = "text/csv", b"", b""
        if form is UploadForm.MULTIPART:
            self.content_type = f"multipart/form-data; boundary={boundary}"
            before = (
                f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="data.csv"\r\n'
                "Content-Type: text/csv\r\n\r\n"
            ).encode()
            after = f"\r\n--{boundary}--\r\n".encode()
        self.begun = False
        self._before = before
        self._file = file
        self._after = after
        self._length = len(before) + file.seek(0, os.SEEK_END) + len(after)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        self.begun = True
        self._file.seek(0)
        if self._before:
            yield self._before
        while piece := self._file.read(_READ_BYTES):
            yield piece
        if self._after:
            yield self._after


@dataclass(frozen=True, slots=True)
class Request:
    """The name of a request in logs and errors, the key that it needs, and what is sent.

    `object_id` is the id of the object it is about. The response of a `streamed` request is not read by the transport.
    `response_timeout_seconds` replaces the idle time-out where the response may take longer. With `own_connection` it
    is not sent over a connection that was kept open: if the server has closed that one meanwhile, it would not be
    known whether the request arrived.
    """

    operation: str
    purpose: Purpose
    method: str
    path: str
    object_id: str | None = None
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    json: Any = field(default=None, repr=False)
    body: UploadBody | None = field(default=None, repr=False)
    streamed: bool = False
    response_timeout_seconds: float | None = None
    own_connection: bool = False

    def error(self, kind: type[E], **facts: Any) -> E:
        """An error of this kind about this request; `facts` are those that the request does not know."""
        return kind(self.operation, object_id=self.object_id, purpose=self.purpose.value, **facts)

"""The body of a push: a CSV file as it is, or as the part `file` of a form, streamed either way."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from typing import IO

from pigment_client.models import UploadForm

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

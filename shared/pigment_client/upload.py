"""A CSV file on its way to Pigment: as the raw body, or as the part `file` of a form, streamed either way."""

from __future__ import annotations

import io
import os
import secrets
from typing import IO

from pigment_client.models import UploadForm


class UploadBody(io.RawIOBase):
    """What is sent for a file: its bytes, with what the form puts before and after them.

    Reads the file from its beginning; `len()` is the number of bytes to send. The file stays open.
    """

    def __init__(self, file: IO[bytes], form: UploadForm) -> None:
        super().__init__()
        boundary = secrets.token_hex(16)
        before, after = b"", b""
        if form is UploadForm.MULTIPART:
            before = (
                f"--{boundary}\r\n"
                'Content-Disposition: form-data; name="file"; filename="data.csv"\r\n'
                "Content-Type: text/csv\r\n\r\n"
            ).encode()
            after = f"\r\n--{boundary}--\r\n".encode()
        self.content_type = f"multipart/form-data; boundary={boundary}" if before else "text/csv"
        self._length = len(before) + file.seek(0, os.SEEK_END) + len(after)
        file.seek(0)
        self._parts: list[IO[bytes]] = [io.BytesIO(before), file, io.BytesIO(after)]

    def __len__(self) -> int:
        return self._length

    def readable(self) -> bool:
        """Yes."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, or all that is left; nothing at the end."""
        pieces: list[bytes] = []
        while self._parts and size != 0:
            piece = self._parts[0].read(size)
            if not piece:
                self._parts.pop(0)
                continue
            pieces.append(piece)
            if size > 0:
                size -= len(piece)
        return b"".join(pieces)

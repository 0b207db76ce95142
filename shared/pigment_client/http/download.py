"""An export that has begun: its bytes as they arrive."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Self

import requests

from pigment_client.http.request import Call
from pigment_client.http.transport import chunks


class Export:
    """The answer of an export; iterate over it once, and close it (closing early stops the transfer).

    Iterating gives bytes as they arrive, decompressed, and raises `BrokenOff` when the answer is reset, cut or silent
    for longer than the idle time. For one thread at a time.
    """

    def __init__(self, call: Call, response: requests.Response) -> None:
        self._response = response
        self._chunks = chunks(call, response)
        self.bytes_received = 0

    @property
    def http_version(self) -> int:
        """20 for HTTP/2, 11 for HTTP/1.1."""
        return int(getattr(self._response.raw, "version", 11))

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.bytes_received += len(chunk)
            yield chunk

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the transfer if it is still going on."""
        self._response.close()

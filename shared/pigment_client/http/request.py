"""One request, before it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pigment_client.errors import PigmentError
from pigment_client.http.upload import UploadBody
from pigment_client.keys import Purpose

E = TypeVar("E", bound=PigmentError)


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

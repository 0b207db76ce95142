"""One request, before it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pigment_client.http.upload import UploadBody
from pigment_client.keys import Purpose


@dataclass(frozen=True, slots=True)
class Call:
    """What a request is called in logs and errors, which key it needs, and what is sent.

    `subject` is the id of the object it is about. The answer of a `streamed` call is not read by the transport.
    """

    operation: str
    purpose: Purpose
    method: str
    path: str
    subject: str | None = None
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    json: Any = field(default=None, repr=False)
    body: UploadBody | None = field(default=None, repr=False)
    streamed: bool = False

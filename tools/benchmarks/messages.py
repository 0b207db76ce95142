"""The lines that a destination is given: records, states on the way, and the word that a stream is complete."""

from __future__ import annotations

import json


def opening(stream: str) -> bytes:
    """What stands before the data of a record, which `}}` and a line end close."""
    return f'{{"type":"RECORD","record":{{"stream":{json.dumps(stream)},"emitted_at":1,"data":'.encode()


def state(stream: str, number: int) -> bytes:
    """The state behind so many rows of a stream."""
    content = {"stream_descriptor": {"name": stream}, "stream_state": {"rows": number}}
    return json.dumps({"type": "STATE", "state": {"type": "STREAM", "stream": content, "id": number}}).encode() + b"\n"


def complete(stream: str) -> bytes:
    """The word of the platform that the source has sent all of a stream."""
    status = {"stream_descriptor": {"name": stream}, "status": "COMPLETE"}
    trace = {"type": "STREAM_STATUS", "emitted_at": 1, "stream_status": status}
    return json.dumps({"type": "TRACE", "trace": trace}).encode() + b"\n"

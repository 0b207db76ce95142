"""A sender like PyAirbyte's `Destination.write` (as seen in 0.71.3), where it differs from the platform.

Every field of a message is present, null where it is unused; LOG and all statuses are on stdin; records carry
`_airbyte_*` columns and `emitted_at` in seconds; states have no id; generation ids are 1 and 1 always. A result that
was read before (`from_read_result`) is sent without namespaces, whatever the catalog says.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from airbyte_platform.process import Message

_ENVELOPE = ("log", "spec", "connectionStatus", "catalog", "record", "state", "trace", "control")
_RECORD = {"namespace": None, "meta": None, "file_reference": None}
_STATE = {"global": None, "data": None, "sourceStats": None, "destinationStats": None}


def catalog(streams: Iterable[Mapping[str, Any]], mode: str = "overwrite") -> dict[str, Any]:
    """The configured catalog: generation ids of 1, whatever the mode; what is not replaced is incremental."""
    ids = {"generation_id": 1, "minimum_generation_id": 1, "sync_id": 1}
    nothing = {"cursor_field": None, "primary_key": None}
    sync_mode = "full_refresh" if mode == "overwrite" else "incremental"
    return {
        "streams": [
            {"stream": dict(each), "sync_mode": sync_mode, "destination_sync_mode": mode, **ids, **nothing}
            for each in streams
        ]
    }


def lines(name: str, rows: Iterable[Mapping[str, Any]], *, complete: bool = True) -> Iterator[bytes]:
    """One stream as it is sent: statuses, a log line, records, the last state, and COMPLETE."""
    yield _line("LOG", log={"level": "INFO", "message": "Writing", "stack_trace": None})
    yield _status(name, "STARTED")
    for position, row in enumerate(rows):
        if not position:
            yield _status(name, "RUNNING")
        data = {**row, "_airbyte_raw_id": f"{position:026d}", "_airbyte_extracted_at": "2026-11-21T00:00:00Z"}
        yield _line("RECORD", record={**_RECORD, "stream": name, "data": data, "emitted_at": 1795219200})
    descriptor = {"name": name, "namespace": None}
    state = {"stream_descriptor": descriptor, "stream_state": {"__ab_no_cursor_state_message": True}}
    yield _line("STATE", state={**_STATE, "type": "STREAM", "stream": state})
    yield _status(name, "COMPLETE" if complete else "INCOMPLETE")


def _status(name: str, word: str) -> bytes:
    status = {"stream_descriptor": {"name": name, "namespace": None}, "status": word, "reasons": None}
    nothing = {"error": None, "estimate": None, "analytics": None}
    return _line(
        "TRACE", trace={**nothing, "type": "STREAM_STATUS", "emitted_at": 1795219200.0, "stream_status": status}
    )


def _line(type_: str, **content: Message) -> bytes:
    return json.dumps({"type": type_, **dict.fromkeys(_ENVELOPE), **content}).encode() + b"\n"

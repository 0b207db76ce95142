"""What a platform sends to a destination, made up for tests."""

from __future__ import annotations

from typing import Any

from airbyte_platform.process import Message

LEDGER = "General Ledger"
COLUMNS = ("Entry", "Account", "Department", "Posted", "Amount", "Memo", "Reversed")
_TYPES = {"Amount": "number", "Reversed": "boolean"}


def stream(name: str = LEDGER, columns: tuple[str, ...] = COLUMNS, **more: Any) -> dict[str, Any]:
    properties = {each: {"type": ["null", _TYPES.get(each, "string")]} for each in columns}
    return {
        "name": name,
        "json_schema": {"type": "object", "properties": properties},
        "supported_sync_modes": ["full_refresh"],
        **more,
    }


def catalog(*streams: dict[str, Any], mode: str = "append", **more: Any) -> dict[str, Any]:
    """A configured catalog; `more` goes into every configured stream."""
    chosen = streams or (stream(),)
    return {
        "streams": [
            {"stream": each, "sync_mode": "full_refresh", "destination_sync_mode": mode, **more} for each in chosen
        ]
    }


def entry(number: int, **values: Any) -> dict[str, Any]:
    """A row of the ledger."""
    return {
        "Entry": f"GL-{number:07d}",
        "Account": "0012",
        "Department": "Sales; Americas",
        "Posted": "2026-04-30",
        "Amount": number,
        "Memo": f"memo {number}",
        "Reversed": number % 2 == 0,
        **values,
    }


def record(data: Any, name: str = LEDGER, **more: Any) -> Message:
    return {"type": "RECORD", "record": {"stream": name, "data": data, "emitted_at": 1, **more}}


def state(number: int, name: str = LEDGER, *, namespace: str | None = None, records: int | None = None) -> Message:
    """A state with an id, as the platform passes it on."""
    descriptor = {"name": name, **({"namespace": namespace} if namespace else {})}
    content: dict[str, Any] = {
        "type": "STREAM",
        "id": number,
        "stream": {"stream_descriptor": descriptor, "stream_state": {"place": number}},
    }
    if records is not None:
        content["sourceStats"] = {"recordCount": float(records)}
    return {"type": "STATE", "state": content}


def status(word: str, name: str = LEDGER) -> Message:
    content = {"type": "STREAM_STATUS", "stream_status": {"stream_descriptor": {"name": name}, "status": word}}
    return {"type": "TRACE", "trace": {**content, "emitted_at": 1}}

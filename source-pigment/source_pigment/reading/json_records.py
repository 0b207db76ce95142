"""Finished JSON objects as RECORD lines, in blocks bounded by the bytes that leave. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from pigment_client.json_objects import Fields, object_text
from source_pigment.discovery.names import StreamName
from source_pigment.reading.records import LONGEST_LINE_BYTES, RecordBlock, RecordTooLong, escape_line_ends

# As large as the blocks of an export may become.
_LEAVE_BYTES = 1 << 20


class JsonRecords:
    """Makes records of fields; those that the configured schema leaves out are not sent."""

    def __init__(self, stream: StreamName, json_schema: Mapping[str, Any]) -> None:
        self._stream = stream
        properties = json_schema.get("properties")
        # A schema without properties says nothing of what somebody left out.
        self._wanted = frozenset(properties) if isinstance(properties, Mapping) and properties else None

    def data(self, fields: Fields) -> bytes:
        """The content of a record."""
        wanted = self._wanted
        chosen = fields if wanted is None else {name: each for name, each in fields.items() if name in wanted}
        return escape_line_ends(object_text(chosen))

    def blocks(self, data: Iterable[bytes], emitted_at: int) -> Iterator[RecordBlock]:
        """The records, some at a time; raises `RecordTooLong`."""
        opening = self._opening(emitted_at)
        lines: list[bytes] = []
        size = 0
        for each in data:
            line = opening + each + b"}}\n"
            if len(line) >= LONGEST_LINE_BYTES:
                raise RecordTooLong
            lines.append(line)
            size += len(line)
            if size >= _LEAVE_BYTES:
                yield RecordBlock(self._stream, b"".join(lines), len(lines))
                lines, size = [], 0
        if lines:
            yield RecordBlock(self._stream, b"".join(lines), len(lines))

    def _opening(self, emitted_at: int) -> bytes:
        stream = b'"stream":' + escape_line_ends(orjson.dumps(self._stream.name))
        if self._stream.namespace is not None:
            stream += b',"namespace":' + escape_line_ends(orjson.dumps(self._stream.namespace))
        return b'{"type":"RECORD","record":{' + stream + b',"emitted_at":%d,"data":' % emitted_at

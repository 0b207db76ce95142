"""The messages of a connector as a person reads them: `source-pigment read … | python -m demo.readable`.

Records are counted, not shown. Everything else is one line: what was logged, the result of a check, streams, errors.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

Message = dict[str, Any]


def main() -> None:
    """Read messages from standard input, and print lines as soon as they are known."""
    for line in readable(sys.stdin):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def readable(lines: Iterable[str]) -> Iterator[str]:
    """A line for each message that says something, and at the end the records of each stream."""
    records: Counter[str] = Counter()
    states = 0
    for line in lines:
        message = _parsed(line)
        match message:
            case {"type": "RECORD", "record": {"stream": stream}}:
                records[stream] += 1
            case {"type": "STATE"}:
                states += 1
            case _:
                yield from _described(message)
    yield from (f"{count:>12,} records  {stream}" for stream, count in records.items())
    if states:
        yield f"{states:>12,} {'state' if states == 1 else 'states'}"


def _parsed(line: str) -> Message:
    """The message; a line that is none, such as one that a library printed, as if it were logged."""
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    return message if isinstance(message, dict) else {"type": "LOG", "log": {"level": "", "message": line.rstrip()}}


def _described(message: Message) -> Iterator[str]:
    match message:
        case {"type": "LOG", "log": {"level": level, "message": text}}:
            yield f"{level:<5} {text}"
        case {"type": "TRACE", "trace": {"type": "ERROR", "error": {"message": text}}}:
            yield f"ERROR {text}"
        case {"type": "TRACE", "trace": {"type": "STREAM_STATUS", "stream_status": status}}:
            yield f"      {status['stream_descriptor']['name']}: {status['status'].lower()}"
        case {"type": "CONNECTION_STATUS", "connectionStatus": {"status": outcome, **more}}:
            yield f"{outcome} {more.get('message') or ''}".rstrip()
        case {"type": "SPEC", "spec": {"connectionSpecification": {"properties": properties}}}:
            yield f"A form with {len(properties)} settings."
        case {"type": "CATALOG", "catalog": {"streams": streams}}:
            yield from (f"      {each['name']}" for each in streams)
        case {"type": "DESTINATION_CATALOG", "destination_catalog": {"operations": operations}}:
            yield from (f"      {name}" for name in dict.fromkeys(each["object_name"] for each in operations))


if __name__ == "__main__":
    main()

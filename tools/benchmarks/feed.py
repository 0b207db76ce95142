"""The lines that a destination is given; `python -m benchmarks.feed FILE ROWS STREAM` sends that many.

The file contains RECORD lines of the ledger. They are sent in passes that differ, each followed by a state.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from benchmarks.ledger import Ledger


def opening(stream: str) -> bytes:
    """The text before the data of a record, which `}}` and a line end close."""
    return f'{{"type":"RECORD","record":{{"stream":{json.dumps(stream)},"emitted_at":1,"data":'.encode()


def state(stream: str, number: int) -> bytes:
    """The state after `number` rows of a stream."""
    content = {"stream_descriptor": {"name": stream}, "stream_state": {"rows": number}}
    return json.dumps({"type": "STATE", "state": {"type": "STREAM", "stream": content, "id": number}}).encode() + b"\n"


def complete(stream: str) -> bytes:
    """The platform's COMPLETE status of a stream."""
    status = {"stream_descriptor": {"name": stream}, "status": "COMPLETE"}
    trace = {"type": "STREAM_STATUS", "emitted_at": 1, "stream_status": status}
    return json.dumps({"type": "TRACE", "trace": trace}).encode() + b"\n"


def main() -> None:
    """Write to standard output until everything is written or the reader has gone."""
    file, rows, stream = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    lines = file.read_bytes().splitlines(keepends=True)
    again = Ledger(distinct=0).again
    try:
        for number, sent in enumerate(range(0, rows, len(lines))):
            sys.stdout.buffer.write(again(b"".join(lines[: rows - sent]), number))
            sys.stdout.buffer.write(state(stream, min(sent + len(lines), rows)))
        sys.stdout.buffer.write(complete(stream))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # Python would flush once more at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()

"""The lines that a destination is given; `python -m benchmarks.feed FILE ROWS TIMES STREAM` repeats them.

The file's RECORD lines (ROWS of them) are written TIMES times, each time followed by a state.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


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
    file, rows, times, stream = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    lines = file.read_bytes()
    try:
        for number in range(1, times + 1):
            sys.stdout.buffer.write(lines)
            sys.stdout.buffer.write(state(stream, number * rows))
        sys.stdout.buffer.write(complete(stream))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # Python would flush once more at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()

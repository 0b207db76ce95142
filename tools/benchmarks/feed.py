"""Feeds a destination with more rows than anybody wants to keep: `python -m benchmarks.feed FILE ROWS TIMES STREAM`.

The file's RECORD lines (so many rows) are written again and again, each time followed by a state.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks.messages import complete, state


def main() -> None:
    """Write to standard output until all is written, or nobody reads any more."""
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

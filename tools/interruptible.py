"""Runs a tool so that Ctrl-C at any moment ends it with one line: `python -m interruptible demo`."""

from __future__ import annotations

import runpy
import sys
from types import TracebackType


def main() -> None:
    """Run the module that the first argument names, as `python -m` would."""
    sys.excepthook = _report
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _report(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.stdout.write("\nStopped.\n")
    else:
        sys.__excepthook__(kind, error, where)


if __name__ == "__main__":
    main()

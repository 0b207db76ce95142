"""The command: every case of both connectors, and one table for each kind of figure."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from benchmarks.reading import run_reading
from benchmarks.run import Checkout, Options
from benchmarks.table import rows_table, start_table
from benchmarks.writing import run_writing

_OURS = Path(__file__).parent.parent


def main() -> None:
    """Run what was asked for."""
    arguments = _arguments()
    checkouts = [Checkout("ours", _OURS)]
    if arguments.against:
        checkouts.append(Checkout("against", arguments.against.resolve()))
    options = Options(arguments.rows, arguments.times, tuple(checkouts), tuple(arguments.case or ()))
    print(f"{options.rows} rows (the plain way a fifth), best of {options.times}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory(prefix="pigment-bench-") as folder:
        for connector, run in (("source", run_reading), ("destination", run_writing)):
            if arguments.only in {None, connector}:
                runs = run(options, Path(folder))
                print(f"\n{start_table(runs, connector)}\n{rows_table(runs, connector)}", end="", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of a case (default: a million)")
    parser.add_argument("--times", type=int, default=3, help="runs of each of our ways (default: 3)")
    parser.add_argument("--against", type=Path, help="another checkout with its own .venv, run in turn with this one")
    parser.add_argument("--only", choices=("source", "destination"), help="one of the connectors")
    parser.add_argument("--case", action="append", help="a part of a case's name; may be given several times")
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""The command: every case of both connectors beside the plain way and the floor, or how a sync grows with its rows."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.checkouts import CONNECTORS, Checkout, described, names_of, opened
from benchmarks.cliffs import run_cliffs
from benchmarks.floors import built
from benchmarks.growth import read_growth, write_growth
from benchmarks.reading import run_reading
from benchmarks.run import Options, Runs
from benchmarks.table import (
    OURS,
    cases_table,
    cliffs_table,
    filled,
    goals_table,
    growth_table,
    noise,
    page_table,
    start_table,
)
from benchmarks.writing import run_writing

_HERE = Path(__file__).resolve().parents[2]
_PEERS = _HERE / ".venv-peers/bin/python"
_RUNS: dict[tuple[str, str], Callable[[Options, Path], Runs]] = {
    ("cases", "source"): run_reading,
    ("cases", "destination"): run_writing,
    ("growth", "source"): read_growth,
    ("growth", "destination"): write_growth,
    ("cliffs", "source"): partial(run_cliffs, "source"),
    ("cliffs", "destination"): partial(run_cliffs, "destination"),
}


def main() -> None:
    """Run what was asked for, print it, and write it into the page if one is given."""
    arguments = _arguments()
    checkouts = _checkouts(arguments.against)
    with tempfile.TemporaryDirectory(prefix="pigment-bench-") as folder:
        floors = built(Path(folder))
        peers = str(_PEERS) if arguments.peers else None
        options = Options(arguments.rows, arguments.times, checkouts, tuple(arguments.case), floors, peers)
        for connector in (arguments.only,) if arguments.only else CONNECTORS:
            printed, on_page = _measured(_kind(arguments), connector, options, Path(folder))
            print(f"\n{printed}", flush=True)
            if arguments.write:
                place = f"{_kind(arguments)} of the {connector}"
                page = filled(arguments.write.read_text(encoding="utf-8"), place, on_page)
                arguments.write.write_text(page, encoding="utf-8")


def _kind(arguments: argparse.Namespace) -> str:
    """What is measured, as the marks on the page call it."""
    return "growth" if arguments.growth else "cliffs" if arguments.cliffs else "cases"


def _checkouts(against: list[Path]) -> tuple[Checkout, ...]:
    others = zip(names_of(against), against, strict=True)
    return (opened(OURS, _HERE), *(opened(name, folder.resolve()) for name, folder in others))


def _measured(kind: str, connector: str, options: Options, folder: Path) -> tuple[str, str]:
    """What is printed, and what the page contains: of the cases a line each."""
    machine = described(options.checkouts)
    runs = _RUNS[kind, connector](options, folder)
    head = f"{machine} Median of {options.times}. {noise(runs)}\n"
    if kind == "cases":
        common = (head, goals_table(runs), start_table(runs))
        tables = cases_table(runs), page_table(runs)
        printed, on_page = ("\n".join(filter(None, (*common, each))) for each in tables)
        return printed, on_page
    table = growth_table(runs) if kind == "growth" else cliffs_table(runs)
    return f"{head}\n{table}", f"{head}\n{table}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of a case (default: a million)")
    parser.add_argument("--times", type=int, default=3, help="runs of each of our ways (default: 3)")
    parser.add_argument(
        "--against", type=Path, action="append", default=[], help="another checkout with its own .venv, run in turn"
    )
    parser.add_argument("--only", choices=CONNECTORS, help="one of the connectors")
    parser.add_argument(
        "--case", action="append", default=[], help="a part of a case's name; may be given several times"
    )
    parser.add_argument(
        "--growth",
        action="store_true",
        help="a tenth of the rows, the rows, and ten times as many, instead of the cases",
    )
    parser.add_argument("--cliffs", action="store_true", help="what costs far more than usual, instead of the cases")
    parser.add_argument("--peers", action="store_true", help="also move the ledger with pandas, polars, duckdb and dlt")
    parser.add_argument("--write", type=Path, help="a page whose tables are replaced: docs/performance.md")
    arguments = parser.parse_args()
    if problem := _problem(arguments):
        parser.error(problem)
    return arguments


def _problem(arguments: argparse.Namespace) -> str | None:
    """What is wrong with the arguments, found before anything is measured."""
    if arguments.peers and not _PEERS.exists():
        return "the peers have an environment of their own: use make bench ARGS=--peers"
    if arguments.rows < 10 or arguments.times < 1:
        return "at least 10 rows and one run are needed"
    if arguments.write and arguments.case:
        return "a page takes all cases: leave --case or --write"
    if arguments.write:
        try:
            for connector in CONNECTORS:
                filled(arguments.write.read_text(encoding="utf-8"), f"{_kind(arguments)} of the {connector}", "")
        except (OSError, ValueError) as error:
            return str(error)
    return None


if __name__ == "__main__":
    main()

"""Figures to the lines of tables; pure.

The best of several runs counts: whatever else a machine does can only add to what a program costs. How far the runs
lie apart stands beside it.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from benchmarks.measure import Figures
from benchmarks.run import Runs

_ROWS_HEADING = (
    "| case | way | k rows/s | CPU s/M | to ours | wall s | MB | ± |\n|---|---|---:|---:|---:|---:|---:|---:|\n"
)
_START_HEADING = "| command | way | CPU s | wall s | MB | ± |\n|---|---|---:|---:|---:|---:|\n"
_FEW = "few rows"


def start_table(runs: Runs, connector: str) -> str:
    """The commands that move hardly any rows."""
    lines = [
        f"| {connector} {command} | {way} | {_best(each, 'cpu_seconds'):.2f} | {_best(each, 'wall_seconds'):.2f} "
        f"| {_peak(each):.0f} | {_spread(each)} |\n"
        for (command, way), each in runs.figures.items()
        if runs.rows[command, way] <= 0
    ]
    return _START_HEADING + "".join(lines)


def rows_table(runs: Runs, connector: str) -> str:
    """The cases, each way beside the first one; rows a second and CPU are those beyond start-up."""
    return _ROWS_HEADING + "".join(_rows_lines(runs, connector))


def _rows_lines(runs: Runs, connector: str) -> Iterator[str]:
    ours = 0.0
    last = ""
    for (case, way), each in runs.figures.items():
        rows = runs.rows[case, way]
        if rows <= 0:
            continue
        start = runs.figures.get((_FEW, way), [])
        cpu = (_best(each, "cpu_seconds") - _best(start, "cpu_seconds")) / rows * 1e6
        wall = _best(each, "wall_seconds")
        seconds = wall - _best(start, "wall_seconds")
        if case != last:
            ours, last = cpu, case
        yield (
            f"| {connector} {case} | {way} | {_or_dash(rows / seconds / 1000 if seconds > 0 else 0, '.0f')} "
            f"| {_or_dash(cpu, '.2f')} | {_or_dash(cpu / ours if ours > 0 else 0, '.2f')} | {wall:.1f} "
            f"| {_peak(each):.0f} | {_spread(each)} |\n"
        )


def _best(runs: list[Figures], what: str) -> float:
    return min((getattr(run, what) for run in runs), default=0.0)


def _peak(runs: list[Figures]) -> float:
    return max(run.peak_megabytes for run in runs)


def _spread(runs: list[Figures]) -> str:
    """How far the CPU seconds of the runs lie apart, as a part of their median."""
    cpu = [run.cpu_seconds for run in runs]
    return f"{(max(cpu) - min(cpu)) / 2 / statistics.median(cpu):.0%}" if len(cpu) > 1 else "-"


def _or_dash(value: float, form: str) -> str:
    """The figure, or a dash where so few rows were moved that start-up hides them."""
    return format(value, form) if value > 0 else "-"

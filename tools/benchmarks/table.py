"""What runs cost, as the lines of tables, and the page whose tables are replaced; pure.

The median of several runs counts. How far the runs lie apart is in the last column.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.measure import Figures
from benchmarks.run import PLAIN, Case, Runs

# The first checkout; the goals are its.
OURS = "ours"
_FLOOR = "floor"

_START_HEADING = "| command | way | CPU s | wall s | MB | ± |\n|---|---|---:|---:|---:|---:|\n"
_CASES_HEADING = (
    "| case | way | rows | k rows/s | CPU s/M | CPU of plain | whole process | of the floor | MB | ± |\n"
    "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|\n"
)
_GROWTH_HEADING = (
    "| sync | rows | way | wall s | k rows/s | CPU s | CPU s/M | MB memory | MB disk |\n"
    "|---|---:|---|---:|---:|---:|---:|---:|---:|\n"
)
_GOALS_HEADING = "| goal | measured | reached |\n|---|---:|---|\n"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a million rows cost by one way through a case; all but the memory beyond start-up. 0 is not known."""

    way: str
    rows: int
    thousand_rows_a_second: float
    cpu_seconds: float
    start_cpu_seconds: float
    megabytes: float
    spread: str

    def whole_cpu_seconds(self, rows: int) -> float:
        """What a process takes that moves so many rows, its start-up included."""
        return self.start_cpu_seconds + self.cpu_seconds * rows / 1e6


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure of a case that is to be reached."""

    words: str
    connector: str
    case: str
    reached: Callable[[Cost, float], bool]
    measured: Callable[[Cost, float], str]


def _fast(least: int) -> Callable[[Cost, float], bool]:
    return lambda cost, _: cost.thousand_rows_a_second >= least


def _rate(cost: Cost, _: float) -> str:
    return f"{cost.thousand_rows_a_second:,.0f} k rows/s"


def _lean(cost: Cost, _: float) -> bool:
    return 0 < cost.megabytes <= 150


def _memory(cost: Cost, _: float) -> str:
    return f"{cost.megabytes:.0f} MB"


def _near(_: Cost, share: float) -> bool:
    return share >= 0.7


def _share(_: Cost, share: float) -> str:
    return f"{share:.0%}" if share else "-"


GOALS = (
    Goal("one stream: at least 1,200 k rows/s", "source", "one stream", _fast(1200), _rate),
    Goal("one stream: at least 70 % of the floor's rows/s", "source", "one stream", _near, _share),
    Goal("10 streams, 3 workers: at most 150 MB", "source", "10 streams, 3 workers", _lean, _memory),
    Goal("one stream: at least 1,000 k rows/s", "destination", "one stream", _fast(1000), _rate),
    Goal("one stream: at least 70 % of the floor's rows/s", "destination", "one stream", _near, _share),
    Goal("10 streams interleaved: at most 150 MB", "destination", "10 streams interleaved", _lean, _memory),
)


def costs(runs: Runs) -> dict[Case, list[Cost]]:
    """The cost of every way through every case that moves rows."""
    found: dict[Case, list[Cost]] = {}
    for (case, way), each in runs.figures.items():
        rows, start = runs.rows[case, way], runs.start_of(case, way)
        if rows > 0:
            seconds = _middle(each, "wall_seconds") - _middle(start, "wall_seconds") if start else 0.0
            cpu = _middle(each, "cpu_seconds") - _middle(start, "cpu_seconds") if start else 0.0
            rate = rows / seconds / 1000 if seconds > 0 else 0.0
            begin = _middle(start, "cpu_seconds")
            cost = Cost(way, rows, rate, max(cpu / rows * 1e6, 0.0), begin, _peak(each), _spread(each))
            found.setdefault(case, []).append(cost)
    return found


def start_table(runs: Runs) -> str:
    """The commands that move hardly any rows; those of the floors are only there to be taken off."""
    lines = [
        f"| {case.name} | {way} | {_middle(each, 'cpu_seconds'):.2f} | {_middle(each, 'wall_seconds'):.2f} "
        f"| {_peak(each):.0f} | {_spread(each)} |\n"
        for (case, way), each in runs.figures.items()
        if runs.rows[case, way] <= 0 and not way.startswith(_FLOOR)
    ]
    return _START_HEADING + "".join(lines)


def cases_table(runs: Runs) -> str:
    """Every way through every case, compared with the plain one and the floor; failures are named."""
    lines = [line for case, ways in costs(runs).items() for line in _case_lines(case, ways)]
    for (case, way), why in runs.failures.items():
        lines.append(f"| {case.name} | {way} | {_failed(why)} | | | | | | | |\n")
    return _CASES_HEADING + "".join(lines)


def _case_lines(case: Case, ways: list[Cost]) -> Iterator[str]:
    plain = next((each for each in ways if each.way == PLAIN), None)
    rows = max(each.rows for each in ways)
    for cost in ways:
        part = cost.cpu_seconds / plain.cpu_seconds if plain and plain.cpu_seconds else 0.0
        whole = cost.whole_cpu_seconds(rows) / plain.whole_cpu_seconds(rows) if part and plain else 0.0
        yield (
            f"| {case.name} | {cost.way} | {cost.rows:,} | {_or_dash(cost.thousand_rows_a_second, ',.0f')} "
            f"| {_or_dash(cost.cpu_seconds, '.2f')} | {_or_dash(part, '.0%')} "
            f"| {_or_dash(whole, '.0%')} | {_or_dash(_of_floor(cost, ways), '.0%')} "
            f"| {cost.megabytes:.0f} | {cost.spread} |\n"
        )


def _of_floor(cost: Cost, ways: list[Cost]) -> float:
    """Rows a second beside those of the floor."""
    floor = next((each.thousand_rows_a_second for each in ways if each.way.startswith(_FLOOR)), 0.0)
    return cost.thousand_rows_a_second / floor if floor else 0.0


def goals_table(runs: Runs) -> str:
    """What is to be reached, and what was; nothing where no goal was measured."""
    lines = []
    for case, ways in costs(runs).items():
        ours = next((each for each in ways if each.way == OURS), None)
        for goal in GOALS:
            if ours and (goal.connector, goal.case) == (case.connector, case.name):
                share = _of_floor(ours, ways)
                reached = "yes" if goal.reached(ours, share) else "no"
                lines.append(f"| {goal.words} | {goal.measured(ours, share)} | {reached} |\n")
    return _GOALS_HEADING + "".join(lines) if lines else ""


def growth_table(runs: Runs) -> str:
    """Whole processes, start-up included, each size below the smaller ones."""
    lines = []
    for (case, way), each in runs.figures.items():
        rows, wall, cpu = runs.rows[case, way], _middle(each, "wall_seconds"), _middle(each, "cpu_seconds")
        disk = max(run.peak_disk_megabytes for run in each)
        lines.append(
            f"| {case.connector}, {case.name} | {rows:,} | {way} | {wall:.1f} | {rows / wall / 1000:,.0f} | {cpu:.1f} "
            f"| {cpu / rows * 1e6:.2f} | {_peak(each):.0f} | {disk:.0f} |\n"
        )
    for (case, way), why in runs.failures.items():
        rows = runs.rows[case, way]
        lines.append(f"| {case.connector}, {case.name} | {rows:,} | {way} | {_failed(why)} | | | | | |\n")
    return _GROWTH_HEADING + "".join(lines)


def cliffs_table(runs: Runs) -> str:
    """Whole processes, start-up included: each cliff on a line, the checkouts beside one another."""
    ways = list(dict.fromkeys(way for _, way in runs.figures))
    lines = [
        f"| cliff | rows | {' | '.join(f'{way}, CPU s | {way}, MB' for way in ways)} |\n",
        f"|---|---:|{'---:|' * (2 * len(ways))}\n",
    ]
    for case in dict.fromkeys(case for case, _ in (*runs.figures, *runs.failures)):
        rows = next(rows for (each, _), rows in runs.rows.items() if each == case)
        cells = (runs.figures.get((case, way), []) for way in ways)
        texts = [f"{_middle(each, 'cpu_seconds'):.2f} | {_peak(each):.0f}" if each else "failed | -" for each in cells]
        lines.append(f"| {case.name} | {rows:,} | {' | '.join(texts)} |\n")
    return "".join(lines)


def noise(runs: Runs) -> str:
    """How far equal runs lie apart, over all ways but the floors, which are too short for a share to mean anything."""
    spreads = [
        _deviation(each) for (_, way), each in runs.figures.items() if len(each) > 1 and not way.startswith(_FLOOR)
    ]
    if not spreads:
        return "Nothing ran twice, so how noisy the machine was is not known."
    return (
        f"The machine's noise: CPU seconds of equal runs lie ±{statistics.median(spreads):.0%} apart "
        f"(the middle of {len(spreads)} groups; at most ±{max(spreads):.0%})."
    )


def _middle(runs: list[Figures], what: str) -> float:
    return statistics.median(getattr(run, what) for run in runs) if runs else 0.0


def _peak(runs: list[Figures]) -> float:
    return max(run.peak_megabytes for run in runs)


def _spread(runs: list[Figures]) -> str:
    return f"{_deviation(runs):.0%}" if len(runs) > 1 else "-"


def _deviation(runs: list[Figures]) -> float:
    """Half of the distance between the lowest and the highest CPU seconds, as a part of their median."""
    cpu = [run.cpu_seconds for run in runs]
    return (max(cpu) - min(cpu)) / 2 / statistics.median(cpu)


def _failed(why: str) -> str:
    return f"failed: {why.replace('|', '/')}"


def _or_dash(value: float, form: str) -> str:
    """The figure, or a dash where it is not known: so few rows were moved that start-up hides them."""
    return format(value, form) if value > 0 else "-"


_MARK = "<!-- {name}: written by make bench -->\n"
_END = "<!-- end of {name} -->"


def filled(page: str, name: str, measured: str) -> str:
    """The page with what stands between the marks of a name replaced; raises ValueError where it has no such marks."""
    begin, end = _MARK.format(name=name), _END.format(name=name)
    place = re.compile(f"({re.escape(begin)}).*?({re.escape(end)})", re.DOTALL)
    if not place.search(page):
        raise ValueError(f"the page has no marks for {name}: {begin.strip()} … {end}")
    return place.sub(lambda found: f"{found[1]}\n{measured.strip()}\n\n{found[2]}", page, count=1)

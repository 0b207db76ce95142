"""What runs cost, as the lines of tables, and the page whose tables are replaced; pure.

The median of several runs counts. How far the runs lie apart is in the last column.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.measure import Figures
from benchmarks.run import PEER, PLAIN, WITHOUT, Case, Runs

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
        """What a process that moves this many rows takes, with its start-up."""
        return self.start_cpu_seconds + self.cpu_seconds * rows / 1e6


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure of a case that is to be reached."""

    words: str
    connector: str
    case: str
    bound: float
    figure: Callable[[Cost, Cost | None], float]
    form: str
    is_least: bool = False

    def line(self, ours: Cost, plain: Cost | None) -> str:
        """What was measured, and whether that reaches it."""
        figure = self.figure(ours, plain)
        reached = figure >= self.bound if self.is_least else 0 < figure <= self.bound
        return f"| {self.words} | {format(figure, self.form)} | {'yes' if reached else 'no'} |\n"


def _lead(cost: Cost, plain: Cost | None) -> float:
    """How many times the plain way's CPU seconds."""
    return plain.cpu_seconds / cost.cpu_seconds if plain and cost.cpu_seconds else 0.0


def _seconds(cost: Cost, _: Cost | None) -> float:
    return cost.cpu_seconds


def _memory(cost: Cost, _: Cost | None) -> float:
    return cost.megabytes


_OVER_HTTP2 = "ledger, HTTP/2 with gzip"
GOALS = (
    Goal("ledger: 8 times as fast as plain", "source", "ledger", 8, _lead, ".1f", is_least=True),
    Goal("ledger: at most 120 MB", "source", "ledger", 120, _memory, ".0f"),
    Goal("ledger, HTTP/2 with gzip: at most 2.0 CPU s/M", "source", _OVER_HTTP2, 2.0, _seconds, ".2f"),
    Goal("ledger: 8 times as fast as plain", "destination", "ledger", 8, _lead, ".1f", is_least=True),
    Goal("ledger: at most 100 MB", "destination", "ledger", 100, _memory, ".0f"),
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
    """The commands that move hardly any rows; those of the floors and libraries are only taken off."""
    lines = [
        f"| {case.name} | {way} | {_middle(each, 'cpu_seconds'):.2f} | {_middle(each, 'wall_seconds'):.2f} "
        f"| {_peak(each):.0f} | {_spread(each)} |\n"
        for (case, way), each in runs.figures.items()
        if runs.rows[case, way] <= 0 and not way.startswith((_FLOOR, PEER))
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


_PAGE_HEADING = (
    "| case | rows | before | now | no library | plain | floor | whole process | k rows/s | MB before | MB now |\n"
    "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n"
)
_PEERS_HEADING = "| the ledger, by | CPU s/M | k rows/s | MB |\n|---|---:|---:|---:|\n"


def page_table(runs: Runs) -> str:
    """One line for each case: this checkout beside the first other one, the plain way and the floor."""
    lines, peers = [], []
    for case, ways in costs(runs).items():
        costs_of = {each.way: each for each in ways}
        ours, plain = costs_of.get(OURS), costs_of.get(PLAIN)
        before = next((each for each in ways if _is_other(each.way)), None)
        floor = next((each for each in ways if each.way.startswith(_FLOOR)), None)
        shown = (before, ours, costs_of.get(f"{OURS}{WITHOUT}"), plain, floor)
        cells = [_or_dash(each.cpu_seconds if each else 0.0, ".2f") for each in shown]
        if ours:
            whole = ours.whole_cpu_seconds(ours.rows) / plain.whole_cpu_seconds(ours.rows) if plain else 0.0
            rate = _or_dash(ours.thousand_rows_a_second, ",.0f")
            memory = f"{f'{before.megabytes:.0f}' if before else '-'} | {ours.megabytes:.0f}"
            cells += [_or_dash(whole, ".0%"), rate, memory]
            lines.append(f"| {case.name} | {ours.rows:,} | {' | '.join(cells)} |\n")
        peers += [
            f"| {each.way.removeprefix(PEER)} | {_or_dash(each.cpu_seconds, '.2f')} "
            f"| {_or_dash(each.thousand_rows_a_second, ',.0f')} | {each.megabytes:.0f} |\n"
            for each in ways
            if each.way.startswith(PEER)
        ]
    return _PAGE_HEADING + "".join(lines) + (f"\n{_PEERS_HEADING}{''.join(peers)}" if peers else "")


def _is_other(way: str) -> bool:
    """Whether it is a checkout beside this one."""
    return way not in {OURS, PLAIN} and not way.startswith((_FLOOR, PEER)) and not way.endswith(WITHOUT)


def _of_floor(cost: Cost, ways: list[Cost]) -> float:
    """Rows a second beside those of the floor."""
    floor = next((each.thousand_rows_a_second for each in ways if each.way.startswith(_FLOOR)), 0.0)
    return cost.thousand_rows_a_second / floor if floor else 0.0


def goals_table(runs: Runs) -> str:
    """What is to be reached, and what was; nothing where no goal was measured."""
    lines = []
    for case, ways in costs(runs).items():
        by_way = {each.way: each for each in ways}
        if OURS in by_way:
            ours, plain = by_way[OURS], by_way.get(PLAIN)
            wanted = (each for each in GOALS if (each.connector, each.case) == (case.connector, case.name))
            lines += [each.line(ours, plain) for each in wanted]
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

"""The form in which an import configuration expects dates (`dd/MM/yyyy`).

The letters are those that .NET and Java share, which people know from Pigment's import and from spreadsheets; Pigment
does not publish a list of its own. Where the two name the same part differently, both names are accepted (`tt` and
`a`, `f` and `S`); a part that only one of them has is not. A pattern that loses a part of the value (minutes without
hours, 12 hours without AM or PM) is nearly always a typing error, such as `dd/mm/yyyy`, and is rejected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# How .NET since version 8 reads two digits; ICU and Java do the same, today or within a few years.
TWO_DIGIT_YEARS = range(1950, 2050)

_LONGEST_PATTERN = 64
_LONGEST_FRACTION = 9

_PART = re.compile(r"'(?P<text>(?:[^']|'')*)'|(?P<run>(?P<letter>[^\W\d_])(?P=letter)*)|(?P<sign>[^'])")

# The parts of a pattern, and the part that each of them needs.
_NEEDS = {"month": "year", "day": "month", "hour": "day", "minute": "hour", "second": "minute", "fraction": "second"}

_RUNS = {
    "yyyy": ("year", "{year:04d}"),
    "yy": ("year", "{year_of_century:02d}"),
    "M": ("month", "{month}"),
    "MM": ("month", "{month:02d}"),
    "MMM": ("month", "{short_month}"),
    "MMMM": ("month", "{long_month}"),
    "d": ("day", "{day}"),
    "dd": ("day", "{day:02d}"),
    "H": ("hour", "{hour}"),
    "HH": ("hour", "{hour:02d}"),
    "h": ("hour", "{hour_of_half}"),
    "hh": ("hour", "{hour_of_half:02d}"),
    "m": ("minute", "{minute}"),
    "mm": ("minute", "{minute:02d}"),
    "s": ("second", "{second}"),
    "ss": ("second", "{second:02d}"),
    "tt": ("half", "{half}"),
    "a": ("half", "{half}"),
    **{letter * count: ("fraction", "{fraction}") for letter in "fS" for count in range(1, _LONGEST_FRACTION + 1)},
    # Between a day and a time, as in ISO 8601; other texts need quotes.
    "T": ("", "T"),
}

# Parts that write one digit or two, and all parts that write digits.
_LOOSE = {
    run for run, (name, _) in _RUNS.items() if len(run) == 1 and name in {"month", "day", "hour", "minute", "second"}
}
_DIGITS = {run for run, (name, _) in _RUNS.items() if name not in {"", "half"} and run not in {"MMM", "MMMM"}}

_LETTERS = {run[0] for run in _RUNS}

_ADVICE = "years are yyyy or yy, months M to MMMM, days d or dd, hours H or HH, minutes m or mm, seconds s or ss"

_WORDS = {"year": "yyyy", "month": "MM", "day": "dd", "hour": "HH", "minute": "mm", "second": "ss"}


class PatternProblem(ValueError):
    """The text is not a date pattern; the message ends a sentence about it, names the letters and says what to do."""


@dataclass(frozen=True, slots=True)
class DatePattern:
    """A date pattern, ready to be filled in.

    `template` is a format string with the fields `year`, `year_of_century`, `month`, `short_month`, `long_month`,
    `day`, `hour`, `hour_of_half`, `half`, `minute`, `second`, and `fraction` as a text of `fraction_digits` digits.
    """

    template: str
    has_time: bool = False
    has_short_year: bool = False
    fraction_digits: int = 0


ISO_DAY = DatePattern("{year:04d}-{month:02d}-{day:02d}")


def parse_date_pattern(text: str) -> DatePattern:
    """The pattern; raises `PatternProblem`."""
    runs: dict[str, str] = {}
    template: list[str] = []
    before = ""
    for run, literal in _parts(text):
        _check_digits_apart(before, run, literal)
        before = run
        if not run:
            template.append(literal.replace("{", "{{").replace("}", "}}"))
            continue
        name, field = _of_run(run)
        if name and name in runs:
            raise PatternProblem(f"has the {name} twice, as {runs[name]} and as {run}: {_ADVICE}")
        runs[name] = run
        template.append(field)
    _check_complete(runs)
    return DatePattern("".join(template), "hour" in runs, runs["year"] == "yy", len(runs.get("fraction", "")))


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """The parts in order: a run of one letter, or a text that is written unchanged."""
    if len(text) > _LONGEST_PATTERN or not text.isprintable():
        raise PatternProblem("is not a date pattern: write it as in the import configuration, such as dd/MM/yyyy")
    end = 0
    while end < len(text):
        part = _PART.match(text, end)
        if part is None:
            raise PatternProblem("contains a single quote without its second one: put texts between two single quotes")
        end = part.end()
        # Two quotes stand for one, inside and outside a text.
        yield part["run"] or "", part["sign"] or (part["text"] or "'").replace("''", "'")


def _of_run(run: str) -> tuple[str, str]:
    """The name of the part that a run of one letter stands for, and its field in the template."""
    if run in _RUNS:
        return _RUNS[run]
    what = run if run[0] in _LETTERS else f'the letter "{run[0]}"'
    raise PatternProblem(f"has {what}, which stands for nothing in a date pattern: {_ADVICE}")


def _check_digits_apart(before: str, run: str, literal: str) -> None:
    if before in _LOOSE and (run in _DIGITS or literal[:1].isdigit()):
        raise PatternProblem(
            f"has digits directly after {before}, which writes one digit or two: write {before * 2}, or put a sign in "
            "between"
        )


def _check_complete(runs: dict[str, str]) -> None:
    if "year" not in runs:
        raise PatternProblem(f"has no year: {_ADVICE}")
    for name, run in runs.items():
        needed = _NEEDS.get(name)
        if needed is not None and needed not in runs:
            raise PatternProblem(f"has the {name} ({run}) without the {needed} ({_WORDS[needed]}): {_ADVICE}")
    hour, half = runs.get("hour", ""), runs.get("half")
    if hour.startswith("h") and half is None:
        raise PatternProblem(
            f"has hours of a 12-hour clock ({hour}) without AM or PM (tt): write HH for hours from 0 to 23, or add tt"
        )
    if half is not None and not hour:
        raise PatternProblem(f"has AM or PM ({half}) without hours: add hh, or leave it out")

"""The form in which an import configuration expects dates (`dd/MM/yyyy`).

The letters are those that .NET and Java share, which people know from Pigment's import and from spreadsheets; Pigment
does not publish a list of its own. Where the two name the same part differently, both names are accepted (`tt` and
`a`, `f` and `S`); a part that only one of them has is not. A pattern that loses a part of the value (minutes without
hours, 12 hours without AM or PM) is nearly always a typing error, such as `dd/mm/yyyy`, and is rejected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from string import Formatter

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

    @property
    def example(self) -> str:
        """The first of December 2024 in this form: a day that is another one where day and month are swapped."""
        return self.template.format(**_EXAMPLE, fraction="0" * self.fraction_digits)

    def read_day(self, text: str) -> date | None:
        """The day of a date in exactly this form; None if the text is in another form."""
        found = re.fullmatch(_as_regex(self), text, re.ASCII)
        if found is None:
            return None
        parts = found.groupdict()
        year = int(parts.get("year") or 0)
        if self.has_short_year:
            century = TWO_DIGIT_YEARS[0] // 100 * 100
            year = century + int(parts["year_of_century"])
            year += 0 if year in TWO_DIGIT_YEARS else 100
        try:
            return date(year, _month_of(parts), int(parts.get("day") or 1))
        except ValueError:
            return None


_EXAMPLE: dict[str, str | int] = {
    "year": 2024,
    "year_of_century": 24,
    "month": 12,
    "short_month": "Dec",
    "long_month": "December",
    "day": 1,
    "hour": 0,
    "hour_of_half": 12,
    "half": "AM",
    "minute": 0,
    "second": 0,
}

# In English, whatever the locale.
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def _month_of(parts: Mapping[str, str]) -> int:
    short, long = parts.get("short_month"), parts.get("long_month")
    named = (number for number, name in enumerate(_MONTHS, start=1) if short == name[:3] or long == name)
    return next(named, int(parts.get("month") or 1))


@lru_cache(16)
def _as_regex(pattern: DatePattern) -> str:
    """The form as a regular expression, with a group for each field."""
    parts = [
        re.escape(literal) + ("" if field is None else f"(?P<{field}>{_regex_of_field(pattern, field, form or '')})")
        for literal, field, form, _ in Formatter().parse(pattern.template)
    ]
    return "".join(parts)


def _regex_of_field(pattern: DatePattern, field: str, form: str) -> str:
    if field == "fraction":
        return f"[0-9]{{{pattern.fraction_digits}}}"
    if field == "half":
        return "AM|PM"
    if field in {"short_month", "long_month"}:
        return "|".join(month[:3] if field == "short_month" else month for month in _MONTHS)
    return f"[0-9]{{{int(form.removesuffix('d'))}}}" if form else "[0-9]{1,2}"


ISO_DAY = DatePattern("{year:04d}-{month:02d}-{day:02d}")


def parse_date_pattern(text: str) -> DatePattern:
    """The pattern; raises `PatternProblem`, with the pattern that is meant where it is clear."""
    try:
        return _parse(text)
    except PatternProblem as problem:
        meant = text.translate(str.maketrans("YD", "yd"))
        meant = meant if "M" in meant else meant.replace("mm", "MM", 1)
        try:
            _parse(meant)
        except PatternProblem:
            raise problem from None
        raise PatternProblem(f"{str(problem).partition(':')[0]}: write {meant}") from None


def _parse(text: str) -> DatePattern:
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

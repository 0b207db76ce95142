"""Patterns of an import configuration are accepted, and texts that only look like one are rejected."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pigment_csv.date_pattern import PatternProblem, parse_date_pattern
from pigment_csv.dates import DateWriter

# Each pattern with the directives of C that say the same: strftime is the oracle.
SAME = {
    "dd/MM/yyyy": "%d/%m/%Y",
    "MM/dd/yyyy": "%m/%d/%Y",
    "yyyy-MM-dd": "%Y-%m-%d",
    "yyyyMMdd": "%Y%m%d",
    "dd.MM.yyyy HH:mm:ss": "%d.%m.%Y %H:%M:%S",
    "yyyy-MM-dd HH:mm:ss.ffffff": "%Y-%m-%d %H:%M:%S.%f",
    "yyyy-MM-dd HH:mm:ss.SSSSSS": "%Y-%m-%d %H:%M:%S.%f",
    "yyyy-MM-ddTHH:mm": "%Y-%m-%dT%H:%M",
    "yyyy-MM-dd'T'HH:mm:ss'Z'": "%Y-%m-%dT%H:%M:%SZ",
    "hh:mm tt, dd-MM-yyyy": "%I:%M %p, %d-%m-%Y",
    "dd MMM yyyy hh:mm a": "%d %b %Y %I:%M %p",
    "dd MMMM yyyy": "%d %B %Y",
    "MMM yy": "%b %y",
    "yyyy": "%Y",
    "'le '''dd'.'MM''yyyy{}": "le '%d.%m'%Y{}",
    "dd'{day}'MM%%yyyy": "%d{day}%m%%%%%Y",
    "HH'年'yyyy/MM/dd": "%H年%Y/%m/%d",
}


@pytest.mark.parametrize("pattern", SAME)
@settings(max_examples=40)
@given(moment=st.datetimes(datetime(1950, 1, 1), datetime(2049, 12, 31, 23, 59, 59)))  # noqa: DTZ001 - without a zone
def test_the_letters_of_a_pattern_mean_what_they_mean_to_strftime(pattern: str, moment: datetime) -> None:
    assert DateWriter(parse_date_pattern(pattern)).write_moment(moment.isoformat()) == moment.strftime(SAME[pattern])


@pytest.mark.parametrize("pattern", SAME)
@settings(max_examples=40)
@given(moment=st.datetimes(datetime(1950, 1, 1), datetime(2049, 12, 31, 23, 59, 59)))  # noqa: DTZ001 - without a zone
def test_the_day_of_a_date_in_the_form_of_a_pattern_is_read_back(pattern: str, moment: datetime) -> None:
    day = parse_date_pattern(pattern).read_day(moment.strftime(SAME[pattern]))
    has_month, has_day = "M" in pattern, "d" in pattern.replace("{day}", "")
    assert day == date(moment.year, moment.month if has_month else 1, moment.day if has_day else 1)


@pytest.mark.parametrize(
    ("pattern", "text", "is_read"),
    [
        ("dd/MM/yyyy", "25/12/2024", True),
        ("dd/MM/yyyy", "12/25/2024", False),
        ("dd/MM/yyyy", "29/02/2023", False),
        ("dd/MM/yyyy", "5/12/2024", False),
        ("d/M/yyyy", "5/12/2024", True),
        ("dd/MM/yyyy", "2024-12-25", False),
        ("dd/MM/yyyy", "25/12/2024 ", False),
        ("dd/MM/yyyy", "٢٥/12/2024", False),
        ("dd MMM yyyy", "25 Dez 2024", False),
        ("dd/MM/yyyy", "", False),
    ],
)
def test_only_a_date_in_exactly_this_form_is_read(pattern: str, text: str, is_read: bool) -> None:
    assert (parse_date_pattern(pattern).read_day(text) is not None) is is_read


@pytest.mark.parametrize("pattern", SAME)
def test_the_example_of_a_pattern_is_what_it_writes(pattern: str) -> None:
    written = parse_date_pattern(pattern)
    assert written.example == DateWriter(written).write_moment("2024-12-01T00:00:00")


@pytest.mark.parametrize(
    ("pattern", "written"),
    [
        ("d/M/yy", "5/4/26"),
        ("d.M.yyyy H:m:s", "5.4.2026 7:8:9"),
        ("yyyy-MM-dd HH:mm:ss.f", "2026-04-05 07:08:09.0"),
        ("yyyy-MM-dd HH:mm:ss.fffffffff", "2026-04-05 07:08:09.012340000"),
        ("h tt d.M.yyyy", "7 AM 5.4.2026"),
    ],
)
def test_a_single_letter_writes_no_leading_zero(pattern: str, written: str) -> None:
    assert DateWriter(parse_date_pattern(pattern)).write_moment("2026-04-05T07:08:09.01234Z") == written


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("DD/MM/YYYY", 'the letter "D"'),
        ("dd/MM/YYYY", 'the letter "Y"'),
        ("uuuu-MM-dd", 'the letter "u"'),
        ("yyyy-MM-dd HH:mm:ss z", 'the letter "z"'),
        ("yyyy-MM-dd HH:mm:ssZ", 'the letter "Z"'),
        ("EEE dd/MM/yyyy", 'the letter "E"'),
        ("%d/%m/%Y", 'the letter "Y"'),
        ("Iso8601", 'the letter "I"'),
        ("dd/\u041c\u041c/yyyy", 'the letter "\u041c"'),
        ("yyyy\u5e74", 'the letter "\u5e74"'),
        ("ddd dd/MM/yyyy", "has ddd"),
        ("d/MMMMM/yyyy", "has MMMMM"),
        ("yyy-MM-dd", "has yyy"),
        ("t dd/MM/yyyy", "has t,"),
        ("yyyy-MM-dd HH:mm:ss.ffffffffff", "has ffffffffff"),
        ("dd/MM", "no year"),
        ("", "no year"),
        ("31/12/2026", "no year"),
        ("'yyyy'", "no year"),
        ("dd/mm/yyyy", "day (dd) without the month"),
        ("yyyy-MM HH", "hour (HH) without the day"),
        ("yyyy-MM-dd mm:ss", "minute (mm) without the hour"),
        ("yyyy-MM-dd HH:ss", "second (ss) without the minute"),
        ("yyyy-MM-dd HH:mm SSS", "fraction (SSS) without the second"),
        ("yyyy-MM-dd HH:MM:ss", "the month twice, as MM and as MM"),
        ("dd/MM/yyyy yy", "the year twice"),
        ("yyyy-MM-dd hh:mm", "without AM or PM"),
        ("yyyy-MM-dd tt", "AM or PM (tt) without hours"),
        ("dMyyyy", "digits directly after d, which writes one digit or two: write dd"),
        ("yyyyMMd Hmm", "digits directly after H"),
        ("yyyyMd", "digits directly after M"),
        ("M1yyyy", "digits directly after M"),
        ("d'2'.MM.yyyy", "digits directly after d"),
        ("yyyy-MM-dd'T", "single quote"),
        ("yyyy-MM-dd\n", "not a date pattern"),
        ("yyyy-MM-dd\ud83d", "not a date pattern"),
        ("yyyy" + "-" * 61, "not a date pattern"),
    ],
)
def test_unknown_letters_and_incomplete_patterns_are_rejected(pattern: str, words: str) -> None:
    with pytest.raises(PatternProblem, match=words.replace("(", r"\(").replace(")", r"\)")):
        parse_date_pattern(pattern)


PIECES = [
    "yyyy",
    "yy",
    "M",
    "MM",
    "MMM",
    "MMMM",
    "d",
    "dd",
    "H",
    "HH",
    "h",
    "hh",
    "tt",
    "m",
    "mm",
    "s",
    "ss",
    "T",
    "-",
    "1",
]


@settings(max_examples=200)
@given(
    pattern=st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join),
    moments=st.lists(st.datetimes(datetime(2026, 1, 1), datetime(2026, 2, 28)), min_size=2, max_size=2),  # noqa: DTZ001
)
def test_moments_that_differ_in_a_part_of_the_pattern_are_written_differently(
    pattern: str, moments: list[datetime]
) -> None:
    try:
        writer = DateWriter(parse_date_pattern(pattern))
    except PatternProblem:
        return
    parts = {"y": "%Y", "M": "%m", "d": "%d", "H": "%H", "h": "%H", "m": "%M", "s": "%S"}
    said = "".join(directive for letter, directive in parts.items() if letter in pattern)
    one, other = moments
    same = one.strftime(said) == other.strftime(said)
    assert (writer.write_moment(one.isoformat()) == writer.write_moment(other.isoformat())) is same


@given(pattern=st.text(alphabet="yMdHhmsfSta'/-. :T{}%xD\u5e74", max_size=20))
def test_whatever_is_entered_is_a_pattern_or_a_problem(pattern: str) -> None:
    try:
        writer = DateWriter(parse_date_pattern(pattern))
    except PatternProblem:
        return
    assert isinstance(writer.write_moment("2026-04-05T17:08:09.123Z"), str)
    assert writer.write_day("2026-04-05") == writer.write_moment("2026-04-05T00:00:00Z")

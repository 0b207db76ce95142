"""What a date is, which day it is in UTC, and how it is written: Python's calendar is the oracle."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pigment_csv.date_pattern import ISO_DAY, parse_date_pattern
from pigment_csv.dates import DateWriter, NoDate

DAY = parse_date_pattern("dd/MM/yyyy")
MOMENT = parse_date_pattern("yyyy-MM-dd HH:mm:ss.SSSSSS")
ZONES = st.integers(-(23 * 60 + 59), 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.dates())
def test_a_day_is_written_as_it_stands(day: date) -> None:
    for write in (DateWriter(DAY).write_day, DateWriter(DAY).write_moment):
        assert write(day.isoformat()) == f"{day.day:02d}/{day.month:02d}/{day.year:04d}"
    assert DateWriter(ISO_DAY).write_day(day.isoformat()) == day.isoformat()


@given(st.datetimes(timezones=st.none() | ZONES), st.sampled_from("Tt "))
def test_a_moment_is_written_in_utc_and_one_without_a_zone_as_it_stands(moment: datetime, between: str) -> None:
    text = moment.isoformat(sep=between)
    try:
        expected = moment if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        assert DateWriter(DAY).write_moment(text) is NoDate.UNREADABLE
        return
    assert DateWriter(DAY).write_moment(text) == f"{expected:%d/%m}/{expected.year:04d}"
    assert DateWriter(ISO_DAY).write_moment(text) == expected.date().isoformat()
    whole = expected.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
    assert DateWriter(MOMENT).write_moment(text) == whole


@given(st.datetimes(timezones=ZONES))
def test_the_same_moment_gives_the_same_cell_however_its_zone_is_written(moment: datetime) -> None:
    writer = DateWriter(MOMENT)
    text = moment.isoformat()
    assert writer.write_moment(text) == writer.write_moment(f"{text[:-6]}{text[-6:].replace(':', '')}")
    if text.endswith(":00"):
        assert writer.write_moment(text) == writer.write_moment(text[:-3])
    if text.endswith("00:00"):
        assert writer.write_moment(text) == writer.write_moment(f"{text[:-6]}Z") == writer.write_moment(text[:-6] + "z")


@given(st.integers(-100, 10_500), st.integers(-1, 14), st.integers(-1, 33))
def test_only_days_of_the_calendar_are_days(year: int, month: int, day: int) -> None:
    text = f"{year:04d}-{month:02d}-{day:02d}"
    try:
        date(year, month, day)
        is_day = True
    except ValueError:
        is_day = False
    assert isinstance(DateWriter(DAY).write_day(text), str) is is_day
    assert isinstance(DateWriter(DAY).write_moment(f"{text}T00:00:00Z"), str) is is_day


@pytest.mark.parametrize(
    ("value", "day", "moment"),
    [
        ("0001-01-01", "01/01/0001", "0001-01-01 00:00:00.000000"),
        ("0987-06-05T04:03:02", "05/06/0987", "0987-06-05 04:03:02.000000"),
        ("9999-12-31T23:59:59.999999999Z", "31/12/9999", "9999-12-31 23:59:59.999999"),
        ("2024-02-29T23:30:00-01:00", "01/03/2024", "2024-03-01 00:30:00.000000"),
        ("2026-05-01T00:00:00+02:00", "30/04/2026", "2026-04-30 22:00:00.000000"),
        ("2026-04-30T24:00:00", None, None),
        ("2026-04-30T00:00:00-00:00", "30/04/2026", "2026-04-30 00:00:00.000000"),
        ("2026-04-30T00:00+14", "29/04/2026", "2026-04-29 10:00:00.000000"),
        ("2026-04-30 12:13", "30/04/2026", "2026-04-30 12:13:00.000000"),
    ],
)
def test_the_edges_of_the_calendar(value: str, day: str | None, moment: str | None) -> None:
    assert DateWriter(DAY).write_moment(value) == (day or NoDate.UNREADABLE)
    assert DateWriter(MOMENT).write_moment(value) == (moment or NoDate.UNREADABLE)


@pytest.mark.parametrize(
    "value",
    [
        "30/04/2026",
        "2026-4-30",
        "2026-04-31",
        "2025-02-29",
        "1900-02-29",
        "2026-04",
        "2026",
        "20260430",
        "2026-W18-4",
        "2026-120",
        "0000-01-01",
        "10000-01-01",
        "+002026-04-30",
        "-2026-04-30",
        "2026-04-30 BC",
        " 2026-04-30",
        "2026-04-30\n",
        "2026-04-30T",
        "2026-04-30T12",
        "2026-04-30T12:13:14,5",
        "2026-04-30T12:13:14.",
        "2026-04-30T1:02:03",
        "2026-04-30T24:00:00",
        "2026-04-30T12:60:00",
        "2016-12-31T23:59:60Z",
        "2026-04-30T12:13:14 Z",
        "2026-04-30T12:13:14+24:00",
        "2026-04-30T12:13:14+2:00",
        "2026-04-30T12:13:14+02:60",
        "2026-04-30T12:13:14 Europe/Paris",
        "2026-04-30Z",
        "2026-04-30  12:13:14",
        "12:13:14",
        "now",
        "1777550400",
        "1777550400000",
        "46142",
        "\u0662\u0660\u0662\u0666-04-30",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "null",
        "TRUE",
        "{}",
    ],
)
def test_a_text_whose_meaning_would_be_a_guess_is_no_date(value: str) -> None:
    assert DateWriter(DAY).write_moment(value) is NoDate.UNREADABLE
    assert DateWriter(DAY).write_day(value) in {NoDate.UNREADABLE, "01/01/0001", "31/12/9999", NoDate.HAS_TIME}
    if ":" not in value:
        assert DateWriter(DAY).write_day(value) is NoDate.UNREADABLE


@pytest.mark.parametrize("midnight", ["T00:00:00", " 00:00", "T00:00:00.000Z", "T00:00:00+02:00", "t00:00:00-1100"])
def test_midnight_beside_a_day_of_a_date_column_is_that_day_in_every_zone(midnight: str) -> None:
    assert DateWriter(DAY).write_day("2026-04-30" + midnight) == "30/04/2026"


@pytest.mark.parametrize("time", ["T00:00:01", "T23:59:59Z", "T00:00:00.000001", "T01:00+01:00"])
def test_a_time_beside_a_day_of_a_date_column_is_rejected(time: str) -> None:
    assert DateWriter(DAY).write_day("2026-04-30" + time) is NoDate.HAS_TIME


@pytest.mark.parametrize(("year", "fits"), [(1949, False), (1950, True), (2049, True), (2050, False), (26, False)])
def test_two_digits_stand_for_the_years_from_1950_to_2049(year: int, fits: bool) -> None:
    written = DateWriter(parse_date_pattern("MMM yy")).write_day(f"{year:04d}-04-30")
    assert written == (f"Apr {year % 100:02d}" if fits else NoDate.OTHER_CENTURY)


def test_days_are_right_after_more_than_are_kept() -> None:
    writer, chance = DateWriter(DAY), random.Random(1)
    first = date(1, 1, 1)
    for number in range(45_000):
        day = first + timedelta(days=number)
        assert writer.write_day(day.isoformat()) == f"{day.day:02d}/{day.month:02d}/{day.year:04d}"
        if number % 1000 == 0:
            day = first + timedelta(days=chance.randrange(number + 1))
            assert writer.write_moment(f"{day}T12:00Z") == f"{day.day:02d}/{day.month:02d}/{day.year:04d}"

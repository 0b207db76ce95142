"""The expiry date of a key: read from whatever header speaks of it, in whatever usual form, and from no other."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pigment_client.key_expiry import expires_soon, expiry_date

FIRST = date(2026, 12, 1)


@pytest.mark.parametrize(
    "name",
    [
        "X-Api-Key-Expires-At",
        "x-apikey-expiry",
        "Pigment-Key-Expiration",
        "X-Expires-Api-Key",
        "X-PIGMENT-APIKEY-EXPIRATION-DATE",
    ],
)
def test_a_header_that_speaks_of_a_key_and_its_expiry_is_read(name: str) -> None:
    assert expiry_date({"Content-Type": "text/csv", name: "2026-12-01"}) == FIRST


@pytest.mark.parametrize("name", ["Expires", "X-Session-Expires", "Cache-Control", "X-Key-Id", "X-Key-Type"])
def test_no_other_header_is(name: str) -> None:
    assert expiry_date({name: "2026-12-01"}) is None


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-01",
        '"2026-12-01"',
        " 2026-12-01T00:00:00Z ",
        "2026-12-01T01:30:00.123456+01:00",
        "2026-11-30T23:30:00-01:00",
        "2026-12-01 00:00:00 UTC",
        "2026-12-01 00:00:00",
        "Tue, 01 Dec 2026 00:00:00 GMT",
        str(int(datetime(2026, 12, 1, tzinfo=UTC).timestamp())),
        str(int(datetime(2026, 12, 1, tzinfo=UTC).timestamp()) * 1000),
    ],
)
def test_every_usual_form_is_read_as_a_day_in_utc(text: str) -> None:
    assert expiry_date({"X-Api-Key-Expires": text}) == FIRST


@given(text=st.text())
@pytest.mark.parametrize("chosen", ["", "never", "14", "01/12/2026", "9999999999999", "0000000000", "2026-13-01"])
def test_what_cannot_be_read_never_fails(chosen: str, text: str) -> None:
    for each in (chosen, text):
        expiry_date({"X-Api-Key-Expires": each})
    assert expiry_date({"X-Api-Key-Expires": chosen}) in {None, date(2286, 11, 20), date(1970, 1, 1)}


@pytest.mark.parametrize(
    "text",
    [
        "9999-12-31T23:59:59-01:00",
        "0001-01-01T00:00:00+01:00",
        "Fri, 31 Dec 9999 23:59:59 -0100",
        "0001-01-01T00:00:00",
        "0001-01-01T00:00:00Z",
        "0001-01-01",
        "0000000000",
        "0000000000000",
    ],
)
def test_a_moment_that_stands_for_never_is_no_expiry_and_fails_nothing(text: str) -> None:
    expiry = expiry_date({"X-Api-Key-Expires": text})
    assert expiry is None or not expires_soon(expiry, datetime(2026, 11, 21, tzinfo=UTC))


def test_the_earliest_counts() -> None:
    assert expiry_date({"Key-Expiry": "2027-01-01", "X-Key-Expires": "2026-12-01"}) == FIRST


@pytest.mark.parametrize(
    ("now", "soon"),
    [
        (datetime(2026, 11, 16, 23, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 17, tzinfo=UTC), True),
        (datetime(2026, 11, 16, 20, tzinfo=timezone(timedelta(hours=-5))), True),
        (datetime(2026, 12, 1, 5, tzinfo=UTC), True),
        (datetime(2027, 1, 1, tzinfo=UTC), True),
    ],
)
def test_it_is_said_within_fourteen_days(now: datetime, soon: bool) -> None:
    assert expires_soon(FIRST, now) is soon

"""What a status means, and how long it asks to wait."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pigment_client import errors
from pigment_client.http.error_mapping import error_kind, retry_after_seconds

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, "", None),
        (204, "", None),
        (103, "", errors.ResponseNotUnderstood),
        (301, "", errors.AddressMoved),
        (304, "", errors.ResponseNotUnderstood),
        (400, "", errors.RequestRejected),
        (400, "Bad request or SIZE LIMIT exceeded", errors.TooLarge),
        (401, "", errors.KeyRejected),
        (403, "", errors.PermissionMissing),
        (404, "", errors.NotFound),
        (408, "", errors.Unavailable),
        (413, "", errors.TooLarge),
        (418, "", errors.RequestRejected),
        (429, "", errors.LimitReached),
        (429, "Maximum number of reports per configuration per hour exceeded", errors.ImportLimitReached),
        (500, "", errors.Unavailable),
        (599, "", errors.Unavailable),
    ],
)
def test_statuses(status: int, body: str, expected: type[errors.PigmentError] | None) -> None:
    assert error_kind(status, body) is expected


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("17", 17.0),
        (" 0 ", 0.0),
        ("Sat, 21 Nov 2026 12:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("", None),
        ("Sat, 99 Nov 2026 12:00:30 GMT", None),
        ("9" * 400, float("inf")),
    ],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    assert retry_after_seconds({"Retry-After": text}, NOW) == seconds

"""What a response means, by its status and its body."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pigment_client import errors
from pigment_client.models import Block, BlockType
from pigment_client.responses import error_for, parse_blocks, retry_after_seconds

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, "", None),
        (204, "", None),
        (301, "", errors.AddressMoved),
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
    assert error_for(status, body) is expected


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


def test_names_that_nothing_could_write_are_made_writable() -> None:
    blocks, _ = parse_blocks(
        [
            {"id": "1", "name": "half \ud83d a pair", "type": "Metric"},
            {"id": "2", "name": " ", "type": "Table"},
            {"id": "3", "name": "whole \U0001f600 pair", "type": "Metric"},
        ]
    )

    assert [block.name for block in blocks] == ["half \ufffd a pair", "2", "whole \U0001f600 pair"]


def test_blocks_of_unknown_types_are_counted() -> None:
    blocks, unknown = parse_blocks(
        [{"id": "1", "name": "A", "type": "Metric"}, {"id": "2", "name": "B", "type": "Crystal"}]
    )

    assert blocks == [Block("1", "A", BlockType.METRIC)]
    assert unknown == 1

"""Listings of Pigment, as typed values."""

from __future__ import annotations

from pigment_client.models import Block, BlockType
from pigment_client.responses import parse_blocks


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

"""Blocks of records as single messages, for whoever calls the source in process instead of running it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import orjson
from airbyte_cdk.models import AirbyteMessage, AirbyteMessageSerializer

from source_pigment.reading.records import RecordBlock

# Only these may be numbers that no float holds, or integers of more than 64 bits.
_LONG_NUMBER = re.compile(rb"[0-9.]{19}|[0-9][eE]")
_LARGEST = 2**63


def single_records(block: RecordBlock) -> Iterator[AirbyteMessage]:
    """The block's records, their numbers as Python has them.

    A number of more digits than a float has is the float that is nearest, because a record must fit its schema and be
    JSON for the CDK; what no float comes near (`1e400`) is the text of its digits.
    """
    for line in block.lines.split(b"\n"):
        if line:
            yield AirbyteMessageSerializer.load(_loaded(line))


def _loaded(line: bytes) -> Any:
    if _LONG_NUMBER.search(line) is None:
        return orjson.loads(line)
    return json.loads(line, parse_float=_float_or_text, parse_int=_integer_or_float)


def _float_or_text(number: str) -> float | str:
    value = float(number)
    return value if math.isfinite(value) else number


def _integer_or_float(number: str) -> int | float | str:
    # Its length first: Python converts no text of more than 4,300 digits.
    if len(number) < 20 and abs(int(number)) < _LARGEST:
        return int(number)
    return _float_or_text(number)

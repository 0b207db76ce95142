"""Blocks of records as single messages, for whoever calls the source in process instead of running it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import orjson
from airbyte_cdk.models import AirbyteMessage, AirbyteMessageSerializer

from source_pigment.reading.records import RecordBlock

# A float holds any fifteen digits exactly as they are written, and what is longer or has an exponent not always.
_LONG_NUMBER = re.compile(rb"[0-9.]{16}|[0-9][eE]")
_LARGEST = 2**63


def single_records(block: RecordBlock) -> Iterator[AirbyteMessage]:
    """The block's records; a number whose digits no float or integer of 64 bits holds is the text of its digits."""
    for line in block.lines.split(b"\n"):
        if line:
            yield AirbyteMessageSerializer.load(_loaded(line))


def _loaded(line: bytes) -> Any:
    if _LONG_NUMBER.search(line) is None:
        return orjson.loads(line)
    return json.loads(line, parse_float=_float_or_text, parse_int=_integer_or_text)


def _float_or_text(number: str) -> float | str:
    value = float(number)
    if not value:
        is_same = re.search("[1-9]", re.split("[eE]", number)[0]) is None
    else:
        is_same = math.isfinite(value) and Decimal(repr(value)) == Decimal(number)
    return value if is_same else number


def _integer_or_text(number: str) -> int | str:
    # Its length first: Python converts no text of more than 4,300 digits.
    return int(number) if len(number) < 20 and abs(int(number)) < _LARGEST else number

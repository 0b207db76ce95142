"""The rows that are moved: for the source as CSV, for the destination as records."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from airbyte_platform.process import configured

TEXTS = ("Entry", "Account", "Department", "Month", "Memo")
NUMBERS = ("Net", "Tax", "Gross")


@dataclass(frozen=True, slots=True)
class Shape:
    """What the rows of a case look like: their columns, and some thousand rows that are sent repeatedly."""

    texts: tuple[str, ...] = TEXTS
    numbers: tuple[str, ...] = NUMBERS
    multi_line: float = 0.02
    objects: bool = False
    numbers_in_texts: float = 0.0
    airbyte_key: bool = False
    dates: bool = False
    distinct: int = 10_000
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, texts first."""
        return (*self.texts, *self.numbers)

    def schema(self) -> dict[str, Any]:
        """The stream's JSON schema."""
        words = {name: "number" if name in self.numbers else "string" for name in self.columns}
        properties: dict[str, Any] = {name: {"type": ["null", word]} for name, word in words.items()}
        if self.dates:
            properties["Posted"] = {"type": ["null", "string"], "format": "date"}
            properties["Changed"] = {"type": ["null", "string"], "format": "date-time"}
        if self.objects:
            properties["Tags"] = {"type": ["null", "object"]}
        return {"type": "object", "properties": properties}

    def catalog(self, names: Iterable[str]) -> dict[str, Any]:
        """A configured catalog of such streams."""
        common = {"json_schema": self.schema(), "supported_sync_modes": ["full_refresh"]}
        return configured({"streams": [{"name": name, **common} for name in names]}, destination_sync_mode="append")

    def csv(self) -> list[bytes]:
        """The rows as Pigment exports them, quotes around what needs them."""
        return [(";".join(map(_csv_cell, row.values())) + "\r\n").encode() for row in self.rows()]

    def objects_of_rows(self) -> list[bytes]:
        """The rows as JSON objects; a number is written with its digits."""
        return [("{" + ",".join(self._pairs(row)) + "}").encode() for row in self.rows()]

    def again(self, rows: bytes, number: int) -> bytes:
        """The same rows, as they are sent for the time after `number` times: here they repeat."""
        del number
        return rows

    def _pairs(self, row: Mapping[str, str]) -> list[str]:
        pairs = []
        for name, text in row.items():
            is_odd = name == "Account" and self.chance.random() < self.numbers_in_texts
            if name in self.numbers:
                value = text or "null"
            else:
                value = (text.lstrip("0") or "0") if is_odd else json.dumps(text or None, ensure_ascii=False)
            pairs.append(f"{json.dumps(name)}:{value}")
        if self.dates:
            moment = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2)))
            moment += timedelta(milliseconds=self.chance.randrange(365 * 86_400_000))
            pairs.append(f'"Posted":"{moment:%Y-%m-%d}","Changed":"{moment.isoformat(timespec="milliseconds")}"')
        if self.objects:
            pairs.append('"Tags":{"owner": "A. Person", "weights": [1, 2.50], "open": true}')
        if self.airbyte_key:
            pairs.append('"_airbyte_loaded_at":"2026-01-01T00:00:00Z"')
        return pairs

    def rows(self) -> Iterator[dict[str, str]]:
        """Rows that differ, as texts by column."""
        for number in range(self.distinct):
            texts = {name: self._text(name, number) for name in self.texts}
            yield texts | {name: self._number(name) for name in self.numbers}

    def _text(self, name: str, number: int) -> str:
        chance = self.chance
        match name:
            case "Entry":
                return f"E{number:07d}"
            case "Account":
                return f"{chance.randrange(10**6):06d}"
            case "Department":
                return f"Department {chance.randrange(40)}"
            case "Month":
                return f"{chance.choice(('Jan', 'Feb', 'Mar'))} 26"
            case "Memo":
                if chance.random() < self.multi_line:
                    return "two\r\nlines"
                return (
                    'a; "quoted" memo' if chance.random() < 0.03 else chance.choice(["", "invoice", "correction 4711"])
                )
            case _:
                return f"text {chance.randrange(1000)}"

    def _number(self, name: str) -> str:
        chance = self.chance
        if name == "Gross":
            return f"{chance.randrange(10**7)}.333333333333333333"
        return f"{chance.randrange(10**6)}.{chance.randrange(100):02d}"


def _csv_cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ';"\r\n') else text


def wide(**options: Any) -> Shape:
    """Two hundred columns."""
    return Shape(
        texts=(*TEXTS, *(f"Text {number}" for number in range(75))),
        numbers=(*NUMBERS, *(f"Value {number}" for number in range(117))),
        distinct=500,
        **options,
    )

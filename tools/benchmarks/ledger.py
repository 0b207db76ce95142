"""Rows like those of a real ledger: all different, decimals of two to six digits, and names in four scripts.

They are the same on every machine: about 165 bytes a row as CSV, and 370 as a RECORD line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from benchmarks.rows import Shape

_TEXTS = ("Entry", "Posted", "Due", "Account", "Department", "Partner", "Currency", "Memo")
_NUMBERS = ("Amount", "Rate", "Amount in EUR", "Quantity")
_ACCOUNTS = ("Raw materials", "Salaries", "Travel", "Umsatzerlöse", "Выручка", "Аренда", "原材料", "差旅费", "Έσοδα")
_DEPARTMENTS = ("Finance", "Sales North", "Vertrieb Süd", "Отдел продаж", "Логистика", "财务部", "研发中心", "Πωλήσεις")
_PARTNERS = (
    "Acme",
    "Nordwind",
    "Société Légère",
    "Завод Ромашка",
    "Северсталь",
    "上海贸易公司",
    "深圳电子",
    "Ελληνική",
)
_CURRENCIES = ("EUR", "USD", "GBP", "CNY", "PLN")
_MEMOS = ("Invoice", "Credit note", "Accrual", "Correction of", "Оплата по счёту", "付款", "Τιμολόγιο")
_DIFFERENT = 300_000
# The first pass over the rows; a later one has its own number in the place of the zeros, so that no row repeats.
_PASS = b"JE00-"


@dataclass(frozen=True, slots=True)
class Ledger(Shape):
    """A ledger of 12 columns."""

    texts: tuple[str, ...] = _TEXTS
    numbers: tuple[str, ...] = _NUMBERS
    distinct: int = _DIFFERENT

    def schema(self) -> dict[str, Any]:
        schema = Shape.schema(self)
        for name in ("Posted", "Due"):
            schema["properties"][name]["format"] = "date"
        return schema

    def again(self, rows: bytes, number: int) -> bytes:
        return rows.replace(_PASS, b"JE%02d-" % number) if number else rows

    def rows(self) -> Iterator[dict[str, str]]:
        chance = Random(26)
        for number in range(self.distinct):
            draw = chance.randrange(1 << 60)
            cents = draw % 10**7 if number % 50 else draw % 10**11
            rate = 500_000 + draw % 900_000
            euro = cents * rate // 1_000_000
            month, day = draw % 12 + 1, draw % 28 + 1
            yield {
                "Entry": f"{_PASS.decode()}{number:07d}",
                "Posted": f"2026-{month:02d}-{day:02d}",
                "Due": f"2026-{month:02d}-{28 - draw % 17:02d}" if draw % 5 else "",
                "Account": f"{400000 + draw % 997} {_ACCOUNTS[draw % 9]}",
                "Department": _DEPARTMENTS[draw % 8],
                "Partner": f"{_PARTNERS[draw // 8 % 8]} {draw % 4001}",
                "Currency": _CURRENCIES[draw % 5],
                "Memo": _memo(number, draw),
                "Amount": f"{'-' if draw % 3 else ''}{cents // 100}.{cents % 100:02d}",
                "Rate": f"{rate // 1_000_000}.{rate % 1_000_000:06d}",
                "Amount in EUR": f"{euro // 100}.{euro % 100:02d}",
                "Quantity": f"{draw % 1000}.{draw % 9}{draw % 7 + 1}" if draw % 4 else "",
            }


def _memo(number: int, draw: int) -> str:
    text = f"{_MEMOS[draw % 7]} {draw % 10**9}, {_PARTNERS[draw // 64 % 8]}"
    if number % 100 == 7:
        return f"{text}\n{_MEMOS[draw // 7 % 7]}"
    return f'{text} "{draw % 89}"' if number % 33 == 5 else text

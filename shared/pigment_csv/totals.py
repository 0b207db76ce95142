"""Exact sums of the columns of a file, however many digits their numbers have. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, Inexact
from functools import reduce

from pigment_csv.values import NumberTooLong, is_json_number, write_out

# Many cells, each with a line feed after it: a JSON number without an exponent.
_PLAIN = re.compile(r"(?:-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+\n)*+")

# The digits of a cell, on average, beyond which short numbers are added first, so that few sums are as long.
_LONG = 100

# No amount of money has more digits than this, and no one reads a longer line.
_MOST_SHOWN = 1_000
_ENDS_SHOWN = 40


class Total:
    """The exact sum of a column: `texts` counts the cells that are not blank and no numbers, which are not summed.

    A blank counts as zero. A number is a JSON number; one whose exponent cannot be written out is a text.
    """

    def __init__(self, decimal_separator: str = ".") -> None:
        self._separator = decimal_separator
        # No sum is ever rounded: that would raise an error.
        self._context = Context(prec=MAX_PREC, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[Inexact])
        # Mutable state.
        self.sum = Decimal(0)
        self.texts = 0

    def add(self, cells: Sequence[str | None]) -> None:
        """Add the cells of some rows."""
        texts = list(filter(None, cells))
        joined = "\n".join(texts) + "\n"
        if self._separator != ".":
            joined = _with_dot(joined, self._separator)
        is_plain = joined.count("\n") == len(texts) and _PLAIN.fullmatch(joined)
        numbers = list(self._numbers(texts)) if not is_plain else texts if self._separator == "." else joined.split()
        if len(joined) > _LONG * len(texts):
            numbers.sort(key=len)
        self._add(reduce(self._context.add, map(self._context.create_decimal, numbers), Decimal(0)))

    def add_total(self, other: Total) -> None:
        """Add what another total has summed."""
        self._add(other.sum)
        self.texts += other.texts

    def minus(self, other: Total) -> Total:
        """How much more this sum is than another one."""
        difference = Total()
        difference.sum = self._context.subtract(self.sum, other.sum)
        return difference

    @property
    def digits(self) -> str:
        """The sum as plain digits: `-1,234.50`."""
        return f"{abs(self.sum) if self.sum.is_zero() else self.sum:,f}"

    def __str__(self) -> str:
        """The sum as plain digits, and how many cells were not summed, if any; very long ones without their middle."""
        digits, what = self.digits, "a number" if self.texts == 1 else "numbers"
        if len(digits) > _MOST_SHOWN:
            digits = f"{digits[:_ENDS_SHOWN]}…{digits[-_ENDS_SHOWN:]} ({len(digits):,} characters)"
        return f"{digits} ({self.texts:,} not {what})" if self.texts else digits

    def _add(self, number: Decimal) -> None:
        self.sum = self._context.add(self.sum, number)

    def _numbers(self, texts: Iterable[str]) -> Iterator[str]:
        for cell in texts:
            number = cell if self._separator == "." else _with_dot(cell, self._separator)
            written = _written_out(number) if is_json_number(number) else None
            if written is None:
                self.texts += 1
            else:
                yield written


def _written_out(number: str) -> str | None:
    try:
        return write_out(number)
    except NumberTooLong:
        return None


def _with_dot(cells: str, separator: str) -> str:
    """Numbers with a dot as decimal separator; nothing where there is a dot already, which no number has."""
    return "" if "." in cells else cells.replace(separator, ".")


class Totals:
    """The rows of a file or a block, and the totals of some of its columns, by name."""

    def __init__(self, columns: Iterable[str] = (), decimal_separator: str = ".") -> None:
        self.rows = 0
        self.by_column: dict[str, Total] = {each: Total(decimal_separator) for each in columns}

    def add_rows(self, header: Sequence[str], rows: Sequence[Sequence[str | None]]) -> None:
        """Add rows with this header; a column that it lacks is not summed."""
        self.rows += len(rows)
        for name, total in self.by_column.items():
            if name in header:
                place = header.index(name)
                total.add([row[place] for row in rows])

    def add_totals(self, other: Totals) -> None:
        """Add the rows and sums of others, also those of columns that were not known yet."""
        self.rows += other.rows
        for name, total in other.by_column.items():
            self.by_column.setdefault(name, Total()).add_total(total)

    @property
    def sums_in_words(self) -> str:
        """The sums as the end of a sentence about the rows: `; sum of "Amount" 12.50`; nothing if there are none."""
        sums = (f'sum of "{name}" {total}' for name, total in sorted(self.by_column.items()))
        return "; " + ", ".join(sums) if self.by_column else ""

    def sums(self) -> dict[str, tuple[str, int]]:
        """The sum and the number of texts of each column, as a file can keep them."""
        return {name: (str(total.sum), total.texts) for name, total in self.by_column.items()}

    @classmethod
    def of_sums(cls, sums: Mapping[str, tuple[str, int]]) -> Totals:
        """What `sums` has given."""
        totals = cls(sums)
        for name, (number, texts) in sums.items():
            total = totals.by_column[name]
            total.sum, total.texts = Decimal(number), texts
        return totals

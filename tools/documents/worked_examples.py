"""The three reloads with which the destination's page begins: rows before, a file, rows after, and Pigment's counts.

They are data, so that a test can run them through the destination and compare what a picture shows of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

Row = tuple[str, ...]


class Mark(Enum):
    """What an import does with a row, as a picture shows it."""

    DELETED = "deleted"
    UPDATED = "updated"
    INSERTED = "inserted"
    UNTOUCHED = "untouched"


@dataclass(frozen=True, slots=True)
class WorkedExample:
    """A list, a file for it, and what the import makes of both; `counts` are inserted, updated and deleted.

    `key` is the unique identifier, `scope` the column that limits clearing. The file has the columns `sent`, which may
    be fewer than the list has.
    """

    name: str
    stream: str
    columns: Row
    sent: Row
    before: tuple[Row, ...]
    file: tuple[Row, ...]
    after: tuple[Row, ...]
    counts: tuple[int, int, int]
    remark: str
    key: str | None = None
    scope: str | None = None

    def marks_before(self) -> list[Mark]:
        """What happens to each row that was there."""
        return [
            (Mark.DELETED if self._is_cleared(row) else Mark.UPDATED if self.key else Mark.UNTOUCHED)
            for row in self.before
        ]

    def marks_after(self) -> list[Mark]:
        """Where each row comes from that is there afterwards."""
        if self.key is None:
            return [
                Mark.UNTOUCHED if row in self.before and not self._is_cleared(row) else Mark.INSERTED
                for row in self.after
            ]
        known = {self._value(row, self.key) for row in self.before}
        return [Mark.UPDATED if self._value(row, self.key) in known else Mark.INSERTED for row in self.after]

    def _is_cleared(self, row: Row) -> bool:
        if self.key is not None:
            return self._value(row, self.key) not in self._in_file(self.key)
        return self.scope is None or self._value(row, self.scope) in self._in_file(self.scope)

    def _in_file(self, column: str) -> set[str]:
        return {row[self.sent.index(column)] for row in self.file}

    def _value(self, row: Row, column: str) -> str:
        return row[self.columns.index(column)]


EXAMPLES = (
    WorkedExample(
        name="kept-in-step",
        stream="Cost centres",
        columns=("Code", "Name", "Planner"),
        sent=("Code", "Name"),
        before=(
            ("C10", "Sales", "Ada"),
            ("C20", "Marketing", "Ben"),
            ("C30", "Support", "Cleo"),
            ("C40", "Print", "Dan"),
        ),
        file=(("C10", "Sales"), ("C20", "Brand"), ("C30", "Support"), ("C50", "Data")),
        after=(
            ("C10", "Sales", "Ada"),
            ("C20", "Brand", "Ben"),
            ("C30", "Support", "Cleo"),
            ("C50", "Data", ""),
        ),
        counts=(1, 3, 1),
        remark="Code is the unique identifier. Planner is filled in by people and is not in the file: it stays.",
        key="Code",
    ),
    WorkedExample(
        name="reloaded-whole",
        stream="Ledger",
        columns=("Account", "Month", "Amount"),
        sent=("Account", "Month", "Amount"),
        before=(
            ("601015", "Jan 26", "1200"),
            ("601016", "Jan 26", "300"),
            ("601015", "Feb 26", "1250"),
        ),
        file=(
            ("601015", "Jan 26", "1200"),
            ("601016", "Jan 26", "310"),
            ("601015", "Feb 26", "1250"),
            ("601015", "Feb 26", "1250"),
        ),
        after=(
            ("601015", "Jan 26", "1200"),
            ("601016", "Jan 26", "310"),
            ("601015", "Feb 26", "1250"),
            ("601015", "Feb 26", "1250"),
        ),
        counts=(4, 0, 3),
        remark="No unique identifier: every old row goes, every row of the file is added, equal rows as well.",
    ),
    WorkedExample(
        name="reloaded-by-month",
        stream="Monthly ledger",
        columns=("Entry", "Month", "Amount"),
        sent=("Entry", "Month", "Amount"),
        before=(
            ("J1", "Jan 26", "1200"),
            ("J2", "Jan 26", "300"),
            ("F1", "Feb 26", "1250"),
            ("F2", "Feb 26", "80"),
        ),
        file=(("F1", "Feb 26", "1290"), ("F3", "Feb 26", "45"), ("M1", "Mar 26", "1310")),
        after=(
            ("J1", "Jan 26", "1200"),
            ("J2", "Jan 26", "300"),
            ("F1", "Feb 26", "1290"),
            ("F3", "Feb 26", "45"),
            ("M1", "Mar 26", "1310"),
        ),
        counts=(3, 0, 2),
        remark="The scope is Month: February and March are in the file and are replaced, January is not and stays.",
        scope="Month",
    ),
)

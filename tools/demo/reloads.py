"""The third part of the demo: a ledger that is there already is loaded again, by its unique identifier and by month.

The rows come as a source would send them, so that only what the import configurations do is looked at.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from airbyte_platform.job import complete
from airbyte_platform.process import Connector, Message, as_lines, configured
from demo.comparison import Comparison, Row, compare_rows, render
from local_pigment.sample import CONSOLIDATION, LEDGER, LEDGER_BY_KEY, LEDGER_BY_MONTH, PLANNING, planning_model
from local_pigment.server import LocalPigment

_LEDGER_ROWS = 500
_GONE, _CHANGED, _NEW = 10, 15, 12
_POSTED, _AMOUNT, _COMMENT = "Posted", "Amount", "Memo"
_MONTHS = ("2026-11", "2026-12")
_HEADINGS = ("reload", "before", "file", "inserted", "updated", "deleted", "after", "cell by cell")

Line = tuple[tuple[str, ...], Comparison]


def show(say: Callable[[str], None]) -> bool:
    """Load the ledger again in both ways and print a line for each; returns whether everything is equal."""
    began = time.monotonic()
    with LocalPigment(planning_model(ledger_rows=_LEDGER_ROWS), tls=True) as pigment:
        reloads = Reloads(pigment)
        lines = [reloads.by_key(), reloads.by_month()]
    say(render(_HEADINGS, [cells for cells, _ in lines]))
    equal = all(comparison.cells and not comparison.different for _, comparison in lines)
    say("")
    say(
        "All rows that should be gone are gone, and all others are there."
        if equal
        else "Rows are not as they should be."
    )
    say(f"This part took {time.monotonic() - began:.1f} s.")
    return equal


class Reloads:
    """A ledger, and the destination that loads it again as the source has it today."""

    def __init__(self, pigment: LocalPigment) -> None:
        self._pigment = pigment
        self._destination = Connector(
            Path(sys.executable).parent / "destination-pigment", {"REQUESTS_CA_BUNDLE": str(pigment.ca_file)}
        )
        self._ledger = pigment.workspace.block(LEDGER, CONSOLIDATION)
        self._columns = [each.name for each in self._ledger.properties]  # type: ignore[union-attr] # it is a list
        for row in pigment.workspace.rows(LEDGER, PLANNING):
            self._ledger.add(*row)  # type: ignore[union-attr] # it is a list

    def by_key(self) -> Line:
        """Entries vanish, change and are new. The comments that people wrote are not in the file, and stay."""
        rows = self._rows()
        sent = self._changed(rows[_GONE:])
        comment = self._columns.index(_COMMENT)
        for row in sent[-_NEW:]:
            row[comment] = ""
        columns = [name for name in self._columns if name != _COMMENT]
        return self._load("by its unique identifier", LEDGER_BY_KEY, {"clears_before_import": True}, columns, sent, [])

    def by_month(self) -> Line:
        """The source sends two months as they are now; all other months stay as they are."""
        posted = self._columns.index(_POSTED)
        rows = self._rows()
        sent = self._changed([row for row in rows if row[posted].startswith(_MONTHS)][_GONE:])
        others = [row for row in rows if not row[posted].startswith(_MONTHS)]
        return self._load("by month", LEDGER_BY_MONTH, {"scope": _POSTED}, self._columns, sent, others)

    def _changed(self, rows: Sequence[Row]) -> list[Row]:
        """The rows as the source has them today: some with another amount, and new ones at the end."""
        amount = self._columns.index(_AMOUNT)
        found = [list(row) for row in rows]
        for row in found[:_CHANGED]:
            row[amount] = "4711.25"
        return [*found, *([f"NEW-{len(found)}-{number}", *row[1:]] for number, row in enumerate(found[:_NEW]))]

    def _load(
        self,
        title: str,
        configuration: str,
        target: Mapping[str, Any],
        columns: Sequence[str],
        sent: Sequence[Row],
        others: Sequence[Row],
    ) -> Line:
        """Send these columns of the rows, and compare what is there then with the rows and all others."""
        before = len(self._rows())
        properties = {name: {"type": ["null", "string"]} for name in columns}
        stream = {"name": LEDGER, "json_schema": {"type": "object", "properties": properties}}
        places = [self._columns.index(name) for name in columns]
        records = [dict(zip(columns, (row[place] for place in places), strict=True)) for row in sent]
        run = self._destination.run(
            "write",
            stdin=as_lines(_messages(stream, records)),
            config=self._config(configuration, target),
            catalog=configured({"streams": [stream]}, destination_sync_mode="overwrite"),
        )
        if run.exit_code:
            raise SystemExit("\n".join(("The sync failed:", *(each["message"] for each in run.errors))))
        report = list(self._pigment.workspace.imports.values())[-1]
        comparison = compare_rows([*others, *sent], self._rows())
        numbers = (before, report.data_rows, report.inserted, report.updated, report.deleted, len(self._rows()))
        return (f"{LEDGER}, {title}", *map(str, numbers), comparison.verdict), comparison

    def _config(self, configuration: str, target: Mapping[str, Any]) -> Message:
        workspace = self._pigment.workspace
        id_ = workspace.configuration(configuration).id
        return {
            "credentials": {"auth_type": "single_key", "api_key": workspace.secret("all")},
            "base_url": self._pigment.url,
            "application_id": workspace.application(CONSOLIDATION).id,
            "targets": [{"stream": LEDGER, "import_configuration_id": id_, **target}],
        }

    def _rows(self) -> list[Row]:
        return self._pigment.workspace.rows(LEDGER, CONSOLIDATION)


def _messages(stream: Message, records: Sequence[Message]) -> Iterator[Message]:
    for data in records:
        yield {"type": "RECORD", "record": {"stream": stream["name"], "emitted_at": 1, "data": data}}
    state = {"stream_descriptor": {"name": stream["name"]}, "stream_state": {"done": True}}
    yield {"type": "STATE", "state": {"type": "STREAM", "stream": state, "id": 1}}
    yield complete(stream)

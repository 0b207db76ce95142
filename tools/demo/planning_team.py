"""The second part of the demo: what a planning team does once its tables are synced.

One connection reads every application; dates are written as an import configuration wants them, and copies inside
Pigment run after the load. Everything is compared cell by cell.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airbyte_platform.job import complete
from airbyte_platform.process import Connector, Message, Run, as_lines, configured
from airbyte_platform.sync import Side, sync
from demo.comparison import Comparison, compare, compare_rows
from local_bucket.server import LocalBucket
from local_pigment.audit import AuditEvent, iso
from local_pigment.blocks import Application, Block, ListBlock, MetricBlock, TableBlock
from local_pigment.sample import (
    CONSOLIDATION,
    DEPARTMENTS_TO_FTE,
    FTE,
    HEADCOUNT_PLAN,
    HEADCOUNT_TO_PLAN,
    PLANNING,
    add_copies,
    planning_model,
)
from local_pigment.server import LocalPigment
from local_pigment.workspace import Workspace

FRENCH = "dd/MM/yyyy"
_LEDGER = "General Ledger"
_LEDGER_ROWS = 500

Step = tuple[str, Comparison]
Say = Callable[[str], None]


def planning_team_model() -> Workspace:
    """The sample, with copies that can be started and import configurations that take French dates only."""
    workspace = add_copies(planning_model(ledger_rows=_LEDGER_ROWS))
    workspace.variants.polls_until_done = 1
    for configuration in workspace.configurations.values():
        configuration.date_format = FRENCH
    return workspace


def show(say: Say) -> bool:
    """Run all steps and print the results; returns whether everything is equal."""
    began = time.monotonic()
    with LocalPigment(planning_team_model(), tls=True) as pigment, LocalBucket() as bucket:
        steps = []
        for what, comparison in PlanningTeam(pigment, bucket).steps():
            say(f"  {what:<51}  {comparison.verdict:>12}")
            steps.append((what, comparison))
    equal = all(comparison.cells and not comparison.different for _, comparison in steps)
    cells = sum(comparison.cells for _, comparison in steps)
    say("")
    say(f"All {cells} cells are as they should be." if equal else "Not everything is as it should be.")
    say(f"This part took {time.monotonic() - began:.1f} s.")
    return equal


class PlanningTeam:
    """Both connectors with one workspace, as the team's connections have them."""

    def __init__(self, pigment: LocalPigment, bucket: LocalBucket) -> None:
        self._workspace = pigment.workspace
        self._bucket = bucket
        environment = {"REQUESTS_CA_BUNDLE": str(pigment.ca_file)}
        binaries = Path(sys.executable).parent
        self._source = Connector(binaries / "source-pigment", environment)
        self._destination = Connector(binaries / "destination-pigment", environment)
        self._given = {
            "credentials": {"auth_type": "single_key", "api_key": self._workspace.secret("all")},
            "base_url": pigment.url,
        }

    def steps(self) -> Iterator[Step]:
        """Every step, and how what came out of it compares."""
        yield f'Dates arrive as {FRENCH} ("{_LEDGER}")', self.load()
        yield f'Copies ran after the load ("{FTE}", "{HEADCOUNT_PLAN}")', self.copied()
        yield "One connection reads both applications", self.read_all()
        yield "Rows that cannot be stored are in the bucket", self.rejected()
        yield "The audit log, read twice with new events between", self.audited()

    def load(self) -> Comparison:
        """Planning into Consolidation, with the dates in French form and two copies after it."""
        source = Side(self._source, {**self._given, **self._blocks(), "application_id": self._id(PLANNING)})
        copies = [self._workspace.configuration(name).id for name in (HEADCOUNT_TO_PLAN, DEPARTMENTS_TO_FTE)]
        settings = {"application_id": self._id(CONSOLIDATION), "csv": {"dates": FRENCH}, "then_run": copies}
        destination = Side(self._destination, {**self._given, **settings})
        result = sync(source, destination, self._catalog(source.config))
        if result.source_exit or result.destination_exit:
            raise SystemExit("\n".join(("The sync failed:", *result.errors)))
        return compare(self._workspace, _LEDGER)

    def copied(self) -> Comparison:
        """The metrics that the copies fill, beside what they are filled from; metrics have no blank cells."""
        departments = [[row[0], row[3]] for row in self._workspace.rows("Departments", CONSOLIDATION) if row[3]]
        headcount = self._workspace.rows("Headcount", CONSOLIDATION)
        expected, found = [*departments, *headcount], []
        for name in (FTE, HEADCOUNT_PLAN):
            found += self._workspace.rows(name, CONSOLIDATION)
        return compare_rows(expected, found)

    def read_all(self) -> Comparison:
        """Every list and metric of both applications, each application a namespace."""
        config = {**self._given, **self._blocks(), "types": "text"}
        run = self._source.run("read", config=config, catalog=self._catalog(config))
        comparisons = [
            compare_rows(self._workspace.rows(block.id), read_rows(run, application, block))
            for application in self._workspace.applications.values()
            for block in application.blocks.values()
            if not isinstance(block, TableBlock)
        ]
        return Comparison(sum(each.cells for each in comparisons), sum(each.different for each in comparisons))

    def rejected(self) -> Comparison:
        """Three rows that the ledger rejects, as they are in the bucket, and one that it accepts."""
        columns, good = self._ledger_columns(), self._workspace.rows(_LEDGER, PLANNING)[0]
        rows = [[f"NEW-{number}", *good[1:]] for number in range(4)]
        posted = columns.index("Posted")
        for row, date in zip(rows, ("2026-02-30", "31/12/2026", "soon"), strict=False):
            row[posted] = date
        source = {**self._given, **self._blocks(), "application_id": self._id(PLANNING), "include": [_LEDGER]}
        catalog = self._catalog(source)
        config = {
            **self._given,
            "application_id": self._id(CONSOLIDATION),
            "csv": {"dates": FRENCH},
            "object_storage_config": self._bucket.config(),
        }
        records = [{"stream": _LEDGER, "emitted_at": 1, "data": dict(zip(columns, row, strict=True))} for row in rows]
        messages: list[Message] = [{"type": "RECORD", "record": each} for each in records]
        messages += [_state(_LEDGER), complete(catalog["streams"][0]["stream"])]
        run = self._destination.run("write", stdin=as_lines(messages), config=config, catalog=catalog)
        if run.exit_code:
            raise SystemExit("\n".join(("The sync failed:", *(each["message"] for each in run.errors))))
        found = [[row[column] for column in columns] for row in self._bucket.rows()]
        stored = [row for row in self._workspace.rows(_LEDGER, CONSOLIDATION) if row[0].startswith("NEW-")]
        return compare_rows(rows, [*found, *stored])

    def audited(self) -> Comparison:
        """Every event of the audit log once: those there are, then two new ones, of which one comes late."""
        log, now = self._workspace.audit, datetime.now(UTC)
        config = {**self._given, "application_id": self._id(PLANNING), "block_types": [], "audit_log": True}
        catalog = self._catalog(config)
        catalog["streams"][0]["sync_mode"] = "incremental"
        runs = [self._source.run("read", config=config, catalog=catalog)]
        for number, ago in enumerate((timedelta(minutes=1), timedelta(hours=3))):
            log.add(AuditEvent(f"new-{number}", "ImportTriggered", now - ago, now - ago, {"by": "the demo"}))
        runs.append(self._source.run("read", config=config, catalog=catalog, state=runs[0].states[-1:]))
        found = [_event_cells(record["data"]) for run in runs for record in run.records]
        expected = [[each.id, each.type, iso(each.happened), json.dumps(each.payload)] for each in log.events]
        return compare_rows(expected, found)

    def _ledger_columns(self) -> list[str]:
        ledger = self._workspace.block(_LEDGER, PLANNING)
        return column_names(self._workspace.application(PLANNING), ledger)

    def _catalog(self, config: Mapping[str, Any]) -> Message:
        discovered = self._source.run("discover", config=config).of("CATALOG")[0]
        return configured(discovered, destination_sync_mode="append")

    def _id(self, application: str) -> str:
        return self._workspace.application(application).id

    @staticmethod
    def _blocks() -> Message:
        return {"block_types": ["list", "metric"]}


def read_rows(run: Run, application: Application, block: Block) -> list[list[str]]:
    """The rows of a block as they were read as text, its columns in the order that they have in Pigment."""
    columns = column_names(application, block)
    return [
        [record["data"][column] or "" for column in columns]
        for record in run.records
        if (record["namespace"], record["stream"]) == (application.name, block.name)
    ]


def column_names(application: Application, block: Block) -> list[str]:
    """The columns of a list or metric, in the order that they have in Pigment."""
    if isinstance(block, ListBlock):
        return [each.name for each in block.properties]
    dimensions = block.dimension_ids if isinstance(block, MetricBlock) else []
    return [*(application.lists()[id_].name for id_ in dimensions), block.name]


def _event_cells(event: Message) -> list[str]:
    return [event["id"], event["type"], event["eventTimestamp"], json.dumps(event["payload"])]


def _state(stream: str) -> Message:
    state = {"stream_descriptor": {"name": stream}, "stream_state": {"done": True}}
    return {"type": "STATE", "state": {"type": "STREAM", "stream": state, "id": 1}}

"""A sync of several streams in process, each into an import configuration of its own name, and what became of it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from one_stream import Lines

from destination_pigment.config import CountBlocks, FileLimits
from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.spool import Spool, SpoolFile
from destination_pigment.files.stream_files import StreamFiles
from destination_pigment.imports.block_count import BlockCounts
from destination_pigment.imports.changes import Changes
from destination_pigment.imports.queue import ImportQueues, StreamImports
from destination_pigment.imports.reload import Reload
from destination_pigment.imports.then_run import ThenRun
from destination_pigment.imports.verdicts import ClearingEvidence, Imported
from destination_pigment.input.cancel import Cancel, Patience
from destination_pigment.input.catalog import StreamKey, parse_catalog
from destination_pigment.loader import Loader
from destination_pigment.release import goes_at_states
from destination_pigment.state_output import StateOutput, StateSpool
from destination_pigment.sync import Sync
from destination_pigment.targets import Target
from destination_pigment.write import run_and_follow
from pigment_client.models import ImportCounts, ImportedBlock
from pigment_csv.dialect import CsvDialect

Message = dict[str, Any]
GENERATION = {"generation_id": 7, "minimum_generation_id": 0, "sync_id": 42}
INCREMENTAL = {"sync_mode": "incremental", "destination_sync_mode": "append", **GENERATION}
FULL = {"sync_mode": "full_refresh", "destination_sync_mode": "append", **GENERATION}
OVERWRITE = {"sync_mode": "full_refresh", "destination_sync_mode": "overwrite", **GENERATION}


@dataclass
class Importing:
    """Stands in for the importer: every file of a configuration is imported as its entry in `ends` says."""

    ends: Mapping[str, Imported | Exception] = field(default_factory=dict)
    pushed: list[tuple[str, bytes]] = field(default_factory=list)
    evidence: dict[str, ClearingEvidence] = field(default_factory=lambda: defaultdict(lambda: ClearingEvidence.NOTHING))
    fail_on_rejected = is_dry_run = cancelled = False

    def import_file(self, file: SpoolFile, _subject: str, configuration_id: str, **_: Any) -> Imported:
        content = file.path.read_bytes()
        self.pushed.append((configuration_id, content))
        rows = content.count(b"\r\n") - 1
        end = self.ends.get(configuration_id, Imported(ImportCounts(rows, 0, 0)))
        if isinstance(end, Exception):
            raise end
        return end

    @property
    def order(self) -> list[str]:
        """The configurations in the order of the pushes."""
        return [name for name, _ in self.pushed]


@dataclass
class Outcome:
    """How a sync ended: the numbers of the states that left, in their order, and its error."""

    states: list[int]
    error: AirbyteTracedException | None

    @property
    def message(self) -> str:
        return "" if self.error is None else self.error.message or ""


def run_sync(
    streams: Mapping[str, tuple[Mapping[str, Any], Target]],
    messages: Sequence[Message],
    importer: Importing,
    *,
    rest: bytes = b"",
    max_rows: int = 1000,
    rows_in_blocks: int | None = None,
) -> Outcome:
    """Run a sync with these streams (how they are configured, and their targets) and messages."""
    schema = {"properties": {"id": {"type": "string"}, "month": {"type": "string"}}}
    catalog = [{"stream": {"name": name, "json_schema": schema}, **how} for name, (how, _) in streams.items()]
    targets = {name: target for name, (_, target) in streams.items()}
    first_step = min(target.step for target in targets.values())
    cancel, sent = Cancel(), list[bytes]()
    counts = BlockCounts(lambda _: rows_in_blocks, CountBlocks.IN_DOUBT)
    with Spool() as spool:
        opened: dict[StreamKey, StreamImports] = {}
        for each in parse_catalog({"streams": catalog}):
            target = targets[each.name]
            limits = FileLimits(10**6, max_rows, timedelta(minutes=10))
            files = StreamFiles(RecordConverter(each, (), CsvDialect()), spool, limits)
            if target.clearing_id is not None:
                opened[each.key] = Reload(each, target, files, 0.0, None, counts)
            else:
                at_states = goes_at_states(each, is_first_step=target.step == first_step)
                opened[each.key] = Changes(each, target, files, spool, goes_at_states=at_states)
        states = StateOutput(StateSpool(lambda: spool.new_path(".states")), sent.append, cancel)
        queues = ImportQueues(importer)  # type: ignore[arg-type] # stands in
        loader = Loader(opened, queues, states, cancel, 600.0, counts)
        lines = Lines()
        lines.rest = rest
        lines.waiting.extend(json.dumps(each).encode() + b"\n" for each in messages)
        sync = Sync(opened, loader, states, cancel, Patience(still_wanted_seconds=0.0))
        error = None
        try:
            for _ in run_and_follow(sync, lines, ThenRun(None, None, (), 0.0)):  # type: ignore[arg-type] # nothing follows
                pass
        except AirbyteTracedException as raised:
            error = raised
    return Outcome([json.loads(line)["state"]["id"] for line in b"".join(sent).splitlines()], error)


def records(name: str, count: int = 1, **more: str) -> list[Message]:
    return [
        {"type": "RECORD", "record": {"stream": name, "data": {"id": str(number), **more}}} for number in range(count)
    ]


def state(number: int, name: str) -> Message:
    content = {"stream_descriptor": {"name": name}, "stream_state": {"x": number}}
    return {"type": "STATE", "state": {"id": number, "stream": content}}


def state_of_all(number: int) -> Message:
    return {"type": "STATE", "state": {"id": number, "type": "GLOBAL", "global": {"shared_state": {"x": number}}}}


def status(name: str, word: str = "COMPLETE") -> Message:
    content = {"type": "STREAM_STATUS", "stream_status": {"stream_descriptor": {"name": name}, "status": word}}
    return {"type": "TRACE", "trace": content}


def block(name: str) -> Imported:
    """An import that replaced rows of this block."""
    return Imported(ImportCounts(1, 0, 1), blocks=(ImportedBlock(name),))

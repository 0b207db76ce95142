"""The first law as a state machine: whatever comes in whatever order, no state leaves before its records are stored
or rejected, no row is lost, none is added twice, and a source that did not succeed replaces nothing.

The sync, its strategies and the importer are the real ones. What stands around them: a Pigment in memory, queues
without threads, and the ledger that judges.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from bucket_in_memory import FAULTS, NOW, BucketInMemory
from connection import Connection
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from ledger import Ledger, Sent
from one_stream import Lines
from pigment_in_memory import ANSWERED, UNANSWERED, Nature, Outcome, Pigment
from queues_in_turn import QueuesInTurn
from schedule_inputs import (
    BATCHES,
    CONTENTS,
    ENDINGS,
    LIVELY,
    NAMES,
    NATURES,
    NOT_OBJECTS,
    NUMBERS,
    OUTCOMES,
    SETTINGS,
    STATS,
    WAYS,
    Batch,
    Kinds,
    Settings,
    announced,
)

from destination_pigment.config import DeletedRows, FileLimits, parse_config
from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.rejected import RejectionsOnDisk
from destination_pigment.files.spool import Spool
from destination_pigment.files.stream_files import StreamFiles
from destination_pigment.imports.block_count import BlockCounts
from destination_pigment.imports.block_reading import count_block
from destination_pigment.imports.changes import Changes
from destination_pigment.imports.importer import Importer
from destination_pigment.imports.queue import StreamImports
from destination_pigment.imports.reload import Reload
from destination_pigment.imports.then_run import ThenRun
from destination_pigment.input.cancel import Cancel, Patience
from destination_pigment.input.catalog import StreamKey, WriteMode, parse_catalog
from destination_pigment.loader import Loader
from destination_pigment.release import goes_at_states
from destination_pigment.state_output import StateOutput, StateSpool
from destination_pigment.sync import Sync
from destination_pigment.write import run_and_follow
from pigment_client.http.clock import Clock
from pigment_csv.dialect import CsvDialect


class Platform(RuleBasedStateMachine):
    """What the platform may do to a sync, and Pigment to its requests."""

    @initialize(
        rows=st.sampled_from([1, 2, 3, 1000, 1000]),
        way=st.sampled_from(sorted(WAYS)),
        namespace=st.sampled_from([None, "ns"]),
        is_in_order=st.booleans(),
        has_reports=st.sampled_from([True, True, True, True, False]),
        fails=st.sampled_from([False, False, False, True]),
        is_calm=st.sampled_from([True, True, True, False]),
        is_quiet=st.booleans(),
        steps=st.sampled_from([0, 10, 20, 30]),
        has_bucket=st.booleans(),
        lively=LIVELY,
        nature=NATURES,
        chosen=SETTINGS,
        first=BATCHES,
        outcomes=st.lists(OUTCOMES, max_size=3),
    )
    def begin(
        self,
        rows: int,
        way: str,
        namespace: str | None,
        is_in_order: bool,
        has_reports: bool,
        fails: bool,
        is_calm: bool,
        is_quiet: bool,
        steps: int,
        has_bucket: bool,
        lively: list[str],
        nature: Nature,
        chosen: Settings,
        first: list[Batch],
        outcomes: list[Outcome],
    ) -> None:
        self.now = 0.0
        self.namespace, self.way = namespace, way
        # Whether all that the source sends arrives, so that only Pigment and the platform are to be feared.
        self.is_calm = is_calm
        # Whether Pigment does what it is asked for, so that only what the sync decides is to be feared.
        self.is_quiet = is_quiet
        # The streams of the catalog.
        self.lively = lively
        self.cancel = Cancel()
        self.connection = connection = Connection(way, namespace, lively, chosen)
        self._start_pigment(nature, is_in_order=is_in_order, has_reports=has_reports)
        clock = Clock(monotonic=lambda: self.pigment.now, sleep=self.pigment.sleep, random=lambda: 1.0)
        self.config = parse_config(
            {
                "rejected_rows": "fail" if fails else "report",
                "deleted_rows": chosen.deleted_rows,
                "count_blocks": chosen.count_blocks,
            }
        )
        importer = Importer(self.pigment, self.config, self.cancel, clock)  # type: ignore[arg-type] # stands in
        self.queues = QueuesInTurn(importer)
        self.spool = Spool()
        self.bucket = BucketInMemory() if has_bucket else None
        self.ledger = Ledger(connection.promises(), connection.blocks(), connection.has_generations)
        self.broken: AssertionError | None = None
        self.meanwhile: list[str] = []
        self.steps_before_end = steps
        self.ended = self.clean = False
        self.pushes_at_cancel: int | None = None
        self.sync = self._sync(rows)
        self.lines = Lines()
        self.running_sync = run_and_follow(self.sync, self.lines, ThenRun(None, None, (), 0.0))  # type: ignore[arg-type] # nothing follows
        # Whatever steps a schedule has, something comes and goes.
        self.pigment.outcomes.extend([] if is_quiet else outcomes)
        self._send_records(first)

    def _start_pigment(self, nature: Nature, *, is_in_order: bool, has_reports: bool) -> None:
        connection = self.connection
        self.pigment = Pigment(
            connection.configurations,
            connection.kinds(),
            connection.blocks(),
            connection.limited(nature),
            is_in_order,
            has_reports,
            self._on_sleep,
            self._on_push,
        )

    def _sync(self, rows: int) -> Sync:
        store = None if self.bucket is None else self.bucket.store()
        streams: dict[StreamKey, StreamImports] = {}
        connection, deleted = self.connection, DeletedRows(self.connection.chosen.deleted_rows)
        counts = BlockCounts(partial(count_block, self.pigment), self.config.count_blocks)  # type: ignore[arg-type] # stands in
        for each in parse_catalog(connection.catalog()):
            converter = RecordConverter(each, (), CsvDialect())
            limits = FileLimits(10**6, connection.most_rows(each.name, rows), timedelta(minutes=10))
            kept = None if self.bucket is None else RejectionsOnDisk(self.spool, lambda: NOW)
            files = StreamFiles(converter, self.spool, limits, kept, clock=lambda: self.now, deleted_rows=deleted)
            target = connection.target(each.name)
            if each.mode is WriteMode.REPLACE or target.scope is not None:
                streams[each.key] = Reload(each, target, files, 10.0, store, counts)
            else:
                at_states = goes_at_states(each, is_first_step=target.step == connection.first_step)
                streams[each.key] = Changes(each, target, files, self.spool, store, goes_at_states=at_states)
        self.state_spool = StateSpool(lambda: self.spool.new_path(".states"), memory_bytes=300, at_once_bytes=200)
        states = StateOutput(self.state_spool, self._on_lines, self.cancel)
        loader = Loader(streams, self.queues, states, self.cancel, 600.0, counts)  # type: ignore[arg-type] # stands in
        return Sync(streams, loader, states, self.cancel, Patience(still_wanted_seconds=0.0))

    def _on_push(self, configuration_id: str) -> None:
        """A file is about to be pushed."""
        try:
            self.ledger.check_push(configuration_id, self.pigment)
        except AssertionError as error:
            self.broken = self.broken or error

    def _on_lines(self, lines: bytes) -> None:
        for line in lines.splitlines():
            state = json.loads(line)["state"]
            try:
                self.ledger.state_came_back(state["id"], state["destinationStats"], self.pigment)
                found = float("inf") if self.bucket is None else self.bucket.rows
                assert self.ledger.reported_rejected <= found, "a state counts rejected rows that cannot be opened"
            except AssertionError as error:  # what calls this would take it for a failure of the sync
                self.broken = self.broken or error
                raise

    def _on_sleep(self) -> None:
        """While an import is waited for, something else happens."""
        match self.meanwhile.pop() if self.meanwhile else None:
            case "another import runs":
                self.queues.run_one()
            case "the platform cancels":
                self._cancel()
            case "an hour goes by":
                self.pigment.now += 3600

    def _cancel(self) -> None:
        if self.pushes_at_cancel is None:
            self.pushes_at_cancel = self.pigment.pushes
        self.cancel.request()

    def _take(self, lines: bytes) -> None:
        self.lines.waiting.append(lines)
        next(self.running_sync)
        if self.sync.failed or self.cancel.requested:
            self._finish()

    def _send(self, *messages: dict[str, Any]) -> None:
        self._take(b"".join(map(_line, messages)))

    def _finish(self, rest: bytes = b"") -> None:
        failure, is_only_empty = None, False
        self.ended = self.ledger.has_ended = True
        try:
            self.lines.rest = rest
            for _ in self.running_sync:
                pass
        except AirbyteTracedException as error:
            failure = error.failure_type.value
            if "is set to fail" in (error.message or ""):
                assert self.ledger.has_rejected or self.pigment.ever_rejected, "what is no rejected row ended the sync"
            # The error for streams without a row comes last: everything else is stored, and the states have left.
            is_only_empty = (error.message or "").startswith("The source succeeded without a row")
        if self.broken is not None:
            raise self.broken
        assert failure != "system_error", "something unexpected went wrong"
        self.clean = (failure is None or is_only_empty) and not self.cancel.requested
        self.pigment.settle()
        self.ledger.check_end(self.pigment, clean=self.clean, failure=failure)
        if self.clean:
            self.ledger.check_empty(self.pigment, is_reported=is_only_empty)
        if not self.clean and failure != "config_error":
            self.ledger.check_repeatable(self.pigment)
        if self.pushes_at_cancel is not None:
            assert self.pigment.pushes == self.pushes_at_cancel, "a push began after the cancel"

    def _announced(self, stats: str, name: str | None) -> tuple[dict[str, Any], float | None]:
        return announced("right" if self.is_calm and stats == "too many" else stats, self.ledger.counted[name])

    def _name(self, number: int) -> str:
        return self.lively[number % len(self.lively)]

    def _descriptor(self, name: str, named: bool) -> dict[str, Any]:
        return {"name": name, **({"namespace": self.namespace} if named else {})}

    running = precondition(lambda self: not self.ended)
    in_trouble = precondition(lambda self: not self.ended and not self.is_quiet)
    may_end = precondition(lambda self: not self.ended and self.steps_before_end <= 0)

    @running
    @rule(batches=BATCHES)
    def records(self, batches: list[Batch]) -> None:
        """Records in one block, maybe with states; a line may be unreadable, which only the source counts."""
        self._send_records(batches)

    def _send_records(self, batches: list[Batch]) -> None:
        lines: list[bytes] = []
        for number, kinds, naming, then_state in batches:
            lines += self._records(self._name(number), kinds, naming)
            if then_state:
                lines.append(_line(self._state_of(self._name(number), {"x": 1})))
        self._take(b"".join(lines))

    def _records(self, name: str, kinds: Kinds, naming: str) -> list[bytes]:
        lines: list[bytes] = []
        records: list[Sent | None] = []
        for position, (kind, key, cursor) in enumerate(kinds):
            if kind == "unreadable" and not self.is_calm:
                lines.append(b"not JSON\n")
                continue
            number = len(self.ledger.sent[name]) + len(records)
            data, sent = self.connection.record(name, number, kind, key, cursor)
            records.append(None if kind in NOT_OBJECTS else sent)
            is_named = naming == "named" or (naming == "named in turn" and position % 3 == 0)
            record = {"stream": name, "data": NOT_OBJECTS.get(kind, data)}
            record |= {"namespace": self.namespace} if is_named else {}
            lines.append(_line({"type": "RECORD", "record": record}))
        self.ledger.record(name, records, len(kinds) - len(records))
        return lines

    @running
    @rule(number=NUMBERS, named=st.booleans(), content=CONTENTS, stats=STATS)
    def state(self, number: int, named: bool, content: Any, stats: str) -> None:
        self._send(self._state_of(self._name(number), content, stats, named=named))

    def _state_of(self, name: str, content: Any, stats: str = "right", *, named: bool = True) -> dict[str, Any]:
        said, count = self._announced(stats, name)
        number = self.ledger.state(name, count, {name} if content is None else ())
        stream = {"stream_descriptor": self._descriptor(name, named), "stream_state": content}
        return {"type": "STATE", "state": {"type": "STREAM", "id": number, "stream": stream, **said}}

    @running
    @rule(
        kind=st.sampled_from(["GLOBAL", "GLOBAL", "LEGACY"]),
        shared=CONTENTS,
        streams=st.dictionaries(NAMES, CONTENTS, max_size=3),
        stats=STATS,
    )
    def state_of_all(self, kind: str, shared: Any, streams: dict[str, Any], stats: str) -> None:
        self._state_of_all(kind, shared, streams, stats)

    def _state_of_all(self, kind: str, shared: Any, streams: dict[str, Any], stats: str = "right") -> None:
        said, count = self._announced(stats, None)
        streams = {name: content for name, content in streams.items() if name in self.lively}
        named = [
            {"stream_descriptor": self._descriptor(name, named=True), "stream_state": content}
            for name, content in streams.items()
        ]
        if kind == "GLOBAL":
            cleared = [name for name, content in streams.items() if content is None]
        else:
            cleared = [] if shared else self.lively
        number = self.ledger.state(None, count, cleared)
        content = {"global": {"shared_state": shared, "stream_states": named}} if kind == "GLOBAL" else {"data": shared}
        self._send({"type": "STATE", "state": {"type": kind, "id": number, **content, **said}})

    @running
    @rule(number=NUMBERS, word=st.sampled_from(["STARTED", "RUNNING", "COMPLETE", "INCOMPLETE"]), named=st.booleans())
    def status(self, number: int, word: str, named: bool) -> None:
        self._status(self._name(number), word, named=named)

    def _status(self, name: str, word: str, *, named: bool = False) -> None:
        self.ledger.status(name, word)
        content = {"stream_descriptor": self._descriptor(name, named), "status": word}
        self._send({"type": "TRACE", "trace": {"type": "STREAM_STATUS", "stream_status": content}})

    @running
    @rule(count=st.integers(1, 12))
    def a_record_of_no_stream(self, count: int) -> None:
        if count == 1 and not self.is_calm:  # seldom, because nothing succeeds after it
            self.ledger.has_strays = True
            self._send({"type": "RECORD", "record": {"stream": "of no one", "data": {"id": "1"}}})

    @in_trouble
    @rule(outcome=OUTCOMES)
    def an_outcome_waits(self, outcome: Outcome) -> None:
        self.pigment.outcomes.append(outcome)

    @in_trouble
    @rule(fault=st.sampled_from(["", *UNANSWERED, *ANSWERED]), times=st.sampled_from([1, 1, 2, 6, 40]))
    def questions_meet(self, fault: str, times: int) -> None:
        self.pigment.questions.extend([fault] * times)

    @in_trouble
    @rule(fault=st.sampled_from(sorted(FAULTS)))
    def the_bucket_meets(self, fault: str) -> None:
        if self.bucket is not None:
            self.bucket.faults.extend(FAULTS[fault])

    @running
    @rule(what=st.sampled_from(["another import runs"] * 4 + ["an hour goes by", "the platform cancels"]))
    def something_happens_meanwhile(self, what: str) -> None:
        self.meanwhile.append(what)

    @running
    @rule(position=st.integers(0, 2))
    def an_import_ends(self, position: int) -> None:
        self.queues.run_one(position)
        self._take(b"")

    @running
    @rule()
    def time_goes_by(self) -> None:
        self.now += 700
        self._take(b"")

    @may_end
    @rule(how=st.sampled_from(ENDINGS), content=st.sampled_from([None, {"x": 1}]))
    def it_ends(self, how: str, content: Any) -> None:
        match how:
            case "every stream completes" | "every stream completes, with a state of all":
                self._complete(content, of_all=how.endswith("all"))
            case "every stream completes, within a line" | "within a line":
                if how != "within a line":
                    self._complete(content, of_all=False)
                self.ledger.is_cut = True
                if not self.ended:
                    self._finish(b'{"type":"RECORD","record":{"stream":"replaced","data":{')
            case "all but the first stream complete":
                self._complete(content, of_all=False, names=self.lively[1:])
            case "cancelled":
                self._cancel()
                self._finish()
            case "killed":
                self.ended = True
                self.pigment.settle()
        if not self.ended:
            self._finish()

    def _complete(self, content: Any, *, of_all: bool, names: Sequence[str] | None = None) -> None:
        if of_all:
            self._state_of_all("GLOBAL", content, {})
        for name in self.lively if names is None else names:
            if not (of_all or self.ended):
                self._send(self._state_of(name, content))
            if not self.ended and (self.way != "custom image" or self.ledger.has_statuses):
                self._status(name, "COMPLETE")

    @precondition(lambda self: self.ended)
    @rule()
    def nothing_comes_after_the_end(self) -> None:
        """A schedule that has ended has no further step."""

    @invariant()
    def nothing_is_lost_doubled_changed_or_touched_without_proof(self) -> None:
        if hasattr(self, "ledger"):
            self.steps_before_end -= 1
            self.ledger.has_ended = self.ended
            self.ledger.check_now(self.pigment)

    def teardown(self) -> None:
        if not hasattr(self, "spool"):
            return
        try:
            if not self.ended:
                self._complete({"x": 1}, of_all=False)
            if not self.ended:
                self._finish()
        finally:
            self.state_spool.close()
            self.spool.__exit__(None, None, None)


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"

"""Records are written together, with states between them or not: a state leaves only when all before it is stored.

The oracle knows each record by a text of its own, looks for it in the files that were imported and among what was
rejected, and counts nothing.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from ctypes import CDLL
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from destination_pigment.config import FileLimits, OnUnknown
from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.dimension_checks import CheckedColumn
from destination_pigment.files.rejected import RejectionsOnDisk
from destination_pigment.files.rows import Rows
from destination_pigment.files.segments import FileSegment
from destination_pigment.files.spool import Spool
from destination_pigment.files.stream_files import StreamFiles
from destination_pigment.input.cancel import Cancel
from destination_pigment.input.catalog import StreamKey, parse_catalog
from destination_pigment.input.completion import Completion
from destination_pigment.intake import Intake
from destination_pigment.state_output import StateOutput, StateSpool
from pigment_csv.date_pattern import parse_date_pattern
from pigment_csv.dialect import CsvDialect
from pigment_native.library import LIBRARY

NOW = datetime(2026, 11, 21, tzinfo=UTC)
PATTERN = parse_date_pattern("dd/MM/yyyy")
SCHEMA = {
    "properties": {"id": {"type": "string"}, "k": {"type": "string"}, "d": {"format": "date"}, "u": {"type": "string"}}
}
# Two streams that add, and one of which a record of the same key replaces an earlier one.
PLAIN, KEYED = ("a", "b"), "keyed"
NAMES = (*PLAIN, KEYED)
CATALOG = {
    "streams": [
        {
            "stream": {"name": name, "json_schema": SCHEMA},
            "destination_sync_mode": "append_dedup" if name == KEYED else "append",
            "primary_key": [["k"]] if name == KEYED else None,
        }
        for name in NAMES
    ]
}
# What a record has in addition to its text, which makes it a row or is why it is rejected.
GOOD = {"d": '"2026-04-30"'}
KINDS = {
    "good": GOOD,
    "good, but only by row": {**GOOD, "\\u0075": '"known"'},
    "no date": {"d": '"soon"'},
    "unknown item": {**GOOD, "u": '"unknown"'},
    "half a pair": {**GOOD, "u": '"\\ud83d"'},
    "no JSON": {**GOOD, "u": "NaN"},
    "a number too long": {**GOOD, "u": "1e99999"},
}
# What comes in a block, by the number of its stream, and what then becomes of files.
NUMBERS = st.integers(0, len(NAMES) - 1)
KIND = st.sampled_from(["good"] * 8 + list(KINDS))
MESSAGES = st.lists(
    st.one_of(
        *[st.tuples(st.just("record"), NUMBERS, KIND, st.integers(0, 2))] * 3,
        *[st.tuples(st.just("state"), st.one_of(NUMBERS, NUMBERS, st.none()))] * 2,
        st.tuples(st.just("complete"), NUMBERS),
    ),
    max_size=12,
)
EVENTS = st.lists(
    st.tuples(st.sampled_from(["full files leave", "confirmed files leave", "an import ends"]), NUMBERS), max_size=6
)
# The fewer streams, the more comes of each.
LIVELY = st.sampled_from([(PLAIN[0],), (KEYED,), PLAIN, NAMES])
SCHEDULES = {
    "names": LIVELY,
    "blocks": st.lists(st.tuples(MESSAGES, EVENTS), max_size=5),
    "most_rows": st.integers(1, 4),
    "gathered_bytes": st.sampled_from([8, 1000, 8000]),
    "library": st.sampled_from([LIBRARY, None]),
}
Steps = list[tuple[Any, ...]]


class Run:
    """A sync without its imports, and what is true of it."""

    def __init__(
        self, spool: Spool, names: Sequence[str], most_rows: int, gathered_bytes: int, library: CDLL | None
    ) -> None:
        self._names = names
        limits, dialect = FileLimits(10**6, most_rows, timedelta(minutes=10)), CsvDialect(dates=PATTERN)
        self._files: dict[str, StreamFiles] = {}
        self._keys: dict[str, StreamKey] = {}
        for stream in parse_catalog(CATALOG):
            check = CheckedColumn(stream, "u", frozenset({"known", "\ud83d"}), OnUnknown.SKIP)
            converter = RecordConverter(stream, [check], dialect, library)
            rejections = RejectionsOnDisk(spool, lambda: NOW)
            self._files[stream.name] = StreamFiles(converter, spool, limits, rejections)
            self._keys[stream.name] = stream.key
        self._states = StateOutput(StateSpool(lambda: spool.new_path(".states")), self._on_lines, Cancel())
        files = {self._keys[name]: each for name, each in self._files.items()}
        self._intake = Intake(files, Completion(has_generations=False), self._states, gathered_bytes=gathered_bytes)
        self._block = b""
        self._imports: dict[str, deque[tuple[FileSegment, int]]] = defaultdict(deque)
        # Of each stream: all records with their keys, None where they are to be rejected; what is stored, in its order,
        # and what was rejected.
        self._sent: dict[str, list[tuple[str, str | None]]] = {name: [] for name in NAMES}
        self._stored: dict[str, list[tuple[str, str]]] = {name: [] for name in NAMES}
        self._rejected = ""
        # How many records of each stream the source has confirmed.
        self._confirmed = dict.fromkeys(NAMES, 0)
        # How many records of which streams came before each state, and the states that left.
        self._before: list[dict[str, int]] = []
        self._left: list[int] = []

    def take(self, step: tuple[Any, ...]) -> None:
        """Add a message to the block, or let something become of files."""
        match step:
            case ("record", number, kind, key):
                name = self._name(number)
                text = f"{name}{len(self._sent[name])}."
                self._sent[name].append((text, f"key {key}" if kind.startswith("good") else None))
                cells = {"id": f'"{text}"', "k": f'"key {key}"', "u": '"known"'} | KINDS[kind]
                data = ",".join(f'"{column}":{value}' for column, value in cells.items())
                self._block += f'{{"type":"RECORD","record":{{"stream":"{name}","data":{{{data}}}}}}}\n'.encode()
            case ("state", number):
                names = NAMES if number is None else (self._name(number),)
                self._before.append(self._confirm(*names))
                content: dict[str, Any] = {"type": "GLOBAL", "global": {"stream_states": []}}
                if number is not None:
                    content = {"stream": {"stream_descriptor": {"name": names[0]}}}
                self._add({"type": "STATE", "state": {**content, "id": len(self._before) - 1}})
            case ("complete", number):
                name = self._name(number)
                self._confirm(name)
                status = {"stream_descriptor": {"name": name}, "status": "COMPLETE"}
                self._add({"type": "TRACE", "trace": {"type": "STREAM_STATUS", "stream_status": status}})
            case ("full files leave", number):
                name = self._name(number)
                self._push(name, self._files[name].pop_full())
            case ("confirmed files leave", number):
                name = self._name(number)
                self._push(name, self._files[name].pop_confirmed())
            case ("an import ends", number):
                name = self._name(number)
                if self._imports[name]:
                    self._store(name, *self._imports[name].popleft())
                self._states.send_due()

    def end_block(self) -> None:
        """Give what was added to the intake."""
        block, self._block = self._block, b""
        self._intake.consume(block)

    def finish(self) -> None:
        """The source completes every stream, and everything is imported."""
        for number in range(len(self._names)):
            self.take(("complete", number))
        self.end_block()
        self._intake.consume_rest(b"")
        for number, name in enumerate(self._names):
            self.take(("confirmed files leave", number))
            while self._imports[name]:
                self.take(("an import ends", number))
        self._states.send_due()
        assert sorted(self._left) == list(range(len(self._before)))
        assert self._states.checkpoints.not_accounted_for == 0
        for name in PLAIN:
            assert [text for text, _ in self._stored[name]] == [text for text, key in self._sent[name] if key]

    def _confirm(self, *names: str) -> dict[str, int]:
        """The source confirms what has come of these streams: how many records."""
        counts = {name: len(self._sent[name]) for name in names}
        self._confirmed |= counts
        return counts

    def _add(self, message: dict[str, Any]) -> None:
        self._block += json.dumps(message).encode() + b"\n"

    def _name(self, number: int) -> str:
        return self._names[number % len(self._names)]

    def _push(self, name: str, segments: Sequence[FileSegment]) -> None:
        self._imports[name] += [(each, self._confirmed[name]) for each in segments]

    def _store(self, name: str, segment: FileSegment, confirmed: int) -> None:
        """Import a file and confirm its records as `Loader` does; `confirmed` is how many the source had confirmed."""
        if segment.rejected_rows is not None:
            self._rejected += repr(list(segment.rejected_rows.rows()))
        if segment.file is not None:
            columns = segment.file.columns
            for rows in segment.file.read_rows():
                stored = [(row[columns.index("id")] or "", row[columns.index("k")] or "") for row in rows]
                known = {text for text, _ in self._sent[name][:confirmed]}
                assert {text for text, _ in stored} <= known, "a row was pushed that is not confirmed"
                self._stored[name] += stored
        count = segment.rows + segment.superseded
        self._states.checkpoints.confirm(self._keys[name], stored=count, rejected=segment.records - count)

    def _on_lines(self, lines: bytes) -> None:
        for line in lines.splitlines():
            number = json.loads(line)["state"]["id"]
            for name, count in self._before[number].items():
                self._check_stored(name, count)
            self._left.append(number)

    def _check_stored(self, name: str, count: int) -> None:
        """Everything before a state is stored or rejected; of records of one key the last, or a later one."""
        sent, stored = self._sent[name], {text for text, _ in self._stored[name]}
        there = {key: text for text, key in self._stored[name]}
        places = {text: place for place, (text, _) in enumerate(sent)}
        for place, (text, key) in enumerate(sent[:count]):
            if key is None:
                assert f"'{text}'" in self._rejected, "a state counts a rejected row that was not read back"
            elif name == KEYED:
                assert places.get(there.get(key, ""), -1) >= place, "a state covers a key that is not there, or older"
            else:
                assert text in stored, "a state covers a row that is not stored"


def run(
    names: Sequence[str],
    blocks: list[tuple[Steps, Steps]],
    most_rows: int,
    gathered_bytes: int,
    library: CDLL | None = LIBRARY,
) -> None:
    with Spool() as spool:
        sync = Run(spool, names, most_rows, gathered_bytes, library)
        for messages, events in blocks:
            for each in messages:
                sync.take(each)
            sync.end_block()
            for each in events:
                sync.take(each)
        sync.finish()


def with_states(*kinds: str) -> Steps:
    return [step for kind in kinds for step in (("record", 0, kind, 0), ("state", 0))]


ODD, REFUSED = "good, but only by row", "a number too long"


@settings(max_examples=200, deadline=None)
@given(**SCHEDULES)
@example(
    names=(PLAIN[0],),
    blocks=[
        (
            with_states(REFUSED, ODD, ODD, ODD, ODD, REFUSED, REFUSED),
            [("confirmed files leave", 0), *[("an import ends", 0)] * 4],
        )
    ],
    most_rows=1,
    gathered_bytes=8,
    library=LIBRARY,
)
def test_a_state_covers_only_what_is_stored_or_rejected(**schedule: Any) -> None:
    run(**schedule)


def confirm_without_writing(self: Any, key: StreamKey) -> None:
    if gathered := self._gathered.get(key):
        gathered.confirmed = len(gathered.records)
    else:
        self._files[key].raise_watermark()


def reject_first(self: Any, sent: Rows) -> None:
    rows, lines, rejections = self._convert(sent)
    for each in rejections:
        self.reject(each)
    if rows.count:
        self._segments.append(self.converter.file_header, lines, rows.count)


def confirm_all(self: Any, key: StreamKey) -> None:
    self._gathered[key].confirmed = len(self._gathered[key].records)
    write(self, key)


write = Intake._write
GOOD_ONE, STATE = ("record", 0, "good", 0), ("state", 0)
FIRST_FILE = [("confirmed files leave", 0), ("an import ends", 0)]
# What is broken by hand, and a schedule in which it must be found.
BROKEN: dict[str, tuple[type, str, Callable[..., Any], str, Steps]] = {
    "records of a key are written together": (
        Intake,
        "_raise_watermark",
        confirm_without_writing,
        KEYED,
        [GOOD_ONE, STATE, ("record", 0, "good", 1), ("record", 0, "good", 2), GOOD_ONE, STATE],
    ),
    "what is rejected counts before the rows": (
        StreamFiles,
        "_write_sent",
        reject_first,
        PLAIN[0],
        [GOOD_ONE, STATE, GOOD_ONE, STATE, ("record", 0, "no date", 0), STATE],
    ),
    "records after the last state are confirmed": (
        Intake,
        "_write",
        confirm_all,
        PLAIN[0],
        [GOOD_ONE, STATE, GOOD_ONE],
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_promise_is_found(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, method, broken, name, messages = BROKEN[what]
    schedule = partial(run, (name,), [(messages, FIRST_FILE)], most_rows=1, gathered_bytes=8)
    schedule()
    monkeypatch.setattr(owner, method, broken)
    with pytest.raises(AssertionError):
        schedule()

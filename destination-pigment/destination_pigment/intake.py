"""What comes in goes to its stream: records into files, states to the output of states, statuses to the proof.

Records are counted as they come, but gathered and written together, even with states between them: those of a block for
each stream, and where many streams come in turn, those of several blocks. Three rules keep every state true:

- Files leave only between two calls of `consume`. So of the states before that, only the last one matters: what came
  before it is confirmed, what came after it is not.
- Checkpoints know records only by their number. So no record may count in a file before one that came earlier: what is
  rejected of records counts after the rows that were written with it.
- A deduplicated stream is written up to each state. A record that another one replaces counts as stored together with
  that one; a state between the two would leave although the second is not stored.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from destination_pigment.files.rows import Rejection
from destination_pigment.files.stream_files import StreamFiles
from destination_pigment.input.catalog import StreamKey, StreamNames, named
from destination_pigment.input.completion import Completion
from destination_pigment.input.messages import (
    Change,
    Parsed,
    Records,
    StateLine,
    StatusLine,
    StreamStatus,
    UnreadableLine,
    UnreadableRecord,
    is_whole,
    parse_block,
)
from destination_pigment.state_output import StateOutput
from pigment_airbyte.failures import ConfigProblem, TransientProblem
from pigment_client.wording import counted, shortened
from pigment_native.cells import RecordInput

logger = logging.getLogger("airbyte.pigment.destination")

_NOT_JSON = "it contains a number that JSON does not have, such as NaN, or is nested too deep"

# From how much input records are gathered at most, and from how many records of a stream on more save no time.
_GATHERED_BYTES = 2 << 20
_WORTH_WRITING = 100


@dataclass(slots=True)
class _Gathered:
    """Records of a stream that are not written yet, and how many of them the source has confirmed."""

    records: list[msgspec.Raw] = field(default_factory=list)
    confirmed: int = 0


class Intake:
    """Reads the lines of a sync and hands their content on.

    Records are gathered from about `gathered_bytes` of input at most.
    """

    def __init__(
        self,
        files: Mapping[StreamKey, StreamFiles],
        completion: Completion,
        states: StateOutput,
        *,
        gathered_bytes: int = _GATHERED_BYTES,
    ) -> None:
        self._files = files
        self._names = StreamNames(files)
        self._completion = completion
        self._states = states
        self._most_gathered_bytes = gathered_bytes
        # Mutable state: the stream that came last; the streams of which not all that came is confirmed; what was left
        # out and how often; messages for streams that the catalog does not have; streams of which records are missing
        # (None: of all together), with their number; what was done to values before they came, for each stream; and
        # the records that are not written yet, with the number of bytes of input that they came in.
        self._last: StreamKey | None = None
        self._unconfirmed: set[StreamKey] = set()
        self._unusable: Counter[str] = Counter()
        self._strays: dict[StreamKey, Counter[str]] = {}
        self._missing: Counter[StreamKey | None] = Counter()
        self._changes: dict[StreamKey, Counter[Change]] = {}
        self._gathered: dict[StreamKey, _Gathered] = {}
        self._gathered_bytes = 0

    def consume(self, block: bytes) -> None:
        """Read whole lines; raises `ConfigProblem` or `TransientProblem` where a record cannot be written."""
        # What was gathered came before this block, and is written before anything of it.
        rest = block if self._gathered else self._write_first_records(block)
        for parsed in parse_block(rest, self._names):
            self._hand_on(parsed)
        self._gathered_bytes += len(block)
        if not self._waits_for_more(len(block)):
            self._write_gathered()

    def consume_rest(self, rest: bytes) -> None:
        """Read what came after the last line end."""
        if is_whole(rest):
            self.consume(rest)
        else:
            self._completion.on_cut()
            self._warn_once("that are cut off at the end of the input")
        self._write_gathered()

    def misses_records(self, key: StreamKey) -> bool:
        """Whether the source has counted more records of a stream than arrived."""
        return key in self._missing or None in self._missing

    @property
    def unreadable(self) -> int:
        """How many lines could not be read, and may have been records."""
        return self._unusable.total()

    def problems(self) -> list[tuple[Exception, StreamKey | None]]:
        """What could not be used and must end the sync with an error, after everything else is stored."""
        found: list[tuple[Exception, StreamKey | None]] = [
            (TransientProblem(self._describe_missing(key, count)), key) for key, count in self._missing.items()
        ]
        if self._strays:
            found.append((ConfigProblem(_describe_strays(self._strays)), None))
        return found

    def log_left_out(self) -> None:
        """Log what was left out and what was rejected."""
        for files in self._files.values():
            files.log_rejected()
        for key, changes in self._changes.items():
            for column in sorted({each.column for each in changes}):
                listed = ", ".join(
                    f"{count:,} {change.change} ({change.reason})"
                    for change, count in sorted(changes.items())
                    if change.column == column
                )
                logger.warning(
                    'Values of the column "%s" of the %s were changed before they arrived, by the source or by '
                    "Airbyte: %s. They are sent as they arrived, so what was nulled is blank in Pigment: look in the "
                    "log of the source for the reason, and correct it there.",
                    shortened(column),
                    named(key),
                    listed,
                )
        for what, count in self._unusable.items():
            logger.warning("Left out in total: %s %s.", counted(count, "line"), what)

    def _hand_on(self, parsed: Parsed) -> None:
        match parsed:
            case Records(key=key, data=data, changes=changes):
                if files := self._count(key, len(data)):
                    if changes:
                        self._changes.setdefault(key, Counter()).update(changes)
                    self._gathered.setdefault(files.stream.key, _Gathered()).records.extend(data)
            case UnreadableRecord(key=key, line=line):
                if files := self._count(key, 1):
                    self._write_gathered()  # records are rejected in their order
                    files.reject(Rejection(_NOT_JSON, line))
            case StateLine():
                self._on_state(parsed)
            case StatusLine():
                self._on_status(parsed)
            case UnreadableLine():
                self._completion.on_unusable()
                self._warn_once("that are not messages of Airbyte's protocol")

    def _waits_for_more(self, block_bytes: int) -> bool:
        """Whether more records should come before these are written: only while input comes fast."""
        is_fast = block_bytes >= self._most_gathered_bytes // 8
        are_few = sum(len(each.records) for each in self._gathered.values()) < _WORTH_WRITING * len(self._gathered)
        return is_fast and are_few and self._gathered_bytes < self._most_gathered_bytes

    def _write_gathered(self) -> None:
        """Write the records that were gathered."""
        for key in tuple(self._gathered):
            self._write(key)
        self._gathered_bytes = 0

    def _write(self, key: StreamKey) -> None:
        """Write the records of a stream that were gathered, and confirm those before the last state."""
        files, gathered = self._files[key], self._gathered.pop(key)
        files.write_records(gathered.records[: gathered.confirmed])
        if gathered.confirmed:
            files.raise_watermark()
        files.write_records(gathered.records[gathered.confirmed :])

    def _write_first_records(self, block: bytes) -> bytes:
        """Write what a block begins with, if these are plain records of the stream that came last; returns the rest."""
        if self._last is None:
            return block
        files, lines = self._files[self._last], RecordInput(block)
        while columns := files.converter.parse_lines(lines):
            self._count(self._last, len(columns[0]))
            files.write_columns(columns)
        return block[lines.position :]

    def _count(self, named_key: StreamKey, count: int) -> StreamFiles | None:
        """Count records; returns the files of their stream, None if the catalog does not have it."""
        key = self._resolve(named_key, "record", count)
        if key is None:
            self._completion.on_unusable()
            self._states.checkpoints.on_stray_records()
            return None
        self._last = key
        self._unconfirmed.add(key)
        self._completion.on_records(key)
        self._states.checkpoints.count_records(key, count)
        return self._files[key]

    def _on_state(self, state: StateLine) -> None:
        key = None if state.key is None else self._resolve(state.key, "state")
        if key is None and state.key is not None:
            return
        cleared = self._files if state.clears_all else {self._names.resolve(each) for each in state.cleared}
        self._completion.on_state(key, cleared)
        if missing := self._states.queue_state(state, key):
            self._missing[key] += missing
        for each in tuple(self._unconfirmed) if key is None else (key,):
            self._raise_watermark(each)

    def _on_status(self, status: StatusLine) -> None:
        key = self._resolve(status.key, "status message")
        if key is not None:
            self._completion.on_status(key, status.status)
            if status.status is StreamStatus.COMPLETE:
                self._raise_watermark(key)

    def _raise_watermark(self, key: StreamKey) -> None:
        """The source confirms what has come of a stream, unless records are missing among it."""
        if key not in self._unconfirmed or self.misses_records(key):
            return
        self._unconfirmed.discard(key)
        if (gathered := self._gathered.get(key)) is None:
            self._files[key].raise_watermark()
        else:
            gathered.confirmed = len(gathered.records)
            if self._files[key].stream.primary_key:
                self._write(key)

    def _describe_missing(self, key: StreamKey | None, count: int) -> str:
        of_all = " for all streams together" if key is None else ""
        of_one = "" if key is None else f" of the {self._files[key].stream.subject}"
        return (
            f"{counted(count, 'record')}{of_one} that the source has counted{of_all} did not arrive, so nothing after "
            "the last good state was stored, and no later state was sent: run the sync again, and if this happens "
            "again, look in the log for lines that could not be read."
        )

    def _resolve(self, key: StreamKey, what: str, count: int = 1) -> StreamKey | None:
        found = self._names.resolve(key)
        if found is None:
            if key not in self._strays:
                logger.warning("There are messages for the %s, which the catalog does not have.", named(key))
                self._strays[key] = Counter()
            self._strays[key][what] += count
        return found

    def _warn_once(self, what: str) -> None:
        if what not in self._unusable:
            logger.warning("There are lines %s; they are left out and counted.", what)
        self._unusable[what] += 1


def _describe_strays(strays: Mapping[StreamKey, Counter[str]]) -> str:
    listed = "; ".join(
        f"{named(key)} ({', '.join(counted(count, what) for what, count in counts.items())})"
        for key, counts in list(strays.items())[:20]
    )
    return (
        f"The catalog of this sync does not have the stream of some messages, which were not stored: {listed}. Refresh "
        "the schema of the connection, and check that the stream is selected with the same namespace."
    )

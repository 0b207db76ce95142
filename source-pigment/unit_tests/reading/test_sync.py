"""A slice that breaks while it is sent: nothing more of its stream leaves, and the next attempt doubles nothing."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from threading import Event
from typing import Any

import pytest
from airbyte_cdk.models import AirbyteMessage, AirbyteStateMessage
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from pigment_client.errors import BrokenOff, NotFound, PigmentError
from source_pigment.discovery.names import StreamName
from source_pigment.reading import scheduler
from source_pigment.reading.records import RecordBlock
from source_pigment.reading.state import state_after
from source_pigment.reading.sync import StreamStates, Sync

SLICES = 3
ROWS = 4


@dataclass
class Slice:
    """A downloaded slice in memory."""

    slice_index: int
    is_closed: bool = False
    rows: int = ROWS
    content_bytes: int = 1

    def close(self) -> None:
        self.is_closed = True


class Stream:
    """A stream of three slices, of which one may break after a number of rows.

    `others` says when the slices that do not break finish their downloads: "before" the broken one is downloaded,
    "waiting" before its first row leaves, "while" it is sent, or "after" it broke. With an `error`, no download works.
    """

    def __init__(
        self,
        name: str,
        *,
        broken: int | None = None,
        after_rows: int = 0,
        others: str = "before",
        error: Exception | None = None,
    ) -> None:
        self.name = StreamName(name)
        self.subject = f'stream "{name}"'
        self.slices: tuple[Mapping[str, Any], ...] = tuple({"part": position} for position in range(SLICES))
        self.begun: list[int] = []
        self.error = error
        self.downloaded: list[Slice] = []
        self._broken = broken
        self._after_rows = after_rows
        self._others = others
        self.let_others = Event()
        self._finished = [Event() for _ in self.slices]

    def download(self, slice_index: int, stop: Event) -> Slice:  # noqa: ARG002 - the protocol's signature
        self.begun.append(slice_index)
        if self.error is not None:
            raise self.error
        if self._broken is not None:
            if slice_index == self._broken and self._others == "before":
                self._await_others()
            elif slice_index != self._broken and self._others != "before":
                assert self.let_others.wait(10)
        self.downloaded.append(Slice(slice_index))
        self._finished[slice_index].set()
        return self.downloaded[-1]

    def records(self, fetched: Slice) -> Iterator[RecordBlock]:
        breaks = fetched.slice_index == self._broken
        if breaks and self._others == "waiting":
            self._await_others()
        for row in range(ROWS):
            if breaks and row == self._after_rows:
                if self._others == "while":
                    self._await_others()
                self.let_others.set()
                fetched.close()
                raise OSError("the disk does not give it back")
            yield RecordBlock(self.name, f"{self.name} {fetched.slice_index}.{row}\n".encode(), 1)
        fetched.close()

    def state(self, sent_slices: Collection[int], sync_identity: str | None) -> Mapping[str, Any]:
        return state_after(sent_slices, self.slices, sync_identity)

    def _await_others(self) -> None:
        self.let_others.set()
        assert all(each.wait(10) for position, each in enumerate(self._finished) if position != self._broken)


class Platform:
    """Keeps what arrived up to the last state of each stream, as the platform does where an attempt fails."""

    def __init__(self) -> None:
        self.kept: dict[str, list[str]] = {}
        self.states: dict[str, AirbyteStateMessage] = {}
        self._unconfirmed: dict[str, list[str]] = {}

    def attempt(self, *streams: Stream, num_workers: int) -> list[str | tuple[str, str]]:
        """One attempt to read the streams; gives each row, and each state and status by kind and stream."""
        self._unconfirmed = {str(stream.name): [] for stream in streams}
        sync = Sync(StreamStates(list(self.states.values()), "job 7"), streams, num_workers=num_workers)
        return list(self._keep(sync.messages()))

    def _keep(self, messages: Iterable[AirbyteMessage | RecordBlock]) -> Iterator[str | tuple[str, str]]:
        for message in messages:
            if isinstance(message, RecordBlock):
                self._unconfirmed[message.stream.name].append(message.lines.decode().strip())
                yield message.lines.decode().strip()
            elif message.state is not None and message.state.stream is not None:
                name = message.state.stream.stream_descriptor.name
                self.states[name] = message.state
                self.kept.setdefault(name, []).extend(self._unconfirmed[name])
                self._unconfirmed[name] = []
                yield "STATE", name
            elif message.trace is not None and message.trace.stream_status is not None:
                yield message.trace.stream_status.status.value, message.trace.stream_status.stream_descriptor.name


def all_rows(name: str) -> Counter[str]:
    return Counter(f"{name} {position}.{row}" for position in range(SLICES) for row in range(ROWS))


@pytest.mark.parametrize("after_rows", [0, 2])
@pytest.mark.parametrize(
    ("others", "num_workers"), [("before", 4), ("waiting", 4), ("while", 4), ("after", 4), ("after", 1)]
)
@pytest.mark.parametrize("broken", range(SLICES))
def test_a_slice_that_breaks_while_it_is_sent_is_the_last_of_its_stream(
    broken: int, others: str, num_workers: int, after_rows: int
) -> None:
    platform = Platform()
    stream, whole = Stream("S", broken=broken, after_rows=after_rows, others=others), Stream("W")
    if num_workers == 1:
        stream.let_others.set()
    seen = platform.attempt(stream, whole, num_workers=num_workers)

    assert Counter(platform.kept["W"]) == all_rows("W")
    assert ("COMPLETE", "W") in seen
    assert ("INCOMPLETE", "S") in seen
    assert ("COMPLETE", "S") not in seen
    of_stream = [each for each in seen if (each[1] == "S" if isinstance(each, tuple) else each.startswith("S "))]
    broken_rows = [at for at, each in enumerate(of_stream) if str(each).startswith(f"S {broken}.")]
    assert len(broken_rows) == after_rows
    if broken_rows:
        assert of_stream[broken_rows[-1] + 1 :] == [("INCOMPLETE", "S")]
    assert all(each.is_closed for each in stream.downloaded)

    platform.attempt(Stream("S"), num_workers=num_workers)
    assert Counter(platform.kept["S"]) == all_rows("S")


@pytest.mark.parametrize(("error", "most"), [(NotFound("export"), 2), (BrokenOff("export"), SLICES)])
def test_what_is_permanently_wrong_is_not_asked_for_again(error: PigmentError, most: int) -> None:
    platform, wrong = Platform(), Stream("X", error=error)
    seen = platform.attempt(wrong, Stream("W"), num_workers=1)
    assert len(wrong.begun) <= most
    assert (len(wrong.begun) == SLICES) is (most == SLICES)
    assert ("INCOMPLETE", "X") in seen
    assert Counter(platform.kept["W"]) == all_rows("W")


def test_the_failure_names_the_stream_that_broke() -> None:
    sync = Sync(StreamStates([], None), [Stream("S", broken=0, others="waiting"), Stream("W")], num_workers=4)
    list(sync.messages())
    with pytest.raises(AirbyteTracedException, match='not read to their end: "S"'):
        sync.raise_failures()


def test_long_downloads_are_reported_with_what_was_received_so_far(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The third report lets the slow slices end."""
    caplog.set_level(logging.INFO)
    seconds, let, received = 0.05, Event(), iter(range(1, 100))
    monkeypatch.setattr(scheduler, "_SECONDS_BETWEEN_SIGNS", seconds)

    class Slow(Stream):
        def download(self, slice_index: int, stop: Event) -> Slice:
            assert let.wait(10)
            return super().download(slice_index, stop)

    def bytes_received() -> int:
        reports = next(received)
        if reports == 3:
            let.set()
        return 1_000_000 * reports

    streams = [Stream("W"), Slow("Slow")]
    list(Sync(StreamStates([], None), streams, num_workers=4, bytes_received=bytes_received).messages())

    reports = [each for each in caplog.records if each.message.startswith("Downloading")]
    assert [re.sub("in [0-9]+ s", "in # s", each.message) for each in reports[:3]] == [
        f"Downloading 3 exports: {megabytes} MB received of all streams in # s, 1 of 2 streams read."
        for megabytes in (1, 2, 3)
    ]
    times = [each.created for each in reports]
    assert all(after - before >= seconds * 0.9 for before, after in pairwise(times))

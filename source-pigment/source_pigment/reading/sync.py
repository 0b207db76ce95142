"""One run of `read`: the messages of all streams in turn, and which of them failed."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from airbyte_cdk.models import (
    AirbyteMessage,
    AirbyteStateBlob,
    AirbyteStateMessage,
    AirbyteStateType,
    AirbyteStreamState,
    AirbyteStreamStatus,
    AirbyteStreamStatusReason,
    AirbyteStreamStatusReasonType,
    FailureType,
    StreamDescriptor,
    Type,
)
from airbyte_cdk.utils.stream_status_utils import as_airbyte_message
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from airbyte_protocol_dataclasses.models import AirbyteStreamStatusRateLimitedReason

from pigment_airbyte.failures import traced
from pigment_client.errors import TryLater
from pigment_client.wording import byte_size, counted
from source_pigment.discovery.names import StreamName
from source_pigment.reading.progress import Progress
from source_pigment.reading.records import RecordBlock
from source_pigment.reading.scheduler import (
    Checkpoint,
    Downloaded,
    DownloadScheduler,
    Ended,
    Failed,
    FetchedSlice,
    Limited,
    Started,
    StillDownloading,
    SyncStream,
)
from source_pigment.reading.state import finished_slices

logger = logging.getLogger("airbyte.pigment.source")


class StreamStates:
    """Which slices of each stream are finished, by the states that were given and by what was sent since."""

    def __init__(self, states: Sequence[AirbyteStateMessage], sync_identity: str | None) -> None:
        self._sync_identity = sync_identity
        self._given = {
            StreamName(stream.stream_descriptor.name, stream.stream_descriptor.namespace or None): dict(
                (stream.stream_state or AirbyteStateBlob()).__dict__
            )
            for stream in (each.stream for each in states)
            if stream is not None
        }
        self._sent_slices: dict[StreamName, set[int]] = {}

    def given(self, name: StreamName) -> Mapping[str, Any] | None:
        return self._given.get(name)

    def missing_slices(self, stream: SyncStream) -> Collection[int]:
        finished = finished_slices(self._given.get(stream.name), stream.slices, self._sync_identity)
        self._sent_slices[stream.name] = set(finished)
        return set(range(len(stream.slices))) - finished

    def mark_sent(self, stream: SyncStream, slice_index: int) -> None:
        self._sent_slices[stream.name].add(slice_index)

    def message(self, stream: SyncStream, checkpoint: Checkpoint | None = None) -> AirbyteMessage:
        """The state of the stream as a checkpoint gives it, else by the slices that were sent."""
        sent = self._sent_slices[stream.name]
        content = stream.state(sent, self._sync_identity) if checkpoint is None else checkpoint.state
        state = AirbyteStreamState(stream_descriptor=_descriptor(stream.name), stream_state=AirbyteStateBlob(content))
        return AirbyteMessage(type=Type.STATE, state=AirbyteStateMessage(type=AirbyteStateType.STREAM, stream=state))


class Sync:
    """The messages of all streams; one thread reads them. `bytes_received` counts what all downloads have received."""

    def __init__(
        self,
        states: StreamStates,
        streams: Sequence[SyncStream],
        *,
        num_workers: int,
        bytes_received: Callable[[], int] = lambda: 0,
    ) -> None:
        self._began = time.monotonic()
        self._states = states
        self._bytes_received = bytes_received
        self._missing = [(stream, states.missing_slices(stream)) for stream in streams]
        self._downloads = DownloadScheduler(self._missing, num_workers=num_workers)
        self._progress = {stream.name: Progress(stream.name, stream.subject) for stream in streams}
        # All other mutable state: the failures, the streams that were read to their end, the first error of a stream
        # that is still being read, the streams of which a slice broke while it was sent, the last status of each
        # stream that has not ended, and which of these wait for Pigment's limit.
        self._failures: dict[StreamName, AirbyteTracedException] = {}
        self._complete: set[StreamName] = set()
        self._errors: dict[StreamName, Exception] = {}
        self._broken: set[StreamName] = set()
        self._status: dict[StreamName, AirbyteStreamStatus] = {}
        self._limited: set[StreamName] = set()

    def messages(self) -> Iterator[AirbyteMessage | RecordBlock]:
        """All messages of the streams; one that fails does not stop the others."""
        for stream, missing_slices in self._missing:
            if not missing_slices:
                logger.info('The stream "%s" was read by an earlier attempt, and is not read again.', stream.name)
                yield self._status_message(stream.name, AirbyteStreamStatus.STARTED)
                yield self._states.message(stream)
                yield from self._end(stream)
        for report in self._downloads:
            match report:
                case Started(stream):
                    self._progress[stream.name].start()
                    yield self._status_message(stream.name, AirbyteStreamStatus.STARTED)
                case Limited(until):
                    yield from self._limit_messages(until)
                case Downloaded(stream, slice_index, fetched):
                    yield from self._send_slice(stream, slice_index, fetched)
                case Failed(stream, error):
                    self._errors.setdefault(stream.name, error)
                    if not isinstance(error, TryLater):
                        # What is permanently wrong with one slice is wrong with all of them.
                        self._downloads.skip_rest(stream)
                case StillDownloading(running):
                    self._log_progress(running)
                case Ended(stream):
                    yield from self._end(stream)

    def summary(self) -> str:
        """What was read so far, for the last line of the log."""
        rows = sum(each.rows_sent for each in self._progress.values())
        read, streams = len(self._complete), len(self._complete) + len(self._failures)
        of_all = counted(read, "stream") if read == streams else f"{read:,} of {counted(streams, 'stream')}"
        return f"Read {of_all}: {counted(rows, 'row')} in {time.monotonic() - self._began:.1f} s"

    def report_rate_limit(self, until: datetime | None) -> None:
        """All requests wait until then for Pigment's limit, or (None) no longer wait; may be called by any thread."""
        self._downloads.report_limit(until)

    def fail(self, name: StreamName, error: Exception, subject: str) -> Iterator[AirbyteMessage]:
        """End a stream that was not read to its end."""
        failure = traced(error, subject=subject, stream=name.name, namespace=name.namespace)
        self._failures[name] = failure
        yield failure.as_sanitized_airbyte_message()
        yield self._status_message(name, AirbyteStreamStatus.INCOMPLETE)

    def raise_failures(self) -> None:
        """Raise at the end if a stream failed, after the others were read."""
        if self._failures:
            raise _summary(self._failures, self._complete)

    def _send_slice(
        self, stream: SyncStream, slice_index: int, fetched: FetchedSlice
    ) -> Iterator[AirbyteMessage | RecordBlock]:
        """The records of a slice, then the state that names it; nothing after a slice that broke while it was sent.

        A destination counts everything before a state as stored, also the part of a slice that the state does not name:
        the next attempt would send that part again.
        """
        if stream.name in self._broken:
            fetched.close()
            return
        progress = self._progress[stream.name]
        estimate: AirbyteMessage | None = progress.count_download(fetched.rows, fetched.content_bytes)
        try:
            for block in stream.records(fetched):
                if self._status.get(stream.name) is not AirbyteStreamStatus.RUNNING:
                    yield self._status_message(stream.name, AirbyteStreamStatus.RUNNING)
                if estimate is not None:
                    yield estimate
                    estimate = None
                if isinstance(block, Checkpoint):
                    yield self._states.message(stream, block)
                else:
                    progress.count_sent(block)
                    yield block
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the stream, and is explained there
            self._errors.setdefault(stream.name, error)
            self._broken.add(stream.name)
            self._downloads.skip_rest(stream)
            return
        self._states.mark_sent(stream, slice_index)
        yield self._states.message(stream)

    def _end(self, stream: SyncStream) -> Iterator[AirbyteMessage]:
        """The last message of a stream, which says whether it is complete."""
        error = self._errors.get(stream.name)
        self._progress[stream.name].log_end(is_complete=error is None)
        if error is not None:
            yield from self.fail(stream.name, error, stream.subject)
            return
        self._complete.add(stream.name)
        yield self._status_message(stream.name, AirbyteStreamStatus.COMPLETE)

    def _log_progress(self, running: int) -> None:
        logger.info(
            "Downloading %s: %s received of all streams in %.0f s, %d of %s read.",
            counted(running, "export"),
            byte_size(self._bytes_received()),
            time.monotonic() - self._began,
            len(self._complete),
            counted(len(self._missing), "stream"),
        )

    def _limit_messages(self, until: datetime | None) -> Iterator[AirbyteMessage]:
        """The status of the streams that are being read, while they wait for a limit and once that is over."""
        if until is None:
            names, reasons = self._limited & self._status.keys(), None
        else:
            reset = AirbyteStreamStatusRateLimitedReason(quota_reset=int(until.timestamp() * 1000))
            reason = AirbyteStreamStatusReason(type=AirbyteStreamStatusReasonType.RATE_LIMITED, rate_limited=reset)
            names, reasons = set(self._status), [reason]
        self._limited = set() if until is None else names
        for name in sorted(names, key=str):
            yield self._status_message(name, AirbyteStreamStatus.RUNNING, reasons)

    def _status_message(
        self, name: StreamName, status: AirbyteStreamStatus, reasons: list[AirbyteStreamStatusReason] | None = None
    ) -> AirbyteMessage:
        if status in {AirbyteStreamStatus.COMPLETE, AirbyteStreamStatus.INCOMPLETE}:
            self._status.pop(name, None)
        else:
            self._status[name] = status
        return as_airbyte_message(_descriptor(name), status, reasons)


def _descriptor(name: StreamName) -> StreamDescriptor:
    return StreamDescriptor(name=name.name, namespace=name.namespace)


def _summary(
    failures: dict[StreamName, AirbyteTracedException], complete: Collection[StreamName]
) -> AirbyteTracedException:
    kinds = {each.failure_type for each in failures.values()}
    worst = next(
        (kind for kind in (FailureType.system_error, FailureType.config_error) if kind in kinds),
        FailureType.transient_error,
    )
    names = ", ".join(_shortened(failures, complete))
    first = next(iter(failures.values())).message
    return AirbyteTracedException(
        message=f"These streams were not read to their end: {names}: "
        + (str(first) if len(failures) == 1 else "the message of each stream says what to do."),
        internal_message=f"{counted(len(failures), 'stream')} failed",
        failure_type=worst,
    )


def _shortened(failed: Collection[StreamName], complete: Collection[StreamName]) -> list[str]:
    """The streams that failed; those of an application of which nothing was read are named as one."""
    counts = Counter(each.namespace for each in failed if each.namespace)
    lost = {space for space, count in counts.items() if count > 1} - {each.namespace for each in complete}
    words = (f'every stream of "{each.namespace}"' if each.namespace in lost else f'"{each}"' for each in failed)
    return list(dict.fromkeys(words))

"""One run of `read`: what the streams say in turn, and what became of them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
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
from pigment_client.wording import counted
from source_pigment.discovery.names import StreamName
from source_pigment.reading.records import RecordBlock
from source_pigment.reading.scheduler import AnyStream, Checkpoint, Downloaded, Ended, Failed, Limited, Reading, Started
from source_pigment.reading.state import finished_slices

logger = logging.getLogger("airbyte.pigment.source")


class StreamStates:
    """Which slices of each stream are finished, by the states that came and what was sent since."""

    def __init__(self, states: Sequence[AirbyteStateMessage], sync: str | None) -> None:
        self._sync = sync
        self._given = {
            _name(each.stream.stream_descriptor): dict((each.stream.stream_state or AirbyteStateBlob()).__dict__)
            for each in states
            if each.stream is not None
        }
        self._finished: dict[StreamName, set[int]] = {}

    def given(self, name: StreamName) -> Mapping[str, Any] | None:
        """The state that came for a stream."""
        return self._given.get(name)

    def missing(self, stream: AnyStream) -> Collection[int]:
        """The slices that are still to be read."""
        finished = finished_slices(self._given.get(stream.name), stream.slices, self._sync)
        self._finished[stream.name] = set(finished)
        return set(range(len(stream.slices))) - finished

    def finish(self, stream: AnyStream, position: int) -> None:
        """A slice was sent whole."""
        self._finished[stream.name].add(position)

    def message(self, stream: AnyStream, state_so_far: Mapping[str, Any] | None = None) -> AirbyteMessage:
        """The state of the stream as it is now, or as a checkpoint says."""
        blob = AirbyteStateBlob(state_so_far or stream.state(self._finished[stream.name], self._sync))
        state = AirbyteStreamState(stream_descriptor=_descriptor(stream.name), stream_state=blob)
        return AirbyteMessage(type=Type.STATE, state=AirbyteStateMessage(type=AirbyteStateType.STREAM, stream=state))


class Sync:
    """The messages of all streams; one thread reads them."""

    def __init__(self, states: StreamStates) -> None:
        self._states = states
        # All mutable state: what went wrong, what was read to its end, the first error of a stream that is still under
        # way, the last status of each stream that has not ended, and which of these wait for Pigment's limit.
        self._failures: dict[StreamName, AirbyteTracedException] = {}
        self._complete: set[StreamName] = set()
        self._errors: dict[StreamName, Exception] = {}
        self._status: dict[StreamName, AirbyteStreamStatus] = {}
        self._limited: set[StreamName] = set()
        self._reading: Reading | None = None

    def messages(self, streams: Sequence[AnyStream], *, num_workers: int) -> Iterator[AirbyteMessage | RecordBlock]:
        """All messages of the streams; a stream that fails does not hold up the others."""
        missing = [(stream, self._states.missing(stream)) for stream in streams]
        for stream, positions in missing:
            if not positions:
                logger.info('The stream "%s" was read by an earlier attempt, and is not read again.', stream.name)
                yield self._say(stream.name, AirbyteStreamStatus.STARTED)
                yield self._states.message(stream)
                yield from self._end(stream)
        self._reading = Reading(missing, num_workers=num_workers)
        for report in self._reading:
            match report:
                case Started(stream=stream):
                    stream.progress.start()
                    yield self._say(stream.name, AirbyteStreamStatus.STARTED)
                case Limited(until=until):
                    yield from self._say_limited(until)
                case Downloaded():
                    yield from self._send(report)
                case Failed(stream=stream, error=error):
                    self._errors.setdefault(stream.name, error)
                case Ended(stream=stream):
                    yield from self._end(stream)
        rows = sum(stream.progress.rows_sent for stream in streams)
        logger.info("%s sent in %s.", counted(rows, "row was", "rows were"), counted(len(streams), "stream"))

    def rate_limited(self, until: datetime | None) -> None:
        """All requests wait until then for Pigment's limit, or (None) no longer; may be called by any thread."""
        if self._reading is not None:
            self._reading.report_limit(until)

    def fail(self, name: StreamName, error: Exception, subject: str) -> Iterator[AirbyteMessage]:
        """A stream ends without having been read to its end."""
        failure = traced(error, subject=subject, stream=name.name, namespace=name.namespace)
        self._failures[name] = failure
        yield failure.as_sanitized_airbyte_message()
        yield self._say(name, AirbyteStreamStatus.INCOMPLETE)

    def raise_failures(self) -> None:
        """Raise at the end if a stream failed, after the others went on."""
        if self._failures:
            raise _summary(self._failures, self._complete)

    def _send(self, finished: Downloaded) -> Iterator[AirbyteMessage | RecordBlock]:
        """The records of a slice, then the state that names it."""
        stream, download = finished.stream, finished.download
        logger.info("The %s has come whole: %s.", stream.subject, download)
        estimate = stream.progress.add_download(download.rows, download.content_bytes)
        try:
            for position, block in enumerate(stream.records(download)):
                if self._status.get(stream.name) is not AirbyteStreamStatus.RUNNING:
                    yield self._say(stream.name, AirbyteStreamStatus.RUNNING)
                if not position:
                    yield estimate
                yield self._states.message(stream, block.state) if isinstance(block, Checkpoint) else block
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the stream, and is explained there
            self._errors.setdefault(stream.name, error)
            if self._reading is not None:
                self._reading.give_up(stream)
            return
        self._states.finish(stream, finished.position)
        if len(stream.slices) > 1:
            yield self._states.message(stream)

    def _end(self, stream: AnyStream) -> Iterator[AirbyteMessage]:
        stream.progress.summarize()
        error = self._errors.get(stream.name)
        if error is not None:
            yield from self.fail(stream.name, error, stream.subject)
            return
        if len(stream.slices) < 2:
            yield self._states.message(stream)
        self._complete.add(stream.name)
        yield self._say(stream.name, AirbyteStreamStatus.COMPLETE)

    def _say_limited(self, until: datetime | None) -> Iterator[AirbyteMessage]:
        """What the streams under way say while a limit is waited for, and once it is over."""
        if until is None:
            names, reasons = self._limited & self._status.keys(), None
        else:
            names, reasons = set(self._status), [_rate_limited(until)]
        self._limited = set() if until is None else names
        for name in sorted(names, key=str):
            yield self._say(name, AirbyteStreamStatus.RUNNING, reasons)

    def _say(
        self, name: StreamName, status: AirbyteStreamStatus, reasons: list[AirbyteStreamStatusReason] | None = None
    ) -> AirbyteMessage:
        if status in {AirbyteStreamStatus.COMPLETE, AirbyteStreamStatus.INCOMPLETE}:
            self._status.pop(name, None)
        else:
            self._status[name] = status
        return as_airbyte_message(_descriptor(name), status, reasons)


def _name(descriptor: StreamDescriptor) -> StreamName:
    return StreamName(descriptor.name, descriptor.namespace or None)


def _descriptor(name: StreamName) -> StreamDescriptor:
    return StreamDescriptor(name=name.name, namespace=name.namespace)


def _rate_limited(until: datetime) -> AirbyteStreamStatusReason:
    reset = AirbyteStreamStatusRateLimitedReason(quota_reset=int(until.timestamp() * 1000))
    return AirbyteStreamStatusReason(type=AirbyteStreamStatusReasonType.RATE_LIMITED, rate_limited=reset)


def _summary(
    failures: dict[StreamName, AirbyteTracedException], complete: Collection[StreamName]
) -> AirbyteTracedException:
    kinds = {each.failure_type for each in failures.values()}
    worst = next(
        (kind for kind in (FailureType.system_error, FailureType.config_error) if kind in kinds),
        FailureType.transient_error,
    )
    names = ", ".join(_in_few_words(failures, complete))
    first = next(iter(failures.values())).message
    return AirbyteTracedException(
        message=f"These streams were not read to their end: {names}: "
        + (str(first) if len(failures) == 1 else "the message of each stream says what to do."),
        internal_message=f"{counted(len(failures), 'stream')} failed",
        failure_type=worst,
    )


def _in_few_words(failed: Collection[StreamName], complete: Collection[StreamName]) -> list[str]:
    """The streams that failed; an application of which nothing was read stands for all of its own."""
    counts = Counter(each.namespace for each in failed if each.namespace)
    lost = {space for space, count in counts.items() if count > 1} - {each.namespace for each in complete}
    words = (f'every stream of "{each.namespace}"' if each.namespace in lost else f'"{each}"' for each in failed)
    return list(dict.fromkeys(words))

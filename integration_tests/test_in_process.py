"""Both connectors as objects of the CDK, called in process."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Event, Timer
from typing import Any

import pytest
from airbyte_cdk.models import (
    AirbyteMessage,
    AirbyteMessageSerializer,
    ConfiguredAirbyteCatalogSerializer,
    FailureType,
    Status,
    Type,
)
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from airbyte_platform.process import configured
from connectors import destination_config, source_config
from destination_pigment.destination import DestinationPigment
from local_pigment.faults import HoldImport, Late
from local_pigment.sample import CONSOLIDATION, HEADCOUNT_TO_PLAN, add_copies, planning_model
from local_pigment.server import LocalPigment
from source_pigment.source import SourcePigment
from writing import LEDGER, catalog, entry, record, state, status, stream

LOGGER = logging.getLogger("airbyte")


@pytest.fixture
def pigment() -> Iterator[LocalPigment]:
    with LocalPigment(planning_model(ledger_rows=20)) as started:
        yield started


def test_the_source_gives_messages(pigment: LocalPigment) -> None:
    source, config = SourcePigment(), source_config(pigment)
    assert source.check(LOGGER, config).status is Status.SUCCEEDED
    streams = [each for each in source.discover(LOGGER, config).streams if each.name == LEDGER]
    chosen = ConfiguredAirbyteCatalogSerializer.load(
        configured(
            {
                "streams": [
                    {"name": LEDGER, "json_schema": streams[0].json_schema, "supported_sync_modes": ["full_refresh"]}
                ]
            },
            destination_sync_mode="append",
        )
    )
    messages = list(source.read(LOGGER, config, chosen))

    assert sum(message.type is Type.RECORD for message in messages) == 20
    assert [message.type for message in messages].count(Type.STATE) == 1


def written(
    pigment: LocalPigment, messages: Iterable[dict[str, Any]], *streams: dict[str, Any], **config: Any
) -> Iterator[AirbyteMessage]:
    """What comes back of these messages, one after the other."""
    chosen = ConfiguredAirbyteCatalogSerializer.load(catalog(*streams))
    return iter(DestinationPigment().write({**destination_config(pigment), **config}, chosen, map(as_object, messages)))


def as_object(message: dict[str, Any]) -> AirbyteMessage:
    if message["type"] == "STATE":
        message = {**message, "state": {"type": "STREAM", **message["state"]}}
    return AirbyteMessageSerializer.load(message)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_json_does_not_have_is_rejected_and_no_blank(pigment: LocalPigment, number: float) -> None:
    odd = {**entry(2), "Amount": number}
    messages = [record(entry(1)), record(odd), state(1)]
    (back,) = written(pigment, messages)

    assert back.state is not None
    assert back.state.destinationStats is not None
    assert back.state.destinationStats.recordCount == 1
    assert len(pigment.workspace.rows(LEDGER, CONSOLIDATION)) == 1


def test_an_integer_of_any_length_is_stored(pigment: LocalPigment) -> None:
    list(written(pigment, [record({**entry(1), "Amount": 2**70}), state(1)]))

    assert str(2**70) in str(pigment.workspace.rows(LEDGER, CONSOLIDATION))


def test_the_destination_takes_messages_and_gives_states(pigment: LocalPigment) -> None:
    back = list(written(pigment, [record(entry(1)), record(entry(2)), state(1)]))

    assert [message.type for message in back] == [Type.STATE]
    assert len(pigment.workspace.rows(LEDGER, CONSOLIDATION)) == 2


def test_states_that_may_leave_at_once_come_one_by_one(pigment: LocalPigment) -> None:
    back = list(written(pigment, [record(entry(1)), state(1), state(2), state(3)]))
    assert [message.type for message in back] == [Type.STATE] * 3


NOT_ENDED = "has not ended within"


@pytest.mark.long
def test_a_state_does_not_wait_for_a_later_import(pigment: LocalPigment, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    pigment.faults.queue("push_csv", HoldImport(), after=2)
    messages = [each for number in (1, 2, 3) for each in (record(entry(number)), state(number))]
    back = written(pigment, messages, max_file_rows=1, import_timeout_minutes=0.05)

    assert [next(back).type, next(back).type] == [Type.STATE] * 2
    assert "1 state is not sent" not in caplog.text
    with pytest.raises(AirbyteTracedException, match=NOT_ENDED):
        next(back)


def test_a_state_does_not_wait_for_the_import_of_another_stream(pigment: LocalPigment) -> None:
    """The queue of one stream is full, so no message is taken; what is stored of the other is reported anyway."""
    released = Event()
    pigment.faults.queue("push_csv", Late(until=released))

    def messages() -> Iterator[dict[str, Any]]:
        yield from (record(entry(1)), state(1))
        while not any(each.operation == "push_csv" for each in pigment.requests):
            time.sleep(0.01)
        for number in (1, 2):
            yield from (record({"Account": str(number)}, "Accounts"), state(number, "Accounts"))
        yield from (each for number in (2, 3, 4) for each in (record(entry(number)), state(number)))

    timer = Timer(30.0, released.set)
    timer.start()
    back = written(pigment, messages(), stream(), stream("Accounts", ("Account",)), max_file_rows=1)
    first = next(back)
    assert not released.is_set()
    assert first.state is not None
    assert first.state.stream is not None
    assert first.state.stream.stream_descriptor.name == "Accounts"
    released.set()
    timer.cancel()
    assert len(list(back)) == 5


def test_a_caller_that_stops_is_not_asked_for_another_message(pigment: LocalPigment) -> None:
    taken: list[int] = []

    def messages() -> Iterator[dict[str, Any]]:
        for number in range(1, 100):
            taken.append(number)
            yield from (record(entry(number)), state(number))
            time.sleep(0.05)

    back = written(pigment, messages(), max_file_rows=1)
    next(back)
    before = len(taken)
    back.close()  # type: ignore[attr-defined] # it is a generator
    assert len(taken) == before


def test_a_state_does_not_wait_for_what_follows_the_sync(
    pigment: LocalPigment, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    copy = add_copies(pigment.workspace).configuration(HEADCOUNT_TO_PLAN).id
    pigment.faults.queue("trigger_import", HoldImport())
    messages = [record(entry(1)), state(1), status("COMPLETE")]
    back = written(pigment, messages, then_run=[copy], import_timeout_minutes=0.02)

    assert next(back).type is Type.STATE
    assert "Then run, 1 of 1" not in caplog.text
    with pytest.raises(AirbyteTracedException, match=NOT_ENDED):
        next(back)


def test_a_caller_whose_messages_break_off_gets_the_states_of_what_is_stored(pigment: LocalPigment) -> None:
    def breaking() -> Iterator[dict[str, Any]]:
        yield from (record(entry(1)), state(1))
        yield record(entry(2))
        while not pigment.workspace.imports:  # the first file is on its way; one that waits would not be sent
            time.sleep(0.01)
        raise ValueError("the caller's own")

    back = written(pigment, breaking(), max_file_rows=1)
    assert next(back).type is Type.STATE
    with pytest.raises(AirbyteTracedException) as raised:
        next(back)
    assert raised.value.failure_type is FailureType.system_error
    assert len(pigment.workspace.rows(LEDGER, CONSOLIDATION)) == 1


def test_a_caller_that_stops_leaves_nothing_on_disk(
    pigment: LocalPigment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    messages = [each for number in (1, 2, 3, 4) for each in (record(entry(number)), state(number))]
    back = written(pigment, messages, max_file_rows=1)
    next(back)
    assert list(tmp_path.iterdir())
    back.close()  # type: ignore[attr-defined] # it is a generator
    assert not list(tmp_path.iterdir())


@pytest.mark.long
def test_a_caller_that_stops_between_the_files_of_a_state_can_read_what_is_stored(
    pigment: LocalPigment, caplog: pytest.LogCaptureFixture
) -> None:
    messages = [record(entry(1)), state(1), record(entry(2)), state(2), record(entry(3)), record(entry(4)), state(3)]
    pigment.faults.queue("push_csv", Late(0.5), times=10)
    back = written(pigment, messages, max_file_rows=1)
    next(back)
    next(back)
    while len(pigment.workspace.imports) < 3:
        time.sleep(0.01)
    back.close()  # type: ignore[attr-defined] # it is a generator
    pigment.faults.forget()
    assert '1 row of the stream "General Ledger" is stored and not yet covered by a state' in caplog.text


def test_a_sync_without_any_stream_is_followed_by_nothing(
    pigment: LocalPigment, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    workspace = add_copies(pigment.workspace)
    copy = workspace.configuration(HEADCOUNT_TO_PLAN).id
    chosen = ConfiguredAirbyteCatalogSerializer.load({"streams": []})
    assert not list(DestinationPigment().write({**destination_config(pigment), "then_run": [copy]}, chosen, []))
    assert not workspace.started(HEADCOUNT_TO_PLAN)
    assert "was not started, because the sync has no stream" in caplog.text


def test_a_destination_without_target_raises_what_the_platform_understands(pigment: LocalPigment) -> None:
    chosen = ConfiguredAirbyteCatalogSerializer.load(catalog())
    config = {**destination_config(pigment), "application_id": None}
    with pytest.raises(AirbyteTracedException) as raised:
        list(DestinationPigment().write(config, chosen, []))

    assert raised.value.failure_type is FailureType.config_error

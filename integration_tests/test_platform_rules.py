"""The platform harness complains: each rule has a message that breaks it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airbyte_platform.process import parse
from airbyte_platform.rules import DestinationRules, RuleBroken, SourceRules

SCHEMA = {"type": "object", "properties": {"a": {"type": ["null", "number"]}}}
CATALOG = {"streams": [{"stream": {"name": "S", "json_schema": SCHEMA}}]}


def status(word: str) -> dict[str, Any]:
    descriptor = {"name": "S"}
    trace = {"type": "STREAM_STATUS", "stream_status": {"stream_descriptor": descriptor, "status": word}}
    return {"type": "TRACE", "trace": trace}


def record(data: dict[str, Any], stream: str = "S") -> dict[str, Any]:
    return {"type": "RECORD", "record": {"stream": stream, "data": data, "emitted_at": 1}}


def state(count: float) -> dict[str, Any]:
    inner = {"type": "STREAM", "stream": {"stream_descriptor": {"name": "S"}}, "sourceStats": {"recordCount": count}}
    return {"type": "STATE", "state": inner}


STARTED, RUNNING, COMPLETE = status("STARTED"), status("RUNNING"), status("COMPLETE")
ESTIMATE = {"type": "TRACE", "trace": {"type": "ESTIMATE", "estimate": {"name": "S", "row_estimate": 2}}}
GOOD = [STARTED, RUNNING, record({"a": 1}), record({"a": None}), state(2.0), COMPLETE]


def in_another_namespace(message: dict[str, Any]) -> dict[str, Any]:
    """The message, as one of a stream that has the same name and a namespace."""
    moved = json.loads(json.dumps(message))
    match moved:
        case {"record": stream} | {"state": {"stream": {"stream_descriptor": stream}}}:
            stream["namespace"] = "N"
        case {"trace": {"stream_status": {"stream_descriptor": stream}} | {"estimate": stream}}:
            stream["namespace"] = "N"
    return dict(moved)


def run(messages: list[dict[str, Any]], exit_code: int = 0) -> None:
    rules = SourceRules(CATALOG)
    for message in messages:
        rules.see(message)
    rules.end(exit_code)


def test_a_good_source_passes() -> None:
    run(GOOD)
    run([*GOOD[:2], ESTIMATE, *GOOD[2:]])
    run([STARTED, state(0.0), COMPLETE])
    run([STARTED, RUNNING, record({"a": 1}), status("INCOMPLETE")], exit_code=1)


@pytest.mark.parametrize(
    ("messages", "exit_code"),
    [
        (GOOD[1:], 0),
        ([STARTED, record({"a": 1}), state(1.0), COMPLETE], 0),
        (GOOD[:-1], 0),
        ([STARTED, RUNNING, record({"a": 1}), COMPLETE], 0),
        ([STARTED, RUNNING, record({"a": 1}), state(2.0), COMPLETE], 0),
        ([STARTED, RUNNING, record({"a": "text"}), state(1.0), COMPLETE], 0),
        ([STARTED, RUNNING, record({"b": 1}), state(1.0), COMPLETE], 0),
        ([STARTED, RUNNING, record({"a": 1}, "T"), state(1.0), COMPLETE], 0),
        ([*GOOD, record({"a": 1})], 0),
        ([*GOOD, COMPLETE], 0),
        ([{"type": "SURPRISE"}], 0),
        ([STARTED, RUNNING], 1),
        *(([*GOOD[:at], in_another_namespace(GOOD[at]), *GOOD[at + 1 :]], 0) for at in range(len(GOOD))),
        ([*GOOD[:2], in_another_namespace(ESTIMATE), *GOOD[2:]], 0),
    ],
)
def test_a_source_that_breaks_a_rule_is_caught(messages: list[dict[str, Any]], exit_code: int) -> None:
    with pytest.raises(RuleBroken):
        run(messages, exit_code)


def test_a_line_that_is_too_long_is_caught() -> None:
    with pytest.raises(RuleBroken):
        SourceRules(CATALOG).see(STARTED, 20_000_000)


@pytest.mark.parametrize("line", [b"hello", b"[]", b'{"a": 1}'])
def test_a_line_that_is_no_message_is_caught(line: bytes) -> None:
    with pytest.raises((TypeError, ValueError)):
        parse(line)


def back(passed: dict[str, Any], stored: Any = 1.0, rejected: Any = 1.0, **changes: Any) -> dict[str, Any]:
    stats = {"recordCount": stored, "rejectedRecordCount": rejected}
    return {"type": "STATE", "state": {**passed, "destinationStats": stats, **changes}}


def test_a_good_destination_passes() -> None:
    rules = DestinationRules()
    first, second = rules.send(state(2.0)["state"]), rules.send(state(2.0)["state"])
    rules.see(back(first))
    rules.see(back(second, 2.0, 0.0))
    rules.end(0)

    assert (rules.stored["S"], rules.rejected["S"]) == (3, 1)


def test_a_destination_that_breaks_a_rule_is_caught() -> None:
    def broken(**changes: Any) -> None:
        rules = DestinationRules()
        passed = rules.send(state(2.0)["state"])
        with pytest.raises(RuleBroken):
            rules.see(back(passed, **changes))

    broken(id=None)
    broken(id=77)
    broken(stored=2)
    broken(stored=5.0)
    broken(surprise=1)
    broken(type="GLOBAL")
    broken(destinationStats={})


def test_states_out_of_order_missing_or_twice_are_caught() -> None:
    rules = DestinationRules()
    first, second = rules.send(state(2.0)["state"]), rules.send(state(2.0)["state"])
    with pytest.raises(RuleBroken, match="order"):
        rules.see(back(second))
    rules.see(back(first))
    with pytest.raises(RuleBroken):
        rules.see(back(first))
    with pytest.raises(RuleBroken):
        rules.end(0)
    with pytest.raises(RuleBroken):
        rules.see(record({}))

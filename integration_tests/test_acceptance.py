"""Our acceptance run: the checks that the root `acceptance-test-config.yml` names, and Airbyte's standard suite."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from airbyte_platform.fork_server import ForkServer
from airbyte_platform.process import Message, Run, as_lines
from airbyte_platform.rules import DestinationRules, SourceRules
from airbyte_platform.spec_rules import RULES
from connectors import Runner, destination_config, running, sliced_by_department, source_config
from local_pigment.sample import CONSOLIDATION, planning_model
from local_pigment.server import LocalPigment
from writing import LEDGER, catalog, entry, record, state, status

ROOT = Path(__file__).resolve().parent.parent
ASKED: dict[str, Any] = yaml.safe_load((ROOT / "acceptance-test-config.yml").read_text(encoding="utf-8"))
SOURCE, DESTINATION = ASKED["source-pigment"], ASKED["destination-pigment"]


@pytest.mark.parametrize("connector", sorted(ASKED))
@pytest.mark.parametrize("rule", sorted(RULES))
def test_the_specification_keeps_the_rules(connector: str, rule: str) -> None:
    """On the file with which `test_start_up.py` compares what `spec` prints."""
    assert rule in ASKED[connector]["spec"]
    printed = ROOT / "integration_tests/specs" / f"{connector.removesuffix('-pigment')}.json"
    assert "\n".join(RULES[rule](json.loads(printed.read_bytes())["spec"])) == ""


# the source ----------------------------------------------------------------------------------------------------


class Reads:
    """What was read with one of the configurations."""

    def __init__(self, source: Runner, asked: dict[str, Any]) -> None:
        self._source = source
        self._config = dict(asked["config"])
        if "slices" in asked:
            self._config |= sliced_by_department(source.pigment, asked["slices"])
        self.catalog = source.catalog(*asked.get("streams", ()), **self._config)
        self.first = self.again()

    def again(self, state: list[Message] | None = None, *, job: str = "1") -> Run:
        """Read as a job of the platform does, which names itself in the environment."""
        self._source.environment["WORKER_JOB_ID"] = job
        return self._source.run("read", catalog=self.catalog, state=state, **self._config)

    def is_sliced(self, name: str) -> bool:
        return any(
            each["stream"]["name"] == name and each["stream"]["is_resumable"] for each in self.catalog["streams"]
        )

    def names(self) -> list[str]:
        return [each["stream"]["name"] for each in self.catalog["streams"]]


def data_of(run: Run, stream: str) -> list[Any]:
    return [each["data"] for each in run.records if each["stream"] == stream]


@pytest.fixture(params=SOURCE["reads"], ids=[each["name"] for each in SOURCE["reads"]])
def reads(request: pytest.FixtureRequest, source_fork_server: ForkServer) -> Iterator[Reads]:
    with (
        LocalPigment(planning_model(ledger_rows=100)) as pigment,
        running(source_fork_server, pigment, source_config(pigment)) as source,
    ):
        yield Reads(source, request.param)


def in_any_order(data: list[Any]) -> list[str]:
    """The slices of a stream leave in the order in which they are finished."""
    return sorted(json.dumps(each, sort_keys=True) for each in data)


def two_reads_are_alike(reads: Reads) -> None:
    again = reads.again()
    for name in reads.names():
        first, second = data_of(reads.first, name), data_of(again, name)
        assert second
        assert second == first or (reads.is_sliced(name) and in_any_order(second) == in_any_order(first))


def records_match_their_schema_exactly(reads: Reads) -> None:
    seen = _held_to_the_rules(reads.first, reads.catalog)
    assert sum(stream.records for stream in seen.streams.values()) == len(reads.first.records) > 0


def statuses_and_states_follow_the_rules(reads: Reads) -> None:
    seen = _held_to_the_rules(reads.first, reads.catalog)
    for name in reads.names():
        assert seen.streams[None, name].statuses == ["STARTED", "RUNNING", "COMPLETE"]
        assert seen.streams[None, name].states >= 1


def _held_to_the_rules(run: Run, configured: dict[str, Any]) -> SourceRules:
    rules = SourceRules(configured)
    for message in run.messages:
        rules.see(message)
    rules.end(run.exit_code)
    return rules


def every_state_resumes(reads: Reads) -> None:
    """Within a job, what left before a state and what is read after it are the stream; a plain one comes again."""
    messages = reads.first.messages
    for position, message in enumerate(messages):
        if message["type"] != "STATE":
            continue
        name = message["state"]["stream"]["stream_descriptor"]["name"]
        before = [
            each["record"]["data"]
            for each in messages[:position]
            if each["type"] == "RECORD" and each["record"]["stream"] == name
        ]
        resumed = data_of(reads.again([message["state"]]), name)
        kept = before if reads.is_sliced(name) else []
        assert in_any_order(kept + resumed) == in_any_order(data_of(reads.first, name))


def a_final_state_hides_nothing_from_the_next_job(reads: Reads) -> None:
    last = {each["stream"]["stream_descriptor"]["name"]: each for each in reads.first.states}
    resumed = reads.again(list(last.values()), job="2")
    assert resumed.exit_code == 0
    for name in reads.names():
        assert in_any_order(data_of(resumed, name)) == in_any_order(data_of(reads.first, name))


def primary_keys_are_never_blank_and_never_repeat(reads: Reads) -> None:
    for configured in reads.catalog["streams"]:
        key = configured["stream"].get("source_defined_primary_key") or []
        found = [
            tuple(data[part] for path in key for part in path)
            for data in data_of(reads.first, configured["stream"]["name"])
        ]
        assert not key or (None not in {part for parts in found for part in parts} and len(set(found)) == len(found))


SOURCE_CHECKS = {
    check.__name__: check
    for check in (
        two_reads_are_alike,
        records_match_their_schema_exactly,
        statuses_and_states_follow_the_rules,
        every_state_resumes,
        a_final_state_hides_nothing_from_the_next_job,
        primary_keys_are_never_blank_and_never_repeat,
    )
}


@pytest.mark.parametrize("check", SOURCE["checks"])
def test_reading(check: str, reads: Reads) -> None:
    SOURCE_CHECKS[check](reads)


# the destination -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", DESTINATION["writes"], ids=[each["name"] for each in DESTINATION["writes"]])
def test_writing(asked: dict[str, Any], destination_fork_server: ForkServer) -> None:
    assert set(DESTINATION["checks"]) == {"states_come_back_whole_and_in_order", "every_row_arrives_once"}
    suffix = {"append": "", "overwrite": " (replace)", "append_dedup": " (by entry)"}[asked["mode"]]
    rules = DestinationRules()
    messages: list[Message] = []
    for number in range(1, 101):
        messages.append(record(entry(number)))
        if number % 20 == 0:
            content = {name: value for name, value in state(number, records=20)["state"].items() if name != "id"}
            messages.append({"type": "STATE", "state": rules.send(content)})
    with (
        LocalPigment(planning_model(ledger_rows=1)) as pigment,
        running(destination_fork_server, pigment, destination_config(pigment)) as destination,
    ):
        configuration = pigment.workspace.configuration(LEDGER + suffix)
        target = {
            "stream": LEDGER,
            "import_configuration_id": configuration.id,
            "clears_before_import": configuration.clear_before_import,
        }
        run = destination.run(
            "write",
            stdin=as_lines([*messages, status("COMPLETE")]),
            catalog=catalog(mode=asked["mode"]),
            targets=[target],
        )
        for message in run.messages:
            rules.see(message)
        rules.end(run.exit_code)
        stored = Counter(row[0] for row in pigment.workspace.rows(LEDGER, CONSOLIDATION))
    assert run.exit_code == 0
    assert stored == {entry(number)["Entry"]: 1 for number in range(1, 101)}


# Airbyte's suite -----------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize(("connector", "least"), [("source-pigment", 17), ("destination-pigment", 6)])
def test_airbyte_s_standard_suite_passes_with_its_advice_as_errors(connector: str, least: int) -> None:
    """As a contributor runs it, in the connector's folder; what needs a container engine is run with the images."""
    options = ("-m", "not image_tests", "-W", "error::airbyte_cdk.test.standard_tests.DiscoveredCatalogWarning")
    done = subprocess.run(
        [
            Path(sys.executable).parent / "airbyte-cdk",
            "connector",
            "test",
            *(f"--pytest-arg={each}" for each in options),
        ],
        cwd=ROOT / connector,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed
    assert int(passed[1]) >= least
    assert "failed" not in done.stdout.rsplit("=====", 2)[-2]

"""What a platform sends to a destination, how an attempt ends, and what Pigment and the bucket then contain."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from airbyte_platform.delivery import GRACEFUL_SHUTDOWN_TIMEOUT_SECONDS, Ending, SourceFailed, Succeeded
from airbyte_platform.job import Way, catalog_for, complete
from airbyte_platform.process import Message, Run, as_lines
from airbyte_platform.rules import DestinationRules
from connectors import Runner
from local_bucket.server import LocalBucket
from local_pigment.imports import ImportRun, UnknownItem
from local_pigment.sample import CONSOLIDATION, LEDGER
from local_pigment.workspace import new_id

COLUMNS = ("Entry", "Account", "Department", "Posted", "Amount", "Memo", "Reversed")
_TYPES = {"Amount": "number", "Reversed": "boolean"}


def stream(name: str = LEDGER, columns: tuple[str, ...] = COLUMNS, **more: Any) -> dict[str, Any]:
    """A stream of which the first column is the primary key."""
    properties = {each: {"type": ["null", _TYPES.get(each, "string")]} for each in columns}
    return {
        "name": name,
        "json_schema": {"type": "object", "properties": properties},
        "supported_sync_modes": ["full_refresh", "incremental"],
        "source_defined_primary_key": [[each] for each in columns[:1]],
        **more,
    }


def catalog(*streams: dict[str, Any], mode: str = "append", **more: Any) -> dict[str, Any]:
    """A configured catalog; `more` goes into every configured stream. What does not overwrite is incremental."""
    sync_mode = "full_refresh" if mode.startswith("overwrite") else "incremental"
    return {
        "streams": [
            {"stream": each, "sync_mode": sync_mode, "destination_sync_mode": mode, **more}
            for each in streams or (stream(),)
        ]
    }


def entry(number: int, **values: Any) -> dict[str, Any]:
    """A row of the ledger."""
    return {
        "Entry": f"GL-{number:07d}",
        "Account": "0012",
        "Department": "Sales; Americas",
        "Posted": "2026-04-30",
        "Amount": number,
        "Memo": f"memo {number}",
        "Reversed": number % 2 == 0,
        **values,
    }


def record(data: Any, name: str = LEDGER, **more: Any) -> Message:
    return {"type": "RECORD", "record": {"stream": name, "data": data, "emitted_at": 1, **more}}


def state(number: int, name: str = LEDGER, *, namespace: str | None = None, records: int | None = None) -> Message:
    """A state with an id, as the platform passes it on."""
    descriptor = {"name": name, **({"namespace": namespace} if namespace else {})}
    content: dict[str, Any] = {
        "type": "STREAM",
        "id": number,
        "stream": {"stream_descriptor": descriptor, "stream_state": {"place": number}},
    }
    if records is not None:
        content["sourceStats"] = {"recordCount": float(records)}
    return {"type": "STATE", "state": content}


def empty_state(number: int, name: str = LEDGER, *, without: Any = None) -> Message:
    """The state of a clear; or, `without` its null, that of a source whose query had no result."""
    cleared = state(number, name)
    cleared["state"]["stream"]["stream_state"] = without
    return cleared


def status(word: str, name: str = LEDGER) -> Message:
    content = {"type": "STREAM_STATUS", "stream_status": {"stream_descriptor": {"name": name}, "status": word}}
    return {"type": "TRACE", "trace": {**content, "emitted_at": 1}}


def write(destination: Runner, messages: list[Message], configured: Any = None, **config: Any) -> Run:
    """Run `write` and check it against the platform's rules."""
    rules = DestinationRules()
    sent = [
        {**each, "state": rules.send({k: v for k, v in each["state"].items() if k != "id"})}
        if each["type"] == "STATE"
        else each
        for each in messages
    ]
    run = destination.run("write", stdin=as_lines(sent), catalog=configured or catalog(), **config)
    for message in run.messages:
        rules.see(message)
    rules.end(run.exit_code if not config.get("dry_run") else 1)
    return run


def imports(destination: Runner) -> list[ImportRun]:
    return list(destination.pigment.workspace.imports.values())


def received(destination: Runner) -> list[bytes]:
    return [each.received for each in imports(destination)]


def rows(destination: Runner, block: str = LEDGER) -> list[list[str]]:
    return destination.pigment.workspace.rows(block, CONSOLIDATION)


def entries(destination: Runner) -> list[str]:
    return [row[0] for row in rows(destination)]


def ledger(destination: Runner, suffix: str = "") -> str:
    return destination.pigment.workspace.configuration(LEDGER + suffix).id


def pair(destination: Runner) -> list[dict[str, str]]:
    return [
        {
            "stream": LEDGER,
            "import_configuration_id": ledger(destination),
            "replace_import_configuration_id": ledger(destination, " (replace)"),
        }
    ]


def clearing(destination: Runner) -> list[dict[str, Any]]:
    """A target that is declared as clearing, and clears."""
    configuration_id = ledger(destination, " (replace)")
    return [{"stream": LEDGER, "import_configuration_id": configuration_id, "clears_before_import": True}]


def fill(destination: Runner, old: Iterable[str]) -> Runner:
    """Put rows of these names into the ledger before a sync."""
    block = destination.pigment.workspace.block(LEDGER, CONSOLIDATION)
    for name in old:
        block.add(name, *[""] * (len(block.properties) - 1))  # type: ignore[union-attr] # it is a list
    return destination


def many_streams(destination: Runner, count: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Streams, each with an import configuration of its own, and their targets."""
    workspace = destination.pigment.workspace
    streams = [stream(f"stream {number}", ("Entry",)) for number in range(count)]
    targets = []
    for each in streams:
        one = replace(workspace.configuration(LEDGER), id=new_id(each["name"]), name=each["name"])
        targets.append({"stream": each["name"], "import_configuration_id": workspace.configure(one).id})
    return streams, targets


def logged(run: Run, words: str) -> list[str]:
    return [each["message"] for each in run.of("LOG") if words in each["message"]]


def many(count: int, start: int = 1) -> list[Message]:
    return [record(entry(number)) for number in range(start, start + count)]


def names(count: int, start: int = 1) -> list[str]:
    return [entry(number)["Entry"] for number in range(start, start + count)]


def skip_unknown(destination: Runner) -> None:
    workspace = destination.pigment.workspace
    for name in ("Departments", "Accounts"):
        source, target = workspace.block(name, "Planning"), workspace.block(name, CONSOLIDATION)
        for item in source.items:  # type: ignore[union-attr] # it is a list
            target.add(*item.values)  # type: ignore[union-attr] # likewise
    for configuration in workspace.configurations.values():
        configuration.unknown_item = UnknownItem.SKIP_ROW


# Time passes this much faster for a destination that waits a minute and a half, and for its platform.
SPEED = 30.0
FAILED = SourceFailed(grace_seconds=GRACEFUL_SHUTDOWN_TIMEOUT_SECONDS / SPEED)


@dataclass
class Attempt:
    """What is sent for some streams, and in which way; `half` is the beginning of a line that breaks off."""

    streams: Sequence[dict[str, Any]]
    mode: str
    way: Way
    messages: Sequence[Message]
    half: bytes = b""
    generation: int = 1
    sync_mode: str = "full_refresh"
    rules: DestinationRules = field(default_factory=DestinationRules)

    def run(self, destination: Runner, ending: Ending, **config: Any) -> Run:
        """Send everything, end as the platform does, and check what came back against the platform's rules."""
        generations = dict.fromkeys(range(len(self.streams)), self.generation)
        delivery = destination.deliver(
            catalog_for(self.streams, self.mode, self.way, generations=generations, sync_mode=self.sync_mode),
            **config,
        )
        delivery.send(*(as_lines([self._passed(each)]) for each in self.messages))
        delivery.send(self.half)
        if isinstance(ending, Succeeded) and self.way.statuses:
            delivery.send_messages(*map(complete, self.streams))
        run = delivery.end(ending)
        for message in run.messages:
            self.rules.see(message)
        if isinstance(ending, Succeeded) and not config.get("dry_run"):
            self.rules.end(run.exit_code)
        return run

    def _passed(self, message: Message) -> Message:
        if message["type"] != "STATE":
            return message
        without = {name: value for name, value in message["state"].items() if name != "id"}
        return {**message, "state": self.rules.send(without)}


# The tests run without whatever AWS account the machine has.
NO_AWS_ACCOUNT = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


def write_to_bucket(
    runner: Runner, bucket: LocalBucket, messages: list[Any], configured: Any = None, **config: Any
) -> Run:
    """Run `write` with the bucket."""
    runner.environment |= NO_AWS_ACCOUNT
    config = {"object_storage_config": bucket.config(), **config}
    return write(runner, messages, configured, **config)


def deliver_to_bucket(runner: Runner, bucket: LocalBucket, *parts: list[Any]) -> Run:
    """Send the first part in files of three rows, and the second once the first file is pushed."""
    runner.environment |= NO_AWS_ACCOUNT
    delivery = runner.deliver(catalog(), max_file_rows=3, object_storage_config=bucket.config())
    delivery.send_messages(*parts[0])
    while not imports(runner):
        time.sleep(0.02)
    delivery.send_messages(*parts[1])
    return delivery.end(Succeeded())


def counts(run: Run) -> list[tuple[int, float, float]]:
    return [
        (each["id"], each["destinationStats"]["recordCount"], each["destinationStats"]["rejectedRecordCount"])
        for each in run.states
    ]


def unknown_items(destination: Runner, **more: Any) -> list[dict[str, Any]]:
    list_id = destination.pigment.workspace.block("Departments", "Planning").id
    return [{"stream": LEDGER, "column": "Department", "list_id": list_id, "on_unknown": "skip", **more}]

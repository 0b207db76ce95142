"""What a platform sends to a destination, made up for tests, and what became of it in the local Pigment."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from airbyte_platform.process import Message, Run, as_lines
from airbyte_platform.rules import DestinationRules
from connectors import Runner
from local_pigment.imports import ImportRun, UnknownItem
from local_pigment.sample import CONSOLIDATION

LEDGER = "General Ledger"
COLUMNS = ("Entry", "Account", "Department", "Posted", "Amount", "Memo", "Reversed")
_TYPES = {"Amount": "number", "Reversed": "boolean"}


def stream(name: str = LEDGER, columns: tuple[str, ...] = COLUMNS, **more: Any) -> dict[str, Any]:
    properties = {each: {"type": ["null", _TYPES.get(each, "string")]} for each in columns}
    return {
        "name": name,
        "json_schema": {"type": "object", "properties": properties},
        "supported_sync_modes": ["full_refresh"],
        **more,
    }


def catalog(*streams: dict[str, Any], mode: str = "append", **more: Any) -> dict[str, Any]:
    """A configured catalog; `more` goes into every configured stream."""
    chosen = streams or (stream(),)
    return {
        "streams": [
            {"stream": each, "sync_mode": "full_refresh", "destination_sync_mode": mode, **more} for each in chosen
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


def empty_state(number: int, name: str = LEDGER) -> Message:
    """The state of a clear."""
    cleared = state(number, name)
    cleared["state"]["stream"]["stream_state"] = None
    return cleared


def status(word: str, name: str = LEDGER) -> Message:
    content = {"type": "STREAM_STATUS", "stream_status": {"stream_descriptor": {"name": name}, "status": word}}
    return {"type": "TRACE", "trace": {**content, "emitted_at": 1}}


def write(destination: Runner, messages: list[Message], configured: Any = None, **config: Any) -> Run:
    """Run `write` and hold it to the platform's rules."""
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
    """A target that is said to clear, and does."""
    configuration_id = ledger(destination, " (replace)")
    return [{"stream": LEDGER, "import_configuration_id": configuration_id, "clears_before_import": True}]


def fill(destination: Runner, old: Iterable[str]) -> Runner:
    """Put rows of these names into the ledger before a sync."""
    block = destination.pigment.workspace.block(LEDGER, CONSOLIDATION)
    for name in old:
        block.add(name, *[""] * (len(block.properties) - 1))  # type: ignore[union-attr] # it is a list
    return destination


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

"""Lists and metrics made for one test, the import configurations into them, and what they contain afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from airbyte_platform.process import Message, Run
from connectors import Runner
from local_pigment.blocks import DEFAULT_SCENARIO, ListBlock, MetricBlock, Property, ValueType
from local_pigment.imports import FromOutside, ImportConfiguration, UnknownItem
from local_pigment.sample import CONSOLIDATION
from local_pigment.workspace import new_id
from writing import record, state, status

_PROPERTY_TYPES = {"Amount": ValueType.NUMBER, "Posted": ValueType.DATE}
_SCHEMAS: dict[str, dict[str, Any]] = {
    "Amount": {"type": ["null", "number"]},
    "Version": {"type": ["null", "number"]},
    "Posted": {"type": ["null", "string"], "format": "date"},
    "Booked": {"type": ["null", "string"], "format": "date-time"},
    "Updated": {"type": ["null", "string"], "format": "date-time"},
    "_ab_cdc_deleted_at": {"type": ["null", "string"], "format": "date-time"},
}

Rows = Iterable[Mapping[str, Any]]


def long(*values: Any) -> Any:
    """Parameters of a test that `make test` leaves out."""
    return pytest.param(*values, marks=pytest.mark.long)


def add_list(
    destination: Runner,
    name: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]] = (),
    *,
    dimensions: Mapping[str, ListBlock] | None = None,
    is_dimension: bool = False,
) -> ListBlock:
    """A list in Consolidation; `dimensions` are the lists that its columns refer to."""
    properties = [
        Property(each, ValueType.DIMENSION, dimensions[each].id)
        if dimensions and each in dimensions
        else Property(each, _PROPERTY_TYPES.get(each, ValueType.TEXT))
        for each in columns
    ]
    block = ListBlock(new_id("small", name), name, properties, is_dimension)
    for row in rows:
        block.add(*row)
    destination.pigment.workspace.application(CONSOLIDATION).put(block)
    return block


def add_metric(
    destination: Runner,
    name: str,
    dimensions: Sequence[ListBlock],
    cells: Mapping[tuple[str, ...], str] | None = None,
) -> MetricBlock:
    """A metric in Consolidation."""
    block = MetricBlock(new_id("small", name), name, [each.id for each in dimensions])
    block.of(DEFAULT_SCENARIO).update(cells or {})
    destination.pigment.workspace.application(CONSOLIDATION).put(block)
    return block


def configure(destination: Runner, block: ListBlock | MetricBlock, name: str, **more: Any) -> str:
    """An import configuration of the block, with every column mapped to what bears its name; its ID."""
    workspace = destination.pigment.workspace
    lists = workspace.application(CONSOLIDATION).lists()
    if isinstance(block, ListBlock):
        columns = [each.name for each in block.properties]
    else:
        columns = [*(lists[each].name for each in block.dimension_ids), block.name]
    settings = {"mapping": {each: each for each in columns}, "unknown_item": UnknownItem.SKIP_ROW, **more}
    application = workspace.application(CONSOLIDATION).id
    return workspace.configure(
        ImportConfiguration(new_id("small configuration", name), name, application, block.id, **settings)
    ).id


def follower(destination: Runner) -> str:
    """An import inside Pigment that can be started after a load."""
    block = add_list(destination, "Followers", ("Entry",))
    return configure(destination, block, "Followers", source=FromOutside(b"Entry\nstarted\n"))


def started(destination: Runner) -> bool:
    """Whether what follows a load was started."""
    return any(each.operation == "trigger_import" for each in destination.pigment.requests)


def goes_to(name: str, configuration_id: str, **more: Any) -> dict[str, Any]:
    """The target of a stream."""
    return {"stream": name, "import_configuration_id": configuration_id, **more}


def clears(name: str, configuration_id: str, **more: Any) -> dict[str, Any]:
    """The target of a stream that replaces all of its block."""
    return goes_to(name, configuration_id, clears_before_import=True, **more)


def table(name: str, *columns: str, **more: Any) -> dict[str, Any]:
    """A stream, with the types that the columns of these tests have."""
    properties = {each: _SCHEMAS.get(each, {"type": ["null", "string"]}) for each in columns}
    return {
        "name": name,
        "json_schema": {"type": "object", "properties": properties},
        "supported_sync_modes": ["full_refresh", "incremental"],
        **more,
    }


def configured(stream: dict[str, Any], mode: str, sync_mode: str = "full_refresh", **more: Any) -> dict[str, Any]:
    """A configured stream."""
    return {"stream": stream, "sync_mode": sync_mode, "destination_sync_mode": mode, **more}


def deduplicated(stream: dict[str, Any], *key: str, cursor: str | None = "Updated", **more: Any) -> dict[str, Any]:
    """A configured incremental stream in append_dedup."""
    given = {"primary_key": [[each] for each in key or ("Entry",)], **more}
    return configured(
        stream, "append_dedup", **{"sync_mode": "incremental", "cursor_field": [cursor] if cursor else [], **given}
    )


def a_catalog(*streams: dict[str, Any]) -> dict[str, Any]:
    return {"streams": list(streams)}


def records(name: str, rows: Rows) -> list[Message]:
    return [record(dict(each), name) for each in rows]


def whole(name: str, rows: Rows, number: int = 1) -> list[Message]:
    """Everything that a source which succeeds sends of a stream, to a platform that passes statuses on."""
    return [*records(name, rows), state(number, name), status("COMPLETE", name)]


def entries_of(**amounts: Any) -> list[dict[str, Any]]:
    """Rows of an entry and its amount."""
    return [{"Entry": name, "Amount": amount} for name, amount in amounts.items()]


def contents(block: ListBlock | MetricBlock) -> list[tuple[str, ...]]:
    """What the block contains, in an order of its own."""
    if isinstance(block, ListBlock):
        return sorted(tuple(item.values) for item in block.items)
    return sorted((*cell, value) for cell, value in block.of().items())


def pushed(destination: Runner, configuration_id: str | None = None) -> list[bytes]:
    """The files that arrived, or those for one import configuration."""
    return [
        each.received
        for each in destination.pigment.workspace.imports.values()
        if configuration_id in {None, each.configuration_id}
    ]


def let_pigment(destination: Runner, **variants: Any) -> None:
    """Let Pigment behave in another way than usual."""
    for name, value in variants.items():
        usual = getattr(destination.pigment.workspace.variants, name)
        setattr(destination.pigment.workspace.variants, name, value if usual is None else type(usual)(value))


def without_export_key(destination: Runner) -> None:
    """From now on the connector has no key that can read a block."""
    secret = destination.pigment.workspace.secret
    keys = {"import_api_key": secret("import"), "metadata_api_key": secret("metadata")}
    destination.config["credentials"] = {"auth_type": "separate_keys", **keys}


def let_owner(destination: Runner, **more: Any) -> None:
    """Change what the owner of the key may do and see."""
    workspace = destination.pigment.workspace
    workspace.keys = [replace(each, **more) if each.name == "all" else each for each in workspace.keys]


def show_only(block: ListBlock, share: float) -> None:
    """Let exports of the list contain only a share of its rows, as for an owner who may not see the others."""

    def rows() -> Iterator[bytes]:
        yield f"{block.properties[0].name}\r\n".encode()
        for item in block.items[: int(len(block.items) * share)]:
            yield f"{item.values[0]}\r\n".encode()

    block.stream = rows


def warnings(run: Run) -> list[str]:
    """What was warned of, except that the Pigment of these tests counts over HTTP/1.1."""
    found = [each["message"] for each in run.of("LOG") if each["level"] == "WARN"]
    return [each for each in found if "HTTP/1.1" not in each]


def failure(run: Run) -> tuple[str, str]:
    """The type and the message of the only error."""
    assert run.exit_code != 0
    (error,) = run.errors
    return error["failure_type"], error["message"]


def config_error(run: Run) -> str:
    """The message of the only error, which tells the user to change something."""
    kind, message = failure(run)
    assert kind == "config_error", message
    return message


def numbers(run: Run) -> list[tuple[float, float]]:
    """What the states that left count: stored and rejected."""
    return [
        (each["destinationStats"]["recordCount"], each["destinationStats"]["rejectedRecordCount"])
        for each in run.states
    ]


def with_state(run: Run) -> set[str]:
    """The streams of which a state left."""
    return {each["stream"]["stream_descriptor"]["name"] for each in run.states if "stream" in each}

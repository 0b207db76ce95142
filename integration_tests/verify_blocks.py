"""A local Pigment with the lists and the metric that a user creates for `make verify` (docs/verify.md)."""

from __future__ import annotations

from typing import Any

from local_pigment.blocks import ListBlock, MetricBlock, Property, ValueType
from local_pigment.imports import ImportConfiguration, UnknownItem
from local_pigment.sample import CONSOLIDATION
from local_pigment.workspace import ApiKey, Workspace, new_id

BY_KEY, BY_SCOPE, ALL_OF_SCOPE, INTO_METRIC, ALL_OF_METRIC = (
    f"Trial by {name}" for name in ("key", "scope", "nothing", "item", "metric")
)
TRIAL_LIST, TRIAL_SCOPE, TRIAL_METRIC, TRIAL_ITEMS = "Trial list", "Trial ledger", "Trial metric", "Trial items"
NO_DELETE = "import without Delete Item"


def add_blocks(workspace: Workspace) -> Workspace:
    """The workspace with both lists, the metric and their import configurations."""
    owner = workspace.application(CONSOLIDATION)
    items = ListBlock(new_id(TRIAL_ITEMS), TRIAL_ITEMS, [Property("Item")])
    for name in ("One", "Two"):
        items.add(name)
    metric = MetricBlock(new_id(TRIAL_METRIC), TRIAL_METRIC, [items.id])
    lists = [
        ListBlock(new_id(name), name, _properties(items), is_dimension=False) for name in (TRIAL_LIST, TRIAL_SCOPE)
    ]
    for block in (items, *lists, metric):
        owner.put(block)

    def configure(name: str, block: ListBlock | MetricBlock, mapping: dict[str, str], **more: Any) -> None:
        workspace.configure(ImportConfiguration(new_id(name), name, owner.id, block.id, mapping, **more))

    columns = {each.name: each.name for each in lists[0].properties}
    cells = {"First": TRIAL_ITEMS, "Amount": TRIAL_METRIC}
    blank = UnknownItem.USE_BLANK
    configure(BY_KEY, lists[0], columns, key="Key", clear_before_import=True, unknown_item=blank)
    configure(BY_SCOPE, lists[1], columns, clear_before_import=True, scope=("First", "Second"), unknown_item=blank)
    configure(ALL_OF_SCOPE, lists[1], columns, clear_before_import=True, unknown_item=blank)
    configure(INTO_METRIC, metric, cells)
    configure(ALL_OF_METRIC, metric, cells, clear_before_import=True)
    workspace.keys.append(ApiKey(NO_DELETE, "pgmt_no_delete", frozenset({"Import"}), may_delete_items=False))
    return workspace


def _properties(items: ListBlock) -> list[Property]:
    dimensions = [Property(name, ValueType.DIMENSION, items.id) for name in ("First", "Second")]
    values = [Property("Day", ValueType.DATE), Property("Amount", ValueType.NUMBER)]
    return [Property("Key"), Property("Label"), *dimensions, *values]


def blocks_config(workspace: Workspace) -> dict[str, Any]:
    """The sections of the configuration that name them."""

    def section(name: str, block: str, replacing: str | None = None) -> dict[str, Any]:
        more = {"replace_import_configuration_id": workspace.configuration(replacing).id} if replacing else {}
        return {
            "import_configuration_id": workspace.configuration(name).id,
            "block_id": workspace.block(block).id,
            **more,
        }

    return {
        "verify_list": {
            **section(BY_KEY, TRIAL_LIST),
            "import_api_key_without_delete": workspace.secret(NO_DELETE),
        },
        "verify_scope": section(BY_SCOPE, TRIAL_SCOPE, ALL_OF_SCOPE),
        "verify_metric": section(INTO_METRIC, TRIAL_METRIC, ALL_OF_METRIC),
    }

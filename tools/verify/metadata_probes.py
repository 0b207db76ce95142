"""What the listings of applications, blocks, views and import configurations are taken to be."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from verify.probe import NotAsked, Probe, Seen
from verify.workspace import LIST, METRIC, TABLE, TRANSACTIONS, Workspace

_BLOCK_TYPES = {LIST, TRANSACTIONS, METRIC, TABLE}
_BLOCK_FIELDS, _NAMED = {"id", "name", "type"}, {"id", "name"}


def _fields(path: str, expected: set[str]) -> Callable[[Workspace], Seen]:
    def look(workspace: Workspace) -> Seen:
        response = workspace.metadata(path)
        entries = workspace.listed(path)
        if response.status != 200 or not isinstance(response.json(), list):
            return Seen(f"status {response.status}, no list", same=False)
        if not entries:
            return Seen("an empty list", same=None)
        found = set().union(*entries)
        words = ", ".join(sorted({workspace.public_word(each) for each in found}))
        return Seen(words, same=found == expected)

    return look


def _no_redirect(workspace: Workspace) -> Seen:
    response = workspace.metadata("/api/v1/applications")
    if response.redirected:
        return Seen("redirected", same=False)
    return Seen(f"status {response.status}", same=response.status == 200)


def _block_types(workspace: Workspace) -> Seen:
    found = {str(each.get("type")) for each in workspace.blocks()}
    if not found:
        return Seen("no block", same=None)
    return Seen(", ".join(sorted(workspace.public_word(each) for each in found)), same=found <= _BLOCK_TYPES)


def _unknown_application(workspace: Workspace) -> Seen:
    response = workspace.metadata(f"/api/v1/blocks?applicationId={uuid.uuid4()}")
    is_empty = response.json() == []
    return Seen(f"status {response.status}" + (", an empty list" if is_empty else ""), same=is_empty)


def _views_of_a_block(workspace: Workspace) -> Seen:
    application = f"applicationId={workspace.application_id}&" if workspace.application_id else ""
    response = workspace.metadata(f"/api/v1/views?{application}blockId={uuid.uuid4()}")
    is_empty = response.json() == []
    return Seen(f"status {response.status}" + (", an empty list" if is_empty else ""), same=is_empty)


# Enough to see what is different, and few requests.
_APPLICATIONS_TO_ASK = 3


def _by_application(workspace: Workspace, path: str) -> list[set[str]]:
    """The ids that a listing gives for each of the first applications."""
    ids = [str(each.get("id")) for each in workspace.listed("/api/v1/applications")][:_APPLICATIONS_TO_ASK]
    return [{str(each.get("id")) for each in workspace.listed(f"{path}?applicationId={id_}")} for id_ in ids]


def _blocks_of_applications(workspace: Workspace) -> Seen:
    found = _by_application(workspace, "/api/v1/blocks")
    if sum(map(bool, found)) < 2:
        raise NotAsked("the key does not see two applications with blocks")
    in_several = sum(map(len, found)) - len(set().union(*found))
    return Seen("blocks in several applications" if in_several else "each block in one", same=not in_several)


def _views_of_applications(workspace: Workspace) -> Seen:
    found = _by_application(workspace, "/api/v1/views")
    if not any(found):
        return Seen("no views", same=False if workspace.listed("/api/v1/views") else None)
    in_several = sum(map(len, found)) - len(set().union(*found))
    return Seen("views in several applications" if in_several else "each view in one", same=not in_several)


def _table_configurations(workspace: Workspace) -> Seen:
    table = workspace.first(TABLE)
    response = workspace.metadata(f"/api/v1/importConfigurations?blockId={table.get('id')}")
    is_empty = response.json() == []
    return Seen(f"status {response.status}" + (", an empty list" if is_empty else ""), same=is_empty)


def _richer_configurations(workspace: Workspace) -> Seen:
    response = workspace.richer_configurations()
    refs = _dimension_refs(response.json()) if response.status == 200 else set()
    words = f"status {response.status}"
    if refs:
        lists = [each for each in workspace.blocks() if each.get("type") == LIST]
        by_id, by_name = ({each.get(name) for each in lists} for name in ("id", "name"))
        kind = "the ID" if refs <= by_id else "the name" if refs <= by_name else "neither the ID nor the name"
        words += f", dimensionRef is {kind} of a list"
    return Seen(words, same=response.status in {404, 405})


def _dimension_refs(listed: object) -> set[object]:
    """What the columns of import configurations refer to, whatever the shape of the answer."""
    entries = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    columns = [column for each in entries for column in each.get("columns") or () if isinstance(column, dict)]
    return {column["dimensionRef"] for column in columns if isinstance(column.get("dimensionRef"), str)}


METADATA_PROBES = (
    Probe(
        "address",
        "The address answers API requests itself.",
        "list the applications",
        "A redirect can drop the key or turn a push into a read: enter the address that it leads to.",
        _no_redirect,
    ),
    Probe(
        "application-fields",
        "An application has an id and a name.",
        "list the applications",
        "More fields do no harm; without these two, no namespace can be named.",
        _fields("/api/v1/applications", _NAMED),
    ),
    Probe(
        "block-fields",
        "A block has an id, a name and a type, and no columns.",
        "list the blocks",
        "Where columns are given, keys and types are taken from them instead of from the first rows.",
        _fields("/api/v1/blocks", _BLOCK_FIELDS),
    ),
    Probe(
        "block-types",
        "A block is a DimensionList, TransactionList, Metric or Table.",
        "list the blocks",
        "Blocks of another type do not become streams.",
        _block_types,
    ),
    Probe(
        "view-fields",
        "A view has an id, a name and a type.",
        "list the views",
        "More fields do no harm; without these, views cannot be found.",
        _fields("/api/v1/views", _BLOCK_FIELDS),
    ),
    Probe(
        "views-of-a-block",
        "The views of one block can be listed; an unknown block has none.",
        "list the views of an unknown id",
        "The streams that describe the model could not say which block a view belongs to.",
        _views_of_a_block,
    ),
    Probe(
        "configuration-fields",
        "An import configuration has an id and a name, and does not say what it clears.",
        "list the import configurations",
        "If it said whether it clears before import, users would not have to tick a box.",
        _fields("/api/v1/importConfigurations", _NAMED),
    ),
    Probe(
        "richer-configurations",
        "The richer list of import configurations is not offered.",
        "ask for /api/v1/import/configurations",
        "Where it is offered, the destination checks columns and dimension items before it pushes.",
        _richer_configurations,
    ),
    Probe(
        "table-configurations",
        "A table has no import configurations, which is an empty list and no error.",
        "list the import configurations of a table",
        "An error here would stop the destination's check in applications that have tables.",
        _table_configurations,
    ),
    Probe(
        "unknown-application",
        "An application that the key does not see has an empty list of blocks.",
        "list the blocks of an unknown id",
        "The connectors find out from the list of applications; another status changes nothing they do.",
        _unknown_application,
    ),
    Probe(
        "blocks-of-an-application",
        "Each block is listed for one application.",
        "list the blocks of the first applications",
        "Without an Application ID, a block that several applications show is a stream in each of their namespaces.",
        _blocks_of_applications,
    ),
    Probe(
        "views-of-an-application",
        "The views of one application can be listed.",
        "list the views of the first applications",
        "Without an Application ID, a bare view ID cannot be placed: paste the whole address of the view.",
        _views_of_applications,
    ),
)

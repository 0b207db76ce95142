"""The shapes on the wire: what requests may contain, and how responses are written."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from local_pigment.blocks import DEFAULT_SCENARIO, Application, Block, ListBlock, View
from local_pigment.imports import ImportConfiguration, ImportRun, describe_columns

_UUID = {
    "type": "string",
    "pattern": "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
}
_COMPARISONS = ["LessThan", "LessThanOrEqual", "Equal", "NotEqual", "GreaterThan", "GreaterThanOrEqual", "IsNotBlank"]


def _object(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _list_of(items: dict[str, Any]) -> dict[str, Any]:
    return _nullable({"type": "array", "items": items})


def _one_of(*words: str) -> dict[str, Any]:
    return {"enum": list(words)}


_DIMENSION = _object(("dimensionId", "modalityIds"), dimensionId=_UUID, modalityIds={"type": "array", "items": _UUID})
_VALUE = _object(
    ("metricId", "condition"),
    metricId=_UUID,
    condition=_object(("type",), type=_one_of(*_COMPARISONS), value={"type": ["string", "number", "boolean"]}),
)
_FILTER_TYPES = ("And", "Or", "Dimension", "Value")


def _filter(type_: dict[str, Any]) -> dict[str, Any]:
    return _object(
        ("type",),
        type=type_,
        dimension=_nullable(_DIMENSION),
        value=_nullable(_VALUE),
        **{word: _list_of({"$ref": "#/$defs/filter"}) for word in ("and", "or")},
    )


_FORMAT: dict[str, Any] = {
    "friendlyHeaders": {"type": ["boolean", "null"]},
    "dateFormat": _nullable(_one_of("Legacy", "Iso8601")),
    "fieldDelimiter": _nullable(_one_of("Semicolon", "Comma")),
    "decimalSeparator": _nullable(_one_of("Comma", "Dot")),
    "encoding": _nullable(_one_of("Utf8WithBom", "Utf8WithoutBom")),
}
_CELLS: dict[str, Any] = {
    "scenarios": _list_of(_UUID),
    "filters": _list_of(_DIMENSION),
    "exportFilter": _nullable({"$ref": "#/$defs/filter"}),
}
_FIELD = _object(
    ("sourceId", "type"),
    sourceId=_nullable(_UUID),
    type=_one_of("DimensionField", "ScenarioField", "ValueField"),
    displayName={"type": ["string", "null"]},
)
_PROPERTY_FILTER = _object(
    ("propertyTechnicalName", "modalityIds"),
    propertyTechnicalName={"type": "string"},
    modalityIds={"type": "array", "items": _UUID},
)

_REQUESTS: dict[str, dict[str, Any]] = {
    "list": _object(
        propertyTechnicalNames=_list_of({"type": "string"}),
        listFilter=_list_of(_UUID),
        propertyFilters=_list_of(_PROPERTY_FILTER),
        **_FORMAT,
    ),
    "metric": _object(**_CELLS, **_FORMAT),
    "table": _object(metrics=_list_of(_UUID), fields=_list_of(_FIELD), **_CELLS, **_FORMAT),
}


def _validators(filter_type: dict[str, Any]) -> dict[str, Draft202012Validator]:
    definitions = {"$defs": {"filter": _filter(filter_type)}}
    return {
        kind: Draft202012Validator({**schema, **definitions}, format_checker=FormatChecker())
        for kind, schema in _REQUESTS.items()
    }


_VALIDATORS = _validators(_one_of(*_FILTER_TYPES))
_VALIDATORS_IN_ANY_CASE = _validators({"type": "string", "pattern": f"^(?i:{'|'.join(_FILTER_TYPES)})$"})


def is_valid_request(kind: str, body: Any, *, any_case: bool) -> bool:
    """Whether the body of an export is as described; `any_case` takes the words of Pigment's own samples."""
    return (_VALIDATORS_IN_ANY_CASE if any_case else _VALIDATORS)[kind].is_valid(body)


def application(each: Application) -> dict[str, Any]:
    return {"id": each.id, "name": each.name}


def block(each: Block, *, richer: bool) -> dict[str, Any]:
    shape: dict[str, Any] = {"id": each.id, "name": each.name, "type": each.type}
    if richer and isinstance(each, ListBlock):
        shape["columns"] = [
            {
                "name": column.name,
                "type": column.type.value,
                "isKey": each.is_dimension and position == 0,
                "dimensionRef": column.dimension_id,
            }
            for position, column in enumerate(each.properties)
        ]
    return shape


def view(each: View) -> dict[str, Any]:
    return {"id": each.id, "name": each.name, "type": "Public" if each.is_public else "Personal"}


def import_configuration(each: ImportConfiguration, owner: Application, *, richer: bool) -> dict[str, Any]:
    shape: dict[str, Any] = {"id": each.id, "name": each.name}
    if richer:
        shape["target"] = owner.blocks[each.block_id].name
        shape["columns"] = describe_columns(each, owner)
    return shape


def import_report(run: ImportRun, owner: Application, target: Block, *, detailed: bool) -> dict[str, Any]:
    """`ApiImportReportDto` for a block of its application."""
    done = run.status != "InProgress"
    shape: dict[str, Any] = {
        "importId": run.id,
        "createdAt": _moment(run.created_at),
        "completedAt": _moment(run.completed_at) if done and run.completed_at else None,
        "importStatus": run.status,
        "errorsDetails": [],
        "detailedReport": None,
    }
    if run.status == "Failed":
        named = {"name": run.failure} if run.failure_named else {}
        shape["errorsDetails"] = [{**named, "description": "The import ended before its end."}]
    if detailed and done and run.status != "Failed" and (run.misreport is None or run.misreport.detailed):
        shape["detailedReport"] = _detailed(run, owner, target)
    return shape


def _detailed(run: ImportRun, owner: Application, target: Block) -> dict[str, Any]:
    # A dry run that is heeded changes nothing, and so says its report; what it would load is in the immediate result.
    changed = (0, 0, 0) if run.dry_run else (run.inserted, run.updated, run.deleted)
    counts = dict(zip(("insertedCount", "updatedCount", "deletedCount"), changed, strict=True))
    skipped_count = run.skipped_count
    if run.misreport is not None:
        counts |= {name: count for name, count in run.misreport.counts.items() if name in counts}
        skipped_count = run.misreport.counts.get("skippedCount", skipped_count)
    skipped = [
        {"count": each.count, "reason": each.reason, "sourceColumnName": each.column, "samples": each.samples}
        for each in run.skipped()
    ]
    return {
        "blockType": "List" if isinstance(target, ListBlock) else "Metric",
        "summary": {**counts, "skippedCount": skipped_count},
        "impactedBlocks": [
            {"blockId": target.id, "scenarioId": _scenario_of(owner, target), **counts, "skippedData": skipped}
        ],
        "autoCreatedDimensionModalities": [
            {"blockId": list_id, "count": count} for list_id, count in run.created_items.items()
        ],
    }


def _scenario_of(owner: Application, target: Block) -> str | None:
    """A file for a metric goes into the default scenario; lists have none."""
    if isinstance(target, ListBlock):
        return None
    return next((id_ for id_, name in owner.scenarios.items() if name == DEFAULT_SCENARIO), None)


def import_result(run: ImportRun, target: Block) -> dict[str, Any]:
    """The response with an immediate result, as the text "CSV Push API" shows it."""
    rejected = {problem.row for problem in run.problems}
    first_row = run.misreport.first_row if run.misreport else 1
    word = (run.misreport and run.misreport.status) or ("failed" if run.failure else "completed")
    shape = {
        "status": word,
        "requestId": f"req_{run.id[:8]}",
        "importId": run.id,
        "recordsProcessed": run.data_rows,
        "recordsAccepted": 0 if run.failure else run.data_rows - len(rejected),
        "recordsRejected": len(rejected),
        "errors": [
            {
                "row": problem.row - 1 + first_row,
                "field": problem.column,
                "value": problem.value,
                "code": "UNKNOWN_DIMENSION_MEMBER" if problem.reason.startswith("Missing") else "INVALID_VALUE",
                "message": f"Value '{problem.value}' not accepted for '{problem.column}'",
            }
            for problem in run.problems
        ]
        + ([{"row": 0, "field": None, "value": None, "code": run.failure, "message": ""}] if run.failure else []),
        "warnings": [],
        "metadata": {"dataSource": "csv_push", "targetTable": target.name},
    }
    return {**shape, **(run.misreport.counts if run.misreport else {})}


def _moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")

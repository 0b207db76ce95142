"""The form: what it asks, in which order, and why."""

from __future__ import annotations

from typing import Any

from airbyte_cdk.models import ConnectorSpecification

from pigment_airbyte.connection import credentials_spec, key_spec, transport_spec
from source_pigment.config import MAX_RETRIES

DOCUMENTATION_URL = "https://docs.airbyte.com/integrations/sources/pigment"

_KEYS = {
    "export_api_key": key_spec("Export key", 'A key of type "Export", which reads the data.', order=1),
    "metadata_api_key": key_spec(
        "Metadata key", 'A key of type "Modeling Metadata", which lists the blocks of the application.', order=2
    ),
}


def make_spec() -> ConnectorSpecification:
    """The specification of the source."""
    return ConnectorSpecification(
        documentationUrl=DOCUMENTATION_URL,
        supportsIncremental=False,
        connectionSpecification={
            "type": "object",
            "title": "Pigment",
            "additionalProperties": True,
            "required": ["credentials", "application_id"],
            "groups": [
                {"id": "connection", "title": "Connection"},
                {"id": "choice", "title": "What to read"},
                {"id": "form", "title": "How records look"},
                {"id": "advanced", "title": "Advanced"},
            ],
            "properties": {**_connection(), **_choice(), **_form(), **_advanced()},
        },
    )


def _connection() -> dict[str, Any]:
    return {
        "credentials": credentials_spec(_KEYS, ["export_api_key", "metadata_api_key"], order=0),
        "application_id": {
            "type": "string",
            "title": "Application ID",
            "description": (
                "The application to read. Open it in Pigment and copy the part of the address after "
                "<code>/application/</code>."
            ),
            "examples": ["33d0d7d0-6125-47c4-b36a-882f4ed53b33"],
            "group": "connection",
            "order": 1,
        },
    }


def _choice() -> dict[str, Any]:
    pattern = "A pattern may hold <code>*</code> and <code>?</code>; small and capital letters differ."
    return {
        "block_types": {
            "type": "array",
            "title": "Block types",
            "description": "Which kinds of blocks become streams.",
            "items": {"type": "string", "enum": ["list", "table", "metric"]},
            "uniqueItems": True,
            "default": ["list", "table"],
            "group": "choice",
            "order": 0,
        },
        "include": _patterns("Include", f"Only blocks whose name fits one of these. {pattern} Empty means all.", 1),
        "exclude": _patterns("Exclude", f"No blocks whose name fits one of these. {pattern}", 2),
        "views": {
            "type": "array",
            "title": "Views",
            "description": (
                "Views to read as streams of their own. The ID stands in the address of the view in Pigment, after "
                "<code>viewId=</code>."
            ),
            "items": {
                "type": "object",
                "title": "View",
                "required": ["view_id", "name"],
                "properties": {
                    "view_id": {
                        "type": "string",
                        "title": "View ID",
                        "description": "It stands in the address of the view in Pigment.",
                        "order": 0,
                    },
                    "name": {
                        "type": "string",
                        "title": "Name",
                        "description": "The name its stream shall have.",
                        "order": 1,
                    },
                },
            },
            "group": "choice",
            "order": 3,
        },
        "block_requests": _block_requests(),
    }


def _patterns(title: str, description: str, order: int) -> dict[str, Any]:
    return {
        "type": "array",
        "title": title,
        "description": description,
        "items": {"type": "string"},
        "examples": ["GL *", "* (archive)"],
        "group": "choice",
        "order": order,
    }


def _block_requests() -> dict[str, Any]:
    return {
        "type": "array",
        "title": "Export payloads",
        "description": (
            "For blocks that need filters, scenarios, chosen properties, or to be read in several slices: the payload "
            "that Pigment's own payload generator gives you."
        ),
        "items": {
            "type": "object",
            "title": "Export payload",
            "required": ["block"],
            "properties": {
                "block": {"type": "string", "title": "Block", "description": "The block's name or ID.", "order": 0},
                "request": {
                    "type": "string",
                    "title": "Request",
                    "description": "The payload as JSON. Its format options are set by the connector.",
                    "multiline": True,
                    "examples": ['{"scenarios": ["33d0d7d0-6125-47c4-b36a-882f4ed53b33"]}'],
                    "order": 1,
                },
                "slices": {
                    "type": "string",
                    "title": "Slices",
                    "description": (
                        "A JSON list of payloads. The block is read once for each, several at a time; an interrupted "
                        "sync goes on with the first slice that is not finished. Together they must cover the block, "
                        "and no row may be in two."
                    ),
                    "multiline": True,
                    "order": 2,
                },
            },
        },
        "group": "choice",
        "order": 4,
    }


def _form() -> dict[str, Any]:
    return {
        "headers": {
            "type": "string",
            "title": "Column names",
            "description": (
                "Friendly names are what people see in Pigment, and change when somebody renames something. "
                "Technical names look like <code>month_of_year_QCIMSB</code> and stay."
            ),
            "enum": ["friendly", "technical"],
            "default": "friendly",
            "group": "form",
            "order": 0,
        },
        "types": {
            "type": "string",
            "title": "Types",
            "description": (
                "Infer numbers, booleans and dates from the first rows, or send everything as the text that Pigment "
                "exports. Items of lists and dimensions are always text."
            ),
            "enum": ["infer", "text"],
            "default": "infer",
            "group": "form",
            "order": 1,
        },
        "row_metadata": {
            "type": "boolean",
            "title": "Row metadata",
            "description": (
                "Add <code>_pigment_record_id</code> (the first key column) and <code>_pigment_content_hash</code> "
                "(the SHA-256 of the row) to every record, to compare rows between syncs."
            ),
            "default": False,
            "group": "form",
            "order": 2,
        },
    }


def _advanced() -> dict[str, Any]:
    return {
        **transport_spec(order=0, default_max_retries=MAX_RETRIES),
        "idle_timeout_seconds": {
            "type": "integer",
            "title": "Idle time-out in seconds",
            "description": "How long an export may send nothing before it counts as broken.",
            "default": 60,
            "minimum": 1,
            "maximum": 3600,
            "group": "advanced",
            "order": 3,
        },
        "num_workers": {
            "type": "integer",
            "title": "Exports at a time",
            "description": "How many exports run side by side.",
            "default": 3,
            "minimum": 1,
            "maximum": 20,
            "group": "advanced",
            "order": 4,
        },
    }

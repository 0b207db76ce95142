"""The form: what it asks, in which order, and why."""

from __future__ import annotations

import json
from typing import Any

from airbyte_cdk.models import ConnectorSpecification

from pigment_airbyte.connection import connection_spec
from pigment_airbyte.credentials import KEY_FIELDS, credentials_spec, key_spec
from pigment_client.keys import Purpose
from source_pigment.config import MAX_RETRIES

DOCUMENTATION_URL = "https://docs.airbyte.com/integrations/sources/pigment"

_ID = "33d0d7d0-6125-47c4-b36a-882f4ed53b33"
_OTHER_ID = "44d0d7d0-6125-47c4-b36a-882f4ed53b44"

_KEYS = {
    "export_api_key": key_spec(KEY_FIELDS[Purpose.EXPORT], 'A key of the type "Export". It reads the data.', order=1),
    "metadata_api_key": key_spec(
        KEY_FIELDS[Purpose.METADATA],
        'A key of the type "Modeling Metadata". It lists what there is to read.',
        order=2,
    ),
    "audit_api_key": {
        **key_spec(
            KEY_FIELDS[Purpose.AUDIT],
            'Only if "Audit log" is switched on: a key of the type "Audit logs", which a security administrator makes.',
            order=3,
        ),
        "always_show": False,
    },
}


def make_spec() -> ConnectorSpecification:
    """The specification of the source."""
    return ConnectorSpecification(
        documentationUrl=DOCUMENTATION_URL,
        supportsIncremental=True,
        connectionSpecification={
            "type": "object",
            "title": "Pigment",
            "additionalProperties": True,
            "required": ["credentials"],
            "groups": [
                {"id": "connection", "title": "Connection"},
                {"id": "choice", "title": "What to read"},
            ],
            "properties": {**_connection(), **_choice(), **_columns(order=5), **_own_streams(order=8)},
        },
    )


def _connection() -> dict[str, Any]:
    return {
        "credentials": credentials_spec(_KEYS, ["export_api_key", "metadata_api_key"], order=0),
        "application_id": {
            "type": "string",
            "title": "Application ID",
            "description": (
                "The application to read. Open it in Pigment and paste the address of the page, or only the ID in it. "
                "Empty: every application that the keys see, each as a namespace of its name."
            ),
            "examples": [f"https://pigment.app/application/{_ID}"],
            "always_show": True,
            "group": "connection",
            "order": 1,
        },
        **connection_spec(order=2, default_max_retries=MAX_RETRIES),
        "num_workers": {
            "type": "integer",
            "title": "Exports at the same time",
            "description": "How many blocks are read at the same time.",
            "default": 3,
            "minimum": 1,
            "maximum": 20,
            "group": "connection",
            "order": 6,
        },
    }


def _choice() -> dict[str, Any]:
    return {
        "block_types": {
            "type": "array",
            "title": "Block types",
            "description": (
                "Each block of these types becomes a stream. A table already holds the values of its metrics, so "
                "metrics are needed only where they stand alone."
            ),
            "items": {"type": "string", "enum": ["list", "table", "metric"]},
            "uniqueItems": True,
            "default": ["list", "table"],
            "always_show": True,
            "group": "choice",
            "order": 0,
        },
        "include": _patterns("Include", "Read only blocks with these names. Empty: all.", ["GL *", "Headcount"], 1),
        "exclude": _patterns("Exclude", "Leave out blocks with these names.", ["* (archive)", "Test ?"], 2),
        "views": _views(order=3),
        "block_requests": _block_requests(order=4),
    }


def _patterns(title: str, description: str, examples: list[str], order: int) -> dict[str, Any]:
    return {
        "type": "array",
        "title": title,
        "description": (
            f"{description} <code>*</code> stands for any letters, <code>?</code> for one. Names are case-sensitive. "
            "With an empty Application ID, <code>application/block</code> means a block of that application."
        ),
        "items": {"type": "string"},
        "examples": examples,
        "group": "choice",
        "order": order,
    }


def _views(order: int) -> dict[str, Any]:
    return {
        "type": "array",
        "title": "Views",
        "description": "Views to read as well, each as a stream of its own.",
        "items": {
            "type": "object",
            "title": "View",
            "required": ["view_id", "name"],
            "properties": {
                "view_id": {
                    "type": "string",
                    "title": "View ID",
                    "description": "Open the view in Pigment and paste the address of the page, or only its viewId.",
                    "examples": [_ID],
                    "order": 0,
                },
                "name": {
                    "type": "string",
                    "title": "Stream name",
                    "description": "The name that the stream gets in Airbyte.",
                    "examples": ["Ledger for the warehouse"],
                    "order": 1,
                },
            },
        },
        "group": "choice",
        "order": order,
    }


def _block_requests(order: int) -> dict[str, Any]:
    return {
        "type": "array",
        "title": "Custom exports",
        "description": (
            "For blocks that are not to be exported whole: with a filter, with other scenarios, with some columns "
            "only, or in several parts."
        ),
        "items": {
            "type": "object",
            "title": "Custom export",
            "required": ["block"],
            "properties": {
                "block": {
                    "type": "string",
                    "title": "Block",
                    "description": (
                        "The name of the block, its ID, or the address of its page in Pigment. With an empty "
                        "Application ID, a name may be <code>application/block</code>."
                    ),
                    "examples": ["General Ledger"],
                    "order": 0,
                },
                "request": {
                    "type": "string",
                    "title": "Export options",
                    "description": (
                        "What Pigment's own payload generator writes for this block, as JSON. The first example is for "
                        "a list (its columns), the second for a table or metric (its scenarios)."
                    ),
                    "multiline": True,
                    "always_show": True,
                    "examples": [
                        json.dumps({"propertyTechnicalNames": ["department_QCIMSB", "parent_A1B2C3"]}),
                        json.dumps({"scenarios": [_ID]}),
                    ],
                    "order": 1,
                },
                "slices": {
                    "type": "string",
                    "title": "Parts",
                    "description": (
                        "For very large blocks: several export options as a JSON list. Each part is an export of its "
                        "own, and a sync that was interrupted goes on with the parts that are missing. Together they "
                        "must cover the block, and no row may be in two."
                    ),
                    "multiline": True,
                    "examples": [json.dumps([{"scenarios": [_ID]}, {"scenarios": [_OTHER_ID]}])],
                    "order": 2,
                },
            },
        },
        "group": "choice",
        "order": order,
    }


def _columns(order: int) -> dict[str, Any]:
    return {
        "headers": {
            "type": "string",
            "title": "Column names",
            "description": (
                "“friendly”: the names that people see in Pigment; a column changes its name when somebody renames it "
                "there. “technical”: names such as <code>month_of_year_QCIMSB</code>, which never change."
            ),
            "enum": ["friendly", "technical"],
            "default": "friendly",
            "group": "choice",
            "order": order,
        },
        "types": {
            "type": "string",
            "title": "Column types",
            "description": (
                "“infer”: numbers, dates and booleans are recognized from the first rows of each block. “text”: every "
                "value is sent as the text that Pigment exports. Names of items are text in both."
            ),
            "enum": ["infer", "text"],
            "default": "infer",
            "group": "choice",
            "order": order + 1,
        },
        "row_metadata": {
            "type": "boolean",
            "title": "Add columns to compare rows between syncs",
            "description": (
                "Adds <code>_pigment_record_id</code> (the first key column) and <code>_pigment_content_hash</code> "
                "(a fingerprint of the whole row) to each row."
            ),
            "default": False,
            "group": "choice",
            "order": order + 2,
        },
    }


def _own_streams(order: int) -> dict[str, Any]:
    return {
        "model_streams": {
            "type": "boolean",
            "title": "Streams that describe the model",
            "description": (
                "Adds the streams <code>_pigment_applications</code>, <code>_pigment_blocks</code>, "
                "<code>_pigment_views</code> and <code>_pigment_import_configurations</code>: what there is in "
                "Pigment, with names, types and where it belongs. For data catalogs and lineage."
            ),
            "default": False,
            "group": "choice",
            "order": order,
        },
        "audit_log": {
            "type": "boolean",
            "title": "Audit log",
            "description": (
                "Adds the stream <code>_pigment_audit_log</code>: who did what in Pigment, for the last 180 days and "
                "from then on. It holds names and e-mail addresses of people, and needs a key of the type Audit logs."
            ),
            "default": False,
            "group": "choice",
            "order": order + 1,
        },
    }

"""The form: what it asks, in which order, and why."""

from __future__ import annotations

from typing import Any

from airbyte_cdk.models import ConnectorSpecification, DestinationSyncMode

from destination_pigment.config import MAX_RETRIES
from destination_pigment.csv_form import csv_spec
from destination_pigment.rejected_rows.form import bucket_spec
from destination_pigment.targets_form import EXAMPLE_ID, targets_spec
from pigment_airbyte.connection import connection_spec
from pigment_airbyte.credentials import KEY_FIELDS, credentials_spec, key_spec
from pigment_client.keys import Purpose

DOCUMENTATION_URL = "https://docs.airbyte.com/integrations/destinations/pigment"

_KEYS = {
    "import_api_key": key_spec(KEY_FIELDS[Purpose.IMPORT], 'A key of the type "Import". It writes the data.', order=1),
    "metadata_api_key": key_spec(
        KEY_FIELDS[Purpose.METADATA],
        'A key of the type "Modeling Metadata". With it, import configurations are found by their name, and the '
        "connection test finds more mistakes. Without it, every stream needs an entry under Targets.",
        order=2,
    ),
    "export_api_key": {
        **key_spec(
            KEY_FIELDS[Purpose.EXPORT],
            'Only for "Dimension checks": a key of the type "Export". It reads the items of a list.',
            order=3,
        ),
        "always_show": False,
    },
}


def make_spec() -> ConnectorSpecification:
    """The specification of the destination."""
    return ConnectorSpecification(
        documentationUrl=DOCUMENTATION_URL,
        supportsIncremental=True,
        supported_destination_sync_modes=[
            DestinationSyncMode.append,
            DestinationSyncMode.append_dedup,
            DestinationSyncMode.overwrite,
        ],
        connectionSpecification={
            "type": "object",
            "title": "Pigment",
            "additionalProperties": True,
            "required": ["credentials"],
            "groups": [
                {"id": "connection", "title": "Connection"},
                {"id": "targets", "title": "Where the data goes"},
                {"id": "files", "title": "CSV files"},
                {"id": "rows", "title": "Rows that Pigment rejects"},
            ],
            "properties": {**_connection(), **targets_spec(), **_files(), **_rows()},
        },
    )


def _connection() -> dict[str, Any]:
    return {
        "credentials": credentials_spec(_KEYS, ["import_api_key"], order=0),
        "application_id": {
            "type": "string",
            "title": "Application ID",
            "description": (
                "The application to write into. Open it in Pigment and paste the address of the page, or only the ID "
                "in it. It may stay empty if every stream has an entry under Targets."
            ),
            "examples": [f"https://pigment.app/application/{EXAMPLE_ID}"],
            "always_show": True,
            "group": "connection",
            "order": 1,
        },
        **connection_spec(order=2, default_max_retries=MAX_RETRIES),
    }


def _files() -> dict[str, Any]:
    return {
        "csv": {
            **csv_spec("Choose what your import configurations say; numbers arrive wrong otherwise.", order=0),
            "group": "files",
        },
        "upload": {
            **_choice(
                "Upload",
                "How a file is sent. “raw”: as the request itself, as Pigment's API description asks. “multipart”: as "
                "an attachment of a form, for a gateway that wants it.",
                ["raw", "multipart"],
                order=1,
            ),
            "always_show": False,
            "group": "files",
        },
        "max_file_megabytes": _limit("Largest file (MB)", "More data becomes several imports.", 100, order=2),
        "max_file_rows": {
            **_limit("Most rows in a file", "More rows become several imports.", 1_000_000, order=3),
            "type": "integer",
            "minimum": 1,
            "maximum": 1_000_000_000,
        },
        "flush_interval_minutes": _limit(
            "Import at least every (minutes)",
            "For streams that append: rows that have waited this long are imported even if the file is small.",
            10,
            order=4,
        ),
        "import_timeout_minutes": _limit(
            "Import timeout (minutes)", "How long one import may take in Pigment.", 60, order=5
        ),
    }


def _choice(title: str, description: str, words: list[str], *, order: int) -> dict[str, Any]:
    return {
        "type": "string",
        "title": title,
        "description": description,
        "enum": words,
        "default": words[0],
        "always_show": True,
        "order": order,
    }


def _limit(title: str, description: str, default: int, *, order: int) -> dict[str, Any]:
    return {
        "type": "number",
        "title": title,
        "description": description,
        "default": default,
        "minimum": 0.001,
        "maximum": 1_000_000,
        "group": "files",
        "order": order,
    }


def _rows() -> dict[str, Any]:
    return {
        "rejected_rows": {
            "type": "string",
            "title": "Rejected rows",
            "description": (
                "What happens when Pigment does not take a row. “report”: it is counted in the log and the sync goes "
                "on. “fail”: the sync stops, before the file where a row cannot be sent, else after that import."
            ),
            "enum": ["report", "fail"],
            "default": "report",
            "always_show": True,
            "group": "rows",
            "order": 0,
        },
        "object_storage_config": bucket_spec(group="rows", order=1),
        "dimension_checks": {
            "type": "array",
            "title": "Dimension checks",
            "description": (
                "Columns whose values must be items of a dimension list. They are looked at before a file is sent, "
                "with the Export key."
            ),
            "items": {
                "type": "object",
                "title": "Dimension check",
                "required": ["stream", "column", "list_id"],
                "properties": _dimension_check(),
            },
            "group": "rows",
            "order": 2,
        },
    }


def _dimension_check() -> dict[str, Any]:
    return {
        "stream": {
            "type": "string",
            "title": "Stream",
            "description": "The name of the stream, written as the connection in Airbyte shows it.",
            "examples": ["general_ledger"],
            "order": 0,
        },
        "column": {
            "type": "string",
            "title": "Column",
            "description": "The column of the stream whose values are looked at.",
            "examples": ["Department"],
            "order": 1,
        },
        "list_id": {
            "type": "string",
            "title": "List ID",
            "description": "Open the list in Pigment and paste the address of the page, or only the ID in it.",
            "examples": [EXAMPLE_ID],
            "order": 2,
        },
        "on_unknown": {
            "type": "string",
            "title": "Values that are not in the list",
            "description": (
                "“fail”: the sync stops before the file is sent. “skip”: their rows are not sent, and count as "
                "rejected. “report”: they are sent, and named in the log."
            ),
            "enum": ["fail", "skip", "report"],
            "default": "fail",
            "always_show": True,
            "order": 3,
        },
    }

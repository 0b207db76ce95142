"""The form: what it asks, in which order, and why."""

from __future__ import annotations

from typing import Any

from airbyte_cdk.models import ConnectorSpecification, DestinationSyncMode

from destination_pigment.config import MAX_RETRIES
from pigment_airbyte.connection import credentials_spec, key_spec, transport_spec

DOCUMENTATION_URL = "https://docs.airbyte.com/integrations/destinations/pigment"

_KEYS = {
    "import_api_key": key_spec("Import key", 'A key of type "Import", which writes the data.', order=1),
    "metadata_api_key": key_spec(
        "Metadata key",
        'A key of type "Modeling Metadata". With it, import configurations are found by name and listed in errors.',
        order=2,
    ),
    "export_api_key": key_spec(
        "Export key", 'A key of type "Export". Only dimension checks need it: it reads the items of a list.', order=3
    ),
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
                {"id": "targets", "title": "Where streams go"},
                {"id": "files", "title": "How files look"},
                {"id": "rows", "title": "Rows that Pigment refuses"},
                {"id": "advanced", "title": "Advanced"},
            ],
            "properties": {**_connection(), **_targets(), **_files(), **_rows(), **_advanced()},
        },
    )


def _connection() -> dict[str, Any]:
    return {
        "credentials": credentials_spec(_KEYS, ["import_api_key"], order=0),
        "application_id": {
            "type": "string",
            "title": "Application ID",
            "description": (
                "The application to write into. It is needed to find import configurations by name and to list them. "
                "Open the application in Pigment and copy the part of the address after <code>/application/</code>."
            ),
            "examples": ["33d0d7d0-6125-47c4-b36a-882f4ed53b33"],
            "group": "connection",
            "order": 1,
        },
    }


def _targets() -> dict[str, Any]:
    return {
        "targets": {
            "type": "array",
            "title": "Targets",
            "description": (
                "Which import configuration takes which stream. A stream without an entry goes to the import "
                "configuration of its own name."
            ),
            "items": {
                "type": "object",
                "title": "Target",
                "required": ["stream", "import_configuration_id"],
                "properties": {
                    "stream": {
                        "type": "string",
                        "title": "Stream",
                        "description": "The name of the stream, as the connection shows it.",
                        "order": 0,
                    },
                    "namespace": {
                        "type": "string",
                        "title": "Namespace",
                        "description": "Only where streams of several namespaces have the same name.",
                        "order": 1,
                    },
                    "import_configuration_id": {
                        "type": "string",
                        "title": "Import configuration ID",
                        "description": "From Pigment: Integrations &gt; Import configurations.",
                        "order": 2,
                    },
                    "replace_import_configuration_id": {
                        "type": "string",
                        "title": "Replacing import configuration ID",
                        "description": (
                            "A second import configuration of the same block, with “Clear items prior to import” on. "
                            "It takes the first file when the stream overwrites; the other one adds the rest."
                        ),
                        "order": 3,
                    },
                },
            },
            "group": "targets",
            "order": 0,
        },
        "import_mode": {
            "type": "string",
            "title": "Import mode",
            "description": "Overrides what the import configuration does, where your Pigment offers that.",
            "enum": ["", "create", "update", "upsert"],
            "default": "",
            "group": "targets",
            "order": 1,
        },
        "dry_run": {
            "type": "boolean",
            "title": "Dry run",
            "description": "Let Pigment check the files and store nothing, where your Pigment offers that.",
            "default": False,
            "group": "targets",
            "order": 2,
        },
    }


def _files() -> dict[str, Any]:
    def choice(title: str, description: str, words: list[str], order: int) -> dict[str, Any]:
        return {
            "type": "string",
            "title": title,
            "description": description,
            "enum": words,
            "default": words[0],
            "order": order,
        }

    return {
        "csv": {
            "type": "object",
            "title": "CSV format",
            "description": "These must be the same as in the import configurations.",
            "properties": {
                "delimiter": choice("Delimiter", "What stands between two cells.", ["comma", "semicolon"], 0),
                "decimal_separator": choice("Decimal separator", "What stands in numbers.", ["dot", "comma"], 1),
                "encoding": choice("Encoding", "With or without a byte order mark.", ["utf-8", "utf-8-bom"], 2),
            },
            "group": "files",
            "order": 0,
        },
        "upload": {
            **choice(
                "Upload", "How a file travels: as the body of the request, or in a form.", ["raw", "multipart"], 1
            ),
            "group": "files",
        },
        "max_file_megabytes": _number("Largest file in megabytes", "A larger stream becomes several imports.", 100, 2),
        "max_file_rows": _number("Most rows in a file", "A longer stream becomes several imports.", 1_000_000, 3),
        "flush_interval_minutes": _number(
            "Longest wait in minutes", "How long rows may wait before an appending stream pushes them.", 10, 4
        ),
    }


def _number(title: str, description: str, default: int, order: int) -> dict[str, Any]:
    return {
        "type": "number",
        "title": title,
        "description": description,
        "default": default,
        "minimum": 0.001,
        "group": "files",
        "order": order,
    }


def _rows() -> dict[str, Any]:
    return {
        "rejected_rows": {
            "type": "string",
            "title": "Rejected rows",
            "description": "Report the rows that Pigment refuses and go on, or fail after the import that had them.",
            "enum": ["report", "fail"],
            "default": "report",
            "group": "rows",
            "order": 0,
        },
        "dimension_checks": {
            "type": "array",
            "title": "Dimension checks",
            "description": (
                "Columns whose values must be items of a dimension list, looked at before anything is pushed. Needs "
                "an export key."
            ),
            "items": {
                "type": "object",
                "title": "Dimension check",
                "required": ["stream", "column", "list_id"],
                "properties": {
                    "stream": {
                        "type": "string",
                        "title": "Stream",
                        "description": "The name of the stream, as the connection shows it.",
                        "order": 0,
                    },
                    "column": {
                        "type": "string",
                        "title": "Column",
                        "description": "The column of the stream whose values are looked at.",
                        "order": 1,
                    },
                    "list_id": {
                        "type": "string",
                        "title": "List ID",
                        "description": "From the address of the list in Pigment.",
                        "order": 2,
                    },
                    "on_unknown": {
                        "type": "string",
                        "title": "Unknown items",
                        "description": "Stop the sync, hold the rows back, or send them and report.",
                        "enum": ["fail", "skip", "report"],
                        "default": "fail",
                        "order": 3,
                    },
                },
            },
            "group": "rows",
            "order": 1,
        },
    }


def _advanced() -> dict[str, Any]:
    return {
        **transport_spec(order=0, default_max_retries=MAX_RETRIES),
        "import_timeout_minutes": {
            "type": "number",
            "title": "Import time-out in minutes",
            "description": "How long one import may take in Pigment.",
            "default": 60,
            "minimum": 0.001,
            "group": "advanced",
            "order": 3,
        },
    }

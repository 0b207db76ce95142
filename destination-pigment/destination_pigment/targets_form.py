"""The part of the form that says where the data goes, and what follows."""

from __future__ import annotations

from typing import Any

from destination_pigment.csv_form import import_mode_spec, target_csv_spec

EXAMPLE_ID = "33d0d7d0-6125-47c4-b36a-882f4ed53b33"


def targets_spec() -> dict[str, Any]:
    """The fields of the group that says where the data goes."""
    return {
        "targets": {
            "type": "array",
            "title": "Targets",
            "description": (
                "Which import configuration of Pigment takes which stream. A stream without an entry goes to the "
                "import configuration that has the stream's name."
            ),
            "items": {
                "type": "object",
                "title": "Target",
                "required": ["stream", "import_configuration_id"],
                "properties": _target(),
            },
            "always_show": True,
            "group": "targets",
            "order": 0,
        },
        "import_mode": {
            **import_mode_spec(
                "Leave it empty: the import configuration decides. Or, where your Pigment offers that, “create”: only "
                "add new items; “update”: only change items that are there; “upsert”: both.",
                order=1,
            ),
            "default": "",
            "group": "targets",
        },
        "dry_run": {
            "type": "boolean",
            "title": "Dry run",
            "description": "Pigment checks the files and stores nothing, where your Pigment offers that.",
            "default": False,
            "group": "targets",
            "order": 2,
        },
        "then_run": {
            "type": "array",
            "title": "Then run",
            "description": (
                "Imports and copies inside Pigment, started in this order once everything of a sync is stored: the IDs "
                "of configurations that import from an integration, or copy a list or a metric. Nothing is started "
                "where anything failed or any row was rejected."
            ),
            "items": {"type": "string"},
            "examples": [[EXAMPLE_ID]],
            "group": "targets",
            "order": 3,
        },
    }


def _target() -> dict[str, Any]:
    return {
        "stream": {
            "type": "string",
            "title": "Stream",
            "description": "The name of the stream, written as the connection in Airbyte shows it.",
            "examples": ["general_ledger"],
            "order": 0,
        },
        "import_configuration_id": {
            "type": "string",
            "title": "Import configuration ID",
            "description": "Copy it in Pigment, under Integrations &gt; Import configurations.",
            "examples": [EXAMPLE_ID],
            "order": 1,
        },
        "clears_before_import": {
            "type": "boolean",
            "title": "Clears before import",
            "description": (
                "Tick this if “Clear items prior to import” is on in the import configuration. A stream that "
                "overwrites needs it; a stream that appends must go to a configuration without it."
            ),
            "default": False,
            "always_show": True,
            "order": 2,
        },
        "replace_import_configuration_id": {
            "type": "string",
            "title": "Replacing import configuration ID",
            "description": (
                "Only for streams that overwrite and are larger than one file: a second import configuration of the "
                "same block, with “Clear items prior to import” on. It takes the first file, and the one above, "
                "without clearing, adds the others."
            ),
            "order": 3,
        },
        "minimum_rows": {
            "type": "integer",
            "title": "Fewest rows",
            "description": (
                "For streams that overwrite: a sync with fewer rows fails and leaves the block as it is, so that a "
                "source that is nearly empty by mistake never empties it."
            ),
            "minimum": 0,
            "order": 4,
        },
        "namespace": {
            "type": "string",
            "title": "Namespace",
            "description": "Only where two streams have the same name: the namespace of this one.",
            "order": 5,
        },
        "import_mode": import_mode_spec(
            "Only if this import configuration needs another one than the rest: “create”, “update” or “upsert”, as "
            "explained under Import mode below.",
            order=6,
        ),
        "csv": target_csv_spec(
            "Only if this import configuration reads files in another form than the rest. What you leave empty is as "
            "under CSV format below.",
            order=7,
        ),
    }

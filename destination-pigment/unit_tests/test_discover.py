"""What discover lists: an operation for each import configuration and sync mode."""

from __future__ import annotations

from destination_pigment.discover import destination_catalog
from pigment_client.models import Column, ImportConfiguration

ID = "1" * 8 + "-0000-4000-8000-" + "1" * 12


def test_a_key_of_two_columns_is_one_key() -> None:
    columns = tuple(Column(name, is_key=name != "Amount") for name in ("Account", "Month", "Amount"))
    catalog = destination_catalog([ImportConfiguration(ID, "Facts", "Ledger", columns)])
    operations = catalog["destination_catalog"]["operations"]
    (operation,) = (each for each in operations if each["sync_mode"] == "append_dedup")
    assert operation["matching_keys"] == [["Account", "Month"]]


def test_stamps_are_columns_of_each_operation_that_no_record_has_to_fill() -> None:
    columns = (Column("Entry", is_key=True), Column("_pigment_sync_id", required=True))
    catalog = destination_catalog([ImportConfiguration(ID, "Facts", "Ledger", columns)], has_stamps=True)
    for operation in catalog["destination_catalog"]["operations"]:
        schema = operation["json_schema"]
        assert list(schema["properties"]) == ["Entry", "_pigment_loaded_at", "_pigment_sync_id"]
        assert schema["required"] == ["Entry"]
        assert schema["properties"]["_pigment_sync_id"]["readOnly"]

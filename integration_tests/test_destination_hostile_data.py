"""destination-pigment as a process: data that sources really send, and that is easily misread."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from airbyte_platform.process import as_lines
from connectors import Runner
from small_blocks import a_catalog, add_list, configure, deduplicated, goes_to, pushed, table, whole
from writing import catalog, entries, entry, logged, names, received, record, state, stream, write

NUMBERS_AS_TEXTS = [
    {"type": ["null", "string"], "airbyte_type": "big_number"},
    {"oneOf": [{"type": "null"}, {"type": "number"}]},
]


@pytest.mark.parametrize("schema", NUMBERS_AS_TEXTS)
def test_numbers_that_travel_as_texts_have_the_decimal_separator_of_the_file(
    destination: Runner, schema: dict[str, Any]
) -> None:
    for configuration in destination.pigment.workspace.configurations.values():
        configuration.delimiter, configuration.decimal_separator = ";", ","
    configured = stream()
    configured["json_schema"]["properties"]["Amount"] = schema
    amounts = ["2.5", "12345678901234567890.123456789", "1.5e3", 0.25]
    sent = [record(entry(number, Amount=amount, Memo="2.5")) for number, amount in enumerate(amounts)]
    csv = {"delimiter": "semicolon", "decimal_separator": "comma"}
    run = write(destination, [*sent, state(1)], catalog(configured), csv=csv)

    assert run.exit_code == 0
    lines = received(destination)[0].decode().splitlines()
    assert [each.split(";")[1] for each in lines[1:]] == ["2,5", "12345678901234567890,123456789", "1500", "0,25"]
    assert {each.split(";")[-3] for each in lines[1:]} == {"2.5"}


@pytest.mark.parametrize("value", ["NaN", "[" * 1500 + "]" * 1500])
@pytest.mark.parametrize(
    "namespace", ['"namespace":null,', "", '"n\\u0061mespace":"",', '"namespace":"x","namespace":null,']
)
def test_a_record_that_is_no_json_is_rejected_in_its_stream_however_its_namespace_is_written(
    destination: Runner, namespace: str, value: str
) -> None:
    unreadable = f'{{"type":"RECORD","record":{{{namespace}"stream":"General Ledger","data":{{"Memo":{value}}}}}}}\n'
    lines = unreadable.encode() + as_lines([record(entry(1)), state(1, records=2)])
    run = destination.run("write", stdin=lines, catalog=catalog())

    assert run.exit_code == 0
    assert entries(destination) == names(1)
    stats = run.states[0]["destinationStats"]
    assert (stats["recordCount"], stats["rejectedRecordCount"]) == (1.0, 1.0)


def test_values_that_were_changed_before_they_came_are_warned_of_once_for_a_column(destination: Runner) -> None:
    nulled = {"field": "Amount", "change": "NULLED", "reason": "SOURCE_SERIALIZATION_ERROR"}
    cut = {"field": "Memo", "change": "TRUNCATED", "reason": "PLATFORM_RECORD_SIZE_LIMITATION"}
    metas = [{"changes": [nulled]}] * 1200 + [{"changes": [nulled, cut]}, {"changes": []}, {"changes": None}, {}, None]
    sent = [record(entry(number, Amount=None), meta=meta) for number, meta in enumerate(metas)]
    run = write(destination, [*sent, state(1)])

    assert run.exit_code == 0
    assert len(entries(destination)) == len(metas)
    (of_amount,) = logged(run, 'column "Amount" of the stream "General Ledger" were changed before they arrived')
    assert "1,201 NULLED (SOURCE_SERIALIZATION_ERROR)." in of_amount
    (of_memo,) = logged(run, 'column "Memo"')
    assert "1 TRUNCATED (PLATFORM_RECORD_SIZE_LIMITATION)." in of_memo


@pytest.mark.parametrize("changes", [7, "x", [7], [None], [[]], [{"field": {"a": 1}}], {"a": 1}])
def test_changes_that_cannot_be_read_cost_no_record(destination: Runner, changes: Any) -> None:
    run = write(destination, [record(entry(number), meta={"changes": changes}) for number in range(3)] + [state(1)])
    assert run.exit_code == 0
    assert len(entries(destination)) == 3


@pytest.mark.parametrize("name", ["Memo\ud83d", "\ude00"])
def test_half_of_a_character_in_the_name_of_a_column_is_a_sentence(destination: Runner, name: str) -> None:
    run = destination.run("write", catalog=catalog(stream(columns=("Entry", name))))

    (error,) = run.errors
    assert error["failure_type"] == "config_error"
    assert "is not valid Unicode" in error["message"]


@pytest.mark.parametrize(("minutes", "warns"), [(120, False), (121, True)])
def test_a_timeout_beyond_the_patience_of_the_platform_is_warned_of(
    destination: Runner, minutes: int, warns: bool
) -> None:
    run = write(destination, [record(entry(1)), state(1)], import_timeout_minutes=minutes)
    checked = destination.run("check", import_timeout_minutes=minutes)

    assert run.exit_code == 0
    assert bool(logged(run, '"Import timeout (minutes)" is more than 120')) is warns
    assert ("is more than 120" in checked.everything) is warns


# What other tools take for a missing value, for a number or for the end of a line.
MISLEADING = [
    *("NA", "N/A", "null", "NULL", "None", "nan", "NaN", "\\N", "#N/A", "-", "Infinity"),
    *("0012", "00", "007.50", "-012", "1.50", "601015", "TRUE", "1,5", "+5", "=1+1", "  "),
    *(f"a{end}b{end}" for end in ("\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\r", "\n", '\r\n"')),
]


@pytest.mark.parametrize("escaped", [True, False])
def test_a_text_that_other_tools_misread_is_a_key_and_a_cell_like_any_other(destination: Runner, escaped: bool) -> None:
    """Each comes twice, so that the rows of the file are told apart and selected."""
    block = add_list(destination, "Codes", ("Code", "Label"))
    targets = [goes_to("Codes", configure(destination, block, "Codes", key="Code"))]
    changes = a_catalog(deduplicated(table("Codes", "Code", "Label"), "Code", cursor=None))
    old = [{"Code": f"{each}#", "Label": "old"} for each in MISLEADING]
    sent = [*old, *({"Code": f"{each}#", "Label": each} for each in MISLEADING)]
    lines = [json.dumps(each, ensure_ascii=escaped).encode() + b"\n" for each in whole("Codes", sent)]
    run = destination.run("write", stdin=b"".join(lines), catalog=changes, targets=targets)
    assert run.exit_code == 0
    file = csv.reader(io.StringIO(pushed(destination)[0].decode(), newline=""), strict=True)
    assert list(file)[1:] == [[f"{each}#", each] for each in MISLEADING]

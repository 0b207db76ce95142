"""What a target says of its files and its import mode, and what it leaves to the connection."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_pigment.config import DestinationConfig, parse_config
from destination_pigment.input.catalog import DestinationStream, WriteMode
from destination_pigment.targets import find_targets, require_no_emptying_update
from pigment_airbyte.failures import ConfigProblem
from pigment_client.models import ImportMode
from pigment_csv.date_pattern import ISO_DAY

ONE, TWO, THREE = (f"{digit * 8}-0000-4000-8000-{digit * 12}" for digit in "123")

CHOICES = {
    "delimiter": ["comma", "semicolon"],
    "decimal_separator": ["dot", "comma"],
    "encoding": ["utf-8", "utf-8-bom"],
    "dates": ["as_sent", "iso", "dd/MM/yyyy"],
}
CSV = st.fixed_dictionaries({}, optional={name: st.sampled_from([*words, ""]) for name, words in CHOICES.items()})


def config(*targets: dict[str, Any], **more: Any) -> DestinationConfig:
    entries = [{"stream": f"s{number}", "import_configuration_id": ONE, **each} for number, each in enumerate(targets)]
    return parse_config({"targets": entries, **more})


@given(connection=CSV, target=CSV)
def test_each_property_that_a_target_leaves_out_is_the_connections(
    connection: dict[str, str], target: dict[str, str]
) -> None:
    given_ = {name: value for name, value in target.items() if value}
    made = config({"csv": target}, csv=connection)

    assert made.loading_of(ONE) == parse_config({"csv": {**connection, **given_}}).loading
    assert made.loading_of(TWO) == made.loading == parse_config({"csv": connection}).loading


def test_a_target_may_go_back_to_what_is_usual() -> None:
    made = config({"csv": {"dates": "as_sent", "delimiter": "comma"}}, csv={"dates": "iso", "delimiter": "semicolon"})
    assert (made.loading.dialect.dates, made.loading.dialect.delimiter) == (ISO_DAY, ";")
    assert (made.loading_of(ONE).dialect.dates, made.loading_of(ONE).dialect.delimiter) == (None, ",")


@pytest.mark.parametrize(
    ("target", "connection", "mode"),
    [("", "", None), ("", "create", "create"), ("upsert", "create", "upsert"), ("update", "", "update")],
)
def test_the_import_mode_of_a_target_comes_before_that_of_the_connection(
    target: str, connection: str, mode: str | None
) -> None:
    made = config({"import_mode": target}, import_mode=connection)
    assert made.loading_of(ONE).import_mode == mode
    assert made.loading_of(TWO).import_mode == (connection or None)


def test_what_a_target_says_counts_for_both_of_a_pair_and_every_stream_that_uses_them() -> None:
    made = config({"replace_import_configuration_id": TWO, "import_mode": "create", "csv": {"delimiter": "semicolon"}})
    for each in (ONE, TWO):
        assert (made.loading_of(each).dialect.delimiter, made.loading_of(each).import_mode) == (";", ImportMode.CREATE)
    assert made.loading_of(THREE) == made.loading


@pytest.mark.parametrize(
    ("first", "second", "field"),
    [
        ({"csv": {"delimiter": "semicolon"}}, {}, "CSV format"),
        ({"csv": {"dates": "dd/MM/yyyy"}}, {"csv": {"dates": "MM/dd/yyyy"}}, "CSV format"),
        ({"import_mode": "create"}, {"import_mode": "update"}, "Import mode"),
        ({"import_mode": "create"}, {}, "Import mode"),
        (
            {"csv": {"encoding": "utf-8-bom"}},
            {"import_configuration_id": TWO, "replace_import_configuration_id": ONE},
            "CSV format",
        ),
    ],
)
def test_one_import_configuration_reads_files_in_one_form(
    first: dict[str, Any], second: dict[str, Any], field: str
) -> None:
    with pytest.raises(ConfigProblem) as raised:
        config(first, second)
    assert str(raised.value) == (
        f'The targets "s0" and "s1" name the same import configuration ({ONE}) with a different "{field}": enter the '
        'same in both under "Targets".'
    )


def test_the_same_in_other_words_is_no_difference() -> None:
    made = config(
        {"csv": {"dates": "iso"}}, {"csv": {"dates": "yyyy-MM-dd", "delimiter": "comma"}}, {"csv": {"dates": "ISO "}}
    )
    assert made.loading_of(ONE).dialect.dates == ISO_DAY


@pytest.mark.parametrize(
    ("target", "connection", "where"),
    [
        ({"csv": {"dates": "dd/MM/yyyyDD"}}, {}, '"CSV format" in the entry for "s0" under "Targets"'),
        ({}, {"csv": {"dates": "dd/MM/yyyyDD"}}, '"CSV format"'),
        ({"csv": {"dates": ""}}, {"csv": {"dates": "dd/MM/yyyyDD"}}, '"CSV format"'),
    ],
)
def test_a_wrong_pattern_is_reported_with_its_place(
    target: dict[str, Any], connection: dict[str, Any], where: str
) -> None:
    with pytest.raises(ConfigProblem) as raised:
        config(target, **connection)
    assert str(raised.value).startswith(f'The pattern in the field "Dates" of {where} has the letter "D", which')


@pytest.mark.parametrize(
    ("target", "connection", "rejected"),
    [
        ("update", "", True),
        ("", "update", True),
        ("upsert", "update", False),
        ("create", "update", False),
        ("update", "create", True),
        ("", "", False),
    ],
)
def test_no_block_is_cleared_by_an_import_that_adds_nothing(target: str, connection: str, rejected: bool) -> None:
    made = config({"import_mode": target, "clears_before_import": True}, import_mode=connection)
    streams = [DestinationStream(None, "s0", WriteMode.REPLACE, ("a",))]
    targets = find_targets(streams, made.targets, None)
    if not rejected:
        require_no_emptying_update(streams, targets, made.loading_of)
        return
    with pytest.raises(ConfigProblem, match='"Import mode" set to update'):
        require_no_emptying_update(streams, targets, made.loading_of)


def test_an_update_that_clears_nothing_is_fine() -> None:
    made = config({"import_mode": "update"})
    streams = [DestinationStream(None, "s0", WriteMode.APPEND, ("a",))]
    require_no_emptying_update(streams, find_targets(streams, made.targets, None), made.loading_of)

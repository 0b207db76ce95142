"""Types, keys and names from a header and a sample."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pigment_client.models import Block, BlockType, Column, ExportKind
from source_pigment.discovery.names import Named, column_names, stream_names
from source_pigment.discovery.schema import (
    ColumnsAmbiguous,
    ColumnsMissing,
    ColumnType,
    ConfiguredSchema,
    KnownNames,
    Selection,
    StreamSchema,
    infer_type,
    make_schema,
)

KNOWN = KnownNames(frozenset({"Cost", "Revenue"}), frozenset({"Year", "Country", "Scenario"}))


def schema(
    type_: BlockType,
    header: str,
    *rows: str,
    known: KnownNames = KNOWN,
    columns: tuple[Column, ...] | None = None,
    payload: dict[str, Any] | None = None,
    infer_types: bool = True,
) -> StreamSchema:
    block = Block("id", "name", type_, columns)
    cells = [row.split(";") for row in rows]
    return make_schema(type_.kind, block, known, payload or {}, header.split(";"), cells, infer_types=infer_types)


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        (["1", "-2.5", "1e5"], ColumnType.NUMBER),
        (["0012"], ColumnType.TEXT),
        (["+5"], ColumnType.TEXT),
        (["1,5"], ColumnType.TEXT),
        (["NaN"], ColumnType.TEXT),
        (["TRUE", "FALSE", ""], ColumnType.BOOLEAN),
        (["true"], ColumnType.TEXT),
        (["2026-04-30", ""], ColumnType.DATE),
        (["2026-02-30"], ColumnType.TEXT),
        (["", ""], ColumnType.TEXT),
        ([], ColumnType.TEXT),
        (["1", "x"], ColumnType.TEXT),
    ],
)
def test_a_type_is_what_every_value_of_the_sample_has(values: list[str], type_: ColumnType) -> None:
    assert infer_type(values) is type_


def test_an_item_is_text_whatever_it_looks_like() -> None:
    found = schema(BlockType.DIMENSION_LIST, "Account;FTE", "601015;1", "601016;2")

    assert found.columns == {"Account": ColumnType.TEXT, "FTE": ColumnType.NUMBER}
    assert found.primary_key == ("Account",)


def test_a_property_with_the_name_of_a_dimension_list_is_text() -> None:
    found = schema(BlockType.TRANSACTION_LIST, "Entry;Country;Year;Amount", "1;49;2026;5", "2;33;2027;6")

    assert found.columns == {
        "Entry": ColumnType.TEXT,
        "Country": ColumnType.TEXT,
        "Year": ColumnType.TEXT,
        "Amount": ColumnType.NUMBER,
    }
    assert found.primary_key == ()


def test_a_trailing_column_with_the_name_of_a_dimension_list_is_no_value() -> None:
    found = schema(BlockType.TABLE, "Country;Year;Unknown", "FR;2026;5", "DE;2027;6")
    assert list(found.columns.values()) == [ColumnType.TEXT, ColumnType.TEXT, ColumnType.NUMBER]
    found = schema(BlockType.TABLE, "Country;Unknown;Year", "FR;5;2026", "DE;6;2027")
    assert list(found.columns.values()) == [ColumnType.TEXT, ColumnType.TEXT, ColumnType.TEXT]


def test_a_property_that_refers_to_a_list_by_richer_metadata_is_text() -> None:
    columns = (Column("Entry"), Column("Account", dimension_ref="Accounts"), Column("Amount"))
    found = schema(BlockType.TRANSACTION_LIST, "Entry;Account;Amount", "1;601015;5", columns=columns)
    assert list(found.columns.values()) == [ColumnType.TEXT, ColumnType.TEXT, ColumnType.NUMBER]


def test_a_transaction_list_has_no_key() -> None:
    assert schema(BlockType.TRANSACTION_LIST, "Entry;Amount", "1;5").primary_key == ()


def test_a_metrics_last_column_is_its_value() -> None:
    found = schema(BlockType.METRIC, "Year;Scenario;Any name", "2026;Actual;5", "2027;Actual;6")

    assert list(found.columns.values()) == [ColumnType.TEXT, ColumnType.TEXT, ColumnType.NUMBER]
    assert found.primary_key == ("Year", "Scenario")


def test_a_tables_values_have_the_names_of_metrics() -> None:
    found = schema(BlockType.TABLE, "Year;Cost;Revenue", "2026;;TRUE")

    assert list(found.columns.values()) == [ColumnType.TEXT, ColumnType.TEXT, ColumnType.BOOLEAN]
    assert found.primary_key == ("Year",)


def test_without_known_names_a_tables_trailing_numbers_are_its_values() -> None:
    found = schema(BlockType.TABLE, "year_ABC;country_DEF;cost_GHI;margin_JKL", "2026;FR;1;2", "2027;FR;1;2")

    assert list(found.columns.values()) == [ColumnType.TEXT] * 2 + [ColumnType.NUMBER] * 2
    # The rest is a guess, and a guess is no key.
    assert found.primary_key == ()


@pytest.mark.parametrize("rows", [("A;1", "A;2"), (";1",)])
def test_a_key_with_blanks_or_repeats_in_the_sample_is_not_claimed(rows: tuple[str, ...]) -> None:
    assert schema(BlockType.DIMENSION_LIST, "Account;FTE", *rows).primary_key == ()


def test_richer_metadata_says_which_columns_are_keys() -> None:
    columns = (Column("Amount"), Column("Entry", is_key=True))

    assert schema(BlockType.TRANSACTION_LIST, "X;Entry", "a;1", columns=columns).primary_key == ("Entry",)


def test_text_types_send_everything_as_text() -> None:
    found = schema(BlockType.DIMENSION_LIST, "Account;FTE", "a;1", infer_types=False)

    assert set(found.columns.values()) == {ColumnType.TEXT}


@given(st.lists(TYPES := st.sampled_from(list(ColumnType)), min_size=1, max_size=5))
def test_the_types_are_read_back_from_the_schema(types: list[ColumnType]) -> None:
    columns = {f"c{position}": type_ for position, type_ in enumerate(types)}

    written = StreamSchema(columns, (), tuple(columns)).json_schema("an id", row_metadata=True)

    assert ConfiguredSchema.parse(written) == ConfiguredSchema(columns, "an id", tuple(columns))


@pytest.mark.parametrize(
    "json_schema",
    [{}, {"properties": None}, {"properties": {}, "x-pigment": True}, {"x-pigment": {"id": 5, "header": "no"}}],
)
def test_a_schema_without_our_annotation_says_nothing(json_schema: dict[str, object]) -> None:
    assert ConfiguredSchema.parse(json_schema) == ConfiguredSchema({}, None, None)


@pytest.mark.parametrize("anything", [True, {}, {"type": None}, {"type": ["object"]}])
def test_a_property_of_any_type_is_text(anything: object) -> None:
    assert ConfiguredSchema.parse({"properties": {"a": anything}}).types == {"a": ColumnType.TEXT}


def configured(discovered: str, *deselected: str) -> ConfiguredSchema:
    """The schema of these titles, from which the user deselected columns."""
    names = column_names(discovered.split(";"))
    columns = dict.fromkeys(names, ColumnType.TEXT)
    json_schema = StreamSchema(columns, (), tuple(discovered.split(";"))).json_schema("id", row_metadata=False)
    for name in deselected:
        del json_schema["properties"][name]
    return ConfiguredSchema.parse(json_schema)


def selected(schema: ConfiguredSchema, header: str) -> Selection:
    return schema.select(header.split(";"))


@pytest.mark.parametrize(
    ("schema", "header", "names", "new"),
    [
        (configured("a;b"), "a;b", ("a", "b"), ()),
        (configured("a;b", "b"), "a;b", ("a", None), ()),
        (configured("a;b", "a", "b"), "a;b", (None, None), ()),
        (configured("a;b", "b"), "b;a", (None, "a"), ()),
        (configured("a;b", "b"), "a;b;c", ("a", None, "c"), ("c",)),
        (configured("a;a;a", "a_2"), "a;a;a", ("a", None, "a_3"), ()),
        (configured("a;a", "a"), "a;a", (None, "a_2"), ()),
        (configured("a;;b", "column_2"), "a;;b", ("a", None, "b"), ()),
        (configured("a;a;b", "a", "a_2"), "a;b", (None, "b"), ()),
        (configured("a"), "a;b;b", ("a", "b", "b_2"), ("b", "b_2")),
    ],
)
def test_deselected_columns_are_not_sent_and_new_ones_are(
    schema: ConfiguredSchema, header: str, names: tuple[str | None, ...], new: tuple[str, ...]
) -> None:
    found = selected(schema, header)

    assert (found.names, found.new) == (names, new)


def test_a_column_that_is_gone_is_missing() -> None:
    with pytest.raises(ColumnsMissing, match="b"):
        selected(configured("a;b"), "a;c")


@pytest.mark.parametrize(
    ("schema", "header"),
    [
        (configured("a;a;b", "a_2"), "a;a;a;b"),
        (configured("a;a;a;b", "a_3"), "a;a;b"),
        (configured("a;b"), "a;a;b"),
        (configured("a;;b"), "a;;;b"),
    ],
)
def test_a_changed_number_of_columns_with_one_title_is_ambiguous(schema: ConfiguredSchema, header: str) -> None:
    with pytest.raises((ColumnsAmbiguous, ColumnsMissing)):
        selected(schema, header)


def test_without_the_discovered_header_only_the_configured_names_are_selected() -> None:
    old = ConfiguredSchema({"a": ColumnType.TEXT}, None, None)

    assert selected(old, "b;a;c") == Selection((None, "a", None), (ColumnType.TEXT,) * 3, ())
    assert selected(ConfiguredSchema({}, None, None), "a;b").names == ("a", "b")
    with pytest.raises(ColumnsAmbiguous):
        selected(old, "a;a")


@pytest.mark.parametrize(
    ("metrics", "dimensions", "claimed"),
    [
        ({"Cost", "Revenue"}, {"Year", "Country"}, ("Year", "Country")),
        ({"Cost"}, {"Year", "Country"}, ()),  # Revenue is hidden, and may be a dimension for all that is known
        ({"Cost", "Revenue"}, {"Year"}, ()),  # Country is hidden
        (set(), {"Year", "Country"}, ()),
    ],
)
def test_a_tables_key_is_claimed_where_every_column_is_explained(
    metrics: set[str], dimensions: set[str], claimed: tuple[str, ...]
) -> None:
    known = KnownNames(frozenset(metrics), frozenset(dimensions))

    found = schema(BlockType.TABLE, "Year;Country;Cost;Revenue", "2026;FR;1;2", "2027;FR;1;2", known=known)

    assert found.primary_key == claimed


@pytest.mark.parametrize(("has_scenarios", "claimed"), [(True, ("Year", "Scenario")), (False, ())])
def test_the_scenario_is_part_of_the_key_where_it_was_asked_for(has_scenarios: bool, claimed: tuple[str, ...]) -> None:
    known = KnownNames(frozenset({"Cost"}), frozenset({"Year"}))
    payload = {"scenarios": ["Actual"]} if has_scenarios else {}

    for type_ in (BlockType.METRIC, BlockType.TABLE):
        found = schema(type_, "Year;Scenario;Cost", "2026;Actual;1", known=known, payload=payload)
        assert found.primary_key == claimed


@given(st.lists(st.sampled_from(["", "a", "a_2", "a_3", "column_1", "b"]), max_size=8))
def test_no_column_is_dropped_and_every_name_is_unique(header: list[str]) -> None:
    names = column_names(header)

    assert len(names) == len(header) == len(set(names))
    for name, wanted in zip(names, header, strict=True):
        assert name.startswith(wanted or "column_")


def test_repeated_and_empty_titles_get_suffixes() -> None:
    assert column_names(["a", "a", "", "a"]) == ["a", "a_2", "column_3", "a_3"]


def test_equal_names_get_the_type_then_a_short_id() -> None:
    named = [Named("11111111-x", "R", "metric"), Named("22222222-x", "R", "list"), Named("33333333-x", "R", "list")]
    views = [Named("44444444-x", "V", "view"), Named("55555555-x", "V", "view"), Named("66666666-x", "W", "view")]

    assert stream_names([*named, *views]) == [
        "R (metric)",
        "R (list) (22222222)",
        "R (list) (33333333)",
        "V (view) (44444444)",
        "V (view) (55555555)",
        "W",
    ]


def test_a_view_claims_no_key() -> None:
    assert make_schema(ExportKind.VIEW, None, KNOWN, {}, ["a"], [["1"]], infer_types=True).primary_key == ()

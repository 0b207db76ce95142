"""Entries of the model's streams: the record has every field, and every place that lists the object."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pigment_client.json_objects import fields_of, json_document, object_text
from pigment_client.models import ListedObject
from source_pigment.discovery.names import SYSTEM_STREAM_NAMES, Named, stream_names
from source_pigment.model.entries import ModelKind, Place, merge_listings, properties_of
from source_pigment.reading.records import JsonRecords

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
SCALARS = st.none() | st.booleans() | st.integers() | TEXTS
VALUES: Any = SCALARS | st.lists(SCALARS | st.dictionaries(TEXTS, SCALARS, max_size=2), max_size=2)
NAMES = st.sampled_from(["name", "type", "target", "columns", "application_id", "additional_fields"]) | TEXTS
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=6).map(lambda fields: {**fields, "id": "x"})


def listed(**fields: Any) -> ListedObject:
    return ListedObject(fields["id"], fields_of(json_document(json.dumps(fields).encode())) or {})


def record(kind: ModelKind, *listings: tuple[Place | None, list[ListedObject]]) -> dict[str, Any]:
    (entry,) = merge_listings(listings)
    data: dict[str, Any] = json.loads(object_text(entry.values(kind)))
    return data


PLANNING = listed(id="a1", name="Planning")
OTHER = listed(id="a2", name="Other")
LEDGER = listed(id="b1", name="Ledger", type="TransactionList")
COSTS = listed(id="b2", name="Costs", type="Metric")


@given(st.sampled_from(ModelKind), OBJECTS)
def test_no_field_is_lost_and_each_has_its_type(kind: ModelKind, fields: dict[str, Any]) -> None:
    data = record(kind, (Place(PLANNING), [listed(**fields)]))

    assert set(data) == set(properties_of(kind))
    beside = data["additional_fields"] or {}
    for name, value in fields.items():
        assert (name in data and data[name] == value) or beside[name] == value
    for name, schema in properties_of(kind).items():
        allowed = {"string": str, "object": dict, "array": list}[schema["type"][1]]
        assert data[name] is None or isinstance(data[name], allowed)


def test_numbers_keep_their_digits() -> None:
    fields = fields_of(json_document(b'{"id": "x", "size": 1.10, "more": {"digits": 12345678901234567890.0}}')) or {}
    (entry,) = merge_listings([(None, [ListedObject("x", fields)])])
    assert b'{"size":1.10,"more":{"digits": 12345678901234567890.0}}' in object_text(entry.values(ModelKind.VIEWS))


def test_an_object_that_several_blocks_list_is_one_record() -> None:
    view = listed(id="v", name="V", type="Public")
    data = record(
        ModelKind.VIEWS,
        (Place(PLANNING), [view]),
        (Place(PLANNING, LEDGER), [view]),
        (Place(PLANNING, COSTS), [view]),
        (Place(OTHER), [view]),
    )
    assert (data["application_name"], data["block_name"], data["block_type"]) == (
        "Planning",
        "Ledger",
        "TransactionList",
    )
    assert data["listed_in"] == [
        {"application_id": "a1", "block_id": "b1"},
        {"application_id": "a1", "block_id": "b2"},
        {"application_id": "a2", "block_id": None},
    ]


def test_what_no_block_lists_belongs_to_the_application() -> None:
    data = record(ModelKind.VIEWS, (Place(PLANNING), [listed(id="v")]), (Place(PLANNING, LEDGER), []))
    assert (data["application_id"], data["block_id"]) == ("a1", None)
    assert data["listed_in"] == [{"application_id": "a1", "block_id": None}]


def test_a_richer_listing_adds_to_the_record() -> None:
    data = record(
        ModelKind.IMPORT_CONFIGURATIONS,
        (Place(PLANNING), [listed(id="c", name="C")]),
        (Place(PLANNING, LEDGER), [listed(id="c", name="C", target="Ledger", since="2026")]),
    )
    assert (data["target"], data["additional_fields"]) == ("Ledger", {"since": "2026"})


def test_columns_that_are_left_out_in_the_connection_are_not_sent() -> None:
    (entry,) = merge_listings([(None, [listed(id="v", name="V", type="Public")])])
    fields = entry.values(ModelKind.VIEWS)
    chosen = JsonRecords(stream := None, {"properties": {"id": {}, "type": {}}})  # type: ignore[arg-type] # only data

    assert stream is None
    assert json.loads(chosen.data(fields)) == {"id": "v", "type": "Public"}


def test_no_block_takes_the_name_of_a_system_stream() -> None:
    blocks = [Named(f"id{at}", name, "list") for at, name in enumerate([*ModelKind, "Ledger"])]
    names = stream_names(blocks)

    assert set(ModelKind) <= SYSTEM_STREAM_NAMES
    assert names == [*(f"{name} (list)" for name in ModelKind), "Ledger"]

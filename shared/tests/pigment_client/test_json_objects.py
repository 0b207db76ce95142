"""Objects of a JSON response, field by field: values stay as they were received."""

from __future__ import annotations

import codecs
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pigment_client.errors import BrokenOff, ResponseNotUnderstood
from pigment_client.json_objects import fields_of, items_of, json_document, object_text, text_in

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=5)


@given(OBJECTS, st.booleans(), st.sampled_from([None, 1]))
def test_an_object_stays_the_same_when_split_and_joined(
    given_object: dict[str, Any], ascii_only: bool, indent: int | None
) -> None:
    content = json.dumps(given_object, ensure_ascii=ascii_only, indent=indent).encode()
    fields = fields_of(json_document(content))

    assert fields is not None
    assert json.loads(object_text(fields)) == given_object
    assert {name: text_in(value) for name, value in fields.items()} == {
        name: value if isinstance(value, str) else None for name, value in given_object.items()
    }


@given(st.lists(OBJECTS, max_size=4), st.data())
def test_whatever_stops_early_has_broken_off(objects: list[Any], data: Any) -> None:
    content = json.dumps(objects, ensure_ascii=False).encode()
    cut = content[: data.draw(st.integers(0, len(content) - 1))]

    if cut.endswith((b"]", b"}")) and cut.count(b"[") <= cut.count(b"]"):
        return  # a text in it ends like the whole
    with pytest.raises((BrokenOff, ResponseNotUnderstood)):
        json_document(cut)


@pytest.mark.parametrize("number", ["1.10", "1e400", "-0.0", "33.333333333333333333", "9" * 5000, "1E-7"])
def test_a_number_keeps_its_digits(number: str) -> None:
    assert items_of(json_document(f"[{number}]".encode())) == [number.encode()]


def test_half_a_pair_is_replaced_and_a_whole_one_kept() -> None:
    content = rb'{"a": "\ud83d\ude80", "b": "x\ud83dy", "c": "\\ud83d", "d": "\uDE80\uD83D"}'
    fields = fields_of(json_document(content)) or {}

    assert [text_in(fields[name]) for name in "abcd"] == ["\U0001f680", "x\ufffdy", "\\ud83d", "\ufffd\ufffd"]


def test_an_object_stands_in_one_line() -> None:
    content = codecs.BOM_UTF8 + b'{\r\n "a": {\n  "b": "c\\nd"\r\n }\n}\n'
    fields = fields_of(json_document(content)) or {}

    assert b"\n" not in object_text(fields)
    assert json.loads(object_text(fields)) == {"a": {"b": "c\nd"}}


# Deeper than any interpreter reads: CPython 3.11 stops at about 1,000 levels, 3.13.0 at about 10,000.
TOO_DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    "content",
    [b"<html>", b'"text"', b"null", b"[NaN]", b'{"a": Infinity}', b"[1,]", TOO_DEEP, b'["\xff"]'],
    ids=lambda content: repr(content[:12]),
)
def test_a_text_that_is_no_object_or_list_is_rejected(content: bytes) -> None:
    with pytest.raises(ResponseNotUnderstood):
        json_document(content)


def test_a_body_of_nothing_has_broken_off() -> None:
    with pytest.raises(BrokenOff):
        json_document(b" ")

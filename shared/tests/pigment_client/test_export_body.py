"""A body that cannot be an export is rejected with its kind; any table passes, with any cells."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pigment_client.errors import NotAnExport
from pigment_client.http.export import BodyCheck, kind_by_media_type
from pigment_client.http.request import Request
from pigment_client.keys import Purpose

REQUEST = Request("export list", Purpose.EXPORT, "POST", "/")
CUTS = st.lists(st.integers(1, 7), min_size=1, max_size=5)


def check(body: bytes, cuts: list[int]) -> None:
    checked = BodyCheck(REQUEST)
    start = number = 0
    while start < len(body):
        end = start + cuts[number % len(cuts)]
        checked.check_chunk(body[start:end])
        start, number = end, number + 1
    checked.check_end()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(
    document=st.dictionaries(st.text(max_size=8), JSON, max_size=4) | st.lists(JSON, max_size=4),
    indent=st.none() | st.integers(0, 4),
    mark=st.booleans(),
    cuts=CUTS,
)
def test_a_json_document_is_no_export(document: object, indent: int | None, mark: bool, cuts: list[int]) -> None:
    body = (b"\xef\xbb\xbf" if mark else b"") + json.dumps(document, indent=indent).encode()

    with pytest.raises(NotAnExport) as caught:
        check(body, cuts)

    assert caught.value.received == "JSON"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<!DOCTYPE html><title>Sign in</title>\n", "markup"),
        (b"\r\n<html>\n", "markup"),
        (b'<?xml version="1.0"?>\n<Error/>', "markup"),
        ("Größe;Höhe\r\n1;2\r\n".encode("latin-1"), "UTF-8"),
        ("a;b\r\n1;2\r\n".encode("utf-16"), "UTF-8"),
        ("a;b\r\n1;Größe".encode()[:-2], "UTF-8"),
        (b"Service Unavailable", "without columns"),
        (b'{"error": ' + b'"' + b"x" * 1_000_000 + b'"}', "JSON"),
    ],
)
def test_other_responses_are_no_export(body: bytes, kind: str) -> None:
    with pytest.raises(NotAnExport) as caught:
        check(body, [7, 1, 3])

    assert kind in caught.value.received
    assert caught.value.__context__ is None


@settings(deadline=None)
@given(
    rows=st.lists(st.lists(st.text(max_size=12), min_size=2, max_size=2), min_size=1, max_size=5),
    delimiter=st.sampled_from(";,"),
    mark=st.booleans(),
    cuts=CUTS,
)
def test_any_table_passes(rows: list[list[str]], delimiter: str, mark: bool, cuts: list[int]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(rows)
    body = text.getvalue().encode("utf-8", "surrogatepass")
    if "\ud800" <= max(body.decode("utf-8", "replace"), default="") <= "\udfff":
        return

    check((b"\xef\xbb\xbf" if mark else b"") + body, cuts)


@pytest.mark.parametrize(
    "body",
    [b"[Region];x\r\n", b"{id}\r\n1\r\n", b"<50;>50\r\n", b"Item\r\n", b'"Item"\r\n', b"2026\r\n", b"true;false"],
)
def test_headers_that_only_look_strange_pass(body: bytes) -> None:
    check(body, [3])


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        ("text/csv; charset=utf-8", None),
        ("text/plain", None),
        ("", None),
        ("application/octet-stream", None),
        ("application/json", "JSON"),
        ("application/problem+json", "a problem document"),
        ("application/vnd.api+json", "JSON"),
        ("Text/HTML; charset=utf-8", "a page of markup such as HTML"),
    ],
)
def test_media_types(content_type: str, kind: str | None) -> None:
    assert kind_by_media_type(content_type) == kind

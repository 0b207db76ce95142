"""IDs as people paste them."""

from __future__ import annotations

import pytest

from pigment_airbyte.failures import ConfigProblem
from pigment_airbyte.form import IdKind, pasted_id

APPLICATION = "33d0d7d0-6125-47c4-b36a-882f4ed53b33"
BLOCK = "44d0d7d0-6125-47c4-b36a-882f4ed53b44"
VIEW = "55d0d7d0-6125-47c4-b36a-882f4ed53b55"
CONFIGURATION = "66d0d7d0-6125-47c4-b36a-882f4ed53b66"

ADDRESS = f"https://pigment.app/application/{APPLICATION}/tables/{BLOCK}?displayMode=Grid&viewId={VIEW}"


@pytest.mark.parametrize(
    ("pasted", "kind", "expected"),
    [
        (APPLICATION, IdKind.APPLICATION, APPLICATION),
        (f'  "{APPLICATION.upper()}"\n', IdKind.APPLICATION, APPLICATION),
        (f"“{APPLICATION}”", IdKind.VIEW, APPLICATION),
        (ADDRESS, IdKind.APPLICATION, APPLICATION),
        (ADDRESS, IdKind.BLOCK, BLOCK),
        (ADDRESS, IdKind.VIEW, VIEW),
        (ADDRESS.removeprefix("https://"), IdKind.APPLICATION, APPLICATION),
        (f"https://pigment.app/app/{APPLICATION}/home", IdKind.APPLICATION, APPLICATION),
        (f"https://pigment.app/w/acme/application/{APPLICATION}/boards/{BLOCK}", IdKind.APPLICATION, APPLICATION),
        (f"https://pigment.app/w/acme/application/{APPLICATION}/lists/{BLOCK}", IdKind.LIST, BLOCK),
        (f"https://pigment.app/application/{APPLICATION}/metrics/{BLOCK}/", IdKind.BLOCK, BLOCK),
        (f"https://pigment.app/api/v1/export/view/{VIEW}", IdKind.VIEW, VIEW),
        (
            f"https://pigment.app/api/v1/import/push/csv?configurationId={CONFIGURATION}",
            IdKind.IMPORT_CONFIGURATION,
            CONFIGURATION,
        ),
        (
            f"https://pigment.app/api/importservice/Csv/ApiPush/{CONFIGURATION}",
            IdKind.IMPORT_CONFIGURATION,
            CONFIGURATION,
        ),
        (
            f"https://pigment.app/application/{APPLICATION}/integrations/import-configurations/{CONFIGURATION}",
            IdKind.IMPORT_CONFIGURATION,
            CONFIGURATION,
        ),
        ("", IdKind.APPLICATION, ""),
        (None, IdKind.APPLICATION, ""),
        (" P&L ", IdKind.BLOCK, "P&L"),
        ("Revenue/Cost", IdKind.BLOCK, "Revenue/Cost"),
        ("v1.0/Plan", IdKind.BLOCK, "v1.0/Plan"),
    ],
)
def test_the_id_is_found(pasted: object, kind: IdKind, expected: str) -> None:
    assert pasted_id(pasted, kind, "Field") == expected


@pytest.mark.parametrize(
    ("pasted", "kind"),
    [
        ("https://pigment.app", IdKind.APPLICATION),
        ("https://[", IdKind.IMPORT_CONFIGURATION),
        (f"https://pigment.app/application/{APPLICATION}/tables/{BLOCK}", IdKind.VIEW),
        (f"https://pigment.app/application/{APPLICATION}/tables/{BLOCK}", IdKind.IMPORT_CONFIGURATION),
        (f"https://pigment.app/application/{APPLICATION}/tables/{BLOCK}", IdKind.LIST),
        (f"https://pigment.app/application/{APPLICATION}/boards/{BLOCK}", IdKind.BLOCK),
    ],
)
def test_an_address_of_something_else_is_rejected_by_the_name_of_the_field(pasted: str, kind: IdKind) -> None:
    with pytest.raises(ConfigProblem, match=f'The address under "The field" contains no {kind} ID: .*copy'):
        pasted_id(pasted, kind, "The field")


@pytest.mark.parametrize("kind", [IdKind.APPLICATION, IdKind.VIEW])
def test_a_name_is_no_id_where_only_an_id_can_be(kind: IdKind) -> None:
    with pytest.raises(ConfigProblem, match='"Planning" under "The field" is not an ID'):
        pasted_id("Planning", kind, "The field")

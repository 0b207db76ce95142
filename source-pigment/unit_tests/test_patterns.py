"""Include and Exclude: what a pattern meant for one application it means for several, and more with a slash."""

from __future__ import annotations

from fnmatch import fnmatchcase
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pigment_client.models import Block, BlockType
from source_pigment.config import any_matches, parse_config

NAMES = st.text(st.sampled_from("aB/ *?[]("), max_size=5)
PLAIN = st.text(st.sampled_from("aB ("), min_size=1, max_size=4).filter(lambda name: name == name.strip())
PATTERNS = st.lists(NAMES, max_size=3)


@given(patterns=PATTERNS, block=NAMES)
def test_for_one_application_a_pattern_means_the_whole_name_of_a_block(patterns: list[str], block: str) -> None:
    plain = any(fnmatchcase(block.strip(), each.strip().replace("[", "[[]")) for each in patterns)
    assert any_matches(patterns, block) is plain


@given(patterns=PATTERNS, block=NAMES, application=NAMES)
def test_what_means_a_block_of_one_application_means_it_among_several(
    patterns: list[str], block: str, application: str
) -> None:
    assert any_matches(patterns, block, [application]) >= any_matches(patterns, block)


@given(pattern=NAMES.filter(lambda text: "/" not in text), block=NAMES, application=NAMES)
def test_without_a_slash_the_application_does_not_matter(pattern: str, block: str, application: str) -> None:
    assert any_matches([pattern], block, [application]) is any_matches([pattern], block)


@given(wanted=st.tuples(NAMES, NAMES), other=st.tuples(PLAIN, PLAIN))
def test_application_and_block_mean_just_that_block(wanted: tuple[str, str], other: tuple[str, str]) -> None:
    application, block = wanted
    assert any_matches([f"{application}/{block}"], block, [application])
    application, block = other
    for each in ((application, block), (application, block + "x"), (application + "x", block)):
        assert any_matches([f"{application}/{block}"], each[1], [each[0]]) is (each == other)


@pytest.mark.parametrize(
    ("pattern", "application", "block", "means"),
    [
        ("Sales/*", "Sales", "Revenue", True),
        ("Sales/*", "Sales", "G&A / Finance", True),
        ("Sales/*", "People", "Revenue", False),
        ("Sales / Revenue", "Sales", "Revenue", True),
        ("*/Revenue", "Sales", "Revenue", True),
        ("*/Revenue", "Sales", "Cost", False),
        ("Sales/EMEA/Revenue", "Sales/EMEA", "Revenue", True),
        ("Sales/EMEA/Revenue", "Sales", "EMEA/Revenue", True),
        # As for one application: the name of a block, slash and all.
        ("Sales/EMEA", "People", "Sales/EMEA", True),
        ("S*/[x]", "Sales", "[x]", True),
        ("sales/Revenue", "Sales", "Revenue", False),
        ("/Revenue", "Sales", "Revenue", False),
    ],
)
def test_a_slash_stands_between_application_and_block(pattern: str, application: str, block: str, means: bool) -> None:
    assert any_matches([pattern], block, [application]) is means


ONE, TWO = "Umsa\u0308tze", "Ums\u00e4tze"


@pytest.mark.parametrize(
    ("names", "include", "exclude", "chosen"),
    [
        ([ONE], [TWO], [], [ONE]),
        ([TWO, "Cost"], [], [ONE], ["Cost"]),
        ([ONE, TWO], [TWO], [], [TWO]),
        ([ONE, TWO], [], [ONE], [TWO]),
        ([ONE, TWO + " 2"], [TWO + "*"], [], [ONE, TWO + " 2"]),
        ([ONE], ["Ums?tze"], [], [ONE]),
        ([ONE, "Cost"], ["Umsatze"], [], []),
    ],
)
def test_a_name_matches_in_its_form_or_else_in_the_composed_one(
    names: list[str], include: list[str], exclude: list[str], chosen: list[str]
) -> None:
    blocks = [Block(name, name, BlockType.DIMENSION_LIST) for name in names]
    config = parse_config({"include": include, "exclude": exclude})
    assert [each.name for each in config.choose(blocks)] == chosen


@given(st.text(st.sampled_from("aa\u0308\u00e4\u0301e"), min_size=1, max_size=6), st.sampled_from(["NFC", "NFD"]))
def test_a_pattern_in_either_form_chooses_a_block_and_its_application(name: str, form: str) -> None:
    blocks = [Block("id", name, BlockType.DIMENSION_LIST)]
    written = normalize(form, name)  # type: ignore[arg-type] # one of the forms
    assert parse_config({"include": [written]}).choose(blocks) == blocks
    assert parse_config({"include": [f"{written}/*"]}).choose(blocks, [name]) == blocks
    assert parse_config({"exclude": [written]}).choose(blocks) == []

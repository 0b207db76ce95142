"""The words of the pages and forms: how long a page and a paragraph may be, and phrases that must not come back."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from documents.forms import PHOTOGRAPHS, fingerprints
from documents.generated import ROOT

FOR_USERS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "docs").rglob("*.md")
    if path.stem not in {"architecture", "dependencies", "performance", "verify"}
)
FORMS = (
    "destination-pigment/destination_pigment/spec.yaml",
    "source-pigment/source_pigment/spec.yaml",
    "shared/pigment_airbyte/shared_fields.yaml",
)
MOST_WORDS = {"docs/destinations/pigment.md": 1500, "docs/sources/pigment.md": 1050}
MOST_WORDS_OF_A_PARAGRAPH = 60

# From a reading of both forms and all pages as an English-speaking planner reads them.
PHRASES = (
    "comes whole",
    "let somebody own",
    "into your calendar",
    "says the date",
    "namespace of its name",
    "counts as broken",
    "stands before",
    "stands between",
    "goes on",
    "only those can look",
    "later than the overlap",
    "besides",
    "is none that",
    "is no id",
    "on trust",
    "a moment as",
    "proper date",
    "arrive wrong otherwise",
    "is known as in aws",
    "nobody",
    "somebody",
    "stands as it came",
    "what may pass",
    "by then",
    "so it does whenever",
    "is proved by",
    "shape of the value",
    "on its way",
    "as it is where",
    "let the target have",
    "said in the log",
    "makes keys",
    "which a security administrator makes",
    "is believed",
    "does not take a row",
    "for good",
    "whoever",
    "anew",
)


def paragraphs(page: str) -> list[str]:
    """The prose of a page: each paragraph and each item of a list, without headings, tables, code and pictures."""
    text = re.sub(r"```.*?```|<!--.*?-->", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    text = re.sub(r"^\s*(\||#|!\[|<).*$", "", text, flags=re.MULTILINE)
    return [part for part in re.split(r"\n\s*\n|\n\s*(?=(?:[*-]|\d+\.) )", text) if part.strip()]


@pytest.mark.parametrize("page", MOST_WORDS)
def test_a_main_page_can_be_read_in_one_sitting(page: str) -> None:
    words = re.findall(r"[^\s|]*\w[^\s|]*", (ROOT / page).read_text(encoding="utf-8"))

    assert len(words) <= MOST_WORDS[page]


@pytest.mark.parametrize("page", FOR_USERS)
def test_paragraphs_are_short(page: str) -> None:
    assert [each for each in paragraphs(page) if len(each.split()) >= MOST_WORDS_OF_A_PARAGRAPH] == []


@pytest.mark.parametrize("page", [*FOR_USERS, *FORMS])
def test_phrases_that_were_replaced_do_not_come_back(page: str) -> None:
    text = re.sub(r"\s+", " ", (ROOT / page).read_text(encoding="utf-8").replace("| Nobody |", "")).lower()

    assert [each for each in PHRASES if re.search(rf"\b{re.escape(each)}\b", text)] == []


def test_the_photographs_show_the_forms_as_they_are() -> None:
    """Run `make pictures`, and look at them."""
    assert json.loads(Path(PHOTOGRAPHS).read_text(encoding="utf-8")) == fingerprints()

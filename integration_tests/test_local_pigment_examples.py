"""Worked examples of what Pigment's knowledge base describes: rows before, a file, its counts, rows after.

The counts are inserted, updated, deleted, skipped; where Pigment publishes none they are what its words imply.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from local_pigment.blocks import Property, ValueType
from local_pigment.imports import UnknownItem
from local_pigment.sample import planning_model
from local_pigment.server import LocalPigment
from stranger import Counts, Site

MONTHS = [f"{name} 26" for name in ("Jan", "Feb", "Mar", "Apr", "May", "Jun")]


@pytest.fixture
def site() -> Iterator[Site]:
    with LocalPigment(planning_model(ledger_rows=1)) as pigment:
        site = Site(pigment)
        month, country = site.dimension("Month", *MONTHS), site.dimension("Country", "IE", "FR", "DE")
        entry, amount, mapping = Property("Entry"), Property("Amount", ValueType.NUMBER), Property("Mapping")
        clears = {"clear_before_import": True}
        site.add_list("Synchronised", entry, amount, mapping, key="Entry", **clears)
        site.add_list("Ledger", entry, amount, month, **clears)
        site.add_list("By month", entry, amount, month, scope=("Month",), **clears)
        site.add_list("Keyed", entry, amount, key="Entry")
        site.add_list("By country", entry, country)
        site.add_metric("Plan", "Month")
        site.add_metric("Wide", "Country", "Month", pivot="Month")
        yield site


@dataclass(frozen=True)
class Example:
    """A file for a block, and what it does."""

    block: str
    before: list[list[str]]
    file: str
    counts: Counts
    after: list[list[str]]


THREE = [["E1", "10", "Rent"], ["E2", "20", "Travel"], ["E3", "30", "IT"]]
FOUR = [*THREE, ["E4", "40", "HR"]]
MONTHLY = [["J1", "1", "Jan 26"], ["J2", "2", "Jan 26"], ["F1", "3", "Feb 26"]]
PLAN = [["Jan 26", "10"], ["Feb 26", "20"]]

EXAMPLES = {
    "a synchronisation from which no key vanished": Example(
        "Synchronised",
        THREE,
        "Entry,Amount\nE1,10\nE2,25\nE3,30\n",
        (0, 3, 0, 0),
        [["E1", "10", "Rent"], ["E2", "25", "Travel"], ["E3", "30", "IT"]],
    ),
    "a synchronisation with a new key": Example(
        "Synchronised", THREE, "Entry,Amount\nE1,10\nE2,20\nE3,30\nE4,40\n", (1, 3, 0, 0), [*THREE, ["E4", "40", ""]]
    ),
    "a synchronisation in which one key vanished and one is new": Example(
        "Synchronised", THREE, "Entry,Amount\nE1,10\nE2,20\nE4,40\n", (1, 2, 1, 0), [*THREE[:2], ["E4", "40", ""]]
    ),
    "a list without a unique identifier, which loses what the file lacks": Example(
        "Ledger", MONTHLY, "Entry,Amount\nJ1,1\nJ2,2\n", (2, 0, 3, 0), [["J1", "1", ""], ["J2", "2", ""]]
    ),
    "a month": Example(
        "By month",
        MONTHLY,
        "Entry,Amount,Month\nJ1,11,Jan 26\nJ2,12,Jan 26\nJ3,13,Jan 26\n",
        (3, 0, 2, 0),
        [MONTHLY[2], ["J1", "11", "Jan 26"], ["J2", "12", "Jan 26"], ["J3", "13", "Jan 26"]],
    ),
    "the first load of a month": Example(
        "By month", MONTHLY, "Entry,Amount,Month\nM1,5,Mar 26\n", (1, 0, 0, 0), [*MONTHLY, ["M1", "5", "Mar 26"]]
    ),
    "the changed rows of a month alone": Example(
        "By month", MONTHLY, "Entry,Amount,Month\nJ1,11,Jan 26\n", (1, 0, 2, 0), [MONTHLY[2], ["J1", "11", "Jan 26"]]
    ),
    "a header through a scope": Example("By month", MONTHLY, "Entry,Amount,Month\n", (0, 0, 0, 0), MONTHLY),
    "a header through an entire list": Example("Ledger", MONTHLY, "Entry,Amount,Month\n", (0, 0, 3, 0), []),
    "a header through a synchronisation": Example("Synchronised", THREE, "Entry,Amount\n", (0, 0, 3, 0), []),
    "a blank in a metric": Example(
        "Plan", PLAN, "Month,Plan\nJan 26,11\nFeb 26,\nMar 26,5\n", (1, 1, 1, 0), [["Jan 26", "11"], ["Mar 26", "5"]]
    ),
    "months as columns": Example(
        "Wide",
        [],
        "Country," + ",".join(MONTHS) + "\nIE,1,2,3,4,5,6\nFR,1,2,3,4,5,6\nDE,1,2,3,4,5,\n",
        (17, 0, 0, 0),
        [
            [country, month, str(number)]
            for country in ("IE", "FR", "DE")
            for number, month in enumerate(MONTHS, start=1)
            if (country, number) != ("DE", 6)
        ],
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_worked_example(site: Site, name: str) -> None:
    example = EXAMPLES[name]
    fill(site, example.block, example.before)

    assert site.counts(example.block, example.file) == example.counts
    assert site.rows(example.block) == example.after


def fill(site: Site, name: str, rows: list[list[str]]) -> None:
    block = site.workspace.block(name, "Consolidation")
    for row in rows:
        if block.type == "Metric":
            block.of()[tuple(row[:-1])] = row[-1]  # type: ignore[union-attr] # it is a metric
        else:
            block.add(*row)  # type: ignore[union-attr] # it is a list


def test_two_files_of_a_synchronisation_lose_what_people_filled_in(site: Site) -> None:
    fill(site, "Synchronised", FOUR)
    adding = site.workspace.configuration("Synchronised")

    assert site.counts("Synchronised", "Entry,Amount\nE1,10\nE2,20\n") == (0, 2, 2, 0)
    adding.clear_before_import = False
    assert site.counts("Synchronised", "Entry,Amount\nE3,30\nE4,40\n") == (2, 0, 0, 0)
    assert site.rows("Synchronised") == [*FOUR[:2], ["E3", "30", ""], ["E4", "40", ""]]


def test_the_second_file_of_a_month_deletes_the_first(site: Site) -> None:
    header = "Entry,Amount,Month\n"

    assert site.counts("By month", header + "J1,1,Jan 26\nJ2,2,Jan 26\nJ3,3,Jan 26\n") == (3, 0, 0, 0)
    assert site.counts("By month", header + "J4,4,Jan 26\nJ5,5,Jan 26\nJ6,6,Jan 26\n") == (3, 0, 3, 0)
    assert [row[0] for row in site.rows("By month")] == ["J4", "J5", "J6"]


def test_a_unique_identifier_that_stands_twice_fails_the_import(site: Site) -> None:
    fill(site, "Keyed", [["E1", "1"]])

    assert site.fails("Keyed", "Entry,Amount\nE2,2\nE4,100\nE4,110\n") == "DuplicateKey"
    assert site.rows("Keyed") == [["E1", "1"]]


def test_rows_that_the_owner_of_the_key_may_not_write_are_skipped(site: Site) -> None:
    site.owner(writable={"Country": {"IE"}})

    assert site.skipped("By country", "Entry,Country\n1,IE\n2,FR\n3,DE\n4,\n") == {"MissingWriteAccessRights": 2}
    assert site.rows("By country") == [["1", "IE"], ["4", ""]]


@pytest.mark.parametrize("counted", [False, True])
def test_an_unknown_item_that_becomes_a_blank_is_stored(site: Site, counted: bool) -> None:
    site.workspace.variants.blanked_counted = counted
    site.workspace.configuration("By country").unknown_item = UnknownItem.USE_BLANK

    report = site.push("By country", "Entry,Country\n1,IE\n2,Atlantis\n3,DE\n")
    assert report["summary"]["insertedCount"] == 3
    assert report["summary"]["skippedCount"] == (1 if counted else 0)
    skipped = report["detailedReport"]["impactedBlocks"][0]["skippedData"]
    assert [each["reason"] for each in skipped] == ["MissingModalityUseDefaultOrNullModality"]
    assert site.rows("By country")[1] == ["2", ""]


@pytest.mark.parametrize("known", [False, True])
def test_the_filter_words_of_the_samples_are_a_variant(site: Site, known: bool) -> None:
    site.workspace.variants.kb_filter_words = known
    block = site.workspace.block("Headcount", "Planning")
    condition = {"type": "value", "value": {"metricId": block.id, "condition": {"type": "IsNotBlank"}}}
    answer = site.ask_export("metric", block.id, {"exportFilter": {"type": "AND", "and": [condition]}})

    assert answer.status_code == (200 if known else 400)


def test_a_filter_needs_items(site: Site) -> None:
    block = site.workspace.block("Headcount", "Planning")
    departments = site.workspace.block("Departments", "Planning")
    tree = {"type": "Dimension", "dimension": {"dimensionId": departments.id, "modalityIds": []}}

    assert site.ask_export("metric", block.id, {"exportFilter": tree}).status_code == 400

""" "Clear items prior to import" in the local Pigment: what is deleted, and every way that no page describes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local_pigment.blocks import Property, ValueType
from local_pigment.faults import FailImport
from local_pigment.imports import UnknownItem
from local_pigment.sample import LEDGER_BY_KEY, LEDGER_BY_MONTH, planning_model
from local_pigment.server import LocalPigment
from local_pigment.variants import Forbidden, ImportsOfABlock, Variants
from stranger import Site

MONTH, COUNTRY = ("Month", ["Jan", "Feb"]), ("Country", ["FR", "DE"])
CLEARS = {"clear_before_import": True}


@pytest.fixture
def site() -> Iterator[Site]:
    with LocalPigment(planning_model(ledger_rows=1)) as pigment:
        site = Site(pigment)
        months, countries = (site.dimension(name, *items) for name, items in (MONTH, COUNTRY))
        entry, posted = Property("Entry"), Property("Posted", ValueType.DATE)
        site.add_list("Ledger", entry, months, countries, **CLEARS)
        site.add_list("Keyed", entry, months, countries, key="Entry", **CLEARS)
        site.add_list("Days", entry, posted, scope=("Posted",), **CLEARS)
        site.add_metric("Plan", "Month", "Country", **CLEARS)
        yield site


@pytest.fixture
def variants(site: Site) -> Variants:
    return site.workspace.variants


HEADER = "Entry,Month,Country\n"
ROWS = HEADER + "1,Jan,FR\n2,Jan,DE\n3,Feb,FR\n4,Feb,DE\n"
CELLS = "Month,Country,Plan\nJan,FR,1\nJan,DE,2\nFeb,FR,3\nFeb,DE,4\n"


def entries(site: Site, block: str = "Ledger") -> list[str]:
    return [row[0] for row in site.rows(block)]


@pytest.mark.parametrize(("counted", "deleted"), [(True, 4), (False, 0)])
@pytest.mark.parametrize(("block", "rows", "next_rows"), [("Ledger", ROWS, HEADER + "5,,\n"), ("Plan", CELLS, CELLS)])
def test_whether_cleared_rows_are_counted(
    site: Site, variants: Variants, counted: bool, deleted: int, block: str, rows: str, next_rows: str
) -> None:
    site.push(block, rows)
    variants.clear_counted = counted

    assert site.counts(block, next_rows)[1:3] == (0, deleted)
    assert len(site.rows(block)) == next_rows.count("\n") - 1


@pytest.mark.parametrize("clears", [True, False])
@pytest.mark.parametrize(("block", "rows"), [("Ledger", ROWS), ("Keyed", ROWS), ("Plan", CELLS)])
def test_whether_a_header_alone_clears(site: Site, variants: Variants, clears: bool, block: str, rows: str) -> None:
    site.push(block, rows)
    variants.header_only_clears = clears

    assert site.counts(block, rows.partition("\n")[0] + "\n") == (0, 0, 4 if clears else 0, 0)
    assert len(site.rows(block)) == (0 if clears else 4)


@pytest.mark.parametrize("clears", [False, True])
@pytest.mark.parametrize("reason", ["a fault", "another delimiter", "a key twice"])
def test_whether_a_failed_import_has_cleared(site: Site, variants: Variants, clears: bool, reason: str) -> None:
    site.push("Keyed", ROWS)
    variants.failed_import_clears = clears
    text = {"another delimiter": "Entry;Month\n1;Jan\n", "a key twice": HEADER + "1,Jan,FR\n1,Jan,FR\n"}.get(
        reason, ROWS
    )
    if reason == "a fault":
        site.pigment.faults.queue("push_csv", FailImport())

    site.fails("Keyed", text)
    kept = ["1"] if reason == "a key twice" else []
    assert entries(site, "Keyed") == (kept if clears else ["1", "2", "3", "4"])


def test_a_row_whose_key_is_in_the_file_stays_even_if_the_file_cannot_change_it(site: Site) -> None:
    site.push("Keyed", ROWS)

    assert site.counts("Keyed", HEADER + "1,Nowhere,FR\n2,Feb,DE\n") == (0, 1, 2, 1)
    assert site.rows("Keyed") == [["1", "Jan", "FR"], ["2", "Feb", "DE"]]


def test_a_dimension_list_is_synchronised_by_its_item(site: Site) -> None:
    site.workspace.configuration("Country").clear_before_import = True

    assert site.counts("Country", "Item,Code\nDE,D\nIE,I\n") == (1, 1, 1, 0)
    assert site.rows("Country") == [["DE", "D"], ["IE", "I"]]


@pytest.mark.parametrize("comes_back", [False, True])
def test_what_refers_to_a_deleted_item_goes_with_it(site: Site, comes_back: bool) -> None:
    site.push("Ledger", ROWS)
    site.push("Plan", CELLS)
    site.workspace.configuration("Country").clear_before_import = True
    site.push("Country", "Item\nDE\n")
    if comes_back:
        site.push("Country", "Item\nDE\nFR\n")

    assert [row[1] for row in site.rows("Plan")] == ["DE", "DE"]
    assert [row[2] for row in site.rows("Ledger")] == ["", "DE", "", "DE"]


@pytest.mark.parametrize("crossed", [False, True])
@pytest.mark.parametrize(("block", "rows"), [("Ledger", ROWS), ("Plan", CELLS)])
def test_two_columns_of_a_scope_are_pairs_or_crossings(
    site: Site, variants: Variants, crossed: bool, block: str, rows: str
) -> None:
    site.push(block, rows)
    variants.crossed_scope = crossed
    site.workspace.configuration(block).scope = ("Month", "Country")
    file = HEADER + "8,Jan,FR\n9,Feb,DE\n" if block == "Ledger" else "Month,Country,Plan\nJan,FR,8\nFeb,DE,9\n"

    assert site.counts(block, file) == (2, 0, 4 if crossed else 2, 0)
    assert len(site.rows(block)) == (2 if crossed else 4)


def test_a_fixed_scope_is_cleared_whatever_the_file_has(site: Site) -> None:
    site.push("Ledger", ROWS)
    configuration = site.workspace.configuration("Ledger")
    configuration.scope, configuration.fixed_scope = ("Month",), ("Jan",)

    assert site.counts("Ledger", HEADER + "5,Feb,FR\n") == (1, 0, 2, 0)
    assert site.counts("Ledger", HEADER) == (0, 0, 0, 0)
    assert entries(site) == ["3", "4", "5"]


@pytest.mark.parametrize(("coarse", "kept"), [(False, ["1", "3"]), (True, ["3"])])
def test_a_scope_of_days_may_be_one_of_months(site: Site, coarse: bool, kept: list[str]) -> None:
    site.push("Days", "Entry,Posted\n1,2026-01-01\n3,2026-02-01\n")
    site.workspace.configuration("Days").coarse_scope = coarse
    site.push("Days", "Entry,Posted\n2,2026-01-31\n")

    assert entries(site, "Days") == [*kept, "2"]


def test_a_scope_with_a_unique_identifier_keeps_what_the_file_names(site: Site) -> None:
    site.push("Keyed", ROWS)
    site.workspace.configuration("Keyed").scope = ("Month",)

    assert site.counts("Keyed", "Entry,Month\n1,Jan\n5,Jan\n") == (1, 1, 1, 0)
    assert site.rows("Keyed") == [["1", "Jan", "FR"], ["3", "Feb", "FR"], ["4", "Feb", "DE"], ["5", "Jan", ""]]


def test_a_file_needs_the_columns_of_the_scope(site: Site) -> None:
    site.workspace.configuration("Ledger").scope = ("Month",)

    assert site.fails("Ledger", "Entry,Country\n1,FR\n") == "MissingScopeColumn"


def test_a_blank_or_unknown_value_is_no_value_of_a_scope(site: Site) -> None:
    site.push("Ledger", HEADER + "1,,FR\n2,Jan,FR\n")
    configuration = site.workspace.configuration("Ledger")
    configuration.scope, configuration.unknown_item = ("Month",), UnknownItem.USE_BLANK

    assert site.counts("Ledger", HEADER + "3,,FR\n4,Dec,FR\n") == (2, 0, 0, 0)


@pytest.mark.parametrize("rule", list(Forbidden))
def test_without_the_right_to_delete_items_an_import_fails_or_clears_nothing(
    site: Site, variants: Variants, rule: Forbidden
) -> None:
    site.push("Ledger", ROWS)
    site.owner(may_delete_items=False)
    variants.clear_without_right = rule
    new = HEADER + "5,Jan,FR\n"

    if rule is Forbidden.FAIL:
        assert site.fails("Ledger", new) == "MissingDeletePermission"
        assert entries(site) == ["1", "2", "3", "4"]
    else:
        assert site.counts("Ledger", new) == (1, 0, 0, 0)
        assert entries(site) == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(("limited", "deleted"), [(False, 4), (True, 2)])
def test_clearing_goes_as_far_as_the_rights_of_the_owner_or_farther(
    site: Site, variants: Variants, limited: bool, deleted: int
) -> None:
    site.push("Ledger", ROWS)
    site.owner(writable={"Country": {"FR"}})
    variants.rights_limit_clearing = limited

    assert site.counts("Ledger", HEADER + "5,Jan,FR\n6,Jan,DE\n") == (1, 0, deleted, 1)


@pytest.mark.parametrize("rule", list(ImportsOfABlock))
def test_a_synchronisation_that_overlaps_another_clears_when_it_begins(
    site: Site, variants: Variants, rule: ImportsOfABlock
) -> None:
    site.push("Keyed", ROWS)
    variants.import_seconds, variants.imports_of_a_block = 10, rule
    for number in (1, 5):
        site.push("Keyed", f"{HEADER}{number},Jan,FR\n")
    site.workspace.settle()

    assert entries(site, "Keyed") == (["1", "5"] if rule is ImportsOfABlock.OVERLAP else ["5"])


def test_the_sample_has_a_ledger_that_is_synchronised_and_reloaded_by_month(site: Site) -> None:
    header = "Entry,Posted,Amount\n"
    site.push("General Ledger", header + "1,2026-01-05,1\n2,2026-01-06,2\n3,2026-02-05,3\n")

    assert site.counts(LEDGER_BY_MONTH, header + "4,2026-01-31,4\n") == (1, 0, 2, 0)
    assert site.counts(LEDGER_BY_KEY, header + "4,2026-01-31,5\n") == (0, 1, 1, 0)

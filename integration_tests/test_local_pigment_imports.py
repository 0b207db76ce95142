"""Keys, cells, items, formats and rights of imports in the local Pigment, and every way that no page describes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local_pigment.blocks import Property, ValueType
from local_pigment.imports import UnknownItem
from local_pigment.sample import planning_model
from local_pigment.server import LocalPigment
from local_pigment.variants import DoubleCell, DuplicateKey, Forbidden, Variants
from stranger import Counts, Site


@pytest.fixture
def site() -> Iterator[Site]:
    with LocalPigment(planning_model(ledger_rows=1)) as pigment:
        site = Site(pigment)
        country = site.dimension("Country", "FR", "DE")
        entry, amount = Property("Entry"), Property("Amount", ValueType.NUMBER)
        site.add_list("Keyed", entry, amount, key="Entry")
        site.add_list("Ledger", entry, country, amount)
        site.add_list("Numbered", Property("Number", ValueType.NUMBER), amount, key="Number")
        site.add_metric("Plan", "Country")
        yield site


@pytest.fixture
def variants(site: Site) -> Variants:
    return site.workspace.variants


TWICE = "Entry,Amount\nE4,100\nE4,110\n"


@pytest.mark.parametrize(
    ("rule", "counts", "stored"), [(DuplicateKey.FIRST, (1, 0, 0, 0), "100"), (DuplicateKey.LAST, (1, 1, 0, 0), "110")]
)
@pytest.mark.parametrize("dry_run", [False, True])
def test_rows_of_one_key_may_be_merged(
    site: Site, variants: Variants, rule: DuplicateKey, counts: Counts, stored: str, dry_run: bool
) -> None:
    variants.duplicate_key, variants.respects_dry_run = rule, True
    if dry_run:
        site.push("Keyed", TWICE, dryRun="true")
        run = next(iter(site.workspace.imports.values()))
        assert (run.inserted, run.updated, run.deleted, run.skipped_count) == counts
        assert site.rows("Keyed") == []
    else:
        assert site.counts("Keyed", TWICE) == counts
        assert site.rows("Keyed") == [["E4", stored]]


def test_a_dry_run_changes_neither_cells_nor_items(site: Site, variants: Variants) -> None:
    variants.respects_dry_run = True
    site.workspace.configuration("Plan").unknown_item = UnknownItem.CREATE
    site.push("Plan", "Country,Plan\nFR,1\n")
    site.push("Plan", "Country,Plan\nFR,2\nIE,3\n", dryRun="true")

    assert site.rows("Plan") == [["FR", "1"]]
    assert [row[0] for row in site.rows("Country")] == ["FR", "DE"]


@pytest.mark.parametrize("richer", [False, True])
def test_a_dry_run_stores_rows_where_only_the_described_api_is(site: Site, variants: Variants, richer: bool) -> None:
    variants.richer_metadata = richer
    site.push("Keyed", "Entry,Amount\nE1,1\n", dryRun="true")

    assert len(site.rows("Keyed")) == (0 if richer else 1)


@pytest.mark.parametrize(
    ("rule", "counts", "stored"), [(DoubleCell.LAST, (1, 1, 0, 0), "2.25"), (DoubleCell.SUM, (1, 0, 0, 0), "3.35")]
)
def test_two_rows_of_a_cell(site: Site, variants: Variants, rule: DoubleCell, counts: Counts, stored: str) -> None:
    variants.double_cell = rule

    assert site.counts("Plan", "Country,Plan\nFR,1.10\nFR,2.25\n") == counts
    assert site.rows("Plan") == [["FR", stored]]


def test_two_rows_of_a_cell_may_fail_the_import(site: Site, variants: Variants) -> None:
    variants.double_cell = DoubleCell.FAIL

    assert site.fails("Plan", "Country,Plan\nDE,1\nFR,1\nFR,1\n") == "DuplicateCell"
    assert site.rows("Plan") == []


@pytest.mark.parametrize(("counted", "deleted"), [(True, 1), (False, 0)])
def test_whether_a_cell_that_a_blank_deletes_is_counted(
    site: Site, variants: Variants, counted: bool, deleted: int
) -> None:
    site.push("Plan", "Country,Plan\nFR,1\n")
    variants.blank_deletion_counted = counted

    assert site.counts("Plan", "Country,Plan\nFR,\nDE,\n") == (0, 0, deleted, 0)
    assert site.rows("Plan") == []


@pytest.mark.parametrize(("counted", "updated"), [(True, 2), (False, 1)])
@pytest.mark.parametrize(("block", "key"), [("Keyed", "Entry,Amount"), ("Plan", "Country,Plan")])
def test_whether_unchanged_rows_are_counted(
    site: Site, variants: Variants, counted: bool, updated: int, block: str, key: str
) -> None:
    site.push(block, f"{key}\nFR,1\nDE,2\n")
    variants.unchanged_counted = counted

    assert site.counts(block, f"{key}\nFR,1\nDE,3\n") == (0, updated, 0, 0)


def test_skipped_may_count_every_value_that_became_blank(site: Site, variants: Variants) -> None:
    site.add_list("Pairs", Property("Entry"), site.dimension("Region", "N"), site.dimension("Branch", "B"))
    site.workspace.configuration("Pairs").unknown_item = UnknownItem.USE_BLANK
    variants.blanked_counted = True

    assert site.counts("Pairs", "Entry,Region,Branch\n1,?,?\n2,N,B\n") == (2, 0, 0, 2)


@pytest.mark.parametrize(
    ("case_sensitive", "trims", "found"),
    [(True, False, ["FR"]), (False, False, ["FR", "FR"]), (True, True, ["FR", "FR"]), (False, True, ["FR"] * 4)],
)
def test_items_are_matched_exactly_or_not(
    site: Site, variants: Variants, case_sensitive: bool, trims: bool, found: list[str]
) -> None:
    variants.case_sensitive, variants.trims = case_sensitive, trims
    site.push("Ledger", "Entry,Country\n1,FR\n2,fr\n3,FR \n4, fR\n")

    assert [row[1] for row in site.rows("Ledger")] == found


def test_keys_that_are_compared_without_case_can_stand_twice(site: Site, variants: Variants) -> None:
    assert site.counts("Keyed", "Entry,Amount\ne1,1\nE1,2\n") == (2, 0, 0, 0)
    variants.case_sensitive = False

    assert site.fails("Keyed", "Entry,Amount\ne2,1\nE2,2\n") == "DuplicateKey"


def test_a_key_that_is_a_number_is_compared_as_one(site: Site) -> None:
    site.push("Numbered", "Number,Amount\n1,1\n")

    assert site.counts("Numbered", "Number,Amount\n1.0,2\n") == (0, 1, 0, 0)
    assert site.fails("Numbered", "Number,Amount\n01,1\n1.0,2\n") == "DuplicateKey"


def test_items_are_matched_by_the_property_that_the_configuration_names(site: Site) -> None:
    site.workspace.configuration("Ledger").match_by = {"Country": "Code"}

    assert site.skipped("Ledger", "Entry,Country\n1,C-FR\n2,FR\n") == {"MissingModalitySkippedDataRow": 1}
    assert site.rows("Ledger") == [["1", "FR", ""]]


def test_an_item_that_is_created_has_the_property_by_which_it_was_looked_for(site: Site) -> None:
    configuration = site.workspace.configuration("Ledger")
    configuration.match_by, configuration.unknown_item = {"Country": "Code"}, UnknownItem.CREATE
    site.push("Ledger", "Entry,Country\n1,C-IE\n2,C-IE\n")

    assert site.rows("Country")[2:] == [["C-IE", "C-IE"]]


def test_a_list_that_refers_to_itself_gets_each_item_once(site: Site) -> None:
    block = site.add_list("Staff", Property("Name"), Property("Manager", ValueType.DIMENSION), is_dimension=True)
    block.properties[1].dimension_id = block.id
    site.workspace.configuration("Staff").unknown_item = UnknownItem.CREATE
    site.push("Staff", "Name,Manager\nAda,Grace\nGrace,\n")

    assert site.rows("Staff") == [["Ada", "Grace"], ["Grace", ""]]


def test_a_cell_needs_an_item_even_where_unknown_ones_become_blank(site: Site) -> None:
    site.workspace.configuration("Plan").unknown_item = UnknownItem.USE_BLANK
    report = site.push("Plan", "Country,Plan\nAtlantis,1\n,1\n")["detailedReport"]
    skipped = report["impactedBlocks"][0]["skippedData"]

    assert [(each["reason"], each["samples"]) for each in skipped] == [
        ("MissingModalitySkippedDataRow", ["Atlantis", ""])
    ]


def test_an_integer_keeps_what_stands_before_the_point(site: Site) -> None:
    site.add_list("Heads", Property("Entry"), Property("Count", ValueType.INTEGER))
    site.push("Heads", "Entry,Count\n1,2.9\n2,-0.5\n3,-3.99\n4,\n")

    assert [row[1] for row in site.rows("Heads")] == ["2", "0", "-3", ""]


def test_a_percentage_is_divided_and_a_text_delimiter_is_the_configurations(site: Site) -> None:
    configuration = site.workspace.configuration("Ledger")
    configuration.percent, configuration.text_delimiter = ("Amount",), "'"
    site.push("Ledger", "Entry,Amount\n'a,\"b\"',5\n2,12.345\n")

    assert [[row[0], row[2]] for row in site.rows("Ledger")] == [['a,"b"', "0.05"], ["2", "0.12345"]]


def test_a_pivoted_file_skips_cells(site: Site) -> None:
    site.dimension("Month", "Jan", "Feb")
    site.add_metric("Wide", "Country", "Month", pivot="Month")

    report = site.push("Wide", "Country,Jan,Feb,Total\nFR,1,x,3\nDE,,4,4\n")
    skipped = report["detailedReport"]["impactedBlocks"][0]["skippedData"]

    assert (report["summary"]["insertedCount"], report["summary"]["skippedCount"]) == (2, 3)
    assert {each["sourceColumnName"]: each["samples"] for each in skipped} == {"Feb": ["x"], "Total": ["Total"]}
    assert site.rows("Wide") == [["FR", "Jan", "1"], ["DE", "Feb", "4"]]


def test_a_list_can_be_filled_from_a_pivoted_file(site: Site) -> None:
    month = site.dimension("Month", "Jan", "Feb")
    site.add_list("Flat", Property("Entry"), month, Property("Amount", ValueType.NUMBER), pivot="Month")

    assert site.counts("Flat", "Entry,Jan,Feb\nA,1,2\n") == (2, 0, 0, 0)
    assert site.rows("Flat") == [["A", "Jan", "1"], ["A", "Feb", "2"]]


def test_items_of_a_dimension_list_need_their_own_right(site: Site) -> None:
    site.owner(writable={"Country": {"FR"}})

    assert site.skipped("Country", "Item,Code\nFR,F\nDE,D\n") == {"MissingWriteAccessRights": 1}
    assert site.skipped("Plan", "Country,Plan\nFR,1\nDE,1\n") == {"MissingWriteAccessRights": 1}


def test_an_export_has_only_the_rows_that_the_owner_of_the_key_sees(site: Site) -> None:
    site.push("Ledger", "Entry,Country\n1,FR\n2,DE\n3,\n")
    site.push("Plan", "Country,Plan\nFR,1\nDE,2\n")
    site.owner(readable={"Country": {"FR"}})
    plain = {"fieldDelimiter": "Comma", "friendlyHeaders": True, "encoding": "Utf8WithoutBom"}

    def rows(kind: str, block: str) -> list[str]:
        return [
            line.partition(",")[0] for line in site.export(kind, block, "Consolidation", **plain).split("\r\n")[1:-1]
        ]

    assert rows("list", "Ledger") == ["1", "3"]
    assert rows("list", "Country") == ["FR"]
    assert rows("metric", "Plan") == ["FR"]


@pytest.mark.parametrize("rule", list(Forbidden))
def test_a_protected_list_gets_no_items(site: Site, variants: Variants, rule: Forbidden) -> None:
    site.workspace.block("Country", "Consolidation").protected = True  # type: ignore[union-attr] # it is a list
    site.workspace.configuration("Ledger").unknown_item = UnknownItem.CREATE
    variants.protected_items = rule
    files = {"Ledger": "Entry,Country\n1,FR\n2,IE\n", "Country": "Item,Code\nFR,F\nIE,I\n"}

    for block, text in files.items():
        if rule is Forbidden.FAIL:
            assert site.fails(block, text) == "ProtectedList"
        else:
            assert site.skipped(block, text) == {"MissingModalitySkippedDataRow": 1}
    site.workspace.configuration("Country").clear_before_import = True
    site.push("Country", "Item\nFR\n")
    assert [row[0] for row in site.rows("Country")] == ["FR", "DE"]


def test_the_report_names_the_block_and_a_metrics_scenario(site: Site) -> None:
    def target(configuration: str, text: str) -> tuple[str, str | None]:
        report = site.push(configuration, text)["detailedReport"]
        return report["blockType"], report["impactedBlocks"][0]["scenarioId"]

    application = site.workspace.application("Consolidation")
    application.scenarios = dict(reversed(application.scenarios.items()))
    scenario = next(id_ for id_, name in application.scenarios.items() if name == "Actual")
    assert target("Ledger", "Entry\n1\n") == ("List", None)
    assert target("Plan", "Country,Plan\nFR,1\n") == ("Metric", scenario)

"""Mistakes in the form of the destination, and the sentence that each gets; every one ends in exactly one status."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airbyte_platform.fork_server import ForkServer
from connectors import Runner, destination_config, running
from local_pigment.sample import CONSOLIDATION, LEDGER, PLANNING, planning_model
from local_pigment.server import LocalPigment
from mistakes import (
    MISTAKES_OF_BOTH,
    NOWHERE,
    Config,
    Mistake,
    assert_said,
    literal,
    separate,
    single,
)
from other_sites import html_site, json_site, site_without_such_pages


@pytest.fixture(scope="module")
def pigment() -> Iterator[LocalPigment]:
    with LocalPigment(planning_model(ledger_rows=1)) as started:
        yield started


@pytest.fixture
def destination(pigment: LocalPigment, destination_fork_server: ForkServer) -> Iterator[Runner]:
    pigment.workspace.variants.richer_metadata = False
    with running(destination_fork_server, pigment, destination_config(pigment)) as runner:
        yield runner


def target(**more: Any) -> Callable[[LocalPigment], Config]:
    def config(pigment: LocalPigment) -> Config:
        entry = {"stream": "ledger", "import_configuration_id": pigment.workspace.configuration("General Ledger").id}
        return {"targets": [{**entry, **more}]}

    return config


def ledger_block(**more: Any) -> Callable[[LocalPigment], Config]:
    """A target with the ID of the block that it fills."""

    def config(pigment: LocalPigment) -> Config:
        return target(block_id=pigment.workspace.block(LEDGER, CONSOLIDATION).id, **more)(pigment)

    return config


def paired(name: str, *, richer: bool = False) -> Callable[[LocalPigment], Config]:
    def config(pigment: LocalPigment) -> Config:
        pigment.workspace.variants.richer_metadata = richer
        return target(replace_import_configuration_id=pigment.workspace.configuration(name).id)(pigment)

    return config


def scoped(scope: str) -> Callable[[LocalPigment], Config]:
    def config(pigment: LocalPigment) -> Config:
        pigment.workspace.variants.richer_metadata = True
        return target(scope=scope)(pigment)

    return config


def without_export_key(**more: Any) -> Callable[[LocalPigment], Config]:
    def config(pigment: LocalPigment) -> Config:
        keys = separate(**{"import": "import", "metadata": "metadata"})
        return {**keys(pigment), **target(**more)(pigment)}

    return config


def doubled(pigment: LocalPigment) -> Config:
    return {"targets": target()(pigment)["targets"] * 2}


def elsewhere_targeted(pigment: LocalPigment) -> Config:
    return {**target()(pigment), "application_id": pigment.workspace.application(PLANNING).id}


def dimension(
    name: str, *, by_id: bool = False, stream: str = "ledger", keys: Callable[[LocalPigment], Config] | None = None
) -> Callable[[LocalPigment], Config]:
    def config(pigment: LocalPigment) -> Config:
        list_id = pigment.workspace.block(name, CONSOLIDATION).id if by_id else name
        check = {"stream": stream, "column": "Account", "list_id": list_id}
        return {**target()(pigment), **(keys(pigment) if keys else {}), "dimension_checks": [check]}

    return config


MISTAKES = [
    *MISTAKES_OF_BOTH,
    Mistake(
        "a date pattern in the letters of Excel",
        literal(csv={"dates": "DD/MM/YYYY"}),
        (
            'The pattern in the field "Dates" of "CSV format" has the letter "D", which stands for nothing in a date '
            "pattern: write dd/MM/yyyy."
        ),
    ),
    Mistake(
        "minutes instead of months in a date pattern",
        literal(csv={"dates": "dd/mm/yyyy"}),
        ('The pattern in the field "Dates" of "CSV format" has the day (dd) without the month (MM): write dd/MM/yyyy.'),
    ),
    Mistake(
        "an Export key as Import key",
        separate(**{"import": "export"}),
        ('The key under "Import key" has the type "Export" instead of "Import": enter a key of the type "Import".'),
    ),
    Mistake(
        "Import key and Metadata key are swapped",
        separate(**{"import": "metadata", "metadata": "import"}),
        ('The keys under "Metadata key" and "Import key" are swapped: exchange them.'),
    ),
    Mistake(
        "one Export key for everything",
        single("export"),
        (
            'The key under "API key" has the type "Export" and lacks "Import": create a key with all these types in '
            'Pigment, or choose "A key for each purpose" under "Authentication", and enter a key of each type.'
        ),
    ),
    Mistake(
        "another web site, with an Import key alone",
        separate(**{"import": "import"}),
        (
            'What answers at 127.0.0.1 is not Pigment, or not as its API description says: correct the "Base '
            'URL", or report this if it is right.'
        ),
        elsewhere=html_site,
    ),
    Mistake(
        "a web site without such pages, with an Import key alone",
        separate(**{"import": "import"}),
        (
            'What answers at 127.0.0.1 is not Pigment, or not as its API description says: correct the "Base '
            'URL", or report this if it is right.'
        ),
        elsewhere=site_without_such_pages,
    ),
    Mistake(
        "another API, with an Import key alone",
        separate(**{"import": "import"}),
        (
            'What answers at 127.0.0.1 is not Pigment, or not as its API description says: correct the "Base '
            'URL", or report this if it is right.'
        ),
        elsewhere=json_site,
    ),
    Mistake(
        "an application that is not there",
        literal(application_id=NOWHERE),
        (
            'The "Application ID" <id> is not an application that the owner of the key can see: open the'
            " application in Pigment and paste its address. There are: Consolidation (<id>), Planning (<id>)."
        ),
    ),
    Mistake(
        "the name of the application",
        literal(application_id="Consolidation"),
        (
            '"Consolidation" under "Application ID" is not an ID: open the application in Pigment and copy the '
            "address from there."
        ),
    ),
    Mistake(
        "an import configuration of another application",
        elsewhere_targeted,
        (
            'The target "ledger" names the import configuration <id>, which the application does not have or the '
            'owner of the key cannot see: copy the ID again under "Targets", or correct the "Application ID". '
            "There are: none."
        ),
    ),
    Mistake(
        "an import configuration that is gone",
        target(import_configuration_id=NOWHERE),
        (
            'The target "ledger" names the import configuration <id>, which the application does not have or the '
            'owner of the key cannot see: copy the ID again under "Targets", or correct the "Application ID". '
            "There are: Accounts (<id>), Accounts (replace) (<id>), Departments (<id>), Departments (replace) "
            "(<id>), Employees (<id>), Employees (replace) (<id>), General Ledger (<id>), General Ledger (by "
            "entry) (<id>), General Ledger (by key) (<id>), General Ledger (by month) (<id>), General Ledger (replace) "
            "(<id>), Headcount (<id>), Headcount (replace) (<id>), Months (<id>), Months (replace) (<id>), Salary cost "
            "(<id>), Salary cost (replace) (<id>)."
        ),
    ),
    Mistake(
        "the name of an import configuration in other letters",
        target(import_configuration_id="general ledger"),
        (
            'The target "ledger" names the import configuration "general ledger", which the application does not have '
            'or the owner of the key cannot see: correct it under "Targets", or correct the "Application ID". There is '
            '"General Ledger": names are case-sensitive, and every space counts.'
        ),
    ),
    Mistake(
        "the name of an import configuration, without an application",
        lambda pigment: {**target(import_configuration_id="General Ledger")(pigment), "application_id": None},
        (
            'The target "ledger" names the import configuration "General Ledger" by its name, which is looked up in an '
            'application: enter the "Application ID" and a key of the type "Modeling Metadata", or the ID of the '
            'import configuration under "Targets".'
        ),
    ),
    Mistake(
        "an application without import configurations",
        lambda pigment: {"application_id": pigment.workspace.application(PLANNING).id},
        (
            "The application <id> has no import configuration that the owner of the key can see: correct the "
            '"Application ID", or create an import configuration in that application.'
        ),
    ),
    Mistake(
        "neither application nor target",
        lambda pigment: {**separate(**{"import": "import"})(pigment), "application_id": None},
        (
            'No stream can find its import configuration: enter an "Application ID" and a key of the type "Modeling '
            'Metadata", or an entry under "Targets" for each stream.'
        ),
    ),
    Mistake(
        "a comma between columns and in numbers",
        literal(csv={"decimal_separator": "comma"}),
        (
            '"CSV format" has a comma both as "Delimiter" and as "Decimal separator": choose semicolon as "Delimiter" '
            'or dot as "Decimal separator", as in the import configuration in Pigment.'
        ),
    ),
    Mistake(
        "a misspelt property of a target",
        target(clear_before_import=True),
        (
            'Entry 1 of "Targets" has the property "clear_before_import", which the connector does not know: write '
            '"clears_before_import", or remove it.'
        ),
    ),
    Mistake(
        "the address of a list as import configuration",
        target(import_configuration_id=f"https://pigment.app/application/{NOWHERE}/lists/{NOWHERE}"),
        (
            'The address under "Targets" contains no import configuration ID: copy the ID in Pigment, from the '
            "import configuration."
        ),
    ),
    Mistake(
        "a second import configuration that is gone",
        target(replace_import_configuration_id=NOWHERE),
        (
            'The target "ledger" names the import configuration <id>, which the application does not have or the '
            'owner of the key cannot see: copy the ID again under "Targets", or correct the "Application ID". '
            "There are: Accounts (<id>), Accounts (replace) (<id>), Departments (<id>), Departments (replace) "
            "(<id>), Employees (<id>), Employees (replace) (<id>), General Ledger (<id>), General Ledger (by "
            "entry) (<id>), General Ledger (by key) (<id>), General Ledger (by month) (<id>), General Ledger (replace) "
            "(<id>), Headcount (<id>), Headcount (replace) (<id>), Months (<id>), Months (replace) (<id>), Salary cost "
            "(<id>), Salary cost (replace) (<id>)."
        ),
    ),
    Mistake(
        "the same import configuration twice",
        paired("General Ledger"),
        (
            'The target "ledger" has the same import configuration twice, and of the two the replacing one clears'
            ' its block and the other one does not: leave "Replacing import configuration ID" empty, or enter '
            "another."
        ),
    ),
    Mistake(
        "a pair that fills two blocks",
        paired("Accounts", richer=True),
        (
            'The import configurations "General Ledger" and "Accounts" of the target "ledger" fill '
            'different blocks, and a pair must fill the same one: correct one of the two IDs under "Targets".'
        ),
    ),
    Mistake(
        "a stream with two targets",
        doubled,
        ('There is more than one entry for "ledger" under "Targets": leave one for each stream.'),
    ),
    Mistake(
        "a target without a stream",
        literal(targets=[{"import_configuration_id": NOWHERE}]),
        ('The field "Stream" in entry 1 of "Targets" is empty: fill it in.'),
    ),
    Mistake(
        "a scope that the import configuration does not read",
        scoped("Mnth"),
        (
            'The import configuration "General Ledger" of the target "ledger" does not read the column "Mnth", which '
            'is the "Scope" of the target: correct it under "Targets", or map the column in Pigment. It reads: '
            "Account, Amount, Department, Entry, Memo, Posted, Reversed."
        ),
    ),
    Mistake(
        "a share of rows without a block ID",
        target(minimum_percent=80),
        (
            'The target "ledger" has a "Smallest share of rows (%)", which compares the rows of a sync with those of a '
            'block, and it has no "Block ID": enter the ID of the block that it fills, or remove the share.'
        ),
    ),
    Mistake(
        "a share of rows for each value of a column that the block does not have",
        ledger_block(minimum_percent=80, scope="Period"),
        (
            'The target "ledger" has a "Smallest share of rows (%)" for each value of its "Scope", and its block <id> '
            'has no property named "Period" to compare: correct "Block ID" or "Scope" under "Targets", or remove the '
            "share. Its properties: Account, Amount, Department, Entry, Memo, Posted, Reversed."
        ),
    ),
    Mistake(
        "protected values of a block that is replaced as a whole",
        target(clears_before_import=True, protected_values=[{"column": "Month", "values": ["Dec 25"]}]),
        (
            'The target "ledger" has "Protected values" and replaces all of its block, which would delete the rows '
            'with these values: enter the column by which clearing is limited as "Scope", or remove the values.'
        ),
    ),
    Mistake(
        "a share of rows without an Export key",
        without_export_key(minimum_percent=80, block_id=NOWHERE),
        (
            'The target "ledger" has a "Smallest share of rows (%)", and without an Export key the rows of its block '
            'cannot be counted: enter an "Export key" under "Authentication", or remove the share.'
        ),
    ),
    Mistake(
        "a block ID without an Export key",
        without_export_key(block_id=NOWHERE),
        (
            'The target "ledger" has a "Block ID", and without an Export key its rows cannot be counted: enter an '
            '"Export key" under "Authentication", or remove the ID.'
        ),
    ),
    Mistake(
        "the name of a block as its ID",
        target(block_id="General Ledger"),
        (
            'The "Block ID" of the target "ledger" is not an ID: open the block in Pigment and paste the address of '
            "the page."
        ),
    ),
    Mistake(
        "a block that is gone",
        target(block_id=NOWHERE),
        (
            'The "Block ID" <id> of the target "ledger" is not a list or a metric that the owner of the Export key can '
            'see: open the block in Pigment and paste its address as "Block ID".'
        ),
    ),
    Mistake(
        "a step before the first",
        target(load_order=0),
        ('The field "Step" in entry 1 of "Targets" must be 1 or more: correct it.'),
    ),
    Mistake(
        "a list that is gone",
        dimension(NOWHERE),
        (
            'The dimension check of the column "Account" names the list "<id>", which is not a list that the '
            'owner of the Export key can see: open the list in Pigment and paste its address as "List ID". There are: '
            "Accounts (<id>), Departments (<id>), Employees (<id>), General Ledger (<id>), Months (<id>)."
        ),
    ),
    Mistake(
        "the name of a list",
        dimension("Accounts"),
        (
            'The dimension check of the column "Account" names the list "Accounts" by its name: enter its ID <id>'
            ' as "List ID".'
        ),
    ),
    Mistake(
        "a metric as a list",
        dimension("Headcount", by_id=True),
        (
            'The dimension check of the column "Account" names the list "<id>", but "Headcount" is a metric: '
            "enter the ID of a list."
        ),
    ),
    Mistake(
        "a stream that is written in two ways",
        dimension("Accounts", by_id=True, stream="Ledgers"),
        (
            '"Dimension checks" names the stream "Ledgers" and "Targets" the stream "ledger": write it in both as'
            " the connection in Airbyte shows it."
        ),
    ),
    Mistake(
        "a dimension check without an Export key",
        dimension("Accounts", by_id=True, keys=separate(**{"import": "import", "metadata": "metadata"})),
        (
            'The entries under "Dimension checks" need a key that reads the lists: enter an "Export key" under '
            '"Authentication", or remove them.'
        ),
    ),
    Mistake(
        "a dimension check with one Import key for everything",
        dimension("Accounts", by_id=True, keys=single("import")),
        (
            'The key under "API key" has the type "Import" and lacks "Export": create a key with all these types in '
            'Pigment, or choose "A key for each purpose" under "Authentication", and enter a key of each type.'
        ),
    ),
    Mistake(
        "a delimiter as a sign",
        literal(csv={"delimiter": ";"}),
        ('The field "Delimiter" of "CSV format" must be comma or semicolon: choose one of them.'),
    ),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_ends_in_one_status_that_says_what_to_do(destination: Runner, mistake: Mistake) -> None:
    assert_said(destination, mistake)

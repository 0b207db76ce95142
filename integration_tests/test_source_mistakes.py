"""Mistakes in the form of the source, and the sentence that each gets; every one ends in exactly one status."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from connectors import Runner
from local_pigment.sample import PLANNING, planning_model
from local_pigment.server import LocalPigment
from mistakes import (
    MISTAKES_OF_BOTH,
    MISTAKES_OF_THE_NETWORK,
    NOWHERE,
    Config,
    Mistake,
    assert_said,
    literal,
    separate,
    single,
)
from other_sites import json_site, silent_server, site_without_such_pages


@pytest.fixture(scope="module")
def pigment() -> Iterator[LocalPigment]:
    with LocalPigment(planning_model(ledger_rows=1)) as started:
        yield started


def key(text: str) -> Callable[[LocalPigment], Config]:
    return literal(credentials={"auth_type": "separate_keys", "export_api_key": text, "metadata_api_key": "pgmt_x"})


def view(name: str) -> Callable[[LocalPigment], Config]:
    def config(pigment: LocalPigment) -> Config:
        views = pigment.workspace.application(PLANNING).views.values()
        return {"views": [{"view_id": next(each.id for each in views if each.name == name), "name": "V"}]}

    return config


def custom(block: str, request: str = "{}") -> Callable[[LocalPigment], Config]:
    return literal(block_requests=[{"block": block, "request": request}])


MISTAKES = [
    *MISTAKES_OF_BOTH,
    *MISTAKES_OF_THE_NETWORK,
    Mistake(
        "the form is empty",
        literal(credentials=None, application_id=None),
        ('The field "Authentication" is empty: fill it in.'),
    ),
    Mistake(
        "a key is in quotes",
        key('"pgmt_abc"'),
        ('The key under "Export key" is in quotes: remove the quotes around it.'),
    ),
    Mistake(
        "a key that is cut off",
        key("pgmt_ab"),
        (
            'Pigment rejected the key under "Export key": check that it was copied whole, has the type "Export", has '
            "not expired or been revoked, and that its IP allow list contains the addresses of Airbyte."
        ),
    ),
    Mistake(
        "one Export key for everything",
        single("export"),
        (
            'The key under "API key" has the type "Export" and lacks "Modeling Metadata": create a key with all these '
            'types in Pigment, or choose "A key for each purpose" under "Authentication", and enter a key of each type.'
        ),
    ),
    Mistake(
        "one Metadata key for everything",
        single("metadata"),
        (
            'The key under "API key" has the type "Modeling Metadata" and lacks "Export": create a key with all these '
            'types in Pigment, or choose "A key for each purpose" under "Authentication", and enter a key of each type.'
        ),
    ),
    Mistake(
        "one Import key for everything",
        single("import"),
        (
            'The key under "API key" has the type "Import" and lacks "Export" and "Modeling Metadata": create a key '
            'with all these types in Pigment, or choose "A key for each purpose" under "Authentication", and enter a '
            "key of each type."
        ),
    ),
    Mistake(
        "the keys are swapped",
        separate(export="metadata", metadata="export"),
        ('The keys under "Export key" and "Metadata key" are swapped: exchange them.'),
    ),
    Mistake(
        "the Export key in both fields",
        separate(export="export", metadata="export"),
        (
            'The key under "Metadata key" has the type "Export" instead of "Modeling Metadata": enter a key of '
            'the type "Modeling Metadata".'
        ),
    ),
    Mistake(
        "the Metadata key in both fields",
        separate(export="metadata", metadata="metadata"),
        (
            'The key under "Export key" has the type "Modeling Metadata" instead of "Export": enter a key of the '
            'type "Export".'
        ),
    ),
    Mistake(
        "an Import key as Export key",
        separate(export="import", metadata="metadata"),
        ('The key under "Export key" has the type "Import" instead of "Export": enter a key of the type "Export".'),
    ),
    Mistake(
        "an application that is not there",
        literal(application_id=NOWHERE),
        (
            'The application <id> under "Application ID" is not visible to the owner of the API key: open the '
            "application in Pigment and paste its address. There are: Consolidation (<id>), Planning (<id>)."
        ),
    ),
    Mistake(
        "the name of the application",
        literal(application_id="Planning"),
        (
            '"Planning" under "Application ID" is not an ID: open the application in Pigment and copy the address '
            "from there."
        ),
    ),
    Mistake(
        "the address of a page as base URL",
        literal(base_url=f"https://pigment.app/application/{NOWHERE}"),
        (
            'The "Base URL" contains more than the host, as the address of a page does: enter only the '
            "address, such as https://pigment.app."
        ),
    ),
    Mistake(
        "a base URL without https",
        literal(base_url="pigment.app"),
        ('The "Base URL" is not a usable address: enter one such as https://pigment.app.'),
    ),
    Mistake(
        "a base URL with http",
        literal(base_url="http://pigment.app"),
        (
            'The "Base URL" begins with http, which would send the key unprotected: enter the address with https '
            "in front."
        ),
    ),
    Mistake(
        "a web site without such pages",
        literal(),
        (
            'What answers at 127.0.0.1 is not Pigment, or not as its API description says: correct the "Base '
            'URL", or report this if it is right.'
        ),
        elsewhere=site_without_such_pages,
    ),
    Mistake(
        "another API",
        literal(),
        (
            'What answers at 127.0.0.1 is not Pigment, or not as its API description says: correct the "Base '
            'URL", or report this if it is right.'
        ),
        elsewhere=json_site,
    ),
    Mistake(
        "a server that says nothing",
        literal(idle_timeout_seconds=1, max_retries=0),
        (
            '127.0.0.1 could not be reached, because it did not answer in time: check the "Base URL", and '
            "that Airbyte's network allows requests to it."
        ),
        elsewhere=silent_server,
    ),
    Mistake(
        "a view that is gone",
        literal(views=[{"view_id": NOWHERE, "name": "V"}]),
        (
            'The view "V" under "Views" (<id>) is not a view of the application that the owner of the keys '
            'can see: open the view in Pigment and paste its address. There are: "A chart" (<id>), "Everything at '
            'once" (<id>), "Ledger for the API" (<id>).'
        ),
    ),
    Mistake(
        "the address of a block as a view",
        literal(views=[{"view_id": f"https://pigment.app/application/{NOWHERE}/lists/{NOWHERE}", "name": "V"}]),
        (
            'The address under "Views" contains no view ID: open the view in Pigment and copy the address, with its '
            "viewId, from there."
        ),
    ),
    Mistake(
        "a view without a name",
        literal(views=[{"view_id": NOWHERE}]),
        ('The field "Stream name" in entry 1 of "Views" is empty: fill it in.'),
    ),
    Mistake(
        "a view that is too big",
        view("Everything at once"),
        ('Pigment finds the view "V" too big to export as a view: read its block instead, or make the view smaller.'),
    ),
    Mistake(
        "a view of a chart",
        view("A chart"),
        ('Pigment can export only views of lists, metrics and tables: remove the view "V" from "Views".'),
    ),
    Mistake(
        "no block type and no view",
        literal(block_types=[]),
        (
            '"Block types" is empty and no view is entered, so there is nothing to read: choose list, table or metric '
            'under "Block types".'
        ),
    ),
    Mistake(
        "a pattern in small letters",
        literal(include=["general *"]),
        (
            'The application has no block of the chosen types that matches "Include" (general *): correct it, or leave '
            'it empty. There is "General Ledger": names are case-sensitive, and every space counts.'
        ),
    ),
    Mistake(
        "names of blocks that are not there",
        literal(include=["Employes", "Mnths"]),
        (
            'The application has no block of the chosen types that matches "Include" (Employes, Mnths): correct it, or '
            'leave it empty. For "Employes": The nearest are "Employees", "Months", "Departments", and there are 3 '
            'more. For "Mnths": The nearest are "Months", "Departments", "Accounts", and there are 3 more.'
        ),
    ),
    Mistake(
        "all blocks excluded",
        literal(exclude=["*"]),
        (
            "The application has no block of the chosen types and names that the owner of the API key can see: "
            'widen "Block types", "Include" and "Exclude", or check the access rights.'
        ),
    ),
    Mistake(
        "a custom export of a renamed block",
        custom("Ledger"),
        (
            "The application has no block named Ledger that the owner of the API key can see: correct the entry "
            'under "Custom exports". The nearest are "General Ledger", "Employees", "Headcount", and there are 5 '
            "more."
        ),
    ),
    Mistake(
        "export options that are no JSON",
        custom("Departments", "{'a': 1}"),
        (
            '"Export options" of the block "Departments" under "Custom exports" is not JSON (line 1, column 2): '
            "paste it again from Pigment's payload generator."
        ),
    ),
    Mistake(
        "a misspelt export option",
        custom("Departments", '{"propertyNames": []}'),
        (
            '"Export options" of the block "Departments" under "Custom exports" must be corrected at its top level: '
            'Pigment does not know the field "propertyNames" here; it knows dateFormat, decimalSeparator, encoding, '
            "fieldDelimiter, friendlyHeaders, listFilter, propertyFilters, propertyTechnicalNames."
        ),
    ),
    Mistake(
        "an option of tables for a list",
        custom("Departments", '{"scenarios": []}'),
        (
            '"Export options" of the block "Departments" under "Custom exports" must be corrected at its top level: '
            'Pigment does not know the field "scenarios" here; it knows dateFormat, decimalSeparator, encoding, '
            "fieldDelimiter, friendlyHeaders, listFilter, propertyFilters, propertyTechnicalNames."
        ),
    ),
    Mistake(
        "an option of the wrong type",
        custom("Departments", '{"listFilter": 7}'),
        (
            '"Export options" of the block "Departments" under "Custom exports" must be corrected at $.listFilter: '
            "must be of type array or null."
        ),
    ),
    Mistake(
        "a scenario that is gone",
        custom("P&L", json.dumps({"scenarios": [NOWHERE]})),
        (
            'Pigment rejected the export options for the table "P&L" (HTTP 400): correct them under "Custom '
            'exports", or let Pigment generate them again.'
        ),
    ),
    Mistake(
        "more requests than Pigment allows",
        literal(requests_per_5_minutes=5000),
        ('The field "Requests per 5 minutes" must be between 1 and 500: correct it.'),
    ),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_ends_in_one_status_that_says_what_to_do(source: Runner, mistake: Mistake) -> None:
    assert_said(source, mistake)

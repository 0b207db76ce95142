"""Import configurations by name: one form for Dev and Prod, and an answer where a name is not that of exactly one."""

from __future__ import annotations

from typing import Any

import pytest

from destination_pigment.config import parse_config
from destination_pigment.targets import resolve_names
from pigment_airbyte.failures import ConfigProblem
from pigment_client.models import ImportConfiguration

APPLICATION = "a" * 8 + "-0000-4000-8000-" + "a" * 12
COMPOSED, DECOMPOSED = "R\N{LATIN SMALL LETTER E WITH ACUTE}el", "Re\N{COMBINING ACUTE ACCENT}el"
SIGNS = {"Dev": "1", "Prod": "2"}


def id_of(number: int, sign: str) -> str:
    return f"{number:08}-0000-4000-8000-{sign * 12}"


def workspace(*names: str, sign: str = "1") -> list[ImportConfiguration]:
    """Import configurations of these names; the sign makes their IDs those of one workspace."""
    return [ImportConfiguration(id_of(number, sign), name, APPLICATION) for number, name in enumerate(names)]


def resolved(known: list[ImportConfiguration], target: str, *then_run: str, **more: Any) -> tuple[str | None, ...]:
    """The IDs of the target and its second import configuration, then those of what is started."""
    config = {
        "credentials": {"auth_type": "single_key", "api_key": "pgmt_x"},
        "application_id": APPLICATION,
        "targets": [{"stream": "ledger", "import_configuration_id": target, **more}],
        "then_run": list(then_run),
    }
    settings = resolve_names(parse_config(config), known)
    return settings.targets[0].configuration_id, settings.targets[0].replace_configuration_id, *settings.then_run


def answer(known: list[ImportConfiguration], target: str) -> str:
    with pytest.raises(ConfigProblem) as problem:
        resolved(known, target)
    return str(problem.value)


@pytest.mark.parametrize("environment", SIGNS)
def test_one_form_serves_workspaces_with_other_ids(environment: str) -> None:
    sign = SIGNS[environment]
    known = workspace("Ledger", "Ledger (replace)", "Copy", sign=sign)
    ids = resolved(known, "Ledger", "Copy", replace_import_configuration_id="Ledger (replace)")
    assert ids == (id_of(0, sign), id_of(1, sign), id_of(2, sign))


def test_an_accent_may_be_stored_in_another_form() -> None:
    for entered, stored in ((COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)):
        assert resolved(workspace("Budget", stored), entered)[0] == id_of(1, "1")


def test_of_two_names_that_look_alike_the_one_that_is_written_alike_is_meant() -> None:
    known = workspace(COMPOSED, DECOMPOSED)
    assert [resolved(known, name)[0] for name in (COMPOSED, DECOMPOSED)] == [id_of(0, "1"), id_of(1, "1")]


@pytest.mark.parametrize("stored", [" Ledger", "Ledger  ", '"Ledger"', "«Ledger»"])
def test_blanks_and_quotes_that_a_form_does_not_keep_do_not_matter(stored: str) -> None:
    assert resolved(workspace("Budget", stored), stored)[0] == id_of(1, "1")
    assert resolved(workspace("Ledger", stored), "Ledger")[0] == id_of(0, "1")


def test_two_of_one_name_are_told_apart_by_their_ids() -> None:
    message = answer(workspace("Ledger", "Budget", "Ledger"), "Ledger")
    assert message == (
        'The target "ledger" names the import configuration "Ledger", and 2 have that name '
        f'({id_of(0, "1")}, {id_of(2, "1")}): enter the ID of the right one under "Targets".'
    )


@pytest.mark.parametrize(
    ("entered", "advice"),
    [
        ("ledger 2026", 'There is "Ledger 2026": names are case-sensitive'),
        ("Ledger", 'The nearest are "Ledger 2026", "'),
    ],
)
def test_a_name_that_is_gone_is_answered_with_the_nearest(entered: str, advice: str) -> None:
    message = answer(workspace("Ledger 2026", "Budget", "Headcount", "FTE"), entered)
    assert "which the application does not have or the owner of the key cannot see" in message
    assert advice in message


def test_what_is_written_like_an_id_is_an_id() -> None:
    """Also where an import configuration bears it as its name: an ID never changes its meaning with a rename."""
    identifier = id_of(7, "7")
    known = workspace(identifier, "Ledger")
    assert resolved(known, identifier)[0] == identifier
    assert resolved(known, "Ledger", identifier)[2] == identifier

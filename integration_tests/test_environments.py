"""One configuration of the destination serves several environments, because targets may use names instead of IDs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airbyte_platform.process import as_lines
from connectors import Runner
from writing import LEDGER, catalog, entries, entry, imports, record, state

BY_NAME: dict[str, Any] = {"targets": [{"stream": LEDGER, "import_configuration_id": f" {LEDGER} (by entry) "}]}
REPLACING: dict[str, Any] = {
    "targets": [
        {
            "stream": LEDGER,
            "import_configuration_id": LEDGER,
            "replace_import_configuration_id": f"{LEDGER} (replace)",
        }
    ]
}
OTHER_ID = "11111111-2222-4333-8444-555555555555"


def rename_id(destination: Runner, name: str) -> None:
    """Give an import configuration the ID that it has in another environment."""
    known = destination.pigment.workspace.configurations
    moved = known.pop(destination.pigment.workspace.configuration(name).id)
    known[OTHER_ID] = replace(moved, id=OTHER_ID)


@pytest.mark.parametrize("is_other_environment", [False, True], ids=["Dev", "Prod"])
def test_a_target_is_found_by_the_name_of_its_import_configuration(
    destination: Runner, is_other_environment: bool
) -> None:
    if is_other_environment:
        rename_id(destination, f"{LEDGER} (by entry)")
    assert destination.run("check", **BY_NAME).of("CONNECTION_STATUS")[0]["status"] == "SUCCEEDED"
    messages = [record(entry(1)), state(1, records=1)]
    run = destination.run("write", stdin=as_lines(messages), catalog=catalog(mode="append"), **BY_NAME)

    assert run.exit_code == 0, run.everything
    wanted = destination.pigment.workspace.configuration(f"{LEDGER} (by entry)").id
    assert (wanted == OTHER_ID) is is_other_environment
    assert [each.configuration_id for each in imports(destination)] == [wanted]
    assert len(entries(destination)) == 1


def test_the_import_configuration_that_clears_is_found_by_its_name(destination: Runner) -> None:
    assert destination.run("check", **REPLACING).of("CONNECTION_STATUS")[0]["status"] == "SUCCEEDED"


@pytest.mark.parametrize("command", ["check", "write"])
def test_a_name_that_several_import_configurations_have_is_not_guessed(destination: Runner, command: str) -> None:
    known = destination.pigment.workspace.configurations
    known[OTHER_ID] = replace(destination.pigment.workspace.configuration(f"{LEDGER} (by entry)"), id=OTHER_ID)
    given = {"stdin": as_lines([record(entry(1))]), "catalog": catalog(mode="append")} if command == "write" else {}
    run = destination.run(command, **given, **BY_NAME)

    answers = [*(each["message"] for each in run.of("CONNECTION_STATUS")), *(each["message"] for each in run.errors)]
    assert f'"{LEDGER} (by entry)", and 2 have that name (' in answers[0]
    assert not imports(destination)


def test_a_rename_between_the_check_and_the_sync_stops_the_sync_with_the_new_name(destination: Runner) -> None:
    assert destination.run("check", **BY_NAME).of("CONNECTION_STATUS")[0]["status"] == "SUCCEEDED"
    configuration = destination.pigment.workspace.configuration(f"{LEDGER} (by entry)")
    known = destination.pigment.workspace.configurations
    known[configuration.id] = replace(configuration, name=f"{LEDGER} by entry")
    messages = [record(entry(1)), state(1, records=1)]
    run = destination.run("write", stdin=as_lines(messages), catalog=catalog(mode="append"), **BY_NAME)

    (error,) = run.errors
    assert f'names the import configuration "{LEDGER} (by entry)", which the application does not' in error["message"]
    assert f'"{LEDGER} by entry"' in error["message"]
    assert not imports(destination)
    assert not run.states


def test_a_name_that_looks_like_an_id_is_answered_with_the_id(destination: Runner) -> None:
    configuration = destination.pigment.workspace.configuration(LEDGER)
    destination.pigment.workspace.configurations[configuration.id] = replace(configuration, name=OTHER_ID)
    targets = [{"stream": LEDGER, "import_configuration_id": OTHER_ID}]
    status = destination.run("check", targets=targets).of("CONNECTION_STATUS")[0]

    assert status["status"] == "FAILED"
    assert f"names the import configuration {OTHER_ID}, which the application does not have" in status["message"]
    assert f"{OTHER_ID} ({configuration.id})" in status["message"]


def test_what_is_started_after_a_sync_is_found_by_its_name(destination: Runner) -> None:
    def checked(*names: str) -> tuple[str, str]:
        done = destination.run("check", **BY_NAME, then_run=list(names)).of("CONNECTION_STATUS")[0]
        return done["status"], done["message"]

    assert checked(LEDGER)[0] == "SUCCEEDED"
    assert 'names the import configuration "Nothing", which the application does not have' in checked("Nothing")[1]
    for twice in (f"{LEDGER} (by entry)", destination.pigment.workspace.configuration(f"{LEDGER} (by entry)").id):
        status, message = checked(twice)
        assert status == "FAILED"
        assert f'takes the files of the target "{LEDGER}", and is under "Then run"' in message

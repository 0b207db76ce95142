"""destination-pigment as a process: check, discover, and how targets are found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airbyte_platform.process import as_lines
from connectors import Runner, key
from local_pigment.sample import CONSOLIDATION
from local_pigment.workspace import new_id
from writing import LEDGER, catalog, entry, record, state, stream

NOWHERE = "00000000-0000-4000-8000-000000000000"


def status_of(destination: Runner, **config: Any) -> tuple[str, str]:
    status = destination.run("check", **config).of("CONNECTION_STATUS")[0]
    return status["status"], status.get("message", "")


def operations(destination: Runner) -> set[str]:
    return {each.operation for each in destination.pigment.requests}


def ledger_id(destination: Runner, suffix: str = "") -> str:
    return destination.pigment.workspace.configuration(LEDGER + suffix).id


def test_check_lists_and_never_writes(destination: Runner) -> None:
    visible = len(destination.pigment.workspace.configurations)
    assert status_of(destination) == ("SUCCEEDED", f"{visible} import configurations are visible.")
    assert operations(destination) == {"list_applications", "list_import_configurations", "import_status"}
    assert not destination.pigment.workspace.imports


@pytest.mark.parametrize("single", [False, True])
def test_an_import_key_alone_is_fine_and_check_says_what_it_could_not_look_at(
    destination: Runner, single: bool
) -> None:
    secret = destination.pigment.workspace.secret("import")
    separate = {"auth_type": "separate_keys", "import_api_key": secret}
    keys = {"auth_type": "single_key", "api_key": secret} if single else separate
    targets = [{"stream": LEDGER, "import_configuration_id": ledger_id(destination)}]
    result, message = status_of(destination, credentials=keys, targets=targets)

    assert result == "SUCCEEDED"
    assert "could not be checked" in message
    assert '"Targets" (1 so far)' in message
    # Any web site answers 404 to the first; that the second is forbidden says that this is Pigment.
    assert [(each.operation, each.status) for each in destination.pigment.requests] == [
        ("import_status", 404),
        ("list_applications", 403),
    ]


def test_check_takes_a_pair_of_import_configurations_of_one_block(destination: Runner) -> None:
    destination.pigment.workspace.variants.richer_metadata = True
    replacing = destination.pigment.workspace.configuration(f"{LEDGER} (replace)").id
    entry_ = {"stream": LEDGER, "import_configuration_id": ledger_id(destination)}
    targets = [{**entry_, "replace_import_configuration_id": replacing}]
    assert status_of(destination, targets=targets)[0] == "SUCCEEDED"


def test_check_reads_the_list_of_a_dimension_check(destination: Runner) -> None:
    accounts = destination.pigment.workspace.block("Accounts", CONSOLIDATION).id
    checks = [{"stream": LEDGER, "column": "Account", "list_id": accounts}]
    assert status_of(destination, dimension_checks=checks)[0] == "SUCCEEDED"
    assert [each.target for each in destination.pigment.requests if each.operation == "export_list"] == [
        f"/api/v1/export/list/{accounts}"
    ]


@pytest.mark.parametrize(("block", "kind"), [(LEDGER, "list"), ("Headcount", "metric")])
def test_check_reads_the_block_that_is_to_be_counted(destination: Runner, block: str, kind: str) -> None:
    block_id = destination.pigment.workspace.block(block, CONSOLIDATION).id
    address = f"https://pigment.app/application/{NOWHERE}/{kind}/{block_id.upper()}"
    target = {**as_target(destination), "clears_before_import": True, "block_id": address, "minimum_percent": 90}
    assert status_of(destination, targets=[target])[0] == "SUCCEEDED"
    exports = [each.target for each in destination.pigment.requests if each.operation.startswith("export")]
    assert exports[-1] == f"/api/v1/export/{kind}/{block_id}"


def as_target(destination: Runner) -> dict[str, Any]:
    return {"stream": LEDGER, "import_configuration_id": ledger_id(destination)}


@pytest.mark.parametrize(
    ("more", "config", "is_said"),
    [
        ({"clears_before_import": True}, {}, True),
        ({"replace_import_configuration_id": "(replace)"}, {}, True),
        ({"clears_before_import": True}, {"count_blocks": "never"}, False),
        ({"clears_before_import": True, "scope": "Posted"}, {}, False),
        ({}, {}, False),
    ],
)
@pytest.mark.parametrize("has_export_key", [True, False])
def test_check_says_once_what_is_not_noticed_without_an_export_key(
    destination: Runner, more: dict[str, Any], config: dict[str, Any], is_said: bool, has_export_key: bool
) -> None:
    secret = destination.pigment.workspace.secret
    keys = {"auth_type": "separate_keys", "import_api_key": secret("import"), "metadata_api_key": secret("metadata")}
    if has_export_key:
        keys["export_api_key"] = secret("export")
    if "replace_import_configuration_id" in more:
        more = {"replace_import_configuration_id": ledger_id(destination, " (replace)")}
    result, message = status_of(destination, credentials=keys, targets=[{**as_target(destination), **more}], **config)
    assert result == "SUCCEEDED"
    assert message.count("Without an Export key") == (is_said and not has_export_key)


def test_check_says_which_streams_wait_for_which(destination: Runner) -> None:
    accounts = destination.pigment.workspace.configuration("Accounts").id
    first = {"stream": "accounts", "import_configuration_id": accounts}
    result, message = status_of(destination, targets=[{**as_target(destination), "load_order": 2}, first])
    assert result == "SUCCEEDED"
    assert message.endswith(
        "A stream is imported once everything of the steps before is stored. "
        f'The steps are: step 1: "accounts", all streams without an entry; step 2: "{LEDGER}".'
    )
    assert "steps" not in status_of(destination, targets=[as_target(destination), first])[1]


def test_an_empty_text_is_as_good_as_nothing(destination: Runner) -> None:
    empty = dict.fromkeys(["upload", "rejected_rows", "deleted_rows", "count_blocks", "import_mode"], "")
    target = {**as_target(destination), **dict.fromkeys(["scope", "block_id", "minimum_rows", "load_order"], "")}
    config = {**empty, "targets": [target], "csv": dict.fromkeys(["delimiter", "encoding", "dates"], "")}
    assert status_of(destination, **config)[0] == "SUCCEEDED"
    assert write_one(destination, catalog(), **config).exit_code == 0


def test_ids_may_be_pasted_as_addresses(destination: Runner) -> None:
    application = destination.pigment.workspace.application(CONSOLIDATION).id
    address = f"https://pigment.app/api/v1/import/push/csv?configurationId={ledger_id(destination).upper()}"
    config = {
        "application_id": f"https://pigment.app/application/{application}/boards/{NOWHERE}",
        "targets": [{"stream": LEDGER, "import_configuration_id": address}],
    }
    assert status_of(destination, **config)[0] == "SUCCEEDED"
    assert write_one(destination, catalog(), **config).exit_code == 0
    assert pushed_into(destination) == [ledger_id(destination)]


def test_an_import_mode_of_nothing_is_as_good_as_none(destination: Runner) -> None:
    assert status_of(destination, import_mode="")[0] == "SUCCEEDED"


@pytest.mark.parametrize("richer", [False, True])
def test_discover_offers_each_configuration_in_each_sync_mode(destination: Runner, richer: bool) -> None:
    destination.pigment.workspace.variants.richer_metadata = richer
    found = destination.run("discover").of("DESTINATION_CATALOG")[0]["operations"]
    of_accounts = {each["sync_mode"]: each for each in found if each["object_name"] == "Accounts"}

    assert set(of_accounts) == {"append", "append_dedup", "overwrite"}
    if richer:
        assert set(of_accounts["append"]["json_schema"]["properties"]) == {"Account", "Label", "Statement"}
        assert of_accounts["append_dedup"]["matching_keys"] == [["Account"]]


def test_discover_keeps_equal_names_apart(destination: Runner) -> None:
    workspace = destination.pigment.workspace
    same_name = workspace.configure(replace(workspace.configuration(LEDGER), id=new_id("same_name")))
    found = {each["object_name"] for each in destination.run("discover").of("DESTINATION_CATALOG")[0]["operations"]}
    assert {same_name.id, ledger_id(destination)} <= found
    assert LEDGER not in found
    assert write_one(destination, catalog(destination_object_name=same_name.id)).exit_code == 0
    assert pushed_into(destination) == [same_name.id]


# targets -------------------------------------------------------------------------------------------------------


def pushed_into(destination: Runner) -> list[str]:
    return [each.configuration_id for each in destination.pigment.workspace.imports.values()]


def write_one(destination: Runner, configured: dict[str, Any], *, name: str = LEDGER, **config: Any) -> Any:
    lines = as_lines([record(entry(1), name), state(1, name)])
    return destination.run("write", stdin=lines, catalog=configured, **config)


def test_a_target_is_found_by_the_stream_s_name(destination: Runner) -> None:
    assert write_one(destination, catalog()).exit_code == 0
    assert pushed_into(destination) == [ledger_id(destination)]


def test_an_entry_comes_before_the_name(destination: Runner) -> None:
    keyed = ledger_id(destination, " (by entry)")
    run = write_one(destination, catalog(), targets=[{"stream": LEDGER, "import_configuration_id": keyed}])
    assert run.exit_code == 0
    assert pushed_into(destination) == [keyed]


@pytest.mark.parametrize("by_id", [False, True])
def test_the_object_name_of_the_stream_comes_first(destination: Runner, by_id: bool) -> None:
    keyed = ledger_id(destination, " (by entry)")
    object_name = keyed if by_id else f"{LEDGER} (by entry)"
    other = [{"stream": "anything", "import_configuration_id": ledger_id(destination)}]
    configured = catalog(stream("anything"), destination_object_name=object_name)
    assert write_one(destination, configured, name="anything", targets=other).exit_code == 0
    assert pushed_into(destination) == [keyed]


def test_streams_of_one_name_in_two_namespaces_are_two_streams(destination: Runner) -> None:
    targets = [
        {"stream": LEDGER, "namespace": "a", "import_configuration_id": ledger_id(destination)},
        {"stream": LEDGER, "namespace": "b", "import_configuration_id": ledger_id(destination, " (by entry)")},
    ]
    lines = as_lines(
        [
            record(entry(1), namespace="a"),
            record(entry(2), namespace="b"),
            record(entry(3), namespace="b"),
            state(1, namespace="a"),
            state(2, namespace="b"),
        ]
    )
    run = destination.run(
        "write", stdin=lines, catalog=catalog(stream(namespace="a"), stream(namespace="b")), targets=targets
    )
    assert run.exit_code == 0
    assert [each["destinationStats"]["recordCount"] for each in sorted(run.states, key=lambda x: x["id"])] == [1.0, 2.0]
    rows = {each.configuration_id: each.data_rows for each in destination.pigment.workspace.imports.values()}
    assert rows == {ledger_id(destination): 1, ledger_id(destination, " (by entry)"): 2}


def test_a_stream_without_target_stops_before_anything_is_pushed_and_names_the_nearest(destination: Runner) -> None:
    run = destination.run(
        "write", stdin=as_lines([record(entry(1))]), catalog=catalog(stream(), stream("nobody"), stream("nothing"))
    )
    assert run.exit_code != 0
    message = run.errors[0]["message"]
    assert run.errors[0]["failure_type"] == "config_error"
    assert '"nobody", "nothing"' in message
    assert "The nearest are " in message
    assert not pushed_into(destination)


def test_without_a_metadata_key_the_error_says_what_would_help(destination: Runner) -> None:
    keys = {"auth_type": "separate_keys", "import_api_key": destination.pigment.workspace.secret("import")}
    run = write_one(destination, catalog(), credentials=keys)
    assert run.exit_code != 0
    assert "Modeling Metadata" in run.errors[0]["message"]


def test_two_configurations_of_one_name_are_not_guessed_between(destination: Runner) -> None:
    workspace = destination.pigment.workspace
    same_name = replace(workspace.configuration(LEDGER), id=new_id("same_name"))
    workspace.configure(same_name)
    run = write_one(destination, catalog())
    assert run.exit_code != 0
    assert same_name.id in run.errors[0]["message"]
    assert not pushed_into(destination)


def test_a_configuration_that_is_gone_is_named_before_the_first_record(destination: Runner) -> None:
    run = write_one(destination, catalog(), targets=[{"stream": LEDGER, "import_configuration_id": NOWHERE}])
    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == "config_error"
    assert not run.states


def test_a_stream_that_replaces_does_not_share_its_place(destination: Runner) -> None:
    same = ledger_id(destination)
    targets = [{"stream": name, "import_configuration_id": same} for name in ("a", "b")]
    run = destination.run("write", catalog=catalog(stream("a"), stream("b"), mode="overwrite"), targets=targets)
    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == "config_error"


def test_names_are_matched_within_the_application(destination: Runner) -> None:
    assert destination.config["application_id"] == destination.pigment.workspace.application(CONSOLIDATION).id
    run = write_one(destination, catalog(), application_id=None, credentials=key(destination.pigment))
    assert run.exit_code != 0
    assert "Application ID" in run.errors[0]["message"]


def test_check_tries_the_import_key_too(destination: Runner) -> None:
    secret = destination.pigment.workspace.secret
    keys = {"auth_type": "separate_keys", "import_api_key": "pgmt_wrong", "metadata_api_key": secret("metadata")}
    assert status_of(destination, credentials=keys)[0] == "FAILED"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"targets": [{"stream": LEDGER, "import_configuration_id": NOWHERE}] * 2}, "more than one entry"),
        (
            {
                "targets": [
                    {
                        "stream": LEDGER,
                        "import_configuration_id": NOWHERE,
                        "replace_import_configuration_id": NOWHERE.upper(),
                    }
                ]
            },
            "twice",
        ),
        (
            {"dimension_checks": [{"stream": LEDGER, "column": "Departement", "list_id": NOWHERE}]},
            'does not have: correct it under "Dimension checks"',
        ),
    ],
)
def test_a_setup_that_cannot_work_stops_before_the_first_record(
    destination: Runner, config: dict[str, Any], words: str
) -> None:
    run = write_one(destination, catalog(), **config)
    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == "config_error"
    assert words in run.errors[0]["message"]
    assert not pushed_into(destination)


def test_a_deduplicated_stream_without_a_key_stops_before_the_first_record(destination: Runner) -> None:
    run = write_one(destination, catalog(stream(source_defined_primary_key=[]), mode="append_dedup"))
    assert run.errors[0]["failure_type"] == "config_error"
    assert f'The stream "{LEDGER}" is to be deduplicated and has no primary key' in run.errors[0]["message"]
    assert not pushed_into(destination)
    assert not run.states


def test_an_incremental_sync_through_a_scope_pushes_nothing(destination: Runner) -> None:
    configuration_id = ledger_id(destination, " (by month)")
    targets = [{"stream": LEDGER, "import_configuration_id": configuration_id, "scope": "Posted"}]
    run = write_one(destination, catalog(), targets=targets)
    assert run.errors[0]["failure_type"] == "config_error"
    assert f'The stream "{LEDGER}" is incremental, and its target has the scope "Posted"' in run.errors[0]["message"]
    assert not pushed_into(destination)
    assert not run.states


@pytest.mark.parametrize("mode", ["update", "soft_delete"])
def test_a_sync_mode_that_is_not_ours_is_rejected(destination: Runner, mode: str) -> None:
    run = write_one(destination, catalog(mode=mode))
    assert run.exit_code != 0
    assert "is not supported" in run.errors[0]["message"]
    assert not pushed_into(destination)


def test_the_letters_of_an_id_do_not_hide_a_conflict(destination: Runner) -> None:
    same = ledger_id(destination)
    targets = [
        {"stream": "a", "import_configuration_id": same, "clears_before_import": True},
        {"stream": "b", "import_configuration_id": same.upper(), "clears_before_import": True},
    ]
    run = destination.run("write", catalog=catalog(stream("a"), stream("b"), mode="overwrite"), targets=targets)
    assert "same import configuration" in run.errors[0]["message"]


def test_nulls_in_the_configuration_count_as_not_given(destination: Runner) -> None:
    entry_ = {
        "stream": LEDGER,
        "namespace": None,
        "import_configuration_id": ledger_id(destination),
        "replace_import_configuration_id": None,
    }
    config = {"targets": [entry_], "csv": {"delimiter": None}, "import_mode": None, "max_file_rows": None}
    process = destination.start_with_nulls("write", catalog=catalog(), **config)
    process.feed(as_lines([record(entry(1)), state(1)]))
    assert process.finish().exit_code == 0


@pytest.mark.parametrize("command", ["discover", "write"])
def test_a_form_that_is_filled_in_wrong_stops_every_command_in_the_same_words(
    destination: Runner, command: str
) -> None:
    configured = catalog() if command == "write" else None
    run = destination.run(command, catalog=configured, max_file_rows=0)
    assert run.exit_code != 0
    assert [(each["failure_type"], each["message"]) for each in run.errors] == [
        ("config_error", 'The field "Most rows in a file" must be between 1 and 1000000000: correct it.')
    ]

"""destination-pigment as a process: the files that it writes."""

from __future__ import annotations

import json

import pytest

from airbyte_platform.process import as_lines
from connectors import Runner
from writing import (
    LEDGER,
    catalog,
    entries,
    entry,
    imports,
    ledger,
    logged,
    many,
    names,
    pair,
    received,
    record,
    rows,
    state,
    stream,
    write,
)


def test_the_file_is_what_the_design_says(destination: Runner) -> None:
    line = (
        b'{"type":"RECORD","record":{"stream":"General Ledger","emitted_at":1,"data":{"Entry":"a\\r\\nb","Account":'
        b'"0012","Amount":33.333333333333333333,"Reversed":true,"Memo":"say \\"hi\\", then","Posted":null,'
        b'"_airbyte_raw_id":"x"}}}\n'
        b'{"type":"RECORD","record":{"stream":"General Ledger","emitted_at":1,"data":{"Entry":"c","Amount":1.5e3,'
        b'"Reversed":false,"Memo":{"a":1.10}}}}\n'
    )
    destination.run("write", stdin=line + as_lines([state(1)]), catalog=catalog())
    assert received(destination) == [
        (
            b"Account,Amount,Department,Entry,Memo,Posted,Reversed\r\n"
            b'0012,33.333333333333333333,,"a\r\nb","say ""hi"", then",,TRUE\r\n'
            b',1500,,c,"{""a"":1.10}",,FALSE\r\n'
        )
    ]


def test_the_configured_dialect_is_used(destination: Runner) -> None:
    for configuration in destination.pigment.workspace.configurations.values():
        configuration.delimiter, configuration.decimal_separator = ";", ","
    csv_options = {"delimiter": "semicolon", "decimal_separator": "comma", "encoding": "utf-8-bom"}
    run = write(destination, [record(entry(1, Amount=2.5, Memo="a;b,c")), state(1)], csv=csv_options)

    assert run.exit_code == 0
    assert received(destination)[0].startswith(b"\xef\xbb\xbfAccount;Amount;")
    assert b';"a;b,c";' in received(destination)[0]
    assert rows(destination)[0][4] == "2.5"


def test_columns_may_have_any_name(destination: Runner) -> None:
    names_of_columns = ('Size "XL"', "a,b", "back\\slash", "two\nlines", "é; ü")
    configuration = destination.pigment.workspace.configuration(LEDGER)
    targets = ["Memo", "Entry", "Account", "Department", "Amount"]
    configuration.mapping = dict(zip(names_of_columns, targets, strict=True))
    data = dict.fromkeys(names_of_columns, "7")
    run = write(destination, [record(data), record(data), state(1)], catalog(stream(columns=names_of_columns)))

    assert run.exit_code == 0
    assert [row[0] for row in rows(destination)] == ["7", "7"]


@pytest.mark.parametrize("upload", ["raw", "multipart"])
def test_both_ways_of_uploading_store_the_same(destination: Runner, upload: str) -> None:
    run = write(destination, [*many(20), state(1)], upload=upload)
    assert run.exit_code == 0
    assert entries(destination) == names(20)


def test_a_new_column_widens_the_file_instead_of_being_dropped(destination: Runner) -> None:
    narrow = catalog(stream(columns=("Entry", "Amount")))
    run = write(destination, [record({"Entry": "a", "Amount": 1}), record(entry(2)), state(1)], narrow)

    assert run.exit_code == 0
    assert [each.split(b"\r\n")[0] for each in received(destination)] == [
        b"Amount,Entry,Account,Department,Memo,Posted,Reversed",
    ]
    assert len(logged(run, "columns that its schema lacks")) == 1
    assert [row[0] for row in rows(destination)] == ["a", "GL-0000002"]


def test_options_are_passed_on_only_when_set(destination: Runner) -> None:
    destination.pigment.workspace.variants.richer_metadata = True
    write(destination, [*many(1), state(1)])
    write(destination, [*many(1, 2), state(1)], import_mode="create", dry_run=True)
    pushes = [each.target for each in destination.pigment.requests if each.operation == "push_csv"]
    assert pushes[0].endswith(f"configurationId={ledger(destination)}")
    assert "importMode=create" in pushes[1]
    assert "dryRun=true" in pushes[1]


@pytest.mark.parametrize("is_known", [True, False])
def test_a_dry_run_stores_nothing_and_sends_no_state(destination: Runner, is_known: bool) -> None:
    destination.pigment.workspace.variants.richer_metadata = is_known
    run = write(destination, [*many(3), record(None), state(1)], dry_run=True)
    assert run.exit_code == 0
    assert not run.states
    assert rows(destination) == []
    assert logged(run, "This is a dry run")
    assert len(imports(destination)) == is_known


def test_a_dry_run_that_pigment_does_not_know_says_what_would_become_of_every_stream(destination: Runner) -> None:
    """It waits for nothing and proves nothing: no state and no COMPLETE came for what replaces a block."""
    destination.environment["PATIENCE_SECONDS"] = "100"
    accounts = stream("Accounts", ("Account",))
    configured = catalog(stream(), accounts, stream("Months", ("Month",)))
    configured["streams"][0]["destination_sync_mode"] = "overwrite"
    for each in configured["streams"][1:]:
        each["sync_mode"] = "full_refresh"
    months = {"stream": "Months", "import_configuration_id": ledger(destination, " (by month)"), "scope": "Month"}
    messages = [*many(25), record(None), *(record({"Account": str(number)}, "Accounts") for number in range(3))]
    run = write(
        destination,
        [*messages, record({"Month": "Jan 26"}, "Months")],
        configured,
        targets=[*pair(destination), months],
        max_file_rows=10,
        dry_run=True,
    )
    assert run.exit_code == 0
    assert not imports(destination)
    assert logged(
        run,
        f'25 rows of the stream "{LEDGER}" would go in 3 files through the import configuration "{LEDGER} (replace)" '
        f'(the first file) and "{LEDGER}" (the others), and everything in its block would be replaced.',
    )
    assert logged(run, f'1 record of the stream "{LEDGER}" would be rejected before upload.')
    assert logged(run, '3 rows of the stream "Accounts" would go in 1 file through')
    assert logged(run, 'rows with the same values in the column "Month" would be replaced.')


def test_a_dry_run_that_pigment_ignores_stops_after_the_first_file(destination: Runner) -> None:
    destination.pigment.workspace.variants.richer_metadata = True
    destination.pigment.workspace.variants.respects_dry_run = False
    run = write(destination, [*many(30), state(1)], dry_run=True, max_file_rows=10)
    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == "config_error"
    assert '"Dry run"' in run.errors[0]["message"]
    assert len(imports(destination)) == 1
    assert not run.states


def test_bad_lines_are_counted_and_lose_nothing(destination: Runner) -> None:
    lines = (
        b"not JSON, a secret\n"
        + as_lines([record(entry(1)), {"type": "SOMETHING", "x": 1}, record({"a secret": 1}, "unknown stream")])
        + b'{"type":"RECORD","record":{"stream":7}}\n\n'
        + as_lines([record(None), record("a secret"), record(entry(2)), state(1)])
        + as_lines([{"type": "LOG", "log": {"level": "INFO", "message": "hello"}}])[:-1]
    )
    run = destination.run("write", stdin=lines, catalog=catalog())

    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == "config_error"
    assert 'stream "unknown stream" (1 record)' in run.errors[0]["message"]
    assert entries(destination) == names(2)
    stats = run.states[0]["destinationStats"]
    assert (stats["recordCount"], stats["rejectedRecordCount"]) == (2.0, 2.0)
    assert len(logged(run, "that are not messages of Airbyte's protocol")) == 2
    assert logged(run, "which the catalog does not have")
    assert "a secret" not in run.everything


@pytest.mark.parametrize("cut", [b"", b'{"type":"RECORD","rec'], ids=["between lines", "within a line"])
def test_an_input_that_closes_early_stores_what_the_source_has_confirmed(destination: Runner, cut: bytes) -> None:
    run = destination.run("write", stdin=as_lines([*many(5), state(1), *many(3, 6)]) + cut, catalog=catalog())
    assert run.exit_code != 0
    assert run.errors[0]["failure_type"] == "transient_error"
    assert "without confirming the last 3 records of the" in run.errors[0]["message"]
    assert entries(destination) == names(5)
    assert [each["id"] for each in run.states] == [1]


def test_a_cell_of_megabytes_and_a_number_of_many_digits_arrive(destination: Runner) -> None:
    digits = "1234567890" * 30 + ".5"
    line = json.dumps(record(entry(1, Memo="x\n" * 2_000_000))).replace('"Amount": 1', f'"Amount": {digits}')
    run = destination.run("write", stdin=line.encode() + b"\n" + as_lines([state(1)]), catalog=catalog())
    assert run.exit_code == 0
    assert rows(destination)[0][4] == digits
    assert len(rows(destination)[0][5]) == 4_000_000


def test_dates_arrive_in_the_form_that_the_import_configuration_reads(destination: Runner) -> None:
    destination.pigment.workspace.configuration(LEDGER).date_format = "dd/MM/yyyy"
    configured = catalog()
    properties = configured["streams"][0]["stream"]["json_schema"]["properties"]
    properties["Posted"] = {
        "type": ["null", "string"],
        "format": "date-time",
        "airbyte_type": "timestamp_with_timezone",
    }
    given = {
        "GL-1": ("2026-04-30T23:30:00-01:00", "2026-05-01"),
        "GL-2": ("2024-02-29", "2024-02-29"),
        "GL-3": ("1066-10-14T00:00:00+0100", "1066-10-13"),
        "GL-4": (None, ""),
        "GL-5": ("04/30/2026", None),
        "GL-6": (1777550400, None),
        "GL-7": ("2026-12-31T23:59:59.999999Z", "2026-12-31"),
    }
    records = [record(entry(1, Entry=name, Posted=value)) for name, (value, _) in given.items()]
    run = write(destination, [*records, state(1, records=7)], configured, csv={"dates": "dd/MM/yyyy"})

    assert run.exit_code == 0
    assert {row[0]: row[3] for row in rows(destination)} == {
        name: day for name, (_, day) in given.items() if day is not None
    }
    (sent,) = run.of("STATE")
    assert sent["destinationStats"] == {"recordCount": 5.0, "rejectedRecordCount": 2.0}
    assert logged(run, "2 records were rejected") == [
        '2 records were rejected in the stream "General Ledger": the column "Posted" contains no date.'
    ]
    assert 'such as "99/99/9999"' in logged(run, "cannot be written as dates")[0]
    assert "04/30/2026" not in run.everything


@pytest.mark.long
def test_a_row_without_a_date_stops_a_sync_that_is_to_stop_then(destination: Runner) -> None:
    configured = catalog()
    configured["streams"][0]["stream"]["json_schema"]["properties"]["Posted"] = {"type": "string", "format": "date"}
    records = [record(entry(1)), record(entry(2, Posted="soon"))]
    run = write(destination, [*records, state(1)], configured, csv={"dates": "iso"}, rejected_rows="fail")

    assert run.exit_code == 1
    assert run.of("STATE") == []
    assert "1 row of the stream" in run.errors[0]["message"]


def test_each_target_gets_files_in_its_own_form_and_mode(destination: Runner) -> None:
    other, french = stream("other"), ledger(destination, " (by entry)")
    configuration = destination.pigment.workspace.configurations[french]
    configuration.delimiter, configuration.decimal_separator, configuration.date_format = ";", ",", "dd/MM/yyyy"
    for each in (first := stream(), other):
        each["json_schema"]["properties"]["Posted"]["format"] = "date"
    targets = [
        {"stream": LEDGER, "import_configuration_id": ledger(destination)},
        {
            "stream": "other",
            "import_configuration_id": french,
            "import_mode": "create",
            "csv": {"delimiter": "semicolon", "decimal_separator": "comma", "dates": "dd/MM/yyyy"},
        },
    ]
    messages = [
        *(record(entry(1, Entry=f"a{number}", Amount=1.5)) for number in range(3)),
        *(record(entry(1, Entry=f"b{number}", Amount=2.25, Memo="x;y"), "other") for number in range(3)),
        state(1),
        state(2, "other"),
    ]
    run = write(destination, messages, catalog(first, other), targets=targets, csv={"encoding": "utf-8-bom"})

    assert run.exit_code == 0
    assert {row[0]: (row[3], row[4]) for row in rows(destination)} == {
        f"{name}{number}": ("2026-04-30", amount)
        for name, amount in (("a", "1.5"), ("b", "2.25"))
        for number in range(3)
    }
    assert {each.mode for each in imports(destination)} == {None, "create"}
    assert all(each.startswith(b"\xef\xbb\xbfAccount") for each in received(destination))

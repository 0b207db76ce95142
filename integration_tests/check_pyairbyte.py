"""PyAirbyte as a client that we did not write: `make e2e-pyairbyte`.

Not collected by `make test`: it needs the environments of PyAirbyte and of airbyte-source-faker, which are heavy, and
are kept apart from ours and from each other (`PYAIRBYTE` and `FAKER` name their folders).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors import destination_config, sliced_by_department, source_config
from local_pigment.blocks import ListBlock, Property
from local_pigment.imports import ImportConfiguration, UnknownItem
from local_pigment.sample import CONSOLIDATION, PLANNING, planning_model
from local_pigment.server import LocalPigment
from local_pigment.workspace import new_id
from writing import LEDGER

PYAIRBYTE = Path(os.environ.get("PYAIRBYTE", ".venv-pyairbyte")).absolute() / "bin"
FAKER = Path(os.environ.get("FAKER", ".venv-faker")).absolute() / "bin" / "source-faker"
OURS = Path(sys.executable).parent
CLIENT = Path(__file__).parent / "pyairbyte" / "client.py"
EXAMPLE = Path(__file__).parent.parent / "docs/examples/pyairbyte/read_pigment.py"
# It asks no registry and sends no telemetry.
OFFLINE = {"AIRBYTE_OFFLINE_MODE": "1", "DO_NOT_TRACK": "1", "AIRBYTE_NO_UV": "1"}

Ask = Any


@pytest.fixture
def pigment() -> Iterator[LocalPigment]:
    with LocalPigment(planning_model(ledger_rows=150)) as started:
        started.workspace.limits.requests = 100_000
        yield started


def environment(folder: Path) -> dict[str, str]:
    home = folder / "home"
    home.mkdir(exist_ok=True)
    path = os.pathsep.join(map(str, (PYAIRBYTE, OURS, os.environ["PATH"])))
    return {**os.environ, **OFFLINE, "HOME": str(home), "PATH": path}


def succeed(folder: Path, *command: str | Path) -> str:
    """What a command of PyAirbyte's environment prints, run in the folder; a failure fails the test."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment(folder),
        timeout=280,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def ask(folder: Path, command: str, **order: Any) -> Any:
    asked, answered = folder / "order.json", folder / "answer.json"
    asked.write_text(json.dumps({"command": command, **order}), encoding="utf-8")
    succeed(folder, PYAIRBYTE / "python", CLIENT, asked, answered)
    return json.loads(answered.read_text(encoding="utf-8"))


def our_source(pigment: LocalPigment, **config: Any) -> dict[str, Any]:
    return {
        "source": "source-pigment",
        "source_executable": str(OURS / "source-pigment"),
        "config": {**source_config(pigment), **config},
    }


def our_destination(pigment: LocalPigment, **config: Any) -> dict[str, Any]:
    return {
        "destination_executable": str(OURS / "destination-pigment"),
        "destination_config": {**destination_config(pigment), **config},
    }


def offered_id(name: str) -> str:
    return new_id("offered configuration", name)


def offer_a_list(pigment: LocalPigment, name: str, columns: list[str], *, clears: bool = False) -> ListBlock:
    """A transaction list with an import configuration of the stream's name; every column is text."""
    block = ListBlock(new_id("offered", name), name, [Property(column) for column in columns], is_dimension=False)
    application = pigment.workspace.application(CONSOLIDATION)
    application.put(block)
    pigment.workspace.configure(
        ImportConfiguration(
            offered_id(name),
            name,
            application.id,
            block.id,
            {column: column for column in columns},
            unknown_item=UnknownItem.CREATE,
            clear_before_import=clears,
        )
    )
    return block


def texts(rows: list[dict[str, Any]]) -> Counter[tuple[str, ...]]:
    """Rows whatever the order of their columns and the case of their names; a blank is the empty text."""
    return Counter(tuple(value or "" for _, value in sorted(row.items())) for row in rows)


def test_our_source_into_duckdb_is_what_pigment_holds(pigment: LocalPigment, tmp_path: Path) -> None:
    """All as text: how DuckDB writes its numbers is not what is looked at."""
    order = our_source(pigment, block_types=["list", "metric"], types="text")
    assert ask(tmp_path, "check", **order)
    tables = ask(tmp_path, "into_duckdb", database=str(tmp_path / "cache.duckdb"), **order)

    assert len(tables) == 7
    for name, rows in tables.items():
        block = pigment.workspace.block(name, PLANNING)
        assert len(rows) == len(pigment.workspace.rows(name, PLANNING)) > 0
        if isinstance(block, ListBlock):
            titles = [each.name.lower().replace(" ", "_") for each in block.properties]
            held = [dict(zip(titles, row, strict=True)) for row in pigment.workspace.rows(name, PLANNING)]
            assert texts(rows) == texts(held), name


@pytest.mark.parametrize("num_slices", [1, 4])
def test_a_second_read_gives_what_the_block_holds_by_then(
    pigment: LocalPigment, tmp_path: Path, num_slices: int
) -> None:
    """PyAirbyte keeps the final states and never clears them."""
    sliced = sliced_by_department(pigment, num_slices) if num_slices > 1 else {}
    order = our_source(pigment, block_types=["list"], include=[LEDGER], types="text", **sliced)
    ledger = pigment.workspace.block(LEDGER, PLANNING)
    assert isinstance(ledger, ListBlock)
    counts: list[int] = []
    for _ in range(2):
        database = str(tmp_path / "cache.duckdb")
        tables = ask(tmp_path, "into_duckdb", database=database, force_full_refresh=False, **order)
        assert len(tables[LEDGER]) == len(pigment.workspace.rows(LEDGER, PLANNING))
        counts.append(len(tables[LEDGER]))
        ledger.add("added later", *ledger.items[0].values[1:])
    assert counts[1] == counts[0] + 1


def test_inferred_types_arrive_as_numbers_booleans_and_dates(pigment: LocalPigment, tmp_path: Path) -> None:
    order = our_source(pigment, include=["Employees"])
    rows = ask(tmp_path, "into_duckdb", database=str(tmp_path / "cache.duckdb"), **order)["Employees"]
    held = {row[0]: row for row in pigment.workspace.rows("Employees", PLANNING)}
    for row in rows:
        _, _, hired, salary, remote, _ = held[row["employee"]]
        assert row["hired"][:10] == hired
        assert row["remote"].upper() == remote
        assert (float(row["salary"]) == float(salary)) if salary else row["salary"] is None


def test_our_source_into_our_destination(pigment: LocalPigment, tmp_path: Path) -> None:
    lists = ["Departments", "Accounts", "Months", "General Ledger"]
    order = {**our_source(pigment), **our_destination(pigment), "streams": lists}
    ask(tmp_path, "into_destination", **order)
    for name in lists:
        stored = Counter(map(tuple, pigment.workspace.rows(name, CONSOLIDATION)))
        assert stored.total() == len(pigment.workspace.rows(name, PLANNING)), name


@pytest.mark.skipif(not FAKER.exists(), reason="airbyte-source-faker is not installed: make e2e-pyairbyte does it")
def test_a_stranger_s_source_into_our_destination(pigment: LocalPigment, tmp_path: Path) -> None:
    order = {
        "source": "source-faker",
        "source_executable": str(FAKER),
        "config": {"count": 200, "seed": 7, "parallelism": 1},
        "streams": ["users", "products"],
    }
    blocks = {
        name: offer_a_list(pigment, name, columns)
        for name, columns in ask(tmp_path, "source_schema", **order).items()
        if name in order["streams"]
    }
    ask(tmp_path, "into_destination", **order, **our_destination(pigment))
    cached = ask(tmp_path, "into_duckdb", database=str(tmp_path / "cache.duckdb"), **order)
    for name, block in blocks.items():
        ids = [row["id"] for row in cached[name]]
        position = [each.name for each in block.properties].index("id")
        assert sorted(item.values[position] for item in block.items) == sorted(ids), name
        assert len(ids) > 0


def test_the_smoke_test_with_all_its_scenarios(pigment: LocalPigment, tmp_path: Path) -> None:
    known = ask(tmp_path, "scenarios")
    blocks = {
        name: offer_a_list(pigment, name, each["columns"], clears=each["replaces"]) for name, each in known.items()
    }
    targets = [
        {"stream": name, "import_configuration_id": offered_id(name), "clears_before_import": True}
        for name, each in known.items()
        if each["replaces"]
    ]
    assert targets
    offer_a_list(pigment, "_preflight_basic_types", ["id", "name", "amount", "is_active"])
    config = tmp_path / "destination.json"
    config.write_text(json.dumps(our_destination(pigment, targets=targets)["destination_config"]), encoding="utf-8")
    tested = f"--destination={OURS / 'destination-pigment'}"
    printed = succeed(
        tmp_path, PYAIRBYTE / "pyab", "destination-smoke-test", tested, f"--config={config}", "--scenarios=all"
    )
    assert '"success": true' in printed.lower(), printed[-3000:]
    assert {name: len(block.items) for name, block in blocks.items()} == {
        name: each["rows"] for name, each in known.items()
    }
    of_keys = blocks["duplicate_primary_keys"]
    columns = [each.name for each in of_keys.properties]
    rows = [dict(zip(columns, each.values, strict=True)) for each in of_keys.items]
    assert {row["id"]: row["updated_value"] for row in rows} == {"1": "third", "2": "second", "3": "first"}


def test_the_script_of_the_example_reads_into_duckdb(pigment: LocalPigment, tmp_path: Path) -> None:
    config = tmp_path / "source.json"
    config.write_text(json.dumps({**source_config(pigment), "block_types": ["list"]}), encoding="utf-8")
    printed = succeed(tmp_path, PYAIRBYTE / "python", EXAMPLE, config)
    for name in ("Departments", "General Ledger"):
        assert f"{name} {len(pigment.workspace.rows(name, PLANNING))}\n" in printed

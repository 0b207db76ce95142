"""The examples in docs/examples, run as their pages describe: both connectors as processes, with the local Pigment."""

from __future__ import annotations

import ast
import json
import os
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import jinja2
import jsonschema
import pytest

from airbyte_platform.fork_server import ForkServer
from airbyte_platform.process import Run, as_run, without_proxies
from connectors import Runner, running
from documents.generated import ROOT
from local_pigment.audit import AuditEvent
from local_pigment.blocks import ListBlock, Property, ValueType
from local_pigment.imports import UnknownItem
from local_pigment.sample import CONSOLIDATION, PLANNING, planning_model
from local_pigment.server import LocalPigment
from pigment_airbyte.form import load_spec
from stranger import Site

EXAMPLES = ROOT / "docs/examples"
BINARIES = Path(sys.executable).parent
PLACEHOLDERS: dict[str, Callable[[Site], str]] = {
    "33d0d7d0-6125-47c4-b36a-882f4ed53b33": lambda site: site.workspace.application(PLANNING).id,
    "44d0d7d0-6125-47c4-b36a-882f4ed53b44": lambda site: site.workspace.application(CONSOLIDATION).id,
    "55d0d7d0-6125-47c4-b36a-882f4ed53b55": lambda site: block_id(site, "Monthly ledger"),
    "pgmt_your_key": lambda site: site.workspace.secret("all"),
    "pgmt_your_export_key": lambda site: site.workspace.secret("export"),
    "pgmt_your_metadata_key": lambda site: site.workspace.secret("metadata"),
    "pgmt_your_import_key": lambda site: site.workspace.secret("import"),
    "pgmt_your_audit_key": lambda site: site.workspace.secret("audit"),
}
CONFIGURATIONS = sorted(path for path in EXAMPLES.rglob("*.json") if path.name.startswith(("source", "destination")))


@pytest.fixture
def site() -> Iterator[Site]:
    with LocalPigment(planning_model(ledger_rows=150)) as pigment:
        yield Site(pigment)


@pytest.fixture
def source(site: Site, source_fork_server: ForkServer) -> Iterator[Runner]:
    """The source with the configuration of the example."""
    text = (EXAMPLES / "configurations/source-single-key.json").read_text(encoding="utf-8")
    with running(source_fork_server, site.pigment, filled(text, site)) as runner:
        yield runner


def filled(text: str, site: Site) -> dict[str, Any]:
    """A configuration as a reader completes it: with keys and IDs of their workspace."""
    for placeholder, value in PLACEHOLDERS.items():
        text = text.replace(placeholder, value(site))
    return {**json.loads(text), "base_url": site.pigment.url}


def block_id(site: Site, name: str) -> str:
    """The ID of a block that only one example has; empty in the others."""
    found = [each.id for each in site.workspace.application(CONSOLIDATION).blocks.values() if each.name == name]
    return found[0] if found else ""


def completed(folder: Path, site: Site, *paths: Path) -> None:
    """Copy files of an example into a folder, the configurations completed."""
    for path in paths:
        text = path.read_text(encoding="utf-8")
        wanted = json.dumps(filled(text, site)) if path in CONFIGURATIONS else text
        (folder / path.name).write_text(wanted, encoding="utf-8")


def shell(folder: Path, command: str) -> Run:
    """Run a command of a page in a folder; what it printed and how it ended."""
    environment = {
        **without_proxies(os.environ),
        "PATH": f"{BINARIES}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": "",
    }
    done = subprocess.run(
        ["/bin/bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        check=False,
        timeout=200,
    )
    return as_run(done.returncode, done.stdout, done.stderr)


def commands(page: str) -> list[str]:
    """The commands that a page shows, one a line; continued lines joined."""
    blocks = re.findall(r"```sh\n(.*?)```", (EXAMPLES / page).read_text(encoding="utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.strip()]


def spec_of(path: Path) -> dict[str, Any]:
    side = "source" if path.name.startswith("source") else "destination"
    return dict(load_spec(f"{side}_pigment").connectionSpecification)


def require_valid(config: dict[str, Any], schema: dict[str, Any]) -> None:
    jsonschema.validate(config, schema)
    assert set(config) <= set(schema["properties"])
    for target in config.get("targets", []):
        assert set(target) <= set(schema["properties"]["targets"]["items"]["properties"])


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_configuration_has_only_properties_of_the_form(path: Path) -> None:
    require_valid(json.loads(path.read_text(encoding="utf-8")), spec_of(path))


@pytest.mark.parametrize("keys", ["single-key", pytest.param("separate-keys", marks=pytest.mark.long)])
def test_the_configurations_load_one_application_into_another(site: Site, tmp_path: Path, keys: str) -> None:
    folder = EXAMPLES / "configurations"
    completed(tmp_path, site, *folder.glob("*.json"))
    for command in commands("configurations.md"):
        run = shell(tmp_path, command.replace("single-key", keys))
        assert run.exit_code == 0, (command, run.everything)
        assert [each["status"] for each in run.of("CONNECTION_STATUS")] in ([], ["SUCCEEDED"])
    for name in ("Departments", "General Ledger"):
        rows = sorted(site.workspace.rows(name, PLANNING))
        assert len(rows) > 10
        assert sorted(site.rows(name)) == rows


def test_the_catalog_is_what_discovery_finds(source: Runner) -> None:
    folder = EXAMPLES / "configurations"
    found = source.discovered()
    catalog = json.loads((folder / "catalog.json").read_text(encoding="utf-8"))

    assert [each["stream"]["name"] for each in catalog["streams"]] == list(found)
    for each in catalog["streams"]:
        stream = each["stream"]
        assert stream["json_schema"]["properties"] == found[stream["name"]]["json_schema"]["properties"]


def test_terraform_creates_the_configurations_of_the_other_examples(site: Site) -> None:
    main = (EXAMPLES / "terraform/main.tf").read_text(encoding="utf-8")
    variables = (EXAMPLES / "terraform/variables.tf").read_text(encoding="utf-8")
    for side in ("source", "destination"):
        path = EXAMPLES / f"configurations/{side}-separate-keys.json"
        resource = main.partition(f'resource "airbyte_{side}" ')[2]
        config = from_hcl(re.findall(r"jsonencode\((\{.*?\n  \})\)", resource, re.DOTALL)[0])
        assert config == json.loads(path.read_text(encoding="utf-8"))
        require_valid(config, spec_of(path))
    assert set(re.findall(r"\bvar\.(\w+)", main)) == set(re.findall(r'variable "(\w+)"', variables))


def from_hcl(text: str) -> Any:
    """An object of Terraform's language, as far as the example uses it; a variable is the key that it stands for."""
    text = re.sub(r"\bvar\.pigment_(\w+)", r'"pgmt_your_\1"', text)
    text = re.sub(r"^(\s*)(\w+)\s*=", r'\1"\2":', text, flags=re.MULTILINE)
    text = re.sub(r'(["\w}\]])\n(?=\s*")', r"\1,\n", text)
    return json.loads(re.sub(r",(\s*[}\]])", r"\1", text))


class Airbyte(BaseHTTPRequestHandler):
    """Answers as Airbyte's API does, and keeps what was asked."""

    asked: list[tuple[str, dict[str, Any]]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, body))
        known = self.path.endswith("/token") or self.headers["Authorization"] == "Bearer a-token"
        names = ("id", "sourceId", "destinationId", "connectionId")
        answer = {"access_token": "a-token", **{name: f"{name} of {self.path}" for name in names}}
        self.send_response(200 if known else 401)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def test_the_api_is_asked_for_connectors_and_a_connection() -> None:
    handler = type("Asked", (Airbyte,), {"asked": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    environment = {
        **without_proxies(os.environ),
        "AIRBYTE_API": f"http://127.0.0.1:{server.server_address[1]}",
        "AIRBYTE_WORKSPACE": "a-workspace",
        "AIRBYTE_CLIENT_ID": "an-id",
        "AIRBYTE_CLIENT_SECRET": "a-secret",
        **{f"PIGMENT_{kind}_KEY": f"pgmt_{kind}" for kind in ("EXPORT", "METADATA", "IMPORT")},
    }
    done = subprocess.run(
        [sys.executable, EXAMPLES / "airbyte-api/set_up.py"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    server.shutdown()
    server.server_close()
    asked = dict(handler.asked)  # type: ignore[attr-defined] # the class was given it above

    assert done.stdout == "connectionId of /connections\n"
    assert list(asked) == [
        "/applications/token",
        "/workspaces/a-workspace/definitions/sources",
        "/sources",
        "/workspaces/a-workspace/definitions/destinations",
        "/destinations",
        "/connections",
    ]
    for side in ("source", "destination"):
        created = asked[f"/{side}s"]
        assert created["definitionId"] == f"id of /workspaces/a-workspace/definitions/{side}s"
        require_valid(created["configuration"], spec_of(EXAMPLES / f"configurations/{side}-separate-keys.json"))
        assert "pgmt_your" not in json.dumps(created)
        assert asked["/connections"][f"{side}Id"] == f"{side}Id of /{side}s"


# What the providers offer, from their sources: apache-airflow-providers-airbyte 5.4, dagster-airbyte (AirbyteWorkspace)
# and PyAirbyte 0.71.
KNOWN_ARGUMENTS = {
    "AirbyteTriggerSyncOperator": {
        *("connection_id", "airbyte_conn_id", "asynchronous", "deferrable", "api_version", "wait_seconds", "timeout"),
        *("task_id", "retries", "execution_timeout"),
    },
    "AirbyteWorkspace": {
        *("rest_api_base_url", "configuration_api_base_url", "workspace_id", "client_id", "client_secret"),
    },
    "airbyte_assets": {"connection_id", "workspace", "name", "group_name", "dagster_airbyte_translator"},
    "sync_and_poll": {"context"},
    "get_source": {"name", "config", "local_executable"},
    "DuckDBCache": {"db_path"},
}
CALLED = {
    "airflow/load_pigment.py": {"AirbyteTriggerSyncOperator"},
    "dagster/load_pigment.py": {"AirbyteWorkspace", "airbyte_assets", "sync_and_poll"},
    "pyairbyte/read_pigment.py": {"get_source", "DuckDBCache"},
}


@pytest.mark.parametrize("name", CALLED)
def test_a_script_calls_its_provider_as_the_provider_offers_it(name: str) -> None:
    tree = ast.parse((EXAMPLES / name).read_text(encoding="utf-8"))
    calls = [each for each in ast.walk(tree) if isinstance(each, ast.Call)]
    named = [
        (each.func.attr if isinstance(each.func, ast.Attribute) else ast.unparse(each.func), each) for each in calls
    ]
    compared = [(called, call) for called, call in named if called in KNOWN_ARGUMENTS]

    assert {called for called, _ in compared} == CALLED[name]
    for called, call in compared:
        assert {each.arg for each in call.keywords} <= KNOWN_ARGUMENTS[called]


def test_the_dbt_model_lists_what_is_new_changed_and_deleted(source: Runner) -> None:
    catalog = json.loads((EXAMPLES / "configurations/catalog.json").read_text(encoding="utf-8"))
    ledger = source.pigment.workspace.block("General Ledger", PLANNING)
    assert isinstance(ledger, ListBlock)
    warehouse = sqlite3.connect(":memory:")
    nights = []
    for night in range(3):
        run = source.run("read", catalog=catalog, row_metadata=True)
        assert run.exit_code == 0, run.everything
        rows = [each["data"] for each in run.records if each["stream"] == "General Ledger"]
        nights.append(changes_of_a_night(warehouse, rows, night))
        if night == 0:
            ledger.items[1].values[5] = "another memo"
            del ledger.items[0]
            ledger.add("GL-NEW", *ledger.items[1].values[1:])

    assert nights[0] == Counter(new=150)
    assert nights[1] == Counter(new=1, changed=1, deleted=1)
    assert nights[2] == Counter()


def changes_of_a_night(warehouse: sqlite3.Connection, rows: list[dict[str, Any]], night: int) -> Counter[str]:
    """Load the table again, build the model as dbt does, and count what it adds."""
    warehouse.execute("drop table if exists general_ledger")
    warehouse.execute("create table general_ledger (_pigment_record_id text, _pigment_content_hash text)")
    pairs = [(each["_pigment_record_id"], each["_pigment_content_hash"]) for each in rows]
    warehouse.executemany("insert into general_ledger values (?, ?)", pairs)
    model = (EXAMPLES / "dbt/ledger_changes.sql").read_text(encoding="utf-8")
    dbt = jinja2.Environment(autoescape=False)  # noqa: S701 - it writes SQL, as dbt does
    compiled = dbt.from_string(model).render(
        config=lambda **_: "",
        source=lambda _schema, table: table,
        is_incremental=lambda: night > 0,
        this="ledger_changes",
        run_started_at=datetime(2026, 11, 1 + night, tzinfo=UTC),
    )
    found = Counter(row[2] for row in warehouse.execute(compiled))
    built = "insert into ledger_changes" if night else "create table ledger_changes as"
    warehouse.execute(f"{built} {compiled}")
    return found


def test_the_audit_log_is_in_pigment_with_each_event_once(site: Site, tmp_path: Path) -> None:
    folder = EXAMPLES / "audit-log"
    catalog = json.loads((folder / "catalog.json").read_text(encoding="utf-8"))
    columns = list(catalog["streams"][0]["stream"]["json_schema"]["properties"])
    site.add_list("Audit log", *map(Property, columns), key="id")
    completed(tmp_path, site, *folder.iterdir())
    begin, sync = commands("audit-log.md")
    assert shell(tmp_path, f"{begin} && {sync}").exit_code == 0
    log, now = site.workspace.audit, datetime.now(UTC)
    for number, ago in enumerate((timedelta(minutes=1), timedelta(hours=3))):
        log.add(AuditEvent(f"late-{number}", "ImportTriggered", now - ago, now - ago, {"by": "an example"}))
    assert shell(tmp_path, sync).exit_code == 0

    rows = [dict(zip(columns, row, strict=True)) for row in site.rows("Audit log")]
    assert len(rows) == len(log.events) == 14
    assert {(row["id"], row["type"]): json.loads(row["payload"]) for row in rows} == {
        (each.id, each.type): each.payload for each in log.events
    }


IN_PIGMENT = [
    ("Jan 26", "4000", "1200"),
    ("Jan 26", "6010", "-310.5"),
    ("Jan 26", "6090", "-1"),
    ("Feb 26", "4000", "1111"),
    ("Feb 26", "6010", "-298.1"),
    ("Feb 26", "6030", "-7"),
]


def test_a_month_is_reloaded_from_a_warehouse_and_read_back(site: Site, tmp_path: Path) -> None:
    folder = EXAMPLES / "month-reload"
    add_monthly_ledger(site)
    completed(tmp_path, site, *folder.iterdir())
    load, read_back = commands("month-reload.md")
    loaded = shell(tmp_path, load)
    assert loaded.exit_code == 0, loaded.everything

    rows = site.rows("Monthly ledger")
    warehouse = [line.split(",") for line in (folder / "ledger.csv").read_text(encoding="utf-8").splitlines()[1:]]
    open_months = [row for row in warehouse if row[0] != "Jan 26"]
    assert as_ledger(rows) == as_ledger([*IN_PIGMENT[:3], *open_months])

    read = shell(tmp_path, read_back)
    assert read.exit_code == 0, read.everything
    read_rows = [[str(each["data"][name]) for name in ("Month", "Account", "Amount")] for each in read.records]
    assert as_ledger(read_rows) == as_ledger(rows)

    shrunk = "".join(f"{','.join(row)}\n" for row in warehouse if row[:2] in (["Feb 26", "4000"], ["Mar 26", "4000"]))
    for table, content, reason in (
        ("ledger", f"Month,Account,Amount\n{shrunk}", "Feb 26"),
        ("closed_months", "Month\n", "Jan 26"),
    ):
        kept = (tmp_path / f"{table}.csv").read_text(encoding="utf-8")
        (tmp_path / f"{table}.csv").write_text(content, encoding="utf-8")
        stopped = shell(tmp_path, load)
        (tmp_path / f"{table}.csv").write_text(kept, encoding="utf-8")
        assert stopped.exit_code != 0
        assert reason in stopped.errors[0]["message"], stopped.errors
        assert as_ledger(site.rows("Monthly ledger")) == as_ledger(rows)


def add_monthly_ledger(site: Site) -> None:
    """The list of the example, with January as it was closed and February as it was loaded before."""
    months = site.dimension("Month", "Jan 26", "Feb 26", "Mar 26")
    properties = (months, Property("Account"), Property("Amount", ValueType.NUMBER))
    block = site.add_list(
        "Monthly ledger", *properties, scope=("Month",), clear_before_import=True, unknown_item=UnknownItem.SKIP_ROW
    )
    for row in IN_PIGMENT:
        block.add(*row)


def as_ledger(rows: Any) -> Counter[tuple[str, str, Decimal]]:
    return Counter((month, account, Decimal(amount)) for month, account, amount in rows)

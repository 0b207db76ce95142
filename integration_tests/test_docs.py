"""The pages for users against the forms, and the table that says which checks of the registry pass."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from airbyte_platform.fork_server import ForkServer
from airbyte_platform.process import Run
from connectors import destination_config, running, source_config
from destination_pigment.config import parse_loading
from documents.generated import PAGES, ROOT, fields_of, filled
from local_pigment.imports import UnknownItem
from local_pigment.sample import CONSOLIDATION, PLANNING, planning_model
from local_pigment.server import LocalPigment
from local_pigment.workspace import Workspace
from pigment_airbyte.form import load_spec
from pigment_csv.dates import DateWriter


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_field_table_is_as_the_form(page: Path) -> None:
    """Run `make metadata` when the form has changed."""
    assert page.read_text(encoding="utf-8") == filled(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_field_has_a_title_and_a_description(page: Path) -> None:
    schema = dict(load_spec(PAGES[page]).connectionSpecification)
    table = page.read_text(encoding="utf-8").partition("<!-- fields")[2].partition("<!-- end of fields")[0]

    for field in fields_of(schema):
        assert " → ".join(field.path) in table
        assert field.description or len(field.path) > 1, field.path


def test_the_table_of_date_patterns_is_true() -> None:
    section = (
        (ROOT / "docs/guides/dates-and-numbers.md")
        .read_text(encoding="utf-8")
        .partition("## Dates\n")[2]
        .partition("## ")[0]
    )
    rows = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|", section, re.MULTILINE)

    assert len(rows) > 6
    for entered, arrives in rows:
        pattern = parse_loading({"csv": {"dates": entered}}).dialect.dates
        assert pattern is not None
        assert DateWriter(pattern).write_moment("2026-04-30T16:05:09+02:00") == arrives


def test_only_existing_make_targets_are_named() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    named = {target for page in pages for target in re.findall(r"`make ([a-z0-9-]+)", page.read_text(encoding="utf-8"))}

    assert named <= targets


def test_the_workflows_run_what_is_there() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    run = [
        step["run"]
        for workflow in sorted((ROOT / ".github/workflows").glob("*.yml"))
        for job in yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].values()
        for step in job["steps"]
        if "run" in step
    ]
    made = {target for line in run for target in re.findall(r"\bmake ([a-z0-9-]+)", line)}
    scripts = {path for line in run for path in re.findall(r"(?:^| )(\.ci/[a-z]+)", line)}

    assert made
    assert made <= targets
    assert scripts
    assert all((ROOT / path).stat().st_mode & 0o111 for path in scripts)


# A module of a connector or of a shared package is named from its package, or in a table of one connector from there.
NAMED_FROM = (
    "",
    "shared",
    "source-pigment",
    "source-pigment/source_pigment",
    "destination-pigment/destination_pigment",
)
NAMED_FROM += ("destination-pigment", "shared/pigment_client", "shared/pigment_native", "integration_tests")


@pytest.mark.parametrize("page", ["docs/architecture.md", "docs/dependencies.md", "CONTRIBUTING.md"])
def test_the_files_that_a_page_names_are_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(r"`([a-z_-]+(?:/[a-z0-9_-]+)*(?:/|\.(?:py|md|yaml|yml|lock|c)))`", text)
    named = [name for name in named if ("." in name or "/" in name) and name != "dist/"]

    assert len(named) > 5
    assert [name for name in named if not any((ROOT / start / name).exists() for start in NAMED_FROM)] == []


def with_an_unknown_account(workspace: Workspace) -> None:
    """What the example shows: one account is missing, and its rows are skipped."""
    workspace.configuration("General Ledger (by entry)").unknown_item = UnknownItem.SKIP_ROW
    for name in ("Accounts", "Departments"):
        for row in workspace.rows(name, PLANNING):
            if row[0] != "601016":
                workspace.block(name, CONSOLIDATION).add(*row)  # type: ignore[union-attr]  # both are lists


def masked(side: str, level: str, message: str) -> str:
    numbers = r"([0-9a-f]{8}(-[0-9a-f]+){4}|[0-9][0-9,.]*[0-9]|[0-9])( bytes| kB| MB)?"
    return re.sub(numbers, "#", f"{side} {level} {message.splitlines()[0]}")


def logged(side: str, run: Run) -> set[str]:
    logs = {masked(side, each["level"], each["message"]) for each in run.of("LOG")}
    return logs | {masked(side, "ERROR", each["message"]) for each in run.errors}


def with_another_delimiter(workspace: Workspace) -> None:
    """What the failed example shows: the import configuration wants semicolons."""
    workspace.configuration("General Ledger (by entry)").delimiter = ";"


@pytest.mark.parametrize(
    ("heading", "prepare"),
    [
        ("## How to read the log of a sync", with_an_unknown_account),
        pytest.param("### A sync that failed", with_another_delimiter, marks=pytest.mark.long),
    ],
)
def test_the_log_that_is_shown_is_what_a_sync_says(
    heading: str,
    prepare: Callable[[Workspace], None],
    source_fork_server: ForkServer,
    destination_fork_server: ForkServer,
) -> None:
    """Ids and numbers aside. Where a message has changed, change docs/operating.md."""
    page = (ROOT / "docs/operating.md").read_text(encoding="utf-8")
    example = page.partition(f"{heading}\n")[2].partition("\n##")[0]
    shown = re.findall(r"^(source|destination) +\| ([A-Z]+) +(.+)$", example, re.MULTILINE)
    with LocalPigment(planning_model(ledger_rows=500)) as pigment:
        workspace = pigment.workspace
        prepare(workspace)
        ledger = workspace.configuration("General Ledger (by entry)")
        target = {"stream": "General Ledger", "import_configuration_id": ledger.id}
        with (
            running(source_fork_server, pigment, source_config(pigment)) as source,
            running(destination_fork_server, pigment, destination_config(pigment)) as destination,
        ):
            catalog = source.catalog("Departments", "General Ledger")
            read = source.run("read", catalog=catalog)
            sent = b"".join(line + b"\n" for line in read.lines)
            written = destination.run("write", catalog=catalog, stdin=sent, targets=[target])

    said = logged("source", read) | logged("destination", written)
    assert shown
    assert [line for line in shown if masked(*line) not in said] == [], sorted(said)


def messages() -> list[str]:
    """Every text in the code that may be a message, what is put into it written as `…`."""
    found = []
    for folder in ("shared/pigment_airbyte", "shared/pigment_client", "source-pigment", "destination-pigment"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    parts = [str(each.value) if isinstance(each, ast.Constant) else "…" for each in node.values]
                    found.append("".join(parts))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(re.sub(r"%(\.\d)?[sdf]", "…", node.value))
    return found


@pytest.mark.parametrize("page", ["guides/errors.md", "sources/pigment.md", "destinations/pigment.md"])
def test_the_messages_under_troubleshooting_are_those_that_people_see(page: str) -> None:
    """`…` stands for anything."""
    _, _, tables = (ROOT / "docs" / page).read_text(encoding="utf-8").partition("| what you see |")
    cells = re.findall(r"^\| (\".+?\") \| ", tables, re.MULTILINE)
    quoted = [each.strip('"') for cell in cells for each in re.split(r'", "', cell)]
    known = messages()
    patterns = {
        each: re.compile(".*".join(re.escape(part.strip()) for part in each.split("…")), re.DOTALL) for each in quoted
    }

    assert len(quoted) > 5
    assert [each for each, pattern in patterns.items() if not any(map(pattern.search, known))] == []

"""`make verify` against the local Pigment: nothing differs, and each deviation is found."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deviating_pigment import (
    DeviatingPigment,
)
from deviations import DEVIATIONS, NO_ASSUMPTION, VARIANTS
from local_pigment.blocks import ListBlock, MetricBlock
from local_pigment.sample import ACCOUNTS_FROM_OUTSIDE, PLANNING, add_copies, planning_model
from local_pigment.server import LocalPigment
from local_pigment.workspace import ApiKey, Variants, Workspace
from verify import workspace as verified
from verify.__main__ import PROBES
from verify.audit_probes import AUDIT_PROBES
from verify.config import parse_config
from verify.csv_sample import read_sample
from verify.list_probes import LIST_PROBES
from verify.metric_probes import METRIC_PROBES
from verify.observer import Observer
from verify.probe import Circumstances, Finding, Verdict, as_markdown, as_table, run
from verify.scope_probes import SCOPE_PROBES
from verify_blocks import BY_KEY, TRIAL_LIST, TRIAL_METRIC, TRIAL_SCOPE, add_blocks, blocks_config

pytestmark = pytest.mark.long

FILE = "Account,Label,Statement\r\n{new},one,two\r\n"
ROOT = Path(__file__).resolve().parents[1]


BLOCK_PROBES = {probe.name for probe in (*LIST_PROBES, *SCOPE_PROBES, *METRIC_PROBES)}


def sample() -> Workspace:
    """The workspace that is probed."""
    return add_blocks(add_copies(planning_model(ledger_rows=60)))


def config_of(pigment: LocalPigment, *, imports: bool = True, blocks: bool = False) -> dict[str, Any]:
    workspace = pigment.workspace
    keys = {f"{name}_api_key": workspace.secret(name) for name in ("export", "metadata", "import", "audit")}
    config: dict[str, Any] = {
        "credentials": {"auth_type": "separate_keys", **keys},
        "application_id": workspace.application(PLANNING).id,
        "base_url": pigment.url,
    }
    if imports:
        named = {"import_configuration_id": workspace.configuration("Accounts").id, "file": FILE}
        config["verify_import"] = named
        config["verify_start"] = workspace.configuration(ACCOUNTS_FROM_OUTSIDE).id
    return {**config, **(blocks_config(workspace) if blocks else {})}


class Ticks:
    """A clock that moves only on sleep."""

    def __init__(self, workspace: Workspace) -> None:
        self.seconds = 0.0
        workspace.clock = lambda: self.seconds
        workspace.now = lambda: datetime(2026, 11, 21, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def findings_of(pigment: LocalPigment, *, blocks: bool = False, **changes: Any) -> list[Finding]:
    config = parse_config({**config_of(pigment, blocks=blocks), **changes})
    return run(PROBES, verified.Workspace(Observer(pigment.url), config, sleep=Ticks(pigment.workspace).sleep))


def different(findings: list[Finding]) -> set[str]:
    return {finding.probe.name for finding in findings if finding.verdict is Verdict.DIFFERENT}


def test_nothing_differs_from_the_local_pigment(monkeypatch: pytest.MonkeyPatch) -> None:
    with DeviatingPigment(sample(), None, tls=True) as pigment:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pigment.ca_file))
        findings = findings_of(pigment, blocks=True)
        requests = len(pigment.requests)

    not_same = {finding.probe.name: finding.words for finding in findings if finding.verdict is not Verdict.SAME}
    assert not_same == {"retry-after": "the limit was not reached", "imports-queue": "too quick to tell"}
    assert requests <= 132


@pytest.mark.parametrize("name", DEVIATIONS)
def test_each_deviation_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    deviation = DEVIATIONS[name]
    workspace = sample()
    if deviation.prepare is not None:
        deviation.prepare(workspace)
    tls = {"tls": True, "protocols": deviation.protocols} if deviation.protocols else {}
    with DeviatingPigment(workspace, deviation.change, **tls) as pigment:
        if pigment.ca_file:
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pigment.ca_file))
        # The lists and the metric cost as many requests as all the rest.
        findings = findings_of(pigment, blocks=bool(deviation.found_by & BLOCK_PROBES))
        config = config_of(pigment, blocks=True)

    assert deviation.found_by <= different(findings)
    assert not deviation.alone or different(findings) == deviation.found_by
    assert_nothing_private(findings, workspace, config)


def assert_nothing_private(findings: list[Finding], workspace: Workspace, config: dict[str, Any]) -> None:
    report = as_markdown(findings, Circumstances("2026-11-21", "0.1.0", 1, 1.0)) + as_table(findings)
    words = "\n".join(finding.words for finding in findings)
    keys = [secret for name, secret in config["credentials"].items() if name.endswith("_key")]
    keys.append(config["verify_list"]["import_api_key_without_delete"])
    names = [block.name for owner in workspace.applications.values() for block in owner.blocks.values()]
    cells = [
        cell for name in ("Departments", "General Ledger") for row in workspace.rows(name, PLANNING) for cell in row
    ]

    assert not [key for key in keys if key in report]
    assert not re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}", report)
    assert not [text for text in {*names, *cells} if len(text) > 4 and text != "FALSE" and text in words]


def test_every_probe_finds_a_deviation() -> None:
    assert {name for deviation in DEVIATIONS.values() for name in deviation.found_by} == {
        probe.name for probe in PROBES
    }


def test_every_variant_of_the_local_pigment_has_a_probe() -> None:
    """A new switch of `Variants` needs a probe in verify/ that finds it, and an entry in VARIANTS above."""
    assert {each.name for each in dataclasses.fields(Variants)} == {*VARIANTS, *NO_ASSUMPTION}


def test_names_of_probes_are_not_used_twice() -> None:
    assert len({probe.name for probe in PROBES}) == len(PROBES)


def test_without_an_import_configuration_nothing_is_written() -> None:
    with DeviatingPigment(sample(), None) as pigment:
        findings = findings_of(pigment, verify_import=None)
        operations = {each.operation for each in pigment.requests}

    assert "push_csv" not in operations
    asked_nothing = [each for each in findings if each.verdict is Verdict.NOT_ASKED]
    assert {each.words for each in asked_nothing} == {
        "no import configuration is named under verify_import",
        *(f"nothing is named under verify_{name}" for name in ("list", "scope", "metric")),
        "the address is not https",
    }


def contents(workspace: Workspace, *, without: set[str]) -> dict[str, list[list[str]]]:
    blocks = [block for owner in workspace.applications.values() for block in owner.blocks.values()]
    named = [each for each in blocks if isinstance(each, ListBlock | MetricBlock) and each.name not in without]
    return {each.id: workspace.rows(each.id) for each in named}


def test_only_what_is_named_is_touched_and_it_is_left_empty() -> None:
    with DeviatingPigment(sample(), None) as pigment:
        workspace = pigment.workspace
        named = {TRIAL_LIST, TRIAL_SCOPE, TRIAL_METRIC}
        before = contents(workspace, without=named)
        findings = findings_of(pigment, blocks=True, verify_import=None, verify_start=None)
        after = contents(workspace, without=named)

    assert different(findings) == set()
    assert after == before
    assert [workspace.rows(name) for name in named] == [[], [], []]


@pytest.mark.parametrize(
    ("section", "block", "row"),
    [
        ("verify_list", TRIAL_LIST, ("E1", "Rent", "", "", "", "5")),
        ("verify_scope", TRIAL_SCOPE, ("", "Rent", "One", "One", "", "5")),
    ],
)
def test_nothing_is_pushed_into_a_list_that_contains_other_rows(section: str, block: str, row: tuple[str, ...]) -> None:
    with DeviatingPigment(sample(), None) as pigment:
        workspace = pigment.workspace
        list_block = workspace.block(block)
        assert isinstance(list_block, ListBlock)
        list_block.add(*row)
        findings = findings_of(pigment, blocks=True)

    assert workspace.rows(block) == [list(row)]
    refused = {each.words for each in findings if each.verdict is Verdict.NOT_ASKED}
    assert f"nothing was pushed: the block under {section} contains rows of others" in refused


def test_nothing_is_pushed_into_a_metric_with_more_values_than_its_two() -> None:
    with DeviatingPigment(sample(), None) as pigment:
        metric = pigment.workspace.block(TRIAL_METRIC)
        assert isinstance(metric, MetricBlock)
        metric.of().update({(item,): "5" for item in ("One", "Two", "Three")})
        findings = findings_of(pigment, blocks=True)

    assert len(pigment.workspace.rows(TRIAL_METRIC)) == 3
    assert "nothing was pushed: the block under verify_metric contains rows of others" in {
        each.words for each in findings
    }


def test_nothing_is_pushed_through_the_configuration_of_another_block() -> None:
    with DeviatingPigment(sample(), None) as pigment:
        workspace = pigment.workspace
        named = blocks_config(workspace)["verify_list"]
        other = {**named, "import_configuration_id": workspace.configuration("Accounts (replace)").id}
        findings = findings_of(pigment, blocks=True, verify_import=None, verify_list=other)

    assert workspace.started("Accounts (replace)") == 0
    words = {each.words for each in findings if each.probe in LIST_PROBES}
    assert words == {"nothing was pushed: verify_list names an import configuration of another block"}


def test_without_an_export_key_the_counts_decide_what_they_can() -> None:
    with DeviatingPigment(sample(), None) as pigment:
        credentials = config_of(pigment)["credentials"]
        findings = findings_of(pigment, blocks=True, credentials={**credentials, "export_api_key": ""})

    assert different(findings) == set()
    same = {each.probe.name for each in findings if each.verdict is Verdict.SAME}
    assert same & BLOCK_PROBES == {
        "clear-counted",
        "clear-present-rows",
        "unchanged-counted",
        "key-twice",
        "blanked-not-counted",
        "delete-right",
        "header-only-clears",
        "block-named",
        "scope-pairs",
        "metric-blank-counted",
        "metric-clear-counted",
    }


def test_a_dimension_list_can_be_named_as_well() -> None:
    with DeviatingPigment(sample(), None) as pigment:
        block = pigment.workspace.block(TRIAL_LIST)
        assert isinstance(block, ListBlock)
        block.is_dimension = True
        findings = findings_of(pigment, blocks=True)

    assert {each.verdict for each in findings if each.probe in LIST_PROBES} == {Verdict.SAME}


def test_a_date_is_written_in_the_form_of_the_configuration() -> None:
    with DeviatingPigment(sample(), None) as pigment:
        pigment.workspace.configuration(BY_KEY).date_format = "dd/MM/yyyy"
        named = blocks_config(pigment.workspace)["verify_list"]
        findings = findings_of(pigment, blocks=True, verify_list={**named, "dates": "dd/MM/yyyy"})

    assert different(findings) == set()


def test_without_a_key_its_questions_are_left_out() -> None:
    with DeviatingPigment(sample(), None) as pigment:
        key = pigment.workspace.secret("export")
        findings = findings_of(pigment, credentials={"auth_type": "separate_keys", "export_api_key": key})

    assert different(findings) == set()
    assert {each.verdict for each in findings if "metadata" in each.probe.asked} <= {Verdict.NOT_ASKED}


def test_one_key_for_everything_reads_the_audit_log_where_it_may() -> None:
    with DeviatingPigment(sample(), None) as pigment:
        key = pigment.workspace.secret("all")
        findings = findings_of(pigment, credentials={"auth_type": "single_key", "api_key": key})
        scopes = frozenset({"Export", "Import", "Modeling Metadata"})
        pigment.workspace.keys.append(ApiKey("without audit", "pgmt_without_audit", scopes))
        without = findings_of(pigment, credentials={"auth_type": "single_key", "api_key": "pgmt_without_audit"})

    assert different(findings) == different(without) == set()
    assert {each.verdict for each in findings if each.probe in AUDIT_PROBES[:-1]} == {Verdict.SAME}
    assert {each.words for each in without if each.probe in AUDIT_PROBES[:-1]} == {"the key may not read the audit log"}


def test_a_pasted_address_is_as_good_as_its_id() -> None:
    with DeviatingPigment(sample(), None) as pigment:
        config = config_of(pigment)
    application, imports, start = config["application_id"], config["verify_import"], config["verify_start"]
    address = f"https://pigment.app/application/{application}"
    push = f'"https://pigment.app/api/v1/import/push/csv?configurationId={imports["import_configuration_id"].upper()}"'
    pasted = {
        "application_id": f"{address}/home",
        "verify_import": {**imports, "import_configuration_id": push},
        "verify_start": f"{address}/integrations/import-configurations/{start}",
    }

    assert parse_config({**config, **pasted}) == parse_config(config)


def test_a_quote_in_a_cell_without_quotes_is_told_apart() -> None:
    lone = read_sample(b'Size;Label\r\n5" pipe;1\r\n', ";", whole=True)
    torn = read_sample(b'Size;Label\r\n5;"1\r\n', ";", whole=True)

    assert [lone.well_formed, lone.lone_quote, torn.well_formed, torn.lone_quote] == [False, True, False, False]


def test_the_command_prints_a_table_and_leaves_a_report(tmp_path: Path) -> None:
    with DeviatingPigment(sample(), None, tls=True) as pigment:
        config = tmp_path / "secrets.json"
        config.write_text(json.dumps(config_of(pigment, blocks=True)), encoding="utf-8")
        environment = {**os.environ, "REQUESTS_CA_BUNDLE": str(pigment.ca_file), "PYTHONPATH": str(ROOT / "tools")}
        command = [sys.executable, "-m", "verify", str(config), "--report", str(tmp_path / "report.md")]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    assert ended.returncode == 0, ended.stderr
    assert "Pigment offers HTTP/2." in ended.stdout
    assert f"{len(PROBES)} probes: {len(PROBES) - 2} same, 2 not seen." in ended.stdout
    assert "| http2 |" in (tmp_path / "report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "does not contain JSON"),
        ("[]", "must contain a JSON object"),
        ("{}", '"credentials" is missing'),
        ('{"credentials": {}, "verify_import": {"file": "a"}}', '"verify_import" needs'),
        ('{"credentials": {}, "verify_scope": {"block_id": "a"}}', '"verify_scope" needs'),
        ('{"credentials": {}, "application_id": "https://pigment.app"}', '"application_id" contains no ID'),
    ],
)
def test_a_configuration_that_cannot_be_used_is_one_sentence(tmp_path: Path, content: str, sentence: str) -> None:
    config = tmp_path / "secrets.json"
    config.write_text(content, encoding="utf-8")
    command = [sys.executable, "-m", "verify", str(config)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tools")}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert sentence in ended.stderr
    assert len(ended.stderr.splitlines()) == 1

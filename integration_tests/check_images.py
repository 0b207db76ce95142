"""The images as the platform runs them, against the local Pigment on this machine: `make image-test`.

Not collected by `make test`: it needs an engine and the images (`DOCKER`, default `docker`).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from airbyte_platform.process import Run, as_lines, configured, parse
from airbyte_platform.rules import DestinationRules, SourceRules
from documents.generated import ROOT, connectors
from local_pigment.sample import CONSOLIDATION, PLANNING, planning_model
from local_pigment.server import LocalPigment

DOCKER = os.environ.get("DOCKER", "docker")
PYTHON = "/opt/connector/bin/python"
# As the Makefile names the images of this commit.
TAG = os.environ["TAG"]
VERSION = yaml.safe_load((ROOT / "metadata.yaml").read_text(encoding="utf-8"))["version"]


@pytest.fixture(scope="module", params=[False, True], ids=["HTTP/1.1", "HTTP/2 with TLS"])
def pigment(request: pytest.FixtureRequest) -> Iterator[LocalPigment]:
    with LocalPigment(planning_model(ledger_rows=200), tls=request.param) as running:
        yield running


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """A folder that the container's user can read."""
    folder = tmp_path / "mounted"
    folder.mkdir()
    folder.chmod(0o755)
    return folder


def run_image(
    connector: str, mounted: Path, command: str, *, stdin: bytes = b"", through: str = "", **files: Any
) -> Run:
    """`docker run` as the platform has it: read-only but for /tmp, the files mounted.

    `through` is a script of Python that runs in place of the connector and is given its arguments.
    """
    arguments = [
        DOCKER,
        "run",
        "--rm",
        "-i",
        "--network=host",
        "--read-only",
        "--tmpfs",
        "/tmp",  # noqa: S108 - the path inside the container
        "-v",
        f"{mounted}:/config:ro",
    ]
    if (mounted / "ca.pem").exists():
        arguments += ["-e", "REQUESTS_CA_BUNDLE=/config/ca.pem"]
    if through:
        arguments += ["--entrypoint", PYTHON]
    arguments += [f"airbyte/{connector}:{TAG}", *(["-c", through] if through else []), command]
    for name, value in files.items():
        path = mounted / f"{name}.json"
        path.write_text(json.dumps(value), encoding="utf-8")
        path.chmod(0o644)
        arguments += [f"--{name}", f"/config/{name}.json"]
    done = subprocess.run(arguments, input=stdin, capture_output=True, timeout=120, check=False)
    return Run(done.returncode, [line for line in done.stdout.split(b"\n") if line], done.stderr.decode())


def config_for(pigment: LocalPigment, application: str) -> dict[str, Any]:
    return {
        "credentials": {"auth_type": "single_key", "api_key": pigment.workspace.secret("all")},
        "application_id": pigment.workspace.application(application).id,
        "base_url": pigment.url,
    }


def inspect(connector: str) -> dict[str, Any]:
    shown = subprocess.run([DOCKER, "image", "inspect", f"airbyte/{connector}:{TAG}"], capture_output=True, check=True)
    found: list[dict[str, Any]] = json.loads(shown.stdout)
    return found[0]


@pytest.mark.parametrize("connector", connectors())
def test_labels_entrypoint_and_user_are_as_the_platform_wants(connector: str) -> None:
    config = inspect(connector)["Config"]
    environment = dict(each.split("=", 1) for each in config["Env"])

    assert config["Labels"]["io.airbyte.name"] == f"airbyte/{connector}"
    labels = config["Labels"]
    assert labels["io.airbyte.version"] == VERSION
    assert labels["org.opencontainers.image.version"] == TAG
    assert labels["org.opencontainers.image.licenses"] == "MIT"
    # An image of a commit that is not released is named after it.
    assert TAG == VERSION or TAG == labels["org.opencontainers.image.revision"] != "unknown"
    assert environment["AIRBYTE_ENTRYPOINT"] == " ".join(config["Entrypoint"])
    assert config["User"] == "airbyte"


@pytest.mark.parametrize("connector", connectors())
def test_nothing_of_ours_can_be_written_by_everyone(connector: str) -> None:
    search = "find /opt/pigment /opt/connector ! -type l -perm -o=w"
    command = [DOCKER, "run", "--rm", "--entrypoint", "sh", f"airbyte/{connector}:{TAG}", "-c", search]

    assert subprocess.run(command, capture_output=True, check=True).stdout == b""


@pytest.mark.parametrize("connector", connectors())
def test_the_image_holds_no_tests_and_no_tools(connector: str) -> None:
    listed = (
        subprocess.run(
            [
                DOCKER,
                "run",
                "--rm",
                "--entrypoint",
                "sh",
                f"airbyte/{connector}:{TAG}",
                "-c",
                "ls /opt/connector/lib/python3*/site-packages; id -u",
            ],
            capture_output=True,
            check=True,
        )
        .stdout.decode()
        .split()
    )

    assert listed[-1] == "1000"
    tools = {"pytest", "hypothesis", "schemathesis", "mypy", "ruff", "uv", "hatchling", "pip", "ziglang", "pyarrow"}
    assert not tools & set(listed)


@pytest.mark.parametrize("connector", connectors())
def test_a_new_version_of_ours_is_a_small_download(connector: str) -> None:
    layers = [DOCKER, "history", "--human=false", "--format={{.Size}}", f"airbyte/{connector}:{TAG}"]
    sizes = [int(size) for size in subprocess.run(layers, capture_output=True, check=True).stdout.split()]

    # Our layer, with its bytecode and before compression; the layer of the libraries below it has more than 50 MB.
    assert 0 < next(size for size in sizes if size) < 3_000_000


@pytest.mark.parametrize("connector", connectors())
def test_spec_comes_out_of_the_image(connector: str, mounted: Path) -> None:
    run = run_image(connector, mounted, "spec")

    assert run.exit_code == 0
    assert run.of("SPEC")[0]["connectionSpecification"]["required"]


def test_a_whole_sync_through_both_images(pigment: LocalPigment, mounted: Path) -> None:
    if pigment.ca_file is not None:
        shutil.copy(pigment.ca_file, mounted / "ca.pem")
        (mounted / "ca.pem").chmod(0o644)
    source, destination = config_for(pigment, PLANNING), config_for(pigment, CONSOLIDATION)
    source["block_types"] = ["list", "metric"]
    for connector, config in (("source-pigment", source), ("destination-pigment", destination)):
        check = run_image(connector, mounted, "check", config=config)
        assert [each["connectionStatus"]["status"] for each in check.messages if "connectionStatus" in each] == [
            "SUCCEEDED"
        ]
    discovered = run_image("source-pigment", mounted, "discover", config=source).of("CATALOG")[0]
    catalog = configured(discovered, destination_sync_mode="append")
    reading = run_image("source-pigment", mounted, "read", config=source, catalog=catalog)
    rules, back = SourceRules(catalog), DestinationRules()
    for line in reading.lines:
        rules.see(parse(line), len(line))
    rules.end(reading.exit_code)
    passed = [
        line + b"\n"
        if b'"STATE"' not in line[:20]
        else as_lines([{"type": "STATE", "state": back.send(parse(line)["state"])}])
        for line in reading.lines
    ]
    writing = run_image(
        "destination-pigment", mounted, "write", stdin=b"".join(passed), config=destination, catalog=catalog
    )
    for message in writing.messages:
        back.see(message)
    back.end(writing.exit_code)
    for stream in catalog["streams"]:
        name = stream["stream"]["name"]
        workspace = pigment.workspace
        assert sorted(workspace.rows(name, PLANNING)) == sorted(workspace.rows(name, CONSOLIDATION)), name


# Airbyte's suite -----------------------------------------------------------------------------------------------

SHIM = """#!/bin/sh
# The suite calls docker without a network: a container must reach the local Pigment on this machine.
if [ "$1" = run ]; then shift; exec "$REAL_DOCKER" run --network=host "$@"; fi
exec "$REAL_DOCKER" "$@"
"""


@pytest.mark.parametrize("connector", connectors())
def test_airbyte_s_standard_suite_passes_on_the_image(connector: str, tmp_path: Path) -> None:
    shim = tmp_path / "docker"
    shim.write_text(SHIM, encoding="utf-8")
    shim.chmod(0o755)
    reads = ("--read-from-streams=all", "--read-scenarios=config,separate_keys,everything")
    options = ("-m", "image_tests", f"--connector-image=airbyte/{connector}:{TAG}", *reads, "-rA")
    done = subprocess.run(
        [
            Path(sys.executable).parent / "airbyte-cdk",
            "connector",
            "test",
            *(f"--pytest-arg={each}" for each in options),
        ],
        cwd=ROOT / connector,
        env={
            **os.environ,
            "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
            "REAL_DOCKER": str(shutil.which(DOCKER)),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    print(done.stdout)  # noqa: T201 - what was skipped and why belongs into the report
    assert done.returncode == 0
    assert " passed" in done.stdout

"""What was left out of the images is missed by nothing: `make image-test`.

Two proofs. No module that our commands load, or could load, names a package that was left out; and every command ends
in the image as it ends here, where all packages are installed, on its good ways and on its bad ones.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from airbyte_platform.process import Run, as_lines, configured
from check_images import DOCKER, TAG, config_for, mounted, run_image
from documents.generated import ROOT, connectors
from local_bucket.server import LocalBucket
from local_pigment.blocks import ListBlock
from local_pigment.sample import CONSOLIDATION, PLANNING, planning_model
from local_pigment.server import LocalPigment

__all__ = ["mounted"]

# Reads the files that an asynchronous job of a declarative source leaves; no stream of ours is declarative.
NAMED_ANYWAY = [["airbyte_cdk.sources.declarative.extractors.response_to_file_extractor", "pandas"]]

# Of all services that botocore describes, those that our code or a chain of keys asks for.
SERVICES = {"s3", "sts", "sso", "sso-oidc"}


def left_out() -> set[str]:
    """The packages that the Dockerfile leaves out, by the names under which they are imported."""
    recipe = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    named = re.search(r'ARG LEFT_OUT="([^"]+)"', recipe)
    assert named is not None
    projects = set(named[1].replace("\\\n", " ").split())
    packages = importlib.metadata.packages_distributions()
    installed = {name.lower().replace("_", "-") for names in packages.values() for name in names}
    assert projects <= installed, "leaves out what nothing would bring"
    return {
        package for package, names in packages.items() if {name.lower().replace("_", "-") for name in names} <= projects
    }


@pytest.mark.parametrize("connector", connectors())
def test_nothing_that_is_loaded_names_a_package_that_was_left_out(connector: str) -> None:
    ours = [connector.replace("-", "_"), "pigment_airbyte", "pigment_client", "pigment_csv", "pigment_native"]
    script = (ROOT / "integration_tests" / "named_imports.py").read_bytes()
    python = ["--entrypoint", "/opt/connector/bin/python", f"airbyte/{connector}:{TAG}"]
    done = subprocess.run(
        [DOCKER, "run", "--rm", "-i", *python, "-", ",".join(sorted(left_out())), ",".join(ours)],
        input=script,
        capture_output=True,
        check=True,
    )

    assert json.loads(done.stdout) == [NAMED_ANYWAY, []]


def test_of_aws_the_image_knows_what_writes_to_a_bucket() -> None:
    script = "import botocore.session, json; print(json.dumps(botocore.session.Session().get_available_services()))"
    python = ["--entrypoint", "/opt/connector/bin/python", f"airbyte/destination-pigment:{TAG}"]
    done = subprocess.run([DOCKER, "run", "--rm", *python, "-c", script], capture_output=True, check=True)

    assert set(json.loads(done.stdout)) == SERVICES


# Every command, on good and bad ways: what it says and how it ends is the same in the image and here. -----------

WAYS: list[tuple[str, str, dict[str, Any]]] = [
    *((connector, "spec", {}) for connector in connectors()),
    *(
        (connector, command, config)
        for connector in connectors()
        for command in ("check", "discover")
        for config in (
            {},
            {"credentials": {"auth_type": "single_key", "api_key": "pgmt_wrong"}},
            {"credentials": None},
            {"application_id": "00000000-0000-4000-8000-000000000000"},
            {"base_url": "http://127.0.0.1:9"},
            {"base_url": "http://elsewhere.invalid"},
            {"max_retries": "many"},
        )
    ),
    *(
        ("destination-pigment", command, {"object_storage_config": storage})
        for command in ("check", "write")
        for storage in ({}, {"s3_bucket_name": "nowhere"}, {"secret_access_key": "another"})
    ),
    ("source-pigment", "check", {"block_requests": [{"block": "Departments", "request": "{"}]}),
    ("source-pigment", "check", {"views": [{"view_id": "00000000-0000-4000-8000-000000000000", "name": "Gone"}]}),
    *(
        (connector, command, config)
        for connector, command in (("source-pigment", "read"), ("destination-pigment", "write"))
        for config in (
            {},
            {"credentials": {"auth_type": "single_key", "api_key": "pgmt_wrong"}},
            {"credentials": None},
            {"row_metadata": True, "dry_run": True},
            {"base_url": "http://127.0.0.1:9", "max_retries": 0},
        )
    ),
]


@pytest.mark.parametrize(("connector", "command", "config"), WAYS)
def test_every_command_ends_in_the_image_as_it_ends_here(
    connector: str, command: str, config: dict[str, Any], mounted: Path
) -> None:
    ends = []
    for run in (run_here, run_image):
        with LocalPigment(planning_model(ledger_rows=50)) as pigment, LocalBucket() as bucket:
            application = PLANNING if connector == "source-pigment" else CONSOLIDATION
            whole = {**config_for(pigment, application), **config}
            if "object_storage_config" in config:
                whole["object_storage_config"] = bucket.config(**config["object_storage_config"])
            files: dict[str, Any] = {"config": {name: value for name, value in whole.items() if value is not None}}
            if command in {"read", "write"}:
                files["catalog"] = catalog_of(pigment)
            stdin = RECORDS if command == "write" else b""
            ended = run(connector, mounted, command, stdin=stdin, **({} if command == "spec" else files))
            kept = [{**row, "rejected_at": ""} for row in bucket.rows()]
            ends.append((*essence(ended), kept))

    here, in_image = ends
    assert in_image == here
    assert here[1] or here[0] == 0


RECORDS = (
    as_lines(
        [
            {"type": "RECORD", "record": {"stream": "Departments", "emitted_at": 1, "data": {"Department": "Legal"}}},
            {"type": "RECORD", "record": {"stream": "Departments", "emitted_at": 1, "data": 7}},
            {"type": "RECORD", "record": {"stream": "Unknown", "emitted_at": 1, "data": {}}},
            {"type": "STATE", "state": {"type": "STREAM", "stream": {"stream_descriptor": {"name": "Departments"}}}},
            # Without it, the destination would wait for the proof of the source.
            {
                "type": "TRACE",
                "trace": {
                    "type": "STREAM_STATUS",
                    "emitted_at": 1,
                    "stream_status": {"stream_descriptor": {"name": "Departments"}, "status": "COMPLETE"},
                },
            },
        ]
    )
    + b"no message\n"
)


def catalog_of(pigment: LocalPigment) -> dict[str, Any]:
    """The catalog of one list, written by hand, so that a wrong configuration has one as well."""
    block = pigment.workspace.block("Departments", PLANNING)
    assert isinstance(block, ListBlock)
    names = [each.name for each in block.properties]
    properties = {name: {"type": ["null", "string"]} for name in names}
    stream = {
        "name": "Departments",
        "json_schema": {"type": "object", "properties": properties},
        "supported_sync_modes": ["full_refresh"],
    }
    return configured({"streams": [stream]}, destination_sync_mode="append")


def run_here(connector: str, folder: Path, command: str, *, stdin: bytes = b"", **files: Any) -> Run:
    """The console script of this environment, with the same files."""
    words = [str(Path(sys.executable).parent / connector), command]
    for name, value in files.items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(value), encoding="utf-8")
        words += [f"--{name}", str(path)]
    done = subprocess.run(words, input=stdin, capture_output=True, timeout=120, check=False)
    return Run(done.returncode, [line for line in done.stdout.split(b"\n") if line], done.stderr.decode())


def essence(run: Run) -> tuple[int, list[Any]]:
    """How a run ended and what it said, without times, places and the log; ports differ from server to server."""
    said: list[Any] = []
    for message in run.messages:
        match message["type"]:
            case "LOG":
                continue
            case "RECORD":
                said.append(message["record"]["data"])
            case "TRACE" if message["trace"]["type"] == "ERROR":
                error = message["trace"]["error"]
                said.append([error["failure_type"], error["message"]])
            case "TRACE":
                said.append({**message["trace"], "emitted_at": 0})
            case _:
                said.append(message)
    return run.exit_code, json.loads(re.sub(r"127\.0\.0\.1:\d+", "HOST", json.dumps(said)))

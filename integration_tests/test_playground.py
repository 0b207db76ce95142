"""`make fake`: the commands that it prints are run exactly as printed, and the ways it ends are calm."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def playground(folder: Path, *more: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """What `make fake` starts, and what it has printed once it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "demo.playground", "--ledger-rows", "30", "--folder", str(folder), *more],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "testbench:tools", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        printed = ""
        for line in process.stdout:
            printed += line
            if "Ctrl-C" in line:
                break
        yield process, printed
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.long
@pytest.mark.parametrize(
    ("more", "environment"),
    [((), {"HTTPS_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}), (("--tls",), {})],
    ids=["behind a dead proxy", "with TLS"],
)
def test_the_printed_commands_sync_everything(
    tmp_path: Path, more: tuple[str, ...], environment: dict[str, str]
) -> None:
    with playground(tmp_path, *more, **environment) as (_, printed):
        block = printed.split("in another terminal:\n\n")[1].split("\n\n")[0]
        script = "set -e\n" + "\n".join(line.strip() for line in block.splitlines())
        done = subprocess.run(
            ["/bin/bash", "-c", script],
            env={**os.environ, **environment},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        ids = json.loads((tmp_path / "ids.json").read_text())
        state = requests.get(f"{ids['url']}/_test/state", timeout=10, verify=ids["ca_file"] or True).json()

    assert done.returncode == 0, done.stderr
    messages: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = [each["type"] for each in messages if each["type"] not in {"LOG", "TRACE", "STATE", "CONTROL"}]
    assert kinds == ["SPEC", "CONNECTION_STATUS", "CATALOG", "SPEC", "CONNECTION_STATUS", "DESTINATION_CATALOG"]
    assert {each["connectionStatus"]["status"] for each in messages if "connectionStatus" in each} == {"SUCCEEDED"}
    catalog = json.loads((tmp_path / "catalog.json").read_text())
    # What the source says is seen, records aside; then what the destination says.
    assert sum(each["type"] == "STATE" for each in messages) == 2 * len(catalog["streams"]) == 14
    assert b'"type":"RECORD"' in (tmp_path / "messages.jsonl").read_bytes()
    assert {each["status"] for each in state["imports"]} == {"Completed"}
    assert sum(each["rejected"] for each in state["imports"]) == 0
    assert [state["started"][name] for name in ("Headcount to plan", "Departments to FTE")] == [1, 1]
    assert 30 in {each["rows"] for each in state["imports"]}


def test_a_folder_of_a_local_pigment_that_runs_is_left_alone(tmp_path: Path) -> None:
    with playground(tmp_path):
        before = (tmp_path / "ids.json").read_text()
        with playground(tmp_path) as (second, printed):
            assert second.wait() == 1

        assert f"{tmp_path} belongs to the local Pigment that runs at http://127.0.0.1:" in printed
        assert (tmp_path / "ids.json").read_text() == before


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "source.json").write_text("mine")
    with playground(tmp_path) as (process, printed):
        assert process.wait() == 1

    assert printed == f"{tmp_path} contains other files: name another folder with ARGS='--folder …'.\n"
    assert (tmp_path / "source.json").read_text() == "mine"


def test_ids_of_everything_are_printed_and_kept_private(tmp_path: Path) -> None:
    with playground(tmp_path) as (_, printed):
        ids = json.loads((tmp_path / "ids.json").read_text())
        modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("*.json")}

    assert modes == {0o600}
    for kind in ("views", "import_configurations", "keys"):
        assert all(each in printed for each in ids[kind].values())


def test_an_interrupt_is_no_traceback(tmp_path: Path) -> None:
    with playground(tmp_path) as (process, _):
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        rest = process.stdout.read()

        assert process.wait() == 0
    assert rest.strip() == "Stopped."


def test_a_used_port_is_named_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as used:
        used.bind(("127.0.0.1", 0))
        used.listen()
        port = str(used.getsockname()[1])
        with playground(tmp_path, "--port", port) as (process, printed):
            assert process.wait() == 1

    assert printed == f"Port {port} is in use. Name another with ARGS='--port …', or none for one that is free.\n"

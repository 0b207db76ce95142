"""`make fake`: the commands that it prints are run exactly as printed, and the ways it ends are calm."""

from __future__ import annotations

import contextlib
import json
import os
import re
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

from demo.playground import Playground
from demo.readable import readable

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


def typed(block: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The commands, as typed into a terminal, up to one that fails."""
    script = "set -e\n" + "\n".join(line.strip() for line in block.splitlines())
    return subprocess.run(
        ["/bin/bash", "-c", script],
        env={**os.environ, **environment},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.long
def test_the_printed_commands_sync_everything(tmp_path: Path) -> None:
    proxies = {"HTTPS_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    with playground(tmp_path, **proxies) as (_, printed):
        block = printed.split("in another terminal:\n\n")[1].split("\n\n")[0]
        done = typed(block, **proxies)
        ids = json.loads((tmp_path / "ids.json").read_text())
        state = requests.get(f"{ids['page']}/_test/state", timeout=10).json()
        messages, catalog = ((tmp_path / name).read_bytes() for name in ("messages.jsonl", "catalog.json"))
        (tmp_path / "catalog.json").unlink()
        without_catalog = typed(block, **proxies)

    assert done.returncode == 0, done.stderr
    # What fails is seen in spite of the pipe.
    assert without_catalog.returncode == 1
    assert "The catalog file" in without_catalog.stdout
    # Each command says what it did, in lines that a person reads.
    assert done.stdout.count("A form with ") == 2
    assert done.stdout.count("SUCCEEDED ") == 2
    assert re.findall(r" (\d+) states", done.stdout) == [str(len(json.loads(catalog)["streams"]))] * 2
    assert re.search(r" 30 records  General Ledger\n", done.stdout)
    assert "Traceback" not in done.stdout + done.stderr
    assert "HTTP/1.1" not in done.stdout + done.stderr
    assert b'"type":"RECORD"' in messages
    assert {each["status"] for each in state["imports"]} == {"Completed"}
    assert sum(each["rejected"] for each in state["imports"]) == 0
    assert [state["started"][name] for name in ("Headcount to plan", "Departments to FTE")] == [1, 1]
    assert 30 in {each["rows"] for each in state["imports"]}


def test_a_folder_of_a_local_pigment_that_runs_is_left_alone(tmp_path: Path) -> None:
    with playground(tmp_path):
        before = (tmp_path / "ids.json").read_text()
        with playground(tmp_path) as (second, printed):
            assert second.wait() == 1

        assert f"{tmp_path} belongs to the local Pigment that runs at https://127.0.0.1:" in printed
        assert (tmp_path / "ids.json").read_text() == before


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "source.json").write_text("mine")
    with playground(tmp_path) as (process, printed):
        assert process.wait() == 1

    assert printed == f"{tmp_path} contains other files: name another folder with ARGS='--folder …'.\n"
    assert (tmp_path / "source.json").read_text() == "mine"


def test_ids_of_everything_are_printed_and_the_user_of_an_image_can_read_the_files(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    with playground(folder) as (_, printed):
        ids = json.loads((folder / "ids.json").read_text())
        page, commands = (requests.get(f"{ids['page']}{path}", timeout=10).text for path in ("/", "/commands"))
        modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}

    assert modes == {0o644}
    assert stat.S_IMODE(folder.stat().st_mode) & 0o005 == 0o005
    for kind in ("views", "import_configurations", "keys"):
        assert all(each in printed for each in ids[kind].values())
    # Greeted before the files were written; the page leads to the commands and back.
    assert printed.startswith(f"The local Pigment is at {ids['page']}: open it in a browser")
    assert 'href="/commands"' in page
    assert 'http-equiv="refresh"' in page
    assert 'href="/"' in commands
    assert "docker run --rm" in commands


def test_the_folder_is_mounted_by_its_path_and_not_as_a_volume_of_docker() -> None:
    unused: Any = None
    run = Playground(unused, unused, Path("local-pigment"), Path("bin")).container_commands()[2]
    assert f"--volume {Path.cwd()}/local-pigment:/local:ro" in run


def test_messages_are_shown_in_lines_that_a_person_reads() -> None:
    messages = [
        {"type": "LOG", "log": {"level": "INFO", "message": "Reading."}},
        {"type": "RECORD", "record": {"stream": "Ledger", "data": {"Amount": 1}}},
        {"type": "RECORD", "record": {"stream": "Ledger", "data": {"Amount": 2}}},
        {"type": "STATE", "state": {}},
        {"type": "CONNECTION_STATUS", "connectionStatus": {"status": "FAILED", "message": "Enter a key."}},
        {"type": "TRACE", "trace": {"type": "ERROR", "error": {"message": "It stopped."}}},
    ]

    shown = list(readable([*map(json.dumps, messages), "printed by a library\n"]))

    assert shown == [
        "INFO  Reading.",
        "FAILED Enter a key.",
        "ERROR It stopped.",
        "      printed by a library",
        "           2 records  Ledger",
        "           1 state",
    ]


@pytest.mark.parametrize("after_seconds", [0.3, 3], ids=["while it starts", "while it runs"])
def test_ctrl_c_ends_a_tool_with_one_line(after_seconds: float) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "interruptible", "demo"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "testbench:tools"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(after_seconds)
    # Ctrl-C reaches every process of the terminal's group.
    os.killpg(process.pid, signal.SIGINT)
    printed = process.communicate(timeout=30)[0]

    assert process.returncode != 0
    assert printed.endswith("\nStopped.\n")
    assert "Traceback" not in printed


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

"""A release: one version everywhere, a changelog that moves, an honest audit, wheels that stand alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from documents.generated import ROOT, connector_metadata, connectors
from release.audit import judge
from release.version import PAGES, PROJECTS, WITH_TAGS, NotReleasable, current_version, set_version
from release.wheels import build

DAY = "2027-01-31"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files that name the version, with something unreleased."""
    for name in ("metadata.yaml", "CHANGELOG.md", *PROJECTS, *PAGES, *WITH_TAGS):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text("# Changelog\n\n## Unreleased\n\n- A change.\n\n## 0.1.0 (2026-11-21)\n\n- First version.\n")
    return tmp_path


def test_a_version_is_set_in_every_file_that_names_it(copy: Path) -> None:
    set_version(copy, "0.10.0", DAY)

    assert current_version(copy) == "0.10.0"
    for name in PROJECTS:
        assert tomllib.loads((copy / name).read_text(encoding="utf-8"))["project"]["version"] == "0.10.0", name
    for connector in connectors(copy):
        project = tomllib.loads((copy / connector / "pyproject.toml").read_text(encoding="utf-8"))
        assert "pigment-connectors-shared==0.10.0" in project["project"]["dependencies"]
        assert project["tool"]["poetry"]["version"] == "0.10.0"
        assert "dockerImageTag: 0.10.0" in connector_metadata(connector, copy)
    for name in WITH_TAGS:
        assert "pigment:0.10.0" in (copy / name).read_text(encoding="utf-8")
    for name in PAGES:
        assert f"| 0.10.0 | {DAY} | - |" in (copy / name).read_text(encoding="utf-8")


def test_what_is_unreleased_moves_under_the_version(copy: Path) -> None:
    set_version(copy, "0.2.0", DAY)

    assert (copy / "CHANGELOG.md").read_text(encoding="utf-8") == (
        f"# Changelog\n\n## Unreleased\n\n## 0.2.0 ({DAY})\n\n- A change.\n\n"
        "## 0.1.0 (2026-11-21)\n\n- First version.\n"
    )


@pytest.mark.parametrize("version", ["0.1.0", "0.0.9", "1", "v0.2.0", "0.2.0-rc1", ""])
def test_a_version_that_does_not_follow_changes_nothing(copy: Path, version: str) -> None:
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}

    with pytest.raises(NotReleasable):
        set_version(copy, version, DAY)

    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before


def test_nothing_unreleased_is_nothing_to_release(copy: Path) -> None:
    set_version(copy, "0.2.0", DAY)

    with pytest.raises(NotReleasable, match="nothing under Unreleased"):
        set_version(copy, "0.3.0", DAY)


# What it is asked goes into a file; `PLATFORMS` is what it can build for, and empty that there is no engine.
ENGINE = """#!/bin/sh
echo "$*" >> "$ASKED"
case "$1 $2" in
    info*) test -n "$PLATFORMS" ;;
    "buildx inspect") echo "Platforms: $PLATFORMS" ;;
esac
"""


@pytest.mark.parametrize(
    ("platforms", "registry", "push", "exit_code", "said", "asked"),
    [
        ("", "airbyte", "", 0, "NOT BUILT", []),
        ("", "registry.example/acme", "1", 1, "NOT BUILT", []),
        ("linux/amd64", "airbyte", "1", 1, "REGISTRY=registry.example/acme", []),
        ("linux/amd64", "airbyte", "", 0, "only for this machine", ["build -f", "build -f"]),
        ("linux/amd64", "registry.example/acme", "1", 0, "only for this machine", ["build -f", "push"] * 2),
        ("linux/amd64, linux/arm64", "registry.example/acme", "1", 0, "linux/arm64", ["buildx build"] * 2),
    ],
)
def test_images_are_pushed_only_where_that_is_asked_for_and_possible(
    tmp_path: Path, platforms: str, registry: str, push: str, exit_code: int, said: str, asked: list[str]
) -> None:
    engine = tmp_path / "engine"
    engine.write_text(ENGINE)
    engine.chmod(0o755)
    ended = subprocess.run(
        [ROOT / "tools/release/images.sh", "0.2.0", "0.2.0", registry],
        env={
            **os.environ,
            "DOCKER": str(engine),
            "ASKED": str(tmp_path / "asked"),
            "PLATFORMS": platforms,
            "PUSH": push,
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, said in ended.stdout) == (exit_code, True), ended.stdout + ended.stderr
    lines = (tmp_path / "asked").read_text().splitlines() if (tmp_path / "asked").exists() else []
    built = [line for line in lines if not line.startswith(("info", "buildx inspect"))]
    assert [line[: len(start)] for line, start in zip(built, asked, strict=True)] == asked
    assert all(f" {registry}/" in line for line in built)


def package(name: str, **facts: Any) -> dict[str, Any]:
    return {"name": name, "version": "1.0", **facts}


@pytest.mark.parametrize(
    ("packages", "may_go_on", "words"),
    [
        ([package("a", vulns=[]), package("b", vulns=[])], True, "2 packages, none"),
        ([package("a", vulns=[]), package("b", skip_reason="not found")], True, "only 1 of 2"),
        ([package("a", skip_reason="not found")], True, "NOT DONE"),
        ([package("a", vulns=[{"id": "CVE-1"}]), package("b", skip_reason="not found")], False, "a 1.0 (CVE-1)"),
    ],
)
def test_an_audit_that_looked_nothing_up_is_not_called_clean(
    packages: list[dict[str, Any]], may_go_on: bool, words: str
) -> None:
    audit = judge({"dependencies": packages})

    assert audit.may_go_on is may_go_on
    assert words in audit.sentence
    assert audit.is_whole is not any(each in audit.sentence for each in ("NOT DONE", "only"))


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheels of all three packages."""
    folder = tmp_path_factory.mktemp("wheels")
    build(folder)
    return folder


@pytest.mark.long
def test_the_shared_wheel_has_the_conversions_in_c_for_each_platform_and_a_pure_one(wheels: Path) -> None:
    begin = f"pigment_connectors_shared-{current_version(ROOT)}-py3-none-"
    library = "pigment_native/librows.so"
    held = {}
    for path in wheels.glob("pigment_connectors_shared-*.whl"):
        with zipfile.ZipFile(path) as wheel:
            metadata = next(name for name in wheel.namelist() if name.endswith(".dist-info/WHEEL"))
            tags = {
                line.removeprefix(b"Tag: ").decode() for line in wheel.read(metadata).splitlines() if b"Tag" in line
            }
            held[path.name] = (wheel.read(library)[:4] if library in wheel.namelist() else b"", len(tags))
            assert "pigment_native/rows.c" not in wheel.namelist()

    assert held == {
        f"{begin}any.whl": (b"", 1),
        f"{begin}manylinux_2_17_x86_64.manylinux2014_x86_64.musllinux_1_1_x86_64.whl": (b"\x7fELF", 3),
        f"{begin}manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl": (b"\x7fELF", 3),
        f"{begin}macosx_10_13_x86_64.whl": (b"\xcf\xfa\xed\xfe", 1),
        f"{begin}macosx_11_0_arm64.whl": (b"\xcf\xfa\xed\xfe", 1),
    }


@pytest.mark.long
def test_the_same_input_gives_the_same_wheels(wheels: Path, tmp_path: Path) -> None:
    build(tmp_path)

    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.whl")} == {
        path.name: path.read_bytes() for path in wheels.glob("*.whl")
    }


def uv(*arguments: str) -> None:
    program = Path(sys.executable).with_name("uv")
    ended = subprocess.run([program, "--quiet", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.long
@pytest.mark.parametrize("connector", connectors())
def test_the_wheels_of_a_connector_stand_alone(connector: str, wheels: Path, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    uv("venv", "--python", sys.executable, str(environment))
    built = [str(path) for path in wheels.glob("*.whl") if connector.replace("-", "_") in path.name]
    python = str(environment / "bin" / "python")
    locked = ["--constraints", "requirements.lock", "--find-links", str(wheels)]
    uv("pip", "install", "--python", python, *locked, *built)

    ended = subprocess.run(
        [environment / "bin" / connector, "spec"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    messages = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [each["type"] for each in messages if each["type"] != "LOG"] == ["SPEC"], messages
    loaded = "import sys; from pigment_native.library import LIBRARY; sys.exit(LIBRARY is None)"
    subprocess.run([python, "-c", loaded], cwd=tmp_path, env={"PATH": "/usr/bin:/bin"}, check=True)

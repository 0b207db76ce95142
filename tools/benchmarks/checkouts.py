"""Checkouts of this project and the machine: scripts, what the forms know, and a sentence that describes them."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.measure import environment

CONNECTORS = ("source", "destination")


@dataclass(frozen=True, slots=True)
class Checkout:
    """A checkout, what the tables call it, and the forms of its connectors."""

    name: str
    folder: Path
    forms: Mapping[str, Any]

    def script(self, connector: str) -> str:
        """The console script of a connector."""
        return str(_script(self.folder, connector))

    def without_library(self, folder: Path) -> tuple[tuple[str, str], ...]:
        """The environment in which this checkout's connectors find no library, and convert rows in Python."""
        package = folder / self.name.replace(" ", "_") / "pigment_native"
        if not package.exists():
            copied = shutil.ignore_patterns("*.so", "build", "fuzz", "tests", "__pycache__")
            shutil.copytree(self.folder / "shared/pigment_native", package, ignore=copied)
        return (("PYTHONPATH", str(package.parent)),)

    def knows(self, connector: str, options: Mapping[str, Any]) -> bool:
        """Whether a connector has fields for these options; an older one may not."""
        return knows(self.forms[connector], options)


def opened(name: str, folder: Path) -> Checkout:
    """A checkout whose connectors can be run; asking them for their forms also compiles their modules."""
    return Checkout(name, folder, {connector: _form(_script(folder, connector)) for connector in CONNECTORS})


def knows(form: Mapping[str, Any], options: Any) -> bool:
    """Whether a form has every field of a configuration, also inside cards, choices and entries of lists."""
    if isinstance(options, Mapping):
        if "oneOf" in form:
            return any(knows(choice, options) for choice in form["oneOf"])
        fields = form.get("properties", {})
        return all(name in fields and knows(fields[name], value) for name, value in options.items())
    if isinstance(options, list):
        return all(knows(form.get("items", {}), entry) for entry in options)
    return True


def names_of(folders: Iterable[Path]) -> list[str]:
    """A name for each folder: its own, with a number where another has it already."""
    names: list[str] = []
    for folder in folders:
        name = folder.resolve().name
        names.append(name if name not in names else f"{name} {len(names) + 1}")
    return names


def _script(folder: Path, connector: str) -> Path:
    return folder / ".venv" / "bin" / f"{connector}-pigment"


def _form(script: Path) -> Any:
    if not script.exists():
        sys.exit(f"{script} is not there: run `make setup` in that checkout first")
    run = subprocess.run([script, "spec"], capture_output=True, env=environment(), check=False)
    for line in run.stdout.splitlines():
        message = json.loads(line)
        if message["type"] == "SPEC":
            return message["spec"]["connectionSpecification"]
    return sys.exit(f"{script} spec ended with {run.returncode} and without a form")


def described(checkouts: Iterable[Checkout]) -> str:
    """A sentence of date, processor, versions and checkouts."""
    minute, *_ = os.getloadavg()
    versions = ", ".join(
        [f"Python {platform.python_version()}", *(f"{each} {version(each)}" for each in ("airbyte-cdk", "requests"))]
    )
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} on {_processor()}, {os.cpu_count()} cores "
        f"(load average {minute:.1f} before), {platform.system()} {platform.release()}, {versions}. "
        f"{' '.join(_checkout(each) for each in checkouts)}"
    )


def _checkout(checkout: Checkout) -> str:
    commit = subprocess.run(
        ["git", "-C", checkout.folder, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    native = any((checkout.folder / "shared/pigment_native").glob("*.so"))
    return f"*{checkout.name}*: commit {commit or 'unknown'}{', with the native library' if native else ''}."


def _processor() -> str:
    """As Linux names it; elsewhere, and where it does not, the architecture."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())

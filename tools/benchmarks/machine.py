"""Where and with what something was measured, in words."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.checkouts import Checkout


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

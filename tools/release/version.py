"""The version in every file that names it, and the changelogs: text in, text out."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

_VERSION = re.compile(r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)")
_UNRELEASED = "## Unreleased\n"
_SHARED = "pigment-connectors-shared=="

PROJECTS = tuple(f"{folder}pyproject.toml" for folder in ("", "shared/", "source-pigment/", "destination-pigment/"))
PAGES = ("docs/sources/pigment.md", "docs/destinations/pigment.md")
# Their commands name the images with their tag.
WITH_TAGS = ("docs/operating.md",)


class NotReleasable(Exception):
    """What stands in the way of a release, as a sentence."""


def current_version(root: Path) -> str:
    """The version in metadata.yaml, from which everything else follows."""
    found = re.search(r"^version: (\S+)$", (root / "metadata.yaml").read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise NotReleasable("metadata.yaml names no version.")
    return found[1]


def set_version(root: Path, version: str, day: str) -> None:
    """Write the version into every file that names it, and move what is unreleased under it."""
    old = current_version(root)
    if _numbers(version) <= _numbers(old):
        raise NotReleasable(f"The version {version} does not follow {old}.")
    changelog = _released((root / "CHANGELOG.md").read_text(encoding="utf-8"), version, day)
    _edit(root / "CHANGELOG.md", lambda _: changelog)
    _edit(root / "metadata.yaml", lambda text: text.replace(f"version: {old}\n", f"version: {version}\n", 1))
    for name in PROJECTS:
        _edit(root / name, lambda text: _in_project(text, old, version))
    for name in WITH_TAGS:
        _edit(root / name, lambda text: text.replace(f"pigment:{old}", f"pigment:{version}"))
    for name in PAGES:
        _edit(root / name, lambda text: _in_page(text, version, day))


def _numbers(version: str) -> tuple[int, ...]:
    if not _VERSION.fullmatch(version):
        raise NotReleasable(f"{version} is no version such as 0.2.0.")
    return tuple(int(part) for part in version.split("."))


def _released(changelog: str, version: str, day: str) -> str:
    before, heading, after = changelog.partition(_UNRELEASED)
    entries, _, older = after.partition("\n## ")
    if not heading or not entries.strip():
        raise NotReleasable("CHANGELOG.md has nothing under Unreleased.")
    return f"{before}{_UNRELEASED}\n## {version} ({day})\n\n{entries.strip()}\n\n## {older}"


def _in_project(text: str, old: str, version: str) -> str:
    return text.replace(f'version = "{old}"', f'version = "{version}"').replace(_SHARED + old, _SHARED + version)


def _in_page(text: str, version: str, day: str) -> str:
    """A row on top of the page's table of versions."""
    head = "| Version | Date | Pull Request | Subject |\n|---|---|---|---|\n"
    row = f"| {version} | {day} | - | See CHANGELOG.md |\n"
    if head not in text:
        raise NotReleasable("A page of the docs has no table of versions.")
    return text.replace(head, head + row, 1)


def _edit(path: Path, change: Callable[[str], str]) -> None:
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")

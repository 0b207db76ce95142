"""The registry's checks: metadata, versions, licence, icons, docs, and what must not be in shipped code."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from jsonschema import Draft7Validator, FormatChecker

from documents.generated import ROOT, connector_metadata, connectors

FACTS: dict[str, Any] = yaml.safe_load((ROOT / "metadata.yaml").read_text(encoding="utf-8"))
DOCS = {
    "source-pigment": ROOT / "docs/sources/pigment.md",
    "destination-pigment": ROOT / "docs/destinations/pigment.md",
}
SECTIONS = [
    "Prerequisites",
    "Setup guide",
    "Supported sync modes",
    "Supported streams",
    "Performance considerations",
    "Data type map",
    "Limitations & troubleshooting",
    "Changelog",
]


@pytest.fixture(params=connectors())
def connector(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_connectors_metadata_is_what_the_root_says(connector: str) -> None:
    assert (ROOT / connector / "metadata.yaml").read_text(encoding="utf-8") == connector_metadata(connector)


def without_ids(node: Any, *, root: bool = True) -> Any:
    """The schema without the addresses of its parts, which were put in after its references were made."""
    if isinstance(node, list):
        return [without_ids(each, root=False) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        name: without_ids(each, root=False)
        for name, each in node.items()
        if root or name != "$id" or not isinstance(each, str)
    }


def test_metadata_is_valid_against_the_registrys_schema(connector: str) -> None:
    place = files("airbyte_connector_models") / "metadata/v0/ConnectorMetadataDefinitionV0.json"
    schema = without_ids(json.loads(place.read_text(encoding="utf-8")))
    validator = Draft7Validator(schema, format_checker=FormatChecker())
    metadata = yaml.safe_load((ROOT / connector / "metadata.yaml").read_text(encoding="utf-8"))

    assert [error.message for error in validator.iter_errors(metadata)] == []
    assert list(validator.iter_errors({**metadata, "data": {**metadata["data"], "surprise": 1}})), (
        "the schema is strict"
    )


def test_version_and_licence_are_the_same_everywhere(connector: str) -> None:
    for place in (connector, "shared"):
        project = tomllib.loads((ROOT / place / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        assert (project["version"], project["license"]) == (FACTS["version"], FACTS["license"])
    assert FACTS["version"].startswith("0.")
    assert f"{FACTS['license']} License" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_version_and_licence_stand_where_the_registrys_checks_look(connector: str) -> None:
    poetry = tomllib.loads((ROOT / connector / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["poetry"]
    metadata = yaml.safe_load((ROOT / connector / "metadata.yaml").read_text(encoding="utf-8"))["data"]

    assert (poetry["version"], poetry["license"]) == (metadata["dockerImageTag"], metadata["license"])
    assert metadata["remoteRegistries"]["pypi"]["packageName"] == poetry["name"]
    assert "${base_url}" in metadata["allowedHosts"]["hosts"]


def test_the_wheels_ask_for_the_versions_that_are_tested(connector: str) -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", lock, re.MULTILINE))
    wrong = []
    for place in (connector, "shared"):
        project = tomllib.loads((ROOT / place / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        for dependency in project["dependencies"]:
            name, bounds = re.split(r"(?=[<>=;])", dependency.partition(";")[0], maxsplit=1)
            if name == "pigment-connectors-shared":
                wrong += [dependency] * (bounds != f"=={FACTS['version']}")
                continue
            major, minor, *_ = map(int, locked[name].split("."))
            next_one = f"0.{minor + 1}" if major == 0 else str(major + 1)
            wrong += [dependency] * (bounds != f">={locked[name]},<{next_one}")

    assert wrong == [], "not the version in requirements.lock up to the next one that may break something"


def test_what_the_wheels_describe_works_outside_the_repository(connector: str) -> None:
    for place in (connector, "shared"):
        project = tomllib.loads((ROOT / place / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        text = (ROOT / place / project["readme"]).read_text(encoding="utf-8")

        assert [link for link in re.findall(r"\]\(([^)]*)\)", text) if not link.startswith("https://")] == []
        assert {"classifiers", "urls"} <= project.keys()


def test_the_icon_is_square(connector: str) -> None:
    icon = ElementTree.parse(ROOT / connector / "icon.svg").getroot()  # noqa: S314 - our own file

    assert icon.get("width") == icon.get("height")
    assert len(set((icon.get("viewBox") or "").split()[2:])) == 1


def test_the_base_image_is_the_same_in_the_dockerfile() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")

    assert f"ARG BASE_IMAGE={FACTS['baseImage']}\n" in dockerfile
    assert re.search(r"@sha256:[0-9a-f]{64}$", FACTS["baseImage"])


def test_there_is_no_dockerfile_inside_a_connectors_folder(connector: str) -> None:
    assert not list((ROOT / connector).rglob("Dockerfile*"))


def test_shipped_code_has_no_plain_http(connector: str) -> None:
    folders = (ROOT / connector, ROOT / "shared")
    shipped = [path for folder in folders for kind in ("*.py", "*.yaml") for path in folder.rglob(kind)]
    offending = [
        str(path)
        for path in shipped
        if not {"unit_tests", "tests"} & set(path.parts) and "http://" in path.read_text(encoding="utf-8")
    ]

    assert offending == []


def test_the_docs_have_their_sections_in_order(connector: str) -> None:
    text = DOCS[connector].read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)

    assert [heading for heading in headings if heading in SECTIONS] == SECTIONS
    assert text.startswith("# Pigment\n")


def test_the_changelog_ends_with_this_version(connector: str) -> None:
    changelog = DOCS[connector].read_text(encoding="utf-8").partition("## Changelog")[2]
    rows = re.findall(r"^\| *([0-9]+\.[0-9]+\.[0-9]+) *\|", changelog, re.MULTILINE)

    assert "<details>" in changelog
    assert rows, "the changelog has rows"
    assert rows[0] == FACTS["version"]
    assert len(set(rows)) == len(rows), "one row a version"


def test_a_destinations_docs_name_all_five_sync_modes() -> None:
    text = DOCS["destination-pigment"].read_text(encoding="utf-8").lower()

    for mode in (
        "full refresh overwrite",
        "full refresh append",
        "full refresh overwrite + deduped",
        "incremental append",
        "incremental append + deduped",
    ):
        assert mode in re.sub(r"\W*-\W*|\s+", " ", text), mode


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub links to them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_between_the_pages_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*-pigment/README.md")]
    broken = []
    for page in pages:
        for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", page.read_text(encoding="utf-8")):
            there = page if not target else page.parent / target
            if "://" not in target and (not there.exists() or (anchor and anchor not in anchors(there))):
                broken.append(f"{page.relative_to(ROOT)}: {target}#{anchor}")

    assert broken == []


def test_only_the_destination_claims_to_support_refreshes() -> None:
    """With it the platform sends generations and COMPLETE, which are the proof that a source succeeded."""
    claims = {name: yaml.safe_load(connector_metadata(name))["data"].get("supportsRefreshes") for name in connectors()}
    assert claims == {"source-pigment": None, "destination-pigment": True}

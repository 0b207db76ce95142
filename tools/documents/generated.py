"""The files that follow from others, which `make metadata` writes and the tests compare.

Each connector's metadata.yaml follows from the facts in the root metadata.yaml; the field tables of the docs, and the
specifications that the tests compare byte for byte, follow from the forms.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import yaml
from airbyte_cdk.models import AirbyteMessage, AirbyteMessageSerializer, Type

from pigment_airbyte.form import load_spec

ROOT = Path(__file__).resolve().parents[2]

_NOTE = "# Generated from the metadata.yaml at the root of the repository: change that, then run `make metadata`.\n"
PAGES = {
    ROOT / "docs/guides/source-fields.md": "source_pigment",
    ROOT / "docs/guides/destination-fields.md": "destination_pigment",
}
_PLACE = re.compile(r"(<!-- fields: written by make metadata -->\n).*?(<!-- end of fields -->)", re.DOTALL)


def connector_metadata(connector: str, root: Path = ROOT) -> str:
    """The text of a connector's metadata.yaml."""
    facts: dict[str, Any] = yaml.safe_load((root / "metadata.yaml").read_text(encoding="utf-8"))
    own = facts["connectors"][connector]
    data = {
        "name": own["name"],
        "definitionId": own["definitionId"],
        "connectorType": own["type"],
        "connectorSubtype": "api",
        "dockerRepository": f"airbyte/{connector}",
        "dockerImageTag": facts["version"],
        "githubIssueLabel": connector,
        "icon": "icon.svg",
        "license": facts["license"],
        "documentationUrl": f"{facts['documentation']}/{own['documentationPath']}",
        "releaseStage": facts["releaseStage"],
        "supportLevel": facts["supportLevel"],
        "allowedHosts": {"hosts": [*facts["hosts"], *own.get("hosts", [])]},
        "remoteRegistries": {"pypi": {"enabled": True, "packageName": f"airbyte-{connector}"}},
        **{name: own[name] for name in ("supportsRefreshes", "maxSecondsBetweenMessages") if name in own},
        "resourceRequirements": facts["resourceRequirements"],
        "externalDocumentationUrls": facts["externalDocumentationUrls"],
        "connectorBuildOptions": {"baseImage": facts["baseImage"]},
        "connectorTestSuitesOptions": [{"suite": "unitTests"}, {"suite": "integrationTests"}],
        "tags": facts["tags"],
    }
    return _NOTE + yaml.safe_dump({"metadataSpecVersion": "1.0", "data": data}, sort_keys=False, width=120)


def connectors(root: Path = ROOT) -> list[str]:
    """The names of the connectors."""
    return list(yaml.safe_load((root / "metadata.yaml").read_text(encoding="utf-8"))["connectors"])


@dataclass(frozen=True, slots=True)
class Field:
    """A field as the form shows it; `path` leads to it through the cards and choices it stands in."""

    path: tuple[str, ...]
    description: str
    default: str
    needed: bool


def fields_of(schema: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[Field]:
    """The fields of a form in the order of the form, each followed by those inside it."""
    needed = set(schema.get("required", ()))
    properties: dict[str, dict[str, Any]] = schema.get("properties", {})
    for name, field in sorted(properties.items(), key=lambda item: item[1].get("order", 0)):
        if "const" in field or field.get("airbyte_hidden"):
            continue
        own = (*path, field.get("title", name))
        yield Field(own, field.get("description", ""), _default(field), name in needed)
        for choice in field.get("oneOf", ()):
            yield from fields_of(choice, (*own, choice.get("title", "")))
        yield from fields_of(field.get("items", {}), own)
        if "oneOf" not in field:
            yield from fields_of(field, own)


def table(schema: dict[str, Any]) -> str:
    """The fields as a table, a heading for each group of the form."""
    titles = {group["id"]: group["title"] for group in schema.get("groups", ())}
    groups: dict[str, dict[str, Any]] = {group: {} for group in titles}
    for name, field in schema["properties"].items():
        groups.setdefault(field.get("group", ""), {})[name] = field
    parts = []
    for group, properties in groups.items():
        rows = [_row(each) for each in fields_of({**schema, "properties": properties})]
        head = f"**{titles.get(group, 'Further')}**\n\n| field | what it means | default |\n|---|---|---|\n"
        parts.append(head + "\n".join(rows))
    return "\n\n".join(parts)


def _row(field: Field) -> str:
    name = " → ".join(field.path) + (" (needed)" if field.needed else "")
    return f"| {name} | {_plain(field.description)} | {_plain(field.default)} |"


def _default(field: dict[str, Any]) -> str:
    value = field.get("default")
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None or isinstance(value, dict) else str(value)


def _plain(text: str) -> str:
    marked = re.sub(r"</?(code|tt)>", "`", text)
    return html.unescape(re.sub(r"<[^>]+>", "", marked)).replace("|", "\\|").replace("\n", " ").strip()


def filled(page: Path) -> str:
    """The page's text with the table as the form is now."""
    schema = load_spec(PAGES[page]).connectionSpecification
    text = page.read_text(encoding="utf-8")
    return _PLACE.sub(lambda found: f"{found[1]}\n{table(dict(schema))}\n\n{found[2]}", text)


def spec_line(package: str) -> bytes:
    """What a connector prints for `spec`."""
    message = AirbyteMessage(type=Type.SPEC, spec=load_spec(package))
    return orjson.dumps(AirbyteMessageSerializer.dump(message)) + b"\n"


def main() -> None:
    """Write each connector's metadata, both field tables and both specifications."""
    for connector in connectors():
        (ROOT / connector / "metadata.yaml").write_text(connector_metadata(connector), encoding="utf-8")
    for page in PAGES:
        page.write_text(filled(page), encoding="utf-8")
    for package in PAGES.values():
        name = package.removesuffix("_pigment")
        (ROOT / f"integration_tests/specs/{name}.json").write_bytes(spec_line(package))


if __name__ == "__main__":
    main()

"""Speaks with the local Pigment as a stranger would: nothing of our client is here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import requests

from local_pigment.blocks import Block, ListBlock, MetricBlock, Property, ValueType
from local_pigment.imports import ImportConfiguration
from local_pigment.sample import CONSOLIDATION, PLANNING
from local_pigment.server import LocalPigment
from local_pigment.workspace import Workspace, new_id

Counts = tuple[int, int, int, int]


class Site:
    """A running local Pigment, asked with the key that may do everything."""

    def __init__(self, pigment: LocalPigment) -> None:
        self.pigment = pigment
        self.headers = {"Authorization": f"Bearer {pigment.workspace.secret('all')}"}

    @property
    def workspace(self) -> Workspace:
        return self.pigment.workspace

    def get(self, path: str, **query: str) -> requests.Response:
        return requests.get(self.pigment.url + path, params=query, headers=self.headers, timeout=10)

    def ask_export(self, kind: str, block_id: str, body: dict[str, Any]) -> requests.Response:
        url = f"{self.pigment.url}/api/v1/export/{kind}/{block_id}"
        return requests.post(url, json=body, headers=self.headers, timeout=10)

    def export(self, kind: str, name: str, application: str = PLANNING, **body: Any) -> str:
        response = self.ask_export(kind, self.workspace.block(name, application).id, body)
        response.raise_for_status()
        return response.content.decode("utf-8")

    def push(self, configuration: str, text: str, **query: str) -> dict[str, Any]:
        response = requests.post(
            f"{self.pigment.url}/api/v1/import/push/csv",
            params={"configurationId": self.workspace.configuration(configuration).id, **query},
            data=text.encode(),
            headers={**self.headers, "Content-Type": "text/csv"},
            timeout=10,
        )
        response.raise_for_status()
        pushed: dict[str, Any] = response.json()
        if "status" in pushed:
            return pushed
        report = self.get(f"/api/v1/import/{pushed['importId']}/status", includedDetailedReport="true").json()
        return {**report, "summary": (report["detailedReport"] or {}).get("summary")}

    def counts(self, configuration: str, text: str) -> Counts:
        """What the report of a file says: inserted, updated, deleted, skipped."""
        summary = self.push(configuration, text)["summary"]
        return tuple(summary[f"{word}Count"] for word in ("inserted", "updated", "deleted", "skipped"))  # type: ignore[return-value] # they are four

    def skipped(self, configuration: str, text: str) -> dict[str, int]:
        """Reason → how many values were skipped for it."""
        report = self.push(configuration, text)["detailedReport"]
        return {each["reason"]: each["count"] for each in report["impactedBlocks"][0]["skippedData"]}

    def fails(self, configuration: str, text: str) -> str:
        """The name of the error with which the import of a file ends."""
        report = self.push(configuration, text)
        assert report["importStatus"] == "Failed"
        return str(report["errorsDetails"][0]["name"])

    def rows(self, block: str) -> list[list[str]]:
        return self.workspace.rows(block, CONSOLIDATION)

    def owner(self, **rights: Any) -> None:
        """Give the owner of the key these rights."""
        self.workspace.keys = [replace(key, **rights) if key.name == "all" else key for key in self.workspace.keys]

    def add_list(self, name: str, *properties: Property, is_dimension: bool = False, **options: Any) -> ListBlock:
        """A list in the application that is filled, with an import configuration of its name."""
        block = ListBlock(new_id(CONSOLIDATION, name), name, list(properties), is_dimension)
        self._add(block, [each.name for each in properties], options)
        return block

    def add_metric(self, name: str, *dimensions: str, type_: ValueType = ValueType.NUMBER, **options: Any) -> None:
        """A metric over dimension lists, with an import configuration of its name."""
        ids = [self.workspace.block(each, CONSOLIDATION).id for each in dimensions]
        self._add(MetricBlock(new_id(CONSOLIDATION, name), name, ids, type_), [*dimensions, name], options)

    def _add(self, block: Block, columns: list[str], options: dict[str, Any]) -> None:
        application = self.workspace.application(CONSOLIDATION)
        application.put(block)
        mapping = {name: name for name in columns if name != options.get("pivot")}
        if "pivot" in options:
            del mapping[columns[-1]]
        id_ = new_id("configuration of", block.name)
        self.workspace.configure(ImportConfiguration(id_, block.name, application.id, block.id, mapping, **options))

    def dimension(self, name: str, *items: str) -> Property:
        """A dimension list with these items, and a property that refers to it."""
        block = self.add_list(name, Property("Item"), Property("Code"), is_dimension=True)
        for item in items:
            block.add(item, f"C-{item}")
        return Property(name, ValueType.DIMENSION, block.id)

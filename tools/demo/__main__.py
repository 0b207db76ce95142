"""Run the demo: `make demo`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from airbyte_platform.process import Connector, configured
from airbyte_platform.sync import Progress, Side, SyncResult, sync
from demo import planning_team, reloads
from demo.comparison import Comparison, compare, render
from local_pigment.sample import CONSOLIDATION, PLANNING, planning_model
from local_pigment.server import LocalPigment
from local_pigment.workspace import Workspace

_LEDGER_ROWS = 5000


def main() -> int:
    """Run everything and print the result; 0 when both sides are equal."""
    began = time.monotonic()
    workspace = planning_model(ledger_rows=_LEDGER_ROWS)
    workspace.variants.polls_until_done = 1
    with LocalPigment(workspace, tls=True) as pigment:
        say(f"A local Pigment serves {PLANNING} and {CONSOLIDATION} at {pigment.url} (HTTP/2).")
        source, destination = sides(pigment)
        catalog = prepare(source, destination)
        say(f"Syncing {len(catalog['streams'])} streams, source-pigment | destination-pigment:")
        moment = time.monotonic()
        progress, finished = progress_lines()
        result = sync(source, destination, catalog, progress=progress, finished=finished)
        seconds = time.monotonic() - moment
    for error in result.errors:
        say(f"  ! {error}")
    comparisons = {name: compare(workspace, name) for name in (each["stream"]["name"] for each in catalog["streams"])}
    say("")
    say(render(HEADINGS, list(table_rows(workspace, result, comparisons))))
    say("")
    code = conclude(result, comparisons, seconds, time.monotonic() - began)
    if code:
        return code
    say("\nWhat a planning team does next (about a quarter of a minute):\n")
    if not planning_team.show(say):
        return 1
    say("\nThe next night, the ledger is loaded again:\n")
    return 0 if reloads.show(say) else 1


HEADINGS = ("stream", "read", "stored", "rejected", "inserted", "updated", "skipped", "seconds", "cell by cell")


def sides(pigment: LocalPigment) -> tuple[Side, Side]:
    """Both connectors with their configurations, as a user would enter them."""
    workspace = pigment.workspace
    environment = {"REQUESTS_CA_BUNDLE": str(pigment.ca_file)}
    binaries = Path(sys.executable).parent
    credentials = {"auth_type": "single_key", "api_key": workspace.secret("all")}
    source = {
        "credentials": credentials,
        "application_id": workspace.application(PLANNING).id,
        "base_url": pigment.url,
        "block_types": ["list", "metric"],
    }
    destination = {
        "credentials": credentials,
        "application_id": workspace.application(CONSOLIDATION).id,
        "base_url": pigment.url,
    }
    return (
        Side(Connector(binaries / "source-pigment", environment), source),
        Side(Connector(binaries / "destination-pigment", environment), destination),
    )


def prepare(source: Side, destination: Side) -> dict[str, Any]:
    """Run spec, check and discover of both, and configure all streams to append."""
    catalog: dict[str, Any] = {}
    for side in (source, destination):
        name = side.connector.executable.name
        spec = side.connector.run("spec").of("SPEC")[0]
        say(f"  {name} spec      {len(spec['connectionSpecification']['properties'])} settings")
        status = side.connector.run("check", config=side.config)
        outcome = next(each["connectionStatus"] for each in status.messages if each["type"] == "CONNECTION_STATUS")
        say(f"  {name} check     {outcome['status']} {outcome.get('message') or ''}".rstrip())
        if outcome["status"] != "SUCCEEDED":
            raise SystemExit(1)
    discovered = source.connector.run("discover", config=source.config)
    catalog = discovered.of("CATALOG")[0]
    say(f"  source-pigment discover  {', '.join(stream['name'] for stream in catalog['streams'])}")
    return configured(catalog, destination_sync_mode="append")


def progress_lines() -> tuple[Progress, Progress]:
    """What shows the progress: a line for each stream once it is read, and in a terminal also how far one is."""

    def progress(stream: str, count: int) -> None:
        if sys.stdout.isatty():
            sys.stdout.write(f"\r  {stream}: {count:,} rows so far\033[K")
            sys.stdout.flush()

    def finished(stream: str, count: int) -> None:
        begin, end = ("\r", "\033[K") if sys.stdout.isatty() else ("", "")
        say(f"{begin}  read {stream}, {count:,} rows{end}")

    return progress, finished


def table_rows(
    workspace: Workspace, result: SyncResult, comparisons: dict[str, Comparison]
) -> Iterator[tuple[str, ...]]:
    """A line for each stream: what left, what arrived, and what the import reports say."""
    for name, comparison in comparisons.items():
        runs = [
            run for run in workspace.imports.values() if workspace.configurations[run.configuration_id].name == name
        ]
        times = [(run.completed_at - run.created_at).total_seconds() for run in runs if run.completed_at is not None]
        yield (
            name,
            str(result.read.get(name, 0)),
            str(result.stored.get(name, 0)),
            str(result.rejected.get(name, 0)),
            str(sum(run.inserted for run in runs)),
            str(sum(run.updated for run in runs)),
            str(sum(sum(each.count for each in run.skipped()) for run in runs)),
            f"{sum(times):.2f}",
            comparison.verdict,
        )


def conclude(result: SyncResult, comparisons: dict[str, Comparison], seconds: float, total_seconds: float) -> int:
    """Print the conclusion; returns the exit code."""
    cells = sum(each.cells for each in comparisons.values())
    different = sum(each.different for each in comparisons.values())
    failed = result.source_exit != 0 or result.destination_exit != 0
    if failed or different:
        say(f"{different} of {cells} cells differ; exit codes {result.source_exit} and {result.destination_exit}.")
        return 1
    say(
        f"All {cells} cells are equal on both sides. {len(result.states)} states came back. "
        f"The sync took {seconds:.1f} s, the demo {total_seconds:.1f} s."
    )
    return 0


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

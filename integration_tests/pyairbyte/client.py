"""What PyAirbyte is asked to do, in its own environment: orders come as JSON, answers go as JSON to a file.

Imports nothing of this project: PyAirbyte meets our connectors as executables, as it would anywhere.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import airbyte as ab
from airbyte.cli.smoke_test_source._scenarios import PREDEFINED_SCENARIOS, get_scenario_records
from airbyte.strategies import WriteStrategy


def source_of(order: dict[str, Any]) -> ab.Source:
    source = ab.get_source(order["source"], local_executable=Path(order["source_executable"]), config=order["config"])
    source.select_streams(order.get("streams", "*"))
    return source


def check(order: dict[str, Any]) -> Any:
    source_of(order).check()
    return True


def into_duckdb(order: dict[str, Any]) -> Any:
    """Read everything into a DuckDB cache; the rows as SQL gives them, all columns as text."""
    cache = ab.caches.DuckDBCache(db_path=order["database"])
    result = source_of(order).read(cache=cache, force_full_refresh=order.get("force_full_refresh", True))
    tables: dict[str, Any] = {}
    for name in result.streams:
        table = cache.processor.get_sql_table_name(name)
        described = cache.run_sql_query(f"DESCRIBE {cache.schema_name}.{table}")
        columns = [each["column_name"] for each in described if not each["column_name"].startswith("_airbyte")]
        chosen = ", ".join(f'CAST("{column}" AS VARCHAR) AS "{column}"' for column in columns)
        query = f"SELECT {chosen} FROM {cache.schema_name}.{table}"  # noqa: S608 - these names come from the cache itself
        tables[name] = [dict(row) for row in cache.run_sql_query(query)]
    return tables


def into_destination(order: dict[str, Any]) -> Any:
    """Write a source into a destination; the records as the source gives them."""
    source = source_of(order)
    destination = ab.get_destination(
        "destination-pigment",
        local_executable=Path(order["destination_executable"]),
        config=order["destination_config"],
    )
    destination.write(
        source,
        streams=order.get("streams", "*"),
        cache=False,
        state_cache=False,
        write_strategy=WriteStrategy(order.get("strategy", "append")),
    )
    return True


def scenarios(_order: dict[str, Any]) -> Any:
    """The scenarios of the smoke test: names, columns, numbers of rows to be kept, and whether the stream replaces."""
    return {
        each["name"]: {
            "columns": list(each["json_schema"]["properties"]),
            "rows": _count_kept(get_scenario_records(each), [name for (name,) in each["primary_key"] or ()]),
            # Without a key, and none of them has a cursor, PyAirbyte's strategy "auto" overwrites.
            "replaces": not each["primary_key"],
        }
        for each in PREDEFINED_SCENARIOS
    }


def _count_kept(records: list[dict[str, Any]], key: list[str]) -> int:
    """How many rows a destination keeps: of the records of one key the last, without a key all."""
    return len({tuple(each[name] for name in key) for each in records}) if key else len(records)


def source_schema(order: dict[str, Any]) -> Any:
    """The columns of each stream of a source."""
    return {
        each.stream.name: list(each.stream.json_schema["properties"])
        for each in source_of(order).configured_catalog.streams
    }


COMMANDS = {each.__name__: each for each in (check, into_duckdb, into_destination, scenarios, source_schema)}

if __name__ == "__main__":
    asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    answer = COMMANDS[asked["command"]](asked)
    Path(sys.argv[2]).write_text(json.dumps(answer), encoding="utf-8")

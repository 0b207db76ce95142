"""Read two lists from Pigment into a local DuckDB file."""

import json
import sys
from pathlib import Path

import airbyte as ab

config = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
source = ab.get_source("source-pigment", local_executable="source-pigment", config=config)
source.check()
source.select_streams(["Departments", "General Ledger"])
result = source.read(cache=ab.caches.DuckDBCache(db_path="pigment.duckdb"))
for name in result.streams:
    print(name, len(result[name]))

"""Print the rows of the view `open_months` as an Airbyte source does; stands in for the warehouse."""

import csv
import json
import sqlite3
from pathlib import Path

FOLDER = Path(__file__).parent
STREAM = "open_months"


def warehouse() -> sqlite3.Connection:
    """The tables `ledger` and `closed_months`, and the view."""
    database = sqlite3.connect(":memory:")
    for table in ("ledger", "closed_months"):
        with (FOLDER / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        columns = ", ".join(f'"{name}" text' for name in header)
        database.execute(f"create table {table} ({columns})")
        database.executemany(f"insert into {table} values ({', '.join('?' * len(header))})", rows)
    database.executescript((FOLDER / "open_months.sql").read_text(encoding="utf-8"))
    return database


def show(**message: object) -> None:
    """Print a message of Airbyte's protocol."""
    print(json.dumps(message))


rows = warehouse().execute(f"select * from {STREAM}")
names = [each[0] for each in rows.description]
for row in rows:
    show(type="RECORD", record={"stream": STREAM, "data": dict(zip(names, row, strict=True)), "emitted_at": 0})
status = {"stream_descriptor": {"name": STREAM}, "status": "COMPLETE"}
show(type="TRACE", trace={"type": "STREAM_STATUS", "emitted_at": 0, "stream_status": status})

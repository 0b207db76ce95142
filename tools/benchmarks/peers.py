"""How one would move the same rows with a library: `peers.py read WAY URL KEY` and `peers.py write WAY URL`.

It runs in an environment of its own (peers.lock). The peers keep no digits, check nothing, and keep no state: numbers
pass through floats, and an export that breaks off may look whole.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

_ROWS = 50_000
_BEFORE = '{"type":"RECORD","record":{"stream":"Big","emitted_at":1,"data":'
_AFTER = "}}\n"
_NUMBERS = ("Amount", "Rate", "Amount in EUR", "Quantity")


def _export(url: str, key: str) -> Any:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    return urllib.request.urlopen(urllib.request.Request(url, b"{}", headers))


def _rows(url: str, key: str) -> Iterator[dict[str, Any]]:
    for row in csv.DictReader(io.TextIOWrapper(_export(url, key), "utf-8", newline=""), delimiter=";"):
        record: dict[str, Any] = {name: value or None for name, value in row.items()}
        for name in _NUMBERS:
            record[name] = float(record[name]) if record[name] else None
        yield record


def _print_lines(lines: str) -> None:
    """Objects, each on a line, as RECORD lines."""
    if lines:
        sys.stdout.write(_BEFORE + lines.rstrip("\n").replace("\n", "}}\n" + _BEFORE) + _AFTER)


def read_by_hand(url: str, key: str) -> None:
    for row in _rows(url, key):
        sys.stdout.write(_BEFORE + json.dumps(row) + _AFTER)


def read_pandas(url: str, key: str) -> None:
    import pandas

    for frame in pandas.read_csv(_export(url, key), sep=";", chunksize=_ROWS):
        _print_lines(frame.to_json(orient="records", lines=True, force_ascii=False))


def read_polars(url: str, key: str) -> None:
    import polars

    with tempfile.NamedTemporaryFile() as file:
        _save(_export(url, key), file)
        made = io.BytesIO()
        polars.read_csv(file.name, separator=";", infer_schema_length=10_000).write_ndjson(made)
    _print_lines(made.getvalue().decode())


def read_duckdb(url: str, key: str) -> None:
    import duckdb

    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder, "export.csv"), Path(folder, "rows.jsonl")
        with source.open("wb") as file:
            _save(_export(url, key), file)
        duckdb.sql(f"COPY (FROM read_csv('{source}', delim=';', header=true)) TO '{made}' (FORMAT json)")
        with made.open(encoding="utf-8") as lines:
            while part := "".join(itertools.islice(lines, _ROWS)):
                _print_lines(part)


def read_dlt(url: str, key: str) -> None:
    _load(_rows(url, key), "jsonl")


def _save(response: Any, file: Any) -> None:
    while part := response.read(1 << 20):
        file.write(part)
    file.flush()


def _load(rows: Iterable[dict[str, Any]], form: Any) -> None:
    """Rows into a folder by dlt, which keeps what it knows of them there too."""
    import dlt

    with tempfile.TemporaryDirectory() as folder:
        pipeline = dlt.pipeline("bench", folder, destination=dlt.destinations.filesystem(f"file://{folder}/out"))
        pipeline.run(rows, table_name="rows", loader_file_format=form)


def _data(load: Callable[[bytes], Any]) -> Iterator[dict[str, Any]]:
    for line in sys.stdin.buffer:
        message = load(line)
        if message["type"] == "RECORD":
            yield message["record"]["data"]


def _post(url: str, content: Any) -> None:
    urllib.request.urlopen(urllib.request.Request(url, content, {"Content-Type": "text/csv"})).read()


def _write_with(load: Callable[[bytes], Any], url: str) -> None:
    rows = _data(load)
    while part := list(itertools.islice(rows, _ROWS)):
        text = io.StringIO()
        writer = csv.DictWriter(text, list(part[0]))
        writer.writeheader()
        writer.writerows(part)
        _post(url, text.getvalue().encode())


def write_by_hand(url: str) -> None:
    _write_with(json.loads, url)


def write_orjson(url: str) -> None:
    import orjson

    _write_with(orjson.loads, url)


def write_pandas(url: str) -> None:
    import orjson
    import pandas

    rows = _data(orjson.loads)
    while part := list(itertools.islice(rows, _ROWS)):
        _post(url, pandas.DataFrame(part).to_csv(index=False).encode())


def write_polars(url: str) -> None:
    import orjson
    import polars

    rows = _data(orjson.loads)
    while part := list(itertools.islice(rows, _ROWS)):
        _post(url, polars.DataFrame(part, infer_schema_length=None).write_csv().encode())


def write_duckdb(url: str) -> None:
    import duckdb

    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder, "given.jsonl"), Path(folder, "rows.csv")
        with given.open("wb") as file:
            _save(sys.stdin.buffer, file)
        rows = f"SELECT unnest(record.data) FROM read_ndjson('{given}', sample_size=-1) WHERE type = 'RECORD'"
        duckdb.sql(f"COPY ({rows}) TO '{made}' (HEADER)")
        _post(url, made.read_bytes())


def write_dlt(url: str) -> None:
    import orjson

    del url
    _load(_data(orjson.loads), "csv")


READING = {
    "csv + json": read_by_hand,
    "pandas": read_pandas,
    "polars": read_polars,
    "duckdb": read_duckdb,
    "dlt": read_dlt,
}
WRITING = {
    "csv + json": write_by_hand,
    "orjson + csv": write_orjson,
    "pandas": write_pandas,
    "polars": write_polars,
    "duckdb": write_duckdb,
    "dlt": write_dlt,
}

if __name__ == "__main__":
    if sys.argv[1] == "read":
        READING[sys.argv[2]](*sys.argv[3:])
    else:
        WRITING[sys.argv[2]](*sys.argv[3:])

"""Reading, measured: source-pigment beside the plain way and the floor, from a local server. `ROWS=… TIMES=…`."""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from measure import Way, compare

from local_pigment.blocks import ListBlock, Property, ValueType
from local_pigment.sample import PLANNING, planning_model
from local_pigment.server import LocalPigment
from local_pigment.workspace import new_id

ROWS = int(os.environ.get("ROWS", "1000000"))
TIMES = int(os.environ.get("TIMES", "3"))
TEXTS = ("Entry", "Account", "Department", "Month", "Memo")
NUMBERS = ("Net", "Tax", "Gross")
HEADER = ";".join((*TEXTS, *NUMBERS)) + "\r\n"


def chunk_of(rows: int) -> bytes:
    """Rows of 5 texts and 3 numbers, some cells quoted with delimiters, quotes and line breaks in them."""
    chance = random.Random(1)

    def memo() -> str:
        draw = chance.random()
        if draw < 0.03:
            return '"a; ""quoted"" memo"'
        return '"two\r\nlines"' if draw < 0.05 else chance.choice(["", "invoice", "accrual", "correction 4711"])

    lines = [
        f"E{number:07d};{chance.randrange(10**6):06d};Department {chance.randrange(40)};"
        f"{chance.choice(('Jan', 'Feb', 'Mar'))} 26;{memo()};{chance.randrange(10**6)}.{chance.randrange(100):02d};"
        f"{chance.randrange(1000)}.5;{chance.randrange(10**7)}.333333333333333333\r\n"
        for number in range(rows)
    ]
    return "".join(lines).encode()


def main() -> None:
    """Serve, then run all ways in turn."""
    chunk, per_chunk = chunk_of(10_000), 10_000

    def body() -> Iterator[bytes]:
        yield HEADER.encode()
        for _ in range(ROWS // per_chunk):
            yield chunk

    workspace = planning_model(ledger_rows=1)
    workspace.variants.gzip = False
    properties = [
        Property(name, ValueType.NUMBER if name in NUMBERS else ValueType.TEXT) for name in (*TEXTS, *NUMBERS)
    ]
    workspace.application(PLANNING).put(ListBlock(new_id("big"), "Big", properties, False, stream=body))
    schema = {
        "properties": {
            name: {"type": ["null", "number" if name in NUMBERS else "string"]} for name in (*TEXTS, *NUMBERS)
        }
    }
    catalog = {
        "streams": [
            {
                "stream": {"name": "Big", "json_schema": schema, "supported_sync_modes": ["full_refresh"]},
                "sync_mode": "full_refresh",
                "destination_sync_mode": "append",
            }
        ]
    }
    with LocalPigment(workspace) as pigment, tempfile.TemporaryDirectory() as folder:
        config = {
            "credentials": {"auth_type": "single_key", "api_key": workspace.secret("all")},
            "application_id": workspace.application(PLANNING).id,
            "base_url": pigment.url,
            "list_id": new_id("big"),
            "schema": schema,
        }
        files = {"config": config, "catalog": catalog}
        paths = {name: Path(folder, f"{name}.json") for name in files}
        for name, value in files.items():
            paths[name].write_text(json.dumps(value), encoding="utf-8")
        given = ["read", "--config", str(paths["config"]), "--catalog", str(paths["catalog"])]
        here, binaries = Path(__file__).parent, Path(sys.executable).parent
        floor = (
            "import sys,urllib.request as u;r=u.urlopen(u.Request(sys.argv[1],b'{}',{'Content-Type':'application/json',"
            "'Authorization':'Bearer '+sys.argv[2]}));n=0\nwhile c:=r.read(1<<16): n+=c.count(b'\\n')"
        )
        url = f"{pigment.url}/api/v1/export/list/{new_id('big')}"
        ways = [
            Way("source-pigment", [str(binaries / "source-pigment"), *given]),
            Way("AbstractSource + DictReader", [sys.executable, str(here / "plain_source.py"), *given]),
            Way("floor: receive and count", [sys.executable, "-c", floor, url, workspace.secret("all")]),
        ]
        compare(ways, rows=ROWS // per_chunk * per_chunk, times=TIMES, environment={})


if __name__ == "__main__":
    main()

"""Writing, measured: destination-pigment beside the stock way and the floor. `ROWS=… TIMES=…`."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from measure import Way, compare

from local_pigment.http_messages import Request, Response, as_json
from local_pigment.server import Server
from local_pigment.workspace import new_id

ROWS = int(os.environ.get("ROWS", "500000"))
TIMES = int(os.environ.get("TIMES", "3"))
TEXTS = ("account", "department", "entry", "memo", "month")
NUMBERS = ("gross", "net", "tax")


class Sink:
    """Takes whatever is posted and calls every import completed: here the connector is measured, not Pigment."""

    def __init__(self) -> None:
        self.bytes = 0

    def __call__(self, request: Request) -> Response:
        self.bytes += len(request.body.read())
        if request.method == "POST":
            return as_json({"importId": new_id("import")})
        return as_json({"importId": new_id("import"), "createdAt": "2026-01-01T00:00:00Z", "importStatus": "Completed"})


def write_messages(path: Path) -> None:
    """RECORD lines of 5 texts and 3 numbers, and one STATE."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(ROWS):
            data: dict[str, Any] = {
                "entry": f"E{number:07d}",
                "account": f"{number % 100:06d}",
                "department": f"Department {number % 40}",
                "month": "Apr 26",
                "memo": ['a; "quoted" memo', "two\r\nlines", "invoice", None][
                    number % 100 % 4 if number % 10 == 0 else 2
                ],
            }
            text = json.dumps(data, separators=(",", ":"))[:-1]
            file.write(
                f'{{"type":"RECORD","record":{{"stream":"Big","emitted_at":1,"data":{text},"net":{number}.25,'
                f'"tax":{number % 100}.5,"gross":{number}.333333333333333333}}}}}}\n'
            )
        state = {"type": "STREAM", "stream": {"stream_descriptor": {"name": "Big"}}, "id": 1}
        file.write(json.dumps({"type": "STATE", "state": state}) + "\n")


def main() -> None:
    """Serve, then run all ways in turn."""
    from threading import Thread  # noqa: PLC0415 - the server is all it is for

    server = Server(("127.0.0.1", 0), Sink(), None)
    Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    schema = {
        "properties": {
            name: {"type": ["null", "number" if name in NUMBERS else "string"]} for name in (*TEXTS, *NUMBERS)
        }
    }
    stream = {"name": "Big", "json_schema": schema, "supported_sync_modes": ["full_refresh"]}
    catalog = {"streams": [{"stream": stream, "sync_mode": "full_refresh", "destination_sync_mode": "append"}]}
    config = {
        "credentials": {"auth_type": "single_key", "api_key": "pgmt_bench"},
        "base_url": url,
        "sink": url,
        "targets": [{"stream": "Big", "import_configuration_id": new_id("configuration")}],
    }
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder, f"{name}.json") for name in ("config", "catalog")}
        paths["config"].write_text(json.dumps(config), encoding="utf-8")
        paths["catalog"].write_text(json.dumps(catalog), encoding="utf-8")
        messages = Path(folder, "messages")
        write_messages(messages)
        given = ["write", "--config", str(paths["config"]), "--catalog", str(paths["catalog"])]
        here, binaries = Path(__file__).parent, Path(sys.executable).parent
        floor = "import sys\nfor line in sys.stdin.buffer: sys.stdout.buffer.write(line)"
        ways = [
            Way("destination-pigment", [str(binaries / "destination-pigment"), *given], messages),
            Way("Destination + DictWriter", [sys.executable, str(here / "stock_destination.py"), *given], messages),
            Way("floor: lines in, lines out", [sys.executable, "-c", floor], messages),
        ]
        compare(ways, rows=ROWS, times=TIMES, environment={})
    server.shutdown()


if __name__ == "__main__":
    main()

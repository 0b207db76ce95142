"""The server and its bucket; objects are files in a folder, which can be read without S3."""

from __future__ import annotations

import csv
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local_bucket.front import Faults, Front

NAME = "rejected-rows"
KEY_ID, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"
ROLE_KEY_ID, ROLE_SECRET = "ASIAIOSFODNN7EXAMPLE", "je7MtGbClwBFd2Zp9UtkhX3yCo8nvbEXAMPLEKEY"
ROLE_ARN = "arn:aws:iam::123456789012:role/rejected-rows"

_START_SECONDS = 20.0


class LocalBucket:
    """A bucket named `rejected-rows`; use it as a context. A fault that was queued and not met fails."""

    def __init__(self) -> None:
        self.faults = Faults()
        self._folder = tempfile.TemporaryDirectory(prefix="local-bucket-")
        self.root = Path(self._folder.name)
        (self.root / NAME).mkdir()

    def __enter__(self) -> Self:
        port = _free_port()
        self._process = subprocess.Popen(
            [
                str(Path(sys.executable).parent / "rclone"),
                *("serve", "s3", "--addr", f"127.0.0.1:{port}", "--config", "/dev/null", "--vfs-cache-mode", "off"),
                *("--auth-key", f"{KEY_ID},{SECRET}", "--auth-key", f"{ROLE_KEY_ID},{ROLE_SECRET}"),
                str(self.root),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _wait_for(port)
        self.front = Front(port, self.faults, (ROLE_ARN, ROLE_KEY_ID, ROLE_SECRET))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.front.shutdown()
        self.front.server_close()
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()
        if kind is None and self.faults.unmet:
            raise AssertionError(f"faults that nothing met: {self.faults.unmet}")

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.front.server_address[1]}"

    def config(self, **more: Any) -> dict[str, Any]:
        """What a form says of it; what is None is left out."""
        given = {
            "storage_type": "S3",
            "s3_bucket_name": NAME,
            "s3_bucket_region": "eu-west-1",
            "bucket_path": "pigment/rejected",
            "access_key_id": KEY_ID,
            "secret_access_key": SECRET,
            "s3_endpoint": self.endpoint,
        }
        return {name: value for name, value in {**given, **more}.items() if value is not None}

    def objects(self) -> dict[str, bytes]:
        """What lies in the bucket, by name."""
        bucket = self.root / NAME
        return {
            str(file.relative_to(bucket)): file.read_bytes() for file in sorted(bucket.rglob("*")) if file.is_file()
        }

    def rows(self, *, counts: bool = False) -> list[dict[str, str]]:
        """The rows of all files, or all that is only counted."""
        return [
            row
            for name, content in self.objects().items()
            if name.endswith("_counts.csv") == counts
            for row in csv.DictReader(content.decode().splitlines(keepends=True))
        ]


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def _wait_for(port: int) -> None:
    until = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return

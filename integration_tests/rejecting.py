"""A destination that writes rejected rows to a bucket, and what comes of it."""

from __future__ import annotations

import os
import time
from typing import Any

from airbyte_platform.endings import Succeeded
from airbyte_platform.process import Run
from connectors import Runner
from local_bucket.server import LocalBucket
from writing import (
    LEDGER,
    catalog,
    imports,
    write,
)

# What the machine of the tests is known as in AWS is nobody's business.
NOBODY = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


def stored(runner: Runner, bucket: LocalBucket, messages: list[Any], configured: Any = None, **config: Any) -> Run:
    """Run `write` with the bucket."""
    runner.environment |= NOBODY
    config = {"object_storage_config": bucket.config(), **config}
    return write(runner, messages, configured, **config)


def delivered(runner: Runner, bucket: LocalBucket, *parts: list[Any]) -> Run:
    """Send the first part in files of three rows, and the second once the first file is pushed."""
    runner.environment |= NOBODY
    delivery = runner.deliver(catalog(), max_file_rows=3, object_storage_config=bucket.config())
    delivery.send_messages(*parts[0])
    while not imports(runner):
        time.sleep(0.02)
    delivery.send_messages(*parts[1])
    return delivery.end(Succeeded())


def counts(run: Run) -> list[tuple[int, float, float]]:
    return [
        (each["id"], each["destinationStats"]["recordCount"], each["destinationStats"]["rejectedRecordCount"])
        for each in run.states
    ]


def unknown_items(destination: Runner, **more: Any) -> list[dict[str, Any]]:
    list_id = destination.pigment.workspace.block("Departments", "Planning").id
    return [{"stream": LEDGER, "column": "Department", "list_id": list_id, "on_unknown": "skip", **more}]

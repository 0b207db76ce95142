"""Whether the bucket can be written: a file is, and is removed again."""

from __future__ import annotations

import logging
from collections.abc import Callable

from destination_pigment.rejected_rows.failures import BucketFailed
from destination_pigment.rejected_rows.layout import ObjectNames
from destination_pigment.rejected_rows.settings import Bucket
from destination_pigment.rejected_rows.store import Objects
from pigment_airbyte.failures import ConfigProblem
from pigment_client.http.clock import Clock

logger = logging.getLogger("airbyte.pigment.destination")


def probe_bucket(bucket: Bucket, opened: Callable[[Bucket], Objects], clock: Clock) -> str:
    """What was found; raises `ConfigProblem` where the bucket cannot be written."""
    name = ObjectNames.of_attempt(bucket.path, None, clock.now()).probe()
    try:
        objects = opened(bucket)
        _put_patiently(objects, name, clock)
    except BucketFailed as failed:
        cause, advice = failed.cause, failed.advice
    else:
        return f'Rejected rows go to the bucket "{bucket.name}"{_left(objects, name)}.'
    raise ConfigProblem(
        f'The bucket "{bucket.name}" under "Storage of rejected rows" cannot be written, because {cause}: {advice}.'
    )


def _put_patiently(objects: Objects, name: str, clock: Clock) -> None:
    # Somebody waits for the result: one more try is enough.
    try:
        objects.put(name, b"")
    except BucketFailed as failed:
        if not failed.is_passing:
            raise
        clock.sleep(clock.random())
        objects.put(name, b"")


def _left(objects: Objects, name: str) -> str:
    """What to say of a key that may write and not delete, which is enough for a sync."""
    try:
        objects.remove(name)
    except BucketFailed as failed:
        logger.warning('The file "%s" could not be removed, because %s: remove it by hand.', name, failed.cause)
        return f', where the file "{name}" of this test stays, because {failed.cause}'
    return ""

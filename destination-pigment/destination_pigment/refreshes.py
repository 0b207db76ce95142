"""What an error means for a refresh: Airbyte does not ask for it again, and the next sync adds to the block.

The request to refresh is gone once its job is created, and the state of the source with it: an ordinary sync after a
refresh that failed sends all rows again, through the import configuration that adds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from destination_pigment.input.cancel import Cancelled
from destination_pigment.input.catalog import DestinationStream
from pigment_airbyte.failures import explain


@contextmanager
def advising_to_refresh_again(streams: Sequence[DestinationStream]) -> Iterator[None]:
    """Add to whatever is raised inside which streams must be refreshed again; nothing where none is refreshed."""
    refreshed = " and the ".join(each.subject for each in streams if each.is_refreshed)
    try:
        yield
    except Cancelled:
        raise
    except Exception as error:
        if not refreshed:
            raise
        failure = explain(error)
        raise AirbyteTracedException(
            message=(
                f"{failure.message} This was a refresh of the {refreshed}: if Airbyte does not try it again by itself, "
                "refresh again, removing the records, before any other sync, which would add all rows once more."
            ),
            internal_message=failure.internal,
            failure_type=failure.type,
        ) from None

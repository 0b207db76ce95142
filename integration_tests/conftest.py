"""Both connectors loaded once for all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airbyte_platform.warm import Warm


@pytest.fixture(scope="session")
def warm_source() -> Iterator[Warm]:
    with Warm("source_pigment.run") as warm:
        yield warm


@pytest.fixture(scope="session")
def warm_destination() -> Iterator[Warm]:
    with Warm("destination_pigment.run") as warm:
        yield warm

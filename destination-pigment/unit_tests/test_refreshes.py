"""An error of a refresh says that it must be started again."""

from __future__ import annotations

import pytest
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from destination_pigment.ending import advising_to_refresh_again
from destination_pigment.input.cancel import Cancel, Cancelled
from destination_pigment.input.catalog import DestinationStream, WriteMode
from pigment_airbyte.failures import ConfigProblem, TransientProblem

REFRESHED = DestinationStream(None, "Ledger", WriteMode.REPLACE, ("a",), is_refreshed=True)
OTHER = DestinationStream(None, "Other", WriteMode.REPLACE, ("a",))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConfigProblem("It is wrong."), FailureType.config_error),
        (TransientProblem("It is wrong."), FailureType.transient_error),
        (
            AirbyteTracedException(message="It is wrong.", failure_type=FailureType.config_error),
            FailureType.config_error,
        ),
        (ZeroDivisionError(), FailureType.system_error),
    ],
    ids=repr,
)
def test_every_error_names_what_was_refreshed(error: Exception, kind: FailureType) -> None:
    with pytest.raises(AirbyteTracedException) as raised, advising_to_refresh_again([OTHER, REFRESHED], Cancel()):
        raise error
    assert raised.value.failure_type is kind
    assert 'This was a refresh of the stream "Ledger": ' in (raised.value.message or "")


def test_where_nothing_is_refreshed_an_error_stays_as_it_is() -> None:
    with pytest.raises(ConfigProblem, match=r"^It is wrong\.$"), advising_to_refresh_again([OTHER], Cancel()):
        raise ConfigProblem("It is wrong.")


def test_a_cancel_is_no_error() -> None:
    with pytest.raises(Cancelled), advising_to_refresh_again([REFRESHED], Cancel()):
        raise Cancelled


@pytest.mark.parametrize(
    ("streams", "is_stopped", "is_said"), [((REFRESHED,), 1, 1), ((REFRESHED,), 0, 0), ((OTHER,), 1, 0)]
)
def test_a_refresh_that_is_stopped_says_so_in_the_log(
    streams: tuple[DestinationStream, ...], is_stopped: bool, is_said: bool, caplog: pytest.LogCaptureFixture
) -> None:
    cancel = Cancel()
    with advising_to_refresh_again(streams, cancel):
        if is_stopped:
            cancel.request()
    assert ("before any other sync, which would add all rows once more" in caplog.text) == is_said

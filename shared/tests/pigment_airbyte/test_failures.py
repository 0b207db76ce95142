"""Every error says whose turn it is and what to do, and says nothing of keys, bodies or rows."""

from __future__ import annotations

import logging

import pytest
from airbyte_cdk.models import FailureType, Status
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from pigment_airbyte.check import status_of
from pigment_airbyte.failures import ConfigProblem, TransientProblem, explain, explained, traced
from pigment_client import errors
from pigment_client.errors import PigmentError
from pigment_client.keys import Purpose

SECRET = "pgmt_secret-and-a-row;with;values"


def every_error() -> list[type[PigmentError]]:
    found: list[type[PigmentError]] = []
    open_ends: list[type[PigmentError]] = [PigmentError]
    while open_ends:
        error = open_ends.pop()
        found.append(error)
        open_ends.extend(error.__subclasses__())
    return found


def make(error: type[PigmentError], purpose: Purpose | None = None) -> PigmentError:
    if error is errors.ImportFailed:
        return errors.ImportFailed("import", object_id="0000-1", names=("WrongDelimiter",))
    return error("export table", object_id="0000-1", status=400, purpose=purpose)


@pytest.mark.parametrize("purpose", [None, *Purpose])
@pytest.mark.parametrize("error", every_error())
def test_every_error_has_advice_in_one_sentence(error: type[PigmentError], purpose: Purpose | None) -> None:
    message = explain(make(error, purpose), subject='table "P&L"').message

    assert message.endswith(".")
    assert ": " in message, "what happened, a colon, what to do"
    assert "None" not in message
    assert "  " not in message


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.KeyMissing, FailureType.config_error),
        (errors.KeyRejected, FailureType.config_error),
        (errors.PermissionMissing, FailureType.config_error),
        (errors.NotFound, FailureType.config_error),
        (errors.RequestRejected, FailureType.config_error),
        (errors.TooLarge, FailureType.config_error),
        (errors.CertificateRejected, FailureType.config_error),
        (errors.ImportFailed, FailureType.config_error),
        (errors.LimitReached, FailureType.transient_error),
        (errors.Unavailable, FailureType.transient_error),
        (errors.BrokenOff, FailureType.transient_error),
        (errors.ImportOutcomeUnknown, FailureType.transient_error),
        (errors.ResponseNotUnderstood, FailureType.system_error),
    ],
)
def test_the_type_says_whose_turn_it_is(error: type[PigmentError], expected: FailureType) -> None:
    assert explain(make(error)).type == expected


@pytest.mark.parametrize(
    ("purpose", "word"),
    [(Purpose.METADATA, "Modeling Metadata"), (Purpose.EXPORT, '"Export"'), (Purpose.IMPORT, '"Import"')],
)
def test_a_missing_permission_is_named(purpose: Purpose, word: str) -> None:
    assert word in explain(errors.PermissionMissing("list blocks", status=403, purpose=purpose)).message


def test_a_block_that_may_not_be_exported_says_nothing_of_the_key_alone() -> None:
    error = errors.PermissionMissing("export table", status=403, purpose=Purpose.EXPORT.value)
    assert explain(error, subject='table "P&L"').message == (
        'Pigment does not let the API key export the table "P&L" (HTTP 403): share it with the owner of the key in '
        'Pigment, or, if nothing can be read, enter a key with the type "Export" under "Authentication".'
    )


@pytest.mark.parametrize("purpose", Purpose)
def test_a_rejected_key_may_lack_its_type(purpose: Purpose) -> None:
    """Pigment answers 401 as well as 403 for a type that a key lacks."""
    message = explain(errors.KeyRejected("list blocks", status=401, purpose=purpose.value)).message
    assert f'copied whole, that it has the type "{purpose}", that it has not expired' in message


def test_a_missing_block_leads_to_a_refreshed_schema() -> None:
    message = explain(
        errors.NotFound("export list", status=404, purpose=Purpose.EXPORT), subject='list "Months"'
    ).message

    assert 'list "Months"' in message
    assert "refresh the schema" in message


def test_our_own_sentences_go_through_unchanged() -> None:
    assert explain(ConfigProblem("Do this.")).message == "Do this."
    assert explain(ConfigProblem("Do this.")).type == FailureType.config_error
    assert explain(TransientProblem("Wait.")).type == FailureType.transient_error


def raise_with_secret(outer: type[Exception]) -> None:
    try:
        raise ValueError(SECRET)
    except ValueError as cause:
        raise outer(SECRET) from cause


@pytest.mark.parametrize("unexpected", [ValueError, KeyError, UnicodeError, RuntimeError])
def test_the_text_of_a_foreign_exception_is_never_shown(unexpected: type[Exception]) -> None:
    with pytest.raises(AirbyteTracedException) as caught, explained():
        raise_with_secret(unexpected)

    shown = str(caught.value.as_airbyte_message()) + str(caught.value) + (caught.value.internal_message or "")
    assert SECRET not in shown
    assert unexpected.__name__ in shown, "the type is kept for those who repair it"
    assert "raise_with_secret" in shown, "and the place"


def test_a_failure_can_name_its_stream() -> None:
    message = traced(errors.BrokenOff("export table"), stream="P&L").as_airbyte_message()

    assert message.trace is not None
    assert message.trace.error is not None
    assert message.trace.error.stream_descriptor is not None
    assert message.trace.error.stream_descriptor.name == "P&L"


def test_a_connection_test_ends_in_one_status_whatever_happens(caplog: pytest.LogCaptureFixture) -> None:
    def fail(error: Exception) -> str:
        raise error

    for error in (ConfigProblem("Do this."), errors.Unavailable(host="pigment.app"), ValueError(SECRET)):
        status = status_of(lambda error=error: fail(error), logging.getLogger("check"))
        assert status.status is Status.FAILED
        assert status.message
        assert SECRET not in status.message + caplog.text


def test_a_connection_test_that_found_nothing_wrong_says_what_it_looked_at() -> None:
    status = status_of(lambda: "All is there.", logging.getLogger("check"))
    assert (status.status, status.message) == (Status.SUCCEEDED, "All is there.")


@pytest.mark.parametrize("obstacle", [*errors.Obstacle, None])
def test_what_stands_in_the_way_is_named_with_the_host(obstacle: errors.Obstacle | None) -> None:
    message = explain(
        errors.Unavailable("list blocks", host="pigment.app" if obstacle else None, obstacle=obstacle)
    ).message
    assert obstacle is None or "pigment.app" in message
    assert "Obstacle" not in message

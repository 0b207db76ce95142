"""Without a folder for temporary files there is one sentence, and no search through a trace."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from pigment_airbyte.disk import check_temporary_folder
from pigment_airbyte.failures import TransientProblem


@pytest.mark.parametrize("error", [FileNotFoundError(2, "none"), PermissionError(13, "no"), OSError(27, "too large")])
def test_where_there_is_none_that_is_said(error: OSError, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> str:
        raise error

    monkeypatch.setattr(tempfile, "gettempdir", broken)
    with pytest.raises(TransientProblem, match="no folder for temporary files that it can write to"):
        check_temporary_folder()


def test_where_there_is_one_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    check_temporary_folder()

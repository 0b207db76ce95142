"""What the form says, as values."""

from __future__ import annotations

from typing import Any

import pytest

from destination_pigment.config import CountBlocks, DeletedRows, TargetEntry, parse_config
from pigment_airbyte.failures import ConfigProblem

ID, BLOCK = "1" * 8 + "-0000-4000-8000-" + "1" * 12, "2" * 8 + "-0000-4000-8000-" + "2" * 12
SINGLE = {"auth_type": "single_key", "api_key": "pgmt_x"}
SEPARATE = {"auth_type": "separate_keys", "import_api_key": "pgmt_x"}


def entry(**more: Any) -> TargetEntry:
    target = {"stream": "s", "import_configuration_id": ID, **more}
    return parse_config({"credentials": SINGLE, "targets": [target]}).targets[0]


def test_what_is_left_empty_is_not_set() -> None:
    empty = dict.fromkeys(
        ["scope", "minimum_rows", "minimum_percent", "block_id", "load_order", "replace_import_configuration_id"], ""
    )
    assert entry(**empty) == entry() == TargetEntry("s", None, ID, loading=entry().loading)


def test_no_rows_and_nothing_said_of_rows_are_different() -> None:
    assert (entry(minimum_rows=0).minimum_rows, entry().minimum_rows) == (0, None)


def test_a_target_has_what_is_entered() -> None:
    assert entry(scope=" Month ", minimum_rows=5, load_order=3) == TargetEntry(
        "s", None, ID, minimum_rows=5, scope="Month", step=3, loading=entry().loading
    )
    share = entry(clears_before_import=True, minimum_percent=80, block_id=f"https://pigment.app/list/{BLOCK}")
    assert (share.minimum_percent, share.block_id) == (80, BLOCK)


def test_protected_values_of_a_column_are_put_together() -> None:
    entries = [{"column": " Month ", "values": ["Dec 25"]}, {"column": "Month", "values": ["Jan 26", " "]}]
    assert entry(protected_values=entries).protected == {"Month": {"Dec 25", "Jan 26", " "}}


@pytest.mark.parametrize("incomplete", [{"column": " ", "values": ["Dec 25"]}, {"column": "Month", "values": [""]}])
def test_protected_values_need_a_column_and_values(incomplete: dict[str, Any]) -> None:
    with pytest.raises(ConfigProblem, match='of "Protected values" of the target "s" has no column or no values'):
        entry(protected_values=[incomplete])


@pytest.mark.parametrize("empty", [{}, {"deleted_rows": "", "count_blocks": "", "upload": ""}])
def test_choices_are_made_for_what_is_left_empty(empty: dict[str, str]) -> None:
    settings = parse_config({"credentials": SINGLE, **empty})
    assert (settings.deleted_rows, settings.count_blocks) == (DeletedRows.REPORT, CountBlocks.IN_DOUBT)


def test_choices_are_taken() -> None:
    settings = parse_config({"credentials": SINGLE, "deleted_rows": "mark", "count_blocks": "never"})
    assert (settings.deleted_rows, settings.count_blocks) == (DeletedRows.MARK, CountBlocks.NEVER)


@pytest.mark.parametrize(
    ("credentials", "is_fine"),
    [(SINGLE, True), (SEPARATE, False), ({**SEPARATE, "export_api_key": "pgmt_y"}, True)],
)
def test_a_share_of_rows_needs_a_key_that_counts(credentials: dict[str, str], is_fine: bool) -> None:
    target = {"stream": "s", "import_configuration_id": ID, "minimum_percent": 80, "block_id": BLOCK}
    config = {"credentials": credentials, "targets": [target]}
    if is_fine:
        parse_config(config)
    else:
        with pytest.raises(ConfigProblem, match="without an Export key"):
            parse_config(config)

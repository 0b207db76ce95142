"""Dimension checks: which columns are compared, and that those not configured never stop anything."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from destination_pigment.config import DimensionCheck, OnUnknown, parse_config
from destination_pigment.files import dimension_checks as module
from destination_pigment.files.dimension_checks import CheckedColumn, DimensionLists, build_checks
from destination_pigment.input.catalog import DestinationStream, WriteMode
from destination_pigment.targets import Target, shared_blocks
from pigment_airbyte.failures import ConfigProblem
from pigment_client.errors import BrokenOff, KeyRejected, NotFound, PermissionMissing, PigmentError, Unavailable
from pigment_client.keys import Purpose
from pigment_client.models import Block, BlockType, Column, ExportRequest, ImportConfiguration

APPLICATION = "0" * 8 + "-0000-4000-8000-" + "0" * 12
CITIES, TEAMS = "1" * 8 + "-0000-4000-8000-" + "1" * 12, "2" * 8 + "-0000-4000-8000-" + "2" * 12
BLOCKS = [
    Block(CITIES, "Cities", BlockType.DIMENSION_LIST),
    Block(TEAMS, "Teams", BlockType.DIMENSION_LIST),
    Block("m", "Teams of 2025", BlockType.METRIC),
]


def stream_of(*columns: str, name: str = "s") -> DestinationStream:
    return DestinationStream(None, name, WriteMode.APPEND, columns)


def configuration_of(*columns: Column, target: str | None = None) -> ImportConfiguration:
    return ImportConfiguration("c", "C", target, columns)


class Pigment:
    """Has the lists of two dimensions; `exported` are those that were asked for."""

    def __init__(self, error: Exception | None = None, *, exports: bool = True, blocks: Any = BLOCKS) -> None:
        self.exported: list[str] = []
        self._error = error
        self._exports = exports
        self._blocks = blocks

    def has_key_for(self, purpose: Purpose) -> bool:
        return purpose is not Purpose.EXPORT or self._exports

    def list_blocks(self, _application_id: str, **_: Any) -> list[Block]:
        if isinstance(self._blocks, Exception):
            raise self._blocks
        return list(self._blocks)

    def export(self, request: ExportRequest, consume: Callable[[Any], Any], **_: Any) -> Any:
        self.exported.append(request.id)
        if self._error is not None:
            raise self._error
        return consume([b"Name\r\nParis\r\nLy", b"on\r\n" if request.id == CITIES else b"on"])


def checks_of(
    pigment: Pigment, streams: Sequence[DestinationStream], configuration: ImportConfiguration | None, *given: str
) -> list[CheckedColumn]:
    configured = tuple(DimensionCheck("s", column, CITIES, OnUnknown.SKIP) for column in given)
    settings = replace(parse_config({"application_id": APPLICATION}), dimension_checks=configured)
    found = build_checks(pigment, settings, streams, {each.key: configuration for each in streams})  # type: ignore[arg-type] # stands in
    return [check for each in streams for check in found[each.key]]


def test_columns_with_items_that_are_not_created_are_reported() -> None:
    pigment = Pigment()
    configuration = configuration_of(
        Column("city", dimension_ref=CITIES),
        Column("team", dimension_ref=TEAMS, auto_create=True),
        Column("amount"),
        Column("elsewhere", dimension_ref=TEAMS),
        Column("by name", dimension_ref="Teams"),
        Column("given", dimension_ref=TEAMS),
    )
    found = checks_of(pigment, [stream_of("amount", "by name", "city", "given", "team")], configuration, "given")

    assert [(each.column, each.items, each.on_unknown) for each in found] == [
        ("given", {"Paris", "Lyon"}, OnUnknown.SKIP),
        ("city", {"Paris", "Lyon"}, OnUnknown.REPORT),
        ("by name", {"Paris", "Lyon"}, OnUnknown.REPORT),
    ]
    assert pigment.exported == [CITIES, TEAMS]
    assert found[0].rows_to_skip(["Paris", "Nice", None, ""]) == [1]
    assert found[1].rows_to_skip(["Paris", "Nice", None, ""]) == []
    assert found[1].unknown == {"Nice": 1}


def test_a_list_is_exported_once_for_all_streams() -> None:
    pigment = Pigment()
    streams = [stream_of("city", name="a"), stream_of("city", name="b")]
    assert len(checks_of(pigment, streams, configuration_of(Column("city", dimension_ref=CITIES)))) == 2
    assert pigment.exported == [CITIES]


@pytest.mark.parametrize("configuration", [None, ImportConfiguration("c", "C"), configuration_of()])
def test_without_richer_metadata_nothing_is_asked(
    configuration: ImportConfiguration | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    pigment = Pigment(exports=False, blocks=AssertionError())
    assert checks_of(pigment, [stream_of("city")], configuration) == []
    assert caplog.messages == []


@pytest.mark.parametrize("error", [None, PermissionMissing("export list"), KeyRejected("export list")])
def test_a_key_that_does_not_export_costs_one_line(
    error: PigmentError | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    pigment = Pigment(error, exports=error is not None)
    configuration = configuration_of(Column("city", dimension_ref=CITIES), Column("team", dimension_ref=TEAMS))

    assert checks_of(pigment, [stream_of("city", "team")], configuration) == []
    (said,) = caplog.messages
    assert said.startswith("Not compared with the items of their dimension lists before the push, because no key")
    assert said.endswith('("Export key") is entered: "city" of the stream "s", "team" of the stream "s".')
    assert len(pigment.exported) == (error is not None)


@pytest.mark.parametrize("error", [NotFound("export list"), Unavailable("export list"), BrokenOff("export list")])
def test_a_list_that_cannot_be_read_is_a_warning(error: PigmentError, caplog: pytest.LogCaptureFixture) -> None:
    pigment = Pigment(error)
    streams = [stream_of("city", name="a"), stream_of("city", name="b")]

    assert checks_of(pigment, streams, configuration_of(Column("city", dimension_ref=CITIES))) == []
    assert [each.levelname for each in caplog.records] == ["WARNING"]
    assert caplog.messages[0].startswith('The items of the dimension list "Cities" were not read, so nothing is')
    assert pigment.exported == [CITIES]


def test_a_list_of_an_unknown_name_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    pigment = Pigment(blocks=Unavailable("list blocks"))
    assert checks_of(pigment, [stream_of("city")], configuration_of(Column("city", dimension_ref="Cities"))) == []
    assert caplog.messages[-1].startswith('The items of the dimension list "Cities" were not read')
    assert caplog.messages[-1].endswith("its ID is not known.")
    assert pigment.exported == []


def test_a_list_that_is_too_long_is_not_kept(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ITEMS", 1)
    assert checks_of(Pigment(), [stream_of("city")], configuration_of(Column("city", dimension_ref=CITIES))) == []
    assert caplog.messages[0].endswith("it has more than 1 items.")


@pytest.mark.parametrize("target", [CITIES, "Cities"])
def test_a_list_that_the_sync_fills_itself_is_not_compared(target: str) -> None:
    pigment = Pigment()
    configuration = configuration_of(Column("city", dimension_ref=CITIES), target=target)
    assert checks_of(pigment, [stream_of("city")], configuration) == []
    assert pigment.exported == []


def test_a_list_that_ends_inside_a_row_is_one_that_broke_off() -> None:
    class BrokenOffPigment(Pigment):
        def export(self, _request: ExportRequest, consume: Callable[[Any], Any], **_: Any) -> Any:
            return consume([b'Name;x\r\nParis;1\r\n"Ly'])

    with pytest.raises(BrokenOff):
        DimensionLists(BrokenOffPigment(), None).items(CITIES)  # type: ignore[arg-type] # stands in


@pytest.mark.parametrize(
    ("modes", "targets", "count"),
    [
        ((WriteMode.REPLACE, WriteMode.APPEND), ("Ledger", "Ledger"), 1),
        ((WriteMode.REPLACE, WriteMode.REPLACE), ("Ledger", "Ledger"), 1),
        ((WriteMode.APPEND, WriteMode.APPEND), ("Ledger", "Ledger"), 0),
        ((WriteMode.REPLACE, WriteMode.APPEND), ("Ledger", "Other"), 0),
        ((WriteMode.REPLACE, WriteMode.APPEND), (None, None), 0),
    ],
)
def test_streams_that_share_a_block_are_named(
    modes: tuple[WriteMode, WriteMode], targets: tuple[str | None, str | None], count: int
) -> None:
    streams = [DestinationStream(None, name, mode, ("a",)) for name, mode in zip("ab", modes, strict=True)]
    known = [ImportConfiguration(name, name, block) for name, block in zip("ab", targets, strict=True)]
    of_streams = {
        each.key: Target(each.name, each.name if each.mode is WriteMode.REPLACE else None) for each in streams
    }
    sentences = shared_blocks(streams, of_streams, known)
    assert len(sentences) == count
    assert all('The stream "a" and the stream "b" fill the same block, "Ledger"' in each for each in sentences)


def test_a_shared_block_is_also_known_by_the_ids_in_the_targets() -> None:
    streams = [DestinationStream(None, name, WriteMode.APPEND, ("a",)) for name in "abc"]
    targets = [Target("a", "a", block_id="x"), Target("b", block_id="x"), Target("c", block_id="y")]
    of_streams = {each.key: target for each, target in zip(streams, targets, strict=True)}
    (sentence,) = shared_blocks(streams, of_streams, [])
    assert 'The stream "a" and the stream "b" fill the same block, "x"' in sentence


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (Target("a", "a"), Target("b"), "what overwrites it deletes what the other has put there."),
        (Target("a", "a"), Target("b", "b", scope="Month"), "what overwrites it deletes"),
        (Target("a", "a", scope="Month"), Target("b"), 'what has the scope "Month" deletes what the other'),
        (Target("a", "c", scope="Month"), Target("b", "b", scope="Entity"), 'the scope "Entity" and "Month" deletes'),
    ],
)
def test_a_scope_deletes_only_rows_of_its_values_in_a_shared_block(first: Target, second: Target, words: str) -> None:
    streams = [DestinationStream(None, name, WriteMode.APPEND, ("a",)) for name in "ab"]
    known = [ImportConfiguration(name, name, "Ledger") for name in "ab"]
    (sentence,) = shared_blocks(streams, dict(zip([each.key for each in streams], (first, second), strict=True)), known)
    assert words in sentence


@pytest.mark.parametrize("separator", [".", ","])
def test_a_number_is_an_item_however_its_decimals_are_separated(separator: str) -> None:
    stream = replace(stream_of("rate", "text"), number_columns=frozenset({"rate"}))
    cells = [f"2{separator}5", "2,6", None, ""]
    checks = [CheckedColumn(stream, name, frozenset({"2.5"}), OnUnknown.SKIP) for name in ("rate", "text")]

    assert checks[0].rows_to_skip(cells) == [1]
    assert checks[1].rows_to_skip(cells) == ([0, 1] if separator == "," else [1])


def checked(*items: str, on_unknown: OnUnknown = OnUnknown.REPORT, creates: bool = False) -> CheckedColumn:
    return CheckedColumn(stream_of("city"), "city", frozenset(items), on_unknown, creates)


def test_a_near_miss_is_explained(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConfigProblem, match=r'"paris ", .* dimension list \("Paris" is, and every letter'):
        checked("Paris", on_unknown=OnUnknown.FAIL).rows_to_skip(["Paris", "paris "])
    check = checked("Paris", "Lyon")
    check.rows_to_skip(["paris ", "Nice", "Nice"])
    check.log_unknown()
    assert caplog.messages[0].endswith('sent anyway: "Nice" (2), "paris " (1; "Paris" is an item).')


def test_an_empty_list_is_said_to_be_empty(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConfigProblem, match="because the owner of the Export key sees no item in that list: add"):
        checked(on_unknown=OnUnknown.FAIL).rows_to_skip(["Paris"])
    check = checked(on_unknown=OnUnknown.SKIP)
    check.rows_to_skip(["Paris"])
    check.log_unknown()
    assert "not sent (the owner of the Export key sees no item in the list)" in caplog.messages[0]


def test_items_that_would_be_created_are_named_up_to_a_limit(caplog: pytest.LogCaptureFixture) -> None:
    check = checked("Paris", creates=True)
    check.rows_to_skip([f"City {number}" for number in range(26)])
    check.log_unknown()
    assert "which the import configuration creates as new items of its dimension list" in caplog.messages[0]
    assert caplog.messages[0].endswith(" and 16 more.")


def test_only_a_dry_run_compares_columns_whose_items_are_created() -> None:
    configuration = configuration_of(Column("city", dimension_ref=CITIES, auto_create=True))
    settings = parse_config({"application_id": APPLICATION, "dry_run": True})
    stream = stream_of("city")
    found = build_checks(Pigment(), settings, [stream], {stream.key: configuration})  # type: ignore[arg-type] # stands in
    assert [(each.column, each.creates) for each in found[stream.key]] == [("city", True)]

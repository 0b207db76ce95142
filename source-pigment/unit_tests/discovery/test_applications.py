"""Several applications: what is chosen from each, and what a configured stream reads."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import Any

import pytest
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from hypothesis import given
from hypothesis import strategies as st

from pigment_airbyte.failures import ConfigProblem
from pigment_client.errors import NotFound, PermissionMissing, PigmentError, ResponseNotUnderstood, Unavailable
from pigment_client.models import Block, BlockType, ExportKind
from source_pigment.config import CustomExport, SourceConfig, parse_config
from source_pigment.discovery.catalog import (
    Application,
    Applications,
    ExportCatalog,
    catalog_of,
    export_requests,
    name_applications,
)
from source_pigment.discovery.matching import (
    ConfiguredStream,
    find_target,
    require_distinct_streams,
    require_unambiguous_exports,
    resolve_custom_exports,
)
from source_pigment.discovery.names import StreamName
from source_pigment.discovery.schema import ConfiguredSchema

PLAN, SALES, OTHER = (str(uuid.uuid5(uuid.NAMESPACE_OID, name)) for name in ("Plan", "Sales", "Other"))


def config(**given_: Any) -> SourceConfig:
    return parse_config(given_)


def block(application_id: str, name: str, type_: BlockType = BlockType.DIMENSION_LIST) -> Block:
    return Block(str(uuid.uuid5(uuid.UUID(application_id), name)), name, type_)


BLOCKS = {
    PLAN: [block(PLAN, "Accounts"), block(PLAN, "Revenue", BlockType.METRIC), block(PLAN, "P&L", BlockType.TABLE)],
    SALES: [block(SALES, "Accounts"), block(SALES, "Cost", BlockType.METRIC), block(SALES, "P&L", BlockType.TABLE)],
}


APPLICATIONS = name_applications([(PLAN, "Plan"), (SALES, "Sales")])


LISTINGS = [(each, BLOCKS[each.id]) for each in APPLICATIONS]


def catalog(
    settings: SourceConfig,
    failed: dict[str, PigmentError] | None = None,
    custom: dict[str, CustomExport] | None = None,
) -> ExportCatalog:
    """What there is in both applications, combined from what Pigment lists."""
    failed = failed or {}
    parts = [catalog_of(settings, BLOCKS[each.id], (), each, custom) for each in APPLICATIONS if each.id not in failed]
    targets, others = ([each for part in parts for each in getattr(part, name)] for name in ("targets", "others"))
    return ExportCatalog(tuple(targets), tuple(others), Applications(APPLICATIONS, failed))


def test_each_application_explains_its_own_columns() -> None:
    known = {each.stream.namespace: each.known_names.metrics for each in catalog(config()).targets}
    assert known == {"Plan": {"Revenue"}, "Sales": {"Cost"}}


@pytest.mark.parametrize(
    ("given_", "chosen"),
    [
        ({"include": ["Accounts"]}, {"Plan/Accounts", "Sales/Accounts"}),
        ({"include": ["Plan/*"]}, {"Plan/Accounts", "Plan/P&L"}),
        ({"include": ["Plan/*", "*/P&L"], "exclude": ["Plan/Acc*"]}, {"Plan/P&L", "Sales/P&L"}),
        ({"exclude": ["Sales/*"], "block_types": ["metric"]}, {"Plan/Revenue"}),
        ({"exclude": ["*/*"]}, set()),
    ],
)
def test_patterns_choose_among_applications(given_: dict[str, Any], chosen: set[str]) -> None:
    assert {str(each.stream) for each in catalog(config(**given_)).targets} == chosen


@pytest.mark.parametrize("empty", [{}, {"application_id": ""}, {"application_id": "  "}, {"application_id": "''"}])
def test_an_empty_id_means_every_application(empty: dict[str, Any]) -> None:
    assert config(**empty).application_id is None


def test_an_id_may_still_be_pasted_as_an_address() -> None:
    address = f"https://pigment.app/application/{PLAN.upper()}/lists/{SALES}?viewId={OTHER}"
    settings = config(application_id=address, views=[{"view_id": address, "name": "V"}, {"view_id": PLAN, "name": "W"}])

    assert settings.application_id == PLAN
    assert [(each.view_id, each.application_id) for each in settings.views] == [(OTHER, PLAN), (PLAN, None)]


def noted(space: str | None, name: str, id_: str | None, application_id: str | None = None) -> ConfiguredStream:
    """A configured stream with what discovery noted about it."""
    notes = {"id": id_, **({"application": application_id} if application_id else {})}
    schema = {"x-pigment": notes} if id_ else {}
    return ConfiguredStream(StreamName(name, space), ConfiguredSchema.parse(schema))


PLAN_ACCOUNTS, SALES_ACCOUNTS = BLOCKS[PLAN][0].id, BLOCKS[SALES][0].id


ONE = config(application_id=PLAN)


SEVERAL = config()


def one_catalog() -> ExportCatalog:
    return catalog_of(ONE, BLOCKS[PLAN], ())


@pytest.mark.parametrize(
    ("stream", "reads"),
    [
        (noted("Plan", "Accounts", PLAN_ACCOUNTS, PLAN), PLAN_ACCOUNTS),
        # Block and application were renamed since; the id counts.
        (noted("Sales", "P&L", PLAN_ACCOUNTS, PLAN), PLAN_ACCOUNTS),
        # What an application discovered alone goes on without a namespace.
        (noted(None, "Accounts", SALES_ACCOUNTS), SALES_ACCOUNTS),
        # What the configuration leaves out is read while it is configured.
        (noted("Plan", "Revenue", BLOCKS[PLAN][1].id, PLAN), BLOCKS[PLAN][1].id),
        # Without ids: namespace and name.
        (noted("Sales", "Accounts", None), SALES_ACCOUNTS),
    ],
)
def test_a_stream_follows_its_block(stream: ConfiguredStream, reads: str) -> None:
    found = find_target(SEVERAL, catalog(SEVERAL), stream)
    assert (found.id, found.stream) == (reads, stream.name)


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (noted("Plan", "Gone", OTHER, PLAN), 'The stream "Plan/Gone" is not in Pigment any more'),
        (noted("Old", "Accounts", OTHER, OTHER), 'the application "Old" is not in Pigment any more, or was hidden'),
        (noted("Old", "Accounts", None), 'the application "Old" is not in Pigment any more, or was hidden'),
        (noted("Plan", "Nothing", None), 'The stream "Plan/Nothing" is not in Pigment any more'),
        (noted(None, "Accounts", None), 'has no namespace, so that with an empty "Application ID"'),
    ],
)
def test_a_missing_stream_is_not_read_from_another_block(stream: ConfiguredStream, words: str) -> None:
    with pytest.raises(ConfigProblem, match=words):
        find_target(SEVERAL, catalog(SEVERAL), stream)


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (noted("Sales", "Accounts", SALES_ACCOUNTS, SALES), "belongs to another application than the one"),
        (noted("Plan", "Accounts", None), "has a namespace, and streams of the one application"),
        (noted("Plan", "Gone", OTHER, PLAN), "is not in Pigment any more"),
    ],
)
def test_with_one_id_a_stream_of_another_application_is_not_read(stream: ConfiguredStream, words: str) -> None:
    with pytest.raises(ConfigProblem, match=words):
        find_target(ONE, one_catalog(), stream)


def test_with_one_id_a_stream_of_that_application_goes_on_in_its_namespace() -> None:
    stream = noted("Plan", "Accounts", PLAN_ACCOUNTS, PLAN)
    assert find_target(ONE, one_catalog(), stream).stream == StreamName("Accounts", "Plan")


@pytest.mark.parametrize(
    ("error", "type_", "words"),
    [
        (
            NotFound("list blocks", purpose="Modeling Metadata"),
            FailureType.config_error,
            "or was hidden from the owner",
        ),
        (PermissionMissing("list blocks"), FailureType.config_error, "or was hidden from the owner"),
        (Unavailable("list blocks", status=503), FailureType.transient_error, "blocks of its application could not be"),
        (ResponseNotUnderstood("list blocks"), FailureType.system_error, "blocks of its application could not be"),
    ],
)
def test_an_application_that_fails_affects_only_its_own_streams(
    error: PigmentError, type_: FailureType, words: str
) -> None:
    seen = catalog(SEVERAL, {SALES: error})
    assert find_target(SEVERAL, seen, noted("Plan", "Accounts", PLAN_ACCOUNTS, PLAN)).id == PLAN_ACCOUNTS
    for stream in (noted("Sales", "Accounts", SALES_ACCOUNTS, SALES), noted("Sales", "Accounts", None)):
        with pytest.raises((ConfigProblem, AirbyteTracedException)) as raised:
            find_target(SEVERAL, seen, stream)
        problem = raised.value
        failed = isinstance(problem, AirbyteTracedException)
        assert (problem.failure_type if failed else FailureType.config_error) is type_  # type: ignore[union-attr] # told apart
        assert words in str(problem.message if failed else problem)  # type: ignore[union-attr] # told apart


def test_a_stream_that_may_belong_to_an_unlisted_application_is_tried_later() -> None:
    seen = catalog(SEVERAL, {SALES: Unavailable("list blocks", status=503)})
    with pytest.raises(AirbyteTracedException) as raised:
        find_target(SEVERAL, seen, noted(None, "Accounts", SALES_ACCOUNTS))
    assert raised.value.failure_type is FailureType.transient_error


def test_a_block_visible_in_two_applications_is_read_from_the_configured_one() -> None:
    shared = BLOCKS[PLAN][0]
    parts = [catalog_of(SEVERAL, [shared], (), each) for each in APPLICATIONS]
    seen = ExportCatalog(parts[0].targets + parts[1].targets, (), Applications(APPLICATIONS))
    for each in APPLICATIONS:
        found = find_target(SEVERAL, seen, noted(each.namespace, shared.name, shared.id, each.id))
        assert found.application == each


# A workspace by the ids of its applications: their names, and their blocks' names by id.
Seen = dict[str, tuple[str, dict[str, str]]]


APPLICATION_IDS, BLOCK_IDS = (
    st.sampled_from([str(uuid.UUID(int=n)) for n in numbers]) for numbers in ((1, 2, 3), range(9))
)


SEEN = st.dictionaries(
    APPLICATION_IDS,
    st.tuples(st.sampled_from("AB"), st.dictionaries(BLOCK_IDS, st.sampled_from("xyz"), max_size=4)),
)


def everything_in(seen: Seen, failed: set[str], settings: SourceConfig = SEVERAL) -> ExportCatalog:
    applications = name_applications([(id_, name) for id_, (name, _) in seen.items()])
    listings = [
        (each, [Block(id_, name, BlockType.TRANSACTION_LIST) for id_, name in seen[each.id][1].items()])
        for each in applications
        if each.id not in failed
    ]
    custom = resolve_custom_exports(settings, listings, None)
    parts = [catalog_of(settings, blocks, (), each, custom) for each, blocks in listings]
    targets = tuple(each for part in parts for each in part.targets)
    return ExportCatalog(
        targets, (), Applications(applications, {id_: NotFound("list blocks") for id_ in failed & seen.keys()})
    )


@given(before=SEEN, after=SEEN, failed=st.sets(APPLICATION_IDS, max_size=1))
def test_whatever_becomes_of_a_workspace_no_stream_is_read_from_another_block(
    before: Seen, after: Seen, failed: set[str]
) -> None:
    """Applications and blocks come, go, change names, swap names and are hidden between discovery and read."""
    now = everything_in(after, failed)
    for each in everything_in(before, set()).targets:
        assert each.application
        stream = noted(each.stream.namespace, each.stream.name, each.id, each.application.id)
        shown = after.get(each.application.id)
        anywhere = {
            id_ for application_id, (_, blocks) in after.items() if application_id not in failed for id_ in blocks
        }
        if shown is None or each.application.id in failed or each.id not in anywhere:
            with pytest.raises(ConfigProblem):
                find_target(SEVERAL, now, stream)
        else:
            found = find_target(SEVERAL, now, stream)
            assert (found.id, found.stream) == (each.id, each.stream)


@pytest.mark.parametrize(
    ("other", "told_apart"),
    [
        (noted(None, "Accounts", PLAN_ACCOUNTS, PLAN), True),  # twice the same
        (noted("Plan", "Accounts", SALES_ACCOUNTS, SALES), True),
        (noted(None, "Accounts", SALES_ACCOUNTS, SALES), False),
        (noted(None, "Accounts", PLAN_ACCOUNTS, SALES), False),
    ],
)
def test_a_catalog_without_its_namespaces_reads_no_block_as_another(other: ConfiguredStream, told_apart: bool) -> None:
    streams = [noted(None, "Accounts", PLAN_ACCOUNTS, PLAN), other]
    if told_apart:
        require_distinct_streams(streams)
        return
    with pytest.raises(ConfigProblem, match='Two streams of the connection are called "Accounts"'):
        require_distinct_streams(streams)


def entry(named: str) -> SourceConfig:
    return config(block_requests=[{"block": named, "request": '{"scenarios": []}'}])


def exported_by(settings: SourceConfig) -> set[str]:
    """The blocks that the entry is for."""
    custom = resolve_custom_exports(settings, LISTINGS)
    seen = catalog(settings, custom=custom)
    return {str(each.stream) for each in seen.targets if "scenarios" in export_requests(settings, each)[0].payload}


@pytest.mark.parametrize("named", ["Sales/P&L", BLOCKS[SALES][2].id])
def test_an_entry_for_one_of_several_names_its_application_or_its_id(named: str) -> None:
    assert exported_by(entry(named)) == {"Sales/P&L"}


def test_a_name_that_several_applications_have_asks_for_the_id() -> None:
    with pytest.raises(ConfigProblem, match=r'2 blocks of the applications are called "P&L".* enter the ID of the'):
        exported_by(entry("P&L"))
    with pytest.raises(ConfigProblem, match=r"None of the applications has a block named Plan/Cost .*Sales/Cost"):
        exported_by(entry("Plan/Cost"))


def test_two_entries_for_one_block_are_a_config_problem() -> None:
    named = [BLOCKS[SALES][2].id, "Sales/P&L"]
    settings = config(block_requests=[{"block": each, "request": "{}"} for each in named])
    with pytest.raises(ConfigProblem, match="more than one entry"):
        exported_by(settings)


@given(before=SEEN, after=SEEN, word=st.sampled_from(["x", "y", "A/x", "B/y"]))
def test_no_entry_is_for_two_blocks_whatever_was_renamed(before: Seen, after: Seen, word: str) -> None:
    settings = config(block_requests=[{"block": word, "request": '{"listFilter": []}'}])
    changed = set()
    with suppress(ConfigProblem):
        now = everything_in(after, set(), settings)
        streams = [
            noted(each.stream.namespace, each.stream.name, each.id, each.application.id)
            for each in everything_in(before, set()).targets
            if each.application
        ]
        require_unambiguous_exports(settings, now, streams)
        for each in streams:
            with suppress(ConfigProblem):
                found = find_target(settings, now, each)
                changed |= {found.id} if "listFilter" in export_requests(settings, found)[0].payload else set()
    assert len(changed) < 2


# The blocks of one application, each with a name of its own, by id.
NAMED = st.lists(st.sampled_from("uvwxyz"), unique=True, min_size=4, max_size=4).map(
    lambda names: {str(uuid.UUID(int=number)): name for number, name in enumerate(names)}
)


@given(before=NAMED, after=NAMED, word=st.sampled_from("uvwxyz"), read=st.sets(st.integers(0, 3), min_size=1))
def test_an_entry_is_for_the_block_of_its_name_and_for_none_that_took_it_over(
    before: dict[str, str], after: dict[str, str], word: str, read: set[int]
) -> None:
    settings = config(application_id=PLAN, block_requests=[{"block": word, "request": "{}"}])
    streams = [noted(None, name, id_) for at, (id_, name) in enumerate(before.items()) if at in read]
    try:
        now = renamed(after, settings)
        require_unambiguous_exports(settings, now, streams)
    except ConfigProblem:
        return
    meant = {find_target(settings, now, each).id for each in streams if find_target(settings, now, each).custom}
    assert {after[each] for each in meant} <= {word}
    assert all(each.schema.object_id in meant for each in streams if each.name.name == word)
    for id_ in meant:
        others = {name for other, name in after.items() if other != id_}
        assert before[id_] == word or before[id_] not in others


def renamed(names: dict[str, str], settings: SourceConfig) -> ExportCatalog:
    blocks = [Block(id_, name, BlockType.TRANSACTION_LIST) for id_, name in names.items()]
    return catalog_of(settings, blocks, (), custom=resolve_custom_exports(settings, [(None, blocks)]))


BEFORE = [noted(None, "One", SALES), noted(None, "Two", OTHER)]


@pytest.mark.parametrize("streams", [BEFORE, BEFORE[:1], BEFORE[1:]], ids=["both", "the first", "the second"])
def test_an_entry_whose_name_two_blocks_have_swapped_asks_for_the_id(streams: list[ConfiguredStream]) -> None:
    settings = config(application_id=PLAN, block_requests=[{"block": "One", "request": "{}"}])
    require_unambiguous_exports(settings, renamed({SALES: "One", OTHER: "Two"}, settings), streams)
    with pytest.raises(ConfigProblem, match=r'which block the entry "One" under "Custom exports" is for: enter the ID'):
        require_unambiguous_exports(settings, renamed({SALES: "Two", OTHER: "One"}, settings), streams)
    by_id = config(application_id=PLAN, block_requests=[{"block": SALES, "request": "{}"}])
    swapped = renamed({SALES: "Two", OTHER: "One"}, by_id)
    require_unambiguous_exports(by_id, swapped, streams)
    assert [each.id for each in swapped.targets if each.custom] == [SALES]


def test_an_entry_for_a_block_that_was_only_renamed_follows_its_new_name() -> None:
    settings = config(application_id=PLAN, block_requests=[{"block": "Three", "request": "{}"}])
    now = renamed({SALES: "Three", OTHER: "Two"}, settings)
    require_unambiguous_exports(settings, now, BEFORE)
    assert [find_target(settings, now, each).custom is not None for each in BEFORE] == [True, False]


def test_an_entry_for_a_block_that_could_not_be_listed_is_no_mistake() -> None:
    settings, listings = entry("Cost"), LISTINGS[:1]
    resolve_custom_exports(settings, listings, {"Cost"})
    resolve_custom_exports(settings, listings, None)
    with pytest.raises(ConfigProblem, match="has a block named Cost"):
        resolve_custom_exports(settings, listings, {"Other"})


def test_a_view_has_the_kind_of_a_view() -> None:
    settings = config(views=[{"view_id": OTHER, "name": "Accounts"}])
    found = catalog_of(settings, BLOCKS[PLAN], settings.views, Application(PLAN, "Plan", "Plan")).targets

    assert [str(each.stream) for each in found] == ["Plan/Accounts (list)", "Plan/P&L", "Plan/Accounts (view)"]
    assert found[-1].kind is ExportKind.VIEW

"""Names of streams and namespaces: unique, and whatever else there is changes none."""

from __future__ import annotations

import uuid
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from source_pigment.discovery.catalog import name_applications
from source_pigment.discovery.names import Named, namespaces, stream_names

PLAN, SALES, OTHER = (str(uuid.uuid5(uuid.NAMESPACE_OID, name)) for name in ("Plan", "Sales", "Other"))
KINDS = st.sampled_from(["list", "metric", "table", "view"])


@st.composite
def named_objects(draw: Any) -> list[Named]:
    """Objects of few names, some of which look like those that are made up for others."""
    ids = [str(each) for each in draw(st.lists(st.uuids(), max_size=6, unique=True))]
    made_up = [f"A ({suffix})" for id_ in ids for suffix in (id_, id_[:8])] + ["A (list)", "A (list) (list)"]
    names = st.sampled_from(["A", "a", "B", *made_up])
    return [Named(id_, draw(names), draw(KINDS)) for id_ in ids]


@given(objects=named_objects(), chance=st.randoms())
def test_no_two_have_one_name_and_no_order_changes_a_name(objects: list[Named], chance: Any) -> None:
    for name_all in (namespaces, stream_names):
        names = dict(zip([each.id for each in objects], name_all(objects), strict=True))
        assert len(set(names.values())) == len(objects)
        assert all(names[each.id].startswith(each.name) for each in objects)
        shuffled = list(objects)
        chance.shuffle(shuffled)
        assert dict(zip([each.id for each in shuffled], name_all(shuffled), strict=True)) == names


@given(objects=named_objects(), more=st.uuids())
def test_an_application_of_another_name_changes_none(objects: list[Named], more: uuid.UUID) -> None:
    assert namespaces([*objects, Named(str(more), "Unlike", "application")]) == [*namespaces(objects), "Unlike"]


def test_what_is_listed_twice_ends_in_one_name() -> None:
    assert namespaces([Named(PLAN, "Plan", "application")] * 2) == [f"Plan ({PLAN[:8]}) ({PLAN})"] * 2
    assert [each.namespace for each in name_applications([(PLAN, "Plan"), (PLAN, "Plan")])] == ["Plan"]


def test_equal_names_get_a_part_of_their_id() -> None:
    made = name_applications([(PLAN, "Plan"), (SALES, "Sales"), (OTHER, "Sales")])

    assert [each.namespace for each in made] == ["Plan", f"Sales ({SALES[:8]})", f"Sales ({OTHER[:8]})"]
    assert made[1].names == (f"Sales ({SALES[:8]})", "Sales")
    # Also once no other application has its name.
    assert name_applications([(SALES, "Sales")])[0].names == ("Sales", f"Sales ({SALES[:8]})")

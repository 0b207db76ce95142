"""Names of streams and namespaces: unique, and independent of what else there is."""

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
    """Objects with few names, some of which look like the unique names of others."""
    ids = [str(each) for each in draw(st.lists(st.uuids(), max_size=6, unique=True))]
    made_up = [f"A ({suffix})" for id_ in ids for suffix in (id_, id_[:8])] + ["A (list)", "A (list) (list)"]
    names = st.sampled_from(["A", "a", "B", *made_up])
    return [Named(id_, draw(names), draw(KINDS)) for id_ in ids]


@given(objects=named_objects(), chance=st.randoms())
def test_names_are_unique_and_do_not_depend_on_the_order(objects: list[Named], chance: Any) -> None:
    for name_all in (namespaces, stream_names):
        names = dict(zip([each.id for each in objects], name_all(objects), strict=True))
        assert len(set(names.values())) == len(objects)
        assert all(names[each.id].startswith(each.name) for each in objects)
        shuffled = list(objects)
        chance.shuffle(shuffled)
        assert dict(zip([each.id for each in shuffled], name_all(shuffled), strict=True)) == names


@given(objects=named_objects(), more=st.uuids())
def test_an_application_with_a_different_name_changes_no_other(objects: list[Named], more: uuid.UUID) -> None:
    assert namespaces([*objects, Named(str(more), "Unlike", "application")]) == [*namespaces(objects), "Unlike"]


def test_an_application_listed_twice_gets_one_name() -> None:
    assert namespaces([Named(PLAN, "Plan", "application")] * 2) == [f"Plan ({PLAN[:8]}) ({PLAN})"] * 2
    assert [each.namespace for each in name_applications([(PLAN, "Plan"), (PLAN, "Plan")])] == ["Plan"]


def test_equal_names_get_a_part_of_their_id() -> None:
    made = name_applications([(PLAN, "Plan"), (SALES, "Sales"), (OTHER, "Sales")])

    assert [each.namespace for each in made] == ["Plan", f"Sales ({SALES[:8]})", f"Sales ({OTHER[:8]})"]
    assert made[1].names == (f"Sales ({SALES[:8]})", "Sales")
    # Also once no other application has its name.
    assert name_applications([(SALES, "Sales")])[0].names == ("Sales", f"Sales ({SALES[:8]})")

"""Where files of rejected rows are: below the folder that the platform's link opens, and never one over another."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from destination_pigment.rejected_rows.store import ObjectNames, folder

NOW = datetime(2026, 11, 21, 17, 5, tzinfo=UTC)


def test_files_are_where_airbyte_s_destinations_have_them() -> None:
    names = ObjectNames("pigment/rejected", "27", NOW, "1f3a9c2e")

    assert (
        names.rows(("Finance", "P&L"), 0) == "pigment/rejected/27/Finance/P&L/2026_11_21_1795280700000_1f3a9c2e_0.csv"
    )
    assert names.rows((None, "P&L"), 1) == "pigment/rejected/27/P&L/2026_11_21_1795280700000_1f3a9c2e_1.csv"
    assert names.counts((None, "P&L"), 2).endswith("/27/P&L/2026_11_21_1795280700000_1f3a9c2e_2_counts.csv")
    assert names.probe() == "pigment/rejected/_check_1f3a9c2e"


def test_without_a_path_nothing_begins_with_a_slash() -> None:
    assert ObjectNames("", "27", NOW, "t").rows((None, "s"), 0).startswith("27/s/")
    assert ObjectNames("", "27", NOW, "t").probe() == "_check_t"


def test_where_nobody_knows_the_job_its_files_stay_together() -> None:
    names = ObjectNames.of_attempt("p", None, NOW)

    assert (
        names.rows((None, "a"), 0).split("/")[:2] == names.rows((None, "b"), 1).split("/")[:2] == ["p", "1795280700000"]
    )


def test_two_attempts_at_the_same_moment_have_different_names() -> None:
    one, other = (ObjectNames.of_attempt("p", "27", NOW) for _ in range(2))

    assert one.rows((None, "s"), 0) != other.rows((None, "s"), 0)


@given(st.text(st.characters(), max_size=300))
def test_any_name_is_one_folder(name: str) -> None:
    made = folder(name)

    assert 0 < len(made.encode()) <= 200
    assert made not in {".", ".."}
    assert made == made.strip()
    assert not any(each in made for each in "/\\\n\r\x00")


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\"), min_size=1, max_size=40))
def test_a_name_that_can_be_a_folder_stays_as_it_is(name: str) -> None:
    if name.strip() == name and name not in {".", ".."}:
        assert folder(name) == name

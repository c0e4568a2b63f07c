"""Counts, times and tables as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.words import aligned, amount_of_time, counted, paragraphs, span


def test_one_is_no_plural():
    assert counted(1, "training") == "1 training"
    assert counted(0, "training") == "0 trainings"
    assert counted(1200, "pass", "passes") == "1,200 passes"


@pytest.mark.parametrize(
    ("seconds", "text"), [(7, "0:07"), (725.4, "12:05"), (3722, "1:02:02"), (-3, "0:00")]
)
def test_times_on_a_clock(seconds, text):
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "1 s"), (40, "40 s"), (120, "2 min"), (5000, "83 min"), (9000, "2.5 h"), (4e6, "1,111 h")],
)
def test_estimates_have_the_unit_that_fits(seconds, text):
    assert amount_of_time(seconds) == text


@given(
    st.lists(
        st.tuples(st.text("ab-", min_size=1, max_size=50), st.lists(st.text("cd", min_size=1, max_size=30))),
        min_size=1,
        max_size=6,
    ),
    st.integers(40, 120),
)
def test_a_table_holds_every_word_and_keeps_the_width(rows, width):
    """But for a first column that is wider than the terminal itself."""
    text = aligned([(name, " ".join(words)) for name, words in rows], width)
    assert text.split() == [word for name, words in rows for word in [name, *words]]
    assert all(len(line) <= max(width, 52) for line in text.splitlines())


def test_a_word_that_fits_below_a_row_s_beginning_is_not_broken_beside_it():
    assert aligned([("a" * 15, "c" * 24)], 40).splitlines() == ["a" * 15, " " * 6 + "c" * 24]
    assert aligned([("a" * 15, "c" * 23)], 40) == "a" * 15 + "  " + "c" * 23


def test_prose_is_wrapped_and_rows_of_a_table_are_not():
    prose, row = "a word after another " * 6, "cell  cell  " * 10
    lines = paragraphs(f"{prose.strip()}\n\n{row.strip()}", 50).splitlines()
    assert lines[-1] == row.strip()
    assert lines[-2] == ""
    assert " ".join(lines[:-2]) == prose.strip()
    assert max(map(len, lines[:-2])) <= 50

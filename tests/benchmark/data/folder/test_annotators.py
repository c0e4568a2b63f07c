"""Several people's labels of one image: who says nothing has no voice."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from benchmark.data.folder.annotators import combined
from benchmark.tasks import IGNORE

Array = np.ndarray[Any, Any]


@given(hnp.arrays(np.uint8, (4, 2, 3), elements=st.sampled_from([0, 1, IGNORE])))
def test_yes_and_no(labels: Array) -> None:
    for rule, decide in (("any", any), ("all", all)):
        together = combined(list(labels), rule)  # type: ignore[arg-type]
        for place in np.ndindex(2, 3):
            said = [int(v) for v in labels[(slice(None), *place)] if v != IGNORE]
            assert together[place] == (int(decide(said)) if said else IGNORE)


@given(hnp.arrays(np.uint8, (5, 2, 3), elements=st.sampled_from([0, 1, 7, 254, IGNORE])))
def test_the_majority_of_those_who_say_something(labels: Array) -> None:
    together = combined(list(labels), "majority")
    for place in np.ndindex(2, 3):
        said = [int(v) for v in labels[(slice(None), *place)] if v != IGNORE]
        counts = sorted(((said.count(kind), kind) for kind in set(said)), reverse=True)
        level = not counts or (len(counts) > 1 and counts[0][0] == counts[1][0])
        assert together[place] == (IGNORE if level else counts[0][1])


def test_numbers() -> None:
    labels = [np.array([[1, np.nan, np.nan]], np.float32), np.array([[2, 4, np.nan]], np.float32)]
    labels.append(np.array([[9, np.nan, np.nan]], np.float32))
    np.testing.assert_array_equal(combined(labels, "mean"), [[4, 4, np.nan]])
    np.testing.assert_array_equal(combined(labels, "median"), [[2, 4, np.nan]])
    assert combined(labels, "median").dtype == np.float32


def test_directions() -> None:
    x, y, nothing = np.eye(3, dtype=np.float32)[0], np.eye(3, dtype=np.float32)[1], np.zeros(3, np.float32)
    first, second = np.stack([x, x, nothing])[None], np.stack([y, nothing, nothing])[None]
    expected = [[[0.5**0.5, 0.5**0.5, 0], [1, 0, 0], [0, 0, 0]]]
    np.testing.assert_allclose(combined([first, second], "mean"), expected, atol=1e-6)
    np.testing.assert_array_equal(combined([first, -first], "mean"), np.zeros((1, 3, 3)))


def test_one_label_stays_as_it_is() -> None:
    label = np.ones((2, 2), np.uint8)
    assert combined([label], "majority") is label

"""Prices of labels: in any unit, of all tasks and no others."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import baselines  # noqa: F401 - registers the built-in strategies
from benchmark.errors import UserError
from benchmark.protocol.prices import check_draws, digest, prices
from strategies.registry import resolve

NAMES = ("semseg", "depth", "normals")
DATA = SimpleNamespace(
    name="toy",
    tasks=tuple(SimpleNamespace(name=name) for name in NAMES),
    train=SimpleNamespace(ids=tuple("abcde")),
    columns={
        "hours": dict(zip("abcde", (1.0, 2.0, 3.0, 4.0, 5.0), strict=True)),
        "none": dict.fromkeys("abcde", 0.0),
    },
)
PRICE = st.floats(1e-3, 1e3)


def test_without_prices_all_labels_cost_the_same_and_images_one():
    np.testing.assert_allclose(prices({}, {}, DATA), np.full((5, 3), 1 / 3), rtol=1e-15)
    assert digest(prices({}, {}, DATA)) is None


@given(PRICE)
def test_equal_prices_are_as_none(price):
    assert digest(prices(dict.fromkeys(NAMES, price), {}, DATA)) is None


@given(st.tuples(PRICE, PRICE, PRICE), st.floats(1e-2, 1e2))
def test_the_unit_is_the_price_of_an_image(each, unit):
    one = prices(dict(zip(NAMES, each, strict=True)), {}, DATA)
    other = prices({name: unit * price for name, price in zip(NAMES, each, strict=True)}, {}, DATA)
    np.testing.assert_allclose(one.sum(1), 1, rtol=1e-12)
    np.testing.assert_allclose(one, other, rtol=1e-12)
    np.testing.assert_allclose(one[0] / one[0, 0], np.array(each) / each[0], rtol=1e-9)


@pytest.mark.parametrize(
    ("costs", "word"),
    [
        ({"semseg": 1, "depth": 1}, "no price for normals"),
        ({**dict.fromkeys(NAMES, 1), "edge": 1}, "no task edge"),
    ],
)
def test_prices_of_other_tasks_are_refused(costs, word):
    with pytest.raises(UserError, match=f"costs: there is {word}; toy has the tasks semseg, depth, normals"):
        prices(costs, {}, DATA)


def test_prices_that_differ_have_a_digest_of_their_own():
    found = [digest(prices({"semseg": 1, "depth": d, "normals": 1}, {}, DATA)) for d in (0.5, 0.2, 0.2)]
    assert None not in found
    assert found[0] != found[1] == found[2]
    assert digest(prices({"semseg": 35, "depth": 7, "normals": 35}, {}, DATA)) == found[1]


def test_a_column_multiplies_a_task_s_price_image_by_image():
    found = prices({"depth": 2, "normals": 1}, {"semseg": "hours", "depth": "hours"}, DATA)
    assert found.sum(1).mean() == pytest.approx(1)
    np.testing.assert_allclose(found[:, 0] / found[0, 0], [1, 2, 3, 4, 5])
    np.testing.assert_allclose(found[:, 1], 2 * found[:, 0])
    np.testing.assert_allclose(found[:, 2], found[0, 0])
    assert digest(found) is not None


@pytest.mark.parametrize(
    ("column", "word"),
    [("days", "no column 'days'; it has: hours, none"), ("none", "no number over 0 for 'a'")],
)
def test_a_column_that_says_no_price_is_refused(column, word):
    with pytest.raises(UserError, match=word):
        prices({"depth": 1, "normals": 1}, {"semseg": column}, DATA)


@pytest.mark.parametrize("how", ["softmax[weighting={}]", "consistency-diversity[select=draw,weighting={}]"])
@pytest.mark.parametrize("columns", [{}, {"semseg": "hours"}])
@pytest.mark.parametrize("first", ["images", "pairs"])
def test_weights_by_probabilities_need_images_of_one_price(how, columns, first):
    none, lure = (resolve(how.format(weighting)).create() for weighting in ("none", "lure"))
    table = prices(dict.fromkeys(NAMES, 1), columns, DATA)
    check_draws(none, table, first)
    if not columns and first == "images":
        check_draws(lure, table, first)
    else:
        with pytest.raises(ValueError, match="take another weighting"):
            check_draws(lure, table, first)

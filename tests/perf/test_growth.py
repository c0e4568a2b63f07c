"""No choice takes more than in proportion to the pool, but for those that say so and name the way out."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # tests are no package, and the script is the same file
import growth

from strategies.registry import resolve

COUNTS = (2000, 8000)
SQUARE, WAY_OUT = "grows with the square of the pool", "subsample[base="
#: By processor time, of which a busy machine takes some: between proportional (1) and square (2).
MOST = 1.4
#: Of strategies that are others' choice: theirs, and of a part of fixed size the whole of so small a pool.
OF_OTHERS = ("subsample", "boss", "ensemble")


def says_so(name):
    return SQUARE in " ".join(resolve(name).entry.description.split())


@pytest.mark.parametrize("name", growth.strategies())
def test_what_grows_faster_says_what_to_take_for_large_pools(name):
    words = " ".join(resolve(name).entry.description.split())
    assert (SQUARE in words) <= (WAY_OUT in words)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in growth.strategies() if name not in OF_OTHERS])
def test_time_grows_with_the_pool_and_not_with_its_square(name):
    taken = [growth.seconds(name, count, repeats=3) for count in COUNTS]
    found = growth.exponent(COUNTS, taken)
    assert found < MOST or says_so(name), f"time grew with the {found:.2f}th power of the pool: {taken}"


@pytest.mark.slow
def test_a_part_of_fixed_size_makes_a_square_into_a_line():
    counts = (4000, 16000)
    taken = [growth.seconds("subsample[base=max-herding,size=500]", count, repeats=3) for count in counts]
    assert growth.exponent(counts, taken) < MOST


def test_made_rows_are_all_different_and_as_the_strategy_measures_them():
    pool = growth.pool_of_rows("cdal", 500)
    assert len(pool.ids) == 500
    for values in pool.rows.values():
        assert len(np.unique(values.reshape(500, -1), axis=0)) > 490
    (vectors,) = growth.pool_of_rows("core-set", 50).rows.values()
    assert vectors.shape == (50, 128)


def test_the_exponent_is_the_power():
    assert growth.exponent((10, 100, 1000), [1, 5, 5 * 10**1.5]) == pytest.approx(1.5)

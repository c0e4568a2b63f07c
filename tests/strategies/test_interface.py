"""A pool of some images alone: places in it are images, and what is known of each goes with it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import baselines  # noqa: F401 - registers entropy
from strategies.interface import Judged, Known, Pool
from strategies.parameters import StrategyNames
from strategies.probe import TASKS
from strategies.registry import RegistryError, register, resolve

COUNT = 12


def pool(labelled):
    value = np.arange(COUNT) * 10.0
    judge = lambda chosen, length: Judged(float(sum(10.0**place for place in chosen)), length)  # noqa: E731
    return Pool(
        tasks=TASKS,
        ids=tuple(f"id-{place:02d}" for place in range(COUNT)),
        labelled=np.array(labelled, np.int64),
        unlabelled=np.setdiff1d(np.arange(COUNT), labelled),
        rows={"value": value},
        round=1,
        budget_left=3,
        costs=value + 1,
        rng=np.random.default_rng(0),
        known=Known(np.arange(COUNT) // 3, {"semseg": value[:, None]}, judge),
    )


SOME = st.lists(st.integers(0, COUNT - 1), min_size=1, max_size=COUNT, unique=True)


@given(SOME, st.lists(st.integers(0, COUNT - 1), max_size=6, unique=True))
def test_places_of_a_part_are_the_images_at_them(order, labelled):
    whole = pool(labelled)
    part = whole.at(np.array(order))
    assert part.ids == tuple(f"id-{place:02d}" for place in order)
    assert [order[place] for place in part.labelled] == [p for p in order if p in labelled]
    assert {order[place] for place in part.unlabelled} == set(order) - set(labelled)
    np.testing.assert_array_equal(part.rows["value"], [10 * place for place in order])
    np.testing.assert_array_equal(part.costs, [10 * place + 1 for place in order])
    np.testing.assert_array_equal(part.known.groups, [place // 3 for place in order])
    np.testing.assert_array_equal(part.known.classes["semseg"][:, 0], part.rows["value"])


def test_a_part_of_a_part_is_judged_as_the_images_that_it_is_of():
    part = pool([0]).at(np.array([11, 7, 3, 5])).at(np.array([2, 0]))
    assert part.ids == ("id-03", "id-11")
    assert part.known.judge(np.array([1]), 0.5) == (10.0**11, 0.5)
    assert part.known.judge(np.array([0, 1]), 1.0).loss == 10.0**3 + 10.0**11


def test_a_list_of_strategies_is_written_one_way_and_its_code_is_known():
    @register("of-several", source="a test")
    def of_several(outputs, bases: StrategyNames = StrategyNames("random+entropy")):  # noqa: B008
        return outputs.backbone_features[0].mean((1, 2, 3))

    named = resolve("of-several[bases=entropy+power[base=margin,beta=1.0] + random]")
    assert named.name == "of-several[bases=entropy+power[base=margin]+random]"
    names = [entry.name for entry in named.entries]
    assert names == ["of-several", "entropy", "noisy", "margin", "random"]
    assert [entry.name for entry in resolve("of-several").entries] == ["of-several", "random", "entropy"]
    with pytest.raises(RegistryError, match="entropi"):
        resolve("of-several[bases=random+entropi]")

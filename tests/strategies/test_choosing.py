"""Positions of the sorted pool are brought back to the caller's, and what breaks the contract is named."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.choosing import BrokenSelectionError, choose
from strategies.interface import Pool, Selection, Strategy, TaskSpec
from strategies.kernels.distance_sampling import distance_sampling

TASKS = (
    TaskSpec("depth", "scalar", 1, lambda p, t: p),
    TaskSpec("semseg", "categorical", 3, lambda p, t: p),
)


def shuffled_pool(count=30, labelled=11, seed=0):
    """Ids in no order, labelled positions scattered: ranks within the unlabelled are not positions."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(count)
    where = rng.permutation(count)
    return Pool(
        tasks=TASKS,
        ids=tuple(f"id-{n:04d}" for n in order),
        labelled=where[:labelled],
        unlabelled=where[labelled:],
        rows={"value": rng.random(count), "vector": rng.random((count, 4))},
        round=2,
        budget_left=9,
        costs=rng.random(count),
        rng=np.random.default_rng(seed),
    )


class Highest(Strategy):
    """Takes the highest value among the unlabelled, and hands on values as scores."""

    def select(self, pool, budget):
        value = pool.rows["value"]
        best = pool.unlabelled[np.argsort(-value[pool.unlabelled])][:budget]
        return Selection(best, np.stack([value, pool.costs], 1))


class Says(Strategy):
    """Says what it was told to."""

    def __init__(self, answer):
        self.answer = answer

    def select(self, pool, budget):
        return self.answer(pool, budget) if callable(self.answer) else self.answer


@given(st.integers(0, 1000))
def test_the_images_with_the_highest_values_come_back_in_order(seed):
    pool = shuffled_pool(seed=seed)
    chosen = choose(Highest(), "highest", pool, 6).indices
    values = pool.rows["value"]
    expected = sorted(pool.unlabelled, key=lambda position: -values[position])[:6]
    assert chosen.tolist() == expected


def test_scores_come_back_in_the_callers_order():
    pool = shuffled_pool()
    scores = choose(Highest(), "highest", pool, 6).scores
    np.testing.assert_array_equal(scores, np.stack([pool.rows["value"], pool.costs], 1))


def test_a_strategy_sees_a_pool_sorted_by_id_in_every_part():
    pool, seen = shuffled_pool(), []

    def look(shown, budget):
        seen.append(shown)
        return Selection(shown.unlabelled[:budget])

    choose(Says(look), "look", pool, 2)
    shown = seen[0]
    assert list(shown.ids) == sorted(pool.ids)
    assert {shown.ids[i] for i in shown.labelled} == {pool.ids[i] for i in pool.labelled}
    assert {shown.ids[i] for i in shown.unlabelled} == {pool.ids[i] for i in pool.unlabelled}
    assert np.all(np.diff(shown.labelled) > 0)
    assert np.all(np.diff(shown.unlabelled) > 0)
    by_id = dict(zip(pool.ids, zip(pool.rows["vector"].tolist(), pool.costs, strict=True), strict=True))
    for place, image in enumerate(shown.ids):
        vector, cost = by_id[image]
        assert shown.rows["vector"][place].tolist() == vector
        assert shown.costs[place] == cost
    assert (shown.round, shown.budget_left) == (2, 9)


def test_a_strategy_cannot_change_the_callers_pool():
    pool = shuffled_pool()
    before = {name: rows.copy() for name, rows in pool.rows.items()}

    def spoil(shown, budget):
        shown.rows["value"][:] = 0
        shown.costs[:] = 0
        shown.unlabelled[:] = shown.unlabelled[::-1].copy()
        return Selection(shown.unlabelled[:budget])

    costs, unlabelled = pool.costs.copy(), pool.unlabelled.copy()
    choose(Says(spoil), "spoil", pool, 2)
    np.testing.assert_array_equal(pool.rows["value"], before["value"])
    np.testing.assert_array_equal(pool.costs, costs)
    np.testing.assert_array_equal(pool.unlabelled, unlabelled)


def test_ids_that_are_there_twice_still_give_other_positions():
    pool = replace(shuffled_pool(), ids=("same",) * 30)
    chosen = choose(Highest(), "highest", pool, 19).indices
    assert sorted(chosen) == sorted(pool.unlabelled)


def test_a_task_mask_may_ask_for_whole_images_only():
    mask = np.ones((3, 2), bool)
    answer = Says(lambda pool, budget: Selection(pool.unlabelled[::-1][:budget], tasks=mask))
    pool = shuffled_pool()
    selection = choose(answer, "mask", pool, 3)
    np.testing.assert_array_equal(selection.tasks, mask)
    by_id = sorted(pool.unlabelled, key=lambda position: pool.ids[position], reverse=True)
    assert selection.indices.tolist() == by_id[:3]


@pytest.mark.parametrize("indices", [[1.0, 2.0], [[1], [2]], [1], [True, False], np.array(["1", "2"]), []])
def test_what_is_not_two_positions_is_refused(indices):
    with pytest.raises(BrokenSelectionError, match=r"'odd' chose an array of shape .* not 2 positions"):
        choose(Says(Selection(indices)), "odd", shuffled_pool(), 2)


@pytest.mark.parametrize("position", [-1, 30, 10**12])
def test_a_position_outside_the_pool_is_refused(position):
    answer = Says(lambda pool, budget: Selection(np.array([pool.unlabelled[0], position])))
    with pytest.raises(BrokenSelectionError, match="'out' chose a position outside the pool of 30"):
        choose(answer, "out", shuffled_pool(), 2)


def test_a_labelled_image_and_one_twice_are_refused():
    labelled = Says(lambda pool, budget: Selection(pool.labelled[:budget]))
    with pytest.raises(BrokenSelectionError, match="labelled already"):
        choose(labelled, "x", shuffled_pool(), 2)
    twice = Says(lambda pool, budget: Selection(pool.unlabelled[[0, 0]]))
    with pytest.raises(BrokenSelectionError, match="twice"):
        choose(twice, "x", shuffled_pool(), 2)


@pytest.mark.parametrize(
    ("extras", "word"),
    [
        ({"scores": np.zeros((19, 2))}, r"scores of shape \(19, 2\), not \(30, 2\)"),
        ({"scores": np.zeros(30)}, r"scores of shape \(30,\)"),
        ({"scores": np.full((30, 2), np.nan)}, "not finite"),
        ({"scores": np.full((30, 2), np.inf)}, "not finite"),
        ({"tasks": np.ones((2, 2))}, "not boolean"),
        ({"tasks": np.array([[True, True], [False, True]])}, "some tasks' labels only, and whole images are"),
        ({"tasks": np.ones((30, 2), bool)}, "not boolean"),
    ],
)
def test_extras_of_the_wrong_form_are_refused(extras, word):
    answer = Says(lambda pool, budget: Selection(pool.unlabelled[:budget], **extras))
    with pytest.raises(BrokenSelectionError, match=word):
        choose(answer, "extras", shuffled_pool(), 2)


@pytest.mark.parametrize("answer", [None, np.arange(2), [1, 2], (1, 2)])
def test_anything_but_a_selection_is_refused(answer):
    with pytest.raises(BrokenSelectionError, match=r"'odd' returned \w+, not a Selection"):
        choose(Says(answer), "odd", shuffled_pool(), 2)


@pytest.mark.parametrize("value", [np.nan, -np.inf, "much", None, [1.0]])
def test_a_note_that_no_record_can_hold_is_refused(value):
    def answer(pool, budget):
        return Selection(pool.unlabelled[:budget], notes={"explained": value})

    with pytest.raises(BrokenSelectionError, match="'noting' noted explained="):
        choose(Says(answer), "noting", shuffled_pool(), 3)


def test_notes_are_handed_on():
    def answer(pool, budget):
        return Selection(pool.unlabelled[:budget], notes={"explained": np.float32(0.5), "steps": 3})

    assert choose(Says(answer), "noting", shuffled_pool(), 3).notes == {"explained": 0.5, "steps": 3}


@pytest.mark.parametrize(
    "values", [[0.5, 0.5], [0.5, 0.5, 0], [0.5, 0.5, 1.01], [0.5, 0.5, float("nan")], [[0.5, 0.5, 0.5]]]
)
def test_probabilities_that_are_none_are_refused(values):
    def answer(pool, budget):
        return Selection(pool.unlabelled[:budget], probabilities=np.array(values))

    with pytest.raises(BrokenSelectionError, match="gave probabilities that are not 3 numbers over 0 and at"):
        choose(Says(answer), "lottery", shuffled_pool(), 3)


def test_probabilities_are_handed_on_in_order_of_choice():
    def answer(pool, budget):
        return Selection(pool.unlabelled[:budget], probabilities=np.array([0.1, 0.3, 1.0]))

    assert choose(Says(answer), "lottery", shuffled_pool(), 3).probabilities.tolist() == [0.1, 0.3, 1.0]


class Labels(Says):
    """Buys labels by themselves."""

    partial = True


def some_labels(budget=1.0):
    """Ten images of two tasks: three are whole, two have the first task's label, and prices are 1 to 9."""
    mask = np.zeros((10, 2), bool)
    mask[:3], mask[3:5, 0] = True, True
    return Pool(
        tasks=TASKS,
        ids=tuple(f"id-{n}" for n in range(10)),
        labelled=np.arange(3),
        unlabelled=np.arange(3, 10),
        rows={},
        round=1,
        budget_left=9,
        costs=np.tile([0.1, 0.9], (10, 1)),
        rng=np.random.default_rng(0),
        budget=budget,
        mask=mask,
    )


@pytest.mark.parametrize(
    ("images", "tasks", "budget", "word"),
    [
        ([3, 5], [[False, True], [True, True]], 1.8, "labels for 1.9, and the budget is 1.8"),
        ([3], [[True, False]], 5, "a label that was bought already"),
        ([3, 6], [[False, True], [False, False]], 5, "an image and none of its labels"),
        ([5, 5], [[True, False], [False, True]], 5, "an image twice"),
        ([0], [[True, False]], 5, "an image that is labelled already"),
        ([5], [[True, False], [False, True]], 5, r"a task mask that is not boolean of shape \(1, 2\)"),
        ([5, 6], None, 1.9, "labels for 2, and the budget is 1.9"),
    ],
)
def test_labels_that_cannot_be_bought_are_refused(images, tasks, budget, word):
    mask = None if tasks is None else np.array(tasks)
    answer = Labels(Selection(np.array(images), tasks=mask))
    with pytest.raises(BrokenSelectionError, match=rf"'labels' \w+ (for )?{word}"):
        choose(answer, "labels", some_labels(budget), 0)


def test_labels_for_exactly_the_budget_are_bought_though_their_sum_is_off_in_its_last_digit():
    mask = np.array([[False, True], [True, False], [True, True]])
    answer = Labels(Selection(np.array([3, 5, 6]), tasks=mask))
    chosen = choose(answer, "labels", some_labels(0.9 + 0.1 + 1.0), 0)
    np.testing.assert_array_equal(chosen.tasks, mask)


def test_nothing_is_a_choice_of_labels():
    assert not len(choose(Labels(Selection(np.zeros(0, int))), "labels", some_labels(0), 0).indices)


def test_whoever_is_left_alone_is_drawn_with_probability_1():
    """Its two shares, even and by distance, may add up to a last digit more."""
    for seed in range(40):
        rng = np.random.default_rng(seed)
        lots = distance_sampling(
            rng.standard_normal((6, 2)), 6, (), weights=rng.gamma(1, size=6), uniform=rng.random(), rng=rng
        )
        answer = Says(
            lambda pool, budget, likely=lots[1]: Selection(pool.unlabelled[:6], probabilities=likely)
        )
        likely = choose(answer, "lottery", shuffled_pool(), 6).probabilities
        assert likely.max() <= 1
        assert likely[-1] == pytest.approx(1)


def test_labels_bought_by_themselves_have_no_probabilities():
    answer = Labels(Selection(np.array([5]), tasks=np.array([[True, False]]), probabilities=np.ones(1)))
    with pytest.raises(BrokenSelectionError, match="probabilities, which are of images"):
        choose(answer, "labels", some_labels(), 0)


@given(st.permutations(range(10)))
def test_labels_and_prices_go_with_their_images_into_any_order(order):
    pool = some_labels()
    part = pool.at(np.array(order))
    np.testing.assert_array_equal(part.bought, pool.bought[order])
    assert [order[place] for place in part.unlabelled] == [i for i in order if i >= 3]

"""Functions and classes that score: checked, ranked per task, and the highest chosen."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import baselines  # noqa: F401
from strategies import register
from strategies.contract import TASKS, Probe, made_up_outputs
from strategies.interface import Pool, Selection
from strategies.probe import BUDGET
from strategies.registry import RegistryError, entries, resolve
from strategies.scoring import FunctionStrategy, ScoreStrategy, columns

NAMES = tuple(task.name for task in TASKS)


def pool_of(rows, labelled=(), seed=0, tasks=TASKS):
    count = len(next(iter(rows.values()))) if rows else 3
    return Pool(
        tasks=tasks,
        ids=tuple(f"i{n:03d}" for n in range(count)),
        labelled=np.array(labelled, dtype=np.int64),
        unlabelled=np.setdiff1d(np.arange(count), labelled),
        rows=rows,
        round=0,
        budget_left=count,
        costs=np.full((count, len(tasks)), 1 / len(tasks)),
        rng=np.random.default_rng(seed),
    )


def random_rows(count=40, seed=0):
    rng = np.random.default_rng(seed)
    return {name: rng.random(count) for name in NAMES}


def mean_ranks(rows, unlabelled):
    """Every task's place in an argsort over the unlabelled images, added up."""
    return sum(np.argsort(np.argsort(values[unlabelled])) for values in rows.values())


def test_the_highest_mean_rank_over_the_unlabelled_is_chosen():
    rows, labelled = random_rows(), [0, 7, 8, 30]
    pool = pool_of(rows, labelled)
    total = mean_ranks(rows, pool.unlabelled)
    chosen = ScoreStrategy().select(pool, 6).indices
    found = [total[np.flatnonzero(pool.unlabelled == position)[0]] for position in chosen]
    assert found == sorted(total, reverse=True)[:6]


@pytest.mark.parametrize("task", NAMES)
def test_scores_of_different_scales_are_never_added(task):
    rows = random_rows()
    louder = {name: values * (1000 if name == task else 1) for name, values in rows.items()}
    one, two = (ScoreStrategy().select(pool_of(each, [1, 2]), 10).indices for each in (rows, louder))
    assert one.tolist() == two.tolist()


def test_labelled_images_do_not_change_the_ranks_of_the_others():
    rows, labelled = random_rows(), [3, 4, 5]
    extreme = {name: np.where(np.isin(np.arange(40), labelled), 1e9, values) for name, values in rows.items()}
    one, two = (ScoreStrategy().select(pool_of(each, labelled), 10).indices for each in (rows, extreme))
    assert one.tolist() == two.tolist()


def test_scores_are_handed_on_raw_with_zeros_for_tasks_without_one():
    rows = {"depth": np.array([1.0, 5.0, 2.0]), "semseg": np.array([0.1, 0.2, 0.3])}
    selection = ScoreStrategy().select(pool_of(rows), 1)
    expected = np.zeros((3, len(TASKS)))
    expected[:, NAMES.index("depth")], expected[:, NAMES.index("semseg")] = rows["depth"], rows["semseg"]
    np.testing.assert_array_equal(selection.scores, expected)


def test_rows_that_are_no_task_are_left_out():
    rows = random_rows()
    more = rows | {"vector": np.zeros((40, 9)), "other": np.arange(40.0)}
    one, two = (ScoreStrategy().select(pool_of(each), 5).indices for each in (rows, more))
    assert one.tolist() == two.tolist()


@pytest.mark.parametrize("rows", [{}, {"other": np.arange(3.0)}])
def test_no_score_at_all_names_the_tasks(rows):
    with pytest.raises(ValueError, match="semseg, saliency, depth, normals"):
        ScoreStrategy().select(pool_of(rows), 1)


def test_a_column_may_have_one_number_or_one_row_of_one():
    pool = pool_of({"depth": np.arange(3.0)[:, None], "semseg": np.arange(3, dtype=np.float32)})
    np.testing.assert_array_equal(columns(pool, ["semseg", "depth"]), [[0, 0], [1, 1], [2, 2]])


def measured(function, **values):
    return FunctionStrategy(function, (), values).measure(made_up_outputs(images=5))


def test_a_function_gets_the_outputs_and_its_values():
    def score(outputs, power=1.0):
        return {"depth": outputs.refined["depth"].mean((1, 2, 3)) * power}

    outputs = made_up_outputs(images=5)
    torch.testing.assert_close(
        measured(score, power=3.0)["depth"], 3 * outputs.refined["depth"].mean((1, 2, 3))
    )


def test_one_score_of_the_image_is_that_of_every_task_that_has_one():
    whole = torch.arange(5.0)
    said = FunctionStrategy(lambda outputs: whole, (), {}).measure(made_up_outputs(images=5))
    assert list(said) == list(NAMES)
    assert all(torch.equal(score, whole) for score in said.values())
    some = FunctionStrategy(lambda outputs: whole, (), {}, ("scalar",)).measure(made_up_outputs(images=5))
    assert list(some) == ["depth"]


class Whole(ScoreStrategy):
    """A class may say so too."""

    def measure(self, outputs):
        return outputs.refined["depth"].mean((1, 2, 3))


def test_a_class_may_give_one_score_of_the_image_and_be_a_base():
    register("whole", source="test")(Whole)
    for name in ("whole", "whole[task=depth]", "power[base=whole]", "density[base=whole]"):
        probe = Probe(resolve(name))
        assert set(NAMES) <= set(probe.pool().rows)
        assert len(probe.choose(probe.pool()).indices) == BUDGET


class Choosing(ScoreStrategy):
    """Chooses by something else than the tasks that decide."""

    def measure(self, outputs):
        return {task.name: outputs.refined[task.name].mean((1, 2, 3)) for task in outputs.tasks}

    def select(self, pool, budget):
        return Selection(pool.unlabelled[:budget])


class Picking(Choosing):
    """Chooses by the tasks that decide, in its own way."""

    select = ScoreStrategy.select

    def pick(self, scores, budget, rng):
        return np.argsort(scores.max(1))[:budget]


def test_a_task_is_refused_where_it_would_be_ignored_and_decides_where_it_is_offered():
    register("choosing", source="test")(Choosing)
    register("picking", source="test")(Picking)
    with pytest.raises(RegistryError, match=r"no parameter of choosing 'task'"):
        resolve("choosing[task=depth]")
    probe = Probe(resolve("picking[task=depth]"))
    pool = probe.pool()
    expected = pool.unlabelled[np.argsort(pool.rows["depth"][pool.unlabelled])][:BUDGET]
    assert probe.choose(pool).indices.tolist() == expected.tolist()


@pytest.mark.parametrize("name", [name for name in entries() if "task" in entries()[name].parameters])
def test_where_a_task_is_offered_the_scores_of_others_do_not_matter(name):
    chosen, task = set(), "depth" if name == "cross-task" else "saliency"  # that compares depth and normals
    for seed in range(3):
        probe = Probe(resolve(f"{name}[task={task}]"))
        pool = probe.pool()
        noise = np.random.default_rng(seed)
        rows = {
            key: noise.permutation(rows) if key in NAMES and key != task else rows
            for key, rows in pool.rows.items()
        }
        chosen.add(tuple(probe.choose(replace(pool, rows=rows)).indices.tolist()))
    assert len(chosen) == 1


@pytest.mark.parametrize(
    "word", ["views", "kinds", "make", "function", "values", "outputs", "thing", "entry"]
)
def test_parameters_may_have_any_name(word):
    scope = {}
    code = (
        "def scored(seen, WORD: float = 1.0): return {'depth': seen.refined['depth'].mean((1, 2, 3)) * WORD}"
    )
    exec(code.replace("WORD", word), scope)
    register("worded", source="test")(scope["scored"])
    outputs = made_up_outputs()
    one, three = (resolve(f"worded[{word}={value}]").create().measure(outputs)["depth"] for value in (1, 3))
    torch.testing.assert_close(three, 3 * one)


@pytest.mark.parametrize(
    ("scores", "word"),
    [
        ({}, "empty"),
        (None, "must be {task: tensor} or one tensor, not NoneType"),
        ([1, 2], "not list"),
        (torch.zeros(5, 16, 12), r"not by task must be one number per image, not \(5, 16, 12\)"),
        (torch.zeros(()), r"not by task must be one number per image, not \(\)"),
        ({"depth": 1.0}, "scores of depth must be a tensor of one number per image, not float"),
        ({"dept": torch.zeros(5)}, "dept"),
        ({"depth": torch.zeros(5, 16, 12)}, r"one number per image, not \(5, 16, 12\)"),
        ({"depth": torch.zeros(())}, r"one number per image, not \(\)"),
        ({"depth": torch.zeros(4)}, r"one number per image, not \(4,\)"),
    ],
)
def test_a_function_that_does_not_score_images_is_told_so(scores, word):
    with pytest.raises(ValueError, match=word):
        measured(lambda outputs: scores)


def test_one_task_may_decide_alone():
    rows = random_rows()
    strategy = ScoreStrategy()
    strategy.task = "depth"
    selection = strategy.select(pool_of(rows, [1, 2]), 5)
    unlabelled = np.setdiff1d(np.arange(40), [1, 2])
    assert selection.indices.tolist() == unlabelled[np.argsort(-rows["depth"][unlabelled])][:5].tolist()
    assert (selection.scores[:, [i for i, n in enumerate(NAMES) if n != "depth"]] == 0).all()


@pytest.mark.parametrize("name", ["entropy[task=depth]", "learning-loss[task=depth]"])
def test_the_task_is_a_parameter_of_every_strategy_of_scores(name):
    strategy = resolve(name).create()
    strategy.check(TASKS)
    assert strategy.task == "depth"


def test_an_unknown_task_is_refused_before_anything_is_trained():
    with pytest.raises(ValueError, match="task=dept: there is no such task; there is: semseg, saliency"):
        resolve("entropy[task=dept]").create().check(TASKS)


def test_a_score_for_some_kinds_refuses_the_others():
    @register("sure", source="test", kinds=("categorical", "binary"))
    def sure(outputs):
        return {t: outputs.refined[t].amax((1, 2, 3)) for t in outputs.of_kind("categorical", "binary")}

    resolve("sure").create().check(TASKS)
    resolve("sure[task=saliency]").create().check(TASKS[:2])
    with pytest.raises(ValueError, match=r"categorical and binary tasks only; of semseg, .* it can score"):
        resolve("sure[task=depth]").create().check(TASKS)
    with pytest.raises(ValueError, match="of depth, normals it can score none"):
        resolve("sure").create().check(TASKS[2:])
    with pytest.raises(RegistryError, match="kind of task"):
        register("odd", source="test", kinds=("class",))(sure)

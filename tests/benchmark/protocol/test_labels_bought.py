"""Runs in which labels are bought by themselves: within their price, once each, and the same when resumed."""

import json
from dataclasses import replace

import numpy as np
import pytest
from stopping import ALWAYS, StoppedError, stopping

from benchmark.execution.serial import run_serial
from benchmark.protocol.labels.history import History
from benchmark.protocol.work_left import Job, plan, run_job, work_left
from benchmark.records.results_folder import write_head
from benchmark.records.round_store import Store
from benchmark.report.results.archives import pack, unpacked
from strategies.interface import Selection, Strategy
from strategies.registry import register

COSTS = {"semseg": 10, "depth": 1, "normals": 1, "edge": 3, "saliency": 5}
BUYERS = [
    "random",
    "random-pairs",
    "random-split",
    "one-task[task=semseg]",
    "partial[base=inconsistency]",
    "consistency-diversity-pairs",
]
VOLATILE = ("seconds", "peak_memory_mb", "sha256")


def finished(bench):
    assert run_serial(bench, plan(bench.experiment)) == []
    return {(done.strategy, done.round): done for done in bench.store.rounds()}


def numbers(rounds):
    """All that a resumed run must repeat."""
    return {at: replace(done, seconds={}, peak_memory_mb=0) for at, done in rounds.items()}


@pytest.fixture(scope="module")
def bought(tmp_path_factory, small_bench):
    bench = small_bench(tmp_path_factory.mktemp("bought"), strategies=BUYERS, costs=COSTS, full_data=False)
    return bench, finished(bench)


def pairs(images, labels):
    return [(image, task) for image, tasks in zip(images, labels, strict=True) for task in tasks]


def labels_of(done, bench):
    names = [task.name for task in bench.dataset.tasks]
    return pairs(done.labelled, done.labels or [names] * len(done.labelled))


def test_every_round_trains_on_what_was_bought_before_and_spends_no_more_than_it_may(bought):
    bench, rounds = bought
    names, unit = [task.name for task in bench.dataset.tasks], sum(COSTS.values())
    for strategy in {name for name, _ in rounds} - {"constant"}:
        for number in (0, 1, 2):
            done = rounds[strategy, number]
            before = labels_of(done, bench)
            assert len(set(before)) == len(before)
            assert done.size == (4, 7, 10)[number]
            spent = sum(COSTS[task] for _, task in before) / unit
            assert spent <= done.size + 1e-9
            assert done.spent is None or sum(done.spent.values()) == pytest.approx(spent)
            if number < 2:
                new = pairs(done.selected, done.selected_labels or [names] * len(done.selected))
                assert not set(new) & set(before)
                assert set(labels_of(rounds[strategy, number + 1], bench)) == {*before, *new}


def test_what_is_left_of_a_budget_pays_for_no_label_that_is_wanted(bought):
    _, rounds = bought
    for strategy in ("random-pairs", "partial[base=inconsistency]", "consistency-diversity-pairs"):
        assert sum(rounds[strategy, 2].spent.values()) > 10 - 1 / 20


def test_one_task_alone_gains_labels(bought):
    _, rounds = bought
    for _, tasks in pairs_after_the_first(rounds, "one-task[task=semseg]"):
        assert tasks == ("semseg",)
    first = rounds["random", 0].labelled
    assert set(rounds["one-task[task=semseg]", 2].labelled) > set(first)


def pairs_after_the_first(rounds, strategy):
    return [
        (image, tasks)
        for number in (0, 1)
        for image, tasks in zip(
            rounds[strategy, number].selected, rounds[strategy, number].selected_labels, strict=True
        )
    ]


def test_whole_images_are_bought_as_without_prices_where_all_cost_the_same(bought, small_bench, tmp_path):
    _, priced = bought
    plain = finished(small_bench(tmp_path, strategies=["random"], full_data=False))
    for number in (0, 1, 2):
        one, other = priced["random", number], plain["random", number]
        assert (one.labelled, one.selected, one.metrics) == (other.labelled, other.selected, other.metrics)
        assert one.weights_digest == other.weights_digest
        assert one.labels is one.spent is None


def test_equal_prices_of_whole_images_change_no_byte(small_bench, tmp_path):
    names = dict.fromkeys(COSTS, 7)
    benches = [small_bench(tmp_path / "none"), small_bench(tmp_path / "equal", costs=names)]
    for bench in benches:
        finished(bench)
    for bench in benches:
        bench.store.write_results()
    roots = [bench.store.root for bench in benches]
    files = [sorted(f.relative_to(root) for root in [root] for f in root.rglob("*.*")) for root in roots]
    assert files[0] == files[1]
    assert (roots[0] / "results.csv").read_bytes() == (roots[1] / "results.csv").read_bytes()
    for file in (file for file in files[0] if file.name.endswith(".npy.gz")):
        assert (roots[0] / file).read_bytes() == (roots[1] / file).read_bytes()
    records = [file for file in files[0] if file.match("round-*.json")]
    assert len(records) == 3 * 3 + 3
    for file in records:
        one, other = (json.loads((root / file).read_bytes()) for root in roots)
        assert list(one) == list(other)
        assert {n: v for n, v in one.items() if n not in VOLATILE} == {
            n: v for n, v in other.items() if n not in VOLATILE
        }


def test_a_run_of_labels_goes_on_where_rounds_are_missing(bought, small_bench, tmp_path):
    _, undisturbed = bought
    again = small_bench(tmp_path, strategies=BUYERS[1:3], costs=COSTS, full_data=False)
    finished(again)
    for file in tmp_path.rglob("round-02.json"):
        file.unlink()
    resumed = numbers(finished(again))
    assert resumed
    for at, done in resumed.items():
        assert done == numbers(undisturbed)[at]


def test_a_round_of_labels_that_is_killed_ends_with_the_same_bits(bought, small_bench, tmp_path):
    _, undisturbed = bought
    name = "consistency-diversity-pairs"
    fields = {"strategies": [name], "costs": COSTS, "full_data": False, "checkpoint_minutes": ALWAYS}
    bench = small_bench(tmp_path, **fields)
    run_job(bench, Job("round-0", 0))
    stops = 0
    for _ in range(6):
        steps = iter(range(3))
        bench.progress.advance = lambda _, steps=steps: stopping(1)(next(steps))
        try:
            run_job(bench, Job("trajectory", 0, name))
        except (StoppedError, StopIteration):
            stops += 1
    bench.progress.advance = int
    run_job(bench, Job("trajectory", 0, name))
    assert stops >= 2
    resumed = numbers({(d.strategy, d.round): d for d in bench.store.rounds() if d.strategy == name})
    assert len(resumed) == 3
    for at, done in resumed.items():
        assert done == numbers(undisturbed)[at]


class AllOfSome(Strategy):
    """Every label of the first images of the pool by id, asked for one by one."""

    partial = True

    def select(self, pool, budget):
        chosen = pool.unlabelled[:budget]
        return Selection(chosen, np.ones(pool.costs.shape), tasks=np.ones((budget, len(pool.tasks)), bool))


class Some(AllOfSome):
    """The same images, bought whole."""

    partial = False

    def select(self, pool, budget):
        return replace(super().select(pool, budget), tasks=None)


def test_labels_of_all_tasks_are_whole_images(small_bench, tmp_path):
    register("all-of-some", source="")(AllOfSome)
    register("some", source="")(Some)
    rounds = finished(small_bench(tmp_path, strategies=["all-of-some", "some"], full_data=False))
    for number in (0, 1, 2):
        one, other = (rounds[name, number] for name in ("all-of-some", "some"))
        assert one.labels is one.selected_labels is one.budget is None
        assert (one.labelled, one.metrics, one.scores) == (other.labelled, other.metrics, other.scores)
        assert one.weights_digest == other.weights_digest


def test_a_replay_repeats_which_labels_were_bought(bought, small_bench, tmp_path):
    bench, rounds = bought
    name = "random-split"
    folder = bench.store.trajectory("rooms", name, 0).parent
    replay = f"replay[from={folder}]"
    again = finished(small_bench(tmp_path, strategies=[replay], costs=COSTS, full_data=False))
    done = {number: done for (strategy, number), done in again.items() if strategy != "constant"}
    for number in (0, 1, 2):
        stored = rounds[name, number]
        assert dict(zip(stored.labelled, stored.labels or [None] * 99, strict=False)) == dict(
            zip(done[number].labelled, done[number].labels or [None] * 99, strict=False)
        )
        assert done[number].weights_digest == stored.weights_digest


def test_other_prices_are_another_study(bought):
    bench, _ = bought
    other = replace(bench, experiment=bench.experiment.model_copy(update={"costs": {**COSTS, "depth": 2}}))
    job = Job("trajectory", 0, "random-pairs")
    assert work_left(bench, job).trainings == 0
    assert work_left(other, job).trainings == 2


PAIRS = {"first_labels": "pairs", "costs": COSTS, "full_data": False}


@pytest.fixture(scope="module")
def from_pairs(tmp_path_factory, small_bench):
    bench = small_bench(tmp_path_factory.mktemp("pairs"), strategies=["random", "random-pairs"], **PAIRS)
    return bench, finished(bench)


def test_a_first_set_of_pairs_has_one_label_an_image_and_every_task_its_turn(from_pairs):
    bench, rounds = from_pairs
    done = rounds["random", 0]
    assert done.labels == rounds["random-pairs", 0].labels
    assert done.size == 4
    assert 4 - 1 / 20 < sum(done.spent.values()) <= 4 + 1e-9
    counts = [sum(task in tasks for tasks in done.labels) for task in COSTS]
    assert min(counts) >= 3
    first = History.first(bench, 0)
    assert first.mask is not None
    # All sixteen images have one label before any has two.
    assert {len(tasks) for tasks in done.labels} <= {1, 2}
    assert len(done.labelled) == 16


def test_after_a_first_set_of_pairs_whole_images_are_completed(from_pairs):
    _, rounds = from_pairs
    for number in (0, 1):
        done = rounds["random", number]
        assert done.selected
        before = dict(zip(done.labelled, done.labels, strict=True))
        for image, tasks in zip(done.selected, done.selected_labels, strict=True):
            assert {*tasks} == set(COSTS) - set(before[image])


def test_results_stand_at_the_budget_that_all_strategies_have(bought):
    bench, _ = bought
    table = bench.store.write_results().read_text().splitlines()[1:]
    sizes = {(row.split(",")[1], row.split(",")[4]) for row in table if "one-task" not in row}
    assert {size for name, size in sizes if name == "random-pairs"} == {"4", "7", "10"}


def test_packed_results_keep_their_labels(bought, tmp_path):
    bench, rounds = bought
    write_head(bench.experiment, bench, bench.store.root, {})
    bench.store.write_results()
    pack(bench.store.root, tmp_path / "packed.zip", scores=False)
    with unpacked(tmp_path / "packed.zip") as folder:
        stored = {(done.strategy, done.round): done for done in Store(folder).rounds()}
    for at, done in rounds.items():
        assert (stored[at].labels, stored[at].selected_labels) == (done.labels, done.selected_labels)


def test_images_have_prices_of_their_own(small_bench, tmp_path):
    """Whole images are bought as long as they are paid, and a column of equal numbers is none."""
    bench = small_bench(tmp_path, strategies=["random", "random-pairs"], full_data=False)
    ids = bench.dataset.train.ids
    columns = {"hours": {image: 1.0 + (number % 3) for number, image in enumerate(ids)}}
    dataset = replace(bench.dataset, columns=columns)
    fields = {"cost_columns": dict.fromkeys(COSTS, "hours")}
    bench = replace(bench, dataset=dataset, experiment=bench.experiment.model_copy(update=fields))
    assert bench.costs.sum(1).mean() == pytest.approx(1)
    assert bench.costs[1].sum() == pytest.approx(2 * bench.costs[0].sum())
    rounds = finished(bench)
    for strategy in ("random", "random-pairs"):
        for number, budget in enumerate((4, 7, 10)):
            done = rounds[strategy, number]
            where = [ids.index(image) for image in done.labelled]
            names = [task.name for task in dataset.tasks]
            mask = np.array([[n in tasks for n in names] for tasks in done.labels or [names] * len(where)])
            price = float(bench.costs[where][mask].sum())
            assert sum(done.spent.values()) == pytest.approx(price)
            assert budget - 1.5 < price <= budget + 1e-9
            assert done.size == budget


def test_at_one_price_all_strategies_train_equally_long(small_bench, tmp_path):
    """Epochs are those of as many whole images, whatever the number of images with a label."""
    recipe = {"epochs": 2.0, "iterations": None, "fewest_iterations": 1, "batch_size": 2}
    bench = small_bench(
        tmp_path, strategies=["random", "random-pairs"], costs=COSTS, full_data=False, recipe=recipe
    )
    run_job(bench, Job("round-0", 0))
    for name in bench.experiment.strategies:
        steps = []
        bench.progress.advance = steps.append
        run_job(bench, Job("trajectory", 0, name))
        assert steps == [*range(1, 8), *range(1, 11)]

"""An oracle is told what trained networks lose, on images in no pool that nothing is evaluated on."""

from dataclasses import replace

import numpy as np
import pytest
from stopping import StoppedError

from benchmark.errors import UserError
from benchmark.experiment.recipe import Recipe
from benchmark.progress import Progress
from benchmark.protocol.references import oracle
from benchmark.protocol.references.oracle import TrainedJudge
from benchmark.protocol.work_left import Job, Work, plan, run_job, work_left
from benchmark.records.judged_sets import FILE
from benchmark.training.evaluate import evaluate, total_loss
from benchmark.training.train import train, weights_digest
from strategies.registry import resolve

FROZEN = {
    "network": {
        "backbone": "tf_efficientnet_lite0",
        "pretrained": True,
        "frozen": True,
        "join": "project",
        "width": 8,
        "blocks": 1,
    },
    "data": {"pool": 20, "val": 4, "height": 32, "width": 32},
    "recipe": {"iterations": 4, "batch_size": 4, "evaluation_batch_size": 8, "augmentation": {"flip": True}},
    "budgets": [4, 6, 8],
    "full_data": False,
    "oracle_split": 0.2,
}
BOSS = "boss[candidates=3,bases=random+core-set]"
JOB = Job("trajectory", 0, BOSS)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MTAL_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def frozen_bench(small_bench, tmp_path):
    def opened(folder="one", **changes):
        return small_bench(tmp_path / folder, **{**FROZEN, "strategies": ["random", BOSS], **changes})

    return opened


def judge_of(bench, labelled=(0, 1, 2, 3), seed=0, number=0):
    return TrainedJudge(bench, BOSS, seed, number, np.array(labelled), "key")


def test_it_says_the_loss_of_a_training_on_images_apart(frozen_bench):
    bench = frozen_bench()
    judged = judge_of(bench)(np.array([9, 5]), 0.5)
    recipe = Recipe.model_validate({**FROZEN["recipe"], "iterations": 2})
    streams = replace(bench.streams(0, 0), dataset="rooms\0oracle")
    where = np.array([0, 1, 2, 3, 5, 9])
    network = train(bench.pool, where, None, bench.experiment.network, recipe, streams, {}).network
    assert set(bench.apart.ids) & set(bench.pool.ids) == set()
    assert judged.loss == evaluate(network, bench.apart, 8)["total"]["loss"]
    assert judged.loss != evaluate(network, bench.val, 8)["total"]["loss"]
    assert judged.processor_seconds > 0
    assert total_loss(network, bench.val, 3) == pytest.approx(
        evaluate(network, bench.val, 8)["total"]["loss"]
    )


def test_the_same_question_is_trained_once_and_every_answer_begins_alike(frozen_bench, monkeypatch):
    bench, begun = frozen_bench(), []
    monkeypatch.setattr(oracle, "train", lambda *given: begun.append(given) or train(*given))
    judge = judge_of(bench)
    first = judge(np.array([9, 5]), 0.5)
    assert judge(np.array([5, 9]), 0.5) == first
    assert judge_of(bench)(np.array([5, 9]), 0.5) == first, "by a later process"
    assert len(begun) == 1
    others = [judge(np.array([5, 9]), 1.0), judge(np.array([5, 8]), 0.5)]
    assert len({first.loss, *(other.loss for other in others)}) == 3
    others = [judge_of(bench, seed=1), judge_of(bench, number=1)]
    for other in others:
        assert other._streams != judge._streams
    assert {given[5] for given in begun} == {judge._streams}
    with pytest.raises(ValueError, match="share of the recipe"):
        judge(np.array([5]), 1.5)


def test_no_training_that_is_evaluated_has_the_oracle_s_streams(frozen_bench):
    bench = frozen_bench()
    recipe, network = Recipe.model_validate(FROZEN["recipe"]), bench.experiment.network
    digests = {
        weights_digest(train(bench.pool, np.arange(4), None, network, recipe, streams, {}).network)
        for streams in (bench.streams(0, 1), bench.streams(0, 1).apart("oracle"))
    }
    assert len(digests) == 2


def numbers(bench, strategy=BOSS):
    kept = ("round", "labelled", "selected", "metrics", "weights_digest", "key")
    rounds = [bench.store.read("rooms", strategy, 0, number) for number in range(3)]
    losses = [{name: value for name, value in done.notes.items() if "loss" in name} for done in rounds]
    return [
        ({name: getattr(done, name) for name in kept}, loss)
        for done, loss in zip(rounds, losses, strict=True)
    ]


def test_a_run_that_is_stopped_while_it_judges_goes_on_to_the_same_numbers(frozen_bench, monkeypatch):
    whole = frozen_bench("whole")
    run_job(whole, JOB)
    assert [done.notes["trainings"] for done in rounds_with_a_choice(whole)] == [3, 3]
    stopped, begun = frozen_bench("stopped"), []

    def stopping_at(count):
        def counted(*given):
            begun.append(given)
            if len(begun) == count:
                raise StoppedError
            return train(*given)

        return counted

    for count in (2, 6):  # within the first choice, and within the second
        monkeypatch.setattr(oracle, "train", stopping_at(count))
        with pytest.raises(StoppedError):
            run_job(stopped, JOB)
        assert (stopped.store.trajectory("rooms", resolve(BOSS).name, 0) / FILE).is_file()
    monkeypatch.setattr(oracle, "train", stopping_at(99))
    run_job(stopped, JOB)
    assert len(begun) == 6 + 2, "the two that were stopped, and none twice"
    assert numbers(stopped, resolve(BOSS).name) == numbers(whole, resolve(BOSS).name)
    assert not list(stopped.store.root.rglob(FILE))


def rounds_with_a_choice(bench):
    return [done for done in bench.store.rounds() if done.notes]


def test_random_is_the_same_with_an_oracle_beside_it_and_progress_ends_at_its_end(frozen_bench):
    alone, beside = frozen_bench("alone", strategies=["random"]), frozen_bench("beside")
    left = sum((work_left(beside, job) for job in plan(beside.experiment)), Work())
    assert (left.trainings, left.judged, left.passes) == (1 + 2 + 2, 6, 2)
    assert left.iterations == 5 * 4 + 6 * 2
    beside.progress.begin(left.iterations)
    for bench in (alone, beside):
        for job in plan(bench.experiment):
            run_job(bench, job)
    assert beside.progress.done == beside.progress.total
    assert numbers(beside, "random") == numbers(alone, "random")


def test_what_it_lacks_is_said_before_anything_is_trained(frozen_bench):
    with pytest.raises(UserError, match=r"boss.* cannot run on rooms: .* set oracle_split"):
        frozen_bench(oracle_split=None)
    with pytest.raises(UserError, match=r"boss.* cannot run on rooms: .* set network.frozen"):
        frozen_bench(network={"width": 8, "blocks": 1})
    frozen_bench(oracle_split=None, strategies=["random"])


def test_images_apart_without_any_label_are_refused(frozen_bench, monkeypatch):
    monkeypatch.setattr(oracle, "total_loss", lambda *_: float("nan"))
    with pytest.raises(UserError, match="oracle_split: none of the 4 images set apart has a label"):
        judge_of(frozen_bench())(np.array([7]), 0.5)


def test_a_shortened_recipe_keeps_a_share_of_its_iterations_and_warm_up():
    recipe = Recipe(iterations=10, warmup=4)
    assert (recipe.shortened(5, 0.25).iterations, recipe.shortened(5, 0.25).warmup) == (3, 1)
    assert recipe.shortened(5, 1.0) == recipe
    epochs = Recipe(epochs=3.0, fewest_iterations=2, batch_size=4)
    assert epochs.shortened(40, 0.5).iterations_for(40) == epochs.iterations_for(40) / 2 == 15


def test_progress_of_what_was_found_before_is_skipped(frozen_bench):
    bench = replace(frozen_bench(), progress=Progress(quiet=True))
    judge_of(bench)(np.array([9, 5]), 0.5)
    judge_of(bench)(np.array([5, 9]), 0.5)
    assert bench.progress.done == 4

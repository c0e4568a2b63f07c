"""The runner: shared round 0, fairness between strategies, resuming to the same numbers."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from benchmark.execution.serial import run_serial
from benchmark.progress import Progress
from benchmark.protocol.labels.history import History
from benchmark.protocol.round_zero import missing_of
from benchmark.protocol.work_left import Job, Work, plan, run_job, work_left
from benchmark.records.round_store import Store
from benchmark.training.weights import weights_of
from strategies.interface import Selection, Strategy
from strategies.registry import Named, register, resolve


def finished(bench):
    assert run_serial(bench, plan(bench.experiment)) == []
    return results(bench.store.root)


def results(folder):
    """All that a resumed run must repeat: metrics, selections, weights; not times."""
    keep = ("labelled", "selected", "metrics", "weights_digest", "scores", "key")
    rounds = {(r.strategy, r.seed, r.round): r for r in Store(folder).rounds()}
    return {place: {name: getattr(done, name) for name in keep} for place, done in rounds.items()}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, small_bench):
    bench = small_bench(tmp_path_factory.mktemp("undisturbed"))
    return bench, finished(bench)


def test_every_round_of_every_strategy_is_there(undisturbed):
    bench, rounds = undisturbed
    strategies = bench.experiment.strategies
    alone = {("full-data", 0, 0), ("constant", 0, 0)}
    assert set(rounds) == {(s, 0, n) for s in strategies for n in range(3)} | alone
    for (strategy, _, number), done in rounds.items():
        assert len(done["labelled"]) == (16 if strategy == "full-data" else (4, 7, 10)[number])
        assert len(set(done["labelled"])) == len(done["labelled"])


def test_round_zero_is_one_training_for_all(undisturbed):
    _, rounds = undisturbed
    zeros = [
        done
        for (strategy, _, number), done in rounds.items()
        if number == 0 and strategy not in ("full-data", "constant")
    ]
    assert len({done["weights_digest"] for done in zeros}) == 1
    assert len({done["labelled"] for done in zeros}) == 1
    assert len({json.dumps(done["metrics"]) for done in zeros}) == 1


def test_labels_grow_by_what_was_selected(undisturbed):
    bench, rounds = undisturbed
    for strategy in bench.experiment.strategies:
        for number in (0, 1):
            before, after = rounds[strategy, 0, number], rounds[strategy, 0, number + 1]
            assert after["labelled"] == before["labelled"] + before["selected"]
        assert rounds[strategy, 0, 2]["selected"] == ()


def test_first_sets_differ_between_seeds_and_repeat(small_bench, tmp_path):
    bench = small_bench(tmp_path)
    sets = [tuple(bench.first_set(seed)) for seed in range(5)]
    assert len(set(sets)) == 5
    assert sets[0] == tuple(small_bench(tmp_path).first_set(0))


@pytest.mark.parametrize("lost", ["weights", "a round", "round zero", "a whole trajectory"])
def test_what_is_lost_is_computed_again_to_the_same_numbers(undisturbed, tmp_path, small_bench, lost):
    bench, before = undisturbed
    folder = tmp_path / "copy"
    shutil.copytree(bench.store.root, folder)
    home = folder / "rooms"
    {
        "weights": lambda: (home / "round-0/seed-0/weights.pt").unlink(),
        "a round": lambda: (home / "learning-loss/seed-0/round-01.json").unlink(),
        "round zero": lambda: shutil.rmtree(home / "round-0"),
        "a whole trajectory": lambda: shutil.rmtree(home / "consistency-diversity"),
    }[lost]()
    assert finished(small_bench(folder)) == before


def without_weights(bench, folder):
    """A copy of the results as an archive has them: of round 0 the record alone."""
    shutil.copytree(bench.store.root, folder)
    (folder / "rooms/round-0/seed-0/weights.pt").unlink()
    return folder


def test_whole_results_without_weights_are_not_trained_again(undisturbed, tmp_path, small_bench, monkeypatch):
    bench = small_bench(without_weights(undisturbed[0], tmp_path / "copy"))
    assert {work_left(bench, job) for job in plan(bench.experiment)} == {Work()}
    monkeypatch.setattr("benchmark.protocol.train_and_evaluate.train", pytest.fail)
    assert finished(bench) == undisturbed[1]


def test_what_is_added_to_results_without_weights_trains_round_zero_for_itself(
    undisturbed, tmp_path, small_bench
):
    bench, before = undisturbed
    folder = without_weights(bench, tmp_path / "copy")
    shutil.rmtree(folder / "rooms/learning-loss")
    again = small_bench(folder)
    assert work_left(again, Job("round-0", 0)).trainings == 1
    assert finished(again) == before


def test_nothing_is_trained_twice(undisturbed, monkeypatch):
    bench, before = undisturbed
    assert {work_left(bench, job) for job in plan(bench.experiment)} == {Work()}

    def never(*_, **__):
        raise AssertionError("trained again")

    monkeypatch.setattr("benchmark.protocol.train_and_evaluate.train", never)
    assert finished(bench) == before


def test_a_strategy_added_later_meets_the_same_round_zero(tmp_path, small_bench):
    few = finished(small_bench(tmp_path / "r", strategies=["random"]))
    more = finished(small_bench(tmp_path / "r", strategies=["random", "learning-loss"]))
    assert {place: more[place] for place in few} == few
    assert more["learning-loss", 0, 0]["weights_digest"] == few["random", 0, 0]["weights_digest"]
    alone = finished(small_bench(tmp_path / "alone", strategies=["learning-loss"]))
    assert {place: more[place] for place in alone} == alone, "beside others or alone, the same numbers"


def test_what_a_strategy_trained_beside_round_zero_is_not_used_for_its_changed_code(undisturbed, monkeypatch):
    bench, _ = undisturbed
    strategies = {name: resolve(name).create() for name in ("random", "learning-loss")}
    assert not missing_of(bench, 0, strategies)
    monkeypatch.setattr(Named, "digests", ("changed",))
    assert set(missing_of(bench, 0, strategies)) == {"learning-loss"}


def edited(bench, monkeypatch):
    """The bench as the next process finds it, after the code of every strategy was edited."""
    monkeypatch.setattr(Named, "digests", ("changed",))
    again = replace(bench, progress=Progress(quiet=True))
    left = {job: work_left(again, job) for job in plan(bench.experiment)}
    again.progress.begin(sum(left.values(), Work()).iterations)
    return again


def test_after_an_edit_all_is_computed_again_and_progress_ends_at_its_end(small_bench, tmp_path, monkeypatch):
    strategies = ["random", "core-set"]
    bench = small_bench(tmp_path, strategies=strategies, full_data=False)
    before = finished(bench)
    again = edited(bench, monkeypatch)
    after = finished(again)
    assert again.progress.done == again.progress.total == 2 * 2 * bench.experiment.recipe.iterations
    assert {place: done["selected"] for place, done in after.items()} == {
        place: done["selected"] for place, done in before.items()
    }
    learned = [place for place in before if place[0] in strategies]
    assert not {after[place]["key"] for place in learned} & {before[place]["key"] for place in learned}


def test_a_trajectory_that_is_computed_again_never_holds_rounds_of_both(small_bench, tmp_path, monkeypatch):
    bench = small_bench(tmp_path, strategies=["random"], full_data=False)
    before = finished(bench)
    again = edited(bench, monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(
            "benchmark.protocol.train_and_evaluate.train", None
        )  # round 0 is shared and stored: round 1 fails
        assert len(run_serial(again, [Job("trajectory", 0, "random")])) == 1
    home = bench.store.trajectory("rooms", "random", 0)
    kept = results(bench.store.root)
    assert {place for place in kept if place[0] == "random"} == {("random", 0, 0)}
    assert kept["random", 0, 0]["key"] != before["random", 0, 0]["key"]
    assert sorted(path.name for path in (home / "earlier").glob("round-*.json")) == [
        f"round-{number:02d}.json" for number in range(3)
    ]
    assert finished(again)["random", 0, 2]["weights_digest"] == before["random", 0, 2]["weights_digest"]


def test_a_flipped_bit_in_the_shared_weights_is_noticed(undisturbed, tmp_path, small_bench):
    bench, before = undisturbed
    folder = tmp_path / "copy"
    shutil.copytree(bench.store.root, folder)
    shutil.rmtree(folder / "rooms/learning-loss")
    weights = folder / "rooms/round-0/seed-0/weights.pt"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    with pytest.warns(UserWarning, match="sha256"):
        assert finished(small_bench(folder)) == before


class Broken(Strategy):
    """Fails in a way that the parameter names."""

    def __init__(self, how: str = "raise"):
        self.how = how

    def select(self, pool, budget):
        if self.how == "raise":
            raise RuntimeError("out of ideas")
        return Selection(pool.unlabelled[[0] * budget])


@pytest.fixture
def broken_strategy(own_registry):
    register("broken", source="a test")(Broken)


@pytest.mark.parametrize(("how", "why"), [("raise", "out of ideas"), ("twice", "an image twice")])
def test_a_broken_strategy_is_named_and_stops_no_other(broken_strategy, small_bench, tmp_path, how, why):
    name = "broken" if how == "raise" else "broken[how=twice]"
    bench = small_bench(tmp_path, strategies=[name, "random"], full_data=False)
    (failure,) = run_serial(bench, plan(bench.experiment))
    assert failure.job == Job("trajectory", 0, name)
    assert why in failure.reason
    assert ("random", 0, 2) in results(bench.store.root)


def test_a_failed_round_zero_fails_what_needs_it_once(small_bench, tmp_path):
    recipe = {"iterations": 3, "batch_size": 4, "learning_rate": 1e30, "optimiser": "sgd"}
    bench = small_bench(tmp_path, recipe=recipe, strategies=["random", "entropy"], full_data=False)
    failures = run_serial(bench, plan(bench.experiment))
    assert [failure.job.kind for failure in failures] == ["round-0", "trajectory", "trajectory"]
    assert "lower recipe.learning_rate" in failures[0].reason
    assert "rooms-train-" in failures[0].reason, "the batch's images are named"


def test_loss_weights_reach_the_training(small_bench, tmp_path):
    weighted, plain = "consistency-diversity", "consistency-diversity[weighting=none]"
    rounds = finished(small_bench(tmp_path, strategies=[weighted, plain], full_data=False))
    assert rounds[weighted, 0, 0]["selected"] == rounds[plain, 0, 0]["selected"]
    assert rounds[weighted, 0, 1]["weights_digest"] != rounds[plain, 0, 1]["weights_digest"]


def test_scores_are_kept_for_every_image(undisturbed):
    _, rounds = undisturbed
    scores = np.array(rounds["consistency-diversity", 0, 0]["scores"])
    assert scores.shape == (16, 5)
    assert np.isfinite(scores).all()


def test_what_a_strategy_notes_of_a_selection_is_kept_with_the_round(undisturbed):
    bench, _ = undisturbed
    notes = [bench.store.read("rooms", "consistency-diversity", 0, number).notes for number in range(3)]
    assert [sorted(each) for each in notes] == [["explained"], ["explained"], []], (
        "the last round selects none"
    )
    assert all(0.5 < each["explained"] <= 1 for each in notes[:2])
    assert bench.store.read("rooms", "random", 0, 0).notes == {}


def test_jobs_can_run_alone_in_any_order(undisturbed, tmp_path, small_bench):
    _, before = undisturbed
    bench = small_bench(tmp_path / "alone")
    run_job(bench, Job("trajectory", 0, "learning-loss"))
    rounds = results(bench.store.root)
    assert rounds == {place: before[place] for place in rounds}
    assert len(rounds) == 3


class Scored(Strategy):
    """Chooses the highest of scores that grow a thousandfold each round, and weighs by their ranks."""

    def __init__(self, silent: int = -1):
        self.silent = silent

    def select(self, pool, budget):
        scores = np.random.default_rng(pool.round).random((len(pool.ids), 5)) * 1000.0**pool.round
        best = pool.unlabelled[np.argsort(-scores[pool.unlabelled, 0])[:budget]]
        return Selection(best, None if pool.round == self.silent else scores)

    def loss_weights(self, ranks):
        return ranks


def played(bench, name):
    """The history of a finished trajectory, and the scores that each of its rounds kept."""
    history, scores = History.first(bench, 0), []
    for number in (0, 1):
        done = bench.store.read("rooms", name, 0, number)
        history = history.after(done, bench)
        scores.append(done.scores and np.array(done.scores))
    return history, scores


@pytest.mark.parametrize("name", ["scored", "scored[silent=0]"])
def test_loss_weights_come_from_each_round_s_own_pool(own_registry, small_bench, tmp_path, name):
    """Once raw scores of all rounds were ranked together, and the weight told when an image was bought."""
    register("scored", source="a test")(Scored)
    bench = small_bench(tmp_path, strategies=[name], full_data=False)
    assert run_serial(bench, plan(bench.experiment)) == []
    history, scores = played(bench, name)
    assert np.isnan(history.ranks[:4]).all(), "the first set was drawn"
    for number, (start, stop) in enumerate([(4, 7), (7, 10)]):
        if scores[number] is None:
            assert np.isnan(history.ranks[start:stop]).all()
            continue
        free = np.setdiff1d(np.arange(16), history.positions[:start])
        own = scores[number][free]
        for row, image in enumerate(history.positions[start:stop], start):
            below = (own < scores[number][image]).mean(0) * len(free) / (len(free) - 1)
            np.testing.assert_allclose(history.ranks[row], below)
    weights = weights_of(Scored(), name, history.ranks)
    assert (weights[:4] == 1).all()
    np.testing.assert_array_equal(weights[7:], history.ranks[7:])


def test_draws_are_kept_with_the_round_and_weigh_the_images_of_the_next(own_registry, small_bench, tmp_path):
    """LURE's weights by its formula, from the probabilities that two rounds kept; the first set weighs 1."""
    name = "softmax[base=margin,weighting=lure]"
    bench = small_bench(tmp_path, strategies=[name, "softmax[base=margin]"], full_data=False)
    assert run_serial(bench, plan(bench.experiment)) == []
    rounds = [bench.store.read("rooms", name, 0, number) for number in (0, 1, 2)]
    history = History.first(bench, 0)
    for done in rounds[:2]:
        history = history.after(done, bench)
    kept = [*rounds[0].probabilities, *rounds[1].probabilities]
    assert len(kept) == 6
    assert rounds[2].probabilities is None, "the last round buys nothing"
    weights = weights_of(resolve(name).create(), name, history.ranks, history.draws)
    expected = [1 + (16 - 10) / (16 - m) * (1 / ((17 - m) * q) - 1) for m, q in enumerate(kept, 5)]
    np.testing.assert_allclose(weights, np.array([1, 1, 1, 1, *expected])[:, None] * np.ones(5))
    plain = [bench.store.read("rooms", "softmax[base=margin]", 0, number) for number in (0, 1)]
    assert plain[0].selected == rounds[0].selected, "weights change the next training, and not this choice"
    assert plain[0].probabilities is None
    assert plain[1].weights_digest != rounds[1].weights_digest


def losses_of(folder):
    """Losses of single validation images of every stored round."""
    store = Store(folder)
    return {(r.strategy, r.seed, r.round): store.losses_of(r) for r in store.rounds()}


def test_losses_of_single_images_are_kept_with_every_training_and_make_its_losses(undisturbed):
    bench, rounds = undisturbed
    kept = losses_of(bench.store.root)
    assert {place for place, found in kept.items() if found is None} == {("constant", 0, 0)}
    for place, found in kept.items():
        if found is not None:
            means = dict(zip(found.tasks, np.nanmean(found.table.astype(float), axis=0), strict=True))
            for task, weight in zip(found.tasks, found.weights, strict=True):
                assert means[task] == pytest.approx(rounds[place]["metrics"][task]["loss"], rel=3e-4)
                assert weight == next(t.weight for t in bench.dataset.tasks if t.name == task)
    zeros = [found for (strategy, _, number), found in kept.items() if found and strategy != "full-data"]
    assert len({found.ids for found in kept.values() if found}) == 1
    assert len(zeros) == 3 * len(bench.experiment.strategies)


def test_without_them_all_numbers_and_keys_are_the_same(undisturbed, small_bench, tmp_path):
    _, rounds = undisturbed
    bench = small_bench(tmp_path)
    bench = replace(bench, experiment=bench.experiment.model_copy(update={"image_losses": False}))
    assert finished(bench) == rounds
    assert set(losses_of(tmp_path).values()) == {None}
    assert not list(tmp_path.rglob("*.losses.npy.gz"))


def test_a_damaged_file_of_them_undoes_no_training(undisturbed, small_bench, tmp_path):
    bench, rounds = undisturbed
    shutil.copytree(bench.store.root, tmp_path, dirs_exist_ok=True)
    for file in tmp_path.rglob("round-00.losses.npy.gz"):
        file.write_bytes(b"torn")
    (strategy, *_) = bench.experiment.strategies
    for number in (0, 1, 2):
        (Store(tmp_path).trajectory(bench.dataset.name, strategy, 0) / f"round-{number:02d}.json").unlink()
    with pytest.warns(UserWarning, match="is not used"):
        assert finished(small_bench(tmp_path)) == rounds
    with pytest.warns(UserWarning, match="is not used"):
        kept = losses_of(tmp_path)
    assert kept[strategy, 0, 0] is None
    assert kept[strategy, 0, 1] is not None

"""Rounds on their way from the store to a tracker: in order, once, and never in the way of the run."""

import time
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
import yaml
from changed_plugins import changed
from image_folders import Folder, picture, write_png
from told import Told

from benchmark.execution.serial import run_serial
from benchmark.plugins import DATASETS, TASKS
from benchmark.protocol.work_left import Job, plan
from benchmark.records.round_store import Store, digest_of
from benchmark.report import Report
from benchmark.tracking import sender as courier
from benchmark.tracking import tracker
from benchmark.tracking.sender import curve_of, sending
from strategies.registry import register, resolve

STRATEGIES = ["random", "learning-loss"]


class Kept:
    """A tracker that keeps what it is sent, by the name of the curve."""

    place = "a list"

    def __init__(self, *_):
        self.rounds, self.begun, self.ended = {}, [], []

    def begin(self, curve):
        self.begun.append(curve)
        return KeptCurve(self, curve)


class KeptCurve:
    def __init__(self, kept, curve):
        self.kept, self.name = kept, curve.name

    def round(self, labelled, values):
        self.kept.rounds.setdefault(self.name, []).append((labelled, values))

    def end(self):
        self.kept.ended.append(self.name)


@pytest.fixture
def bench(small_bench, tmp_path):
    return small_bench(tmp_path, strategies=STRATEGIES)


@pytest.fixture(scope="module")
def done(small_bench, tmp_path_factory):
    """A finished run."""
    bench = small_bench(tmp_path_factory.mktemp("done"), strategies=STRATEGIES)
    assert run_serial(bench, plan(bench.experiment)) == []
    return bench


def sent(bench, kept):
    with sending({"kept": kept}, bench, plan(bench.experiment)):
        pass
    return kept


def test_every_round_is_sent_once_in_order_while_the_run_goes_on(bench, monkeypatch):
    monkeypatch.setattr(courier, "EVERY", 0.01)
    kept = Kept()
    with sending({"kept": kept}, bench, plan(bench.experiment)):
        assert run_serial(bench, plan(bench.experiment)) == []
        deadline = time.monotonic() + 60
        while len(kept.ended) < 3:
            assert time.monotonic() < deadline, "nothing was sent before the end"
            time.sleep(0.01)
    assert {name: [size for size, _ in rounds] for name, rounds in kept.rounds.items()} == {
        "random, seed 0": [4, 7, 10],
        "learning-loss, seed 0": [4, 7, 10],
        "full-data, seed 0": [16],
    }
    assert sorted(kept.ended) == sorted(kept.rounds), "each curve ends once, with its last round"


def test_values_are_all_metrics_and_seconds_of_the_stored_round(done):
    kept = sent(done, Kept())
    stored = Store(done.store.root).read("rooms", "random", 0, 1)
    labelled, values = kept.rounds["random, seed 0"][1]
    assert labelled == len(stored.labelled) == 7
    assert values["total/loss"] == stored.metrics["total"]["loss"]
    assert values["seconds/train"] == stored.seconds["train"]
    metrics = [value for of in stored.metrics.values() for value in of.values() if value is not None]
    assert sorted(values.values()) == sorted([*metrics, *stored.seconds.values()])


def test_settings_say_the_trajectory_and_no_place_of_this_machine(done):
    curve = next(one for one in sent(done, Kept()).begun if one.name == "random, seed 0")
    assert {name: curve.settings[name] for name in ("dataset", "strategy", "seed")} == {
        "dataset": "rooms",
        "strategy": "random",
        "seed": 0,
    }
    assert curve.settings["recipe"]["iterations"] == 3
    assert str(done.store.root) not in str(curve.settings)
    assert curve.place == done.store.trajectory("rooms", "random", 0).relative_to(done.store.root)


def test_a_run_that_goes_on_sends_the_same_curves_under_the_same_ids(done, small_bench):
    first, again = sent(done, Kept()), sent(done, Kept())
    assert first.rounds == again.rounds
    assert [curve.id for curve in first.begun] == [curve.id for curve in again.begun]
    assert len({curve.id for curve in first.begun}) == 3
    more = small_bench(done.store.root, strategies=STRATEGIES, seeds=[0, 1])
    assert curve_of(more, Job("trajectory", 0, "random")).id in {curve.id for curve in first.begun}


def test_other_folders_and_other_code_have_other_ids(done, small_bench, tmp_path, monkeypatch):
    job = Job("trajectory", 0, "random")
    before = curve_of(done, job).id
    assert curve_of(small_bench(tmp_path), job).id != before
    monkeypatch.setattr(type(resolve("random")), "digests", property(lambda self: ("edited",)))
    assert curve_of(done, job).id != before


WORDS = ('"""Ramps of depth, and a task for them."""', '"""In other words."""')


def edited(folder, name, *edit):
    """The path of a file of plug-ins with an edit, in a folder of this name, as a new process finds it."""
    TASKS.entries.pop("relative_depth", None)
    DATASETS.entries.pop("ramps", None)
    (folder / name).mkdir(parents=True)
    return changed(folder / name, *edit)


def test_other_code_of_the_data_set_makes_other_curves_and_other_words_do_not(small_bench, tmp_path):
    def curve(name, *edit):
        dataset = f"{edited(tmp_path, name, *edit)}:ramps"
        bench = small_bench(tmp_path, dataset=dataset, data={}, budgets=[2, 4])
        return curve_of(bench, Job("full-data", 0)).id

    plain, words, steeper = curve("a"), curve("b", *WORDS), curve("c", "1 + self.step", "2 + self.step")
    assert plain == words != steeper


def test_other_code_of_a_task_makes_other_curves(small_bench, tmp_path):
    def curve(name, *edit):
        task = {"folder": "{split}/near", "task": f"{edited(tmp_path, name, *edit)}:relative_depth"}
        folder = Folder(tmp_path / name, {"near": task})
        folder.label("near", lambda path: write_png(path.with_suffix(".png"), picture()[..., 0]))
        bench = small_bench(tmp_path, dataset=str(folder.yaml), data={}, budgets=[1, 2])
        assert bench.dataset.code is None
        return curve_of(bench, Job("full-data", 0)).id

    plain, words, heavier = curve("a"), curve("b", *WORDS), curve("c", "return 1.0 *", "return 2.0 *")
    assert plain == words != heavier


def test_ids_of_what_is_built_in_stay(done):
    code = list(resolve("random").digests)
    parts = [courier.identity(done.store.root), "rooms", "random", 0, code]
    assert curve_of(done, Job("trajectory", 0, "random")).id == digest_of(parts)[:20]


def test_rounds_of_other_settings_are_not_sent(done, small_bench):
    recipe = {**done.experiment.recipe.model_dump(), "iterations": 4}
    assert sent(small_bench(done.store.root, recipe=recipe), Kept()).rounds == {}


@pytest.mark.parametrize("where", ["begin", "round", "end"])
def test_a_tracker_that_fails_is_given_up_and_said_once(bench, monkeypatch, where):
    def down(*_):
        raise ConnectionError("the network\nis down")

    monkeypatch.setattr(Kept if where == "begin" else KeptCurve, where, down)
    said = Told()
    talking, kept = replace(bench, progress=said), Kept()
    with sending({"kept": kept}, talking, plan(bench.experiment)):
        assert run_serial(bench, plan(bench.experiment)) == [], "the run goes on"
    told = [line for line in said.lines if "tracker" in line]
    assert told == ["tracker kept: the network is down; no more is sent, and the run goes on"]


def test_one_tracker_that_fails_takes_no_other_with_it(done):
    class Broken(Kept):
        def begin(self, curve):
            raise OSError("disk full")

    kept = Kept()
    with sending({"broken": Broken(), "kept": kept}, done, plan(done.experiment)):
        pass
    assert len(kept.rounds) == 3


def test_a_tracker_that_hangs_is_left_behind(done, monkeypatch):
    monkeypatch.setattr(courier, "PATIENCE", 0.05)
    free, said = Event(), Told()

    class Hanging(Kept):
        def begin(self, curve):
            free.wait(60)
            return super().begin(curve)

    with sending({"slow": Hanging()}, replace(done, progress=said), plan(done.experiment)):
        pass
    free.set()
    assert "does not answer" in said.lines[-1]


def test_a_strategy_that_cannot_even_be_made_stops_no_curve_of_another(done, monkeypatch):
    @register("moody", source="a test")
    def moody(outputs):
        return {}

    both = done.experiment.model_copy(update={"strategies": ("moody", "random")})
    named = type(resolve("moody"))
    create = named.create

    def failing(self):
        if self.name == "moody":
            raise RuntimeError("not today")
        return create(self)

    monkeypatch.setattr(named, "create", failing)
    kept = sent(replace(done, experiment=both), Kept())
    assert len(kept.rounds["random, seed 0"]) == 3


def test_the_command_sends_to_the_trackers_it_is_given(mtal, small_experiment, monkeypatch):
    kept = Kept()
    monkeypatch.setattr(tracker, "_opened", lambda name, out, study: kept)
    monkeypatch.setattr(
        "benchmark.report.write_report", lambda out: Report((out / "index.html",), "")
    )  # takes a while
    fields = small_experiment(strategies=["random"], budgets=[4, 7]).model_dump(mode="json")
    Path("small.yaml").write_text(yaml.safe_dump(fields))
    done = mtal("run", "small.yaml", "--out", "out", "--no-timing", "--tracker", "tensorboard,wandb")
    assert done.code == 0
    assert "Curves go to a list" in done.err
    assert {name: len(rounds) for name, rounds in kept.rounds.items()} == {
        "full-data, seed 0": 2,  # two trackers, which are one here
        "random, seed 0": 4,
    }

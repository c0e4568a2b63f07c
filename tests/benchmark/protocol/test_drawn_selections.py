"""Pictures of what was chosen: the right images and maps beside the rounds, and nothing hangs on them."""

import io
import shutil
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from told import Told

from benchmark.execution.serial import run_serial
from benchmark.protocol.drawn_selections import HEAT, over
from benchmark.protocol.work_left import plan
from benchmark.records.round_store import CONSTANT, Store
from benchmark.records.selection_pictures import LARGEST, LIST, Pick, picks_folder, read_picks, write_picks
from strategies.contract import TASKS, Probe, made_up_outputs
from strategies.interface import Selection, Strategy
from strategies.registry import register, resolve
from strategies.scoring import ScoreStrategy

STRATEGIES = ["random", "inconsistency", "consistency-diversity"]


def run(bench):
    assert run_serial(bench, plan(bench.experiment)) == []
    return {(r.strategy, r.round): r for r in bench.store.rounds() if r.strategy != CONSTANT}


@pytest.fixture(scope="module")
def played(small_bench, tmp_path_factory):
    bench = small_bench(tmp_path_factory.mktemp("played"), strategies=STRATEGIES, full_data=False)
    return bench, run(bench)


def folder_of(bench, strategy, number):
    return picks_folder(bench.store.trajectory("rooms", strategy, 0), number)


def opened(content):
    picture = Image.open(io.BytesIO(content))
    assert picture.format == "JPEG"
    return np.asarray(picture, float)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_selection_has_pictures_of_its_first_images(played, strategy):
    bench, rounds = played
    for number in (0, 1):
        picks = read_picks(folder_of(bench, strategy, number))
        assert [pick.image_id for pick in picks] == list(rounds[strategy, number].selected[:6])
        for pick in picks:
            image = bench.dataset.train[bench.position_of[pick.image_id]].image.astype(float)
            assert np.abs(opened(pick.image) - image).mean() < 12, "the image itself, but for the JPEG"
    assert not folder_of(bench, strategy, 2).exists(), "nothing is chosen after the last round"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_scores_are_those_of_the_round_and_say_how_many_scored_lower(played, strategy):
    bench, rounds = played
    done = rounds[strategy, 1]
    picks = read_picks(folder_of(bench, strategy, 1))
    if done.scores is None:
        assert all(pick.scores == {} for pick in picks)
        return
    free = [p for p in range(16) if bench.dataset.train.ids[p] not in done.labelled]
    scores = np.array(done.scores)
    for pick in picks:
        own = scores[bench.position_of[pick.image_id]]
        assert list(pick.scores) == [task.name for task in bench.dataset.tasks]
        for column, (score, lower) in enumerate(pick.scores.values()):
            assert score == pytest.approx(own[column])
            assert lower == pytest.approx((scores[free, column] < own[column]).sum() / (len(free) - 1))


def test_those_that_can_say_where_they_looked_have_a_map_a_task(played):
    bench, _ = played
    for strategy in STRATEGIES:
        for pick in read_picks(folder_of(bench, strategy, 0)):
            expected = [] if strategy == "random" else [task.name for task in bench.dataset.tasks]
            assert list(pick.maps) == expected
            assert all(max(opened(content).shape) <= 96 for content in pick.maps.values())


@pytest.mark.parametrize("name", ["inconsistency", "consistency-diversity"])
def test_the_mean_of_a_map_is_the_score(name):
    strategy, outputs = resolve(name).create(), made_up_outputs()
    maps = strategy.maps(outputs)
    measured = Probe(resolve(name)).measured(outputs)
    assert list(maps) == [task.name for task in TASKS]
    for task, values in maps.items():
        np.testing.assert_allclose(values.mean((1, 2)), measured[task], rtol=1e-6)
    assert resolve(f"{name}[measure=loss]").create().maps(outputs) == {}
    assert Strategy().maps(outputs) == {}


class Corner(ScoreStrategy):
    """Looks at the upper left quarter; fails as its parameter says; counts the images it is asked about."""

    asked: ClassVar[list[int]] = []

    def __init__(self, how: str = "fine"):
        self.how = how

    def measure(self, outputs):
        return {task.name: outputs.refined[task.name].mean((1, 2, 3)) for task in outputs.tasks}

    def maps(self, outputs):
        if self.how == "raise":
            raise RuntimeError("no idea\nwhere")
        count = len(outputs.backbone_features[0])
        self.asked.append(count)
        maps = torch.full((count, 4, 4), float("nan") if self.how == "nan" else 0.0)
        maps[:, :2, :2] = 3
        return {"semseg": maps[0] if self.how == "shape" else maps, "no such task": maps}


@pytest.fixture
def corner(own_registry):
    Corner.asked.clear()
    register("corner", source="a test")(Corner)


def test_a_map_is_bright_where_it_is_high_and_asked_for_picks_only(corner, small_bench, tmp_path):
    recipe = {"iterations": 2, "batch_size": 4, "evaluation_batch_size": 2}
    bench = small_bench(tmp_path, strategies=["corner"], full_data=False, budgets=[4, 9], recipe=recipe)
    run(bench)
    assert Corner.asked == [2, 2, 1], "the picks alone, in batches no larger than in the pool"
    for pick in read_picks(folder_of(bench, "corner", 0)):
        assert list(pick.maps) == ["semseg"]
        drawn = opened(pick.maps["semseg"])
        colourful = np.ptp(drawn, axis=2)
        assert colourful[2:12, 2:12].mean() > 60
        assert colourful[20:, 20:].mean() < 20, "grey where the map is low"


@pytest.mark.parametrize(
    ("how", "why"), [("raise", "no idea"), ("shape", "not images x height x width"), ("nan", None)]
)
def test_maps_that_fail_lose_no_round_and_are_named(corner, small_bench, tmp_path, how, why):
    name = f"corner[how={how}]"
    bench = replace(small_bench(tmp_path, strategies=[name], full_data=False), progress=Told())
    rounds = run(bench)
    assert set(rounds) == {(name, 0), (name, 1), (name, 2)}
    said = [line for line in bench.progress.lines if "pictures" in line]
    if why is None:
        assert not said
        assert read_picks(folder_of(bench, name, 0))
    else:
        assert all(why in line and name in line and "\n" not in line for line in said)
        assert [f"round {number}" in line for number, line in enumerate(said)] == [True, True]


def test_a_disk_that_takes_no_pictures_loses_no_round(small_bench, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("benchmark.protocol.drawn_selections.write_picks", full)
    bench = small_bench(tmp_path, strategies=["random"], full_data=False)
    bench = replace(bench, progress=Told())
    assert len(run(bench)) == 3
    assert sum("No space left" in line for line in bench.progress.lines) == 2


def test_no_number_hangs_on_pictures(played, small_bench, tmp_path, monkeypatch):
    bench, rounds = played
    monkeypatch.setattr("benchmark.protocol.trajectory.keep_picks", lambda *_: None)
    without = small_bench(tmp_path, strategies=STRATEGIES, full_data=False)
    again = run(without)
    assert not list(tmp_path.glob("*/*/*/picks-*"))
    for place, done in rounds.items():
        for field in ("key", "selected", "scores", "weights_digest", "metrics", "labelled"):
            assert getattr(again[place], field) == getattr(done, field)
    assert without.store.write_results().read_bytes() == bench.store.write_results().read_bytes()


def test_a_stored_round_has_none_made_again_and_a_lost_one_the_same(played, small_bench, tmp_path):
    bench, _ = played
    copy = tmp_path / "copy"
    shutil.copytree(bench.store.root, copy)
    kept, lost = (picks_folder(Store(copy).trajectory("rooms", "inconsistency", 0), n) for n in (0, 1))
    before = {path.name: path.read_bytes() for path in lost.iterdir()}
    shutil.rmtree(kept)
    (lost.parent / "round-01.json").unlink()
    (lost / "7.jpg").write_bytes(b"of another run")
    run(small_bench(copy, strategies=STRATEGIES, full_data=False))
    assert not kept.exists()
    assert {path.name: path.read_bytes() for path in lost.iterdir()} == before
    assert not [path for path in lost.parent.iterdir() if path.name.startswith(".picks")]


def jpeg():
    buffer = io.BytesIO()
    Image.new("RGB", (8, 6), (200, 30, 30)).save(buffer, "JPEG")
    return buffer.getvalue()


def test_what_is_written_is_read_back(tmp_path):
    picks = [
        Pick("a/../<b>", jpeg(), {"depth": (0.25, 1.0), "../t": (-3.0, 0.5)}, {"../t": jpeg()}),
        Pick("c", jpeg()),
    ]
    write_picks(tmp_path / "picks-00", picks)
    assert read_picks(tmp_path / "picks-00") == picks
    assert {path.name for path in (tmp_path / "picks-00").iterdir()} == {
        LIST,
        "1.jpg",
        "1-map-1.jpg",
        "2.jpg",
    }


def test_a_picture_that_is_torn_or_none_is_left_out(tmp_path):
    folder = tmp_path / "picks-00"
    write_picks(folder, [Pick(name, jpeg(), {}, {"depth": jpeg()}) for name in "abcd"])
    (folder / "1.jpg").unlink()
    (folder / "2.jpg").write_bytes(jpeg()[:-2])
    (folder / "3.jpg").write_bytes(b"\xff\xd8\xff" + bytes(LARGEST) + b"\xff\xd9")
    (folder / "4-map-1.jpg").write_text("<script>")
    assert read_picks(folder) == [Pick("d", jpeg())]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "7",
        '{"format": 2, "picks": []}',
        '{"format": 1}',
        '{"format": 1, "picks": [7]}',
        '{"format": 1, "picks": {"0": 1}}',
        "[" * 100_000,
        '{"format": 1, "picks": [{"image": "a", "scores": [["t", 1' + "0" * 400 + ', 1]], "maps": []}]}',
        '{"format": 1, "picks": [{"image": "a", "scores": [["task", "high", 1]], "maps": []}]}',
    ],
)
def test_a_list_that_is_none_is_no_pictures(tmp_path, content):
    (tmp_path / LIST).write_text(content)
    assert read_picks(tmp_path) == []
    assert read_picks(tmp_path / "missing") == []


def test_a_map_lies_over_the_grey_of_its_image():
    image = np.full((2, 2, 3), (90, 120, 150), np.uint8)
    heat = np.array([[0.0, 1.0], [0.25, 0.5]])
    drawn = over(image, heat)
    assert drawn[0, 0].tolist() == [72, 72, 72], "six tenths of the grey"
    np.testing.assert_allclose(drawn[0, 1], 0.85 * np.array(HEAT[-1]) + 0.15 * 72, atol=0.51)
    assert (np.diff(drawn[[0, 1, 1, 0], [0, 0, 1, 1]].astype(int).sum(1)) > 0).all()


def test_choosing_fewer_than_six_keeps_as_many(own_registry, small_bench, tmp_path):
    class First(Strategy):
        """Takes the first."""

        def select(self, pool, budget):
            return Selection(pool.unlabelled[:budget])

    register("first", source="a test")(First)
    bench = small_bench(tmp_path, strategies=["first"], full_data=False, budgets=[4, 6])
    run(bench)
    assert len(read_picks(folder_of(bench, "first", 0))) == 2

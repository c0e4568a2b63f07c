"""What strategies chose, told by labels: against labels that the test draws itself."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from benchmark.data.dataset import MultiTaskDataset, Sample
from benchmark.records.round_store import Round
from benchmark.report.selections.chosen_labels import DISTANCE, IMAGES, POOL, chosen_labels, score_agreement
from benchmark.report.selections.image_labels import image_facts
from benchmark.tasks import make_task

SIDE = 32


class Images:
    """Image k is of grey k, shows class k % 4 beside class 0, has k edge pixels and lies k metres away."""

    def __init__(self, count):
        self.ids = tuple(f"image-{k}" for k in range(count))

    def __getitem__(self, k):
        classes = np.zeros((SIDE, SIDE), dtype=np.uint8)
        classes[:8] = 3 if k == 5 else k % 3
        edge = np.zeros((SIDE, SIDE), dtype=np.uint8)
        edge.flat[:k] = 1
        edge[-1] = 255
        depth = np.full((SIDE, SIDE), k, dtype=np.float32)
        depth[0] = np.nan
        image = np.full((SIDE, SIDE, 3), 10 * k, dtype=np.uint8)
        return Sample(image, {"semseg": classes, "edge": edge, "depth": depth})


@pytest.fixture
def dataset():
    tasks = (make_task("semseg", classes=tuple("abcd")), make_task("edge"), make_task("depth"))
    return MultiTaskDataset("grey", tasks, Images(10), Images(2), "digest")


def trajectory(*rounds, strategy="mine", seed=0):
    """One stored round for each set of labelled images."""
    return [
        Round("grey", strategy, seed, n, "key", tuple(f"image-{k}" for k in labelled), {}, "digest")
        for n, labelled in enumerate(rounds)
    ]


def test_an_image_is_described_by_its_labels(dataset):
    found = image_facts(dataset)
    facts = found.table
    assert facts["depth (m)"].tolist() == list(range(10))
    assert facts["edge (% of pixels)"].tolist() == pytest.approx(
        [100 * k / (SIDE * (SIDE - 1)) for k in range(10)]
    )
    assert facts["semseg (classes an image)"].tolist() == [1, 2, 2, 1, 2, 2, 1, 2, 2, 1]
    rare = facts["semseg (% of images with a rare class)"]
    assert rare.tolist() == [100.0 if k == 5 else 0 for k in range(10)]
    assert found.rare == {"semseg": ("d",)}
    assert found.thumbnails.loc["image-3"].unique().tolist() == pytest.approx([30 / 255])


def test_a_class_that_no_image_shows_is_not_rare_and_no_label_is_no_class(dataset):
    """Of forty classes four are shown; the rarest of these is rare, not one of the thirty-six."""

    class Unlabelled(Images):
        def __getitem__(self, k):
            sample = super().__getitem__(k)
            labels = {"edge": sample.labels["edge"]} if k == 9 else sample.labels
            if k == 7:
                labels = labels | {"semseg": np.full((SIDE, SIDE), 255, np.uint8)}
            return Sample(sample.image, labels)

    tasks = (make_task("semseg", classes=tuple(f"class-{k}" for k in range(40))), *dataset.tasks[1:])
    found = image_facts(MultiTaskDataset("grey", tasks, Unlabelled(10), Images(2), "digest"))
    assert found.rare == {"semseg": ("class-3",)}
    rare = found.table["semseg (% of images with a rare class)"]
    assert rare.dropna().tolist() == [0, 0, 0, 0, 0, 100, 0, 0]
    for head in ("semseg (% of images with a rare class)", "semseg (classes an image)"):
        assert found.table[head].isna().tolist() == [k in (7, 9) for k in range(10)]
    assert found.table["depth (m)"].isna().tolist() == [False] * 9 + [True]


def test_the_first_set_counts_for_distances_only(dataset):
    facts = image_facts(dataset)
    chosen = chosen_labels(trajectory((0, 9), (0, 9, 5, 8)), facts).set_index("strategy")
    mine = chosen.loc["mine"]
    assert mine["depth (m)"] == pytest.approx(6.5)
    assert mine["semseg (% of images with a rare class)"] == pytest.approx(50)
    assert mine[IMAGES] == 2
    assert np.isnan(chosen.loc[POOL, DISTANCE]), "a pool has more images, which lie nearer to each other"


def test_a_distance_is_a_factor_of_that_of_random_choices_of_as_many_images(dataset):
    """All 28 pairs after the first two images, each by hand; the mean over draws is near that over all."""
    facts = image_facts(dataset)

    def by_hand(pair):
        labelled = (0, 9, *pair)
        return np.mean([min(abs(k - other) for other in labelled if other != k) for k in pair])

    every = {pair: by_hand(pair) for pair in combinations(range(1, 9), 2)}
    for pair in ((5, 8), (3, 6), (1, 2)):
        (found,) = chosen_labels(trajectory((0, 9), (0, 9, *pair)), facts)[DISTANCE].dropna()
        assert found == pytest.approx(every[pair] / np.mean(list(every.values())), rel=0.2)
    random = [chosen_labels(trajectory((0, 9), (0, 9, *pair)), facts)[DISTANCE].iloc[0] for pair in every]
    assert np.mean(random) == pytest.approx(1, abs=0.15)


def test_each_seed_and_its_last_round_is_a_row_and_draws_of_random_are_one(dataset):
    rounds = [
        *trajectory((0,), (0, 1), (0, 1, 2)),
        *trajectory((3,), (3, 4), seed=1),
        *trajectory((3,), (3, 5), seed=1, strategy="random"),
        *trajectory((3,), (3, 8), seed=1, strategy="random[draw=2]"),
    ]
    chosen = chosen_labels(reversed(rounds), image_facts(dataset))
    assert chosen[["strategy", "seed", IMAGES, "depth (m)"]].values.tolist() == [
        ["mine", 0, 2, 1.5],
        ["mine", 1, 1, 4.0],
        ["random", 1, 1, 6.5],
        [POOL, 0, 10, 4.5],
    ]


def scored(strategy, seed, scores):
    return Round("grey", strategy, seed, 0, "key", ("image-0",), {}, "digest", scores=scores)


@pytest.fixture
def four():
    """Four images: the last one has no label for the second task, and none has one for the third."""
    classes, edge = np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8)

    class Four:
        ids = tuple(f"image-{k}" for k in range(4))

        def __getitem__(self, k):
            labels = {"semseg": classes, "edge": np.full_like(edge, 255) if k == 3 else edge}
            return Sample(np.zeros((4, 4, 3), np.uint8), labels)

    tasks = (make_task("semseg", classes=tuple("abcd")), make_task("edge"), make_task("depth"))
    return MultiTaskDataset("four", tasks, Four(), Four(), "digest")


def test_scores_are_held_against_the_true_losses_of_the_same_network(four):
    losses = [[1.0, 9.0, 0.0], [2.0, 8.0, 0.0], [3.0, 1.0, 0.0], [4.0, 20.0, 0.0]]
    rounds = [
        scored("true-loss", 0, losses),
        scored("mine", 0, [[1.0, 1.0, 5.0], [4.0, 2.0, 6.0], [9.0, 4.0, 7.0], [16.0, 3.0, 8.0]]),
        scored("mine", 1, losses),
        scored("one score", 0, [[1.0], [2.0], [3.0], [4.0]]),
    ]
    (row,) = score_agreement(rounds, four).to_dict("records")
    assert np.isnan(row.pop("depth")), "no image has a label"
    assert row == {"strategy": "mine", "seed": 0, "semseg": 1.0, "edge": pytest.approx(-1.0)}
    assert score_agreement(rounds[1:], four).empty


def test_the_command_prints_a_row_per_strategy(mtal, small_experiment, tmp_path):
    import yaml

    file = tmp_path / "small.yaml"
    changes = {"strategies": ["random", "core-set"], "seeds": [0, 1], "budgets": [4, 7], "full_data": False}
    fields = small_experiment(**changes).model_dump(mode="json")
    file.write_text(yaml.safe_dump(fields))
    assert mtal("run", file, "--out", "done", "--quiet", "--no-timing").code == 0
    printed = mtal("chosen", "done")
    assert printed.code == 0, printed.err
    lines = printed.out.splitlines()
    begun = [line.split()[0] for line in lines if line[:4] in ("rand", "core", "the ")]
    assert list(dict.fromkeys(begun)) == ["core-set", "random", "the"]
    assert "half-width of the 95 % t interval over 2 seeds" in " ".join(printed.out.split())
    assert "rare in semseg, of the classes that any image shows:" in " ".join(printed.out.split())
    assert sum(line.count(" ± ") for line in lines if line.startswith("core-set")) >= 3


def test_a_folder_without_a_study_is_refused_in_a_sentence(mtal, tmp_path):
    (tmp_path / "empty").mkdir()
    refused = mtal("chosen", "empty")
    assert refused.code == 2
    assert "experiment.yaml" in refused.err
    assert refused.err.count("\n") == 1


def test_results_of_somebody_else_execute_no_file_that_their_data_name_for_a_task(mtal, tmp_path):
    (tmp_path / "theirs").mkdir()
    tasks = "tasks: {near: {folder: near, task: 'code.py:near'}}"
    (tmp_path / "theirs" / "data.yaml").write_text(f"name: theirs\nimage: {{folder: image}}\n{tasks}\n")
    (tmp_path / "theirs" / "code.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'w').close()\n")
    (tmp_path / "theirs" / "experiment.yaml").write_text("dataset: data.yaml\n")
    refused = mtal("chosen", "theirs")
    assert refused.code == 2
    assert "results execute none: say --dataset theirs/data.yaml" in " ".join(refused.err.split())
    assert not (tmp_path / "executed").exists()
    assert mtal("chosen", "theirs", "--dataset", "theirs/data.yaml").code == 2, "there are no images"
    assert (tmp_path / "executed").exists(), "named by whoever asks"


def test_an_image_counts_for_the_tasks_whose_labels_were_bought(dataset):
    first, last = trajectory([0, 1], [0, 1, 4, 6])
    whole = ("semseg", "edge", "depth")
    last = replace(last, labels=(whole, whole, ("depth",), ("depth", "semseg")))
    (mine,) = (
        chosen_labels([first, last], image_facts(dataset)).query("strategy == 'mine'").to_dict("records")
    )
    assert mine[IMAGES] == 2
    assert mine["depth (m)"] == 5
    assert mine["semseg (classes an image)"] == 1
    assert np.isnan(mine["edge (% of pixels)"])

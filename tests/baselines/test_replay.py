"""Replay of stored rounds written by hand: which one it finds, and what it refuses."""

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

from baselines.replay import Replay
from strategies.choosing import choose
from strategies.contract import TASKS
from strategies.registry import RegistryError, resolve


def ids(*positions):
    return [f"image-{position:05d}" for position in positions]


def stored(folder, number, labelled, selected):
    folder.mkdir(parents=True, exist_ok=True)
    content = {"labelled": labelled, "selected": selected, "round": number, "scores": None, "format": 1}
    (folder / f"round-{number:02d}.json").write_text(json.dumps(content))


@pytest.fixture
def folder(tmp_path):
    """Two seeds of a strategy: 2, then 3, then 3 images."""
    for seed, order in (("seed-0", [4, 1, 7, 0, 9, 2, 8, 3]), ("seed-12", [0, 1, 2, 3, 4, 5, 6, 7])):
        for number, (start, stop) in enumerate([(2, 5), (5, 8), (8, 8)]):
            stored(tmp_path / "entropy" / seed, number, ids(*order[:start]), ids(*order[start:stop]))
    return tmp_path / "entropy"


@pytest.fixture
def pool(pool_of):
    return lambda labelled, count=10: pool_of({"unread": np.zeros(count)}, labelled)


def replayed(folder, pool, budget=3):
    priced = replace(pool, budget=float(budget))
    return choose(Replay(str(folder)), "replay", priced, budget).indices.tolist()


@pytest.mark.parametrize(
    ("labelled", "selected"),
    [
        ([4, 1], [7, 0, 9]),
        ([1, 4], [7, 0, 9]),
        ([9, 4, 1, 7, 0], [2, 8, 3]),
        ([0, 1], [2, 3, 4]),
        ([4, 3, 2, 1, 0], [5, 6, 7]),
    ],
)
def test_the_round_with_the_same_labelled_images_is_selected_again(folder, pool, labelled, selected):
    assert replayed(folder, pool(labelled)) == selected


def test_one_seed_may_be_named(folder, pool):
    assert replayed(folder / "seed-0", pool([1, 4])) == [7, 0, 9]
    with pytest.raises(ValueError, match="none of the 3 rounds"):
        replayed(folder / "seed-0", pool([0, 1]))


def test_the_home_folder_may_be_written_with_a_tilde(folder, pool, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    assert replayed("~/entropy", pool([1, 4])) == [7, 0, 9]


def test_the_name_carries_the_folder_brackets_and_all(folder, pool):
    moved = folder.rename(folder.with_name("power[base=margin,beta=2]"))
    named = resolve(f"replay[from={moved}]")
    assert named.name == f"replay[from={moved}]"
    named.create().check(TASKS)
    assert named.create().select(pool([1, 4]), 3).indices.tolist() == [7, 0, 9]


def test_two_seeds_that_agree_are_one(folder, pool):
    shutil.copytree(folder / "seed-0", folder / "seed-1")
    assert replayed(folder, pool([1, 4])) == [7, 0, 9]


def refused(folder, pool, budget=3):
    with pytest.raises(ValueError) as caught:
        replayed(folder, pool, budget)
    return str(caught.value)


def test_a_round_that_is_not_there_is_described(folder, pool):
    said = refused(folder, pool([5, 6, 8, 9]))
    assert f"none of the 6 rounds in {folder} has the 4 labelled images" in said
    assert "(image-00005, image-00006, image-00008, ...)" in said
    assert "seeds and budgets" in said


def test_two_selections_for_the_same_images_are_refused(folder, pool):
    stored(folder / "seed-1", 0, ids(1, 4), ids(0, 7, 9))
    said = refused(folder, pool([1, 4]))
    assert str(folder / "seed-0/round-00.json") in said
    assert str(folder / "seed-1/round-00.json") in said


@pytest.mark.parametrize(("labelled", "budget", "found"), [([1, 4], 2, 3), ([4, 1, 7, 0, 9, 2, 8, 3], 1, 0)])
def test_another_budget_is_refused(folder, pool, labelled, budget, found):
    said = refused(folder, pool(labelled), budget)
    assert f"selected {found} images, not {budget}: give the budgets" in said


@pytest.mark.parametrize("selected", [ids(2, 99, 5), ids(4, 5, 6)])
def test_an_image_that_is_not_to_be_had_is_named(folder, pool, selected):
    stored(folder / "seed-0", 0, ids(1, 4), selected)
    foreign = "image-00099" if "image-00099" in selected else "image-00004"
    assert f"selected {foreign}, which is no unlabelled image" in refused(folder, pool([1, 4]))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "3",
        '{"labelled": []}',
        '{"labelled": "ab", "selected": []}',
        '{"labelled": [1], "selected": []}',
        '{"labelled": {"a": 1}, "selected": []}',
        "[" * 100_000,
    ],
    ids=lambda content: content[:30],
)
def test_a_file_that_is_no_round_is_named(folder, pool, content):
    (folder / "seed-0/round-01.json").write_text(content)
    assert f"{folder / 'seed-0/round-01.json'} is not a stored round" in refused(folder, pool([1, 4]))


def test_a_file_that_is_too_large_is_not_read(folder, pool, monkeypatch):
    monkeypatch.setattr("baselines._stored_rounds.LARGEST", 100)
    assert "round-00.json must be a file of at most" in refused(folder, pool([1, 4]))


def test_without_a_folder_it_is_refused_before_anything_runs(pool, tmp_path):
    for ask in (lambda: Replay().check(TASKS), lambda: Replay().select(pool([1]), 1)):
        with pytest.raises(ValueError, match=re.escape("replay[from=RESULTS/DATASET/STRATEGY]")):
            ask()
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ValueError, match=re.escape(f"{folder} holds no stored rounds")):
            Replay(str(folder)).check(TASKS)


def test_a_parameter_that_it_does_not_have_is_refused():
    with pytest.raises(RegistryError, match=r"parameter of replay 'form'.* Did you mean 'from'"):
        resolve("replay[form=x]")

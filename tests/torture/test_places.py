"""Folders that cannot be written, and folders of results that are moved, copied or of another experiment."""

import shutil

import pytest
from harness import assert_same, numbers, round_files


def content_of(folder):
    """Every file of a folder, but locks."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture
def small(written):
    return written(strategies=["random"], seeds=[0], full_data=False)


@pytest.fixture
def results(small, undisturbed, tmp_path):
    """A folder of finished results, without a report."""
    return shutil.copytree(undisturbed(small), tmp_path / "results")


def test_an_experiment_changed_after_it_started_is_refused(written, finished, results, injected):
    other = written(strategies=["random"], seeds=[0], full_data=False, recipe={"learning_rate": 0.5})
    before = content_of(results)
    with injected("an experiment changed after it started"):
        said = finished("run", other, "--out", results, code=2)
        assert "recipe.learning_rate: " in said
        assert " there, 0.5 now" in said
        assert content_of(results) == before
        jobs = finished("run", other, "--out", results.with_name("beside"), "--dry-run", "--no-timing")
        assert "2 trainings  random, seed 0" in jobs, "under another name it may run"


def test_results_that_cannot_be_written_are_one_sentence(small, finished, results, mounted, injected):
    place = mounted("read-only", "--bind", "-o", "ro", results)
    before = content_of(results)
    with injected("read-only folder of results"):
        said = finished("run", small, "--out", place, code=2)
        assert said.count("Error: ") == 1
        assert "Read-only file system" in said
        assert str(place) in said
        assert "done     random, seed 0" in finished("status", place)
    assert content_of(results) == before


@pytest.mark.slow
def test_data_that_cannot_be_written(finished, mounted, injected, tmp_path):
    data, options = tmp_path / "data", ("--budgets", "4,7", "--set", "recipe.iterations=3", "--threads", 1)
    size = [word for value in ("pool=12", "val=4", "height=32", "width=32") for word in ("--set", value)]
    finished("data", "export", "rooms", data, "--layout", "folder", *size)
    place = mounted("data-read-only", "--bind", "-o", "ro", data)
    with pytest.raises(OSError, match="Read-only"):
        (place / "file").write_text("")
    with injected("read-only folder of data"):
        for name, folder in (("a", data), ("b", place)):
            command = ("run", "--dataset", folder / "dataset.yaml", "--strategies", "random", "--seeds", 1)
            finished(*command, *options, "--out", tmp_path / name, "--no-timing")
        assert_same(tmp_path / "b", tmp_path / "a")


@pytest.mark.slow
@pytest.mark.parametrize("how", ["moved", "copied"])
def test_results_go_on_in_another_place(study, written, undisturbed, finished, injected, tmp_path, how):
    few, first, second = written(strategies=["random"]), tmp_path / "first", tmp_path / "away/second"
    finished("run", few, "--out", first, "--no-timing")
    # Round 0 is trained again: it lacks what learning-loss trains beside the network.
    kept = [file for file in round_files(first) if "/round-0/" not in str(file)]
    before = {str(file.relative_to(first)): file.read_bytes() for file in kept}
    second.parent.mkdir()
    (shutil.copytree if how == "copied" else shutil.move)(first, second)
    with injected(f"folder of results {how}, and gone on with more strategies"):
        said = finished("run", study, "--out", second, "--no-timing")
        assert "random, seed" not in said, "nothing of it is trained again"
        after = content_of(second)
        assert {place: after[place] for place in before} == before
        assert numbers(second) == numbers(undisturbed(study))
        assert_same(second, undisturbed(study))

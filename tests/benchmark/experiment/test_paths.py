"""A YAML file's relative paths are relative to it: a study runs, goes on and is looked at from any folder."""

import shutil
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import UserError
from benchmark.experiment.loading import load_experiment
from benchmark.experiment.paths import read_experiment, seen_from
from benchmark.records.results_folder import check_agreement, write_head
from benchmark.records.round_store import Round
from strategies.registry import STRATEGIES, resolve

STRATEGY = """
from strategies import register

@register("least-sure", source="test")
def least_sure(outputs):
    return {t: 1 - outputs.refined[t].softmax(1).amax(1).mean((1, 2)) for t in outputs.categorical}
"""


@pytest.fixture
def study(mtal, small_experiment, tmp_path):
    """``work/my.yaml`` of own data in ``work/data`` and a strategy file beside it."""
    work = tmp_path / "work"
    work.mkdir()
    sizes = [
        f"--set={name}={size}" for name, size in (("pool", 16), ("val", 6), ("height", 32), ("width", 32))
    ]
    assert mtal("data", "export", "rooms", work / "data", "--layout", "folder", *sizes).code == 0
    (described,) = (work / "data").glob("*.yaml")
    (work / "mine.py").write_text(STRATEGY)
    small = small_experiment(strategies=["random"], budgets=[4, 7], full_data=False)
    fields = small.model_dump(mode="json") | {"data": {}}
    fields |= {"dataset": f"data/{described.name}", "strategies": ["random", "mine.py:least-sure"]}
    (work / "my.yaml").write_text(yaml.safe_dump(fields))
    return work / "my.yaml"


def test_a_study_of_own_data_runs_and_is_looked_at_from_any_folder(study, mtal, tmp_path, monkeypatch):
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "elsewhere" / "deep")
    out = tmp_path / "results"
    assert mtal("run", study, "--out", out, "--quiet", "--no-timing").code == 0
    stored = yaml.safe_load((out / "experiment.yaml").read_text())
    assert Path(stored["dataset"]).parts[:3] == ("..", "work", "data"), (
        "of a folder that may be moved and sent"
    )
    assert stored["strategies"] == ["random", "../work/mine.py:least-sure"]
    monkeypatch.chdir(tmp_path)
    for command in (("chosen", out), ("status", out), ("report", out)):
        said = mtal(*command)
        assert said.code == 0, said.err
    monkeypatch.chdir(out)
    again = mtal("run", "experiment.yaml", "--out", ".", "--no-timing", "--dry-run")
    assert again.code == 0, again.err
    assert not [line for line in again.out.splitlines() if line[:1] in "123456789" and "trainings" in line]


@pytest.mark.slow
def test_data_that_have_moved_are_asked_for_and_may_be_named(study, mtal, tmp_path):
    assert mtal("run", study, "--out", "results", "--quiet", "--no-timing").code == 0
    shutil.move(study.parent / "data", tmp_path / "moved")
    asked = mtal("chosen", "results")
    assert asked.code == 2
    assert "Say by --dataset where they are." in asked.err
    (described,) = (tmp_path / "moved").glob("*.yaml")
    assert mtal("chosen", "results", "--dataset", described).code == 0


def test_a_file_of_weights_is_one_whichever_folder_its_path_is_relative_to(
    tmp_path, monkeypatch, small_experiment
):
    (tmp_path / "a" / "b").mkdir(parents=True)
    fields = small_experiment().model_dump(mode="json")
    fields["network"] = {"backbone": "resnet18", "pretrained": "b/weights.pth", "width": 8}
    (tmp_path / "a" / "my.yaml").write_text(yaml.safe_dump(fields))
    monkeypatch.chdir(tmp_path)
    experiment = load_experiment(Path("a/my.yaml"), None, {})
    assert experiment.network.pretrained == Path("a/b/weights.pth")
    out = tmp_path / "out"
    out.mkdir()
    stored = seen_from(out, experiment.model_dump(mode="json"))
    assert stored["network"]["pretrained"] == "../a/b/weights.pth"
    (out / "experiment.yaml").write_text(yaml.safe_dump(stored))
    monkeypatch.chdir(tmp_path / "a")
    check_agreement(load_experiment(Path("my.yaml"), None, {}), out)
    fields["network"]["pretrained"] = "b/other.pth"
    (tmp_path / "a" / "my.yaml").write_text(yaml.safe_dump(fields))
    with pytest.raises(UserError, match=r"network\.pretrained"):
        check_agreement(load_experiment(Path("my.yaml"), None, {}), out)


PLAIN = st.text("abc", min_size=1, max_size=3)
PARTS = st.lists(st.one_of(PLAIN, st.just("..")), min_size=1, max_size=4)


@given(parts=PARTS, name=PLAIN)
def test_what_is_written_reads_back_as_the_same_file(tmp_path_factory, parts, name):
    folder = tmp_path_factory.getbasetemp() / "one" / "two"
    folder.mkdir(parents=True, exist_ok=True)
    path = str(Path(*parts, f"{name}.yaml"))
    fields = {
        "dataset": path,
        "data_root": "x",
        "strategies": [f"{path}.py:{name}[a=../b]", "replay[from=../x]"],
    }
    (folder / "experiment.yaml").write_text(yaml.safe_dump(seen_from(folder, fields)))
    back = read_experiment(folder / "experiment.yaml")
    assert Path(back["dataset"]).resolve() == Path(path).resolve()
    file, _, rest = back["strategies"][0].partition(".py:")
    assert (Path(file).resolve(), rest) == (Path(path).resolve(), f"{name}[a=../b]")
    assert back["strategies"][1] == "replay[from=../x]", "a path inside a name is part of the name"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("power[base=mine.py:least-sure]", "power[base=work/mine.py:least-sure]"),
        ("a.py:p[k=1,base=b.py:q[base=/c.py:r],s=x]", "work/a.py:p[k=1,base=work/b.py:q[base=/c.py:r],s=x]"),
        ("mixed[of=random+../mine.py:one+b.py:two]", "mixed[of=random+mine.py:one+work/b.py:two]"),
        ("power[base=~/mine.py:least-sure]", "power[base=~/mine.py:least-sure]"),
        ("replay[from=mine.py]", "replay[from=mine.py]"),
    ],
)
def test_files_of_strategies_within_brackets_are_relative_to_the_yaml_file_too(
    tmp_path, monkeypatch, written, read
):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "work" / "my.yaml").write_text(yaml.safe_dump({"strategies": [written]}))
    assert read_experiment(Path("work/my.yaml"))["strategies"] == [read]
    assert seen_from(Path("work"), {"strategies": [read]})["strategies"] == [written]


def test_a_study_whose_strategy_names_one_of_a_file_is_read_from_any_folder(
    tmp_path, monkeypatch, small_experiment
):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "mine.py").write_text(STRATEGY)
    fields = small_experiment().model_dump(mode="json") | {"strategies": ["power[base=mine.py:least-sure]"]}
    (tmp_path / "work" / "my.yaml").write_text(yaml.safe_dump(fields))
    monkeypatch.chdir(tmp_path)
    (given,) = load_experiment(Path("work/my.yaml"), None, {}).strategies
    assert resolve(given).name == "power[base=least-sure]", "its rounds have the name that they had"


def test_a_strategy_is_kept_once_by_the_newest_path_of_its_file(tmp_path, monkeypatch, small_bench):
    """A file by two paths would be there twice, which the next run refuses."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "mine.py").write_text(STRATEGY)
    out, absolute = tmp_path / "out", tmp_path / "sub" / "mine.py"
    for strategies in (
        ["random", "sub/mine.py:least-sure", "power[base=sub/mine.py:least-sure]"],
        [f"{absolute}:least-sure", f"power[base={absolute}:least-sure]", "maximum"],
        ["aggregate[how=max]", "entropy"],
    ):
        bench = small_bench(out, strategies=strategies)
        write_head(bench.experiment, bench, out, {})
        bench.store.write(Round("rooms", "random", 0, 0, "key", ("a",), {}, "digest"))
    stored = load_experiment(out / "experiment.yaml", None, {})
    mine = [f"{absolute}:least-sure", f"power[base={absolute}:least-sure]"]
    assert list(stored.strategies) == ["random", *mine, "aggregate[how=max]", "entropy"]


def test_a_file_that_has_moved_is_not_looked_for_where_it_was(tmp_path, monkeypatch, small_bench):
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "out"
    Path("old.py").write_text(STRATEGY)
    for file in ("old.py", "new.py"):
        if file == "new.py":
            Path("old.py").rename(file)
            STRATEGIES.entries.pop("least-sure")  # as in a new process
        bench = small_bench(out, strategies=["random", f"{file}:least-sure"])
        write_head(bench.experiment, bench, out, {})
        bench.store.write(Round("rooms", "random", 0, 0, "key", ("a",), {}, "digest"))
    stored = yaml.safe_load((out / "experiment.yaml").read_text())
    assert stored["strategies"] == ["random", "../new.py:least-sure"]


@pytest.mark.parametrize("path", ["/data/x.yaml", "~/x.yaml"])
def test_other_paths_stay_as_they_are(path, tmp_path):
    assert seen_from(tmp_path, {"dataset": path, "data_root": "/data"}) == {
        "dataset": path,
        "data_root": "/data",
    }
    assert seen_from(tmp_path, {"dataset": "rooms", "network": {"pretrained": True}})["dataset"] == "rooms"

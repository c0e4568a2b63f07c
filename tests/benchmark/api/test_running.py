"""Runs from Python: the results of the command, strategies given as they are, a session left as it was."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from benchmark import Study, load, run
from benchmark.errors import UserError
from benchmark.report.drawing import canvas

TINY = {
    "data": {"pool": 16, "val": 6, "height": 32, "width": 32},
    "network": {"width": 8, "blocks": 1},
    "recipe": {"iterations": 2, "batch_size": 4},
    "budgets": [4, 8],
    "seeds": 1,
    "device": "cpu",
    "threads": 1,
    "full_data": False,
    "quiet": True,
}
CALLS = []


def least_sure(outputs):
    """Low probability of the most probable class."""
    CALLS.append(len(outputs.ids))
    return {t: 1 - outputs.refined[t].softmax(1).amax(1).mean((1, 2)) for t in outputs.categorical}


def interrupted(outputs):
    """Ctrl-C while a pool is observed, once."""
    if not CALLS:
        CALLS.append(0)
        signal.raise_signal(signal.SIGINT)
    return least_sure(outputs)


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    """In an empty folder; figures are drawn and not saved."""
    CALLS.clear()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(canvas, "_saved", lambda *_: b"")


def test_a_run_is_a_study_and_the_same_as_the_commands(mtal, tmp_path):
    study = run(strategies=["random", least_sure], **TINY)
    assert isinstance(study, Study)
    assert study.strategies == ["least-sure", "random"]
    assert str(study.folder) == "results/rooms-quick"
    assert study.failures == ()
    assert set(CALLS) == {16}
    settings = [f"--set={part}.{name}={value}" for part in ("data", "recipe", "network")
                for name, value in TINY[part].items()]  # fmt: skip
    command = ["run", "--strategies", "random", "--seeds", "1", "--budgets", "4,8", "--device", "cpu"]
    ended = mtal(*command, *settings, "--set", "full_data=false", "--out", "command", "--quiet")
    assert ended.code == 0, ended.err
    theirs = load("command").results
    ours = study.results[study.results["strategy"] == "random"].reset_index(drop=True)
    pd.testing.assert_frame_equal(ours, theirs[theirs["strategy"] == "random"].reset_index(drop=True))


def test_the_same_call_trains_nothing_again_and_more_seeds_are_added():
    first = run(strategies=[least_sure], **TINY)
    CALLS.clear()
    again = run(strategies=[least_sure], **TINY)
    pd.testing.assert_frame_equal(first.results, again.results)
    assert not CALLS
    more = run(strategies=[least_sure], **{**TINY, "seeds": [0, 4]})
    assert more.seeds == [0, 4]


def test_the_file_of_an_experiment_is_run_with_fields_over_it():
    fields = {name: value for name, value in TINY.items() if name not in ("quiet", "seeds")}
    study = {"dataset": "rooms", "strategies": ["random"], "seeds": [3], **fields}
    Path("experiment.yaml").write_text(yaml.safe_dump(study))
    done = run("experiment.yaml", quiet=True, recipe={"iterations": 1}, out="here")
    assert (done.seeds, done.strategies) == ([3], ["random"])
    assert done.experiment["recipe"]["iterations"] == 1
    assert done.experiment["recipe"]["batch_size"] == 4


@pytest.fixture
def _interruptible():
    """As Python starts, but where a script started it in the background, which ignores interruptions."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
def test_an_interruption_says_how_to_go_on_and_the_same_call_does():
    with pytest.raises(KeyboardInterrupt, match="Run the same again to go on"):
        run(strategies=["random", interrupted], **TINY)
    assert CALLS == [0]
    study = run(strategies=["random", interrupted], **TINY)
    assert study.failures == ()
    assert not study.naubc["naubc"].isna().any()


def test_the_session_is_left_as_it_was():
    handlers = {
        number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
    }
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(2)
    run(strategies=["random"], **TINY)
    assert {number: signal.getsignal(number) for number in handlers} == handlers
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    assert not torch.are_deterministic_algorithms_enabled()


def test_whole_numbers_of_numpy_are_seeds_and_budgets():
    given = {"seeds": np.arange(3, 5), "budgets": np.array([4, 8]), "strategies": ["random"]}
    study = run(**{**TINY, **given})
    assert study.seeds == [3, 4]
    assert run(**{**TINY, **given, "seeds": np.int64(1)}, out="other").seeds == [0]


def test_a_report_is_written_if_it_is_asked_for():
    assert not (run(strategies=["random"], **TINY).folder / "index.html").exists()
    assert (run(strategies=["random"], report=True, **TINY).folder / "index.html").is_file()


def test_a_failed_strategy_is_said_and_the_others_are_there():
    def broken(outputs):
        raise ValueError("on purpose")

    study = run(strategies=["random", broken], **TINY)
    assert len(study.failures) == 1
    assert "broken, seed 0" in study.failures[0]
    assert "on purpose" in study.failures[0]


def test_strategies_of_the_session_are_refused_to_other_processes():
    with pytest.raises(UserError, match=r"'least-sure' is defined in this session.*FILE.py:least-sure"):
        run(strategies=["random", least_sure], jobs=1, engine="ray", **TINY)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"strategies": ["entropi"]}, "Did you mean 'entropy'?"),
        ({"dataset": "roms"}, "did you mean rooms?"),
        ({"preset": "huge"}, "There is no preset 'huge' for rooms"),
        ({"recipe": {"iteration": 5}}, "did you mean recipe.iterations?"),
        ({"recipe.iteration": 5}, "did you mean recipe.iterations?"),
        ({"seed": 3}, "did you mean seeds?"),
        ({"network": "pad"}, "There is no network 'pad'"),
        ({"jobs": -1}, "jobs: must be a whole number from 1 on, not -1."),
        ({"jobs": 0}, "jobs: must be a whole number from 1 on, not 0."),
        ({"jobs": 2.0}, "jobs: must be a whole number from 1 on, not 2.0."),
        ({"jobs": True}, "jobs: must be a whole number from 1 on, not True."),
        ({"per_device": 0}, "per_device: must be a whole number from 1 on, not 0."),
        ({"per_device": None}, "per_device: must be a whole number from 1 on, not None."),
        ({"seeds": 2.0}, "seeds: must be a number of seeds, or a list of those that are meant, not 2.0."),
        ({"seeds": True}, "seeds: must be a number of seeds, or a list of those that are meant, not True."),
        ({"seeds": [True]}, "seeds.0: "),
        ({"budgets": 0.1}, "budgets: must be a list of counts or shares, such as [40, '20 %'], not 0.1."),
        (
            {"strategies": 3},
            "strategies: must be a list of names, or of classes and functions themselves",
        ),
        ({"network": 3}, "network: must be a name (mtal list networks), or its fields, not 3."),
        ({"dataset": 3}, "dataset: must be a name or a path, not 3."),
        ({"data_root": 3}, "data_root: must be a path, not 3."),
        ({"out": 3}, "out: must be a path, not 3."),
        ({"vary": ["a"]}, "vary: must be lists of values by field, not ['a']."),
    ],
)
def test_wrong_values_are_one_sentence_and_leave_nothing(given, words, tmp_path):
    with pytest.raises(UserError) as raised:
        run(**given, quiet=True)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not list(tmp_path.iterdir())


def test_nothing_is_imported_before_it_is_used():
    code = (
        "import sys, benchmark; assert set(benchmark.__all__) <= set(dir(benchmark));"
        "print([name for name in ('torch', 'pandas', 'numpy', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_unknown_names_are_attribute_errors():
    import benchmark

    with pytest.raises(AttributeError, match="no attribute 'nosuch'"):
        _ = benchmark.nosuch

"""Shell completion of values: names of what there is, as click's own machinery asks for them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from benchmark.cli.main import cli
from benchmark.plugins import DATASETS, NETWORKS
from strategies.registry import entries, resolve

ROOT = Path(__file__).parents[3]


def completed(words):
    """What a shell is given for a line of words, the last of which is not whole."""
    *args, incomplete = words.split(" ")
    items = ShellComplete(cli, {}, "mtal", "_MTAL_COMPLETE").get_completions(args, incomplete)
    return [item.value if item.type == "plain" else item.type for item in items]


@pytest.mark.parametrize("command", ["run", "doctor", "noise", "profile", "chosen results"])
def test_data_sets_are_completed_wherever_one_is_named(command):
    assert completed(f"{command} --dataset ") == sorted(DATASETS.entries)
    assert completed(f"{command} --dataset pas") == ["pascal"]


@pytest.mark.parametrize("command", ["check", "describe", "export"])
def test_data_sets_of_commands_on_data(command):
    assert completed(f"data {command} rooms-") == ["rooms-longtail", "rooms-video"]


def test_data_sets_that_can_be_fetched():
    assert completed("data fetch ") == ["nyud"]


@pytest.mark.parametrize("words", ["run --dataset ./mine", "data check docs/examples/c", "show mine.py"])
def test_what_is_no_name_is_a_file_that_the_shell_finds(words):
    assert completed(words) == ["file"]


def test_presets_are_those_of_the_data_set_before_them():
    assert completed("run --preset ") == ["paper", "quick", "standard"]
    assert completed("run --dataset nyud --preset s") == ["smoke", "standard"]
    assert completed("run --dataset mine.yaml --preset q") == ["quick"]


def test_networks_engines_and_trackers():
    assert completed("run --network ") == list(NETWORKS.entries)
    assert completed("run --engine s") == ["serial", "slurm"]
    assert completed("run --tracker tensorboard,w") == ["tensorboard,wandb"]


def test_devices_are_those_of_the_driver(monkeypatch):
    monkeypatch.setattr(
        Path, "glob", lambda *_: map(Path, ["/dev/nvidia10", "/dev/nvidia2", "/dev/nvidiactl"])
    )
    assert completed("run --device ") == ["auto", "cpu", "cuda", "cuda:2", "cuda:10"]
    monkeypatch.setattr(Path, "glob", lambda *_: iter(()))
    assert completed("run --device ") == ["auto", "cpu"]


@pytest.mark.parametrize(
    "command", ["show ", "compare ", "compare random ", "run --strategies ", "report --strategies "]
)
def test_strategies_are_completed_wherever_one_is_named(command):
    assert set(completed(command)) >= {entry.name for entry in entries().values()} >= {"random", "entropy"}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("random,core-s", ["random,core-set"]),
        ("random,consistency-diversity[wei", ["random,consistency-diversity[weighting="]),
        (
            "entropy[task=depth],rando",
            [f"entropy[task=depth],{name}" for name in ("random", "random-pairs", "random-split")],
        ),
        ("consistency-diversity[power=0,weighting=n", ["consistency-diversity[power=0,weighting=none"]),
        ("power[base=core-s", ["power[base=core-set"]),
        ("consistency-diversity[power=", []),
        ("nosuch[", []),
        ("random,nosuch", []),
    ],
)
def test_the_last_of_several_strategies_and_what_stands_in_brackets(words, found):
    assert completed(f"run --strategies {words}") == found


def test_every_completed_value_of_a_parameter_is_taken():
    pairs = [
        (entry.name, name) for entry in entries().values() for name in entry.parameters if name != "base"
    ]
    values = [value for strategy, name in pairs for value in completed(f"show {strategy}[{name}=")]
    assert len(values) > 20
    assert all(resolve(f"{value}]") for value in values)


SCRIPT = """
import sys
from benchmark.cli.main import main
sys.argv = ["mtal"]
try:
    main()
finally:
    assert not {"torch", "timm", "pandas", "pydantic", "matplotlib", "scipy"} & set(sys.modules)
"""


def test_bash_is_answered_in_its_own_protocol_and_nothing_heavy_is_imported(tmp_path):
    asked = {
        "_MTAL_COMPLETE": "bash_complete",
        "COMP_WORDS": "mtal run --strategies random,entr",
        "COMP_CWORD": "3",
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), **asked},
    )
    assert (done.stdout, done.stderr) == ("plain,random,entropy\n", "")

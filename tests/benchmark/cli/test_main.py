"""The command line: wrong input is exit code 2 and one clear sentence, and leaves nothing behind."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
import yaml

from benchmark.cli import main as cli
from benchmark.records.round_store import FULL_DATA, Round, Store

ROOT = Path(__file__).parents[3]


def files_under(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


BROKEN_FILE = """
from strategies import Selection, Strategy, register

@register("takes-the-first", source="test")
class First(Strategy):
    def select(self, pool, budget):
        return Selection(pool.unlabelled[:budget])
"""
INPUTS = {
    "study.yaml": "dataset: roms\nbudgets: [10, 20]\nstrategies: [random]\nseeds: [-1]\n",
    "plain.py": "import strategies\n",
    "raises.py": "raise OSError('on purpose')\n",
    "two.yaml": "a: 1\na: 2\n",
}


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("run --strategies entropi", "strategies: There is no strategy 'entropi'. Did you mean 'entropy'?"),
        ("run --strategies random,consistency-diversity[power=-1]", "power must be 0 or more"),
        ("run --strategies random,random", "'random' is there twice"),
        ("run --strategies ,", "strategies: List should have at least 1 item"),
        ("run --strategies missing.py:mine", "There is no strategy file missing.py"),
        ("run --seeds x", "--seeds must be a number of seeds (5), a list (0,3,7) or a range (3-5), not 'x'"),
        ("run --seeds 5-3", "not '5-3'"),
        ("run --dataset nowhere", "dataset: there is no data set 'nowhere'; give one of nyud"),
        ("run --dataset none.yaml", "dataset: there is no file none.yaml"),
        ("run --preset huge", "There is no preset 'huge' for rooms; there is: paper, quick, standard"),
        ("run --budgets 10,x", "budgets: a budget must be a count"),
        ("run --budgets 20,10 --quiet", "budgets: must grow from 1 to at most the pool"),
        ("run --device gpu", "device: "),
        ("run --threads 0", "--threads"),
        ("run --dry-run --engine nonsense --tracker nope", "--tracker: there is no tracker 'nope'"),
        ("run --dry-run --engine nonsense --jobs 7", "--engine: there is no engine 'nonsense'"),
        ("run --dry-run --engine serial --jobs 7", "--engine serial runs one job at a time"),
        ("run --dry-run --per-device 2 --device cpu", "--per-device is for jobs that share a GPU"),
        ("run --set nonsense", "--set must be FIELD=VALUE, such as recipe.iterations=500, not 'nonsense'"),
        ("run --set =5", "--set must be FIELD=VALUE"),
        ("run --set recipe..power=5", "--set must be FIELD=VALUE"),
        ("run --set recipe.iterations=[1", "--set recipe.iterations: '[1' is not a value"),
        ("run --set name=2024-13-45", "--set name: '2024-13-45' is not a value"),
        ("run --device cuda --set device=cpu", "--device and --set device both give device: leave one"),
        ("run --seeds 5 --set seeds=[0]", "--seeds and --set seeds both give seeds: leave one of them out"),
        ("run --network pad_net --set network.name=mti_net", "--network and --set network.name both give"),
        ("run --network pad_net --set network={width:8}", "--set network both give network.name: leave one"),
        (
            "gate --data-root . --set data_root=elsewhere",
            "--data-root and --set data_root both give",
        ),
        ("run --set recipe=5 --set recipe.power=5", "recipe has been given a value already"),
        ("run --seeds 3 --set seeds.first=5", "seeds has been given a value already"),
        ("run --set recipe.iteration=5", "did you mean recipe.iterations?"),
        ("run --nonsense", "--nonsense"),
        ("run none.yaml", "none.yaml cannot be read: No such file or directory"),
        ("run two.yaml", "'a' is there twice"),
        ("report empty", "empty"),
        ("report none", "none"),
        (
            "status empty",
            "empty holds no results: experiment.yaml is written there by `mtal run --out empty`",
        ),
        ("status none", "none holds no results"),
        ("status none --json", "none holds no results"),
        ("status . --watch --json", "--json prints one document, and --watch goes on: give one of them"),
        ("list --markdown --json", "--json and --markdown are two forms of one list: give one of them"),
        ("data check nowhere --json", "there is no data set 'nowhere'"),
        ("doctor --dataset nowhere --json", "there is no data set 'nowhere'"),
        ("show nosuch", "There is no strategy 'nosuch'"),
        ("show consistency-diversity[power=-1]", "power must be 0 or more"),
        ("show entropy[", "must end with ']'"),
        ("list nonsense", "'nonsense' is not one of 'strategies', 'datasets', 'tasks', 'networks'"),
        ("check missing.py", "There is no plug-in file missing.py"),
        ("check study.yaml", "There is no plug-in file study.yaml; give the path of a Python file"),
        ("check plain.py", "plain.py registers nothing: decorate a strategy with @register"),
        ("check raises.py", "Plug-in file raises.py failed: OSError: on purpose"),
        ("new-strategy random", "Strategy name 'random' is taken"),
        ("new-strategy full-data", "Strategy name 'full-data' is taken"),
        ("new-strategy a_b", "words of letters and digits joined by hyphens"),
        ("new-strategy class", "'class' cannot name a Python function"),
        ("new-strategy torch", "torch.py would hide the Python module torch"),
        ("new-strategy mine --folder plain.py", "plain.py"),
        ("data check nowhere", "there is no data set 'nowhere'"),
        ("data describe rooms --count 0", "--count"),
        ("data nonsense", "nonsense"),
        ("nonsense", "nonsense"),
    ],
)
def test_wrong_input_is_one_sentence_and_leaves_nothing(mtal, tmp_path, command, words):
    (tmp_path / "empty").mkdir()
    for name, content in INPUTS.items():
        (tmp_path / name).write_text(content)
    before = files_under(tmp_path)
    ended = mtal(*command.split())
    assert ended.code == 2
    assert words in ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""
    said = [
        line
        for line in ended.err.splitlines()
        if not line.startswith(("Usage", " ", "Try", "Opening")) and line
    ]
    assert len(said) == 1
    assert said[0].startswith("Error: ")
    assert said[0].endswith((".", ")", "?", "--nonsense")), "older versions of click make no full stop"
    assert files_under(tmp_path) == before


def test_two_mistakes_in_a_file_are_two_lines(mtal, tmp_path):
    (tmp_path / "study.yaml").write_text(INPUTS["study.yaml"])
    ended = mtal("run", "study.yaml")
    assert ended.code == 2
    lines = ended.err.splitlines()
    assert lines[0].startswith(
        "Error: study.yaml: dataset: there is no data set 'roms' (did you mean rooms?)"
    )
    assert lines[1].startswith("study.yaml: seeds.0: ")
    assert len(lines) == 2


def test_a_folder_that_cannot_be_written_is_one_sentence(mtal, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "results/x")

    monkeypatch.setattr("benchmark.execution.run.run", full)
    ended = mtal("run")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "Error: [Errno 28] No space left on device: 'results/x'.\n"


def test_flags_reach_the_experiment(mtal, monkeypatch):
    seen = []

    def take(experiment, out, progress, timing, *_):
        seen.append((experiment, out, timing))
        return SimpleNamespace(table="T", page=None, folder=out, failures=())

    monkeypatch.setattr("benchmark.execution.run.run", take)
    command = (
        "run --strategies random,consistency-diversity[power=0,keep=2] --seeds 3-4 --budgets 10%,0.25,200 "
        "--device cpu --threads 1 --set recipe.learning_rate=1e-3 --set recipe.augmentation.flip=false "
        "--set name=mine --no-timing"
    )
    ended = mtal(*command.split())
    assert ended.code == 0
    experiment, out, timing = seen[0]
    assert not timing
    assert experiment.strategies == ("random", "consistency-diversity[power=0,keep=2]")
    assert experiment.seeds == (3, 4)
    assert experiment.budgets == (0.1, 0.25, 200)
    assert (experiment.device, experiment.threads) == ("cpu", 1)
    assert experiment.recipe.learning_rate == 1e-3
    assert experiment.recipe.augmentation.flip is False
    assert experiment.recipe.warmup > 0  # the preset's other fields stay
    assert str(out) == "results/mine"


def test_failed_trajectories_are_exit_code_1(mtal, monkeypatch):
    outcome = SimpleNamespace(table="T", page=None, folder="results/x", failures=("random, seed 0: why",))
    monkeypatch.setattr("benchmark.execution.run.run", lambda *_: outcome)
    ended = mtal("run")
    assert ended.code == 1
    assert "random, seed 0: why" in ended.err


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [(KeyboardInterrupt(), 130, "Run the same command to go on"), (BrokenPipeError(), 141, "")],
)
def test_an_interrupted_command_says_how_to_go_on(mtal, monkeypatch, error, code, words):
    def stop(*_):
        raise error

    monkeypatch.setattr("benchmark.execution.run.run", stop)
    ended = mtal("run")
    assert ended.code == code
    assert words in ended.err
    assert "Traceback" not in ended.err


def test_a_broken_strategy_is_exit_code_1_and_says_which_clause(mtal, tmp_path):
    (tmp_path / "broken.py").write_text(BROKEN_FILE)
    ended = mtal("check", "broken.py")
    assert (ended.code, ended.err) == (1, "")
    assert "  BROKEN  breaks ties at random: equal images were chosen by their place" in ended.out
    assert "  ok      chooses the budget" in ended.out
    assert ended.out.endswith("takes-the-first breaks the contract.\n")


def test_a_sound_strategy_is_exit_code_0(mtal, tmp_path):
    (tmp_path / "sound.py").write_text(
        BROKEN_FILE.replace("takes-the-first", "takes-any").replace(
            "pool.unlabelled[:budget]", "pool.rng.permutation(pool.unlabelled)[:budget]"
        )
    )
    ended = mtal("check", "sound.py")
    assert (ended.code, ended.err) == (0, "")
    assert "BROKEN" not in ended.out
    assert ended.out.endswith("takes-any keeps the contract.\n")


def stored_run(folder, pool=100):
    folder.mkdir()
    experiment = {"budgets": [10, "20 %"], "strategies": ["random", "entropy"], "seeds": [0, 1]}
    (folder / "experiment.yaml").write_text(yaml.safe_dump(experiment))
    (folder / "environment.json").write_text(json.dumps({"data": {"pool": pool}}))
    store = Store(folder)
    for strategy, seed, rounds in (("random", 0, 2), ("random", 1, 1), (FULL_DATA, 0, 1)):
        for number in range(rounds):
            store.write(Round("rooms", strategy, seed, number, "key", ("a",), {}, "digest"))
    return folder


def test_status_counts_the_rounds(mtal, tmp_path):
    ended = mtal("status", stored_run(tmp_path / "run"))
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert "2 of 2 rounds  done     random, seed 0" in lines
    assert "1 of 2 rounds  waiting  random, seed 1" in lines
    assert "1 of 1 round  done     full-data, seed 0" in lines
    assert "4 of 10 rounds" in lines[-1]


def test_status_reads_the_archives_that_a_report_reads(mtal):
    archive = ROOT / "docs" / "study" / "first" / "camvid.zip"
    ended = mtal("status", archive, "--watch")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[-1] == "48 of 48 rounds in all"


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"data": {}}', '{"data": {"pool": "x"}}', '{"data": 1}']
)
def test_a_torn_environment_is_named(mtal, tmp_path, content):
    folder = stored_run(tmp_path / "run")
    (folder / "environment.json").write_text(content)
    ended = mtal("status", folder)
    assert ended.code == 2
    unfit = content == '{"data": {"pool": "x"}}'
    what = ": data.pool must be a number of images, not 'x'." if unfit else " is not as `mtal run` writes it"
    assert f"{folder / 'environment.json'}{what}" in ended.err
    assert "Traceback" not in ended.err


def commands(command=cli.cli, path="mtal"):
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, f"{path} {name}")


@pytest.mark.parametrize(("path", "command"), list(commands()))
def test_every_option_has_a_sentence_of_help(path, command):
    sentence = (command.help or "").strip().splitlines()[0]
    assert sentence.endswith(".")
    assert sentence[0].isupper()
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{path} {parameter.opts[0]} has no help"
            assert parameter.help.rstrip().endswith((".", ")")), (
                f"{path} {parameter.opts[0]}: a sentence ends"
            )


@pytest.mark.parametrize("path", [path for path, _ in commands()])
def test_help_is_printed_for_every_command(mtal, path):
    for flag in ("--help", "-h"):
        ended = mtal(*path.split()[1:], flag)
        assert (ended.code, ended.err) == (0, "")
        assert ended.out.startswith("Usage: ")
        assert all(len(line) <= 110 for line in ended.out.splitlines())


WITHOUT_TORCH = """
import sys
from benchmark.cli.main import main
for arguments in {commands}:
    sys.argv = ["mtal", *arguments]
    try:
        main()
    except SystemExit as ended:
        assert ended.code == {code}, (arguments, ended.code)
heavy = [name for name in ("torch", "timm", "faiss") if name in sys.modules]
assert not heavy, heavy
"""


def runs_without_torch(commands, folder, code=0):
    script = WITHOUT_TORCH.format(commands=commands, code=code)
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_commands_that_only_look_do_without_torch(tmp_path):
    stored_run(tmp_path / "run")
    (tmp_path / "mine.py").write_text(BROKEN_FILE)
    listings = [["list", what] for what in ("strategies", "datasets", "networks", "presets")]
    shown = [["show", name] for name in ("random", "entropy", "learning-loss", "mine.py:takes-the-first")]
    others = [["--help"], ["run", "--help"], ["list"], ["status", "run"], ["new-strategy", "my-own"]]
    out = runs_without_torch([*listings, *shown, *others], tmp_path)
    for words in (
        "consistency-diversity",
        "rooms-longtail",
        "pad_net",
        "rooms-quick",
        "4 of 10 rounds in all",
    ):
        assert words in out
    wrong = [["run", "--strategies", "x"], ["run", "--seeds", "x"], ["status", "none"], ["report", "none"]]
    runs_without_torch(wrong, tmp_path, code=2)


def test_a_report_needs_no_torch(tmp_path):
    head = "dataset,strategy,seed,round,labelled,task,metric,value\n"
    rows = [
        f"rooms,{s},{k},{r},{10 * r + 10},total,loss,{1 - r / 10 + k / 100}\n"
        for s in ("random", "entropy")
        for k in (0, 1)
        for r in (0, 1)
    ]
    (tmp_path / "results.csv").write_text(head + "".join(rows))
    (tmp_path / "environment.json").write_text(json.dumps({"data": {"pool": 100, "val": 10}}))
    assert "entropy" in runs_without_torch([["report", "."]], tmp_path)


def test_the_module_is_the_command(tmp_path):
    """Once for real, in a process of its own."""
    command = [sys.executable, "-m", "benchmark", "run", "--strategies", "entropi"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "Did you mean 'entropy'?" in done.stderr
    assert list(tmp_path.iterdir()) == []

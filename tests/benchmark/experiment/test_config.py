"""Every kind of mistake is one line that names the field; several are all reported at once."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import baselines  # noqa: F401
from benchmark.errors import UserError
from benchmark.experiment.catalogue import PRESETS, presets
from benchmark.experiment.config import Experiment, budget_counts, parse_budget, parse_seeds, validated
from benchmark.experiment.loading import load_experiment
from benchmark.records.results_folder import EXPERIMENT, check_agreement
from benchmark.untrusted_files import read_fields

GOOD = {"budgets": [10, 20], "strategies": ["random"], "seeds": [0]}


def mistakes(fields):
    with pytest.raises(UserError) as caught:
        validated(fields, "study.yaml")
    lines = str(caught.value).splitlines()
    assert all(line.startswith("study.yaml: ") and line.endswith(".") for line in lines)
    return [line.removeprefix("study.yaml: ") for line in lines]


def mistake(**fields):
    lines = mistakes({**GOOD, **fields})
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("dataset", "roms", "dataset: there is no data set 'roms' (did you mean rooms?)"),
        ("dataset", "none.yaml", "dataset: there is no file none.yaml"),
        ("dataset", 3, "dataset: "),
        ("name", "../up", "name: '../up' must be letters"),
        ("name", "..", "name: '..' must be"),
        ("name", "a/b", "name: 'a/b' must be"),
        ("name", "a\n", "name: "),
        ("network", {"name": "padnet"}, "network.name: There is no network 'padnet'. Did you mean 'pad_net'"),
        ("network", {"width": 0}, "network.width: "),
        ("network", {"width": 2.5}, "network.width: "),
        ("network", {"pretrained": "perhaps"}, "network.pretrained: "),
        ("network", [1], "network: "),
        ("recipe", {"optimiser": "lion"}, "recipe.optimiser: Input should be 'adamw', 'adam' or 'sgd'"),
        ("recipe", {"learning_rate": -1}, "recipe.learning_rate: "),
        ("recipe", {"learning_rate": float("inf")}, "recipe.learning_rate: "),
        ("recipe", {"learning_rate": float("nan")}, "recipe.learning_rate: "),
        ("recipe", {"learning_rate": "fast"}, "recipe.learning_rate: "),
        ("recipe", {"iterations": 0}, "recipe.iterations: "),
        ("recipe", {"iterations": True}, "recipe.iterations: must not be true"),
        ("recipe", {"compile": "perhaps"}, "recipe.compile: "),
        ("recipe", {"warmup": -1}, "recipe.warmup: "),
        ("recipe", {"clip": True}, "recipe.clip: must not be true"),
        ("recipe", {"clip": 0}, "recipe.clip: "),
        ("recipe", {"momentum": 1}, "recipe.momentum: "),
        ("recipe", {"augmentation": {"zoom": [0.5]}}, "recipe.augmentation.zoom.0: "),
        ("recipe", {"augmentation": {"colour": 1}}, "recipe.augmentation.colour: "),
        ("strategies", [], "strategies: "),
        ("strategies", "random", "strategies: Input should be a valid list (given: 'random')"),
        ("strategies", [None], "strategies.0: "),
        ("seeds", [], "seeds: "),
        ("seeds", [-1], "seeds.0: "),
        ("seeds", [True], "seeds.0: "),
        ("seeds", [1.5], "seeds.0: "),
        ("seeds", [0, 0], "seeds: each seed once, not 0, 0"),
        ("seeds", 5, "seeds: "),
        ("task_weights", {"depth": 0}, "task_weights.depth: "),
        ("task_weights", {"depth": float("inf")}, "task_weights.depth: "),
        ("task_weights", ["depth"], "task_weights: "),
        ("device", "gpu", "device: "),
        ("device", "cuda:x", "device: "),
        ("device", "cuda:99999999999999999999", "device: "),
        ("device", "cpu\n", "device: "),
        ("threads", 0, "threads: "),
        ("budgets", [10], "budgets: "),
        ("budgets", 10, "budgets: "),
        ("data", [1], "data: "),
        ("full_data", "perhaps", "full_data: "),
    ],
)
def test_a_mistake_is_one_line_that_names_its_field(field, value, words):
    assert mistake(**{field: value}).startswith(words)


WORDS = ["x", "", "10 %%", "1.2.3 %", "-5", "0", "0 %", "101 %", "1.5", "nan", ".", "%"]
VALUES = [True, False, 0, -3, 1.5, 0.0, -0.1, float("nan"), None, [10], {}]


@pytest.mark.parametrize("budget", [*WORDS, *VALUES])
def test_a_budget_that_is_none_is_named(budget):
    assert repr(budget) in mistake(budgets=[budget, 50])
    with pytest.raises(ValueError, match="must be a count"):
        parse_budget(budget)


@pytest.mark.parametrize(
    ("given_", "meant"),
    [
        ("10 %", 0.1),
        ("10%", 0.1),
        (" 12.5 % ", 0.125),
        (0.1, 0.1),
        ("0.1", 0.1),
        (".5", 0.5),
        (40, 40),
        ("40", 40),
        (" 40 ", 40),
        (1, 1),
        (1.0, 1.0),
        ("100 %", 1.0),
        ("1.0", 1.0),
    ],
)
def test_a_budget_is_a_count_or_a_share(given_, meant):
    found = parse_budget(given_)
    assert found == meant
    assert type(found) is type(meant)


@given(st.integers(1, 10**6), st.floats(0.001, 1))
def test_a_budget_as_text_is_the_same_budget(count, share):
    assert parse_budget(str(count)) == count
    assert parse_budget(f"{share:.6f}") == float(f"{share:.6f}")


def test_budgets_become_counts_of_the_pool():
    assert budget_counts([0.1, 0.25, 1.0], 240) == [24, 60, 240]
    assert budget_counts([1, 0.5, 200], 240) == [1, 120, 200]


@pytest.mark.parametrize("budgets", [[20, 10], [10, 10], [0.001, 0.5], [10, 241], [0.2, 0.2001], [100, 0.1]])
def test_budgets_must_grow_within_the_pool(budgets):
    with pytest.raises(
        UserError, match=r"^budgets: must grow from 1 to at most the pool of 240 images, not \["
    ):
        budget_counts(budgets, 240)


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("5", [0, 1, 2, 3, 4]), ("1", [0]), ("0,3,7", [0, 3, 7]), ("3,", [3]), ("3-5", [3, 4, 5]), ("4-4", [4])],
)
def test_seeds_are_a_number_a_list_or_a_range(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    "text", ["", "x", "0", "-1", "1.5", "3-", "1,x", ",", "1;2", "1 2", "true", "0x3", "5-3"]
)
def test_other_seeds_are_refused(text):
    with pytest.raises(UserError, match="--seeds must be"):
        parse_seeds(text)


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ({"sseds": [1]}, "there is no field sseds; did you mean seeds?"),
        ({"recipe": {"iteration": 5}}, "there is no field recipe.iteration; did you mean recipe.iterations?"),
        ({"iterations": 5}, "there is no field iterations; did you mean recipe.iterations?"),
        ({"width": 5}, "there is no field width; did you mean network.width?"),
        ({"flip": True}, "there is no field flip; did you mean recipe.augmentation.flip?"),
        ({"nme": "x"}, "there is no field nme; did you mean name?"),
        ({"network": {"nme": "x"}}, "there is no field network.nme; did you mean network.name?"),
        ({"xyzzy": 1}, "there is no field xyzzy."),
    ],
)
def test_an_unknown_field_suggests_one(field, words):
    assert mistake(**field) == words.removesuffix(".") + "."


def test_all_mistakes_are_reported_at_once():
    fields = {**GOOD, "seeds": [-1], "recipe": {"iterations": 0, "power": 0}, "oops": 1, "dataset": "nowhere"}
    found = mistakes(fields)
    assert len(found) == 5
    for word in ("seeds.0", "recipe.iterations", "recipe.power", "oops", "dataset"):
        assert any(word in line for line in found)


def test_all_mistakes_in_strategies_are_reported_at_once():
    names = ["entropi", "consistency-diversity[power=-1]", "random[x=1]", "core-set", "core-set"]
    line = mistake(strategies=names)
    assert line.startswith("strategies: There is no strategy 'entropi'. Did you mean 'entropy'?")
    for words in ("power must be 0 or more", "no parameter of random 'x'", "'core-set' is there twice"):
        assert words in line


def test_one_strategy_under_two_names_is_noticed():
    names = ["consistency-diversity", "consistency-diversity[power=1.0,gain=0.5]"]
    assert "'consistency-diversity' is there twice" in mistake(strategies=names)


def test_a_user_strategy_whose_constructor_fails_is_named(tmp_path):
    file = tmp_path / "failing.py"
    file.write_text(
        "from strategies import Strategy, register\n"
        "@register('failing-at-once', source='x')\n"
        "class Failing(Strategy):\n"
        "    def __init__(self): raise RuntimeError('no memory')\n"
    )
    assert "'failing-at-once' cannot be made: RuntimeError: no memory" in mistake(
        strategies=[f"{file}:failing-at-once"]
    )


@pytest.mark.parametrize("preset", presets())
def test_every_preset_is_valid_and_listed(preset, tmp_path):
    fields = read_fields(PRESETS / f"{preset}.yaml")
    family = preset.partition("-")[0]
    fields["dataset"] = family
    if family == "folder":
        own = tmp_path / "own.yaml"
        own.write_text("")
        fields["dataset"] = str(own)
    experiment = validated(fields, preset)
    assert experiment.strategies[0] == "random"
    assert {"random", "entropy", "core-set", "learning-loss", "consistency-diversity"} <= set(
        experiment.strategies
    )
    assert budget_counts(experiment.budgets, int(experiment.data.get("pool", 1000)))


def study(tmp_path, text):
    file = tmp_path / "study.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("seeds: [1\nx", "is not valid YAML"),
        ("seeds: [1]\nseeds: [2]\n", "'seeds' is there twice"),
        ("recipe: {power: 1, iterations: 5, power: 2}", "'power' is there twice"),
        ("a: 2024-13-45", "is not valid YAML"),
        ("&a [*a]", "is not valid YAML"),
        ("- a\n- b\n", "must hold fields, one 'name: value' a line"),
        ("just text", "must hold fields"),
        ("", "must hold fields"),
        ("1: x\n", "must hold fields"),
        ("!!python/object/apply:os.system ['true']", "is not valid YAML"),
        ("a: " + "[" * 1500, "is not valid YAML"),
        (b"\xff\xfe\x00\x01\x02binary", "is not valid YAML"),
        (b"a: \x00", "is not valid YAML"),
        (b"\x89PNG\r\n\x1a\n", "is not valid YAML"),
    ],
)
def test_a_file_that_is_no_experiment_is_one_line(tmp_path, content, words):
    file = study(tmp_path, content)
    with pytest.raises(UserError) as caught:
        load_experiment(file, None, {})
    sentence = str(caught.value)
    assert sentence.startswith(str(file))
    assert words in sentence
    assert "\n" not in sentence


def test_a_merge_key_is_no_duplicate(tmp_path):
    text = "x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\n"
    assert read_fields(study(tmp_path, text))["y"] == {"a": 1, "b": 3}


def test_a_file_that_is_missing_or_a_folder_is_named(tmp_path):
    for path, words in ((tmp_path / "none.yaml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(UserError, match=words) as caught:
            load_experiment(path, None, {})
        assert str(path) in str(caught.value)


def test_a_file_goes_over_its_preset_and_flags_over_both(tmp_path):
    file = study(tmp_path, "preset: quick\nseeds: [4]\nrecipe: {power: 2, warmup: 3}\n")
    preset = read_fields(PRESETS / "rooms-quick.yaml")
    experiment = load_experiment(file, None, {"seeds": [7], "recipe": {"power": 3}})
    assert experiment.seeds == (7,)
    assert (experiment.recipe.power, experiment.recipe.warmup) == (3, 3)
    assert experiment.recipe.epochs == preset["recipe"]["epochs"]
    assert experiment.name == "rooms-quick"


def test_a_preset_flag_goes_over_the_one_in_the_file(tmp_path):
    file = study(tmp_path, "preset: nosuch\nseeds: [4]\n")
    assert load_experiment(file, "quick", {}).seeds == (4,)
    with pytest.raises(UserError, match=r"no preset 'nosuch' for rooms; there is: .*quick"):
        load_experiment(file, None, {})


def test_a_file_without_preset_must_say_all(tmp_path):
    file = study(tmp_path, "dataset: rooms\n")
    with pytest.raises(UserError) as caught:
        load_experiment(file, None, {})
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == [
        "budgets",
        "strategies",
        "seeds",
    ]


def test_an_unknown_data_set_is_named_before_its_presets():
    with pytest.raises(UserError, match=r"no data set 'nowhere'; give one of .*rooms, "):
        load_experiment(None, None, {"dataset": "nowhere"})
    with pytest.raises(UserError, match=r"no data set 'romms' \(did you mean rooms\?\)"):
        load_experiment(None, "quick", {"dataset": "romms"})


@pytest.mark.parametrize(("stem", "name"), [("mine", "mine-quick"), ("my data (v2)", "my data -v2--quick")])
def test_results_are_named_after_the_data_and_the_preset(tmp_path, stem, name):
    own = tmp_path / f"{stem}.yaml"
    own.write_text("")
    assert load_experiment(None, "quick", {"dataset": str(own)}).name == name
    assert load_experiment(None, "quick", {"name": ""}).name == "rooms-quick"  # never results/ itself


def stored(tmp_path, **changes):
    experiment = Experiment.model_validate({**GOOD, **changes})
    fields = experiment.model_dump(mode="json", exclude={"device", "threads", "data_root"})
    (tmp_path / EXPERIMENT).write_text(yaml.safe_dump(fields))


def refusal(tmp_path, **changes):
    with pytest.raises(UserError) as caught:
        check_agreement(Experiment.model_validate({**GOOD, **changes}), tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "give another --out" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"recipe": {"iterations": 5}}, "recipe.iterations: 1000 there, 5 now"),
        ({"recipe": {"compile": True}}, "recipe.compile: False there, True now"),
        ({"recipe": {"augmentation": {"flip": False}}}, "recipe.augmentation.flip: True there, False now"),
        ({"network": {"backbone": "x"}}, "network.backbone: 'tiny' there, 'x' now"),
        ({"budgets": [10, 30]}, "budgets: [10, 20] there, [10, 30] now"),
        ({"data": {"pool": 3}}, "data.pool: None there, 3 now"),
        ({"task_weights": {"depth": 2}}, "task_weights.depth: None there, 2.0 now"),
    ],
)
def test_a_folder_of_other_results_is_refused_and_the_difference_named(tmp_path, change, words):
    stored(tmp_path)
    assert words in refusal(tmp_path, **change)


def test_all_differences_are_named(tmp_path):
    stored(tmp_path)
    sentence = refusal(tmp_path, recipe={"iterations": 5, "clip": 2}, network={"blocks": 1})
    for words in ("recipe.iterations", "recipe.clip: None there, 2.0 now", "network.blocks"):
        assert words in sentence


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"seeds": [0, 1, 2]},
        {"seeds": [9]},
        {"strategies": ["random", "entropy"]},
        {"strategies": ["core-set"]},
        {"device": "cpu", "threads": 1},
        {"name": "other"},
        {"full_data": False},
    ],
)
def test_seeds_and_strategies_may_be_added(tmp_path, change):
    stored(tmp_path, budgets=["10 %", 0.2])
    before = (tmp_path / EXPERIMENT).read_bytes()
    check_agreement(Experiment.model_validate({**GOOD, "budgets": [0.1, "20%"], **change}), tmp_path)
    assert (tmp_path / EXPERIMENT).read_bytes() == before


def test_a_strategy_file_that_is_gone_does_not_lock_its_results(tmp_path):
    stored(tmp_path)
    text = (tmp_path / EXPERIMENT).read_text().replace("- random", "- gone.py:mine")
    (tmp_path / EXPERIMENT).write_text(text)
    check_agreement(Experiment.model_validate(GOOD), tmp_path)


def test_a_new_folder_agrees_with_everything(tmp_path):
    check_agreement(Experiment.model_validate(GOOD), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_an_experiment_cannot_be_changed():
    experiment = Experiment.model_validate({**GOOD, "data_root": "somewhere"})
    assert experiment.data_root == Path("somewhere")
    with pytest.raises(ValueError, match="frozen"):
        experiment.name = "other"  # type: ignore[misc]

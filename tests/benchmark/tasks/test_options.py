"""Options of tasks: what there is, what is refused, and that every result carries them."""

import json

import pytest
import yaml

from benchmark.errors import UserError
from benchmark.experiment.catalogue import PRESETS
from benchmark.experiment.config import validated
from benchmark.experiment.loading import load_experiment
from benchmark.progress import Progress
from benchmark.protocol.bench import open_bench
from benchmark.protocol.round_key import key_of
from benchmark.records.results_folder import ENVIRONMENT, EXPERIMENT, check_agreement, write_head
from benchmark.report.results.metrics import KNOWN
from benchmark.tasks import BUILT_IN, make_task
from benchmark.untrusted_files import read_fields

SMALL = {
    "data": {"pool": 4, "val": 2, "height": 32, "width": 32},
    "budgets": [2, 3],
    "strategies": ["random"],
    "seeds": [0],
    "device": "cpu",
    "threads": 1,
}


def bench_of(folder, **changes):
    return open_bench(validated({**SMALL, **changes}, "test"), folder, Progress(quiet=True))


def task_of(bench, name):
    return next(task for task in bench.dataset.tasks if task.name == name)


def key(bench):
    return key_of(bench, "random", 0, 0, ["a", "b"], None)


def test_defaults_are_those_of_the_field():
    edge, normals, saliency = (make_task(name).options for name in ("edge", "normals", "saliency"))
    assert (edge.positive_weight, edge.balance, edge.max_distance, edge.ods_f) == (
        0.95,
        "constant",
        0.011,
        False,
    )
    assert normals.divisor == "elements"
    assert (saliency.positive_weight, saliency.balance, saliency.headline) == (0.8, "constant", "max_f")
    assert not any(make_task(name, classes=("a", "b")).options.model_dump() for name in ("semseg", "depth"))


@pytest.mark.parametrize(
    ("name", "options", "headline"),
    [
        ("semseg", {}, "miou"),
        ("human_parts", {}, "miou"),
        ("depth", {}, "rmse"),
        ("normals", {}, "mean_angle"),
        ("edge", {}, "edge_f"),
        ("edge", {"ods_f": True}, "ods_f"),
        ("saliency", {}, "max_f"),
        ("saliency", {"headline": "miou"}, "miou"),
    ],
)
def test_the_headline_is_a_metric_that_is_computed(name, options, headline):
    task = make_task(name, classes=("a", "b") if BUILT_IN[name].kind == "categorical" else (), **options)
    assert task.headline == headline
    assert headline in task.meter().compute()


@pytest.mark.parametrize(("name", "options"), [*((name, {}) for name in BUILT_IN), ("edge", {"ods_f": True})])
def test_the_report_knows_every_metric(name, options):
    task = make_task(name, classes=("a", "b") if BUILT_IN[name].kind == "categorical" else (), **options)
    assert set(task.meter().compute()) <= set(KNOWN)
    assert {name: KNOWN[name].better for name in task.better} == task.better


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        (
            "edge",
            {"positive_wieght": 0.8},
            ["edge", "'positive_wieght'", "positive_weight, balance, max_distance"],
        ),
        ("depth", {"divisor": "pixels"}, ["depth", "'divisor'", "none"]),
        ("edge", {"positive_weight": 1}, ["edge", "positive_weight", "less than 1"]),
        ("edge", {"positive_weight": True}, ["edge", "positive_weight", "must not be true"]),
        ("edge", {"ods_f": 3}, ["edge", "ods_f", "boolean"]),
        ("normals", {"divisor": "channels"}, ["normals", "divisor", "'elements' or 'pixels'", "'channels'"]),
        ("saliency", {"balance": "batch"}, ["saliency", "balance", "'constant' or 'image'", "'batch'"]),
        ("saliency", {"headline": "mae"}, ["saliency", "headline", "'max_f' or 'miou'", "'mae'"]),
    ],
)
def test_an_unknown_option_or_value_is_one_sentence(name, options, words):
    with pytest.raises(UserError) as caught:
        make_task(name, **options)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert all(word in sentence for word in words), sentence


def test_a_changed_task_keeps_the_rest():
    task = make_task("edge", weight=7, max_distance=0.0075)
    changed = task.changed(None, {"positive_weight": 0.8})
    assert changed.options.model_dump() == {**task.options.model_dump(), "positive_weight": 0.8}
    assert (changed.weight, task.changed(3, {}).weight) == (7, 3)
    assert task.options.positive_weight == 0.95
    parts = make_task("human_parts", classes=("no", "yes")).changed(2.5, {})
    assert (parts.classes, parts.weight) == (("no", "yes"), 2.5)


def test_an_experiment_sets_weights_and_options(tmp_path):
    bench = bench_of(
        tmp_path,
        task_weights={"normals": 3},
        tasks={"normals": {"divisor": "pixels"}, "edge": {"positive_weight": 0.8}},
    )
    assert (task_of(bench, "normals").weight, task_of(bench, "normals").options.divisor) == (3, "pixels")
    assert (task_of(bench, "edge").weight, task_of(bench, "edge").options.positive_weight) == (50, 0.8)


@pytest.mark.parametrize("field", ["task_weights", "tasks"])
def test_a_task_that_the_data_lack_is_named(tmp_path, field):
    with pytest.raises(UserError, match=rf"^{field}: rooms has no task parts; it has semseg, .*\.$"):
        bench_of(tmp_path, **{field: {"parts": {} if field == "tasks" else 1}})


@pytest.mark.parametrize(
    "tasks",
    [
        {"edge": {"positive_weight": 0.8}},
        {"edge": {"ods_f": True}},
        {"normals": {"divisor": "pixels"}},
        {"saliency": {"balance": "image"}},
    ],
)
def test_another_choice_is_another_key_and_another_folder(tmp_path, tasks):
    plain, chosen = bench_of(tmp_path), bench_of(tmp_path, tasks=tasks)
    assert key(plain) != key(chosen)
    write_head(plain.experiment, plain, tmp_path, {})
    check_agreement(plain.experiment, tmp_path)
    with pytest.raises(UserError, match=r"tasks\.\w+\.\w+: None there, .* now"):
        check_agreement(chosen.experiment, tmp_path)


def test_writing_a_default_down_changes_no_key(tmp_path):
    assert key(bench_of(tmp_path)) == key(bench_of(tmp_path, tasks={"edge": {"positive_weight": 0.95}}))


def test_the_results_carry_the_choices(tmp_path):
    bench = bench_of(tmp_path, tasks={"saliency": {"headline": "miou"}})
    write_head(bench.experiment, bench, tmp_path, {})
    assert read_fields(tmp_path / EXPERIMENT)["tasks"] == {"saliency": {"headline": "miou"}}
    described = json.loads((tmp_path / ENVIRONMENT).read_text())["tasks"]
    options = {"positive_weight": 0.8, "balance": "constant", "headline": "miou"}
    assert described["saliency"] == {"kind": "binary", "weight": 5.0, "headline": "miou", "options": options}
    assert described["semseg"] == {"kind": "categorical", "weight": 1.0, "headline": "miou", "options": {}}


@pytest.mark.parametrize("file", sorted(PRESETS.glob("*.yaml")), ids=lambda file: file.stem)
def test_presets_choose_what_there_is(file):
    preset = yaml.safe_load(file.read_text())
    for name, options in preset.get("tasks", {}).items():
        make_task(name, classes=("a", "b") if BUILT_IN[name].kind == "categorical" else (), **options)


@pytest.mark.parametrize(
    ("dataset", "named"),
    [
        ("nyud", {"edge": {"positive_weight", "max_distance"}, "normals": {"divisor"}}),
        (
            "pascal",
            {
                "edge": {"positive_weight", "max_distance"},
                "normals": {"divisor"},
                "saliency": {"balance", "headline"},
            },
        ),
    ],
)
@pytest.mark.parametrize("preset", ["quick", "standard", "paper"])
def test_presets_of_the_field_say_which_variant_they_take(dataset, named, preset):
    tasks = load_experiment(None, preset, {"dataset": dataset}).tasks
    assert all(options <= set(tasks[name]) for name, options in named.items())
    assert tasks["edge"]["max_distance"] == {"nyud": 0.011, "pascal": 0.0075}[dataset]

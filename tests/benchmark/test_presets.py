"""Presets of the field's data sets: as large as they say, and by the recipe that they name."""

import re
from functools import cache

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import baselines  # noqa: F401
from benchmark.experiment.catalogue import PRESETS, presets
from benchmark.experiment.loading import load_experiment
from benchmark.networks import build_network
from benchmark.networks.backbones.timm_models import TimmBackbone
from benchmark.protocol.work_left import passes_of
from benchmark.tasks import make_task
from strategies.registry import resolve

FIELD = [f"{data}-{size}" for data in ("nyud", "pascal") for size in ("quick", "standard", "paper")]
FROZEN = ["nyud-frozen", "pascal-frozen"]
TASKS = {
    "nyud": {"semseg": 40, "depth": None, "normals": None, "edge": None},
    "pascal": {"semseg": 21, "human_parts": 7, "normals": None, "edge": None, "saliency": None},
}
IMAGES = {"nyud": (795, 654), "pascal": (4998, 5105)}
#: Floating-point operations a second that the comments assume.
ASSUMED = 10e12


def loaded(preset):
    dataset, _, size = preset.partition("-")
    return load_experiment(None, size, {"dataset": dataset})


def comment(preset):
    lines = (PRESETS / f"{preset}.yaml").read_text().splitlines()
    return " ".join(line.lstrip("# ") for line in lines if line.startswith("#"))


def number(text):
    return float(text.replace(",", ""))


@cache
def forward_flops(preset):
    """Of one image, two a multiply-add; without a frozen trunk, whose maps are kept."""
    experiment, dataset = loaded(preset), preset.partition("-")[0]
    data = experiment.data
    height, width = data["size"] if "size" in data else (data["height"], data["width"])
    tasks = [
        make_task(name, classes=tuple(map(str, range(classes)))) if classes else make_task(name)
        for name, classes in TASKS[dataset].items()
    ]
    with torch.device("meta"):
        untrained = experiment.network.model_copy(update={"pretrained": False, "frozen": False})
        network = build_network(untrained, tasks).eval()
        image = torch.empty(1, 3, height, width)
    trunk = next(module for module in network.modules() if isinstance(module, TimmBackbone))
    kept = flops_of(trunk, image) if experiment.network.frozen else 0
    return flops_of(network, image) - kept


def flops_of(module, image):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(image)
    return counter.get_total_flops()


def petaflops(preset):
    """Of all trainings, and of all evaluations and pool passes."""
    experiment, (pool, val) = loaded(preset), IMAGES[preset.partition("-")[0]]
    rounds, recipe = len(experiment.budgets), experiment.recipe
    trainings = 2 + len(experiment.every_strategy) * (rounds - 1)
    passes = sum(passes_of(resolve(name).create()) for name in experiment.strategies) * (rounds - 1)
    evaluated = trainings * experiment.data.get("val", val) + passes * experiment.data.get("pool", pool)
    first, *later = (recipe.iterations_for(round(share * pool)) for share in (*experiment.budgets, 1.0))
    iterations = first + later[-1] + len(experiment.every_strategy) * sum(later[:-1])
    trained = iterations * recipe.batch_size * 3
    share = forward_flops(preset) * len(experiment.seeds) / 1e15
    return trained * share, evaluated * share


@pytest.mark.parametrize(
    "preset",
    [p if p.endswith("quick") else pytest.param(p, marks=pytest.mark.slow) for p in FIELD + FROZEN],
)
def test_a_preset_costs_what_its_comment_estimates(preset):
    text = comment(preset)
    training, passes = petaflops(preset)
    said = re.search(r"GMAC x 2 = ([\d,.]+) PFLOP, and ([\d,.]+) in evaluation and pool passes: ", text)
    assert training == pytest.approx(number(said[1]), rel=0.02)
    assert passes == pytest.approx(number(said[2]), rel=0.05)
    span = re.search(r"passes: ([\d,.]+) (minutes|hours) at 10 TFLOP/s, which is assumed", text)
    seconds = number(span[1]) * {"minutes": 60, "hours": 3600}[span[2]]
    assert (training + passes) * 1e15 / ASSUMED == pytest.approx(seconds, rel=0.03)
    assert "estimated from multiply-adds and not measured" in text


@pytest.mark.parametrize("dataset", ["nyud", "pascal"])
def test_quick_is_about_an_hour_of_real_images_on_a_gpu(dataset):
    preset = f"{dataset}-quick"
    assert 0.75 < sum(petaflops(preset)) * 1e15 / ASSUMED / 3600 < 1.25
    assert "pool" not in loaded(preset).data, "all of the pool"


@pytest.mark.parametrize("preset", FIELD)
def test_sizes_of_the_field(preset):
    experiment, size = loaded(preset), preset.partition("-")[2]
    assert len(experiment.seeds) == {"quick": len(experiment.seeds), "standard": 5, "paper": 10}[size]
    assert experiment.budgets[0] == 0.1
    assert experiment.budgets[-1] == (0.4 if size == "quick" else 0.6)
    assert len(experiment.budgets) == (4 if size == "quick" else 6)
    assert (experiment.network.backbone, experiment.network.pretrained) == ("hrnet_w18_small_v2", True)
    assert "network.pretrained=false" in comment(preset)


@pytest.mark.parametrize("preset", FIELD)
def test_a_preset_names_its_recipe_and_takes_it(preset):
    text, recipe = comment(preset), loaded(preset).recipe
    adam = ("adam", 1e-4, 1e-4, "poly", 0.9, 8)
    sgd = ("sgd", 5e-3, 5e-4, "poly", 0.9, 8)
    named = {"Recipe: Multi-Task-Learning-PyTorch": adam, "Recipe: ATRC": sgd}
    (expected,) = [fields for name, fields in named.items() if name in text]
    assert expected == (
        recipe.optimiser,
        recipe.learning_rate,
        recipe.weight_decay,
        recipe.schedule,
        recipe.power,
        recipe.batch_size,
    )
    assert f"{recipe.iterations:,}" in text
    assert ("here per iteration" in text) == (expected == adam)


@pytest.mark.parametrize("preset", FROZEN)
def test_a_foundation_trunk_that_is_not_trained_leaves_time_for_seeds(preset):
    experiment, paper = loaded(preset), preset.replace("frozen", "paper")
    assert (experiment.network.frozen, experiment.network.pretrained) == (True, True)
    assert (experiment.data, experiment.references) == (loaded(paper).data, 3)
    assert forward_flops(preset) * 12 < forward_flops(paper)
    assert "was never run" in comment(preset), "no word of what was measured that was not"


def test_there_is_a_smoke_preset_for_a_cpu():
    assert {"nyud-smoke", "pascal-smoke", "folder-smoke"} <= set(presets())
    for dataset in ("nyud", "pascal", str(PRESETS.parents[2] / "docs/examples/camvid.yaml")):
        experiment = load_experiment(None, "smoke", {"dataset": dataset})
        assert (experiment.network.backbone, experiment.network.pretrained) == ("tiny", False)
        assert experiment.recipe.iterations <= 50

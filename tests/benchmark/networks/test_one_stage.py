"""The references of one stage: initial is refined, tasks share all or nothing of the backbone."""

import pytest
import torch

from benchmark.execution.serial import run_serial
from benchmark.experiment.config import NetworkConfig
from benchmark.networks import build_network
from benchmark.networks.backbones.by_name import TinyPyramid
from benchmark.networks.one_stage import MultiTask, SideBySide, SingleTask
from benchmark.protocol.work_left import plan
from benchmark.tasks import make_task
from strategies.divergences import inconsistency_loss

TASKS = (make_task("semseg", classes=("a", "b", "c")), make_task("depth"), make_task("normals"))
CHANNELS = {"semseg": 3, "depth": 1, "normals": 3}


@pytest.fixture(scope="module", params=[MultiTask, SingleTask])
def network(request):
    torch.manual_seed(0)
    return request.param(TinyPyramid(), TASKS, width=8).eval()


@pytest.mark.parametrize(("height", "width"), [(64, 96), (33, 32), (1, 1), (41, 50)])
def test_both_stages_are_one_at_every_size(network, height, width):
    with torch.no_grad():
        outputs = network(torch.rand(2, 3, height, width))
    for task, channels in CHANNELS.items():
        assert outputs.refined[task].shape == (2, channels, height, width)
        assert torch.equal(outputs.initial[task], outputs.refined[task])
        assert outputs.task_features[task].shape == (2, 8, -(-height // 4), -(-width // 4))
    shapes = network.shapes
    assert tuple(f.shape[1] for f in outputs.backbone_features) == shapes.backbone_features
    assert {t: f.shape[1] for t, f in outputs.task_features.items()} == shapes.task_features


def test_there_is_no_inconsistency(network):
    with torch.no_grad():
        outputs = network(torch.rand(2, 3, 41, 50))
    assert not inconsistency_loss(outputs, outputs.tasks[1]).any()


@pytest.mark.parametrize(("make", "shared"), [(MultiTask, True), (SingleTask, False)])
def test_what_a_task_trains(make, shared):
    network = make(TinyPyramid(), TASKS, width=8)
    network(torch.rand(2, 3, 64, 64)).refined["depth"].square().sum().backward()
    reached = {name for name, p in network.named_parameters() if p.grad is not None and p.grad.any()}
    heads = {name for name in reached if not name.startswith("backbone.")}
    assert heads == {n for n, _ in network.named_parameters() if n.split(".")[1] == "depth"}
    backbone = {name for name, _ in network.named_parameters() if name.startswith("backbone.")}
    own = backbone if shared else {name for name in backbone if name.startswith("backbone.copies.1.")}
    assert {name for name in reached if name.startswith("backbone.")} == own


def test_a_single_task_network_is_a_network_per_task():
    """Each task is predicted as a multi-task network of that task alone would, given the same weights."""
    torch.manual_seed(0)
    together = SingleTask(TinyPyramid(), TASKS, width=8).eval()
    images = torch.rand(2, 3, 40, 32)
    for index, task in enumerate(TASKS):
        alone = MultiTask(TinyPyramid(), (task,), width=8).eval()
        alone.backbone.load_state_dict(together.backbone.copies[index].state_dict())
        alone.features[task.name].load_state_dict(together.features[task.name].state_dict())
        alone.predict[task.name].load_state_dict(together.predict[task.name].state_dict())
        with torch.no_grad():
            expected, got = alone(images).refined[task.name], together(images).refined[task.name]
        torch.testing.assert_close(got, expected)


def test_copies_start_alike_and_are_not_the_same():
    first, second = SideBySide(TinyPyramid(), 2).copies
    for (name, a), b in zip(first.named_parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b), name
        assert a is not b


@pytest.mark.parametrize("name", ["multi_task", "single_task"])
def test_heads_are_as_wide_as_all_maps_together_if_nothing_is_said(name):
    with torch.device("meta"):
        network = build_network(NetworkConfig(name=name), TASKS)
    assert network.feature_channels == dict.fromkeys(CHANNELS, 24 + 32 + 48 + 64)


@pytest.mark.parametrize("name", ["multi_task", "single_task"])
def test_strategies_run_on_it(small_bench, tmp_path, name):
    changes = {"network": {"name": name, "width": 8}, "budgets": [4, 7], "full_data": False}
    bench = small_bench(tmp_path, **changes)
    assert run_serial(bench, plan(bench.experiment)) == []
    last = [r for r in bench.store.rounds() if r.round == 1]
    assert {len(r.labelled) for r in last} == {7}
    assert {r.strategy for r in last} == set(bench.experiment.strategies)

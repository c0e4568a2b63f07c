"""MTI-Net: four scales at every size, its propagation written out naively, training and selection on it."""

import pytest
import torch

from benchmark.errors import UserError
from benchmark.execution.serial import run_serial
from benchmark.experiment.config import NetworkConfig
from benchmark.networks import build_network
from benchmark.networks.backbone import Backbone
from benchmark.networks.backbones.by_name import TinyPyramid
from benchmark.networks.mti_net import FeaturePropagation, MtiNet
from benchmark.protocol.train_and_evaluate import fit
from benchmark.protocol.work_left import plan
from benchmark.random_streams import global_torch_stream
from benchmark.tasks import make_task

TASKS = (
    make_task("semseg", classes=("a", "b", "c", "d", "e")),
    make_task("depth"),
    make_task("normals"),
    make_task("edge"),
)
CHANNELS = {"semseg": 5, "depth": 1, "normals": 3, "edge": 1}
STRIDES = (4, 8, 16, 32)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return MtiNet(TinyPyramid(), TASKS, width=8).eval()


@pytest.mark.parametrize(
    ("height", "width"), [(32, 32), (64, 96), (33, 32), (32, 31), (48, 50), (1, 1), (7, 65), (36, 100)]
)
def test_outputs_are_complete_at_every_size(network, height, width):
    with torch.no_grad():
        outputs = network(torch.rand(2, 3, height, width))
    sizes = [(-(-height // stride), -(-width // stride)) for stride in STRIDES]
    assert {t: tuple(p.shape) for t, p in outputs.refined.items()} == {
        t: (2, c, height, width) for t, c in CHANNELS.items()
    }
    for task, channels in CHANNELS.items():
        scales = (outputs.initial[task], *outputs.coarser_initial[task])
        assert [tuple(p.shape) for p in scales] == [(2, channels, *size) for size in sizes]
        assert outputs.task_features[task].shape == (2, 8, *sizes[0])
    assert [tuple(f.shape) for f in outputs.backbone_features] == [
        (2, channels, *size) for channels, size in zip((24, 32, 48, 64), sizes, strict=True)
    ]
    assert tuple(spec.name for spec in outputs.tasks) == tuple(CHANNELS)


def test_shapes_tell_companions_the_truth(network):
    assert network.shapes.task_features == dict.fromkeys(CHANNELS, 8)
    assert network.shapes.backbone_features == (24, 32, 48, 64)


def test_every_scale_is_as_wide_as_the_backbone_if_nothing_is_said():
    with torch.device("meta"):
        network = build_network(NetworkConfig(name="mti_net"), TASKS)
        outputs = network(torch.empty(1, 3, 64, 64))
    assert [initial.decode["depth"].in_channels for initial in network.initial] == [24, 32, 48, 64]
    assert network.shapes.task_features == {t: f.shape[1] for t, f in outputs.task_features.items()}


def test_each_scale_is_fed_by_the_one_below_and_by_none_above(network):
    maps = [torch.rand(1, c, 64 // s, 64 // s) for c, s in zip((24, 32, 48, 64), STRIDES, strict=True)]

    def scales_that_change(index):
        changed = [features + 1.0 * (at == index) for at, features in enumerate(maps)]
        with torch.no_grad():
            before, after = network.heads(maps, (64, 64)), network.heads(changed, (64, 64))
        scales = [(o.initial["depth"], *o.coarser_initial["depth"]) for o in (before, after)]
        return [not torch.equal(a, b) for a, b in zip(*scales, strict=True)]

    for index in range(4):
        assert scales_that_change(index) == [scale <= index for scale in range(4)]


@pytest.mark.parametrize("tasks", [("a",), ("a", "b"), ("a", "b", "c", "d")])
def test_propagation_is_the_formula_task_by_task(tasks):
    torch.manual_seed(1)
    width = 6
    module = FeaturePropagation(tasks, width).eval()
    features = {task: torch.randn(2, width, 5, 7) for task in tasks}
    with torch.no_grad():
        propagated = module(features)
        logits = module.attention(torch.cat([features[task] for task in tasks], 1))
        shares = task_shares(logits, tasks, width)
        shared = module.reduce(torch.cat([shares[task] * features[task] for task in tasks], 1))
        for task in tasks:
            pooled = shared.mean((2, 3), keepdim=True)
            squeeze, excite = (module.gate[task].gate[i].weight for i in (1, 3))
            hidden = torch.einsum("oc,bc->bo", squeeze[..., 0, 0], pooled[..., 0, 0]).clamp(min=0)
            gate = torch.einsum("oc,bc->bo", excite[..., 0, 0], hidden).sigmoid()[..., None, None]
            torch.testing.assert_close(propagated[task], shared * gate + features[task])


def task_shares(logits, tasks, width):
    """The softmax written out: channel c of a task competes with channel c of the other tasks alone."""
    each = {task: logits[:, i * width : (i + 1) * width].exp() for i, task in enumerate(tasks)}
    total = sum(each.values())
    return {task: share / total for task, share in each.items()}


def test_attention_sums_to_one_over_tasks_at_every_pixel_and_channel():
    """Seen from outside: with equal features in all tasks, what is reduced adds up to those features."""
    width, tasks = 6, ("a", "b", "c")
    module = FeaturePropagation(tasks, width).eval()
    weighted = []
    module.reduce.register_forward_pre_hook(lambda _, inputs: weighted.append(inputs[0]))
    same = torch.randn(2, width, 5, 7)
    with torch.no_grad():
        module(dict.fromkeys(tasks, same))
    by_task = weighted[0].view(2, len(tasks), width, 5, 7)
    torch.testing.assert_close(by_task.sum(1), same)
    assert not torch.allclose(by_task[:, 0], by_task[:, 1]), "the shares of two tasks differ"


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_one_task_only(task):
    network = MtiNet(TinyPyramid(), (task,), width=8)
    outputs = network(torch.rand(2, 3, 32, 40))
    assert list(outputs.refined) == [task.name]
    assert outputs.refined[task.name].shape == (2, task.channels, 32, 40)
    assert len(outputs.coarser_initial[task.name]) == 3


def test_every_weight_learns():
    torch.manual_seed(0)
    network = MtiNet(TinyPyramid(), TASKS, width=8)
    with torch.no_grad():  # a gate of one hidden unit that starts negative never learns: as published
        for gate in (gate for scale in network.propagate for gate in scale.gate.values()):
            gate.gate[1].weight.abs_()
    outputs = network(torch.rand(2, 3, 64, 64))
    coarser = [scale for scales in outputs.coarser_initial.values() for scale in scales]
    every = (*outputs.refined.values(), *outputs.initial.values(), *coarser)
    sum(p.square().sum() for p in every).backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_the_coarser_predictions_alone_train_only_what_lies_below_them():
    network = MtiNet(TinyPyramid(), TASKS, width=8)
    network(torch.rand(2, 3, 64, 64)).coarser_initial["depth"][-1].sum().backward()
    trained = {
        name.split(".depth")[0] for name, p in network.initial.named_parameters() if p.grad is not None
    }
    assert trained == {"3.refine", "3.decode"}


def test_the_same_random_state_gives_the_same_weights():
    def weights(seed):
        torch.manual_seed(seed)
        network = build_network(NetworkConfig(name="mti_net", width=8), TASKS)
        return torch.cat([p.detach().flatten() for p in network.parameters()])

    assert torch.equal(weights(5), weights(5))
    assert not torch.equal(weights(5), weights(6))


class Dilated(Backbone):
    """Maps of which two have one stride."""

    channels, strides, multiple = (4, 8, 8), (4, 8, 8), 8


def test_maps_of_one_stride_are_refused():
    with pytest.raises(UserError, match=r"network\.backbone: .* at 4, 8, 8\."):
        MtiNet(Dilated(), TASKS)


# In the benchmark


STRATEGY = "consistency-diversity[scales=mean]"


@pytest.fixture
def bench(small_bench, tmp_path):
    return small_bench(
        tmp_path,
        network={"name": "mti_net", "width": 8},
        recipe={"iterations": 3, "batch_size": 4, "weight_decay": 0},
        strategies=[STRATEGY],
        budgets=[4, 7],
        full_data=False,
    )


def test_training_repeats_bit_for_bit_and_depends_on_the_seed(bench):
    first = bench.first_set(0)
    digests = [fit(bench, first, bench.streams(seed, 0)).weights_digest for seed in (0, 0, 1)]
    assert digests[0] == digests[1] != digests[2]


def test_training_moves_the_heads_of_every_scale(bench):
    """Without weight decay only a loss moves a weight, and these have none but that of their own scale."""
    streams = bench.streams(0, 0)
    network = fit(bench, bench.first_set(0), streams).trained.network
    with global_torch_stream(streams.seed_of("weights")):
        fresh = build_network(bench.experiment.network, bench.dataset.tasks)
    for trained, new in zip(network.initial, fresh.initial, strict=True):
        for task, decode in trained.decode.items():
            assert not torch.equal(decode.weight, new.decode[task].weight)


def test_consistency_over_all_scales_selects_on_it(bench):
    assert run_serial(bench, plan(bench.experiment)) == []
    rounds = {(r.strategy, r.round): r for r in bench.store.rounds()}
    first, second = rounds[STRATEGY, 0], rounds[STRATEGY, 1]
    assert second.labelled == first.labelled + first.selected
    scores = torch.tensor(first.scores)
    assert scores.shape == (16, len(bench.dataset.tasks))
    assert torch.isfinite(scores).all()
    assert (scores.std(0) > 0).any()

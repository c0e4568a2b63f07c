"""PAD-Net: shapes at every size, its arithmetic written out naively, its size as published."""

import pytest
import torch
from torch import nn

from benchmark.errors import UserError
from benchmark.experiment.config import NetworkConfig
from benchmark.networks import build_network
from benchmark.networks.backbones.by_name import TinyPyramid, make_backbone
from benchmark.networks.pad_net import Distillation, PadNet
from benchmark.tasks import make_task

TASKS = (
    make_task("semseg", classes=("a", "b", "c", "d", "e")),
    make_task("depth"),
    make_task("normals"),
    make_task("edge"),
)
CHANNELS = {"semseg": 5, "depth": 1, "normals": 3, "edge": 1}


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return PadNet(TinyPyramid(), TASKS, width=8, blocks=1).eval()


@pytest.mark.parametrize(
    ("height", "width"), [(32, 32), (64, 96), (33, 32), (32, 31), (48, 50), (1, 1), (7, 65), (36, 100)]
)
def test_outputs_are_complete_at_every_size(network, height, width):
    with torch.no_grad():
        outputs = network(torch.rand(2, 3, height, width))
    quarter = (-(-height // 4), -(-width // 4))
    assert {t: tuple(p.shape) for t, p in outputs.refined.items()} == {
        t: (2, c, height, width) for t, c in CHANNELS.items()
    }
    assert {t: tuple(p.shape) for t, p in outputs.initial.items()} == {
        t: (2, c, *quarter) for t, c in CHANNELS.items()
    }
    features = {t: tuple(f.shape) for t, f in outputs.task_features.items()}
    assert features == dict.fromkeys(CHANNELS, (2, 8, *quarter))
    assert [tuple(f.shape) for f in outputs.backbone_features] == [
        (2, channels, -(-height // stride), -(-width // stride))
        for channels, stride in zip((24, 32, 48, 64), (4, 8, 16, 32), strict=True)
    ]
    assert tuple(spec.name for spec in outputs.tasks) == tuple(CHANNELS)
    assert not outputs.coarser_initial
    assert not outputs.companion
    assert not outputs.views


def test_shapes_tell_companions_the_truth(network):
    shapes = network.shapes
    assert shapes.task_features == dict.fromkeys(CHANNELS, 8)
    assert shapes.backbone_features == (24, 32, 48, 64)
    assert [(spec.name, spec.channels) for spec in shapes.tasks] == list(CHANNELS.items())


def test_padding_is_cut_off_and_repeats_the_border(network):
    """An odd size gives what the image gives with its last row and column repeated, cut back."""
    image = torch.rand(1, 3, 41, 50)
    full = [-(-side // network.backbone.multiple) * network.backbone.multiple for side in (41, 50)]
    rows, columns = torch.arange(full[0]).clamp(max=40), torch.arange(full[1]).clamp(max=49)
    assert full[0] > 41, "this size is padded"
    with torch.no_grad():
        small, large = network(image), network(image[:, :, rows][..., columns])
    for task in CHANNELS:
        torch.testing.assert_close(small.refined[task], large.refined[task][..., :41, :50])
        torch.testing.assert_close(small.initial[task], large.initial[task][..., :11, :13])


def test_an_image_does_not_depend_on_its_batch(network):
    images = torch.rand(3, 3, 40, 32)
    with torch.no_grad():
        together, alone = network(images), [network(image[None]) for image in images]
    for task in CHANNELS:
        each = torch.cat([one.refined[task] for one in alone])
        torch.testing.assert_close(together.refined[task], each, rtol=1e-4, atol=1e-5)


def test_every_weight_learns(network):
    images = torch.rand(2, 3, 64, 64)
    outputs = network(images)
    sum(p.square().sum() for p in (*outputs.refined.values(), *outputs.initial.values())).backward()
    without = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    network.zero_grad()
    assert without == []


@pytest.mark.parametrize("tasks", [("a", "b"), ("a", "b", "c", "d")])
def test_distillation_is_the_formula_with_a_pair_of_convolutions_per_ordered_pair(tasks):
    torch.manual_seed(1)
    width = 6
    module = Distillation(tasks, width)
    features = {task: torch.randn(2, width, 9, 7) for task in tasks}
    distilled = module(features)
    for target in tasks:
        expected = features[target].clone()
        for source in tasks:
            if source != target:
                value, gate = pair_of(module, tasks, source, target, width)
                expected += value(features[source]) * torch.sigmoid(gate(features[source]))
        torch.testing.assert_close(distilled[target], expected, rtol=1e-4, atol=1e-5)
    assert sum(p.numel() for p in module.parameters()) == len(tasks) * (len(tasks) - 1) * 2 * 9 * width**2


def pair_of(module, tasks, source, target, width):
    """The convolutions of one ordered pair as modules of their own, with a copy of their weights."""
    others = [task for task in tasks if task != source]
    at = others.index(target) * width
    weights = module.messages[source].weight.detach()
    pair = []
    for start in (at, len(others) * width + at):
        conv = nn.Conv2d(width, width, 3, padding=1, bias=False)
        conv.weight = nn.Parameter(weights[start : start + width].clone())
        pair.append(conv)
    return pair


def test_distillation_starts_as_separate_convolutions_would():
    """Joining convolutions of one input leaves their fan-in, hence the spread of their weights, unchanged."""
    torch.manual_seed(0)
    joined = Distillation(("a", "b", "c"), 32).messages["a"].weight
    single = nn.Conv2d(32, 32, 3, padding=1, bias=False).weight
    assert joined.std().item() == pytest.approx(single.std().item(), rel=0.05)


def test_distillation_of_one_task_leaves_it_alone():
    features = {"only": torch.randn(1, 4, 5, 5)}
    assert torch.equal(Distillation(("only",), 4)(features)["only"], features["only"])


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_one_task_only(task):
    network = PadNet(TinyPyramid(), (task,), width=8, blocks=1)
    outputs = network(torch.rand(2, 3, 32, 40))
    assert list(outputs.refined) == [task.name]
    assert outputs.refined[task.name].shape == (2, task.channels, 32, 40)


def test_the_same_random_state_gives_the_same_weights():
    def weights(seed):
        torch.manual_seed(seed)
        network = build_network(NetworkConfig(width=8, blocks=1), TASKS)
        return torch.cat([p.detach().flatten() for p in network.parameters()])

    assert torch.equal(weights(5), weights(5))
    assert not torch.equal(weights(5), weights(6))


def test_an_unknown_backbone_is_refused_with_a_suggestion():
    with pytest.raises(UserError, match=r"network\.backbone.*'resnet81'.*resnet18") as caught:
        make_backbone("resnet81")
    assert "\n" not in str(caught.value)


def test_the_tiny_backbone_has_no_pretrained_weights():
    with pytest.raises(UserError, match="pretrained"):
        make_backbone("tiny", pretrained=True)


def test_a_resnet_of_timm_is_dilated_and_gives_an_initial_prediction_at_a_quarter():
    config = NetworkConfig(backbone="resnet18", width=8, blocks=1)
    network = build_network(config, TASKS).eval()
    assert network.backbone.channels == (64, 128, 256, 512)
    assert network.backbone.strides == (4, 8, 8, 8)
    with torch.no_grad():
        outputs = network(torch.rand(1, 3, 70, 64))
    assert outputs.initial["semseg"].shape == (1, 5, 18, 16)
    assert outputs.refined["semseg"].shape == (1, 5, 70, 64)
    assert [f.shape[1] for f in outputs.backbone_features] == [64, 128, 256, 512]


@pytest.mark.slow
def test_hrnet_has_its_own_branches_and_pad_net_its_published_size():
    """19.5 M parameters with HRNet-18 and the four tasks of NYUD-v2."""
    tasks = (make_task("semseg", classes=tuple(map(str, range(40)))), *TASKS[1:])
    network = build_network(NetworkConfig(backbone="hrnet_w18_small_v2"), tasks).eval()
    assert network.backbone.channels == (18, 36, 72, 144)
    assert network.backbone.strides == (4, 8, 16, 32)
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(19.5e6, rel=0.01)
    with torch.no_grad():
        outputs = network(torch.rand(1, 3, 60, 64))
    assert [tuple(f.shape[1:]) for f in outputs.backbone_features] == [
        (18, 15, 16),
        (36, 8, 8),
        (72, 4, 4),
        (144, 2, 2),
    ]

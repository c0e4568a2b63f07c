"""What a precision of the recipe does: it is what it is called, and bfloat16 reaches no loss and no row."""

import json

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from benchmark.execution.run import run
from benchmark.progress import Progress
from benchmark.protocol.bench import set_up_torch
from benchmark.records.environment import ARITHMETIC
from benchmark.training.forward import forward, products_in
from benchmark.training.hardware.half_weights import in_half_weights
from benchmark.training.train import weights_digest

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.fixture(autouse=True)
def flags_as_before():
    before = torch.backends.cudnn.allow_tf32
    yield
    torch.backends.cudnn.allow_tf32 = before


@pytest.mark.parametrize(("precision", "allowed"), [("fp32", False), ("tf32", True), ("bf16", False)])
def test_tf32_is_used_where_the_recipe_says_so_and_nowhere_else(small_experiment, precision, allowed):
    set_up_torch(small_experiment(recipe={"precision": precision}), CPU)
    assert torch.backends.cudnn.allow_tf32 is allowed, "torch's own default is yes"
    with products_in(GPU, precision):
        assert torch.backends.cuda.matmul.allow_tf32 is allowed
    assert torch.backends.cuda.matmul.allow_tf32 is False, "strategies' distances are exact"
    with products_in(CPU, precision):
        assert torch.get_float32_matmul_precision() == "highest"


def test_the_arithmetic_is_recorded_with_the_results(small_experiment, tmp_path):
    recipe = {"iterations": 1, "batch_size": 4, "precision": "tf32"}
    experiment = small_experiment(recipe=recipe, strategies=["random"], full_data=False, budgets=[4, 5])
    run(experiment, tmp_path, Progress(quiet=True))
    environment = json.loads((tmp_path / "environment.json").read_bytes())
    assert environment["arithmetic"] == ARITHMETIC["tf32"]


class Counted(TorchDispatchMode):
    """Counts conversions of single tensors."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += function._schema.name == "aten::_to_copy"
        return function(*args, **(kwargs or {}))


def test_weights_are_converted_together_with_the_bits_of_autocast(toy):
    images, seen = toy.feed.images(range(2)), []
    for through in (lambda network, images, maps=None: network(images), in_half_weights):
        network = toy.fresh().train()
        with Counted() as converted, torch.autocast("cpu", torch.bfloat16):
            outputs = through(network, images)
        sum(p.float().square().mean() for p in outputs.refined.values()).backward()
        gradients = [None if p.grad is None else p.grad.clone() for p in network.parameters()]
        seen.append((converted.count, list(outputs.refined.values()), gradients))
    (one_by_one, *plain), (together, *ours) = seen
    assert together < one_by_one / 4
    for expected, found in zip(plain, ours, strict=True):
        for a, b in zip(expected, found, strict=True):
            assert (a is None and b is None) or torch.equal(a, b)


class Tied(nn.Module):
    """Two layers of one weight, as a network of one's own may have them."""

    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)
        self.other.weight = self.one.weight

    def forward(self, images):
        return self.other(self.one(images))


def test_layers_may_share_a_weight():
    network, images = Tied(), torch.rand(2, 3, 4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(in_half_weights(network, images), network(images))


def test_training_in_bf16_is_that_of_plain_autocast(toy, monkeypatch):
    together = weights_digest(toy.train(precision="bf16").network)
    monkeypatch.setattr(
        "benchmark.training.losses.in_half_weights", lambda network, images, maps=None: network(images)
    )
    assert weights_digest(toy.train(precision="bf16").network) == together


def test_outputs_are_float32_in_any_precision(toy):
    with torch.no_grad():
        outputs = forward(toy.fresh().eval(), toy.feed.images(range(2)), "bf16")
    maps = (outputs.initial, outputs.refined, outputs.task_features)
    tensors = [*(t for by_task in maps for t in by_task.values()), *outputs.backbone_features]
    assert {tensor.dtype for tensor in tensors} == {torch.float32}

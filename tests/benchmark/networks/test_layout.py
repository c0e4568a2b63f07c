"""Maps lie channels last, but for networks that a CPU's library could not train in that layout."""

import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, vmap

from benchmark.experiment.config import NetworkConfig
from benchmark.networks import build_network, placed
from benchmark.networks.layout import laid_out, layout_of
from benchmark.plugins import NETWORKS
from benchmark.tasks import make_task

CPU, GPU = torch.device("cpu"), torch.device("cuda")
TASKS = (make_task("semseg", classes=("a", "b", "c")), make_task("depth"), make_task("normals"))


@pytest.mark.parametrize("channels", [1, 2, 15, 16])
@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("stride", [1, 2, (1, 2)])
def test_one_by_one_convolutions_with_a_stride_and_few_channels_decide(channels, size, stride):
    network = nn.Sequential(nn.Conv2d(channels, 48, size, stride))
    unsafe = 2 <= channels <= 15 and size == 1 and stride != 1
    assert layout_of(network, CPU) == (torch.contiguous_format if unsafe else torch.channels_last)
    assert layout_of(network, GPU) == torch.channels_last


TRAINED = """
import sys
import torch
from benchmark.experiment.config import NetworkConfig
from benchmark.networks import build_network
from benchmark.tasks import make_task
from benchmark.training.forward import forward

torch.set_num_threads(1)
images = torch.rand(8, 3, 64, 64)
for name in sys.argv[1:]:
    network = build_network(NetworkConfig(name="multi_task", backbone=name, width=8), (make_task("depth"),))
    for layout in (torch.contiguous_format, torch.channels_last):
        outputs = forward(network.train(), images.contiguous(memory_format=layout))
        outputs.refined["depth"].square().mean().backward()
    assert all(p.grad.isfinite().all() for p in network.parameters())
    print(name)
"""


def test_such_backbones_are_trained_without_a_crash():
    """In a process of its own: their first such layers (3 and 13 channels) end one in the other layout."""
    names = ["repvgg_a0", "gernet_s"]
    command = [sys.executable, "-c", TRAINED, *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout.split()) == (0, names), done.stderr[-500:]


def test_weights_and_images_follow_the_network():
    few = placed(nn.Sequential(nn.Conv2d(3, 8, 1, 2), nn.Conv2d(8, 8, 3)), CPU)
    usual = placed(nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.Conv2d(8, 8, 3)), CPU)
    images = torch.rand(2, 3, 8, 8)
    for network, last in ((few, False), (usual, True)):
        for tensor in (network[1].weight, laid_out(images, network)):
            assert tensor.is_contiguous(memory_format=torch.channels_last) is last
            assert tensor.is_contiguous() is not last


@pytest.mark.parametrize("backbone", ["tiny", "test_resnet"])
@pytest.mark.parametrize("name", NETWORKS.entries)
def test_a_network_can_be_mapped_over_images(name, backbone):
    """``torch.func.vmap``: maps of one image at a time, and a gradient of the weights for each image."""
    network = build_network(NetworkConfig(name=name, backbone=backbone, width=8), TASKS).eval()
    images = torch.rand(3, 3, 45, 40)
    with torch.no_grad():
        each = vmap(lambda image: network.encode(image[None]))(images)
        for one, together in zip(each, network.encode(images), strict=True):
            torch.testing.assert_close(one[:, 0], together)
    weights = {n: p.detach() for n, p in network.named_parameters() if n.startswith("predict.depth")}

    def loss(weights, image):
        return functional_call(network, weights, (image[None],)).refined["depth"].square().mean()

    gradients = vmap(grad(loss), (None, 0))(weights, images)
    for position, image in enumerate(images):
        expected = grad(loss)(weights, image)
        for weight in weights:
            torch.testing.assert_close(gradients[weight][position], expected[weight])

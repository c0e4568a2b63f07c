"""Parameters and multiply-adds of the published configurations, counted without computing anything.

Four tasks of NYUD-v2 on HRNet-18 at 448 x 576. What is left of a difference is rounding of the published
numbers; multiply-adds are those of convolutions and matrix products, as counters of the field have them.
"""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmark.experiment.config import NetworkConfig
from benchmark.networks import build_network
from benchmark.tasks import make_task

NYUD = (
    make_task("semseg", classes=tuple(map(str, range(40)))),
    make_task("depth"),
    make_task("normals"),
    make_task("edge"),
)


def built(network):
    with torch.device("meta"):
        return build_network(NetworkConfig(name=network, backbone="hrnet_w18_small_v2"), NYUD).eval()


def parameters(network):
    return sum(p.numel() for p in network.parameters())


def multiply_adds(network):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.empty(1, 3, 448, 576, device="meta"))
    return counter.get_total_flops() / 2


@pytest.mark.parametrize(("name", "millions", "gmac"), [("pad_net", 19.5, 261), ("mti_net", 18.0, 24)])
def test_networks_have_their_published_size(name, millions, gmac):
    network = built(name)
    assert parameters(network) == pytest.approx(millions * 1e6, rel=0.01)
    assert multiply_adds(network) == pytest.approx(gmac * 1e9, rel=0.01)


def test_the_references_are_what_they_consist_of():
    """A head has 270 x 270 weights, 2 x 270 of batch normalisation, and those of its predictions."""
    shared, single = built("multi_task"), built("single_task")
    heads = 4 * (270 * 270 + 2 * 270) + sum((270 + 1) * task.channels for task in NYUD)
    backbone = parameters(shared.backbone)
    assert parameters(shared) == backbone + heads
    assert parameters(single) == 4 * backbone + heads

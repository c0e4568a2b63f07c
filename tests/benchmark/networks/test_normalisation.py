"""Images reach a backbone as its weights were trained to see them, and nowhere otherwise."""

import pytest
import timm
import torch
from torch import nn

from benchmark.errors import UserError
from benchmark.experiment.config import NetworkConfig
from benchmark.networks import build_network
from benchmark.networks.backbones.by_name import make_backbone
from benchmark.networks.normalisation import IMAGENET, normalisation_of, without_weights
from benchmark.tasks import make_task

TASKS = (make_task("semseg", classes=("a", "b", "c")), make_task("depth"))
HALF = (0.5, 0.5, 0.5)


@pytest.fixture
def weights(tmp_path):
    """A file of weights of a small ViT, whose configuration has means of 0.5."""

    def saved(name):
        torch.save(timm.create_model(name).state_dict(), tmp_path / f"{name}.pth")
        return tmp_path / f"{name}.pth"

    return saved


def seen_by(network, images):
    """What arrives at timm's own model."""
    seen = []
    model = next(module for module in network.backbone.modules() if hasattr(module, "feature_info"))
    with model.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0])), torch.no_grad():
        network.eval()(images)
    return seen[0]


def test_fresh_weights_see_the_statistics_of_imagenet():
    assert normalisation_of(NetworkConfig(backbone="test_vit")) == IMAGENET
    assert normalisation_of(NetworkConfig()) == IMAGENET


@pytest.mark.parametrize("name", ["test_vit", "test_resnet", "test_efficientnet"])
def test_pretrained_weights_see_what_their_configuration_says(weights, name):
    config = NetworkConfig(backbone=name, width=8, blocks=1, pretrained=weights(name))
    network, images = build_network(config, TASKS), torch.rand(2, 3, 160, 160)
    known = timm.get_pretrained_cfg(name)
    mean, spread = (torch.tensor(values).view(3, 1, 1) for values in (known.mean, known.std))
    seen = seen_by(network, images)[..., :160, :160]
    torch.testing.assert_close(seen, (images - mean) / spread)
    assert f"those of timm's {name}: a file of weights does not say its own" in network.loaded


@pytest.mark.parametrize("network", ["multi_task", "single_task", "pad_net"])
def test_every_network_says_by_what_it_normalises(weights, network):
    built = build_network(
        NetworkConfig(name=network, backbone="test_vit", pretrained=weights("test_vit")), TASKS
    )
    mean, spread = (", ".join(f"{float(v):.3g}" for v in values) for values in (built.mean, built.spread))
    assert f"; images are normalised by mean {mean} and spread {spread}, those of timm's" in built.loaded
    assert mean == "0.5, 0.5, 0.5"


@pytest.mark.parametrize(
    "name", ["vit_tiny_patch16_224", "tf_efficientnetv2_s", "vit_base_patch16_clip_224", "resnetv2_50x1_bit"]
)
def test_configurations_other_than_imagenet_are_known_without_their_weights(name):
    found = normalisation_of(NetworkConfig(backbone=name, pretrained=True))
    known = timm.create_model(name, pretrained=False).pretrained_cfg
    assert (found.mean, found.spread) == (tuple(known["mean"]), tuple(known["std"]))
    assert found.mean != IMAGENET.mean


def test_the_experiment_may_say_otherwise():
    given = normalisation_of(NetworkConfig(backbone="test_vit", pretrained=True, mean=(0, 0, 0), spread=HALF))
    assert (given.mean, given.spread, given.origin) == ((0, 0, 0), HALF, "the experiment's")
    half = normalisation_of(NetworkConfig(mean=HALF))
    assert (half.mean, half.spread) == (HALF, IMAGENET.spread)
    with pytest.raises(ValueError, match="spread"):
        NetworkConfig(spread=(0, 1, 1))


def test_a_network_that_gets_its_weights_later_normalises_alike(weights):
    """As the shared round 0 is read back: the trained weights replace the pre-trained ones."""
    config = NetworkConfig(backbone="test_vit", width=8, blocks=1, pretrained=weights("test_vit"))
    trained, fresh = build_network(config, TASKS), build_network(without_weights(config), TASKS)
    fresh.load_state_dict(trained.state_dict())
    images = torch.rand(1, 3, 160, 160)
    one, other = (network.eval()(images).refined["depth"] for network in (trained, fresh))
    assert torch.equal(one, other)


def test_it_is_no_part_of_the_weights_and_follows_the_network():
    network = build_network(NetworkConfig(width=8, blocks=1), TASKS)
    assert not {"mean", "spread"} & network.state_dict().keys()
    assert isinstance(network, nn.Module)
    assert network.to("meta").mean.device.type == "meta"


@pytest.mark.parametrize("prefix", ["timm/", "hf_hub:timm/", "hf-hub:timm/"])
def test_a_name_with_the_hubs_prefix_says_what_to_write(prefix):
    with pytest.raises(UserError, match=f"write resnet18.a1_in1k for {prefix}resnet18.a1_in1k"):
        make_backbone(f"{prefix}resnet18.a1_in1k")

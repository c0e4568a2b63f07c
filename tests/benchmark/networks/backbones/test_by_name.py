"""Backbones of timm: dilated or a pyramid, as the network wants, and images of any size.

Most of it runs on torch's meta device, which keeps shapes and computes nothing.
"""

import pytest
import timm
import torch

from benchmark.errors import UserError
from benchmark.experiment.config import NetworkConfig
from benchmark.networks import build_network
from benchmark.networks.backbone import Backbone
from benchmark.networks.backbones.by_name import make_backbone
from benchmark.networks.backbones.feature_pyramid import SimpleFeaturePyramid
from benchmark.networks.backbones.timm_models import TimmBackbone
from benchmark.plugins import NETWORKS
from benchmark.tasks import make_task

TASKS = (make_task("semseg", classes=("a", "b", "c")), make_task("depth"))


@pytest.fixture
def meta():
    with torch.device("meta"):
        yield


def map_sizes(backbone, height, width):
    return [tuple(each.shape) for each in backbone(torch.empty(2, 3, height, width))]


@pytest.mark.parametrize("name", ["resnet18", "convnext_atto", "efficientnet_b0"])
def test_what_can_be_dilated_is_unless_a_pyramid_is_wanted(meta, name):
    dilated, pyramid = make_backbone(name), make_backbone(name, pyramid=True)
    assert (dilated.strides, dilated.multiple) == ((4, 8, 8, 8), 8)
    assert (pyramid.strides, pyramid.multiple) == ((4, 8, 16, 32), 32)
    for backbone in (dilated, pyramid):
        assert map_sizes(backbone, 64, 96) == [
            (2, channels, 64 // stride, 96 // stride)
            for channels, stride in zip(backbone.channels, backbone.strides, strict=True)
        ]


@pytest.mark.parametrize("name", ["hrnet_w18_small_v2", "swin_tiny_patch4_window7_224", "pvt_v2_b0", "vgg11"])
def test_what_cannot_be_dilated_is_a_pyramid_at_any_size(meta, name):
    backbone = make_backbone(name)
    assert backbone.strides == (4, 8, 16, 32)
    assert map_sizes(backbone, 64, 160) == [
        (2, channels, 64 // stride, 160 // stride)
        for channels, stride in zip(backbone.channels, backbone.strides, strict=True)
    ]


@pytest.mark.parametrize(
    ("name", "patch", "width"),
    [
        ("vit_tiny_patch16_224", 16, 64),
        ("vit_small_patch14_dinov2", 14, 128),
        ("vit_small_patch16_dinov3", 16, 128),
    ],
)
def test_a_plain_transformer_gets_a_pyramid(meta, name, patch, width):
    backbone = make_backbone(name)
    assert isinstance(backbone, SimpleFeaturePyramid)
    assert backbone.channels == (width,) * 4
    assert backbone.strides == (patch / 4, patch / 2, patch, 2 * patch)
    assert backbone.multiple == 2 * patch
    assert map_sizes(backbone, 4 * patch, 6 * patch) == [
        (2, width, size, size * 3 // 2) for size in (16, 8, 4, 2)
    ]


@pytest.mark.parametrize(("before", "width"), [(768, 256), (1024, 256), (384, 128)])
def test_a_pyramid_is_as_wide_as_published_on_vit_b_and_never_wider(meta, before, width):
    pyramid = SimpleFeaturePyramid(Plain(before))
    assert pyramid.channels == (width,) * 4
    assert [tuple(f.shape[1:]) for f in pyramid(torch.empty(1, 3, 64, 96))] == [
        (width, 16, 24),
        (width, 8, 12),
        (width, 4, 6),
        (width, 2, 3),
    ]


class Plain(Backbone):
    """Maps of one stride, as plain transformers have them."""

    strides, multiple = (16,), 16

    def __init__(self, width):
        super().__init__()
        self.channels = (width,)

    def forward(self, images):
        return [images.new_empty(1, *self.channels, images.shape[2] // 16, images.shape[3] // 16)]


@pytest.mark.parametrize(
    ("network", "backbone"),
    [
        *((network, backbone) for network in NETWORKS.entries for backbone in ("test_resnet", "test_vit")),
        ("pad_net", "vit_small_patch14_dinov2"),
        ("mti_net", "swin_tiny_patch4_window7_224"),
    ],
)
def test_every_network_stands_on_every_kind_of_backbone(meta, network, backbone):
    built = build_network(NetworkConfig(name=network, backbone=backbone, width=8), TASKS)
    outputs = built(torch.empty(2, 3, 70, 45))
    assert outputs.refined["semseg"].shape == (2, 3, 70, 45)
    assert built.shapes.backbone_features == tuple(f.shape[1] for f in outputs.backbone_features)


def test_swin_is_turned_to_channels_first_without_mixing_pixels():
    backbone = TimmBackbone("test_vit").eval()
    backbone.model, backbone.channels_last = ChannelsLast(), True
    (features,) = backbone(torch.rand(1, 3, 4, 6))
    assert features.shape == (1, 2, 4, 6)
    assert features[0, 1].equal(torch.arange(24.0).view(4, 6) + 100)


class ChannelsLast(torch.nn.Module):
    """A model of maps B x h x w x C."""

    def forward(self, images):
        pixels = torch.arange(24.0).view(1, 4, 6)
        return [torch.stack([pixels, pixels + 100], -1)]


def test_all_of_a_transformer_and_its_pyramid_learn():
    torch.manual_seed(0)
    network = build_network(NetworkConfig(backbone="test_vit", width=8, blocks=1), TASKS)
    outputs = network(torch.rand(2, 3, 70, 45))
    assert outputs.refined["semseg"].shape == (2, 3, 70, 45)
    sum(p.square().sum() for p in (*outputs.refined.values(), *outputs.initial.values())).backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_finding_the_options_leaves_the_random_state_alone():
    torch.manual_seed(3)
    ours = make_backbone("test_resnet", pyramid=True).model
    torch.manual_seed(3)
    plain = timm.create_model("test_resnet", features_only=True)
    for (name, a), b in zip(ours.named_parameters(), plain.parameters(), strict=True):
        assert torch.equal(a, b), name


@pytest.mark.parametrize("name", ["mixer_s16_224", "levit_128", "maxvit_tiny_tf_224"])
def test_a_model_of_one_image_size_is_refused_in_one_sentence(name):
    with pytest.raises(UserError, match=f"{name} does not take images of every size") as caught:
        make_backbone(name)
    assert str(caught.value).startswith("network.backbone: ")
    assert "\n" not in str(caught.value)

"""The contracts of networks and backbones over all that is built in; who breaks a clause is told by it."""

import textwrap

import pytest

from benchmark.networks.contracts import backbone as backbone_contract
from benchmark.networks.contracts import network as contract
from benchmark.plugins import BACKBONES, NETWORKS
from strategies.clauses import broken

HEAD = """
import torch
from torch import nn
from benchmark.networks.backbone import Backbone
from benchmark.networks.network import Network, resized_together
from benchmark.plugins import register_backbone, register_network
from strategies.interface import Outputs
"""
NETWORK = (
    HEAD
    + """
@register_network("cheat", source="test")
class Cheat(Network):
    '''Cheats.'''

    def __init__(self, backbone, tasks):
        super().__init__(backbone, tasks)
        self.calls = 0
        self.shared = nn.Conv2d(backbone.channels[0], 8, 1)
        self.norm = nn.BatchNorm2d(8)
        self.deep = nn.ModuleList(nn.Conv2d(c, 8, 1) for c in backbone.channels[1:])
        self.heads_of = nn.ModuleDict({t: nn.Conv2d(8, c, 1) for t, c in self.output_channels.items()})
        # made

    @property
    def feature_channels(self):
        return dict.fromkeys(self.output_channels, 8)

    def heads(self, maps, size):
        features = self.norm(self.shared(maps[0]))
        for module, coarse in zip(self.deep, maps[1:]):
            features = features + resized_together({"a": module(coarse)}, features.shape[2:])["a"]
        # features
        initial = {task: head(features) for task, head in self.heads_of.items()}
        refined = resized_together(initial, size)
        # predicted
        return Outputs(
            tasks=self.specs,
            initial=initial,
            refined=refined,
            task_features=dict.fromkeys(initial, features),
            backbone_features=tuple(maps),
        )
"""
)
BACKBONE = (
    HEAD
    + """
@register_backbone("cheat", source="test")
class Cheat(Backbone):
    '''Cheats.'''

    channels, strides, multiple = (4, 6), (2.0, 4.0), 4

    def __init__(self):
        super().__init__()
        self.fine, self.coarse = nn.Conv2d(3, 4, 2, 2), nn.Conv2d(4, 6, 2, 2)
        # made

    def forward(self, images):
        # begins
        fine = self.fine(images)
        maps = [fine, self.coarse(fine)]
        # maps
        return maps
"""
)


@pytest.mark.parametrize("clause", contract.CLAUSES, ids=lambda clause: clause.__name__)
@pytest.mark.parametrize("name", NETWORKS.entries)
def test_every_network_keeps_the_contract(name, clause):
    clause(contract.Probe(NETWORKS.resolve(name)))


@pytest.mark.parametrize("clause", backbone_contract.CLAUSES, ids=lambda clause: clause.__name__)
@pytest.mark.parametrize("name", BACKBONES.entries)
def test_every_backbone_keeps_the_contract(name, clause):
    clause(backbone_contract.Probe(BACKBONES.resolve(name)))


def reasons(module, registry, folder, text, changes):
    """What each clause says of a file in which these lines stand in the place of those."""
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, textwrap.indent(after, " " * 8).lstrip())
    (folder / "cheat.py").write_text(text)
    entry = registry.resolve(f"{folder / 'cheat.py'}:cheat")
    found = {c.__name__: broken(c, module.Probe(entry), entry.files) for c in module.CLAUSES}
    return {name: reason for name, reason in found.items() if reason}


def test_those_who_cheat_are_sound_but_for_that(tmp_path):
    (tmp_path / "other").mkdir()
    assert reasons(contract, NETWORKS, tmp_path, NETWORK, {}) == {}
    assert reasons(backbone_contract, BACKBONES, tmp_path / "other", BACKBONE, {}) == {}


OWN = "self.own = nn.Parameter(torch.ones(1))"


@pytest.mark.parametrize(
    ("clause", "changes", "words"),
    [
        (
            "predicts_every_task",
            {"# predicted": "initial.pop('edge')"},
            "initial must have the tasks depth, edge",
        ),
        (
            "predicts_every_task",
            {"# predicted": "refined = {t: p[:, :1] for t, p in refined.items()}"},
            "refined[semseg] has 1 channels, not the 4 of the task",
        ),
        (
            "tells_the_channels_of_its_features",
            {"self.output_channels, 8)": "self.output_channels, 7)"},
            "task_features[semseg] has 8 channels, and feature_channels says 7",
        ),
        (
            "tells_the_channels_of_its_features",
            {"tuple(maps)": "tuple(maps[:2])"},
            "backbone_features have (24, 32) channels, and the backbone says",
        ),
        (
            "takes_images_of_any_size",
            {"(initial, size)": "(initial, (64, 64))"},
            "refined[semseg] of 2 images of 33 x 50 is",
        ),
        (
            "takes_images_of_any_size",
            {"# features": "assert size[0] % 16 == 0"},
            "an assertion failed (line ",
        ),
        ("works_with_any_one_task", {"# features": "self.heads_of['depth']"}, "KeyError: 'depth' (line "),
        (
            "is_decode_of_encode",
            {"# features": "maps[0].mul_(2)"},
            "decode changes the maps that it is given",
        ),
        (
            "is_decode_of_encode",
            {"# features": "features = features * 0 + 1"},
            "decode says the same of other maps",
        ),
        (
            "gives_finite_numbers",
            {"# features": "features = (features - 1e9).log()"},
            "is not finite for images",
        ),
        ("teaches_every_parameter", {"# made": OWN}, "no gradient reaches own: use it, or leave it out"),
        (
            "teaches_every_parameter",
            {"# features": "features = features.detach()"},
            "no gradient reaches backbone",
        ),
        (
            "teaches_every_parameter",
            {"# features": "features = features + 0 * (features - features).sqrt()"},
            "the gradient of backbone",
        ),
        (
            "evaluates_every_image_by_itself",
            {"# features": "features = features - features.mean(0)"},
            "of an image changes with its batch",
        ),
        (
            "evaluates_every_image_by_itself",
            {"# features": "features = nn.functional.dropout(features)"},
            "or when it is asked again",
        ),
        (
            "starts_from_the_weights_of_the_seed",
            {"# made": "torch.manual_seed(7); [p.data.normal_() for p in self.parameters()]"},
            "every seed gives the same weights",
        ),
        (
            "starts_from_the_weights_of_the_seed",
            {"# made": "import os; self.shared.bias.data.fill_(int.from_bytes(os.urandom(2)))"},
            "the same seed gave other weights in shared.bias",
        ),
        (
            "loads_its_own_weights",
            {
                "# made": "self.hidden = torch.rand(8, 1, 1)",
                "# features": "features = features + self.hidden",
            },
            "with the weights of another it gives other",
        ),
        ("leaves_images_alone", {"# features": ""}, None),
    ],
)
def test_a_network_that_breaks_a_clause_is_refused_by_it(tmp_path, clause, changes, words):
    text = NETWORK
    if clause == "leaves_images_alone":
        text += "\n    def encode(self, images):\n        return super().encode(images.mul_(0.5))\n"
        words = "the images that it was given are changed"
    found = reasons(contract, NETWORKS, tmp_path, text, changes)
    assert words in found[clause]


@pytest.mark.parametrize(
    ("clause", "changes", "words"),
    [
        ("declares_its_maps", {"(4, 6), (2.0, 4.0), 4": "(4, 6), (2.0,), 4"}, "are not one a map"),
        ("declares_its_maps", {"(4, 6), (2.0, 4.0), 4": "(4, 6), (4.0, 2.0), 4"}, "from fine to coarse"),
        (
            "declares_its_maps",
            {"(4, 6), (2.0, 4.0), 4": "(4, 6), (2.0, 4.0), 4.5"},
            "must be whole numbers, from 1",
        ),
        (
            "gives_the_maps_that_it_declares",
            {"(4, 6), (2.0, 4.0), 4": "(4, 7), (2.0, 4.0), 4"},
            "map 1 of 2 images of 32 x 32 is 2 x 6 x 8 x 8, and declared are 7 channels at stride 4",
        ),
        (
            "gives_the_maps_that_it_declares",
            {"(4, 6), (2.0, 4.0), 4": "(4, 6), (2.0, 8.0), 4"},
            "6 channels at stride 8",
        ),
        ("gives_the_maps_that_it_declares", {"# maps": "maps = maps[:1]"}, "1 maps, and 2 declared"),
        (
            "gives_the_maps_that_it_declares",
            {"# begins": "assert images.shape[2] % 8 == 0, 'sides'"},
            "sides",
        ),
        ("carries_a_network", {"# begins": "assert images.shape[2] % 8 == 0, 'sides'"}, "sides"),
        ("has_a_name_of_its_own", {'"cheat"': '"resnet18"'}, "resnet18 is a model of timm"),
        ("gives_finite_numbers", {"# maps": "maps[0] = maps[0] / (maps[0] * 0)"}, "map 0 is not finite"),
        ("teaches_every_parameter", {"# made": OWN}, "no gradient reaches own"),
        (
            "evaluates_every_image_by_itself",
            {"# maps": "maps[1] = maps[1] - maps[1].mean(0)"},
            "map 1 of an image changes",
        ),
        (
            "starts_from_the_weights_of_the_seed",
            {"# made": "torch.manual_seed(1); [p.data.normal_() for p in self.parameters()]"},
            "every seed gives the same",
        ),
        (
            "loads_its_own_weights",
            {
                "# made": "self.hidden = torch.rand(4, 1, 1)",
                "fine = self.fine(images)": "fine = self.fine(images) + self.hidden",
            },
            "other map 0, map 1: register all state",
        ),
        ("leaves_images_alone", {"# begins": "images.mul_(2)"}, "the images that it was given are changed"),
    ],
)
def test_a_backbone_that_breaks_a_clause_is_refused_by_it(tmp_path, clause, changes, words):
    name = "resnet18" if clause == "has_a_name_of_its_own" else "cheat"
    text = BACKBONE
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    (tmp_path / "cheat.py").write_text(text)
    entry = BACKBONES.resolve(f"{tmp_path / 'cheat.py'}:{name}")
    (one,) = [each for each in backbone_contract.CLAUSES if each.__name__ == clause]
    assert words in (broken(one, backbone_contract.Probe(entry), entry.files) or "")

"""Views: the mirrored one mapped back exactly, dropout of the image's own channels, one alive at a time."""

import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmark.execution.serial import run_serial
from benchmark.experiment.config import NetworkConfig
from benchmark.networks import build_network
from benchmark.networks.backbone import Backbone
from benchmark.networks.network import Network
from benchmark.networks.pad_net import PadNet
from benchmark.protocol.work_left import plan
from benchmark.random_streams import Streams, global_torch_stream
from benchmark.training.forward import forward
from benchmark.training.observe import observe
from benchmark.training.views import RATE, Shown, dropped, mirrored, views_of
from strategies.interface import Outputs, Strategy
from strategies.registry import register
from strategies.scoring import ScoreStrategy

NETWORKS = [
    NetworkConfig(width=8, blocks=1),
    NetworkConfig(name="mti_net", width=8),
    NetworkConfig(name="multi_task", width=8),
    NetworkConfig(name="single_task", width=8),
]


@pytest.fixture(scope="module", params=NETWORKS, ids=lambda config: config.name)
def network(request, toy):
    with global_torch_stream(7):
        return build_network(request.param, toy.feed.tasks).eval()


@pytest.fixture
def pad_net(toy):
    return toy.fresh().eval()


def shown(toy, network, positions=range(12), **changes):
    where = np.array(positions)
    ids = [toy.feed.ids[i] for i in where]
    return replace(Shown(network, toy.feed.images(where), ids, toy.feed.tasks, toy.streams), **changes)


# The mirrored view


class Symmetric(Network):
    """Works on each pixel by itself, so that a mirrored picture gives mirrored outputs.

    The x of its normals is what must turn round in a mirror: a horizontal difference.
    """

    feature_channels = {"semseg": 3, "depth": 3, "normals": 3, "edge": 3}  # noqa: RUF012

    def heads(self, maps, size):
        (image,) = maps
        ahead = image[:, :1].roll(-1, -1) - image[:, :1].roll(1, -1)
        normals = torch.cat([ahead, image[:, 1:]], 1)
        refined = {"semseg": image, "depth": image[:, :1], "normals": normals, "edge": image[:, 2:]}
        return Outputs(
            tasks=self.specs,
            initial={task: 2 * prediction for task, prediction in refined.items()},
            refined=refined,
            task_features=dict.fromkeys(refined, image),
            backbone_features=tuple(maps),
            coarser_initial={task: (3 * p, 4 * p) for task, p in refined.items()},
        )


class PixelBackbone(Backbone):
    """The picture itself."""

    channels, strides, multiple = (3,), (1,), 1

    def forward(self, images):
        return [images]


def tensors(outputs):
    """All tensors of a network's outputs, by name."""
    found = {f"backbone {i}": features for i, features in enumerate(outputs.backbone_features)}
    for name in ("initial", "refined", "task_features"):
        found |= {f"{name} {task}": tensor for task, tensor in getattr(outputs, name).items()}
    for task, scales in outputs.coarser_initial.items():
        found |= {f"coarser {task} {i}": tensor for i, tensor in enumerate(scales)}
    return found


def test_the_mirrored_view_is_mapped_back_exactly(toy):
    batch = shown(toy, Symmetric(PixelBackbone(), toy.feed.tasks))
    plain, view = forward(batch.network, batch.images), mirrored(batch)
    assert plain.refined["normals"][:, 0].abs().max() > 1, "there is something to turn round"
    expected = tensors(plain)
    assert len(expected) == 1 + 3 * 4 + 2 * 4
    for name, tensor in tensors(view).items():
        assert torch.equal(tensor, expected.pop(name)), name
    assert not expected
    assert view.views == {}


def test_the_mirrored_view_comes_from_the_mirrored_picture(toy):
    """A network that is not symmetric gives another view: outputs of the mirrored picture, mirrored back."""

    class Leaning(Symmetric):
        def heads(self, maps, size):
            return super().heads([maps[0] * torch.linspace(0, 1, size[1])], size)

    batch = shown(toy, Leaning(PixelBackbone(), toy.feed.tasks))
    picture, view = (o.refined["semseg"] for o in (forward(batch.network, batch.images), mirrored(batch)))
    ramp = torch.linspace(0, 1, 32)
    torch.testing.assert_close(view[..., :-1] * ramp[:-1], picture[..., :-1] * ramp.flip(0)[:-1])
    assert not torch.allclose(view, picture)


# Dropout views


class Ones(Backbone):
    """Maps of ones, as many as the tiny backbone has: what is left of them is what dropout has kept."""

    channels, strides, multiple = (24, 32, 48, 64), (4, 8, 16, 32), 4

    def forward(self, images):
        height, width = images.shape[-2:]
        sizes = [(-(-height // stride), -(-width // stride)) for stride in self.strides]
        return [images.new_ones(len(images), c, *s) for c, s in zip(self.channels, sizes, strict=True)]


@pytest.fixture(scope="module")
def factors(toy):
    """What every channel is multiplied by, in each pass (images x 168 channels)."""
    network = PadNet(Ones(), toy.feed.tasks, 8, 1).eval()

    def of(number=1, positions=range(12), **changes):
        with torch.no_grad():
            maps = dropped(shown(toy, network, positions, **changes), number).backbone_features
        for features in maps:
            assert torch.equal(features, features[..., :1, :1].expand_as(features)), "whole channels"
        return torch.cat([features[..., 0, 0] for features in maps], 1)

    return of


def test_a_share_of_the_channels_is_dropped_and_the_rest_made_up_for_it(factors):
    many = torch.stack([factors(number) for number in range(1, 31)])
    assert many.unique().tolist() == pytest.approx([0, 1 / (1 - RATE)])
    assert (many == 0).double().mean().item() == pytest.approx(RATE, abs=0.005)
    assert many.mean().item() == pytest.approx(1, abs=0.005)
    per_channel = (many == 0).double().mean((0, 1))
    assert 0 < per_channel.min() < per_channel.max() < 4 * RATE, "every channel now and then"


def test_what_an_image_loses_depends_on_the_image_and_not_on_its_batch(factors):
    together = factors()
    for positions in ([3], [7, 3], [11, 3, 0, 5]):
        assert torch.equal(factors(positions=positions), together[positions])


def test_every_image_pass_seed_round_and_data_set_has_channels_of_its_own(factors, toy):
    others = [Streams("toy", 0, 1), Streams("toy", 1, 0), Streams("toys", 0, 0)]
    passes = [factors(number) for number in (1, 2, 11)] + [factors(streams=streams) for streams in others]
    rows = torch.cat(passes)
    assert len(rows.unique(dim=0)) == len(rows) == 6 * 12
    agreement = (rows[:12] == rows[12:24]).double().mean()
    assert agreement.item() == pytest.approx(RATE**2 + (1 - RATE) ** 2, abs=0.03), "independent"
    assert torch.equal(factors(1), passes[0]), "and the same when asked again"


def test_a_view_is_the_network_run_with_these_channels_dropped(toy, network):
    """At a size that is padded, and against the network itself with its backbone's maps multiplied."""
    images = torch.rand(12, 3, 33, 46, generator=torch.Generator().manual_seed(3))

    def multiplied(_, __, maps):
        return [m * k[..., None, None] for m, k in zip(maps, kept, strict=True)]

    with torch.no_grad():
        plain = network(images).refined["depth"]
        view = dropped(shown(toy, network, images=images), 2)
        kept = [(features != 0).flatten(2).any(2) / (1 - RATE) for features in view.backbone_features]
        with network.backbone.register_forward_hook(multiplied):
            expected = tensors(network(images))
    for name, tensor in tensors(view).items():
        assert torch.equal(tensor, expected.pop(name)), name
    assert not expected
    assert not torch.allclose(view.refined["depth"], plain, rtol=1e-2)


def test_a_view_of_an_image_is_the_same_in_any_batch(toy, network):
    with torch.no_grad():
        together = tensors(dropped(shown(toy, network), 3))
        for positions in ([5], [9, 0, 4]):
            for name, tensor in tensors(dropped(shown(toy, network, positions), 3)).items():
                torch.testing.assert_close(tensor, together[name][positions], rtol=1e-3, atol=1e-4)


def test_dropout_leaves_the_network_and_the_global_state_as_they_were(toy, network):
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    torch.manual_seed(1)
    state = torch.get_rng_state()
    with torch.no_grad():
        plain = tensors(forward(network, shown(toy, network).images))
        dropped(shown(toy, network), 1)
        after = tensors(forward(network, shown(toy, network).images))
    assert all(torch.equal(tensor, after[name]) for name, tensor in plain.items())
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(module.training for module in network.modules())


def test_bf16_views_are_float32_and_near_the_exact_ones(toy, pad_net):
    exact, rough = (dropped(shown(toy, pad_net, precision=p), 1) for p in ("fp32", "bf16"))
    expected = tensors(exact)
    for name, tensor in tensors(rough).items():
        assert tensor.dtype == torch.float32
        assert (tensor - expected[name]).abs().max() < 0.05 * expected[name].abs().max(), name


# Computed when read


class Passes(Strategy):
    """Reads dropout passes one after the other."""

    views = ("dropout-1", "dropout-2", "dropout-3")

    def __init__(self):
        self.alive, self.seen = [], []

    def measure(self, outputs):
        return {name: self.score(outputs.views[name]) for name in outputs.views}

    def score(self, view):
        """Looks whether any tensor of the views before is still there."""
        self.alive.append(sum(tensor() is not None for tensor in self.seen))
        self.seen = [weakref.ref(tensor) for tensor in tensors(view).values()]
        return view.refined["depth"].mean((1, 2, 3))


def calls(module, counted):
    return module.register_forward_hook(lambda *_: counted.append(1))


def test_views_read_one_after_the_other_are_never_held_together(toy, network):
    strategy = Passes()
    rows = observe(network, None, toy.feed, strategy, "passes", toy.streams, 4)
    assert strategy.alive == [0] * 9
    assert len({tuple(rows[name]) for name in rows}) == 3


def test_all_passes_share_one_pass_of_the_backbone(toy, monkeypatch):
    network, backbone, heads = toy.fresh(), [], []
    with calls(network.backbone, backbone), calls(network.distil, heads):
        observe(network, None, toy.feed, Passes(), "passes", toy.streams, 4)
    assert (len(backbone), len(heads)) == (3, 3 * 4)


def test_a_view_that_is_not_read_is_not_computed(toy, pad_net):
    heads = []
    views = views_of(("flip", "dropout-1"), shown(toy, pad_net))
    with calls(pad_net.distil, heads):
        assert "flip" in views
        assert "dropout-2" not in views
        assert list(views) == ["flip", "dropout-1"]
        assert len(views) == 2
        assert heads == []
        assert views["flip"] is not views["flip"]
        assert len(heads) == 2
        views.get("dropout-2")
        assert len(heads) == 2


def test_views_have_no_gradient_even_where_measure_wants_one(toy, pad_net):
    views = views_of(("flip", "dropout-1"), shown(toy, pad_net))
    with torch.enable_grad():
        assert not any(tensor.requires_grad for name in views for tensor in tensors(views[name]).values())


# In a run


class Disagreement(ScoreStrategy):
    """Spread of the passes' predictions."""

    views = Passes.views

    def measure(self, outputs):
        refined = [outputs.views[name].refined for name in outputs.views]
        tasks = [task.name for task in outputs.tasks]
        return {t: torch.stack([maps[t] for maps in refined]).var(0).mean((1, 2, 3)) for t in tasks}


@pytest.mark.parametrize("config", [{"width": 8, "blocks": 1}, {"name": "mti_net", "width": 8}])
def test_a_run_scores_by_dropout_the_same_for_every_batch_size(small_bench, tmp_path, config):
    register("disagreement", source="test")(Disagreement)

    def scores(size):
        recipe = {"iterations": 1, "batch_size": 4, "evaluation_batch_size": size}
        fields = {"network": config, "recipe": recipe, "strategies": ["disagreement"], "full_data": False}
        data = {"pool": 8, "val": 1, "height": 16, "width": 16}
        bench = small_bench(tmp_path / str(size), data=data, budgets=[4, 5], **fields)
        assert run_serial(bench, plan(bench.experiment)) == []
        (done,) = (r for r in bench.store.rounds() if r.strategy == "disagreement" and r.round == 0)
        return np.array(done.scores)

    together, split = scores(8), scores(3)
    assert (together > 0).all()
    np.testing.assert_allclose(together, split, rtol=5e-3)

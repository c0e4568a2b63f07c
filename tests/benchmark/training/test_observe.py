"""The pass over the pool: rows of every image, views mapped back, mistakes named."""

import numpy as np
import pytest
import torch
from torch import nn

import baselines  # noqa: F401
from benchmark.data.feed import MEAN, SPREAD, normalised
from benchmark.errors import UserError
from benchmark.networks import build_network
from benchmark.networks.backbones import Backbone
from benchmark.networks.network import Network
from benchmark.randomness import global_torch_stream
from benchmark.training.companions import make_companion
from benchmark.training.observe import BrokenMeasureError, needs_pass, observe
from strategies.interface import Outputs, Strategy
from strategies.registry import entries, resolve


@pytest.fixture(scope="module")
def network(toy):
    with global_torch_stream(7):
        return build_network(toy.small, toy.feed.tasks)


class Measuring(Strategy):
    """A strategy that measures with this function."""

    def __init__(self, function):
        self.function = function

    def measure(self, outputs):
        return self.function(outputs)


class Mirroring(Measuring):
    """One that wants the mirrored view, too."""

    views = ("flip",)


def rows_of(toy, network, strategy, size=5, companion=None, name="probe"):
    return observe(network, companion, toy.feed, toy.feed.ids, strategy, name, size)


@pytest.mark.parametrize("name", [name for name in entries() if needs_pass(resolve(name).create())])
def test_rows_are_those_of_a_pass_one_image_at_a_time(toy, network, name):
    strategy = resolve(name).create()
    companion = make_companion(strategy, network, toy.streams)
    together = rows_of(toy, network, strategy, 5, companion, name)
    alone = rows_of(toy, network, strategy, 1, companion, name)
    assert set(together) == set(alone)
    assert together
    for key, values in together.items():
        assert len(values) == len(toy.feed)
        np.testing.assert_allclose(values, alone[key], rtol=2e-3, atol=2e-5)


def test_rows_come_in_the_order_of_the_pool(toy, network):
    mean = rows_of(toy, network, Measuring(lambda o: {"mean": o.backbone_features[0].mean((2, 3))}), 5)[
        "mean"
    ]
    with torch.no_grad():
        for position in (0, 4, 11):
            outputs = network.eval()(normalised(toy.feed.images(torch.tensor([position]))))
            expected = outputs.backbone_features[0].mean((2, 3))[0]
            np.testing.assert_allclose(mean[position], expected, rtol=1e-3, atol=1e-5)


def test_no_gradient_no_training_and_no_label(toy, network):
    network.train()
    seen = []

    def measure(outputs):
        tensors = [*outputs.refined.values(), *outputs.initial.values(), *outputs.backbone_features]
        seen.append((network.training, torch.is_grad_enabled(), any(t.requires_grad for t in tensors)))
        return {"zero": torch.zeros(len(outputs.backbone_features[0]))}

    rows_of(toy, network, Measuring(measure))
    assert set(seen) == {(False, False, False)}
    assert len(seen) == 3
    assert all(parameter.grad is None for parameter in network.parameters())


def test_what_the_companion_says_reaches_measure(toy, network):
    class Speaking(nn.Module):
        def __init__(self):
            super().__init__()
            self.dropout = nn.Dropout(0.9)

        def forward(self, outputs):
            assert not self.training
            return {"word": self.dropout(outputs.task_features["depth"].mean((1, 2, 3)))}

    strategy = Measuring(
        lambda o: {"said": o.companion["word"], "meant": o.task_features["depth"].mean((1, 2, 3))}
    )
    rows = rows_of(toy, network, strategy, companion=Speaking())
    np.testing.assert_array_equal(rows["said"], rows["meant"])


def test_without_companion_and_views_there_are_none(toy, network):
    def measure(outputs):
        assert not outputs.companion
        assert not outputs.views
        return {"zero": torch.zeros(len(outputs.backbone_features[0]))}

    rows_of(toy, network, Measuring(measure))


def test_a_strategy_that_measures_nothing_costs_no_pass(toy):
    class Never(nn.Module):
        def forward(self, images):
            raise AssertionError("the network was asked")

    assert rows_of(toy, Never(), resolve("random").create()) == {}


def test_rows_are_copies(toy, network):
    """A row may be a view of a dense map, or of a buffer that the strategy uses again: neither is kept."""
    buffer = torch.zeros(4, 8, 8)

    def measure(outputs):
        buffer.add_(1)
        return {"view": buffer[:, 0, 0]}

    rows = rows_of(toy, network, Measuring(measure), 4)
    assert rows["view"].tolist() == [1] * 4 + [2] * 4 + [3] * 4


# Views


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


def test_the_mirrored_view_is_mapped_back_exactly(toy):
    compared = []

    def measure(outputs):
        view = outputs.views["flip"]
        for name in ("initial", "refined", "task_features"):
            for task, tensor in getattr(outputs, name).items():
                assert torch.equal(getattr(view, name)[task], tensor), (name, task)
                compared.append(name)
        for task, scales in outputs.coarser_initial.items():
            for one, other in zip(scales, view.coarser_initial[task], strict=True):
                assert torch.equal(one, other), task
        assert torch.equal(outputs.backbone_features[0], view.backbone_features[0])
        assert outputs.refined["normals"][:, 0].abs().max() > 1, "there is something to turn round"
        assert view.views == {}
        return {"zero": torch.zeros(len(outputs.backbone_features[0]))}

    rows_of(toy, Symmetric(PixelBackbone(), toy.feed.tasks), Mirroring(measure))
    assert len(compared) == 3 * 12


def test_the_mirrored_view_comes_from_the_mirrored_picture(toy):
    """A network that is not symmetric gives another view: outputs of the mirrored picture, mirrored back."""

    class Leaning(Symmetric):
        def heads(self, maps, size):
            ramp = torch.linspace(0, 1, size[1])
            return super().heads([maps[0] * ramp], size)

    def measure(outputs):
        picture, view = outputs.refined["semseg"], outputs.views["flip"].refined["semseg"]
        ramp = torch.linspace(0, 1, 32)
        torch.testing.assert_close(view[..., :-1] * ramp[:-1], picture[..., :-1] * ramp.flip(0)[:-1])
        assert not torch.allclose(view, picture)
        return {"zero": torch.zeros(len(picture))}

    rows_of(toy, Leaning(PixelBackbone(), toy.feed.tasks), Mirroring(measure))


def test_the_network_sees_normalised_pictures(toy):
    def measure(outputs):
        return {"mean": outputs.backbone_features[0].mean((2, 3))}

    rows = rows_of(toy, Symmetric(PixelBackbone(), toy.feed.tasks), Measuring(measure))["mean"]
    pictures = toy.feed.images(torch.arange(12)).double().numpy().mean((2, 3))
    np.testing.assert_allclose(rows, (pictures - MEAN) / SPREAD, rtol=1e-4, atol=1e-5)


# Mistakes


def count(outputs):
    return len(outputs.backbone_features[0])


WRONG = {
    "one row short": lambda o: {"score": torch.zeros(count(o) - 1)},
    "one row more": lambda o: {"fine": torch.zeros(count(o)), "score": torch.zeros(count(o) + 1, 3)},
    "one number": lambda o: {"score": torch.tensor(1.0)},
    "not a number": lambda o: {"score": torch.full((count(o),), float("nan"))},
    "infinite": lambda o: {"score": torch.full((count(o), 2, 2), float("-inf"))},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_broken_rows_are_named(toy, network, wrong):
    with pytest.raises(BrokenMeasureError) as caught:
        rows_of(toy, network, Measuring(WRONG[wrong]), 4, name="mine[a=1]")
    for word in ("'mine[a=1]'", "'score'", "image-0, image-1, image-2, image-3"):
        assert word in str(caught.value)
    assert isinstance(caught.value, UserError), "a sentence and no traceback on the command line"


def test_only_the_images_that_are_not_finite_are_named(toy, network):
    def measure(outputs):
        score = torch.zeros(count(outputs), 3)
        score[1, 2] = float("inf")
        return {"score": score}

    with pytest.raises(BrokenMeasureError, match=r"not finite for the images image-1\."):
        rows_of(toy, network, Measuring(measure), 4)


@pytest.mark.parametrize(
    "later",
    [{}, {"score": 1, "more": 1}, {"other": 1}, {"score": 2}],
    ids=["nothing", "more", "other", "of another width"],
)
def test_rows_that_change_from_batch_to_batch_are_named(toy, network, later):
    calls = []

    def measure(outputs):
        calls.append(1)
        widths = {"score": 1} if len(calls) == 1 else later
        return {key: torch.zeros(count(outputs), width) for key, width in widths.items()}

    with pytest.raises(BrokenMeasureError, match="image-4"):
        rows_of(toy, network, Measuring(measure), 4)


def test_integers_and_booleans_are_rows_too(toy, network):
    def measure(outputs):
        return {"count": torch.arange(count(outputs)), "yes": torch.ones(count(outputs), dtype=torch.bool)}

    rows = rows_of(toy, network, Measuring(measure), 12)
    assert rows["count"].tolist() == list(range(12))
    assert rows["yes"].all()

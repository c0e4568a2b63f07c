"""The pass over the pool: rows of every image, views, no label but for references, mistakes named."""

import numpy as np
import pytest
import torch
from observing import Measuring, count, rows_of
from torch import nn

import baselines  # noqa: F401
from benchmark.errors import UserError
from benchmark.networks.normalisation import IMAGENET
from benchmark.random_streams import Streams
from benchmark.training.companions.modules import make_companion
from benchmark.training.observe import needs_pass, observe
from strategies.registry import entries, resolve


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
            outputs = network.eval()(toy.feed.images(torch.tensor([position])))
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


class Never(nn.Module):
    def encode(self, images):
        raise AssertionError("the network was asked")

    forward = encode


def test_a_strategy_that_measures_nothing_costs_no_pass(toy):
    assert rows_of(toy, Never(), resolve("random").create()) == {}


def test_rows_are_copies(toy, network):
    """A row may be a view of a dense map, or of a buffer that the strategy uses again: neither is kept."""
    buffer = torch.zeros(4, 8, 8)

    def measure(outputs):
        buffer.add_(1)
        return {"view": buffer[:, 0, 0]}

    rows = rows_of(toy, network, Measuring(measure), 4)
    assert rows["view"].tolist() == [1] * 4 + [2] * 4 + [3] * 4


def test_the_network_sees_normalised_pictures(toy, network):
    seen = []
    hook = network.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with hook:
        rows_of(toy, network, Measuring(lambda o: {"zero": torch.zeros(count(o))}), 12)
    pictures = toy.feed.images(torch.arange(12)).double().numpy().mean((2, 3))
    np.testing.assert_allclose(
        seen[0].mean((2, 3)), (pictures - IMAGENET.mean) / IMAGENET.spread, rtol=1e-4, atol=1e-5
    )


# Views


def test_declared_views_are_there_and_no_others(toy, network):
    def measure(outputs):
        assert list(outputs.views) == ["flip", "dropout-3"]
        with pytest.raises(KeyError, match=r"'dropout-1' is not declared; declared: flip, dropout-3"):
            outputs.views["dropout-1"]
        return {"moved": distance(outputs, outputs.views["dropout-3"])}

    strategy = Measuring(measure)
    strategy.views = ("flip", "dropout-3")
    assert (rows_of(toy, network, strategy)["moved"] > 0).all()


@pytest.mark.parametrize("view", ["rotate", "dropout-0", "dropout", "dropout-1x", "Flip", "dropout--1"])
def test_an_unknown_view_is_an_error_that_names_the_strategy_before_the_pass(toy, view):
    strategy = Measuring(lambda outputs: {})
    strategy.views = ("flip", view)
    with pytest.raises(
        UserError, match=f"^Strategy 'mine' wants the view '{view}'; there is flip, dropout-1"
    ):
        rows_of(toy, Never(), strategy, name="mine")


def test_passes_repeat_and_differ_between_rounds(toy, network):
    def moved(size, streams):
        strategy = Measuring(lambda o: {str(k): distance(o, o.views[f"dropout-{k}"]) for k in (1, 2)})
        strategy.views = ("dropout-1", "dropout-2")
        return observe(network, None, toy.feed, strategy, "probe", streams, size)

    rows, again, alone = moved(5, toy.streams), moved(5, toy.streams), moved(1, toy.streams)
    for number in ("1", "2"):
        np.testing.assert_array_equal(rows[number], again[number])
        np.testing.assert_allclose(rows[number], alone[number], rtol=1e-3)
    other = moved(5, Streams("toy", 0, 1))
    assert not np.isclose(rows["1"], rows["2"]).any()
    assert not np.isclose(rows["1"], other["1"]).any()


def distance(outputs, view):
    return (outputs.refined["depth"] - view.refined["depth"]).abs().mean((1, 2, 3))

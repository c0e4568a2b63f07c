"""The pass over the pool: rows of every image, views, no label but for references, mistakes named."""

import gc
from types import FunctionType, ModuleType

import numpy as np
import pytest
import torch
from torch import nn

import baselines  # noqa: F401
from benchmark.data.feed import Batch, Feed
from benchmark.errors import UserError
from benchmark.networks import build_network
from benchmark.networks.normalisation import IMAGENET
from benchmark.randomness import Streams, global_torch_stream
from benchmark.training.companions import make_companion
from benchmark.training.evaluate import evaluate
from benchmark.training.observe import BrokenMeasureError, needs_pass, observe
from strategies.interface import Strategy
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


def count(outputs):
    return len(outputs.backbone_features[0])


def rows_of(toy, network, strategy, size=5, companion=None, name="probe"):
    return observe(network, companion, toy.feed, strategy, name, toy.streams, size)


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


# Labels


def reachable(thing):
    """All that hangs on an object: what it holds, and what its functions are closed over; not modules."""
    found, left = {}, [thing]
    while left:
        thing = left.pop()
        if id(thing) in found or isinstance(thing, type | ModuleType):
            continue
        found[id(thing)] = thing
        if isinstance(thing, FunctionType):
            left += [*(thing.__closure__ or ()), *(thing.__defaults__ or ())]
        else:
            left += gc.get_referents(thing)
    return list(found.values())


def columns_read(toy, strategy):
    """How many columns of the feed's rows were read for each batch (1 is the image alone), and the rows."""
    home, asked = Recording(toy.feed._home), []
    feed = Feed.__new__(Feed)
    vars(feed).update(vars(toy.feed) | {"_home": home})
    rows = observe(toy.fresh(), None, feed, strategy, "probe", toy.streams, 5)
    return [*asked, *home.asked], rows


class Recording:
    """A feed's home that notes how many columns are asked for."""

    def __init__(self, home):
        self.home, self.asked = home, []

    def take(self, positions, columns):
        self.asked.append(columns)
        return self.home.take(positions, columns)

    def batches(self, order, columns):
        return (self.take(positions, columns) for positions in order)


def test_labels_reachable_from_a_strategy(toy):
    """They were once: now they are never even read for a strategy that is no reference."""

    def measure(outputs):
        assert outputs.true_losses is None
        things = reachable(outputs)
        assert not any(isinstance(thing, Feed | Recording) for thing in things)
        assert not any(isinstance(thing, Batch) and thing.labels for thing in things)
        tensors = [thing for thing in things if isinstance(thing, torch.Tensor)]
        assert len(tensors) > 20, "the search does reach tensors"
        assert {t.dtype for t in tensors if t.ndim == 3 and t.shape[-1] == 32} == set(), (
            "labels are B x H x W"
        )
        return {"zero": torch.zeros(count(outputs))}

    strategy = Measuring(measure)
    strategy.views = ("flip", "dropout-1")
    asked, _ = columns_read(toy, strategy)
    assert asked == [1, 1, 1]


def test_a_reference_is_given_the_losses_that_evaluation_takes_the_mean_of(toy):
    strategy = Measuring(lambda outputs: {"losses": outputs.true_losses})
    strategy.reference = True
    asked, rows = columns_read(toy, strategy)
    assert asked == [5, 5, 5]
    assert rows["losses"].shape == (12, 4)
    evaluated = evaluate(toy.fresh(), toy.feed, 5)
    means = [evaluated[task.name]["loss"] for task in toy.feed.tasks]
    np.testing.assert_allclose(rows["losses"].mean(0), means, rtol=1e-5)


def test_a_reference_sees_nan_where_an_image_has_no_label(toy):
    feed = toy.feed_of(toy.sample(i, without=("depth",) if i == 1 else ()) for i in range(3))
    seen = []
    strategy = Measuring(
        lambda outputs: seen.append(outputs.true_losses) or {"zero": torch.zeros(count(outputs))}
    )
    strategy.reference = True
    observe(toy.fresh(), None, feed, strategy, "probe", toy.streams, 2)
    missing = torch.cat(seen).isnan()
    assert missing.tolist() == [[False] * 4, [False, True, False, False], [False] * 4]


# Mistakes


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

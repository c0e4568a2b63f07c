"""What a strategy can reach during the pass: no network, no label but for references, and no edit lasts."""

import gc
from collections.abc import Mapping
from dataclasses import replace
from types import FunctionType, ModuleType

import numpy as np
import pytest
import torch
from observing import Measuring, count, rows_of
from torch import nn

import baselines  # noqa: F401
from benchmark.data.feed import Batch, Feed
from benchmark.random_streams import Streams
from benchmark.tasks.task import Task
from benchmark.training.evaluate import evaluate
from benchmark.training.observe import observe
from benchmark.training.views import Shown
from strategies.interface import Outputs


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


#: Of names with underscores these lead to what an object holds; others to its code and its frames.
HELD = {"__self__", "__wrapped__"}


LEAVES = type | ModuleType | str | bytes | int | float | None | np.random.Generator


def attributes(start):
    """Everything that plain attributes, elements and values lead to from an object."""
    found, left = {}, [start]
    while left:
        thing = left.pop()
        if id(thing) in found or isinstance(thing, LEAVES):
            continue
        found[id(thing)] = thing
        left += held_by(thing)
    return list(found.values())


def held_by(thing):
    """One step of it: methods of what is known already lead nowhere else than back."""
    if isinstance(thing, torch.Tensor):
        return [thing._base, thing.grad_fn, *vars(thing).values()]
    if isinstance(thing, Mapping):
        held = list(thing.values())
    else:
        held = list(thing) if isinstance(thing, tuple | list | set | frozenset) else []
    names = {name for name in dir(thing) if not name.startswith("__") or name in HELD}
    values = [getattr(thing, name, None) for name in names]
    return [*held, *(value for value in values if getattr(value, "__self__", None) is not thing)]


def test_no_attribute_leads_to_the_network_its_weights_or_its_tasks(toy, network):
    class Words(nn.Module):
        def forward(self, outputs):
            return {"word": outputs.task_features["depth"].mean((1, 2, 3))}

    state = {tensor.untyped_storage().data_ptr() for tensor in network.state_dict().values()}
    seen = []

    def measure(outputs):
        things = attributes(outputs)
        assert any(thing is outputs.tasks[0].loss for thing in things)
        assert any(isinstance(thing, Outputs) and thing is not outputs for thing in things), "views are read"
        wrong = (nn.Module, nn.Parameter, Feed, Batch, Task, Shown)
        assert [type(thing) for thing in things if isinstance(thing, wrong)] == []
        tensors = [thing for thing in things if isinstance(thing, torch.Tensor)]
        assert len(tensors) > 40
        assert not {tensor.untyped_storage().data_ptr() for tensor in tensors} & state
        seen.append(len(tensors))
        return {"zero": torch.zeros(count(outputs))}

    strategy = Measuring(measure)
    strategy.views = ("flip", "dropout-1")
    rows_of(toy, network, strategy, companion=Words())
    assert len(seen) == 3


def edits(outputs):
    """Sets all that it is given to zero, views and companion included, and says what it found."""
    names = ("depth", "semseg")
    found = {name: outputs.refined[name].sum((1, 2, 3)).double() for name in names}
    for view in ("flip", "dropout-1"):
        one = outputs.views[view]
        found |= {f"{view} {name}": one.refined[name].sum((1, 2, 3)).double() for name in names}
        for shown in (one, outputs):
            for tensor in all_tensors(shown):
                tensor.zero_()
    return found


def all_tensors(outputs):
    maps = (outputs.initial, outputs.refined, outputs.task_features, outputs.companion)
    coarser = [tensor for scales in outputs.coarser_initial.values() for tensor in scales]
    return [*(t for by in maps for t in by.values()), *outputs.backbone_features, *coarser]


def looks(outputs):
    names = ("depth", "semseg")
    found = {name: outputs.refined[name].sum((1, 2, 3)).double() for name in names}
    for view in ("flip", "dropout-1"):
        found |= {f"{view} {n}": outputs.views[view].refined[n].sum((1, 2, 3)).double() for n in names}
    return found


class Handing(nn.Module):
    """A network that hands out its own weights and buffers among its outputs, as a plug-in's might."""

    def __init__(self, network):
        super().__init__()
        self.inner, self.backbone = network, network.backbone
        self.register_buffer("kept", torch.rand(1, 5, 2, 2))
        self.weight = nn.Parameter(torch.rand(1, 4, 1, 1))

    def encode(self, images):
        return self.inner.encode(images)

    def decode(self, maps, size):
        outputs, images = self.inner.decode(maps, size), len(maps[0])
        handed = (self.kept.expand(images, -1, -1, -1), self.weight.detach().expand(images, -1, 3, 3))
        refined = {
            **outputs.refined,
            "depth": outputs.refined["depth"] * self.kept.mean() * self.weight.mean(),
        }
        return replace(outputs, refined=refined, backbone_features=(*outputs.backbone_features, *handed))

    def forward(self, images):
        return self.decode(self.encode(images), images.shape[-2:])


@pytest.mark.parametrize("hands_out", [False, True])
def test_edits_in_place_reach_neither_the_network_nor_views_nor_later_batches(toy, hands_out):
    network = Handing(toy.fresh()) if hands_out else toy.fresh()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    strategies = [Measuring(looks), Measuring(edits)]
    for strategy in strategies:
        strategy.views = ("flip", "dropout-1")
    expected, found = (rows_of(toy, network, strategy) for strategy in strategies)
    assert expected.keys() == found.keys()
    for name, rows in expected.items():
        np.testing.assert_array_equal(found[name], rows)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize("size", [1, 5, 12])
def test_ids_and_streams_are_those_of_the_image_whatever_the_batch(toy, network, size):
    def measure(outputs):
        assert len(outputs.ids) == len(outputs.rngs) == count(outputs)
        drawn = torch.tensor([rng.random() for rng in outputs.rngs])
        flipped = outputs.views["flip"]
        assert flipped.ids == outputs.ids
        other = torch.tensor([rng.random() for rng in flipped.rngs])
        return {
            "id": torch.tensor([toy.feed.ids.index(image) for image in outputs.ids]),
            "a": drawn,
            "b": other,
        }

    strategy = Measuring(measure)
    strategy.views = ("flip",)
    rows = rows_of(toy, network, strategy, size)
    assert rows["id"].tolist() == list(range(12))
    again = rows_of(toy, network, strategy, 4)
    np.testing.assert_array_equal(rows["a"], again["a"])
    np.testing.assert_array_equal(rows["b"], again["b"])
    assert len({*rows["a"], *rows["b"]}) == 24
    later = observe(network, None, toy.feed, strategy, "probe", Streams("toy", 0, 1), 4)
    assert not set(later["a"]) & set(rows["a"]), "another round draws other numbers"


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

"""The pass over the pool: rows of every image, views, no label but for references, mistakes named."""

import gc
import re
from collections.abc import Mapping
from dataclasses import replace
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
from benchmark.random_streams import Streams, global_torch_stream
from benchmark.tasks.task import Task
from benchmark.training.companions import make_companion
from benchmark.training.evaluate import evaluate
from benchmark.training.observe import BrokenMeasureError, needs_pass, observe
from benchmark.training.views import Shown
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


# Mistakes


WRONG = {
    "one row short": lambda o: {"score": torch.zeros(count(o) - 1)},
    "one row more": lambda o: {"fine": torch.zeros(count(o)), "score": torch.zeros(count(o) + 1, 3)},
    "one number": lambda o: {"score": torch.tensor(1.0)},
    "not a number": lambda o: {"score": torch.full((count(o),), float("nan"))},
    "infinite": lambda o: {"score": torch.full((count(o), 2, 2), float("-inf"))},
}


NO_ROWS = {
    "a number": (lambda o: {"score": 3}, "measure returned int (3) as 'score'; it must be a tensor of real"),
    "a list": (lambda o: {"score": [1.0] * count(o)}, "measure returned list"),
    "a tensor": (
        lambda o: torch.zeros(count(o)),
        "measure returned a Tensor of shape (4,) and type torch.float",
    ),
    "nothing": (lambda o: None, "measure returned NoneType (None); it must return {name: tensor"),
    "numbered": (lambda o: {3: torch.zeros(count(o))}, "measure returned the name 3; names must be text"),
    "complex": (lambda o: {"score": torch.zeros(count(o)) * 1j}, "type torch.complex64 as 'score'"),
}


@pytest.mark.parametrize("wrong", NO_ROWS)
def test_what_is_no_row_at_all_is_said_in_a_sentence(toy, network, wrong):
    function, words = NO_ROWS[wrong]
    with pytest.raises(BrokenMeasureError, match=re.escape(words)) as caught:
        rows_of(toy, network, Measuring(function), 4, name="mine")
    assert str(caught.value).startswith("Strategy 'mine': measure returned ")


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float64, torch.int32, torch.bool])
def test_rows_of_any_real_type_are_taken(toy, network, kind):
    values = rows_of(toy, network, Measuring(lambda o: {"row": torch.ones(count(o), 2).to(kind)}))["row"]
    assert values.shape == (12, 2)
    assert (values == 1).all()
    if kind == torch.bfloat16:
        assert values.dtype == np.float32


def test_rows_may_have_a_gradient_or_be_arrays(toy, network):
    def measure(outputs):
        with torch.enable_grad():
            return {"a": torch.ones(count(outputs), requires_grad=True) * 2, "b": np.full(count(outputs), 3)}

    rows = rows_of(toy, network, Measuring(measure))
    assert (rows["a"] == 2).all()
    assert (rows["b"] == 3).all()


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

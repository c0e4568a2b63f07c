"""Training: reproducible, the same whatever is trained beside it, weighted as asked, stopped before harm."""

import math

import numpy as np
import pytest
import torch
from torch import nn

import baselines  # noqa: F401
import benchmark.training.train
from benchmark.data.dataset import Sample
from benchmark.data.feed import normalised
from benchmark.errors import UserError
from benchmark.networks import build_network
from benchmark.networks.backbones import TinyPyramid
from benchmark.networks.pad_net import PadNet
from benchmark.randomness import Streams, global_torch_stream
from benchmark.training.train import DivergedError, _factor, task_losses, train, weights_digest
from strategies.interface import Strategy
from strategies.registry import entries, resolve

ALL = np.arange(12)


def trained(
    toy, companions=None, feed=None, positions=ALL, weights=None, streams=None, network=None, **recipe
):
    return train(
        feed or toy.feed,
        positions,
        weights,
        network or toy.small,
        toy.recipe(**recipe),
        streams or toy.streams,
        companions or {},
    )


def digest(toy, companions=None, **options):
    return weights_digest(trained(toy, companions, **options).network)


@pytest.fixture(scope="module")
def plain(toy):
    """Digest of a training without companions."""
    return digest(toy)


# Reproducibility


def test_the_same_seed_gives_the_same_network(toy, plain):
    torch.manual_seed(99)  # the global state of the process is none of its business
    torch.rand(5)
    assert digest(toy) == plain


@pytest.mark.parametrize("streams", [Streams("toy", 1, 0), Streams("toy", 0, 1), Streams("toys", 0, 0)])
def test_another_seed_round_or_data_set_gives_another_network(toy, plain, streams):
    assert digest(toy, streams=streams) != plain


def test_training_leaves_no_trace_in_the_global_state(toy):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    trained(toy, {"learning-loss": resolve("learning-loss").create()})
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.is_grad_enabled()


def test_the_digest_sees_every_weight_and_buffer(toy):
    network = trained(toy, iterations=1).network
    before = weights_digest(network)
    assert weights_digest(network) == before
    for tensor in (network.join[1].running_mean, network.predict["edge"].bias):
        with torch.no_grad():
            tensor[0] += 1e-6
        assert weights_digest(network) != before
        before = weights_digest(network)


class DropoutNet(PadNet):
    """PAD-Net that forgets half of its features while it is trained."""

    def heads(self, maps, size):
        return super().heads([nn.functional.dropout(m, 0.5, self.training) for m in maps], size)


def test_a_network_with_dropout_is_reproducible_too(toy, monkeypatch):
    monkeypatch.setattr(
        benchmark.training.train, "build_network", lambda _, tasks: DropoutNet(TinyPyramid(), tasks, 8, 1)
    )
    torch.manual_seed(1)
    first = digest(toy)
    torch.manual_seed(2)
    assert digest(toy) == first
    assert digest(toy, {"hostile": Companions(Hostile)}) == first
    assert digest(toy, streams=Streams("toy", 1, 0)) != first


# Companions


class Companions(Strategy):
    """A strategy with a companion of this class."""

    def __init__(self, make):
        self.make = make

    def companion(self, shapes):
        return self.make(shapes)


class Hostile(nn.Module):
    """Draws from the global stream, has dropout and statistics, and works round the in-place check."""

    def __init__(self, shapes):
        super().__init__()
        self.width = shapes.backbone_features[-1]
        self.body = nn.Sequential(nn.BatchNorm1d(self.width), nn.Dropout(0.5), nn.Linear(self.width, 1))

    def forward(self, outputs):
        return {"said": self.body(outputs.backbone_features[-1].mean((2, 3)))}

    def loss(self, outputs, task_losses, generator):
        noise = torch.rand(3).sum() + torch.randn(2, generator=generator).sum()
        torch.manual_seed(5)
        said = self(outputs)["said"]
        for tensor in (*outputs.backbone_features, *outputs.initial.values(), *outputs.refined.values()):
            assert not tensor.requires_grad
            tensor.data.mul_(0)
        task_losses.data.fill_(1e9)
        return (said - noise).square().mean()


def test_no_strategy_changes_the_network_by_a_single_bit(toy, plain):
    strategies = {name: resolve(name).create() for name in entries()}
    with_companion = {
        name: strategy for name, strategy in strategies.items() if strategy.companion(build(toy).shapes)
    }
    assert {"learning-loss", "consistency-diversity"} <= set(with_companion)
    for name, strategy in with_companion.items():
        result = trained(toy, {name: strategy})
        assert list(result.companions) == [name]
        assert weights_digest(result.network) == plain, name
    result = trained(toy, strategies)
    assert set(result.companions) == set(with_companion)
    assert weights_digest(result.network) == plain


def build(toy):
    with global_torch_stream(0):
        return build_network(toy.small, toy.feed.tasks)


def test_a_companion_that_wants_to_cannot_change_the_network(toy, plain):
    assert digest(toy, {"hostile": Companions(Hostile)}) == plain
    both = {"hostile": Companions(Hostile), "learning-loss": resolve("learning-loss").create()}
    assert digest(toy, both) == plain


def test_a_companion_is_the_same_whoever_is_trained_beside_it(toy):
    def companion(*names, **options):
        companions = {name: resolve(name).create() for name in names}
        return weights_digest(trained(toy, companions, **options).companions["learning-loss"])

    alone = companion("learning-loss")
    assert companion("consistency-diversity", "learning-loss") == alone
    assert companion("learning-loss", "random", "consistency-diversity") == alone
    assert companion("learning-loss", streams=Streams("toy", 1, 0)) != alone


def test_companions_learn(toy):
    first = trained(toy, {"m": resolve("consistency-diversity").create()}, iterations=1).companions["m"]
    later = trained(toy, {"m": resolve("consistency-diversity").create()}, iterations=30).companions["m"]
    network = trained(toy, iterations=30).network.eval()
    with torch.no_grad():
        outputs = network(normalised(toy.feed.images(torch.arange(12))))
        lost = [float(module.eval().loss(outputs, None, None)) for module in (first, later)]
    assert lost[1] < 0.8 * lost[0]


@pytest.mark.parametrize("what", ["backbone_features", "task_features", "refined", "initial", "losses"])
def test_a_companion_that_edits_what_others_read_too_is_named(toy, what):
    class Careless(Hostile):
        def loss(self, outputs, task_losses, generator):
            shown = {"backbone_features": lambda: outputs.backbone_features[1], "losses": lambda: task_losses}
            tensor = shown.get(what, lambda: next(iter(getattr(outputs, what).values())))()
            torch.relu_(tensor)
            return self(outputs)["said"].mean()

    with pytest.raises(UserError, match=r"strategy 'careless' edits outputs in place"):
        trained(toy, {"careless": Companions(Careless)})


def test_batches_are_the_same_whatever_is_trained_beside(toy, monkeypatch):
    seen = []
    original = toy.feed.batch
    monkeypatch.setattr(
        toy.feed, "batch", lambda positions: seen.append(positions.tolist()) or original(positions)
    )
    trained(toy)
    without, seen[:] = list(seen), []
    trained(toy, {name: resolve(name).create() for name in entries()})
    assert seen == without
    assert [len(batch) for batch in seen] == [4, 4, 4]
    assert sorted(np.concatenate(seen)) == list(range(12))


# Learning


def test_the_loss_of_a_learnable_problem_falls(toy):
    def loss(iterations):
        network = trained(toy, iterations=iterations, learning_rate=5e-3, batch_size=6).network.eval()
        batch = toy.feed.batch(torch.arange(12))
        with torch.no_grad():
            return task_losses(network(normalised(batch.images)), batch, toy.feed.tasks).refined.mean(0)

    before, after = loss(1), loss(80)
    assert (after < 0.6 * before).all(), f"{before} to {after}"


def test_fewer_images_than_the_batch_size(toy):
    seen = []
    feed = toy.feed_of(map(toy.sample, range(3)))
    feed.batch, original = lambda p: seen.append(p.tolist()) or original(p), feed.batch
    trained(toy, feed=feed, positions=np.arange(3))
    assert [len(batch) for batch in seen] == [4, 4, 4]
    assert np.bincount(np.concatenate(seen)).tolist() == [4, 4, 4]


def test_only_the_images_asked_for_are_used(toy):
    poisoned = [toy.sample(i) if i in (2, 5, 7, 9) else nan_sample(toy, i) for i in range(12)]
    positions = np.array([9, 2, 7, 5])
    mixed = digest(toy, feed=toy.feed_of(poisoned), positions=positions)
    assert mixed == digest(toy, positions=positions)


def nan_sample(toy, seed):
    fine = toy.sample(seed)
    normals = np.full_like(fine.labels["normals"], np.nan)
    return Sample(fine.image, {**fine.labels, "normals": normals})


def test_images_without_any_label_for_a_task_train_the_other_tasks(toy):
    feed = toy.feed_of(toy.sample(i, without=("depth", "edge")) for i in range(6))
    network = trained(toy, feed=feed, positions=np.arange(6)).network
    fresh = build_at(toy)
    assert all(torch.isfinite(p).all() for p in network.parameters())
    for head in (network.predict, network.initial):
        at_start = (fresh.predict if head is network.predict else fresh.initial)["depth"].weight
        assert torch.equal(head["depth"].weight, at_start)
        assert not torch.equal(head["semseg"].weight, fresh.predict["semseg"].weight)


def build_at(toy):
    """The network as training starts from it."""
    with global_torch_stream(toy.streams.seed_of("weights")):
        return build_network(toy.small, toy.feed.tasks)


def test_a_loss_that_is_not_a_number_stops_before_the_step_and_names_the_images(toy, monkeypatch):
    steps = []
    original = torch.optim.SGD.step
    monkeypatch.setattr(torch.optim.SGD, "step", lambda self, *a: steps.append(1) or original(self, *a))
    feed = toy.feed_of([toy.sample(0), toy.sample(1), nan_sample(toy, 2)])
    networks = []
    build = benchmark.training.train.build_network
    monkeypatch.setattr(
        benchmark.training.train, "build_network", lambda *a: networks.append(build(*a)) or networks[-1]
    )
    with pytest.raises(DivergedError, match="nan on the batch of images") as caught:
        trained(toy, feed=feed, positions=np.arange(3), optimiser="sgd", batch_size=1 + 1, iterations=9)
    assert "image-2" in str(caught.value)
    assert caught.value.exit_code == 1
    assert len(steps) <= 1, "at most the batch before the broken image was learnt from"
    assert all(torch.isfinite(p).all() for p in networks[0].parameters())


def test_a_learning_rate_far_too_high_ends_with_advice(toy):
    with pytest.raises(DivergedError, match=r"lower recipe\.learning_rate"):
        trained(toy, optimiser="sgd", learning_rate=1e30, momentum=0, iterations=50)


# Loss weights


STEP = {"optimiser": "sgd", "momentum": 0.0, "learning_rate": 1e-3, "iterations": 1, "batch_size": 4}


def movement(toy, weights):
    """How far one step of gradient descent on four images moves the weights."""
    plainly = {"augmentation": {"flip": False}}
    network = trained(toy, positions=np.arange(4), weights=weights, **STEP, **plainly).network
    pairs = zip(network.parameters(), build_at(toy).parameters(), strict=True)
    return torch.cat([(after - before).detach().double().flatten() for after, before in pairs])


def test_weights_of_one_are_no_weights_at_all(toy, plain):
    assert digest(toy, weights=np.ones((12, 4))) == plain
    assert digest(toy, weights=np.full((12, 4), 0.5)) != plain


def test_a_weight_multiplies_the_gradient_of_its_image_and_task(toy):
    rng = np.random.default_rng(0)
    weights = rng.uniform(0, 2, (4, 4))
    parts = np.zeros((4, 4, 4, 4))
    for image in range(4):
        for task in range(4):
            parts[image, task, image, task] = weights[image, task]
    together = movement(toy, weights)
    summed = sum(movement(toy, part) for row in parts for part in row)
    assert together.norm() > 0
    assert (together - summed).norm() < 1e-3 * together.norm()
    assert not movement(toy, np.zeros((4, 4))).any()
    one = movement(toy, parts[2, 1])
    assert (movement(toy, 2 * parts[2, 1]) - 2 * one).norm() < 1e-3 * one.norm()


def test_the_step_is_down_the_gradient_of_the_weighted_multi_task_loss(toy):
    """Written out: mean over images of the sum over tasks of weight * task weight * (refined + initial)."""
    weights = np.random.default_rng(1).uniform(0, 2, (4, 4))
    network = build_at(toy).train()
    batch = toy.feed.batch(torch.arange(4))
    outputs = network(normalised(batch.images))
    total = 0.0
    for column, (task, share) in enumerate(zip(toy.feed.tasks, (1, 1, 10, 50), strict=True)):
        initial = nn.functional.interpolate(outputs.initial[task.name], (32, 32), mode="bilinear")
        both = task.loss(outputs.refined[task.name], batch.labels[task.name])
        both = both + task.loss(initial, batch.labels[task.name])
        total = total + (share * torch.from_numpy(weights[:, column]) * both).sum() / 4
    total.backward()
    gradient = torch.cat([p.grad.double().flatten() for p in network.parameters()])
    moved = movement(toy, weights)
    assert (moved + 1e-3 * gradient).norm() < 1e-3 * moved.norm()


def test_weights_follow_their_image_through_the_shuffling(toy):
    """Weights in the order of positions: both turned round together are the same training set."""
    weights = np.zeros((4, 4))
    weights[1] = 1.0
    turned = movement_of(toy, np.array([5, 8, 1, 10]), weights)
    alone = movement_of(toy, np.array([8, 5, 1, 10]), weights[[1, 0, 2, 3]])
    assert (turned - alone).norm() < 1e-3 * turned.norm()


def movement_of(toy, positions, weights):
    options = {**STEP, "augmentation": {"flip": False}}
    network = trained(toy, positions=positions, weights=weights, **options).network
    pairs = zip(network.parameters(), build_at(toy).parameters(), strict=True)
    return torch.cat([(after - before).detach().double().flatten() for after, before in pairs])


def test_clipping_bounds_the_step(toy):
    free = movement(toy, np.ones((4, 4)))
    options = {**STEP, "augmentation": {"flip": False}, "clip": 0.01}
    network = trained(toy, positions=np.arange(4), **options).network
    pairs = zip(network.parameters(), build_at(toy).parameters(), strict=True)
    moved = torch.cat([(after - before).detach().double().flatten() for after, before in pairs])
    assert moved.norm() == pytest.approx(0.01 * 1e-3, rel=1e-2)
    assert free.norm() > 10 * moved.norm()


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
def test_every_optimiser_learns_reproducibly(toy, optimiser, plain):
    one, two = (digest(toy, optimiser=optimiser, schedule="cosine", warmup=1) for _ in range(2))
    assert one == two != plain


# Schedules


def rates(toy, iterations=10, **changes):
    factor = _factor(toy.recipe(iterations=iterations, **changes))
    return [factor(i) for i in range(iterations + 1)]


def test_poly_falls_by_a_power_to_nothing(toy):
    assert rates(toy, schedule="poly", power=0.9) == pytest.approx([(1 - i / 10) ** 0.9 for i in range(11)])
    assert rates(toy, schedule="poly", power=1.0)[5] == pytest.approx(0.5)


def test_cosine_falls_along_half_a_wave(toy):
    assert rates(toy, schedule="cosine") == pytest.approx(
        [(1 + math.cos(math.pi * i / 10)) / 2 for i in range(11)]
    )


def test_warm_up_rises_in_equal_steps_and_is_never_zero(toy):
    constant = rates(toy, schedule="constant", warmup=4)
    assert constant == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1, 1, 1, 1, 1, 1])
    poly = rates(toy, schedule="poly", warmup=4)
    assert poly == pytest.approx([w * (1 - i / 10) ** 0.9 for i, w in enumerate(constant)])
    assert rates(toy, schedule="constant") == [1.0] * 11


def test_the_schedule_scales_the_steps_of_the_optimiser(toy, monkeypatch):
    used = []
    original = torch.optim.SGD.step
    monkeypatch.setattr(
        torch.optim.SGD,
        "step",
        lambda self, *a: used.append(self.param_groups[0]["lr"]) or original(self, *a),
    )
    trained(toy, optimiser="sgd", schedule="poly", power=1.0, iterations=4, learning_rate=0.01)
    assert used == pytest.approx([0.01, 0.0075, 0.005, 0.0025])


def test_progress_counts_iterations(toy):
    told = []
    train(toy.feed, ALL, None, toy.small, toy.recipe(), toy.streams, {}, told.append)
    assert told == [1, 2, 3]

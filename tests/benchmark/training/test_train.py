"""Training: reproducible, the same whatever is trained beside it, weighted as asked, stopped before harm."""

import numpy as np
import pytest
import torch
from torch import nn

import baselines  # noqa: F401
import benchmark.training.train
from benchmark.data.dataset import Sample
from benchmark.errors import UserError
from benchmark.networks.backbones.by_name import TinyPyramid
from benchmark.networks.pad_net import PadNet
from benchmark.random_streams import Streams
from benchmark.training.losses import task_losses
from benchmark.training.optimiser import DivergedError
from benchmark.training.train import weights_digest
from strategies.interface import Strategy
from strategies.registry import entries, resolve


def digest(toy, companions=None, **options):
    return weights_digest(toy.train(companions, **options).network)


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
    toy.train({"learning-loss": resolve("learning-loss").create()})
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.is_grad_enabled()


def test_the_digest_sees_every_weight_and_buffer(toy):
    network = toy.train(iterations=1).network
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
        name: strategy for name, strategy in strategies.items() if strategy.companion(toy.fresh().shapes)
    }
    assert "learning-loss" in with_companion
    for name, strategy in with_companion.items():
        result = toy.train({name: strategy})
        assert list(result.companions) == [name]
        assert weights_digest(result.network) == plain, name
    result = toy.train(strategies)
    assert set(result.companions) == set(with_companion)
    assert weights_digest(result.network) == plain


def test_a_companion_that_wants_to_cannot_change_the_network(toy, plain):
    assert digest(toy, {"hostile": Companions(Hostile)}) == plain
    both = {"hostile": Companions(Hostile), "learning-loss": resolve("learning-loss").create()}
    assert digest(toy, both) == plain


def test_a_companion_is_the_same_whoever_is_trained_beside_it(toy):
    def companion(*names, **options):
        companions = {name: resolve(name).create() for name in names}
        return weights_digest(toy.train(companions, **options).companions["learning-loss"])

    alone = companion("learning-loss")
    assert companion("consistency-diversity", "learning-loss") == alone
    assert companion("learning-loss", "random", "consistency-diversity") == alone
    assert companion("learning-loss", streams=Streams("toy", 1, 0)) != alone


def test_companions_learn(toy):
    class Brightness(Hostile):
        def loss(self, outputs, task_losses, generator):
            wanted = outputs.refined["depth"].mean((1, 2, 3))
            return (self(outputs)["said"][:, 0] - wanted - 5).square().mean()

    first, later = (
        toy.train({"m": Companions(Brightness)}, iterations=count).companions["m"] for count in (1, 30)
    )
    network = toy.train(iterations=30).network.eval()
    with torch.no_grad():
        outputs = network(toy.feed.images(torch.arange(12)))
        lost = [float(module.eval().loss(outputs, None, None)) for module in (first, later)]
    assert lost[1] < lost[0]


def test_a_companion_is_told_of_missing_labels_by_nan(toy):
    """The same losses as without, where there is a label."""
    seen = []

    class Listening(Hostile):
        def loss(self, outputs, task_losses, generator):
            seen.append(task_losses.clone())
            return self(outputs)["said"].mean()

    for without in ((), ("depth",)):
        feed = toy.feed_of(toy.sample(i, without=without if i % 3 == 0 else ()) for i in range(12))
        toy.train({"m": Companions(Listening)}, feed=feed, iterations=1, batch_size=12)
    whole, partly = seen
    assert partly.isnan().sum(0).tolist() == [0, 4, 0, 0]
    assert torch.equal(partly[~partly.isnan()], whole[~partly.isnan()])


@pytest.mark.parametrize("what", ["backbone_features", "task_features", "refined", "initial", "losses"])
def test_a_companion_that_edits_what_others_read_too_is_named(toy, what):
    class Careless(Hostile):
        def loss(self, outputs, task_losses, generator):
            shown = {"backbone_features": lambda: outputs.backbone_features[1], "losses": lambda: task_losses}
            tensor = shown.get(what, lambda: next(iter(getattr(outputs, what).values())))()
            torch.relu_(tensor)
            return self(outputs)["said"].mean()

    with pytest.raises(UserError, match=r"strategy 'careless' edits outputs in place"):
        toy.train({"careless": Companions(Careless)})


def watched(batches, seen):
    """The same batches, and their positions noted."""
    return lambda order: batches(seen.append(positions.tolist()) or positions for positions in order)


def test_batches_are_the_same_whatever_is_trained_beside(toy, monkeypatch):
    seen = []
    monkeypatch.setitem(vars(toy.feed), "batches", watched(toy.feed.batches, seen))
    toy.train()
    without, seen[:] = list(seen), []
    toy.train({name: resolve(name).create() for name in entries()})
    assert seen == without
    assert [len(batch) for batch in seen] == [4, 4, 4]
    assert sorted(np.concatenate(seen)) == list(range(12))


# Learning


def test_the_loss_of_a_learnable_problem_falls(toy):
    def loss(iterations):
        network = toy.train(iterations=iterations, learning_rate=5e-3, batch_size=6).network.eval()
        batch = toy.feed.batch(torch.arange(12))
        with torch.no_grad():
            return task_losses(network(batch.images), batch, toy.feed.tasks).refined.mean(0)

    before, after = loss(1), loss(80)
    assert (after < 0.6 * before).all(), f"{before} to {after}"


def test_a_batch_that_batch_normalisation_cannot_average_is_one_sentence(toy):
    """One image of 8 x 8 pixels leaves one value a channel at the coarsest stride."""
    with pytest.raises(UserError, match=r"recipe.batch_size: a batch of 1 .* take 2 or more"):
        toy.train(batch_size=1)


def test_fewer_images_than_the_batch_size(toy):
    seen = []
    feed = toy.feed_of(map(toy.sample, range(3)))
    feed.batches = watched(feed.batches, seen)
    toy.train(feed=feed, positions=np.arange(3))
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
    network = toy.train(feed=feed, positions=np.arange(6)).network
    fresh = toy.fresh()
    assert all(torch.isfinite(p).all() for p in network.parameters())
    for head in (network.predict, network.initial):
        at_start = (fresh.predict if head is network.predict else fresh.initial)["depth"].weight
        assert torch.equal(head["depth"].weight, at_start)
        assert not torch.equal(head["semseg"].weight, fresh.predict["semseg"].weight)


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
        toy.train(feed=feed, positions=np.arange(3), optimiser="sgd", batch_size=1 + 1, iterations=9)
    assert "image-2" in str(caught.value)
    assert caught.value.exit_code == 1
    assert len(steps) <= 1, "at most the batch before the broken image was learnt from"
    assert all(torch.isfinite(p).all() for p in networks[0].parameters())


def test_a_learning_rate_far_too_high_ends_with_advice(toy):
    with pytest.raises(DivergedError, match=r"lower recipe\.learning_rate"):
        toy.train(optimiser="sgd", learning_rate=1e30, momentum=0, iterations=50)


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
def test_every_optimiser_learns_reproducibly(toy, optimiser, plain):
    one, two = (digest(toy, optimiser=optimiser, schedule="cosine", warmup=1) for _ in range(2))
    assert one == two != plain


def test_progress_counts_iterations(toy):
    told = []
    toy.train(progress=told.append)
    assert told == [1, 2, 3]

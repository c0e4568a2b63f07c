"""Learning loss: the module, its ranking loss by hand, and that it learns to rank."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from baselines._loss_prediction import LossPrediction
from baselines.learning_loss import LearningLoss
from strategies.contract import TASKS, made_up_outputs
from strategies.interface import Outputs, Shapes
from strategies.registry import RegistryError, resolve

NAMES = [task.name for task in TASKS]
SHAPES = Shapes(TASKS, dict.fromkeys(NAMES, 6), (4, 8))


def module(hidden=16, margin=1.0, seed=0, shapes=SHAPES):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return LossPrediction(shapes, hidden, margin)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def by_hand(predicted, losses, order, margin):
    """Yoo & Kweon 2019, section 3.3: max(0, -sign(l_i - l_j) (p_i - p_j) + margin), mean over the pairs."""
    half = len(order) // 2
    pairs = list(zip(order[:half], order[half : 2 * half], strict=True))
    terms = [
        max(0.0, -np.sign(losses[i, t] - losses[j, t]) * (predicted[i, t] - predicted[j, t]) + margin)
        for i, j in pairs
        for t in range(losses.shape[1])
    ]
    return np.mean(terms), pairs


@pytest.mark.parametrize("images", [2, 3, 8, 9])
@pytest.mark.parametrize("margin", [0.0, 0.2, 1.0])
def test_the_loss_equals_that_computed_by_hand(images, margin):
    outputs, losses = made_up_outputs(images=images), torch.rand(images, 4, generator=generator(3))
    made = module(margin=margin)
    with torch.no_grad():
        found = float(made.loss(outputs, losses, generator(7)))
        predicted = made(outputs)["predicted_loss"].double().numpy()
    order = torch.randperm(images, generator=generator(7)).tolist()
    expected, pairs = by_hand(predicted, losses.double().numpy(), order, margin)
    assert found == pytest.approx(expected, rel=1e-4)
    assert len({image for pair in pairs for image in pair}) == images // 2 * 2  # an odd batch drops one


def test_a_pair_counts_for_the_tasks_that_both_images_have_a_label_for():
    """Written out; no label was once the lowest loss of all."""
    losses = torch.rand(8, 4, generator=generator(3))
    losses[:5, 1], losses[2, 3], losses[:, 2] = torch.nan, torch.nan, torch.nan
    outputs, made = made_up_outputs(images=8), module()
    with torch.no_grad():
        predicted = made(outputs)["predicted_loss"].double().numpy()
    pairs = torch.randperm(8, generator=generator(7)).view(2, -1).T.tolist()
    known = [
        max(0.0, -np.sign(float(losses[i, t] - losses[j, t])) * (predicted[i, t] - predicted[j, t]) + 1)
        for i, j in pairs
        for t in range(4)
        if not torch.isnan(losses[[i, j], t]).any()
    ]
    loss = made.loss(outputs, losses, generator(7))
    assert float(loss.detach()) == pytest.approx(np.mean(known), rel=1e-4)
    loss.backward()
    assert all(p.grad.isfinite().all() for p in made.parameters())
    assert made.output.weight.grad[2].abs().sum() == 0, "a task without a label is not learned"
    nothing = made.loss(outputs, torch.full((8, 4), torch.nan), generator(7))
    assert float(nothing.detach()) == 0


def test_images_without_a_label_are_not_taken_for_easy_ones():
    """40 % have a label, and look different: once, what had one was what had a high predicted loss."""
    made = module(hidden=32)
    optimiser = torch.optim.Adam(made.parameters(), 3e-3)
    for step in range(250):
        outputs, losses, known = partly_labelled(16, step)
        loss = made.loss(outputs, losses.masked_fill(~known[:, None], torch.nan), generator(step))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    outputs, losses, known = partly_labelled(400, 10_000)
    with torch.no_grad():
        predicted = made(outputs)["predicted_loss"]
    for task in range(4):
        top = predicted[:, task].argsort(descending=True)[:40]
        assert known[top].float().mean() < 0.8
        assert spearmanr(predicted[known, task], losses[known, task]).statistic > 0.7


def partly_labelled(images, seed):
    """The toy below, and which images have a label: their fine features are shifted."""
    outputs, losses = toy(images, seed)
    known = torch.rand(images, generator=generator(seed)) < 0.4
    outputs.backbone_features[0][:, 0] += 3 * known[:, None, None]
    return outputs, losses, known


def test_which_image_an_odd_batch_drops_is_random():
    """Losses are equal, so that only the pairing shows: each of three images is left out at times."""
    dropped = {torch.randperm(3, generator=generator(seed)).tolist()[2] for seed in range(20)}
    assert dropped == {0, 1, 2}
    outputs, losses = made_up_outputs(images=3), torch.tensor([[1.0] * 4, [2.0] * 4, [3.0] * 4])
    made = module()
    values = {round(float(made.loss(outputs, losses, generator(seed)).detach()), 5) for seed in range(20)}
    assert len(values) == 3


def test_a_single_image_costs_nothing_and_has_a_gradient():
    made = module()
    loss = made.loss(made_up_outputs(images=1), torch.rand(1, 4), generator())
    assert float(loss.detach()) == 0
    loss.backward()
    assert all(p.grad is None or torch.equal(p.grad, torch.zeros_like(p)) for p in made.parameters())


def test_predictions_far_apart_in_the_right_order_cost_nothing():
    made = module(margin=1.0)
    outputs = made_up_outputs(images=2)
    with torch.no_grad():
        predicted = made(outputs)["predicted_loss"]
        made.output.weight *= 100
        made.output.bias *= 100
        assert float(made.loss(outputs, predicted, generator())) == 0
        assert float(made.loss(outputs, -predicted, generator())) > 1


def test_only_the_order_of_the_losses_counts():
    outputs, losses, made = made_up_outputs(images=8), torch.rand(8, 4, generator=generator(1)), module()
    one, two = (made.loss(outputs, each, generator(2)) for each in (losses, torch.exp(5 * losses) - 3))
    assert torch.equal(one, two)


def test_the_generator_alone_draws_the_pairs():
    outputs, losses, made = made_up_outputs(images=8), torch.rand(8, 4), module()
    state = torch.get_rng_state()
    one, two = (made.loss(outputs, losses, generator(2)) for _ in range(2))
    assert torch.equal(one, two)
    assert torch.equal(state, torch.get_rng_state())
    assert not torch.equal(one, made.loss(outputs, losses, generator(3)))


def test_no_gradient_reaches_the_network():
    """Features and losses come detached from the training loop; its network must not feel the module."""

    leaf = torch.randn(4, 4, 6, 6, requires_grad=True)
    plain = made_up_outputs(images=4)
    outputs = Outputs(
        tasks=TASKS,
        initial=plain.initial,
        refined=plain.refined,
        task_features=plain.task_features,
        backbone_features=(leaf * 2, plain.backbone_features[1]),
    )
    made = module()
    made.loss(outputs.mapped(torch.Tensor.detach), torch.rand(4, 4), generator()).backward()
    assert leaf.grad is None
    assert all(p.grad is not None for p in made.parameters())


def test_the_module_has_the_layers_of_the_paper():
    made = LearningLoss().companion(SHAPES)
    layers = [tuple(p.shape) for p in made.parameters() if p.ndim == 2]
    assert layers == [(128, 4), (128, 8), (4, 256)]


def test_the_prediction_is_what_its_layers_say():
    made, outputs = module(hidden=5), made_up_outputs(images=3)
    weights = [p.detach().double().numpy() for p in made.parameters()]
    means = [stage.double().numpy().mean((2, 3)) for stage in outputs.backbone_features]
    hidden = [np.maximum(m @ weights[2 * n].T + weights[2 * n + 1], 0) for n, m in enumerate(means)]
    expected = np.concatenate(hidden, 1) @ weights[4].T + weights[5]
    np.testing.assert_allclose(made(outputs)["predicted_loss"].detach(), expected, rtol=1e-4, atol=1e-5)


def test_every_task_gets_its_own_column():
    outputs = made_up_outputs(images=3)
    said = torch.arange(12.0).reshape(3, 4)
    from dataclasses import replace

    rows = LearningLoss().measure(replace(outputs, companion={"predicted_loss": said}))
    assert list(rows) == NAMES
    assert rows["depth"].tolist() == said[:, NAMES.index("depth")].tolist()


def toy(images, seed):
    """Losses hidden in the backbone's features: each task's own direction, beside noise."""
    draw = torch.Generator().manual_seed(seed)
    directions = torch.randn(8, 4, generator=generator(99))
    plain = made_up_outputs(images=images, seed=seed)
    coarse = torch.randn(images, 8, 2, 2, generator=draw)
    outputs = Outputs(
        TASKS, plain.initial, plain.refined, plain.task_features, (plain.backbone_features[0], coarse)
    )
    return outputs, (coarse.mean((2, 3)) @ directions).exp()


def test_it_learns_to_rank_images_by_their_loss():
    made = module(hidden=32)
    optimiser = torch.optim.Adam(made.parameters(), 3e-3)
    for step in range(250):
        outputs, losses = toy(16, step)
        loss = made.loss(outputs, losses, generator(step))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    outputs, losses = toy(200, 10_000)
    with torch.no_grad():
        predicted = made(outputs)["predicted_loss"]
        before = module(hidden=32)(outputs)["predicted_loss"]
    for task in range(4):
        assert spearmanr(predicted[:, task], losses[:, task]).statistic > 0.85
        assert abs(spearmanr(before[:, task], losses[:, task]).statistic) < 0.85


@pytest.mark.parametrize("option", ["hidden=0", "margin=-1", "hidden=1.5", "margin=nan", "margin=inf"])
def test_a_parameter_out_of_range_is_refused(option):
    with pytest.raises(RegistryError, match=option.split("=")[0]):
        resolve(f"learning-loss[{option}]").create()

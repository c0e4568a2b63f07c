"""The committee: disagreement written out, who learns from which image, and where members agree."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.special import entr, expit, softmax

import baselines  # noqa: F401
from strategies.clauses import broken
from strategies.contract import CLAUSES, TASKS, Probe, made_up_outputs
from strategies.interface import Shapes, Strategy
from strategies.parameters import parameters_of
from strategies.registry import Entry, Named, RegistryError, resolve

SHAPES = Shapes(TASKS, {task.name: 6 for task in TASKS}, (4, 8))


def committee(seed=0, **values):
    torch.manual_seed(seed)
    inside = ",".join(f"{name}={value}" for name, value in values.items())
    return resolve(f"committee[{inside}]" if inside else "committee").create().companion(SHAPES)


def member(module, task, number, features, members):
    """The prediction of one member, its weights taken out of the layers that all share."""
    said = 0
    for heads, factor in ((module.heads[task.name], 1), (module.priors[task.name], module.prior)):
        first, _, second = heads
        hidden, channels = len(first.weight) // members, task.channels
        own, out = (slice(number * n, (number + 1) * n) for n in (hidden, channels))
        layer = F.conv2d(features, first.weight[own], first.bias[own]).relu()
        said = said + factor * F.conv2d(layer, second.weight[out], second.bias[out])
    return said.detach().double().numpy()


@pytest.mark.parametrize("members", [2, 5])
@pytest.mark.parametrize("prior", [0, 2])
def test_disagreement_is_that_of_the_members_each_by_itself(members, prior):
    module, outputs = committee(members=members, prior=prior, hidden=3), made_up_outputs(images=3)
    said = {
        task.name: np.stack(
            [member(module, task, n, outputs.task_features[task.name], members) for n in range(members)]
        )
        for task in TASKS
    }
    p, yes = softmax(said["semseg"], 2), expit(said["saliency"])
    yes = np.concatenate([yes, 1 - yes], 2)
    unit = said["normals"] / np.linalg.norm(said["normals"], axis=2, keepdims=True)
    expected = {
        "semseg": (entr(p.mean(0)).sum(1) - entr(p).sum(2).mean(0)).mean((1, 2)),
        "saliency": (entr(yes.mean(0)).sum(1) - entr(yes).sum(2).mean(0)).mean((1, 2)),
        "depth": said["depth"].var(0).mean((1, 2, 3)),
        "normals": (1 - np.square(unit.mean(0)).sum(1)).mean((1, 2)),
    }
    with torch.no_grad():
        found = module(outputs)
    for task, values in expected.items():
        np.testing.assert_allclose(found[task], values, rtol=1e-3, atol=1e-6, err_msg=task)


def losses_of(labels):
    """Mean squared differences to these predictions, as if they were labels; NaN for an image without."""

    def label_loss(name, prediction):
        unlabelled = labels[name].flatten(1)[:, 0].isnan()
        squared = (prediction - labels[name].nan_to_num()).square().flatten(1).mean(1)
        return squared.masked_fill(unlabelled, torch.nan)

    return label_loss


def test_a_member_learns_from_its_half_of_the_images():
    module, outputs = committee(members=4), made_up_outputs(images=6)
    drawn = torch.randint(0, 2, (4, 6), generator=torch.Generator().manual_seed(1))
    labels = {name: maps.clone() for name, maps in outputs.refined.items()}

    def slopes(labels):
        module.zero_grad()
        module.loss(
            outputs, torch.zeros(6, 4), torch.Generator().manual_seed(1), losses_of(labels)
        ).backward()
        grad = module.heads["depth"][2].weight.grad
        return grad.clone().flatten(1)  # one row a member

    before = slopes(labels)
    for image in range(6):
        other = {name: maps.clone() for name, maps in labels.items()}
        other["depth"][image] += 5
        changed = (slopes(other) != before).any(1)
        assert changed.tolist() == drawn[:, image].bool().tolist()


def test_images_without_a_label_teach_nothing_and_a_batch_without_any_is_no_nan():
    module, outputs = committee(), made_up_outputs(images=4)
    labels = {name: maps.clone() for name, maps in outputs.refined.items()}
    for maps in labels.values():
        maps[:] = torch.nan
    loss = module.loss(outputs, torch.zeros(4, 4), torch.Generator().manual_seed(0), losses_of(labels))
    assert loss.item() == 0
    loss.backward()
    assert all(p.grad is None or p.grad.abs().sum() == 0 for p in module.parameters())


def test_members_agree_where_labels_taught_them_and_priors_stay_as_they_are():
    """Features of one kind have labels, those of another do not."""
    module = committee(members=5)
    before = {name: weight.clone() for name, weight in module.priors.state_dict().items()}
    draw = torch.Generator().manual_seed(0)
    kinds = torch.randn(2, 6, generator=draw) * 2

    def outputs_of(kind):
        noise = 0.1 * torch.randn(4, 6, 4, 3, generator=draw)
        made = made_up_outputs(images=4)
        maps = kinds[kind].reshape(1, 6, 1, 1) + noise
        return replace(made, task_features={task.name: maps for task in TASKS})

    known, unknown = outputs_of(0), outputs_of(1)
    labels = {task.name: torch.full((4, task.channels, 16, 12), 1.5) for task in TASKS}
    optimiser = torch.optim.Adam([p for p in module.parameters() if p.requires_grad], 3e-2)
    for step in range(60):
        optimiser.zero_grad()
        generator = torch.Generator().manual_seed(step)
        module.loss(known, torch.zeros(4, 4), generator, losses_of(labels)).backward()
        optimiser.step()
    with torch.no_grad():
        taught, other = module(known), module(unknown)
    for task in ("depth", "saliency", "semseg"):
        assert taught[task].mean() < 0.2 * other[task].mean(), task
    assert all(torch.equal(before[name], weight) for name, weight in module.priors.state_dict().items())


class Cheat(Strategy):
    """Keeps what it was told in training, and asks again while the pool is measured."""

    def companion(self, shapes):
        module = committee()
        train, told = type(module).loss, []

        def loss(outputs, task_losses, generator, label_loss):
            told.append(label_loss)
            return train(module, outputs, task_losses, generator, label_loss)

        def forward(outputs):
            return {"depth": told[-1]("depth", outputs.refined["depth"])}

        module.loss, module.forward = loss, forward
        return module

    def measure(self, outputs):
        return outputs.companion


def test_the_contract_finds_who_asks_for_labels_of_the_pool():
    probe = Probe(Named("cheat", Entry("cheat", Cheat, parameters_of(Cheat), "", "", ""), {}))
    said = {clause.__name__: broken(clause, probe, ()) for clause in CLAUSES}
    why = "a companion asked for labels when it was not trained"
    assert said["asks_for_labels_in_training_alone"] == why


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("members=1", "members must be at least 2"),
        ("hidden=0", "hidden must be"),
        ("prior=-1", "prior 0 or more"),
    ],
)
def test_values_of_no_meaning_are_refused(value, what):
    with pytest.raises(RegistryError, match=what):
        resolve(f"committee[{value}]").create()

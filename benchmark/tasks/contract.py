"""The contract that every task keeps, as functions to call: each clause raises when it is broken.

The project's tests run all clauses on every built-in task; ``mtal check FILE`` runs them on a user's. Labels
are made up in the formats of ``Sample``, so no clause needs data or a network.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.plugins import Entry
from benchmark.tasks import BUILT_IN
from benchmark.tasks.task import IGNORE, Better, Task
from strategies.interface import Kind

__all__ = ["CLAUSES", "Probe"]

IMAGES, HEIGHT, WIDTH = 4, 24, 28
CLASSES = ("ground", "thing", "other")
#: Of a prediction by its loss alone: enough for every built-in task to tell it from one for other labels.
STEPS, RATE = 300, 0.1


class Probe:
    """A registered task, and what the clauses ask of it."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry

    def made(self, name: str = "probe", weight: float | None = None, **options: Any) -> Task:
        """The task under a name of its own, with classes if it is of some."""
        classes = CLASSES if getattr(self.entry.thing, "kind", "") == "categorical" else ()
        made: Task = self.entry.create(name, classes, weight, options=options)
        return made

    @cached_property
    def task(self) -> Task:
        """As it is by default."""
        return self.made()

    @cached_property
    def samples(self) -> list[NDArray[Any]]:
        """A label of each image as a sample holds it, some pixels of each without one."""
        return [sample_label(self.task, image) for image in range(IMAGES)]

    @cached_property
    def labels(self) -> Tensor:
        """The same, encoded, as a batch."""
        return _batch([self.task.encode(label) for label in self.samples])

    @property
    def blank(self) -> Tensor:
        """The encoded label of an image that has none."""
        return _batch([self.task.unlabelled(HEIGHT, WIDTH)])[0]

    def predictions(self, seed: int = 0, scale: float = 1.0) -> Tensor:
        """Made-up predictions for all images."""
        rng = torch.Generator().manual_seed(seed)
        return scale * torch.randn(IMAGES, self.task.channels, HEIGHT, WIDTH, generator=rng)

    def with_blanks(self, *images: int) -> Tensor:
        """The labels, those of these images taken away."""
        kept = self.labels.clone()
        for image in images:
            kept[image] = self.blank
        return kept

    def metrics(self, predictions: Tensor, labels: Tensor, size: int = IMAGES) -> dict[str, float]:
        """The metrics over all images, in batches of a size."""
        meter = self.task.meter()
        with torch.no_grad():
            for at in range(0, len(labels), size):
                meter.update(predictions[at : at + size].clone(), labels[at : at + size].clone())
        return dict(meter.compute())

    def fitted(self, labels: Tensor) -> Tensor:
        """Predictions of the least loss that gradient descent finds for these labels."""
        predictions = self.predictions().requires_grad_()
        optimiser = torch.optim.Adam([predictions], RATE)
        for _ in range(STEPS):
            optimiser.zero_grad()
            torch.autograd.backward(self.task.loss(predictions, labels).sum())
            optimiser.step()
        return predictions.detach()


def sample_label(task: Task, image: int) -> NDArray[Any]:
    """A label in the format of the task's kind: other content in each image, a corner unknown."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    place = 3 + 6 * image
    label: NDArray[Any]
    if task.kind == "categorical":
        label = ((columns // 7 + rows // 8 + image) % len(task.classes)).astype(np.uint8)
        label[:3, :3] = IGNORE
    elif task.kind == "binary":
        label = ((columns == place) | (rows == place)).astype(np.uint8)
        label[:3, :3] = IGNORE
    elif task.kind == "scalar":
        label = (1 + image + columns / WIDTH + rows / HEIGHT).astype(np.float32)
        label[:3, :3] = np.nan
    else:
        angle = 1.5 * image + columns / WIDTH
        label = np.stack([np.cos(angle), np.sin(angle), 1 + rows / HEIGHT], -1)
        label = (label / np.linalg.norm(label, axis=-1, keepdims=True)).astype(np.float32)
        label[:3, :3] = 0
    return label


def is_what_it_says(probe: Probe) -> None:
    """A kind of the four, a name and a weight as given, and options that stay when one is changed."""
    task, named = probe.task, probe.made("another", 2.5)
    kinds = get_args(Kind)
    assert task.kind in kinds, f"kind is {task.kind!r}, and should be one of {', '.join(kinds)}"
    assert named.name == "another" and named.weight == 2.5, (
        "it does not keep the name and weight that it is given: hand them on to super().__init__"
    )
    assert task.weight > 0, f"its default_weight is {task.weight}, and should be over 0"
    changed = named.changed(3.0, {})
    same = type(changed) is type(named) and changed.options == named.options and changed.weight == 3.0
    assert same, "changed(weight, options) gives another task"
    assert isinstance(task.channels, int) and task.channels >= 1, f"channels is {task.channels!r}"


def loses_one_number_per_image(probe: Probe) -> None:
    """A loss of shape B, finite, also for large predictions."""
    for scale in (1.0, 100.0):
        predictions = probe.predictions(scale=scale).requires_grad_()
        loss = probe.task.loss(predictions, probe.labels)
        assert loss.shape == (IMAGES,), f"the loss of {IMAGES} images is of shape {tuple(loss.shape)}"
        assert loss.isfinite().all(), f"the loss of predictions of size {scale:g} is not finite"
        (gradient,) = torch.autograd.grad(loss.sum(), predictions)
        assert gradient.isfinite().all(), f"the gradient of predictions of size {scale:g} is not finite"


def loses_nothing_without_a_label(probe: Probe) -> None:
    """An image without a label has loss 0 and no gradient, and no valid pixel; the others keep theirs."""
    task, labels = probe.task, probe.with_blanks(1, 3)
    predictions = probe.predictions().requires_grad_()
    loss = task.loss(predictions, labels)
    (gradient,) = torch.autograd.grad(loss.sum(), predictions)
    assert gradient.isfinite().all(), "a gradient is not finite where an image has no label"
    assert not loss[[1, 3]].any(), "an image without a label has a loss"
    assert not gradient[[1, 3]].any(), "an image without a label has a gradient"
    valid = task.valid(labels)
    assert valid.shape == (IMAGES, HEIGHT, WIDTH) and valid.dtype == torch.bool, (
        f"valid is {valid.dtype} of shape {tuple(valid.shape)}, not true or false for every pixel"
    )
    labelled = valid.flatten(1).any(1).tolist()
    assert labelled == [True, False, True, False], "valid does not tell which images have a label"


def loses_without_regard_to_the_batch(probe: Probe) -> None:
    """The loss of an image does not depend on the images beside it."""
    predictions, labels = probe.predictions(), probe.labels
    together = probe.task.loss(predictions, labels)
    alone = torch.cat([probe.task.loss(predictions[i : i + 1], labels[i : i + 1]) for i in range(IMAGES)])
    assert torch.allclose(together, alone, rtol=1e-4, atol=1e-6), (
        "the loss of an image changes with its batch: average over each image's own pixels alone"
    )


def teaches_the_prediction(probe: Probe) -> None:
    """A gradient reaches the prediction of every labelled image."""
    predictions = probe.predictions().requires_grad_()
    loss = probe.task.loss(predictions, probe.labels)
    assert loss.requires_grad, "the loss has no gradient: it must be computed of the prediction by torch"
    (gradient,) = torch.autograd.grad(loss.sum(), predictions)
    for image in range(IMAGES):
        assert gradient[image].any(), "no gradient reaches the prediction of an image that has a label"


def leaves_what_it_is_given_alone(probe: Probe) -> None:
    """Neither loss nor meter changes predictions or labels in place."""
    predictions, labels = probe.predictions(), probe.labels.clone()
    before = predictions.clone(), labels.clone()
    probe.task.loss(predictions, labels)
    with torch.no_grad():
        probe.task.meter().update(predictions, labels)
    same = torch.equal(predictions, before[0]) and _close(labels, before[1])
    assert same, "the loss or the meter changed predictions or labels in place"


def says_which_way_its_metrics_are_better(probe: Probe) -> None:
    """Metrics are numbers by name, the headline is one of them, and ``better`` says the direction of each."""
    task, found = probe.task, probe.metrics(probe.predictions(), probe.labels)
    assert all(isinstance(value, float) for value in found.values()), f"metrics must be floats, not {found}"
    assert task.headline in found, f"the headline {task.headline!r} is none of {', '.join(found) or 'none'}"
    for name in found:
        way = task.better.get(name)
        assert way in get_args(Better), (
            f'better does not say which way {name!r} is better: say better = {{"{name}": "lower"}} or higher'
        )
        known = _KNOWN.get(name, way)
        assert way == known, f"better says {way} of {name!r}, which is {known} in the built-in tasks"
        assert name not in ("loss", "initial_loss"), f"a metric cannot be called {name!r}: losses are"


def measures_what_its_loss_learns(probe: Probe) -> None:
    """Predictions learnt from the labels have better metrics than those learnt from other images' labels."""
    task = probe.task
    right = probe.metrics(probe.fitted(probe.labels), probe.labels)
    wrong = probe.metrics(probe.fitted(probe.labels.roll(1, 0)), probe.labels)
    for name, better in task.better.items():
        if name in right:
            gain = (right[name] - wrong[name]) * (1 if better == "higher" else -1)
            enough = gain > 0 if name == task.headline else gain >= 0
            assert enough, (
                f"{name}, of which {better} is better, is {right[name]:.4g} for predictions learnt from the "
                f"labels, and {wrong[name]:.4g} for those learnt from labels of other images"
            )


def adds_up_batches(probe: Probe) -> None:
    """Metrics over batches of any size are those of all images at once."""
    predictions = probe.predictions()
    whole = probe.metrics(predictions, probe.labels)
    for size in (1, 3):
        _same(whole, probe.metrics(predictions, probe.labels, size), f"in batches of {size}")


def measures_labelled_images_alone(probe: Probe) -> None:
    """An image without a label changes no metric; without any, they are NaN."""
    predictions, kept = probe.predictions(), torch.tensor([0, 2])
    expected = probe.metrics(predictions[kept], probe.labels[kept])
    _same(expected, probe.metrics(predictions, probe.with_blanks(1, 3)), "with two unlabelled images more")
    nothing = probe.metrics(predictions, probe.with_blanks(*range(IMAGES)))
    for name, value in nothing.items():
        assert math.isnan(value), f"{name} is {value:g}, not NaN, where no image has a label"
    assert nothing.keys() == expected.keys(), "other metrics where no image has a label"


def has_the_best_constant(probe: Probe) -> None:
    """The constant prediction is of one number a channel, and no other does better by much."""
    task, labels = probe.task, probe.labels
    summaries = torch.stack([task.summary(label) for label in labels])
    constant = task.constant(summaries).float()
    assert constant.shape == (task.channels,), (
        f"constant is of shape {tuple(constant.shape)}, not one number a channel"
    )
    assert constant.isfinite().all(), "constant is not finite"
    best = _mean_loss(probe, constant)
    rng = torch.Generator().manual_seed(0)
    for size in (0.1, 1.0):
        for _ in range(5):
            other = constant + size * torch.randn(task.channels, generator=rng)
            assert best <= _mean_loss(probe, other) + 0.01 * abs(best), (
                f"constant has a mean loss of {best:.4g}, and another prediction the same everywhere has less"
            )


def turns_predictions_into_labels(probe: Probe) -> None:
    """What a prediction stands for is an encoded label, valid, that the loss takes and colours show."""
    task, predictions = probe.task, probe.predictions()
    stood_for = task.as_label(predictions)
    same = stood_for.shape == probe.labels.shape and stood_for.dtype == probe.labels.dtype
    assert same, (
        f"as_label gives {stood_for.dtype} of shape {tuple(stood_for.shape)}; encoded labels are "
        f"{probe.labels.dtype} of shape {tuple(probe.labels.shape)}"
    )
    loss = task.spec.loss(predictions, predictions)
    assert loss.shape == (IMAGES,) and loss.isfinite().all(), (
        "the loss of a prediction's own label is not finite"
    )
    picture = task.colour(probe.samples[0])
    assert picture.shape == (HEIGHT, WIDTH, 3) and picture.dtype == np.uint8, (
        f"colour gives {picture.dtype} of shape {picture.shape}, not an RGB picture of bytes"
    )


def follows_the_image(probe: Probe) -> None:
    """A label that nothing happened to stays, and what is mirrored twice is itself."""
    task, labels = probe.task, probe.labels
    turned = task.turned(labels.clone(), torch.eye(2).expand(IMAGES, 2, 2))
    zoomed = task.zoomed(labels.clone(), torch.ones(IMAGES))
    for what, changed in (("turned", turned), ("zoomed", zoomed)):
        assert _close(changed, labels), f"{what} changes a label whose image was not"
    predictions = probe.predictions()
    twice = task.unmirrored_prediction(task.unmirrored_prediction(predictions.clone()))
    assert torch.allclose(twice, predictions), "unmirrored_prediction twice is not the prediction itself"


CLAUSES: tuple[Callable[[Probe], None], ...] = (
    is_what_it_says,
    loses_one_number_per_image,
    loses_nothing_without_a_label,
    loses_without_regard_to_the_batch,
    teaches_the_prediction,
    leaves_what_it_is_given_alone,
    says_which_way_its_metrics_are_better,
    measures_what_its_loss_learns,
    adds_up_batches,
    measures_labelled_images_alone,
    has_the_best_constant,
    turns_predictions_into_labels,
    follows_the_image,
)
#: The directions that built-in tasks give their metrics.
_KNOWN: Mapping[str, Better] = {name: way for task in BUILT_IN.values() for name, way in task.better.items()}


def _batch(labels: list[NDArray[Any]]) -> Tensor:
    return torch.from_numpy(np.stack(labels))


def _close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one.double(), other.double(), atol=1e-5, equal_nan=True)


def _mean_loss(probe: Probe, constant: Tensor) -> float:
    everywhere = constant[None, :, None, None].expand(IMAGES, -1, HEIGHT, WIDTH)
    return float(probe.task.loss(everywhere, probe.labels).mean())


def _same(expected: Mapping[str, float], found: Mapping[str, float], where: str) -> None:
    for name, value in expected.items():
        same = math.isclose(value, found[name], rel_tol=1e-5, abs_tol=1e-6)
        same = same or (math.isnan(value) and math.isnan(found[name]))
        assert same, f"{name} is {value:.6g} for all images at once, and {found[name]:.6g} {where}"

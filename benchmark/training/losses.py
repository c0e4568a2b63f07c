"""What a network's predictions cost against labels: per image and task, and all together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from benchmark.data.feed import Batch, labelled
from benchmark.networks import Network
from benchmark.tasks.task import Task
from benchmark.training.forward import Precision, in_autocast, outputs_of, predictions_in_float32
from benchmark.training.hardware.half_weights import in_half_weights
from strategies.device_transfer import on_device
from strategies.divergences import resized
from strategies.interface import Outputs, Positions, Scores


@dataclass(frozen=True)
class TaskLosses:
    """Unweighted losses per image and task (B x T) of the initial and the refined predictions.

    Of several initial scales ``initial`` is the sum, which is trained, and ``finest`` the first.
    ``labelled`` says which images have a label for which task (B x T): where there is none, a loss is 0, and
    is to be counted nowhere.
    """

    initial: Tensor
    finest: Tensor
    refined: Tensor
    labelled: Tensor

    def at(self, which: slice) -> TaskLosses:
        """Those of some of the images."""
        return TaskLosses(self.initial[which], self.finest[which], self.refined[which], self.labelled[which])

    @property
    def told(self) -> Tensor:
        """The refined losses for others to read: detached, and NaN where there is no label and only there."""
        # NaN is to mean that there is no label, so a loss that is NaN itself is told as infinite.
        losses = self.refined.detach().nan_to_num(nan=torch.inf, posinf=torch.inf)
        return losses.masked_fill(~self.labelled, torch.nan)


def task_losses(outputs: Outputs, batch: Batch, tasks: Sequence[Task]) -> TaskLosses:
    """Losses of both stages against labels of the refined size; several initial scales add up."""
    size = outputs.refined[tasks[0].name].shape[-2:]
    refined = [task.loss(outputs.refined[task.name], batch.labels[task.name]) for task in tasks]
    initial, finest = [], []
    for task in tasks:
        # Predictions are brought to the labels' size, never labels to theirs: a shrunk label is another
        # one.
        scales = (outputs.initial[task.name], *outputs.coarser_initial.get(task.name, ()))
        each = [task.loss(resized(scale, size), batch.labels[task.name]) for scale in scales]
        initial.append(torch.stack(each).sum(0))
        # Coarser scales are trained and not reported: networks without them have no such number to compare.
        finest.append(each[0])
    known = labelled(batch.labels, tasks)
    summed, first, last = (torch.stack(losses, 1) for losses in (initial, finest, refined))
    return TaskLosses(summed, first, last, known)


def in_one_graph(
    network: Network,
    images: Tensor,
    trunk_maps: Sequence[Tensor] | None,
    labels: Mapping[str, Tensor],
    tasks: Sequence[Task],
    precision: Precision,
) -> tuple[Outputs, TaskLosses]:
    """Outputs for images in the network's layout, and their losses: what is compiled as one graph.

    A frozen trunk has said its maps before.
    """
    with in_autocast(images.device, precision):
        outputs = outputs_of(network, images, trunk_maps)
    outputs = predictions_in_float32(outputs, precision)
    return outputs, task_losses(outputs, Batch(images, labels), tasks)


def by_operation(
    network: Network,
    images: Tensor,
    trunk_maps: Sequence[Tensor] | None,
    labels: Mapping[str, Tensor],
    tasks: Sequence[Task],
    precision: Precision,
) -> tuple[Outputs, TaskLosses]:
    """The same, operation by operation."""
    # Autocast converts weights in bf16 alone; otherwise there is nothing to convert together.
    if precision != "bf16":
        return in_one_graph(network, images, trunk_maps, labels, tasks, precision)
    with in_autocast(images.device, precision):
        outputs = in_half_weights(network, images, trunk_maps)
    outputs = predictions_in_float32(outputs, precision)
    return outputs, task_losses(outputs, Batch(images, labels), tasks)


def image_weights(weights: Scores | None, device: torch.device) -> Callable[[Positions], Tensor]:
    """Loss weights (B x T, or 1 for all) of images by their places in ``weights`` (L x T)."""
    if weights is None:
        # On the device and made once: a number of Python would be sent there with every batch.
        one = torch.ones((), device=device)
        return lambda _: one
    there = on_device(torch.from_numpy(weights).float(), device)
    return lambda rows: there.index_select(0, on_device(torch.from_numpy(rows), device))


def objective(
    losses: TaskLosses, weights: Tensor, tasks: Sequence[Task], expected: Tensor | None = None
) -> Tensor:
    """The multi-task training loss: weighted by task and, for some strategies, by image (weights B x T).

    A task's is the mean over the images of the batch that have a label for it, as in evaluation: an image
    without one would count as one that is predicted perfectly, and make the task weigh less. Where labels
    were bought by themselves, its sum is divided by how many images of a batch are ``expected`` to have one
    (T) instead: over an epoch a task then pulls as hard whatever its share of labels, while a mean would be
    nothing in batches without one, and so less the rarer it is.
    """
    share = _shares(tuple(task.weight for task in tasks), losses.refined.device)
    summed = ((losses.refined + losses.initial) * weights).sum(0)
    # At least 1, for a batch in which no image has a label for a task: its sum is 0 then, and so is its
    # loss.
    count = losses.labelled.sum(0).clamp(min=1) if expected is None else expected
    return (summed / count * share).sum()


@cache
def _shares(weights: tuple[float, ...], device: torch.device) -> Tensor:
    """Weights of tasks; kept, because to send them is to wait for the device."""
    return torch.tensor(weights, device=device)

"""Made-up outputs, networks and pools, and a strategy under test on them: what the contract is asked with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from strategies.choosing import choose
from strategies.interface import (
    Companion,
    Judge,
    Judged,
    Known,
    LabelledCompanion,
    Outputs,
    Pool,
    Selection,
    Shapes,
    Strategy,
    TaskSpec,
)
from strategies.kernels.threads import one_torch_thread
from strategies.measuring import as_arrays, measured
from strategies.registry import Named
from strategies.views import Views

Measured = dict[str, NDArray[Any]]
Said = Callable[[Outputs], Mapping[str, Tensor]]

IMAGES, BATCH, LABELLED, BUDGET = 24, 8, 4, 5
TASKS = (
    TaskSpec(
        "semseg",
        "categorical",
        5,
        lambda p, t: F.cross_entropy(p, t.argmax(1), reduction="none").mean((1, 2)),
    ),
    TaskSpec("saliency", "binary", 1, lambda p, t: (p.sigmoid() - t.sigmoid()).abs().mean((1, 2, 3))),
    TaskSpec("depth", "scalar", 1, lambda p, t: (p - t).abs().mean((1, 2, 3))),
    TaskSpec(
        "normals",
        "direction",
        3,
        lambda p, t: (F.normalize(p, dim=1) - F.normalize(t, dim=1)).abs().mean((1, 2, 3)),
    ),
)


@dataclass(frozen=True)
class Probe:
    """A strategy under test, and made-up pools for it."""

    named: Named

    def choose(self, pool: Pool, budget: int = BUDGET, strategy: Strategy | None = None) -> Selection:
        """A checked selection of a fresh instance, or of this one, for the price of so many images."""
        priced = replace(pool, budget=float(budget))
        return choose(strategy or self.named.create(), self.named.name, priced, budget)

    def spend(self, pool: Pool, strategy: Strategy) -> Selection:
        """A checked selection of labels by themselves, for the pool's budget."""
        return choose(strategy, self.named.name, pool, 0)

    def pool(self, outputs: Outputs | None = None, seed: int = 0, labelled: int = LABELLED) -> Pool:
        """A pool of made-up images, measured by a fresh instance and its briefly trained companion."""
        outputs = made_up_outputs() if outputs is None else outputs
        rows = self.measured(outputs)
        return pool_of(self.named.create(), outputs.tasks, rows, count_of(outputs), labelled, seed)

    def measured(self, outputs: Outputs) -> dict[str, NDArray[Any]]:
        """Rows of all images, in batches, as the runner measures them."""
        return self._said(outputs, measured)

    def mapped(self, outputs: Outputs, size: int = BATCH) -> dict[str, NDArray[Any]]:
        """Maps of all images, in batches of this size."""
        return self._said(outputs, lambda strategy, batch: as_arrays(strategy.maps(batch), "maps"), size)

    def _said(
        self,
        outputs: Outputs,
        ask: Callable[[Strategy, Outputs], Measured],
        size: int = BATCH,
    ) -> dict[str, NDArray[Any]]:
        strategy = self.named.create()
        strategy.check(outputs.tasks)
        with one_torch_thread():
            companion = companion_of(strategy, outputs)
            batches = [part_of(outputs, slice(at, at + size)) for at in range(0, count_of(outputs), size)]
            parts = [_rows(ask(strategy, shown(batch, strategy, companion)), batch) for batch in batches]
        assert all(set(part) == set(parts[0]) for part in parts), "names of rows change from batch to batch"
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def made_up_outputs(tasks: Sequence[TaskSpec] = TASKS, images: int = IMAGES, seed: int = 0) -> Outputs:
    """Random outputs of a two-stage network for a number of images (16 x 12 pixels)."""
    generator = torch.Generator().manual_seed(seed)

    def draw(channels: int, height: int, width: int) -> Tensor:
        return 2 * torch.randn(images, channels, height, width, generator=generator)

    return Outputs(
        ids=_ids(images),
        tasks=tuple(tasks),
        initial={task.name: draw(task.channels, 4, 3) for task in tasks},
        refined={task.name: draw(task.channels, 16, 12) for task in tasks},
        task_features={task.name: draw(6, 4, 3) for task in tasks},
        backbone_features=(draw(4, 4, 3), draw(8, 2, 2)),
        trunk_features=(draw(4, 4, 3), draw(7, 2, 2)),
    )


def companion_of(strategy: Strategy, outputs: Outputs) -> Callable[[Outputs], Mapping[str, Tensor]] | None:
    """The strategy's module after two training steps, one of them on an odd batch, both lacking a label."""
    shapes = Shapes(
        outputs.tasks,
        {task: features.shape[1] for task, features in outputs.task_features.items()},
        tuple(features.shape[1] for features in outputs.backbone_features),
    )
    # The CPU's stream alone: to ask after those of GPUs is to open them, and not every driver can be opened.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        companion = strategy.companion(shapes)
    if companion is None:
        return None
    module = cast(nn.Module, companion)
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for size in (4, 3):
        losses = torch.rand(size, len(outputs.tasks), generator=Generator().manual_seed(size))
        losses[0, 0] = torch.nan
        batch = replace(made_up_outputs(outputs.tasks, size, seed=size), trunk_features=())
        loss = _loss_of(companion, batch, losses)
        if not torch.isfinite(loss):
            raise ValueError("the companion's loss is not finite: a task's is NaN for images without a label")
        for parameter, slope in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.data -= 1e-3 * slope  # torch.optim takes seconds to import
    module.eval()
    return companion


def _loss_of(companion: Companion | LabelledCompanion, batch: Outputs, losses: Tensor) -> Tensor:
    """Its loss on a batch, where the first image lacks a label; the second has none at all.

    Made-up labels, as those of a run, are told of while the loss is computed alone.
    """
    if not getattr(companion, "wants_labels", False):
        return cast(Companion, companion).loss(batch, losses, Generator().manual_seed(1))
    unlabelled = losses.isnan().index_fill(0, torch.tensor(1), True)
    told = [True]

    def label_loss(name: str, prediction: Tensor) -> Tensor:
        assert told, "a companion asked for labels when it was not trained"
        place, task = next((place, task) for place, task in enumerate(batch.tasks) if task.name == name)
        wanted = batch.refined[name].shape
        size = (
            f"a companion's prediction of {name!r} is of shape {tuple(prediction.shape)}, not {tuple(wanted)}"
        )
        assert prediction.shape == wanted, size
        return task.loss(prediction, batch.refined[name]).masked_fill(unlabelled[:, place], torch.nan)

    losses = losses.masked_fill(unlabelled, torch.nan)
    loss = cast(LabelledCompanion, companion).loss(batch, losses, Generator().manual_seed(1), label_loss)
    told.clear()
    return loss


def pool_of(
    strategy: Strategy,
    tasks: tuple[TaskSpec, ...],
    rows: Mapping[str, NDArray[Any]],
    count: int,
    labelled: int,
    seed: int,
) -> Pool:
    """A pool of so many made-up images, the first of them labelled, as the strategy may see it."""
    return Pool(
        tasks=tasks,
        ids=_ids(count),
        labelled=np.arange(labelled),
        unlabelled=np.arange(labelled, count),
        rows=rows,
        round=1,
        budget_left=count - labelled,
        costs=np.full((count, len(tasks)), 1 / len(tasks)),
        rng=np.random.default_rng(seed),
        known=_known(strategy, tasks, count),
    )


def _known(strategy: Strategy, tasks: Sequence[TaskSpec], count: int) -> Known:
    """Made-up groups of four images, and shares of classes, most of them in few images; some lack a label.

    What images are worth to a network is made up as well: each adds its own to the loss.
    """
    if not strategy.reference:
        return Known()
    rng = np.random.default_rng(5)
    channels = {t.name: t.channels for t in tasks if t.kind == "categorical" and "classes" in strategy.knows}
    shares = {task: rng.dirichlet(np.full(width, 0.2), count) for task, width in channels.items()}
    for each in shares.values():
        each[rng.random(count) < 0.1] = np.nan
    groups = np.arange(count) // 4 if "groups" in strategy.knows else None
    return Known(groups, shares, _judge(rng.random(count)) if "usefulness" in strategy.knows else None)


def _judge(worth: NDArray[np.float64]) -> Judge:
    return lambda chosen, length: Judged(float(worth[np.sort(chosen)].mean()), processor_seconds=length)


def with_rng(pool: Pool, seed: int) -> Pool:
    """The same pool at the beginning of a stream."""
    return replace(pool, rng=np.random.default_rng(seed))


def count_of(outputs: Outputs) -> int:
    """Images of a batch."""
    return len(outputs.backbone_features[0])


def part_of(outputs: Outputs, which: slice | Tensor) -> Outputs:
    """The outputs of some of the images."""
    ids = np.array(outputs.ids or _ids(count_of(outputs)))[
        which if isinstance(which, slice) else which.numpy()
    ]
    return replace(outputs.mapped(lambda tensor: tensor[which]), ids=tuple(ids.tolist()))


def _ids(count: int) -> tuple[str, ...]:
    return tuple(f"image-{number:05d}" for number in range(count))


def _rngs(ids: Sequence[str], view: str = "") -> tuple[np.random.Generator, ...]:
    return tuple(np.random.default_rng(list(f"{image}\0{view}".encode())) for image in ids)


@torch.no_grad()
def shown(batch: Outputs, strategy: Strategy, companion: Said | None) -> Outputs:
    """A batch as the runner shows it: with views, streams, and what companion and labels say of it."""

    def view(name: str) -> Outputs:
        return replace(_varied(batch, name), rngs=_rngs(batch.ids, name), trunk_features=())

    losses = _losses(batch) if strategy.reference else None
    views = Views(strategy.views, view) if strategy.views else {}
    batch = replace(batch, ids=batch.ids or _ids(count_of(batch)), views=views, true_losses=losses)
    batch = batch if strategy.frozen_trunk else replace(batch, trunk_features=())
    batch = replace(batch, rngs=_rngs(batch.ids))
    return batch if companion is None else replace(batch, companion=companion(batch))


def _rows(rows: Measured, batch: Outputs) -> Measured:
    """Rows of a batch, if they are one for each image."""
    for name, values in rows.items():
        count = len(values) if values.ndim else "no"
        assert count == count_of(batch), f"{name!r} has {count} rows for a batch of {count_of(batch)} images"
    return rows


def made_up_images() -> Tensor:
    """Images for the made-up network (IMAGES x 3 x 16 x 12)."""
    return torch.randn(IMAGES, 3, 16, 12, generator=Generator().manual_seed(7))


class MadeUpNetwork(nn.Module):
    """A small network with outputs like the made-up ones, for what only a network shows."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)
            self.stages = nn.ModuleList([nn.Conv2d(3, 4, 4, 4), nn.Conv2d(4, 8, 2, 2)])
            self.features = nn.ModuleDict({task.name: nn.Conv2d(4, 6, 1) for task in TASKS})
            self.predict = nn.ModuleDict({task.name: nn.Conv2d(6, task.channels, 1) for task in TASKS})

    def forward(self, images: Tensor) -> Outputs:
        """Outputs of images (B x 3 x 16 x 12)."""
        fine = self.stages[0](images)
        features = {task: module(fine) for task, module in self.features.items()}
        initial = {task: module(features[task]) for task, module in self.predict.items()}
        refined = {task: F.interpolate(maps.tanh(), images.shape[-2:]) for task, maps in initial.items()}
        trunk = (fine.detach().clone(),)
        return Outputs(TASKS, initial, refined, features, (fine, self.stages[1](fine)), trunk_features=trunk)


def tensors_of(outputs: Outputs) -> list[Tensor]:
    """All tensors of the network."""
    found: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        found.append(tensor)
        return tensor

    outputs.mapped(keep)
    return found


def _varied(outputs: Outputs, view: str) -> Outputs:
    """Made-up outputs under a view: near those of the image itself, other ones for every view."""
    shift = len(view) + int(view.rpartition("-")[2] if "-" in view else 0)
    return outputs.mapped(lambda tensor: tensor + 0.1 * tensor.roll(shift, -1))


def _losses(outputs: Outputs) -> Tensor:
    """Made-up losses (N x T) that depend on nothing but the image's own outputs; some lack a label."""
    losses = torch.stack([outputs.refined[t.name].abs().mean((1, 2, 3)) for t in outputs.tasks], 1)
    unlabelled = torch.stack([outputs.refined[t.name].mean((1, 2, 3)) > 0.2 for t in outputs.tasks], 1)
    return losses.nan_to_num(nan=torch.inf).masked_fill(unlabelled, torch.nan)

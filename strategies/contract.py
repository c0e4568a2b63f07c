"""The contract that every strategy keeps, as functions to call: each clause raises when it is broken.

The project's tests run all clauses on everything registered; ``mtal check FILE`` runs them on a user's file.
The network outputs are made up, of every task kind, so no clause needs data or training.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from strategies.choosing import choose
from strategies.interface import Outputs, Pool, Selection, Shapes, Strategy, TaskSpec
from strategies.registry import Named
from strategies.threads import one_torch_thread

IMAGES, BATCH, LABELLED, BUDGET = 24, 8, 4, 5
LARGE = 4000  # images of the memory clause: an N x N matrix of floats would be 64 MB
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
        """A checked selection of a fresh instance, or of this one."""
        return choose(strategy or self.named.create(), self.named.name, pool, budget)

    def pool(self, outputs: Outputs | None = None, seed: int = 0, labelled: int = LABELLED) -> Pool:
        """A pool of made-up images, measured by a fresh instance and its briefly trained companion."""
        outputs = made_up_outputs() if outputs is None else outputs
        rows = self.measured(outputs)
        return _pool(outputs.tasks, rows, _count(outputs), labelled, seed)

    def measured(self, outputs: Outputs) -> dict[str, NDArray[Any]]:
        """Rows of all images, in batches, as the runner measures them."""
        return self._said(outputs, lambda strategy, batch: strategy.measure(batch))

    def mapped(self, outputs: Outputs, size: int = BATCH) -> dict[str, NDArray[Any]]:
        """Maps of all images, in batches of this size."""
        return self._said(outputs, lambda strategy, batch: strategy.maps(batch), size)

    def _said(
        self,
        outputs: Outputs,
        ask: Callable[[Strategy, Outputs], Mapping[str, Tensor]],
        size: int = BATCH,
    ) -> dict[str, NDArray[Any]]:
        strategy = self.named.create()
        strategy.check(outputs.tasks)
        with one_torch_thread():
            companion = _companion(strategy, outputs)
            parts = []
            for start in range(0, _count(outputs), size):
                rows_of = slice(start, start + size)
                views = {view: _slice(_varied(outputs, view), rows_of) for view in strategy.views}
                losses = _losses(outputs)[rows_of] if strategy.reference else None
                batch = replace(_slice(outputs, rows_of), views=views, true_losses=losses)
                with torch.no_grad():
                    said = {} if companion is None else companion(batch)
                    rows = ask(strategy, replace(batch, companion=said))
                parts.append({name: value.cpu().numpy() for name, value in rows.items()})
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def chooses_the_budget(probe: Probe) -> None:
    """Exactly ``budget`` unique, unlabelled positions; finite scores of N x T, if any."""
    pool = probe.pool()
    for budget in (1, BUDGET):
        probe.choose(pool, budget)


def measures_one_row_per_image(probe: Probe) -> None:
    """Every row name has one finite row per image."""
    for name, rows in probe.pool().rows.items():
        assert len(rows) == IMAGES, f"{name!r} has {len(rows)} rows for {IMAGES} images"
        assert np.isfinite(rows).all(), f"{name!r} is not finite"


def measures_without_regard_to_the_batch(probe: Probe) -> None:
    """What is measured of an image does not depend on the images beside it."""
    outputs = made_up_outputs()
    order = torch.from_numpy(np.random.default_rng(2).permutation(_count(outputs)))
    straight, mixed = probe.measured(outputs), probe.measured(_slice(outputs, order))
    for name, rows in straight.items():
        same = np.allclose(rows[order.numpy()], mixed[name], rtol=1e-4, atol=1e-5)
        assert same, f"{name!r} of an image changes with its batch"


def maps_every_image_by_itself(probe: Probe) -> None:
    """Maps, if any, are finite, one per image and task, the same in any batch, and change no output."""
    outputs = made_up_outputs()
    before = _tensors(outputs.mapped(torch.clone))
    maps, one_by_one = probe.mapped(outputs), probe.mapped(outputs, size=1)
    untouched = all(map(torch.equal, before, _tensors(outputs)))
    assert untouched, "maps changed the outputs that they were given"
    for task, values in maps.items():
        assert task in outputs.refined, f"there are maps of {task!r}, which is no task"
        shape = f"maps of {task!r} are of shape {values.shape}, not images x height x width"
        assert values.ndim == 3 and len(values) == IMAGES, shape
        assert np.isfinite(values).all(), f"maps of {task!r} are not finite"
        same = np.allclose(values, one_by_one[task], rtol=1e-4, atol=1e-5)
        assert same, f"the map of an image for {task!r} changes with its batch"


def answers_the_same_for_the_same_seed(probe: Probe) -> None:
    """Two fresh instances choose the same images, in the same order."""
    first, second = (probe.choose(probe.pool(seed=3)).indices for _ in range(2))
    assert list(first) == list(second), "the same seed chose other images: use pool.rng for all randomness"


def ignores_the_order_of_the_pool(probe: Probe) -> None:
    """A pool in another order gives the same images."""
    pool = probe.pool()
    order = np.random.default_rng(1).permutation(IMAGES)
    shuffled = _permuted(pool, order)
    one = [pool.ids[i] for i in probe.choose(pool).indices]
    two = [shuffled.ids[i] for i in probe.choose(_with_rng(shuffled, 0)).indices]
    assert one == two, "another order of the pool chose other images"


def breaks_ties_at_random(probe: Probe) -> None:
    """Among images that are all alike the choice is random, and depends on the seed."""
    alike = _slice(made_up_outputs(), torch.zeros(IMAGES, dtype=torch.long))
    chosen = {tuple(sorted(probe.choose(probe.pool(alike, seed=seed)).indices)) for seed in range(4)}
    assert len(chosen) > 1, "equal images were chosen by their place in the pool: break ties with pool.rng"


def copes_with_duplicates(probe: Probe) -> None:
    """Duplicates of labelled and of other images neither crash nor are chosen twice."""
    probe.choose(probe.pool(_slice(made_up_outputs(), torch.arange(IMAGES) % 6)))


def can_take_the_whole_pool(probe: Probe) -> None:
    """A budget of all unlabelled images takes them all; one image left is taken."""
    pool = probe.pool()
    assert len(probe.choose(pool, len(pool.unlabelled)).indices) == IMAGES - LABELLED
    probe.choose(probe.pool(labelled=IMAGES - 1), 1)


def works_with_nothing_labelled(probe: Probe) -> None:
    """A first selection, before any image is labelled."""
    probe.choose(probe.pool(labelled=0))


def works_with_any_one_task(probe: Probe) -> None:
    """Every task kind alone; a score for some kinds only may refuse the others, saying so."""
    worked = 0
    for task in TASKS:
        try:
            probe.choose(probe.pool(made_up_outputs((task,))))
        except ValueError as error:
            assert str(error), "a task kind was refused without a word"
            continue
        worked += 1
    assert worked, "no task kind alone works"


def never_hides_a_broken_network(probe: Probe) -> None:
    """NaN in the network's outputs shows up in the rows, or raises; it never becomes a choice."""
    strategy = probe.named.create()
    if type(strategy).measure is Strategy.measure:
        return
    outputs = made_up_outputs().mapped(lambda tensor: torch.full_like(tensor, float("nan")))
    try:
        rows = probe.measured(outputs)
    except (ValueError, RuntimeError):
        return
    finite = all(np.isfinite(values.reshape(len(values), -1)).all(1).any() for values in rows.values())
    assert not finite, "outputs that are NaN were measured as finite numbers"


def selects_in_bounded_memory(probe: Probe) -> None:
    """Selection needs memory for a few copies of the rows, not for all pairs of images."""
    small = probe.pool()
    where = np.random.default_rng(0).integers(0, IMAGES, LARGE)
    rows = {name: values[where] for name, values in small.rows.items()}
    pool = _pool(small.tasks, rows, LARGE, LABELLED, 0)
    allowed = 8 * sum(values.nbytes for values in rows.values()) + 44 * 2**20
    probe.choose(small)  # what a first choice imports is none of its memory
    tracemalloc.start()
    probe.choose(pool, 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < allowed, (
        f"selection among {LARGE} images took {peak >> 20} MB, more than {allowed >> 20} MB"
    )


def remembers_what_json_can_hold(probe: Probe) -> None:
    """``state_dict`` survives JSON, and loading it gives the same next choice."""
    import json

    first, pool = probe.named.create(), probe.pool()
    probe.choose(pool, strategy=first)
    second = probe.named.create()
    second.load_state_dict(json.loads(json.dumps(first.state_dict(), allow_nan=False)))
    one, two = (probe.choose(_with_rng(pool, 7), strategy=s).indices for s in (first, second))
    assert list(one) == list(two), "a strategy resumed from its state chose other images"


def weighs_losses_fairly(probe: Probe) -> None:
    """Loss weights, if any, are finite, not negative, and each image's own, however many there are."""
    ranks = np.random.default_rng(0).random((9, len(TASKS)))
    weights = probe.named.create().loss_weights(ranks)
    if weights is not None:
        assert weights.shape == ranks.shape, f"weights of shape {weights.shape} for ranks of {ranks.shape}"
        assert np.isfinite(weights).all(), "weights are not finite"
        assert (weights >= 0).all(), "weights are negative"
        one = probe.named.create().loss_weights(ranks[:1])
        assert one is not None and one.shape == (1, len(TASKS)), "there are no weights of a single image"


CLAUSES: tuple[Callable[[Probe], None], ...] = (
    chooses_the_budget,
    measures_one_row_per_image,
    measures_without_regard_to_the_batch,
    maps_every_image_by_itself,
    answers_the_same_for_the_same_seed,
    ignores_the_order_of_the_pool,
    breaks_ties_at_random,
    copes_with_duplicates,
    can_take_the_whole_pool,
    works_with_nothing_labelled,
    works_with_any_one_task,
    never_hides_a_broken_network,
    selects_in_bounded_memory,
    remembers_what_json_can_hold,
    weighs_losses_fairly,
)


def broken(clause: Callable[[Probe], None], probe: Probe) -> str | None:
    """Why a clause does not hold, or None."""
    try:
        clause(probe)
    except Exception as error:  # whatever a user's strategy raises is the answer
        return f"{type(error).__name__}: {error}" if not isinstance(error, AssertionError) else str(error)
    return None


def made_up_outputs(tasks: Sequence[TaskSpec] = TASKS, images: int = IMAGES, seed: int = 0) -> Outputs:
    """Random outputs of a two-stage network for a number of images (16 x 12 pixels)."""
    generator = torch.Generator().manual_seed(seed)

    def draw(channels: int, height: int, width: int) -> Tensor:
        return 2 * torch.randn(images, channels, height, width, generator=generator)

    return Outputs(
        tasks=tuple(tasks),
        initial={task.name: draw(task.channels, 4, 3) for task in tasks},
        refined={task.name: draw(task.channels, 16, 12) for task in tasks},
        task_features={task.name: draw(6, 4, 3) for task in tasks},
        backbone_features=(draw(4, 4, 3), draw(8, 2, 2)),
    )


def _companion(strategy: Strategy, outputs: Outputs) -> Callable[[Outputs], Mapping[str, Tensor]] | None:
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
    parameters = list(module.parameters())
    for size in (4, 3):
        losses = torch.rand(size, len(outputs.tasks), generator=Generator().manual_seed(size))
        losses[0, 0] = torch.nan
        batch = made_up_outputs(outputs.tasks, size, seed=size)
        loss = companion.loss(batch, losses, Generator().manual_seed(1))
        if not torch.isfinite(loss):
            raise ValueError("the companion's loss is not finite: a task's is NaN for images without a label")
        for parameter, slope in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.data -= 1e-3 * slope  # torch.optim takes seconds to import
    module.eval()
    return companion


def _pool(
    tasks: tuple[TaskSpec, ...], rows: Mapping[str, NDArray[Any]], count: int, labelled: int, seed: int
) -> Pool:
    return Pool(
        tasks=tasks,
        ids=tuple(f"image-{i:05d}" for i in range(count)),
        labelled=np.arange(labelled),
        unlabelled=np.arange(labelled, count),
        rows=rows,
        round=1,
        budget_left=count - labelled,
        costs=np.ones(count),
        rng=np.random.default_rng(seed),
    )


def _permuted(pool: Pool, order: NDArray[np.int64]) -> Pool:
    where = np.argsort(order)
    return replace(
        pool,
        ids=tuple(pool.ids[i] for i in order),
        labelled=where[pool.labelled],
        unlabelled=where[pool.unlabelled],
        rows={name: values[order] for name, values in pool.rows.items()},
    )


def _with_rng(pool: Pool, seed: int) -> Pool:
    return replace(pool, rng=np.random.default_rng(seed))


def _count(outputs: Outputs) -> int:
    return len(outputs.backbone_features[0])


def _slice(outputs: Outputs, which: slice | Tensor) -> Outputs:
    return outputs.mapped(lambda tensor: tensor[which])


def _tensors(outputs: Outputs) -> list[Tensor]:
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

"""The contract that every strategy keeps, as functions to call: each clause raises when it is broken.

The project's tests run all clauses on everything registered; ``mtal check FILE`` runs them on a user's file.
The network outputs are made up, of every task kind, so no clause needs data or training.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from itertools import combinations

import numpy as np
import torch

from strategies.contract_of_labels import LABEL_CLAUSES
from strategies.interface import Draws, Strategy, TaskSpec
from strategies.measuring import measured
from strategies.probe import (
    BATCH,
    BUDGET,
    IMAGES,
    LABELLED,
    TASKS,
    MadeUpNetwork,
    Probe,
    companion_of,
    count_of,
    made_up_images,
    made_up_outputs,
    part_of,
    pool_of,
    shown,
    tensors_of,
    with_rng,
)

__all__ = ["CLAUSES", "IMAGES", "LABELLED", "TASKS", "Probe", "made_up_outputs"]

LARGE = 4000  # images of the memory clause: an N x N matrix of floats would be 64 MB


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
    """What is measured of an image does not depend on the images beside it, or measured before."""
    outputs = made_up_outputs()
    order = torch.from_numpy(np.random.default_rng(2).permutation(count_of(outputs)))
    straight, mixed = probe.measured(outputs), probe.measured(part_of(outputs, order))
    for name, rows in straight.items():
        same = np.allclose(rows[order.numpy()], mixed[name], rtol=1e-4, atol=1e-5)
        assert same, (
            f"{name!r} of an image changes with its batch, or when it is measured again: use no mean over "
            "the batch, no memory of earlier ones, and outputs.rngs for all randomness"
        )


def leaves_the_network_and_later_batches_alone(probe: Probe) -> None:
    """What is measured, edits in place included, changes neither the network nor what it says afterwards."""
    network, strategy = MadeUpNetwork(), probe.named.create()
    batches = torch.split(made_up_images(), BATCH)
    companion = companion_of(strategy, made_up_outputs())
    with torch.no_grad():
        before = [tensors_of(network(batch).mapped(torch.clone)) for batch in batches]
        weights = [weight.clone() for weight in network.state_dict().values()]
        for batch, expected in zip(batches, before, strict=True):
            outputs = network(batch)
            untouched = all(map(torch.equal, expected, tensors_of(outputs)))
            assert untouched, "outputs of a batch changed after earlier ones were measured"
            measured(strategy, shown(outputs, strategy, companion))
    same = all(map(torch.equal, weights, network.state_dict().values()))
    assert same, "measuring changed the network's weights"


def maps_every_image_by_itself(probe: Probe) -> None:
    """Maps, if any, are finite, one per image and task, the same in any batch, and change no output."""
    outputs = made_up_outputs()
    before = tensors_of(outputs.mapped(torch.clone))
    maps, one_by_one = probe.mapped(outputs), probe.mapped(outputs, size=1)
    untouched = all(map(torch.equal, before, tensors_of(outputs)))
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
    assert list(first) == list(second), (
        "the same seed chose other images: use pool.rng in select, and outputs.rngs in measure, for all "
        "randomness"
    )


def ignores_the_order_of_the_pool(probe: Probe) -> None:
    """A pool in another order gives the same images."""
    pool = probe.pool()
    order = np.random.default_rng(1).permutation(IMAGES)
    shuffled = pool.at(order)
    one = [pool.ids[i] for i in probe.choose(pool).indices]
    two = [shuffled.ids[i] for i in probe.choose(with_rng(shuffled, 0)).indices]
    assert one == two, "another order of the pool chose other images"


def breaks_ties_at_random(probe: Probe) -> None:
    """Among images that are all alike the choice is random, and depends on the seed."""
    alike = part_of(made_up_outputs(), torch.zeros(IMAGES, dtype=torch.long))
    # For so few that no strategy of labels by themselves, which may want one task's, takes them all.
    budget = 1 if probe.named.create().partial else BUDGET
    chosen = {tuple(sorted(probe.choose(probe.pool(alike, seed=seed), budget).indices)) for seed in range(4)}
    assert len(chosen) > 1, "equal images were chosen by their place in the pool: break ties with pool.rng"


def copes_with_duplicates(probe: Probe) -> None:
    """Duplicates of labelled and of other images neither crash nor are chosen twice."""
    probe.choose(probe.pool(part_of(made_up_outputs(), torch.arange(IMAGES) % 6)))


def can_take_the_whole_pool(probe: Probe) -> None:
    """A budget of all unlabelled images takes them all; one image left is taken."""
    pool = probe.pool()
    assert len(probe.choose(pool, len(pool.unlabelled)).indices) == IMAGES - LABELLED
    probe.choose(probe.pool(labelled=IMAGES - 1), 1)


def works_with_nothing_labelled(probe: Probe) -> None:
    """A first selection, before any image is labelled."""
    probe.choose(probe.pool(labelled=0))


def works_with_any_one_task(probe: Probe) -> None:
    """Every task kind alone; a score for some kinds only may refuse the others, saying so.

    One that compares tasks may refuse each alone, and then works with some two of them.
    """
    refused = [error for task in TASKS if (error := _refusal(probe, (task,)))]
    if len(refused) == len(TASKS) and all(_refusal(probe, pair) for pair in combinations(TASKS, 2)):
        raise refused[0]


def _refusal(probe: Probe, tasks: tuple[TaskSpec, ...]) -> ValueError | None:
    try:
        probe.choose(probe.pool(made_up_outputs(tasks)))
    except ValueError as error:
        assert str(error), "a task kind was refused without a word"
        return error
    return None


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
    pool = pool_of(probe.named.create(), small.tasks, rows, LARGE, LABELLED, 0)
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
    one, two = (probe.choose(with_rng(pool, 7), strategy=s).indices for s in (first, second))
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
    _weighs_draws_fairly(probe)


def _weighs_draws_fairly(probe: Probe) -> None:
    """Of what it drew, whether nothing or all else is still unlabelled."""
    pool = probe.pool()
    probabilities = probe.choose(pool, BUDGET).probabilities
    if probabilities is None:
        return
    left = len(pool.unlabelled) - np.arange(BUDGET)
    for unlabelled in (0, int(left[-1]) - 1):
        weights = probe.named.create().draw_weights(Draws(probabilities, left, unlabelled))
        if weights is not None:
            assert weights.shape == (BUDGET,), f"draws of {BUDGET} images have weights of {weights.shape}"
            assert np.isfinite(weights).all(), "weights of draws are not finite"
            assert (weights >= 0).all(), "weights of draws are negative"


def knows_more_as_a_reference_only(probe: Probe) -> None:
    """What a strategy says that it knows is told to references alone."""
    strategy = probe.named.create()
    assert strategy.reference or not strategy.knows, (
        f"it knows {' and '.join(strategy.knows)}, which only references are told: set reference = True"
    )


def asks_for_labels_in_training_alone(probe: Probe) -> None:
    """A companion that learns from labels is refused them when the pool is measured and images are chosen."""
    companion = companion_of(probe.named.create(), made_up_outputs())
    if getattr(companion, "wants_labels", False):
        probe.choose(probe.pool())


CLAUSES: tuple[Callable[[Probe], None], ...] = (
    measures_one_row_per_image,
    chooses_the_budget,
    measures_without_regard_to_the_batch,
    leaves_the_network_and_later_batches_alone,
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
    knows_more_as_a_reference_only,
    asks_for_labels_in_training_alone,
    *LABEL_CLAUSES,
)

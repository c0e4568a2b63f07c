"""What a run has left to do, and what that would cost, by a short timing on this machine."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

from benchmark.bench import Bench
from benchmark.environment import device_name
from benchmark.fitting import peak_memory_mb
from benchmark.networks import Network
from benchmark.plan import Work
from benchmark.profiling import seconds_of, training_step
from benchmark.training.evaluate import evaluate

SECONDS = 1.0  # for each of the two timings, after a first try
STEPS = 10  # more would say nothing new


@dataclass(frozen=True)
class Pace:
    """Seconds of a training step and of an image's evaluation, and the largest memory so far."""

    step: float
    image: float
    peak_memory_mb: float


def expected(bench: Bench, left: Work, timing: bool) -> list[str]:
    """What is left to do, in a line; in another what it costs, if ``timing`` is wanted.

    A timing that fails stops nothing: it is said, and the job that fails for the same reason says it better.
    """
    if left == Work():
        return ["All of it is stored: nothing is left to train"]
    if not timing:
        return [_amount(bench, left)]
    try:
        return [_amount(bench, left), _cost(bench, left, measure(bench))]
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        return [_amount(bench, left), f"What it costs is not known, its timing failed: {reason}"]


def measure(bench: Bench) -> Pace:
    """Time steps of the real training, and the evaluation of a few images; nothing is kept of either."""
    recipe = bench.experiment.recipe
    rough, network = training_step(bench, recipe, 1, warm_up=1)
    step = _settled(rough, STEPS, lambda count: training_step(bench, recipe, count)[0])
    most = min(recipe.evaluation_batch_size, len(bench.val))
    image = _settled(_evaluation(bench, network, 1), most, lambda count: _evaluation(bench, network, count))
    return Pace(step, image, peak_memory_mb(bench.device))


def _settled(rough: float, most: int, seconds_of_one: Callable[[int], float]) -> float:
    """Seconds of one, from as many as fit into the time; where one alone fills it, one is enough."""
    count = min(most, int(SECONDS / rough))
    return seconds_of_one(count) if count > 1 else rough


def _evaluation(bench: Bench, network: Network, images: int) -> float:
    """Seconds an image; about those of the pool pass too, which measures where this one takes losses."""
    recipe, first = bench.experiment.recipe, copy.copy(bench.val)
    first.ids = first.ids[:images]
    size, precision = recipe.evaluation_batch_size, recipe.precision
    return seconds_of(lambda: evaluate(network, first, size, precision), bench.device) / images


def _amount(bench: Bench, left: Work) -> str:
    iterations = bench.experiment.recipe.iterations
    val, pool = len(bench.dataset.val.ids), len(bench.dataset.train.ids)
    return (
        f"{left.trainings} trainings of {iterations} iterations to do, each evaluated on {val} images, and "
        f"{left.passes} passes over the pool of {pool}"
    )


def _cost(bench: Bench, left: Work, pace: Pace) -> str:
    return (
        f"About {_hours(seconds(bench, left, pace), bench)}: {pace.step:.3g} s an iteration, "
        f"{pace.image:.3g} s an image in evaluation and pool; peak memory {pace.peak_memory_mb / 1024:.1f} GB"
    )


def seconds(bench: Bench, left: Work, pace: Pace) -> float:
    """What the work takes at this pace; selecting and reporting, which are short, come on top."""
    steps = left.trainings * bench.experiment.recipe.iterations
    images = left.trainings * len(bench.dataset.val.ids) + left.passes * len(bench.dataset.train.ids)
    return steps * pace.step + images * pace.image


def _hours(seconds: float, bench: Bench) -> str:
    hours, unit = seconds / 3600, "GPU hours" if bench.device.type == "cuda" else "hours"
    minutes = f" ({max(1, round(seconds / 60))} min)" if hours < 1 else ""
    return f"{hours:,.{2 if hours < 10 else 0}f} {unit} of {device_name(bench.device)}{minutes}"

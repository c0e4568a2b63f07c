"""What a run has left to do, and what that would cost, by a short timing on this machine."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmark.measure.profile import seconds_of, training_step
from benchmark.networks import Network
from benchmark.protocol.bench import Bench
from benchmark.protocol.train_and_evaluate import peak_memory_mb
from benchmark.protocol.work_left import Work, images_of
from benchmark.records.environment import device_name
from benchmark.training.evaluate import evaluate
from benchmark.words import amount_of_time, counted

SECONDS = 1.0  # for each of the two timings, after a first try
STEPS = 10  # more would say nothing new


@dataclass(frozen=True)
class Pace:
    """Seconds of a training step and of an image's evaluation, and the largest memory so far.

    ``cores`` is how many of the processor's cores were at work for it: of a machine that others use too, less
    than it has threads, and the seconds are more than they would be alone.
    """

    step: float
    image: float
    peak_memory_mb: float
    cores: float = 1.0


def expected(bench: Bench, whole: Work, left: Work, timing: bool) -> list[str]:
    """What is stored of the whole and left to do, in a line; in another what it costs, if ``timing``.

    A timing that fails stops nothing: it is said, and the job that fails for the same reason says it better.
    """
    if left == Work():
        return [f"All of it is stored, {counted(whole.trainings, 'training')}: nothing is left to train"]
    if not timing or not (left.trainings or left.passes):
        return [_amount(bench, whole, left)]
    try:
        return [_amount(bench, whole, left), _cost(bench, left, measure(bench))]
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        return [_amount(bench, whole, left), f"What it costs is not known, its timing failed: {reason}"]


def measure(bench: Bench) -> Pace:
    """Time steps of the real training, and the evaluation of a few images; nothing is kept of either."""
    recipe = bench.experiment.recipe
    started = time.perf_counter(), time.process_time()
    rough, network = training_step(bench, recipe, 1, warm_up=1)
    step = _settled(rough, STEPS, lambda count: training_step(bench, recipe, count)[0])
    most = min(recipe.evaluation_batch_size, len(bench.val))
    image = _settled(_evaluation(bench, network, 1), most, lambda count: _evaluation(bench, network, count))
    elapsed, worked = time.perf_counter() - started[0], time.process_time() - started[1]
    return Pace(step, image, peak_memory_mb(bench.device), worked / elapsed)


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


def _amount(bench: Bench, whole: Work, left: Work) -> str:
    val, done = len(bench.dataset.val.ids), whole.trainings - left.trainings
    if not left.trainings and not left.passes:
        constants = counted(left.constants, "constant prediction")
        return f"Nothing to train; {constants} to evaluate on {counted(val, 'image')}"
    passes = f"{counted(left.passes, 'pass', 'passes')} over the pool of {len(bench.dataset.train.ids)}"
    stored = f"{counted(done, 'training')} of {whole.trainings} stored; " if done > 0 else ""
    judged = f"; {counted(left.judged, 'training')} by which an oracle judges" if left.judged else ""
    return (
        f"{stored}{counted(left.trainings, 'training')} of {_length(bench, left)} to do, each evaluated "
        f"on {counted(val, 'image')}, and {passes}{judged}"
    )


def _length(bench: Bench, left: Work) -> str:
    """Of one training, or of all where they differ."""
    recipe = bench.experiment.recipe
    if recipe.iterations and recipe.unlabelled == "none":
        return counted(recipe.iterations, "iteration")
    return f"{counted(left.iterations, 'iteration')} in all"


def _cost(bench: Bench, left: Work, pace: Pace) -> str:
    return (
        f"About {_time(bench, seconds(bench, left, pace), pace)}: {pace.step:.3g} s an iteration, "
        f"{pace.image:.3g} s an image in evaluation and pool; peak memory {pace.peak_memory_mb / 1024:.1f} GB"
    )


def seconds(bench: Bench, left: Work, pace: Pace) -> float:
    """What the work takes at this pace; selecting and reporting, which are short, come on top."""
    return left.iterations * pace.step + images_of(bench, left) * pace.image


def _time(bench: Bench, seconds: float, pace: Pace) -> str:
    """On a CPU its own time first: what the clock on the wall will show follows the load of the moment."""
    if bench.device.type == "cuda":
        return f"{amount_of_time(seconds)} of {device_name(bench.device)}"
    return (
        f"{amount_of_time(seconds * pace.cores)} of processor time, "
        f"{amount_of_time(seconds)} at the machine's present load"
    )

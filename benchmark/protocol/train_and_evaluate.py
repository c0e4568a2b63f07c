"""One training and its evaluation: what every round, the shared round 0 and the full-data reference are."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import torch

from benchmark.protocol.bench import Bench
from benchmark.random_streams import Streams
from benchmark.records.judged_sets import remove_judged
from benchmark.records.loss_file import ImageLosses, digest_of_ids
from benchmark.records.round_store import Round, nulls, processor
from benchmark.training.checkpoint import Checkpoint, KeptCheckpoint, remove_checkpoints
from benchmark.training.evaluate import Evaluation, Metrics, evaluate_images
from benchmark.training.train import UNKEPT, Trained, train, weights_digest
from benchmark.training.weights import balanced
from strategies.interface import Labels, Positions, Scores, Strategy


@dataclass(frozen=True)
class Fitted:
    """A trained network, its validation metrics, what both cost, and losses of single images if kept."""

    trained: Trained
    metrics: Metrics
    weights_digest: str
    seconds: Mapping[str, float]
    image_losses: ImageLosses | None = None


class Evaluated(NamedTuple):
    """The same of predictions that no network makes."""

    metrics: Metrics
    seconds: Mapping[str, float]
    weights_digest: str = ""


def fit(
    bench: Bench,
    positions: Positions,
    streams: Streams,
    weights: Scores | None = None,
    companions: Mapping[str, Strategy] | None = None,
    checkpoint: Checkpoint = UNKEPT,
    labels: Labels | None = None,
    worth: int | None = None,
) -> Fitted:
    """Train on these images of the pool, from scratch or a checkpoint, and evaluate on the validation split.

    Of the pool's labels those in ``labels`` (N x T) alone are there, or all. The training is as long as one
    on as many whole images as they are ``worth``: strategies at one price train equally long.

    Loss weights (L x T), if any, are scaled to mean 1 per task over the images that have a label for it.
    Seconds of the training count from its beginning, but not what was lost after a checkpoint.
    """
    experiment, seconds = bench.experiment, dict[str, float]()
    pool = bench.pool.with_labels(labels)
    recipe = experiment.recipe.for_labelled(len(positions) if worth is None else worth)
    size, precision = experiment.recipe.evaluation_batch_size, experiment.recipe.precision
    with timed(seconds, "train", bench.device):
        trained = train(
            pool,
            positions,
            # Mean 1 per task, or a strategy would change the learning rate of a task by its weights.
            None if weights is None else balanced(weights, pool.labelled(positions)),
            experiment.network,
            recipe,
            streams,
            companions or {},
            bench.progress.advance,
            checkpoint,
        )
    # What an earlier process spent counts too, or a training that was stopped would look cheap.
    seconds["train"] = round(seconds["train"] + checkpoint.seconds_before, 4)
    seconds[processor("train")] = round(seconds[processor("train")] + checkpoint.processor_before, 4)
    if trained.network.loaded:
        bench.progress.say_once(trained.network.loaded)
    with timed(seconds, "evaluate", bench.device):
        found = evaluate_images(trained.network, bench.judged, size, precision, bench.progress.say)
    digest, kept = weights_digest(trained.network), _kept(bench, found)
    return Fitted(trained, found.metrics, digest, seconds, kept)


def _kept(bench: Bench, found: Evaluation) -> ImageLosses | None:
    """Losses of single images, as they are stored beside a round; None where the experiment wants none."""
    if not bench.experiment.image_losses:
        return None
    feed = bench.judged
    names, weights = tuple(t.name for t in feed.tasks), tuple(t.weight for t in feed.tasks)
    return ImageLosses(found.image_losses, names, weights, digest_of_ids(feed.ids))


def record(
    bench: Bench,
    strategy: str,
    seed: int,
    number: int,
    key: str,
    labelled: Sequence[str],
    what: Fitted | Evaluated,
) -> Round:
    """What is stored of a round in which nothing was selected; memory is the largest so far."""
    return Round(
        dataset=bench.dataset.name,
        strategy=strategy,
        seed=seed,
        round=number,
        key=key,
        labelled=tuple(labelled),
        metrics=nulls(what.metrics),
        weights_digest=what.weights_digest,
        seconds=what.seconds,
        peak_memory_mb=peak_memory_mb(bench.device),
    )


def tell(bench: Bench, strategy: str, seed: int, labelled: int, fitted: Fitted) -> None:
    """Say how a training went."""
    loss = fitted.metrics["total"]["loss"]
    bench.progress.finished(f"{strategy}, seed {seed}: {labelled} labelled, total loss {loss:.4f}")


def checkpoint_of(bench: Bench, strategy: str, seed: int, key: str) -> Checkpoint:
    """The checkpoint of the training of a round with this key, in its trajectory's folder."""
    minutes = bench.experiment.checkpoint_minutes
    folder = bench.store.trajectory(bench.dataset.name, strategy, seed)
    return KeptCheckpoint(folder, key, minutes, bench.progress) if minutes else Checkpoint()


def commit(bench: Bench, done: Round, losses: ImageLosses | None = None) -> Round:
    """Store a round, after which nothing is left of its training's checkpoints, nor of what was judged."""
    # Only then: until the round is stored, its checkpoint is all there is.
    done = bench.store.write(done, losses)
    folder = bench.store.trajectory(done.dataset, done.strategy, done.seed)
    remove_checkpoints(folder)
    remove_judged(folder)
    return done


def stored_round(bench: Bench, strategy: str, seed: int, number: int, key: str) -> Round | None:
    """The stored round if there is one of this key; one of another key is computed again."""
    done = bench.store.read(bench.dataset.name, strategy, seed, number)
    # The key says what a round was trained on, not what it selected: those ids are looked for too.
    if done is None or (done.key == key and bench.position_of.keys() >= set(done.selected)):
        return done
    why = "under other settings or code" if done.key != key else "with images that the pool does not have"
    bench.progress.say(f"{strategy}, seed {seed}, round {number}: stored {why}; computed again")
    return None


def computed_again(bench: Bench, strategy: str, seed: int, number: int) -> None:
    """Lay a round aside that is stored under another key, and those that follow from it.

    A trajectory that is stopped half way would otherwise be made of the rounds of two.
    """
    if bench.store.read(bench.dataset.name, strategy, seed, number):
        bench.store.lay_aside(bench.dataset.name, strategy, seed, number)


@contextmanager
def timed(seconds: dict[str, float], what: str, device: torch.device) -> Iterator[None]:
    """Add the seconds that the block takes, the device's work included, and those of this process's threads.

    On a machine that does other work too, the first are as much its as the block's; the second are not.
    """
    # A GPU computes behind the program's back, so the clock is read when it has ended.
    started, worked = time.perf_counter(), time.process_time()
    yield
    wait_for(device)
    seconds[what] = round(time.perf_counter() - started, 4)
    seconds[processor(what)] = round(time.process_time() - worked, 4)


def wait_for(device: torch.device) -> None:
    """Until a GPU has done what it was asked to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def forget_peak(device: torch.device) -> None:
    """Begin to look for a GPU's largest memory anew; a process cannot."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_memory_mb(device: torch.device) -> float:
    """Largest memory so far: of the device if it is a GPU, of this process otherwise."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    # Linux counts it in KiB; other systems would in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

"""The noise floor: how far a loss spreads when one labelled set is trained with several training seeds.

Measured before a study, with random selection only, it says which differences the study could show at all.
"""

from __future__ import annotations

import numpy as np

from benchmark.bench import Bench
from benchmark.fitting import Fitted, checkpoint_of, commit, fit, key_of, peak_memory_mb, stored_round
from benchmark.store import NOISE_FLOOR, Round, nulls
from strategies.interface import Positions


def measure_noise(bench: Bench, trainings: int) -> None:
    """Train the random labelled set of seed 0, at every budget, with so many other training seeds.

    Weights, batches and augmentation differ, images do not. What is stored already is not trained again.
    """
    bench.progress.begin(_left(bench, trainings) * bench.experiment.recipe.iterations)
    try:
        for number in range(len(bench.counts)):
            for repeat in range(trainings):
                _train(bench, number, repeat)
    finally:
        bench.progress.end()


def _train(bench: Bench, number: int, repeat: int) -> None:
    with bench.store.locked(bench.dataset.name, NOISE_FLOOR, repeat):
        if _stored(bench, number, repeat) is None:
            positions = bench.random_set(0, bench.counts[number])
            checkpoint = checkpoint_of(bench, NOISE_FLOOR, repeat, _key(bench, number, repeat))
            fitted = fit(bench, positions, bench.streams(repeat, number), checkpoint=checkpoint)
            commit(bench, _record(bench, number, repeat, positions, fitted))
            loss = fitted.metrics["total"]["loss"]
            bench.progress.finished(f"{len(positions)} labelled, training {repeat}: total loss {loss:.4f}")


def _left(bench: Bench, trainings: int) -> int:
    return sum(_stored(bench, n, r) is None for n in range(len(bench.counts)) for r in range(trainings))


def _stored(bench: Bench, number: int, repeat: int) -> Round | None:
    return stored_round(bench, NOISE_FLOOR, repeat, number, _key(bench, number, repeat))


def _record(bench: Bench, number: int, repeat: int, positions: Positions, fitted: Fitted) -> Round:
    return Round(
        dataset=bench.dataset.name,
        strategy=NOISE_FLOOR,
        seed=repeat,
        round=number,
        key=_key(bench, number, repeat),
        labelled=_ids(bench, positions),
        metrics=nulls(fitted.metrics),
        weights_digest=fitted.weights_digest,
        seconds=fitted.seconds,
        peak_memory_mb=peak_memory_mb(bench.device),
    )


def _key(bench: Bench, number: int, repeat: int) -> str:
    labelled = list(_ids(bench, bench.random_set(0, bench.counts[number])))
    return key_of(bench, NOISE_FLOOR, repeat, number, labelled, None)


def _ids(bench: Bench, positions: Positions) -> tuple[str, ...]:
    return tuple(bench.dataset.train.ids[position] for position in np.asarray(positions).tolist())

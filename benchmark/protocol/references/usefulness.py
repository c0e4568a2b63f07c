"""What images are worth that a score puts high or low: how much the loss falls when they are labelled too.

A score may find what the network does badly, and that may still teach nothing: noise, or what no validation
image shows. So after round 0 of a seed the unlabelled images are put in the order of a score and cut into
fifths. Batches are drawn from every fifth, and from all unlabelled images; each is trained on together with
the first labelled set, with the weights and batches' streams of round 1, and evaluated.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmark.errors import UserError
from benchmark.protocol.bench import Bench
from benchmark.protocol.round_key import key_of
from benchmark.protocol.train_and_evaluate import fit, record
from benchmark.records.round_store import USEFULNESS, Round, Store
from strategies.interface import Positions, Scores
from strategies.registry import resolve
from strategies.score_normalisation import ranks

FIFTHS = 5
#: By whom a batch is drawn from all unlabelled images.
RANDOM = "random"
#: The reference whose scores are the network's true losses.
TRUE_LOSS = "true-loss"


@dataclass(frozen=True)
class Batch:
    """One batch of one seed: the ``repeat``-th from a fifth (1 the lowest) by a strategy's score.

    ``fifth`` is 0 for one from all unlabelled images. ``with_loss`` is the rank correlation, over unlabelled
    images, of that score with the network's true loss; NaN where that is not known.
    """

    seed: int
    by: str
    fifth: int
    repeat: int
    positions: Positions
    with_loss: float = math.nan

    @property
    def notes(self) -> dict[str, float]:
        """What is kept of it with its training."""
        told = {} if math.isnan(self.with_loss) else {"with loss": self.with_loss}
        return {"fifth": self.fifth, "repeat": self.repeat, **told}

    @property
    def number(self) -> int:
        """Its place among those of the same seed and score: more repeats leave those of fewer as they are."""
        return self.repeat * FIFTHS + max(self.fifth - 1, 0)


def measure_usefulness(bench: Bench, repeats: int) -> None:
    """Train on so many batches of every fifth, for all seeds and strategies whose round 0 has scores.

    As many batches as of one score are drawn from all. What is stored is not trained again. Raises UserError
    for a first round that no strategy gave scores in, and where a fifth has fewer images than a batch.
    """
    store = Store(bench.store.root / USEFULNESS)
    # Made here and not on the way: a batch that is too large for a fifth is refused before any training.
    batches = [batch for seed in bench.experiment.seeds for batch in _batches(bench, seed, repeats)]
    stored = [_stored(bench, store, batch) for batch in batches]
    left = [batch for batch, done in zip(batches, stored, strict=True) if done is None]
    for batch, done in zip(batches, stored, strict=True):
        if done is not None:
            _note(store, done, batch)
    bench.progress.begin(len(left) * bench.steps_for(bench.experiment.recipe, bench.counts[1]))
    try:
        for batch in left:
            _train(bench, store, batch)
    finally:
        bench.progress.end()


def _stored(bench: Bench, store: Store, batch: Batch) -> Round | None:
    """Its training, if there is one."""
    done = store.read(bench.dataset.name, batch.by, batch.seed, batch.number)
    return done if done is not None and done.key == _key(bench, batch) else None


def _note(store: Store, done: Round, batch: Batch) -> None:
    """What is known of a stored batch since, such as what its score has to do with the true loss."""
    if batch.notes.items() - done.notes.items():
        with store.locked(done.dataset, done.strategy, done.seed):
            store.write(replace(done, notes={**done.notes, **batch.notes}))


def _batches(bench: Bench, seed: int, repeats: int) -> Iterator[Batch]:
    free = np.setdiff1d(np.arange(len(bench.dataset.train.ids)), bench.first_set(seed))
    scored = dict(_scores(bench, seed))
    if not scored:
        raise UserError(
            "None of the strategies gives scores, by which images could be put in order: name one that does, "
            "such as entropy."
        )
    for number in range(repeats * FIFTHS):
        yield Batch(seed, RANDOM, 0, number, _drawn(bench, seed, RANDOM, number, free))
    for name, scores in scored.items():
        fifths = in_fifths(scores, free, _stream(bench, seed, name, 0))
        alike = rank_correlation(scores[free], scored[TRUE_LOSS][free]) if TRUE_LOSS in scored else math.nan
        for repeat in range(repeats):
            for fifth, images in enumerate(fifths, 1):
                number = repeat * FIFTHS + fifth
                drawn = _drawn(bench, seed, name, number, images)
                yield Batch(seed, name, fifth, repeat, drawn, alike)


def _scores(bench: Bench, seed: int) -> Iterator[tuple[str, Scores]]:
    """By strategy the scores of round 0 (N x T)."""
    for named in map(resolve, bench.experiment.strategies):
        done = bench.store.read(bench.dataset.name, named.name, seed, 0)
        if done is not None and done.scores is not None:
            yield named.name, np.array(done.scores)


def in_fifths(scores: Scores, free: Positions, rng: np.random.Generator) -> list[Positions]:
    """The free positions in five parts of rising mean rank over tasks among them; ties fall by the stream."""
    value = ranks(scores[free]).mean(1)
    order = np.lexsort((rng.random(len(free)), value))
    return [free[part] for part in np.array_split(order, FIFTHS)]


def rank_correlation(first: Scores, second: Scores) -> float:
    """Spearman's, of the mean ranks over tasks of two scores (N x T each); NaN where one is constant."""
    from scipy.stats import spearmanr  # takes half a second to import

    means = [ranks(each).mean(1) for each in (first, second)]
    return float(spearmanr(*means).statistic) if all(map(np.ptp, means)) else math.nan


def _drawn(bench: Bench, seed: int, by: str, number: int, images: Positions) -> Positions:
    size = bench.counts[1] - bench.counts[0]
    if len(images) < size:
        raise UserError(
            f"budgets: a batch has {size} images, and a fifth of the unlabelled ones {len(images)}: lower "
            "the second budget."
        )
    return np.asarray(_stream(bench, seed, by, number + 1).permutation(images)[:size], np.int64)


def _stream(bench: Bench, seed: int, by: str, number: int) -> np.random.Generator:
    """One stream for the ties of a score, and one for each of its batches."""
    apart = bench.streams(seed, 0).apart(f"{USEFULNESS} of {by}")
    return apart.numpy("strategy").spawn(number + 1)[-1]


def _labelled(bench: Bench, batch: Batch) -> Positions:
    return np.concatenate([bench.first_set(batch.seed), batch.positions])


def _key(bench: Bench, batch: Batch) -> str:
    ids = bench.ids_at(_labelled(bench, batch))
    return key_of(bench, f"{USEFULNESS} of {batch.by}", batch.seed, 1, ids, None)


def _train(bench: Bench, store: Store, batch: Batch) -> None:
    with store.locked(bench.dataset.name, batch.by, batch.seed):
        positions = _labelled(bench, batch)
        fitted = fit(bench, positions, bench.streams(batch.seed, 1))
        ids, key = bench.ids_at(positions), _key(bench, batch)
        done = record(bench, batch.by, batch.seed, batch.number, key, ids, fitted)
        store.write(replace(done, notes=batch.notes))
    loss = fitted.metrics["total"]["loss"]
    where = f"fifth {batch.fifth} by {batch.by}" if batch.fifth else "at random"
    bench.progress.finished(f"{where}, seed {batch.seed}: total loss {loss:.4f}")

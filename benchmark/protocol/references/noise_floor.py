"""What two strategies differ by when they choose alike: measured before a study, with random selection only.

Two parts. One labelled set is trained with several training seeds, at every budget: what spreads is the
training alone. And after the first set of one seed, which all strategies share, several other random sets are
labelled and trained like strategies of that seed: what spreads is what a choice without any merit does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmark.errors import UserError
from benchmark.experiment.config import Experiment
from benchmark.protocol.bench import Bench
from benchmark.protocol.first_labelled_set import in_order
from benchmark.protocol.round_key import key_of
from benchmark.protocol.train_and_evaluate import (
    Fitted,
    checkpoint_of,
    commit,
    fit,
    record,
    stored_round,
)
from benchmark.records.round_store import NOISE_FLOOR, NOISE_SELECTION, Round
from strategies.interface import Positions

#: The seed whose first set and sets of images are trained.
SEED = 0


@dataclass(frozen=True)
class Training:
    """One training: a repeat of the same labelled set, or a draw of another one, at one budget."""

    bench: Bench
    part: str
    repeat: int
    number: int

    @property
    def training_seed(self) -> int:
        """Draws of images are trained like strategies of one seed, repeats like other seeds."""
        return self.repeat if self.part == NOISE_FLOOR else SEED

    @property
    def positions(self) -> Positions:
        """The labelled images; those of a repeat or of a draw lie in each other."""
        bench, count = self.bench, self.bench.counts[self.number]
        if self.part == NOISE_FLOOR:
            return bench.random_set(SEED, count)
        first, pool = bench.first_set(SEED), len(bench.dataset.train.ids)
        by_id = in_order(bench.dataset.train.ids)
        # Draws differ after the first set only, which all strategies of a seed share.
        others = by_id[~np.isin(by_id, first)]
        # Spawned as further draws of random spawn theirs.
        order = bench.streams(SEED, 0).numpy("strategy").spawn(self.repeat)[-1].permutation(pool - len(first))
        return np.concatenate([first, others[order]])[:count].astype(np.int64)

    @property
    def ids(self) -> list[str]:
        """The labelled images by id."""
        return self.bench.ids_at(self.positions)

    @property
    def key(self) -> str:
        """Digest of all that could change the numbers."""
        return key_of(self.bench, self.part, self.repeat, self.number, self.ids, None)

    def stored(self) -> Round | None:
        """As an earlier run left it."""
        return stored_round(self.bench, self.part, self.repeat, self.number, self.key)

    def fit(self) -> Fitted:
        """Train and evaluate it, from a checkpoint if there is one."""
        checkpoint = checkpoint_of(self.bench, self.part, self.repeat, self.key)
        streams = self.bench.streams(self.training_seed, self.number)
        return fit(self.bench, self.positions, streams, checkpoint=checkpoint)


def check_noise(experiment: Experiment) -> None:
    """Raise UserError for an experiment whose labelled sets are not whole images at one price.

    The sets that are trained here are, and so would have other labels than the study's.
    """
    if experiment.cost_columns or experiment.first_labels == "pairs":
        given = "cost_columns" if experiment.cost_columns else "first_labels: pairs"
        raise UserError(
            f"{given}: the noise is measured on whole images at one price; leave it out, and give another "
            "--out than the study's."
        )


def measure_noise(bench: Bench, trainings: int) -> None:
    """Train one labelled set, at every budget, with so many training seeds, and as many sets with one seed.

    Both are of random selection; the first training counts in both parts. What is stored is not trained
    again. Raises UserError for what ``check_noise`` refuses.
    """
    check_noise(bench.experiment)
    planned = list(_planned(bench, trainings))
    left = [bench.counts[training.number] for training in planned if training.stored() is None]
    bench.progress.begin(sum(bench.steps_for(bench.experiment.recipe, count) for count in left))
    try:
        for training in planned:
            _train(training)
    finally:
        bench.progress.end()


def _planned(bench: Bench, trainings: int) -> Iterator[Training]:
    """Draw 0 is repeat 0, and every draw has the first budget of it."""
    for number in range(len(bench.counts)):
        for repeat in range(trainings):
            yield Training(bench, NOISE_FLOOR, repeat, number)
    # Part one is whole before part two begins: what is stopped half way still says something.
    for draw in range(1, trainings):
        for number in range(1, len(bench.counts)):
            yield Training(bench, NOISE_SELECTION, draw, number)


def _train(training: Training) -> None:
    bench, part, repeat = training.bench, training.part, training.repeat
    with bench.store.locked(bench.dataset.name, part, repeat):
        # Looked at again under the lock: another process may have trained it meanwhile.
        if training.stored() is None:
            fitted = training.fit()
            commit(bench, _record(training, fitted), fitted.image_losses)
            loss, what = fitted.metrics["total"]["loss"], "training" if part == NOISE_FLOOR else "choice"
            bench.progress.finished(f"{len(training.ids)} labelled, {what} {repeat}: total loss {loss:.4f}")


def _record(training: Training, fitted: Fitted) -> Round:
    bench, part = training.bench, training.part
    return record(bench, part, training.repeat, training.number, training.key, training.ids, fitted)

"""What an oracle is told: the loss after training on some more images, with their labels, on images apart.

The images apart are in no strategy's pool and are not evaluated on. Only what lies behind a frozen trunk is
trained. All trainings of a round begin with the same weights and batches' streams, which are the oracle's
own: what it chooses fits no training that it is evaluated by.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from benchmark.data.feed import Feed
from benchmark.errors import UserError
from benchmark.protocol.bench import Bench
from benchmark.random_streams import Streams
from benchmark.records.judged_sets import JudgedSets, question_of
from benchmark.training.evaluate import total_loss
from benchmark.training.train import train
from strategies.interface import Judged, Labels, Positions


@dataclass(frozen=True)
class TrainedJudge:
    """The judge of a round of a strategy, which has these images labelled (see ``strategies.interface``)."""

    bench: Bench
    strategy: str
    seed: int
    number: int
    labelled: Positions
    #: The key of the round, by which what an earlier process found is known.
    key: str
    #: The labels of the pool that were bought (N x T), where not all of the labelled images are there.
    bought: Labels | None = None

    def __call__(self, chosen: Positions, length: float) -> Judged:
        """Train on these images too and measure; what was found before is read back.

        Raises ValueError for a length that is none, UserError where the images apart have no labels, and
        whatever training raises.
        """
        if not 0 < length <= 1:
            raise ValueError(f"a judge trains a share of the recipe, over 0 and up to 1, not {length:g}")
        question = question_of(self.bench.ids_at(chosen), length)
        if found := self._kept.find(question):
            self.bench.progress.skip(self._iterations(len(chosen), length))
            return Judged(*found)
        judged = self._judged(chosen, length)
        self._kept.keep(question, (judged.loss, judged.processor_seconds))
        return judged

    def _judged(self, chosen: Positions, length: float) -> Judged:
        bench, recipe, started = self.bench, self.bench.experiment.recipe, time.process_time()
        # In one order, whatever the order of choice: the same images have the same answer.
        new = np.setdiff1d(chosen, self.labelled)  # of others some labels were bought before
        positions = np.concatenate([self.labelled, new])
        short = recipe.shortened(len(positions), length)
        network = bench.experiment.network
        trained = train(
            self._with_labels_of(chosen),
            positions,
            None,
            network,
            short,
            self._streams,
            {},
            bench.progress.advance,
        )
        size, precision = recipe.evaluation_batch_size, recipe.precision
        loss = total_loss(trained.network, bench.apart, size, precision, bench.progress.say)
        if math.isnan(loss):
            raise UserError(f"oracle_split: none of the {len(bench.apart)} images set apart has a label.")
        return Judged(loss, round(time.process_time() - started, 4))

    def _with_labels_of(self, chosen: Positions) -> Feed:
        if self.bought is None:
            return self.bench.pool
        labels = self.bought.copy()
        labels[chosen] = True
        return self.bench.pool.with_labels(labels)

    def _iterations(self, chosen: int, length: float) -> int:
        labelled = len(self.labelled) + chosen
        short = self.bench.experiment.recipe.shortened(labelled, length)
        return self.bench.steps_for(short, labelled)

    @cached_property
    def _streams(self) -> Streams:
        return self.bench.streams(self.seed, self.number).apart("oracle")

    @cached_property
    def _kept(self) -> JudgedSets:
        folder = self.bench.store.trajectory(self.bench.dataset.name, self.strategy, self.seed)
        return JudgedSets(folder, self.key)
